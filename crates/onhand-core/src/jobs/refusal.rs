//! The lawful noes of consumers and jobs.

use serde::{Deserialize, Serialize};

use super::{JobState, Queue};
use crate::ids::JobId;

/// Why nothing is done with a consumer or a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// Nobody reads the log for this queue.
    UnknownQueue {
        /// As it was sent.
        queue: Queue,
    },
    /// Somebody else has moved the cursor since the log was read.
    CursorMoved {
        /// Where it was thought to be.
        expected: i64,
        /// Where it is.
        actual: i64,
    },
    /// A part of the log that is not there.
    NotInLog {
        /// The first event that was named.
        from: i64,
        /// The last event that was named.
        to: i64,
        /// The newest that there is.
        newest: i64,
    },
    /// Too many jobs wait, or too many are made at once.
    QueueFull {
        /// How many more may wait.
        room: u64,
    },
    /// A part of the log is being delivered once more already.
    ReplayRunning {
        /// The last event that has been taken in of it.
        cursor: i64,
        /// The last event of it.
        to: i64,
    },
    /// No job has this id. One that ended long ago is gone.
    UnknownJob {
        /// As it was sent.
        job_id: JobId,
    },
    /// Only a dead job is tried again or given up by hand; the others go on by themselves.
    JobNotDead {
        /// Where it is.
        state: JobState,
    },
}
