//! What a gateway sends, and what somebody else sends in its name: forged, altered, sent again, too
//! large, unknown, unreadable, about another amount, and fifty times at once.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use onhand_core::payments::Policy;
use onhand_server::limits::NOTICE_BYTES_MAX;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::till::{NOTICES, Till, signature};

const PRICE: i64 = 8_399_999;
/// A try that the gateway has told nobody of.
const ATTEMPT: &str = "pay_ofSomebody0001";

/// What the gateway says of a try to pay.
fn message(kind: &str, payment: &Value, attempt: &str, amount: i64) -> String {
    let status = kind.strip_prefix("payment.").unwrap();
    let entity = json!({
        "id": attempt, "order_id": payment["provider_order_id"], "amount": amount,
        "currency": "INR", "status": status, "captured": status == "captured",
    });
    json!({"event": kind, "payload": {"payment": {"entity": entity}}}).to_string()
}

/// One whose gateway tells nobody of anything: what comes, the test has sent.
async fn silent() -> Till {
    Till::with(Policy::default(), false).await
}

fn path(payment: &Value) -> String {
    format!("/v1/payments/{}", payment["id"].as_str().unwrap())
}

/// How often something happened to the order of a payment.
async fn count(till: &Till, payment: &Value, kind: &str) -> usize {
    let order = payment["order_id"].as_str().unwrap();
    let timeline = till.world.get(&format!("/v1/orders/{order}/timeline")).await.body;
    let events = timeline["data"].as_array().unwrap();
    events.iter().filter(|event| event["type"] == kind).count()
}

#[tokio::test]
async fn what_the_gateway_has_not_signed_is_not_read() {
    let till = silent().await;
    let payment = till.sell("automatic").await;
    let before = till.world.events().await;
    let body = message("payment.captured", &payment, ATTEMPT, PRICE);
    let right = signature("canary-webhook-0123456789", body.as_bytes());
    let wrong_digit = if right.ends_with('0') { "1" } else { "0" };
    for forged in [
        signature("canary-key-0123456789", body.as_bytes()),
        signature("", body.as_bytes()),
        right.to_uppercase(),
        right[..63].to_owned(),
        right[..63].to_owned() + wrong_digit,
        right.clone() + "0",
        format!("sha256={right}"),
        format!("{right},{right}"),
        String::new(),
    ] {
        let reply = till.notify_signed("evt_1", &body, &forged).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (401, &json!("signature_wrong")),
            "{forged}"
        );
    }
    let unsigned = [("content-type", "application/json")];
    let reply = till.world.knock(Method::POST, NOTICES, &unsigned, body.clone()).await;
    assert_eq!((reply.status, &reply.body["code"]), (401, &json!("signature_missing")));
    // A caller who may do everything is no gateway.
    let reply = till.world.send(Method::POST, NOTICES, &unsigned, body.clone()).await;
    assert_eq!(reply.status, 401);
    assert_eq!(till.world.events().await, before);
    assert_eq!(till.notify_signed("evt_1", &body, &right).await.status, 200);
    till.until_status(&payment, "captured").await;
}

#[tokio::test]
async fn what_was_signed_and_then_changed_is_not_read() {
    let till = silent().await;
    let payment = till.sell("automatic").await;
    let before = till.world.events().await;
    let body = message("payment.captured", &payment, ATTEMPT, PRICE);
    let right = signature("canary-webhook-0123456789", body.as_bytes());
    let value: Value = serde_json::from_str(&body).unwrap();
    let mut altered = vec![
        serde_json::to_string_pretty(&value).unwrap(),
        format!("{body} "),
        format!("\n{body}"),
        format!("\u{feff}{body}"),
        body.replace(':', ": "),
        body.replace("INR", "USD"),
        body.replace(ATTEMPT, "pay_ofSomebody0002"),
        body.replace(&PRICE.to_string(), "1"),
        body.replace("captured", "failed"),
        body.replace('/', "\\/").replace("INR", "\\u0049NR"),
        "{}".to_owned(),
        String::new(),
    ];
    // Every byte once in another form, whatever stands there.
    for at in (0..body.len()).step_by(7) {
        let mut bytes = body.clone().into_bytes();
        bytes[at] ^= 1;
        altered.extend(String::from_utf8(bytes));
    }
    for altered in altered.into_iter().filter(|altered| *altered != body) {
        let reply = till.notify_signed("evt_1", &altered, &right).await;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (401, &json!("signature_wrong")),
            "{altered}"
        );
    }
    assert_eq!(till.world.events().await, before);
    assert_eq!(till.world.get("/v1/reconciliation").await.body["unmatched"], json!([]));
}

#[tokio::test]
async fn the_same_message_counts_once_by_whatever_name_it_comes() {
    let till = silent().await;
    let payment = till.sell("automatic").await;
    let body = message("payment.captured", &payment, ATTEMPT, PRICE);
    assert_eq!(till.notify("evt_1", &body).await.body, json!({"received": true}));
    let paid = till.until_status(&payment, "captured").await;
    let before = till.world.events().await;
    // The name is in a header that nobody signs: the body tells.
    for name in ["evt_1", "evt_2", "", "evt_\u{e9}"] {
        assert_eq!(till.notify(name, &body).await.status, 200, "{name}");
    }
    // Another body under a name that was heard before is the same event.
    let failed = message("payment.failed", &payment, "pay_ofSomebody0002", PRICE);
    assert_eq!(till.notify("evt_1", &failed).await.status, 200);
    assert_eq!(till.world.events().await, before);
    let after = till.world.get(&path(&payment)).await.body;
    assert_eq!((&after["version"], &after["amount_captured"]), (&paid["version"], &paid["amount"]));
}

#[tokio::test]
async fn a_message_has_a_largest_size() {
    let till = silent().await;
    let payment = till.sell("automatic").await;
    let body = message("payment.captured", &payment, ATTEMPT, PRICE);
    let padded = |bytes: usize| body.clone() + &" ".repeat(bytes - body.len());
    let too_large = till.notify("evt_1", &padded(NOTICE_BYTES_MAX + 1)).await;
    assert_eq!((too_large.status, &too_large.body["code"]), (413, &json!("body_too_large")));
    assert_eq!(till.world.get(&path(&payment)).await.body["status"], "awaiting_payment");
    for bytes in [NOTICE_BYTES_MAX, NOTICE_BYTES_MAX - 1] {
        assert_eq!(till.notify(&format!("evt_{bytes}"), &padded(bytes)).await.status, 200);
        till.until_status(&payment, "captured").await;
    }
    assert_eq!(count(&till, &payment, "payment.captured").await, 1);
}

#[tokio::test]
async fn what_is_signed_and_means_nothing_to_us_is_taken_and_changes_nothing() {
    let till = silent().await;
    let payment = till.sell("automatic").await;
    let before = till.world.events().await;
    let entity = json!({"payment": {"entity": {"id": 7, "amount": "much"}}});
    for (number, body) in [
        json!({"event": "settlement.processed", "payload": {}}).to_string(),
        json!({"event": "payment.downtime.started", "payload": entity}).to_string(),
        json!({"event": "x".repeat(5_000)}).to_string(),
        // Signed, and yet it cannot be read: sending it again would not help.
        json!({"event": "payment.captured", "payload": entity}).to_string(),
        json!({"event": "payment.captured", "payload": {}}).to_string(),
        json!({"event": 7}).to_string(),
        "[]".to_owned(),
        "<html>".to_owned(),
        body_cut_short(&payment),
        "[".repeat(100_000),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = till.notify(&format!("evt_{number}"), &body).await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!((reply.status, &reply.body), (200, &json!({"received": true})), "{shown}");
    }
    assert_eq!(till.world.events().await, before);
    assert_eq!(till.world.get(&path(&payment)).await.body["status"], "awaiting_payment");
}

fn body_cut_short(payment: &Value) -> String {
    let mut body = message("payment.captured", payment, ATTEMPT, PRICE);
    body.truncate(body.len() - 3);
    body
}

#[tokio::test]
async fn another_amount_raises_doubt_and_the_gateway_has_the_last_word() {
    let till = silent().await;
    for (amount, currency) in [(PRICE + 1, "INR"), (PRICE - 1, "INR"), (1, "INR"), (PRICE, "USD")] {
        let payment = till.sell("automatic").await;
        // Nobody has made this try; each of them would be somebody's from now on.
        let nobody = format!("pay_ofNobody{amount}{currency}");
        let lie = message("payment.captured", &payment, &nobody, amount).replace("INR", currency);
        assert_eq!(till.notify(&format!("evt_{amount}{currency}"), &lie).await.status, 200);
        let timeline = format!("/v1/orders/{}/timeline", payment["order_id"].as_str().unwrap());
        till.until(&timeline, |page| page.to_string().contains("payment.checked")).await;
        let after = till.world.get(&path(&payment)).await.body;
        assert_eq!(
            (&after["status"], &after["attempts"]),
            (&json!("awaiting_payment"), &json!([]))
        );
        // Now somebody really has paid, and the message is wrong about how much.
        let attempt = till.pay(&payment, "pays").await["razorpay_payment_id"].clone();
        let lie = message("payment.captured", &payment, attempt.as_str().unwrap(), amount);
        let name = format!("evt_again_{amount}{currency}");
        assert_eq!(till.notify(&name, &lie.replace("INR", currency)).await.status, 200);
        let paid = till.until_status(&payment, "captured").await;
        assert_eq!(paid["amount_captured"], json!({"amount": PRICE, "currency": "INR"}));
        assert_eq!(count(&till, &payment, "payment.doubted").await, 2);
    }
    till.world.verify().await;
}

#[tokio::test]
async fn what_comes_before_its_order_waits_for_it() {
    let till = silent().await;
    till.fault("error", 1.0).await;
    let order = json!({"items": [{"sku": "smartphone", "quantity": 1}], "payment": {}});
    let order = till.did("/v1/orders", order, 201).await;
    let delayed = |page: &Value| page["data"][0]["tries"] == 1;
    till.until("/v1/effects", delayed).await;
    // The customer pays with what the gateway made before its answer was lost.
    let unknown = json!({"provider_order_id": "order_ofNobody00001"});
    let early = message("payment.captured", &unknown, ATTEMPT, PRICE);
    assert_eq!(till.notify("evt_1", &early).await.status, 200);
    let books = till.world.get("/v1/reconciliation").await.body;
    let row = &books["unmatched"][0];
    assert_eq!(
        (&row["provider_id"], &row["by"]),
        (&json!("order_ofNobody00001"), &json!("operator"))
    );
    // It becomes known by what only we can have written: the receipt.
    let entity = json!({"id": "order_ofNobody00001", "amount": PRICE, "currency": "INR",
        "receipt": format!("{}-1", order["id"].as_str().unwrap())});
    let paid = json!({"event": "order.paid", "payload": {"order": {"entity": entity},
        "payment": serde_json::from_str::<Value>(&early).unwrap()["payload"]["payment"]}});
    assert_eq!(till.notify("evt_2", &paid.to_string()).await.status, 200);
    till.until_status(&order["payment"], "captured").await;
    till.world.verify().await;
}

#[tokio::test]
async fn gateways_that_are_not_ours_have_no_address_here() {
    let till = silent().await;
    for name in ["stripe", "paypal", "Razorpay", "razorpay%20", "..", "pay_1"] {
        let path = format!("/v1/payments/webhooks/{name}");
        let reply = till.world.knock(Method::POST, &path, &[], Body::from("{}")).await;
        assert_eq!((reply.status, &reply.body["code"]), (404, &json!("not_found")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_are_one_capture() {
    const SENDERS: usize = 50;
    let till = Arc::new(silent().await);
    let payment = till.sell("automatic").await;
    let attempt = till.pay(&payment, "pays").await["razorpay_payment_id"].clone();
    let attempt = attempt.as_str().unwrap();
    let barrier = Arc::new(Barrier::new(SENDERS));
    let mut sending = JoinSet::new();
    for sender in 0..SENDERS {
        // Half of them are copies, the others say the same in other words.
        let mut body = message("payment.captured", &payment, attempt, PRICE);
        body.push_str(&" ".repeat(if sender % 2 == 0 { 0 } else { sender }));
        let (till, barrier) = (till.clone(), barrier.clone());
        sending.spawn(async move {
            barrier.wait().await;
            till.notify(&format!("evt_{sender}"), &body).await.status
        });
    }
    assert!(sending.join_all().await.iter().all(|status| *status == 200));
    till.until_status(&payment, "captured").await;
    for kind in ["payment.captured", "order.confirmed"] {
        assert_eq!(count(&till, &payment, kind).await, 1, "{kind}");
    }
    till.world.verify().await;
}
