//! The gateways of this installation, by the name of whoever takes the money.

use axum::http::HeaderMap;
use onhand_core::limits::HOLD_SECS_DEFAULT;
use onhand_core::payments::{Capture, Notice, Provider, Task};
use onhand_core::text::GatewayId;

use crate::adapters::gateways::http::bounded;
use crate::adapters::gateways::razorpay::Razorpay;
use crate::adapters::gateways::stripe::Stripe;
use crate::adapters::gateways::{Answer, NoticeError, Outcome, PaymentGateway};

/// How an order is paid about which the caller says nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// Life of a hold that waits for a payment, in seconds.
    pub hold_secs: i64,
    /// When the money is taken.
    pub capture: Capture,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { hold_secs: HOLD_SECS_DEFAULT, capture: Capture::Automatic }
    }
}

/// Every gateway that is configured.
#[derive(Debug, Default)]
pub struct Gateways {
    /// How an order is paid about which the caller says nothing else.
    pub defaults: Defaults,
    /// Razorpay, or what stands in for it.
    pub razorpay: Option<Razorpay>,
    /// Stripe, with the key that browsers need.
    pub stripe: Option<(Stripe, String)>,
}

impl Gateways {
    /// Whether it is configured.
    pub fn has(&self, provider: Provider) -> bool {
        match provider {
            Provider::Razorpay => self.razorpay.is_some(),
            Provider::Stripe => self.stripe.is_some(),
        }
    }

    /// Those that are configured; the first is asked when nobody names one.
    pub fn providers(&self) -> impl Iterator<Item = Provider> {
        Provider::ALL.iter().copied().filter(|provider| self.has(*provider))
    }

    /// Makes a call.
    pub async fn call(&self, task: &Task) -> Answer {
        let Task { order_id, call, ask_first, .. } = task;
        let answer = match task.provider {
            Provider::Razorpay => match &self.razorpay {
                Some(razorpay) => Some(razorpay.call(*order_id, call, *ask_first).await),
                None => None,
            },
            Provider::Stripe => match &self.stripe {
                Some((stripe, _)) => Some(stripe.call(*order_id, call, *ask_first).await),
                None => None,
            },
        };
        answer.unwrap_or_else(|| {
            let reason = bounded(&format!("{} is not configured", task.provider.as_str()));
            let outcome = Outcome::Retry { reason, after: None };
            Answer { seen: onhand_core::payments::Seen::default(), outcome }
        })
    }

    /// Reads a message; `None` where the gateway is not configured.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub fn read_notice(
        &self,
        provider: Provider,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Result<Notice, NoticeError>> {
        match provider {
            Provider::Razorpay => Some(self.razorpay.as_ref()?.read_notice(headers, body)),
            Provider::Stripe => Some(self.stripe.as_ref()?.0.read_notice(headers, body)),
        }
    }

    /// Whether a customer's browser brings the gateway's own word about an attempt.
    pub fn is_checkout_signature(
        &self,
        provider: Provider,
        intent: &GatewayId,
        attempt: &GatewayId,
        signature: &str,
    ) -> bool {
        match provider {
            Provider::Razorpay => self
                .razorpay
                .as_ref()
                .is_some_and(|one| one.is_checkout_signature(intent, attempt, signature)),
            // Stripe's checkout brings no signature.
            Provider::Stripe => false,
        }
    }

    /// The name of the key that a browser needs to pay through it.
    pub fn public_key(&self, provider: Provider) -> Option<&str> {
        match provider {
            Provider::Razorpay => self.razorpay.as_ref().map(Razorpay::key_id),
            Provider::Stripe => self.stripe.as_ref().map(|(_, key)| key.as_str()),
        }
    }
}
