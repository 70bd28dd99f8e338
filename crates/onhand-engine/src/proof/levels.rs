//! Levels held against the ledger, of which they are a cache: recomputed entry by entry, and shown
//! side by side where they differ. `verify` counts them, `rebuild` lists them. Nothing is repaired.

use super::{Evidence, Span};
use crate::report::{LevelDifference, LevelFigures, Rebuild};

/// Most levels that are listed; all are counted.
pub(crate) const DIFFERENCES_MAX: usize = 1_000;

/// Every level beside what the ledger says of it; either may be missing.
macro_rules! levels_beside_ledger {
    () => {
        "(SELECT product_id, location_id, sum(delta_on_hand) AS on_hand, \
         sum(delta_reserved) AS reserved, count(*) AS movements, \
         sum(CASE WHEN kind = 'received' THEN delta_on_hand ELSE 0 END) AS received, \
         sum(CASE WHEN kind = 'sold' THEN delta_on_hand ELSE 0 END) AS sold, \
         sum(CASE WHEN kind = 'returned' THEN delta_on_hand ELSE 0 END) AS returned, \
         sum(CASE WHEN kind = 'adjusted' THEN delta_on_hand ELSE 0 END) AS adjusted, \
         sum(CASE WHEN kind = 'counted' THEN delta_on_hand ELSE 0 END) AS counted, \
         sum(CASE WHEN kind = 'transferred' THEN delta_on_hand ELSE 0 END) AS transferred \
         FROM movements GROUP BY product_id, location_id) s FULL JOIN levels l \
         ON l.product_id = s.product_id AND l.location_id = s.location_id"
    };
}

/// Levels that are not the sums of the ledger, in words.
pub(super) const WRONG: &str = concat!(
    "SELECT 'prd_' || coalesce(s.product_id, l.product_id) || ' at loc_' \
     || coalesce(s.location_id, l.location_id) || ': level ' \
     || coalesce(cast(l.on_hand AS text), 'missing') || ', ledger ' \
     || coalesce(cast(s.on_hand AS text), 'nothing') FROM ",
    levels_beside_ledger!(),
    " WHERE coalesce(l.on_hand, 0) != coalesce(s.on_hand, 0) \
     OR coalesce(l.reserved, 0) != coalesce(s.reserved, 0) \
     OR coalesce(l.movements, 0) != coalesce(s.movements, 0)"
);

/// Movements whose level is not there.
pub(super) const OF_NO_LEVEL: &str = "SELECT 'movement ' || m.seq || ' of no level' \
     FROM movements m LEFT JOIN levels l ON l.product_id = m.product_id \
     AND l.location_id = m.location_id WHERE m.seq > $1 AND m.seq <= $2 AND l.product_id IS NULL";
/// Movements that belong to no level's chain, or to two.
pub(super) const MISCOUNTED: &str = "SELECT 'levels count ' || l.n || ' movements of ' || m.n \
     FROM (SELECT coalesce(sum(movements), 0) AS n FROM levels) l, \
     (SELECT coalesce(max(seq), 0) AS n FROM movements) m WHERE l.n != m.n";

/// The figures of both, as text; a server that is not told otherwise takes the numbers for shorter
/// ones.
const DIFFERENCES: &str = concat!(
    "SELECT coalesce(s.product_id, l.product_id), \
     cast(coalesce(s.location_id, l.location_id) AS text), \
     coalesce(l.on_hand || ' ' || l.reserved || ' ' || l.received || ' ' || l.sold || ' ' \
     || l.returned || ' ' || l.adjusted || ' ' || l.counted || ' ' || l.transferred || ' ' \
     || l.movements, '') || ';' || coalesce(s.on_hand || ' ' || s.reserved || ' ' || s.received \
     || ' ' || s.sold || ' ' || s.returned || ' ' || s.adjusted || ' ' || s.counted || ' ' \
     || s.transferred || ' ' || s.movements, '') FROM ",
    levels_beside_ledger!(),
    " WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) \
     AND (coalesce(l.on_hand, 0) != coalesce(s.on_hand, 0) \
     OR coalesce(l.reserved, 0) != coalesce(s.reserved, 0) \
     OR coalesce(l.received, 0) != coalesce(s.received, 0) \
     OR coalesce(l.sold, 0) != coalesce(s.sold, 0) \
     OR coalesce(l.returned, 0) != coalesce(s.returned, 0) \
     OR coalesce(l.adjusted, 0) != coalesce(s.adjusted, 0) \
     OR coalesce(l.counted, 0) != coalesce(s.counted, 0) \
     OR coalesce(l.transferred, 0) != coalesce(s.transferred, 0) \
     OR coalesce(l.movements, 0) != coalesce(s.movements, 0)) ORDER BY 1, 2"
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
