//! The newest entries of the lists of orders, in memory: what the lists in their file do not have
//! yet (`lists.rs`). Whoever reads one first takes in what was placed since the last read, so that
//! each row is looked at once, however many ask. Of lists by status, which operators read, what is
//! missing is looked for each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Result, params};

use super::lists::{Progress, Waker};
use crate::limits::{LISTS_MISSED_EVENTS_MAX, TAIL_EVENTS_MAX};
use crate::query::ListOf;

/// Orders by what they have in common, of the rows behind the lists.
#[derive(Debug)]
struct Tail {
    /// The rows behind a position, lowest first: their positions, keys and orders.
    rows_since: &'static str,
    /// All rows behind this position are here,
    from: i64,
    /// up to this one.
    to: i64,
    /// The positions of the rows, by key and order.
    entries: BTreeMap<(i64, i64), i64>,
}

impl Tail {
    fn new(rows_since: &'static str) -> Self {
        Self { rows_since, from: 0, to: 0, entries: BTreeMap::new() }
    }

    /// Makes it have all rows of a snapshot that its lists, which go up to `listed`, do not have.
    fn bring_up(&mut self, connection: &Connection, listed: i64) -> Result<()> {
        if listed < self.from || listed > self.to {
            // The snapshot is older than one that was seen, or nobody has asked for long.
            (self.from, self.to) = (listed, listed);
            self.entries.clear();
        } else if listed > self.from {
            self.from = listed;
            self.entries.retain(|_, row| *row > listed);
        }
        let mut select = connection.prepare_cached(self.rows_since)?;
        let mut rows = select.query([self.to])?;
        while let Some(row) = rows.next()? {
            let position = row.get(0)?;
            if let (Some(key), Some(order)) = (row.get(1)?, row.get(2)?) {
                self.entries.insert((key, order), position);
            }
            self.to = position;
        }
        Ok(())
    }

    /// The orders of a key below an id, newest last. Some may be newer than the snapshot.
    fn of(&self, key: i64, before: i64) -> Vec<i64> {
        let entries = self.entries.range((key, 0)..(key, before));
        entries.map(|((_, order), _)| *order).collect()
    }
}

/// What the lists lack, shared by the readers.
#[derive(Debug, Clone)]
pub(super) struct Tails {
    customers: Arc<Mutex<Tail>>,
    products: Arc<Mutex<Tail>>,
    filler: Waker,
}

/// How far the lists of a snapshot are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists {
    listed: Progress,
    /// Events that they lack.
    missed: i64,
}

impl Lists {
    /// To be read before anything else of a snapshot, so that they are never newer than its rows.
    pub(super) fn of(connection: &Connection) -> Result<Self> {
        let listed = Progress::read(connection)?;
        let newest: i64 = connection
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?
            .query_row([], |row| row.get(0))?;
        Ok(Self { listed, missed: newest - listed.event })
    }
}

impl Tails {
    pub(super) fn new(filler: Waker) -> Self {
        let shared = |rows_since| Arc::new(Mutex::new(Tail::new(rows_since)));
        Self {
            customers: shared("SELECT id, customer_id, id FROM orders WHERE id > ?1 ORDER BY id"),
            products: shared(
                "SELECT id, product_id, order_id FROM reservations WHERE id > ?1 ORDER BY id",
            ),
            filler,
        }
    }

    /// Orders below an id that a list of this snapshot may not have, newest last. Where it lacks
    /// too much, it is filled at once: a list that nobody reads may lag, for steps are cheap when
    /// they are large.
    pub(super) fn of(
        &self,
        connection: &Connection,
        lists: Lists,
        list: ListOf,
        before: i64,
    ) -> Result<Vec<i64>> {
        let most = match list {
            ListOf::Customer(_) | ListOf::Product(_) => TAIL_EVENTS_MAX,
            ListOf::Status(_) => LISTS_MISSED_EVENTS_MAX,
        };
        if lists.missed > most {
            self.filler.wake();
        }
        let of = |tail: &Mutex<Tail>, key, listed| {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.bring_up(connection, listed)?;
            Ok(tail.of(key, before))
        };
        match list {
            ListOf::Customer(id) => of(&self.customers, id, lists.listed.order),
            ListOf::Product(id) => of(&self.products, id, lists.listed.reservation),
            ListOf::Status(status) => in_status(connection, lists.listed, status, before),
        }
    }
}

/// Orders that came into a state since: by being placed, or later.
fn in_status(
    connection: &Connection,
    listed: Progress,
    status: &str,
    before: i64,
) -> Result<Vec<i64>> {
    let mut ids = connection
        .prepare_cached("SELECT id FROM orders WHERE id > ?1 AND id < ?2 AND status = ?3")?
        .query_map(params![listed.order, before, status], |row| row.get(0))?
        .collect::<Result<Vec<i64>>>()?;
    let mut moved = connection.prepare_cached(
        "SELECT o.id FROM events e JOIN orders o ON o.id = e.subject WHERE e.seq > ?1 \
         AND e.previous > 0 AND o.status = ?2 AND o.id < ?3",
    )?;
    for id in moved.query_map(params![listed.event, status, before], |row| row.get(0))? {
        ids.push(id?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far the lists are in one snapshot after the other, and how many rows there are by then.
    fn check(snapshots: &[(i64, i64)]) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, key INTEGER)", []).unwrap();
        let mut tail = Tail::new("SELECT id, key, id FROM rows WHERE id > ?1 ORDER BY id");
        let mut placed = 0;
        for (listed, rows) in snapshots {
            for id in placed + 1..=*rows {
                // Some have no key.
                let key = Some(id % 4).filter(|key| *key > 0);
                connection.execute("INSERT INTO rows VALUES (?1, ?2)", params![id, key]).unwrap();
            }
            placed = placed.max(*rows);
            tail.bring_up(&connection, *listed).unwrap();
            for key in 0..4 {
                for before in [listed + 1, listed + 7, *rows, rows + 1] {
                    let wanted = (listed + 1..before.min(rows + 1)).filter(|id| id % 4 == key);
                    let wanted = wanted.filter(|id| id % 4 > 0).collect::<Vec<_>>();
                    let mut given = tail.of(key, before);
                    given.retain(|id| id > listed);
                    assert_eq!(given, wanted, "{key} below {before} at {listed} of {rows}");
                }
            }
            assert!(tail.entries.values().all(|row| row > listed), "{listed}");
        }
    }

    #[test]
    fn a_tail_has_what_the_lists_lack_whichever_snapshot_asks() {
        check(&[(0, 0), (0, 30), (0, 40), (10, 40), (40, 41), (41, 41), (41, 60)]);
        // Of two that read at once, the older one comes later.
        check(&[(0, 50), (40, 90), (0, 90), (40, 100), (39, 100), (90, 120)]);
        // Nobody asked for long.
        check(&[(0, 20), (300, 310), (310, 310), (2, 320)]);
    }
}
