//! Money that comes when nobody waits for it any more: after a cancellation, after the hold has run
//! out, with and without stock, for the second time, and after the bank had said no. It never stays
//! with an order that has ended, and no order is sent for nothing.

use onhand_core::payments::{LatePayment, Policy};
use onhand_core::{Actor, Command, inventory};
use serde_json::{Value, json};

use crate::till::Till;

/// What one unit of 123 costs, of which there are five.
const PRICE: i64 = 1_999;

/// Sells all five units, to be paid for.
async fn sell_all(till: &Till) -> Value {
    let order = json!({"items": [{"sku": "123", "quantity": 5}], "payment": {}});
    let order = till.did("/v1/orders", order, 201).await;
    till.until_status(&order["payment"], "awaiting_payment").await
}

fn path(payment: &Value, action: &str) -> String {
    format!("/v1/orders/{}{action}", payment["order_id"].as_str().unwrap())
}

async fn run_out(till: &Till) {
    till.world.clock.advance_secs(601);
}

async fn expire(till: &Till) {
    run_out(till).await;
    let command = Command::Inventory(inventory::Command::ExpireDue { most: 100 });
    let answer = till.world.app.submit.submit(command, Actor::System, None).await.unwrap();
    assert!(answer.outcome.is_ok(), "{answer:?}");
}

/// Waits until all of the money is back, and both books say so.
async fn is_given_back(till: &Till, payment: &Value, cause: &str) {
    let all_back = |payment: &Value| {
        let refunds = payment["refunds"].as_array().unwrap();
        payment["status"] == "refunded"
            && refunds.iter().all(|refund| refund["status"] == "processed")
    };
    let mine = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    let back = till.until(&mine, all_back).await;
    assert_eq!(back["refunds"][0]["cause"], cause);
    assert_eq!(back["amount_refunded"], back["amount_captured"]);
    let ledger = till.ledger().await;
    let row = ledger.iter().find(|row| row["id"] == payment["provider_order_id"]).unwrap();
    let paid = &row["payments"][0];
    assert_eq!((&paid["captured"], &paid["refunded"]), (&json!(5 * PRICE), &json!(5 * PRICE)));
}

async fn status(till: &Till, payment: &Value) -> Value {
    till.world.get(&path(payment, "")).await.body["status"].clone()
}

async fn available(till: &Till) -> Value {
    till.world.get("/v1/stock/123").await.body["available"].clone()
}

#[tokio::test]
async fn what_is_paid_after_a_cancellation_goes_back() {
    let till = Till::new().await;
    let payment = sell_all(&till).await;
    till.did(&path(&payment, "/cancel"), json!({}), 200).await;
    assert_eq!(available(&till).await, 5, "the stock is free at once");
    till.pay(&payment, "pays").await;
    is_given_back(&till, &payment, "order_ended").await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("cancelled"), json!(5))
    );
    till.world.verify().await;
}

#[tokio::test]
async fn what_is_set_aside_after_a_cancellation_is_let_go() {
    let till = Till::new().await;
    let payment = till.sell("manual").await;
    till.did(&path(&payment, "/cancel"), json!({}), 200).await;
    till.pay(&payment, "authorized").await;
    let mine = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    till.until(&mine, |payment| payment["attempts"][0]["status"] == "voided").await;
    till.world.verify().await;
}

#[tokio::test]
async fn who_pays_after_the_hold_ran_out_has_the_stock_as_long_as_nobody_else_has() {
    let till = Till::new().await;
    let payment = sell_all(&till).await;
    run_out(&till).await;
    till.pay(&payment, "pays").await;
    till.until_status(&payment, "captured").await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("confirmed"), json!(0))
    );
    till.world.verify().await;
}

#[tokio::test]
async fn what_is_paid_after_the_end_is_held_again_where_there_is_stock() {
    let till = Till::new().await;
    let payment = sell_all(&till).await;
    expire(&till).await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("expired"), json!(5))
    );
    till.pay(&payment, "pays").await;
    till.until_status(&payment, "captured").await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("confirmed"), json!(0))
    );
    let timeline = till.world.get(&path(&payment, "/timeline")).await.body.to_string();
    assert!(timeline.contains("order.revived"), "{timeline}");
    till.world.verify().await;
}

#[tokio::test]
async fn what_is_paid_after_the_stock_is_gone_goes_back() {
    let till = Till::new().await;
    let payment = sell_all(&till).await;
    expire(&till).await;
    let other = json!({"items": [{"sku": "123", "quantity": 1}]});
    till.did("/v1/orders", other, 201).await;
    till.pay(&payment, "pays").await;
    is_given_back(&till, &payment, "order_ended").await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("expired"), json!(4))
    );
    till.world.verify().await;
}

#[tokio::test]
async fn a_shop_may_give_late_money_back_whatever_there_is() {
    let policy = Policy { late: LatePayment::Refund, ..Policy::default() };
    let till = Till::with(policy, true).await;
    let payment = sell_all(&till).await;
    expire(&till).await;
    till.pay(&payment, "pays").await;
    is_given_back(&till, &payment, "order_ended").await;
    assert_eq!(
        (status(&till, &payment).await, available(&till).await),
        (json!("expired"), json!(5))
    );
    till.world.verify().await;
}

#[tokio::test]
async fn a_bank_may_say_yes_after_it_has_said_no() {
    let till = Till::new().await;
    let payment = sell_all(&till).await;
    till.pay(&payment, "late").await;
    let paid = till.until_status(&payment, "captured").await;
    assert_eq!(paid["attempts"].as_array().unwrap().len(), 1, "it is the same try");
    assert_eq!(status(&till, &payment).await, "confirmed");
    till.world.verify().await;
}

#[tokio::test]
async fn what_was_not_heard_of_is_found_when_the_gateway_is_asked() {
    let till = Till::with(Policy::default(), false).await;
    let payment = sell_all(&till).await;
    till.pay(&payment, "pays").await;
    assert_eq!(till.until_status(&payment, "awaiting_payment").await["attempts"], json!([]));
    // A quarter of an hour of silence: long after the hold.
    till.world.clock.advance_secs(901);
    till.until_status(&payment, "captured").await;
    assert_eq!(status(&till, &payment).await, "confirmed");
    till.world.verify().await;
}
