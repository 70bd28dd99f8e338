//! What has to be asked of the gateway next, as a function of the order as it stands. It is asked
//! when the effect is leased, and not when it was owed: what is not needed any more is never done.

use alloc::vec::Vec;

use super::gateway::Call;
use super::payment::{Attempt, AttemptState, Capture, IntentState, RefundState};
use super::sums::has_ended;
use crate::Money;
use crate::orders::{Order, Status};
use crate::text::GatewayId;

/// Whether anything is still to be done about the payment of an order: then, and only then,
/// there is an effect.
pub fn owes(order: &Order) -> bool {
    owed(order).is_some()
}

/// What is asked of the gateway next, if anything: for people who look at it.
pub fn next_call(order: &Order) -> Option<Call> {
    owed(order).map(|owed| owed.call)
}

/// What an order still keeps of what is paid, in minor units: nothing once it has ended.
pub fn due(order: &Order) -> i64 {
    if has_ended(order.status) { 0 } else { order.total }
}

/// When something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// Once the gateway has had time to do it by itself.
    AfterGateway,
    /// When the gateway has said nothing for a while.
    AtPoll,
}

/// What has to be asked next, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) call: Call,
    pub(crate) when: When,
}

/// What has to be asked of the gateway next, if anything.
pub(crate) fn owed(order: &Order) -> Option<Owed> {
    let payment = order.payment.as_ref()?;
    let refund = payment.refunds.iter().find(|refund| refund.state == RefundState::Owed);
    if let Some(refund) = refund {
        let (number, attempt) = (refund.number, refund.attempt.clone());
        return now(Call::Refund { number, attempt, amount: refund.amount });
    }
    let asked: Vec<GatewayId> =
        payment.intents.iter().filter_map(|intent| intent.gateway_id.clone()).collect();
    if payment.is_in_doubt && !asked.is_empty() {
        return now(Call::Fetch { intents: asked });
    }
    if let Some(call) = of_authorized(order) {
        return Some(call);
    }
    let is_open = payment.open_intents().next().is_some();
    if let Some(intent) = payment.intents.iter().find(|one| one.state == IntentState::Owed) {
        let (number, capture) = (intent.number, payment.capture);
        let amount = Money::new(order.total, order.currency);
        return now(match order.status {
            Status::Pending => Call::CreateIntent { number, amount, capture },
            Status::Confirmed
            | Status::Processing
            | Status::PartiallyFulfilled
            | Status::Fulfilled
            | Status::Delivered
            | Status::Returned
            | Status::Cancelled
            | Status::Expired => Call::FindIntent { number },
        });
    }
    // What failed may still succeed, days later, and be paid a second time.
    let may_come_late = payment.attempts.iter().any(|one| one.state <= AttemptState::Failed);
    let awaits_money = is_open && (!order.has_been_paid() || may_come_late);
    let awaits_refund = payment.refunds.iter().any(|one| one.state == RefundState::Pending);
    let may_change = payment.attempts.iter().any(|one| one.state == AttemptState::Authorized);
    let is_waiting = awaits_money || awaits_refund || may_change;
    (is_waiting && !asked.is_empty())
        .then_some(Owed { call: Call::Fetch { intents: asked }, when: When::AtPoll })
}

fn now(call: Call) -> Option<Owed> {
    Some(Owed { call, when: When::Now })
}

/// What is to become of money that was set aside: taken while the order wants it, let go otherwise.
fn of_authorized(order: &Order) -> Option<Owed> {
    let payment = order.payment.as_ref()?;
    let attempt = payment.attempts.iter().find(|one| one.state == AttemptState::Authorized)?;
    let Attempt { id, intent, amount, .. } = attempt.clone();
    if has_ended(order.status) || order.has_been_paid() || amount.currency != order.currency {
        return now(Call::Void { intent, attempt: id });
    }
    let call = Call::Capture { intent, attempt: id, amount };
    match payment.capture {
        Capture::Automatic => Some(Owed { call, when: When::AfterGateway }),
        Capture::Manual if payment.capture_asked => now(call),
        Capture::Manual => None,
    }
}
