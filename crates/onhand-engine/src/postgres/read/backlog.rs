//! What waits, is dead or is missing (`reader/backlog.rs`), and how large the database is.

use std::collections::BTreeMap;

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::jobs::Consumer;
use onhand_core::warehouse::Sync;

use super::super::codec::{self, get};
use super::super::error::{Result, corrupt};
use super::super::readers::{Reader, all, row, rows, several};
use super::number;
use crate::limits::{BACKLOG_ROWS_MAX, BACKLOG_SYNCS};
use crate::query::ReadError;
use crate::reader::backlog::{Backlog, QueueBacklog};
use crate::stored::stored_count;

const EFFECTS: &str = "SELECT count(*), min(due_at) FROM (SELECT due_at FROM effects \
     WHERE state = 'waiting' ORDER BY due_at LIMIT $1) AS first";
const EFFECTS_DEAD: &str =
    "SELECT count(*) FROM (SELECT 1 FROM effects WHERE state = 'dead' LIMIT $1) AS first";
const NOTICES: &str = "SELECT count(*) FROM (SELECT 1 FROM notices \
     WHERE order_id IS NULL AND seen IS NOT NULL LIMIT $1) AS first";
const SHORTFALLS: &str = "SELECT count(*) FROM (SELECT 1 FROM shortfalls LIMIT $1) AS first";
const SYNCS_HELD: &str = "SELECT count(*) FROM (SELECT status FROM syncs ORDER BY id DESC \
     LIMIT $1) AS newest WHERE status = 'held'";
const LAST_SYNC: &str = "SELECT document FROM syncs ORDER BY id DESC LIMIT 1";
const CONSUMERS: &str = "SELECT document, (SELECT due_at FROM jobs \
     WHERE queue = consumers.name AND state = 'waiting' ORDER BY due_at LIMIT 1) \
     FROM consumers ORDER BY name";
const JOBS_DEAD: &str = "SELECT queue, count(*) FROM (SELECT queue FROM jobs \
     WHERE state = 'dead' ORDER BY id LIMIT $1) AS first GROUP BY queue";
const BYTES: &str = "SELECT pg_database_size(current_database())";

impl Reader {
    /// What waits, is dead or is missing.
    pub(crate) async fn backlog(&self) -> std::result::Result<Backlog, ReadError> {
        several!(self, client => backlog(client))
    }

    /// Connections that are open, and reads that wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        self.connections().load()
    }
}

async fn backlog(client: &impl GenericClient) -> Result<Backlog> {
    let most = stored_count(BACKLOG_ROWS_MAX);
    let effects = row(client, EFFECTS, &[&most]).await?;
    let (effects_waiting, effects_due) = match &effects {
        Some(row) => (count(get(row, "effects", 0)?), instant("effects", get(row, "effects", 1)?)?),
        None => (0, None),
    };
    let mut last_sync: Vec<Sync> = all(client, "syncs", LAST_SYNC, &[]).await?;
    let size = number(client, BYTES).await?;
    Ok(Backlog {
        position: number(client, "SELECT event - 1 FROM numbering").await?,
        effects_waiting,
        effects_due,
        effects_dead: counted(client, EFFECTS_DEAD, most).await?,
        notices_unmatched: counted(client, NOTICES, most).await?,
        queues: queues(client, most).await?,
        shortfalls: counted(client, SHORTFALLS, most).await?,
        syncs_held: counted(client, SYNCS_HELD, stored_count(BACKLOG_SYNCS)).await?,
        last_sync: last_sync.pop(),
        bytes: vec![("database", count(size))],
    })
}

/// A number that is never negative.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

async fn counted(client: &impl GenericClient, sql: &'static str, most: i64) -> Result<u64> {
    let found = row(client, sql, &[&most]).await?;
    found.map_or(Ok(0), |row| Ok(count(get(&row, "a count", 0)?)))
}

fn instant(table: &'static str, micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(|micros| codec::instant(table, micros)).transpose()
}

async fn queues(client: &impl GenericClient, most: i64) -> Result<Vec<QueueBacklog>> {
    let mut dead = BTreeMap::new();
    for row in rows(client, JOBS_DEAD, &[&most]).await? {
        let queue: String = get(&row, "jobs", 0)?;
        dead.insert(queue, count(get(&row, "jobs", 1)?));
    }
    let mut queues = Vec::new();
    for row in rows(client, CONSUMERS, &[]).await? {
        let text: &str = get(&row, "consumers", 0)?;
        let read = serde_json::from_str(text).map_err(|error| corrupt("consumers", error))?;
        let Consumer { queue, cursor, open, .. } = read;
        let due = instant("jobs", get(&row, "consumers", 1)?)?;
        let dead = dead.get(&queue.to_string()).copied().unwrap_or_default();
        queues.push(QueueBacklog { queue, cursor, open, due, dead });
    }
    Ok(queues)
}
