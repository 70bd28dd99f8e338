//! Runs against the external warehouse, their rows and shortfalls: how they are loaded into the
//! state of decisions, and written as a batch leaves them.

use onhand_core::ids::{LocationId, OrderId, ProductId, SyncId};
use onhand_core::limits::SHORTFALL_ORDERS_MAX;
use onhand_core::warehouse::{Action, Place, Shortfall, Sync, SyncRow, WarehouseNeeds};
use onhand_core::{State, Timestamp, Version};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codec;
use super::load::View;
use super::rows::guarded;
use super::write::WriteError;
use crate::limits::HOLDERS_WALK_MAX;
use crate::store::WarehouseRows;
use crate::stored::{stored_count, stored_version};

/// Loads the rows that are named into the state.
pub(super) fn load(view: View<'_>, needs: &WarehouseNeeds, state: &mut State) -> Result<()> {
    let connection = view.connection;
    for id in &needs.syncs {
        state.load_sync(*id, sync(connection, *id)?);
    }
    if needs.open_sync {
        state.load_open_sync(open_sync(connection)?);
    }
    if let Some(before) = needs.old_sync {
        state.load_old_sync(old_sync(connection, before)?);
    }
    for key in &needs.rows {
        state.load_sync_row(*key, row(connection, *key)?);
    }
    for (key, most) in &needs.next_rows {
        state.load_next_sync_rows(*key, next_rows(connection, *key, *most)?);
    }
    for key in &needs.named {
        state.load_named_sync_row(*key, named(connection, *key)?);
    }
    for (place, most) in &needs.levels_after {
        state.load_levels_after(*place, levels_after(connection, *place, *most)?);
    }
    for key in &needs.shortfalls {
        state.load_shortfall(*key, shortfall(connection, *key)?);
    }
    for key in &needs.holders {
        state.load_holders(*key, holders(view, *key)?);
    }
    Ok(())
}

pub(super) fn sync(connection: &Connection, id: SyncId) -> Result<Option<Sync>> {
    connection
        .prepare_cached("SELECT document FROM syncs WHERE id = ?1")?
        .query_row([id.number()], |row| codec::document(row, 0))
        .optional()
}

pub(super) fn open_sync(connection: &Connection) -> Result<Option<Sync>> {
    connection
        .prepare_cached(
            "SELECT document FROM syncs INDEXED BY syncs_open \
             WHERE status IN ('receiving', 'comparing', 'applying') ORDER BY id DESC LIMIT 1",
        )?
        .query_row([], |row| codec::document(row, 0))
        .optional()
}

fn old_sync(connection: &Connection, before: Timestamp) -> Result<Option<Sync>> {
    connection
        .prepare_cached(
            "SELECT document FROM syncs INDEXED BY syncs_ended \
             WHERE rows_ended_at < ?1 AND rows_ended_at IS NOT NULL \
             ORDER BY rows_ended_at, id LIMIT 1",
        )?
        .query_row([before.as_microsecond()], |row| codec::document(row, 0))
        .optional()
}

fn row(connection: &Connection, (id, number): (SyncId, u32)) -> Result<Option<SyncRow>> {
    connection
        .prepare_cached("SELECT document FROM sync_rows WHERE sync_id = ?1 AND number = ?2")?
        .query_row(params![id.number(), number], |row| codec::document(row, 0))
        .optional()
}

fn next_rows(
    connection: &Connection,
    (id, action, after): (SyncId, Option<Action>, u32),
    most: usize,
) -> Result<Vec<SyncRow>> {
    let most = stored_count(most);
    let Some(action) = action else {
        return connection
            .prepare_cached(
                "SELECT document FROM sync_rows WHERE sync_id = ?1 AND number > ?2 \
                 ORDER BY number LIMIT ?3",
            )?
            .query_map(params![id.number(), after, most], |row| codec::document(row, 0))?
            .collect();
    };
    connection
        .prepare_cached(
            "SELECT document FROM sync_rows INDEXED BY sync_rows_action WHERE sync_id = ?1 \
             AND action = ?2 AND number > ?3 ORDER BY number LIMIT ?4",
        )?
        .query_map(params![id.number(), action.as_str(), after, most], |row| {
            codec::document(row, 0)
        })?
        .collect()
}

fn named(
    connection: &Connection,
    (id, product_id, location_id): (SyncId, ProductId, LocationId),
) -> Result<Option<SyncRow>> {
    connection
        .prepare_cached(
            "SELECT document FROM sync_rows INDEXED BY sync_rows_named WHERE sync_id = ?1 \
             AND product_id = ?2 AND product_id IS NOT NULL AND location_id = ?3 \
             ORDER BY number LIMIT 1",
        )?
        .query_row(params![id.number(), product_id.number(), location_id.number()], |row| {
            codec::document(row, 0)
        })
        .optional()
}

fn levels_after(connection: &Connection, place: Place, most: usize) -> Result<Vec<ProductId>> {
    let mut select = connection.prepare_cached(
        "SELECT product_id FROM levels WHERE product_id > ?1 AND location_id = ?2 \
         ORDER BY product_id LIMIT ?3",
    )?;
    let after = place.after.map_or(0, ProductId::number);
    let values = params![after, place.location_id.number(), stored_count(most)];
    let ids = select.query_map(values, |row| row.get::<_, i64>(0))?;
    ids.map(|id| Ok(ProductId::new(id?))).filter_map(Result::transpose).collect()
}

fn shortfall(
    connection: &Connection,
    (product_id, location_id): (ProductId, LocationId),
) -> Result<Option<Shortfall>> {
    connection
        .prepare_cached(
            "SELECT document FROM shortfalls WHERE product_id = ?1 AND location_id = ?2",
        )?
        .query_row([product_id.number(), location_id.number()], |row| codec::document(row, 0))
        .optional()
}

/// Orders that took part in the newest movements of a level, the newest first: walks its chain back
/// to those that promised units, and looks which order's event that was.
fn holders(
    view: View<'_>,
    (product_id, location_id): (ProductId, LocationId),
) -> Result<Vec<OrderId>> {
    let levels = view.levels(product_id)?;
    let level = levels.iter().find(|level| level.location_id == location_id);
    let mut seq = level.map_or(0, |level| level.last_movement);
    let mut select = view.connection.prepare_cached(
        "SELECT m.previous, CASE WHEN m.kind = 'reserved' AND (e.kind LIKE 'order.%' \
         OR e.kind LIKE 'payment.%') THEN e.subject ELSE 0 END \
         FROM movements m LEFT JOIN events e ON e.seq = m.cause WHERE m.seq = ?1",
    )?;
    let mut orders = Vec::new();
    for _ in 0..HOLDERS_WALK_MAX {
        if seq == 0 || orders.len() >= SHORTFALL_ORDERS_MAX {
            break;
        }
        let (previous, order): (i64, i64) =
            select.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if let Some(order) = OrderId::new(order).filter(|order| !orders.contains(order)) {
            orders.push(order);
        }
        seq = previous;
    }
    Ok(orders)
}

/// Writes every run, row and shortfall of a batch.
pub(super) fn write(
    connection: &Connection,
    rows: &WarehouseRows,
) -> std::result::Result<(), WriteError> {
    for (stored, sync) in rows.syncs.values() {
        write_sync(connection, *stored, sync)?;
    }
    for ((id, number), (stored, row)) in &rows.rows {
        match row {
            Some(row) => write_row(connection, *stored, row)?,
            // Made and forgotten within the batch, it was never there.
            None if *stored == 0 => {}
            None => {
                let mut delete = connection.prepare_cached(
                    "DELETE FROM sync_rows WHERE sync_id = ?1 AND number = ?2 AND version = ?3",
                )?;
                let values = params![id.number(), number, stored_version(*stored)];
                guarded(&mut delete, "sync_rows", values)?;
            }
        }
    }
    for (stored, shortfall) in rows.shortfalls.values() {
        write_shortfall(connection, *stored, shortfall)?;
    }
    Ok(())
}

fn write_sync(
    connection: &Connection,
    stored: Version,
    sync: &Sync,
) -> std::result::Result<(), WriteError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO syncs VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE \
         SET status = ?2, rows_ended_at = ?3, document = ?4, version = ?5 WHERE version = ?6",
    )?;
    let values = params![
        sync.id.number(),
        sync.status.as_str(),
        sync.rows_ended_at().map(|at| at.as_microsecond()),
        serde_json::to_string(sync)?,
        stored_version(sync.version),
        stored_version(stored),
    ];
    guarded(&mut put, "syncs", values)
}

fn write_row(
    connection: &Connection,
    stored: Version,
    row: &SyncRow,
) -> std::result::Result<(), WriteError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO sync_rows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (sync_id, number) DO UPDATE \
         SET action = ?3, movement = ?6, document = ?7, version = ?8 WHERE version = ?9",
    )?;
    let values = params![
        row.sync_id.number(),
        row.row,
        row.action.as_str(),
        row.product_id.map(ProductId::number),
        row.location_id.map(LocationId::number),
        row.movement,
        serde_json::to_string(row)?,
        stored_version(row.version),
        stored_version(stored),
    ];
    guarded(&mut put, "sync_rows", values)
}

fn write_shortfall(
    connection: &Connection,
    stored: Version,
    row: &Shortfall,
) -> std::result::Result<(), WriteError> {
    let key = [row.product_id.number(), row.location_id.number()];
    if row.missing == 0 {
        if stored == 0 {
            return Ok(());
        }
        let mut delete = connection.prepare_cached(
            "DELETE FROM shortfalls WHERE product_id = ?1 AND location_id = ?2 AND version = ?3",
        )?;
        let values = [key[0], key[1], stored_version(stored)];
        return guarded(&mut delete, "shortfalls", values);
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO shortfalls VALUES (?1, ?2, ?3, ?4) ON CONFLICT (product_id, location_id) \
         DO UPDATE SET document = ?3, version = ?4 WHERE version = ?5",
    )?;
    let values = params![
        key[0],
        key[1],
        serde_json::to_string(row)?,
        stored_version(row.version),
        stored_version(stored),
    ];
    guarded(&mut put, "shortfalls", values)
}
