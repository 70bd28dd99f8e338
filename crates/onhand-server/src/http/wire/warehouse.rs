//! Runs against the external warehouse as `/v1` shows them: what it said, what we had, and what
//! came of each row; and what is promised and not there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use onhand_core::Timestamp;
use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::warehouse::{Action, Guard, Mode, Policy, Shortfall, ShortfallPolicy, Status};
use onhand_core::warehouse::{Sync, SyncRow, Trigger};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Shown, values};

/// A run: one answer of the warehouse, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarehouseSync, example = sync_example)]
pub struct SyncView<'a> {
    /// Its id.
    #[schema(value_type = values::SyncId)]
    id: Shown<SyncId>,
    #[schema(pattern = "^warehouse_sync$")]
    object: &'static str,
    /// Where it is.
    #[schema(value_type = values::SyncStatus)]
    status: Status,
    /// What made it begin.
    #[schema(value_type = values::SyncTrigger)]
    trigger: Trigger,
    /// Who asked for it.
    #[schema(value_type = values::Actor)]
    begun_by: Cow<'a, str>,
    /// Who was asked.
    #[schema(value_type = Option<values::Text>, required)]
    source: Option<&'a str>,
    /// Whether it only tells the differences.
    dry_run: bool,
    /// What it may do.
    policy: PolicyView,
    /// Where rows are that do not say so.
    #[schema(value_type = values::LocationId)]
    location_id: Shown<LocationId>,
    /// How many rows were received.
    rows_received: u32,
    /// How many rows there are of each action, those included that the answer does not name.
    actions: BTreeMap<&'static str, u64>,
    /// Sum of all differences, in units, each without its sign.
    #[schema(minimum = 0)]
    drift_units: u64,
    /// Why all of it is, or was, held.
    #[schema(required)]
    guard: Option<GuardView>,
    /// Who has last decided about all that was held.
    #[schema(value_type = Option<values::Actor>, required)]
    decided_by: Option<Cow<'a, str>>,
    /// What came of it, for people; of one that failed, why.
    #[schema(value_type = Option<values::Text>, required)]
    outcome: Option<&'a str>,
    /// Its rows; only where the run itself is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<SyncRowsView<'a>>,
    /// How often it was changed.
    #[schema(minimum = 1)]
    version: u64,
    /// When it began.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When nothing was left to do, for anybody.
    #[schema(value_type = Option<values::Instant>, required)]
    ended_at: Option<Timestamp>,
}

fn sync_example() -> serde_json::Value {
    json!({
        "id": "syn_7", "object": "warehouse_sync", "status": "held", "trigger": "schedule",
        "begun_by": "system", "source": "https://warehouse.example.com", "dry_run": false,
        "policy": policy_example(), "location_id": "loc_1", "rows_received": 1200,
        "actions": {"counted": 41, "held": 1, "unchanged": 1158}, "drift_units": 97,
        "guard": null, "decided_by": null, "outcome": "1158 unchanged, 41 counted, 1 held",
        "version": 19, "created_at": "2026-11-22T02:00:00Z", "ended_at": null
    })
}

/// What a run may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarehousePolicy, example = policy_example)]
pub struct PolicyView {
    /// Who is believed.
    #[schema(value_type = values::SyncMode)]
    mode: Mode,
    /// A row that differs by more units than this is held.
    #[schema(value_type = Option<values::Units>, required)]
    hold_units: Option<i64>,
    /// A row that differs by more per cent of our figure than this is held.
    #[schema(required)]
    hold_percent: Option<u32>,
    /// A run that would empty at least so many per cent of what it names and we have is held whole.
    guard_percent: u32,
    /// What is done where the warehouse has less than is promised.
    #[schema(value_type = values::ShortfallPolicy)]
    shortfall: ShortfallPolicy,
}

fn policy_example() -> serde_json::Value {
    json!({"mode": "warehouse_wins", "hold_units": 500, "hold_percent": null,
        "guard_percent": 50, "shortfall": "report"})
}

/// Why a whole run is held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarehouseGuard, example = json!({"emptied": 990, "stocked": 1000,
    "is_approved": null}))]
pub struct GuardView {
    /// Rows of which we have stock and the warehouse has none.
    #[schema(minimum = 0)]
    emptied: u64,
    /// Rows of which we have stock.
    #[schema(minimum = 0)]
    stocked: u64,
    /// What an operator said; nothing yet when null.
    #[schema(required)]
    is_approved: Option<bool>,
}

impl PolicyView {
    fn of(policy: &Policy) -> Self {
        let Policy { mode, hold_units, hold_percent, guard_percent, shortfall, .. } = *policy;
        Self { mode, hold_units, hold_percent, guard_percent, shortfall }
    }
}

impl<'a> SyncView<'a> {
    /// The view of a run.
    pub fn of(row: &'a Sync) -> Self {
        let guard = |guard: &Guard| GuardView {
            emptied: guard.emptied,
            stocked: guard.stocked,
            is_approved: guard.is_approved,
        };
        let actions = row.counts.iter().filter(|(_, rows)| **rows > 0);
        Self {
            id: Shown(row.id),
            object: "warehouse_sync",
            status: row.status,
            trigger: row.trigger,
            begun_by: row.begun_by.stored(),
            source: row.source.as_ref().map(|text| text.as_str()),
            dry_run: row.dry_run,
            policy: PolicyView::of(&row.policy),
            location_id: Shown(row.location_id),
            rows_received: row.rows,
            actions: actions.map(|(action, rows)| (action.as_str(), *rows)).collect(),
            drift_units: row.drift_units,
            guard: row.guard.as_ref().map(guard),
            decided_by: row.decided_by.as_ref().map(|actor| actor.stored()),
            outcome: row.outcome.as_ref().map(|text| text.as_str()),
            rows: None,
            version: row.version,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }

    /// The same, with some of its rows, and the number after which there are more.
    #[must_use]
    pub fn with_rows(self, rows: &'a [SyncRow], next: Option<i64>) -> Self {
        let data = rows.iter().map(SyncRowView::of).collect();
        let has_more = next.is_some();
        let rows = SyncRowsView { object: "list", has_more, next_after: next, data };
        Self { rows: Some(rows), ..self }
    }
}

/// Some rows of a run, in the order of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarehouseSyncRows, example = rows_example)]
pub struct SyncRowsView<'a> {
    #[schema(pattern = "^list$")]
    object: &'static str,
    /// Whether there are more.
    has_more: bool,
    /// What to send as `after` for the next ones.
    #[schema(required, minimum = 1)]
    next_after: Option<i64>,
    /// The rows.
    data: Vec<SyncRowView<'a>>,
}

fn rows_example() -> serde_json::Value {
    json!({"object": "list", "has_more": false, "next_after": null, "data": [row_example()]})
}

/// A row of a run: what the warehouse said of one product, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarehouseSyncRow, example = row_example)]
pub struct SyncRowView<'a> {
    #[schema(pattern = "^warehouse_sync_row$")]
    object: &'static str,
    /// Its number in the answer; behind the last one for what the answer does not name.
    #[schema(minimum = 1)]
    row: u32,
    /// What names the product, as it was sent.
    #[schema(value_type = values::Reference)]
    sent: &'a str,
    /// The product, if it is known.
    #[schema(value_type = Option<values::ProductId>, required)]
    product_id: Option<Shown<ProductId>>,
    /// Its SKU.
    #[schema(value_type = Option<values::Sku>, required)]
    sku: Option<&'a str>,
    /// Where.
    #[schema(value_type = Option<values::LocationId>, required)]
    location_id: Option<Shown<LocationId>>,
    /// When the warehouse's figure was true.
    #[schema(value_type = values::Instant)]
    as_of: Timestamp,
    /// Units that were there then, as the ledger says.
    #[schema(required)]
    ours: Option<i64>,
    /// Units that were there then, as the warehouse says.
    #[schema(required)]
    theirs: Option<i64>,
    /// What the warehouse has more, or, negative, less.
    #[schema(required)]
    difference: Option<i64>,
    /// Units that were promised when they were compared.
    #[schema(value_type = Option<values::Units>, required)]
    reserved: Option<i64>,
    /// Units that are promised and were found to be missing.
    #[schema(value_type = Option<values::Units>, required)]
    missing: Option<i64>,
    /// What came of it.
    #[schema(value_type = values::SyncAction)]
    action: Action,
    /// Why, where that does not say it.
    #[schema(value_type = Option<values::Text>, required)]
    reason: Option<&'a str>,
    /// The entry of the ledger that it left.
    #[schema(required)]
    movement: Option<i64>,
    /// Who has approved or rejected it.
    #[schema(value_type = Option<values::Actor>, required)]
    decided_by: Option<Cow<'a, str>>,
    /// When.
    #[schema(value_type = Option<values::Instant>, required)]
    decided_at: Option<Timestamp>,
}

fn row_example() -> serde_json::Value {
    json!({
        "object": "warehouse_sync_row", "row": 17, "sent": "TEA-1", "product_id": "prd_7",
        "sku": "TEA-1", "location_id": "loc_1", "as_of": "2026-11-22T02:00:00Z", "ours": 48,
        "theirs": 0, "difference": -48, "reserved": 2, "missing": null, "action": "held",
        "reason": null, "movement": null, "decided_by": null, "decided_at": null
    })
}

impl<'a> SyncRowView<'a> {
    /// The view of a row.
    pub fn of(row: &'a SyncRow) -> Self {
        Self {
            object: "warehouse_sync_row",
            row: row.row,
            sent: row.sent.as_str(),
            product_id: row.product_id.map(Shown),
            sku: row.sku.as_ref().map(|sku| sku.as_str()),
            location_id: row.location_id.map(Shown),
            as_of: row.as_of,
            ours: row.ours,
            theirs: row.theirs,
            difference: row.difference(),
            reserved: row.reserved,
            missing: row.missing,
            action: row.action,
            reason: row.reason.as_ref().map(|text| text.as_str()),
            movement: row.movement,
            decided_by: row.decided_by.as_ref().map(|actor| actor.stored()),
            decided_at: row.decided_at,
        }
    }
}

/// Units of a product that are promised and, as the warehouse says, not there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shortfall, example = shortfall_example)]
pub struct ShortfallView<'a> {
    #[schema(pattern = "^shortfall$")]
    object: &'static str,
    /// The product.
    #[schema(value_type = values::ProductId)]
    product_id: Shown<ProductId>,
    /// Its SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// Where.
    #[schema(value_type = values::LocationId)]
    location_id: Shown<LocationId>,
    /// How many; 0 in the event that says that nothing is missing any more.
    #[schema(value_type = values::Units)]
    missing: i64,
    /// The run that found it last.
    #[schema(value_type = values::SyncId)]
    sync_id: Shown<SyncId>,
    /// The row of it.
    #[schema(minimum = 1)]
    row: u32,
    /// When they were first found to be missing.
    #[schema(value_type = values::Instant)]
    since: Timestamp,
    /// When the figure was true that says so now.
    #[schema(value_type = values::Instant)]
    as_of: Timestamp,
}

fn shortfall_example() -> serde_json::Value {
    json!({"object": "shortfall", "product_id": "prd_7", "sku": "TEA-1", "location_id": "loc_1",
        "missing": 2, "sync_id": "syn_7", "row": 17, "since": "2026-11-22T01:00:00Z",
        "as_of": "2026-11-22T02:00:00Z"})
}

impl<'a> ShortfallView<'a> {
    /// The view of a shortfall.
    pub fn of(row: &'a Shortfall) -> Self {
        Self {
            object: "shortfall",
            product_id: Shown(row.product_id),
            sku: row.sku.as_str(),
            location_id: Shown(row.location_id),
            missing: row.missing,
            sync_id: Shown(row.sync_id),
            row: row.row,
            since: row.since,
            as_of: row.as_of,
        }
    }
}

/// How things stand with the warehouse.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Warehouse, example = json!({
    "object": "warehouse", "is_configured": true, "source": "https://warehouse.example.com",
    "due_at": "2026-11-22T03:00:00Z", "answered_at": "2026-11-22T02:00:00Z", "age_s": 1740,
    "newest": sync_example()
}))]
pub struct WarehouseView<'a> {
    #[schema(pattern = "^warehouse$")]
    pub(crate) object: &'static str,
    /// Whether this server knows where it is.
    pub(crate) is_configured: bool,
    /// Where it is asked.
    #[schema(value_type = Option<values::Text>, required)]
    pub(crate) source: Option<&'a str>,
    /// When it is asked next by itself.
    #[schema(value_type = Option<values::Instant>, required)]
    pub(crate) due_at: Option<Timestamp>,
    /// When the newest run began whose answer could be used; what we have is as old as that.
    #[schema(value_type = Option<values::Instant>, required)]
    pub(crate) answered_at: Option<Timestamp>,
    /// Seconds since then.
    #[schema(required, minimum = 0)]
    pub(crate) age_s: Option<i64>,
    /// The newest run, whatever came of it.
    #[schema(required)]
    pub(crate) newest: Option<SyncView<'a>>,
}
