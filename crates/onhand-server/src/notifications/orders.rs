//! What customers are told about their orders. The subject is `Order <Status>: <id>`. A function
//! sees the order as its event left it, and nothing newer.

use onhand_core::Money;
use onhand_core::orders::{Fulfilment, Order, Status};
use onhand_core::payments::{AttemptState, Payment, RefundState};

use super::channel;
use super::letter::{Letter, Link, Table, in_words, money, one_line};
use crate::limits::{MAIL_LINES_MAX, PAYMENT_FAILED_MAILS_MAX};

/// What all of them say.
fn letter(order: &Order, status: &str, lead: &str) -> Letter {
    let mut facts = vec![("Order", channel::name(order)), ("Status", status.to_owned())];
    let reason = order.failure_reason.as_ref().map(|reason| in_words(reason.as_str()));
    facts.extend(reason.map(|reason| ("Reason", reason)));
    Letter {
        title: format!("Order {status}"),
        lead: lead.to_owned(),
        facts,
        link: None,
        table: Some(Table::of(order)),
        address: address(order),
        closing: "Thank you for your order.",
    }
}

/// The same, under the state that the order is in.
fn by_state(order: &Order, lead: &str) -> Letter {
    letter(order, &channel::state(order), lead)
}

fn address(order: &Order) -> Vec<String> {
    let Some(address) = &order.shipping_address else { return Vec::new() };
    let place = [address.state.as_ref(), address.postal_code.as_ref()];
    let place = place.into_iter().flatten().map(|part| part.as_str());
    let city = std::iter::once(address.city.as_str()).chain(place).collect::<Vec<_>>().join(", ");
    let lines = [
        address.name.as_ref().map(ToString::to_string),
        Some(address.street.to_string()),
        Some(city),
        Some(address.country.to_string()),
    ];
    lines.into_iter().flatten().collect()
}

/// Nothing to whoever ordered through `processing` and has nothing to do: there the first mail says
/// what came of it.
pub(super) fn placed(order: &Order) -> Option<Letter> {
    if channel::is_processing(order) && order.expires_at.is_none() {
        return None;
    }
    let lead = match order.expires_at {
        Some(_) => "We have received your order. We will get it ready as soon as it is paid.",
        None => "We have received your order.",
    };
    Some(with_end(order, by_state(order, lead)))
}

pub(super) fn confirmed(order: &Order) -> Option<Letter> {
    let is_told = !channel::is_processing(order);
    is_told.then(|| by_state(order, "Your order is confirmed."))
}

pub(super) fn processing(order: &Order) -> Option<Letter> {
    let status = if channel::is_processing(order) { "Processed" } else { "Processing" };
    Some(letter(order, status, "We are getting your order ready."))
}

pub(super) fn partially_fulfilled(order: &Order) -> Option<Letter> {
    let lead = "A part of your order is on its way. The rest will follow.";
    Some(with_parcel(order, by_state(order, lead)))
}

pub(super) fn fulfilled(order: &Order) -> Option<Letter> {
    let lead = if order.fulfilments.len() > 1 {
        "The last part of your order is on its way."
    } else {
        "Your order is on its way."
    };
    Some(with_parcel(order, by_state(order, lead)))
}

pub(super) fn delivered(order: &Order) -> Option<Letter> {
    Some(by_state(order, "Your order has arrived."))
}

pub(super) fn returned(order: &Order) -> Option<Letter> {
    let is_whole = order.status == Status::Returned;
    let (status, lead) = if is_whole {
        ("Returned", "We have received everything that you sent back.")
    } else {
        ("Partially returned", "We have received what you sent back.")
    };
    let mut letter = letter(order, status, lead);
    let back = order.lines.iter().filter(|line| line.returned > 0);
    let back = back.map(|line| (line.returned, line.name.as_str()));
    letter.facts.push(("Returned so far", units(back)));
    Some(letter)
}

pub(super) fn cancelled(order: &Order) -> Option<Letter> {
    let lead = "Your order was cancelled. Money that you have paid for it goes back to you.";
    Some(by_state(order, lead))
}

pub(super) fn expired(order: &Order) -> Option<Letter> {
    let lead = "Your order was not paid in time, and we could not hold it for you any longer. \
                Money that arrives late goes back to you, unless we tell you that your order is \
                confirmed after all.";
    Some(by_state(order, lead))
}

/// Only while it can be tried again, and only about the first tries: who tries all cards that he
/// has needs no mail for each.
pub(super) fn payment_failed(order: &Order) -> Option<Letter> {
    let payment = order.payment.as_ref()?;
    let failed = payment.attempts.iter().filter(|one| one.state == AttemptState::Failed);
    let tries = failed.clone().count();
    let is_asked =
        order.status == Status::Pending && (1..=PAYMENT_FAILED_MAILS_MAX).contains(&tries);
    if !is_asked {
        return None;
    }
    let lead = "Your payment did not succeed. You can try again.";
    let mut letter = letter(order, "Payment failed", lead);
    let newest = failed.max_by_key(|one| one.updated_at);
    let said = newest.and_then(|one| one.failure.as_ref()).map(|text| one_line(text.as_str()));
    letter.facts.extend(said.map(|said| ("Reason", said)));
    Some(with_end(order, letter))
}

pub(super) fn refunded(order: &Order) -> Option<Letter> {
    let payment = order.payment.as_ref()?;
    let back = processed(payment, order.currency);
    let is_whole = back >= payment.captured(order.currency);
    let (status, lead) = if is_whole {
        ("Refunded", "Your money is on its way back to you. It can take your bank a few days.")
    } else {
        ("Partially refunded", "Some of your money is on its way back to you.")
    };
    let mut letter = letter(order, status, lead);
    letter.facts.push(("Refunded so far", money(back, order.currency)));
    let foreign = payment.refunds.iter().filter(|one| one.amount.currency != order.currency);
    for one in foreign.filter(|one| one.state == RefundState::Processed).take(MAIL_LINES_MAX) {
        let Money { amount, currency } = one.amount;
        letter.facts.push(("Refunded", money(amount, currency)));
    }
    Some(letter)
}

/// What the gateway says to have given back.
fn processed(payment: &Payment, currency: onhand_core::Currency) -> i64 {
    let done = payment.refunds.iter().filter(|one| one.state == RefundState::Processed);
    let here = done.filter(|one| one.amount.currency == currency);
    here.map(|one| one.amount.amount).fold(0, i64::saturating_add)
}

/// Until when it can be paid.
fn with_end(order: &Order, mut letter: Letter) -> Letter {
    let end = order.expires_at.map(|at| at.strftime("%d %B %Y, %H:%M UTC").to_string());
    letter.facts.extend(end.map(|end| ("Please pay before", end)));
    letter
}

/// The newest parcel.
fn with_parcel(order: &Order, mut letter: Letter) -> Letter {
    let Some(parcel) = order.fulfilments.last() else { return letter };
    letter.facts.push(("In this parcel", units(left(order, parcel))));
    let Some(tracking) = &parcel.tracking else { return letter };
    let carrier = tracking.carrier.as_ref().map(ToString::to_string);
    letter.facts.extend(carrier.map(|carrier| ("Carrier", carrier)));
    letter.facts.push(("Tracking number", tracking.number.to_string()));
    let url = tracking.url.as_ref();
    letter.link = url.and_then(|url| Link::new("Follow it", url.as_str()));
    letter
}

fn left<'a>(order: &'a Order, parcel: &'a Fulfilment) -> impl Iterator<Item = (i64, &'a str)> + 'a {
    parcel.lines.iter().filter_map(|part| {
        let line = order.lines.iter().find(|line| line.line == part.line)?;
        Some((part.quantity, line.name.as_str()))
    })
}

/// `2 x Tea, 1 x Cup`.
fn units<'a>(parts: impl Iterator<Item = (i64, &'a str)>) -> String {
    let mut parts = parts.map(|(quantity, name)| format!("{quantity} x {name}"));
    let mut shown: Vec<String> = parts.by_ref().take(MAIL_LINES_MAX).collect();
    let more = parts.count();
    if more > 0 {
        shown.push(format!("and {more} more lines"));
    }
    shown.join(", ")
}
