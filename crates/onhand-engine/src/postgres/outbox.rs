//! Consumers, jobs, webhook endpoints and schedules: how they are loaded into the state of
//! decisions, and written as a batch leaves them.

use std::collections::{BTreeMap, HashMap};

use onhand_core::ids::EndpointId;
use onhand_core::jobs::{Job, Queue};
use onhand_core::text::Reference;
use onhand_core::{Needs, State, Timestamp, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::codec::{self, get};
use super::error::{Result, corrupt};
use super::load::{asked, numbers};
use super::rows::{Writes, parted};
use super::session::{Session, Value};
use super::shape::{Column, column, column_of};
use crate::columns::*;
use crate::store::{Guarded, Rows};
use crate::stored::{stored_count, stored_version};

/// A table of few rows, each a document under a name.
struct Documents {
    table: &'static str,
    select: &'static str,
    insert: &'static str,
    update: &'static str,
}

macro_rules! documents {
    ($table:literal) => {
        Documents {
            table: $table,
            select: concat!(
                "SELECT name, document FROM ",
                $table,
                " WHERE name = ANY($1::text[])"
            ),
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (name, document, version) SELECT unnest($1::text[]), unnest($2::text[]), \
                 unnest($3::int8[])"
            ),
            update: concat!(
                "UPDATE ",
                $table,
                " t SET document = v.document, version = v.version FROM (SELECT \
                 unnest($1::text[]), unnest($2::text[]), unnest($3::int8[]), unnest($4::int8[])) \
                 v(name, document, version, stored) WHERE t.name = v.name \
                 AND t.version = v.stored"
            ),
        }
    };
}

const CONSUMERS: Documents = documents!("consumers");
const ENDPOINTS: Documents = documents!("webhook_endpoints");
const SCHEDULES: Documents = documents!("schedules");
const ENDPOINT_COUNT: &str =
    "SELECT count(*) FROM webhook_endpoints WHERE document::jsonb ->> 'deleted_at' IS NULL";
const JOBS: &str = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = ANY($1::int8[])");
/// Oldest first, of each lane the first.
const DUE_JOBS: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs j WHERE queue = $1::text AND state = 'waiting' AND due_at <= $2::int8 \
     AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM jobs e WHERE e.queue = j.queue \
     AND e.lane = j.lane AND e.state = 'waiting' AND e.id < j.id)) \
     ORDER BY due_at, id LIMIT $3::int8"
);
/// Oldest first. Dead ones have not ended.
const ENDED_JOBS: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM jobs WHERE state IN ('done', 'skipped') AND due_at < $1::int8 \
     ORDER BY due_at, id LIMIT $2::int8"
);

/// What was found.
pub(super) struct Found {
    consumers: Vec<Row>,
    endpoints: Vec<Row>,
    endpoint_count: Vec<Row>,
    schedules: Vec<Row>,
    jobs: Vec<Row>,
    ended: Vec<Row>,
}

/// Asks for the rows that are named.
pub(super) async fn ask(session: &Session, needs: &Needs) -> Result<Found> {
    let queues: Vec<String> = needs.consumers.iter().map(Queue::to_string).collect();
    let endpoints: Vec<String> = needs.endpoints.iter().map(EndpointId::to_string).collect();
    let schedules: Vec<&str> = needs.schedules.iter().map(|name| name.as_str()).collect();
    let (before, most) = needs.ended_jobs.unwrap_or((Timestamp::MIN, 0));
    let ended: Vec<Value<'_>> =
        vec![Box::new(before.as_microsecond()), Box::new(stored_count(most))];
    let jobs = vec![numbers(&needs.jobs, |id| id.number())];
    let has = (!queues.is_empty(), !endpoints.is_empty(), !schedules.is_empty());
    // Polled in this order, they are sent in this order.
    let (consumers, endpoints, endpoint_count, schedules, jobs, ended) = tokio::try_join!(
        biased;
        asked(session, has.0, CONSUMERS.select, vec![Box::new(queues)]),
        asked(session, has.1, ENDPOINTS.select, vec![Box::new(endpoints)]),
        asked(session, needs.endpoint_count, ENDPOINT_COUNT, Vec::new()),
        asked(session, has.2, SCHEDULES.select, vec![Box::new(schedules)]),
        asked(session, !needs.jobs.is_empty(), JOBS, jobs),
        asked(session, needs.ended_jobs.is_some(), ENDED_JOBS, ended),
    )?;
    Ok(Found { consumers, endpoints, endpoint_count, schedules, jobs, ended })
}

/// Loads the jobs that are due.
pub(super) async fn load_due(
    session: &Session,
    needs: &Needs,
    now: Timestamp,
    state: &mut State,
) -> Result<()> {
    for (queue, most) in &needs.due_jobs {
        let values: [Value<'_>; 3] = [
            Box::new(queue.to_string()),
            Box::new(now.as_microsecond()),
            Box::new(stored_count(*most)),
        ];
        let rows = session.rows(DUE_JOBS, &values).await?;
        state.load_due_jobs(*queue, rows.iter().map(codec::job).collect::<Result<_>>()?);
    }
    Ok(())
}

/// Documents by their names.
fn documents<T: DeserializeOwned>(
    rows: &[Row],
    documents: &Documents,
) -> Result<HashMap<String, T>> {
    let mut found = HashMap::new();
    for row in rows {
        let text: &str = get(row, documents.table, 1)?;
        let document =
            serde_json::from_str(text).map_err(|error| corrupt(documents.table, error))?;
        found.insert(get(row, documents.table, 0)?, document);
    }
    Ok(found)
}

impl Found {
    /// Takes what was found, and what was not, into the state.
    pub(super) fn take_in(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let mut found = documents(&self.consumers, &CONSUMERS)?;
        for queue in &needs.consumers {
            state.load_consumer(*queue, found.remove(&queue.to_string()));
        }
        let mut found = documents(&self.endpoints, &ENDPOINTS)?;
        for id in &needs.endpoints {
            state.load_endpoint(*id, found.remove(&id.to_string()));
        }
        if let Some(row) = self.endpoint_count.first() {
            let count: i64 = get(row, ENDPOINTS.table, 0)?;
            state.load_endpoint_count(u64::try_from(count).unwrap_or(0));
        }
        let mut found = documents(&self.schedules, &SCHEDULES)?;
        for name in &needs.schedules {
            state.load_schedule(*name, found.remove(name.as_str()));
        }
        let mut found = BTreeMap::new();
        for row in &self.jobs {
            let job = codec::job(row)?;
            found.insert(job.id, job);
        }
        for id in &needs.jobs {
            state.load_job(*id, found.remove(id));
        }
        if needs.ended_jobs.is_some() {
            state.load_ended_jobs(self.ended.iter().map(codec::job).collect::<Result<_>>()?);
        }
        Ok(())
    }
}

/// A document to write, under its name.
struct Written {
    name: String,
    document: String,
    stored: Version,
    version: Version,
}

fn written<'a, K: ToString + 'a, T: Serialize + 'a>(
    rows: impl Iterator<Item = (&'a K, &'a Guarded<T>)>,
    documents: &Documents,
    version: impl Fn(&T) -> Version,
) -> Result<Vec<Written>> {
    rows.map(|(name, (stored, row))| {
        let document = serde_json::to_string(row);
        let document = document.map_err(|error| corrupt(documents.table, error))?;
        let (name, version) = (name.to_string(), version(row));
        Ok(Written { name, document, stored: *stored, version })
    })
    .collect()
}

impl<'a> Writes<'a> {
    /// Consumers, endpoints, schedules and jobs as a batch leaves them.
    pub(super) fn outbox(&mut self, rows: &'a Rows) -> Result<()> {
        let rows = &rows.outbox;
        let consumers = written(rows.consumers.iter(), &CONSUMERS, |row| row.version)?;
        self.documents(&CONSUMERS, consumers);
        let endpoints = written(rows.endpoints.iter(), &ENDPOINTS, |row| row.version)?;
        self.documents(&ENDPOINTS, endpoints);
        let named: Vec<(&str, &Guarded<_>)> =
            rows.schedules.iter().map(|(name, row)| (name.as_str(), row)).collect();
        let schedules = named.iter().map(|(name, row)| (name, *row));
        let schedules = written(schedules, &SCHEDULES, |row| row.version)?;
        self.documents(&SCHEDULES, schedules);
        self.jobs(rows.jobs.iter())
    }

    fn documents(&mut self, documents: &Documents, rows: Vec<Written>) {
        let (new, changed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.stored == 0);
        self.add(documents.table, documents.insert, new.len(), || document_values(&new));
        self.guarded(documents.table, documents.update, changed.len(), || {
            let mut values = document_values(&changed);
            values.push(column(&changed, |row| stored_version(row.stored)));
            values
        });
    }

    /// One that was made and forgotten within the batch was never there.
    fn jobs(
        &mut self,
        rows: impl Iterator<Item = (&'a onhand_core::ids::JobId, &'a Guarded<Option<Job>>)>,
    ) -> Result<()> {
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for (id, (stored, row)) in rows {
            match row {
                Some(row) => kept.push((*stored, row)),
                None if *stored == 0 => {}
                None => gone.push((id.number(), stored_version(*stored))),
            }
        }
        self.guarded("jobs", DELETE_JOBS, gone.len(), || {
            vec![column(&gone, |(id, _)| *id), column(&gone, |(_, stored)| *stored)]
        });
        let (new, changed) = parted(kept.iter());
        let (of_new, of_changed) = (changing(&new)?, {
            let rows: Vec<&&Job> = changed.iter().map(|(_, row)| row).collect();
            changing(&rows)?
        });
        self.add("jobs", INSERT_JOBS, new.len(), || {
            let mut values = of_new;
            values.push(column(&new, |row| row.queue.to_string()));
            values.push(column(&new, |row| row.event));
            values.push(column(&new, |row| row.about.as_str().to_owned()));
            values.push(column(&new, |row| {
                row.lane.as_ref().map(Reference::as_str).map(str::to_owned)
            }));
            values.push(column(&new, |row| i64::from(row.replay)));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("jobs", UPDATE_JOBS, changed.len(), || {
            let mut values = of_changed;
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }
}

fn document_values<'a>(rows: &[Written]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.name.clone()),
        column(rows, |row| row.document.clone()),
        column(rows, |row| stored_version(row.version)),
    ]
}

const INSERT_JOBS: &str = "INSERT INTO jobs (id, state, due_at, leased, epoch, tries, attempts, \
     version, queue, event, about, lane, replay, created_at) SELECT unnest($1::int8[]), \
     unnest($2::text[]), unnest($3::int8[]), unnest($4::bool[]), unnest($5::int8[]), \
     unnest($6::int8[]), unnest($7::text[]), unnest($8::int8[]), unnest($9::text[]), \
     unnest($10::int8[]), unnest($11::text[]), unnest($12::text[]), unnest($13::int8[]), \
     unnest($14::int8[])";
const UPDATE_JOBS: &str = "UPDATE jobs t SET state = v.state, due_at = v.due_at, \
     leased = v.leased, epoch = v.epoch, tries = v.tries, attempts = v.attempts, version = \
     v.version FROM (SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), \
     unnest($4::bool[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::text[]), \
     unnest($8::int8[]), unnest($9::int8[])) v(id, state, due_at, leased, epoch, tries, \
     attempts, version, stored) WHERE t.id = v.id AND t.version = v.stored";
const DELETE_JOBS: &str = "DELETE FROM jobs t USING (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) v(id, stored) WHERE t.id = v.id AND t.version = v.stored";

/// What of a job changes.
fn changing<'a>(rows: &[&&Job]) -> Result<Vec<Column<'a>>> {
    let words =
        |row: &&&Job| serde_json::to_string(&row.attempts).map_err(|error| corrupt("jobs", error));
    let attempts = rows.iter().map(words).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.state.as_str()),
        column(rows, |row| row.due_at.as_microsecond()),
        column(rows, |row| row.leased),
        column(rows, |row| stored_version(row.epoch)),
        column(rows, |row| i64::from(row.tries)),
        column_of(attempts),
        column(rows, |row| stored_version(row.version)),
    ])
}
