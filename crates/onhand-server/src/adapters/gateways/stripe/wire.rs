//! What Stripe writes, as far as it is read. Which version of its interface a message is written in
//! is the account's choice: what one version hands over whole is only named in the next. Lenient
//! there, strict where money hangs on it: ids, amounts, currencies and states.

use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::payments::{
    AttemptState, Receipts, RefundState, SeenAttempt, SeenIntent, SeenRefund,
};
use onhand_core::text::{GatewayId, Text};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::amount::{AmountError, from_stripe};
use crate::adapters::gateways::http::bounded;

/// By this an intent names our order.
pub(super) const ORDER_NOTE: &str = "onhand_order";
/// By this an intent is known as ours.
pub(super) const RECEIPT_NOTE: &str = "onhand_receipt";
/// By this a refund is known as ours.
pub(super) const REFUND_NOTE: &str = "onhand_refund";

/// A payment intent: the gateway's order.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: GatewayId,
    amount: i64,
    currency: String,
    status: IntentStatus,
    amount_received: Option<i64>,
    latest_charge: Option<Link<Charge>>,
    /// Where older versions have their charges.
    charges: Option<List<Charge>>,
    last_payment_error: Option<PaymentError>,
    client_secret: Option<GatewayId>,
    /// In seconds.
    #[serde(default)]
    pub(super) created: i64,
    #[serde(default)]
    metadata: Value,
}

/// How far an intent has come. One that we do not know says nothing; its charges do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IntentStatus {
    #[serde(alias = "requires_source")]
    RequiresPaymentMethod,
    RequiresConfirmation,
    #[serde(alias = "requires_source_action")]
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
    #[serde(other)]
    Other,
}

/// Why the last try failed.
#[derive(Debug, Deserialize)]
struct PaymentError {
    charge: Option<GatewayId>,
    code: Option<String>,
    message: Option<String>,
}

/// A charge: one try of a customer.
#[derive(Debug, Deserialize)]
pub(super) struct Charge {
    pub(super) id: GatewayId,
    amount: i64,
    amount_captured: Option<i64>,
    currency: String,
    status: ChargeStatus,
    captured: bool,
    #[serde(default)]
    refunded: bool,
    failure_code: Option<String>,
    failure_message: Option<String>,
    payment_intent: Option<Link<Named>>,
    refunds: Option<List<Refund>>,
    #[serde(default)]
    metadata: Value,
}

/// How far a charge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChargeStatus {
    Pending,
    Succeeded,
    Failed,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) id: GatewayId,
    charge: Option<Link<Named>>,
    amount: i64,
    currency: String,
    status: Option<RefundStatus>,
    failure_reason: Option<String>,
    balance_transaction: Option<IgnoredAny>,
    #[serde(default)]
    metadata: Value,
}

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    #[serde(alias = "cancelled")]
    Canceled,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// Another object, or only its name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Link<T> {
    Name(GatewayId),
    Whole(Box<T>),
}

/// Of what nothing but the name matters.
#[derive(Debug, Deserialize)]
struct Named {
    id: GatewayId,
}

impl Link<Named> {
    fn id(&self) -> &GatewayId {
        match self {
            Self::Name(id) => id,
            Self::Whole(named) => &named.id,
        }
    }
}

/// What is wrong with something that has the right form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strange;

impl From<AmountError> for Strange {
    fn from(_: AmountError) -> Self {
        Self
    }
}

impl Intent {
    /// What is due by it.
    pub(super) fn money(&self) -> Result<Money, Strange> {
        Ok(from_stripe(self.amount, &self.currency)?)
    }

    /// Whose it is, if it is one of ours. Whoever can write this has our key.
    pub(super) fn owner(&self, ours: &Receipts) -> Option<(OrderId, u32)> {
        ours.read_intent(note(&self.metadata, RECEIPT_NOTE)?)
    }

    /// Whether anybody has tried to pay by it.
    pub(super) fn is_tried(&self) -> bool {
        self.latest_charge.is_some() || self.charge().is_some()
    }

    /// Whether what it has set aside is let go.
    pub(super) fn is_canceled(&self) -> bool {
        self.status == IntentStatus::Canceled
    }

    pub(super) fn seen(&self, number: u32) -> SeenIntent {
        SeenIntent { number, id: self.id.clone(), client_secret: self.client_secret.clone() }
    }

    /// The newest attempt, as far as this tells.
    pub(super) fn attempt(&self) -> Result<Option<SeenAttempt>, Strange> {
        if let Some(charge) = self.charge() {
            return self.attempt_of(charge).map(Some);
        }
        let Some(Link::Name(id)) = &self.latest_charge else { return Ok(None) };
        let error = self.last_payment_error.as_ref();
        let error = error.filter(|error| error.charge.as_ref() == Some(id));
        let state = match self.status {
            IntentStatus::Processing => AttemptState::Created,
            IntentStatus::RequiresCapture => AttemptState::Authorized,
            IntentStatus::Succeeded => AttemptState::Captured,
            IntentStatus::Canceled if error.is_none() => AttemptState::Voided,
            IntentStatus::Canceled
            | IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
                if error.is_some() =>
            {
                AttemptState::Failed
            }
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::Canceled
            | IntentStatus::Other => return Ok(None),
        };
        let amount = self.money()?;
        let taken = self.amount_received.unwrap_or(self.amount);
        let failed = error.filter(|_| state == AttemptState::Failed);
        Ok(Some(SeenAttempt {
            id: id.clone(),
            intent: Some(self.id.clone()),
            state,
            amount,
            captured: captured(state, taken, &self.currency)?,
            failure: failed.and_then(|error| said(&[&error.code, &error.message])),
        }))
    }

    /// A charge of this intent. One that could still be taken no longer can once that is canceled.
    pub(super) fn attempt_of(&self, charge: &Charge) -> Result<SeenAttempt, Strange> {
        let mut attempt = charge.seen()?;
        if attempt.intent.as_ref() != Some(&self.id) {
            return Err(Strange);
        }
        if self.is_canceled() && attempt.state == AttemptState::Authorized {
            attempt.state = AttemptState::Voided;
        }
        Ok(attempt)
    }

    /// The newest charge, where it is handed over whole.
    fn charge(&self) -> Option<&Charge> {
        let known = self.charges.as_ref().map(|list| list.data.as_slice()).unwrap_or_default();
        match &self.latest_charge {
            Some(Link::Whole(charge)) => Some(charge),
            Some(Link::Name(id)) => known.iter().find(|charge| charge.id == *id),
            None => known.first(),
        }
    }
}

impl Charge {
    /// The order that it names.
    pub(super) fn owner(&self, ours: &Receipts) -> Option<OrderId> {
        let receipt = note(&self.metadata, RECEIPT_NOTE).and_then(|text| ours.read_intent(text));
        let owner = receipt.map(|(owner, _)| owner);
        owner.or_else(|| ours.read_order(note(&self.metadata, ORDER_NOTE)?))
    }

    /// The intent that it belongs to.
    pub(super) fn intent(&self) -> Option<&GatewayId> {
        self.payment_intent.as_ref().map(Link::id)
    }

    /// Its refunds, where it brings them along.
    pub(super) fn refunds(&self) -> &[Refund] {
        self.refunds.as_ref().map(|list| list.data.as_slice()).unwrap_or_default()
    }

    /// How far it has come. Stripe calls refunded also what it has let go of and never taken.
    fn state(&self) -> AttemptState {
        match self.status {
            ChargeStatus::Pending => AttemptState::Created,
            ChargeStatus::Failed => AttemptState::Failed,
            ChargeStatus::Succeeded if self.captured => AttemptState::Captured,
            ChargeStatus::Succeeded if self.refunded => AttemptState::Voided,
            ChargeStatus::Succeeded => AttemptState::Authorized,
        }
    }

    pub(super) fn seen(&self) -> Result<SeenAttempt, Strange> {
        let state = self.state();
        let is_failed = state == AttemptState::Failed;
        let taken = self.amount_captured.unwrap_or(self.amount);
        if taken > self.amount {
            return Err(Strange);
        }
        Ok(SeenAttempt {
            id: self.id.clone(),
            intent: self.intent().cloned(),
            state,
            amount: from_stripe(self.amount, &self.currency)?,
            captured: captured(state, taken, &self.currency)?,
            failure: said(&[&self.failure_code, &self.failure_message]).filter(|_| is_failed),
        })
    }
}

impl Refund {
    /// How much.
    pub(super) fn money(&self) -> Result<Money, Strange> {
        Ok(from_stripe(self.amount, &self.currency)?)
    }

    /// Whose money it is.
    pub(super) fn attempt(&self) -> Option<&GatewayId> {
        self.charge.as_ref().map(Link::id)
    }

    /// Whose it is, if it is one of ours. Whoever can write this has our key.
    pub(super) fn owner(&self, ours: &Receipts) -> Option<(OrderId, u32)> {
        ours.read_refund(note(&self.metadata, REFUND_NOTE)?)
    }

    /// Whether money moves by it. Stripe also writes one down when it lets go of what was never
    /// taken; such a one has moved nothing, and does not count.
    pub(super) fn counts(&self, ours: &Receipts) -> bool {
        self.balance_transaction.is_some() || self.owner(ours).is_some()
    }

    /// As part of an order, which knows it by its number only if it is its own.
    pub(super) fn seen(
        &self,
        ours: &Receipts,
        order_id: Option<OrderId>,
    ) -> Result<SeenRefund, Strange> {
        let owner = self.owner(ours).filter(|(owner, _)| Some(*owner) == order_id);
        let state = match self.status {
            Some(RefundStatus::Pending | RefundStatus::RequiresAction) | None => {
                RefundState::Pending
            }
            Some(RefundStatus::Succeeded) => RefundState::Processed,
            Some(RefundStatus::Failed | RefundStatus::Canceled) => RefundState::Failed,
        };
        let is_failed = state == RefundState::Failed;
        Ok(SeenRefund {
            id: self.id.clone(),
            attempt: self.attempt().ok_or(Strange)?.clone(),
            number: owner.map(|(_, number)| number),
            amount: self.money()?,
            state,
            failure: said(&[&self.failure_reason]).filter(|_| is_failed),
        })
    }
}

/// What was taken of an attempt in that state.
fn captured(state: AttemptState, taken: i64, currency: &str) -> Result<i64, Strange> {
    match state {
        AttemptState::Captured => Ok(from_stripe(taken, currency)?.amount),
        AttemptState::Created
        | AttemptState::Failed
        | AttemptState::Authorized
        | AttemptState::Voided => Ok(0),
    }
}

fn note<'a>(metadata: &'a Value, name: &str) -> Option<&'a str> {
    metadata.get(name).and_then(Value::as_str)
}

fn said(parts: &[&Option<String>]) -> Option<Text> {
    let said: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
    let said = bounded(&said.join(": "));
    (!said.as_str().is_empty()).then_some(said)
}

/// Kind, code and description of an error.
pub(super) fn read_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        r#type: String,
        code: Option<String>,
        message: Option<String>,
    }
    let Body { error } = serde_json::from_slice(body).ok()?;
    let parts = [Some(error.r#type), error.code, error.message];
    Some(parts.into_iter().flatten().collect::<Vec<String>>().join(" "))
}

#[cfg(test)]
mod tests;
