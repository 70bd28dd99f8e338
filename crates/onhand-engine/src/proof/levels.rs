//! Levels held against the ledger, of which they are a cache: recomputed entry by entry, and shown
//! side by side where they differ. `verify` counts them, `rebuild` lists them. Nothing is repaired.

use super::{Evidence, Span};
use crate::report::{LevelDifference, LevelFigures, Rebuild};

/// Most levels that are listed; all are counted.
pub(crate) const DIFFERENCES_MAX: usize = 1_000;

/// Every level (`l_`) beside what the ledger says of it (`s_`); either may be missing. Both are put
/// one below the other and grouped: that is sorting, where a join of the two may become a loop of
/// one within the other, because SQLite sees the levels through a view.
macro_rules! levels_beside_ledger {
    () => {
        "(SELECT u.product_id, u.location_id, max(u.s_on_hand) AS s_on_hand, \
         max(u.s_reserved) AS s_reserved, max(u.s_received) AS s_received, \
         max(u.s_sold) AS s_sold, max(u.s_returned) AS s_returned, \
         max(u.s_adjusted) AS s_adjusted, max(u.s_counted) AS s_counted, \
         max(u.s_transferred) AS s_transferred, max(u.s_movements) AS s_movements, \
         max(u.l_on_hand) AS l_on_hand, max(u.l_reserved) AS l_reserved, \
         max(u.l_received) AS l_received, max(u.l_sold) AS l_sold, \
         max(u.l_returned) AS l_returned, max(u.l_adjusted) AS l_adjusted, \
         max(u.l_counted) AS l_counted, max(u.l_transferred) AS l_transferred, \
         max(u.l_movements) AS l_movements FROM (SELECT product_id, location_id, \
         sum(delta_on_hand) AS s_on_hand, sum(delta_reserved) AS s_reserved, \
         sum(CASE WHEN kind = 'received' THEN delta_on_hand ELSE 0 END) AS s_received, \
         sum(CASE WHEN kind = 'sold' THEN delta_on_hand ELSE 0 END) AS s_sold, \
         sum(CASE WHEN kind = 'returned' THEN delta_on_hand ELSE 0 END) AS s_returned, \
         sum(CASE WHEN kind = 'adjusted' THEN delta_on_hand ELSE 0 END) AS s_adjusted, \
         sum(CASE WHEN kind = 'counted' THEN delta_on_hand ELSE 0 END) AS s_counted, \
         sum(CASE WHEN kind = 'transferred' THEN delta_on_hand ELSE 0 END) AS s_transferred, \
         count(*) AS s_movements, CAST(NULL AS bigint) AS l_on_hand, \
         CAST(NULL AS bigint) AS l_reserved, CAST(NULL AS bigint) AS l_received, \
         CAST(NULL AS bigint) AS l_sold, CAST(NULL AS bigint) AS l_returned, \
         CAST(NULL AS bigint) AS l_adjusted, CAST(NULL AS bigint) AS l_counted, \
         CAST(NULL AS bigint) AS l_transferred, CAST(NULL AS bigint) AS l_movements \
         FROM movements GROUP BY product_id, location_id UNION ALL SELECT product_id, \
         location_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, on_hand, reserved, \
         received, sold, returned, adjusted, counted, transferred, movements FROM levels) u \
         GROUP BY u.product_id, u.location_id) b"
    };
}

/// Levels that are not the sums of the ledger, in words.
pub(super) const WRONG: &str = concat!(
    "SELECT 'prd_' || b.product_id || ' at loc_' || b.location_id || ': level ' \
     || coalesce(cast(b.l_on_hand AS text), 'missing') || ', ledger ' \
     || coalesce(cast(b.s_on_hand AS text), 'nothing') FROM ",
    levels_beside_ledger!(),
    " WHERE coalesce(b.l_on_hand, 0) != coalesce(b.s_on_hand, 0) \
     OR coalesce(b.l_reserved, 0) != coalesce(b.s_reserved, 0) \
     OR coalesce(b.l_movements, 0) != coalesce(b.s_movements, 0)"
);

/// Movements whose level is not there. Looked for one by one: a join would read all levels for
/// every slice.
pub(super) const OF_NO_LEVEL: &str = "SELECT 'movement ' || m.seq || ' of no level' \
     FROM movements m WHERE m.seq > $1 AND m.seq <= $2 AND NOT EXISTS (SELECT 1 FROM levels l \
     WHERE l.product_id = m.product_id AND l.location_id = m.location_id)";
/// Movements that belong to no level's chain, or to two.
pub(super) const MISCOUNTED: &str = "SELECT 'levels count ' || l.n || ' movements of ' || m.n \
     FROM (SELECT coalesce(sum(movements), 0) AS n FROM levels) l, \
     (SELECT coalesce(max(seq), 0) AS n FROM movements) m WHERE l.n != m.n";

/// The figures of both, as text; a server that is not told otherwise takes the numbers for shorter
/// ones.
const DIFFERENCES: &str = concat!(
    "SELECT b.product_id, cast(b.location_id AS text), \
     coalesce(b.l_on_hand || ' ' || b.l_reserved || ' ' || b.l_received || ' ' || b.l_sold \
     || ' ' || b.l_returned || ' ' || b.l_adjusted || ' ' || b.l_counted || ' ' \
     || b.l_transferred || ' ' || b.l_movements, '') || ';' \
     || coalesce(b.s_on_hand || ' ' || b.s_reserved || ' ' || b.s_received || ' ' || b.s_sold \
     || ' ' || b.s_returned || ' ' || b.s_adjusted || ' ' || b.s_counted || ' ' \
     || b.s_transferred || ' ' || b.s_movements, '') FROM ",
    levels_beside_ledger!(),
    " WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) \
     AND (coalesce(b.l_on_hand, 0) != coalesce(b.s_on_hand, 0) \
     OR coalesce(b.l_reserved, 0) != coalesce(b.s_reserved, 0) \
     OR coalesce(b.l_received, 0) != coalesce(b.s_received, 0) \
     OR coalesce(b.l_sold, 0) != coalesce(b.s_sold, 0) \
     OR coalesce(b.l_returned, 0) != coalesce(b.s_returned, 0) \
     OR coalesce(b.l_adjusted, 0) != coalesce(b.s_adjusted, 0) \
     OR coalesce(b.l_counted, 0) != coalesce(b.s_counted, 0) \
     OR coalesce(b.l_transferred, 0) != coalesce(b.s_transferred, 0) \
     OR coalesce(b.l_movements, 0) != coalesce(b.s_movements, 0)) ORDER BY 1, 2"
);

/// All of it at once: only what differs comes.
const ONCE: Span = Span { after: 0, to: 1 };

/// Recomputes every level from the ledger, and says where that is another one.
pub(crate) async fn rebuild<E: Evidence>(evidence: &mut E) -> Result<Rebuild, E::Error> {
    let levels = evidence.number("SELECT count(*) FROM levels").await?;
    let movements = evidence.number("SELECT count(*) FROM movements").await?;
    let (mut differing, mut differences) = (0, Vec::new());
    let mut tell = |product: i64, location: &str, figures: &str| {
        differing += 1;
        if differences.len() < DIFFERENCES_MAX {
            let (stored, ledger) = figures.split_once(';').unwrap_or_default();
            differences.push(LevelDifference {
                product_id: format!("prd_{product}"),
                location_id: format!("loc_{location}"),
                stored: figures_of(stored),
                ledger: figures_of(ledger),
            });
        }
    };
    evidence.told(DIFFERENCES, ONCE, &mut tell).await?;
    Ok(Rebuild { levels, movements, differing, differences })
}

/// Reads figures in the order of the statement; nothing where there is no row.
fn figures_of(text: &str) -> Option<LevelFigures> {
    let numbers: Result<Vec<i64>, _> = text.split(' ').map(str::parse).collect();
    let [on_hand, reserved, received, sold, returned, adjusted, counted, transferred, movements] =
        numbers.ok()?.try_into().ok()?;
    Some(LevelFigures {
        on_hand,
        reserved,
        received,
        sold,
        returned,
        adjusted,
        counted,
        transferred,
        movements,
    })
}
