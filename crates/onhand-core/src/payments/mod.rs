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
mod refusal;
mod saga;
mod sums;

use alloc::string::String;

pub use check::violations;
pub use gateway::{Call, Notice, Seen, SeenAttempt, SeenIntent, SeenRefund, Task};
pub use notice::{KeptNotice, NoticeKey};
pub use owed::{due, next_call, owes};
pub use payment::{
    Attempt, AttemptState, Capture, Intent, IntentState, Payment, Provider, Refund, RefundCause,
    RefundState, Status,
};
pub use policy::{LatePayment, Policy};
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

/// How a gateway knows one of its orders as ours: `ord_42-1`. At most 40 characters.
pub fn receipt(order_id: OrderId, number: u32) -> String {
    alloc::format!("{order_id}-{number}")
}

/// Reads a [`receipt`] back.
pub fn read_receipt(receipt: &str) -> Option<(OrderId, u32)> {
    read(receipt, "-", self::receipt)
}

/// How a gateway knows one of its refunds as ours: `ord_42-r1`. At most 40 characters.
pub fn refund_receipt(order_id: OrderId, number: u32) -> String {
    alloc::format!("{order_id}-r{number}")
}

/// Reads a [`refund_receipt`] back.
pub fn read_refund_receipt(receipt: &str) -> Option<(OrderId, u32)> {
    read(receipt, "-r", refund_receipt)
}

/// What was written exactly so.
fn read(text: &str, between: &str, write: fn(OrderId, u32) -> String) -> Option<(OrderId, u32)> {
    let (order_id, number) = text.rsplit_once(between)?;
    let (order_id, number) = (order_id.parse().ok()?, number.parse().ok()?);
    (write(order_id, number) == text).then_some((order_id, number))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_read_back_and_nothing_else_is() {
        let order_id: OrderId = "ord_42".parse().unwrap();
        assert_eq!(receipt(order_id, 1), "ord_42-1");
        assert_eq!(read_receipt("ord_42-1"), Some((order_id, 1)));
        assert_eq!(refund_receipt(order_id, 1), "ord_42-r1");
        assert_eq!(read_refund_receipt("ord_42-r1"), Some((order_id, 1)));
        for wrong in [
            "",
            "ord_42",
            "ord_042-r1",
            "-r1",
            "ord_42-r-1",
            "ord_42-r1 ",
            "ord_42-+1",
            "ord_42-r01",
        ] {
            assert_eq!(read_refund_receipt(wrong), None, "{wrong}");
            assert_eq!(read_receipt(wrong), None, "{wrong}");
        }
        assert_eq!((read_receipt("ord_42-r1"), read_refund_receipt("ord_42-1")), (None, None));
        let longest = (OrderId::new(crate::ids::ID_MAX).unwrap(), u32::MAX);
        for text in [receipt(longest.0, longest.1), refund_receipt(longest.0, longest.1)] {
            assert!(text.len() <= 40, "{text}");
        }
    }
}
