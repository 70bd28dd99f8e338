//! What people ask of a payment: to begin it, to take what is set aside or let it go, to give money
//! back, and to look once more how things stand.

use alloc::vec::Vec;

use super::owed::owed;
use super::payment::{AttemptState, Capture, Payment, Provider, RefundCause};
use super::refusal::Refusal;
use super::saga::owe_refund;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{OrderId, PaymentId};
use crate::limits::PAYMENT_REFUNDS_MAX;
use crate::orders::{Order, Status, finish};
use crate::text::{GatewayId, Reason};
use crate::{Money, Version};
use alloc::sync::Arc;

/// Begins the payment of an order that waits for one.
pub(super) fn start(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    provider: Provider,
    capture: Capture,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    let before = owed(&order);
    if order.is_paid() {
        return Err(Refusal::AlreadyPaid { payment_id: PaymentId::of_order(id) }.into());
    }
    if order.status != Status::Pending {
        return Err(Refusal::NotPayable { status: order.status }.into());
    }
    if let Some(payment) = &order.payment {
        let (payment_id, status) = (PaymentId::of_order(id), payment.status(&order));
        return Err(Refusal::PaymentExists { payment_id, status }.into());
    }
    order.payment = Some(Payment::new(provider, capture));
    finish(draft, order, before.as_ref(), "payment.started")
}

/// Takes what is set aside.
pub(super) fn capture(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    amount: Option<Money>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    let before = owed(&order);
    let set_aside = set_aside(&order)?;
    if let Some(amount) = amount {
        expect_currency(&order, amount)?;
        if amount.amount != set_aside {
            let (requested, authorized) = (amount.amount, set_aside);
            return Err(Refusal::CaptureAmountMismatch { requested, authorized }.into());
        }
    }
    payment_mut(&mut order)?.capture_asked = true;
    finish(draft, order, before.as_ref(), "payment.capture_asked")
}

/// Lets go of what is set aside, by ending the order: what nobody pays is not sold.
pub(super) fn void(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    reason: Option<&Reason>,
) -> Result<Reply, Stop> {
    let order = draft.order_at(id, expected_version)?;
    set_aside(&order)?;
    crate::orders::cancel(draft, id, None, reason)
}

/// Gives money back: so much, or all that is left. The newest attempt's goes first.
pub(super) fn refund(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    amount: Option<Money>,
    reason: Option<&Reason>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    let (before, currency, now) = (owed(&order), order.currency, draft.now());
    let payment = payment_of(&order)?;
    let captured = payment.captured(currency);
    if captured == 0 {
        return Err(Refusal::NotPaid { status: payment.status(&order) }.into());
    }
    let left = captured - payment.refunded(currency);
    let requested = match amount {
        Some(amount) => {
            expect_currency(&order, amount)?;
            amount.amount
        }
        None => left,
    };
    if requested < 1 || requested > left {
        return Err(Refusal::RefundTooLarge { requested, left }.into());
    }
    let parts = parts_of(payment, currency, requested);
    let payment = payment_mut(&mut order)?;
    if payment.refunds.len() + parts.len() > PAYMENT_REFUNDS_MAX {
        return Err(Refusal::TooManyRefunds { most: PAYMENT_REFUNDS_MAX as u64 }.into());
    }
    for (attempt, part) in parts {
        let part = Money::new(part, currency);
        let owed = owe_refund(payment, &attempt, part, RefundCause::Requested, now);
        if let Some(refund) = owed {
            refund.reason = reason.cloned();
        }
    }
    finish(draft, order, before.as_ref(), "payment.refund_owed")
}

/// What of each attempt goes back, newest first. What a failed refund did not give back counts as
/// still there.
fn parts_of(payment: &Payment, currency: crate::Currency, requested: i64) -> Vec<(GatewayId, i64)> {
    let mut missing = requested;
    let mut parts = Vec::new();
    for attempt in payment.attempts.iter().rev() {
        let is_gone = |refund: &super::Refund| refund.state != super::RefundState::Failed;
        let part = payment.left_of(attempt, is_gone).min(missing);
        if attempt.amount.currency == currency && part > 0 {
            missing -= part;
            parts.push((attempt.id.clone(), part));
        }
    }
    parts
}

/// The gateway is to be asked now how things stand.
pub(super) fn look(draft: &mut Draft<'_>, id: OrderId) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, None)?;
    let before = owed(&order);
    let payment = payment_mut(&mut order)?;
    if payment.is_in_doubt || payment.intents.iter().all(|one| one.gateway_id.is_none()) {
        return Ok(Reply::Order(Arc::new(order)));
    }
    payment.is_in_doubt = true;
    finish(draft, order, before.as_ref(), "payment.doubted")
}

fn payment_of(order: &Order) -> Result<&Payment, Refusal> {
    order.payment.as_ref().ok_or(Refusal::NoPayment { order_id: order.id })
}

fn payment_mut(order: &mut Order) -> Result<&mut Payment, Refusal> {
    let order_id = order.id;
    order.payment.as_mut().ok_or(Refusal::NoPayment { order_id })
}

/// Minor units that are set aside and not taken; refused when there are none.
fn set_aside(order: &Order) -> Result<i64, Refusal> {
    let payment = payment_of(order)?;
    let authorized = payment.attempts.iter().filter(|one| one.state == AttemptState::Authorized);
    if authorized.count() == 0 {
        return Err(Refusal::NotAuthorized { status: payment.status(order) });
    }
    Ok(payment.authorized(order.currency))
}

fn expect_currency(order: &Order, amount: Money) -> Result<(), Refusal> {
    let (expected, actual) = (order.currency, amount.currency);
    if expected == actual {
        return Ok(());
    }
    Err(Refusal::PaymentCurrencyMismatch { expected, actual })
}
