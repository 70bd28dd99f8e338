//! HTTP: routes, their description, and what every request passes through. Handlers parse, submit
//! or read, and render; they never decide and never open a transaction.

pub mod accounts;
pub mod answer;
pub mod call;
pub mod cards;
pub mod catalog;
pub mod cors;
pub mod crowd;
mod describe;
pub mod dialects;
mod discreet;
mod dress;
pub mod events;
pub mod exports;
pub mod gate;
mod headers;
pub mod imports;
pub mod jobs;
mod kept;
pub mod listener;
pub mod locations;
pub mod operations;
pub mod ops;
pub mod orders;
pub mod payments;
pub mod peer;
pub mod problem;
pub mod reservations;
mod status;
pub mod stock;
pub mod strict;
pub mod tls;
mod visit;
pub mod warehouse;
pub mod webhooks;
pub mod wire;

use std::sync::OnceLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::admin;
use crate::app::App;
use crate::workers::options::Switch;
use dialects::Dialect;
use problem::Problem;
use wire::values;

#[derive(OpenApi)]
#[openapi(
    components(schemas(describe::ShortItem, values::OrderAction)),
    info(
        title = "onhand",
        description = "Orders and inventory that never sell what is not there. Errors are \
                   `application/problem+json`; every POST that moves stock or money needs an \
                   `Idempotency-Key`.",
        license(name = "MIT OR Apache-2.0")
    )
)]
struct Description;

fn api() -> OpenApiRouter<App> {
    business().merge(ops::routes())
}

/// What a shop asks for, and whether anybody is there.
fn business() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(catalog::routes())
        .merge(locations::routes())
        .merge(stock::routes())
        .merge(reservations::routes())
        .merge(orders::routes())
        .merge(payments::routes())
        .merge(events::routes())
        .merge(warehouse::routes())
        .merge(webhooks::routes())
        .merge(imports::routes())
        .merge(exports::routes())
        .merge(jobs::routes())
        .merge(operations::routes())
        .merge(accounts::routes())
        .merge(ops::liveness())
}

/// The description of every route, as OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    describe::whole(api().into_openapi())
}

/// What each route needs, as the description says.
///
/// # Errors
/// The first route that does not say it.
pub fn needs() -> anyhow::Result<gate::Needs> {
    // What completes the description for people is left out: it is most of it, and the
    // memory that it takes for a moment is not given back for long.
    let paths = serde_json::to_value(api().into_openapi().paths)?;
    let of_dialects = Dialect::ALL.into_iter().map(dialects::needs).collect::<Result<_, _>>()?;
    let needs = gate::Needs::of(&serde_json::json!({ "paths": paths }))?;
    Ok(needs.with_dialects(of_dialects))
}

/// All routes, with what every request passes through; those of operation only if they have no
/// listener of their own.
pub fn router(app: App) -> Router {
    let has_all = !app.settings.has_ops_listener;
    let (routes, _) = if has_all { api() } else { business() }.split_for_parts();
    let routes = routes.layer(from_fn_with_state(app.clone(), gate::pass));
    let mut open = Router::new();
    if has_all {
        open = open.merge(administration(&app, routes.clone()));
    }
    let routes = routes.merge(dialects::on_main(&app));
    if app.settings.has_bench_routes {
        open = open.merge(ops::bench_routes());
    }
    if status::is_on_main(&app) {
        open = open.merge(status::guarded(&app));
    }
    if has_all {
        open = open.merge(documents(&app));
    } else if app.settings.dialects.on_main().any(|dialect| dialect == Dialect::Oms) {
        open = open.merge(ops::plain_health());
    }
    finish(routes, open, app)
}

/// The routes of operation, for a listener of their own.
pub fn operations(app: App) -> Router {
    let (routes, _) = ops::liveness().merge(ops::routes()).split_for_parts();
    let (api, _) = business().split_for_parts();
    let api = api.layer(from_fn_with_state(app.clone(), gate::pass));
    let routes = routes.merge(documents(&app)).merge(status::routes());
    let routes = routes.merge(administration(&app, api));
    finish(Router::new(), routes, app)
}

/// The pages for people who run the shop, whose forms are sent to these routes.
fn administration(app: &App, api: Router<App>) -> Router<App> {
    match app.settings.admin {
        Switch::On => admin::routes(app.clone(), api.with_state(app.clone())),
        Switch::Off => Router::new(),
    }
}

/// The description, for tools and to click through; beside it those of the dialects that are spoken
/// on the main listener.
fn documents(app: &App) -> Router<App> {
    let dialects: Vec<_> = app.settings.dialects.on_main().collect();
    let own = Url::new("onhand", "/openapi.json");
    let routes = Router::new().route("/openapi.json", get(get_description));
    let routes = routes.merge(dialects::descriptions(&dialects));
    routes.merge(pages(std::iter::once(own).chain(dialects::urls(&dialects))))
}

/// The descriptions of dialects alone.
fn documents_of(dialects: &[Dialect]) -> Router<App> {
    dialects::descriptions(dialects).merge(pages(dialects::urls(dialects)))
}

/// Pages on which descriptions can be clicked through, in both places where clients look for them.
/// Nobody outside is asked whether they are valid.
fn pages(urls: impl Iterator<Item = Url<'static>>) -> Router<App> {
    let config = Config::new(urls).validator_url("none");
    let to_docs = || async { axum::response::Redirect::permanent("/docs/") };
    Router::new().merge(SwaggerUi::new("/docs").config(config)).route("/api-docs", get(to_docs))
}

/// Puts together what passes through the gate and what is open to everybody. Whoever answers, the
/// answer is given its form once: behind the gate by the gate.
fn finish(gated: Router<App>, open: Router<App>, app: App) -> Router {
    let form = from_fn_with_state(app.clone(), dress::pass);
    let cors = cors::layer(&app.settings.cors_origins);
    let mut routes = gated
        .merge(open.layer(form.clone()))
        .fallback(no_route.layer(form.clone()))
        .method_not_allowed_fallback(no_method.layer(form.clone()));
    if let Some(cors) = cors {
        // It answers preflights itself.
        routes = routes.layer(cors).layer(form);
    }
    #[cfg(feature = "otel")]
    if crate::telemetry::otel::is_on() {
        // Around everything else, so that its span has seen all of it.
        routes = routes.layer(axum::middleware::from_fn(crate::telemetry::otel::answer));
    }
    routes.with_state(app)
}

/// The description, put into words when it is first asked for.
async fn get_description() -> Response {
    static DESCRIPTION: OnceLock<Bytes> = OnceLock::new();
    let words = || openapi().to_json().map(Bytes::from);
    let description = match DESCRIPTION.get() {
        Some(description) => description,
        None => match words() {
            Ok(words) => DESCRIPTION.get_or_init(|| words),
            Err(error) => return answer::wordless(&error),
        },
    };
    ([(header::CONTENT_TYPE, "application/json")], description.clone()).into_response()
}

async fn no_route(State(app): State<App>, request: Request) -> Response {
    let problem = || Problem::not_found(&format!("the route {}", request.uri().path()));
    dialects::no_route(&app, &request).unwrap_or_else(|| problem().into_response())
}

async fn no_method(request: Request) -> Problem {
    let detail = format!("{} has no {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
