//! What waits, is dead or is missing, in a few figures: what an operator looks at first. Counted up
//! to a bound by statements that go by an index, so that asking often costs nothing to speak of.

use onhand_core::Timestamp;
use onhand_core::jobs::Queue;
use onhand_core::warehouse::Sync;

use super::Reader;
use crate::limits::READERS;
use crate::query::ReadError;

/// What waits, is dead or is missing, as of one snapshot. Counts go up to
/// [`BACKLOG_ROWS_MAX`](crate::limits::BACKLOG_ROWS_MAX).
#[derive(Debug, Clone, PartialEq)]
pub struct Backlog {
    /// Position of the newest event.
    pub position: i64,
    /// Orders about which something is owed to a gateway.
    pub effects_waiting: u64,
    /// When the first of it is due.
    pub effects_due: Option<Timestamp>,
    /// Orders about which nothing is tried any more.
    pub effects_dead: u64,
    /// Messages of gateways about money that belongs to no order.
    pub notices_unmatched: u64,
    /// Who reads the log.
    pub queues: Vec<QueueBacklog>,
    /// Products at locations where less is there than is promised.
    pub shortfalls: u64,
    /// Runs against the warehouse that wait for an operator, among the newest.
    pub syncs_held: u64,
    /// The newest run against the warehouse.
    pub last_sync: Option<Sync>,
    /// Bytes of the database by what they are for; nothing of what cannot be told.
    pub bytes: Vec<(&'static str, u64)>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueBacklog {
    /// Which one.
    pub queue: Queue,
    /// Up to where it has read the log.
    pub cursor: i64,
    /// Its jobs that have not ended.
    pub open: u64,
    /// When the first of them is due.
    pub due: Option<Timestamp>,
    /// Its jobs that are dead.
    pub dead: u64,
}

/// How busy those are who read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLoad {
    /// Connections that are open.
    pub connections: u64,
    /// Reads that wait for one.
    pub waiting: u64,
}

impl Reader {
    /// What waits, is dead or is missing.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn backlog(&self) -> Result<Backlog, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.backlog().await,
            Self::Postgres(reader) => reader.backlog().await,
        }
    }

    /// How busy those are who read; asks nobody.
    pub fn load(&self) -> ReadLoad {
        match self {
            Self::Sqlite(reader) => {
                ReadLoad { connections: READERS as u64, waiting: reader.waiting() as u64 }
            }
            Self::Postgres(reader) => {
                let (connections, waiting) = reader.load();
                ReadLoad { connections: connections as u64, waiting: waiting as u64 }
            }
        }
    }
}
