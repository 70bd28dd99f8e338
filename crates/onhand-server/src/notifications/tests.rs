//! Every mail, as text and as HTML; and that each event that a customer should hear of has one.

use std::collections::BTreeSet;

use onhand_core::events::TYPES;
use onhand_core::orders::Order;
use onhand_core::text::Text;

use super::samples::{Sample, sample};
use super::templates::{Audience, Content, Facts, SILENT, TEMPLATES, Template};
use super::*;
use crate::adapters::mail::address::Address;
use crate::limits::{MAIL_LINES_MAX, PAYMENT_FAILED_MAILS_MAX};

fn order(template: &str) -> Order {
    match sample(template).unwrap() {
        Some(Sample::Order(order)) => *order,
        other => panic!("{template}: {other:?}"),
    }
}

fn rendered(template: &str, facts: &Facts<'_>) -> Option<Content> {
    Template::named(template).unwrap().render(facts)
}

#[test]
fn every_template_is_as_it_was_reviewed() {
    for template in TEMPLATES {
        let sample = sample(template.name).unwrap().expect(template.name);
        let Content { subject, text, html } = template.render(&sample.facts()).unwrap();
        let audience = template.audience.as_str();
        let whole = format!("To: {audience}\nSubject: {subject}\n\n{text}\n{html}\n");
        // The style sheet is the same everywhere.
        let (before, rest) = whole.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        // A tag to a line, so that a difference is.
        let body = after.replace("><", ">\n<");
        insta::assert_snapshot!(template.name, format!("{before}\n{body}"));
    }
}

#[test]
fn every_event_of_an_order_has_a_mail_or_a_reason_why_not() {
    let names: BTreeSet<_> = TEMPLATES.iter().map(|template| template.name).collect();
    assert_eq!(names.len(), TEMPLATES.len(), "names are unique");
    for kind in TYPES {
        let mails = Template::for_event(kind).count();
        let silent = SILENT.iter().filter(|(silent, _)| silent == kind).count();
        let is_told = kind.starts_with("order.") || kind.starts_with("payment.");
        assert!(!is_told || mails + silent == 1, "{kind}: {mails} mails, {silent} reasons");
    }
    let called = TEMPLATES.iter().flat_map(|template| template.kinds).copied();
    for kind in called.chain(SILENT.iter().map(|(kind, _)| *kind)) {
        assert!(TYPES.contains(&kind), "{kind} is no type of event");
    }
}

#[test]
fn subjects_of_customers_are_as_the_dialect_has_them() {
    for (template, subject) in [
        ("order_placed", "Order Pending: ord_42"),
        ("order_confirmed", "Order Confirmed: ord_42"),
        ("order_partially_fulfilled", "Order Partially fulfilled: ord_42"),
        ("order_returned", "Order Partially returned: ord_42"),
        ("payment_failed", "Order Payment failed: ord_42"),
        ("order_refunded", "Order Partially refunded: ord_42"),
    ] {
        let content = rendered(template, &Facts::Order(&order(template))).unwrap();
        assert_eq!(content.subject, subject);
    }
}

#[test]
fn who_ordered_through_processing_is_told_in_its_words() {
    for (template, subject) in [
        ("order_processing", Some("Order Processed: 42")),
        ("order_cancelled", Some("Order Failed: 42")),
        ("order_expired", Some("Order Failed: 42")),
        ("order_placed", Some("Order Pending: 42")),
        ("order_confirmed", None),
    ] {
        let mut order = order(template);
        order.metadata = channel::entry(channel::PROCESSING);
        let content = rendered(template, &Facts::Order(&order));
        assert_eq!(content.as_ref().map(|content| content.subject.as_str()), subject);
        let text = content.map(|content| content.text).unwrap_or_default();
        assert!(!text.contains("ord_42"), "{text}");
    }
    let mut order = order("order_placed");
    order.metadata = channel::entry(channel::PROCESSING);
    order.expires_at = None;
    assert_eq!(rendered("order_placed", &Facts::Order(&order)), None, "there is nothing to do");
}

#[test]
fn hostile_names_stay_text() {
    for template in TEMPLATES.iter().filter(|one| one.audience == Audience::Customer) {
        let Content { text, html, .. } =
            template.render(&Facts::Order(&order(template.name))).unwrap();
        for hostile in ["<script>", "<b>Lovelace", "\"><script"] {
            assert!(!html.contains(hostile), "{}: {hostile}", template.name);
        }
        assert!(html.contains("&lt;script&gt;") && text.contains("<script>"), "{}", template.name);
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for template in TEMPLATES {
        let sample = sample(template.name).unwrap().unwrap();
        let html = template.render(&sample.facts()).unwrap().html;
        for remote in ["src=", "url(", "@import", "<link", "<img", "<script", "http-equiv"] {
            assert!(!html.contains(remote), "{}: {remote}", template.name);
        }
    }
}

#[test]
fn a_long_order_is_cut_and_says_so() {
    let mut order = order("order_confirmed");
    let line = order.lines[0].clone();
    order.lines = vec![line; MAIL_LINES_MAX + 7];
    let Content { text, html, .. } = rendered("order_confirmed", &Facts::Order(&order)).unwrap();
    assert_eq!(text.matches("(smartphone)").count(), MAIL_LINES_MAX);
    assert!(text.contains("and 7 more lines") && html.contains("and 7 more lines"));
}

#[test]
fn a_customer_hears_of_the_first_failed_tries_only_and_only_while_he_can_pay() {
    let mut order = order("payment_failed");
    let payment = order.payment.as_mut().unwrap();
    let attempt = payment.attempts[0].clone();
    for tries in 0..=PAYMENT_FAILED_MAILS_MAX + 1 {
        order.payment.as_mut().unwrap().attempts = vec![attempt.clone(); tries];
        let is_told = rendered("payment_failed", &Facts::Order(&order)).is_some();
        assert_eq!(is_told, (1..=PAYMENT_FAILED_MAILS_MAX).contains(&tries), "{tries}");
    }
    order.payment.as_mut().unwrap().attempts = vec![attempt];
    order.status = onhand_core::orders::Status::Expired;
    assert!(rendered("payment_failed", &Facts::Order(&order)).is_none());
}

#[test]
fn facts_of_another_kind_make_no_mail() {
    let order = order("order_placed");
    assert!(rendered("low_stock", &Facts::Order(&order)).is_none());
    assert!(rendered("dead_letter", &Facts::Order(&order)).is_none(), "it has no payment");
    let endpoint = sample("webhook_disabled").unwrap().unwrap();
    assert!(rendered("order_placed", &endpoint.facts()).is_none());
}

#[test]
fn a_line_break_from_outside_ends_no_subject() {
    let Some(Sample::Endpoint(mut endpoint)) = sample("webhook_disabled").unwrap() else {
        panic!("it is about an endpoint")
    };
    endpoint.disabled_reason = Text::new("x\r\nBcc: eve@example.com").ok();
    let content = rendered("webhook_disabled", &Facts::Endpoint(&endpoint)).unwrap();
    assert!(content.text.contains("Reason: x Bcc: eve@example.com\n"), "{}", content.text);
}

fn id(event_seq: i64, template: &str, recipient: &str) -> String {
    let domain = Domain::new("shop.example").unwrap();
    message_id(event_seq, template, recipient, &domain).unwrap().as_str().to_owned()
}

#[test]
fn a_mail_has_one_id_for_ever_and_no_other_mail_has_it() {
    let one = id(108, "order_placed", "cus_7");
    assert_eq!(one, "<evt_108.order_placed.2091f7d2bf073ca1@shop.example>");
    assert_eq!(one, id(108, "order_placed", "cus_7"));
    for other in [
        id(109, "order_placed", "cus_7"),
        id(108, "order_confirmed", "cus_7"),
        id(108, "order_placed", "cus_8"),
    ] {
        assert_ne!(one, other);
    }
    let domain = Domain::new("shop.example").unwrap();
    assert!(message_id(1, "a\r\nb", "x", &domain).is_err());
}

#[test]
fn the_same_event_makes_the_same_mail() {
    let domain = Domain::new("shop.example").unwrap();
    let sender = Sender { from: "orders@shop.example".parse().unwrap(), domain };
    let to = Mailbox::from(Address::new("ada@example.com").unwrap());
    let at = "2026-11-21T05:48:16Z".parse().unwrap();
    let notice = Notice { event_seq: 108, at, recipient_key: "cus_7", to: &to };
    let order = order("order_placed");
    let template = Template::named("order_placed").unwrap();
    let mail = || write(&sender, template, &Facts::Order(&order), &notice).unwrap().unwrap();
    assert_eq!(mail().to_bytes().unwrap(), mail().to_bytes().unwrap());
    assert!(mail().to_bytes().unwrap().is_ascii());
}
