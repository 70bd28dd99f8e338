//! A payment: how an order is to be paid, and what its gateway has said about that so far. It is
//! part of its order, so that whatever happens to either is decided in one place and in one order.
//!
//! What the gateway says only ever adds: states move forward, sums grow. What it all comes to
//! ([`Payment::status`], [`Payment::captured`]) is a function of the parts and stored nowhere.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::named::named;
use crate::text::{GatewayId, Reason, Text};
use crate::{Money, Timestamp};

named! {
    /// Whoever takes the money.
    Provider {
        /// Razorpay, and the simulated gateway, which speaks its protocol.
        Razorpay = "razorpay",
        /// Stripe.
        Stripe = "stripe",
    }
}

named! {
    /// When money that a customer has authorised is taken.
    Capture {
        /// At once.
        Automatic = "automatic",
        /// When an operator says so.
        Manual = "manual",
    }
}

named! {
    /// How far a gateway's order has come, with which a customer can pay.
    IntentState {
        /// The gateway has to be asked for it.
        Owed = "owed",
        /// The customer can pay with it.
        Open = "open",
        /// The gateway will not have it, or nobody asks any more.
        Failed = "failed",
    }
}

named! {
    /// How far one try of a customer to pay has come, in the order in which it may move: a
    /// failed one may still be authorised days later, and captured money stays captured.
    AttemptState {
        /// Begun.
        Created = "created",
        /// The bank said no, or nothing in time.
        Failed = "failed",
        /// The bank has set the money aside.
        Authorized = "authorized",
        /// What was set aside is let go and will not be taken.
        Voided = "voided",
        /// The money is taken.
        Captured = "captured",
    }
}

named! {
    /// How far money on its way back has come, in the order in which it may move.
    RefundState {
        /// The gateway has to be asked for it.
        Owed = "owed",
        /// The gateway is at it.
        Pending = "pending",
        /// The gateway could not, or an operator gave it up: somebody has to see to it.
        Failed = "failed",
        /// The money is back.
        Processed = "processed",
    }
}

named! {
    /// Why money goes back.
    RefundCause {
        /// Somebody asked for it.
        Requested = "requested",
        /// The order had ended.
        OrderEnded = "order_ended",
        /// More was paid than was due.
        Overpaid = "overpaid",
        /// It was paid in a currency that was not asked for.
        ForeignCurrency = "foreign_currency",
        /// It was made at the gateway, and not by us.
        Outside = "outside",
    }
}

named! {
    /// What a payment has come to.
    Status {
        /// The gateway has not been asked yet.
        Created = "created",
        /// The customer can pay.
        AwaitingPayment = "awaiting_payment",
        /// The newest try failed; the customer can try again as long as the order waits.
        Failed = "failed",
        /// The money is set aside.
        Authorized = "authorized",
        /// Less was taken than is due.
        Underpaid = "underpaid",
        /// All that is due was taken.
        Captured = "captured",
        /// Some of it went back, or is about to.
        PartiallyRefunded = "partially_refunded",
        /// All of it went back, or is about to.
        Refunded = "refunded",
        /// The order ended, and no money was taken.
        Cancelled = "cancelled",
    }
}

/// A gateway's order: the customer pays by it. Mostly there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Number within the payment, from 1. The gateway knows it as [`receipt`](super::receipt).
    pub number: u32,
    /// How far it has come.
    pub state: IntentState,
    /// The gateway's name for it, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<GatewayId>,
    /// What the customer's browser needs to pay with it, where the gateway gives such a thing.
    /// Shown to whoever pays and to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<GatewayId>,
}

/// One try of a customer to pay, as far as the gateway has told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The gateway's name for it.
    pub id: GatewayId,
    /// The gateway's order that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<GatewayId>,
    /// How far it has come.
    pub state: AttemptState,
    /// What the customer pays by it.
    pub amount: Money,
    /// Minor units of that which were taken.
    pub captured: i64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text>,
    /// When it was heard of for the first time.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Number within the payment, from 1: the key under which the gateway is asked.
    pub number: u32,
    /// The attempt whose money it is.
    pub attempt: GatewayId,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub state: RefundState,
    /// Why.
    pub cause: RefundCause,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The gateway's name for it, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<GatewayId>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// The payment of an order. It has the order's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Who takes the money.
    pub provider: Provider,
    /// When it is taken.
    pub capture: Capture,
    /// The gateway's orders.
    pub intents: Vec<Intent>,
    /// The customer's tries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// What goes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// Whether the gateway has to be asked how things stand: what it sent is not what is due.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_in_doubt: bool,
    /// Whether an operator has said that the money is to be taken.
    #[serde(default, skip_serializing_if = "is_false")]
    pub capture_asked: bool,
    /// Why the gateway could not be asked, the last time that this was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Text>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
