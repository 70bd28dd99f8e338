//! HTTP: routes, their description, and what every request passes through. Handlers parse, submit
//! or read, and render; they never decide and never open a transaction.

pub mod accounts;
pub mod answer;
pub mod call;
pub mod catalog;
pub mod cors;
pub mod crowd;
mod describe;
mod discreet;
pub mod events;
pub mod gate;
mod headers;
pub mod listener;
pub mod locations;
pub mod ops;
pub mod orders;
pub mod peer;
pub mod problem;
pub mod reservations;
pub mod stock;
pub mod strict;
pub mod tls;
pub mod wire;

use std::sync::OnceLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::limits::REQUEST_ID_CHARS_MAX;
use crate::random;
use headers::Shield;
use problem::Problem;
use wire::values;

#[derive(OpenApi)]
#[openapi(
    components(schemas(describe::ShortItem, values::OrderAction)),
    info(
        title = "onhand",
        description = "Orders and inventory that never sell what is not there. Errors are \
                   `application/problem+json`; every POST that moves stock needs an \
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
        .merge(events::routes())
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
    Ok(gate::Needs::of(&serde_json::to_value(openapi())?)?)
}

/// All routes, with what every request passes through; those of operation only if they have no
/// listener of their own.
pub fn router(app: App) -> Router {
    let has_all = !app.settings.has_ops_listener;
    let (routes, _) = if has_all { api() } else { business() }.split_for_parts();
    let mut routes = routes.layer(from_fn_with_state(app.clone(), gate::pass));
    if app.settings.has_bench_routes {
        routes = routes.merge(ops::bench_routes());
    }
    if has_all {
        routes = routes.merge(documents());
    }
    dress(routes, app)
}

/// The routes of operation, for a listener of their own.
pub fn operations(app: App) -> Router {
    let (routes, _) = ops::liveness().merge(ops::routes()).split_for_parts();
    dress(routes.merge(documents()), app)
}

/// The description, for tools and to click through. Nobody outside is asked whether it is valid.
fn documents() -> Router<App> {
    let config = Config::from("/openapi.json").validator_url("none");
    Router::new()
        .route("/openapi.json", get(get_description))
        .merge(SwaggerUi::new("/docs").config(config))
        .route("/api-docs", get(|| async { axum::response::Redirect::permanent("/docs/") }))
}

/// What every request passes through.
fn dress(routes: Router<App>, app: App) -> Router {
    let is_encrypted = app.settings.is_encrypted;
    let cors = cors::layer(&app.settings.cors_origins);
    let mut routes =
        routes.fallback(no_route).method_not_allowed_fallback(no_method).with_state(app);
    if let Some(cors) = cors {
        routes = routes.layer(cors);
    }
    routes.layer(from_fn(move |request, next| pass_through(request, next, is_encrypted)))
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

async fn no_route(request: Request) -> Problem {
    Problem::not_found(&format!("the route {}", request.uri().path()))
}

async fn no_method(request: Request) -> Problem {
    let detail = format!("{} has no {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// Gives the request an id, the answer its headers, and a problem its body.
async fn pass_through(request: Request, next: Next, is_encrypted: bool) -> Response {
    let shield = Shield::of(&request, is_encrypted);
    let id_header = HeaderName::from_static("request-id");
    let sent = request.headers().get(&id_header).filter(|value| is_lawful_id(value)).cloned();
    let id = match sent {
        Some(id) => id,
        None => {
            let id = random::request_id().simple().to_string();
            HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"))
        }
    };
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let (parts, _) = response.into_parts();
        let request_id = id.to_str().unwrap_or_default().to_owned();
        let mut shown = answer::json_response(problem.status, &problem.body(Some(request_id)));
        shown.headers_mut().extend(parts.headers.into_iter().filter_map(|(name, value)| {
            name.filter(|name| name != header::CONTENT_LENGTH).map(|name| (name, value))
        }));
        let kind = HeaderValue::from_static("application/problem+json");
        shown.headers_mut().insert(header::CONTENT_TYPE, kind);
        response = shown;
    }
    let headers = response.headers_mut();
    headers.insert(id_header, id);
    shield.cover(headers);
    response.into_response()
}

fn is_lawful_id(value: &HeaderValue) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&value.len())
        && value.as_bytes().iter().all(u8::is_ascii_graphic)
}
