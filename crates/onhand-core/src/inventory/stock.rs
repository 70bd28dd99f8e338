//! Rules that change figures on purpose: adjustments, counts, transfers, policies, and the
//! locations they are at. None may leave less on hand than is promised.

use alloc::vec::Vec;

use super::commands::{Adjustment, Count, LevelPolicy, LocationPatch, NewLocation, Transfer};
use super::holds::level_with_room;
use super::level::Level;
use super::location::Location;
use super::movement::{Move, MovementKind, Past, StockChange};
use super::refusal::{Refusal, ShortItem};
use crate::catalog::Product;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{LocationId, ProductId};
use crate::limits::{LOCATIONS_MAX, OCCURRED_AHEAD_SECS_MAX, QUANTITY_MAX};
use crate::text::{Reason, Sku};
use crate::{Timestamp, Version, warehouse};

pub(super) fn create_location(draft: &mut Draft<'_>, new: &NewLocation) -> Result<Reply, Stop> {
    let locations = draft.locations()?;
    if let Some(other) = locations.iter().find(|location| location.code == new.code) {
        let (location_code, location_id) = (new.code.clone(), other.id);
        return Err(Refusal::LocationCodeTaken { location_code, location_id }.into());
    }
    if locations.len() >= LOCATIONS_MAX {
        return Err(Refusal::TooManyLocations { most: LOCATIONS_MAX as u64 }.into());
    }
    let now = draft.now();
    let location = Location {
        id: draft.next_location_id(),
        code: new.code.clone(),
        name: new.name.clone(),
        priority: new.priority,
        active: new.active,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    draft.put_location(location.clone())?;
    draft.emit("location.created", EventBody::Location(location.clone()));
    Ok(Reply::Location(location))
}

pub(super) fn update_location(
    draft: &mut Draft<'_>,
    id: LocationId,
    expected_version: Option<Version>,
    patch: &LocationPatch,
) -> Result<Reply, Stop> {
    let mut location = draft.location(id)?.clone();
    draft.expect_version(expected_version, location.version)?;
    patch.apply(&mut location);
    location.version += 1;
    location.updated_at = draft.now();
    draft.put_location(location.clone())?;
    draft.emit("location.updated", EventBody::Location(location.clone()));
    Ok(Reply::Location(location))
}

pub(super) fn adjust(draft: &mut Draft<'_>, entries: &[Adjustment]) -> Result<Reply, Stop> {
    let mut changes = Vec::with_capacity(entries.len());
    for entry in entries {
        let product = draft.product(&entry.product)?;
        let location_id = target_location(draft, entry.location_id)?;
        check_occurred_at(draft, entry.occurred_at)?;
        let counted_at = counted_since(draft, product.id, location_id, entry.occurred_at)?;
        if counted_at.is_none() {
            // What is sold elsewhere is sold: it leaves what is held back from sale.
            let is_sale = entry.reason.as_str() == "sale";
            let kept = |level: &Level| if is_sale { level.safety_stock } else { 0 };
            let level = level_with_room(draft, &product, location_id, |level| {
                entry.delta >= 0 || level.on_hand + entry.delta >= level.reserved + kept(level)
            })?;
            if entry.delta < 0 && is_sale && level.available() < -entry.delta {
                return Err(short(&product.sku, -entry.delta, level.available()).into());
            }
            check_room(&product.sku, &level, entry.delta)?;
        }
        let kind = match entry.reason.as_str() {
            "received" | "restock" | "production" => MovementKind::Received,
            "return" => MovementKind::Returned,
            _ => MovementKind::Adjusted,
        };
        let change = Move {
            kind,
            reason: entry.reason.clone(),
            reference: entry.reference.clone(),
            delta_on_hand: entry.delta,
            delta_reserved: 0,
            occurred_at: entry.occurred_at,
        };
        changes.extend(record(draft, &product, location_id, change, counted_at)?);
    }
    draft.emit("stock.adjusted", EventBody::Stock(changes.clone()));
    Ok(Reply::Stock(changes))
}

/// Moves stock and says what that did.
fn change_stock(
    draft: &mut Draft<'_>,
    product: &Product,
    location_id: LocationId,
    change: Move,
) -> Result<StockChange, Stop> {
    let movement = draft.move_stock(product, location_id, change)?.clone();
    let level = draft.level(product.id, location_id)?;
    Ok(StockChange { sku: product.sku.clone(), movement, level })
}

pub(super) fn count(draft: &mut Draft<'_>, count: &Count) -> Result<Reply, Stop> {
    let product = draft.product(&count.product)?;
    let location_id = target_location(draft, count.location_id)?;
    check_occurred_at(draft, count.occurred_at)?;
    let level = draft.level(product.id, location_id)?;
    if let Some(seen) = count.change_from_quantity
        && seen != level.on_hand
    {
        return Err(Refusal::ChangeFromQuantityStale {
            sku: product.sku.clone(),
            change_from_quantity: seen,
            on_hand: level.on_hand,
        }
        .into());
    }
    let past = past(draft, product.id, location_id, count.occurred_at)?;
    // What happened between the count and now stays: only the difference found then is written.
    let delta = count.counted - past.on_hand;
    if past.counted_at.is_none() {
        let level = level_with_room(draft, &product, location_id, |level| {
            level.on_hand + delta >= level.reserved
        })?;
        if level.on_hand + delta < level.reserved {
            return Err(Refusal::CountBelowReserved {
                sku: product.sku.clone(),
                counted: level.on_hand + delta,
                reserved: level.reserved,
            }
            .into());
        }
        check_room(&product.sku, &level, delta)?;
        // All that is promised was found.
        warehouse::close(draft, product.id, location_id)?;
    }
    let change = Move {
        kind: MovementKind::Counted,
        reason: count.reason.clone(),
        reference: count.reference.clone(),
        delta_on_hand: delta,
        delta_reserved: 0,
        occurred_at: count.occurred_at,
    };
    let changes = record(draft, &product, location_id, change, past.counted_at)?;
    draft.emit("stock.counted", EventBody::Stock(changes.clone()));
    Ok(Reply::Stock(changes))
}

/// What was on hand at an instant, as the ledger knows by now. Of a level that nothing has changed
/// since, that is known without looking.
pub(crate) fn past(
    draft: &Draft<'_>,
    product_id: ProductId,
    location_id: LocationId,
    at: Option<Timestamp>,
) -> Result<Past, Stop> {
    let level = draft.level(product_id, location_id)?;
    let is_past = |at: &Timestamp| *at < draft.now();
    match at.filter(is_past).filter(|at| !is_unchanged_since(&level, *at)) {
        Some(at) => draft.on_hand_at(product_id, location_id, at),
        None => Ok(Past { on_hand: level.on_hand, counted_at: None }),
    }
}

/// Whether no movement of a level happened after an instant. One may say that it happened a little
/// after it was recorded: the tolerated clock difference.
pub(crate) fn is_unchanged_since(level: &Level, at: Timestamp) -> bool {
    level.version == 0
        || level.updated_at.as_microsecond() + OCCURRED_AHEAD_SECS_MAX * 1_000_000
            <= at.as_microsecond()
}

/// When the first count after an instant was made, if there is one.
fn counted_since(
    draft: &Draft<'_>,
    product_id: ProductId,
    location_id: LocationId,
    at: Option<Timestamp>,
) -> Result<Option<Timestamp>, Stop> {
    Ok(past(draft, product_id, location_id, at)?.counted_at)
}

/// Moves units that moved now, or did in the past. A count that was made after they had moved, and
/// was recorded before this, has found them moved: what it wrote off, or took for found, is written
/// back as of that count, and what is there now stays as it is.
pub(crate) fn record(
    draft: &mut Draft<'_>,
    product: &Product,
    location_id: LocationId,
    change: Move,
    counted_at: Option<Timestamp>,
) -> Result<Vec<StockChange>, Stop> {
    let Some(counted_at) = counted_at.filter(|_| change.delta_on_hand != 0) else {
        return Ok(alloc::vec![change_stock(draft, product, location_id, change)?]);
    };
    let back = Move {
        kind: MovementKind::Counted,
        reason: constant_reason("counted_since"),
        reference: change.reference.clone(),
        delta_on_hand: -change.delta_on_hand,
        delta_reserved: 0,
        occurred_at: Some(counted_at),
    };
    // What comes in first, so that no figure falls below what is promised.
    let (first, second) = if change.delta_on_hand > 0 { (change, back) } else { (back, change) };
    let mut changes = Vec::with_capacity(2);
    for change in [first, second] {
        let movement = draft.post(product, location_id, change)?.clone();
        let level = draft.level(product.id, location_id)?;
        changes.push(StockChange { sku: product.sku.clone(), movement, level });
    }
    Ok(changes)
}

pub(super) fn transfer(draft: &mut Draft<'_>, transfer: &Transfer) -> Result<Reply, Stop> {
    let product = draft.product(&transfer.product)?;
    draft.location(transfer.from)?;
    draft.location(transfer.to)?;
    let units = transfer.quantity.units();
    let source =
        level_with_room(draft, &product, transfer.from, |level| level.available() >= units)?;
    if source.available() < units {
        return Err(short(&product.sku, units, source.available()).into());
    }
    check_room(&product.sku, &draft.level(product.id, transfer.to)?, units)?;
    let reason = constant_reason("transfer");
    let mut changes = Vec::with_capacity(2);
    for (location_id, delta_on_hand) in [(transfer.from, -units), (transfer.to, units)] {
        let change = Move {
            kind: MovementKind::Transferred,
            reason: reason.clone(),
            reference: transfer.reference.clone(),
            delta_on_hand,
            delta_reserved: 0,
            occurred_at: None,
        };
        changes.push(change_stock(draft, &product, location_id, change)?);
    }
    draft.emit("stock.transferred", EventBody::Stock(changes.clone()));
    Ok(Reply::Stock(changes))
}

pub(super) fn set_level_policy(draft: &mut Draft<'_>, policy: &LevelPolicy) -> Result<Reply, Stop> {
    let product = draft.product(&policy.product)?;
    let location_id = target_location(draft, policy.location_id)?;
    let mut level = draft.level(product.id, location_id)?;
    draft.expect_version(policy.expected_version, level.version)?;
    let before = level.clone();
    if let Some(safety_stock) = policy.safety_stock {
        level.safety_stock = safety_stock;
    }
    if let Some(threshold) = policy.low_stock_threshold {
        level.low_stock_threshold = threshold;
    }
    level.version += 1;
    level.updated_at = draft.now();
    draft.put_level(level.clone())?;
    draft.emit(
        "stock.policy_changed",
        EventBody::Level { sku: product.sku.clone(), level: level.clone() },
    );
    draft.alert_if_low(&product.sku, &before, &level);
    Ok(Reply::Level { sku: product.sku.clone(), level })
}

/// The location that is named, or the first active one by priority.
pub(crate) fn target_location(
    draft: &Draft<'_>,
    named: Option<LocationId>,
) -> Result<LocationId, Stop> {
    if let Some(id) = named {
        return Ok(draft.location(id)?.id);
    }
    let first = draft.locations()?.iter().find(|location| location.active);
    first.map(|location| location.id).ok_or_else(|| Refusal::NoLocation.into())
}

pub(crate) fn check_occurred_at(
    draft: &Draft<'_>,
    occurred_at: Option<Timestamp>,
) -> Result<(), Stop> {
    let now = draft.now();
    match occurred_at {
        Some(at) if at.as_second() > now.as_second() + OCCURRED_AHEAD_SECS_MAX => {
            Err(Refusal::OccurredInFuture { occurred_at: at, now }.into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether the level stays between what is promised and the largest quantity.
pub(crate) fn check_room(sku: &Sku, level: &Level, delta: i64) -> Result<(), Stop> {
    if delta < 0 && level.on_hand + delta < level.reserved {
        return Err(short(sku, -delta, level.unreserved()).into());
    }
    if level.on_hand + delta > QUANTITY_MAX {
        return Err(Refusal::QuantityTooLarge { sku: sku.clone(), most: QUANTITY_MAX }.into());
    }
    Ok(())
}

fn short(sku: &Sku, requested: i64, available: i64) -> Refusal {
    Refusal::InsufficientStock {
        items: alloc::vec![ShortItem { sku: sku.clone(), requested, available }],
    }
}

/// A reason that the rules themselves give.
///
/// # Panics
/// When the text is not a lawful reason: a mistake in this crate.
pub(crate) fn constant_reason(reason: &'static str) -> Reason {
    match Reason::new(reason) {
        Ok(reason) => reason,
        Err(error) => panic!("constant reason: {error}"),
    }
}
