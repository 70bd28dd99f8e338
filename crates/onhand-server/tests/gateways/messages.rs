//! What the simulated gateway sends, read as the server reads it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode};
use onhand_core::payments::{AttemptState, Call, Capture, RefundState};
use onhand_server::adapters::gateways::simulated::Pace;
use onhand_server::adapters::gateways::{NoticeError, Outcome, PaymentGateway};
use serde_json::Value;

use crate::world::{PATIENT, World, order_id, rupees};

const QUICK: Pace = Pace {
    customer: Duration::from_millis(1),
    late: Duration::from_secs(600),
    again: Duration::from_millis(1),
};

#[tokio::test]
async fn a_customer_pays_by_himself_where_that_is_wanted() {
    let mut world = World::with(PATIENT, true, QUICK).await;
    let intent = world.intent(42, Capture::Automatic).await;
    let mut kinds = BTreeSet::new();
    for _ in 0..3 {
        let notice = world.notice().await.unwrap();
        let [attempt] = &notice.seen.attempts[..] else { unreachable!("{notice:?}") };
        assert_eq!(attempt.intent, Some(intent.clone()));
        assert_eq!(attempt.amount, rupees(50_000));
        if notice.kind.as_str() == "order.paid" {
            assert_eq!(notice.order_id, Some(order_id(42)));
            assert_eq!((notice.seen.intents[0].number, &notice.seen.intents[0].id), (1, &intent));
        }
        kinds.insert((notice.kind.as_str().to_owned(), attempt.state));
    }
    let wanted = [
        ("order.paid".to_owned(), AttemptState::Captured),
        ("payment.authorized".to_owned(), AttemptState::Authorized),
        ("payment.captured".to_owned(), AttemptState::Captured),
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted);
    let by_hand = world.intent(43, Capture::Manual).await;
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.seen.attempts[0].intent, Some(by_hand));
    assert_eq!(notice.seen.attempts[0].state, AttemptState::Authorized);
}

#[tokio::test]
async fn a_message_is_sent_until_it_is_taken() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    world.refusals.store(5, Ordering::SeqCst);
    let intent = world.intent(1, Capture::Manual).await;
    let attempt = world.paid(&intent, "authorized").await;
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.kind.as_str(), "payment.authorized");
    assert_eq!(notice.seen.attempts[0].id, attempt);
    assert_eq!(world.refusals.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn copies_of_a_message_are_alike_and_lost_ones_are_lost() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Manual).await;
    world.fault("lost", 1.0).await;
    world.paid(&intent, "failed").await;
    world.fault("lost", 0.0).await;
    for fault in ["repeat", "permute", "delay"] {
        world.fault(fault, 1.0).await;
    }
    world.paid(&intent, "authorized").await;
    world.hurry().await;
    let (headers, body) = world.heard().await;
    let first = world.razorpay.read_notice(&headers, &body).unwrap();
    assert_eq!(first.kind.as_str(), "payment.authorized");
    // Another event behind it: what comes before that is a copy.
    for fault in ["repeat", "permute", "delay"] {
        world.fault(fault, 0.0).await;
    }
    let call = Call::Capture {
        intent: None,
        attempt: first.seen.attempts[0].id.clone(),
        amount: rupees(50_000),
    };
    world.done(1, &call).await;
    let mut others = 0;
    while others < 2 {
        let notice = world.notice().await.unwrap();
        if notice.kind.as_str() == "payment.authorized" {
            assert_eq!(notice, first);
        } else {
            others += 1;
        }
    }
}

#[tokio::test]
async fn money_goes_back_or_does_not() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(42, Capture::Automatic).await;
    let attempt = world.paid(&intent, "pays").await;
    for (number, fault, last) in [(1, 1.0, RefundState::Failed), (2, 0.0, RefundState::Processed)] {
        world.fault("refund_fail", fault).await;
        let refund = Call::Refund { number, attempt: attempt.clone(), amount: rupees(50_000) };
        let made = world.done(42, &refund).await.seen.refunds;
        assert_eq!(made[0].state, RefundState::Pending);
        loop {
            let notice = world.notice().await.unwrap();
            if let [refund] = &notice.seen.refunds[..] {
                assert_eq!(notice.order_id, Some(order_id(42)));
                assert_eq!((refund.number, &refund.id), (Some(number), &made[0].id));
                if refund.state == last {
                    break;
                }
            }
        }
    }
    // Whoever missed the messages learns it by asking.
    let fetched = world.done(42, &Call::Fetch { intents: vec![intent] }).await.seen;
    let mut states: Vec<_> = fetched.refunds.iter().map(|seen| (seen.number, seen.state)).collect();
    states.sort_unstable();
    assert_eq!(states, [(Some(1), RefundState::Failed), (Some(2), RefundState::Processed)]);
}

#[tokio::test]
async fn a_bank_may_say_yes_after_it_said_no() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Manual).await;
    let attempt = world.paid(&intent, "late").await;
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.seen.attempts[0].state, AttemptState::Failed);
    assert!(world.is_silent());
    world.hurry().await;
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.seen.attempts[0].state, AttemptState::Authorized);
    assert_eq!(notice.seen.attempts[0].id, attempt);
}

#[tokio::test]
async fn a_message_may_be_signed_and_wrong() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Manual).await;
    world.fault("wrong_amount", 1.0).await;
    let attempt = world.paid(&intent, "authorized").await;
    let notice = world.notice().await.unwrap();
    assert_eq!(notice.seen.attempts[0].amount, rupees(50_100));
    // Whoever asks learns how it is.
    let answer = world.done(1, &Call::Fetch { intents: vec![intent] }).await;
    assert_eq!(answer.seen.attempts[0].id, attempt);
    assert_eq!(answer.seen.attempts[0].amount, rupees(50_000));
}

#[tokio::test]
async fn a_message_that_is_changed_on_its_way_is_noticed() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Manual).await;
    world.paid(&intent, "authorized").await;
    let (headers, body) = world.heard().await;
    let read = |headers, body: &[u8]| world.razorpay.read_notice(headers, body).err();
    assert_eq!(read(&headers, &body), None);
    let again: Value = serde_json::from_slice(&body).unwrap();
    let pretty = serde_json::to_vec_pretty(&again).unwrap();
    assert_eq!(read(&headers, &pretty), Some(NoticeError::Forged));
    assert_eq!(read(&headers, &body[..body.len() - 1]), Some(NoticeError::Forged));
    let mut renamed = headers.clone();
    renamed.insert("x-razorpay-event-id", HeaderValue::from_static("evt_other"));
    let (one, other) = (
        world.razorpay.read_notice(&headers, &body).unwrap(),
        world.razorpay.read_notice(&renamed, &body).unwrap(),
    );
    assert_eq!(one.body_hash, other.body_hash);
    let mut unsigned = headers.clone();
    unsigned.remove("x-razorpay-signature");
    assert_eq!(read(&unsigned, &body), Some(NoticeError::Unsigned));
}

#[tokio::test]
async fn a_paid_order_is_not_paid_again() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Automatic).await;
    world.paid(&intent, "failed").await;
    world.paid(&intent, "pays").await;
    let body = serde_json::json!({ "order_id": intent.as_str(), "outcome": "pays" });
    let reply = world.send(Method::POST, "/_control/pay", body).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let again = Call::CreateIntent { number: 1, amount: rupees(50_000), capture: Capture::Manual };
    let answer = world.call(1, &again, true).await;
    assert_eq!(answer.outcome, Outcome::Done);
    assert_eq!(answer.seen.intents[0].id, intent);
}

#[tokio::test]
async fn what_the_gateway_lets_go_was_neither_taken_nor_given_back() {
    let mut world = World::with(PATIENT, false, QUICK).await;
    let intent = world.intent(1, Capture::Manual).await;
    let attempt = world.paid(&intent, "authorized").await;
    assert_eq!(world.notice().await.unwrap().kind.as_str(), "payment.authorized");
    let body = serde_json::json!({ "payment_id": attempt.as_str() });
    let reply = world.send(Method::POST, "/_control/let-go", body).await;
    assert_eq!(reply.status, StatusCode::OK);
    for _ in 0..2 {
        let notice = world.notice().await.unwrap();
        assert!(notice.kind.as_str().starts_with("refund."), "{notice:?}");
        assert_eq!(notice.seen.attempts[0].state, AttemptState::Voided);
        assert_eq!(notice.seen.refunds, []);
    }
    let amount = rupees(50_000);
    let capture = Call::Capture { intent: None, attempt: attempt.clone(), amount };
    for ask_first in [false, true] {
        let answer = world.call(1, &capture, ask_first).await;
        assert!(matches!(answer.outcome, Outcome::Declined(_)), "{answer:?}");
        assert_eq!(answer.seen.attempts[0].state, AttemptState::Voided);
    }
    world.done(1, &Call::Void { intent: None, attempt: attempt.clone() }).await;
    let seen = world.done(1, &Call::Fetch { intents: vec![intent.clone()] }).await.seen;
    assert_eq!((seen.attempts[0].state, seen.refunds.len()), (AttemptState::Voided, 0));
    // The customer may try again.
    world.paid(&intent, "captured").await;
}
