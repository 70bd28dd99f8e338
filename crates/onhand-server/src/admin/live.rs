//! Tells an open page that something has changed, at most once in a while: the page then asks for
//! itself again. What has changed is not said here, so that a feed can show nothing to who may not
//! see it.

use std::convert::Infallible;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

use super::Office;
use super::visit::Visit;
use crate::http::problem::Problem;
use crate::limits::{ADMIN_FEED_EVERY, ADMIN_FEED_LIFE, ADMIN_FEEDS_MAX, FEED_KEEP_ALIVE};

static FEEDS: LazyLock<std::sync::Arc<Semaphore>> =
    LazyLock::new(|| std::sync::Arc::new(Semaphore::new(ADMIN_FEEDS_MAX)));

pub(super) fn routes() -> Router<Office> {
    Router::new().route("/admin/live", get(feed))
}

/// What a feed carries along.
struct Feed {
    durable: tokio::sync::watch::Receiver<i64>,
    /// The browser comes back by itself, with a session that is looked at again.
    ends_at: Instant,
    _room: OwnedSemaphorePermit,
}

async fn feed(State(office): State<Office>, _: Visit) -> Response {
    let Ok(room) = FEEDS.clone().try_acquire_owned() else {
        let detail = format!("{ADMIN_FEEDS_MAX} pages are kept up to date already");
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail);
        return busy.into_response();
    };
    let durable = office.app.submit.durable();
    let feed = Feed { durable, ends_at: Instant::now() + ADMIN_FEED_LIFE, _room: room };
    let events = stream::unfold(feed, |mut feed| async move {
        feed.durable.borrow_and_update();
        timeout_at(feed.ends_at, feed.durable.changed()).await.ok()?.ok()?;
        // What comes in this time is told together.
        sleep(ADMIN_FEED_EVERY).await;
        let position = *feed.durable.borrow();
        let event = Event::default().event("changed").data(position.to_string());
        Some((Ok::<_, Infallible>(event), feed))
    });
    let keep_alive = KeepAlive::new().interval(FEED_KEEP_ALIVE);
    Sse::new(events).keep_alive(keep_alive).into_response()
}
