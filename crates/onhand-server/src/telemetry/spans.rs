//! The spans in which work is done, with the same names of fields everywhere: `request_id`,
//! `event`, `order`, `job`, `queue`. Lines of the log that are written within one carry them.

use axum::http::HeaderMap;
use onhand_core::ids::{OrderId, SyncId};
use onhand_core::jobs::Job;
use onhand_core::schedules::ScheduleName;
use tracing::{Span, field};

use super::trail::{Origin, Trail};

/// A job, with what it follows from.
pub fn job(trail: &Trail, job: &Job) -> Span {
    let (id, queue, event, tries) = (&job.id, &job.queue, job.event, job.tries);
    let span =
        tracing::info_span!("job", job = %id, %queue, event, tries, request_id = field::Empty);
    follow(span, trail.of_event(job.event))
}

/// A call to a gateway about an order, with the request that has changed the order last.
pub fn effect(trail: &Trail, order: OrderId) -> Span {
    let span = tracing::info_span!("effect", %order, request_id = field::Empty);
    follow(span, trail.of_order(order.number()))
}

/// A run of what is done from time to time.
pub fn schedule(name: ScheduleName) -> Span {
    tracing::info_span!("schedule", schedule = name.as_str())
}

/// What is asked of the external warehouse for a run.
pub fn warehouse(sync: SyncId) -> Span {
    tracing::info_span!("warehouse", %sync)
}

fn follow(span: Span, origin: Option<Origin>) -> Span {
    if let Some(origin) = origin {
        span.record("request_id", origin.id());
        #[cfg(feature = "otel")]
        super::otel::follow(&span, &origin);
    }
    span
}

/// Hands the trace on to whoever is asked, in the headers of the request.
#[cfg_attr(not(feature = "otel"), expect(unused_variables, reason = "nothing is traced"))]
pub fn carry(headers: &mut HeaderMap) {
    #[cfg(feature = "otel")]
    super::otel::carry(headers);
}
