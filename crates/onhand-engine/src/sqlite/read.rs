//! The questions that may be asked of what is remembered. Every list is a page by key, never by
//! offset, and looks at a bounded number of rows; where a filter leaves a page short, the cursor
//! goes on.

use onhand_core::catalog::{Category, Product, ProductRef};
use onhand_core::events::EventBody;
use onhand_core::ids::{CategoryId, CustomerId, LocationId, OrderId, ProductId, ReservationId};
use onhand_core::inventory::{
    Level, Location, Movement, MovementKind, Reservation, ReservationState, ReservationView, Totals,
};
use onhand_core::limits::MOVEMENTS_PER_MARK;
use onhand_core::orders::{Order, Status};
use onhand_core::text::{Reference, Sku};
use onhand_core::{Actor, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::codec::{self, *};
use super::load;
use super::readers::{ReadError, Reader};
use super::write::stored_count;
use crate::limits::{PAGE_ROWS_MAX, SCAN_ROWS_MAX};

/// A page of a list, newest first unless said otherwise.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<i64>,
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// In this state.
    pub status: Option<Status>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With a line of this product.
    pub product_id: Option<ProductId>,
    /// Of this name in another system.
    pub external_reference: Option<Reference>,
    /// Placed at or after.
    pub created_from: Option<Timestamp>,
    /// Placed before.
    pub created_before: Option<Timestamp>,
}

/// Which reservations to list.
#[derive(Debug, Clone, Default)]
pub struct ReservationFilter {
    /// In this state.
    pub state: Option<ReservationState>,
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// With this reference.
    pub reference: Option<Reference>,
}

/// Which stock to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct StockFilter {
    /// At this location.
    pub location_id: Option<LocationId>,
    /// Only where available is below the threshold.
    pub below_threshold: bool,
}

/// The stock of one product.
#[derive(Debug, Clone)]
pub struct StockRow {
    /// The product.
    pub product: Product,
    /// Its levels by location.
    pub levels: Vec<Level>,
}

/// One term of an explanation.
#[derive(Debug, Clone)]
pub struct ExplainTerm {
    /// What moved the units.
    pub kind: MovementKind,
    /// How many, with their sign.
    pub units: i64,
}

/// Why a figure is what it is.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The product.
    pub product: Product,
    /// Its levels.
    pub levels: Vec<Level>,
    /// Terms that add up to what is on hand.
    pub terms: Vec<ExplainTerm>,
    /// Open promises, newest first; a bounded number.
    pub open: Vec<Reservation>,
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Position in the log.
    pub seq: i64,
    /// Its type.
    pub kind: String,
    /// Who asked for it.
    pub actor: Actor,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The object as it was left.
    pub body: EventBody,
}

fn event_row(row: &Row<'_>) -> Result<EventRow> {
    let body: String = row.get(4)?;
    Ok(EventRow {
        seq: row.get(0)?,
        kind: row.get(1)?,
        actor: Actor::from_stored(&row.get::<_, String>(2)?),
        recorded_at: codec::instant(row.get(3)?)?,
        body: serde_json::from_str(&body).map_err(|error| codec::corrupt(4, error))?,
    })
}

/// Cuts a list that was asked for one row too many, and says where the next page begins.
fn page<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> i64) -> Page<T> {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(key);
    Page { rows, next }
}

/// The lowest key that a filtered page looks at, going down from below `before`.
fn scan_floor(before: i64) -> i64 {
    before.saturating_sub(stored_count(SCAN_ROWS_MAX)).max(1)
}

fn newest_id(connection: &Connection, sql: &'static str) -> Result<i64> {
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// A page of a list that was filtered: where it is short, it goes on below the floor.
fn filtered_page<T>(rows: Vec<T>, limit: usize, floor: i64, key: impl Fn(&T) -> i64) -> Page<T> {
    let mut page = page(rows, limit, key);
    if page.next.is_none() && floor > 1 {
        page.next = Some(floor);
    }
    page
}

fn find_product(connection: &Connection, reference: &ProductRef) -> Result<Option<Product>> {
    let id = match reference {
        ProductRef::Id(id) => Some(*id),
        ProductRef::Sku(sku) => load::product_id_of_sku(connection, sku.as_str())?,
    };
    let Some(id) = id else { return Ok(None) };
    Ok(load::product(connection, id)?.filter(|product| product.deleted_at.is_none()))
}

impl Reader {
    /// An order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.read(move |connection| load::order(connection, id)).await
    }

    /// A page of orders, newest first; `before` is where the last page ended.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn orders(
        &self,
        filter: OrderFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Order>, ReadError> {
        self.read(move |connection| orders(connection, &filter, before, limit)).await
    }

    /// The history of an order, oldest first; none for an order that is not there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline(&self, id: OrderId) -> Result<Option<Vec<EventRow>>, ReadError> {
        self.read(move |connection| timeline(connection, id)).await
    }

    /// Events after a position, oldest first, of all types or of some.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn events(
        &self,
        after: i64,
        kinds: Vec<String>,
        limit: usize,
    ) -> Result<Page<EventRow>, ReadError> {
        self.read(move |connection| events(connection, after, &kinds, limit)).await
    }

    /// A product of the catalogue.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn product(&self, reference: ProductRef) -> Result<Option<Product>, ReadError> {
        self.read(move |connection| find_product(connection, &reference)).await
    }

    /// A page of products, newest first; of a category, or with a SKU.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn products(
        &self,
        category: Option<CategoryId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Product>, ReadError> {
        self.read(move |connection| products(connection, category, before, limit)).await
    }

    /// A category.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn category(&self, id: CategoryId) -> Result<Option<Category>, ReadError> {
        self.read(move |connection| {
            connection
                .prepare_cached(concat!(
                    "SELECT ",
                    category_columns!(),
                    " FROM categories WHERE id = ?1 AND deleted_at IS NULL"
                ))?
                .query_row([id.number()], codec::category)
                .optional()
        })
        .await
    }

    /// A page of categories, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn categories(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Category>, ReadError> {
        self.read(move |connection| {
            let rows = connection
                .prepare_cached(concat!(
                    "SELECT ",
                    category_columns!(),
                    " FROM categories WHERE deleted_at IS NULL AND id < ?1 \
                     ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(bounds(before, limit), codec::category)?
                .collect::<Result<Vec<_>>>()?;
            Ok(page(rows, limit, |row| row.id.number()))
        })
        .await
    }

    /// All locations, in the order in which they are asked.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn locations(&self) -> Result<Vec<Location>, ReadError> {
        self.read(load::locations).await
    }

    /// The stock of a product, now or as it was shown at an instant.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn stock(
        &self,
        reference: ProductRef,
        as_of: Option<Timestamp>,
    ) -> Result<Option<StockRow>, ReadError> {
        self.read(move |connection| stock(connection, &reference, as_of)).await
    }

    /// A page of stock by product, newest product first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn stocks(
        &self,
        filter: StockFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<StockRow>, ReadError> {
        self.read(move |connection| stocks(connection, filter, before, limit)).await
    }

    /// Why a product's stock is what it is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn explain(&self, reference: ProductRef) -> Result<Option<Explanation>, ReadError> {
        self.read(move |connection| explain(connection, &reference)).await
    }

    /// Entries of the ledger of a product, newest first, going on at the heads that the last page
    /// left. Answers none for a product that is not there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn movements(
        &self,
        reference: ProductRef,
        heads: Option<Vec<i64>>,
        limit: usize,
    ) -> Result<Option<(Vec<Movement>, Vec<i64>)>, ReadError> {
        self.read(move |connection| movements(connection, &reference, heads, limit)).await
    }

    /// A reservation with its SKU.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<Option<ReservationView>, ReadError> {
        self.read(move |connection| {
            let filter = ReservationFilter::default();
            let found = reservations(connection, &filter, Some(id.number() + 1), 1)?;
            Ok(found.rows.into_iter().find(|view| view.reservation.id == id))
        })
        .await
    }

    /// A page of reservations, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn reservations(
        &self,
        filter: ReservationFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<ReservationView>, ReadError> {
        self.read(move |connection| reservations(connection, &filter, before, limit)).await
    }
}

/// Where a page begins and how many rows to ask for: one more than it shows.
fn bounds(before: Option<i64>, limit: usize) -> [i64; 2] {
    [before.unwrap_or(i64::MAX), stored_count(limit.min(PAGE_ROWS_MAX)) + 1]
}

fn orders(
    connection: &Connection,
    filter: &OrderFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Order>> {
    if let Some(reference) = &filter.external_reference {
        let id = load::order_of_reference(connection, reference.as_str())?;
        let found = id.map(|id| load::order(connection, id)).transpose()?.flatten();
        let fits = |order: &Order| {
            filter.status.is_none_or(|status| status == order.status)
                && filter.customer_id.is_none_or(|id| order.customer_id == Some(id))
                && before.is_none_or(|before| order.id.number() < before)
        };
        return Ok(Page { rows: found.into_iter().filter(fits).collect(), next: None });
    }
    let newest = newest_id(connection, "SELECT coalesce(max(id), 0) FROM orders")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        order_columns!(),
        " FROM orders o WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR status = ?3) \
         AND (?4 IS NULL OR customer_id = ?4) AND (?5 IS NULL OR created_at >= ?5) \
         AND (?6 IS NULL OR created_at < ?6) AND (?7 IS NULL OR EXISTS (SELECT 1 \
         FROM json_each(o.lines) WHERE (value ->> 'product_id') = ?7)) ORDER BY id DESC LIMIT ?8"
    ))?;
    let values = params![
        before,
        floor,
        filter.status.map(Status::as_str),
        filter.customer_id.map(CustomerId::number),
        filter.created_from.map(Timestamp::as_microsecond),
        filter.created_before.map(Timestamp::as_microsecond),
        filter.product_id.map(ProductId::number),
        stored_count(limit) + 1
    ];
    let rows = select.query_map(values, codec::order)?.collect::<Result<Vec<_>>>()?;
    let oldest_is_in = rows
        .last()
        .is_some_and(|order| filter.created_from.is_some_and(|from| order.created_at < from));
    let floor = if oldest_is_in { 1 } else { floor };
    Ok(filtered_page(rows, limit, floor, |order| order.id.number()))
}

fn timeline(connection: &Connection, id: OrderId) -> Result<Option<Vec<EventRow>>> {
    let Some(order) = load::order(connection, id)? else {
        return Ok(None);
    };
    let mut select = connection.prepare_cached(
        "SELECT seq, kind, actor, recorded_at, body, previous FROM events WHERE seq = ?1",
    )?;
    let mut rows = Vec::new();
    let mut seq = order.last_event;
    while seq > 0 {
        let (row, previous) =
            select.query_row([seq], |row| Ok((event_row(row)?, row.get::<_, i64>(5)?)))?;
        rows.push(row);
        seq = previous;
    }
    rows.reverse();
    Ok(Some(rows))
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
    let newest = newest_id(connection, "SELECT coalesce(max(seq), 0) FROM events")?;
    let looked_at = match rows.last() {
        Some(row) if rows.len() == limit => row.seq,
        Some(_) | None => newest.min(ceiling),
    };
    Ok(Page { rows, next: (looked_at < newest).then_some(looked_at) })
}

fn products(
    connection: &Connection,
    category: Option<CategoryId>,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Product>> {
    let [before, rows_max] = bounds(before, limit);
    let mut select = match category {
        None => connection.prepare_cached(concat!(
            "SELECT ",
            product_columns!(),
            " FROM products WHERE deleted_at IS NULL AND id < ?1 AND ?3 IS NULL \
             ORDER BY id DESC LIMIT ?2"
        ))?,
        Some(_) => connection.prepare_cached(concat!(
            "SELECT ",
            product_columns!(),
            " FROM products WHERE deleted_at IS NULL AND id IN (SELECT product_id \
             FROM product_categories WHERE category_id = ?3 AND product_id < ?1) \
             ORDER BY id DESC LIMIT ?2"
        ))?,
    };
    let values = params![before, rows_max, category.map(CategoryId::number)];
    let rows = select.query_map(values, codec::product)?.collect::<Result<Vec<_>>>()?;
    Ok(page(rows, limit, |product| product.id.number()))
}

fn stock(
    connection: &Connection,
    reference: &ProductRef,
    as_of: Option<Timestamp>,
) -> Result<Option<StockRow>> {
    let Some(product) = find_product(connection, reference)? else {
        return Ok(None);
    };
    let mut levels = load::levels(connection, product.id)?;
    if let Some(at) = as_of {
        for level in &mut levels {
            rewind(connection, level, at)?;
        }
        levels.retain(|level| level.movements > 0);
    }
    Ok(Some(StockRow { product, levels }))
}

/// Sets a level back to what it showed at an instant, by when entries were recorded: finds the
/// first mark after it by bisection, and walks from there.
fn rewind(connection: &Connection, level: &mut Level, at: Timestamp) -> Result<()> {
    let mut mark = connection.prepare_cached(
        "SELECT seq, recorded_at FROM movement_marks \
         WHERE product_id = ?1 AND location_id = ?2 AND ordinal = ?3",
    )?;
    let (mut low, mut high) = (0, level.movements / MOVEMENTS_PER_MARK);
    let mut seq = level.last_movement;
    while low < high {
        let middle = low.midpoint(high) + u64::from(low.midpoint(high) == low);
        let ordinal = i64::try_from(middle * MOVEMENTS_PER_MARK).unwrap_or(i64::MAX);
        let values = params![level.product_id.number(), level.location_id.number(), ordinal];
        let (mark_seq, recorded): (i64, i64) =
            mark.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        if recorded > at.as_microsecond() {
            seq = mark_seq;
            high = middle - 1;
        } else {
            low = middle;
        }
    }
    let mut entry = connection.prepare_cached(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq = ?1"
    ))?;
    while seq > 0 {
        let movement = entry.query_row([seq], codec::movement)?;
        if movement.recorded_at <= at {
            level.on_hand = movement.on_hand_after;
            level.reserved = movement.reserved_after;
            level.movements = movement.ordinal;
            level.last_movement = seq;
            level.updated_at = movement.recorded_at;
            return Ok(());
        }
        seq = movement.previous;
    }
    (level.on_hand, level.reserved, level.movements) = (0, 0, 0);
    Ok(())
}

fn stocks(
    connection: &Connection,
    filter: StockFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<StockRow>> {
    let newest = newest_id(connection, "SELECT coalesce(max(id), 0) FROM products")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        product_columns!(),
        " FROM products p WHERE deleted_at IS NULL AND id < ?1 AND id >= ?2 \
         AND ((?3 IS NULL AND NOT ?4) OR EXISTS (SELECT 1 FROM levels l \
         WHERE l.product_id = p.id AND (?3 IS NULL OR l.location_id = ?3) AND (NOT ?4 \
         OR max(l.on_hand - l.reserved - l.safety_stock, 0) < l.low_stock_threshold))) \
         ORDER BY id DESC LIMIT ?5"
    ))?;
    let values = params![
        before,
        floor,
        filter.location_id.map(LocationId::number),
        filter.below_threshold,
        stored_count(limit) + 1
    ];
    let products = select.query_map(values, codec::product)?.collect::<Result<Vec<_>>>()?;
    let page = filtered_page(products, limit, floor, |product| product.id.number());
    let mut rows = Vec::with_capacity(page.rows.len());
    for product in page.rows {
        let mut levels = load::levels(connection, product.id)?;
        levels.retain(|level| filter.location_id.is_none_or(|id| id == level.location_id));
        rows.push(StockRow { product, levels });
    }
    Ok(Page { rows, next: page.next })
}

/// Most open promises that an explanation lists.
const EXPLAINED_HOLDS_MAX: usize = 50;

fn explain(connection: &Connection, reference: &ProductRef) -> Result<Option<Explanation>> {
    let Some(StockRow { product, levels }) = stock(connection, reference, None)? else {
        return Ok(None);
    };
    let term = |kind, of: fn(&Totals) -> i64| ExplainTerm {
        kind,
        units: levels.iter().map(|level| of(&level.totals)).sum(),
    };
    let terms = vec![
        term(MovementKind::Received, |totals| totals.received),
        term(MovementKind::Sold, |totals| totals.sold),
        term(MovementKind::Returned, |totals| totals.returned),
        term(MovementKind::Adjusted, |totals| totals.adjusted),
        term(MovementKind::Counted, |totals| totals.counted),
        term(MovementKind::Transferred, |totals| totals.transferred),
    ];
    let filter = ReservationFilter {
        state: Some(ReservationState::Held),
        product_id: Some(product.id),
        ..ReservationFilter::default()
    };
    let open = reservations(connection, &filter, None, EXPLAINED_HOLDS_MAX)?;
    let open = open.rows.into_iter().map(|view| view.reservation).collect();
    Ok(Some(Explanation { product, levels, terms, open }))
}

fn movements(
    connection: &Connection,
    reference: &ProductRef,
    heads: Option<Vec<i64>>,
    limit: usize,
) -> Result<Option<(Vec<Movement>, Vec<i64>)>> {
    let Some(product) = find_product(connection, reference)? else {
        return Ok(None);
    };
    let mut heads = match heads {
        Some(heads) => heads,
        None => {
            let levels = load::levels(connection, product.id)?;
            levels.iter().map(|level| level.last_movement).filter(|seq| *seq > 0).collect()
        }
    };
    let mut entry = connection.prepare_cached(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq = ?1"
    ))?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(newest) = heads.iter().copied().max() else {
            break;
        };
        heads.retain(|seq| *seq != newest);
        let found = entry.query_row([newest], codec::movement).optional()?;
        let Some(movement) = found.filter(|row| row.product_id == product.id) else {
            continue;
        };
        heads.extend(Some(movement.previous).filter(|seq| *seq > 0));
        rows.push(movement);
    }
    Ok(Some((rows, heads)))
}

fn reservations(
    connection: &Connection,
    filter: &ReservationFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<ReservationView>> {
    let newest = newest_id(connection, "SELECT coalesce(max(id), 0) FROM reservations")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(
        "SELECT r.id, r.product_id, r.location_id, r.quantity, r.consumed, r.released, r.state, \
         r.order_id, r.reference, r.expires_at, r.version, r.created_at, r.updated_at, p.sku \
         FROM reservations r JOIN products p ON p.id = r.product_id \
         WHERE r.id < ?1 AND r.id >= ?2 AND (?3 IS NULL OR r.state = ?3) \
         AND (?4 IS NULL OR r.product_id = ?4) AND (?5 IS NULL OR r.order_id = ?5) \
         AND (?6 IS NULL OR r.reference = ?6) ORDER BY r.id DESC LIMIT ?7",
    )?;
    let values = params![
        before,
        floor,
        filter.state.map(ReservationState::as_str),
        filter.product_id.map(ProductId::number),
        filter.order_id.map(OrderId::number),
        filter.reference.as_ref().map(Reference::as_str),
        stored_count(limit) + 1
    ];
    let view = |row: &Row<'_>| {
        let sku: String = row.get(13)?;
        let sku = Sku::new(sku).map_err(|error| codec::corrupt(13, error))?;
        Ok(ReservationView { sku, reservation: codec::reservation(row)? })
    };
    let rows = select.query_map(values, view)?.collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(rows, limit, floor, |view| view.reservation.id.number()))
}
