//! A shop that speaks all dialects and takes payments: a simulated gateway, asked over a real
//! socket, which sends its messages to the shop's own address; and a worker that does what is owed.
//! The shop's clock stands still until a test moves it.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_core::payments::{Capture, Receipts};
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
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::world::{World, spoken};

const KEY_ID: &str = "rzp_test_0123456789";
const KEY_SECRET: &str = "canary-key-0123456789";
const WEBHOOK_SECRET: &str = "canary-webhook-0123456789";
/// Longest wait for anything that should happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for an event before looking all the same.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Till {
    pub(crate) world: World,
    gateway: Address,
    /// The gateway, the worker and the shop's address end with it.
    _tasks: JoinSet<()>,
}

/// The gateways of a shop whose only one is at this address.
pub(crate) fn gateways(base_url: String) -> Gateways {
    let config = RazorpayConfig {
        key_id: KEY_ID.into(),
        key_secret: Secret::new(KEY_SECRET),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
        base_url,
        receipts: Receipts::default(),
    };
    let http = Http::new(HttpLimits::default()).unwrap();
    let mut gateways = Gateways::default();
    gateways.razorpay.replace(Razorpay::new(config, http).unwrap());
    gateways
}

impl Till {
    pub(crate) async fn new() -> Self {
        Self::taking(Capture::Automatic).await
    }

    /// One that takes what is paid at once, or when an operator says so.
    pub(crate) async fn taking(capture: Capture) -> Self {
        let ear = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let told = format!("http://{}/payments/webhook", ear.local_addr().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let soon = Duration::from_millis(1);
        let config = SimulatedConfig {
            key_id: KEY_ID.into(),
            key_secret: Secret::new(KEY_SECRET),
            webhook_secret: Secret::new(WEBHOOK_SECRET),
            webhook_url: Some(told),
            auto_pay: false,
            faults: FaultPlan::default(),
            seed: 7,
            pace: Pace { customer: soon, late: soon, again: soon },
        };
        let mut gateways = gateways(url.clone());
        gateways.defaults.capture = capture;
        let world = World::paid_through(gateways, spoken()).await;
        let mut tasks = JoinSet::new();
        let app = world.app.clone();
        let timing =
            Timing { lease: Duration::from_secs(60), backoff_base: Duration::from_millis(500) };
        let tools = Tools {
            submit: app.submit.clone(),
            gateways: app.gateways.clone(),
            clock: app.clock.clone(),
            wake: app.owed.clone(),
            timing,
            counted: std::sync::Arc::default(),
            trail: app.trail.clone(),
        };
        tasks.spawn(effects::run(tools, std::future::pending()));
        tasks.spawn(async move {
            simulated::serve(config, listener, std::future::pending()).await.unwrap();
        });
        let door = http::listener::Door::new(ear, None, &app.settings.proxies);
        tasks.spawn(http::listener::serve(door, world.main.clone(), std::future::pending()));
        Self { world, gateway: Address::parse(&url).unwrap(), _tasks: tasks }
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let kind = HeaderValue::from_static("application/json");
        let headers = [(HeaderName::from_static("content-type"), kind)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut connection = Connection::new(self.gateway.clone());
        let reply = connection.send(method, path, &headers, body.into()).await.unwrap();
        (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
    }

    /// A customer does something with a gateway's order; what the browser brings back.
    pub(crate) async fn pay(&self, intent: &str, outcome: &str) -> Value {
        let body = json!({"order_id": intent, "outcome": outcome});
        let (status, text) = self.control(Method::POST, "/_control/pay", body).await;
        assert_eq!(status, 200, "{outcome}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What the gateway has taken and given back, of all orders by their names there.
    pub(crate) async fn ledger(&self) -> Vec<(String, i64, i64)> {
        let path = "/_control/ledger?limit=500";
        let (_, text) = self.control(Method::GET, path, Value::Null).await;
        let row = |line: &str| {
            let row: Value = serde_json::from_str(line).unwrap();
            let sum = |name: &str| -> i64 {
                let tries = row["payments"].as_array().unwrap().iter();
                tries.map(|one| one[name].as_i64().unwrap()).sum()
            };
            (row["id"].as_str().unwrap().to_owned(), sum("captured"), sum("refunded"))
        };
        text.lines().map(row).collect()
    }

    /// Waits until something is committed, or a little.
    pub(crate) async fn a_moment(&self) {
        let mut durable = self.world.app.submit.durable();
        durable.borrow_and_update();
        _ = timeout(LOOK_EVERY, durable.changed()).await;
    }

    /// Waits until what `/v1` has at a path is as wanted.
    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waiting = async {
            loop {
                last = self.world.v1(&format!("GET {path}"), "").await.body;
                if is_so(&last) {
                    return;
                }
                self.a_moment().await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{path} stayed {last:#}");
        last
    }

    /// The payment of an order, once the customer can pay.
    pub(crate) async fn payable(&self, order: i64) -> String {
        let path = format!("/v1/payments/pay_{order}");
        let payment = self.until(&path, |payment| payment["provider_order_id"].is_string()).await;
        payment["provider_order_id"].as_str().unwrap().to_owned()
    }

    /// Waits until an order has come to this.
    pub(crate) async fn until_order(&self, order: i64, status: &str) {
        self.until(&format!("/v1/orders/ord_{order}"), |order| order["status"] == status).await;
    }
}
