//! What a payment has come to: sums and states that follow from its parts, and are stored nowhere.

use super::Capture;
use super::payment::{
    Attempt, AttemptState, Intent, IntentState, Payment, Provider, Refund, RefundCause,
    RefundState, Status,
};
use crate::orders::{self, Order};
use crate::text::GatewayId;
use crate::{Currency, Money};

impl Payment {
    /// One that has just been asked for.
    pub(crate) fn new(provider: Provider, capture: Capture) -> Self {
        let first =
            Intent { number: 1, state: IntentState::Owed, gateway_id: None, client_secret: None };
        Self {
            provider,
            capture,
            intents: alloc::vec![first],
            attempts: alloc::vec::Vec::new(),
            refunds: alloc::vec::Vec::new(),
            is_in_doubt: false,
            capture_asked: false,
            trouble: None,
        }
    }

    /// Minor units of a currency that were taken.
    pub fn captured(&self, currency: Currency) -> i64 {
        let here = self.attempts.iter().filter(|one| one.amount.currency == currency);
        here.map(|one| one.captured).fold(0, i64::saturating_add)
    }

    /// Minor units of a currency that were set aside and not taken.
    pub fn authorized(&self, currency: Currency) -> i64 {
        let here = self
            .attempts
            .iter()
            .filter(|one| one.state == AttemptState::Authorized && one.amount.currency == currency);
        here.map(|one| one.amount.amount).fold(0, i64::saturating_add)
    }

    /// Minor units of a currency that went back or are about to.
    pub fn refunded(&self, currency: Currency) -> i64 {
        self.sum_of_refunds(currency, |refund| refund.state != RefundState::Failed)
    }

    /// Minor units of a currency of which it is decided that they go back, whether that worked or
    /// somebody has to see to it.
    pub(crate) fn given_up(&self, currency: Currency) -> i64 {
        self.sum_of_refunds(currency, |_| true)
    }

    /// The part of those that went back because they were too much.
    pub(crate) fn overpaid(&self, currency: Currency) -> i64 {
        self.sum_of_refunds(currency, |refund| match refund.cause {
            RefundCause::Overpaid | RefundCause::OrderEnded => true,
            RefundCause::Requested | RefundCause::ForeignCurrency | RefundCause::Outside => false,
        })
    }

    fn sum_of_refunds(&self, currency: Currency, counts: impl Fn(&Refund) -> bool) -> i64 {
        let here = self.refunds.iter().filter(|one| one.amount.currency == currency);
        here.filter(|one| counts(one)).map(|one| one.amount.amount).fold(0, i64::saturating_add)
    }

    /// Minor units of an attempt that were taken and of which nobody has decided that they go back.
    pub(crate) fn left_of(&self, attempt: &Attempt, counts: impl Fn(&Refund) -> bool) -> i64 {
        let gone = self.refunds.iter().filter(|refund| refund.attempt == attempt.id);
        let gone = gone.filter(|refund| counts(refund)).map(|refund| refund.amount.amount);
        attempt.captured.saturating_sub(gone.fold(0, i64::saturating_add)).max(0)
    }

    /// The gateway's orders by which the customer can still pay.
    pub(crate) fn open_intents(&self) -> impl Iterator<Item = &Intent> {
        self.intents.iter().filter(|intent| intent.state == IntentState::Open)
    }

    /// An attempt by the gateway's name for it.
    pub fn attempt(&self, id: &GatewayId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == *id)
    }

    /// What it has come to, of an order that costs so much.
    pub fn status(&self, order: &Order) -> Status {
        let due = Money::new(order.total, order.currency);
        let (captured, refunded) = (self.captured(due.currency), self.refunded(due.currency));
        if captured > 0 {
            return match refunded {
                back if back >= captured => Status::Refunded,
                back if back > 0 => Status::PartiallyRefunded,
                _ if captured >= due.amount => Status::Captured,
                _ => Status::Underpaid,
            };
        }
        if has_ended(order.status) {
            return Status::Cancelled;
        }
        if self.authorized(due.currency) > 0 {
            return Status::Authorized;
        }
        match self.attempts.last() {
            Some(newest) if newest.state == AttemptState::Failed => Status::Failed,
            Some(_) | None if self.open_intents().next().is_some() => Status::AwaitingPayment,
            Some(_) | None if self.intents.iter().all(|one| one.state == IntentState::Failed) => {
                Status::Failed
            }
            Some(_) | None => Status::Created,
        }
    }
}

/// Whether an order keeps no money: it ended before anything left.
pub(crate) const fn has_ended(status: orders::Status) -> bool {
    match status {
        orders::Status::Cancelled | orders::Status::Expired => true,
        orders::Status::Pending
        | orders::Status::Confirmed
        | orders::Status::Processing
        | orders::Status::PartiallyFulfilled
        | orders::Status::Fulfilled
        | orders::Status::Delivered
        | orders::Status::Returned => false,
    }
}

impl Order {
    /// Minor units that were paid and are not on their way back.
    pub(crate) fn net_paid(&self) -> i64 {
        let payment = self.payment.as_ref();
        payment.map_or(0, |one| one.captured(self.currency) - one.given_up(self.currency))
    }

    /// Whether all that was due has been paid, whatever went back since because somebody asked.
    pub(crate) fn has_been_paid(&self) -> bool {
        let payment = self.payment.as_ref();
        payment.is_some_and(|one| {
            one.captured(self.currency) - one.overpaid(self.currency) >= self.total
        })
    }

    /// Whether all that is due was paid and is still here.
    pub(crate) fn is_paid(&self) -> bool {
        self.payment.is_some() && self.net_paid() >= self.total
    }
}
