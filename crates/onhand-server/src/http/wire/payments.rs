//! Payments, what is owed to gateways, and where the books differ, as `/v1` shows them.

use onhand_core::Timestamp;
use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::{EffectId, PaymentId};
use onhand_core::orders::{Order, Status as OrderStatus};
use onhand_core::payments::{
    Attempt, AttemptState, Call, Capture, KeptNotice, Payment, Provider, Refund, RefundCause,
    RefundState, Seen, Status, due,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::catalog::Money;
use super::orders::Total;
use super::{Shown, ShownOrder, values};

/// The payment of an order, in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentSummary, example = json!({"id": "pay_42", "provider": "razorpay",
    "status": "captured", "trouble": null}))]
pub struct PaymentSummaryView<'a> {
    /// Its id.
    #[schema(value_type = values::PaymentId)]
    id: Shown<PaymentId>,
    /// Who takes the money.
    #[schema(value_type = values::Provider)]
    provider: Provider,
    /// What it has come to.
    #[schema(value_type = values::PaymentStatus)]
    status: Status,
    /// Why the last thing that was asked of the gateway did not succeed.
    #[schema(value_type = Option<values::Text>, required)]
    trouble: Option<&'a str>,
}

impl<'a> PaymentSummaryView<'a> {
    /// That of an order; none where no gateway takes the money.
    pub fn of(order: &'a Order) -> Option<Self> {
        let payment = order.payment.as_ref()?;
        Some(Self {
            id: Shown(PaymentId::of_order(order.id)),
            provider: payment.provider,
            status: payment.status(order),
            trouble: payment.trouble.as_ref().map(|text| text.as_str()),
        })
    }
}

/// One try of a customer to pay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentAttempt)]
pub struct AttemptView<'a> {
    /// The gateway's name for it.
    #[schema(value_type = values::GatewayId)]
    id: &'a str,
    /// How far it has come.
    #[schema(value_type = values::AttemptStatus)]
    status: AttemptState,
    /// What the customer pays by it.
    #[schema(value_type = Total)]
    amount: Money,
    /// What of that was taken.
    #[schema(value_type = Total)]
    amount_captured: Money,
    /// Why it failed.
    #[schema(value_type = Option<values::Text>, required)]
    failure: Option<&'a str>,
    /// When it was heard of for the first time.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it last moved.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

/// Money on its way back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentRefund)]
pub struct RefundView<'a> {
    /// Number within the payment, from 1.
    number: u32,
    /// The gateway's name for it, once it has one.
    #[schema(value_type = Option<values::GatewayId>, required)]
    provider_refund_id: Option<&'a str>,
    /// The attempt whose money it is.
    #[schema(value_type = values::GatewayId)]
    attempt_id: &'a str,
    /// How much.
    #[schema(value_type = Total)]
    amount: Money,
    /// How far it has come.
    #[schema(value_type = values::RefundStatus)]
    status: RefundState,
    /// What it is for.
    #[schema(value_type = values::RefundCause)]
    cause: RefundCause,
    /// Why, in the caller's words.
    #[schema(value_type = Option<values::Reason>, required)]
    reason: Option<&'a str>,
    /// Why it failed.
    #[schema(value_type = Option<values::Text>, required)]
    failure: Option<&'a str>,
    /// When it was owed.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it last moved.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

/// What the customer's browser has to do so that the money comes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextAction)]
pub struct NextActionView<'a> {
    /// `checkout`: open the gateway's checkout with what is here.
    #[serde(rename = "type")]
    #[schema(pattern = "^checkout$")]
    kind: &'static str,
    /// The gateway's order.
    #[schema(value_type = values::GatewayId)]
    provider_order_id: &'a str,
    /// The name of the key that the checkout asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'a str>,
    /// What the checkout of this gateway asks for besides. Only for whoever pays: not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment, example = payment_example)]
pub struct PaymentView<'a> {
    /// Its id: the number of its order.
    #[schema(value_type = values::PaymentId)]
    id: Shown<PaymentId>,
    #[schema(pattern = "^payment$")]
    object: &'static str,
    /// The order that it pays.
    #[schema(value_type = values::OrderId)]
    order_id: ShownOrder,
    /// Who takes the money.
    #[schema(value_type = values::Provider)]
    provider: Provider,
    /// When it is taken.
    #[schema(value_type = values::CaptureMode)]
    capture: Capture,
    /// What it has come to.
    #[schema(value_type = values::PaymentStatus)]
    status: Status,
    /// What is due.
    #[schema(value_type = Total)]
    amount: Money,
    /// What is set aside and not taken.
    #[schema(value_type = Total)]
    amount_authorized: Money,
    /// What was taken.
    #[schema(value_type = Total)]
    amount_captured: Money,
    /// What went back, or is about to.
    #[schema(value_type = Total)]
    amount_refunded: Money,
    /// The gateway's order, once it has one.
    #[schema(value_type = Option<values::GatewayId>, required)]
    provider_order_id: Option<&'a str>,
    /// The newest try in which there is money, or else the newest.
    #[schema(value_type = Option<values::GatewayId>, required)]
    provider_payment_id: Option<&'a str>,
    /// The customer's tries.
    attempts: Vec<AttemptView<'a>>,
    /// What goes back.
    refunds: Vec<RefundView<'a>>,
    /// Why the last thing that was asked of the gateway did not succeed.
    #[schema(value_type = Option<values::Text>, required)]
    trouble: Option<&'a str>,
    /// What the customer's browser has to do so that the money comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextActionView<'a>>,
    /// How often the order was changed; also the ETag.
    version: u64,
    /// When the order was placed.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When the order was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

fn payment_example() -> serde_json::Value {
    let money = |amount: i64| json!({"amount": amount, "currency": "INR"});
    json!({
        "id": "pay_42", "object": "payment", "order_id": "ord_42", "provider": "razorpay",
        "capture": "automatic", "status": "partially_refunded", "amount": money(99_800),
        "amount_authorized": money(0), "amount_captured": money(99_800),
        "amount_refunded": money(49_900), "provider_order_id": "order_IluGWxBm9U8zJ8",
        "provider_payment_id": "pay_IluHYEIZzZ1lBM",
        "attempts": [{
            "id": "pay_IluHYEIZzZ1lBM", "status": "captured", "amount": money(99_800),
            "amount_captured": money(99_800), "failure": null,
            "created_at": "2026-11-21T05:48:17.120394Z",
            "updated_at": "2026-11-21T05:48:17.820394Z"
        }],
        "refunds": [{
            "number": 1, "provider_refund_id": "rfnd_IluJkXbM9U8zJ8",
            "attempt_id": "pay_IluHYEIZzZ1lBM", "amount": money(49_900), "status": "processed",
            "cause": "requested", "reason": "damaged", "failure": null,
            "created_at": "2026-11-21T06:48:17.120394Z",
            "updated_at": "2026-11-21T06:48:18.120394Z"
        }],
        "trouble": null, "version": 6, "created_at": "2026-11-21T05:48:16.120394Z",
        "updated_at": "2026-11-21T06:48:18.120394Z"
    })
}

impl<'a> PaymentView<'a> {
    /// The view of an order's payment; none where no gateway takes the money.
    pub fn of(order: &'a Order, public_key: Option<&'a str>) -> Option<Self> {
        let payment = order.payment.as_ref()?;
        let money = |amount| Money { amount, currency: order.currency };
        let status = payment.status(order);
        let intent = payment.intents.iter().rev().find(|one| one.gateway_id.is_some());
        let intent_id = intent.and_then(|one| one.gateway_id.as_ref()).map(|id| id.as_str());
        let awaits = order.status == OrderStatus::Pending
            && matches!(status, Status::AwaitingPayment | Status::Failed | Status::Underpaid);
        let secret = intent.and_then(|one| one.client_secret.as_ref()).map(|id| id.as_str());
        let next_action = intent_id.filter(|_| awaits).map(|provider_order_id| NextActionView {
            kind: "checkout",
            provider_order_id,
            key_id: public_key,
            client_secret: secret,
        });
        Some(Self {
            id: Shown(PaymentId::of_order(order.id)),
            object: "payment",
            order_id: Shown(order.id),
            provider: payment.provider,
            capture: payment.capture,
            status,
            amount: money(order.total),
            amount_authorized: money(payment.authorized(order.currency)),
            amount_captured: money(payment.captured(order.currency)),
            amount_refunded: money(payment.refunded(order.currency)),
            provider_order_id: intent_id,
            provider_payment_id: newest_attempt(payment).map(|one| one.id.as_str()),
            attempts: payment.attempts.iter().map(AttemptView::of).collect(),
            refunds: payment.refunds.iter().map(RefundView::of).collect(),
            trouble: payment.trouble.as_ref().map(|text| text.as_str()),
            next_action,
            version: order.version,
            created_at: order.created_at,
            updated_at: order.updated_at,
        })
    }
}

impl PaymentView<'_> {
    /// The same without what only whoever pays needs.
    #[must_use]
    pub fn without_secret(mut self) -> Self {
        if let Some(action) = &mut self.next_action {
            action.client_secret = None;
        }
        self
    }
}

fn newest_attempt(payment: &Payment) -> Option<&Attempt> {
    let mut with_money =
        payment.attempts.iter().rev().filter(|one| one.state >= AttemptState::Authorized);
    with_money.next().or(payment.attempts.last())
}

impl<'a> AttemptView<'a> {
    fn of(row: &'a Attempt) -> Self {
        let currency = row.amount.currency;
        Self {
            id: row.id.as_str(),
            status: row.state,
            amount: Money { amount: row.amount.amount, currency },
            amount_captured: Money { amount: row.captured, currency },
            failure: row.failure.as_ref().map(|text| text.as_str()),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl<'a> RefundView<'a> {
    fn of(row: &'a Refund) -> Self {
        Self {
            number: row.number,
            provider_refund_id: row.gateway_id.as_ref().map(|id| id.as_str()),
            attempt_id: row.attempt.as_str(),
            amount: Money { amount: row.amount.amount, currency: row.amount.currency },
            status: row.state,
            cause: row.cause,
            reason: row.reason.as_ref().map(|reason| reason.as_str()),
            failure: row.failure.as_ref().map(|text| text.as_str()),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Something that is owed to a gateway.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Effect, example = effect_example)]
pub struct EffectView<'a> {
    /// Its id: the number of the order.
    #[schema(value_type = values::EffectId)]
    id: Shown<EffectId>,
    #[schema(pattern = "^effect$")]
    object: &'static str,
    /// The order.
    #[schema(value_type = values::OrderId)]
    order_id: ShownOrder,
    /// Whether it is tried by itself, or waits for somebody to look at it.
    #[schema(value_type = values::EffectStatus)]
    status: EffectState,
    /// When it is tried next, or until when somebody has it.
    #[schema(value_type = values::Instant)]
    due_at: Timestamp,
    /// Whether somebody is at it.
    is_leased: bool,
    /// How often it was tried in vain.
    tries: u32,
    /// Whether a try may have succeeded of which nobody knows.
    is_unknown: bool,
    /// Why the last try did not succeed.
    #[schema(value_type = Option<values::Text>, required)]
    reason: Option<&'a str>,
    /// How often it was changed.
    version: u64,
    /// When it was first owed.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

fn effect_example() -> serde_json::Value {
    json!({
        "id": "eff_42", "object": "effect", "order_id": "ord_42", "status": "dead",
        "due_at": "2026-11-21T06:48:16.120394Z", "is_leased": false, "tries": 12,
        "is_unknown": true, "reason": "the gateway answered 502", "version": 27,
        "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T06:48:16.120394Z"
    })
}

impl<'a> EffectView<'a> {
    /// The view of an effect.
    pub fn of(row: &'a Effect) -> Self {
        Self {
            id: Shown(row.id()),
            object: "effect",
            order_id: Shown(row.order_id),
            status: row.state,
            due_at: row.due_at,
            is_leased: row.leased,
            tries: row.tries,
            is_unknown: row.ask_first,
            reason: row.reason.as_ref().map(|text| text.as_str()),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An order whose money is not where it should be yet, or a message that belongs to no order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReconciliationRow, example = row_example)]
pub struct RowView<'a> {
    #[schema(pattern = "^reconciliation_row$")]
    object: &'static str,
    /// The order; none where money came for an order that nobody knows.
    #[schema(value_type = Option<values::OrderId>, required)]
    order_id: Option<ShownOrder>,
    /// Where the order is.
    #[schema(value_type = Option<values::OrderStatus>, required)]
    order_status: Option<OrderStatus>,
    /// Who takes the money.
    #[schema(value_type = values::Provider)]
    provider: Provider,
    /// What the payment has come to.
    #[schema(value_type = Option<values::PaymentStatus>, required)]
    payment_status: Option<Status>,
    /// The gateway's order or payment.
    #[schema(value_type = Option<values::GatewayId>, required)]
    provider_id: Option<&'a str>,
    /// What is due.
    #[schema(value_type = Option<Total>, required)]
    due: Option<Money>,
    /// What was taken, as far as the gateway has told.
    #[schema(value_type = Option<Total>, required)]
    captured: Option<Money>,
    /// What went back, or is about to.
    #[schema(value_type = Option<Total>, required)]
    refunded: Option<Money>,
    /// Seconds since this was first owed, or since the message came.
    age_s: i64,
    /// Why the last try did not succeed.
    #[schema(value_type = Option<values::Text>, required)]
    reason: Option<&'a str>,
    /// What is done next.
    #[schema(value_type = values::ReconciliationAction)]
    action: &'static str,
    /// Who does it: `onhand` by itself, or an `operator`.
    #[schema(pattern = "^(onhand|operator)$")]
    by: &'static str,
    /// Whether somebody is at it just now.
    is_leased: bool,
    /// When it is done, where that is known.
    #[schema(value_type = Option<values::Instant>, required)]
    next_at: Option<Timestamp>,
}

/// What may be done next about a row.
pub const ACTIONS: [&str; 7] =
    ["create_intent", "find_intent", "capture", "void", "refund", "ask_gateway", "match_or_refund"];

fn row_example() -> serde_json::Value {
    let money = |amount: i64| json!({"amount": amount, "currency": "INR"});
    json!({
        "object": "reconciliation_row", "order_id": "ord_42", "order_status": "cancelled",
        "provider": "razorpay", "payment_status": "refunded",
        "provider_id": "order_IluGWxBm9U8zJ8", "due": money(0), "captured": money(99_800),
        "refunded": money(99_800), "age_s": 12, "reason": null, "action": "refund",
        "by": "onhand", "is_leased": false, "next_at": "2026-11-21T06:48:16.120394Z"
    })
}

fn action_of(call: Option<&Call>) -> &'static str {
    match call {
        Some(Call::CreateIntent { .. }) => "create_intent",
        Some(Call::FindIntent { .. }) => "find_intent",
        Some(Call::Capture { .. }) => "capture",
        Some(Call::Void { .. }) => "void",
        Some(Call::Refund { .. }) => "refund",
        Some(Call::Fetch { .. }) | None => "ask_gateway",
    }
}

impl<'a> RowView<'a> {
    /// An order about whose payment something is owed.
    pub fn of_order(effect: &'a Effect, order: &'a Order, now: Timestamp) -> Option<Self> {
        let payment = order.payment.as_ref()?;
        let money = |amount| Some(Money { amount, currency: order.currency });
        let intent = payment.intents.iter().rev().find_map(|one| one.gateway_id.as_ref());
        let is_dead = effect.state == EffectState::Dead;
        Some(Self {
            object: "reconciliation_row",
            order_id: Some(Shown(order.id)),
            order_status: Some(order.status),
            provider: payment.provider,
            payment_status: Some(payment.status(order)),
            provider_id: intent.map(|id| id.as_str()),
            due: money(due(order)),
            captured: money(payment.captured(order.currency)),
            refunded: money(payment.refunded(order.currency)),
            age_s: now.duration_since(effect.created_at).as_secs(),
            reason: effect.reason.as_ref().map(|text| text.as_str()),
            action: action_of(onhand_core::payments::next_call(order).as_ref()),
            by: if is_dead { "operator" } else { "onhand" },
            is_leased: effect.leased,
            next_at: (!is_dead).then_some(effect.due_at),
        })
    }

    /// Messages of money for gateways' orders that are nobody's. Where none was set aside there is
    /// nothing to see to.
    pub fn of_notices(
        notices: &'a [KeptNotice],
        now: Timestamp,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let has_money = |one: &&KeptNotice| one.seen.as_ref().is_some_and(Seen::has_money);
        notices.iter().filter(has_money).map(move |one| Self::of_notice(one, now))
    }

    fn of_notice(notice: &'a KeptNotice, now: Timestamp) -> Self {
        let seen = notice.seen.as_ref();
        let attempt = seen.and_then(|seen| seen.attempts.first());
        let captured =
            attempt.map(|one| Money { amount: one.captured, currency: one.amount.currency });
        let id = notice.intent.as_ref().or(attempt.map(|one| &one.id));
        Self {
            object: "reconciliation_row",
            order_id: None,
            order_status: None,
            provider: notice.provider,
            payment_status: None,
            provider_id: id.map(|id| id.as_str()),
            due: None,
            captured,
            refunded: None,
            age_s: now.duration_since(notice.received_at).as_secs(),
            reason: None,
            action: "match_or_refund",
            by: "operator",
            is_leased: false,
            next_at: None,
        }
    }
}
