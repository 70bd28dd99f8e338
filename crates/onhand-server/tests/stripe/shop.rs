//! What the tests share: an adapter, orders that nobody else has, and customers with cards.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::payments::{Call, Capture, Notice, Receipts, SeenAttempt, SeenIntent};
use onhand_core::text::GatewayId;
use onhand_engine::clock::{Clock, SystemClock};
use onhand_server::adapters::gateways::http::{Http, HttpLimits};
use onhand_server::adapters::gateways::stripe::{Stripe, StripeConfig};
use onhand_server::adapters::gateways::{Answer, Outcome, PaymentGateway};
use onhand_server::auth::secrets::Secret;

use crate::front::{Direct, Front};
use crate::mail::{Mail, SECRET};

/// Cards that localstripe knows: one that pays, one whose bank says no, one whose bank asks its
/// owner.
pub(crate) const GOOD: &str = "4242424242424242";
pub(crate) const DECLINED: &str = "4000000000000341";
pub(crate) const ASKING: &str = "4000002500003155";

pub(crate) struct Shop {
    pub(crate) front: Front,
    pub(crate) direct: Direct,
    pub(crate) stripe: Stripe,
    mail: Mail,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let mail = Mail::open();
        let front = Front::start().await;
        let stripe = adapter(&front.url, "sk_test_shop", SECRET, Arc::new(SystemClock));
        Self { front, direct: Direct::new(), stripe, mail }
    }

    pub(crate) async fn call(&self, order_id: OrderId, call: &Call, ask_first: bool) -> Answer {
        self.stripe.call(order_id, call, ask_first).await
    }

    /// A call that must be done.
    pub(crate) async fn done(&self, order_id: OrderId, call: &Call, ask_first: bool) -> Answer {
        let answer = self.call(order_id, call, ask_first).await;
        assert_eq!(answer.outcome, Outcome::Done, "{call:?}");
        answer
    }

    /// An order with an intent.
    pub(crate) async fn order(&self, amount: i64, capture: Capture) -> (OrderId, SeenIntent) {
        let order_id = fresh_order();
        let answer = self.done(order_id, &create(amount, capture), false).await;
        let [intent] = &answer.seen.intents[..] else { unreachable!("{answer:?}") };
        (order_id, intent.clone())
    }

    /// A customer tries to pay; what localstripe says to them.
    pub(crate) async fn pay(&self, intent: &GatewayId, card: &str) -> StatusCode {
        let card = [
            ("type", "card"),
            ("card[number]", card),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        let (status, method) = self.direct.post("/v1/payment_methods", &card).await;
        assert_eq!(status, 200, "{method}");
        let path = format!("/v1/payment_intents/{intent}");
        let fields = [("payment_method", method["id"].as_str().unwrap())];
        let (status, updated) = self.direct.post(&path, &fields).await;
        assert_eq!(status, 200, "{updated}");
        self.direct.post(&format!("{path}/confirm"), &[]).await.0
    }

    /// The one attempt that a look finds.
    pub(crate) async fn attempt(&self, order_id: OrderId, intent: &GatewayId) -> SeenAttempt {
        let answer = self.done(order_id, &fetch(intent), false).await;
        let [attempt] = &answer.seen.attempts[..] else { unreachable!("{answer:?}") };
        assert_eq!(attempt.intent.as_ref(), Some(intent));
        attempt.clone()
    }

    /// The next message about an intent, as the adapter reads it.
    pub(crate) async fn notice(&mut self, intent: &GatewayId) -> Notice {
        loop {
            let (headers, body) = self.mail.next().await;
            let notice = self.stripe.read_notice(&headers, &body).unwrap();
            let mut attempts = notice.seen.attempts.iter();
            if attempts.any(|attempt| attempt.intent.as_ref() == Some(intent)) {
                return notice;
            }
        }
    }
}

pub(crate) fn adapter(
    base_url: &str,
    secret_key: &str,
    webhook_secret: &str,
    clock: Arc<dyn Clock>,
) -> Stripe {
    let config = StripeConfig {
        secret_key: Secret::new(secret_key),
        webhook_secrets: vec![Secret::new("whsec_older"), Secret::new(webhook_secret)],
        base_url: base_url.to_owned(),
        receipts: Receipts::default(),
    };
    let http = Http::new(HttpLimits::default()).unwrap();
    Stripe::new(config, http, clock).unwrap()
}

pub(crate) fn dollars(amount: i64) -> Money {
    Money::new(amount, "USD".parse().unwrap())
}

pub(crate) fn create(amount: i64, capture: Capture) -> Call {
    Call::CreateIntent { number: 1, amount: dollars(amount), capture }
}

pub(crate) fn fetch(intent: &GatewayId) -> Call {
    Call::Fetch { intents: vec![intent.clone()] }
}

pub(crate) fn refund(number: u32, attempt: &GatewayId, amount: i64) -> Call {
    Call::Refund { number, attempt: attempt.clone(), amount: dollars(amount) }
}

/// An order that no other test has, nor an earlier run on the same localstripe.
pub(crate) fn fresh_order() -> OrderId {
    OrderId::new(number()).unwrap()
}

fn number() -> i64 {
    static NEXT: OnceLock<AtomicI64> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicI64::new(i64::from(fastrand::u32(1..)) << 20));
    next.fetch_add(1, Ordering::Relaxed)
}
