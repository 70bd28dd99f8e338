//! What a payment means for its order, and what is owed then. The one rule for all that happens:
//! what is known changes the order, and what is owed follows from where that leaves it. Money that
//! is not due goes back by itself; an order that has ended keeps none.

use alloc::vec::Vec;

use super::gateway::{Call, Seen};
use super::observe::{Source, next_number, observe};
use super::owed::{Owed, When, owed};
use super::payment::{
    AttemptState, Capture, IntentState, Payment, Refund, RefundCause, RefundState,
};
use super::policy::LatePayment;
use super::sums::has_ended;
use crate::command::Stop;
use crate::draft::Draft;
use crate::effects::{Effect, EffectState, Outcome};
use crate::ids::OrderId;
use crate::limits::PAYMENT_REFUNDS_MAX;
use crate::orders::{self, Order, Status};
use crate::text::{Text, constant_text};
use crate::{Money, Refusal, Timestamp, inventory};

/// How a call of whoever has the lease went.
type Ending<'a> = Option<(&'a Call, &'a Outcome)>;

/// Takes in what the gateway told of an order, and how a call went. Answers when the gateway is to
/// be asked again how things stand, where that is what is owed.
pub(crate) fn take_in(
    draft: &mut Draft<'_>,
    id: OrderId,
    seen: &Seen,
    source: Source,
    ending: Ending<'_>,
) -> Result<Option<Timestamp>, Stop> {
    let mut order = (**draft.any_order(id)?).clone();
    let before = owed(&order);
    let mut news = observe(draft, &mut order, seen, source)?;
    if let Some((call, outcome)) = ending {
        news.extend(end_call(draft, &mut order, call, outcome)?);
    }
    if !news.is_empty() {
        if let Some(payment) = order.payment.as_mut().filter(|_| is_good(&news)) {
            payment.trouble = None;
        }
        for said in news {
            order = (*draft.save_order(order, said)?).clone();
        }
        if let Some(said) = follow(draft, &mut order)? {
            order = (*draft.save_order(order, said)?).clone();
        }
        order = settle(draft, order, before.as_ref())?;
    }
    let is_poll = owed(&order).is_some_and(|owed| owed.when == When::AtPoll);
    let polls = draft.find_effect(id)?.map(|effect| effect.polls).filter(|_| is_poll);
    Ok(polls.map(|polls| draft.after_secs(draft.policy().poll_after(polls + 1))))
}

fn is_good(news: &[&'static str]) -> bool {
    !news.contains(&"payment.failed")
}

/// What follows for money and effects from where the order is now. Every rule that moves an order
/// with a payment ends here.
pub(crate) fn settle(
    draft: &mut Draft<'_>,
    mut order: Order,
    before: Option<&Owed>,
) -> Result<Order, Stop> {
    if let Some(said) = owe_refunds(&mut order, draft.now()) {
        order = (*draft.save_order(order, said)?).clone();
    }
    settle_effect(draft, &order, before)?;
    Ok(order)
}

/// What the order does about it: paid, it is confirmed; authorised, its stock is held longer; where
/// nobody can pay it, it ends; paid after its end, its stock is held again where there is some.
fn follow(draft: &mut Draft<'_>, order: &mut Order) -> Result<Option<&'static str>, Stop> {
    let Some(payment) = &order.payment else { return Ok(None) };
    let set_aside = payment.authorized(order.currency) + order.net_paid() >= order.total;
    let counts = order.is_paid() || set_aside && payment.capture == Capture::Manual;
    let is_hopeless = payment.intents.iter().all(|intent| intent.state == IntentState::Failed);
    match order.status {
        Status::Pending if counts => {
            orders::settle_paid(draft, order)?;
            Ok(Some("order.confirmed"))
        }
        Status::Pending if set_aside => {
            let until = draft.after_secs(draft.policy().authorized_hold_secs);
            Ok(orders::hold_until(draft, order, until)?.then_some("order.hold_extended"))
        }
        // Nobody can pay it: its stock is free again, exactly once.
        Status::Pending if is_hopeless => {
            orders::fail(draft, order)?;
            Ok(Some("order.cancelled"))
        }
        Status::Expired if counts && draft.policy().late == LatePayment::Reserve => {
            let mut revived = order.clone();
            match draft.attempt(|draft| orders::revive(draft, &mut revived)) {
                Ok(()) => {
                    *order = revived;
                    Ok(Some("order.revived"))
                }
                Err(Stop::Refused(Refusal::Inventory(
                    inventory::Refusal::InsufficientStock { .. } | inventory::Refusal::NoLocation,
                ))) => Ok(None),
                Err(stop) => Err(stop),
            }
        }
        Status::Pending
        | Status::Expired
        | Status::Confirmed
        | Status::Processing
        | Status::PartiallyFulfilled
        | Status::Fulfilled
        | Status::Delivered
        | Status::Returned
        | Status::Cancelled => Ok(None),
    }
}

/// What the end of a call changes beyond what was seen.
fn end_call(
    draft: &Draft<'_>,
    order: &mut Order,
    call: &Call,
    outcome: &Outcome,
) -> Result<Vec<&'static str>, Stop> {
    match outcome {
        Outcome::Done => match call {
            Call::Fetch { .. } => Ok(end_fetch(draft, order)?.into_iter().collect()),
            Call::FindIntent { number } => Ok(end_find(order, *number).into_iter().collect()),
            Call::CreateIntent { .. }
            | Call::Capture { .. }
            | Call::Void { .. }
            | Call::Refund { .. } => Ok(Vec::new()),
        },
        Outcome::Declined(reason) => Ok(give_up(order, call, reason, draft.now())),
        Outcome::Retry(_) | Outcome::Unknown(_) | Outcome::Untried => Ok(Vec::new()),
    }
}

/// The gateway has said how things stand: that ends the doubt, and, where an order needs no
/// money any more and was asked about often enough, the asking.
fn end_fetch(draft: &Draft<'_>, order: &mut Order) -> Result<Option<&'static str>, Stop> {
    let polls = draft.find_effect(order.id)?.map_or(0, |effect| effect.polls + 1);
    let is_over = order.status != Status::Pending;
    let is_enough = is_over && draft.policy().is_enough(polls);
    let Some(payment) = &mut order.payment else { return Ok(None) };
    let mut said = end_doubt(payment);
    if is_enough {
        for intent in payment.intents.iter_mut().filter(|one| one.state == IntentState::Open) {
            intent.state = IntentState::Failed;
            said = Some("payment.closed");
        }
    }
    Ok(said)
}

/// The gateway has no such order, and nobody will ask for one any more.
fn end_find(order: &mut Order, number: u32) -> Option<&'static str> {
    let payment = order.payment.as_mut()?;
    let intent = payment.intents.iter_mut().find(|one| one.number == number)?;
    if intent.state != IntentState::Owed {
        return None;
    }
    intent.state = IntentState::Failed;
    Some("payment.closed")
}

/// The gateway will not: what was asked for is given up.
fn give_up(order: &mut Order, call: &Call, reason: &Text, now: Timestamp) -> Vec<&'static str> {
    let Some(payment) = &mut order.payment else { return Vec::new() };
    match call {
        Call::CreateIntent { number, .. } => {
            let intent = payment.intents.iter_mut().find(|one| one.number == *number);
            let Some(intent) = intent.filter(|one| one.state == IntentState::Owed) else {
                return Vec::new();
            };
            intent.state = IntentState::Failed;
            payment.trouble = Some(reason.clone());
            alloc::vec!["payment.failed"]
        }
        Call::Capture { attempt, .. } | Call::Void { attempt, .. } => {
            let attempt = payment.attempts.iter_mut().find(|one| one.id == *attempt);
            let Some(attempt) = attempt.filter(|one| one.state == AttemptState::Authorized) else {
                return Vec::new();
            };
            (attempt.state, attempt.updated_at) = (AttemptState::Voided, now);
            attempt.failure = Some(reason.clone());
            alloc::vec!["payment.voided"]
        }
        Call::Refund { number, .. } => {
            let refund = payment.refunds.iter_mut().find(|one| one.number == *number);
            let Some(refund) = refund.filter(|one| one.state < RefundState::Failed) else {
                return Vec::new();
            };
            (refund.state, refund.updated_at) = (RefundState::Failed, now);
            refund.failure = Some(reason.clone());
            alloc::vec!["payment.refund_failed"]
        }
        Call::FindIntent { number } => end_find(order, *number).into_iter().collect(),
        Call::Fetch { .. } => end_doubt(payment).into_iter().collect(),
    }
}

fn end_doubt(payment: &mut Payment) -> Option<&'static str> {
    core::mem::take(&mut payment.is_in_doubt).then_some("payment.checked")
}

/// Owes what was taken and is not due: what is beyond the total, all of it where the order has
/// ended, and whatever was paid in a currency that nobody asked for.
fn owe_refunds(order: &mut Order, now: Timestamp) -> Option<&'static str> {
    let (currency, is_over, total) = (order.currency, has_ended(order.status), order.total);
    let payment = order.payment.as_mut()?;
    let captured = payment.captured(currency);
    let (cause, mut excess) = if is_over {
        (RefundCause::OrderEnded, captured - payment.given_up(currency))
    } else {
        (RefundCause::Overpaid, captured - total - payment.overpaid(currency))
    };
    let mut owes = Vec::new();
    for attempt in payment.attempts.iter().rev() {
        let left = payment.left_of(attempt, |_| true);
        let is_foreign = attempt.amount.currency != currency;
        let amount = if is_foreign { left } else { left.min(excess.max(0)) };
        if amount > 0 {
            let cause = if is_foreign { RefundCause::ForeignCurrency } else { cause };
            owes.push((attempt.id.clone(), Money::new(amount, attempt.amount.currency), cause));
            excess -= if is_foreign { 0 } else { amount };
        }
    }
    let mut said = None;
    for (attempt, amount, cause) in owes {
        if owe_refund(payment, &attempt, amount, cause, now).is_some() {
            said = Some("payment.refund_owed");
        }
    }
    said
}

/// Owes one refund; none when the payment has as many as it may.
pub(super) fn owe_refund<'a>(
    payment: &'a mut Payment,
    attempt: &crate::text::GatewayId,
    amount: Money,
    cause: RefundCause,
    now: Timestamp,
) -> Option<&'a mut Refund> {
    if payment.refunds.len() >= PAYMENT_REFUNDS_MAX {
        return None;
    }
    let number = next_number(payment.refunds.iter().map(|one| one.number));
    payment.refunds.push(Refund {
        number,
        attempt: attempt.clone(),
        amount,
        state: RefundState::Owed,
        cause,
        reason: None,
        gateway_id: None,
        failure: None,
        created_at: now,
        updated_at: now,
    });
    payment.refunds.last_mut()
}

/// Brings the effect of a payment to what is owed now. One that goes on owing the same stays as it
/// is, with its tries and its lease.
fn settle_effect(draft: &mut Draft<'_>, order: &Order, before: Option<&Owed>) -> Result<(), Stop> {
    if order.payment.is_none() {
        return Ok(());
    }
    let known = draft.find_effect(order.id)?;
    let Some(next) = owed(order) else {
        if let Some(effect) = known {
            draft.save_effect(Effect { state: EffectState::Done, ..effect });
        }
        return Ok(());
    };
    let fresh = fresh_effect(draft, order.id, &next);
    match known {
        None => draft.save_effect(fresh),
        Some(Effect { epoch, version, created_at, .. }) if Some(&next) != before => {
            draft.save_effect(Effect { epoch, version, created_at, ..fresh })
        }
        Some(same) => same,
    };
    Ok(())
}

fn fresh_effect(draft: &Draft<'_>, order_id: OrderId, next: &Owed) -> Effect {
    let now = draft.now();
    let due_at = match next.when {
        When::Now => now,
        When::AfterGateway => draft.after_secs(draft.policy().capture_wait_secs),
        When::AtPoll => draft.after_secs(draft.policy().poll_after(0)),
    };
    Effect {
        order_id,
        state: EffectState::Waiting,
        due_at,
        leased: false,
        epoch: 0,
        tries: 0,
        polls: 0,
        ask_first: false,
        reason: None,
        version: 0,
        created_at: now,
        updated_at: now,
    }
}

/// What is owed for an order that has just been placed.
pub(crate) fn begin(draft: &mut Draft<'_>, order: &Order) {
    if let Some(next) = owed(order) {
        let effect = fresh_effect(draft, order.id, &next);
        draft.save_effect(effect);
    }
}

/// Says that a call did not succeed, and whether it will be tried again by itself.
pub(crate) fn note_trouble(
    draft: &mut Draft<'_>,
    id: OrderId,
    reason: Text,
    is_dead: bool,
) -> Result<(), Stop> {
    let mut order = (**draft.any_order(id)?).clone();
    if let Some(payment) = &mut order.payment {
        payment.trouble = Some(reason);
    }
    draft.save_order(order, if is_dead { "payment.stuck" } else { "payment.delayed" })?;
    Ok(())
}

/// Says what an operator did about an effect.
pub(crate) fn note_step(
    draft: &mut Draft<'_>,
    id: OrderId,
    said: &'static str,
) -> Result<(), Stop> {
    let order = (**draft.any_order(id)?).clone();
    draft.save_order(order, said)?;
    Ok(())
}

/// What is said of a call that an operator gave up.
pub(crate) fn skipped() -> Text {
    constant_text("given up by an operator")
}

/// What is said of a call after which the gateway tells that nothing was done.
pub(crate) fn contradicted() -> Text {
    constant_text("the gateway said yes, and tells that it is not done")
}

/// What is said of a call whose worker never came back.
pub(crate) fn not_heard_of() -> Text {
    constant_text("nobody who was given it came back")
}
