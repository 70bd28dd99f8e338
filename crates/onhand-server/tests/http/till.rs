//! A shop that takes payments: a simulated gateway, asked over a real socket, which sends its
//! messages to the shop's own address; and a worker that does what is owed. The shop's clock stands
//! still until a test moves it, so that nothing is asked again by itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use hmac::{KeyInit, Mac};
use onhand_core::payments::{Policy, Receipts};
use onhand_server::adapters::gateways::http::{Http, HttpLimits};
use onhand_server::adapters::gateways::razorpay::{Razorpay, RazorpayConfig};
use onhand_server::adapters::gateways::simulated::{self, FaultPlan, Pace, SimulatedConfig};
use onhand_server::auth::secrets::Secret;
use onhand_server::client::{Address, Connection};
use onhand_server::http;
use onhand_server::payments::gateways::Gateways;
use onhand_server::workers::effects::{self, Timing, Tools};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::world::{Reply, World};

pub(crate) const KEY_ID: &str = "rzp_test_0123456789";
const KEY_SECRET: &str = "canary-key-0123456789";
const WEBHOOK_SECRET: &str = "canary-webhook-0123456789";
/// Where messages of the gateway are taken in.
pub(crate) const NOTICES: &str = "/v1/payments/webhooks/razorpay";

/// Longest wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait for an event before looking all the same.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The gateways of a shop whose gateway is at this address.
pub(crate) fn gateways(base_url: &str) -> Gateways {
    let config = RazorpayConfig {
        key_id: KEY_ID.into(),
        key_secret: Secret::new(KEY_SECRET),
        webhook_secrets: vec![Secret::new("an older one"), Secret::new(WEBHOOK_SECRET)],
        base_url: base_url.into(),
        receipts: Receipts::default(),
    };
    let http = Http::new(HttpLimits::default()).unwrap();
    let mut gateways = Gateways::default();
    gateways.razorpay.replace(Razorpay::new(config, http).unwrap());
    gateways
}

/// What Razorpay's key signs.
pub(crate) fn signed_by_key(text: &str) -> String {
    signature(KEY_SECRET, text.as_bytes())
}

/// The signature of a message, made apart from the code that checks it.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let bytes = mac.chain_update(body).finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) struct Till {
    pub(crate) world: World,
    control: Mutex<Connection>,
    calls: AtomicU32,
    /// The gateway, the worker and the shop's address end with it.
    _tasks: JoinSet<()>,
}

impl Till {
    /// One at which customers do what a test says, and hear nothing of what goes wrong.
    pub(crate) async fn new() -> Self {
        Self::with(Policy::default(), true).await
    }

    /// One whose gateway may be silent about all that happens there.
    pub(crate) async fn with(policy: Policy, hears: bool) -> Self {
        let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ear_url = format!("http://{}{NOTICES}", ear.local_addr().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = SimulatedConfig {
            key_id: KEY_ID.into(),
            key_secret: Secret::new(KEY_SECRET),
            webhook_secret: Secret::new(WEBHOOK_SECRET),
            webhook_url: hears.then_some(ear_url),
            auto_pay: false,
            faults: FaultPlan::default(),
            seed: 7,
            pace: Pace {
                customer: Duration::from_millis(1),
                late: Duration::from_millis(1),
                again: Duration::from_millis(1),
            },
        };
        let world = World::with(gateways(&url), policy).await;
        let mut tasks = JoinSet::new();
        let app = world.app.clone();
        let tools = Tools {
            submit: app.submit.clone(),
            gateways: app.gateways.clone(),
            clock: app.clock.clone(),
            wake: app.owed.clone(),
            timing: Timing {
                lease: Duration::from_secs(60),
                backoff_base: Duration::from_millis(500),
            },
            counted: std::sync::Arc::default(),
            trail: app.trail.clone(),
        };
        tasks.spawn(effects::run(tools, std::future::pending()));
        tasks.spawn(async move {
            simulated::serve(config, listener, std::future::pending()).await.unwrap();
        });
        let door = http::listener::Door::new(ear, None, &app.settings.proxies);
        tasks.spawn(http::listener::serve(door, world.router.clone(), std::future::pending()));
        let control = Mutex::new(Connection::new(Address::parse(&url).unwrap()));
        Self { world, control, calls: AtomicU32::new(0), _tasks: tasks }
    }

    /// A key that nobody has used.
    pub(crate) fn fresh_key(&self) -> String {
        format!("till-{}", self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// Posts as an admin under a key of its own.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.world.post(path, &self.fresh_key(), body).await
    }

    /// The same, and expects a status.
    pub(crate) async fn did(&self, path: &str, body: Value, status: u16) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        reply.body
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Vec<u8> {
        let kind = HeaderValue::from_static("application/json");
        let headers = [(HeaderName::from_static("content-type"), kind)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut control = self.control.lock().await;
        let reply = control.send(method, path, &headers, body.into()).await.unwrap();
        assert!(reply.status.is_success(), "{path}: {:?}", reply.body);
        reply.body.to_vec()
    }

    /// Tells the gateway what happens at it.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        serde_json::from_slice(&self.send(Method::POST, path, body).await).unwrap()
    }

    /// From now on this happens at this rate.
    pub(crate) async fn fault(&self, name: &str, rate: f64) {
        self.control("/_control/faults", json!({ name: rate })).await;
    }

    /// A customer does something with a payment; what the browser brings back.
    pub(crate) async fn pay(&self, payment: &Value, outcome: &str) -> Value {
        let body = json!({ "order_id": payment["provider_order_id"], "outcome": outcome });
        self.control("/_control/pay", body).await
    }

    /// The rows of the gateway's own ledger.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let text = self.send(Method::GET, "/_control/ledger?limit=500", Value::Null).await;
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until what is at a path is as wanted.
    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut durable = self.world.app.submit.durable();
        let mut last = Value::Null;
        let waiting = async {
            loop {
                durable.borrow_and_update();
                last = self.world.get(path).await.body;
                if is_so(&last) {
                    return;
                }
                // Also what no event tells may have changed: who has an effect.
                _ = timeout(LOOK_EVERY, durable.changed()).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{path} stayed {last:#}");
        last
    }

    /// Waits until a payment has come to this.
    pub(crate) async fn until_status(&self, payment: &Value, status: &str) -> Value {
        let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
        self.until(&path, |payment| payment["status"] == status).await
    }

    /// Places an order of one smartphone (8399999 minor units) that is to be paid so; its
    /// payment, once the customer can pay.
    pub(crate) async fn sell(&self, capture: &str) -> Value {
        let payment = json!({"provider": "razorpay", "capture": capture});
        let order = json!({"items": [{"sku": "smartphone", "quantity": 1}], "payment": payment});
        let order = self.did("/v1/orders", order, 201).await;
        self.until_status(&order["payment"], "awaiting_payment").await
    }

    /// Sends a message as the gateway does, signed.
    pub(crate) async fn notify(&self, event_id: &str, body: &str) -> Reply {
        let signature = signature(WEBHOOK_SECRET, body.as_bytes());
        self.notify_signed(event_id, body, &signature).await
    }

    /// The same with any signature.
    pub(crate) async fn notify_signed(&self, event: &str, body: &str, signature: &str) -> Reply {
        let headers = [
            ("content-type", "application/json"),
            ("x-razorpay-event-id", event),
            ("x-razorpay-signature", signature),
        ];
        self.world.knock(Method::POST, NOTICES, &headers, body.to_owned()).await
    }
}

/// The same with names of its own for what the gateway has named by its clock.
pub(crate) fn anonymous(value: &Value) -> Value {
    let mut text = value.to_string();
    for prefix in ["order_", "pay_", "rfnd_"] {
        let mut number = 0;
        while let Some(at) = position_of_foreign(&text, prefix) {
            let id = text[at..at + prefix.len() + 14].to_owned();
            number += 1;
            text = text.replace(&id, &format!("{prefix}OF-GATEWAY-{number}"));
        }
    }
    serde_json::from_str(&text).unwrap()
}

/// Where a name of the gateway stands: 14 letters and digits behind the prefix.
fn position_of_foreign(text: &str, prefix: &str) -> Option<usize> {
    text.match_indices(prefix).map(|(at, _)| at).find(|at| {
        let rest = &text.as_bytes()[at + prefix.len()..];
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        letters == 14 && text.as_bytes()[at - 1] == b'"'
    })
}
