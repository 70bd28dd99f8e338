//! What a bank or the gateway will not do.

use std::slice;
use std::sync::Arc;

use onhand_core::Money;
use onhand_core::payments::{AttemptState, Call, Capture};
use onhand_engine::clock::{Clock, ManualClock, SystemClock};
use onhand_server::adapters::gateways::{Outcome, PaymentGateway};

use crate::shop::{DECLINED, GOOD, Shop, adapter, create, fresh_order, refund};

#[tokio::test]
async fn a_bank_that_says_no_is_heard() {
    let mut shop = Shop::open().await;
    let (order_id, intent) = shop.order(500, Capture::Automatic).await;
    assert_eq!(shop.pay(&intent.id, DECLINED).await, 402);
    let attempt = shop.attempt(order_id, &intent.id).await;
    assert_eq!((attempt.state, attempt.captured), (AttemptState::Failed, 0));
    let said = attempt.failure.as_ref().unwrap().as_str();
    assert_eq!(said, "card_declined: Your card was declined.");
    let notice = shop.notice(&intent.id).await;
    assert_eq!(notice.kind.as_str(), "payment_intent.payment_failed");
    assert_eq!(notice.order_id, Some(order_id));
    assert_eq!(notice.seen.attempts, slice::from_ref(&attempt));
    // What was never taken does not go back.
    for ask_first in [false, true] {
        let answer = shop.call(order_id, &refund(1, &attempt.id, 500), ask_first).await;
        let Outcome::Declined(reason) = answer.outcome else { unreachable!("{answer:?}") };
        assert!(reason.as_str().contains("Cannot refund a failed payment"), "{reason}");
    }
    assert!(shop.direct.refunds(attempt.id.as_str()).await.is_empty());
}

#[tokio::test]
async fn what_the_gateway_does_not_know_is_declined() {
    let shop = Shop::open().await;
    let id = |text: &str| onhand_core::text::GatewayId::new(text).unwrap();
    let attempt = id("ch_nobody");
    for call in [
        refund(1, &attempt, 5),
        Call::Void { intent: None, attempt: attempt.clone() },
        Call::Fetch { intents: vec![id("pi_nobody")] },
    ] {
        let answer = shop.call(fresh_order(), &call, false).await;
        assert!(matches!(answer.outcome, Outcome::Declined(_)), "{answer:?}");
        assert!(answer.seen.is_empty());
    }
    // That nothing is there any more does not say that nothing was done.
    let answer = shop.call(fresh_order(), &refund(1, &attempt, 5), true).await;
    assert!(matches!(answer.outcome, Outcome::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn a_key_that_is_wrong_can_be_put_right() {
    let shop = Shop::open().await;
    let stranger = adapter(&shop.front.url, "pk_test_canary", "whsec_1", Arc::new(SystemClock));
    let answer = stranger.call(fresh_order(), &create(5, Capture::Automatic), false).await;
    let Outcome::Retry { reason, .. } = &answer.outcome else { unreachable!("{answer:?}") };
    assert!(reason.as_str().contains("the secret key of Stripe"), "{reason}");
    assert!(!format!("{answer:?}").contains("canary"));
}

#[tokio::test]
async fn amounts_that_stripe_cannot_take_are_not_asked_for() {
    let shop = Shop::open().await;
    for (amount, code) in [(5_124, "KWD"), (5, "UGX"), (501, "MGA"), (-1, "USD")] {
        let amount = Money::new(amount, code.parse().unwrap());
        let call = Call::CreateIntent { number: 1, amount, capture: Capture::Automatic };
        let answer = shop.call(fresh_order(), &call, false).await;
        assert!(matches!(answer.outcome, Outcome::Declined(_)), "{answer:?}");
    }
    assert!(shop.front.take_came().is_empty());
    let crowns = Money::new(5, "ISK".parse().unwrap());
    let call = Call::CreateIntent { number: 1, amount: crowns, capture: Capture::Automatic };
    let seen = shop.done(fresh_order(), &call, false).await.seen;
    let path = format!("/v1/payment_intents/{}", seen.intents[0].id);
    assert_eq!(shop.direct.get(&path, &[]).await["amount"], 500);
}

#[tokio::test]
async fn a_known_key_with_another_form_is_not_called_refused() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.order(500, Capture::Automatic).await;
    let answer = shop.call(order_id, &create(600, Capture::Automatic), true).await;
    assert!(matches!(answer.outcome, Outcome::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn what_another_order_of_this_number_paid_is_not_taken_for_this_one() {
    let shop = Shop::open().await;
    let (order_id, intent) = shop.order(500, Capture::Automatic).await;
    assert_eq!(shop.pay(&intent.id, GOOD).await, 200);
    // Such as after a restart with an older copy of the database; the key is still known.
    let later = ManualClock::new(SystemClock.now());
    later.advance_secs(3_600);
    let restored = adapter(&shop.front.url, "sk_test_shop", "whsec_1", Arc::new(later));
    let call = create(500, Capture::Automatic);
    for ask_first in [false, true] {
        let answer = restored.call(order_id, &call, ask_first).await;
        assert!(matches!(answer.outcome, Outcome::Declined(_)), "{answer:?}");
        assert!(answer.seen.is_empty());
    }
    // What nobody has used is as good as new, however old it is.
    let (order_id, intent) = shop.order(500, Capture::Automatic).await;
    for ask_first in [false, true] {
        let answer = restored.call(order_id, &call, ask_first).await;
        assert_eq!((answer.outcome, &answer.seen.intents[0].id), (Outcome::Done, &intent.id));
    }
}
