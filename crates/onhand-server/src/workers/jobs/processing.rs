//! Orders that are confirmed are taken up.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use onhand_core::events::EventBody;
use onhand_core::jobs::{Attempt, Ending, Job, NewJob, Queue};
use onhand_core::orders::{self, Status};
use onhand_core::text::Reference;
use onhand_core::{Command, Refusal};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::EventRow;

use super::{Done, Tools, Work};
use crate::adapters::gateways::http::bounded;
use crate::limits::PROCESSING_AT_ONCE_MAX;

/// What may confirm an order.
pub(super) const KINDS: [&str; 3] = ["order.placed", "order.confirmed", "order.revived"];

/// Takes orders up, through the queue in the database.
#[derive(Debug)]
pub struct Processing {
    /// The way to the database.
    pub tools: Tools,
    /// Whether a broker queues what is confirmed: then only what an operator has requeued is here.
    pub has_broker: bool,
}

/// The order that an event has confirmed.
pub(super) fn confirmed_by(event: &EventRow) -> Option<onhand_core::ids::OrderId> {
    match &event.body {
        EventBody::Order(order) if order.status == Status::Confirmed => Some(order.id),
        EventBody::Order(_)
        | EventBody::Product(_)
        | EventBody::Category(_)
        | EventBody::Location(_)
        | EventBody::Stock(_)
        | EventBody::Level { .. }
        | EventBody::Reservations(_)
        | EventBody::User(_)
        | EventBody::Session(_)
        | EventBody::ApiKey(_)
        | EventBody::Endpoint(_)
        | EventBody::Import(_)
        | EventBody::Sync(_)
        | EventBody::Shortfall(_)
        | EventBody::DeadLetter(_)
        | EventBody::Proof(_) => None,
    }
}

impl Work for Processing {
    fn queue(&self) -> Queue {
        Queue::Processing
    }

    fn at_once(&self) -> usize {
        PROCESSING_AT_ONCE_MAX
    }

    fn kinds(&self) -> Option<Vec<String>> {
        (!self.has_broker).then(|| KINDS.map(str::to_owned).into())
    }

    fn jobs_of(&self, event: &EventRow) -> Vec<NewJob> {
        let about = confirmed_by(event).and_then(|id| Reference::new(id.to_string()).ok());
        let job = about.map(|about| NewJob { event: event.seq, about, lane: None });
        job.into_iter().collect()
    }

    fn work_on(&self, job: Job) -> BoxFuture<'static, Done> {
        let tools = self.tools.clone();
        async move {
            let started = tokio::time::Instant::now();
            let (ending, reason) = take_up(&tools, &job).await;
            let attempt = Attempt {
                at: tools.clock.now(),
                reason: reason.as_deref().map(bounded),
                status: None,
                took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            };
            let is_tried = !matches!(ending, Ending::Untried(_));
            Done { ending, attempt: is_tried.then_some(attempt), pause: None }
        }
        .boxed()
    }
}

/// Takes an order up, and says what came of it.
async fn take_up(tools: &Tools, job: &Job) -> (Ending, Option<String>) {
    let Ok(id) = job.about.as_str().parse() else {
        return (Ending::Dead, Some("it is about no order".to_owned()));
    };
    match tools.submit(Command::Orders(orders::Command::Process { id })).await {
        Ok(Answer { outcome: Ok(_), .. }) => (Ending::Done, None),
        // It was taken up already, or has ended meanwhile.
        Ok(Answer {
            outcome: Err(Refusal::Orders(orders::Refusal::InvalidTransition { .. })),
            ..
        }) => (Ending::Skipped, None),
        Ok(Answer { outcome: Err(refusal), .. }) => {
            (Ending::Dead, Some(format!("refused: {}", refusal.code())))
        }
        // The lease runs out, and whoever comes next does it.
        Err(SubmitError::Stopping) => (Ending::Untried(tools.clock.now()), None),
        Err(error) => {
            tracing::warn!(%error, "an order is not taken up; trying again");
            (Ending::Untried(tools.after(Duration::from_secs(1))), None)
        }
    }
}
