//! What gateways send. The signature is checked on the bytes as they came, before anything of them
//! is read; what was signed is stored before it is answered, each message once. Nobody is counted
//! here: a gateway sends as much as there is to say, and gives up for good on whoever refuses.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use onhand_core::payments::{Command, Provider};
use onhand_core::{Actor, Command as AnyCommand};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::json_response;
use super::super::call::{Named, read_body};
use super::super::problem::Problem;
use crate::adapters::gateways::NoticeError;
use crate::app::App;
use crate::limits::NOTICE_BYTES_MAX;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive_notice))
}

/// What is said to a gateway.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Received, example = json!({"received": true}))]
struct Received {
    received: bool,
}

/// Take in a message of a gateway: its webhook.
///
/// The signature is checked on the bytes as they came, before any of them is read. What is signed
/// is answered with 200, also when it came before or means nothing to us.
#[utoipa::path(post, path = "/v1/payments/webhooks/{id}", tag = "Payments", security(()),
    request_body(content = serde_json::Value, content_type = "application/json",
        description = "As the gateway sends and signs it.", example = json!({"event": "..."})),
    params(("id" = String, Path, description = "The gateway: `razorpay`, `stripe`.")),
    extensions(("x-codes" = json!(["not_found", "signature_missing", "signature_wrong"]))),
    responses((status = 200, description = "It is stored", body = Received)))]
async fn receive_notice(
    State(app): State<App>,
    Named(name): Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let provider = Provider::from_name(&name).ok_or_else(|| not_configured(&name))?;
    take_in(&app, provider, &headers, body).await?;
    Ok(json_response(StatusCode::OK, &Received { received: true }))
}

fn not_configured(name: &str) -> Problem {
    Problem::not_found(&format!("the gateway `{name}`"))
}

/// Takes in a message of a gateway, wherever it was sent to.
pub(in crate::http) async fn take_in(
    app: &App,
    provider: Provider,
    headers: &HeaderMap,
    body: Body,
) -> Result<(), Problem> {
    let body = read_body(body, NOTICE_BYTES_MAX).await?;
    let read = app.gateways.read_notice(provider, headers, &body);
    let notice = match read.ok_or_else(|| not_configured(provider.as_str()))? {
        Ok(notice) => notice,
        Err(NoticeError::Unsigned) => return Err(signature_missing()),
        Err(NoticeError::Forged) => return Err(signature_wrong()),
        Err(error @ NoticeError::Unreadable) => {
            // It is the gateway's own word, and sending it again does not help. What it meant is
            // found out when the gateway is asked.
            tracing::error!(%error, provider = provider.as_str(), "a signed message");
            return Ok(());
        }
    };
    if notice.seen.is_empty() {
        tracing::info!(kind = notice.kind.as_str(), "a message of a kind that is not known");
    }
    let command = AnyCommand::Payments(Command::Receive(notice));
    let actor = Actor::Other(provider.as_str().to_owned());
    let answer = app.submit.submit(command, actor, None).await?;
    app.owed.notify_one();
    Ok(answer.outcome.map(|_| ())?)
}

pub(super) fn signature_missing() -> Problem {
    let detail = "the message is not signed";
    Problem::new(StatusCode::UNAUTHORIZED, "signature_missing", detail)
}

pub(super) fn signature_wrong() -> Problem {
    let detail = "no secret that is configured has signed this message";
    Problem::new(StatusCode::UNAUTHORIZED, "signature_wrong", detail)
}
