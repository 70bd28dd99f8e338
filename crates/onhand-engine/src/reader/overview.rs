//! Questions of people who look at the whole: what was ordered lately, and what happened last.

use onhand_core::Timestamp;

use super::Reader;
use crate::query::{EventRow, LogFilter, Page, ReadError, Trade};

impl Reader {
    /// What was ordered between each two of these instants, which are in their order, with a sample
    /// of at most so many orders. Costs as much as there are instants and orders in the sample,
    /// however many were placed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn trade(&self, bounds: Vec<Timestamp>, most: usize) -> Result<Trade, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.trade(bounds, most).await,
            Self::Postgres(reader) => reader.trade(&bounds, most).await,
        }
    }

    /// A page of the log, newest first; `before` is where the last page ended.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn log(
        &self,
        filter: LogFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<EventRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.log(filter, before, limit).await,
            Self::Postgres(reader) => reader.log(&filter, before, limit).await,
        }
    }
}
