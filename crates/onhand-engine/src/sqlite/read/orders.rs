//! Orders and their history.

use onhand_core::Timestamp;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::Order;
use rusqlite::{Connection, OptionalExtension, Result};

use super::super::load::{self, View};
use super::super::readers::Reader;
use super::super::tails::{Lists, Tails};
use super::events::event_row;
use super::number;
use crate::limits::{NUMBERED_ROWS_MAX, PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::paging::{filtered_page, page};
use crate::query::{EventRow, ListOf, NumberedPage, OrderFilter, Page, ReadError};
use crate::stored::stored_count;

/// Entries that a list is read for at first: most pages need no more.
const FIRST_READ: usize = 32;

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
        let tails = self.tails();
        self.read(move |view| orders(view.connection, &tails, &filter, before, limit)).await
    }

    /// A page of a customer's orders by how many newer ones there are.
    pub(crate) async fn numbered_orders(
        &self,
        customer_id: CustomerId,
        newer: usize,
        limit: usize,
    ) -> Result<NumberedPage<Order>, ReadError> {
        let tails = self.tails();
        let read = move |view: View<'_>| {
            numbered_orders(view.connection, &tails, customer_id, newer, limit)
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
    tails: &Tails,
    filter: &OrderFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Order>> {
    let lists = Lists::of(connection)?;
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
    let mut ids = Candidates::of(connection, (lists, tails), filter, before)?;
    let mut rows = Vec::new();
    while rows.len() <= limit
        && let Some(id) = ids.next(connection)?
    {
        if id < floor {
            return Ok(page(rows, limit, |order| order.id.number()));
        }
        let order = OrderId::new(id).map(|id| load::order(connection, id)).transpose()?.flatten();
        rows.extend(order.filter(|order| filter.lets_in(order)));
    }
    Ok(filtered_page(rows, limit, ids.went_on_to(), |order| order.id.number()))
}

/// Goes through the ids of all orders of a customer, and loads those of one page.
fn numbered_orders(
    connection: &Connection,
    tails: &Tails,
    customer_id: CustomerId,
    newer: usize,
    limit: usize,
) -> Result<NumberedPage<Order>> {
    let lists = Lists::of(connection)?;
    let mut before = number(connection, "SELECT coalesce(max(id), 0) FROM orders")? + 1;
    let list = Some(ListOf::Customer(customer_id.number()));
    let mut ids = Ids::of(connection, (lists, tails), list, before)?;
    let (mut rows, mut total) = (Vec::new(), 0);
    while total < NUMBERED_ROWS_MAX
        && let Some(id) = ids.at_most(connection, before - 1)?
    {
        before = id;
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

/// Ids of orders that a filter may let in, newest first: those that are on its list, and on its
/// second one where it has two. Of two lists the longer one is skipped through, so that both cost
/// what the shorter one does.
struct Candidates {
    ids: Ids,
    others: Option<Ids>,
    /// Everything above was given or cannot be let in.
    below: i64,
    looked_at: usize,
    is_at_end: bool,
}

impl Candidates {
    fn of(
        connection: &Connection,
        tails: (Lists, &Tails),
        filter: &OrderFilter,
        before: i64,
    ) -> Result<Self> {
        let [first, second] = filter.lists();
        let ids = Ids::of(connection, tails, first, before)?;
        let others = second.map(|_| Ids::of(connection, tails, second, before)).transpose()?;
        Ok(Self { ids, others, below: before - 1, looked_at: 0, is_at_end: false })
    }

    /// The next one; none at the end, or when enough was looked at.
    fn next(&mut self, connection: &Connection) -> Result<Option<i64>> {
        while !self.is_at_end && self.looked_at < SCAN_ROWS_MAX {
            self.looked_at += 1;
            let id = self.ids.at_most(connection, self.below)?;
            let other = match (id, &mut self.others) {
                (Some(id), Some(others)) => others.at_most(connection, id)?,
                _ => id,
            };
            match id.zip(other) {
                Some((id, other)) if id == other => {
                    self.below = id - 1;
                    return Ok(Some(id));
                }
                Some((_, other)) => self.below = other,
                None => self.is_at_end = true,
            }
        }
        Ok(None)
    }

    /// Everything from here on was looked at.
    fn went_on_to(&self) -> i64 {
        if self.is_at_end { 1 } else { self.below + 1 }
    }
}

/// The ids of a list with those that it does not have yet, newest first; without a list, all.
struct Ids {
    list: Option<ListOf>,
    /// What the list may not have, newest last.
    tail: Vec<i64>,
    /// The next entries of the list, newest last.
    listed: Vec<i64>,
    /// The list was read down to here,
    before: i64,
    /// and next so many are read.
    most: usize,
    /// Whether the list has no more entries than `listed`.
    is_at_end: bool,
}

impl Ids {
    fn of(
        connection: &Connection,
        (lists, tails): (Lists, &Tails),
        list: Option<ListOf>,
        before: i64,
    ) -> Result<Self> {
        let tail = list.map(|list| tails.of(connection, lists, list, before)).transpose()?;
        let (tail, listed) = (tail.unwrap_or_default(), Vec::new());
        Ok(Self { list, tail, listed, before, most: FIRST_READ, is_at_end: false })
    }

    /// The newest id that is not above this one. What is above is not given any more.
    fn at_most(&mut self, connection: &Connection, id: i64) -> Result<Option<i64>> {
        loop {
            while self.tail.pop_if(|one| *one > id).is_some() {}
            while self.listed.pop_if(|one| *one > id).is_some() {}
            if !self.listed.is_empty() || self.is_at_end {
                return Ok(self.tail.last().copied().max(self.listed.last().copied()));
            }
            self.read_on(connection, self.before.min(id + 1))?;
        }
    }

    fn read_on(&mut self, connection: &Connection, before: i64) -> Result<()> {
        let most = stored_count(self.most);
        self.listed = match self.list {
            Some(list) => list.before(connection, before, most)?,
            None => connection
                .prepare_cached("SELECT id FROM orders WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?
                .query_map([before, most], |row| row.get(0))?
                .collect::<Result<_>>()?,
        };
        self.is_at_end = self.listed.len() < self.most;
        self.before = self.listed.last().copied().unwrap_or(before);
        self.most = PAGE_ROWS_MAX.min(2 * self.most);
        self.listed.reverse();
        Ok(())
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
