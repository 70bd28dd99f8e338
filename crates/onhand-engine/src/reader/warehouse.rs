//! Questions about runs against the external warehouse.

use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::warehouse::{Shortfall, Sync, SyncRow};

use super::Reader;
use crate::query::{Page, ReadError, SyncFilter, SyncRowFilter};

impl Reader {
    /// A run.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn sync(&self, id: SyncId) -> Result<Option<Sync>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.sync(id).await,
            Self::Postgres(reader) => reader.sync(id).await,
        }
    }

    /// The run that is open, if one is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_sync(&self) -> Result<Option<Sync>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.open_sync().await,
            Self::Postgres(reader) => reader.open_sync().await,
        }
    }

    /// A page of runs, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn syncs(
        &self,
        filter: SyncFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Sync>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.syncs(filter, before, limit).await,
            Self::Postgres(reader) => reader.syncs(filter, before, limit).await,
        }
    }

    /// A page of the rows of a run, by their numbers.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn sync_rows(
        &self,
        filter: SyncRowFilter,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Page<SyncRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.sync_rows(filter, after, limit).await,
            Self::Postgres(reader) => reader.sync_rows(filter, after, limit).await,
        }
    }

    /// Open shortfalls by product and location, after a pair of them; at most `limit`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn shortfalls(
        &self,
        after: Option<(ProductId, LocationId)>,
        limit: usize,
    ) -> Result<Vec<Shortfall>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.shortfalls(after, limit).await,
            Self::Postgres(reader) => reader.shortfalls(after, limit).await,
        }
    }
}
