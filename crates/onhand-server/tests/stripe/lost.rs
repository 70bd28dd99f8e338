//! Answers that are lost on the way. What was done is found again, and done once.

use axum::http::Method;
use onhand_core::ids::OrderId;
use onhand_core::payments::{AttemptState, Call, Capture, Seen};
use onhand_server::adapters::gateways::Outcome;

use crate::held::{capture, hold, void};
use crate::shop::{GOOD, Shop, create, fresh_order, refund};

/// Makes a call whose answer is lost, and makes it again: at once, and when keys are forgotten.
async fn twice(shop: &Shop, order_id: OrderId, call: &Call, end: &'static str) -> Vec<Seen> {
    shop.front.lose_answer(end);
    let lost = shop.call(order_id, call, false).await;
    assert!(matches!(lost.outcome, Outcome::Unknown(_)), "{lost:?}");
    assert!(lost.seen.is_empty(), "{lost:?}");
    let at_once = shop.done(order_id, call, true).await.seen;
    shop.front.forget_keys();
    vec![at_once, shop.done(order_id, call, true).await.seen]
}

#[tokio::test]
async fn an_intent_whose_answer_is_lost_is_found_by_its_key() {
    let shop = Shop::open().await;
    let order_id = fresh_order();
    let call = create(400, Capture::Automatic);
    let found = twice(&shop, order_id, &call, "/payment_intents").await;
    let key = format!("onhand-{order_id}-1");
    let came = shop.front.take_came();
    let mut writes = came.iter().filter(|came| came.method == Method::POST);
    assert!(writes.all(|came| came.header("idempotency-key") == Some(&*key)));
    // The one that was lost is the one that is handed out, as long as the key is known.
    let id = &found[0].intents[0].id;
    assert_eq!(shop.pay(id, GOOD).await, 200);
    assert_eq!(shop.direct.charges(id.as_str()).await.len(), 1);
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_found_by_looking() {
    let shop = Shop::open().await;
    let (order_id, intent, attempt) = hold(&shop, 400).await;
    let call = capture(Some(&intent.id), &attempt.id, 400);
    for seen in twice(&shop, order_id, &call, "/capture").await {
        assert_eq!((seen.attempts[0].state, seen.attempts[0].captured), captured(400));
    }
    let captures = shop.front.take_came();
    let captures = captures.iter().filter(|came| came.path.ends_with("/capture"));
    assert_eq!(captures.count(), 1);
    assert_eq!(shop.direct.charges(intent.id.as_str()).await.len(), 1);
}

#[tokio::test]
async fn a_void_whose_answer_is_lost_is_found_by_looking() {
    let shop = Shop::open().await;
    let (order_id, intent, attempt) = hold(&shop, 400).await;
    let call = void(Some(&intent.id), &attempt.id);
    for seen in twice(&shop, order_id, &call, "/cancel").await {
        assert_eq!(seen.attempts[0].state, AttemptState::Voided);
    }
    let late = shop.call(order_id, &capture(Some(&intent.id), &attempt.id, 400), true).await;
    assert!(matches!(late.outcome, Outcome::Declined(_)), "{late:?}");
    assert_eq!(late.seen.attempts[0].state, AttemptState::Voided);
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_paid_out_once() {
    let shop = Shop::open().await;
    let (order_id, intent) = shop.order(400, Capture::Automatic).await;
    shop.pay(&intent.id, GOOD).await;
    let attempt = shop.attempt(order_id, &intent.id).await;
    assert_eq!((attempt.state, attempt.captured), captured(400));
    // Somebody else's is not taken for ours.
    let fields = [("charge", attempt.id.as_str()), ("amount", "150")];
    assert_eq!(shop.direct.post("/v1/refunds", &fields).await.0, 200);
    let found = twice(&shop, order_id, &refund(1, &attempt.id, 150), "/refunds").await;
    assert_eq!(found[0], found[1]);
    let refunds = shop.direct.refunds(attempt.id.as_str()).await;
    let ours: Vec<_> = refunds
        .iter()
        .filter(|one| one["metadata"]["onhand_refund"] == format!("{order_id}-r1"))
        .collect();
    assert_eq!((refunds.len(), ours.len()), (2, 1));
    assert_eq!(ours[0]["id"], found[0].refunds[0].id.as_str());
}

const fn captured(amount: i64) -> (AttemptState, i64) {
    (AttemptState::Captured, amount)
}
