//! `/status`: the page on which somebody sees how the server is doing, with the last minutes as
//! charts. It shows what `metrics/history.rs` has kept, asks the database nothing, and changes
//! nothing. A small script has it shown anew each second; without it one reloads.

mod chart;
mod page;

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::call::Params;
use super::dialects::Dialect;
use super::gate;
use super::problem::Problem;
use crate::app::App;
use crate::limits::FEED_KEEP_ALIVE;
use crate::metrics::history::Span;

/// The page, for a listener that only operators reach.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/status", get(get_page))
        .route("/status/live", get(get_live))
        .route("/status/status.css", get(get_style))
        .route("/status/status.js", get(get_script))
}

/// The page, for a listener that others reach, too: to operators.
pub(super) fn guarded(app: &App) -> Router<App> {
    routes().layer(from_fn_with_state(app.clone(), only_operators))
}

/// Whether the main listener has the page: where it has all routes of operation, and where the
/// dialect is spoken whose contract has it.
pub(super) fn is_on_main(app: &App) -> bool {
    let settings = &app.settings;
    !settings.has_ops_listener
        || settings.dialects.on_main().any(|dialect| dialect == Dialect::Storefront)
}

async fn only_operators(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match gate::let_viewer_in(&app, &parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    minutes: Option<String>,
}

impl Look {
    fn span(&self) -> Result<Span, Problem> {
        let Some(text) = &self.minutes else { return Ok(Span::One) };
        let named = Span::ALL.into_iter().find(|span| span.minutes().to_string() == *text);
        named.ok_or_else(|| Problem::field("?minutes", "expected 1, 5 or 15", text.clone().into()))
    }
}

async fn get_page(
    State(app): State<App>,
    Params(look, _): Params<Look>,
) -> Result<Response, Problem> {
    let page = page::whole(&app, look.span()?).into_string();
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, page).into_response())
}

async fn get_live(
    State(app): State<App>,
    Params(look, _): Params<Look>,
) -> Result<Response, Problem> {
    let span = look.span()?;
    let place = app.metrics.viewers().try_acquire_owned().map_err(|_| {
        let mut problem = Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many look at this page: close some, or reload instead",
        );
        problem.retry_after_ms = Some(10_000);
        problem
    })?;
    let feed = Sse::new(live(app, span, place));
    Ok(feed.keep_alive(KeepAlive::new().interval(FEED_KEEP_ALIVE)).into_response())
}

/// The figures of now, and with each sample again, until the server stops.
fn live(
    app: App,
    span: Span,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let samples = app.metrics.samples();
    stream::unfold((app, samples, true, place), move |mut viewer| async move {
        let (app, samples, is_first, _) = &mut viewer;
        if !std::mem::take(is_first) {
            samples.changed().await.ok()?;
        }
        let figures = page::figures(app, span).into_string();
        Some((Ok(Event::default().event("figures").data(figures)), viewer))
    })
}

const STYLE: &str = include_str!("status.css");
const SCRIPT: &str = include_str!("status.js");

async fn get_style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

async fn get_script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    // It changes with the server, under the same name.
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}
