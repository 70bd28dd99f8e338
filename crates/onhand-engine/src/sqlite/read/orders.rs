//! Orders and their history.

use onhand_core::Timestamp;
use onhand_core::ids::{CustomerId, OrderId, ProductId};
use onhand_core::orders::{Order, Status};
use onhand_core::text::Reference;
use rusqlite::{Connection, Result, params};

use super::super::codec::{self};
use super::super::load::{self};
use super::super::readers::{ReadError, Reader};
use super::super::rows::stored_count;
use super::events::{EventRow, event_row};
use super::{Page, filtered_page, newest_id, scan_floor};

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

impl Reader {
    /// An order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.read(move |view| load::order(view.connection, id)).await
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
        self.read(move |view| orders(view.connection, &filter, before, limit)).await
    }

    /// The history of an order, oldest first; none for an order that is not there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline(&self, id: OrderId) -> Result<Option<Vec<EventRow>>, ReadError> {
        self.read(move |view| timeline(view.connection, id)).await
    }
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
    let mut select = connection.prepare_cached(
        "SELECT e.body FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
         WHERE o.id < ?1 AND o.id >= ?2 AND (?3 IS NULL OR o.status = ?3) \
         AND (?4 IS NULL OR o.customer_id = ?4) AND (?5 IS NULL OR o.created_at >= ?5) \
         AND (?6 IS NULL OR o.created_at < ?6) AND (?7 IS NULL OR EXISTS (SELECT 1 \
         FROM json_each(e.body, '$.order.lines') WHERE (value ->> 'product_id') = ?7)) \
         ORDER BY o.id DESC LIMIT ?8",
    )?;
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
