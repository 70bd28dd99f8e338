//! Orders and their history. A list is united with the orders that it does not have yet.

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{Order, Status};

use super::super::codec::{self, get};
use super::super::error::{Result, corrupt};
use super::super::gather::Question;
use super::super::lists::Progress;
use super::super::readers::{Reader, listed, one, row, rows};
use super::super::session::Value;
use super::number;
use crate::limits::{NUMBERED_ROWS_MAX, PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::paging::{filtered_page, page};
use crate::query::{EventRow, ListOf, NumberedPage, OrderFilter, Page, ReadError, Seen, Unless};
use crate::stored::{stored_count, stored_version};

const ORDERS: &str = "SELECT e.body, o.id FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
     WHERE o.id = ANY($1)";
const ORDER: &str = "SELECT e.body FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
     WHERE o.id = $1";
const OF_REFERENCE: &str = "SELECT order_id FROM order_references WHERE reference = $1";
const PLACED_FROM: &str = "SELECT created_at FROM orders WHERE id >= $1 ORDER BY id LIMIT 1";
const ALL: &str = "SELECT id FROM orders WHERE id < $1 ORDER BY id DESC LIMIT $2";
const OF_CUSTOMER: &str = "SELECT order_id FROM orders_by_customer WHERE customer_id = $3 \
     AND order_id < $1 ORDER BY order_id DESC LIMIT $2";
const OF_PRODUCT: &str = "SELECT order_id FROM orders_by_product WHERE product_id = $3 \
     AND order_id < $1 ORDER BY order_id DESC LIMIT $2";
const OF_STATUS: &str = "SELECT order_id FROM orders_by_status WHERE status = $3 \
     AND order_id < $1 ORDER BY order_id DESC LIMIT $2";
const PLACED_SINCE: &str = "SELECT id FROM orders WHERE id > $1 AND id < $2 \
     AND ($3::text IS NULL OR status = $3) AND ($4::int8 IS NULL OR customer_id = $4)";
const RESERVED_SINCE: &str = "SELECT order_id FROM reservations WHERE id > $1 AND product_id = $2 \
     AND order_id < $3";
const MOVED_SINCE: &str = "SELECT o.id FROM events e JOIN orders o ON o.id = e.subject \
     WHERE e.seq > $1 AND e.previous > 0 AND o.status = $2 AND o.id < $3";
/// An order's events from its newest back to its first.
const TIMELINE: &str = "WITH RECURSIVE chain AS ( \
     SELECT e.* FROM orders o JOIN events e ON e.seq = o.last_event WHERE o.id = $1 \
     UNION ALL SELECT e.* FROM chain c JOIN events e ON e.seq = c.previous WHERE c.previous > 0) \
     SELECT seq, kind, actor, recorded_at, body FROM chain ORDER BY seq";

/// What is as it was seen has no row; what is not there has one without a document.
const ONE: &str = "SELECT o.id, (SELECT e.body FROM events e WHERE e.seq = o.last_event), k.n \
     FROM (SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])) \
     k(n, id, version, created_at) LEFT JOIN orders o ON o.id = k.id \
     WHERE o.version IS DISTINCT FROM k.version OR o.created_at IS DISTINCT FROM k.created_at";
/// The version of an order that was not seen: there is none like it.
const UNSEEN: i64 = 0;

/// An order, unless it is still the one that was seen.
pub(in crate::postgres) struct OneOrder {
    id: OrderId,
    seen: Option<Seen>,
}

impl Question for OneOrder {
    const SQL: &'static str = ONE;
    const TABLE: &'static str = "orders";

    fn values<'a>(asked: &[(i64, &'a Self)]) -> Vec<Value<'a>> {
        let column = |of: fn(&Self) -> i64| asked.iter().map(|(_, one)| of(one)).collect();
        let numbers: Vec<i64> = asked.iter().map(|(number, _)| *number).collect();
        let ids: Vec<i64> = column(|one| one.id.number());
        let versions: Vec<i64> =
            column(|one| one.seen.map_or(UNSEEN, |seen| stored_version(seen.version)));
        let times: Vec<i64> =
            column(|one| one.seen.map_or(0, |seen| seen.created_at.as_microsecond()));
        vec![Box::new(numbers), Box::new(ids), Box::new(versions), Box::new(times)]
    }
}

impl Reader {
    /// An order.
    pub(crate) async fn order(&self, id: OrderId) -> std::result::Result<Option<Order>, ReadError> {
        match self.one_order(id, None).await? {
            Some(Unless::Same) => Err(corrupt("orders", format!("{id} is of no version")).into()),
            Some(Unless::Other(order)) => Ok(Some(order)),
            None => Ok(None),
        }
    }

    /// The same, unless it is as it was seen.
    pub(crate) async fn order_unless(
        &self,
        id: OrderId,
        seen: Seen,
    ) -> std::result::Result<Option<Unless<Order>>, ReadError> {
        self.one_order(id, Some(seen)).await
    }

    async fn one_order(
        &self,
        id: OrderId,
        seen: Option<Seen>,
    ) -> std::result::Result<Option<Unless<Order>>, ReadError> {
        let found = self.of_orders().ask(OneOrder { id, seen }).await?;
        match found.rows().next() {
            None => Ok(Some(Unless::Same)),
            Some(row) if get::<Option<i64>>(row, "orders", 0)?.is_none() => Ok(None),
            Some(row) => Ok(Some(Unless::Other(codec::order(row, 1)?))),
        }
    }

    /// A page of orders, newest first; `before` is where the last page ended.
    pub(crate) async fn orders(
        &self,
        filter: &OrderFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Order>, ReadError> {
        listed!(self, client => orders(client, filter, before, limit))
    }

    /// A page of a customer's orders by how many newer ones there are.
    pub(crate) async fn numbered_orders(
        &self,
        customer_id: CustomerId,
        newer: usize,
        limit: usize,
    ) -> std::result::Result<NumberedPage<Order>, ReadError> {
        listed!(self, client => numbered_orders(client, customer_id, newer, limit))
    }

    /// The history of an order, oldest first; none for an order that is not there.
    pub(crate) async fn timeline(
        &self,
        id: OrderId,
    ) -> std::result::Result<Option<Vec<EventRow>>, ReadError> {
        one!(self, client => async {
            let found = rows(client, TIMELINE, &[&id.number()]).await?;
            let events = found.iter().map(codec::event).collect::<Result<Vec<_>>>()?;
            Ok((!events.is_empty()).then_some(events))
        })
    }
}

async fn order(client: &impl GenericClient, id: OrderId) -> Result<Option<Order>> {
    let found = row(client, ORDER, &[&id.number()]).await?;
    found.map(|row| codec::order(&row, 0)).transpose()
}

async fn orders(
    client: &impl GenericClient,
    filter: &OrderFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Order>> {
    let newest = number(client, "SELECT coalesce(max(id), 0) FROM orders").await?;
    let mut before = before.unwrap_or(i64::MAX).min(newest + 1);
    if let Some(end) = filter.created_before {
        before = before.min(first_placed_at(client, end, newest).await?);
    }
    let floor = match filter.created_from {
        Some(begin) => first_placed_at(client, begin, newest).await?,
        None => 1,
    };
    if let Some(reference) = &filter.external_reference {
        let found = row(client, OF_REFERENCE, &[&reference.as_str()]).await?;
        let id = found.map(|row| get(&row, "order_references", 0)).transpose()?;
        let id = id.filter(|id| (floor..before).contains(id)).and_then(OrderId::new);
        let found = match id {
            Some(id) => order(client, id).await?,
            None => None,
        };
        let rows = found.into_iter().filter(|order| filter.lets_in(order)).collect();
        return Ok(Page { rows, next: None });
    }
    let tail = not_listed(client, filter, before).await?;
    let mut ids = Ids { tail, before, is_at_end: false };
    let (mut listed, mut looked_at) = (Vec::new(), 0);
    while listed.len() <= limit && looked_at < SCAN_ROWS_MAX {
        let next = ids.next(client, filter).await?;
        if next.is_empty() {
            break;
        }
        looked_at += next.len();
        for order in documents(client, &next).await? {
            if order.id.number() < floor {
                return Ok(page(listed, limit, |order: &Order| order.id.number()));
            }
            if listed.len() <= limit && filter.lets_in(&order) {
                listed.push(order);
            }
        }
    }
    let went_on_to = if looked_at < SCAN_ROWS_MAX { 1 } else { ids.before };
    Ok(filtered_page(listed, limit, went_on_to, |order| order.id.number()))
}

/// Goes through the ids of all orders of a customer, and loads those of one page.
async fn numbered_orders(
    client: &impl GenericClient,
    customer_id: CustomerId,
    newer: usize,
    limit: usize,
) -> Result<NumberedPage<Order>> {
    let filter = OrderFilter { customer_id: Some(customer_id), ..OrderFilter::default() };
    let before = number(client, "SELECT coalesce(max(id), 0) FROM orders").await? + 1;
    let tail = not_listed(client, &filter, before).await?;
    let mut ids = Ids { tail, before, is_at_end: false };
    let (mut page, mut total) = (Vec::new(), 0);
    while total < NUMBERED_ROWS_MAX {
        let mut next = ids.next(client, &filter).await?;
        next.truncate(NUMBERED_ROWS_MAX - total);
        if next.is_empty() {
            break;
        }
        let from = newer.saturating_sub(total).min(next.len());
        page.extend(next[from..].iter().take(limit.saturating_sub(page.len())));
        total += next.len();
    }
    Ok(NumberedPage { rows: documents(client, &page).await?, total })
}

/// Orders in the order of their ids that are given.
async fn documents(client: &impl GenericClient, ids: &[i64]) -> Result<Vec<Order>> {
    let mut found = Vec::with_capacity(ids.len());
    for row in rows(client, ORDERS, &[&ids]).await? {
        found.push(codec::order(&row, 0)?);
    }
    found.sort_unstable_by_key(|order| std::cmp::Reverse(order.id));
    if found.len() != ids.len() {
        return Err(corrupt("orders", "an order that is listed is missing"));
    }
    Ok(found)
}

/// The first order that was placed at an instant or later; where there is none, the next id. Ids
/// and times of placing grow together.
async fn first_placed_at(client: &impl GenericClient, at: Timestamp, newest: i64) -> Result<i64> {
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low.midpoint(high);
        let found = row(client, PLACED_FROM, &[&middle]).await?;
        let placed: Option<i64> = found.map(|row| get(&row, "orders", 0)).transpose()?;
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
async fn not_listed(
    client: &impl GenericClient,
    filter: &OrderFilter,
    before: i64,
) -> Result<Vec<i64>> {
    let Some(list) = filter.lists()[0] else { return Ok(Vec::new()) };
    let listed = Progress::read(client).await?;
    let status = filter.status.map(Status::as_str);
    let customer = filter.customer_id.map(CustomerId::number);
    let mut found = match list {
        ListOf::Product(product) => {
            let values = &[&listed.reservation as _, &product as _, &before as _];
            rows(client, RESERVED_SINCE, values).await?
        }
        ListOf::Customer(_) | ListOf::Status(_) => {
            let values = &[&listed.order as _, &before as _, &status as _, &customer as _];
            rows(client, PLACED_SINCE, values).await?
        }
    };
    if let ListOf::Status(status) = list {
        let values = &[&listed.event as _, &status as _, &before as _];
        found.extend(rows(client, MOVED_SINCE, values).await?);
    }
    let mut ids = found.iter().map(|row| get(row, "orders", 0)).collect::<Result<Vec<i64>>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Ids of orders that a filter may let in, newest first: a list united with what it does not have
/// yet.
struct Ids {
    /// What the list may not have, newest last.
    tail: Vec<i64>,
    /// Everything from here on was given.
    before: i64,
    /// Whether the list has no more entries.
    is_at_end: bool,
}

impl Ids {
    /// The next ids, at most a page of them; none at the end.
    async fn next(
        &mut self,
        client: &impl GenericClient,
        filter: &OrderFilter,
    ) -> Result<Vec<i64>> {
        let most = stored_count(PAGE_ROWS_MAX);
        let (before, most) = (&self.before as _, &most as _);
        let mut ids = Vec::new();
        if !self.is_at_end {
            let found = match filter.lists()[0] {
                None => rows(client, ALL, &[before, most]).await?,
                Some(ListOf::Customer(id)) => {
                    rows(client, OF_CUSTOMER, &[before, most, &id]).await?
                }
                Some(ListOf::Product(id)) => rows(client, OF_PRODUCT, &[before, most, &id]).await?,
                Some(ListOf::Status(status)) => {
                    rows(client, OF_STATUS, &[before, most, &status]).await?
                }
            };
            self.is_at_end = found.len() < PAGE_ROWS_MAX;
            ids = found.iter().map(|row| get(row, "orders", 0)).collect::<Result<_>>()?;
        }
        // Of the tail, what comes before the end of this part of the list.
        let end = if self.is_at_end { 0 } else { ids.last().copied().unwrap_or(0) };
        let from = self.tail.partition_point(|id| *id < end);
        ids.extend(self.tail.drain(from..));
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        self.before = ids.last().copied().unwrap_or(1);
        Ok(ids)
    }
}
