//! A gateway whose sums do not add up: it is believed when it says the same three times, and not
//! when it says something else in between. What was never true would be given back for ever.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use onhand_core::payments::{AttemptState, Call};
use onhand_server::adapters::gateways::{Answer, PaymentGateway};
use serde_json::{Value, json};

use crate::world::{KEY_SECRET, PATIENT, id, order_id, razorpay, word};

/// What it says at one look: what was paid of an order, how the one payment of it stands, what
/// went back.
#[derive(Clone, Copy)]
struct Told {
    paid: i64,
    amount: i64,
    amount_refunded: i64,
    refunded: i64,
    refund_is: &'static str,
}

const RIGHT: Told =
    Told { paid: 500, amount: 500, amount_refunded: 0, refunded: 0, refund_is: "processed" };

struct Gateway {
    /// Look after look; the last is repeated.
    says: Vec<Told>,
    /// How often a look began.
    looks: usize,
}

impl Gateway {
    fn answer(&mut self, path: &str) -> Option<Value> {
        let begins = ["/v1/orders/order_1/payments", "/v1/payments/pay_1"].contains(&path);
        self.looks += usize::from(begins);
        let Told { paid, amount, amount_refunded, refunded, refund_is } =
            self.says[self.looks.min(self.says.len()) - 1];
        let payment = json!({"id": "pay_1", "order_id": "order_1", "amount": amount,
            "currency": "INR", "status": "captured", "captured": true,
            "amount_refunded": amount_refunded});
        let refund = json!({"id": "rfnd_1", "payment_id": "pay_1", "amount": refunded,
            "currency": "INR", "status": refund_is});
        let refunds = if refunded == 0 { vec![] } else { vec![refund] };
        match path {
            "/v1/orders/order_1" => Some(json!({"id": "order_1", "amount": 500,
                "currency": "INR", "amount_paid": paid})),
            "/v1/orders/order_1/payments" => Some(json!({ "items": [payment] })),
            "/v1/payments/pay_1" => Some(payment),
            "/v1/payments/pay_1/refunds" => Some(json!({ "items": refunds })),
            _ => None,
        }
    }
}

async fn handle(State(gateway): State<Arc<Mutex<Gateway>>>, uri: Uri) -> (StatusCode, String) {
    match gateway.lock().unwrap().answer(uri.path()) {
        Some(body) => (StatusCode::OK, body.to_string()),
        None => (StatusCode::NOT_FOUND, String::new()),
    }
}

/// Asks a gateway that says these things, and counts how often it was looked.
async fn ask(call: &Call, says: &[Told]) -> (Answer, usize) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Arc::new(Mutex::new(Gateway { says: says.to_vec(), looks: 0 }));
    let routes = Router::new().fallback(handle).with_state(gateway.clone());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let answer = razorpay(&url, KEY_SECRET, PATIENT).call(order_id(42), call, false).await;
    server.abort();
    let looks = gateway.lock().unwrap().looks;
    (answer, looks)
}

async fn check(call: &Call, says: &[Told], wanted: (&str, usize)) {
    let (answer, looks) = ask(call, says).await;
    assert_eq!((word(&answer.outcome), looks), wanted, "{answer:?}");
    let is_believed = wanted.0 != "retry";
    let taken: Vec<_> = answer.seen.attempts.iter().map(|one| (one.state, one.captured)).collect();
    let told = says[says.len() - 1];
    let believed = [(AttemptState::Captured, told.amount)];
    assert_eq!(taken, if is_believed { &believed[..] } else { &[] }, "{answer:?}");
    assert!(is_believed || answer.seen.refunds.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn sums_that_do_not_add_up_are_believed_when_said_thrice() {
    let fetch = Call::Fetch { intents: vec![id("order_1")] };
    check(&fetch, &[RIGHT], ("done", 1)).await;
    let back = Told { amount_refunded: 200, refunded: 200, ..RIGHT };
    check(&fetch, &[back], ("done", 1)).await;
    let failed = Told { refunded: 200, refund_is: "failed", ..RIGHT };
    check(&fetch, &[failed], ("done", 1)).await;
    for odd in [
        Told { paid: 400, ..RIGHT },
        Told { paid: 700, amount: 700, ..RIGHT },
        Told { amount_refunded: 200, ..RIGHT },
        Told { refunded: 200, ..RIGHT },
        Told { amount_refunded: 200, refunded: 200, refund_is: "failed", ..RIGHT },
    ] {
        check(&fetch, &[odd], ("done", 3)).await;
        let other = Told { amount: 650, ..odd };
        check(&fetch, &[odd, other], ("retry", 2)).await;
        check(&fetch, &[odd, odd, other], ("retry", 3)).await;
    }
}

#[tokio::test]
async fn money_that_was_to_be_let_go_is_taken_when_that_is_said_thrice() {
    let void = Call::Void { intent: Some(id("order_1")), attempt: id("pay_1") };
    check(&void, &[RIGHT], ("declined", 3)).await;
    let other = Told { amount: 650, ..RIGHT };
    check(&void, &[RIGHT, other], ("retry", 2)).await;
    check(&void, &[RIGHT, RIGHT, other], ("retry", 3)).await;
}
