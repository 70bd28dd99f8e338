//! The two logs, ledger and events, and what came of the keys: what a batch only adds.

use onhand_core::inventory::{Mark, Movement};

use super::codec::Uuid;
use super::error::{Result, corrupt};
use super::rows::Writes;
use super::shape::{Column, column, column_of};
use crate::chain::{Chain, StoredEvent, subject_number};
use crate::idempotency::{IdempotencyKey, StoredOutcome};
use crate::store::Batch;
use crate::stored::stored_version;

/// How many tables outcomes go to in turn: of the newest window, of the one before it, and one that
/// is emptied for the next.
pub(super) const OUTCOME_TABLES: i64 = 3;

const INSERT_OUTCOMES: [&str; 3] = [
    "INSERT INTO outcomes_0 SELECT unnest($1::uuid[]), unnest($2::int8[]), \
     unnest($3::bytea[]), unnest($4::int8[]), unnest($5::text[])",
    "INSERT INTO outcomes_1 SELECT unnest($1::uuid[]), unnest($2::int8[]), \
     unnest($3::bytea[]), unnest($4::int8[]), unnest($5::text[])",
    "INSERT INTO outcomes_2 SELECT unnest($1::uuid[]), unnest($2::int8[]), \
     unnest($3::bytea[]), unnest($4::int8[]), unnest($5::text[])",
];
const INSERT_MOVEMENTS: &str = "INSERT INTO movements SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[]), unnest($4::text[]), unnest($5::text[]), \
     unnest($6::text[]), unnest($7::text[]), unnest($8::int8[]), unnest($9::int8[]), \
     unnest($10::int8[]), unnest($11::int8[]), unnest($12::int8[]), unnest($13::int8[]), \
     unnest($14::int8[]), unnest($15::int8[]), unnest($16::int8[])";
const INSERT_MARKS: &str = "INSERT INTO movement_marks SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), \
     unnest($6::int8[]), unnest($7::int8[]), unnest($8::int8[]), unnest($9::int8[]), \
     unnest($10::int8[]), unnest($11::int8[])";
const INSERT_EVENTS: &str = "INSERT INTO events SELECT unnest($1::int8[]), \
     unnest($2::text[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::text[]), \
     unnest($6::int8[]), unnest($7::text[])";

impl<'a> Writes<'a> {
    /// Movements, marks and events, in their order, and the chain after them.
    pub(super) fn logs(&mut self, batch: &'a Batch, previous: &[u8; 32]) -> Result<[u8; 32]> {
        let mut chain = Chain::after(previous);
        for movement in &batch.movements {
            chain.movement(movement);
        }
        let mut bodies = Vec::with_capacity(batch.events.len());
        for event in &batch.events {
            let body = serde_json::to_string(&event.body);
            let body = body.map_err(|error| corrupt("events", error))?;
            chain.event(&StoredEvent::of(event, &event.actor.stored(), &body));
            bodies.push(body);
        }
        let movements = &batch.movements;
        self.add("movements", INSERT_MOVEMENTS, movements.len(), || movement_values(movements));
        self.shifts(movements);
        self.add("movement_marks", INSERT_MARKS, batch.marks.len(), || mark_values(&batch.marks));
        let events = &batch.events;
        self.add("events", INSERT_EVENTS, events.len(), || {
            vec![
                column(events, |event| event.seq),
                column(events, |event| event.kind),
                column(events, |event| subject_number(&event.body)),
                column(events, |event| event.previous),
                column(events, |event| event.actor.stored().into_owned()),
                column(events, |event| event.recorded_at.as_microsecond()),
                column_of(bodies),
            ]
        });
        Ok(chain.finish())
    }

    /// What came of the keys, in their order.
    pub(super) fn outcomes(&mut self, batch: &'a Batch, window: i64) -> Result<()> {
        let mut outcomes: Vec<&(IdempotencyKey, StoredOutcome)> = batch.outcomes.iter().collect();
        outcomes.sort_unstable_by_key(|(key, _)| (key.key, key.scope));
        let mut bodies = Vec::with_capacity(outcomes.len());
        for (_, outcome) in &outcomes {
            bodies.push(match outcome {
                StoredOutcome::Event(_) => None,
                StoredOutcome::Reply(_) | StoredOutcome::Refusal(_) => {
                    let body = serde_json::to_string(outcome);
                    Some(body.map_err(|error| corrupt("outcomes", error))?)
                }
            });
        }
        let table = usize::try_from(window.rem_euclid(OUTCOME_TABLES)).unwrap_or(0);
        self.add("outcomes", INSERT_OUTCOMES[table], outcomes.len(), || {
            vec![
                column(&outcomes, |(key, _)| Uuid(key.key)),
                column(&outcomes, |(key, _)| key.scope),
                column(&outcomes, |(key, _)| key.fingerprint.to_vec()),
                column(&outcomes, |(_, outcome)| match outcome {
                    StoredOutcome::Event(event) => Some(*event),
                    StoredOutcome::Reply(_) | StoredOutcome::Refusal(_) => None,
                }),
                column_of(bodies),
            ]
        });
        Ok(())
    }
}

fn movement_values(rows: &[Movement]) -> Vec<Column<'_>> {
    vec![
        column(rows, |row| row.seq),
        column(rows, |row| row.product_id.number()),
        column(rows, |row| row.location_id.number()),
        column(rows, |row| row.kind.as_str()),
        column_of(rows.iter().map(|row| row.reason.as_str()).collect()),
        column_of(rows.iter().map(|row| Some(row.reference.as_ref()?.as_str())).collect()),
        column_of(rows.iter().map(|row| row.actor.stored()).collect()),
        column(rows, |row| row.delta_on_hand),
        column(rows, |row| row.delta_reserved),
        column(rows, |row| row.on_hand_after),
        column(rows, |row| row.reserved_after),
        column(rows, |row| row.occurred_at.as_microsecond()),
        column(rows, |row| row.recorded_at.as_microsecond()),
        column(rows, |row| row.previous),
        column(rows, |row| stored_version(row.ordinal)),
        column(rows, |row| row.cause),
    ]
}

fn mark_values(rows: &[Mark]) -> Vec<Column<'_>> {
    vec![
        column(rows, |row| row.product_id.number()),
        column(rows, |row| row.location_id.number()),
        column(rows, |row| stored_version(row.ordinal)),
        column(rows, |row| row.seq),
        column(rows, |row| row.recorded_at.as_microsecond()),
        column(rows, |row| row.totals.received),
        column(rows, |row| row.totals.sold),
        column(rows, |row| row.totals.returned),
        column(rows, |row| row.totals.adjusted),
        column(rows, |row| row.totals.counted),
        column(rows, |row| row.totals.transferred),
    ]
}
