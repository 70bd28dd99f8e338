//! Consumers, jobs, webhook endpoints and schedules: how they are loaded into the state of
//! decisions, and written as a batch leaves them.

use onhand_core::ids::{EndpointId, JobId};
use onhand_core::jobs::{Consumer, Job, Queue};
use onhand_core::text::Reference;
use onhand_core::webhooks::Endpoint;
use onhand_core::{Needs, State, Timestamp, Version};
use rusqlite::{Connection, OptionalExtension, Result, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec;
use super::rows::guarded;
use super::write::WriteError;
use crate::columns::*;
use crate::store::Rows;
use crate::stored::{stored_count, stored_version};

/// A table of few rows, each a document under a name.
pub(super) struct Documents {
    table: &'static str,
    select: &'static str,
    put: &'static str,
}

macro_rules! documents {
    ($table:literal) => {
        Documents {
            table: $table,
            select: concat!("SELECT document FROM ", $table, " WHERE name = ?1"),
            put: concat!(
                "INSERT INTO ",
                $table,
                " VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET document = ?2, \
                 version = ?3 WHERE version = ?4"
            ),
        }
    };
}

const CONSUMERS: Documents = documents!("consumers");
const ENDPOINTS: Documents = documents!("webhook_endpoints");
const SCHEDULES: Documents = documents!("schedules");

impl Documents {
    fn find<T: DeserializeOwned>(&self, connection: &Connection, name: &str) -> Result<Option<T>> {
        connection
            .prepare_cached(self.select)?
            .query_row([name], |row| codec::document(row, 0))
            .optional()
    }

    fn put<T: Serialize>(
        &self,
        connection: &Connection,
        name: &str,
        (stored, version, row): (Version, Version, &T),
    ) -> std::result::Result<(), WriteError> {
        let document = serde_json::to_string(row)?;
        let mut put = connection.prepare_cached(self.put)?;
        let values = params![name, document, stored_version(version), stored_version(stored)];
        guarded(&mut put, self.table, values)
    }
}

/// Loads the rows that are named into the state.
pub(super) fn load(
    connection: &Connection,
    needs: &Needs,
    now: Timestamp,
    state: &mut State,
) -> Result<()> {
    for queue in &needs.consumers {
        state.load_consumer(*queue, CONSUMERS.find(connection, &queue.to_string())?);
    }
    for id in &needs.endpoints {
        state.load_endpoint(*id, ENDPOINTS.find(connection, &id.to_string())?);
    }
    if needs.endpoint_count {
        let count: i64 = connection
            .prepare_cached(
                "SELECT count(*) FROM webhook_endpoints \
                 WHERE document ->> '$.deleted_at' IS NULL",
            )?
            .query_row([], |row| row.get(0))?;
        state.load_endpoint_count(u64::try_from(count).unwrap_or(0));
    }
    for name in &needs.schedules {
        state.load_schedule(*name, SCHEDULES.find(connection, name.as_str())?);
    }
    for id in &needs.jobs {
        state.load_job(*id, job(connection, *id)?);
    }
    for (queue, most) in &needs.due_jobs {
        state.load_due_jobs(*queue, due(connection, *queue, now, *most)?);
    }
    if let Some((before, most)) = needs.ended_jobs {
        state.load_ended_jobs(ended(connection, before, most)?);
    }
    Ok(())
}

pub(super) fn consumer(connection: &Connection, queue: Queue) -> Result<Option<Consumer>> {
    CONSUMERS.find(connection, &queue.to_string())
}

pub(super) fn endpoint(connection: &Connection, id: EndpointId) -> Result<Option<Endpoint>> {
    ENDPOINTS.find(connection, &id.to_string())
}

pub(super) fn job(connection: &Connection, id: JobId) -> Result<Option<Job>> {
    connection
        .prepare_cached(concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = ?1"))?
        .query_row([id.number()], codec::job)
        .optional()
}

/// Jobs that are due, oldest first, of each lane the first.
fn due(connection: &Connection, queue: Queue, now: Timestamp, most: usize) -> Result<Vec<Job>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs j INDEXED BY jobs_due WHERE queue = ?1 AND state = 'waiting' \
             AND due_at <= ?2 AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM jobs e \
             INDEXED BY jobs_lane WHERE e.queue = j.queue AND e.lane = j.lane \
             AND e.state = 'waiting' AND e.id < j.id)) ORDER BY due_at, id LIMIT ?3"
        ))?
        .query_map(
            params![queue.to_string(), now.as_microsecond(), stored_count(most)],
            codec::job,
        )?
        .collect()
}

/// Jobs that ended long ago, oldest first. Dead ones have not ended.
fn ended(connection: &Connection, before: Timestamp, most: usize) -> Result<Vec<Job>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs INDEXED BY jobs_ended WHERE state IN ('done', 'skipped') \
             AND due_at < ?1 ORDER BY due_at, id LIMIT ?2"
        ))?
        .query_map(params![before.as_microsecond(), stored_count(most)], codec::job)?
        .collect()
}

/// Ends leases that nobody can have any more; answers how many. Whoever is given such a job next is
/// told that it was lost once, as when a lease has run out.
pub(super) fn end_leases(connection: &Connection, now: Timestamp) -> Result<usize> {
    connection.execute(
        "UPDATE jobs INDEXED BY jobs_due SET due_at = ?1, version = version + 1 \
         WHERE state = 'waiting' AND leased AND due_at > ?1",
        [now.as_microsecond()],
    )
}

/// Writes every consumer, job, endpoint and schedule of a batch.
pub(super) fn write(connection: &Connection, rows: &Rows) -> std::result::Result<(), WriteError> {
    let rows = &rows.outbox;
    for (queue, (stored, row)) in &rows.consumers {
        CONSUMERS.put(connection, &queue.to_string(), (*stored, row.version, row))?;
    }
    for (id, (stored, row)) in &rows.endpoints {
        ENDPOINTS.put(connection, &id.to_string(), (*stored, row.version, row))?;
    }
    for (name, (stored, row)) in &rows.schedules {
        SCHEDULES.put(connection, name.as_str(), (*stored, row.version, row))?;
    }
    for (id, (stored, row)) in &rows.jobs {
        match row {
            Some(job) => write_job(connection, *stored, job)?,
            // Made and forgotten within the batch, it was never there.
            None if *stored == 0 => {}
            None => {
                let mut delete =
                    connection.prepare_cached("DELETE FROM jobs WHERE id = ?1 AND version = ?2")?;
                guarded(&mut delete, "jobs", [id.number(), stored_version(*stored)])?;
            }
        }
    }
    Ok(())
}

fn write_job(
    connection: &Connection,
    stored: Version,
    row: &Job,
) -> std::result::Result<(), WriteError> {
    let attempts = serde_json::to_string(&row.attempts)?;
    if stored > 0 {
        let mut update = connection.prepare_cached(
            "UPDATE jobs SET state = ?2, due_at = ?3, leased = ?4, epoch = ?5, tries = ?6, \
             attempts = ?7, version = ?8 WHERE id = ?1 AND version = ?9",
        )?;
        let values = params![
            row.id.number(),
            row.state.as_str(),
            row.due_at.as_microsecond(),
            row.leased,
            stored_version(row.epoch),
            row.tries,
            attempts,
            stored_version(row.version),
            stored_version(stored),
        ];
        return guarded(&mut update, "jobs", values);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO jobs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    insert.execute(params![
        row.id.number(),
        row.queue.to_string(),
        row.event,
        row.about.as_str(),
        row.lane.as_ref().map(Reference::as_str),
        row.replay,
        row.state.as_str(),
        row.due_at.as_microsecond(),
        row.leased,
        stored_version(row.epoch),
        row.tries,
        attempts,
        stored_version(row.version),
        row.created_at.as_microsecond(),
    ])?;
    Ok(())
}
