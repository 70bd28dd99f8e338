//! Razorpay: how it is asked (`calls.rs`), what it says (`wire.rs`), and how its messages are told
//! from forged ones (`notice.rs`). Its words end here.
//!
//! Two different secrets sign: messages carry that of the webhook, what a customer's browser brings
//! that of the key. One must not do for the other.

mod calls;
mod notice;
mod wire;

use std::fmt;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use onhand_core::ids::OrderId;
use onhand_core::payments::{Call, Notice, Provider, Receipts, Seen};
use onhand_core::text::GatewayId;
use reqwest::Url;
use zeroize::Zeroizing;

use super::http::{Http, HttpError, address};
use super::{Answer, NoticeError, PaymentGateway, signature};
use crate::auth::secrets::Secret;

/// Where Razorpay is.
pub const BASE_URL: &str = "https://api.razorpay.com";

/// What an account at Razorpay is reached with.
#[derive(Debug, Clone)]
pub struct RazorpayConfig {
    /// The name of the key. Not a secret: browsers get it.
    pub key_id: String,
    /// The secret of the key.
    pub key_secret: Secret,
    /// What messages may be signed with: the newest and those on their way out, because a message
    /// that is sent again is signed as it was at first.
    pub webhook_secrets: Vec<Secret>,
    /// [`BASE_URL`], or a gateway on this machine.
    pub base_url: String,
    /// By what the account knows what is ours.
    pub receipts: Receipts,
}

/// An account at Razorpay.
pub struct Razorpay {
    http: Http,
    base: Url,
    key_id: String,
    key_secret: Secret,
    webhook_secrets: Vec<Secret>,
    receipts: Receipts,
    /// Key and secret as each request carries them. One copy, so that fewer lie around.
    authorization: HeaderValue,
}

impl fmt::Debug for Razorpay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Razorpay").field(&self.key_id).field(&self.base.as_str()).finish()
    }
}

impl Razorpay {
    /// Asks over this client.
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(config: RazorpayConfig, http: Http) -> Result<Self, HttpError> {
        let RazorpayConfig { key_id, key_secret, webhook_secrets, base_url, receipts } = config;
        let base = address(&base_url)?;
        let is_empty = |secret: &Secret| secret.expose().is_empty();
        if is_empty(&key_secret) || webhook_secrets.iter().any(is_empty) {
            return Err(HttpError::Empty);
        }
        let pair = [key_id.as_bytes(), b":", key_secret.expose()].concat();
        let encoded = Zeroizing::new(STANDARD.encode(Zeroizing::new(pair)));
        let header = Zeroizing::new(format!("Basic {}", *encoded));
        let mut authorization = HeaderValue::from_str(&header).map_err(|_| HttpError::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { http, base, key_id, key_secret, webhook_secrets, receipts, authorization })
    }

    /// The name of the key, which browsers need to pay.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl PaymentGateway for Razorpay {
    async fn call(&self, order_id: OrderId, call: &Call, ask_first: bool) -> Answer {
        let mut seen = Seen::default();
        let made = match call {
            Call::CreateIntent { number, amount, capture } => {
                let wanted = calls::NewOrder { order_id, number: *number, amount, capture };
                self.create_order(&mut seen, wanted, ask_first).await
            }
            Call::FindIntent { number } => self.find_order(&mut seen, order_id, *number).await,
            Call::Capture { intent: _, attempt, amount } => {
                self.capture(&mut seen, attempt, *amount, ask_first).await
            }
            Call::Void { intent: _, attempt } => self.void(&mut seen, attempt).await,
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
        notice::read(&self.receipts, &self.webhook_secrets, headers, body)
    }

    fn is_checkout_signature(
        &self,
        intent: &GatewayId,
        attempt: &GatewayId,
        signature: &str,
    ) -> bool {
        let signed = format!("{intent}|{attempt}");
        signature::is_of(&self.key_secret, signed.as_bytes(), signature.as_bytes())
    }

    fn provider(&self) -> Provider {
        Provider::Razorpay
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::gateways::http::HttpLimits;

    fn razorpay(base_url: &str) -> Result<Razorpay, HttpError> {
        razorpay_with("key-canary", "webhook-canary", base_url)
    }

    fn razorpay_with(key: &str, webhook: &str, base_url: &str) -> Result<Razorpay, HttpError> {
        let config = RazorpayConfig {
            key_id: "rzp_test_key".into(),
            key_secret: Secret::new(key),
            webhook_secrets: vec![Secret::new("webhook-older"), Secret::new(webhook)],
            base_url: base_url.into(),
            receipts: Receipts::default(),
        };
        assert!(!format!("{config:?}").contains("canary"));
        Razorpay::new(config, Http::new(HttpLimits::default())?)
    }

    #[test]
    fn secrets_cannot_be_printed() {
        let shown = format!("{:?}", razorpay(BASE_URL).unwrap());
        assert_eq!(shown, r#"Razorpay("rzp_test_key", "https://api.razorpay.com/")"#);
        assert!(razorpay("http://api.razorpay.com").is_err());
    }

    #[test]
    fn nobody_signs_with_an_empty_secret() {
        for (key, webhook) in [("", "b"), ("a", ""), ("", "")] {
            let refused = razorpay_with(key, webhook, BASE_URL);
            assert!(matches!(refused, Err(HttpError::Empty)), "{key} {webhook}");
        }
    }

    #[test]
    fn a_browser_brings_the_word_of_the_gateway_about_what_we_stored() {
        // Python: hmac.new(b"key-canary", b"order_A1|pay_B2", "sha256").hexdigest()
        const RIGHT: &str = "86b6c2ac420c7d1f7a6b42582d45c4cfdbd521b5986409179e253f5ebd1aec1b";
        let razorpay = razorpay(BASE_URL).unwrap();
        let id = |text: &str| GatewayId::new(text).unwrap();
        let check = |intent: &str, attempt: &str, signature: &str| {
            razorpay.is_checkout_signature(&id(intent), &id(attempt), signature)
        };
        assert!(check("order_A1", "pay_B2", RIGHT));
        assert!(!check("order_A2", "pay_B2", RIGHT));
        assert!(!check("order_A1", "pay_B3", RIGHT));
        // Signed with the secret of the webhook.
        assert!(!check(
            "order_A1",
            "pay_B2",
            "774e3baeed48675b084c6aa3f6c31a3f5bbb55cfcb8fee8f762274cfb8ce72d1"
        ));
        for wrong in ["", "0", &RIGHT[1..], &RIGHT.to_uppercase(), &format!("{RIGHT} ")] {
            assert!(!check("order_A1", "pay_B2", wrong), "{wrong}");
        }
    }
}
