//! A job, and what may come of it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Queue;
use crate::ids::JobId;
use crate::limits::JOB_ATTEMPTS_KEPT_MAX;
use crate::named::named;
use crate::text::{Reference, Text};
use crate::{Timestamp, Version};

named! {
    /// Where a job is.
    JobState {
        /// It will be tried when it is due.
        Waiting = "waiting",
        /// It is done.
        Done = "done",
        /// It is not tried any more, until somebody has looked at it.
        Dead = "dead",
        /// Nobody will do it: an operator has given it up, or there was nothing to do any more.
        Skipped = "skipped",
    }
}

/// Something to be done once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where it belongs.
    pub queue: Queue,
    /// The event that it follows from; 0 for a message of a broker.
    pub event: i64,
    /// What is to be done about it: an order's id, the type of an event, a template and who gets
    /// it. Once for each event and replay.
    pub about: Reference,
    /// The object whose jobs of this queue are done one after the other; any order when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Reference>,
    /// Which replay it belongs to; 0 for what was not replayed.
    pub replay: u32,
    /// Where it is.
    pub state: JobState,
    /// When it is to be tried; while it is leased, when the lease ends; when it has ended, when
    /// that was.
    pub due_at: Timestamp,
    /// Whether somebody has it and may be at it.
    pub leased: bool,
    /// How often it was leased.
    pub epoch: u64,
    /// How often it was tried, since it was last requeued.
    pub tries: u32,
    /// The newest tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// How it went: nothing when it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// What was answered, where there was an answer: a status of HTTP or SMTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// A job to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The event that it follows from.
    pub event: i64,
    /// What is to be done about it.
    pub about: Reference,
    /// The object whose jobs are done one after the other.
    pub lane: Option<Reference>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Done,
    /// There was nothing to do any more.
    Skipped,
    /// It is to be tried again.
    Again(Timestamp),
    /// Nobody tried; it counts for nothing, and is due again then.
    Untried(Timestamp),
    /// Trying again would not help.
    Dead,
}

/// What came of a leased job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Which job.
    pub id: JobId,
    /// As it was leased: whoever was overtaken settles nothing.
    pub epoch: u64,
    /// How it ended.
    pub ending: Ending,
    /// The try; none where nobody tried.
    pub attempt: Option<Attempt>,
}

impl Job {
    /// Whether it is leased to whoever brings this.
    pub(super) fn is_leased_as(&self, epoch: u64) -> bool {
        self.state == JobState::Waiting && self.leased && self.epoch == epoch
    }

    /// Why the last try did not succeed.
    pub fn reason(&self) -> Option<&Text> {
        self.attempts.last().and_then(|attempt| attempt.reason.as_ref())
    }

    pub(super) fn note(&mut self, attempt: Attempt) {
        if self.attempts.len() >= JOB_ATTEMPTS_KEPT_MAX {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}
