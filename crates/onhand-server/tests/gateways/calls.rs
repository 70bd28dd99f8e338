//! Every call meets every fault: nothing is done twice, and nothing is called failed that was done.

use axum::http::{Method, StatusCode};
use onhand_core::payments::{AttemptState, Call, Capture, RefundState};
use onhand_core::text::GatewayId;
use onhand_server::adapters::gateways::{Outcome, PaymentGateway};
use serde_json::{Value, json};

use crate::world::{
    KEY_SECRET, LIMITS, PATIENT, World, id, neighbour, order_id, razorpay, rupees, word,
};

/// What to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    CreateIntent,
    Capture,
    Void,
    Refund,
    Fetch,
}

impl Which {
    const ALL: [Self; 5] =
        [Self::CreateIntent, Self::Capture, Self::Void, Self::Refund, Self::Fetch];

    fn is_write(self) -> bool {
        match self {
            Self::CreateIntent | Self::Capture | Self::Refund => true,
            Self::Void | Self::Fetch => false,
        }
    }

    /// Brings order 42 to where the call makes sense.
    async fn prepare(self, world: &mut World) -> Call {
        let amount = rupees(50_000);
        if self == Self::CreateIntent {
            return Call::CreateIntent { number: 1, amount, capture: Capture::Manual };
        }
        let intent = world.intent(42, Capture::Manual).await;
        let outcome = if self == Self::Refund { "captured" } else { "authorized" };
        let attempt = world.paid(&intent, outcome).await;
        let some = Some(intent.clone());
        match self {
            Self::CreateIntent | Self::Fetch => Call::Fetch { intents: vec![intent] },
            Self::Capture => Call::Capture { intent: some, attempt, amount },
            Self::Void => Call::Void { intent: some, attempt },
            Self::Refund => Call::Refund { number: 1, attempt, amount: rupees(20_000) },
        }
    }

    /// What is in the books when the call is done once: orders, captured, refunds, refunded.
    fn done(self) -> [i64; 4] {
        match self {
            Self::CreateIntent | Self::Void | Self::Fetch => [1, 0, 0, 0],
            Self::Capture => [1, 50_000, 0, 0],
            Self::Refund => [1, 50_000, 1, 20_000],
        }
    }
}

/// The sums of the gateway's ledger: orders, captured, refunds, refunded.
fn sums(ledger: &[Value]) -> [i64; 4] {
    let payments: Vec<&Value> =
        ledger.iter().flat_map(|row| row["payments"].as_array().unwrap()).collect();
    let sum = |field: &str| payments.iter().map(|row| row[field].as_i64().unwrap()).sum::<i64>();
    let refunds: usize = payments.iter().map(|row| row["refunds"].as_array().unwrap().len()).sum();
    let count = |many: usize| i64::try_from(many).unwrap();
    [count(ledger.len()), sum("captured"), count(refunds), sum("refunded")]
}

/// Asks until it is done, as a worker does.
async fn until_done(world: &World, order: i64, call: &Call, mut ask_first: bool) -> usize {
    for tries in 1..200 {
        let answer = world.call(order, call, ask_first).await;
        match answer.outcome {
            Outcome::Done => return tries,
            Outcome::Unknown(_) => ask_first = true,
            Outcome::Retry { .. } => ask_first = false,
            Outcome::Declined(reason) => unreachable!("{call:?} is declined: {reason}"),
        }
    }
    unreachable!("{call:?} is never done")
}

/// Makes a call while the fault is there, and again when it is gone.
async fn check(which: Which, fault: &str, ask_first: bool, wanted: &str) {
    let mut world = World::new(PATIENT).await;
    let call = which.prepare(&mut world).await;
    world.fault(fault, 1.0).await;
    let answer = if fault == "stall" {
        let hasty = razorpay(&world.url, KEY_SECRET, LIMITS);
        hasty.call(order_id(42), &call, ask_first).await
    } else {
        world.call(42, &call, ask_first).await
    };
    let shown = format!("{which:?} {fault} {ask_first} {answer:?}");
    assert_eq!(word(&answer.outcome), wanted, "{shown}");
    if let Outcome::Retry { after, .. } = &answer.outcome {
        assert_eq!(after.is_some_and(|after| after.as_secs() == 1), fault == "rate_limit");
    }
    assert!(!shown.contains("canary"), "{shown}");
    world.fault(fault, 0.0).await;
    let is_unknown = matches!(answer.outcome, Outcome::Unknown(_));
    assert_eq!(until_done(&world, 42, &call, is_unknown).await, 1, "{shown}");
    assert_eq!(until_done(&world, 42, &call, true).await, 1, "{shown}");
    assert_eq!(sums(&world.ledger().await), which.done(), "{shown}");
}

#[tokio::test]
async fn what_was_not_carried_out_is_tried_again() {
    for which in Which::ALL {
        let wanted = if which.is_write() { "unknown" } else { "retry" };
        check(which, "error", false, wanted).await;
        check(which, "rate_limit", false, "retry").await;
        // Nobody could look: so it is no better known than before.
        check(which, "rate_limit", true, wanted).await;
    }
}

#[tokio::test]
async fn what_was_carried_out_without_an_answer_is_not_done_twice() {
    for which in Which::ALL {
        let wanted = if which.is_write() { "unknown" } else { "retry" };
        for fault in ["drop", "late_error", "html", "truncated"] {
            check(which, fault, false, wanted).await;
            check(which, fault, true, wanted).await;
        }
    }
}

#[tokio::test]
async fn answers_that_never_end_are_cut_off() {
    for which in Which::ALL {
        let wanted = if which.is_write() { "unknown" } else { "retry" };
        for fault in ["endless", "stall"] {
            check(which, fault, false, wanted).await;
        }
    }
}

#[tokio::test]
async fn answers_about_another_amount_are_no_answers() {
    for which in Which::ALL {
        // Whoever only looks has no amount to hold against it; whoever is told of it has.
        let wanted = if which.is_write() { "unknown" } else { "done" };
        check(which, "contradict", false, wanted).await;
    }
    for which in [Which::CreateIntent, Which::Capture, Which::Refund] {
        let mut world = World::new(PATIENT).await;
        let call = which.prepare(&mut world).await;
        world.done(42, &call).await;
        world.fault("contradict", 1.0).await;
        let answer = world.call(42, &call, true).await;
        assert_eq!(word(&answer.outcome), "unknown", "{which:?} {answer:?}");
        assert_eq!(answer.seen.attempts, [], "{which:?}");
        assert_eq!(sums(&world.ledger().await), which.done(), "{which:?}");
    }
}

#[tokio::test]
async fn a_bad_day_costs_time_and_no_money() {
    let mut world = World::new(LIMITS).await;
    for fault in ["error", "rate_limit", "drop", "late_error", "html", "truncated", "contradict"] {
        world.fault(fault, 0.06).await;
    }
    world.fault("stall", 0.01).await;
    let (orders, amount) = (40, rupees(50_000));
    for order in 1..=orders {
        let call = Call::CreateIntent { number: 1, amount, capture: Capture::Manual };
        until_done(&world, order, &call, false).await;
        let answer = loop {
            let answer = world.call(order, &call, true).await;
            if answer.outcome == Outcome::Done {
                break answer;
            }
        };
        let intent = answer.seen.intents[0].id.clone();
        let attempt = world.paid(&intent, "authorized").await;
        let capture =
            Call::Capture { intent: Some(intent.clone()), attempt: attempt.clone(), amount };
        until_done(&world, order, &capture, false).await;
        for number in [1, 2] {
            let amount = rupees(10_000);
            let refund = Call::Refund { number, attempt: attempt.clone(), amount };
            until_done(&world, order, &refund, false).await;
        }
        until_done(&world, order, &Call::Fetch { intents: vec![intent] }, false).await;
    }
    let wanted = [orders, orders * 50_000, orders * 2, orders * 20_000];
    assert_eq!(sums(&world.ledger().await), wanted);
}

#[tokio::test]
async fn what_the_gateway_will_not_do_is_declined_with_its_reason() {
    let mut world = World::new(PATIENT).await;
    let amount = rupees(50_000);
    let intent = world.intent(1, Capture::Manual).await;
    let failed = world.paid(&intent, "failed").await;
    let authorized = world.paid(&intent, "authorized").await;
    let other = world.intent(2, Capture::Automatic).await;
    let captured = world.paid(&other, "pays").await;
    let capture = |attempt: &GatewayId, amount| Call::Capture {
        intent: None,
        attempt: attempt.clone(),
        amount,
    };
    let refund = |attempt: &GatewayId, amount| Call::Refund {
        number: 1,
        attempt: attempt.clone(),
        amount: rupees(amount),
    };
    let small = Call::CreateIntent { number: 9, amount: rupees(99), capture: Capture::Manual };
    let nobody = id("pay_nobody");
    for (call, reason) in [
        (small, "400: BAD_REQUEST_ERROR Order amount less than minimum amount allowed"),
        (capture(&failed, amount), "nothing is set aside any more"),
        (capture(&nobody, amount), "The id provided does not exist"),
        (refund(&failed, 1), "The payment status should be captured"),
        (refund(&authorized, 1), "The payment status should be captured"),
        (refund(&captured, 50_001), "greater than the refund payment amount"),
        (refund(&nobody, 1), "The id provided does not exist"),
        (Call::Void { intent: None, attempt: captured.clone() }, "captured meanwhile"),
    ] {
        let answer = world.call(1, &call, false).await;
        let Outcome::Declined(said) = &answer.outcome else { unreachable!("{call:?} {answer:?}") };
        assert!(said.as_str().contains(reason), "{call:?}: {said}");
    }
    // Another amount than was authorised is not what anybody meant.
    let answer = world.call(1, &capture(&authorized, rupees(49_900)), false).await;
    assert_eq!(word(&answer.outcome), "unknown", "{answer:?}");
    assert_eq!(sums(&world.ledger().await), [2, 50_000, 0, 0]);
}

#[tokio::test]
async fn how_things_stand_is_seen_whole() {
    let mut world = World::new(PATIENT).await;
    let intent = world.intent(42, Capture::Manual).await;
    let failed = world.paid(&intent, "failed").await;
    let attempt = world.paid(&intent, "authorized").await;
    let amount = rupees(50_000);
    let void = Call::Void { intent: None, attempt: attempt.clone() };
    let answer = world.done(42, &void).await;
    assert_eq!(answer.seen.attempts[0].state, AttemptState::Voided);
    let capture = Call::Capture { intent: None, attempt: attempt.clone(), amount };
    assert_eq!(world.done(42, &capture).await.seen.attempts[0].captured, 50_000);
    // A second one finds that the first was enough.
    assert_eq!(world.done(42, &capture).await.seen.attempts[0].captured, 50_000);
    let refund = Call::Refund { number: 3, attempt: attempt.clone(), amount };
    let made = world.done(42, &refund).await.seen.refunds;
    assert_eq!(made[0].number, Some(3));
    let fetched = world.done(42, &Call::Fetch { intents: vec![intent.clone()] }).await.seen;
    let states: Vec<_> = fetched.attempts.iter().map(|seen| (&seen.id, seen.state)).collect();
    assert_eq!(states, [(&attempt, AttemptState::Captured), (&failed, AttemptState::Failed)]);
    assert!(fetched.attempts[1].failure.as_ref().unwrap().as_str().contains("declined"));
    assert_eq!(fetched.refunds.len(), 1);
    // To another order it is somebody else's.
    let fetched = world.done(7, &Call::Fetch { intents: vec![intent] }).await.seen;
    assert_eq!((fetched.refunds[0].number, fetched.refunds[0].amount), (None, amount));
    assert_ne!(fetched.refunds[0].state, RefundState::Owed);
}

#[tokio::test]
async fn a_wrong_key_is_for_the_operator_and_says_no_secret() {
    let mut world = World::new(PATIENT).await;
    let call = Call::CreateIntent { number: 1, amount: rupees(500), capture: Capture::Manual };
    let stranger = razorpay(&world.url, "canary-of-somebody-else", PATIENT);
    let answer = stranger.call(order_id(1), &call, false).await;
    let Outcome::Retry { reason, after: None } = answer.outcome else { unreachable!() };
    assert!(reason.as_str().contains("the key and secret of Razorpay"), "{reason}");
    assert!(!reason.as_str().contains("canary"), "{reason}");
    let reply = world.send(Method::GET, "/v1/orders", Value::Null).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.ledger().await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_was_never_sent_is_not_done() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let nobody = razorpay(&url, KEY_SECRET, PATIENT);
    let call = Call::Refund { number: 1, attempt: id("pay_1"), amount: rupees(500) };
    let answer = nobody.call(order_id(1), &call, false).await;
    assert_eq!(word(&answer.outcome), "retry", "{answer:?}");
    let answer = nobody.call(order_id(1), &call, true).await;
    assert_eq!(word(&answer.outcome), "unknown", "{answer:?}");
}

#[tokio::test]
async fn a_browser_brings_a_signature_that_fits() {
    let mut world = World::new(PATIENT).await;
    let intent = world.intent(1, Capture::Automatic).await;
    let brought = world.pay(&intent, "pays").await;
    let text = |name: &str| brought[name].as_str().unwrap().to_owned();
    let attempt = id(&text("razorpay_payment_id"));
    let signature = text("razorpay_signature");
    assert!(world.razorpay.is_checkout_signature(&intent, &attempt, &signature));
    assert!(!world.razorpay.is_checkout_signature(&attempt, &intent, &signature));
    let reply = world.send(Method::POST, "/_control/pay", json!({ "order_id": "x" })).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_refund_is_made_once_by_either_of_two_safeguards() {
    let mut world = World::new(PATIENT).await;
    let call = Which::Refund.prepare(&mut world).await;
    let first = world.done(42, &call).await;
    // Asked for again without looking: the gateway knows the key.
    let again = world.done(42, &call).await;
    assert_eq!(first.seen.refunds[0].id, again.seen.refunds[0].id);
    // Looked for: nothing is asked for again.
    let before = world.requests().await;
    let found = world.call(42, &call, true).await;
    assert_eq!(found.seen.refunds[0].id, first.seen.refunds[0].id);
    assert_eq!(world.requests().await, before + 1);
    assert_eq!(sums(&world.ledger().await), Which::Refund.done());
    // The same number over another amount is a mistake of ours, and pays nothing.
    let Call::Refund { number, attempt, .. } = call else { unreachable!() };
    let other = Call::Refund { number, attempt, amount: rupees(1) };
    assert_eq!(word(&world.call(42, &other, false).await.outcome), "declined");
    assert_eq!(word(&world.call(42, &other, true).await.outcome), "unknown");
    assert_eq!(sums(&world.ledger().await), Which::Refund.done());
}

#[tokio::test]
async fn a_customer_who_tries_very_often_is_seen_whole() {
    let mut world = World::new(PATIENT).await;
    let intent = world.intent(42, Capture::Manual).await;
    for _ in 0..230 {
        world.paid(&intent, "failed").await;
    }
    let attempt = world.paid(&intent, "authorized").await;
    let seen = world.done(42, &Call::Fetch { intents: vec![intent] }).await.seen;
    let ids: std::collections::BTreeSet<_> = seen.attempts.iter().map(|seen| &seen.id).collect();
    assert_eq!((seen.attempts.len(), ids.len()), (231, 231));
    assert!(ids.contains(&attempt));
}

#[tokio::test]
async fn calls_that_are_made_at_once_are_done_once() {
    for which in [Which::Capture, Which::Refund] {
        let mut world = World::new(PATIENT).await;
        let call = which.prepare(&mut world).await;
        let razorpay = std::sync::Arc::new(razorpay(&world.url, KEY_SECRET, PATIENT));
        let made: Vec<_> = (0..16)
            .map(|number| {
                let (razorpay, call) = (razorpay.clone(), call.clone());
                tokio::spawn(async move {
                    razorpay.call(order_id(42), &call, number % 2 == 0).await.outcome
                })
            })
            .collect();
        for made in made {
            assert_eq!(made.await.unwrap(), Outcome::Done, "{which:?}");
        }
        assert_eq!(sums(&world.ledger().await), which.done(), "{which:?}");
    }
}

/// Two installations share an account, and both have an order 42.
#[tokio::test]
async fn an_order_of_another_installation_is_not_taken_for_ours() {
    let mut world = World::new(PATIENT).await;
    let (first, second) = (neighbour(&world.url, &[1; 32]), neighbour(&world.url, &[2; 32]));
    let mut intents = Vec::new();
    for shop in [&first, &second, &first, &second] {
        let call =
            Call::CreateIntent { number: 1, amount: rupees(50_000), capture: Capture::Manual };
        let answer = shop.call(order_id(42), &call, true).await;
        assert_eq!((word(&answer.outcome), answer.seen.intents.len()), ("done", 1));
        let found = shop.call(order_id(42), &Call::FindIntent { number: 1 }, true).await;
        assert_eq!(found.seen.intents, answer.seen.intents);
        intents.push(answer.seen.intents[0].id.clone());
    }
    assert_eq!((&intents[0], &intents[1]), (&intents[2], &intents[3]));
    assert_ne!(intents[0], intents[1]);
    let attempt = world.paid(&intents[0], "captured").await;
    let fetch = Call::Fetch { intents: vec![intents[0].clone()] };
    let refund = |number, amount| Call::Refund { number, attempt: attempt.clone(), amount };
    let given_back = first.call(order_id(42), &refund(1, rupees(20_000)), false).await;
    assert_eq!((word(&given_back.outcome), given_back.seen.refunds[0].number), ("done", Some(1)));
    let seen = second.call(order_id(42), &fetch, true).await.seen;
    assert_eq!(seen.refunds.iter().map(|refund| refund.number).collect::<Vec<_>>(), [None]);
}
