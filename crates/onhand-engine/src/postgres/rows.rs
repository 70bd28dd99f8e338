//! Rows as a batch leaves them, as one change per table whatever the number of rows. A row that
//! was there is guarded by the version that was loaded: where one is not at that version, the
//! statement divides by zero, and the commit that was sent behind it commits nothing. Arrays are
//! taken apart in the list of columns and not in `FROM`, where each would be written into a table
//! of its own first: that costs two thirds more.

use onhand_core::Timestamp;
use onhand_core::catalog::{Category, Product};
use onhand_core::ids::{CategoryId, CustomerId, OrderId};
use onhand_core::inventory::{Level, Location, Reservation};
use onhand_core::orders::{OpenOrder, Order};
use std::sync::Arc;

use super::changes::Change;
use super::error::{Result, corrupt};
use super::shape::{Column, column, column_of, shaped};
use crate::store::{Guarded, Rows};
use crate::stored::{stored_count, stored_version};

/// Rows of one table that were not there, and those that were.
type New<'a, T> = Vec<&'a T>;
type Changed<'a, T> = Vec<&'a Guarded<T>>;

pub(super) fn parted<'a, T: 'a>(
    rows: impl Iterator<Item = &'a Guarded<T>>,
) -> (New<'a, T>, Changed<'a, T>) {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for row in rows {
        if row.0 == 0 { new.push(&row.1) } else { changed.push(row) }
    }
    (new, changed)
}

/// The rows of a batch.
pub(super) struct Writes<'a>(pub(super) Vec<Change<'a>>);

impl<'a> Writes<'a> {
    /// Adds a statement, unless it would write nothing.
    pub(super) fn add(
        &mut self,
        table: &'static str,
        sql: &'static str,
        rows: usize,
        columns: impl FnOnce() -> Vec<Column<'a>>,
    ) {
        if rows > 0 {
            let (sql, values) = shaped(sql, rows, columns());
            self.0.push(Change { table, sql, values, rows: None });
        }
    }

    /// Adds a guarded statement, which is also given how many rows it must change.
    pub(super) fn guarded(
        &mut self,
        table: &'static str,
        sql: &'static str,
        rows: usize,
        columns: impl FnOnce() -> Vec<Column<'a>>,
    ) {
        if rows > 0 {
            let (sql, values) = shaped(sql, rows, columns());
            self.0.push(Change { table, sql, values, rows: Some(stored_count(rows)) });
        }
    }

    /// Every row of a batch.
    pub(super) fn rows(&mut self, rows: &'a Rows) -> Result<()> {
        self.products(rows)?;
        self.categories(rows);
        self.locations(rows);
        self.levels(rows);
        self.reservations(rows);
        self.orders(rows);
        self.accounts(rows);
        self.payments(rows)?;
        self.outbox(rows)?;
        self.warehouse(rows)?;
        self.imports(rows)
    }

    fn products(&mut self, rows: &'a Rows) -> Result<()> {
        if rows.products.is_empty() {
            return Ok(());
        }
        let (new, changed) = parted(rows.products.values());
        let categories = |row: &Arc<Product>| {
            serde_json::to_string(&row.category_ids).map_err(|error| corrupt("products", error))
        };
        let of_new = new.iter().map(|row| categories(row)).collect::<Result<Vec<_>>>()?;
        let of_changed =
            changed.iter().map(|(_, row)| categories(row)).collect::<Result<Vec<_>>>()?;
        self.add("products", INSERT_PRODUCTS, new.len(), || {
            let mut values = product_values(&new);
            values.push(column_of(of_new));
            values.push(column(&new, |row| row.sku.as_str()));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("products", UPDATE_PRODUCTS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = product_values(&rows);
            values.push(column_of(of_changed));
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        let all: Vec<_> = rows.products.keys().map(|id| id.number()).collect();
        self.add("product_categories", DELETE_PRODUCT_CATEGORIES, all.len(), || {
            vec![column_of(all)]
        });
        let filed: Vec<(i64, i64)> = rows
            .products
            .values()
            .filter(|(_, row)| row.deleted_at.is_none())
            .flat_map(|(_, row)| row.category_ids.iter().map(|id| (id.number(), row.id.number())))
            .collect();
        self.add("product_categories", INSERT_PRODUCT_CATEGORIES, filed.len(), || {
            vec![column(&filed, |(category, _)| *category), column(&filed, |(_, product)| *product)]
        });
        Ok(())
    }

    fn categories(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.categories.values());
        self.add("categories", INSERT_CATEGORIES, new.len(), || {
            let mut values = category_values(&new);
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("categories", UPDATE_CATEGORIES, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = category_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    fn locations(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.locations.values());
        self.add("locations", INSERT_LOCATIONS, new.len(), || {
            let mut values = location_values(&new);
            values.push(column(&new, |row| row.code.as_str()));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("locations", UPDATE_LOCATIONS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = location_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    fn levels(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.levels.values());
        self.add("levels", INSERT_LEVELS, new.len(), || level_values(&new));
        self.guarded("levels", UPDATE_LEVELS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = level_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    fn reservations(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.reservations.values());
        self.add("reservations", INSERT_RESERVATIONS, new.len(), || {
            let mut values = reservation_values(&new);
            values.push(column(&new, |row| row.location_id.number()));
            values.push(column(&new, |row| row.quantity));
            values.push(column(&new, |row| row.order_id.map(OrderId::number)));
            values.push(column(&new, |row| row.reference.as_ref().map(|text| text.as_str())));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("reservations", UPDATE_RESERVATIONS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = reservation_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    /// An order's row says where it is and which event holds it: its document is written once.
    fn orders(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.orders.values());
        self.add("orders", INSERT_ORDERS, new.len(), || {
            let mut values = order_values(&new);
            values.push(column(&new, |row| row.customer_id.map(CustomerId::number)));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("orders", UPDATE_ORDERS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = order_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        let named: Vec<_> = new
            .iter()
            .filter_map(|row| Some((row.external_reference.as_ref()?.as_str(), row.id.number())))
            .collect();
        self.open_orders(&new, &changed);
        self.add("order_references", INSERT_REFERENCES, named.len(), || {
            vec![column(&named, |(reference, _)| *reference), column(&named, |(_, id)| *id)]
        });
    }

    /// What customers hold without having paid, of orders that are new, of those that end, and of
    /// those that are held for longer.
    fn open_orders(&mut self, new: &New<'a, Arc<Order>>, changed: &Changed<'a, Arc<Order>>) {
        let open: Vec<_> =
            new.iter().filter_map(|row| OpenOrder::of(row).map(|open| (row.id, open))).collect();
        self.add("open_orders", INSERT_OPEN_ORDERS, open.len(), || {
            vec![
                column(&open, |(_, (customer, _))| customer.number()),
                column(&open, |(id, _)| id.number()),
                column(&open, |(_, (_, open))| open.units),
                column(&open, |(_, (_, open))| open.expires_at.as_microsecond()),
            ]
        });
        let closed = changed.iter().filter(|(_, row)| OpenOrder::of(row).is_none());
        let closed: Vec<_> =
            closed.filter_map(|(_, row)| Some((row.customer_id?, row.id))).collect();
        self.add("open_orders", DELETE_OPEN_ORDERS, closed.len(), || {
            vec![
                column(&closed, |(customer, _)| customer.number()),
                column(&closed, |(_, id)| id.number()),
            ]
        });
        let kept = changed.iter().filter_map(|(_, row)| Some((row.id, OpenOrder::of(row)?)));
        let kept: Vec<_> = kept.collect();
        self.add("open_orders", UPDATE_OPEN_ORDERS, kept.len(), || {
            vec![
                column(&kept, |(_, (customer, _))| customer.number()),
                column(&kept, |(id, _)| id.number()),
                column(&kept, |(_, (_, open))| open.expires_at.as_microsecond()),
            ]
        });
    }
}

const INSERT_OPEN_ORDERS: &str = "INSERT INTO open_orders (customer_id, order_id, units, \
     expires_at) SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), \
     unnest($4::int8[])";
const DELETE_OPEN_ORDERS: &str = "DELETE FROM open_orders o USING (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) v(customer_id, order_id) WHERE o.customer_id = v.customer_id AND \
     o.order_id = v.order_id";
const UPDATE_OPEN_ORDERS: &str = "UPDATE open_orders o SET expires_at = v.expires_at FROM (SELECT \
     unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[])) v(customer_id, order_id, \
     expires_at) WHERE o.customer_id = v.customer_id AND o.order_id = v.order_id AND \
     o.expires_at != v.expires_at";

const INSERT_PRODUCTS: &str = "INSERT INTO products (id, name, description, price, currency, \
     active, version, updated_at, deleted_at, category_ids, sku, created_at) SELECT \
     unnest($1::int8[]), unnest($2::text[]), unnest($3::text[]), unnest($4::int8[]), \
     unnest($5::text[]), unnest($6::bool[]), unnest($7::int8[]), unnest($8::int8[]), \
     unnest($9::int8[]), unnest($10::text[]), unnest($11::text[]), unnest($12::int8[])";
const UPDATE_PRODUCTS: &str = "UPDATE products t SET name = v.name, description = \
     v.description, price = v.price, currency = v.currency, active = v.active, version = \
     v.version, updated_at = v.updated_at, deleted_at = v.deleted_at, category_ids = \
     v.category_ids FROM (SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::text[]), \
     unnest($4::int8[]), unnest($5::text[]), unnest($6::bool[]), unnest($7::int8[]), \
     unnest($8::int8[]), unnest($9::int8[]), unnest($10::text[]), unnest($11::int8[])) v(id, \
     name, description, price, currency, active, version, updated_at, deleted_at, category_ids, \
     stored) WHERE t.id = v.id AND t.version = v.stored";
const DELETE_PRODUCT_CATEGORIES: &str =
    "DELETE FROM product_categories WHERE product_id = ANY($1::int8[])";
const INSERT_PRODUCT_CATEGORIES: &str = "INSERT INTO product_categories (category_id, \
     product_id) SELECT unnest($1::int8[]), unnest($2::int8[])";

fn product_values<'a>(rows: &[&'a Arc<Product>]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.name.as_str()),
        column(rows, |row| row.description.as_str()),
        column(rows, |row| row.price.amount),
        column(rows, |row| row.price.currency.code().to_owned()),
        column(rows, |row| row.active),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
        column(rows, |row| row.deleted_at.map(Timestamp::as_microsecond)),
    ]
}

const INSERT_CATEGORIES: &str = "INSERT INTO categories (id, name, parent_id, version, \
     updated_at, deleted_at, created_at) SELECT unnest($1::int8[]), unnest($2::text[]), \
     unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[]), \
     unnest($7::int8[])";
const UPDATE_CATEGORIES: &str = "UPDATE categories t SET name = v.name, parent_id \
     = v.parent_id, version = v.version, updated_at = v.updated_at, deleted_at = v.deleted_at \
     FROM (SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), unnest($4::int8[]), \
     unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[])) v(id, name, parent_id, version, \
     updated_at, deleted_at, stored) WHERE t.id = v.id AND t.version = v.stored";

fn category_values<'a>(rows: &[&'a Category]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.name.as_str()),
        column(rows, |row| row.parent_id.map(CategoryId::number)),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
        column(rows, |row| row.deleted_at.map(Timestamp::as_microsecond)),
    ]
}

const INSERT_LOCATIONS: &str = "INSERT INTO locations (id, name, priority, active, version, \
     updated_at, code, created_at) SELECT unnest($1::int8[]), unnest($2::text[]), \
     unnest($3::int8[]), unnest($4::bool[]), unnest($5::int8[]), unnest($6::int8[]), \
     unnest($7::text[]), unnest($8::int8[])";
const UPDATE_LOCATIONS: &str = "UPDATE locations t SET name = v.name, priority = \
     v.priority, active = v.active, version = v.version, updated_at = v.updated_at FROM (SELECT \
     unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), unnest($4::bool[]), \
     unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[])) v(id, name, priority, active, \
     version, updated_at, stored) WHERE t.id = v.id AND t.version = v.stored";

fn location_values<'a>(rows: &[&'a Location]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.name.as_str()),
        column(rows, |row| row.priority),
        column(rows, |row| row.active),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
    ]
}

const INSERT_LEVELS: &str = "INSERT INTO levels SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), \
     unnest($6::int8[]), unnest($7::int8[]), unnest($8::int8[]), unnest($9::int8[]), \
     unnest($10::int8[]), unnest($11::int8[]), unnest($12::int8[]), unnest($13::int8[]), \
     unnest($14::int8[]), unnest($15::int8[]), unnest($16::int8[]), unnest($17::int8[])";
const UPDATE_LEVELS: &str = "UPDATE levels t SET on_hand = v.on_hand, reserved = \
     v.reserved, safety_stock = v.safety_stock, low_stock_threshold = v.low_stock_threshold, \
     received = v.received, sold = v.sold, returned = v.returned, adjusted = v.adjusted, counted \
     = v.counted, transferred = v.transferred, movements = v.movements, last_movement = \
     v.last_movement, version = v.version, updated_at = v.updated_at, missing = v.missing \
     FROM (SELECT \
     unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), \
     unnest($5::int8[]), unnest($6::int8[]), unnest($7::int8[]), unnest($8::int8[]), \
     unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[]), unnest($12::int8[]), \
     unnest($13::int8[]), unnest($14::int8[]), unnest($15::int8[]), unnest($16::int8[]), \
     unnest($17::int8[]), unnest($18::int8[])) v(product_id, location_id, on_hand, reserved, \
     safety_stock, low_stock_threshold, received, sold, returned, adjusted, counted, \
     transferred, movements, last_movement, version, updated_at, missing, stored) \
     WHERE t.product_id = v.product_id AND t.location_id = v.location_id \
     AND t.version = v.stored";

fn level_values<'a>(rows: &[&'a Level]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.product_id.number()),
        column(rows, |row| row.location_id.number()),
        column(rows, |row| row.on_hand),
        column(rows, |row| row.reserved),
        column(rows, |row| row.safety_stock),
        column(rows, |row| row.low_stock_threshold),
        column(rows, |row| row.totals.received),
        column(rows, |row| row.totals.sold),
        column(rows, |row| row.totals.returned),
        column(rows, |row| row.totals.adjusted),
        column(rows, |row| row.totals.counted),
        column(rows, |row| row.totals.transferred),
        column(rows, |row| stored_version(row.movements)),
        column(rows, |row| row.last_movement),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
        column(rows, |row| row.missing),
    ]
}

const INSERT_RESERVATIONS: &str = "INSERT INTO reservations (id, product_id, consumed, \
     released, state, expires_at, version, updated_at, location_id, quantity, order_id, \
     reference, created_at) SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), \
     unnest($4::int8[]), unnest($5::text[]), unnest($6::int8[]), unnest($7::int8[]), \
     unnest($8::int8[]), unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[]), \
     unnest($12::text[]), unnest($13::int8[])";
const UPDATE_RESERVATIONS: &str = "UPDATE reservations t SET consumed = \
     v.consumed, released = v.released, state = v.state, expires_at = v.expires_at, version = \
     v.version, updated_at = v.updated_at FROM (SELECT unnest($1::int8[]), unnest($2::int8[]), \
     unnest($3::int8[]), unnest($4::int8[]), unnest($5::text[]), unnest($6::int8[]), \
     unnest($7::int8[]), unnest($8::int8[]), unnest($9::int8[])) v(id, product_id, consumed, \
     released, state, expires_at, version, updated_at, stored) WHERE t.id = v.id AND t.product_id \
     = v.product_id AND t.version = v.stored";

fn reservation_values<'a>(rows: &[&'a Reservation]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.product_id.number()),
        column(rows, |row| row.consumed),
        column(rows, |row| row.released),
        column(rows, |row| row.state.as_str()),
        column(rows, |row| row.expires_at.map(Timestamp::as_microsecond)),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
    ]
}

const INSERT_ORDERS: &str = "INSERT INTO orders (id, status, version, last_event, \
     customer_id, created_at) SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), \
     unnest($4::int8[]), unnest($5::int8[]), unnest($6::int8[])";
const UPDATE_ORDERS: &str = "UPDATE orders t SET status = v.status, version = \
     v.version, last_event = v.last_event FROM (SELECT unnest($1::int8[]), unnest($2::text[]), \
     unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[])) v(id, status, version, \
     last_event, stored) WHERE t.id = v.id AND t.version = v.stored";
const INSERT_REFERENCES: &str = "INSERT INTO order_references SELECT unnest($1::text[]), \
     unnest($2::int8[])";

fn order_values<'a>(rows: &[&'a Arc<Order>]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.status.as_str()),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.last_event),
    ]
}
