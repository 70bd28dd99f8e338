//! Payments: hold stock, ask the gateway for an order of its own, take the money, and only then
//! count on it. What a gateway says comes as a webhook, as the answer to a call, or because it was
//! asked; all three are taken in by the same rule (`observe.rs`). What that means for the order and
//! what is owed then is in `saga.rs`; what is asked next is in `owed.rs`.

mod ask;
mod check;
mod gateway;
mod notice;
mod observe;
mod owed;
mod payment;
mod policy;
mod receipts;
mod refusal;
mod saga;
mod sums;

pub use check::violations;
pub use gateway::{Call, Notice, Seen, SeenAttempt, SeenIntent, SeenRefund, Task};
pub use notice::{KeptNotice, NoticeKey};
pub use owed::{due, next_call, owes};
pub use payment::{
    Attempt, AttemptState, Capture, Intent, IntentState, Payment, Provider, Refund, RefundCause,
    RefundState, Status,
};
pub use policy::{LatePayment, Policy};
pub use receipts::Receipts;
pub use refusal::Refusal;

pub(crate) use notice::take_in_waiting;
pub(crate) use observe::Source;
pub(crate) use owed::{Owed, owed};
pub(crate) use saga::{
    begin, contradicted, not_heard_of, note_step, note_trouble, settle, skipped, take_in,
};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::OrderId;
use crate::text::{GatewayId, Reason};
use crate::{Money, Needs, State, Timestamp, Version};

/// What may be asked of payments.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins the payment of a pending order.
    Start {
        /// Which order.
        order_id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// Who takes the money.
        provider: Provider,
        /// When it is taken.
        capture: Capture,
    },
    /// Takes the money that is set aside.
    Capture {
        /// Which order.
        order_id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// How much the caller believes that is.
        amount: Option<Money>,
    },
    /// Lets go of the money that is set aside, and cancels the order.
    Void {
        /// Which order.
        order_id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// Why.
        reason: Option<Reason>,
    },
    /// Gives money back.
    Refund {
        /// Which order.
        order_id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// How much; all that is left when absent.
        amount: Option<Money>,
        /// Why.
        reason: Option<Reason>,
    },
    /// Asks the gateway now how things stand.
    Look {
        /// Which order.
        order_id: OrderId,
    },
    /// Takes in a message of a gateway.
    Receive(Notice),
    /// Forgets messages that were taken in long ago. Those that wait for their order stay.
    ForgetNotices {
        /// Those that came before; longer ago than any gateway repeats a message.
        before: Timestamp,
        /// Most of them, at most
        /// [`NOTICES_FORGOTTEN_MAX`](crate::limits::NOTICES_FORGOTTEN_MAX).
        most: usize,
    },
}

impl Command {
    /// The rows that this command names, as far as those at hand tell.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::Start { order_id, .. }
            | Self::Capture { order_id, .. }
            | Self::Void { order_id, .. }
            | Self::Refund { order_id, .. }
            | Self::Look { order_id } => names_of_order(known, *order_id, needs),
            Self::Receive(notice) => notice::names(notice, known, needs),
            Self::ForgetNotices { before, most } => needs.old_notices = Some((*before, *most)),
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Start { order_id, expected_version, provider, capture } => {
                ask::start(draft, *order_id, *expected_version, *provider, *capture)
            }
            Self::Capture { order_id, expected_version, amount } => {
                ask::capture(draft, *order_id, *expected_version, *amount)
            }
            Self::Void { order_id, expected_version, reason } => {
                ask::void(draft, *order_id, *expected_version, reason.as_ref())
            }
            Self::Refund { order_id, expected_version, amount, reason } => {
                ask::refund(draft, *order_id, *expected_version, *amount, reason.as_ref())
            }
            Self::Look { order_id } => ask::look(draft, *order_id),
            Self::Receive(notice) => notice::receive(draft, notice),
            Self::ForgetNotices { before, most } => notice::forget(draft, *before, *most),
        }
    }
}

impl Seen {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty() && self.attempts.is_empty() && self.refunds.is_empty()
    }

    /// Whether it tells of money that is set aside, was taken or goes back.
    pub fn has_money(&self) -> bool {
        let is_money = |one: &SeenAttempt| one.state >= AttemptState::Authorized;
        self.attempts.iter().any(is_money) || !self.refunds.is_empty()
    }

    /// Every name of the gateway's in it, those of its orders first.
    pub(crate) fn gateway_ids(&self) -> impl Iterator<Item = &GatewayId> {
        let intents = self.intents.iter().map(|intent| &intent.id);
        let of_attempts = self.attempts.iter().filter_map(|attempt| attempt.intent.as_ref());
        let attempts = self.attempts.iter().map(|attempt| &attempt.id);
        let of_refunds = self.refunds.iter().map(|refund| &refund.attempt);
        intents.chain(of_attempts).chain(attempts).chain(of_refunds)
    }
}

/// Names what has to be known of what a gateway told.
pub(crate) fn names_of_seen(known: &State, provider: Provider, seen: &Seen, needs: &mut Needs) {
    for id in seen.gateway_ids() {
        let key = (provider, id.clone());
        if !known.gateway_ids.contains_key(&key) {
            needs.gateway_ids.insert(key);
        }
    }
    for intent in &seen.intents {
        let key = (provider, intent.id.clone());
        if !known.knows_waiting_notices(&key) {
            needs.waiting_notices.insert(key);
        }
    }
}

/// Names an order with what hangs on it: its effect, and the stock that it holds.
pub(crate) fn names_of_order(known: &State, id: OrderId, needs: &mut Needs) {
    needs.locations = true;
    needs.effects.insert(id);
    match known.orders.get(&id) {
        None => {
            needs.orders.insert(id);
        }
        Some(None) => {}
        Some(Some(order)) => {
            for line in &order.lines {
                if !known.products.contains_key(&line.product_id) {
                    needs.products.insert(line.product_id);
                }
                let allocated = line.allocations.iter().map(|part| part.reservation_id);
                needs.reservations.extend(allocated);
            }
        }
    }
}
