//! Does what follows from the log. For each queue a runner reads the log behind its cursor and
//! makes jobs of it, leases what is due, does it side by side up to a bound, and settles what came
//! of it in batches. What is done in a queue, and what of the log concerns it, is a [`Work`]. Any
//! number of processes may run the same queues: the cursor is moved once, and a job is leased to
//! one of them.

pub mod broker;
mod endpoints;
mod follow;
mod mail;
mod processing;
mod runner;
mod take_in;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use onhand_core::jobs::{Attempt, Ending, Job, NewJob, Queue};
use onhand_core::{Command, Timestamp};
use onhand_engine::clock::Clock;
use onhand_engine::committer::Submit;
use onhand_engine::database::Leases;
use onhand_engine::query::EventRow;
use onhand_engine::{Reader, SubmitError};

use crate::telemetry::trail::Trail;

pub use endpoints::run as tell_endpoints;
pub use mail::Mails;
pub use processing::Processing;
pub use runner::run;

use crate::limits::JOB_LEASE;
use crate::metrics::Work as Counted;

/// What every runner works with. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    /// The way to the committer.
    pub submit: Submit,
    /// The way to the readers.
    pub reader: Reader,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What only one process does at a time.
    pub leases: Arc<Leases>,
    /// Where tries are counted.
    pub counted: Arc<Counted>,
    /// Which requests the newest events follow from.
    pub trail: Trail,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

impl Tools {
    /// The instant so long from now.
    fn after(&self, wait: Duration) -> Timestamp {
        self.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    pub(in crate::workers) async fn submit(
        &self,
        command: Command,
    ) -> Result<onhand_engine::committer::Answer, SubmitError> {
        self.submit.submit(command, onhand_core::Actor::System, None).await
    }

    /// An event of the log.
    async fn event(&self, seq: i64) -> Option<EventRow> {
        let page = self.reader.events(seq - 1, Vec::new(), 1).await;
        match page {
            Ok(page) => page.rows.into_iter().find(|row| row.seq == seq),
            Err(error) => {
                tracing::warn!(%error, seq, "an event cannot be read");
                None
            }
        }
    }
}

/// When everything is to end.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// What came of doing a job once.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub ending: Ending,
    /// The try; none where nobody tried.
    pub attempt: Option<Attempt>,
    /// For how long the whole queue is better left alone.
    pub pause: Option<Duration>,
}

/// What is done in a queue.
pub trait Work: Send + Sync + 'static {
    /// Which queue.
    fn queue(&self) -> Queue;

    /// Most jobs that are done side by side.
    fn at_once(&self) -> usize;

    /// The types of events that concern it; all of them when empty. Nothing when it only ends what
    /// is left.
    fn kinds(&self) -> Option<Vec<String>>;

    /// The jobs that follow from an event: always the same.
    fn jobs_of(&self, event: &EventRow) -> Vec<NewJob>;

    /// Does a job once. It may have been done before, by whoever did not come back.
    fn work_on(&self, job: Job) -> BoxFuture<'static, Done>;

    /// For how long a lease lasts: longer than a job takes.
    fn lease(&self) -> Duration {
        JOB_LEASE
    }
}
