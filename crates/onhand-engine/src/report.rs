//! What `verify` came to: the same for every store.

use serde::Serialize;

/// Most offenders that a check names.
pub(crate) const OFFENDERS_MAX: usize = 10;

/// One broken promise.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// Which row, and what is wrong with it.
    pub offender: String,
}

/// What one invariant came to.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// Its id in the reliability document.
    pub id: &'static str,
    /// What must hold.
    pub promise: &'static str,
    /// Rows looked at.
    pub rows: i64,
    /// How many break it.
    pub violations: i64,
    /// The first of them.
    pub offenders: Vec<Violation>,
}

impl Check {
    /// Adds what was found of the same promise elsewhere.
    pub fn add(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.violations = self.violations.saturating_add(other.violations);
        let room = OFFENDERS_MAX.saturating_sub(self.offenders.len());
        self.offenders.extend(other.offenders.into_iter().take(room));
    }
}

/// What a run of `verify` came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `quick` or `full`.
    pub mode: &'static str,
    /// Position of the newest event of the snapshot.
    pub last_event: i64,
    /// Hash over both logs up to there, in hexadecimal: equal for equal histories.
    pub chain: String,
    /// What the store says of its own files: `ok`.
    pub storage: String,
    /// One per invariant.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether the file itself is sound.
    pub fn storage_is_sound(&self) -> bool {
        self.storage == "ok"
    }

    /// How many rows break a promise.
    pub fn violations(&self) -> i64 {
        self.checks.iter().map(|check| check.violations).sum()
    }
}

/// The figures of a level that follow from its movements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelFigures {
    /// Units that are there.
    pub on_hand: i64,
    /// Units that are promised.
    pub reserved: i64,
    /// Units that came in.
    pub received: i64,
    /// Units that left for orders; zero or negative.
    pub sold: i64,
    /// Units that came back.
    pub returned: i64,
    /// Corrections by hand.
    pub adjusted: i64,
    /// Differences found by counting.
    pub counted: i64,
    /// Units moved between locations.
    pub transferred: i64,
    /// How many movements there are.
    pub movements: i64,
}

/// A level that is not what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelDifference {
    /// The product's id: `prd_7`.
    pub product_id: String,
    /// The location's id: `loc_1`.
    pub location_id: String,
    /// What is stored; nothing where there is no row.
    pub stored: Option<LevelFigures>,
    /// What the ledger says; nothing where it has no entry.
    pub ledger: Option<LevelFigures>,
}

/// What recomputing all levels from the ledger came to.
#[derive(Debug, Clone, Serialize)]
pub struct Rebuild {
    /// Levels that are stored.
    pub levels: i64,
    /// Entries of the ledger.
    pub movements: i64,
    /// How many levels differ.
    pub differing: i64,
    /// The first of them, at most 1,000.
    pub differences: Vec<LevelDifference>,
}
