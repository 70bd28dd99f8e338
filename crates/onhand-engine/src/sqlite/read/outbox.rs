//! What follows from the log: who reads it, jobs, webhook endpoints, schedules.

use onhand_core::Timestamp;
use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Consumer, Job, JobState, Queue};
use onhand_core::schedules::Schedule;
use onhand_core::webhooks::Endpoint;
use rusqlite::{Connection, OptionalExtension, Result, params};
use serde::de::DeserializeOwned;

use super::super::readers::Reader;
use super::super::{codec, outbox};
use crate::columns::*;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{JobFilter, Page, ReadError};

impl Reader {
    /// Everybody who reads the log.
    pub(crate) async fn consumers(&self) -> Result<Vec<Consumer>, ReadError> {
        self.read(|view| all(view.connection, "SELECT document FROM consumers ORDER BY name")).await
    }

    /// Who reads the log for a queue.
    pub(crate) async fn consumer(&self, queue: Queue) -> Result<Option<Consumer>, ReadError> {
        self.read(move |view| outbox::consumer(view.connection, queue)).await
    }

    /// The webhook endpoints that are there, oldest first.
    pub(crate) async fn endpoints(&self) -> Result<Vec<Endpoint>, ReadError> {
        self.read(|view| {
            let sql = "SELECT document FROM webhook_endpoints \
                       WHERE document ->> '$.deleted_at' IS NULL";
            let mut found: Vec<Endpoint> = all(view.connection, sql)?;
            found.sort_unstable_by_key(|endpoint| endpoint.id);
            Ok(found)
        })
        .await
    }

    /// A webhook endpoint, also one that was taken away.
    pub(crate) async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, ReadError> {
        self.read(move |view| outbox::endpoint(view.connection, id)).await
    }

    /// What is done from time to time.
    pub(crate) async fn schedules(&self) -> Result<Vec<Schedule>, ReadError> {
        self.read(|view| all(view.connection, "SELECT document FROM schedules ORDER BY name")).await
    }

    /// A job.
    pub(crate) async fn job(&self, id: JobId) -> Result<Option<Job>, ReadError> {
        self.read(move |view| outbox::job(view.connection, id)).await
    }

    /// When the next job of a queue is due.
    pub(crate) async fn next_due(&self, queue: Queue) -> Result<Option<Timestamp>, ReadError> {
        self.read(move |view| {
            let next: Option<i64> = view
                .connection
                .prepare_cached(
                    "SELECT due_at FROM jobs INDEXED BY jobs_due WHERE queue = ?1 \
                     AND state = 'waiting' ORDER BY due_at LIMIT 1",
                )?
                .query_row([queue.to_string()], |row| row.get(0))
                .optional()?;
            next.map(codec::instant).transpose()
        })
        .await
    }

    /// When the next hold runs out, or has run out and was not swept.
    pub(crate) async fn next_expiry(&self) -> Result<Option<Timestamp>, ReadError> {
        self.read(|view| {
            let next: Option<i64> = view
                .connection
                .prepare_cached(
                    "SELECT expires_at FROM reservations WHERE expires_at IS NOT NULL \
                     ORDER BY expires_at LIMIT 1",
                )?
                .query_row([], |row| row.get(0))
                .optional()?;
            next.map(codec::instant).transpose()
        })
        .await
    }

    /// A page of jobs, newest first.
    pub(crate) async fn jobs(
        &self,
        filter: JobFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Job>, ReadError> {
        self.read(move |view| jobs(view.connection, filter, before, limit)).await
    }
}

fn all<T: DeserializeOwned>(connection: &Connection, sql: &'static str) -> Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([], |row| codec::document(row, 0))?.collect()
}

fn jobs(
    connection: &Connection,
    filter: JobFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Job>> {
    let [before, most] = bounds(before, limit);
    let queue = filter.queue.map(|queue| queue.to_string());
    if filter.state == Some(JobState::Dead) {
        let mut select = connection.prepare_cached(concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs INDEXED BY jobs_dead WHERE state = 'dead' AND id < ?1 \
             AND (?2 IS NULL OR queue = ?2) ORDER BY id DESC LIMIT ?3"
        ))?;
        let rows = select.query_map(params![before, queue, most], codec::job)?;
        return Ok(page(rows.collect::<Result<Vec<_>>>()?, limit, |job| job.id.number()));
    }
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(id) FROM jobs")?.query_row([], |row| row.get(0))?;
    let before = before.min(newest.unwrap_or(0).saturating_add(1));
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        job_columns!(),
        " FROM jobs WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR queue = ?3) \
         AND (?4 IS NULL OR state = ?4) ORDER BY id DESC LIMIT ?5"
    ))?;
    let state = filter.state.map(JobState::as_str);
    let rows = select.query_map(params![before, floor, queue, state, most], codec::job)?;
    Ok(filtered_page(rows.collect::<Result<Vec<_>>>()?, limit, floor, |job| job.id.number()))
}
