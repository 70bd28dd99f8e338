//! Routes for operators and tools: health, the API's own description, and the routes that measure
//! the server's limit.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use onhand_core::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::sync::atomic::Ordering;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::json_response;
use super::call::Call;
use super::gate::Caller;
use super::orders::{Checkout, OrderBody};
use super::problem::Problem;
use super::wire::values;
use crate::app::App;

/// The route by which others find out whether to send requests here at all.
pub fn liveness() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_livez))
}

/// The routes of health.
pub fn routes() -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new().routes(routes!(get_readyz)).routes(routes!(get_health));
    routes.routes(routes!(get_metrics))
}

/// A plain yes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
struct Alive {
    #[schema(pattern = "^ok$")]
    status: &'static str,
}

/// Counters of the committer since it started.
#[derive(Debug, Serialize, ToSchema)]
struct CommitterHealth {
    /// Durable commits.
    batches: u64,
    /// Commands decided, refusals included.
    commands: u64,
    /// Commands that wait now.
    waiting: usize,
}

/// The health of a listener on which nobody reads counters: what clients of `oms` expect.
pub(super) fn plain_health() -> Router<App> {
    let health = async |State(app): State<App>| {
        let timestamp = app.clock.now();
        let body = json!({"status": "ok", "timestamp": timestamp, "message": RUNNING});
        json_response(StatusCode::OK, &body)
    };
    Router::new().route("/health", get(health))
}

/// What clients of the dialect `oms` expect to read.
const RUNNING: &str = "Server is running";

/// Health with counters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "timestamp": "2026-11-21T03:00:00Z",
    "message": "Server is running", "version": "0.1.0",
    "committer": {"batches": 120, "commands": 4096, "waiting": 0}}))]
struct Health {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    /// When this was said.
    #[schema(value_type = values::Instant)]
    timestamp: Timestamp,
    /// The same as the status, for clients of the dialect `oms`.
    #[schema(pattern = "^Server is running$")]
    message: &'static str,
    /// The server's version.
    version: &'static str,
    committer: CommitterHealth,
}

/// Whether the process runs.
#[utoipa::path(get, path = "/livez", tag = "Operations",
    security(()),
    extensions(("x-codes" = json!([]))),
    responses((status = 200, description = "It does", body = Alive)))]
async fn get_livez() -> Response {
    json_response(StatusCode::OK, &Alive { status: "ok" })
}

/// Whether the server takes orders: the committer runs and the store can be read.
#[utoipa::path(get, path = "/readyz", tag = "Operations",
    security(()),
    responses((status = 200, description = "It does", body = Alive)))]
async fn get_readyz(State(app): State<App>) -> Result<Response, Problem> {
    app.reader.locations().await?;
    if app.submit.is_stopped() {
        return Err(onhand_engine::SubmitError::Stopping.into());
    }
    Ok(json_response(StatusCode::OK, &Alive { status: "ok" }))
}

/// Health with the committer's counters.
#[utoipa::path(get, path = "/health", tag = "Operations",
    security(()),
    extensions(("x-codes" = json!([]))),
    responses((status = 200, description = "Counters", body = Health)))]
async fn get_health(State(app): State<App>) -> Response {
    let stats = app.submit.stats();
    let committer = CommitterHealth {
        batches: stats.batches.load(Ordering::Relaxed),
        commands: stats.commands.load(Ordering::Relaxed),
        waiting: app.submit.waiting(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let (timestamp, message) = (app.clock.now(), RUNNING);
    let health = Health { status: "ok", timestamp, message, version, committer };
    json_response(StatusCode::OK, &health)
}

/// What a scrape begins with.
const METRICS_EXAMPLE: &str = "# HELP onhand_committer_up 1 while the committer takes commands\n\
     # TYPE onhand_committer_up gauge\nonhand_committer_up 1.0\n# EOF\n";

/// What Prometheus says that it reads.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures of this process and its database, for Prometheus.
///
/// Without a key it answers who is on this machine, where the server is not in production, and
/// everybody who reaches the listener of operations.
#[utoipa::path(get, path = "/metrics", tag = "Operations",
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "Figures", content(
        (String = "application/openmetrics-text", example = json!(METRICS_EXAMPLE))))))]
async fn get_metrics(State(app): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, OPENMETRICS), (header::CACHE_CONTROL, "no-store")];
    (headers, app.metrics.exposition(&app)).into_response()
}

/// Routes that parse and answer like the real ones and remember nothing: the server's own limit.
pub fn bench_routes() -> Router<App> {
    let routes = Router::new().route("/v1/noop", post(post_noop).get(get_noop));
    // They are not described, and so not behind the gate.
    routes.layer(axum::Extension(Caller::NOBODY))
}

/// As large as the answer to an order of two lines.
const NOOP: &str = include_str!("noop.json");

async fn post_noop(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let checkout = Checkout { app: &app, is_customer: false };
    call.json::<OrderBody>()?.lawful("", checkout)?;
    Ok(noop(StatusCode::CREATED))
}

async fn get_noop() -> Response {
    noop(StatusCode::OK)
}

fn noop(status: StatusCode) -> Response {
    let mut response = Response::new(axum::body::Body::from(NOOP));
    *response.status_mut() = status;
    let json = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, json);
    response
}
