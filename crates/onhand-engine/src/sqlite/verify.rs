//! `verify` on SQLite: shows the proof (`proof/mod.rs`) one snapshot of the file, in which the
//! levels are as up to date as the ledger, and adds what only this store has: windows of outcomes
//! that come and go, and lists in a file beside it. Never repairs. In slices: `prove.rs`.

use std::path::Path;

use futures_util::FutureExt;
use onhand_core::payments::Provider;
use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::levels::RecentLevels;
use super::{OpenError, codec, lists, open_reader, rows};
use crate::columns::*;
use crate::proof::{
    self, BatchRow, Evidence, Finds, Links, Offenders, OrderRow, Over, ReservationRow, Rule, Span,
    StoredEvent, Walk,
};
use crate::report::{Rebuild, Report};

/// The `+` takes the affinity off the column, without which the index over keys of any type is no
/// use.
const LISTS: Rule<'static> = Rule {
    id: "lists",
    promise: "lists have every order up to where they are",
    is_quick: false,
    counted: &["SELECT count(*) FROM lists.entries"],
    finds: &[
        Finds::Of(
            Over::Orders,
            "SELECT 'ord_' || id || ' is not on the list of its customer' FROM orders \
             WHERE id > $1 AND id <= $2 AND id <= (SELECT order_id FROM lists.progress) \
             AND customer_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lists.entries l \
             WHERE l.list = 1 AND l.key = +customer_id AND l.id = orders.id)",
        ),
        Finds::Of(
            Over::Orders,
            "SELECT 'ord_' || id || ' is not on the list of its state' FROM orders \
             WHERE id > $1 AND id <= $2 AND id <= (SELECT order_id FROM lists.progress) \
             AND last_event <= (SELECT event FROM lists.progress) \
             AND NOT EXISTS (SELECT 1 FROM lists.entries l \
             WHERE l.list = 2 AND l.key = status AND l.id = orders.id)",
        ),
        Finds::Of(
            Over::Reservations,
            "SELECT 'ord_' || order_id || ' is not on the list of prd_' || product_id \
             FROM reservations WHERE id > $1 AND id <= $2 \
             AND id <= (SELECT reservation_id FROM lists.progress) \
             AND order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lists.entries l \
             WHERE l.list = 3 AND l.key = +product_id AND l.id = order_id)",
        ),
        Finds::All(
            "SELECT 'ord_' || l.id || ' is on a list and not there' FROM lists.entries l \
             WHERE l.id <= (SELECT order_id FROM lists.progress) \
             AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.id)",
        ),
    ],
};

/// Proves a database in one snapshot; works beside a running server.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub fn verify(path: &Path, is_full: bool) -> Result<Report, OpenError> {
    let mut connection = open_reader(path)?;
    let has_lists = is_full && lists::path_of(path).exists();
    if has_lists {
        lists::attach(&connection, path)?;
    }
    let snapshot = connection.transaction()?;
    if has_lists {
        // Before anything else: then the lists are not newer than the rows.
        lists::Progress::read(&snapshot)?;
    }
    let storage = storage(&snapshot, is_full)?;
    levels_as_of_now(&snapshot)?;
    let (last_event, chain) = newest_batch(&snapshot)?;
    let outcomes = Outcomes::of(&snapshot)?;
    let (counted, finds) = outcomes.asked();
    let mut own = own(&counted, &finds, has_lists);
    own.retain(|rule| has_lists || rule.id != LISTS.id);
    let mut checks = Vec::new();
    let mut shown = Snapshot(&snapshot);
    match proof::prove(&mut shown, &own, is_full, &mut checks).now_or_never() {
        Some(proved) => proved?,
        None => unreachable!("nothing that is asked of a file of this machine is waited for"),
    }
    let mode = if is_full { "full" } else { "quick" };
    Ok(Report { mode, last_event, chain, storage, checks })
}

/// Recomputes every level from the ledger, in one snapshot, and says where that is another one.
/// Works beside a running server and changes nothing.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub fn rebuild(path: &Path) -> Result<Rebuild, OpenError> {
    let mut connection = open_reader(path)?;
    let snapshot = connection.transaction()?;
    levels_as_of_now(&snapshot)?;
    match proof::rebuild(&mut Snapshot(&snapshot)).now_or_never() {
        Some(rebuilt) => Ok(rebuilt?),
        None => unreachable!("nothing that is asked of a file of this machine is waited for"),
    }
}

/// Puts levels that are up to date in the place of the stored ones, whose rows may be behind the
/// ledger: what is temporary hides what has the same name. It is gone with the transaction.
pub(super) fn levels_as_of_now(connection: &Connection) -> Result<()> {
    let ahead = RecentLevels::recover(connection)?.ahead();
    connection.execute_batch(
        "PRAGMA query_only = off; \
         CREATE TEMP TABLE levels AS SELECT * FROM main.levels LIMIT 0; \
         CREATE UNIQUE INDEX temp.levels_key ON levels (product_id, location_id)",
    )?;
    for level in ahead {
        rows::insert_level(connection, &level)?;
    }
    connection.execute_batch(
        "ALTER TABLE temp.levels RENAME TO levels_ahead; CREATE TEMP VIEW levels AS \
         SELECT * FROM levels_ahead UNION ALL SELECT * FROM main.levels l WHERE NOT EXISTS \
         (SELECT 1 FROM levels_ahead a WHERE a.product_id = l.product_id \
         AND a.location_id = l.location_id)",
    )
}

fn storage(connection: &Connection, is_full: bool) -> Result<String> {
    let sql = if is_full { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
    connection.query_row(sql, [], |row| row.get(0))
}

fn newest_batch(connection: &Connection) -> Result<(i64, String)> {
    let newest = connection.query_row(
        "SELECT last_event, lower(hex(chain)) FROM batches ORDER BY id DESC LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    Ok(newest.optional()?.unwrap_or_default())
}

/// Finds nothing; so that a round has as many steps whatever there is.
pub(super) const NOTHING: &[Finds<'static>] = &[Finds::All("SELECT '' WHERE 1 = 0")];

/// What only this store promises.
pub(super) fn own<'a>(
    counted: &'a [&'a str],
    finds: &'a [Finds<'a>],
    has_lists: bool,
) -> Vec<Rule<'a>> {
    let outcomes = Rule {
        id: "I5",
        promise: "each stored outcome's event or body is there",
        is_quick: false,
        counted,
        finds,
    };
    // Without their file there are no lists, and the promise about them finds nothing.
    let lists = if has_lists { LISTS } else { Rule { counted: &[], finds: NOTHING, ..LISTS } };
    vec![outcomes, lists]
}

/// What counts the outcomes of each window, and what finds those that point to nothing.
pub(super) struct Outcomes {
    counted: Vec<String>,
    finds: Vec<String>,
}

impl Outcomes {
    pub(super) fn of(connection: &Connection) -> Result<Self> {
        let mut windows = connection.prepare("SELECT id FROM outcome_windows")?;
        let windows: Vec<i64> = windows.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        let counted = windows.iter().map(|id| format!("SELECT count(*) FROM outcomes_{id}"));
        let finds = windows.iter().map(|window| {
            // Formatted SQL: as above.
            format!(
                "SELECT 'key ' || hex(o.key) FROM outcomes_{window} o \
                 LEFT JOIN events e ON e.seq = o.event \
                 LEFT JOIN outcome_bodies_{window} b ON b.id = o.body_id \
                 WHERE NOT (o.event IS NULL AND b.id IS NOT NULL) \
                 AND (e.kind IS NULL OR e.kind NOT LIKE 'order.%' \
                 AND e.kind NOT LIKE 'payment.%')"
            )
        });
        Ok(Self { counted: counted.collect(), finds: finds.collect() })
    }

    /// The statements.
    pub(super) fn asked(&self) -> (Vec<&str>, Vec<Finds<'_>>) {
        let finds = self.finds.iter().map(|sql| Finds::All(sql));
        (self.counted.iter().map(String::as_str).collect(), finds.collect())
    }
}

/// What the proof looks at. Each of its questions is answered at once, on the thread that asks.
pub(super) struct Snapshot<'a>(pub(super) &'a Connection);

impl Evidence for Snapshot<'_> {
    type Error = rusqlite::Error;

    const BESIDES: &'static [(&'static str, Finds<'static>)] = &[];

    async fn number(&mut self, sql: &str) -> Result<i64> {
        self.0.query_row(sql, [], |row| row.get(0))
    }

    async fn offenders(
        &mut self,
        sql: &str,
        span: Option<Span>,
        found: &mut Offenders,
    ) -> Result<()> {
        let mut statement = self.0.prepare(sql)?;
        let mut rows = match span {
            Some(span) => statement.query([span.after, span.to])?,
            None => statement.query([])?,
        };
        while let Some(row) = rows.next()? {
            found.add(row.get(0)?);
        }
        Ok(())
    }

    async fn orders(&mut self, after: i64, most: i64) -> Result<Vec<OrderRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, status, version, last_event, customer_id, created_at FROM orders \
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let order = |row: &Row<'_>| {
            Ok(OrderRow {
                id: row.get(0)?,
                status: row.get(1)?,
                version: row.get(2)?,
                last_event: row.get(3)?,
                customer_id: row.get(4)?,
                created_at: row.get(5)?,
            })
        };
        statement.query_map([after, most], order)?.collect()
    }

    async fn told(
        &mut self,
        sql: &str,
        span: Span,
        tell: &mut (dyn FnMut(i64, &str, &str) + Send),
    ) -> Result<()> {
        let mut statement = self.0.prepare(sql)?;
        let mut rows = statement.query([span.after, span.to])?;
        while let Some(row) = rows.next()? {
            tell(row.get(0)?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        }
        Ok(())
    }

    async fn events(&mut self, seqs: &[i64], walk: &mut Walk) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, kind, subject, previous, actor, recorded_at, body FROM events \
             WHERE seq = ?1",
        )?;
        for seq in seqs {
            let mut rows = statement.query([seq])?;
            if let Some(row) = rows.next()? {
                walk.event(&event(row)?);
            }
        }
        Ok(())
    }

    async fn reservations(&mut self, ids: &[i64], walk: &mut Walk) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, state = 'held', quantity, consumed, released FROM reservations \
             WHERE id = ?1",
        )?;
        for id in ids {
            let mut rows = statement.query([id])?;
            if let Some(row) = rows.next()? {
                walk.reservation(&ReservationRow {
                    id: row.get(0)?,
                    is_held: row.get(1)?,
                    quantity: row.get(2)?,
                    consumed: row.get(3)?,
                    released: row.get(4)?,
                });
            }
        }
        Ok(())
    }

    async fn gateway_ids(
        &mut self,
        names: &[&str],
        tell: &mut (dyn FnMut(&str, i64) + Send),
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT order_id FROM gateway_ids WHERE provider = ?1 AND gateway_id = ?2",
        )?;
        for name in names {
            for provider in Provider::ALL {
                let mut rows = statement.query([provider.as_str(), name])?;
                if let Some(row) = rows.next()? {
                    tell(name, row.get(0)?);
                }
            }
        }
        Ok(())
    }

    async fn batches(&mut self, after: i64, most: i64) -> Result<Vec<BatchRow>> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, last_event, last_movement, chain FROM batches \
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let batch = |row: &Row<'_>| {
            Ok(BatchRow {
                id: row.get(0)?,
                last_event: row.get(1)?,
                last_movement: row.get(2)?,
                chain: row.get(3)?,
            })
        };
        statement.query_map([after, most], batch)?.collect()
    }

    async fn ledger(&mut self, span: Span, links: &mut Links) -> Result<()> {
        let mut statement = self.0.prepare_cached(concat!(
            "SELECT ",
            movement_columns!(),
            " FROM movements WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"
        ))?;
        let mut rows = statement.query([span.after, span.to])?;
        while let Some(row) = rows.next()? {
            links.movement(row.get(0)?, codec::movement(row).map_err(|error| error.to_string()));
        }
        Ok(())
    }

    async fn log(&mut self, span: Span, links: &mut Links) -> Result<()> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, kind, subject, previous, actor, recorded_at, body FROM events \
             WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query([span.after, span.to])?;
        while let Some(row) = rows.next()? {
            links.event(&event(row)?);
        }
        Ok(())
    }
}

fn event<'a>(row: &'a Row<'_>) -> Result<StoredEvent<'a>> {
    Ok(StoredEvent {
        seq: row.get(0)?,
        kind: row.get_ref(1)?.as_str()?,
        subject: row.get(2)?,
        previous: row.get(3)?,
        actor: row.get_ref(4)?.as_str()?,
        recorded_at: row.get(5)?,
        body: row.get_ref(6)?.as_str()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Database;

    fn statements(rule: &Rule<'_>) -> Vec<String> {
        let sql = |finds: &Finds<'_>| match finds {
            Finds::Of(_, sql) | Finds::All(sql) | Finds::InOneGo(sql) => (*sql).to_owned(),
        };
        rule.finds.iter().map(sql).collect()
    }

    /// SQLite knows nothing of how many rows a view has, and may loop over all of it for each row
    /// of another table: with a hundred thousand levels that took hours.
    #[test]
    fn no_question_goes_through_all_of_a_table_for_each_row_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("onhand.db");
        drop(Database::open(&path).unwrap());
        let connection = open_reader(&path).unwrap();
        lists::attach(&connection, &path).unwrap();
        levels_as_of_now(&connection).unwrap();
        let outcomes = Outcomes::of(&connection).unwrap();
        let (counted, finds) = outcomes.asked();
        let own = own(&counted, &finds, true);
        let mut looked_at = 0;
        let own: Vec<String> = own.iter().flat_map(statements).collect();
        for sql in proof::rules().flat_map(statements).chain(own) {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let values = vec![0; plan.parameter_count()];
            let mut rows = plan.query(rusqlite::params_from_iter(values)).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let step: String = row.get("detail").unwrap();
                let is_loop = step.starts_with("SCAN ") && step.ends_with(" LEFT-JOIN");
                assert!(!is_loop, "{step}: {sql}");
                looked_at += 1;
            }
        }
        assert!(looked_at > 100, "{looked_at}");
    }
}
