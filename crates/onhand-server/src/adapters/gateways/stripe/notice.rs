//! The messages of Stripe. Nothing of one is read before its signature is found right and young
//! enough. What it tells is the state of one object; which event that came with does not matter,
//! but for the one whose object does not say what has happened to it.

use axum::http::HeaderMap;
use onhand_core::Timestamp;
use onhand_core::payments::{AttemptState, Notice, Provider, Receipts, Seen};
use onhand_core::text::Reference;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::signature::is_good;
use super::wire::{Charge, Intent, Refund, Strange};
use crate::adapters::gateways::NoticeError;
use crate::adapters::gateways::http::bounded;
use crate::auth::secrets::Secret;

const SIGNATURE: &str = "stripe-signature";

/// What every message has.
#[derive(Debug, Deserialize)]
struct Envelope {
    id: String,
    r#type: String,
}

/// What those that we know have.
#[derive(Debug, Deserialize)]
struct Event<T> {
    data: Data<T>,
}

#[derive(Debug, Deserialize)]
struct Data<T> {
    object: T,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Intent,
    Charge,
    /// A charge that can no longer be taken.
    Expired,
    Refund,
    Unknown,
}

impl Kind {
    fn of(event: &str) -> Self {
        match event {
            "payment_intent.succeeded"
            | "payment_intent.amount_capturable_updated"
            | "payment_intent.payment_failed"
            | "payment_intent.processing"
            | "payment_intent.canceled" => Self::Intent,
            "charge.pending" | "charge.succeeded" | "charge.captured" | "charge.failed"
            | "charge.refunded" | "charge.updated" => Self::Charge,
            "charge.expired" => Self::Expired,
            "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
                Self::Refund
            }
            _ => Self::Unknown,
        }
    }
}

pub(super) fn read(
    ours: &Receipts,
    secrets: &[Secret],
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Notice, NoticeError> {
    let signature = headers.get(SIGNATURE).ok_or(NoticeError::Unsigned)?;
    if !is_good(secrets, now, signature.as_bytes(), body) {
        return Err(NoticeError::Forged);
    }
    read_signed(ours, body).map_err(|Strange| NoticeError::Unreadable)
}

fn read_signed(ours: &Receipts, body: &[u8]) -> Result<Notice, Strange> {
    let Envelope { id, r#type } = serde_json::from_slice(body).map_err(|_| Strange)?;
    let kind = Kind::of(&r#type);
    let mut notice = Notice {
        provider: Provider::Stripe,
        event_id: Reference::new(id).map_err(|_| Strange)?,
        body_hash: Sha256::digest(body).into(),
        kind: Reference::new(bounded(&r#type).as_str()).map_err(|_| Strange)?,
        order_id: None,
        seen: Seen::default(),
    };
    match kind {
        Kind::Intent => take_in_intent(&mut notice, ours, &object_of(body)?)?,
        Kind::Charge => take_in_charge(&mut notice, ours, &object_of(body)?)?,
        Kind::Expired => {
            take_in_charge(&mut notice, ours, &object_of(body)?)?;
            for attempt in &mut notice.seen.attempts {
                if attempt.state == AttemptState::Authorized {
                    attempt.state = AttemptState::Voided;
                }
            }
        }
        Kind::Refund => take_in_refund(&mut notice, ours, &object_of(body)?)?,
        Kind::Unknown => {}
    }
    Ok(notice)
}

fn object_of<T: DeserializeOwned>(body: &[u8]) -> Result<T, Strange> {
    let Event { data } = serde_json::from_slice(body).map_err(|_| Strange)?;
    Ok(data.object)
}

fn take_in_intent(notice: &mut Notice, ours: &Receipts, intent: &Intent) -> Result<(), Strange> {
    if let Some((order_id, number)) = intent.owner(ours) {
        notice.order_id = Some(order_id);
        intent.money()?;
        notice.seen.intents.push(intent.seen(number));
    }
    notice.seen.attempts.extend(intent.attempt()?);
    Ok(())
}

/// A charge has the notes of its intent.
fn take_in_charge(notice: &mut Notice, ours: &Receipts, charge: &Charge) -> Result<(), Strange> {
    notice.order_id = charge.owner(ours);
    let attempt = charge.seen()?;
    let is_taken = attempt.state == AttemptState::Captured;
    notice.seen.attempts.push(attempt);
    // What was never taken does not come back either.
    if is_taken {
        for refund in charge.refunds().iter().filter(|refund| refund.counts(ours)) {
            notice.seen.refunds.push(refund.seen(ours, notice.order_id)?);
        }
    }
    Ok(())
}

fn take_in_refund(notice: &mut Notice, ours: &Receipts, refund: &Refund) -> Result<(), Strange> {
    // Refunds of what is no charge are none of ours.
    if refund.attempt().is_none() || !refund.counts(ours) {
        return Ok(());
    }
    notice.order_id = refund.owner(ours).map(|(owner, _)| owner);
    notice.seen.refunds.push(refund.seen(ours, notice.order_id)?);
    Ok(())
}

#[cfg(test)]
mod tests;
