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
