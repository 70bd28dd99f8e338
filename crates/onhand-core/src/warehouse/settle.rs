//! Settling rows: the warehouse's figure becomes a count, netted with what has happened since, and
//! never takes what is promised.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::shortfall::{self, Shortfall};
use super::{Action, ShortfallPolicy, Status, Sync, SyncRow};
use crate::Needs;
use crate::actor::Actor;
use crate::catalog::{Product, ProductRef};
use crate::command::Stop;
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{LocationId, OrderId};
use crate::inventory::{
    Move, MovementKind, StockChange, constant_reason, is_unchanged_since, level_with_room, past,
    record,
};
use crate::limits::{QUANTITY_MAX, SHORTFALL_ORDERS_MAX};
use crate::orders::{self, Action as OrderAction, Order};
use crate::text::constant_text;

/// What is to become of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are counted; what differs by too much by now is held.
    Counted,
    /// They are counted, however much they differ.
    Approved,
    /// As before, by whoever names the rows in this command.
    ApprovedByName,
    /// They are put aside.
    Rejected,
}

/// What one settled row leaves.
struct Gap {
    product: Arc<Product>,
    shortfall: Shortfall,
    /// Units that were known to be missing before.
    before: i64,
}

/// Settles rows, in their order, and notes how far the run has come. At most
/// [`SHORTFALL_ORDERS_MAX`] orders are dealt with because units are missing: those still stay
/// missing, nothing of them can be sold, and the next run goes on.
pub(super) fn settle_rows(
    draft: &mut Draft<'_>,
    sync: &mut Sync,
    rows: Vec<SyncRow>,
    verdict: Verdict,
) -> Result<(), Stop> {
    let decider = match verdict {
        Verdict::Counted => None,
        Verdict::Approved => sync.decided_by.clone(),
        Verdict::ApprovedByName => Some(draft.actor().clone()),
        Verdict::Rejected if sync.status == Status::Held => Some(draft.actor().clone()),
        Verdict::Rejected => sync.decided_by.clone(),
    };
    if verdict == Verdict::Rejected {
        for mut row in rows {
            sync.note(Some(row.action), Action::Rejected);
            sync.applied_to = row.row;
            row.action = Action::Rejected;
            decided(draft, &mut row, decider.clone());
            draft.save_sync_row(row);
        }
        return Ok(());
    }
    need_past(draft, &rows)?;
    let (mut changes, mut gaps) = (Vec::new(), Vec::new());
    for mut row in rows {
        let before = row.action;
        let gap = settle(draft, sync, &mut row, verdict, &mut changes)?;
        sync.note(Some(before), row.action);
        sync.applied_to = row.row;
        if row.action != Action::Held {
            decided(draft, &mut row, decider.clone());
        }
        draft.save_sync_row(row);
        gaps.extend(gap);
    }
    if !changes.is_empty() {
        draft.emit("stock.counted", EventBody::Stock(changes));
    }
    let mut orders_left = SHORTFALL_ORDERS_MAX;
    for gap in gaps {
        sync.note_missing(gap.shortfall.missing - gap.before);
        draft.emit("stock.shortfall", EventBody::Shortfall(gap.shortfall.clone()));
        follow(draft, sync.policy.shortfall, &gap, &mut orders_left)?;
    }
    Ok(())
}

fn decided(draft: &Draft<'_>, row: &mut SyncRow, decider: Option<Actor>) {
    if let Some(decider) = decider {
        (row.decided_by, row.decided_at) = (Some(decider), Some(draft.now()));
    }
}

/// Names at once what settling the rows will look at.
fn need_past(draft: &Draft<'_>, rows: &[SyncRow]) -> Result<(), Stop> {
    draft.need_with(|needs| {
        needs.products.extend(rows.iter().filter_map(|row| row.product_id));
        needs.locations = true;
    })?;
    let mut needs = Needs::default();
    for row in rows {
        let Some((product_id, location_id)) = row.place() else { continue };
        let level = draft.level(product_id, location_id)?;
        if row.as_of < draft.now() && !is_unchanged_since(&level, row.as_of) {
            needs.on_hand_at.insert((product_id, location_id, row.as_of));
        }
        if level.missing > 0 {
            needs.warehouse.shortfalls.insert((product_id, location_id));
        }
    }
    draft.need(needs)
}

fn settle(
    draft: &mut Draft<'_>,
    sync: &Sync,
    row: &mut SyncRow,
    verdict: Verdict,
    changes: &mut Vec<StockChange>,
) -> Result<Option<Gap>, Stop> {
    let (Some((product_id, location_id)), Some(theirs)) = (row.place(), row.theirs) else {
        row.action = Action::Invalid;
        return Ok(None);
    };
    let Some(product) = draft.find_product(&ProductRef::Id(product_id))? else {
        row.action = Action::UnknownProduct;
        return Ok(None);
    };
    let past = past(draft, product_id, location_id, Some(row.as_of))?;
    let level = draft.level(product_id, location_id)?;
    let difference = theirs - past.on_hand;
    (row.ours, row.reserved) = (Some(past.on_hand), Some(level.reserved));
    if difference == 0 && (level.missing == 0 || past.counted_at.is_some()) {
        row.action = Action::Unchanged;
        return Ok(None);
    }
    // That units are missing was believed already: it is not held once more.
    let known = past.on_hand - level.missing;
    if verdict == Verdict::Counted && sync.policy.holds(known, theirs) {
        row.action = Action::Held;
        return Ok(None);
    }
    let counted = match verdict {
        Verdict::Counted => Action::Counted,
        Verdict::Approved | Verdict::ApprovedByName | Verdict::Rejected => Action::Approved,
    };
    if past.counted_at.is_some() {
        // Only the past changes: a newer count says what is there now.
        row.reason = Some(constant_text("a newer count stands"));
        let change = movement(row, difference);
        let moved = record(draft, &product, location_id, change, past.counted_at)?;
        (row.action, row.movement) = (counted, own(row, &moved));
        changes.extend(moved);
        return Ok(None);
    }
    count(draft, row, &product, (difference, counted), changes)
}

/// Counts a figure that nothing newer speaks against.
fn count(
    draft: &mut Draft<'_>,
    row: &mut SyncRow,
    product: &Arc<Product>,
    (difference, counted): (i64, Action),
    changes: &mut Vec<StockChange>,
) -> Result<Option<Gap>, Stop> {
    let Some((_, location_id)) = row.place() else { return Ok(None) };
    let before = shortfall::close(draft, product.id, location_id)?;
    let level = level_with_room(draft, product, location_id, |level| {
        level.on_hand + difference >= level.reserved
    })?;
    row.reserved = Some(level.reserved);
    let netted = level.on_hand + difference;
    if netted > QUANTITY_MAX {
        row.action = Action::Invalid;
        row.reason = Some(constant_text("no shelf can have so many units"));
        return Ok(None);
    }
    let missing = (level.reserved - netted).max(0);
    let change = movement(row, netted.max(level.reserved) - level.on_hand);
    let moved = record(draft, product, location_id, change, None)?;
    row.movement = own(row, &moved);
    changes.extend(moved);
    if missing == 0 {
        row.action = counted;
        return Ok(None);
    }
    (row.action, row.missing) = (Action::Shortfall, Some(missing));
    let known = before.as_ref().map_or(0, |before| before.missing);
    let shortfall = shortfall::open(draft, row, product, location_id, (missing, before.as_ref()))?;
    Ok(Some(Gap { product: product.clone(), shortfall, before: known }))
}

fn movement(row: &SyncRow, delta_on_hand: i64) -> Move {
    Move {
        kind: MovementKind::Counted,
        reason: constant_reason("warehouse_sync"),
        reference: shortfall::reference(row.sync_id, row.row),
        delta_on_hand,
        delta_reserved: 0,
        occurred_at: Some(row.as_of),
    }
}

/// Of what was moved for a row, the entry that is its own.
fn own(row: &SyncRow, moved: &[StockChange]) -> Option<i64> {
    let mut moved = moved.iter().map(|change| &change.movement);
    moved.find(|movement| movement.occurred_at == row.as_of).map(|movement| movement.seq)
}

/// What follows for the orders that hold what is missing, the newest first. What is left after so
/// many orders is left for the next run.
fn follow(
    draft: &mut Draft<'_>,
    policy: ShortfallPolicy,
    gap: &Gap,
    orders_left: &mut usize,
) -> Result<(), Stop> {
    match policy {
        ShortfallPolicy::Report => Ok(()),
        ShortfallPolicy::Backorder => tell_to_wait(draft, gap, orders_left),
        ShortfallPolicy::CancelNewest => cancel_newest(draft, gap, orders_left),
    }
}

/// Orders that were told already, because units were missing before, are not told again.
fn tell_to_wait(draft: &mut Draft<'_>, gap: &Gap, orders_left: &mut usize) -> Result<(), Stop> {
    let (missing, location_id) = (gap.shortfall.missing, gap.shortfall.location_id);
    let mut uncovered = 0;
    for order_id in held_by(draft, gap)? {
        if uncovered >= missing || *orders_left == 0 {
            break;
        }
        let order = draft.any_order(order_id)?.clone();
        let held = held_units(draft, &order, &gap.product, location_id)?;
        if held > 0 && uncovered >= gap.before {
            *orders_left -= 1;
            draft.save_order(Arc::unwrap_or_clone(order), "order.backordered")?;
        }
        uncovered += held;
    }
    Ok(())
}

fn cancel_newest(draft: &mut Draft<'_>, gap: &Gap, orders_left: &mut usize) -> Result<(), Stop> {
    let location_id = gap.shortfall.location_id;
    for order_id in held_by(draft, gap)? {
        // What is given back fills the gap.
        if draft.level(gap.product.id, location_id)?.missing == 0 || *orders_left == 0 {
            break;
        }
        let order = draft.any_order(order_id)?.clone();
        let held = held_units(draft, &order, &gap.product, location_id)?;
        if held > 0 && order.after(OrderAction::Cancel).is_ok() {
            *orders_left -= 1;
            let reason = constant_reason("shortfall");
            orders::cancel(draft, order_id, None, Some(&reason))?;
        }
    }
    Ok(())
}

/// The orders that may hold what is missing, with their rows at hand.
fn held_by(draft: &Draft<'_>, gap: &Gap) -> Result<Vec<OrderId>, Stop> {
    let orders = draft.holders(gap.product.id, gap.shortfall.location_id)?;
    draft.need_with(|needs| {
        needs.orders.extend(orders.iter().copied());
        needs.effects.extend(orders.iter().copied());
    })?;
    let mut needs = Needs::default();
    for order_id in &orders {
        for line in &draft.any_order(*order_id)?.lines {
            needs.products.insert(line.product_id);
            let parts = line.allocations.iter();
            needs.reservations.extend(parts.map(|part| part.reservation_id));
        }
    }
    draft.need(needs)?;
    Ok(orders)
}

/// Units of a product that an order still holds at a location.
fn held_units(
    draft: &Draft<'_>,
    order: &Order,
    product: &Product,
    location_id: LocationId,
) -> Result<i64, Stop> {
    let mut held = 0;
    for line in order.lines.iter().filter(|line| line.product_id == product.id) {
        for part in line.allocations.iter().filter(|part| part.location_id == location_id) {
            held += draft.reservation(part.reservation_id)?.open();
        }
    }
    Ok(held)
}
