//! The ledger of a file, asked about its past (`crate::past`); and the sums that tell what its two
//! clocks differ by.

use futures_util::FutureExt;
use onhand_core::Timestamp;
use onhand_core::ids::LocationId;
use onhand_core::inventory::{Level, Movement, MovementKind, Past};
use onhand_core::limits::MOVEMENTS_PER_MARK;
use rusqlite::{Connection, Result, params};

use super::codec;
use super::load::View;
use crate::past::{self, COUNTED_AFTER, Ledger, MARK_AFTER, MarkAfter, SHIFTED, Units, WALK};
use crate::query::Moment;
use crate::stored::stored_version;

struct Asked<'a>(&'a Connection);

/// Sets levels back to what they were at a moment.
pub(super) fn set_all_back(
    connection: &Connection,
    levels: &mut Vec<Level>,
    moment: Moment,
) -> Result<()> {
    at_once(past::set_all_back(&Asked(connection), levels, moment))
}

/// What was on hand at an instant, by when entries happened, and when it was first counted after
/// that.
pub(super) fn at(
    view: View<'_>,
    levels: Vec<Level>,
    location_id: LocationId,
    at: Timestamp,
) -> Result<Past> {
    at_once(past::at(&Asked(view.connection), levels, location_id, at))
}

fn at_once<T>(asked: impl Future<Output = T>) -> T {
    match asked.now_or_never() {
        Some(answer) => answer,
        None => unreachable!("nothing that is asked of a file of this machine is waited for"),
    }
}

/// Adds what movements change of the sums, beside the movements themselves.
pub(super) fn write_shifts(connection: &Connection, movements: &[Movement]) -> Result<()> {
    for (key, units) in past::shifts(movements) {
        connection
            .prepare_cached(
                "INSERT INTO shifted_sums VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (product_id, location_id, height, bucket, kind) DO UPDATE \
                 SET on_hand = on_hand + ?6, reserved = reserved + ?7",
            )?
            .execute(params![
                key.product_id.number(),
                key.location_id.number(),
                key.height,
                key.bucket,
                key.kind.as_str(),
                units.on_hand,
                units.reserved,
            ])?;
    }
    Ok(())
}

impl Ledger for Asked<'_> {
    type Error = rusqlite::Error;

    async fn mark_after(&self, level: &Level, at: i64) -> Result<MarkAfter> {
        let marks = stored_version(level.movements / MOVEMENTS_PER_MARK);
        let values = [marks, at, level.product_id.number(), level.location_id.number()];
        self.0.prepare_cached(MARK_AFTER)?.query_row(values, |row| {
            let seq: Option<i64> = row.get(0)?;
            seq.map(|seq| Ok((seq, codec::totals(row, 1)?))).transpose()
        })
    }

    async fn walk(&self, seq: i64, at: i64) -> Result<Vec<Movement>> {
        self.0.prepare_cached(WALK)?.query_map([seq, at], codec::movement)?.collect()
    }

    async fn counted_after(&self, level: &Level, at: i64) -> Result<Option<Timestamp>> {
        let values = [level.product_id.number(), level.location_id.number(), at];
        let found = self.0.prepare_cached(COUNTED_AFTER)?.query_row(values, |row| row.get(0))?;
        Option::<i64>::map(found, codec::instant).transpose()
    }

    async fn shifted(&self, level: &Level, at: i64) -> Result<Vec<(MovementKind, Units)>> {
        let values = [level.product_id.number(), level.location_id.number(), at];
        let mut statement = self.0.prepare_cached(SHIFTED)?;
        let sums = statement.query_map(values, |row| {
            Ok((codec::kind(row, 0)?, Units { on_hand: row.get(1)?, reserved: row.get(2)? }))
        })?;
        sums.collect()
    }
}

#[cfg(test)]
mod tests {
    use onhand_core::ids::ProductId;
    use rusqlite::StatementStatus;

    use super::super::migrate;
    use super::*;
    use crate::past::HEIGHTS;

    const SECOND: i64 = 1_000_000;

    /// A level with an entry a second, of which every fifth happened long before.
    fn ledger(entries: i64) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::up(&mut connection).unwrap();
        connection
            .execute(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1) \
                 INSERT INTO movements SELECT n, 1, 1, 'received', 'received', NULL, 'local', 1, \
                 0, n, 0, CASE WHEN n % 5 = 0 THEN n * ?2 / 2 ELSE n * ?2 END, n * ?2, n - 1, n, \
                 1 FROM n",
                [entries, SECOND],
            )
            .unwrap();
        connection
            .execute_batch(
                "INSERT INTO movement_marks SELECT 1, 1, ordinal, seq, recorded_at, ordinal, 0, \
                 0, 0, 0, 0 FROM movements WHERE ordinal % 64 = 0",
            )
            .unwrap();
        let movements: Vec<Movement> = {
            let sql = concat!("SELECT ", crate::columns::movement_columns!(), " FROM movements");
            let mut all = connection.prepare(sql).unwrap();
            all.query_map([], codec::movement).unwrap().map(Result::unwrap).collect()
        };
        write_shifts(&connection, &movements).unwrap();
        connection
    }

    /// Steps of SQLite's machine that a statement takes.
    fn steps(connection: &Connection, sql: &str, values: &[i64]) -> i32 {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query(rusqlite::params_from_iter(values)).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        statement.get_status(StatementStatus::VmStep)
    }

    /// Most steps of each statement: those of a bisection, of 64 entries, and of 256 sums at each
    /// of seven heights. Reading what came since the instant would take a hundred for each entry.
    const STEPS_MAX: [i32; 3] = [1_000, 6_000, 20_000];

    #[test]
    fn a_look_into_the_past_costs_no_more_in_a_long_ledger() {
        for entries in [1 << 10, 1 << 13, 1 << 16] {
            let connection = ledger(entries);
            for quarter in 0..4 {
                let seq = entries / 4 * quarter + 63;
                let (at, after) = (seq * SECOND + SECOND / 2, (seq / 64 + 1) * 64);
                let steps = [
                    steps(&connection, MARK_AFTER, &[entries / 64, at, 1, 1]),
                    steps(&connection, WALK, &[after, at]),
                    steps(&connection, SHIFTED, &[1, 1, at]),
                ];
                let is_bounded = steps.iter().zip(STEPS_MAX).all(|(took, most)| *took <= most);
                assert!(is_bounded, "{entries} {quarter}: {steps:?}");
            }
        }
    }

    #[test]
    fn a_late_entry_touches_so_many_rows_in_any_ledger() {
        for entries in [1 << 6, 1 << 14] {
            let connection = ledger(entries);
            let sql = concat!(
                "SELECT ",
                crate::columns::movement_columns!(),
                " FROM movements WHERE seq = 5"
            );
            let late = connection.query_row(sql, [], codec::movement).unwrap();
            assert_eq!(late.product_id, ProductId::new(1).unwrap());
            let before = connection.total_changes();
            write_shifts(&connection, std::slice::from_ref(&late)).unwrap();
            let touched = connection.total_changes() - before;
            assert!(touched <= u64::from(2 * HEIGHTS), "{touched}");
            let on_time = Movement { occurred_at: late.recorded_at, ..late };
            write_shifts(&connection, &[on_time]).unwrap();
            assert_eq!(connection.total_changes() - before, touched, "most entries touch none");
        }
    }
}
