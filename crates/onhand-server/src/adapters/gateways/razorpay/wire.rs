//! What Razorpay writes, as far as it is read. Lenient where it is (`notes` is a list when it is
//! empty, much may be null), strict where money hangs on it: ids, amounts, currencies and states.

use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::money::Currency;
use onhand_core::payments::{
    AttemptState, Receipts, RefundState, SeenAttempt, SeenIntent, SeenRefund,
};
use onhand_core::text::{GatewayId, Text};
use serde::Deserialize;
use serde_json::Value;

use crate::adapters::gateways::http::bounded;

/// The note by which a refund is known as ours, beside its receipt.
pub(super) const REFUND_NOTE: &str = "onhand_refund";

/// An order.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) id: GatewayId,
    amount: i64,
    currency: Currency,
    pub(super) receipt: Option<String>,
    pub(super) amount_paid: Option<i64>,
    #[serde(default)]
    pub(super) created_at: i64,
}

/// A payment: one try of a customer.
#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    pub(super) id: GatewayId,
    order_id: Option<String>,
    amount: i64,
    currency: Currency,
    status: PaymentStatus,
    captured: Option<bool>,
    pub(super) amount_refunded: Option<i64>,
    error_code: Option<String>,
    error_description: Option<String>,
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaymentStatus {
    Created,
    Authorized,
    Captured,
    Refunded,
    Failed,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: GatewayId,
    pub(super) payment_id: GatewayId,
    amount: i64,
    currency: Currency,
    receipt: Option<String>,
    #[serde(default)]
    notes: Value,
    status: RefundStatus,
}

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    #[serde(alias = "created")]
    Pending,
    Processed,
    Failed,
}

/// A list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
}

/// What is wrong with something that has the right form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strange;

impl Order {
    /// What is due by it.
    pub(super) fn money(&self) -> Result<Money, Strange> {
        money(self.amount, self.currency)
    }

    /// Whose it is, if it is one of ours.
    pub(super) fn owner(&self, ours: &Receipts) -> Option<(OrderId, u32)> {
        ours.read_intent(self.receipt.as_deref()?)
    }

    pub(super) fn seen(&self, number: u32) -> SeenIntent {
        SeenIntent { number, id: self.id.clone(), client_secret: None }
    }
}

impl Payment {
    /// What the customer pays by it.
    pub(super) fn money(&self) -> Result<Money, Strange> {
        money(self.amount, self.currency)
    }

    /// The gateway's order that it belongs to.
    pub(super) fn intent(&self) -> Result<Option<GatewayId>, Strange> {
        match &self.order_id {
            Some(id) if !id.is_empty() && self.owner().is_none() => {
                GatewayId::new(id.as_str()).map(Some).map_err(|_| Strange)
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Whose it is, where our own number stands in the place of the gateway's.
    pub(super) fn owner(&self) -> Option<OrderId> {
        let id = self.order_id.as_deref()?;
        id.parse().ok().or_else(|| id.parse().ok().and_then(OrderId::new))
    }

    /// Razorpay calls what was never taken `refunded`, too, when it lets go of it.
    pub(super) fn state(&self) -> AttemptState {
        match self.status {
            PaymentStatus::Created => AttemptState::Created,
            PaymentStatus::Authorized => AttemptState::Authorized,
            PaymentStatus::Failed => AttemptState::Failed,
            PaymentStatus::Captured => AttemptState::Captured,
            PaymentStatus::Refunded if self.was_never_taken() => AttemptState::Voided,
            PaymentStatus::Refunded => AttemptState::Captured,
        }
    }

    /// By this Razorpay tells what it let go from what was given back. Older messages do not have
    /// it, and some have it wrong beside another status.
    pub(super) fn was_never_taken(&self) -> bool {
        self.captured == Some(false) && self.status != PaymentStatus::Captured
    }

    pub(super) fn seen(&self) -> Result<SeenAttempt, Strange> {
        let (amount, state) = (self.money()?, self.state());
        let captured = match state {
            AttemptState::Captured => amount.amount,
            AttemptState::Created
            | AttemptState::Failed
            | AttemptState::Authorized
            | AttemptState::Voided => 0,
        };
        let failure = if state == AttemptState::Failed { self.failure() } else { None };
        Ok(SeenAttempt {
            id: self.id.clone(),
            intent: self.intent()?,
            state,
            amount,
            captured,
            failure,
        })
    }

    fn failure(&self) -> Option<Text> {
        let parts = [self.error_code.as_deref(), self.error_description.as_deref()];
        let said: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        (!said.is_empty()).then(|| bounded(&said.join(": ")))
    }
}

impl Refund {
    /// How much.
    pub(super) fn money(&self) -> Result<Money, Strange> {
        money(self.amount, self.currency)
    }

    /// Whose it is, if it is one of ours. Whoever can write these has our key.
    pub(super) fn owner(&self, ours: &Receipts) -> Option<(OrderId, u32)> {
        let note = || self.notes.get(REFUND_NOTE).and_then(Value::as_str);
        let receipt = self.receipt.as_deref().and_then(|text| ours.read_refund(text));
        receipt.or_else(|| note().and_then(|text| ours.read_refund(text)))
    }

    /// As part of an order, which knows it by its number only if it is its own.
    pub(super) fn seen(
        &self,
        ours: &Receipts,
        order_id: Option<OrderId>,
    ) -> Result<SeenRefund, Strange> {
        let owner = self.owner(ours).filter(|(owner, _)| Some(*owner) == order_id);
        Ok(SeenRefund {
            id: self.id.clone(),
            attempt: self.payment_id.clone(),
            number: owner.map(|(_, number)| number),
            amount: self.money()?,
            state: match self.status {
                RefundStatus::Pending => RefundState::Pending,
                RefundStatus::Processed => RefundState::Processed,
                RefundStatus::Failed => RefundState::Failed,
            },
            failure: None,
        })
    }
}

fn money(amount: i64, currency: Currency) -> Result<Money, Strange> {
    let money = Money::new(amount, currency);
    if money.is_price() { Ok(money) } else { Err(Strange) }
}

/// Code and description of an error, if it is about what was asked for. Of its own trouble the
/// gateway speaks under other codes, whatever the status is.
pub(super) fn read_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        description: Option<String>,
    }
    let Body { error } = serde_json::from_slice(body).ok()?;
    if matches!(error.code.as_str(), "GATEWAY_ERROR" | "SERVER_ERROR" | "SERVICE_UNAVAILABLE") {
        return None;
    }
    let description = error.description.unwrap_or_default();
    Some(format!("{} {description}", error.code).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_are_read_leniently_where_no_money_hangs_on_it() {
        fn check(changes: Value, wanted: Option<(AttemptState, i64, Option<&str>)>) {
            let mut body = serde_json::json!({
                "id": "pay_1", "entity": "payment", "amount": 500, "currency": "INR",
                "status": "captured", "order_id": "order_1", "notes": [], "fee": null,
            });
            body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let read: Result<Payment, _> = serde_json::from_value(body);
            let seen = read.ok().and_then(|payment| payment.seen().ok());
            let found = seen.as_ref().map(|seen| {
                (seen.state, seen.captured, seen.intent.as_ref().map(GatewayId::as_str))
            });
            assert_eq!(found, wanted, "{changes}");
        }
        let captured = Some((AttemptState::Captured, 500, Some("order_1")));
        let of = |state| Some((state, 0, Some("order_1")));
        let json = |text: &str| serde_json::from_str(text).unwrap();
        check(json("{}"), captured);
        check(json(r#"{"notes":{"a":"b"},"amount_refunded":100}"#), captured);
        check(json(r#"{"status":"refunded","captured":true}"#), captured);
        check(json(r#"{"status":"refunded","captured":false}"#), of(AttemptState::Voided));
        check(json(r#"{"status":"authorized"}"#), of(AttemptState::Authorized));
        check(json(r#"{"status":"failed"}"#), of(AttemptState::Failed));
        check(json(r#"{"status":"created"}"#), of(AttemptState::Created));
        let ours = Some((AttemptState::Captured, 500, None));
        check(json(r#"{"order_id":null}"#), ours);
        check(json(r#"{"order_id":"ord_42"}"#), ours);
        check(json(r#"{"order_id":"42"}"#), ours);
        for wrong in [
            r#"{"id":"pay/../1"}"#,
            r#"{"id":""}"#,
            r#"{"order_id":"order/1"}"#,
            r#"{"amount":-1}"#,
            r#"{"amount":5.0}"#,
            r#"{"amount":"500"}"#,
            r#"{"amount":9000000000000000000}"#,
            r#"{"amount":null}"#,
            r#"{"currency":"inr"}"#,
            r#"{"currency":"XXX"}"#,
            r#"{"status":"won"}"#,
        ] {
            check(json(wrong), None);
        }
    }
}
