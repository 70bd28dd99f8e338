//! A simulated gateway on a free port, the adapter that asks it, and an ear for its messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::payments::{Call, Capture, Notice, Receipts};
use onhand_core::text::GatewayId;
use onhand_server::adapters::gateways::http::{Http, HttpLimits};
use onhand_server::adapters::gateways::razorpay::{Razorpay, RazorpayConfig};
use onhand_server::adapters::gateways::simulated::{self, FaultPlan, Pace, SimulatedConfig};
use onhand_server::adapters::gateways::{Answer, NoticeError, Outcome, PaymentGateway};
use onhand_server::auth::secrets::Secret;
use onhand_server::client::{Address, Connection, Reply};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub(crate) const KEY_ID: &str = "rzp_test_0123456789";
pub(crate) const KEY_SECRET: &str = "canary-key-0123456789";
pub(crate) const WEBHOOK_SECRET: &str = "canary-webhook-0123456789";

/// Longest wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the adapter waits here, and how much it reads.
pub(crate) const LIMITS: HttpLimits = HttpLimits {
    connect_timeout: Duration::from_millis(2_000),
    timeout: Duration::from_millis(400),
    answer_bytes_max: 64 << 10,
};

/// The same for whoever is not about to meet an answer that never comes.
pub(crate) const PATIENT: HttpLimits = HttpLimits { timeout: PATIENCE, ..LIMITS };

pub(crate) fn rupees(amount: i64) -> Money {
    Money::new(amount, "INR".parse().unwrap())
}

pub(crate) fn order_id(number: i64) -> OrderId {
    OrderId::new(number).unwrap()
}

pub(crate) fn id(text: &str) -> GatewayId {
    GatewayId::new(text).unwrap()
}

/// The adapter of a gateway at this address.
pub(crate) fn razorpay(base_url: &str, key_secret: &str, limits: HttpLimits) -> Razorpay {
    razorpay_over(Http::new(limits).unwrap(), base_url, key_secret)
}

/// The adapter of another installation that has the same account.
pub(crate) fn neighbour(base_url: &str, first_commit: &[u8; 32]) -> Razorpay {
    let config =
        RazorpayConfig { receipts: Receipts::of(first_commit), ..config(base_url, KEY_SECRET) };
    Razorpay::new(config, Http::new(PATIENT).unwrap()).unwrap()
}

/// The same over this client.
pub(crate) fn razorpay_over(http: Http, base_url: &str, key_secret: &str) -> Razorpay {
    Razorpay::new(config(base_url, key_secret), http).unwrap()
}

fn config(base_url: &str, key_secret: &str) -> RazorpayConfig {
    RazorpayConfig {
        key_id: KEY_ID.into(),
        key_secret: Secret::new(key_secret),
        webhook_secrets: vec![Secret::new("an older one"), Secret::new(WEBHOOK_SECRET)],
        base_url: base_url.into(),
        receipts: Receipts::default(),
    }
}

/// One word for how a call went.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Declined(_) => "declined",
        Outcome::Retry { .. } => "retry",
        Outcome::Unknown(_) => "unknown",
    }
}

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) razorpay: Razorpay,
    control: Connection,
    messages: mpsc::Receiver<(HeaderMap, Bytes)>,
    /// How many further messages are refused.
    pub(crate) refusals: Arc<AtomicU32>,
    /// The gateway stops when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl World {
    pub(crate) async fn new(limits: HttpLimits) -> Self {
        Self::with(limits, false, Pace { late: PATIENCE, ..Pace::default() }).await
    }

    pub(crate) async fn with(limits: HttpLimits, auto_pay: bool, pace: Pace) -> Self {
        let (heard, messages) = mpsc::channel(1_000);
        let refusals = Arc::new(AtomicU32::new(0));
        let left = refusals.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let minus_one = |left: u32| left.checked_sub(1);
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, minus_one).is_ok() {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            heard.send((headers, body)).await.unwrap();
            StatusCode::OK
        };
        let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ear_url = format!("http://{}/hooks", ear.local_addr().unwrap());
        let router = Router::new().route("/hooks", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(ear, router).await });

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = SimulatedConfig {
            key_id: KEY_ID.into(),
            key_secret: Secret::new(KEY_SECRET),
            webhook_secret: Secret::new(WEBHOOK_SECRET),
            webhook_url: Some(ear_url),
            auto_pay,
            faults: FaultPlan::default(),
            seed: 7,
            pace,
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { _ = stopped.await };
        tokio::spawn(async move { simulated::serve(config, listener, stopped).await.unwrap() });
        let razorpay = razorpay(&url, KEY_SECRET, limits);
        let control = Connection::new(Address::parse(&url).unwrap());
        Self { url, razorpay, control, messages, refusals, _stop: stop }
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, body: Value) -> Reply {
        let kind = HeaderValue::from_static("application/json");
        let headers = [(HeaderName::from_static("content-type"), kind)];
        let body = if method == Method::GET { String::new() } else { body.to_string() };
        self.control.send(method, path, &headers, body.into()).await.unwrap()
    }

    async fn control(&mut self, path: &str, body: Value) -> Value {
        let reply = self.send(Method::POST, path, body).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert_eq!(reply.status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// From now on this happens at this rate.
    pub(crate) async fn fault(&mut self, name: &str, rate: f64) {
        self.control("/_control/faults", json!({ name: rate })).await;
    }

    /// A customer does something; what the browser brings back.
    pub(crate) async fn pay(&mut self, intent: &GatewayId, outcome: &str) -> Value {
        let body = json!({ "order_id": intent.as_str(), "outcome": outcome });
        self.control("/_control/pay", body).await
    }

    /// A customer does something; the payment.
    pub(crate) async fn paid(&mut self, intent: &GatewayId, outcome: &str) -> GatewayId {
        id(self.pay(intent, outcome).await["razorpay_payment_id"].as_str().unwrap())
    }

    pub(crate) async fn hurry(&mut self) {
        self.control("/_control/deliver", json!({})).await;
    }

    /// Everything in the gateway's ledger, page by page.
    pub(crate) async fn ledger(&mut self) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let last = rows.last().map_or("", |row| row["id"].as_str().unwrap());
            let path = format!("/_control/ledger?limit=3&after={last}");
            let reply = self.send(Method::GET, &path, Value::Null).await;
            let text = String::from_utf8(reply.body.to_vec()).unwrap();
            let page = text.lines().map(|line| serde_json::from_str(line).unwrap());
            let before = rows.len();
            rows.extend(page);
            if rows.len() == before {
                return rows;
            }
        }
    }

    /// How many requests the gateway had with the right key.
    pub(crate) async fn requests(&mut self) -> i64 {
        let reply = self.send(Method::GET, "/_control/state", Value::Null).await;
        let state: Value = serde_json::from_slice(&reply.body).unwrap();
        state["counts"]["requests"].as_i64().unwrap()
    }

    /// The next message as it came.
    pub(crate) async fn heard(&mut self) -> (HeaderMap, Bytes) {
        timeout(PATIENCE, self.messages.recv()).await.unwrap().unwrap()
    }

    /// The next message as the adapter reads it.
    pub(crate) async fn notice(&mut self) -> Result<Notice, NoticeError> {
        let (headers, body) = self.heard().await;
        self.razorpay.read_notice(&headers, &body)
    }

    /// Whether no message is waiting.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.messages.try_recv().is_err()
    }

    pub(crate) async fn call(&self, order: i64, call: &Call, ask_first: bool) -> Answer {
        self.razorpay.call(order_id(order), call, ask_first).await
    }

    /// Makes a call that succeeds.
    pub(crate) async fn done(&self, order: i64, call: &Call) -> Answer {
        let answer = self.call(order, call, false).await;
        assert_eq!(answer.outcome, Outcome::Done);
        answer
    }

    /// An order of the gateway.
    pub(crate) async fn intent(&self, order: i64, capture: Capture) -> GatewayId {
        let call = Call::CreateIntent { number: 1, amount: rupees(50_000), capture };
        self.done(order, &call).await.seen.intents[0].id.clone()
    }
}
