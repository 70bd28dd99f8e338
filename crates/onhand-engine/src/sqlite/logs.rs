//! The two logs, ledger and events, and the hash per batch that chains them.

use onhand_core::Event;
use onhand_core::events::{EventBody, Subject};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::rows::{stored_count, stored_version};
use super::write::WriteError;
use crate::store::Batch;

/// The chain before the first batch.
pub(super) const FIRST_LINK: [u8; 32] = [0; 32];

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
            row.actor.as_str(),
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
        let subject = subject_number(&event.body);
        let recorded_at = event.recorded_at.as_microsecond();
        chain.event(event.seq, event.kind, subject, event.previous, recorded_at, &body);
        insert.execute(params![
            event.seq,
            event.kind,
            subject,
            event.previous,
            event.actor.as_str(),
            recorded_at,
            body
        ])?;
    }
    Ok(())
}

/// The number of the object that an event is about; 0 for none.
fn subject_number(body: &EventBody) -> i64 {
    match body.subject() {
        Some(Subject::Product(id)) => id.number(),
        Some(Subject::Category(id)) => id.number(),
        Some(Subject::Location(id)) => id.number(),
        Some(Subject::Reservation(id)) => id.number(),
        Some(Subject::Order(id)) => id.number(),
        None => 0,
    }
}

/// The hash over what a batch adds to the two logs, and over the chain before it.
pub(super) struct Chain(Sha256);

impl Chain {
    pub(super) fn after(previous: &[u8; 32]) -> Self {
        Self(Sha256::new_with_prefix(previous))
    }

    pub(super) fn movement(&mut self, row: &onhand_core::inventory::Movement) {
        let numbers = [
            row.seq,
            row.product_id.number(),
            row.location_id.number(),
            row.delta_on_hand,
            row.delta_reserved,
            row.on_hand_after,
            row.reserved_after,
            row.occurred_at.as_microsecond(),
            row.recorded_at.as_microsecond(),
            row.previous,
            row.cause,
        ];
        self.numbers(&numbers);
        self.text(row.kind.as_str());
        self.text(row.reason.as_str());
        self.text(row.reference.as_ref().map_or("", |reference| reference.as_str()));
        self.text(row.actor.as_str());
    }

    pub(super) fn event(
        &mut self,
        seq: i64,
        kind: &str,
        subject: i64,
        previous: i64,
        recorded_at: i64,
        body: &str,
    ) {
        self.numbers(&[seq, subject, previous, recorded_at]);
        self.text(kind);
        self.text(body);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn numbers(&mut self, numbers: &[i64]) {
        for number in numbers {
            self.0.update(number.to_be_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.update(stored_count(text.len()).to_be_bytes());
        self.0.update(text.as_bytes());
    }
}
