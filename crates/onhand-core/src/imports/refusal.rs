//! The lawful noes of imports, in the order in which they are looked for.

use serde::{Deserialize, Serialize};

use super::State;
use crate::ids::ImportId;
use crate::text::{Name, Sku};

/// Why an import, or a row of one, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No import has this id.
    UnknownImport {
        /// As it was sent.
        import_id: ImportId,
    },
    /// It takes no rows any more.
    ImportEnded {
        /// Which one.
        import_id: ImportId,
        /// What it came to.
        state: State,
    },
    /// Somebody else has sent rows of the same import meanwhile.
    ImportMoved {
        /// How many rows it had taken when these were read.
        expected: u64,
        /// How many it has taken.
        actual: u64,
    },
    /// The file does not begin with what was taken.
    ImportFileDiffers {
        /// Which one.
        import_id: ImportId,
        /// How many rows it has taken.
        rows: u64,
    },
    /// More rows than one command may have.
    TooManyRows {
        /// How many it may have.
        most: u64,
    },
    /// No location has this code.
    UnknownLocationCode {
        /// As it was sent.
        location_code: Name,
    },
    /// A product that is not there yet needs more than the row says.
    NewProductIncomplete {
        /// Its SKU.
        sku: Sku,
        /// What is missing.
        field: Name,
    },
}
