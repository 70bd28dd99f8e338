//! The event log, by position.

use onhand_core::Actor;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::super::codec::{self};
use super::super::readers::Reader;
use super::number;
use crate::limits::SCAN_ROWS_MAX;
use crate::query::{EventRow, Page, ReadError};
use crate::stored::stored_count;

pub(super) fn event_row(row: &Row<'_>) -> Result<EventRow> {
    let body: String = row.get(4)?;
    Ok(EventRow {
        seq: row.get(0)?,
        kind: row.get(1)?,
        actor: Actor::from_stored(&row.get::<_, String>(2)?),
        recorded_at: codec::instant(row.get(3)?)?,
        body: serde_json::from_str(&body).map_err(|error| codec::corrupt(4, error))?,
    })
}

impl Reader {
    /// Events after a position, oldest first, of all types or of some.
    pub(crate) async fn events(
        &self,
        after: i64,
        kinds: Vec<String>,
        limit: usize,
    ) -> Result<Page<EventRow>, ReadError> {
        self.read(move |view| events(view.connection, after, &kinds, limit)).await
    }

    /// The hash of the first commit that says something.
    pub(crate) async fn first_commit(&self) -> Result<Option<[u8; 32]>, ReadError> {
        self.read(|view| {
            let sql = "SELECT chain FROM batches WHERE last_event > 0 ORDER BY id LIMIT 1";
            view.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
        })
        .await
    }

    /// Position of the newest event; 0 where there is none.
    pub(crate) async fn position(&self) -> Result<i64, ReadError> {
        self.read(|view| number(view.connection, "SELECT event - 1 FROM numbering")).await
    }
}

fn events(
    connection: &Connection,
    after: i64,
    kinds: &[String],
    limit: usize,
) -> Result<Page<EventRow>> {
    let ceiling = after.saturating_add(stored_count(SCAN_ROWS_MAX));
    let kinds = if kinds.is_empty() { None } else { Some(format!(",{},", kinds.join(","))) };
    let rows = connection
        .prepare_cached(
            "SELECT seq, kind, actor, recorded_at, body FROM events WHERE seq > ?1 AND seq <= ?2 \
             AND (?3 IS NULL OR instr(?3, ',' || kind || ',') > 0) ORDER BY seq LIMIT ?4",
        )?
        .query_map(params![after, ceiling, kinds, stored_count(limit)], event_row)?
        .collect::<Result<Vec<_>>>()?;
    let newest = number(connection, "SELECT coalesce(max(seq), 0) FROM events")?;
    let looked_at = match rows.last() {
        Some(row) if rows.len() == limit => row.seq,
        Some(_) | None => newest.min(ceiling),
    };
    Ok(Page { rows, next: (looked_at < newest).then_some(looked_at) })
}
