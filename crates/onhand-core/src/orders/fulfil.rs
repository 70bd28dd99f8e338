//! Fulfilling, in parts or as a whole: promised units leave their locations. Delivering: they
//! arrived.

use super::LineQuantity;
use super::order::{Fulfilment, FulfilmentLine, Order, Tracking};
use super::refusal::Refusal;
use super::status::Action;
use crate::Version;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::OrderId;
use crate::inventory::{Ending, close_hold};
use crate::limits::FULFILMENTS_MAX;

pub(super) fn fulfil(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    lines: Option<&[LineQuantity]>,
    tracking: Option<&Tracking>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    order.after(Action::FulfilPartly)?;
    let leaving = order.parts(lines, |line| line.quantity - line.fulfilled)?;
    for part in &leaving {
        order.line_mut(part.line)?.fulfilled += part.quantity;
    }
    let complete = order.lines.iter().all(|line| line.fulfilled == line.quantity);
    order.step(if complete { Action::Fulfil } else { Action::FulfilPartly })?;
    if order.fulfilments.len() >= FULFILMENTS_MAX {
        return Err(Refusal::TooManyFulfilments { most: FULFILMENTS_MAX as u64 }.into());
    }
    draft.need_rows_of(&order)?;
    for part in &leaving {
        take_from_locations(draft, &mut order, part)?;
    }
    let number = u32::try_from(order.fulfilments.len() + 1).unwrap_or(u32::MAX);
    let fulfilled_at = draft.now();
    let tracking = tracking.cloned();
    order.fulfilments.push(Fulfilment { number, lines: leaving, tracking, fulfilled_at });
    let event = if complete { "order.fulfilled" } else { "order.partially_fulfilled" };
    draft.save_order(order, event).map(Reply::Order)
}

pub(super) fn deliver(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    order.step(Action::Deliver)?;
    draft.save_order(order, "order.delivered").map(Reply::Order)
}

/// Takes units of a line out of its locations, in the order in which they were allocated.
fn take_from_locations(
    draft: &mut Draft<'_>,
    order: &mut Order,
    part: &FulfilmentLine,
) -> Result<(), Stop> {
    let mut left = part.quantity;
    for allocation in order.line_mut(part.line)?.allocations.clone() {
        let reservation = draft.reservation(allocation.reservation_id)?;
        let units = reservation.open().min(left);
        if units > 0 {
            let reservation = close_hold(draft, reservation, units, Ending::Consumed)?;
            draft.save_reservation(reservation);
            left -= units;
        }
    }
    assert!(left == 0, "a line's allocations cover what is left of it");
    Ok(())
}
