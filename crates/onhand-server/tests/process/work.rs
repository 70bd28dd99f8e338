//! What follows from an order, over the whole binary: it is taken up, a receiver is told and its
//! customer is written to, once each and in order, whoever is killed meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::Method;
use onhand_server::limits::WEBHOOK_LEASE;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::receiver::Receiver;
use crate::server::{Server, json as read, keyed};

/// Longest wait for everything to come to its end: what somebody had who was killed waits until the
/// lease has ended.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Endpoints on this machine may be told.
const NEARBY: [&str; 3] = ["--webhook-allow-http", "--webhook-allow-private", "127.0.0.0/8"];

async fn post(server: &mut Server, path: &str, key: &str, body: &Value) -> Value {
    let (headers, body) = (keyed(key), body.to_string());
    let sent = server.connection.send(Method::POST, path, &headers, body.into());
    let reply = sent.await.unwrap();
    assert!(reply.status.is_success(), "{path}: {} {}", reply.status, read(&reply));
    read(&reply)
}

/// An order of the customer of the demo data.
async fn order(server: &mut Server, customer: &str, key: &str) {
    let body = json!({"items": [{"sku": "headphones", "quantity": 1}], "customer_id": customer});
    post(server, "/v1/orders", key, &body).await;
}

async fn customer(server: &mut Server) -> String {
    let users = read(&server.get("/v1/users?role=customer").await);
    users["data"][0]["id"].as_str().unwrap().replace("usr_", "cus_")
}

async fn endpoint(server: &mut Server, receiver: &Receiver) -> (String, String) {
    let body = json!({"url": receiver.url, "event_types": ["order.*"]});
    let made = post(server, "/v1/webhook-endpoints", &receiver.url, &body).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Waits until a list is as it should be.
async fn until(server: &mut Server, path: &str, is_right: impl Fn(&Value) -> bool) {
    let mut seen = Value::Null;
    let settled = async {
        loop {
            seen = read(&server.get(path).await);
            if is_right(&seen) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let is_settled = timeout(SETTLE_TIMEOUT, settled).await.is_ok();
    assert!(is_settled, "{path}: {seen}\n{}", server.log());
}

/// Waits until whoever reads the log has taken in everything, and nothing waits.
async fn until_all_is_done(server: &mut Server) {
    let is_done = |consumers: &Value| {
        let rows = consumers["data"].as_array().unwrap();
        rows.len() == 3 && rows.iter().all(|row| row["open"] == 0)
    };
    let all_taken_up = |orders: &Value| {
        let rows = orders["data"].as_array().unwrap();
        rows.iter().all(|order| order["status"] == "processing")
    };
    until(server, "/v1/orders?limit=200", all_taken_up).await;
    let newest = read(&server.get("/v1/events?limit=200").await)["next_after"].clone();
    // What was written last concerns endpoint and mail, who then have all of it.
    let has_all = |consumers: &Value| {
        let rows = consumers["data"].as_array().unwrap().iter();
        rows.filter(|row| row["queue"] != "processing").all(|row| row["cursor"] == newest)
    };
    until(server, "/v1/consumers", |rows| is_done(rows) && has_all(rows)).await;
}

/// Of each mail in a folder its Message-ID.
fn mails(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let letters = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
    letters
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let line = text.lines().find(|line| line.starts_with("Message-ID:")).unwrap();
            line.to_owned()
        })
        .collect()
}

#[tokio::test]
async fn every_order_is_taken_up_told_and_written_about_once_whoever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("letters");
    let mail = format!("--mail=folder:{}", letters.display());
    let arguments = [&NEARBY[..], &[&mail]].concat();
    let receiver = Receiver::start().await;
    let mut server = Server::start(folder.path(), &arguments).await;
    let (customer, (_, secret)) =
        (customer(&mut server).await, endpoint(&mut server, &receiver).await);
    for round in 0..4 {
        for number in 0..15 {
            order(&mut server, &customer, &format!("key-{round}-{number}")).await;
        }
        // In the middle of whatever it is at, each time a little later.
        sleep(Duration::from_millis(20 * round)).await;
        server.kill().await;
        server = Server::start(folder.path(), &arguments).await;
    }
    until_all_is_done(&mut server).await;

    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for message in receiver.heard() {
        assert!(message.is_signed_with(&secret), "{message:?}");
        if seen.insert(message.id.clone()) {
            told.entry(message.about).or_default().push(message.kind);
        }
    }
    assert_eq!(told.len(), 60);
    for (order, kinds) in &told {
        assert_eq!(kinds, &["order.placed", "order.processing"], "{order}");
        let timeline = read(&server.get(&format!("/v1/orders/{order}/timeline")).await);
        let events = timeline["data"].as_array().unwrap();
        assert_eq!(events.len(), 2, "{timeline}");
    }
    let mails = mails(&letters);
    let different: BTreeSet<_> = mails.iter().collect();
    assert_eq!((mails.len(), different.len()), (120, 120), "two for each order, each once");
    server.stop_and_verify().await;
}

#[tokio::test]
async fn an_endpoint_that_is_down_delays_nobody_and_gets_all_of_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    let mut server = Server::start(folder.path(), &NEARBY).await;
    let (customer, _) = (customer(&mut server).await, endpoint(&mut server, &good).await);
    let (bad_id, _) = endpoint(&mut server, &bad).await;
    bad.answer_with(500);
    order(&mut server, &customer, "key-1").await;
    let both = |receiver: &Receiver| {
        let heard = receiver.heard();
        let placed = heard.iter().any(|message| message.kind == "order.placed");
        placed && heard.iter().any(|message| message.kind == "order.processing")
    };
    let deliveries = format!("/v1/webhook-endpoints/{bad_id}/deliveries");
    let is_tried = |page: &Value| {
        let rows = page["data"].as_array().unwrap();
        rows.len() == 2 && rows[1]["attempts"][0]["status"] == 500
    };
    until(&mut server, &deliveries, is_tried).await;
    let page = read(&server.get(&deliveries).await);
    assert_eq!(page["data"][0]["tries"], 0, "what came later waits: {page}");
    until(&mut server, "/v1/consumers", |_| both(&good)).await;
    assert!(!both(&bad));
    bad.answer_with(204);
    let is_done =
        |page: &Value| page["data"].as_array().unwrap().iter().all(|row| row["status"] == "done");
    until(&mut server, &deliveries, is_done).await;
    assert!(both(&bad));
    // One that says that it is gone is disabled, and says why; enabled, it goes on there.
    bad.answer_with(410);
    order(&mut server, &customer, "key-2").await;
    let one = format!("/v1/webhook-endpoints/{bad_id}");
    until(&mut server, &one, |row| row["status"] == "disabled").await;
    let row = read(&server.get(&one).await);
    assert!(row["disabled_reason"].as_str().unwrap().contains("410"), "{row}");
    bad.answer_with(200);
    let before = bad.heard().len();
    let body = json!({"status": "enabled"}).to_string();
    let enabled = server.connection.send(Method::PATCH, &one, &keyed("on"), body.into()).await;
    assert!(enabled.unwrap().status.is_success());
    until(&mut server, &deliveries, |page| {
        let rows = page["data"].as_array().unwrap();
        rows.iter().all(|row| row["status"] == "done" || row["status"] == "dead")
    })
    .await;
    assert!(bad.heard().len() > before);
    server.stop_and_verify().await;
}

/// The lock of the file proves that nobody else has what a dead server had.
#[tokio::test]
async fn what_a_killed_server_had_begun_does_not_wait_for_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut server = Server::start(folder.path(), &NEARBY).await;
    let (customer, _) = (customer(&mut server).await, endpoint(&mut server, &receiver).await);
    receiver.answer_with(0);
    order(&mut server, &customer, "key-1").await;
    until(&mut server, "/v1/consumers", |_| !receiver.heard().is_empty()).await;
    server.kill().await;
    receiver.answer_with(200);
    let began = Instant::now();
    let mut server = Server::start(folder.path(), &NEARBY).await;
    let is_told = |_: &Value| receiver.heard().iter().any(|one| one.kind == "order.processing");
    until(&mut server, "/v1/consumers", is_told).await;
    assert!(began.elapsed() < WEBHOOK_LEASE / 2, "{:?}", began.elapsed());
    assert!(server.log().contains("its leases are"), "{}", server.log());
    server.stop_and_verify().await;
}
