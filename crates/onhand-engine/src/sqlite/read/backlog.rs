//! What waits, is dead or is missing (`reader/backlog.rs`), and how large the files are.

use std::collections::BTreeMap;
use std::path::Path;

use onhand_core::Timestamp;
use onhand_core::jobs::Consumer;
use onhand_core::warehouse::Sync;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::super::readers::Reader;
use super::super::{codec, lists};
use super::number;
use crate::limits::{BACKLOG_ROWS_MAX, BACKLOG_SYNCS};
use crate::query::ReadError;
use crate::reader::backlog::{Backlog, QueueBacklog};
use crate::stored::stored_count;

const EFFECTS: &str = "SELECT count(*), min(due_at) FROM (SELECT due_at FROM effects \
     INDEXED BY effects_due WHERE state = 'waiting' ORDER BY due_at LIMIT ?1)";
const EFFECTS_DEAD: &str = "SELECT count(*) FROM (SELECT 1 FROM effects INDEXED BY effects_dead \
     WHERE state = 'dead' LIMIT ?1)";
const NOTICES: &str = "SELECT count(*) FROM (SELECT 1 FROM notices INDEXED BY notices_unmatched \
     WHERE order_id IS NULL AND seen IS NOT NULL LIMIT ?1)";
const SHORTFALLS: &str = "SELECT count(*) FROM (SELECT 1 FROM shortfalls LIMIT ?1)";
const SYNCS_HELD: &str = "SELECT count(*) FROM (SELECT status FROM syncs ORDER BY id DESC \
     LIMIT ?1) WHERE status = 'held'";
const LAST_SYNC: &str = "SELECT document FROM syncs ORDER BY id DESC LIMIT 1";
const CONSUMERS: &str = "SELECT document, (SELECT due_at FROM jobs INDEXED BY jobs_due \
     WHERE queue = consumers.name AND state = 'waiting' ORDER BY due_at LIMIT 1) \
     FROM consumers ORDER BY name";
const JOBS_DEAD: &str = "SELECT queue, count(*) FROM (SELECT queue FROM jobs INDEXED BY jobs_dead \
     WHERE state = 'dead' ORDER BY id LIMIT ?1) GROUP BY queue";

impl Reader {
    /// What waits, is dead or is missing.
    pub(crate) async fn backlog(&self) -> std::result::Result<Backlog, ReadError> {
        self.read(|view| backlog(view.connection)).await
    }
}

fn backlog(connection: &Connection) -> Result<Backlog> {
    let counted = |sql, most: usize| -> Result<u64> {
        connection.prepare_cached(sql)?.query_row([stored_count(most)], |row| count(row, 0))
    };
    let (effects_waiting, effects_due) = connection
        .prepare_cached(EFFECTS)?
        .query_row([stored_count(BACKLOG_ROWS_MAX)], |row| Ok((count(row, 0)?, row.get(1)?)))?;
    let last_sync: Option<Sync> = connection
        .prepare_cached(LAST_SYNC)?
        .query_row([], |row| codec::document(row, 0))
        .optional()?;
    Ok(Backlog {
        position: number(connection, "SELECT event - 1 FROM numbering")?,
        effects_waiting,
        effects_due: instant(effects_due)?,
        effects_dead: counted(EFFECTS_DEAD, BACKLOG_ROWS_MAX)?,
        notices_unmatched: counted(NOTICES, BACKLOG_ROWS_MAX)?,
        queues: queues(connection)?,
        shortfalls: counted(SHORTFALLS, BACKLOG_ROWS_MAX)?,
        syncs_held: counted(SYNCS_HELD, BACKLOG_SYNCS)?,
        last_sync,
        bytes: connection.path().map(|path| bytes(Path::new(path))).unwrap_or_default(),
    })
}

/// A number that is never negative.
fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get(column).map(|number: i64| u64::try_from(number).unwrap_or_default())
}

fn instant(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(codec::instant).transpose()
}

fn queues(connection: &Connection) -> Result<Vec<QueueBacklog>> {
    let mut select = connection.prepare_cached(JOBS_DEAD)?;
    let most = params![stored_count(BACKLOG_ROWS_MAX)];
    let dead = select.query_map(most, |row| Ok((row.get(0)?, count(row, 1)?)))?;
    let dead: BTreeMap<String, u64> = dead.collect::<Result<_>>()?;
    let mut select = connection.prepare_cached(CONSUMERS)?;
    let queues = select.query_map([], |row| {
        let Consumer { queue, cursor, open, .. } = codec::document(row, 0)?;
        let dead = dead.get(&queue.to_string()).copied().unwrap_or_default();
        Ok(QueueBacklog { queue, cursor, open, due: instant(row.get(1)?)?, dead })
    })?;
    queues.collect()
}

/// How large the files are. One that is not there has no bytes.
fn bytes(database: &Path) -> Vec<(&'static str, u64)> {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let files = [
        ("database", database.to_owned()),
        ("log", log.into()),
        ("lists", lists::path_of(database)),
    ];
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    files.into_iter().map(|(name, path)| (name, size(&path))).collect()
}
