//! What is asked of a gateway, and what it says. The words of one gateway are its adapter's; here
//! they are all the same.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::payment::{AttemptState, Capture, Provider, RefundState};
use crate::ids::OrderId;
use crate::text::{GatewayId, Reference, Text};
use crate::{Money, Timestamp};

/// One thing to ask of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// An order of its own, by which the customer pays.
    CreateIntent {
        /// Its number within the payment.
        number: u32,
        /// What is due.
        amount: Money,
        /// When the money is to be taken.
        capture: Capture,
    },
    /// Whether there is such an order by now: our own has ended, and nobody knows whether
    /// an earlier call has made it. None is made any more.
    FindIntent {
        /// Its number within the payment.
        number: u32,
    },
    /// The money of an authorised attempt.
    Capture {
        /// The gateway's order.
        intent: Option<GatewayId>,
        /// The attempt.
        attempt: GatewayId,
        /// All that was authorised.
        amount: Money,
    },
    /// To let go of what an attempt has set aside.
    Void {
        /// The gateway's order.
        intent: Option<GatewayId>,
        /// The attempt.
        attempt: GatewayId,
    },
    /// To give money back.
    Refund {
        /// Its number within the payment: the same number is never paid out twice.
        number: u32,
        /// The attempt whose money it is.
        attempt: GatewayId,
        /// How much.
        amount: Money,
    },
    /// How things stand with these of its orders: every attempt and every refund.
    Fetch {
        /// The gateway's orders.
        intents: Vec<GatewayId>,
    },
}

/// A call that one worker is to make, until its lease ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// How often it was leased: what is done under an older lease is not settled any more.
    pub epoch: u64,
    /// When the lease ends.
    pub leased_until: Timestamp,
    /// How often this call was tried before, as far as is known.
    pub tries: u32,
    /// Whether an earlier try may have succeeded: then the gateway is asked how things stand before
    /// anything is asked for again.
    pub ask_first: bool,
    /// Whose payment it is.
    pub order_id: OrderId,
    /// Whom to ask.
    pub provider: Provider,
    /// What to ask.
    pub call: Call,
}

/// A gateway's order as the gateway tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenIntent {
    /// The number that it was asked for with.
    pub number: u32,
    /// The gateway's name for it.
    pub id: GatewayId,
    /// What the customer's browser needs to pay with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<GatewayId>,
}

/// An attempt as the gateway tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAttempt {
    /// The gateway's name for it.
    pub id: GatewayId,
    /// The gateway's order that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<GatewayId>,
    /// How far it has come. One whose money went back is captured.
    pub state: AttemptState,
    /// What the customer pays by it.
    pub amount: Money,
    /// Minor units of that which were taken.
    pub captured: i64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text>,
}

/// A refund as the gateway tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRefund {
    /// The gateway's name for it.
    pub id: GatewayId,
    /// The attempt whose money it is.
    pub attempt: GatewayId,
    /// The number that it was asked for with; none when it was made at the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// How much.
    pub amount: Money,
    /// How far it has come; never [`RefundState::Owed`].
    pub state: RefundState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Text>,
}

/// What a gateway tells, all at once or piece by piece, in any order, as often as it likes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its orders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<SeenIntent>,
    /// Attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<SeenAttempt>,
    /// Refunds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<SeenRefund>,
}

/// A message of a gateway whose signature was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who sent it.
    pub provider: Provider,
    /// The sender's name for the event. Not signed by every gateway.
    pub event_id: Reference,
    /// SHA-256 of the body as it came.
    pub body_hash: [u8; 32],
    /// What the sender calls such an event.
    pub kind: Reference,
    /// The order that it names itself, where the gateway hands our own name through.
    pub order_id: Option<OrderId>,
    /// What it tells; nothing when it is of a kind that we do not know.
    pub seen: Seen,
}
