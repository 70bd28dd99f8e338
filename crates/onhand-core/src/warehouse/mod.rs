//! What the external warehouse says. Its figure is what is physically there at an instant: a run
//! (a [`Sync`]) receives rows of figures, compares them with the ledger as of that instant, and
//! counts what differs. What happened since is netted, as of any count.
//!
//! A run is long and a command is not, so a run is received and applied in bounded steps. Nothing
//! is applied before the whole answer is here and was judged; from then on it always comes to its
//! end, whoever dies meanwhile: how far it is, is in its row, and each step is guarded by that. A
//! step that is asked for twice is done once.
//!
//! What must not happen here: that a figure takes what is promised (`shortfall.rs`), that a product
//! is made, or that a feed which has gone to zero empties the shop ([`Policy::guards`]).

mod needs;
mod operator;
mod receive;
mod refusal;
mod row;
mod settle;
mod shortfall;
mod steps;
mod sync;

use alloc::vec::Vec;

pub use needs::WarehouseNeeds;
pub use refusal::Refusal;
pub use row::{Action, Figure, LocationRef, NewRow, SyncRow};
pub use shortfall::Shortfall;
pub use sync::{
    Guard, Mode, NewShortfalls, Pass, Place, Policy, RowsKept, ShortfallPolicy, Status, Sync,
    Trigger,
};

pub(crate) use shortfall::{close, fill};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{LocationId, SyncId};
use crate::text::Text;
use crate::{Needs, State, Timestamp, Version};

/// A run to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSync {
    /// What makes it begin.
    pub trigger: Trigger,
    /// Who is asked, for people.
    pub source: Option<Text>,
    /// What it may do.
    pub policy: Policy,
    /// Whether it only tells the differences.
    pub dry_run: bool,
    /// Where rows are that do not say so; the first active location by priority when absent.
    pub location_id: Option<LocationId>,
    /// When the figures were true; when absent, when the warehouse was last asked
    /// ([`Command::Ask`]).
    pub as_of: Option<Timestamp>,
}

/// What may be asked of runs. Every answer is [`Reply::Sync`], but for the last.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins a run; refused while another one is open ([`Status::is_open`]).
    Begin(NewSync),
    /// Says that the warehouse is asked now: what was decided before is what its answer can know.
    /// By the clock of decisions, which no process is behind, and before the question goes out, so
    /// that whoever decides something after it does so later. Refused once there are rows.
    Ask {
        /// Which run.
        id: SyncId,
    },
    /// Takes in rows, as they were received.
    Stage {
        /// Of which run.
        id: SyncId,
        /// How many rows were taken in before: rows that were taken in already are refused.
        from_row: u32,
        /// At most [`SYNC_ROWS_STAGED_MAX`](crate::limits::SYNC_ROWS_STAGED_MAX) of them.
        rows: Vec<NewRow>,
    },
    /// Says that the whole answer was received: the run is judged and, if it may, applied by
    /// [`Command::Step`]s.
    Close {
        /// Which run.
        id: SyncId,
        /// How many rows there were.
        rows: u32,
        /// The answer's `ETag`.
        etag: Option<Text>,
        /// Where the warehouse is to go on.
        cursor: Option<Text>,
    },
    /// Goes on with a run that is comparing or applying, by a bounded step. To be asked until it
    /// is neither.
    Step {
        /// Which run.
        id: SyncId,
        /// As the run was seen: a step that was done already is refused.
        expected_version: Version,
        /// Most rows, at most [`SYNC_ROWS_APPLIED_MAX`](crate::limits::SYNC_ROWS_APPLIED_MAX).
        most: usize,
    },
    /// Ends a run without rows: the warehouse says that nothing has changed since the answer of
    /// this tag, all of which was settled.
    Unchanged {
        /// Which run.
        id: SyncId,
        /// The `ETag` of that answer.
        etag: Text,
    },
    /// Gives up a run of which nothing was applied yet.
    Fail {
        /// Which run.
        id: SyncId,
        /// Why, for people.
        reason: Text,
    },
    /// Approves what is held. The whole run goes on by [`Command::Step`]s; named rows are counted
    /// at once.
    Approve {
        /// Which run.
        id: SyncId,
        /// Which rows, at most [`SYNC_ROWS_DECIDED_MAX`](crate::limits::SYNC_ROWS_DECIDED_MAX);
        /// all that is held when absent.
        rows: Option<Vec<u32>>,
    },
    /// Rejects what is held: those rows are not counted.
    Reject {
        /// Which run.
        id: SyncId,
        /// Which rows; all that is held when absent.
        rows: Option<Vec<u32>>,
    },
    /// Forgets rows of runs that ended long ago, of one run at a time. Answers
    /// [`Reply::Forgotten`]; to be asked until that is 0.
    Forget {
        /// Those that ended before.
        before: Timestamp,
        /// Most rows, at most [`SYNC_ROWS_FORGOTTEN_MAX`](crate::limits::SYNC_ROWS_FORGOTTEN_MAX).
        most: usize,
    },
}

impl Command {
    /// The rows that this command names, as far as those at hand tell.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::Begin(_) => {
                needs.locations = true;
                needs.warehouse.open_sync = true;
            }
            Self::Stage { id, rows, .. } => {
                needs.locations = true;
                needs.warehouse.syncs.insert(*id);
                let figures = rows.iter().filter_map(|row| row.told.as_ref().ok());
                for reference in figures.flat_map(|figure| &figure.products) {
                    needs.product(known, reference);
                }
            }
            Self::Ask { id }
            | Self::Close { id, .. }
            | Self::Unchanged { id, .. }
            | Self::Step { id, .. }
            | Self::Fail { id, .. } => {
                needs.warehouse.syncs.insert(*id);
            }
            Self::Approve { id, rows } | Self::Reject { id, rows } => {
                needs.warehouse.syncs.insert(*id);
                let rows = rows.iter().flatten();
                needs.warehouse.rows.extend(rows.map(|row| (*id, *row)));
            }
            Self::Forget { before, .. } => needs.warehouse.old_sync = Some(*before),
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Begin(new) => receive::begin(draft, new),
            Self::Ask { id } => receive::ask(draft, *id),
            Self::Stage { id, from_row, rows } => receive::stage(draft, *id, *from_row, rows),
            Self::Close { id, rows, etag, cursor } => {
                receive::close(draft, *id, *rows, etag.as_ref(), cursor.as_ref())
            }
            Self::Step { id, expected_version, most } => {
                steps::step(draft, *id, *expected_version, *most)
            }
            Self::Unchanged { id, etag } => receive::unchanged(draft, *id, etag),
            Self::Fail { id, reason } => receive::fail(draft, *id, reason),
            Self::Approve { id, rows } => operator::approve(draft, *id, rows.as_deref()),
            Self::Reject { id, rows } => operator::reject(draft, *id, rows.as_deref()),
            Self::Forget { before, most } => steps::forget(draft, *before, *most),
        }
    }
}
