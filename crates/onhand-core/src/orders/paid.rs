//! What a payment does to its order: it is confirmed, its stock is held longer, it lives again
//! after its end, or it fails for good.

use alloc::vec::Vec;

use super::cancel::give_stock_back;
use super::order::{Allocation, Order};
use super::status::Action;
use crate::command::Stop;
use crate::draft::Draft;
use crate::inventory::{Ending, Hold, constant_reason, hold_stock};
use crate::{Quantity, Timestamp};

/// A pending order is paid. Its hold may have run out: as long as nobody else has taken the stock,
/// whoever pays gets it.
pub(crate) fn settle_paid(draft: &mut Draft<'_>, order: &mut Order) -> Result<(), Stop> {
    order.step(Action::Confirm)?;
    order.expires_at = None;
    set_end_of_holds(draft, order, None)
}

/// Holds the stock of a pending order at least so long; says whether that is longer than before.
pub(crate) fn hold_until(
    draft: &mut Draft<'_>,
    order: &mut Order,
    until: Timestamp,
) -> Result<bool, Stop> {
    if !order.has_lines() || order.expires_at.is_some_and(|at| at >= until) {
        return Ok(false);
    }
    order.expires_at = Some(until);
    set_end_of_holds(draft, order, Some(until))?;
    Ok(true)
}

pub(super) fn set_end_of_holds(
    draft: &mut Draft<'_>,
    order: &Order,
    end: Option<Timestamp>,
) -> Result<(), Stop> {
    draft.need_rows_of(order)?;
    for allocation in order.lines.iter().flat_map(|line| &line.allocations) {
        let mut reservation = draft.reservation(allocation.reservation_id)?;
        reservation.expires_at = end;
        draft.save_reservation(reservation);
    }
    Ok(())
}

/// An order that had expired was paid after all: its stock is held again, as if it were bought now,
/// at the price at which it was bought.
pub(crate) fn revive(draft: &mut Draft<'_>, order: &mut Order) -> Result<(), Stop> {
    order.step(Action::Revive)?;
    draft.need_rows_of(order)?;
    let mut demands = Vec::with_capacity(order.lines.len());
    for line in &order.lines {
        let product = draft.product_row(line.product_id)?;
        let quantity = Quantity::new(line.quantity)
            .ok_or_else(|| super::Refusal::NothingLeft { status: order.status })?;
        demands.push((product, quantity, None));
    }
    let hold = Hold { order_id: Some(order.id), reference: None, expires_at: None };
    let held = hold_stock(draft, &demands, &hold)?;
    for (line, held) in order.lines.iter_mut().zip(held) {
        let held = held.iter().map(|(reservation, pick)| Allocation::of(reservation, pick));
        line.allocations = held.collect();
    }
    (order.expires_at, order.failure_reason) = (None, None);
    Ok(())
}

/// A pending order cannot be paid at all: it ends, and its stock is free again.
pub(crate) fn fail(draft: &mut Draft<'_>, order: &mut Order) -> Result<(), Stop> {
    order.step(Action::Cancel)?;
    order.failure_reason = Some(constant_reason("payment_failed"));
    give_stock_back(draft, order, Ending::Released)
}
