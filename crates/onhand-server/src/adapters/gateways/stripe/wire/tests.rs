//! What the objects of Stripe mean, in the versions of its interface that accounts may be set to.

use serde_json::json;

use super::*;

fn changed(mut object: Value, changes: &Value) -> Value {
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    object
}

fn charge(changes: &Value) -> Value {
    let object = json!({
        "id": "ch_1", "object": "charge", "amount": 500, "amount_captured": 0,
        "amount_refunded": 0, "currency": "usd", "status": "succeeded", "captured": false,
        "refunded": false, "payment_intent": "pi_1", "failure_code": null, "metadata": [],
    });
    changed(object, changes)
}

fn intent(changes: &Value) -> Value {
    let object = json!({
        "id": "pi_1", "object": "payment_intent", "amount": 500, "amount_received": 0,
        "currency": "usd", "status": "requires_payment_method", "latest_charge": null,
        "client_secret": "pi_1_secret_2", "last_payment_error": null,
        "metadata": { "onhand_order": "ord_42", "onhand_receipt": "ord_42-1" },
    });
    changed(object, changes)
}

/// State, what was taken, and why it failed.
type Told = (AttemptState, i64, Option<String>);

fn told(attempt: &SeenAttempt) -> Told {
    let failure = attempt.failure.as_ref().map(|failure| failure.as_str().to_owned());
    (attempt.state, attempt.captured, failure)
}

#[test]
fn a_charge_is_an_attempt() {
    fn check(changes: Value, wanted: Option<Told>) {
        let read: Result<Charge, _> = serde_json::from_value(charge(&changes));
        let seen = read.ok().and_then(|charge| charge.seen().ok());
        assert_eq!(seen.as_ref().map(told), wanted, "{changes}");
        if let Some(seen) = seen {
            assert_eq!(seen.intent.unwrap().as_str(), "pi_1");
        }
    }
    let of = |state| Some((state, 0, None));
    check(json!({}), of(AttemptState::Authorized));
    check(json!({ "status": "pending" }), of(AttemptState::Created));
    check(json!({ "refunded": true, "amount_refunded": 500 }), of(AttemptState::Voided));
    check(json!({ "payment_intent": { "id": "pi_1", "amount": 7 } }), of(AttemptState::Authorized));
    let taken = |sum| Some((AttemptState::Captured, sum, None));
    check(json!({ "captured": true, "amount_captured": 500 }), taken(500));
    check(json!({ "captured": true, "amount_captured": 300 }), taken(300));
    check(json!({ "captured": true, "amount_captured": null }), taken(500));
    let back = json!({ "captured": true, "amount_captured": 500, "refunded": true });
    check(back, taken(500));
    check(
        json!({ "status": "failed", "failure_code": "card_declined", "failure_message": "No\n." }),
        Some((AttemptState::Failed, 0, Some("card_declined: No .".to_owned()))),
    );
    for wrong in [
        json!({ "id": "ch/../1" }),
        json!({ "id": "" }),
        json!({ "amount": -1 }),
        json!({ "amount": 5.0 }),
        json!({ "amount": "500" }),
        json!({ "amount": null }),
        json!({ "captured": true, "amount_captured": 501 }),
        json!({ "captured": true, "amount_captured": -1 }),
        json!({ "currency": "USD" }),
        json!({ "currency": "xyz" }),
        json!({ "status": "won" }),
        json!({ "captured": "true" }),
        json!({ "payment_intent": "pi/1" }),
        json!({ "payment_intent": {} }),
    ] {
        check(wrong, None);
    }
}

/// What an intent says of its newest attempt; `Err` where it makes no sense.
fn attempt_of(changes: &Value) -> Result<Option<Told>, Strange> {
    let read: Intent = serde_json::from_value(intent(changes)).map_err(|_| Strange)?;
    Ok(read.attempt()?.as_ref().map(told))
}

#[test]
fn an_intent_tells_of_a_charge_that_it_only_names() {
    fn check(status: &str, wanted: Option<(AttemptState, i64)>) {
        let changes = json!({ "status": status, "latest_charge": "ch_1", "amount_received": 500 });
        let wanted = wanted.map(|(state, captured)| (state, captured, None));
        assert_eq!(attempt_of(&changes), Ok(wanted), "{status}");
    }
    check("processing", Some((AttemptState::Created, 0)));
    check("requires_capture", Some((AttemptState::Authorized, 0)));
    check("succeeded", Some((AttemptState::Captured, 500)));
    check("canceled", Some((AttemptState::Voided, 0)));
    for status in ["requires_payment_method", "requires_confirmation", "requires_action", "new"] {
        check(status, None);
    }
}

#[test]
fn an_intent_says_why_its_newest_charge_failed() {
    let error = json!({ "charge": "ch_1", "code": "card_declined", "message": "No." });
    let said = Some("card_declined: No.".to_owned());
    let failed = Ok(Some((AttemptState::Failed, 0, said)));
    for status in ["requires_payment_method", "requires_source", "requires_action", "canceled"] {
        let changes =
            json!({ "status": status, "latest_charge": "ch_1", "last_payment_error": error });
        assert_eq!(attempt_of(&changes), failed, "{status}");
    }
    // About an older one, or about none, because the customer did not come back from the bank.
    for changes in [
        json!({ "latest_charge": "ch_2", "last_payment_error": error }),
        json!({ "last_payment_error": { "code": "payment_intent_authentication_failure" } }),
    ] {
        assert_eq!(attempt_of(&changes), Ok(None), "{changes}");
    }
}

#[test]
fn an_intent_may_bring_its_charges_along() {
    let held = charge(&json!({}));
    let captured = charge(&json!({ "captured": true, "amount_captured": 500 }));
    let list = json!({ "object": "list", "data": [captured, charge(&json!({ "id": "ch_0" }))] });
    let check = |changes: Value, wanted| assert_eq!(attempt_of(&changes), wanted, "{changes}");
    let of = |state, sum| Ok(Some((state, sum, None)));
    check(json!({ "latest_charge": held }), of(AttemptState::Authorized, 0));
    check(json!({ "latest_charge": captured }), of(AttemptState::Captured, 500));
    check(json!({ "charges": list }), of(AttemptState::Captured, 500));
    check(json!({ "charges": list, "latest_charge": "ch_0" }), of(AttemptState::Authorized, 0));
    check(json!({ "charges": { "data": [] } }), Ok(None));
    check(json!({ "status": "canceled", "latest_charge": held }), of(AttemptState::Voided, 0));
    check(
        json!({ "status": "canceled", "latest_charge": captured }),
        of(AttemptState::Captured, 500),
    );
    for other in [json!("pi_2"), json!(null)] {
        let changes = json!({ "latest_charge": charge(&json!({ "payment_intent": other })) });
        check(changes, Err(Strange));
    }
}

#[test]
fn an_intent_is_ours_by_what_we_wrote_to_it() {
    fn check(metadata: Value, wanted: Option<(&str, u32)>) {
        let changes = json!({ "metadata": metadata });
        let read: Intent = serde_json::from_value(intent(&changes)).unwrap();
        let wanted = wanted.map(|(order, number)| (order.parse().unwrap(), number));
        assert_eq!(read.owner(&Receipts::default()), wanted, "{metadata}");
    }
    check(json!({ "onhand_receipt": "ord_42-3" }), Some(("ord_42", 3)));
    for other in [json!({}), json!([]), json!(null), json!({ "onhand_receipt": 7 })] {
        check(other, None);
    }
    check(json!({ "onhand_receipt": "ord_042-1" }), None);
}

#[test]
fn refunds_are_known_by_state_and_number() {
    fn check(changes: &Value, wanted: Option<(RefundState, Option<u32>, bool)>) {
        let object = json!({
            "id": "re_1", "charge": "ch_1", "amount": 200, "currency": "usd",
            "status": "succeeded", "metadata": { "onhand_refund": "ord_42-r2" },
        });
        let read: Result<Refund, _> = serde_json::from_value(changed(object, changes));
        let read = read.ok().filter(|refund| refund.attempt().is_some());
        let found = read.and_then(|refund| {
            let seen = refund.seen(&Receipts::default(), "ord_42".parse().ok()).ok()?;
            Some((seen.state, seen.number, refund.counts(&Receipts::default())))
        });
        assert_eq!(found, wanted, "{changes}");
    }
    let ours = |state| Some((state, Some(2), true));
    check(&json!({}), ours(RefundState::Processed));
    check(&json!({ "charge": { "id": "ch_1" } }), ours(RefundState::Processed));
    for status in [json!("pending"), json!("requires_action"), json!(null)] {
        check(&json!({ "status": status }), ours(RefundState::Pending));
    }
    for status in ["failed", "canceled"] {
        check(&json!({ "status": status }), ours(RefundState::Failed));
    }
    let others = |counts| Some((RefundState::Processed, None, counts));
    check(&json!({ "metadata": { "onhand_refund": "ord_43-r2" } }), others(true));
    check(&json!({ "metadata": [], "balance_transaction": "txn_1" }), others(true));
    check(&json!({ "metadata": {}, "balance_transaction": { "id": "txn_1" } }), others(true));
    check(&json!({ "metadata": {}, "balance_transaction": null }), others(false));
    for wrong in [
        json!({ "status": "won" }),
        json!({ "charge": null }),
        json!({ "amount": -1 }),
        json!({ "currency": "Usd" }),
    ] {
        check(&wrong, None);
    }
}

#[test]
fn an_error_says_its_kind_and_its_code() {
    fn check(body: &str, wanted: Option<&str>) {
        assert_eq!(read_error(body.as_bytes()).as_deref(), wanted, "{body}");
    }
    let body = r#"{"error":{"type":"card_error","code":"card_declined","message":"No.","x":{}}}"#;
    check(body, Some("card_error card_declined No."));
    check(r#"{"error":{"type":"idempotency_error"}}"#, Some("idempotency_error"));
    for other in ["", "{}", "<html>", r#"{"error":"no"}"#, r#"{"error":{}}"#] {
        check(other, None);
    }
}
