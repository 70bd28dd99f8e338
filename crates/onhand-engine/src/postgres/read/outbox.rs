//! What follows from the log: who reads it, jobs, webhook endpoints, schedules.

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Consumer, Job, JobState, Queue};
use onhand_core::schedules::Schedule;
use onhand_core::webhooks::Endpoint;

use super::super::codec::{self, get};
use super::super::error::Result;
use super::super::readers::{Reader, all, listed, one, row, rows};
use crate::columns::*;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{JobFilter, Page, ReadError};

const CONSUMERS: &str = "SELECT document FROM consumers ORDER BY name";
const CONSUMER: &str = "SELECT document FROM consumers WHERE name = $1";
const ENDPOINTS: &str =
    "SELECT document FROM webhook_endpoints WHERE document::jsonb ->> 'deleted_at' IS NULL";
const ENDPOINT: &str = "SELECT document FROM webhook_endpoints WHERE name = $1";
const SCHEDULES: &str = "SELECT document FROM schedules ORDER BY name";
const JOB: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1");
const NEXT_DUE: &str = "SELECT due_at FROM jobs WHERE queue = $1 AND state = 'waiting' \
     ORDER BY due_at LIMIT 1";
const NEXT_EXPIRY: &str = "SELECT expires_at FROM reservations WHERE expires_at IS NOT NULL \
     ORDER BY expires_at LIMIT 1";
const NEWEST: &str = "SELECT max(id) FROM jobs";
const DEAD: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE state = 'dead' AND id < $1 AND ($2::text IS NULL OR queue = $2) \
     ORDER BY id DESC LIMIT $3"
);
const PAGE: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE id < $1 AND id >= $2 AND ($3::text IS NULL OR queue = $3) \
     AND ($4::text IS NULL OR state = $4) ORDER BY id DESC LIMIT $5"
);

impl Reader {
    /// Everybody who reads the log.
    pub(crate) async fn consumers(&self) -> std::result::Result<Vec<Consumer>, ReadError> {
        one!(self, client => all(client, "consumers", CONSUMERS, &[]))
    }

    /// Who reads the log for a queue.
    pub(crate) async fn consumer(
        &self,
        queue: Queue,
    ) -> std::result::Result<Option<Consumer>, ReadError> {
        let name = queue.to_string();
        let found: std::result::Result<Vec<Consumer>, ReadError> =
            one!(self, client => all(client, "consumers", CONSUMER, &[&name]));
        Ok(found?.pop())
    }

    /// The webhook endpoints that are there, oldest first.
    pub(crate) async fn endpoints(&self) -> std::result::Result<Vec<Endpoint>, ReadError> {
        let found: std::result::Result<Vec<Endpoint>, ReadError> =
            one!(self, client => all(client, "webhook_endpoints", ENDPOINTS, &[]));
        let mut found = found?;
        found.sort_unstable_by_key(|endpoint| endpoint.id);
        Ok(found)
    }

    /// A webhook endpoint, also one that was taken away.
    pub(crate) async fn endpoint(
        &self,
        id: EndpointId,
    ) -> std::result::Result<Option<Endpoint>, ReadError> {
        let name = id.to_string();
        let found: std::result::Result<Vec<Endpoint>, ReadError> =
            one!(self, client => all(client, "webhook_endpoints", ENDPOINT, &[&name]));
        Ok(found?.pop())
    }

    /// What is done from time to time.
    pub(crate) async fn schedules(&self) -> std::result::Result<Vec<Schedule>, ReadError> {
        one!(self, client => all(client, "schedules", SCHEDULES, &[]))
    }

    /// A job.
    pub(crate) async fn job(&self, id: JobId) -> std::result::Result<Option<Job>, ReadError> {
        one!(self, client => async {
            row(client, JOB, &[&id.number()]).await?.as_ref().map(codec::job).transpose()
        })
    }

    /// When the next job of a queue is due.
    pub(crate) async fn next_due(
        &self,
        queue: Queue,
    ) -> std::result::Result<Option<Timestamp>, ReadError> {
        let queue = queue.to_string();
        one!(self, client => async {
            let found = row(client, NEXT_DUE, &[&queue]).await?;
            found.map(|row| codec::instant("jobs", get(&row, "jobs", 0)?)).transpose()
        })
    }

    /// When the next hold runs out, or has run out and was not swept.
    pub(crate) async fn next_expiry(&self) -> std::result::Result<Option<Timestamp>, ReadError> {
        one!(self, client => async {
            let found = row(client, NEXT_EXPIRY, &[]).await?;
            let table = "reservations";
            found.map(|row| codec::instant(table, get(&row, table, 0)?)).transpose()
        })
    }

    /// A page of jobs, newest first.
    pub(crate) async fn jobs(
        &self,
        filter: JobFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Job>, ReadError> {
        listed!(self, client => jobs(client, filter, before, limit))
    }
}

async fn jobs(
    client: &impl GenericClient,
    filter: JobFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Job>> {
    let [before, most] = bounds(before, limit);
    let queue = filter.queue.map(|queue| queue.to_string());
    if filter.state == Some(JobState::Dead) {
        let found = rows(client, DEAD, &[&before, &queue, &most]).await?;
        let found = found.iter().map(codec::job).collect::<Result<Vec<_>>>()?;
        return Ok(page(found, limit, |job| job.id.number()));
    }
    let newest = row(client, NEWEST, &[]).await?;
    let newest: Option<i64> = newest.map(|row| get(&row, "jobs", 0)).transpose()?.flatten();
    let before = before.min(newest.unwrap_or(0).saturating_add(1));
    let floor = scan_floor(before);
    let state = filter.state.map(JobState::as_str);
    let found = rows(client, PAGE, &[&before, &floor, &queue, &state, &most]).await?;
    let found = found.iter().map(codec::job).collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(found, limit, floor, |job| job.id.number()))
}
