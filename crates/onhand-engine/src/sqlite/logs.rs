//! The two logs, ledger and events, and the hash per batch that chains them.

use onhand_core::Event;
use rusqlite::{Connection, OptionalExtension, params};

use super::past;
use super::write::WriteError;
use crate::chain::{Chain, FIRST_LINK, StoredEvent};
use crate::store::Batch;
use crate::stored::stored_version;

/// The chain after the newest batch.
pub(super) fn newest_link(connection: &Connection) -> rusqlite::Result<[u8; 32]> {
    let newest = connection
        .prepare_cached("SELECT chain FROM batches ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or(FIRST_LINK))
}

/// Appends a batch's movements and marks.
pub(super) fn write_movements(
    connection: &Connection,
    batch: &Batch,
    chain: &mut Chain,
) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO movements VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for row in &batch.movements {
        chain.movement(row);
        insert.execute(params![
            row.seq,
            row.product_id.number(),
            row.location_id.number(),
            row.kind.as_str(),
            row.reason.as_str(),
            row.reference.as_ref().map(|reference| reference.as_str()),
            row.actor.stored(),
            row.delta_on_hand,
            row.delta_reserved,
            row.on_hand_after,
            row.reserved_after,
            row.occurred_at.as_microsecond(),
            row.recorded_at.as_microsecond(),
            row.previous,
            stored_version(row.ordinal),
            row.cause,
        ])?;
    }
    past::write_shifts(connection, &batch.movements)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO movement_marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for row in &batch.marks {
        let totals = &row.totals;
        insert.execute(params![
            row.product_id.number(),
            row.location_id.number(),
            stored_version(row.ordinal),
            row.seq,
            row.recorded_at.as_microsecond(),
            totals.received,
            totals.sold,
            totals.returned,
            totals.adjusted,
            totals.counted,
            totals.transferred,
        ])?;
    }
    Ok(())
}

/// Appends events.
pub(super) fn write_events(
    connection: &Connection,
    events: &[Event],
    chain: &mut Chain,
) -> Result<(), WriteError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for event in events {
        let body = serde_json::to_string(&event.body)?;
        let actor = event.actor.stored();
        let stored = StoredEvent::of(event, &actor, &body);
        chain.event(&stored);
        insert.execute(params![
            stored.seq,
            stored.kind,
            stored.subject,
            stored.previous,
            stored.actor,
            stored.recorded_at,
            stored.body
        ])?;
    }
    Ok(())
}
