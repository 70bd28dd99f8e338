//! The promises about money, counted anew from an order as it stands: I10, I11 and I12. Asked
//! by the proofs and by every test, never by a rule.

use alloc::string::String;
use alloc::vec::Vec;

use super::payment::{AttemptState, RefundState};
use super::sums::has_ended;
use crate::orders::{Order, Status};

/// What is wrong with the money of an order, in words for people.
pub fn violations(order: &Order) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(payment) = &order.payment else { return wrong };
    let mut ids: Vec<_> = payment.attempts.iter().map(|attempt| &attempt.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair.first() == pair.last()) {
        wrong.push(String::from("an attempt is there twice"));
    }
    for attempt in &payment.attempts {
        let (captured, most) = (attempt.captured, attempt.amount.amount);
        if captured < 0 || captured > most {
            wrong.push(alloc::format!("{}: captured {captured} of {most}", attempt.id));
        }
        if captured > 0 && attempt.state != AttemptState::Captured {
            wrong.push(alloc::format!("{}: captured {captured} and not taken", attempt.id));
        }
        let returned = payment.refunds.iter().filter(|refund| {
            refund.attempt == attempt.id && refund.state == RefundState::Processed
        });
        let returned: i64 = returned.map(|refund| refund.amount.amount).sum();
        if returned > captured {
            wrong.push(alloc::format!("{}: gave {returned} of {captured} back", attempt.id));
        }
    }
    let net = order.net_paid();
    if has_ended(order.status) && net > 0 {
        wrong.push(alloc::format!("the order has ended and keeps {net}"));
    }
    let kept = payment.captured(order.currency) - payment.overpaid(order.currency);
    if !has_ended(order.status) && kept > order.total {
        wrong.push(alloc::format!("{kept} were kept of {} that are due", order.total));
    }
    if order.status == Status::Pending && order.is_paid() {
        wrong.push(String::from("the order is paid and still waits"));
    }
    wrong
}
