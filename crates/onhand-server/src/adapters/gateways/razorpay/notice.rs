//! The messages of Razorpay. Nothing of one is read before its signature is found right; what it
//! says of itself beyond that (its name, in a header) is not signed and proves nothing.

use axum::http::HeaderMap;
use onhand_core::limits::REFERENCE_CHARS_MAX;
use onhand_core::payments::{Notice, Provider, Receipts, Seen};
use onhand_core::text::Reference;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::wire::{Order, Payment, Refund, Strange};
use crate::adapters::gateways::NoticeError;
use crate::adapters::gateways::http::bounded;
use crate::adapters::gateways::signature::{hex, is_of_any};
use crate::auth::secrets::Secret;
use crate::limits::NOTICE_ID_CHARS_MAX;

const SIGNATURE: &str = "x-razorpay-signature";
const EVENT_ID: &str = "x-razorpay-event-id";

/// What every message has.
#[derive(Debug, Deserialize)]
struct Envelope {
    event: String,
}

/// What those that we know have.
#[derive(Debug, Deserialize)]
struct Event {
    payload: Payload,
}

#[derive(Debug, Deserialize)]
struct Payload {
    payment: Option<Part<Payment>>,
    order: Option<Part<Order>>,
    refund: Option<Part<Refund>>,
}

#[derive(Debug, Deserialize)]
struct Part<T> {
    entity: T,
}

/// Which kinds are read, and what one of them cannot be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Payment,
    Refund,
    Unknown,
}

impl Kind {
    fn of(event: &str) -> Self {
        match event {
            "payment.authorized" | "payment.captured" | "payment.failed" | "order.paid"
            | "payment.refunded" => Self::Payment,
            "refund.created" | "refund.processed" | "refund.failed" | "refund.speed_changed" => {
                Self::Refund
            }
            _ => Self::Unknown,
        }
    }
}

pub(super) fn read(
    ours: &Receipts,
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Notice, NoticeError> {
    let signature = headers.get(SIGNATURE).ok_or(NoticeError::Unsigned)?;
    if !is_of_any(secrets, body, signature.as_bytes()) {
        return Err(NoticeError::Forged);
    }
    let Envelope { event } = serde_json::from_slice(body).map_err(|_| NoticeError::Unreadable)?;
    let body_hash: [u8; 32] = Sha256::digest(body).into();
    let given = headers.get(EVENT_ID).and_then(|id| id.to_str().ok()).map(str::trim);
    let given = given.filter(|id| (1..=NOTICE_ID_CHARS_MAX).contains(&id.len()));
    let mut notice = Notice {
        provider: Provider::Razorpay,
        event_id: reference(given.unwrap_or(&hex(&body_hash))),
        body_hash,
        kind: reference(bounded(&event).as_str()),
        order_id: None,
        seen: Seen::default(),
    };
    let kind = Kind::of(&event);
    if kind != Kind::Unknown {
        let Event { payload } =
            serde_json::from_slice(body).map_err(|_| NoticeError::Unreadable)?;
        take_in(&mut notice, ours, kind, payload).map_err(|Strange| NoticeError::Unreadable)?;
    }
    Ok(notice)
}

/// What the gateway calls something, as far as it can be kept.
fn reference(text: &str) -> Reference {
    let kept = text.chars().take(REFERENCE_CHARS_MAX).collect::<String>();
    let known = Reference::new(kept.trim());
    known.or_else(|_| Reference::new("unnamed")).unwrap_or_else(|error| panic!("{error}"))
}

/// What a customer can write, the notes of a payment, names no order. What only we can write does:
/// the receipts of orders and refunds.
fn take_in(
    notice: &mut Notice,
    ours: &Receipts,
    kind: Kind,
    payload: Payload,
) -> Result<(), Strange> {
    let payment = payload.payment.map(|part| part.entity);
    let order = payload.order.map(|part| part.entity);
    let refund = payload.refund.map(|part| part.entity);
    match kind {
        Kind::Payment if payment.is_none() => return Err(Strange),
        Kind::Refund if refund.is_none() => return Err(Strange),
        Kind::Payment | Kind::Refund | Kind::Unknown => {}
    }
    let of_order = order.as_ref().and_then(|order| order.owner(ours));
    let of_payment = payment.as_ref().and_then(Payment::owner);
    let of_refund = refund.as_ref().and_then(|refund| refund.owner(ours));
    notice.order_id =
        of_order.map(|(owner, _)| owner).or(of_payment).or(of_refund.map(|(owner, _)| owner));
    if let (Some(order), Some((_, number))) = (&order, of_order) {
        order.money()?;
        notice.seen.intents.push(order.seen(number));
    }
    if let Some(payment) = &payment {
        notice.seen.attempts.push(payment.seen()?);
    }
    let is_let_go = payment.as_ref().is_some_and(Payment::was_never_taken);
    if let Some(refund) = &refund {
        if payment.as_ref().is_some_and(|payment| payment.id != refund.payment_id) {
            return Err(Strange);
        }
        // The gateway tells of what it lets go as of a refund. What was never taken is none.
        if !is_let_go {
            notice.seen.refunds.push(refund.seen(ours, notice.order_id)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
