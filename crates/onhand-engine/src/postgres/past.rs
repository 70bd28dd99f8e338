//! The ledger on a server, asked about its past (`crate::past`), by readers and by the committer;
//! and the sums that tell what its two clocks differ by.

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::inventory::{Level, Movement, MovementKind};
use onhand_core::limits::MOVEMENTS_PER_MARK;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::codec::{self, get};
use super::error::{Error, Result, corrupt};
use super::readers;
use super::rows::Writes;
use super::session::{Session, Value};
use super::shape::column;
use crate::past::{self, COUNTED_AFTER, Ledger, MARK_AFTER, MarkAfter, SHIFTED, Units, WALK};
use crate::stored::stored_version;

/// Adds to what is there: two batches that add to one sum come one after the other, as they do in
/// the ledger.
const ADD: &str = "INSERT INTO shifted_sums AS s (product_id, location_id, height, bucket, kind, \
     on_hand, reserved) SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), \
     unnest($4::int8[]), unnest($5::text[]), unnest($6::int8[]), unnest($7::int8[]) \
     ON CONFLICT (product_id, location_id, height, bucket, kind) DO UPDATE \
     SET on_hand = s.on_hand + excluded.on_hand, reserved = s.reserved + excluded.reserved";

/// Whoever can be asked for rows by numbers.
pub(super) trait Ask {
    async fn ask(&self, sql: &'static str, values: &[i64]) -> Result<Vec<Row>>;
}

/// A connection that reads.
pub(super) struct Reading<'a, C>(pub(super) &'a C);

impl<C: GenericClient> Ask for Reading<'_, C> {
    async fn ask(&self, sql: &'static str, values: &[i64]) -> Result<Vec<Row>> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        readers::rows(self.0, sql, &values).await
    }
}

impl Ask for Session {
    async fn ask(&self, sql: &'static str, values: &[i64]) -> Result<Vec<Row>> {
        let values: Vec<Value<'_>> =
            values.iter().map(|value| Box::new(*value) as Value<'_>).collect();
        self.rows(sql, &values).await
    }
}

/// The ledger, as whoever is asked shows it.
pub(super) struct Asked<'a, A>(pub(super) &'a A);

impl<A: Ask> Ledger for Asked<'_, A> {
    type Error = Error;

    async fn mark_after(&self, level: &Level, at: i64) -> Result<MarkAfter> {
        let marks = stored_version(level.movements / MOVEMENTS_PER_MARK);
        let values = [marks, at, level.product_id.number(), level.location_id.number()];
        let rows = self.0.ask(MARK_AFTER, &values).await?;
        let row = rows.first().ok_or_else(|| corrupt("movement_marks", "a mark is missing"))?;
        codec::mark_after(row)
    }

    async fn walk(&self, seq: i64, at: i64) -> Result<Vec<Movement>> {
        let rows = self.0.ask(WALK, &[seq, at]).await?;
        rows.iter().map(codec::movement).collect()
    }

    async fn counted_after(&self, level: &Level, at: i64) -> Result<Option<Timestamp>> {
        let values = [level.product_id.number(), level.location_id.number(), at];
        let rows = self.0.ask(COUNTED_AFTER, &values).await?;
        let found: Option<i64> = match rows.first() {
            Some(row) => get(row, "movements", 0)?,
            None => None,
        };
        found.map(|at| codec::instant("movements", at)).transpose()
    }

    async fn shifted(&self, level: &Level, at: i64) -> Result<Vec<(MovementKind, Units)>> {
        let values = [level.product_id.number(), level.location_id.number(), at];
        let rows = self.0.ask(SHIFTED, &values).await?;
        rows.iter().map(codec::shifted).collect()
    }
}

impl Writes<'_> {
    /// What movements change of the sums, beside the movements themselves.
    pub(super) fn shifts(&mut self, movements: &[Movement]) {
        let sums: Vec<_> = past::shifts(movements).into_iter().collect();
        self.add("shifted_sums", ADD, sums.len(), || {
            vec![
                column(&sums, |(key, _)| key.product_id.number()),
                column(&sums, |(key, _)| key.location_id.number()),
                column(&sums, |(key, _)| key.height),
                column(&sums, |(key, _)| key.bucket),
                column(&sums, |(key, _)| key.kind.as_str()),
                column(&sums, |(_, units)| units.on_hand),
                column(&sums, |(_, units)| units.reserved),
            ]
        });
    }
}
