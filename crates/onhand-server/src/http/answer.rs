//! Answers: JSON with a status, an ETag where the object has a version, and lists in the one form
//! that all of them have.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use onhand_core::Refusal;
use onhand_core::command::Reply;
use onhand_core::orders::Order;
use onhand_engine::committer::Answer;
use onhand_engine::query::Page;
use serde::Serialize;
use serde_json::json;

use super::problem::Problem;
use super::wire::accounts::{ApiKeyShown, SessionShown, UserShown};
use super::wire::catalog::{CategoryView, ProductView};
use super::wire::imports::ImportView;
use super::wire::lists::List;
use super::wire::orders::{BatchRowView, BatchView, OrderView};
use super::wire::outbox::{ConsumerView, EndpointView, JobView, ScheduleView};
use super::wire::payments::EffectView;
use super::wire::reservations::ReservationsView;
use super::wire::stock::{LevelView, LocationView, StockChangesView};
use super::wire::warehouse::SyncView;
use crate::limits::PAGE_ROWS_DEFAULT;

/// Headers that an answer has when it leaves.
const ANSWER_HEADERS: usize = 16;

/// JSON with a status.
pub fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => worded(status, body.into()),
        Err(error) => wordless(&error),
    }
}

fn worded(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    // Room for those that come on the way out, so that the map does not grow twice.
    response.headers_mut().reserve(ANSWER_HEADERS);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What is answered when an answer cannot be put into words, which is a mistake of ours.
pub(super) fn wordless(error: &serde_json::Error) -> Response {
    tracing::error!(%error, "an answer cannot be put into words");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The same answer in other words: it keeps the headers that it had.
pub(super) fn reworded(response: Response, mut words: Response) -> Response {
    let (parts, _) = response.into_parts();
    words.headers_mut().extend(parts.headers.into_iter().filter_map(|(name, value)| {
        name.filter(|name| name != header::CONTENT_LENGTH).map(|name| (name, value))
    }));
    words
}

/// JSON of an object that has a version.
pub fn versioned(status: StatusCode, version: u64, value: &impl Serialize) -> Response {
    tagged(json_response(status, value), version)
}

/// The same, of JSON that is there already.
pub(super) fn versioned_bytes(status: StatusCode, version: u64, body: Bytes) -> Response {
    tagged(worded(status, body), version)
}

fn tagged(mut response: Response, version: u64) -> Response {
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// What the committer answered, with the status of success; a created object says where it is.
pub fn answered(answer: Answer, success: StatusCode) -> Result<Response, Problem> {
    let response = match answer.outcome {
        Ok(reply) => shown(&reply, success),
        Err(refusal) => axum::response::IntoResponse::into_response(Problem::from(refusal)),
    };
    Ok(replayed(response, answer.replayed))
}

/// An answer that says so when its command was carried out before, under the same key.
pub(super) fn replayed(mut response: Response, was_before: bool) -> Response {
    if was_before {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

/// An answer that says where the object is, if it created one.
pub(super) fn located(mut response: Response, path: &str) -> Response {
    if response.status() == StatusCode::CREATED
        && let Ok(path) = HeaderValue::from_str(path)
    {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

fn shown(reply: &Reply, success: StatusCode) -> Response {
    match reply {
        Reply::Product(row) => located(
            versioned(success, row.version, &ProductView::of(row)),
            &format!("/v1/products/{}", row.id),
        ),
        Reply::Category(row) => located(
            versioned(success, row.version, &CategoryView::of(row)),
            &format!("/v1/categories/{}", row.id),
        ),
        Reply::Location(row) => versioned(success, row.version, &LocationView::of(row)),
        Reply::Stock(changes) => json_response(success, &StockChangesView::of(changes)),
        Reply::Level { sku, level } => {
            versioned(success, level.version, &LevelView::of(sku.as_str(), level))
        }
        Reply::Reservations(views) => json_response(success, &ReservationsView::of(views)),
        Reply::Expired { holds } => json_response(success, &json!({ "expired": holds })),
        Reply::Order(order) => located(
            versioned(success, order.version, &OrderView::of(order)),
            &format!("/v1/orders/{}", order.id),
        ),
        Reply::Orders(outcomes) => json_response(success, &batch(outcomes)),
        Reply::User(user) => located(
            versioned(success, user.version, &UserShown::of(user)),
            &format!("/v1/users/{}", user.id),
        ),
        Reply::Session { session, .. } | Reply::SessionEnded(session) => {
            json_response(success, &SessionShown::of(session))
        }
        Reply::ApiKey(key) => located(
            json_response(success, &ApiKeyShown::of(key)),
            &format!("/v1/api-keys/{}", key.id),
        ),
        Reply::KeysTouched { keys } => json_response(success, &json!({ "touched": keys })),
        Reply::Tasks(tasks) => json_response(success, &json!({ "tasks": tasks.len() })),
        Reply::Settled { effects } => json_response(success, &json!({ "settled": effects })),
        Reply::Effect(effect) => versioned(success, effect.version, &EffectView::of(effect)),
        Reply::Notice { is_new } => json_response(success, &json!({ "is_new": is_new })),
        Reply::Endpoint(row) => located(
            versioned(success, row.version, &EndpointView::of(row)),
            &format!("/v1/webhook-endpoints/{}", row.id),
        ),
        Reply::Consumer(row) => json_response(success, &ConsumerView::of(row)),
        Reply::Jobs(jobs) => json_response(success, &json!({ "jobs": jobs.len() })),
        Reply::Job(row) => versioned(success, row.version, &JobView::of(row)),
        Reply::Import(row) => versioned(success, row.version, &ImportView::of(row)),
        Reply::Forgotten { rows } => json_response(success, &json!({ "forgotten": rows })),
        Reply::Turn { schedule, .. } => json_response(success, &ScheduleView::of(schedule)),
        Reply::Sync(row) => located(
            versioned(success, row.version, &SyncView::of(row)),
            &format!("/v1/warehouse/syncs/{}", row.id),
        ),
    }
}

fn batch(outcomes: &[Result<Arc<Order>, Refusal>]) -> BatchView<'_> {
    let rows = outcomes.iter().enumerate().map(|(index, outcome)| match outcome {
        Ok(order) => {
            let order = Some(OrderView::of(order));
            BatchRowView { index, status: 201, order, problem: None }
        }
        Err(refusal) => {
            let problem = Problem::from(refusal.clone());
            let status = problem.status.as_u16();
            BatchRowView { index, status, order: None, problem: Some(problem.body(None)) }
        }
    });
    let placed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused = outcomes.len() - placed;
    BatchView { object: "batch", placed, refused, data: rows.collect() }
}

/// How many rows a page has: what the caller asks for, from 1 to the most there may be.
///
/// # Errors
/// 422 outside.
pub fn page_rows(limit: Option<u32>) -> Result<usize, Problem> {
    let most = onhand_engine::limits::PAGE_ROWS_MAX;
    match limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) {
        None => Ok(PAGE_ROWS_DEFAULT),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => {
            Err(Problem::field("?limit", format!("expected 1 to {most}"), limit.to_string().into()))
        }
    }
}

/// The cursor of a list of one kind of id.
///
/// # Errors
/// 422 for anything else, a cursor of another list too.
pub fn cursor<T: std::str::FromStr>(
    text: Option<&str>,
    number: impl Fn(T) -> i64,
) -> Result<Option<i64>, Problem>
where
    T::Err: std::fmt::Display,
{
    match text {
        None => Ok(None),
        Some(text) => match text.parse::<T>() {
            Ok(id) => Ok(Some(number(id))),
            Err(error) => Err(Problem::field(
                "?starting_after",
                format!("{error}; take `next_cursor` of a page of this list"),
                text.into(),
            )),
        },
    }
}

/// A name out of a list, in a query.
pub fn named<T>(
    pointer: &str,
    text: Option<&str>,
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> Result<Option<T>, Problem>
where
    T: Copy,
{
    let Some(text) = text else { return Ok(None) };
    let found = all.iter().find(|one| name(one) == text).copied();
    let names: Vec<_> = all.iter().map(name).collect();
    let expected = || format!("expected one of {}", names.join(", "));
    found.map(Some).ok_or_else(|| Problem::field(pointer, expected(), text.into()))
}

/// A page in the form of every list, of a URL with the query that was sent.
pub fn list<'a, T, V: Serialize>(
    page: &'a Page<T>,
    (url, sent): (&str, &str),
    show: impl Fn(&'a T) -> V,
    show_cursor: impl Fn(i64) -> String,
) -> Response {
    let next = page.next.map(show_cursor);
    let shown = List {
        object: "list",
        url: url.to_owned(),
        has_more: next.is_some(),
        next_cursor: next,
        data: page.rows.iter().map(show).collect(),
    };
    linked(&shown, sent)
}

/// A page with a link to the next one, which keeps the filters of the query that was sent.
pub fn linked<V: Serialize>(page: &List<V>, sent: &str) -> Response {
    let mut response = json_response(StatusCode::OK, page);
    if let Some(next) = &page.next_cursor {
        let cursor = format!("starting_after={next}");
        let kept = sent
            .split('&')
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("starting_after"));
        let query: Vec<_> = kept.chain([cursor.as_str()]).collect();
        let link = format!("<{}?{}>; rel=\"next\"", page.url, query.join("&"));
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}
