//! `/v1/events`: the permanent log by cursor, as pages or live. A reader that comes back after a
//! week goes on where it stopped; nothing is ever skipped.

use std::convert::Infallible;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use onhand_core::events::TYPES;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{json_response, page_rows};
use super::call::Params;
use super::problem::Problem;
use super::wire::events::{EventListView, EventView};
use crate::app::App;
use crate::limits::{FEED_KEEP_ALIVE, FEED_ROWS_MAX};

/// The route of the events.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_events))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventList {
    /// Position after which to begin; 0 for the first event.
    after: Option<i64>,
    /// Types to show, separated by commas; all when absent.
    types: Option<String>,
    limit: Option<u32>,
}

/// What a live stream looks like, shortened to what does not depend on the event.
const STREAM_EXAMPLE: &str = "id: 108\nevent: order.placed\ndata: {\"id\":\"evt_108\"}\n\n";

/// Read the log of events, oldest first; live with `Accept: text/event-stream`.
#[utoipa::path(get, path = "/v1/events", tag = "Events",
    security(("bearer" = ["events:read"])),
    params(EventList, ("Last-Event-ID" = Option<i64>, Header, description = "Live: go on after")),
    responses((status = 200, description = "A page, or a live stream", content(
        (EventListView<'static> = "application/json"),
        (String = "text/event-stream", example = json!(STREAM_EXAMPLE))))))]
async fn list_events(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query, _): Params<EventList>,
) -> Result<Response, Problem> {
    let kinds = kinds(query.types.as_deref())?;
    let after = query.after.unwrap_or(0);
    if after < 0 {
        return Err(Problem::field("?after", "expected a position, 0 or more", after.into()));
    }
    let last_seen = last_event_id(&headers)?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if accept.contains("text/event-stream") {
        let feed = Sse::new(live(app, last_seen.unwrap_or(after), kinds));
        return Ok(feed.keep_alive(KeepAlive::new().interval(FEED_KEEP_ALIVE)).into_response());
    }
    let page = app.reader.events(after, kinds, page_rows(query.limit)?).await?;
    let last = page.next.or_else(|| page.rows.last().map(|row| row.seq)).unwrap_or(after);
    let shown = EventListView {
        object: "list",
        url: "/v1/events",
        has_more: page.next.is_some(),
        next_after: last,
        data: page.rows.iter().map(EventView::of).collect(),
    };
    Ok(json_response(StatusCode::OK, &shown))
}

fn kinds(types: Option<&str>) -> Result<Vec<String>, Problem> {
    let Some(types) = types else {
        return Ok(Vec::new());
    };
    let mut kinds = Vec::new();
    for kind in types.split(',') {
        if !TYPES.contains(&kind) {
            let expected = format!("expected some of {}", TYPES.join(", "));
            return Err(Problem::field("?types", expected, kind.into()));
        }
        kinds.push(kind.to_owned());
    }
    Ok(kinds)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("");
    match text.parse::<i64>() {
        Ok(position) if position >= 0 => Ok(Some(position)),
        Ok(_) | Err(_) => {
            Err(Problem::field("Last-Event-ID", "expected the id of an event", text.into()))
        }
    }
}

/// Events as they become durable, from a position on. Reads the log again after each commit, so
/// that it shows what is committed and nothing else.
fn live(app: App, after: i64, kinds: Vec<String>) -> impl Stream<Item = Result<Event, Infallible>> {
    let durable = app.submit.durable();
    let waiting = std::collections::VecDeque::new();
    stream::unfold((app, durable, after, kinds, waiting), |mut feed| async move {
        loop {
            let (app, durable, after, kinds, waiting) = &mut feed;
            if let Some(event) = waiting.pop_front() {
                return Some((Ok(event), feed));
            }
            durable.borrow_and_update();
            let page = app.reader.events(*after, kinds.clone(), FEED_ROWS_MAX).await.ok()?;
            for row in &page.rows {
                *after = row.seq;
                let event = Event::default().id(row.seq.to_string()).event(row.kind.clone());
                waiting.push_back(event.json_data(EventView::of(row)).ok()?);
            }
            match page.next {
                Some(looked_at) => *after = looked_at,
                None if page.rows.is_empty() => durable.changed().await.ok()?,
                None => {}
            }
        }
    })
}
