//! Locations, figures and the ledger as `/v1` shows them.

use std::borrow::Cow;

use onhand_core::Timestamp;
use onhand_core::catalog::Product;
use onhand_core::inventory::{Level, Location, Movement, MovementKind, StockChange};
use onhand_engine::query::{Explanation, Moment};
use serde::Serialize;
use utoipa::ToSchema;

use super::reservations::ReservationShown;
use super::{Shown, ShownLocation, ShownProduct, values};

/// A place where stock is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Location, example = json!({
    "id": "loc_1", "object": "location", "code": "berlin", "name": "Berlin", "priority": 1,
    "active": true, "version": 1, "created_at": "2026-11-21T05:48:16.120394Z",
    "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct LocationView<'a> {
    /// Its id.
    #[schema(value_type = values::LocationId)]
    id: ShownLocation,
    #[schema(pattern = "^location$")]
    object: &'static str,
    /// The shop's own name for it; never changes.
    #[schema(value_type = values::Name)]
    code: &'a str,
    /// For people.
    #[schema(value_type = values::Name)]
    name: &'a str,
    /// Orders are sourced from the lowest first.
    priority: i64,
    /// Whether stock is sold from here.
    active: bool,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was created.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> LocationView<'a> {
    /// The view of a location.
    pub fn of(row: &'a Location) -> Self {
        Self {
            id: Shown(row.id),
            object: "location",
            code: row.code.as_str(),
            name: row.name.as_str(),
            priority: row.priority,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The figures of one product at one location.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockLevel, example = json!({
    "object": "stock_level", "sku": "TEA-1", "product_id": "prd_7", "location_id": "loc_1",
    "on_hand": 50, "reserved": 2, "safety_stock": 5, "available": 43, "missing": 0,
    "low_stock_threshold": 10, "version": 3, "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct LevelView<'a> {
    #[schema(pattern = "^stock_level$")]
    object: &'static str,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// The product.
    #[schema(value_type = values::ProductId)]
    product_id: ShownProduct,
    /// The location.
    #[schema(value_type = values::LocationId)]
    location_id: ShownLocation,
    /// Units that are physically there. Of the past by `occurred` it may be negative.
    on_hand: i64,
    /// Units that are promised.
    #[schema(value_type = values::Units)]
    reserved: i64,
    /// Units held back from sale.
    #[schema(value_type = values::Units)]
    safety_stock: i64,
    /// Units that can be sold.
    #[schema(value_type = values::Units)]
    available: i64,
    /// Units of `on_hand` that the external warehouse does not have: a shortfall, of which nothing
    /// is sold. `null` of the past.
    #[schema(value_type = Option<values::Units>, required)]
    missing: Option<i64>,
    /// Available units below which the stock counts as low.
    #[schema(value_type = values::Units)]
    low_stock_threshold: i64,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> LevelView<'a> {
    /// The view of a level as it is now.
    pub fn of(sku: &'a str, row: &Level) -> Self {
        Self {
            object: "stock_level",
            sku,
            product_id: Shown(row.product_id),
            location_id: Shown(row.location_id),
            on_hand: row.on_hand,
            reserved: row.reserved,
            safety_stock: row.safety_stock,
            available: row.available(),
            missing: Some(row.missing),
            low_stock_threshold: row.low_stock_threshold,
            version: row.version,
            updated_at: row.updated_at,
        }
    }
}

/// The stock of a product over all its locations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stock, example = json!({
    "object": "stock", "sku": "TEA-1", "product_id": "prd_7", "on_hand": 50, "reserved": 2,
    "safety_stock": 5, "available": 43, "missing": 0, "locations": [{
        "object": "stock_level", "sku": "TEA-1", "product_id": "prd_7", "location_id": "loc_1",
        "on_hand": 50, "reserved": 2, "safety_stock": 5, "available": 43, "missing": 0,
        "low_stock_threshold": 10, "version": 3, "updated_at": "2026-11-21T05:48:16.120394Z"
    }], "as_of": null, "clock": null
}))]
pub struct StockView<'a> {
    #[schema(pattern = "^stock$")]
    object: &'static str,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// The product.
    #[schema(value_type = values::ProductId)]
    product_id: ShownProduct,
    /// Units that are physically there. Of the past by `occurred` it may be negative.
    on_hand: i64,
    /// Units that are promised.
    reserved: i64,
    /// Units held back from sale.
    #[schema(minimum = 0)]
    safety_stock: i64,
    /// Units that can be sold.
    #[schema(minimum = 0)]
    available: i64,
    /// Units of `on_hand` that the external warehouse does not have: a shortfall, of which nothing
    /// is sold. `null` of the past.
    #[schema(required, minimum = 0)]
    missing: Option<i64>,
    /// The same by location.
    locations: Vec<LevelView<'a>>,
    /// The instant that was asked for; `null` for now.
    #[schema(value_type = Option<values::Instant>, required)]
    as_of: Option<Timestamp>,
    /// By which clock: when entries were `recorded`, or when they `occurred`; `null` for now.
    #[schema(value_type = Option<values::LedgerClock>, required)]
    clock: Option<&'static str>,
}

impl<'a> StockView<'a> {
    /// The view of a product's levels.
    pub fn of(product: &'a Product, levels: &[Level], as_of: Option<Moment>) -> Self {
        let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
        let sku = product.sku.as_str();
        // The ledger does not say of the past what was missing.
        let is_now = as_of.is_none();
        let level = |row| {
            let now = LevelView::of(sku, row);
            if is_now { now } else { LevelView { missing: None, ..now } }
        };
        Self {
            object: "stock",
            sku,
            product_id: Shown(product.id),
            on_hand: sum(|level| level.on_hand),
            reserved: sum(|level| level.reserved),
            safety_stock: sum(|level| level.safety_stock),
            available: sum(Level::available),
            missing: is_now.then(|| sum(|level| level.missing)),
            locations: levels.iter().map(level).collect(),
            as_of: as_of.map(|moment| moment.at),
            clock: as_of.map(|moment| moment.clock.as_str()),
        }
    }
}

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Movement, example = json!({
    "object": "movement", "seq": 12, "sku": "TEA-1", "location_id": "loc_1", "kind": "received",
    "reason": "received", "reference": "PO-77", "actor": "local", "delta_on_hand": 50,
    "delta_reserved": 0, "on_hand_after": 50, "reserved_after": 0,
    "occurred_at": "2026-11-21T03:00:00Z", "recorded_at": "2026-11-21T05:48:16.120394Z",
    "cause": 31
}))]
pub struct MovementView<'a> {
    #[schema(pattern = "^movement$")]
    object: &'static str,
    /// Position in the ledger, without gaps.
    #[schema(minimum = 1)]
    seq: i64,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// The location.
    #[schema(value_type = values::LocationId)]
    location_id: ShownLocation,
    /// What it does to the figures.
    #[schema(value_type = values::MovementKind)]
    kind: MovementKind,
    /// Why, in the shop's words.
    #[schema(value_type = values::Reason)]
    reason: &'a str,
    /// What it belongs to.
    #[schema(value_type = Option<values::Reference>, required)]
    reference: Option<&'a str>,
    /// Who asked for it.
    #[schema(value_type = values::Actor)]
    actor: Cow<'a, str>,
    /// Change of the units that are there.
    delta_on_hand: i64,
    /// Change of the units promised.
    delta_reserved: i64,
    /// Units there after it.
    #[schema(value_type = values::Units)]
    on_hand_after: i64,
    /// Units promised after it.
    #[schema(value_type = values::Units)]
    reserved_after: i64,
    /// When it happened.
    #[schema(value_type = values::Instant)]
    occurred_at: Timestamp,
    /// When it was written down.
    #[schema(value_type = values::Instant)]
    recorded_at: Timestamp,
    /// The `seq` of the event of the command that caused it.
    cause: i64,
}

impl<'a> MovementView<'a> {
    /// The view of a movement.
    pub fn of(sku: &'a str, row: &'a Movement) -> Self {
        Self {
            object: "movement",
            seq: row.seq,
            sku,
            location_id: Shown(row.location_id),
            kind: row.kind,
            reason: row.reason.as_str(),
            reference: row.reference.as_ref().map(|reference| reference.as_str()),
            actor: row.actor.stored(),
            delta_on_hand: row.delta_on_hand,
            delta_reserved: row.delta_reserved,
            on_hand_after: row.on_hand_after,
            reserved_after: row.reserved_after,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            cause: row.cause,
        }
    }
}

/// A movement with the level that it left.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockChange)]
pub struct StockChangeView<'a> {
    movement: MovementView<'a>,
    level: LevelView<'a>,
}

/// Movements that were made together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockChanges, example = json!({"object": "stock_changes", "data": [{
    "movement": {
        "object": "movement", "seq": 12, "sku": "TEA-1", "location_id": "loc_1",
        "kind": "received", "reason": "received", "reference": "PO-77", "actor": "local",
        "delta_on_hand": 50, "delta_reserved": 0, "on_hand_after": 50, "reserved_after": 0,
        "occurred_at": "2026-11-21T03:00:00Z", "recorded_at": "2026-11-21T05:48:16.120394Z",
        "cause": 31
    },
    "level": {
        "object": "stock_level", "sku": "TEA-1", "product_id": "prd_7", "location_id": "loc_1",
        "on_hand": 50, "reserved": 0, "safety_stock": 0, "available": 50,
        "missing": 0, "low_stock_threshold": 10, "version": 1,
        "updated_at": "2026-11-21T05:48:16.120394Z"
    }
}]}))]
pub struct StockChangesView<'a> {
    #[schema(pattern = "^stock_changes$")]
    object: &'static str,
    /// In the order in which they were made.
    data: Vec<StockChangeView<'a>>,
}

impl<'a> StockChangesView<'a> {
    /// The view of changes.
    pub fn of(changes: &'a [StockChange]) -> Self {
        let row = |change: &'a StockChange| StockChangeView {
            movement: MovementView::of(change.sku.as_str(), &change.movement),
            level: LevelView::of(change.sku.as_str(), &change.level),
        };
        Self { object: "stock_changes", data: changes.iter().map(row).collect() }
    }
}

/// Units that came from, or went to, one kind of movement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockTerm)]
pub struct TermView {
    /// What moved them.
    #[schema(value_type = values::MovementKind)]
    kind: MovementKind,
    /// How many, with their sign.
    units: i64,
}

/// Why a product's stock is what it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockExplanation, example = json!({
    "object": "stock_explanation", "sku": "TEA-1", "on_hand": 48, "reserved": 2,
    "safety_stock": 5, "available": 41,
    "sentence": "available 41 = on hand 48 (+50 received -2 sold) - 2 reserved - 5 safety stock",
    "on_hand_terms": [{"kind": "received", "units": 50}, {"kind": "sold", "units": -2}],
    "reserved_by": [{
        "id": "res_9", "object": "reservation", "sku": "TEA-1", "product_id": "prd_7",
        "location_id": "loc_1", "quantity": 2, "consumed": 0, "released": 0, "state": "held",
        "order_id": null, "reference": "cart-7", "expires_at": "2026-11-21T05:58:16.120394Z",
        "version": 1, "created_at": "2026-11-21T05:48:16.120394Z",
        "updated_at": "2026-11-21T05:48:16.120394Z"
    }], "as_of": null, "clock": null
}))]
pub struct ExplanationView<'a> {
    #[schema(pattern = "^stock_explanation$")]
    object: &'static str,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// Units that are physically there.
    on_hand: i64,
    /// Units that are promised.
    reserved: i64,
    /// Units held back from sale.
    safety_stock: i64,
    /// Units that can be sold.
    available: i64,
    /// The sum in one sentence.
    sentence: String,
    /// Terms that add up to `on_hand`.
    on_hand_terms: Vec<TermView>,
    /// Who holds what is reserved, newest first; the newest 50. `null` of the past.
    #[schema(required)]
    reserved_by: Option<Vec<ReservationShown<'a>>>,
    /// The instant that was asked for; `null` for now.
    #[schema(value_type = Option<values::Instant>, required)]
    as_of: Option<Timestamp>,
    /// By which clock: when entries were `recorded`, or when they `occurred`; `null` for now.
    #[schema(value_type = Option<values::LedgerClock>, required)]
    clock: Option<&'static str>,
}

impl<'a> ExplanationView<'a> {
    /// The view of an explanation.
    pub fn of(explanation: &'a Explanation, as_of: Option<Moment>) -> Self {
        let Explanation { product, levels, terms, open } = explanation;
        let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
        let (on_hand, reserved) = (sum(|level| level.on_hand), sum(|level| level.reserved));
        let (safety, available) = (sum(|level| level.safety_stock), sum(Level::available));
        let moved: Vec<_> = terms.iter().filter(|term| term.units != 0).collect();
        let words = moved.iter().map(|term| format!("{:+} {}", term.units, term.kind.as_str()));
        let words = words.collect::<Vec<_>>().join(" ");
        let missing = sum(|level| level.missing);
        let lack = if as_of.is_none() && missing > 0 {
            format!(", {missing} of it missing")
        } else {
            String::new()
        };
        let term = |term: &&onhand_engine::query::ExplainTerm| TermView {
            kind: term.kind,
            units: term.units,
        };
        let sku = product.sku.as_str();
        Self {
            object: "stock_explanation",
            sku,
            on_hand,
            reserved,
            safety_stock: safety,
            available,
            sentence: format!(
                "available {available} = on hand {on_hand} ({words}){lack} - {reserved} reserved \
                 - {safety} safety stock"
            ),
            on_hand_terms: moved.iter().map(term).collect(),
            reserved_by: open
                .as_ref()
                .map(|open| open.iter().map(|row| ReservationShown::of(sku, row)).collect()),
            as_of: as_of.map(|moment| moment.at),
            clock: as_of.map(|moment| moment.clock.as_str()),
        }
    }
}
