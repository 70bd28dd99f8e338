//! Whoever moves an order and its money at once: each pair of them starts behind a barrier, at
//! orders that are paid and nobody has heard of it, and at orders whose money is set aside. Whoever
//! comes second is refused or changes nothing; in the end both books say the same, and an order
//! that has ended keeps no money (F31, F32).

use std::sync::Arc;

use axum::http::Method;
use onhand_core::payments::Policy;
use onhand_core::{Actor, Command, inventory};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::till::Till;

const PRICE: i64 = 8_399_999;

/// Whoever may move an order or its money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mover {
    /// The customer, or an operator.
    Cancel,
    /// The gateway says that the money is there.
    Notice,
    /// The browser comes back from the checkout.
    Return,
    /// An operator takes what is set aside.
    Capture,
    /// An operator lets it go.
    Void,
    /// An operator gives some of it back.
    Refund,
    /// The sweeper, after the hold has run out.
    Expire,
    /// The warehouse.
    Fulfil,
}

const MOVERS: [Mover; 8] = [
    Mover::Cancel,
    Mover::Notice,
    Mover::Return,
    Mover::Capture,
    Mover::Void,
    Mover::Refund,
    Mover::Expire,
    Mover::Fulfil,
];

/// An order, and what the browser brought from the checkout.
#[derive(Debug, Clone)]
struct Sold {
    outcome: &'static str,
    payment: Value,
    brought: Value,
}

impl Sold {
    fn id(&self, name: &str) -> &str {
        self.payment[name].as_str().unwrap()
    }

    fn attempt(&self) -> &str {
        self.brought["razorpay_payment_id"].as_str().unwrap()
    }
}

async fn act(till: &Till, sold: &Sold, mover: Mover) -> (u16, Value) {
    let order = |action: &str| format!("/v1/orders/{}/{action}", sold.id("order_id"));
    let payment = |action: &str| format!("/v1/payments/{}/{action}", sold.id("id"));
    let (path, body) = match mover {
        Mover::Cancel => (order("cancel"), json!({})),
        Mover::Fulfil => (order("fulfilments"), json!({})),
        Mover::Capture => (payment("capture"), json!({})),
        Mover::Void => (payment("void"), json!({})),
        Mover::Refund => {
            (payment("refunds"), json!({"amount": {"amount": 500, "currency": "INR"}}))
        }
        Mover::Return => {
            let body = json!({"provider_payment_id": sold.attempt(),
                "signature": sold.brought["razorpay_signature"]});
            (payment("checkout-return"), body)
        }
        Mover::Notice => {
            let entity = json!({"id": sold.attempt(), "order_id": sold.id("provider_order_id"),
                "amount": PRICE, "currency": "INR", "status": sold.outcome,
                "captured": sold.outcome == "captured"});
            let body = json!({"event": format!("payment.{}", sold.outcome),
                "payload": {"payment": {"entity": entity}}});
            let reply = till.notify(&till.fresh_key(), &body.to_string()).await;
            return (reply.status, reply.body);
        }
        Mover::Expire => {
            let command = Command::Inventory(inventory::Command::ExpireDue { most: 100 });
            let answer = till.world.app.submit.submit(command, Actor::System, None).await;
            assert!(answer.unwrap().outcome.is_ok());
            return (200, Value::Null);
        }
    };
    let reply = till.post(&path, body).await;
    (reply.status, reply.body)
}

/// Sells something; paid for at the gateway as the outcome says.
async fn sold(till: &Till, outcome: &'static str) -> Sold {
    let payment = till.sell("manual").await;
    let brought = till.pay(&payment, outcome).await;
    Sold { outcome, payment, brought }
}

async fn race(till: &Arc<Till>, sold: &Sold, movers: &[Mover]) {
    if movers.contains(&Mover::Expire) {
        till.world.clock.advance_secs(601);
    }
    let barrier = Arc::new(Barrier::new(movers.len()));
    let mut racing = JoinSet::new();
    for mover in movers.iter().copied() {
        let (till, sold, barrier) = (till.clone(), sold.clone(), barrier.clone());
        racing.spawn(async move {
            barrier.wait().await;
            let (status, body) = act(&till, &sold, mover).await;
            assert!(matches!(status, 200..=202 | 409), "{mover:?}: {status} {body}");
        });
    }
    racing.join_all().await;
}

/// Lets everything come to its end: messages, calls, and two rounds of asking the gateway.
async fn settle(till: &Till) {
    for secs in [0, 901, 3_601, 3_601] {
        till.world.clock.advance_secs(secs);
        let now = till.world.app.clock.now();
        let is_quiet = |page: &Value| {
            page["data"].as_array().unwrap().iter().all(|row| {
                let due_at: onhand_core::Timestamp =
                    row["due_at"].as_str().unwrap().parse().unwrap();
                row["is_leased"] == false && due_at > now && row["status"] == "waiting"
            })
        };
        till.until("/v1/effects?limit=200", is_quiet).await;
    }
}

/// Both books say the same of an order, and it keeps what it should.
async fn check(till: &Till, sold: &Sold, ledger: &[Value], name: &str) {
    let path = format!("/v1/payments/{}", sold.id("id"));
    let payment = till.world.get(&path).await.body;
    let order = till.world.get(&format!("/v1/orders/{}", sold.id("order_id"))).await.body;
    let row = ledger.iter().find(|row| row["id"] == sold.payment["provider_order_id"]).unwrap();
    let sum = |field: &str| -> i64 {
        let tries = row["payments"].as_array().unwrap().iter();
        tries.map(|one| one[field].as_i64().unwrap()).sum()
    };
    let ours = |field: &str| payment[field]["amount"].as_i64().unwrap();
    let (captured, refunded) = (ours("amount_captured"), ours("amount_refunded"));
    let name = format!("{name}: {order:#} {payment:#} {row:#}");
    assert_eq!((captured, refunded), (sum("captured"), sum("refunded")), "{name}");
    let refunds = payment["refunds"].as_array().unwrap();
    let asked: i64 = refunds
        .iter()
        .filter(|refund| refund["cause"] == "requested")
        .map(|refund| refund["amount"]["amount"].as_i64().unwrap())
        .sum();
    assert!(refunds.iter().all(|refund| refund["status"] == "processed"), "{name}");
    match order["status"].as_str().unwrap() {
        "cancelled" | "expired" => assert_eq!(captured, refunded, "{name}"),
        // Set aside is enough to be sent, as long as nobody has taken it.
        "confirmed" | "fulfilled" if captured == 0 => {
            assert_eq!(payment["amount_authorized"]["amount"], PRICE, "{name}");
        }
        "confirmed" | "fulfilled" => assert_eq!((captured, refunded), (PRICE, asked), "{name}"),
        status => panic!("{status}: {name}"),
    }
}

/// Every two of them, also twice the same one.
fn pairs() -> Vec<Vec<Mover>> {
    let with = |at: usize| MOVERS[at..].iter().map(move |second| vec![MOVERS[at], *second]);
    (0..MOVERS.len()).flat_map(with).collect()
}

/// Every three of them.
fn triples() -> Vec<Vec<Mover>> {
    let of_pair = |pair: Vec<Mover>| {
        let last = MOVERS.iter().position(|mover| *mover == pair[1]).unwrap();
        let thirds = MOVERS[last + 1..].iter();
        thirds.map(|third| [&pair[..], &[*third]].concat()).collect::<Vec<_>>()
    };
    pairs().into_iter().filter(|pair| pair[0] != pair[1]).flat_map(of_pair).collect()
}

async fn every_one_of(groups: Vec<Vec<Mover>>, outcome: &'static str, is_known: bool) {
    let till = Arc::new(Till::with(Policy::default(), false).await);
    let mut races = Vec::new();
    for group in groups {
        let sold = sold(&till, outcome).await;
        if is_known {
            // The gateway is asked, and says how things stand.
            act(&till, &sold, Mover::Return).await;
            let is_heard = |payment: &Value| payment["attempts"] != json!([]);
            let path = format!("/v1/payments/{}", sold.id("id"));
            till.until(&path, is_heard).await;
        }
        race(&till, &sold, &group).await;
        races.push((format!("{group:?}, {outcome}"), sold));
    }
    settle(&till).await;
    let ledger = till.ledger().await;
    for (name, sold) in &races {
        check(&till, sold, &ledger, name).await;
    }
    till.world.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_races_for_money_that_nobody_has_heard_of_comes_to_one_end() {
    every_one_of(pairs(), "captured", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_races_for_money_that_is_there_comes_to_one_end() {
    every_one_of(pairs(), "captured", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_races_for_money_that_is_set_aside_comes_to_one_end() {
    every_one_of(pairs(), "authorized", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_who_race_for_one_order_come_to_one_end() {
    assert_eq!((pairs().len(), triples().len()), (36, 56));
    every_one_of(triples(), "captured", false).await;
    every_one_of(triples(), "authorized", true).await;
}

#[tokio::test]
async fn the_loser_is_told_where_the_order_is_now() {
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    let order = format!("/v1/orders/{}", payment["order_id"].as_str().unwrap());
    till.did(&format!("{order}/cancel"), json!({}), 200).await;
    let again = till.did(&format!("{order}/cancel"), json!({}), 409).await;
    assert_eq!(
        (&again["code"], &again["order_status"]),
        (&json!("invalid_transition"), &json!("cancelled"))
    );
    let start = till.did(&format!("{order}/payments"), json!({}), 409).await;
    assert_eq!(
        (&start["code"], &start["order_status"]),
        (&json!("not_payable"), &json!("cancelled"))
    );
    let read = till.world.send(Method::GET, &order, &[], "").await;
    assert_eq!(read.body["payment"]["status"], "cancelled");
}
