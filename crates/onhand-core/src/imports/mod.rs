//! Bulk data on its way in. An **import** is a file of products or of stock, taken row by row in
//! bounded batches. The import's position moves in the commit that takes the rows, and only from
//! where it stands, so that no crash, repeat or second sender applies a row twice or leaves one
//! out. A row goes through the same rules as a command of its own; one that is refused is recorded
//! with its line and leaves its neighbours alone.
//!
//! Nothing here knows what a file looks like: reading one is the server's.

mod refusal;
mod row;
mod take;
mod upsert;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use refusal::Refusal;
pub use row::{
    Difference, Entry, Fault, FaultReason, FieldDifference, LocationRef, ProductRow, Row, StockRow,
    Unreadable,
};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{ImportId, LocationId};
use crate::named::named;
use crate::text::{Name, Reference, Sku, Text};
use crate::{Actor, Currency, Needs, Timestamp, Version};

named! {
    /// What the rows of a file are.
    Kind {
        /// Products, with their first stock.
        Products = "products",
        /// What is on hand.
        Stock = "stock",
    }
}

named! {
    /// Where an import stands.
    State {
        /// It takes rows.
        Receiving = "receiving",
        /// The whole file was taken.
        Completed = "completed",
        /// It was given up; what was taken stays.
        Failed = "failed",
    }
}

/// What is to be imported, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What the rows are.
    pub kind: Kind,
    /// What the file looks like: a word of whoever reads it.
    pub format: Name,
    /// Whether everything is decided and nothing of it kept.
    pub dry_run: bool,
    /// The currency of prices that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The location of rows that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// Columns of the file that nothing is made of, as far as they are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// What came of the rows. Each is one of created, updated, unchanged and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Rows of products that are new.
    pub created: u64,
    /// Rows that changed something.
    pub updated: u64,
    /// Rows that said what was known.
    pub unchanged: u64,
    /// Rows that were not taken over.
    pub failed: u64,
    /// Movements made, of all rows.
    pub counted: u64,
}

impl Tally {
    /// All rows.
    pub const fn rows(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.failed
    }
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Rows taken.
    pub rows: u64,
    /// Bytes of the file up to the end of the last of them.
    pub bytes: u64,
    /// A hash over those bytes; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Reference>,
}

/// An import as it stands, but for what is told of single rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its id. It has the number of the event that began it.
    pub id: ImportId,
    /// What is imported.
    pub plan: Plan,
    /// Where it stands.
    pub state: State,
    /// How far the file was taken.
    pub position: Position,
    /// What came of the rows.
    pub tally: Tally,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text>,
    /// Who began it.
    pub actor: Actor,
    /// How often it was changed.
    pub version: Version,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An import with what is told of single rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    /// The import.
    pub import: Import,
    /// The first rows that were not taken over, at most
    /// [`IMPORT_FAULTS_MAX`](crate::limits::IMPORT_FAULTS_MAX).
    pub faults: Vec<Fault>,
    /// Of a dry run, what the first rows would change: at most
    /// [`IMPORT_DIFFERENCES_MAX`](crate::limits::IMPORT_DIFFERENCES_MAX).
    pub differences: Vec<Difference>,
}

/// What may be asked of imports.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins one. It has taken no rows.
    Begin(Plan),
    /// Takes the rows that follow.
    Take {
        /// Which one.
        id: ImportId,
        /// How many rows it had taken when these were read.
        from: u64,
        /// At most [`IMPORT_ROWS_TAKEN_MAX`](crate::limits::IMPORT_ROWS_TAKEN_MAX) of them.
        rows: Vec<Entry>,
        /// Bytes of the file up to the end of the last of them.
        bytes: u64,
        /// A hash over those bytes.
        fingerprint: Reference,
        /// Whether the file ends with them.
        is_last: bool,
    },
    /// Gives one up. What it has taken stays.
    Fail {
        /// Which one.
        id: ImportId,
        /// Why.
        reason: Text,
    },
    /// Gives one up whose file has not come for
    /// [`IMPORT_SILENT_SECS_MAX`](crate::limits::IMPORT_SILENT_SECS_MAX), and leaves any other as
    /// it is: rows may have come since somebody looked.
    EndSilent {
        /// Which one.
        id: ImportId,
    },
}

impl Command {
    /// The rows that this command names; of products only those that are not known.
    pub(crate) fn names(&self, known: &crate::State, needs: &mut Needs) {
        match self {
            Self::Begin(_) => needs.locations = true,
            Self::Take { id, rows, .. } => {
                needs.imports.insert(*id);
                needs.locations = true;
                for row in rows.iter().filter_map(|entry| entry.content.as_ref().ok()) {
                    needs.sku(known, row.sku());
                    if let Row::Product(row) = row {
                        needs.categories.extend(row.category_ids.iter().flatten().copied());
                    }
                }
            }
            Self::Fail { id, .. } | Self::EndSilent { id } => {
                needs.imports.insert(*id);
            }
        }
    }

    /// The products that are not to stay at hand for what comes after.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        let rows = match self {
            Self::Begin(_) | Self::Fail { .. } | Self::EndSilent { .. } => &[][..],
            Self::Take { rows, .. } => rows,
        };
        rows.iter().filter_map(|entry| entry.content.as_ref().ok()).map(Row::sku)
    }

    /// How much it does, in rows.
    pub fn weight(&self) -> usize {
        match self {
            Self::Begin(_) | Self::Fail { .. } | Self::EndSilent { .. } => 1,
            Self::Take { rows, .. } => rows.len().max(1),
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        let import = match self {
            Self::Begin(plan) => take::begin(draft, plan)?,
            Self::Take { id, from, rows, bytes, fingerprint, is_last } => {
                let to = Position {
                    rows: *from + rows.len() as u64,
                    bytes: *bytes,
                    fingerprint: Some(fingerprint.clone()),
                };
                take::take(draft, *id, *from, rows, to, *is_last)?
            }
            Self::Fail { id, reason } => take::fail(draft, *id, reason)?,
            Self::EndSilent { id } => take::end_silent(draft, *id)?,
        };
        Ok(Reply::Import(import))
    }
}
