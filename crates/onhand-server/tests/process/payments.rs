//! The running binary and a simulated gateway in a process of its own: the server is killed twice
//! at each named point of a commit while money is on its way, and stopped while a gateway does not
//! answer. In the end everything has settled, and both books say the same. And what an operator
//! does about money on the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_core::limits::RECEIPT_MARK_CHARS;
use onhand_server::client::{Address, Connection};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::server::{Ended, ONHAND, Server, json, keyed, run, run_with, verify};

const KEY_SECRET: &str = "canary-key-0123456789";
const WEBHOOK_SECRET: &str = "canary-webhook-0123456789";
/// Longest wait for a process to say something.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait for money to settle: what somebody had begun who died is nobody's for a while.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(400);
/// How long a stop may take with calls on their way.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// More batches than loading the demo data takes.
const AFTER_DEMO: u32 = 20;

/// A simulated gateway in a process of its own.
struct Gateway {
    _child: Child,
    url: String,
    control: Connection,
}

impl Gateway {
    /// One that tells a shop at this address.
    async fn start(shop: &str, extra: &[&str]) -> Self {
        let webhook = format!("http://{shop}/v1/payments/webhooks/razorpay");
        let mut child = Command::new(ONHAND)
            .args(["fake-gateway", "--listen", "127.0.0.1:0", "--seed", "7"])
            .args(["--webhook-url", &webhook])
            .args(extra)
            .envs(secrets())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(PROCESS_TIMEOUT, lines.next_line()).await.unwrap().unwrap().unwrap();
        let url = line.strip_prefix("fake gateway on ").unwrap();
        let url = url.strip_suffix(", seed 7").unwrap().to_owned();
        let control = Connection::new(Address::parse(&url).unwrap());
        Self { _child: child, url, control }
    }

    async fn control(&mut self, path: &str, body: Value) {
        let kind = HeaderValue::from_static("application/json");
        let headers = [(HeaderName::from_static("content-type"), kind)];
        let body = body.to_string().into();
        let reply = self.control.send(Method::POST, path, &headers, body).await.unwrap();
        assert!(reply.status.is_success(), "{path}: {reply:?}");
    }

    /// What was taken and what went back, by the order that it was for; fails where a customer has
    /// paid twice for one.
    async fn ledger(&mut self) -> BTreeMap<String, (i64, i64)> {
        let path = "/_control/ledger?limit=500";
        let reply = self.control.send(Method::GET, path, &[], "".into()).await.unwrap();
        let mut books: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for line in String::from_utf8_lossy(&reply.body).lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let receipt = row["receipt"].as_str().unwrap();
            let (mark, order) = receipt.rsplit_once('-').unwrap().0.split_once('-').unwrap();
            assert_eq!(mark.len(), RECEIPT_MARK_CHARS, "{receipt}");
            let order = order.to_owned();
            let sum = |name: &str| -> i64 {
                let tries = row["payments"].as_array().unwrap().iter();
                tries.map(|one| one[name].as_i64().unwrap()).sum()
            };
            let before = books.insert(order, (sum("captured"), sum("refunded")));
            assert_eq!(before, None, "two orders of the gateway for one of ours: {row}");
        }
        books
    }

    /// How a server has to be set up to ask this gateway.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment: Vec<_> = secrets().into();
        environment.push(("ONHAND_RAZORPAY_URL", self.url.clone().into()));
        // What a dead process had begun is somebody else's the sooner.
        environment.push(("ONHAND_GATEWAY_TIMEOUT_SECS", "1".into()));
        environment.push(("ONHAND_PAYMENT_POLL_SECS", "1,1,1,1,1,1,5".into()));
        environment
    }
}

fn secrets() -> [(&'static str, OsString); 3] {
    [
        ("ONHAND_RAZORPAY_KEY_ID", "rzp_test_0123456789".into()),
        ("ONHAND_RAZORPAY_KEY_SECRET", KEY_SECRET.into()),
        ("ONHAND_RAZORPAY_WEBHOOK_SECRET", WEBHOOK_SECRET.into()),
    ]
}

/// An address at which nobody listens, for a server that is to be found where the last one was.
async fn address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Orders one smartphone, to be paid for through the gateway.
async fn buy(server: &mut Server, key: &str) -> Option<Value> {
    let body = r#"{"items":[{"sku":"smartphone","quantity":1}],"payment":{}}"#;
    let headers = keyed(key);
    let sent = server.connection.send(Method::POST, "/v1/orders", &headers, body.into());
    let reply = sent.await.ok()?;
    assert_eq!(reply.status, 201, "{reply:?}");
    Some(json(&reply))
}

/// Every row of a list.
async fn all(server: &mut Server, path: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = page(server, &format!("{path}?limit=200{cursor}")).await;
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        cursor = format!("&starting_after={next}");
    }
}

/// What is at a path. A connection that was idle for too long is closed by the server, perhaps just
/// when something is asked over it; then it is asked again, over a new one.
async fn page(server: &mut Server, path: &str) -> Value {
    for _ in 0..2 {
        match server.connection.send(Method::GET, path, &[], "".into()).await {
            Ok(reply) => return json(&reply),
            Err(error) => assert!(error.outcome_is_unknown(), "{error}: {}", server.log()),
        }
    }
    panic!("{path} was not answered: {}", server.log())
}

/// Waits until the payments are as wanted; looks again whenever something has happened.
async fn until(server: &mut Server, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let payments = all(server, "/v1/payments").await;
        if is_so(&payments) {
            return payments;
        }
        assert!(began.elapsed() < SETTLE_TIMEOUT, "{payments:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Buys until the server dies at a point of a commit.
async fn buy_until_death(server: &mut Server, name: &str, bought: &mut u32) {
    for _ in 0..100 {
        if buy(server, &format!("key-{bought}")).await.is_none() {
            break;
        }
        *bought += 1;
    }
    assert_ne!(server.exit_code().await, Some(0), "{name} never died");
}

/// Kills a server at a point, in these batches behind the demo's, and compares the books.
async fn check(point: &str, batches: [u32; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let shop = address().await;
    let mut gateway = Gateway::start(&shop, &["--auto-pay"]).await;
    let environment = gateway.environment();
    let mut bought = 0;
    for batch in batches {
        let crash = format!("{point}:{}", AFTER_DEMO + batch);
        let extra = ["--crash-at", &crash];
        let mut server = Server::start_taking(folder.path(), &shop, &extra, &environment).await;
        buy_until_death(&mut server, &crash, &mut bought).await;
    }
    let mut server = Server::start_taking(folder.path(), &shop, &[], &environment).await;
    // The last one may or may not have been placed: the same key finds out.
    buy(&mut server, &format!("key-{bought}")).await.unwrap();
    let is_paid = |payments: &[Value]| payments.iter().all(|one| one["status"] == "captured");
    let payments = until(&mut server, is_paid).await;
    compare(&payments, &gateway.ledger().await);
    for order in all(&mut server, "/v1/orders").await {
        // A worker takes up what is confirmed.
        let is_paid = ["confirmed", "processing"].contains(&order["status"].as_str().unwrap());
        assert!(is_paid, "{point}: {order}");
    }
    assert!(all(&mut server, "/v1/effects").await.iter().all(|row| row["status"] != "dead"));
    server.stop_and_verify().await;
    verify_all(folder.path()).await;
}

/// Both books have the same orders and sums.
fn compare(payments: &[Value], ledger: &BTreeMap<String, (i64, i64)>) {
    let ours = payments.iter().map(|payment| {
        let sum = |name: &str| payment[name]["amount"].as_i64().unwrap();
        let order = payment["order_id"].as_str().unwrap().to_owned();
        (order, (sum("amount_captured"), sum("amount_refunded")))
    });
    assert_eq!(&ours.collect::<BTreeMap<_, _>>(), ledger);
}

async fn verify_all(folder: &Path) {
    let verified = run(folder, "verify", &["--full"]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.text);
}

#[tokio::test]
async fn two_crashes_at_any_point_of_a_commit_take_nobodys_money_twice() {
    // Side by side: most of the time is spent waiting for what the dead had begun.
    tokio::join!(
        check("begun", [2, 7]),
        check("decided", [3, 5]),
        check("written", [4, 9]),
        check("durable", [1, 6]),
    );
}

#[tokio::test]
async fn a_stop_gives_back_what_is_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let shop = address().await;
    let mut gateway = Gateway::start(&shop, &[]).await;
    // The answers begin and never end: the calls stay on their way.
    gateway.control("/_control/faults", json!({"stall": 1.0})).await;
    let mut environment = gateway.environment();
    environment.retain(|(name, _)| *name != "ONHAND_GATEWAY_TIMEOUT_SECS");
    let mut server = Server::start_taking(folder.path(), &shop, &[], &environment).await;
    for number in 0..20 {
        buy(&mut server, &format!("key-{number}")).await.unwrap();
    }
    let leased = async |server: &mut Server| {
        let rows = all(server, "/v1/effects").await;
        rows.iter().filter(|row| row["is_leased"] == true).count()
    };
    let began = Instant::now();
    while leased(&mut server).await == 0 {
        assert!(began.elapsed() < PROCESS_TIMEOUT);
    }
    server.terminate();
    let stopping = Instant::now();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    assert!(stopping.elapsed() < STOP_TIMEOUT, "{:?}", stopping.elapsed());
    gateway.control("/_control/faults", json!({"stall": 0.0})).await;
    let mut server = Server::start_taking(folder.path(), &shop, &[], &environment).await;
    // Nobody waits for a lease to run out: they were handed back.
    let is_open =
        |payments: &[Value]| payments.iter().all(|one| one["status"] == "awaiting_payment");
    let restarted = Instant::now();
    let payments = until(&mut server, is_open).await;
    assert!(restarted.elapsed() < PROCESS_TIMEOUT, "{:?}", restarted.elapsed());
    assert_eq!(payments.len(), 20);
    compare(&payments, &gateway.ledger().await);
    server.stop_and_verify().await;
}

async fn command(folder: &Path, environment: &[(&str, OsString)], words: &[&str]) -> Ended {
    let (command, extra) = words.split_first().unwrap();
    run_with(folder, command, extra, environment).await
}

#[tokio::test]
async fn an_operator_sees_where_the_books_differ_and_what_is_dead() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shop = address().await;
    let mut gateway = Gateway::start(&shop, &["--faults", "lost"]).await;
    let mut environment = gateway.environment();
    environment.retain(|(name, _)| *name != "ONHAND_PAYMENT_POLL_SECS");
    let mut once = environment.clone();
    once.push(("ONHAND_PAYMENT_TRIES", "1".into()));
    let mut server = Server::start_taking(folder, &shop, &[], &once).await;
    buy(&mut server, "one").await.unwrap();
    let open = |payments: &[Value]| payments[0]["status"] == "awaiting_payment";
    let payment = until(&mut server, open).await[0].clone();
    let paid = json!({"order_id": payment["provider_order_id"], "outcome": "pays"});
    gateway.control("/_control/pay", paid).await;
    gateway.control("/_control/faults", json!({"error": 1.0})).await;
    for key in ["two", "three"] {
        buy(&mut server, key).await.unwrap();
    }
    let are_dead = |payments: &[Value]| {
        payments.iter().filter(|one| one["trouble"] != Value::Null).count() == 2
    };
    until(&mut server, are_dead).await;
    gateway.control("/_control/faults", json!({"error": 0.0})).await;
    // The file is locked: whoever has it is asked.
    for words in [["reconcile"].as_slice(), &["effects", "list"], &["effects", "skip", "eff_1"]] {
        let locked = command(folder, &environment, words).await;
        assert_eq!(locked.code, Some(3), "{words:?}: {}", locked.text);
        assert!(locked.text.contains("ONHAND_TOKEN"), "{words:?}: {}", locked.text);
    }
    environment.push(("ONHAND_URL", server.url.clone().into()));
    let keyless = command(folder, &environment, &["reconcile"]).await;
    assert!(keyless.code == Some(3) && keyless.text.contains("needs an API key"));
    environment.push(("ONHAND_TOKEN", server.key.clone().into()));
    operate(folder, &environment).await;
    server.terminate();
    assert_eq!(server.exit_code().await, Some(0), "{}", server.log());
    environment.retain(|(name, _)| !["ONHAND_URL", "ONHAND_TOKEN"].contains(name));
    let listed = command(folder, &environment, &["effects", "list", "--json"]).await;
    assert!(!listed.text.contains("\"dead\""), "{}", listed.text);
    // Beside no server the command asks the gateway itself.
    let asked = command(folder, &environment, &["reconcile", "--ask"]).await;
    assert_eq!(asked.code, Some(0), "{}", asked.text);
    environment.retain(|(name, _)| !name.contains("KEY_ID"));
    let refused = command(folder, &environment, &["reconcile", "--ask"]).await;
    assert!(refused.code == Some(3) && refused.text.contains("configure one of razorpay"));
    verify(folder).await;
}

/// What an operator does through a running server.
async fn operate(folder: &Path, environment: &[(&str, OsString)]) {
    let done = async |words: &[&str]| {
        let ended = command(folder, environment, words).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.text);
        ended.text
    };
    let books = done(&["reconcile"]).await;
    assert!(books.contains("ord_1") && books.contains("ask_gateway"), "{books}");
    assert!(books.contains("create_intent   operator"), "{books}");
    let dead = done(&["effects", "list", "--dead", "--json"]).await;
    let ids: Vec<String> = dead
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().into())
        .collect();
    assert_eq!(ids, ["eff_3", "eff_2"]);
    assert!(done(&["effects", "requeue", "eff_2"]).await.contains("eff_2 of ord_2 is waiting"));
    assert!(done(&["effects", "skip", "eff_3"]).await.contains("eff_3 of ord_3 is done"));
    for (words, code) in [(["effects", "skip", "eff_3"], 3), (["effects", "requeue", "ord_3"], 2)] {
        let refused = command(folder, environment, &words).await;
        assert_eq!(refused.code, Some(code), "{words:?}: {}", refused.text);
    }
    // The first order was paid, and every message about it was lost.
    let books = done(&["reconcile", "--ask", "--json"]).await;
    let rows: Vec<&str> = books.lines().filter(|line| line.starts_with('{')).collect();
    assert!(rows.iter().all(|row| !row.contains("\"ord_1\"")), "{books}");
}
