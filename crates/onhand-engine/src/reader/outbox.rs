//! Questions about what follows from the log.

use onhand_core::Timestamp;
use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Consumer, Job, Queue};
use onhand_core::schedules::Schedule;
use onhand_core::webhooks::Endpoint;

use super::Reader;
use crate::query::{JobFilter, Page, ReadError};

impl Reader {
    /// Everybody who reads the log, and how far each is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn consumers(&self) -> Result<Vec<Consumer>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.consumers().await,
            Self::Postgres(reader) => reader.consumers().await,
        }
    }

    /// Who reads the log for a queue.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn consumer(&self, queue: Queue) -> Result<Option<Consumer>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.consumer(queue).await,
            Self::Postgres(reader) => reader.consumer(queue).await,
        }
    }

    /// The webhook endpoints that are there, oldest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.endpoints().await,
            Self::Postgres(reader) => reader.endpoints().await,
        }
    }

    /// A webhook endpoint that is there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, ReadError> {
        let found = match self {
            Self::Sqlite(reader) => reader.endpoint(id).await,
            Self::Postgres(reader) => reader.endpoint(id).await,
        };
        Ok(found?.filter(|endpoint| endpoint.deleted_at.is_none()))
    }

    /// What is done from time to time, as far as it was ever begun.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn schedules(&self) -> Result<Vec<Schedule>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.schedules().await,
            Self::Postgres(reader) => reader.schedules().await,
        }
    }

    /// A job.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.job(id).await,
            Self::Postgres(reader) => reader.job(id).await,
        }
    }

    /// When the next job of a queue is due; one that waits for another of its lane counts, too.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next_due(&self, queue: Queue) -> Result<Option<Timestamp>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.next_due(queue).await,
            Self::Postgres(reader) => reader.next_due(queue).await,
        }
    }

    /// When the next hold runs out, or has run out and was not swept.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn next_expiry(&self) -> Result<Option<Timestamp>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.next_expiry().await,
            Self::Postgres(reader) => reader.next_expiry().await,
        }
    }

    /// A page of jobs, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn jobs(
        &self,
        filter: JobFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Job>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.jobs(filter, before, limit).await,
            Self::Postgres(reader) => reader.jobs(filter, before, limit).await,
        }
    }
}
