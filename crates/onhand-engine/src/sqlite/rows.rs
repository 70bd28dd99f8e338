//! Rows as a batch leaves them. Each is guarded by the version that was loaded: a row that is not
//! at that version runs the batch again.

use onhand_core::Timestamp;
use onhand_core::inventory::Level;
use onhand_core::orders::{OpenOrder, Order};
use rusqlite::{CachedStatement, Connection, Params, params};

use super::levels::Plan;
use super::write::WriteError;
use super::{accounts, outbox, payments, warehouse};
use crate::store::Rows;
use crate::stored::stored_version;

/// Runs a guarded statement: exactly one row must change.
pub(super) fn guarded(
    statement: &mut CachedStatement<'_>,
    table: &'static str,
    values: impl Params,
) -> Result<(), WriteError> {
    if statement.execute(values)? == 1 { Ok(()) } else { Err(WriteError::Guard(table)) }
}

/// Writes every row of a batch but the levels, which have a plan of their own.
pub(super) fn write_rows(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    write_catalog(connection, rows)?;
    write_locations(connection, rows)?;
    write_reservations(connection, rows)?;
    write_orders(connection, rows)?;
    accounts::write(connection, rows)?;
    payments::write(connection, rows)?;
    outbox::write(connection, rows)?;
    warehouse::write(connection, &rows.warehouse)
}

fn write_catalog(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    for (stored, row) in rows.products.values() {
        let category_ids = serde_json::to_string(&row.category_ids)?;
        let mut put = connection.prepare_cached(
            "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT (id) DO UPDATE SET name = ?3, description = ?4, price = ?5, \
             currency = ?6, active = ?7, category_ids = ?8, version = ?9, updated_at = ?11, \
             deleted_at = ?12 WHERE version = ?13",
        )?;
        let values = params![
            row.id.number(),
            row.sku.as_str(),
            row.name.as_str(),
            row.description.as_str(),
            row.price.amount,
            row.price.currency.code(),
            row.active,
            category_ids,
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            row.deleted_at.map(Timestamp::as_microsecond),
            stored_version(*stored),
        ];
        guarded(&mut put, "products", values)?;
        connection
            .prepare_cached("DELETE FROM product_categories WHERE product_id = ?1")?
            .execute([row.id.number()])?;
        for category in row.category_ids.iter().filter(|_| row.deleted_at.is_none()) {
            connection
                .prepare_cached("INSERT INTO product_categories VALUES (?1, ?2)")?
                .execute([category.number(), row.id.number()])?;
        }
    }
    for (stored, row) in rows.categories.values() {
        let mut put = connection.prepare_cached(
            "INSERT INTO categories VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO \
             UPDATE SET name = ?2, parent_id = ?3, version = ?4, updated_at = ?6, \
             deleted_at = ?7 WHERE version = ?8",
        )?;
        let values = params![
            row.id.number(),
            row.name.as_str(),
            row.parent_id.map(onhand_core::ids::CategoryId::number),
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            row.deleted_at.map(Timestamp::as_microsecond),
            stored_version(*stored),
        ];
        guarded(&mut put, "categories", values)?;
    }
    Ok(())
}

fn write_locations(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    for (stored, row) in rows.locations.values() {
        let mut put = connection.prepare_cached(
            "INSERT INTO locations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO \
             UPDATE SET name = ?3, priority = ?4, active = ?5, version = ?6, updated_at = ?8 \
             WHERE version = ?9",
        )?;
        let values = params![
            row.id.number(),
            row.code.as_str(),
            row.name.as_str(),
            row.priority,
            row.active,
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            stored_version(*stored),
        ];
        guarded(&mut put, "locations", values)?;
    }
    Ok(())
}

fn write_reservations(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO reservations VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE reservations SET consumed = ?2, released = ?3, state = ?4, expires_at = ?5, \
         version = ?6, updated_at = ?7 WHERE id = ?1 AND version = ?8",
    )?;
    for (stored, row) in rows.reservations.values() {
        if *stored > 0 {
            let values = params![
                row.id.number(),
                row.consumed,
                row.released,
                row.state.as_str(),
                row.expires_at.map(Timestamp::as_microsecond),
                stored_version(row.version),
                row.updated_at.as_microsecond(),
                stored_version(*stored),
            ];
            guarded(&mut update, "reservations", values)?;
            continue;
        }
        let values = params![
            row.id.number(),
            row.product_id.number(),
            row.location_id.number(),
            row.quantity,
            row.consumed,
            row.released,
            row.state.as_str(),
            row.order_id.map(onhand_core::ids::OrderId::number),
            row.reference.as_ref().map(|reference| reference.as_str()),
            row.expires_at.map(Timestamp::as_microsecond),
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
        ];
        guarded(&mut insert, "reservations", values)?;
    }
    Ok(())
}

/// An order's row says where it is and which event holds it: its document is written once.
fn write_orders(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut update = connection.prepare_cached(
        "UPDATE orders SET status = ?2, version = ?3, last_event = ?4 \
         WHERE id = ?1 AND version = ?5",
    )?;
    for (stored, row) in rows.orders.values() {
        let (version, id) = (stored_version(row.version), row.id.number());
        if *stored > 0 {
            let stored = stored_version(*stored);
            let values = params![id, row.status.as_str(), version, row.last_event, stored];
            guarded(&mut update, "orders", values)?;
            write_open_order(connection, row)?;
            continue;
        }
        let customer = row.customer_id.map(onhand_core::ids::CustomerId::number);
        let placed = row.created_at.as_microsecond();
        let values = params![id, row.status.as_str(), version, row.last_event, customer, placed];
        guarded(&mut insert, "orders", values)?;
        if let Some((customer, open)) = OpenOrder::of(row) {
            connection.prepare_cached("INSERT INTO open_orders VALUES (?1, ?2, ?3, ?4)")?.execute(
                params![customer.number(), id, open.units, open.expires_at.as_microsecond()],
            )?;
        }
        if let Some(reference) = &row.external_reference {
            connection
                .prepare_cached("INSERT INTO order_references VALUES (?1, ?2)")?
                .execute(params![reference.as_str(), row.id.number()])?;
        }
    }
    Ok(())
}

/// What a changed order holds for its customer without having been paid: nothing any more, or for
/// longer.
fn write_open_order(connection: &Connection, row: &Order) -> rusqlite::Result<()> {
    let Some(customer) = row.customer_id else { return Ok(()) };
    let (customer, id) = (customer.number(), row.id.number());
    match OpenOrder::of(row) {
        None => connection
            .prepare_cached("DELETE FROM open_orders WHERE customer_id = ?1 AND order_id = ?2")?
            .execute([customer, id])?,
        Some((_, open)) => connection
            .prepare_cached(
                "UPDATE open_orders SET expires_at = ?3 WHERE customer_id = ?1 AND order_id = ?2 \
                 AND expires_at != ?3",
            )?
            .execute([customer, id, open.expires_at.as_microsecond()])?,
    };
    Ok(())
}

/// Writes the levels that a plan names, each over the row that it had.
pub(super) fn write_levels(connection: &Connection, plan: &Plan) -> Result<(), WriteError> {
    let mut update = connection.prepare_cached(
        "UPDATE levels SET on_hand = ?3, reserved = ?4, safety_stock = ?5, \
         low_stock_threshold = ?6, received = ?7, sold = ?8, returned = ?9, adjusted = ?10, \
         counted = ?11, transferred = ?12, movements = ?13, last_movement = ?14, version = ?15, \
         updated_at = ?16, missing = ?17 \
         WHERE product_id = ?1 AND location_id = ?2 AND version = ?18",
    )?;
    for (level, stored) in &plan.rows {
        if *stored == 0 {
            insert_level(connection, level)?;
            continue;
        }
        let mut values = level_values(level).to_vec();
        values.push(stored_version(*stored));
        guarded(&mut update, "levels", rusqlite::params_from_iter(values))?;
    }
    Ok(())
}

/// Writes a level that has no row yet.
pub(super) fn insert_level(connection: &Connection, level: &Level) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO levels VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(rusqlite::params_from_iter(level_values(level)))?;
    Ok(())
}

/// The columns of a level's row, all of them numbers.
fn level_values(row: &Level) -> [i64; 17] {
    [
        row.product_id.number(),
        row.location_id.number(),
        row.on_hand,
        row.reserved,
        row.safety_stock,
        row.low_stock_threshold,
        row.totals.received,
        row.totals.sold,
        row.totals.returned,
        row.totals.adjusted,
        row.totals.counted,
        row.totals.transferred,
        stored_version(row.movements),
        row.last_movement,
        stored_version(row.version),
        row.updated_at.as_microsecond(),
        row.missing,
    ]
}
