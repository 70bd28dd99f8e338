//! The head of the logs: the one row that says where every log and every kind of number has got to.
//! Whoever moves it on comes first, and nobody else's batch fits any more.

use std::collections::HashSet;

use onhand_core::{Numbering, Timestamp};
use tokio_postgres::Row;

use super::changes::Change;
use super::codec::{get, instant};
use super::error::{Result, corrupt};
use super::rows::Writes;
use super::session::Value;
use crate::limits::{MOVED_LOOKED_AT_MAX, OUTCOME_WINDOW_SECS};
use crate::store::Batch;
use crate::stored::stored_count;

macro_rules! head {
    ($end:literal) => {
        concat!(
            "SELECT product, category, location, reservation, \"order\", movement, event, batch, \
             recorded_at, chain, outcome_window, outcome_window_opened_at, next_window_is_empty, \
             (extract(epoch FROM clock_timestamp()) * 1000000)::int8, \"user\", session, \
             api_key, rights, notice, endpoint, job, sync, catalog, catalog_counted_to \
             FROM numbering",
            $end
        )
    };
}
/// The head of the logs. Locked, it is nobody else's until the batch ends.
pub(super) const HEAD: &str = head!("");
pub(super) const LOCKED_HEAD: &str = head!(" FOR UPDATE");
const MOVE_HEAD: &str = "\
     UPDATE numbering SET product = $1::int8, category = $2::int8, \
     location = $3::int8, reservation = $4::int8, \"order\" = $5::int8, movement = $6::int8, \
     event = $7::int8, batch = $8::int8 + 1, recorded_at = $9::int8, chain = $10::bytea, \
     next_window_is_empty = next_window_is_empty AND outcome_window = $11::int8, \
     outcome_window = $11::int8, outcome_window_opened_at = $12::int8, \"user\" = $13::int8, \
     session = $14::int8, api_key = $15::int8, rights = $16::int8, notice = $17::int8, \
     endpoint = $18::int8, job = $19::int8, sync = $20::int8, \
     catalog = $21::int8, catalog_counted_to = $8::int8 \
     WHERE batch = $8::int8 AND ($22::int8 IS NULL OR EXISTS (SELECT 1 FROM batches b \
     WHERE b.id = $8::int8 - 1 AND b.writer = $22::int8))";
const INSERT_BATCH: &str = "\
     INSERT INTO batches VALUES ($1::int8, $2::int8, $3::int8, $4::int8, \
     $5::int8, $6::bytea, $7::int8)";

/// What is known of the head of the logs.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) numbering: Numbering,
    pub(super) batch: i64,
    pub(super) recorded_at: Timestamp,
    chain: [u8; 32],
    pub(super) window: i64,
    window_opened_at: i64,
    pub(super) next_window_is_empty: bool,
    pub(super) time: Timestamp,
    /// How often the catalogue was changed,
    catalog: i64,
    /// up to this batch.
    catalog_counted_to: i64,
    /// The stamp of the batch that is to leave this head; nothing where it was read. The number of
    /// that batch is not enough: it may fail while somebody else's comes to have it.
    left_by: Option<i64>,
}

/// Up to where the rows are right that a process has at hand: those of the catalogue, and levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The number of the next batch, if nobody else writes.
    pub(super) batch: i64,
    pub(super) movement: i64,
    catalog: i64,
}

impl Head {
    pub(super) fn read(row: &Row) -> Result<Self> {
        let table = "numbering";
        let number = |column| get::<i64>(row, table, column);
        let chain: &[u8] = get(row, table, 9)?;
        Ok(Self {
            numbering: Numbering {
                product: number(0)?,
                category: number(1)?,
                location: number(2)?,
                reservation: number(3)?,
                order: number(4)?,
                movement: number(5)?,
                event: number(6)?,
                user: number(14)?,
                session: number(15)?,
                api_key: number(16)?,
                rights: number(17)?,
                notice: number(18)?,
                endpoint: number(19)?,
                job: number(20)?,
                sync: number(21)?,
            },
            batch: number(7)?,
            recorded_at: instant(table, number(8)?)?,
            chain: chain.try_into().map_err(|error| corrupt(table, error))?,
            window: number(10)?,
            window_opened_at: number(11)?,
            next_window_is_empty: get(row, table, 12)?,
            time: instant(table, number(13)?)?,
            catalog: number(22)?,
            catalog_counted_to: number(23)?,
            left_by: None,
        })
    }

    /// What is right for a process that has looked up everything at this head.
    pub(super) fn known(&self) -> Known {
        let movement = self.numbering.movement;
        Known { batch: self.batch, movement, catalog: self.catalog }
    }

    /// Whether the catalogue is as it was, and of levels only those of the movements since have
    /// changed, of which there are not too many.
    pub(super) fn only_moved_since(&self, known: &Known) -> bool {
        let moved = self.numbering.movement - known.movement;
        self.is_counted() && self.catalog == known.catalog && moved <= MOVED_LOOKED_AT_MAX
    }

    /// Whether the newest batch was written by somebody who counts the catalogue's changes.
    fn is_counted(&self) -> bool {
        self.catalog_counted_to + 1 == self.batch
    }

    /// How often the catalogue has changed after a batch. Whoever wrote before may not have
    /// counted.
    fn catalog_after(&self, batch: &Batch) -> i64 {
        self.catalog + i64::from(!self.is_counted() || changes_catalog(batch))
    }

    /// The window into which a batch writes its outcomes, with the second in which it was opened.
    /// A new one opens when its time has come and its table is empty.
    fn window_at(&self, now: Timestamp) -> (i64, i64) {
        let now = now.as_second();
        let is_over = now - self.window_opened_at >= OUTCOME_WINDOW_SECS;
        if is_over && self.next_window_is_empty {
            (self.window + 1, now)
        } else {
            (self.window, self.window_opened_at)
        }
    }
}

/// Whether a batch changes what others have at hand otherwise than by movements.
fn changes_catalog(batch: &Batch) -> bool {
    let rows = &batch.rows;
    let moved: HashSet<_> =
        batch.movements.iter().map(|one| (one.product_id, one.location_id)).collect();
    !rows.products.is_empty()
        || !rows.categories.is_empty()
        || !rows.locations.is_empty()
        || rows.levels.keys().any(|level| !moved.contains(level))
}

/// Everything that a batch writes, and the head after it. The head comes first: without a lock it
/// is what tells who comes second. The stamp is nobody else's.
pub(super) fn writes<'a>(
    batch: &'a Batch,
    head: &Head,
    stamp: i64,
) -> Result<(Vec<Change<'a>>, Head)> {
    let mut writes = Writes(Vec::new());
    writes.rows(&batch.rows)?;
    let chain = writes.logs(batch, &head.chain)?;
    let (window, opened_at) = head.window_at(batch.now);
    writes.outcomes(batch, window)?;
    let next = &batch.numbering;
    let catalog = head.catalog_after(batch);
    let move_head: Vec<Value<'a>> = vec![
        Box::new(next.product),
        Box::new(next.category),
        Box::new(next.location),
        Box::new(next.reservation),
        Box::new(next.order),
        Box::new(next.movement),
        Box::new(next.event),
        Box::new(batch.id),
        Box::new(batch.now.as_microsecond()),
        Box::new(chain.to_vec()),
        Box::new(window),
        Box::new(opened_at),
        Box::new(next.user),
        Box::new(next.session),
        Box::new(next.api_key),
        Box::new(next.rights),
        Box::new(next.notice),
        Box::new(next.endpoint),
        Box::new(next.job),
        Box::new(next.sync),
        Box::new(catalog),
        Box::new(head.left_by),
    ];
    let insert_batch: Vec<Value<'a>> = vec![
        Box::new(batch.id),
        Box::new(next.event - 1),
        Box::new(next.movement - 1),
        Box::new(stored_count(batch.commands)),
        Box::new(batch.now.as_microsecond()),
        Box::new(chain.to_vec()),
        Box::new(stamp),
    ];
    let mut all = vec![
        Change { table: "numbering", sql: MOVE_HEAD, values: move_head, rows: Some(1) },
        Change { table: "batches", sql: INSERT_BATCH, values: insert_batch, rows: None },
    ];
    all.extend(writes.0);
    let next_window_is_empty = head.next_window_is_empty && window == head.window;
    let after = Head {
        numbering: *next,
        batch: batch.id + 1,
        recorded_at: batch.now,
        chain,
        window,
        window_opened_at: opened_at,
        next_window_is_empty,
        time: head.time,
        catalog,
        catalog_counted_to: batch.id,
        left_by: Some(stamp),
    };
    Ok((all, after))
}
