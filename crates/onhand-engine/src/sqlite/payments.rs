//! What is owed to gateways, whose their objects are, and their messages: how they are loaded into
//! the state of decisions, and written as a batch leaves them.

use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::OrderId;
use onhand_core::limits::WAITING_NOTICES_MAX;
use onhand_core::payments::{KeptNotice, NoticeKey, Provider};
use onhand_core::text::{GatewayId, Text};
use onhand_core::{Needs, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codec;
use super::rows::guarded;
use super::write::WriteError;
use crate::columns::*;
use crate::limits::OLD_NOTICES_LOOKED_AT;
use crate::store::{Guarded, Rows};
use crate::stored::{stored_count, stored_version};

/// Loads the rows that are named into the state.
pub(super) fn load(
    connection: &Connection,
    needs: &Needs,
    now: Timestamp,
    state: &mut State,
) -> Result<()> {
    for id in &needs.effects {
        state.load_effect(*id, effect(connection, *id)?);
    }
    if let Some(most) = needs.due_effects {
        state.load_due_effects(due(connection, now, most)?);
    }
    for key in &needs.gateway_ids {
        state.load_gateway_id(key.clone(), order_of(connection, key)?);
    }
    for key in &needs.notices {
        state.load_notice(key.clone(), is_here(connection, key)?);
    }
    for key in &needs.waiting_notices {
        state.load_waiting_notices(key.clone(), waiting(connection, key)?);
    }
    if let Some((before, most)) = needs.old_notices {
        state.load_old_notices(old(connection, before, most)?);
    }
    Ok(())
}

pub(super) fn effect(connection: &Connection, id: OrderId) -> Result<Option<Effect>> {
    connection
        .prepare_cached(concat!("SELECT ", effect_columns!(), " FROM effects WHERE order_id = ?1"))?
        .query_row([id.number()], codec::effect)
        .optional()
}

/// Effects that are due, oldest first.
fn due(connection: &Connection, now: Timestamp, most: usize) -> Result<Vec<Effect>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            effect_columns!(),
            " FROM effects INDEXED BY effects_due WHERE state = 'waiting' AND due_at <= ?1 \
             ORDER BY due_at, order_id LIMIT ?2"
        ))?
        .query_map([now.as_microsecond(), stored_count(most)], codec::effect)?
        .collect()
}

pub(super) fn order_of(
    connection: &Connection,
    key: &(Provider, GatewayId),
) -> Result<Option<OrderId>> {
    connection
        .prepare_cached("SELECT order_id FROM gateway_ids WHERE provider = ?1 AND gateway_id = ?2")?
        .query_row([key.0.as_str(), key.1.as_str()], |row| codec::order_id(row, 0))
        .optional()
}

fn is_here(connection: &Connection, key: &NoticeKey) -> Result<bool> {
    match key {
        NoticeKey::Event(provider, event) => connection
            .prepare_cached("SELECT 1 FROM notices WHERE provider = ?1 AND event_id = ?2")?
            .exists([provider.as_str(), event.as_str()]),
        NoticeKey::Body(hash) => {
            connection.prepare_cached("SELECT 1 FROM notices WHERE body_hash = ?1")?.exists([hash])
        }
    }
}

/// The oldest messages that wait for a gateway's order.
fn waiting(connection: &Connection, key: &(Provider, GatewayId)) -> Result<Vec<KeptNotice>> {
    let most = stored_count(WAITING_NOTICES_MAX);
    connection
        .prepare_cached(concat!(
            "SELECT ",
            notice_columns!(),
            " FROM notices WHERE provider = ?1 AND intent = ?2 ORDER BY id LIMIT ?3"
        ))?
        .query_map(params![key.0.as_str(), key.1.as_str(), most], codec::notice)?
        .collect()
}

/// Messages that were taken in before an instant, oldest first. They came in the order of their
/// ids.
fn old(connection: &Connection, before: Timestamp, most: usize) -> Result<Vec<KeptNotice>> {
    let values =
        params![before.as_microsecond(), stored_count(most), stored_count(OLD_NOTICES_LOOKED_AT)];
    connection
        .prepare_cached(concat!(
            "SELECT ",
            notice_columns!(),
            " FROM (SELECT * FROM notices ORDER BY id LIMIT ?3) n \
             WHERE received_at < ?1 AND seen IS NULL ORDER BY id LIMIT ?2"
        ))?
        .query_map(values, codec::notice)?
        .collect()
}

/// Lets leases that nobody can have any more end at an instant; answers how many. What was done
/// under them may have happened: the next one asks first, as when a lease has run out.
pub(super) fn end_leases(connection: &Connection, at: Timestamp) -> Result<usize> {
    connection.execute(
        "UPDATE effects INDEXED BY effects_due SET due_at = ?1, version = version + 1 \
         WHERE state = 'waiting' AND leased AND due_at > ?1",
        [at.as_microsecond()],
    )
}

/// Writes every effect, name of a gateway's and message of a batch.
pub(super) fn write(connection: &Connection, rows: &Rows) -> std::result::Result<(), WriteError> {
    for row in rows.effects.values() {
        write_effect(connection, row)?;
    }
    for ((provider, id), order_id) in &rows.gateway_ids {
        connection
            .prepare_cached("INSERT INTO gateway_ids VALUES (?1, ?2, ?3)")?
            .execute(params![provider.as_str(), id.as_str(), order_id.number()])?;
    }
    // Before one that comes again.
    for (id, version) in &rows.forgotten_notices {
        let mut delete =
            connection.prepare_cached("DELETE FROM notices WHERE id = ?1 AND version = ?2")?;
        guarded(&mut delete, "notices", [id.number(), stored_version(*version)])?;
    }
    for (stored, row) in rows.notices.values() {
        write_notice(connection, *stored, row)?;
    }
    Ok(())
}

/// One that is done is deleted; one that was owed and done within the batch was never there.
fn write_effect(
    connection: &Connection,
    (stored, row): &Guarded<Effect>,
) -> std::result::Result<(), WriteError> {
    let (id, stored) = (row.order_id.number(), stored_version(*stored));
    if row.state == EffectState::Done {
        if stored == 0 {
            return Ok(());
        }
        let mut delete = connection
            .prepare_cached("DELETE FROM effects WHERE order_id = ?1 AND version = ?2")?;
        return guarded(&mut delete, "effects", [id, stored]);
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO effects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?13) \
         ON CONFLICT (order_id) DO UPDATE SET state = ?2, due_at = ?3, leased = ?4, epoch = ?5, \
         tries = ?6, ask_first = ?7, reason = ?8, version = ?9, created_at = ?10, \
         updated_at = ?11, polls = ?13 WHERE version = ?12",
    )?;
    let values = params![
        id,
        row.state.as_str(),
        row.due_at.as_microsecond(),
        row.leased,
        stored_version(row.epoch),
        row.tries,
        row.ask_first,
        row.reason.as_ref().map(Text::as_str),
        stored_version(row.version),
        row.created_at.as_microsecond(),
        row.updated_at.as_microsecond(),
        stored,
        row.polls,
    ];
    guarded(&mut put, "effects", values)
}

fn write_notice(
    connection: &Connection,
    stored: u64,
    row: &KeptNotice,
) -> std::result::Result<(), WriteError> {
    let seen = row.seen.as_ref().map(serde_json::to_string).transpose()?;
    let (order_id, intent) =
        (row.order_id.map(OrderId::number), row.intent.as_ref().map(GatewayId::as_str));
    let (id, version) = (row.id.number(), stored_version(row.version));
    if stored > 0 {
        let mut update = connection.prepare_cached(
            "UPDATE notices SET order_id = ?2, intent = ?3, seen = ?4, version = ?5 \
             WHERE id = ?1 AND version = ?6",
        )?;
        let values = params![id, order_id, intent, seen, version, stored_version(stored)];
        return guarded(&mut update, "notices", values);
    }
    connection
        .prepare_cached("INSERT INTO notices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            id,
            row.provider.as_str(),
            row.event_id.as_str(),
            row.body_hash,
            row.kind.as_str(),
            order_id,
            intent,
            seen,
            version,
            row.received_at.as_microsecond(),
        ])?;
    Ok(())
}
