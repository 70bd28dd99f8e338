//! Payment gateways. One reads a [`Call`], asks, and says what it saw and how it went; and it reads
//! the messages that the gateway sends. Whether money was taken is never guessed: what cannot be
//! known is [`Outcome::Unknown`], and is asked about before it is asked for again.

pub mod http;
pub mod razorpay;
mod signature;
pub mod simulated;
pub mod stripe;

use std::time::Duration;

use axum::http::HeaderMap;
use onhand_core::ids::OrderId;
use onhand_core::payments::{Call, Notice, Provider, Seen};
use onhand_core::text::{GatewayId, Text};

/// How a call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; what was seen says how.
    Done,
    /// The gateway will not, and asking again would not help.
    Declined(Text),
    /// It is not done; asking again may help, after a while where the gateway said so.
    Retry {
        /// Why, for people.
        reason: Text,
        /// As the gateway's `Retry-After` said, bounded.
        after: Option<Duration>,
    },
    /// Nobody knows whether it is done.
    Unknown(Text),
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the gateway told on the way, also where the call failed.
    pub seen: Seen,
    /// How it went.
    pub outcome: Outcome,
}

impl Answer {
    /// What was seen, and how it ended.
    fn of(seen: Seen, made: Result<(), http::Failure>) -> Self {
        let outcome = match made {
            Ok(()) => Outcome::Done,
            Err(failure) => failure.into(),
        };
        Self { seen, outcome }
    }
}

/// Why a message is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It is not signed.
    #[error("the signature is missing")]
    Unsigned,
    /// No secret of ours has signed it, or it is too old to count.
    #[error("the signature is wrong")]
    Forged,
    /// It is signed, and yet it cannot be read.
    #[error("the body cannot be read")]
    Unreadable,
}

/// One payment gateway.
#[expect(async_fn_in_trait, reason = "not used as an object: `Gateway` names them all")]
pub trait PaymentGateway {
    /// Makes a call about the payment of an order. `ask_first` says that an earlier try may have
    /// succeeded. Ends within [`GATEWAY_TIMEOUT`](crate::limits::GATEWAY_TIMEOUT) per request, of
    /// which it makes a bounded number.
    async fn call(&self, order_id: OrderId, call: &Call, ask_first: bool) -> Answer;

    /// Reads a message. The signature is checked on the bytes as they came, before anything of them
    /// is read.
    ///
    /// # Errors
    /// [`NoticeError`].
    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError>;

    /// Whether a customer's browser brings the gateway's own word that an attempt succeeded. Only a
    /// hint: it says when to ask, and not that money was taken. `intent` is as we stored it.
    fn is_checkout_signature(
        &self,
        intent: &GatewayId,
        attempt: &GatewayId,
        signature: &str,
    ) -> bool;

    /// Which one it is.
    fn provider(&self) -> Provider;
}
