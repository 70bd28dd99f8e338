//! Cancelling and expiring: the order ends and its stock is free again, exactly once.

use alloc::sync::Arc;

use super::order::Order;
use super::status::Action;
use crate::Version;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::OrderId;
use crate::inventory::{Ending, close_hold, constant_reason};
use crate::payments::{self, Owed, owed};
use crate::text::Reason;

/// Cancels an order nothing of which has left. The rule of who may be cancelled is the table in
/// `status.rs`.
pub(crate) fn cancel(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    reason: Option<&Reason>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    let before = owed(&order);
    order.step(Action::Cancel)?;
    order.failure_reason = Some(reason.cloned().unwrap_or_else(|| constant_reason("cancelled")));
    give_stock_back(draft, &order, Ending::Released)?;
    finish(draft, order, before.as_ref(), "order.cancelled")
}

/// Ends a pending order whose hold has run out, whoever it was whose command found that.
pub(crate) fn expire(draft: &mut Draft<'_>, id: OrderId) -> Result<(), Stop> {
    let mut order = (**draft.any_order(id)?).clone();
    let before = owed(&order);
    order.step(Action::Expire)?;
    order.failure_reason = Some(constant_reason("hold_expired"));
    give_stock_back(draft, &order, Ending::Expired)?;
    finish(draft, order, before.as_ref(), "order.expired").map(|_| ())
}

/// Says what happened to an order, and lets follow what that means for its payment.
pub(crate) fn finish(
    draft: &mut Draft<'_>,
    order: Order,
    before: Option<&Owed>,
    said: &'static str,
) -> Result<Reply, Stop> {
    let order = draft.save_order(order, said)?;
    if order.payment.is_none() {
        return Ok(Reply::Order(order));
    }
    let order = payments::settle(draft, Arc::unwrap_or_clone(order), before)?;
    Ok(Reply::Order(Arc::new(order)))
}

pub(super) fn give_stock_back(
    draft: &mut Draft<'_>,
    order: &Order,
    ending: Ending,
) -> Result<(), Stop> {
    draft.need_rows_of(order)?;
    for allocation in order.lines.iter().flat_map(|line| &line.allocations) {
        let reservation = draft.reservation(allocation.reservation_id)?;
        let open = reservation.open();
        if open > 0 {
            let reservation = close_hold(draft, reservation, open, ending)?;
            draft.save_reservation(reservation);
        }
    }
    Ok(())
}
