//! `/v1/api-keys`: what programs come in with. For admins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::accounts::{ApiKeyView, Command, NewApiKey, Scopes, TokenHash};
use onhand_core::command::Reply;
use onhand_core::ids::ApiKeyId;
use onhand_core::text::{KeyPrefix, Name};
use onhand_engine::committer::Answer;
use onhand_engine::query::Page;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{answered, cursor, json_response, list, located, page_rows, replayed};
use super::super::call::{Call, Named, Params, in_path};
use super::super::problem::Problem;
use super::super::wire::accounts::{ApiKeyShown, CreatedKeyShown};
use super::super::wire::lists::List;
use super::super::wire::{SentInstant, values};
use crate::app::App;
use crate::auth::tokens::api_key::ApiKey;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_key, list_keys)).routes(routes!(revoke_key))
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey, example = json!({
    "name": "Till 3", "scopes": ["orders:read", "orders:write"]
}))]
struct KeyBody {
    /// For people.
    #[schema(value_type = values::Name)]
    name: Name,
    /// What it lets a program do.
    #[schema(value_type = Vec<values::Scope>, min_items = 1)]
    scopes: Scopes,
    /// When it is over; never when absent.
    #[schema(value_type = Option<values::Instant>)]
    expires_at: Option<SentInstant>,
}

/// Make an API key. It is shown once.
#[utoipa::path(post, path = "/v1/api-keys", tag = "Accounts", request_body = KeyBody,
    params(("Idempotency-Key" = Option<String>, Header,)), security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["unlawful_scopes", "expires_in_past"]))),
    responses((status = 201, description = "The key", body = CreatedKeyShown<'static>)))]
async fn create_key(call: Call) -> Result<Response, Problem> {
    let KeyBody { name, scopes, expires_at } = call.json()?;
    let key = ApiKey::generate().map_err(|error| {
        tracing::error!(%error, "no random bytes");
        Problem::internal()
    })?;
    let prefix = KeyPrefix::new(key.shown()).map_err(|error| {
        tracing::error!(%error, "a key begins in an unlawful way");
        Problem::internal()
    })?;
    let new = NewApiKey {
        name,
        prefix,
        hash: TokenHash::new(key.hash()),
        scopes,
        expires_at: expires_at.map(|at| at.0),
    };
    let answer = call.submit(AnyCommand::Accounts(Command::CreateKey(new))).await?;
    let Answer { outcome: Ok(Reply::ApiKey(row)), replayed: was_before } = &answer else {
        return answered(answer, StatusCode::CREATED);
    };
    let shown = CreatedKeyShown::of(row, (!was_before).then_some(key.expose()));
    let response = json_response(StatusCode::CREATED, &shown);
    Ok(replayed(located(response, &format!("/v1/api-keys/{}", row.id)), *was_before))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeyList {
    limit: Option<u32>,
    starting_after: Option<String>,
}

/// List API keys, newest first, those that were taken back too.
#[utoipa::path(get, path = "/v1/api-keys", tag = "Accounts", params(KeyList),
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "A page", body = List<ApiKeyShown<'static>>)))]
async fn list_keys(
    State(app): State<App>,
    Params(query, sent): Params<KeyList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), ApiKeyId::number)?;
    let page = app.reader.api_keys(before, limit).await?;
    let rows = page.rows.iter().map(ApiKeyView::of).collect();
    let page = Page { rows, next: page.next };
    Ok(list(&page, ("/v1/api-keys", &sent), ApiKeyShown::of, |id| format!("key_{id}")))
}

/// Take an API key back: at once for every write, and within a minute for reads.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", tag = "Accounts",
    params(("id" = String, Path,)), security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["unknown_api_key"]))),
    responses((status = 200, description = "The key", body = ApiKeyShown<'static>)))]
async fn revoke_key(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let command = Command::RevokeKey { id: in_path(&id)? };
    answered(call.submit(AnyCommand::Accounts(command)).await?, StatusCode::OK)
}
