//! `/v1/effects`: what is owed to gateways, and what waits for somebody to look at it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::effects::{Command, EffectState};
use onhand_core::ids::EffectId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{answered, cursor, list, named, page_rows};
use super::super::call::{Call, Named, Params, in_path};
use super::super::problem::Problem;
use super::super::wire::lists::List;
use super::super::wire::payments::EffectView;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_effects))
        .routes(routes!(requeue_effect))
        .routes(routes!(skip_effect))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EffectList {
    limit: Option<u32>,
    starting_after: Option<String>,
    state: Option<String>,
}

/// List what is owed to gateways, that of the newest orders first.
///
/// There is one effect for each order at most; what exactly is asked follows from the order. One
/// that is `dead` was tried too often, and waits for somebody to requeue or skip it.
#[utoipa::path(get, path = "/v1/effects", tag = "Payments",
    security(("bearer" = ["payments:read"])), params(EffectList),
    responses((status = 200, description = "A page", body = List<EffectView<'static>>)))]
async fn list_effects(
    State(app): State<App>,
    Params(query, sent): Params<EffectList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), |id: EffectId| id.order().number())?;
    let states = [EffectState::Waiting, EffectState::Dead];
    let state = named("?state", query.state.as_deref(), &states, |one| one.as_str())?;
    let page = app.reader.effects(state, before, limit).await?;
    Ok(list(&page, ("/v1/effects", &sent), EffectView::of, |id| format!("eff_{id}")))
}

/// Try a dead one again.
///
/// The gateway is asked first what the tries before have done.
#[utoipa::path(post, path = "/v1/effects/{id}/requeue", tag = "Payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_effect", "effect_not_dead"]))),
    responses((status = 200, description = "The effect", body = EffectView<'static>)))]
async fn requeue_effect(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    move_effect(&app, &call, Command::Requeue { id: in_path(&id)? }).await
}

/// Give up what a dead one owes.
///
/// For whoever has seen to it outside: it ends as if the gateway had declined it. An order that
/// nobody can pay is cancelled, and a refund becomes `failed`.
#[utoipa::path(post, path = "/v1/effects/{id}/skip", tag = "Payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_effect", "effect_not_dead"]))),
    responses((status = 200, description = "The effect", body = EffectView<'static>)))]
async fn skip_effect(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    move_effect(&app, &call, Command::Skip { id: in_path(&id)? }).await
}

async fn move_effect(app: &App, call: &Call, command: Command) -> Result<Response, Problem> {
    let answer = call.submit_once(AnyCommand::Effects(command)).await?;
    app.owed.notify_one();
    answered(answer, StatusCode::OK)
}
