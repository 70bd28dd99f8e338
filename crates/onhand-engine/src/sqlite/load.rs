//! Loading the rows that a batch names into the state of its decisions. Runs on the writing
//! connection, inside the batch's transaction.

use onhand_core::catalog::Product;
use onhand_core::ids::{CustomerId, OrderId, ProductId, ReservationId};
use onhand_core::inventory::{Level, Reservation};
use onhand_core::limits::OPEN_ORDERS_LOADED_MAX;
use onhand_core::orders::{OpenOrder, OpenOrders, Order};
use onhand_core::text::Reference;
use onhand_core::{Needs, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::levels::RecentLevels;
use super::{accounts, codec, imports, outbox, past, payments, warehouse};
use crate::columns::*;
use crate::limits::HOLDS_OF_REFERENCE_MAX;
use crate::stored::stored_count;

/// What a read or a load sees: one snapshot of the rows, and the levels that are ahead of theirs.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) connection: &'a Connection,
    pub(super) levels: &'a RecentLevels,
}

impl View<'_> {
    /// Loads the rows that are named into the state.
    pub(super) fn load(self, needs: &Needs, now: Timestamp, state: &mut State) -> Result<()> {
        load_catalog(self, needs, state)?;
        load_records(self, needs, now, state)?;
        accounts::load(self.connection, needs, state)?;
        payments::load(self.connection, needs, now, state)?;
        outbox::load(self.connection, needs, now, state)?;
        warehouse::load(self, &needs.warehouse, state)?;
        imports::load(self.connection, needs, state)
    }

    /// All levels of a product.
    pub(super) fn levels(self, id: ProductId) -> Result<Vec<Level>> {
        let mut rows = self
            .connection
            .prepare_cached(concat!(
                "SELECT ",
                level_columns!(),
                " FROM levels WHERE product_id = ?1"
            ))?
            .query_map([id.number()], codec::level)?
            .collect::<Result<Vec<_>>>()?;
        self.levels.bring_up(id, &mut rows);
        Ok(rows)
    }
}

fn load_catalog(view: View<'_>, needs: &Needs, state: &mut State) -> Result<()> {
    let connection = view.connection;
    for sku in &needs.skus {
        let id = product_id_of_sku(connection, sku.as_str())?;
        state.load_sku(sku.clone(), id);
        if let Some(id) = id {
            state.load_product(id, product_with_levels(view, id)?);
        }
    }
    for id in &needs.products {
        state.load_product(*id, product_with_levels(view, *id)?);
    }
    if needs.locations {
        state.load_locations(locations(connection)?);
    }
    for id in &needs.categories {
        let row = connection
            .prepare_cached(concat!(
                "SELECT ",
                category_columns!(),
                " FROM categories WHERE id = ?1"
            ))?
            .query_row([id.number()], codec::category)
            .optional()?;
        state.load_category(*id, row);
    }
    for id in &needs.category_uses {
        let uses: i64 = connection
            .prepare_cached(
                "SELECT (SELECT count(*) FROM product_categories WHERE category_id = ?1) \
                 + (SELECT count(*) FROM categories WHERE parent_id = ?1 AND deleted_at IS NULL)",
            )?
            .query_row([id.number()], |row| row.get(0))?;
        state.load_category_uses(*id, uses.unsigned_abs());
    }
    Ok(())
}

fn load_records(view: View<'_>, needs: &Needs, now: Timestamp, state: &mut State) -> Result<()> {
    let connection = view.connection;
    for id in &needs.orders {
        state.load_order(*id, order(connection, *id)?);
    }
    for id in &needs.open_orders {
        state.load_open_orders(*id, open_orders(connection, *id)?);
    }
    for id in &needs.reservations {
        let row = connection
            .prepare_cached(concat!(
                "SELECT ",
                reservation_columns!(),
                " FROM reservations WHERE id = ?1"
            ))?
            .query_row([id.number()], codec::reservation)
            .optional()?;
        state.load_reservation(*id, row);
    }
    for reference in &needs.references {
        state
            .load_reference(reference.clone(), order_of_reference(connection, reference.as_str())?);
    }
    for key in &needs.holds_of {
        state.load_holds_of(key.clone(), holds_of(connection, &key.0, key.1)?);
    }
    for id in &needs.expired_holds {
        let holds =
            due(connection, now, Some(*id), onhand_core::limits::EXPIRED_HOLDS_PER_COMMAND_MAX)?;
        state.load_expired_holds(*id, holds);
    }
    if let Some(most) = needs.due {
        state.load_due(due(connection, now, None, most)?);
    }
    for key in &needs.on_hand_at {
        let past = past::at(view, view.levels(key.0)?, key.1, key.2)?;
        state.load_on_hand_at(*key, past);
    }
    Ok(())
}

pub(super) fn product_id_of_sku(connection: &Connection, sku: &str) -> Result<Option<ProductId>> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM products WHERE sku = ?1 AND deleted_at IS NULL")?
        .query_row([sku], |row| row.get(0))
        .optional()?;
    Ok(id.and_then(ProductId::new))
}

pub(super) fn product(connection: &Connection, id: ProductId) -> Result<Option<Product>> {
    connection
        .prepare_cached(concat!("SELECT ", product_columns!(), " FROM products WHERE id = ?1"))?
        .query_row([id.number()], codec::product)
        .optional()
}

fn product_with_levels(view: View<'_>, id: ProductId) -> Result<Option<(Product, Vec<Level>)>> {
    match product(view.connection, id)? {
        Some(product) => Ok(Some((product, view.levels(id)?))),
        None => Ok(None),
    }
}

pub(super) fn locations(connection: &Connection) -> Result<Vec<onhand_core::inventory::Location>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            location_columns!(),
            " FROM locations ORDER BY priority, id"
        ))?
        .query_map([], codec::location)?
        .collect()
}

pub(super) fn order(connection: &Connection, id: OrderId) -> Result<Option<Order>> {
    connection
        .prepare_cached(
            "SELECT e.body FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
             WHERE o.id = ?1",
        )?
        .query_row([id.number()], codec::order)
        .optional()
}

/// The newest open orders of a customer.
fn open_orders(connection: &Connection, id: CustomerId) -> Result<OpenOrders> {
    let mut select = connection.prepare_cached(
        "SELECT order_id, units, expires_at FROM open_orders WHERE customer_id = ?1 \
         ORDER BY order_id DESC LIMIT ?2",
    )?;
    let values = params![id.number(), stored_count(OPEN_ORDERS_LOADED_MAX)];
    let rows = select.query_map(values, |row| {
        let open = OpenOrder { units: row.get(1)?, expires_at: codec::instant(row.get(2)?)? };
        Ok((codec::order_id(row, 0)?, open))
    })?;
    rows.collect()
}

/// The oldest holds of a reference of a product.
fn holds_of(
    connection: &Connection,
    reference: &Reference,
    product: ProductId,
) -> Result<Vec<Reservation>> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        reservation_columns!(),
        " FROM reservations WHERE reference = ?1 AND product_id = ?2 AND state = 'held' \
         AND order_id IS NULL ORDER BY id LIMIT ?3"
    ))?;
    let most = stored_count(HOLDS_OF_REFERENCE_MAX);
    let named = params![reference.as_str(), product.number(), most];
    select.query_map(named, codec::reservation)?.collect()
}

pub(super) fn order_of_reference(
    connection: &Connection,
    reference: &str,
) -> Result<Option<OrderId>> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT order_id FROM order_references WHERE reference = ?1")?
        .query_row([reference], |row| row.get(0))
        .optional()?;
    Ok(id.and_then(OrderId::new))
}

/// The order that an event left.
pub(super) fn order_of_event(connection: &Connection, seq: i64) -> Result<Order> {
    connection
        .prepare_cached("SELECT body FROM events WHERE seq = ?1")?
        .query_row([seq], codec::order)
}

/// Holds that have run out, oldest first; of one product or of all.
fn due(
    connection: &Connection,
    now: Timestamp,
    product: Option<ProductId>,
    most: usize,
) -> Result<Vec<ReservationId>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM reservations INDEXED BY reservations_due \
         WHERE expires_at <= ?1 AND expires_at IS NOT NULL AND (?2 IS NULL OR product_id = ?2) \
         ORDER BY expires_at LIMIT ?3",
    )?;
    let values = params![now.as_microsecond(), product.map(ProductId::number), stored_count(most)];
    let ids = select.query_map(values, |row| row.get::<_, i64>(0))?;
    ids.map(|id| Ok(ReservationId::new(id?))).filter_map(Result::transpose).collect()
}
