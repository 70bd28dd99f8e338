//! A run: everything that one answer of the external warehouse was, and what came of it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::row::Action;
use crate::actor::Actor;
use crate::ids::{LocationId, ProductId, SyncId};
use crate::limits::{SYNC_GUARD_ALL_ROWS_MIN, SYNC_GUARD_PERCENT, SYNC_GUARD_ROWS_MIN};
use crate::named::named;
use crate::text::Text;
use crate::{Timestamp, Version};

named! {
    /// Where a run is.
    Status {
        /// Its rows are coming in. Nothing of it is applied.
        Receiving = "receiving",
        /// All rows are here; what they do not name is being listed.
        Comparing = "comparing",
        /// Its rows are being settled, some in each step. From here it always comes to its end.
        Applying = "applying",
        /// An operator is to decide: about all of it where there is a `guard`, and nothing was
        /// applied; else about the rows that are held.
        Held = "held",
        /// All is settled.
        Applied = "applied",
        /// It only told the differences.
        Reported = "reported",
        /// An operator did not believe it; nothing of it was applied.
        Rejected = "rejected",
        /// The answer was not received whole, or was none. Nothing of it was applied.
        Failed = "failed",
    }
}

impl Status {
    /// Whether the run is being worked on. None begins meanwhile; but an operator may have one that
    /// was held go on beside another.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Receiving | Self::Comparing | Self::Applying)
    }
}

named! {
    /// How many of the rows of a run are not forgotten.
    RowsKept {
        /// All of them.
        All = "all",
        /// Some are gone.
        Some = "some",
        /// None of them; the run itself stays.
        None = "none",
    }
}

named! {
    /// What made a run begin.
    Trigger {
        /// Its time had come.
        Schedule = "schedule",
        /// Somebody asked for it over HTTP.
        Api = "api",
        /// An operator asked for it on the command line.
        Cli = "cli",
    }
}

named! {
    /// Who is believed.
    Mode {
        /// The warehouse: where it says otherwise, its figure is counted.
        WarehouseWins = "warehouse_wins",
        /// Nobody: differences are listed.
        ReportOnly = "report_only",
    }
}

named! {
    /// What is done where the warehouse has less than is promised.
    ShortfallPolicy {
        /// It is recorded and told; people decide.
        Report = "report",
        /// The newest orders that are not covered are told that they have to wait.
        Backorder = "backorder",
        /// The newest orders that are not covered are cancelled, with their payments.
        CancelNewest = "cancel_newest",
    }
}

/// What a run may do, as it was begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who is believed.
    pub mode: Mode,
    /// A row that differs by more units than this is held; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_units: Option<i64>,
    /// A row that differs by more per cent of our figure than this is held; none when absent.
    /// Either is enough. Where we have none, one unit more is 100 per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_percent: Option<u32>,
    /// A run that would empty at least so many per cent of the stocked rows that it names is held
    /// whole; 0 turns that off.
    pub guard_percent: u32,
    /// How many stocked rows it must name for that.
    pub guard_rows: u32,
    /// What is done where the warehouse has less than is promised.
    pub shortfall: ShortfallPolicy,
}

impl Default for Policy {
    /// The warehouse wins, no row is held, a run that empties the shop is.
    fn default() -> Self {
        Self {
            mode: Mode::WarehouseWins,
            hold_units: None,
            hold_percent: None,
            guard_percent: SYNC_GUARD_PERCENT,
            guard_rows: SYNC_GUARD_ROWS_MIN,
            shortfall: ShortfallPolicy::Report,
        }
    }
}

impl Policy {
    /// Whether a difference is to be approved by somebody.
    pub fn holds(&self, ours: i64, theirs: i64) -> bool {
        let difference = i128::from(theirs) - i128::from(ours);
        let units = difference.unsigned_abs();
        let is_many = self.hold_units.is_some_and(|most| units > most.unsigned_abs().into());
        let is_large = self.hold_percent.is_some_and(|percent| {
            units * 100 > u128::from(percent) * u128::from(ours.max(1).unsigned_abs())
        });
        is_many || is_large
    }

    /// Whether a run that empties so many of so many stocked rows is not to be believed as it is.
    /// A small shop is guarded too: where all of at least [`SYNC_GUARD_ALL_ROWS_MIN`] are emptied.
    pub fn guards(&self, emptied: u64, stocked: u64) -> bool {
        let is_share = stocked >= u64::from(self.guard_rows)
            && emptied.saturating_mul(100) >= stocked.saturating_mul(u64::from(self.guard_percent));
        let is_all = emptied == stocked && stocked >= SYNC_GUARD_ALL_ROWS_MIN;
        self.guard_percent > 0 && emptied > 0 && (is_share || is_all)
    }
}

/// Why a whole run is held, and what an operator said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Stocked rows that it would empty.
    pub emptied: u64,
    /// Stocked rows that it names.
    pub stocked: u64,
    /// Whether an operator has approved the run; nobody has decided yet when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_approved: Option<bool>,
}

named! {
    /// Which rows are being settled, and how.
    Pass {
        /// Those that wait are counted.
        Waiting = "waiting",
        /// Those that are held are counted: an operator has approved them together.
        Approved = "approved",
        /// Those that wait are put aside: an operator has rejected the run.
        RejectedWaiting = "rejected_waiting",
        /// Those that are held are put aside: an operator has rejected them together.
        Rejected = "rejected",
    }
}

impl Pass {
    /// What is to have come of a row so far, for it to be taken.
    pub(crate) const fn takes(self) -> Action {
        match self {
            Self::Waiting | Self::RejectedWaiting => Action::Waiting,
            Self::Approved | Self::Rejected => Action::Held,
        }
    }
}

/// What a run has found to be promised and not there, of which that was not known before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewShortfalls {
    /// Rows that have found some.
    pub rows: u64,
    /// Units that are missing since.
    pub units: u64,
    /// Rows of them that were told when the run was held.
    pub told: u64,
}

impl NewShortfalls {
    /// Whether nothing was found.
    pub fn is_none(&self) -> bool {
        self.rows == 0
    }

    /// Rows that were not told yet.
    pub fn untold(&self) -> u64 {
        self.rows.saturating_sub(self.told)
    }
}

/// How far the listing of what a run does not name has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Where.
    pub location_id: LocationId,
    /// After which product; from the first when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ProductId>,
}

/// A run against the external warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Its id.
    pub id: SyncId,
    /// Where it is.
    pub status: Status,
    /// What made it begin.
    pub trigger: Trigger,
    /// Who asked for it.
    pub begun_by: Actor,
    /// Who was asked: an address or the name of a file, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Text>,
    /// What it may do.
    pub policy: Policy,
    /// Whether it only tells the differences, whatever the policy.
    pub dry_run: bool,
    /// Where rows are that do not say so.
    pub location_id: LocationId,
    /// When the figures were true, of rows that do not say so: when the warehouse was last asked.
    pub as_of: Timestamp,
    /// How many rows were received. Rows that are listed besides have numbers behind them.
    pub rows: u32,
    /// How many rows there are of each action, listed ones included.
    pub counts: BTreeMap<Action, u64>,
    /// Sum of all differences that were found, in units, each without its sign.
    pub drift_units: u64,
    /// Rows of which we had stock.
    pub stocked: u64,
    /// Those of them of which the warehouse has none.
    pub emptied: u64,
    /// Every location that a row names.
    pub locations: BTreeSet<LocationId>,
    /// How far the listing of what it does not name has come; nothing is left when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_to: Option<Place>,
    /// Which rows are being settled.
    pub pass: Pass,
    /// The last row that the pass has settled.
    pub applied_to: u32,
    /// Why all of it is, or was, held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// What is promised and not there, and was not known before.
    #[serde(default, skip_serializing_if = "NewShortfalls::is_none")]
    pub new_shortfalls: NewShortfalls,
    /// Who has last decided about all that was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Actor>,
    /// The answer's `ETag`, for the next question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Text>,
    /// Where the warehouse is to go on, for the next question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Text>,
    /// What came of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text>,
    /// How many of its rows are here: they are kept for a while.
    pub rows_kept: RowsKept,
    /// How often it was changed.
    pub version: Version,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When nothing was left to do, for anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Sync {
    /// Rows of an action.
    pub fn count(&self, action: Action) -> u64 {
        self.counts.get(&action).copied().unwrap_or(0)
    }

    /// Since when nothing is left to do, while rows of it are kept.
    pub fn rows_ended_at(&self) -> Option<Timestamp> {
        self.ended_at.filter(|_| self.rows_kept != RowsKept::None)
    }

    /// Whether it changes nothing.
    pub fn only_reports(&self) -> bool {
        self.dry_run || self.policy.mode == Mode::ReportOnly
    }

    /// Whether all of it is held.
    pub fn is_guarded(&self) -> bool {
        let guard = self.guard.as_ref();
        self.status == Status::Held && guard.is_some_and(|guard| guard.is_approved.is_none())
    }

    /// Whether an operator has rejected all of it: nothing of it was counted.
    pub(super) fn is_rejected(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.is_approved == Some(false))
    }

    /// Notes what came of a row, and what it was before.
    pub(super) fn note(&mut self, before: Option<Action>, after: Action) {
        if before == Some(after) {
            return;
        }
        if let Some(rows) = before.and_then(|before| self.counts.get_mut(&before)) {
            *rows = rows.saturating_sub(1);
        }
        *self.counts.entry(after).or_default() += 1;
    }

    /// Notes that more units are missing of what a row names than were known to be.
    pub(super) fn note_missing(&mut self, units: i64) {
        if let Some(units) = u64::try_from(units).ok().filter(|units| *units > 0) {
            self.new_shortfalls.rows += 1;
            self.new_shortfalls.units = self.new_shortfalls.units.saturating_add(units);
        }
    }

    /// What came of it so far: `3 counted, 97 unchanged`.
    pub(super) fn words(&self) -> Text {
        let mut words = String::new();
        for (action, rows) in self.counts.iter().filter(|(_, rows)| **rows > 0) {
            let comma = if words.is_empty() { "" } else { ", " };
            let name = action.as_str().replace('_', " ");
            // Writing into a string cannot fail.
            let _ = write!(words, "{comma}{rows} {name}");
        }
        if words.is_empty() {
            words.push_str("no rows");
        }
        Text::new(words).unwrap_or_default()
    }
}
