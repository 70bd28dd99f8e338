//! Levels as they were at an instant, by either clock, in O(log n) of what the ledger has: what was
//! recorded by then is found through marks (a bisection and a short walk), and what happened at
//! another time than it was recorded is added from sums over spans of time. A late entry adds to
//! [`HEIGHTS`] sums at each of its two times and changes nothing else.
//!
//! With `+d` at the time when an entry happened and `-d` at the time when it was recorded, the sum
//! of all that lies before an instant is what the two clocks differ by at that instant. Spans are
//! powers of [`SPAN_BITS`] bits of microseconds, so that any stretch of time is a few of them.

use std::collections::BTreeMap;

use onhand_core::Timestamp;
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::{Level, Movement, MovementKind, Past, Totals};
use onhand_core::limits::MOVEMENTS_PER_MARK;

use crate::columns::*;
use crate::query::{LedgerClock, Moment};

/// Bits by which a span is longer than those one height below it.
const SPAN_BITS: u32 = 8;
/// Heights of spans: from a microsecond to two thousand years.
pub(crate) const HEIGHTS: u32 = 7;

/// The first mark after an instant, or nothing; no row where a mark is missing. `$1` is how many
/// marks there are, `$2` the instant, `$3` and `$4` the level.
pub(crate) const MARK_AFTER: &str = "WITH RECURSIVE step(low, high) AS ( \
     SELECT CAST(0 AS bigint), CAST($1 AS bigint) UNION ALL SELECT CASE \
     WHEN k.recorded_at <= CAST($2 AS bigint) THEN k.ordinal / 64 ELSE s.low END, CASE \
     WHEN k.recorded_at <= CAST($2 AS bigint) THEN s.high ELSE k.ordinal / 64 - 1 END \
     FROM step s JOIN movement_marks k ON k.product_id = CAST($3 AS bigint) \
     AND k.location_id = CAST($4 AS bigint) AND k.ordinal = (s.low + s.high + 1) / 2 * 64 \
     WHERE s.low < s.high) SELECT k.seq, k.received, k.sold, k.returned, k.adjusted, k.counted, \
     k.transferred FROM step s LEFT JOIN movement_marks k ON k.product_id = CAST($3 AS bigint) \
     AND k.location_id = CAST($4 AS bigint) AND k.ordinal = (s.low + 1) * 64 \
     WHERE s.low = s.high";
const _: () = assert!(MOVEMENTS_PER_MARK == 64, "as the statement has it");

/// The entries of a level from `$1` back to the first that was recorded by `$2`, newest first.
pub(crate) const WALK: &str = concat!(
    "WITH RECURSIVE walk AS (SELECT * FROM movements WHERE seq = CAST($1 AS bigint) UNION ALL \
     SELECT m.* FROM walk w JOIN movements m ON m.seq = w.previous \
     WHERE w.recorded_at > CAST($2 AS bigint)) SELECT ",
    movement_columns!(),
    " FROM walk ORDER BY seq DESC"
);

/// What the clocks differ by at an instant (`$3`), of a level (`$1`, `$2`): units by kind.
pub(crate) const SHIFTED: &str = "SELECT s.kind, CAST(sum(s.on_hand) AS bigint), \
     CAST(sum(s.reserved) AS bigint) FROM (SELECT 0 AS h UNION ALL SELECT 1 UNION ALL SELECT 2 \
     UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6) spans \
     JOIN shifted_sums s ON s.product_id = CAST($1 AS bigint) \
     AND s.location_id = CAST($2 AS bigint) AND s.height = spans.h \
     AND s.bucket >= CASE WHEN spans.h = 6 THEN -9223372036854775807 \
     ELSE ((CAST($3 AS bigint) >> (8 * (spans.h + 1))) << 8) END \
     AND s.bucket < (CAST($3 AS bigint) >> (8 * spans.h)) \
     + CASE WHEN spans.h = 0 THEN 1 ELSE 0 END \
     GROUP BY s.kind";

/// When a level (`$1`, `$2`) was first counted after an instant (`$3`).
pub(crate) const COUNTED_AFTER: &str = "SELECT min(occurred_at) FROM movements \
     WHERE product_id = CAST($1 AS bigint) AND location_id = CAST($2 AS bigint) \
     AND kind = 'counted' AND occurred_at > CAST($3 AS bigint)";

/// Sums of which not all are those of the ledger, in words.
pub(crate) const WRONG_SUMS: &str = "SELECT 'prd_' || s.product_id || ' at loc_' || s.location_id \
     || ': ' || s.kind || ', span ' || s.bucket || ' of height ' || s.height FROM ( \
     SELECT product_id, location_id, height, bucket, kind, on_hand, reserved FROM shifted_sums \
     UNION ALL SELECT m.product_id, m.location_id, h.h, m.occurred_at >> (8 * h.h), m.kind, \
     -m.delta_on_hand, -m.delta_reserved FROM movements m CROSS JOIN (SELECT 0 AS h UNION ALL \
     SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
     UNION ALL SELECT 6) h WHERE m.occurred_at != m.recorded_at \
     UNION ALL SELECT m.product_id, m.location_id, h.h, m.recorded_at >> (8 * h.h), m.kind, \
     m.delta_on_hand, m.delta_reserved FROM movements m CROSS JOIN (SELECT 0 AS h UNION ALL \
     SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
     UNION ALL SELECT 6) h WHERE m.occurred_at != m.recorded_at) s \
     GROUP BY s.product_id, s.location_id, s.height, s.bucket, s.kind \
     HAVING sum(s.on_hand) != 0 OR sum(s.reserved) != 0";

/// Which sum: of a level, over a span, of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SumKey {
    pub(crate) product_id: ProductId,
    pub(crate) location_id: LocationId,
    pub(crate) height: i64,
    pub(crate) bucket: i64,
    pub(crate) kind: MovementKind,
}

/// Units to add to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Units {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
}

/// What a batch's movements add to sums; nothing for those that happened when they were recorded.
pub(crate) fn shifts(movements: &[Movement]) -> BTreeMap<SumKey, Units> {
    let mut sums: BTreeMap<SumKey, Units> = BTreeMap::new();
    for row in movements.iter().filter(|row| row.occurred_at != row.recorded_at) {
        for (at, sign) in [(row.occurred_at, 1), (row.recorded_at, -1)] {
            for height in 0..HEIGHTS {
                let key = SumKey {
                    product_id: row.product_id,
                    location_id: row.location_id,
                    height: i64::from(height),
                    bucket: at.as_microsecond() >> (SPAN_BITS * height),
                    kind: row.kind,
                };
                let units = sums.entry(key).or_default();
                units.on_hand += sign * row.delta_on_hand;
                units.reserved += sign * row.delta_reserved;
            }
        }
    }
    sums
}

/// The first mark after an instant, and the totals there.
pub(crate) type MarkAfter = Option<(i64, Totals)>;

/// What is asked of a ledger about its past.
pub(crate) trait Ledger {
    /// Why it has no answer.
    type Error;

    /// The first mark of a level after an instant.
    async fn mark_after(&self, level: &Level, at: i64) -> Result<MarkAfter, Self::Error>;

    /// Entries from one back to the first that was recorded by an instant, newest first.
    async fn walk(&self, seq: i64, at: i64) -> Result<Vec<Movement>, Self::Error>;

    /// The first instant after one at which a level was counted.
    async fn counted_after(&self, level: &Level, at: i64)
    -> Result<Option<Timestamp>, Self::Error>;

    /// What the clocks differ by.
    async fn shifted(
        &self,
        level: &Level,
        at: i64,
    ) -> Result<Vec<(MovementKind, Units)>, Self::Error>;
}

/// Sets a level back to what it was at a moment.
pub(crate) async fn set_back<L: Ledger>(
    ledger: &L,
    level: &mut Level,
    moment: Moment,
) -> Result<(), L::Error> {
    let at = moment.at.as_microsecond();
    if let Some((seq, totals)) = ledger.mark_after(level, at).await? {
        (level.last_movement, level.totals) = (seq, totals);
    }
    let walked = ledger.walk(level.last_movement, at).await?;
    level.set_back(&walked, moment.at);
    if moment.clock == LedgerClock::Occurred {
        for (kind, units) in ledger.shifted(level, at).await? {
            level.shift(kind, units.on_hand, units.reserved);
        }
    }
    Ok(())
}

/// The same of all levels of a product; those that had nothing yet are left out.
pub(crate) async fn set_all_back<L: Ledger>(
    ledger: &L,
    levels: &mut Vec<Level>,
    moment: Moment,
) -> Result<(), L::Error> {
    for level in levels.iter_mut() {
        set_back(ledger, level, moment).await?;
    }
    levels.retain(|level| {
        level.movements > 0 || level.totals != Totals::default() || level.reserved != 0
    });
    Ok(())
}

/// What was on hand at a level when something is said to have happened, and when it was first
/// counted after that.
pub(crate) async fn at<L: Ledger>(
    ledger: &L,
    mut levels: Vec<Level>,
    location_id: LocationId,
    at: Timestamp,
) -> Result<Past, L::Error> {
    let level = levels.iter_mut().find(|level| level.location_id == location_id);
    let Some(level) = level else { return Ok(Past { on_hand: 0, counted_at: None }) };
    let counted_at = ledger.counted_after(level, at.as_microsecond()).await?;
    set_back(ledger, level, Moment { at, clock: LedgerClock::Occurred }).await?;
    Ok(Past { on_hand: level.on_hand, counted_at })
}
