//! Taking in what a gateway tells. Everything only moves forward: a state to a later one, a sum
//! to a larger one, whoever says it and in whatever order it comes. What was known already
//! changes nothing.

use super::gateway::{Seen, SeenAttempt, SeenIntent, SeenRefund};
use super::payment::{
    Attempt, AttemptState, Intent, IntentState, Payment, Refund, RefundCause, RefundState,
};
use crate::command::Stop;
use crate::draft::Draft;
use crate::limits::{PAYMENT_ATTEMPTS_MAX, PAYMENT_INTENTS_MAX, PAYMENT_REFUNDS_MAX};
use crate::orders::Order;
use crate::text::GatewayId;
use crate::{Money, Timestamp};
use alloc::vec::Vec;

/// From where something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The gateway sent it by itself.
    Notice,
    /// The gateway was asked.
    Answer,
}

/// What is new, as the events that say so, in the order in which it was told.
pub(super) fn observe(
    draft: &mut Draft<'_>,
    order: &mut Order,
    seen: &Seen,
    source: Source,
) -> Result<Vec<&'static str>, Stop> {
    let mut news = Vec::new();
    for intent in &seen.intents {
        if claim(draft, order, &intent.id)? {
            news.extend(note_intent(order, intent));
        }
    }
    for attempt in &seen.attempts {
        if !claim(draft, order, &attempt.id)? {
            continue;
        }
        let now = draft.now();
        if source == Source::Notice && is_doubtful(order, attempt) {
            news.extend(doubt(order));
        } else {
            news.extend(note_attempt(order, attempt, now));
        }
    }
    for refund in &seen.refunds {
        news.extend(note_refund(order, refund, draft.now()));
    }
    Ok(news)
}

/// Whether an object of the gateway is about this order: from now on, when it was nobody's.
fn claim(draft: &mut Draft<'_>, order: &Order, id: &GatewayId) -> Result<bool, Stop> {
    let Some(provider) = order.payment.as_ref().map(|payment| payment.provider) else {
        return Ok(false);
    };
    match draft.order_of_gateway_id(provider, id)? {
        Some(owner) => Ok(owner == order.id),
        None => {
            draft.put_gateway_id(provider, id.clone(), order.id);
            Ok(true)
        }
    }
}

/// A message alone does not make an order paid with another amount than the one that is due: the
/// gateway is asked, and what it answers counts.
fn is_doubtful(order: &Order, attempt: &SeenAttempt) -> bool {
    let is_known = order.payment.as_ref().and_then(|payment| payment.attempt(&attempt.id));
    let due = is_known.map_or(Money::new(order.total, order.currency), |known| known.amount);
    let captured_other = attempt.captured != 0 && attempt.captured != due.amount;
    attempt.amount != due || captured_other
}

fn doubt(order: &mut Order) -> Option<&'static str> {
    let payment = order.payment.as_mut()?;
    let was_in_doubt = core::mem::replace(&mut payment.is_in_doubt, true);
    (!was_in_doubt).then_some("payment.doubted")
}

fn note_intent(order: &mut Order, seen: &SeenIntent) -> Option<&'static str> {
    let payment = order.payment.as_mut()?;
    if payment.intents.iter().any(|one| one.gateway_id.as_ref() == Some(&seen.id)) {
        return None;
    }
    let has_room = payment.intents.len() < PAYMENT_INTENTS_MAX;
    let fresh_number = next_number(payment.intents.iter().map(|one| one.number));
    let known = payment.intents.iter_mut().find(|one| one.number == seen.number);
    match known.filter(|one| one.gateway_id.is_none()) {
        Some(intent) => {
            intent.gateway_id = Some(seen.id.clone());
            intent.client_secret.clone_from(&seen.client_secret);
            // What was given up is not offered again, and still is ours when somebody pays it.
            if intent.state == IntentState::Owed {
                intent.state = IntentState::Open;
            }
        }
        None if has_room => payment.intents.push(Intent {
            number: fresh_number,
            state: IntentState::Open,
            gateway_id: Some(seen.id.clone()),
            client_secret: seen.client_secret.clone(),
        }),
        None => return None,
    }
    Some("payment.intent_created")
}

fn note_attempt(order: &mut Order, seen: &SeenAttempt, now: Timestamp) -> Option<&'static str> {
    let payment = order.payment.as_mut()?;
    let captured = match seen.state {
        AttemptState::Captured => seen.captured.clamp(0, seen.amount.amount.max(0)),
        AttemptState::Created
        | AttemptState::Failed
        | AttemptState::Authorized
        | AttemptState::Voided => 0,
    };
    let known = payment.attempts.iter_mut().find(|one| one.id == seen.id);
    if let Some(attempt) = known {
        let moves = seen.state > attempt.state;
        let grows = captured > attempt.captured;
        if !moves && !grows {
            return None;
        }
        attempt.state = attempt.state.max(seen.state);
        attempt.captured = attempt.captured.max(captured);
        if grows {
            attempt.amount = seen.amount;
        }
        if attempt.intent.is_none() {
            attempt.intent.clone_from(&seen.intent);
        }
        attempt.failure.clone_from(&seen.failure);
        attempt.updated_at = now;
        return said_of(attempt.state);
    }
    make_room(payment)?;
    payment.attempts.push(Attempt {
        id: seen.id.clone(),
        intent: seen.intent.clone(),
        state: seen.state,
        amount: seen.amount,
        captured,
        failure: seen.failure.clone(),
        created_at: now,
        updated_at: now,
    });
    said_of(seen.state)
}

/// Room for one more attempt: the oldest in which no money is or was makes way.
fn make_room(payment: &mut Payment) -> Option<()> {
    if payment.attempts.len() < PAYMENT_ATTEMPTS_MAX {
        return Some(());
    }
    let is_empty = |one: &Attempt| one.state <= AttemptState::Failed;
    let oldest = payment.attempts.iter().position(is_empty)?;
    payment.attempts.remove(oldest);
    Some(())
}

fn said_of(state: AttemptState) -> Option<&'static str> {
    Some(match state {
        AttemptState::Created => "payment.started",
        AttemptState::Failed => "payment.failed",
        AttemptState::Authorized => "payment.authorized",
        AttemptState::Voided => "payment.voided",
        AttemptState::Captured => "payment.captured",
    })
}

fn note_refund(order: &mut Order, seen: &SeenRefund, now: Timestamp) -> Option<&'static str> {
    let payment = order.payment.as_mut()?;
    payment.attempt(&seen.attempt)?;
    let by_id = payment.refunds.iter().position(|one| one.gateway_id.as_ref() == Some(&seen.id));
    let by_number = || {
        payment.refunds.iter().position(|one| {
            Some(one.number) == seen.number
                && one.attempt == seen.attempt
                && one.gateway_id.is_none()
        })
    };
    let known = by_id.or_else(by_number);
    if let Some(refund) = known.and_then(|position| payment.refunds.get_mut(position)) {
        let is_new = refund.gateway_id.is_none();
        if seen.state <= refund.state && !is_new {
            return None;
        }
        refund.gateway_id = Some(seen.id.clone());
        refund.amount = seen.amount;
        refund.state = refund.state.max(seen.state);
        refund.failure.clone_from(&seen.failure);
        refund.updated_at = now;
        return said_of_refund(refund.state);
    }
    if payment.refunds.len() >= PAYMENT_REFUNDS_MAX {
        return None;
    }
    payment.refunds.push(Refund {
        number: next_number(payment.refunds.iter().map(|one| one.number)),
        attempt: seen.attempt.clone(),
        amount: seen.amount,
        state: seen.state,
        cause: RefundCause::Outside,
        reason: None,
        gateway_id: Some(seen.id.clone()),
        failure: seen.failure.clone(),
        created_at: now,
        updated_at: now,
    });
    said_of_refund(seen.state)
}

fn said_of_refund(state: RefundState) -> Option<&'static str> {
    Some(match state {
        RefundState::Owed => "payment.refund_owed",
        RefundState::Pending => "payment.refund_pending",
        RefundState::Failed => "payment.refund_failed",
        RefundState::Processed => "payment.refunded",
    })
}

pub(super) fn next_number(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.max().unwrap_or(0).saturating_add(1)
}
