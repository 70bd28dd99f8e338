//! Money that is set aside first, and taken or let go when an operator says so.

use onhand_core::ids::OrderId;
use onhand_core::payments::{AttemptState, Call, Capture, SeenAttempt, SeenIntent};
use onhand_core::text::GatewayId;
use onhand_server::adapters::gateways::Outcome;

use crate::shop::{GOOD, Shop, dollars};

/// An order whose money is set aside.
pub(crate) async fn hold(shop: &Shop, amount: i64) -> (OrderId, SeenIntent, SeenAttempt) {
    let (order_id, intent) = shop.order(amount, Capture::Manual).await;
    assert_eq!(shop.pay(&intent.id, GOOD).await, 200);
    let attempt = shop.attempt(order_id, &intent.id).await;
    assert_eq!((attempt.state, attempt.captured), (AttemptState::Authorized, 0));
    (order_id, intent, attempt)
}

pub(crate) fn capture(intent: Option<&GatewayId>, attempt: &GatewayId, amount: i64) -> Call {
    Call::Capture { intent: intent.cloned(), attempt: attempt.clone(), amount: dollars(amount) }
}

pub(crate) fn void(intent: Option<&GatewayId>, attempt: &GatewayId) -> Call {
    Call::Void { intent: intent.cloned(), attempt: attempt.clone() }
}

#[tokio::test]
async fn what_is_set_aside_is_taken_once() {
    let mut shop = Shop::open().await;
    for named in [true, false] {
        let (order_id, intent, attempt) = hold(&shop, 900).await;
        let call = capture(Some(&intent.id).filter(|_| named), &attempt.id, 900);
        let first = shop.done(order_id, &call, false).await.seen;
        let [taken] = &first.attempts[..] else { unreachable!("{first:?}") };
        assert_eq!((taken.state, taken.captured), (AttemptState::Captured, 900));
        let notice = shop.notice(&intent.id).await;
        assert_eq!(notice.seen.attempts, first.attempts);
        for ask_first in [false, true] {
            shop.front.forget_keys();
            let again = shop.done(order_id, &call, ask_first).await.seen;
            assert_eq!(again.attempts, first.attempts);
        }
        let too_late = shop.call(order_id, &void(Some(&intent.id), &attempt.id), named).await;
        assert!(matches!(too_late.outcome, Outcome::Declined(_)), "{too_late:?}");
        assert_eq!(too_late.seen.attempts, first.attempts);
        let charges = shop.direct.charges(intent.id.as_str()).await;
        assert_eq!((charges.len(), &charges[0]["captured"]), (1, &true.into()));
        assert!(shop.direct.refunds(attempt.id.as_str()).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_set_aside_is_let_go() {
    let shop = Shop::open().await;
    for named in [true, false] {
        let (order_id, intent, attempt) = hold(&shop, 900).await;
        let call = void(Some(&intent.id).filter(|_| named), &attempt.id);
        let first = shop.done(order_id, &call, false).await.seen;
        let [gone] = &first.attempts[..] else { unreachable!("{first:?}") };
        assert_eq!((gone.state, gone.captured), (AttemptState::Voided, 0));
        assert_eq!(shop.attempt(order_id, &intent.id).await, *gone);
        for ask_first in [false, true] {
            assert_eq!(shop.done(order_id, &call, ask_first).await.seen.attempts, first.attempts);
        }
        let stored = shop.direct.get(&format!("/v1/payment_intents/{}", intent.id), &[]).await;
        assert_eq!(stored["status"], "canceled");
    }
}

#[tokio::test]
async fn another_sum_than_is_set_aside_is_not_taken_for_done() {
    let shop = Shop::open().await;
    let (order_id, intent, attempt) = hold(&shop, 900).await;
    shop.done(order_id, &capture(Some(&intent.id), &attempt.id, 900), false).await;
    let other = shop.call(order_id, &capture(Some(&intent.id), &attempt.id, 901), true).await;
    assert!(matches!(other.outcome, Outcome::Unknown(_)), "{other:?}");
}
