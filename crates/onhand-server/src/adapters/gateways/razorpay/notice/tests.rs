//! Messages as they should come, and as somebody who does not know the secret could send them.

use onhand_core::payments::{AttemptState, RefundState};

use super::*;
use crate::adapters::gateways::signature::sign;

const NEW: &str = "whsec-new-0123456789abcdef";
const OLD: &str = "whsec-old-0123456789abcdef";
const KEY_SECRET: &str = "key-secret-0123456789abcdef";

/// What the golden signatures were computed over, with Python's `hmac`.
const BODY: &str = concat!(
    r#"{"entity":"event","account_id":"acc_1","event":"payment.captured","contains":["payment"],"#,
    r#""payload":{"payment":{"entity":{"id":"pay_B2","entity":"payment","amount":50000,"#,
    r#""currency":"INR","status":"captured","order_id":"order_A1","captured":true,"notes":[],"#,
    r#""amount_refunded":0}}},"created_at":1760000000}"#
);
const BY_NEW: &str = "986adb3b7b017e2a6fe5142f97f1ed2ca4f92343077769e61f178898b1919ae1";
const BY_OLD: &str = "9ac2240cb56164e5ee38358bf711aee563bc740486533d4e479c17ce1777246d";
const BY_KEY: &str = "6b63230c92bf7cd29c4454af6f93e8f8fedc77c2f96cab912d709c05c5233a40";
const HASH: &str = "d8d189515876659fcaa2e7e6440e1ba9316d27706c5ee51143f185876b609c60";

fn read_with(signature: &str, event_id: Option<&str>, body: &[u8]) -> Result<Notice, NoticeError> {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, signature.parse().unwrap());
    if let Some(id) = event_id {
        headers.insert(EVENT_ID, id.parse().unwrap());
    }
    read(&Receipts::default(), &[Secret::new(NEW), Secret::new(OLD)], &headers, body)
}

/// Reads a body that is signed as it should be.
fn read_signed(body: &str) -> Result<Notice, NoticeError> {
    read_with(&sign(&Secret::new(NEW), body.as_bytes()), Some("evt_1"), body.as_bytes())
}

#[test]
fn every_secret_of_ours_may_have_signed() {
    for signature in [BY_NEW, BY_OLD] {
        let notice = read_with(signature, Some("evt_1"), BODY.as_bytes()).unwrap();
        assert_eq!(notice.event_id.as_str(), "evt_1");
        assert_eq!(hex(&notice.body_hash), HASH);
        assert_eq!(notice.kind.as_str(), "payment.captured");
        assert_eq!(notice.order_id, None);
        let [attempt] = &notice.seen.attempts[..] else { unreachable!("one attempt") };
        assert_eq!((attempt.state, attempt.captured), (AttemptState::Captured, 50_000));
        assert_eq!(attempt.intent.as_ref().unwrap().as_str(), "order_A1");
    }
}

#[test]
fn what_is_not_signed_by_a_secret_of_ours_is_not_read() {
    let check = |signature: &str, body: &[u8]| {
        let found = read_with(signature, Some("evt_1"), body).map(|notice| notice.kind);
        assert_eq!(found, Err(NoticeError::Forged), "{signature}");
    };
    let upper = BY_NEW.to_uppercase();
    let long = format!("{BY_NEW}00");
    let twice = format!("{BY_NEW},{BY_OLD}");
    for wrong in ["", "0", BY_KEY, HASH, &upper, &long, &twice, &BY_NEW[..63], &BY_NEW[1..]] {
        check(wrong, BODY.as_bytes());
    }
    // The secret of the key in place of that of the webhook, and that of somebody else.
    for secret in [KEY_SECRET, "", "whsec-new-0123456789abcdeF"] {
        check(&sign(&Secret::new(secret), BODY.as_bytes()), BODY.as_bytes());
    }
    // The same, written otherwise.
    let value: serde_json::Value = serde_json::from_str(BODY).unwrap();
    check(BY_NEW, value.to_string().as_bytes());
    check(BY_NEW, serde_json::to_string_pretty(&value).unwrap().as_bytes());
    for changed in [format!("{BODY}\n"), format!(" {BODY}"), BODY.replace("50000", "5e4")] {
        check(BY_NEW, changed.as_bytes());
    }
    check(BY_NEW, b"");
    let found = read(&Receipts::default(), &[Secret::new(NEW)], &HeaderMap::new(), BODY.as_bytes());
    assert_eq!(found.unwrap_err(), NoticeError::Unsigned);
    let headers = [(SIGNATURE, BY_NEW)]
        .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()));
    let found = read(&Receipts::default(), &[], &headers.into_iter().collect(), BODY.as_bytes());
    assert_eq!(found.unwrap_err(), NoticeError::Forged);
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    for at in 0..BODY.len() {
        for flip in [1, 0x20, 0x80] {
            let mut body = BODY.as_bytes().to_vec();
            body[at] ^= flip;
            let found = read_with(BY_NEW, None, &body).map(|notice| notice.kind);
            assert_eq!(found, Err(NoticeError::Forged), "{at}");
        }
    }
    for at in 0..BY_NEW.len() {
        let mut signature = BY_NEW.as_bytes().to_vec();
        signature[at] = if signature[at] == b'0' { b'1' } else { b'0' };
        let signature = String::from_utf8(signature).unwrap();
        let found = read_with(&signature, None, BODY.as_bytes()).map(|notice| notice.kind);
        assert_eq!(found, Err(NoticeError::Forged), "{at}");
    }
}

#[test]
fn a_replay_under_another_name_has_the_same_body() {
    let first = read_with(BY_NEW, Some("evt_1"), BODY.as_bytes()).unwrap();
    let again = read_with(BY_NEW, Some("evt_2"), BODY.as_bytes()).unwrap();
    assert_ne!(first.event_id, again.event_id);
    assert_eq!(first.body_hash, again.body_hash);
    let long = "x".repeat(NOTICE_ID_CHARS_MAX + 1);
    for unnamed in [None, Some(""), Some(long.as_str())] {
        assert_eq!(read_with(BY_NEW, unnamed, BODY.as_bytes()).unwrap().event_id.as_str(), HASH);
    }
}

#[test]
fn kinds_that_nobody_knows_tell_nothing() {
    for kind in ["payment.dispute.created", "settlement.processed", "", "payment.captured "] {
        let body = format!(r#"{{"event":"{kind}","payload":{{"payment":7}}}}"#);
        let notice = read_signed(&body).unwrap();
        let kept = if kind.is_empty() { "unnamed" } else { kind.trim() };
        assert_eq!((notice.kind.as_str(), notice.seen), (kept, Seen::default()));
    }
}

#[test]
fn what_is_signed_and_cannot_be_read_is_said_to_be_so() {
    let deep = format!(r#"{{"event":{}"#, "[".repeat(100_000));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "\u{feff}{}",
        "<html>",
        &BODY[..100],
        &deep,
        r#"{"event":7}"#,
        r#"{"event":"payment.captured"}"#,
        r#"{"event":"payment.captured","payload":{}}"#,
        r#"{"event":"refund.created","payload":{}}"#,
        r#"{"event":"payment.captured","event":"payment.failed","payload":{}}"#,
        &BODY.replace("50000", "-1"),
        &BODY.replace("50000", "500.00"),
        &BODY.replace("INR", "???"),
        &BODY.replace("pay_B2", "../pay"),
        &BODY.replace(r#""status":"captured""#, r#""status":"won""#),
    ] {
        let found = read_signed(body).map(|notice| notice.kind);
        assert_eq!(found, Err(NoticeError::Unreadable), "{body:.60}");
    }
}

/// What a message says: our order, intents, attempts and refunds as `id state`.
fn check(event: &str, payload: &str, order: Option<&str>, wanted: &[&str]) {
    let body = format!(r#"{{"event":"{event}","payload":{payload}}}"#);
    let notice = read_signed(&body).unwrap();
    let seen = &notice.seen;
    let intents = seen.intents.iter().map(|seen| format!("{} #{}", seen.id, seen.number));
    let attempts = seen.attempts.iter().map(|seen| format!("{} {:?}", seen.id, seen.state));
    let refunds = seen.refunds.iter().map(|seen| {
        assert_ne!(seen.state, RefundState::Owed);
        format!("{} {:?} {:?}", seen.id, seen.state, seen.number)
    });
    let found: Vec<_> = intents.chain(attempts).chain(refunds).collect();
    assert_eq!(found, wanted, "{body}");
    assert_eq!(notice.order_id.map(|id| id.to_string()).as_deref(), order, "{body}");
}

#[test]
fn each_kind_tells_what_it_is_about() {
    let payment = |status: &str, more: &str| {
        format!(
            r#""payment":{{"entity":{{"id":"pay_1","amount":5,"currency":"INR","status":"{status}",
            "order_id":"order_1","notes":{{"onhand_order":"ord_7"}}{more}}}}}"#
        )
    };
    let refund = |status: &str, more: &str| {
        format!(
            r#""refund":{{"entity":{{"id":"rfnd_1","payment_id":"pay_1","amount":5,
            "currency":"INR","status":"{status}"{more}}}}}"#
        )
    };
    let only = |part: &str| format!("{{{part}}}");
    let both = |one: &str, other: &str| format!("{{{one},{other}}}");
    for (kind, status, state) in [
        ("payment.authorized", "authorized", "pay_1 Authorized"),
        ("payment.captured", "captured", "pay_1 Captured"),
        ("payment.failed", "failed", "pay_1 Failed"),
        ("payment.refunded", "refunded", "pay_1 Captured"),
    ] {
        check(kind, &only(&payment(status, "")), None, &[state]);
    }
    let order = |receipt: &str| {
        format!(
            r#""order":{{"entity":{{"id":"order_1","amount":5,"currency":"INR",
            "receipt":{receipt}}}}}"#
        )
    };
    let captured = payment("captured", "");
    let paid = |receipt: &str| both(&captured, &order(receipt));
    check("order.paid", &paid(r#""ord_42-2""#), Some("ord_42"), &["order_1 #2", "pay_1 Captured"]);
    check("order.paid", &paid(r#""theirs""#), None, &["pay_1 Captured"]);
    check("order.paid", &paid("null"), None, &["pay_1 Captured"]);
    let ours = r#","receipt":"ord_42-r3","notes":[]"#;
    let noted = r#","receipt":null,"notes":{"onhand_refund":"ord_42-r3"}"#;
    for more in [ours, noted] {
        let told = both(&captured, &refund("processed", more));
        let wanted = ["pay_1 Captured", "rfnd_1 Processed Some(3)"];
        check("refund.processed", &told, Some("ord_42"), &wanted);
    }
    let wanted = ["rfnd_1 Pending None"];
    check("refund.created", &only(&refund("pending", "")), None, &wanted);
    let told = format!("{{{captured},{},{}}}", order(r#""ord_7-1""#), refund("failed", ours));
    let wanted = ["order_1 #1", "pay_1 Captured", "rfnd_1 Failed None"];
    check("refund.failed", &told, Some("ord_7"), &wanted);
    let let_go = payment("refunded", r#","captured":false"#);
    let told = both(&let_go, &refund("processed", ""));
    check("refund.speed_changed", &told, None, &["pay_1 Voided"]);
    let let_go = payment("authorized", r#","captured":false"#);
    let told = both(&let_go, &refund("processed", ""));
    check("refund.created", &told, None, &["pay_1 Authorized"]);
}
