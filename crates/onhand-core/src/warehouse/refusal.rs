//! The lawful noes of runs against the external warehouse.

use serde::{Deserialize, Serialize};

use super::{Action, Status};
use crate::ids::SyncId;

/// Why nothing is done with a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No run has this id.
    UnknownSync {
        /// As it was sent.
        sync_id: SyncId,
    },
    /// Another run has not come to its end: it is to be gone on with, or given up.
    SyncRunning {
        /// Which one.
        sync_id: SyncId,
        /// Where it is.
        status: Status,
    },
    /// The run is not where that could be done.
    SyncState {
        /// Where it is.
        status: Status,
    },
    /// The rows do not follow on those that were received.
    SyncMoved {
        /// After which row they were thought to follow.
        expected: u32,
        /// The last that was received.
        actual: u32,
    },
    /// More rows than one command, or one run, may have.
    TooManySyncRows {
        /// The bound.
        most: u64,
    },
    /// The run has no such row.
    UnknownSyncRow {
        /// As it was sent.
        row: u32,
    },
    /// Only a row that is held is approved or rejected.
    SyncRowNotHeld {
        /// Which row.
        row: u32,
        /// What came of it.
        action: Action,
    },
}
