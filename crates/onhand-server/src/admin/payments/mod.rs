//! Payments: how their states are shown.

use maud::Markup;
use onhand_core::payments::{AttemptState, RefundState, Status};

use super::parts::{Tone, badge};

/// What a payment has come to.
pub(super) fn status(status: Status) -> Markup {
    let tone = match status {
        Status::Captured => Tone::Good,
        Status::Created | Status::AwaitingPayment | Status::Authorized => Tone::Busy,
        Status::Failed | Status::Underpaid => Tone::Bad,
        Status::PartiallyRefunded | Status::Refunded | Status::Cancelled => Tone::Plain,
    };
    badge(status.as_str(), tone)
}

pub(super) fn tone_of_attempt(state: AttemptState) -> Tone {
    match state {
        AttemptState::Captured => Tone::Good,
        AttemptState::Created | AttemptState::Authorized => Tone::Busy,
        AttemptState::Failed => Tone::Bad,
        AttemptState::Voided => Tone::Plain,
    }
}

pub(super) fn tone_of_refund(state: RefundState) -> Tone {
    match state {
        RefundState::Processed => Tone::Good,
        RefundState::Owed | RefundState::Pending => Tone::Busy,
        RefundState::Failed => Tone::Bad,
    }
}
