//! What follows from the log: one consumer for each queue reads it behind a cursor and makes jobs
//! of it; a worker leases them and settles what came of them. Nothing is written with the order
//! for that: the log itself is the outbox, and whoever was away goes on where it was.
//!
//! The cursor is moved by the command that makes the jobs, and only from where the consumer read:
//! no event is taken in twice, and none is left out, however many processes try. At most
//! [`JOBS_OPEN_MAX`] jobs of a queue wait at once; the rest waits in the log.

mod dead;
mod job;
mod lease;
mod queue;
mod refusal;
mod take_in;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use dead::{DeadLetter, DeadTold};
pub use job::{Attempt, Ending, Job, JobState, NewJob, Settlement};
pub use queue::{ParseQueueError, Queue};
pub use refusal::Refusal;

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{EndpointId, JobId};
use crate::limits::JOBS_OPEN_MAX;
use crate::text::{Reference, Text};
use crate::{Needs, Timestamp, Version};

/// Who reads the log, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// The queue that it fills.
    pub queue: Queue,
    /// The last event that it has taken in.
    pub cursor: i64,
    /// A part of the log that it is to take in once more, from after the first up to and with the
    /// second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<(i64, i64)>,
    /// How many replays were asked for.
    pub replays: u32,
    /// How many of its jobs wait or are being done.
    pub open: u64,
    /// What was told of its dead letters, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<DeadTold>,
    /// How often it was changed.
    pub version: Version,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What may be asked of consumers and jobs.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins to read the log for a queue, from now on. Twice is fine.
    Begin {
        /// Which queue.
        queue: Queue,
    },
    /// Takes in a part of the log: makes the jobs that follow from it and moves the cursor.
    TakeIn {
        /// Which queue.
        queue: Queue,
        /// Whether it is the part that is to be taken in once more.
        is_replay: bool,
        /// Where the cursor was when the log was read.
        from: i64,
        /// The last event that was looked at.
        to: i64,
        /// At most [`JOBS_TAKEN_MAX`](crate::limits::JOBS_TAKEN_MAX) of them.
        jobs: Vec<NewJob>,
    },
    /// Gives the oldest jobs that are due to a worker.
    Lease {
        /// Of which queue.
        queue: Queue,
        /// Most of them, at most [`JOBS_LEASED_MAX`](crate::limits::JOBS_LEASED_MAX).
        most: usize,
        /// For how many seconds.
        secs: i64,
    },
    /// Takes in what came of leased ones.
    Settle {
        /// Of which queue.
        queue: Queue,
        /// At most [`JOBS_LEASED_MAX`](crate::limits::JOBS_LEASED_MAX) of them.
        settlements: Vec<Settlement>,
    },
    /// Keeps a message of a broker that nobody can make anything of.
    Bury {
        /// Which queue it came from.
        queue: Queue,
        /// What it said, as far as it can be shown.
        about: Reference,
        /// What is wrong with it.
        reason: Text,
    },
    /// Tells what was not told yet of a queue's dead letters, once it is time.
    TellDead {
        /// Which queue.
        queue: Queue,
    },
    /// Tries a dead job again.
    Requeue {
        /// Which one.
        id: JobId,
    },
    /// Gives up a dead job.
    Skip {
        /// Which one.
        id: JobId,
    },
    /// Forgets jobs that ended long ago.
    Forget {
        /// Those that ended before.
        before: Timestamp,
        /// Most of them, at most [`JOBS_FORGOTTEN_MAX`](crate::limits::JOBS_FORGOTTEN_MAX).
        most: usize,
    },
}

impl Command {
    /// The rows that this command names, as far as those at hand tell.
    pub(crate) fn names(&self, needs: &mut Needs) {
        match self {
            Self::Begin { queue }
            | Self::TakeIn { queue, .. }
            | Self::Bury { queue, .. }
            | Self::TellDead { queue } => {
                needs.consumers.insert(*queue);
            }
            Self::Lease { queue, most, .. } => {
                let wanted = needs.due_jobs.entry(*queue).or_default();
                *wanted = (*wanted).max(*most);
            }
            Self::Settle { queue, settlements } => {
                needs.consumers.insert(*queue);
                needs.jobs.extend(settlements.iter().map(|one| one.id));
                if let Queue::Webhook(id) = queue {
                    needs.endpoints.insert(*id);
                }
            }
            Self::Requeue { id } | Self::Skip { id } => {
                needs.jobs.insert(*id);
            }
            Self::Forget { before, most } => needs.ended_jobs = Some((*before, *most)),
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Begin { queue } => take_in::begin(draft, *queue).map(Reply::Consumer),
            Self::TakeIn { queue, is_replay, from, to, jobs } => {
                take_in::take_in(draft, *queue, *is_replay, (*from, *to), jobs)
            }
            Self::Lease { queue, most, secs } => lease::lease(draft, *queue, *most, *secs),
            Self::Settle { queue, settlements } => lease::settle(draft, *queue, settlements),
            Self::Bury { queue, about, reason } => lease::bury(draft, *queue, about, reason),
            Self::TellDead { queue } => dead::tell(draft, *queue),
            Self::Requeue { id } => lease::requeue(draft, *id),
            Self::Skip { id } => lease::skip(draft, *id),
            Self::Forget { before, most } => lease::forget(draft, *before, *most),
        }
    }
}

/// Begins to read the log for a new endpoint, from its own creation on.
pub(crate) fn begin_for(draft: &mut Draft<'_>, id: EndpointId) -> Result<(), Stop> {
    take_in::begin(draft, Queue::Webhook(id)).map(|_| ())
}

/// Has a part of the log delivered to an endpoint once more.
pub(crate) fn replay(
    draft: &mut Draft<'_>,
    id: EndpointId,
    from: i64,
    to: i64,
) -> Result<Consumer, Stop> {
    take_in::replay(draft, Queue::Webhook(id), from, to)
}

impl Consumer {
    /// How many more of its jobs may wait.
    pub fn room(&self) -> u64 {
        JOBS_OPEN_MAX.saturating_sub(self.open)
    }
}
