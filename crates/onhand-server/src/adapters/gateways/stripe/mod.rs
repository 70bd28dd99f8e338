//! Stripe: how it is asked (`calls.rs`), what it says (`wire.rs`), in which units it counts
//! (`amount.rs`), and how its messages are told from forged ones (`signature.rs`, `notice.rs`). Its
//! words end here: its payment intent is the gateway's order, and its charge an attempt.

mod amount;
mod calls;
mod notice;
mod requests;
mod signature;
mod wire;

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use onhand_core::ids::OrderId;
use onhand_core::payments::{Call, Notice, Provider, Receipts, Seen};
use onhand_core::text::GatewayId;
use onhand_engine::clock::Clock;
use reqwest::Url;
use zeroize::Zeroizing;

use super::http::{Http, HttpError, address};
use super::{Answer, NoticeError, PaymentGateway};
use crate::auth::secrets::Secret;

/// Where Stripe is.
pub const BASE_URL: &str = "https://api.stripe.com";

/// The version of its interface that is spoken, whatever the account is set to.
pub const API_VERSION: &str = "2024-06-20";

/// What an account at Stripe is reached with.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// The key that may do everything; or one that may write intents, charges and refunds.
    pub secret_key: Secret,
    /// What messages may be signed with: the newest and those on their way out.
    pub webhook_secrets: Vec<Secret>,
    /// [`BASE_URL`], or a gateway on this machine.
    pub base_url: String,
    /// By what the account knows what is ours.
    pub receipts: Receipts,
}

/// An account at Stripe.
pub struct Stripe {
    http: Http,
    base: Url,
    webhook_secrets: Vec<Secret>,
    receipts: Receipts,
    /// The key as each request carries it: the only copy.
    authorization: HeaderValue,
    /// Says how old a message is.
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stripe").field(&self.base.as_str()).finish()
    }
}

impl Stripe {
    /// Asks over this client.
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(config: StripeConfig, http: Http, clock: Arc<dyn Clock>) -> Result<Self, HttpError> {
        let StripeConfig { secret_key, webhook_secrets, base_url, receipts } = config;
        let base = address(&base_url)?;
        let is_empty = |secret: &Secret| secret.expose().is_empty();
        if is_empty(&secret_key) || webhook_secrets.iter().any(is_empty) {
            return Err(HttpError::Empty);
        }
        let header = Zeroizing::new([b"Bearer ", secret_key.expose()].concat());
        let mut authorization = HeaderValue::from_bytes(&header).map_err(|_| HttpError::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { http, base, webhook_secrets, receipts, authorization, clock })
    }
}

impl PaymentGateway for Stripe {
    async fn call(&self, order_id: OrderId, call: &Call, ask_first: bool) -> Answer {
        let mut seen = Seen::default();
        let made = match call {
            Call::CreateIntent { number, amount, capture } => {
                let wanted =
                    calls::NewIntent { order_id, number: *number, amount: *amount, capture };
                self.create_intent(&mut seen, wanted, ask_first).await
            }
            // Nobody was given the secret of an intent of which we do not know, and nobody can pay
            // without. It is as good as none, and looking for it would not be sure to find it.
            Call::FindIntent { number: _ } => Ok(()),
            Call::Capture { intent, attempt, amount } => {
                let held = calls::Held { intent: intent.as_ref(), attempt };
                self.capture(&mut seen, held, *amount, ask_first).await
            }
            Call::Void { intent, attempt } => {
                let held = calls::Held { intent: intent.as_ref(), attempt };
                self.void(&mut seen, held, ask_first).await
            }
            Call::Refund { number, attempt, amount } => {
                let wanted =
                    calls::NewRefund { order_id, number: *number, attempt, amount: *amount };
                self.refund(&mut seen, wanted, ask_first).await
            }
            Call::Fetch { intents } => self.fetch(&mut seen, order_id, intents).await,
        };
        Answer::of(seen, made)
    }

    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
        notice::read(&self.receipts, &self.webhook_secrets, self.clock.now(), headers, body)
    }

    /// Stripe has none: what a browser brings back is not signed.
    fn is_checkout_signature(&self, _: &GatewayId, _: &GatewayId, _: &str) -> bool {
        false
    }

    fn provider(&self) -> Provider {
        Provider::Stripe
    }
}

#[cfg(test)]
mod tests {
    use onhand_engine::clock::SystemClock;

    use super::*;
    use crate::adapters::gateways::http::HttpLimits;

    fn stripe(secret_key: &str, base_url: &str) -> Result<Stripe, HttpError> {
        stripe_with(secret_key, "webhook-canary", base_url)
    }

    fn stripe_with(secret_key: &str, webhook: &str, base_url: &str) -> Result<Stripe, HttpError> {
        let config = StripeConfig {
            secret_key: Secret::new(secret_key),
            webhook_secrets: vec![Secret::new("webhook-older"), Secret::new(webhook)],
            base_url: base_url.into(),
            receipts: Receipts::default(),
        };
        assert!(!format!("{config:?}").contains("canary"));
        Stripe::new(config, Http::new(HttpLimits::default())?, Arc::new(SystemClock))
    }

    #[test]
    fn secrets_cannot_be_printed() {
        let stripe = stripe("sk_test_canary", BASE_URL).unwrap();
        assert_eq!(format!("{stripe:?}"), r#"Stripe("https://api.stripe.com/")"#);
        assert!(stripe.authorization.is_sensitive());
        assert!(!format!("{:?}", stripe.authorization).contains("canary"));
    }

    #[test]
    fn what_cannot_be_sent_safely_is_refused() {
        assert!(stripe("sk_test_1", "http://127.0.0.1:8420").is_ok());
        assert!(stripe("sk_test_1", "http://api.stripe.com").is_err());
        for wrong in ["sk_test\n", "sk\0"] {
            assert!(matches!(stripe(wrong, BASE_URL), Err(HttpError::Key)), "{wrong:?}");
        }
    }

    #[test]
    fn nobody_signs_with_an_empty_secret() {
        for (key, webhook) in [("", "b"), ("a", ""), ("", "")] {
            let refused = stripe_with(key, webhook, BASE_URL);
            assert!(matches!(refused, Err(HttpError::Empty)), "{key} {webhook}");
        }
    }

    #[test]
    fn a_browser_brings_nothing_that_is_signed() {
        let stripe = stripe("sk_test_1", BASE_URL).unwrap();
        let id = |text: &str| GatewayId::new(text).unwrap();
        for signature in ["", "succeeded", "pi_1_secret_2"] {
            assert!(!stripe.is_checkout_signature(&id("pi_1"), &id("ch_1"), signature));
        }
    }
}
