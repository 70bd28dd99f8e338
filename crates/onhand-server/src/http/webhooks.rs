//! `/v1/webhook-endpoints`: programs that are told what happens. Who tells them is in
//! `workers/webhooks.rs`; how, in `adapters/webhooks/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::events::TYPES;
use onhand_core::jobs::Queue;
use onhand_core::limits::ENDPOINT_FILTERS_MAX;
use onhand_core::text::{Reference, Text, Url};
use onhand_core::webhooks::{
    Command, Endpoint, EndpointEntry, EndpointPatch, EndpointState, EventFilter, NewEndpoint,
    SealedSecret,
};
use onhand_engine::committer::Answer;
use onhand_engine::query::{JobFilter, Page};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, json_response, list, located, replayed, versioned};
use super::call::{Call, Named, Params, in_path};
use super::jobs::{page_of, status_of};
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::outbox::{AttemptView, ConsumerView, EndpointView, JobView};
use super::wire::values;
use crate::adapters::webhooks::signature::SigningSecret;
use crate::app::App;
use crate::limits::{SECRET_KEEP_SECS_DEFAULT, SECRET_KEEP_SECS_MAX};

/// The routes of webhook endpoints.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_endpoint, list_endpoints))
        .routes(routes!(get_endpoint, update_endpoint, delete_endpoint))
        .routes(routes!(rotate_secret))
        .routes(routes!(test_endpoint))
        .routes(routes!(list_deliveries))
        .routes(routes!(replay_events))
}

/// An endpoint to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhookEndpoint, example = json!({
    "url": "https://example.com/hooks", "event_types": ["order.*", "stock.low"],
    "description": "the shop's mailer"
}))]
struct EndpointBody {
    /// Where it listens.
    #[schema(value_type = values::Url)]
    url: Url,
    /// For people.
    #[serde(default)]
    #[schema(value_type = Option<values::Text>)]
    description: Option<Text>,
    /// What it is told: types of events, or families like `order.*`; everything when empty.
    #[serde(default)]
    #[schema(value_type = Option<Vec<values::EventFilter>>, max_items = 100)]
    event_types: Option<Vec<Reference>>,
    /// What its messages are signed with, `whsec_` and base64 of 24 to 64 bytes; made when absent.
    #[serde(default)]
    #[schema(value_type = Option<values::Token>)]
    secret: Option<String>,
}

/// The fields of an endpoint to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointPatch, example = json!({"status": "enabled"}))]
struct EndpointPatchBody {
    /// Where it listens.
    #[serde(default)]
    #[schema(value_type = Option<values::Url>)]
    url: Option<Url>,
    /// For people.
    #[serde(default)]
    #[schema(value_type = Option<values::Text>)]
    description: Option<Text>,
    /// What it is told.
    #[serde(default)]
    #[schema(value_type = Option<Vec<values::EventFilter>>, max_items = 100)]
    event_types: Option<Vec<Reference>>,
    /// Whether it is told anything. While it is not, the log keeps what it has missed.
    #[serde(default)]
    #[schema(value_type = Option<values::EndpointStatus>)]
    status: Option<EndpointState>,
}

/// A secret to sign with from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhookSecret, example = json!({"keep_s": 86400}))]
struct SecretBody {
    /// The new secret; made when absent.
    #[serde(default)]
    #[schema(value_type = Option<values::Token>)]
    secret: Option<String>,
    /// For how many seconds those before it sign as well; a day when absent, a week at most.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800)]
    keep_s: Option<i64>,
}

/// A part of the log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayRange, example = json!({"from_seq": 1, "to_seq": 2}))]
struct ReplayBody {
    /// The first event.
    #[schema(minimum = 1)]
    from_seq: i64,
    /// The last event.
    #[schema(minimum = 1)]
    to_seq: i64,
}

/// A filter of lawful types.
fn filter(kinds: Vec<Reference>) -> Result<EventFilter, Problem> {
    for (index, kind) in kinds.iter().enumerate() {
        let family = kind.as_str().strip_suffix(".*");
        let is_family = family.is_some_and(|family| {
            TYPES.iter().any(|known| known.split_once('.').is_some_and(|(one, _)| one == family))
        });
        if !is_family && !TYPES.contains(&kind.as_str()) {
            let expected =
                format!("expected a family like `order.*`, or one of {}", TYPES.join(", "));
            let pointer = format!("/event_types/{index}");
            return Err(Problem::field(&pointer, expected, kind.as_str().into()));
        }
    }
    let many = kinds.len();
    EventFilter::new(kinds).ok_or_else(|| {
        let expected = format!("expected at most {ENDPOINT_FILTERS_MAX}");
        Problem::field("/event_types", expected, many.into())
    })
}

/// An address that may be called, as far as that can be told without calling it.
fn lawful(app: &App, url: Url) -> Result<Url, Problem> {
    match app.webhooks.guard.url(url.as_str()) {
        Ok(_) => Ok(url),
        Err(error) => Err(Problem::field("/url", error.to_string(), url.as_str().into())),
    }
}

/// A secret that was sent, or a new one.
fn secret(sent: Option<&str>) -> Result<SigningSecret, Problem> {
    match sent {
        // It is not repeated: a good part of it may be right.
        Some(text) => SigningSecret::parse(text)
            .map_err(|error| Problem::field("/secret", error.to_string(), "".into())),
        None => SigningSecret::generate().map_err(|error| {
            tracing::error!(%error, "no random bytes");
            Problem::internal()
        }),
    }
}

fn sealed(app: &App, secret: &SigningSecret) -> Result<SealedSecret, Problem> {
    let sealed = app.webhooks.seal(secret).map_err(|error| {
        tracing::error!(%error, "a secret cannot be sealed");
        Problem::internal()
    })?;
    Ok(SealedSecret { sealed, expires_at: None })
}

/// Add an endpoint. Its secret is shown once.
///
/// It is told what happens from then on: messages as Standard Webhooks 1.0 has them, retried over
/// three days, in order for each object.
#[utoipa::path(post, path = "/v1/webhook-endpoints", tag = "Webhooks", request_body = EndpointBody,
    params(("Idempotency-Key" = Option<String>, Header,)),
    security(("bearer" = ["webhooks:write"])),
    extensions(("x-codes" = json!(["too_many_webhook_endpoints"]))),
    responses((status = 201, description = "The endpoint", body = EndpointView<'static>)))]
async fn create_endpoint(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let body: EndpointBody = call.json()?;
    let signing = secret(body.secret.as_deref())?;
    let new = NewEndpoint {
        url: lawful(&app, body.url)?,
        description: body.description.unwrap_or_default(),
        filter: filter(body.event_types.unwrap_or_default())?,
        secret: sealed(&app, &signing)?,
    };
    let answer = call.submit(AnyCommand::Webhooks(Command::Create(new))).await?;
    with_secret(&app, answer, StatusCode::CREATED, &signing)
}

/// The endpoint with its new secret; without it where the command was carried out before, with
/// another one.
fn with_secret(
    app: &App,
    answer: Answer,
    success: StatusCode,
    secret: &SigningSecret,
) -> Result<Response, Problem> {
    app.webhooks.changed.notify_one();
    let Answer { outcome: Ok(Reply::Endpoint(row)), replayed: was_before } = &answer else {
        return answered(answer, success);
    };
    let text = secret.expose();
    let shown = EndpointView::of(row).with_secret((!was_before).then_some(text.as_str()));
    let response = versioned(success, row.version, &shown);
    let path = format!("/v1/webhook-endpoints/{}", row.id);
    Ok(replayed(located(response, &path), *was_before))
}

/// List endpoints, oldest first.
#[utoipa::path(get, path = "/v1/webhook-endpoints", tag = "Webhooks",
    security(("bearer" = ["webhooks:write"])),
    responses((status = 200, description = "All of them", body = List<EndpointView<'static>>)))]
async fn list_endpoints(State(app): State<App>) -> Result<Response, Problem> {
    let rows = app.reader.endpoints().await?;
    let page = Page { rows: rows.iter().map(EndpointEntry::of).collect(), next: None };
    Ok(list(&page, ("/v1/webhook-endpoints", ""), EndpointView::of, |_| String::new()))
}

/// Read an endpoint.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks",
    security(("bearer" = ["webhooks:write"])), params(("id" = String, Path,)),
    responses((status = 200, description = "The endpoint", body = EndpointView<'static>)))]
async fn get_endpoint(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    let row = EndpointEntry::of(&found(&app, &id).await?);
    Ok(versioned(StatusCode::OK, row.version, &EndpointView::of(&row)))
}

async fn found(app: &App, id: &str) -> Result<Endpoint, Problem> {
    let found = app.reader.endpoint(in_path(id)?).await?;
    found.ok_or_else(|| Problem::not_found(&format!("`{id}`")))
}

/// Change an endpoint; also enable or disable it.
///
/// One that is enabled again goes on where it stopped: the log has kept what it was not told.
#[utoipa::path(patch, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks",
    request_body = EndpointPatchBody, security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_webhook_endpoint"]))),
    responses((status = 200, description = "The endpoint", body = EndpointView<'static>)))]
async fn update_endpoint(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let EndpointPatchBody { url, description, event_types, status } = call.json()?;
    let patch = EndpointPatch {
        url: url.map(|url| lawful(&app, url)).transpose()?,
        description,
        filter: event_types.map(filter).transpose()?,
        state: status,
    };
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    change(&app, &call, Command::Update { id, expected_version, patch }).await
}

/// Take an endpoint away, with what it has not been told.
#[utoipa::path(delete, path = "/v1/webhook-endpoints/{id}", tag = "Webhooks",
    security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_webhook_endpoint"]))),
    responses((status = 200, description = "The endpoint", body = EndpointView<'static>)))]
async fn delete_endpoint(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    change(&app, &call, Command::Delete { id, expected_version }).await
}

async fn change(app: &App, call: &Call, command: Command) -> Result<Response, Problem> {
    let answer = call.submit(AnyCommand::Webhooks(command)).await?;
    app.webhooks.changed.notify_one();
    answered(answer, StatusCode::OK)
}

/// Give an endpoint a new secret, shown once. Those before it sign as well for a while.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/rotate-secret", tag = "Webhooks",
    request_body = SecretBody, security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_webhook_endpoint"]))),
    responses((status = 200, description = "The endpoint", body = EndpointView<'static>)))]
async fn rotate_secret(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let SecretBody { secret: sent, keep_s } =
        call.json_or(SecretBody { secret: None, keep_s: None })?;
    let keep_secs = keep_s.unwrap_or(SECRET_KEEP_SECS_DEFAULT);
    if !(0..=SECRET_KEEP_SECS_MAX).contains(&keep_secs) {
        let expected = format!("expected 0 to {SECRET_KEEP_SECS_MAX}");
        return Err(Problem::field("/keep_s", expected, keep_secs.into()));
    }
    let signing = secret(sent.as_deref())?;
    let secret = sealed(&app, &signing)?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let command = Command::Rotate { id, expected_version, secret, keep_secs };
    let answer = call.submit(AnyCommand::Webhooks(command)).await?;
    with_secret(&app, answer, StatusCode::OK, &signing)
}

/// Send a test message now, and tell what was answered.
///
/// Of the type `webhook_endpoint.test`, signed like any other, also to one that is disabled.
/// Nothing is stored.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/test", tag = "Webhooks",
    security(("bearer" = ["webhooks:write"])), params(("id" = String, Path,)),
    responses((status = 200, description = "What was answered", body = AttemptView<'static>)))]
async fn test_endpoint(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    call.expect_nothing()?;
    let endpoint = found(&app, &id).await?;
    let attempt = app.webhooks.test(&endpoint, app.clock.now()).await;
    Ok(json_response(StatusCode::OK, &AttemptView::of(&attempt)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryList {
    limit: Option<u32>,
    starting_after: Option<String>,
    status: Option<String>,
}

/// List what was or is to be delivered to an endpoint, newest first, with every attempt.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{id}/deliveries", tag = "Webhooks",
    security(("bearer" = ["webhooks:write"])), params(("id" = String, Path,), DeliveryList),
    responses((status = 200, description = "A page", body = List<JobView<'static>>)))]
async fn list_deliveries(
    State(app): State<App>,
    Named(id): Named,
    Params(query, sent): Params<DeliveryList>,
) -> Result<Response, Problem> {
    let queue = Some(Queue::Webhook(found(&app, &id).await?.id));
    let filter = JobFilter { queue, state: status_of(query.status.as_deref())? };
    let page = page_of(&app, filter, query.limit, query.starting_after.as_deref()).await?;
    let url = format!("/v1/webhook-endpoints/{id}/deliveries");
    Ok(list(&page, (&url, &sent), JobView::of, |id| format!("job_{id}")))
}

/// Deliver a part of the log once more.
///
/// Of the events from `from_seq` to `to_seq` those that the endpoint wants; the ids of the messages
/// are the same as before. One replay at a time; `GET /v1/consumers` tells how far it is.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/replay", tag = "Webhooks",
    request_body = ReplayBody, security(("bearer" = ["webhooks:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_webhook_endpoint", "not_in_log", "replay_running"]))),
    responses((status = 202, description = "Who will do it", body = ConsumerView)))]
async fn replay_events(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let ReplayBody { from_seq: from, to_seq: to } = call.json()?;
    let command = Command::Replay { id: in_path(&id)?, from, to };
    let answer = call.submit_once(AnyCommand::Webhooks(command)).await?;
    app.webhooks.changed.notify_one();
    answered(answer, StatusCode::ACCEPTED)
}
