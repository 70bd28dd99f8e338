//! Payments: the list and its filters, what is open, and messages that belong to no order.

use onhand_core::payments::Policy;
use serde_json::{Value, json};

use super::office::Clerk;
use crate::till::Till;
use crate::world::World;

#[tokio::test]
async fn payments_are_listed_by_state_and_gateway() {
    let till = Till::new().await;
    let payment = till.sell("automatic").await;
    let order = payment["order_id"].as_str().unwrap().to_owned();
    let clerk = Clerk::admin(&till.world).await;
    let link = format!("href=\"/admin/orders/{order}\"");
    for (query, is_there) in [
        ("", true),
        ("?status=awaiting_payment&provider=razorpay", true),
        ("?status=captured", false),
        ("?provider=stripe", false),
    ] {
        let shown = clerk.get(&format!("/admin/payments{query}")).await;
        shown.is(200);
        assert_eq!(shown.html.contains(&link), is_there, "{query}");
        assert_eq!(shown.html.contains("No payment is like that."), !is_there, "{query}");
    }
    for query in ["status=x", "provider=x", "after=x"] {
        clerk.get(&format!("/admin/payments?{query}")).await.is(422);
    }
    till.world.clock.advance_secs(1);
    let open = clerk.get("/admin/payments/open").await;
    open.is(200).has(&[&link, "ask how things stand", "onhand</span>"]);
    clerk.get("/admin/payments/open?older=60").await.has(&["All money is where it should be."]);
    clerk.get("/admin/payments/open?older=-1").await.is(422);
    let owed = clerk.get("/admin/payments/effects?state=waiting").await;
    owed.is(200).has(&[&link]).lacks(&["/requeue\""]);
    clerk.get("/admin/payments/effects?state=done").await.is(422);
}

#[tokio::test]
async fn a_message_without_an_order_is_shown_with_its_money() {
    let till = Till::new().await;
    let message = json!({"event": "payment.captured", "payload": {"payment": {"entity": {
        "id": "pay_ofNobody000001", "order_id": "order_ofNobody00001", "amount": 4_200,
        "currency": "INR", "status": "captured", "captured": true,
    }}}});
    let taken = till.notify("evt-1", &message.to_string()).await;
    assert_eq!(taken.status, 200);
    let clerk = Clerk::admin(&till.world).await;
    let shown = clerk.get("/admin/payments/unmatched").await;
    shown.is(200).has(&["pay_ofNobody000001", "order_ofNobody00001", "42.00 INR"]);
    clerk.get("/admin").await.has(&["href=\"/admin/payments/unmatched\""]);
}

#[tokio::test]
async fn what_was_given_up_is_resumed_from_the_list() {
    let till = Till::with(Policy { tries_max: 1, ..Policy::default() }, false).await;
    till.fault("error", 1.0).await;
    let order = json!({"items": [{"sku": "123", "quantity": 1}], "payment": {}});
    let order = till.did("/v1/orders", order, 201).await;
    let is_dead = |page: &Value| page["data"].as_array().unwrap().len() == 1;
    let dead = till.until("/v1/effects?state=dead", is_dead).await;
    let id = dead["data"][0]["id"].as_str().unwrap();
    let clerk = Clerk::admin(&till.world).await;
    clerk.get("/admin").await.has(&["href=\"/admin/payments/effects?state=dead\""]);
    let looker = Clerk::operator(&till.world, &["payments:read"]).await;
    let page = "/admin/payments/effects";
    looker
        .get(page)
        .await
        .is(200)
        .has(&["badge bad", &id.replace("eff_", "ord_")])
        .lacks(&["/requeue\""]);
    till.fault("error", 0.0).await;
    clerk.did(page, "requeue", &[("effect", id)]).await.has(&["It is tried again."]);
    till.until_status(&order["payment"], "awaiting_payment").await;
    clerk.get("/admin/payments/effects?state=dead").await.has(&["Nothing is owed"]);
}

#[tokio::test]
async fn empty_lists_say_what_would_be_there() {
    let world = World::new().await;
    let clerk = Clerk::operator(&world, &["payments:read"]).await;
    for (path, wanted) in [
        ("/admin/payments", "No payment is like that."),
        ("/admin/payments/open", "All money is where it should be."),
        ("/admin/payments/effects", "Nothing is owed to a gateway."),
        ("/admin/payments/unmatched", "No message waits for its order."),
    ] {
        clerk.get(path).await.is(200).has(&[wanted]);
    }
    let other = Clerk::operator(&world, &["orders:read"]).await;
    other.get("/admin/payments").await.is(403).has(&["payments:read"]);
}
