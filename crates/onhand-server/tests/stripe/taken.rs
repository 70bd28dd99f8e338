//! Money that is taken at once, and goes back in parts.

use std::slice;

use onhand_core::payments::{AttemptState, Call, Capture, RefundState};

use crate::shop::{ASKING, GOOD, Shop, create, fetch, refund};

#[tokio::test]
async fn a_payment_is_taken_told_and_given_back_in_parts() {
    let mut shop = Shop::open().await;
    let (order_id, intent) = shop.order(1_000, Capture::Automatic).await;
    assert_eq!(intent.number, 1);
    // Nobody has tried to pay yet.
    assert!(shop.done(order_id, &fetch(&intent.id), false).await.seen.is_empty());

    assert_eq!(shop.pay(&intent.id, GOOD).await, 200);
    let notice = shop.notice(&intent.id).await;
    assert_eq!(notice.kind.as_str(), "payment_intent.succeeded");
    assert_eq!(notice.order_id, Some(order_id));
    assert_eq!(notice.seen.intents, slice::from_ref(&intent));
    shop.front.take_came();
    let attempt = shop.attempt(order_id, &intent.id).await;
    // Also when nothing has gone back, or nothing any more: a refund may have failed.
    assert!(shop.front.take_came().iter().any(|came| came.path == "/v1/refunds"));
    assert_eq!(notice.seen.attempts, slice::from_ref(&attempt));
    assert_eq!((attempt.state, attempt.captured), (AttemptState::Captured, 1_000));

    for (number, amount) in [(1, 300), (2, 200)] {
        let call = refund(number, &attempt.id, amount);
        let first = shop.done(order_id, &call, false).await.seen;
        assert_eq!(first.refunds[0].number, Some(number));
        assert_eq!(first.refunds[0].state, RefundState::Processed);
        // Again, under the key that is known; and later, when it is not any more.
        assert_eq!(shop.done(order_id, &call, false).await.seen, first);
        shop.front.forget_keys();
        assert_eq!(shop.done(order_id, &call, true).await.seen, first);
    }
    let seen = shop.done(order_id, &fetch(&intent.id), false).await.seen;
    let mut told: Vec<_> =
        seen.refunds.iter().map(|one| (one.number, one.amount.amount, one.state)).collect();
    told.sort_by_key(|(number, ..)| *number);
    let (first, second) =
        ((Some(1), 300, RefundState::Processed), (Some(2), 200, RefundState::Processed));
    assert_eq!(told, [first, second]);
    // As another order sees it, they are nobody's.
    let other = shop.done(crate::shop::fresh_order(), &fetch(&intent.id), false).await.seen;
    assert!(other.refunds.iter().all(|one| one.number.is_none()));
    // The gateway's own books.
    assert_eq!(shop.direct.charges(intent.id.as_str()).await.len(), 1);
    let refunds = shop.direct.refunds(attempt.id.as_str()).await;
    let back: i64 = refunds.iter().map(|one| one["amount"].as_i64().unwrap()).sum();
    assert_eq!((refunds.len(), back), (2, 500));
}

#[tokio::test]
async fn an_intent_says_whose_it_is_and_is_the_same_when_it_is_asked_for_again() {
    let shop = Shop::open().await;
    let (order_id, intent) = shop.order(700, Capture::Manual).await;
    let [came] = &shop.front.take_came()[..] else { unreachable!("one request") };
    assert_eq!(came.path, "/v1/payment_intents");
    let key = format!("onhand-{order_id}-1");
    assert_eq!(came.header("idempotency-key"), Some(&*key));
    assert_eq!(came.header("authorization"), Some("Bearer sk_test_shop"));
    assert_eq!(came.header("stripe-version"), Some("2024-06-20"));
    assert_eq!(came.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(came.body.contains("automatic_payment_methods%5Benabled%5D=true"), "{}", came.body);

    let stored = shop.direct.get(&format!("/v1/payment_intents/{}", intent.id), &[]).await;
    assert_eq!(stored["amount"], 700);
    assert_eq!(stored["currency"], "usd");
    assert_eq!(stored["capture_method"], "manual");
    assert_eq!(stored["metadata"]["onhand_order"], order_id.to_string());
    assert_eq!(stored["metadata"]["onhand_receipt"], format!("{order_id}-1"));
    assert_eq!(stored["client_secret"], intent.client_secret.as_ref().unwrap().as_str());
    for ask_first in [false, true] {
        let again = shop.done(order_id, &create(700, Capture::Manual), ask_first).await;
        assert_eq!(again.seen.intents, slice::from_ref(&intent));
    }
    // A day later it is another one; nobody can have paid by the first.
    shop.front.forget_keys();
    let later = shop.done(order_id, &create(700, Capture::Manual), true).await.seen;
    assert_ne!(later.intents[0].id, intent.id);
    // Nor is it looked for when nobody wants it any more.
    shop.front.take_came();
    let found = shop.done(order_id, &Call::FindIntent { number: 1 }, true).await;
    assert!(found.seen.is_empty() && shop.front.take_came().is_empty());
    assert!(shop.direct.charges(intent.id.as_str()).await.is_empty());
}

#[tokio::test]
async fn a_customer_pays_with_the_secret_that_was_handed_out() {
    let shop = Shop::open().await;
    let (order_id, intent) = shop.order(250, Capture::Automatic).await;
    assert_eq!(shop.pay(&intent.id, ASKING).await, 200);
    assert!(shop.done(order_id, &fetch(&intent.id), false).await.seen.is_empty());
    let path = format!("/v1/payment_intents/{}/_authenticate", intent.id);
    let secret = intent.client_secret.as_ref().unwrap().as_str();
    for (secret, status) in [("pi_1_secret_2", 401), (secret, 200)] {
        let fields = [("client_secret", secret), ("success", "true")];
        assert_eq!(shop.direct.post(&path, &fields).await.0, status);
    }
    assert_eq!(shop.attempt(order_id, &intent.id).await.captured, 250);
}

#[tokio::test]
async fn refunds_made_at_the_gateway_are_found_on_every_page() {
    const MANY: usize = 105;
    let shop = Shop::open().await;
    let (order_id, intent) = shop.order(1_000, Capture::Automatic).await;
    shop.pay(&intent.id, GOOD).await;
    let attempt = shop.attempt(order_id, &intent.id).await;
    for _ in 0..MANY {
        let fields = [("charge", attempt.id.as_str()), ("amount", "1")];
        assert_eq!(shop.direct.post("/v1/refunds", &fields).await.0, 200);
    }
    let seen = shop.done(order_id, &fetch(&intent.id), false).await.seen;
    let mut ids: Vec<&str> = seen.refunds.iter().map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), MANY);
    assert!(seen.refunds.iter().all(|one| one.number.is_none() && one.attempt == attempt.id));
    // Ours is found behind all of them.
    let call = refund(1, &attempt.id, 10);
    let first = shop.done(order_id, &call, false).await.seen;
    shop.front.forget_keys();
    assert_eq!(shop.done(order_id, &call, true).await.seen, first);
    assert_eq!(shop.direct.refunds(attempt.id.as_str()).await.len(), MANY + 1);
}
