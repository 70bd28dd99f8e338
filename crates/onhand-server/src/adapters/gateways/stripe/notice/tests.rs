//! Messages as they should come, and as somebody who does not know the secret could send them.

use onhand_core::payments::RefundState;
use serde_json::json;

use super::*;
use crate::adapters::gateways::signature::{hex, sign};
use crate::limits::NOTICE_SIGNATURES_MAX;

const NEW: &str = "whsec_new0123456789abcdef";
const OLD: &str = "whsec_old0123456789abcdef";
const TIME: i64 = 1_760_000_000;

/// What the golden signatures were computed over, with Python's `hmac`.
const BODY: &str = concat!(
    r#"{"id":"evt_1","object":"event","api_version":"2024-06-20","created":1760000000,"data":"#,
    r#"{"object":{"id":"pi_A1","object":"payment_intent","amount":50000,"amount_received":50000,"#,
    r#""currency":"inr","status":"succeeded","latest_charge":"ch_B2","#,
    r#""client_secret":"pi_A1_secret_C3","#,
    r#""metadata":{"onhand_order":"ord_42","onhand_receipt":"ord_42-1"}}},"#,
    r#""type":"payment_intent.succeeded"}"#
);
const BY_NEW: &str = "8491e4982f39567cd5e8c598086283c3429c295269fbab1efc17b7486ec00046";
const BY_OLD: &str = "f0622902fdf8bbd0be99b1de55de68d4b75daa31b54e9239ca1b19b2bfcb9d8f";
/// Of the body alone, without the time.
const OF_BODY: &str = "937d9d36453942d935409b262a1abb18b6e0911abc00264bae5a99b78620591a";
const HASH: &str = "e5bfa3c11d18804f06ff242944e85c733b5b65ff85a439cc2255208911aab71a";

/// Reads so many seconds after the time that is signed.
fn read_at(secs: i64, header: &[u8], body: &[u8]) -> Result<Notice, NoticeError> {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, axum::http::HeaderValue::from_bytes(header).unwrap());
    let now = Timestamp::from_second(TIME + secs).unwrap();
    read(&Receipts::default(), &[Secret::new(NEW), Secret::new(OLD)], now, &headers, body)
}

/// The error, or that there is none.
fn verdict(header: &str, body: &[u8]) -> Result<(), NoticeError> {
    read_at(0, header.as_bytes(), body).map(drop)
}

fn header(signature: &str) -> String {
    format!("t={TIME},v1={signature}")
}

/// Reads an event that is signed as it should be.
fn read_event(kind: &str, object: &serde_json::Value) -> Result<Notice, NoticeError> {
    let body = json!({ "id": "evt_9", "type": kind, "data": { "object": object } }).to_string();
    let signature = sign(&Secret::new(NEW), format!("{TIME}.{body}").as_bytes());
    read_at(0, header(&signature).as_bytes(), body.as_bytes())
}

#[test]
fn every_secret_of_ours_may_have_signed() {
    let many = format!("t={TIME},v0=00,v1={OF_BODY},v1={BY_OLD},v2=x");
    let turned = format!("v1={BY_NEW},t={TIME}");
    for header in [&header(BY_NEW), &header(BY_OLD), &many, &turned] {
        let notice = read_at(0, header.as_bytes(), BODY.as_bytes()).unwrap();
        assert_eq!(notice.event_id.as_str(), "evt_1");
        assert_eq!(hex(&notice.body_hash), HASH);
        assert_eq!(notice.kind.as_str(), "payment_intent.succeeded");
        assert_eq!(notice.order_id, "ord_42".parse().ok());
        let [intent] = &notice.seen.intents[..] else { unreachable!("one intent") };
        assert_eq!((intent.number, intent.id.as_str()), (1, "pi_A1"));
        assert_eq!(intent.client_secret.as_ref().unwrap().as_str(), "pi_A1_secret_C3");
        let [attempt] = &notice.seen.attempts[..] else { unreachable!("one attempt") };
        assert_eq!((attempt.state, attempt.captured), (AttemptState::Captured, 50_000));
        assert_eq!(attempt.id.as_str(), "ch_B2");
        assert_eq!(attempt.intent.as_ref().unwrap().as_str(), "pi_A1");
    }
}

#[test]
fn what_is_not_signed_by_a_secret_of_ours_is_not_read() {
    let check = |header: &str, body: &[u8]| {
        assert_eq!(verdict(header, body), Err(NoticeError::Forged), "{header}");
    };
    for wrong in ["", "0", OF_BODY, HASH, &BY_NEW.to_uppercase(), &BY_NEW[..63], &BY_NEW[1..]] {
        check(&header(wrong), BODY.as_bytes());
    }
    for wrong in [
        String::new(),
        ",".into(),
        "t".into(),
        BY_NEW.into(),
        format!("v1={BY_NEW}"),
        format!("t={TIME}"),
        format!("t={TIME},v0={BY_NEW}"),
        format!("t={TIME}, v1={BY_NEW}"),
        format!("t={TIME},v1={BY_NEW},"),
        format!("t={TIME},t={TIME},v1={BY_NEW}"),
        format!("t=1,t={TIME},v1={BY_NEW}"),
        format!("t={TIME};v1={BY_NEW}"),
        format!("t=+{TIME},v1={BY_NEW}"),
        format!("t={},v1={BY_NEW}", TIME + 1),
        format!("t={TIME}{}", ",v1=0".repeat(NOTICE_SIGNATURES_MAX) + ",v1=" + BY_NEW),
    ] {
        check(&wrong, BODY.as_bytes());
    }
    for secret in ["", "whsec_new0123456789abcdeF", "sk_test_1"] {
        let signature = sign(&Secret::new(secret), format!("{TIME}.{BODY}").as_bytes());
        check(&header(&signature), BODY.as_bytes());
    }
    // The same, written otherwise.
    let value: serde_json::Value = serde_json::from_str(BODY).unwrap();
    check(&header(BY_NEW), serde_json::to_string_pretty(&value).unwrap().as_bytes());
    for changed in [format!("{BODY}\n"), format!(" {BODY}"), BODY.replace("50000", "5e4")] {
        check(&header(BY_NEW), changed.as_bytes());
    }
    // The point between time and body moved: the same bytes are signed.
    let signed = format!("{TIME}.{BODY}");
    let moved = sign(&Secret::new(NEW), format!("{TIME}.1.{BODY}").as_bytes());
    check(&header(&moved), signed.as_bytes());
    check(&format!("t={TIME}.1,v1={moved}"), BODY.as_bytes());
    let now = Timestamp::from_second(TIME).unwrap();
    let unsigned =
        read(&Receipts::default(), &[Secret::new(NEW)], now, &HeaderMap::new(), BODY.as_bytes());
    assert_eq!(unsigned.unwrap_err(), NoticeError::Unsigned);
    let headers = [(axum::http::HeaderName::from_static(SIGNATURE), header(BY_NEW))];
    let headers = headers.map(|(name, value)| (name, value.parse().unwrap()));
    let nobody =
        read(&Receipts::default(), &[], now, &headers.into_iter().collect(), BODY.as_bytes());
    assert_eq!(nobody.unwrap_err(), NoticeError::Forged);
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    for at in 0..BODY.len() {
        for flip in [1, 0x20, 0x80] {
            let mut body = BODY.as_bytes().to_vec();
            body[at] ^= flip;
            assert_eq!(verdict(&header(BY_NEW), &body), Err(NoticeError::Forged), "{at}");
        }
    }
    let right = header(BY_NEW);
    for at in 0..right.len() {
        for other in [b'0', b'1', b'z'].into_iter().filter(|other| *other != right.as_bytes()[at]) {
            let mut header = right.clone().into_bytes();
            header[at] = other;
            let found = read_at(0, &header, BODY.as_bytes()).map(drop);
            assert_eq!(found, Err(NoticeError::Forged), "{at}");
        }
    }
}

#[test]
fn what_was_signed_long_ago_or_not_yet_is_not_read() {
    for (secs, is_good) in
        [(0, true), (300, true), (301, false), (86_400, false), (-300, true), (-301, false)]
    {
        let found = read_at(secs, header(BY_NEW).as_bytes(), BODY.as_bytes());
        assert_eq!(found.is_ok(), is_good, "{secs}");
    }
    // Signed, and no time.
    for time in ["", "-1760000000", "+1760000000", " 1760000000", "99999999999999999999", "x"] {
        let signature = sign(&Secret::new(NEW), format!("{time}.{BODY}").as_bytes());
        let header = format!("t={time},v1={signature}");
        assert_eq!(verdict(&header, BODY.as_bytes()), Err(NoticeError::Forged), "{time}");
    }
}

#[test]
fn kinds_that_nobody_knows_tell_nothing() {
    for kind in ["charge.dispute.created", "payment_intent.created", "payout.paid", "ping"] {
        let notice = read_event(kind, &json!(7)).unwrap();
        assert_eq!((notice.kind.as_str(), notice.seen), (kind, Seen::default()));
    }
}

#[test]
fn what_is_signed_and_makes_no_sense_is_not_taken_in() {
    for body in ["", "[]", "null", "{}", r#"{"id":7,"type":"ping"}"#, r#"{"id":"","type":"ping"}"#]
    {
        let signature = sign(&Secret::new(NEW), format!("{TIME}.{body}").as_bytes());
        let found = verdict(&header(&signature), body.as_bytes());
        assert_eq!(found, Err(NoticeError::Unreadable), "{body}");
    }
    for kind in ["payment_intent.succeeded", "charge.captured", "refund.updated"] {
        let found = read_event(kind, &json!({ "id": "x" })).map(drop);
        assert_eq!(found, Err(NoticeError::Unreadable), "{kind}");
    }
}

fn charge() -> serde_json::Value {
    json!({
        "id": "ch_1", "amount": 500, "amount_captured": 500, "amount_refunded": 0,
        "currency": "usd", "status": "succeeded", "captured": true, "refunded": false,
        "payment_intent": "pi_1", "metadata": { "onhand_receipt": "ord_42-1" },
    })
}

#[test]
fn a_charge_tells_of_itself_and_of_what_went_back() {
    let mut object = charge();
    let notice = read_event("charge.succeeded", &object).unwrap();
    assert_eq!(notice.order_id, "ord_42".parse().ok());
    assert_eq!(notice.seen.attempts[0].state, AttemptState::Captured);
    object["refunds"] = json!({ "data": [
        { "id": "re_1", "charge": "ch_1", "amount": 200, "currency": "usd",
          "status": "succeeded", "metadata": { "onhand_refund": "ord_42-r1" } },
        { "id": "re_2", "charge": "ch_1", "amount": 100, "currency": "usd",
          "status": "pending", "balance_transaction": "txn_1" },
        { "id": "re_3", "charge": "ch_1", "amount": 1, "currency": "usd",
          "status": "succeeded", "metadata": {}, "balance_transaction": null },
    ] });
    let seen = read_event("charge.refunded", &object).unwrap().seen;
    let told: Vec<_> =
        seen.refunds.iter().map(|one| (one.id.as_str(), one.number, one.state)).collect();
    let (first, second) =
        (("re_1", Some(1), RefundState::Processed), ("re_2", None, RefundState::Pending));
    assert_eq!(told, [first, second]);
    // Let go of, and never taken.
    object["captured"] = json!(false);
    object["refunded"] = json!(true);
    let seen = read_event("charge.refunded", &object).unwrap().seen;
    assert_eq!((seen.attempts[0].state, seen.refunds.len()), (AttemptState::Voided, 0));
}

#[test]
fn a_charge_that_expired_is_let_go() {
    let mut object = charge();
    for (captured, wanted) in [(false, AttemptState::Voided), (true, AttemptState::Captured)] {
        object["captured"] = json!(captured);
        let seen = read_event("charge.expired", &object).unwrap().seen;
        assert_eq!(seen.attempts[0].state, wanted);
    }
}

#[test]
fn a_refund_names_its_order_by_what_we_wrote_to_it() {
    let mut object = json!({
        "id": "re_1", "charge": "ch_1", "amount": 200, "currency": "usd", "status": "failed",
        "failure_reason": "lost_or_stolen_card", "metadata": { "onhand_refund": "ord_42-r7" },
    });
    for kind in ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"] {
        let notice = read_event(kind, &object).unwrap();
        assert_eq!(notice.order_id, "ord_42".parse().ok());
        let refund = &notice.seen.refunds[0];
        assert_eq!((refund.number, refund.state), (Some(7), RefundState::Failed));
        assert_eq!(refund.failure.as_ref().unwrap().as_str(), "lost_or_stolen_card");
    }
    // Made at the gateway; of what was never taken; of what is no charge.
    object["metadata"] = json!({});
    object["balance_transaction"] = json!("txn_1");
    let notice = read_event("refund.created", &object).unwrap();
    assert_eq!((notice.order_id, notice.seen.refunds[0].number), (None, None));
    for (name, value) in [("balance_transaction", json!(null)), ("charge", json!(null))] {
        object[name] = value;
        assert!(read_event("refund.created", &object).unwrap().seen.is_empty(), "{name}");
    }
}
