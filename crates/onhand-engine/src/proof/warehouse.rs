//! What the external warehouse has said, held against the ledger: what is missing of what is
//! promised is recorded and nothing of it can be sold, runs count their rows, and what was counted
//! is in the ledger under its row.

use std::collections::BTreeMap;

use onhand_core::warehouse::{Action, RowsKept, Shortfall, Status, Sync};

use super::spans::Over;
use super::{Evidence, Finds, Offenders, Rule, Span};
use crate::report::Check;

/// All of a table at once: they are few.
const ONCE: Span = Span { after: 0, to: 1 };
// A server that is not told otherwise takes these numbers for shorter ones.
const SHORTFALLS: &str = "SELECT s.product_id, CAST(coalesce(l.missing, 0) AS text), s.document \
     FROM shortfalls s LEFT JOIN levels l ON l.product_id = s.product_id \
     AND l.location_id = s.location_id \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint)";
const SYNCS: &str = "SELECT id, status, document FROM syncs \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint)";
const COUNTS: &str = "SELECT sync_id, action, CAST(count(*) AS text) FROM sync_rows \
     WHERE CAST($1 AS bigint) < 1 AND 1 <= CAST($2 AS bigint) GROUP BY sync_id, action";

/// What is promised of them in SQL.
pub(super) const RULES: &[Rule<'static>] = &[
    Rule {
        id: "shortfalls",
        promise: "where units are missing nothing is free, and a record says how many",
        is_quick: true,
        counted: &["SELECT count(*) FROM levels WHERE missing != 0"],
        finds: &[
            Finds::Of(
                Over::Levels,
                "SELECT 'prd_' || product_id || ' at loc_' || location_id || ': ' || missing \
                 || ' missing, ' || (on_hand - reserved) || ' free' FROM levels \
                 WHERE product_id > $1 AND product_id <= $2 \
                 AND (missing < 0 OR (missing > 0 AND on_hand != reserved))",
            ),
            Finds::Of(
                Over::Levels,
                "SELECT 'prd_' || l.product_id || ' at loc_' || l.location_id || ': no record' \
                 FROM levels l LEFT JOIN shortfalls s ON s.product_id = l.product_id \
                 AND s.location_id = l.location_id WHERE l.product_id > $1 \
                 AND l.product_id <= $2 AND l.missing > 0 AND s.product_id IS NULL",
            ),
        ],
    },
    Rule {
        id: "syncs",
        promise: "what was counted for a row of a run is in the ledger under its name, once",
        is_quick: false,
        counted: &["SELECT count(*) FROM sync_rows"],
        finds: &[
            Finds::Of(
                Over::SyncRows,
                "SELECT 'syn_' || sync_id || '/' || number || ': ' || action || ', movement ' \
                 || coalesce(movement, 0) FROM sync_rows WHERE sync_id > $1 AND sync_id <= $2 \
                 AND (action IN ('counted', 'approved', 'shortfall')) != (movement IS NOT NULL)",
            ),
            Finds::Of(
                Over::SyncRows,
                "SELECT 'syn_' || r.sync_id || '/' || r.number || ': movement ' || r.movement \
                 FROM sync_rows r LEFT JOIN movements m ON m.seq = r.movement \
                 WHERE r.sync_id > $1 AND r.sync_id <= $2 AND r.movement IS NOT NULL \
                 AND (m.seq IS NULL OR m.kind != 'counted' \
                 OR m.product_id != r.product_id OR m.location_id != r.location_id \
                 OR coalesce(m.reference, '') != 'syn_' || r.sync_id || '/' || r.number)",
            ),
            Finds::Of(
                Over::SyncRows,
                "SELECT 'syn_' || r.sync_id || '/' || r.number || ' has no run' \
                 FROM sync_rows r LEFT JOIN syncs s ON s.id = r.sync_id \
                 WHERE r.sync_id > $1 AND r.sync_id <= $2 AND s.id IS NULL",
            ),
            Finds::All(
                "SELECT 'numbering: sync ' || sync FROM numbering \
                 WHERE sync <= (SELECT coalesce(max(id), 0) FROM syncs)",
            ),
        ],
    },
];

/// Holds runs against their rows, and shortfalls against their levels.
pub(super) async fn prove<E: Evidence>(
    evidence: &mut E,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let (mut found, mut shortfalls) = (Offenders::default(), 0);
    let mut shortfall = |product: i64, missing: &str, document: &str| {
        shortfalls += 1;
        if let Some(fault) = fault_of_shortfall(missing, document) {
            found.add(format!("prd_{product}: {fault}"));
        }
    };
    evidence.told(SHORTFALLS, ONCE, &mut shortfall).await?;
    let promise = "a record of what is missing says what its level says";
    checks.push(found.into_check("shortfalls", promise, shortfalls));
    let mut rows: BTreeMap<i64, BTreeMap<String, String>> = BTreeMap::new();
    let mut count = |sync: i64, action: &str, count: &str| {
        rows.entry(sync).or_default().insert(action.to_owned(), count.to_owned());
    };
    evidence.told(COUNTS, ONCE, &mut count).await?;
    let (mut found, mut syncs) = (Offenders::default(), 0);
    let mut sync = |id: i64, status: &str, document: &str| {
        syncs += 1;
        let rows = rows.remove(&id).unwrap_or_default();
        if let Some(fault) = fault_of_sync(id, status, document, &rows) {
            found.add(format!("syn_{id}: {fault}"));
        }
    };
    evidence.told(SYNCS, ONCE, &mut sync).await?;
    let promise = "a run counts its rows, and is where they are";
    checks.push(found.into_check("syncs", promise, syncs));
    Ok(())
}

fn fault_of_shortfall(missing: &str, document: &str) -> Option<String> {
    let shortfall: Shortfall = match serde_json::from_str(document) {
        Ok(shortfall) => shortfall,
        Err(error) => return Some(error.to_string()),
    };
    let told = shortfall.missing.to_string();
    (shortfall.missing <= 0 || told != missing)
        .then(|| format!("the record has {told} missing, the level {missing}"))
}

fn fault_of_sync(
    id: i64,
    status: &str,
    document: &str,
    rows: &BTreeMap<String, String>,
) -> Option<String> {
    let sync: Sync = match serde_json::from_str(document) {
        Ok(sync) => sync,
        Err(error) => return Some(error.to_string()),
    };
    if sync.id.number() != id || sync.status.as_str() != status {
        return Some(format!("is that of {}, {}", sync.id, sync.status.as_str()));
    }
    let counted = |action: &Action| (action.as_str().to_owned(), sync.count(*action).to_string());
    let has_rows = |action: &&Action| sync.count(**action) > 0;
    let counts: BTreeMap<_, _> = Action::ALL.iter().filter(has_rows).map(counted).collect();
    if sync.rows_kept == RowsKept::All && counts != *rows {
        return Some(format!("counts {counts:?}, and there are {rows:?}"));
    }
    let (waiting, held) = (sync.count(Action::Waiting), sync.count(Action::Held));
    let is_open = sync.ended_at.is_none();
    let is_sound = match sync.status {
        Status::Receiving | Status::Comparing | Status::Applying => is_open,
        Status::Held => is_open && (held > 0 || sync.is_guarded()),
        Status::Applied | Status::Rejected => !is_open && (waiting, held) == (0, 0),
        Status::Reported | Status::Failed => !is_open,
    };
    (!is_sound).then(|| format!("is {status} with {waiting} rows that wait and {held} held"))
}
