//! The ledger of a file, asked about its past (`crate::past`); and the sums that tell what its two
//! clocks differ by.

use futures_util::FutureExt;
use onhand_core::Timestamp;
use onhand_core::ids::LocationId;
use onhand_core::inventory::{Level, Movement, MovementKind};
use onhand_core::limits::MOVEMENTS_PER_MARK;
use rusqlite::{Connection, Result, params};

use super::codec;
use super::load::View;
use crate::past::{self, Ledger, MARK_AFTER, MarkAfter, SHIFTED, Units, WALK};
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

/// What was on hand at an instant, by when entries happened.
pub(super) fn on_hand_at(
    view: View<'_>,
    levels: Vec<Level>,
    location_id: LocationId,
    at: Timestamp,
) -> Result<i64> {
    at_once(past::on_hand_at(&Asked(view.connection), levels, location_id, at))
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

    async fn shifted(&self, level: &Level, at: i64) -> Result<Vec<(MovementKind, Units)>> {
        let values = [level.product_id.number(), level.location_id.number(), at];
        let mut statement = self.0.prepare_cached(SHIFTED)?;
        let sums = statement.query_map(values, |row| {
            Ok((codec::kind(row, 0)?, Units { on_hand: row.get(1)?, reserved: row.get(2)? }))
        })?;
        sums.collect()
    }
}
