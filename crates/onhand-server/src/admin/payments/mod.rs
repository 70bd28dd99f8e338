//! Payments: the list (`list.rs`), what is open at gateways (`open.rs`), and what is owed to them
//! (`effects.rs`). What can be done about one payment stands on the page of its order.

mod effects;
mod list;
mod open;
mod unmatched;

use maud::Markup;
use onhand_core::accounts::Scope;
use onhand_core::payments::{AttemptState, RefundState, Status};

use super::form::Form;
use super::orders::{REQUEUE, SKIP};
use super::parts::{Tone, badge};
use super::site::Site;
use super::tabs::tabs;

const PATH: &str = "/admin/payments";
const OPEN: &str = "/admin/payments/open";
const EFFECTS: &str = "/admin/payments/effects";
const UNMATCHED: &str = "/admin/payments/unmatched";

/// What can be done about what was given up.
static OF_EFFECTS: &[&Form] = &[&REQUEUE, &SKIP];

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::PaymentsRead, &[], list::page)
        .page(OPEN, Scope::PaymentsRead, &[], open::page)
        .page(EFFECTS, Scope::PaymentsRead, OF_EFFECTS, effects::page)
        .page(UNMATCHED, Scope::PaymentsRead, &[], unmatched::page)
}

/// The lists of this section.
fn lists(here: &str) -> Markup {
    const LISTS: &[(&str, &str)] = &[
        (PATH, "Payments"),
        (OPEN, "Reconciliation"),
        (EFFECTS, "Owed to gateways"),
        (UNMATCHED, "Messages without an order"),
    ];
    tabs("Payments", LISTS, here)
}

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
