//! Money over HTTP, with a gateway at the other end of a socket: how it comes, how it is taken, let
//! go and given back, and what is shown of it, to whom.

use onhand_core::accounts::Role;
use onhand_core::ids::OrderId;
use onhand_core::payments::{Command, Notice, Policy, Provider, Seen, SeenIntent};
use onhand_core::text::{GatewayId, Reference};
use onhand_core::{Actor, Command as AnyCommand};
use serde_json::{Value, json};

use crate::people::user;
use crate::till::{Till, gateways, signed_by_key};
use crate::world::World;

/// What one smartphone costs.
const PRICE: i64 = 8_399_999;

fn path(payment: &Value, action: &str) -> String {
    format!("/v1/payments/{}{action}", payment["id"].as_str().unwrap())
}

fn rupees(amount: i64) -> Value {
    json!({"amount": amount, "currency": "INR"})
}

/// The types of the events of an order, oldest first.
async fn told(till: &Till, payment: &Value) -> Vec<String> {
    let order = payment["order_id"].as_str().unwrap();
    let timeline = till.world.get(&format!("/v1/orders/{order}/timeline")).await.body;
    let events = timeline["data"].as_array().unwrap().iter();
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// The gateway's own book of a payment: how much was taken, and how much of that went back.
async fn booked(till: &Till, payment: &Value) -> (i64, i64) {
    let ledger = till.ledger().await;
    let row = ledger.iter().find(|row| row["id"] == payment["provider_order_id"]).unwrap();
    let sum = |name: &str| -> i64 {
        let tries = row["payments"].as_array().unwrap().iter();
        tries.map(|one| one[name].as_i64().unwrap()).sum()
    };
    (sum("captured"), sum("refunded"))
}

#[tokio::test]
async fn what_is_paid_is_confirmed_and_no_sooner() {
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    let order = format!("/v1/orders/{}", payment["order_id"].as_str().unwrap());
    let waiting = till.world.get(&order).await.body;
    assert_eq!((&waiting["status"], &waiting["amount_paid"]), (&json!("pending"), &rupees(0)));
    till.pay(&payment, "failed").await;
    let failed = till.until_status(&payment, "failed").await;
    assert_eq!(failed["next_action"], payment["next_action"], "the customer may try again");
    till.pay(&payment, "pays").await;
    till.until_status(&payment, "captured").await;
    let paid = till.world.get(&order).await.body;
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("confirmed"), &rupees(PRICE)));
    assert_eq!(
        paid["payment"],
        json!({"id": payment["id"], "provider": "razorpay",
        "status": "captured", "trouble": null})
    );
    let told = told(&till, &payment).await;
    let wanted = ["order.placed", "payment.intent_created", "payment.failed", "payment.captured"];
    for kind in wanted.iter().chain(&["order.confirmed"]) {
        assert_eq!(told.iter().filter(|one| one == kind).count(), 1, "{kind}: {told:?}");
    }
    assert_eq!(booked(&till, &payment).await, (PRICE, 0));
    till.world.verify().await;
}

#[tokio::test]
async fn what_is_set_aside_is_taken_when_somebody_says_so() {
    let till = Till::new().await;
    let payment = till.sell("manual").await;
    till.pay(&payment, "authorized").await;
    let set_aside = till.until_status(&payment, "authorized").await;
    assert_eq!(set_aside["amount_authorized"], rupees(PRICE));
    assert_eq!(booked(&till, &payment).await, (0, 0));
    let all = json!({"amount": rupees(PRICE)});
    let asked = till.did(&path(&payment, "/capture"), all, 200).await;
    assert_eq!(asked["status"], "authorized", "the gateway is asked afterwards");
    let taken = till.until_status(&payment, "captured").await;
    assert_eq!(taken["amount_captured"], rupees(PRICE));
    assert_eq!(booked(&till, &payment).await, (PRICE, 0));
    till.world.verify().await;
}

#[tokio::test]
async fn what_is_let_go_is_never_taken_and_its_stock_is_free() {
    let till = Till::new().await;
    let available = async || till.world.get("/v1/stock/smartphone").await.body["available"].clone();
    let before = available().await;
    let payment = till.sell("manual").await;
    assert_ne!(available().await, before);
    till.pay(&payment, "authorized").await;
    till.until_status(&payment, "authorized").await;
    let reason = json!({"reason": "custom:fraud"});
    let cancelled = till.did(&path(&payment, "/void"), reason, 200).await;
    assert_eq!(cancelled["status"], "cancelled");
    let is_let_go = |payment: &Value| payment["attempts"][0]["status"] == "voided";
    till.until(&path(&payment, ""), is_let_go).await;
    assert_eq!(available().await, before);
    assert_eq!(booked(&till, &payment).await, (0, 0));
    till.world.verify().await;
}

#[tokio::test]
async fn money_goes_back_in_parts_and_never_more_than_came() {
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    till.pay(&payment, "pays").await;
    till.until_status(&payment, "captured").await;
    let refunds = path(&payment, "/refunds");
    for part in [1, 99] {
        let some = json!({"amount": rupees(part), "reason": "damaged"});
        let refund = till.did(&refunds, some, 201).await;
        assert_eq!(refund["status"], "partially_refunded");
    }
    let too_much = json!({"amount": rupees(PRICE - 99)});
    let refused = till.did(&refunds, too_much, 409).await;
    assert_eq!(
        (&refused["code"], &refused["left"]),
        (&json!("refund_too_large"), &json!(PRICE - 100))
    );
    let rest = till.did(&refunds, json!({}), 201).await;
    assert_eq!((&rest["status"], &rest["amount_refunded"]), (&json!("refunded"), &rupees(PRICE)));
    let all_back = |payment: &Value| {
        let refunds = payment["refunds"].as_array().unwrap();
        refunds.len() == 3 && refunds.iter().all(|refund| refund["status"] == "processed")
    };
    till.until(&path(&payment, ""), all_back).await;
    assert_eq!(booked(&till, &payment).await, (PRICE, PRICE));
    let none_left = till.did(&refunds, json!({}), 409).await;
    assert_eq!(none_left["left"], 0);
    till.world.verify().await;
}

#[tokio::test]
async fn a_refund_under_one_key_is_one_refund() {
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    till.pay(&payment, "pays").await;
    till.until_status(&payment, "captured").await;
    let (refunds, some) = (path(&payment, "/refunds"), json!({"amount": rupees(500)}));
    let first = till.world.post(&refunds, "once", some.clone()).await;
    let again = till.world.post(&refunds, "once", some).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    let is_back = |payment: &Value| payment["refunds"][0]["status"] == "processed";
    till.until(&path(&payment, ""), is_back).await;
    assert_eq!(booked(&till, &payment).await, (PRICE, 500));
}

#[tokio::test]
async fn whoever_buys_for_itself_pays_where_somebody_takes_payments() {
    let till = Till::new().await;
    let (_, ann) = user(&till.world, "ann", Role::Customer, None).await;
    let placed = ann.order(&till.world, "ann-1", json!({})).await.body;
    assert_eq!(
        (&placed["status"], &placed["payment"]["status"]),
        (&json!("pending"), &json!("created"))
    );
    let mine = path(&placed["payment"], "");
    till.until_status(&placed["payment"], "awaiting_payment").await;
    let shown = ann.get(&till.world, &mine).await.body;
    assert_eq!(shown["next_action"]["type"], "checkout");
    // What nobody takes waits for an operator, and is never confirmed by whoever buys.
    let manual = json!({"payment": {"provider": "manual"}});
    let placed = ann.order(&till.world, "ann-2", manual).await.body;
    assert_eq!((&placed["status"], &placed["payment"]), (&json!("pending"), &Value::Null));
    let by_program = json!({"items": [{"sku": "smartphone", "quantity": 1}]});
    assert_eq!(till.did("/v1/orders", by_program, 201).await["status"], "confirmed");
    let nowhere = World::new().await;
    let (_, ann) = user(&nowhere, "ann", Role::Customer, None).await;
    let placed = ann.order(&nowhere, "ann-1", json!({})).await.body;
    assert_eq!((&placed["status"], &placed["payment"]), (&json!("confirmed"), &Value::Null));
}

#[tokio::test]
async fn what_the_browser_brings_is_believed_when_the_gateway_says_the_same() {
    let till = Till::with(Policy::default(), false).await;
    let payment = till.sell("automatic").await;
    let other = till.sell("automatic").await;
    let brought = till.pay(&payment, "pays").await;
    let attempt = brought["razorpay_payment_id"].as_str().unwrap();
    let back = path(&payment, "/checkout-return");
    let intent = |payment: &Value| payment["provider_order_id"].as_str().unwrap().to_owned();
    for signed in [
        String::new(),
        "00".repeat(32),
        signed_by_key(&format!("{}|{attempt}", intent(&other))),
        signed_by_key(&format!("{}|pay_other", intent(&payment))),
        brought["razorpay_signature"].as_str().unwrap().to_uppercase(),
    ] {
        let wrong = json!({"provider_payment_id": attempt, "signature": signed});
        assert_eq!(till.did(&back, wrong, 400).await["code"], "checkout_signature_wrong");
    }
    // Signed, and yet nothing was paid: the gateway is asked, and says so.
    let unpaid = signed_by_key(&format!("{}|pay_never", intent(&other)));
    let unpaid = json!({"provider_payment_id": "pay_never", "signature": unpaid});
    till.did(&path(&other, "/checkout-return"), unpaid, 202).await;
    let signed =
        json!({"provider_payment_id": attempt, "signature": brought["razorpay_signature"]});
    let accepted = till.did(&back, signed, 202).await;
    assert_eq!(accepted["status"], "awaiting_payment");
    till.until_status(&payment, "captured").await;
    let timeline = format!("/v1/orders/{}/timeline", other["order_id"].as_str().unwrap());
    let checked = |page: &Value| page.to_string().contains("payment.checked");
    till.until(&timeline, checked).await;
    assert_eq!(till.until_status(&other, "awaiting_payment").await["attempts"], json!([]));
}

#[tokio::test]
async fn what_the_browser_needs_is_shown_to_whoever_pays_and_kept_in_no_log() {
    const SECRET: &str = "canary_secret_4hX";
    let world = World::with(gateways("http://127.0.0.1:1"), Policy::default()).await;
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    let placed = ann.order(&world, "ann-1", json!({})).await.body;
    let order_id: OrderId = placed["id"].as_str().unwrap().parse().unwrap();
    let id = |text: &str| GatewayId::new(text).unwrap();
    let intent = SeenIntent { number: 1, id: id("order_x"), client_secret: Some(id(SECRET)) };
    let notice = Notice {
        provider: Provider::Razorpay,
        event_id: Reference::new("evt_1").unwrap(),
        body_hash: [7; 32],
        kind: Reference::new("order.created").unwrap(),
        order_id: Some(order_id),
        seen: Seen { intents: vec![intent], ..Seen::default() },
    };
    let command = AnyCommand::Payments(Command::Receive(notice));
    world.app.submit.submit(command, Actor::System, None).await.unwrap().outcome.unwrap();
    let shown = ann.get(&world, &path(&placed["payment"], "")).await.body;
    assert_eq!(shown["next_action"]["client_secret"], SECRET);
    let timeline = format!("/v1/orders/{order_id}/timeline");
    for path in [
        "/v1/events?limit=200",
        &timeline,
        "/v1/orders",
        "/v1/payments",
        &format!("/v1/orders/{order_id}"),
        "/v1/effects",
        "/v1/reconciliation",
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains(SECRET), "{path}");
    }
    assert!(world.get(&timeline).await.body.to_string().contains("payment.intent_created"));
}

#[tokio::test]
async fn what_is_on_a_card_is_kept_nowhere() {
    const NUMBER: &str = "4111 1111 1111 1111";
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    let before = till.world.events().await;
    let items = json!([{"sku": "smartphone", "quantity": 1}]);
    let order = |more: Value| {
        let mut order = json!({"items": items});
        order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        order
    };
    let noted = json!({"metadata": {"note": format!("card {NUMBER}")}});
    let coded = json!({"metadata": {"cvv": "123"}});
    let paid_by = json!({"payment_method": NUMBER});
    for (more, pointer) in [
        (&noted, "/metadata"),
        (&coded, "/metadata"),
        (&json!({"metadata": {NUMBER: "x"}}), "/metadata"),
        (&paid_by, "/payment_method"),
    ] {
        let refused = till.post("/v1/orders", order(more.clone())).await;
        let error = &refused.body["errors"][0];
        assert_eq!((refused.status, &error["pointer"]), (422, &json!(pointer)), "{more}");
        assert_eq!((&error["code"], error.get("value")), (&json!("card_data"), None));
        assert!(!String::from_utf8_lossy(&refused.bytes).contains("4111"), "{}", refused.body);
    }
    let batch = json!({"orders": [order(json!({})), order(paid_by)]});
    let refused = till.did("/v1/orders/batch", batch, 422).await;
    assert_eq!(refused["errors"][0]["pointer"], "/orders/1/payment_method");
    let path = format!("/v1/orders/{}", payment["order_id"].as_str().unwrap());
    let refused = till.world.patch(&path, "*", noted).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["code"]), (422, &json!("card_data")));
    assert_eq!(till.world.events().await, before);
    let harmless = order(json!({"metadata": {"phone": "+91 98765 43210", "cvv": "matched"}}));
    till.did("/v1/orders", harmless, 201).await;
}
