//! Orders and their history.

use onhand_core::Timestamp;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{Order, Status};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::super::lists::{Progress, Waker};
use super::super::load::{self, View};
use super::super::readers::Reader;
use super::events::event_row;
use super::number;
use crate::limits::{NUMBERED_ROWS_MAX, PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::paging::{filtered_page, page};
use crate::query::{EventRow, ListOf, NumberedPage, OrderFilter, Page, ReadError};
use crate::stored::stored_count;

impl Reader {
    /// An order.
    pub(crate) async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.read(move |view| load::order(view.connection, id)).await
    }

    /// A page of orders, newest first; `before` is where the last page ended.
    pub(crate) async fn orders(
        &self,
        filter: OrderFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Order>, ReadError> {
        let lists = self.lists();
        self.read(move |view| orders(view.connection, &lists, &filter, before, limit)).await
    }

    /// A page of a customer's orders by how many newer ones there are.
    pub(crate) async fn numbered_orders(
        &self,
        customer_id: CustomerId,
        newer: usize,
        limit: usize,
    ) -> Result<NumberedPage<Order>, ReadError> {
        let lists = self.lists();
        let read = move |view: View<'_>| {
            numbered_orders(view.connection, &lists, customer_id, newer, limit)
        };
        self.read(read).await
    }

    /// The history of an order, oldest first; none for an order that is not there.
    pub(crate) async fn timeline(&self, id: OrderId) -> Result<Option<Vec<EventRow>>, ReadError> {
        self.read(move |view| timeline(view.connection, id)).await
    }
}

fn orders(
    connection: &Connection,
    lists: &Waker,
    filter: &OrderFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Order>> {
    // First of all, so that the lists are never newer than the rows.
    let listed = lists.progress(connection)?;
    let newest = number(connection, "SELECT coalesce(max(id), 0) FROM orders")?;
    let mut before = before.unwrap_or(i64::MAX).min(newest + 1);
    if let Some(end) = filter.created_before {
        before = before.min(first_placed_at(connection, end, newest)?);
    }
    let floor = match filter.created_from {
        Some(begin) => first_placed_at(connection, begin, newest)?,
        None => 1,
    };
    if let Some(reference) = &filter.external_reference {
        let id = load::order_of_reference(connection, reference.as_str())?;
        let id = id.filter(|id| (floor..before).contains(&id.number()));
        let found = id.map(|id| load::order(connection, id)).transpose()?.flatten();
        let rows = found.into_iter().filter(|order| filter.lets_in(order)).collect();
        return Ok(Page { rows, next: None });
    }
    let tail = match filter.list() {
        Some(_) => not_listed(connection, filter, listed, before)?,
        None => Vec::new(),
    };
    let mut ids = Ids { tail, listed: Vec::new(), before, is_at_end: false };
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    while rows.len() <= limit
        && looked_at < SCAN_ROWS_MAX
        && let Some(id) = ids.next(connection, filter)?
    {
        if id < floor {
            return Ok(page(rows, limit, |order| order.id.number()));
        }
        looked_at += 1;
        let order = OrderId::new(id).map(|id| load::order(connection, id)).transpose()?.flatten();
        rows.extend(order.filter(|order| filter.lets_in(order)));
    }
    let went_on_to = if looked_at < SCAN_ROWS_MAX { 1 } else { ids.before };
    Ok(filtered_page(rows, limit, went_on_to, |order| order.id.number()))
}

/// Goes through the ids of all orders of a customer, and loads those of one page.
fn numbered_orders(
    connection: &Connection,
    lists: &Waker,
    customer_id: CustomerId,
    newer: usize,
    limit: usize,
) -> Result<NumberedPage<Order>> {
    let filter = OrderFilter { customer_id: Some(customer_id), ..OrderFilter::default() };
    // First of all, so that the lists are never newer than the rows.
    let listed = lists.progress(connection)?;
    let before = number(connection, "SELECT coalesce(max(id), 0) FROM orders")? + 1;
    let tail = not_listed(connection, &filter, listed, before)?;
    let mut ids = Ids { tail, listed: Vec::new(), before, is_at_end: false };
    let (mut rows, mut total) = (Vec::new(), 0);
    while total < NUMBERED_ROWS_MAX
        && let Some(id) = ids.next(connection, &filter)?
    {
        if total >= newer && rows.len() < limit {
            let order = OrderId::new(id).map(|id| load::order(connection, id)).transpose()?;
            rows.extend(order.flatten());
        }
        total += 1;
    }
    Ok(NumberedPage { rows, total })
}

/// The first order that was placed at an instant or later; where there is none, the next id. Ids
/// and times of placing grow together.
pub(super) fn first_placed_at(connection: &Connection, at: Timestamp, newest: i64) -> Result<i64> {
    let mut select = connection
        .prepare_cached("SELECT created_at FROM orders WHERE id >= ?1 ORDER BY id LIMIT 1")?;
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low.midpoint(high);
        let placed: Option<i64> = select.query_row([middle], |row| row.get(0)).optional()?;
        if placed.is_some_and(|placed| placed < at.as_microsecond()) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Orders that the filter may let in and that its list may not have yet, newest last: those placed
/// since, and those that have changed since.
fn not_listed(
    connection: &Connection,
    filter: &OrderFilter,
    listed: Progress,
    before: i64,
) -> Result<Vec<i64>> {
    let mut placed = connection.prepare_cached(
        "SELECT id FROM orders WHERE id > ?1 AND id < ?2 AND (?3 IS NULL OR status = ?3) \
         AND (?4 IS NULL OR customer_id = ?4)",
    )?;
    let values = params![
        listed.order,
        before,
        filter.status.map(Status::as_str),
        filter.customer_id.map(CustomerId::number),
    ];
    let mut ids = match (filter.list(), filter.product_id) {
        (Some(ListOf::Product(_)), Some(product)) => connection
            .prepare_cached(
                "SELECT order_id FROM reservations WHERE id > ?1 AND product_id = ?2 \
                 AND order_id < ?3",
            )?
            .query_map([listed.reservation, product.number(), before], |row| row.get(0))?
            .collect::<Result<Vec<i64>>>()?,
        _ => placed.query_map(values, |row| row.get(0))?.collect::<Result<Vec<i64>>>()?,
    };
    if let (Some(ListOf::Status(_)), Some(status)) = (filter.list(), filter.status) {
        let mut moved = connection.prepare_cached(
            "SELECT o.id FROM events e JOIN orders o ON o.id = e.subject WHERE e.seq > ?1 \
             AND e.previous > 0 AND o.status = ?2 AND o.id < ?3",
        )?;
        let moved = moved
            .query_map(params![listed.event, status.as_str(), before], |row| row.get(0))?
            .collect::<Result<Vec<i64>>>()?;
        ids.extend(moved);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Ids of orders that a filter may let in, newest first: a list united with what it does not have
/// yet.
struct Ids {
    /// What the list may not have, newest last.
    tail: Vec<i64>,
    /// The next entries of the list, newest last.
    listed: Vec<i64>,
    /// Everything from here on was given.
    before: i64,
    /// Whether the list has no more entries than `listed`.
    is_at_end: bool,
}

impl Ids {
    fn next(&mut self, connection: &Connection, filter: &OrderFilter) -> Result<Option<i64>> {
        if self.listed.is_empty() && !self.is_at_end {
            let most = stored_count(PAGE_ROWS_MAX);
            self.listed = match filter.list() {
                Some(list) => list.before(connection, self.before, most)?,
                None => connection
                    .prepare_cached(
                        "SELECT id FROM orders WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                    )?
                    .query_map([self.before, most], |row| row.get(0))?
                    .collect::<Result<_>>()?,
            };
            self.listed.reverse();
            self.is_at_end = self.listed.len() < PAGE_ROWS_MAX;
        }
        let next = self.tail.last().copied().max(self.listed.last().copied());
        if let Some(id) = next {
            self.tail.pop_if(|one| *one == id);
            self.listed.pop_if(|one| *one == id);
            self.before = id;
        }
        Ok(next)
    }
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
