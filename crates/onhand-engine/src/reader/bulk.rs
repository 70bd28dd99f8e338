//! Questions about bulk data.

use onhand_core::Timestamp;
use onhand_core::ids::ImportId;
use onhand_core::imports::{Import, ImportRow};

use super::Reader;
use crate::query::{LedgerRow, Page, ReadError};

impl Reader {
    /// An import, with what is told of single rows.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn import(&self, id: ImportId) -> Result<Option<ImportRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.import(id).await,
            Self::Postgres(reader) => reader.import(id).await,
        }
    }

    /// A page of imports, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn imports(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Import>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.imports(before, limit).await,
            Self::Postgres(reader) => reader.imports(before, limit).await,
        }
    }

    /// Imports of whose file nothing has come since a second, oldest first; at most so many. Every
    /// import is looked at, so this is for whoever tidies up: there is one for each file.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn silent_imports(
        &self,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<ImportId>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.silent_imports(since, most).await,
            Self::Postgres(reader) => reader.silent_imports(since, most).await,
        }
    }

    /// A page of the ledger of all products, oldest entry first, after a position.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn ledger(&self, after: i64, limit: usize) -> Result<Page<LedgerRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.ledger(after, limit).await,
            Self::Postgres(reader) => reader.ledger(after, limit).await,
        }
    }
}
