//! What this contract shows: users, orders, payments, refunds. Ids are texts and amounts are
//! decimal texts. What an order or a payment has come to is told in the contract's own states.

use onhand_core::accounts::UserView;
use onhand_core::orders::{Order, OrderLine, Status};
use onhand_core::payments::{self, Payment, Refund, RefundState};
use onhand_core::{Money, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::dialects::decimal;

/// Somebody who has an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserShown {
    /// The user's number.
    id: String,
    /// Empty where there is none.
    name: String,
    #[schema(format = "email")]
    email: String,
    /// For whoever looks at all users.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
}

impl UserShown {
    /// The view of a user.
    pub(super) fn of(user: &UserView) -> Self {
        Self {
            id: user.id.number().to_string(),
            name: user.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            email: user.email.to_string(),
            created_at: None,
        }
    }

    /// The same, and since when.
    pub(super) fn with_age(user: &UserView) -> Self {
        Self { created_at: Some(instant(user.created_at)), ..Self::of(user) }
    }
}

fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderShown {
    /// The order's number.
    id: String,
    /// The number of whose it is.
    customer_id: Option<String>,
    #[schema(pattern = "^(PENDING|RESERVED_INVENTORY|IN_PROGRESS|PAID|FAILED|REFUNDED|\
                        PARTIALLY_REFUNDED|CANCELLED|EXPIRED|COMPLETED|DELIVERED)$")]
    status: &'static str,
    /// A decimal number.
    total_amount: String,
    created_at: String,
    updated_at: String,
}

impl OrderShown {
    /// The view of an order.
    pub(super) fn of(order: &Order) -> Self {
        Self {
            id: order.id.number().to_string(),
            customer_id: order.customer_id.map(|id| id.number().to_string()),
            status: order_status(order),
            total_amount: decimal::shown(Money::new(order.total, order.currency)),
            created_at: instant(order.created_at),
            updated_at: instant(order.updated_at),
        }
    }
}

/// The state of an order in the words of this contract.
fn order_status(order: &Order) -> &'static str {
    let paid = order.payment.as_ref().map(|payment| payment.status(order));
    match order.status {
        Status::Pending => match paid {
            None => "PENDING",
            Some(payments::Status::Authorized | payments::Status::Underpaid) => "IN_PROGRESS",
            Some(_) if order.has_lines() => "RESERVED_INVENTORY",
            Some(_) => "PENDING",
        },
        Status::Expired => back(paid).unwrap_or("EXPIRED"),
        Status::Cancelled => back(paid).unwrap_or_else(|| {
            let reason = order.failure_reason.as_ref().map(|reason| reason.as_str());
            if reason == Some("payment_failed") { "FAILED" } else { "CANCELLED" }
        }),
        Status::Returned => back(paid).unwrap_or("COMPLETED"),
        Status::Confirmed | Status::Processing => back(paid).unwrap_or(match paid {
            // Its money is set aside and not taken yet.
            Some(payments::Status::Authorized) => "IN_PROGRESS",
            Some(_) | None => "PAID",
        }),
        Status::PartiallyFulfilled => back(paid).unwrap_or("IN_PROGRESS"),
        Status::Fulfilled => back(paid).unwrap_or("COMPLETED"),
        Status::Delivered => back(paid).unwrap_or("DELIVERED"),
    }
}

/// Where money went back, or is about to.
fn back(paid: Option<payments::Status>) -> Option<&'static str> {
    match paid? {
        payments::Status::Refunded => Some("REFUNDED"),
        payments::Status::PartiallyRefunded => Some("PARTIALLY_REFUNDED"),
        payments::Status::Created
        | payments::Status::AwaitingPayment
        | payments::Status::Failed
        | payments::Status::Authorized
        | payments::Status::Underpaid
        | payments::Status::Captured
        | payments::Status::Cancelled => None,
    }
}

/// One product of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Item)]
pub(super) struct ItemShown {
    id: String,
    order_id: String,
    /// The product's number.
    product_id: String,
    /// Its name when it was bought.
    name: String,
    quantity: i64,
    /// Of one, when it was bought; a decimal number.
    price: String,
    /// Of all of them; a decimal number.
    amount: String,
}

impl ItemShown {
    fn of(order: &Order, line: &OrderLine) -> Self {
        let money = |amount| decimal::shown(Money::new(amount, order.currency));
        let order_id = order.id.number();
        Self {
            id: format!("{order_id}-{}", line.line),
            order_id: order_id.to_string(),
            product_id: line.product_id.number().to_string(),
            name: line.name.to_string(),
            quantity: line.quantity,
            price: money(line.unit_price),
            amount: money(line.total()),
        }
    }

    /// Those of an order.
    pub(super) fn all(order: &Order) -> Vec<Self> {
        order.lines.iter().map(|line| Self::of(order, line)).collect()
    }
}

/// An order with what was bought.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderWithItems)]
pub(super) struct OrderWithItems {
    #[serde(flatten)]
    order: OrderShown,
    items: Vec<ItemShown>,
}

impl OrderWithItems {
    /// The view of an order.
    pub(super) fn of(order: &Order) -> Self {
        Self { order: OrderShown::of(order), items: ItemShown::all(order) }
    }
}

/// A payment. It has the number of its order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentShown {
    id: String,
    order_id: String,
    user_id: Option<String>,
    /// By which the customer pays; null until the gateway has answered.
    razorpay_order_id: Option<String>,
    /// The customer's try: the one that succeeded, or the newest.
    razorpay_payment_id: Option<String>,
    /// What is due; a decimal number.
    amount: String,
    currency: String,
    #[schema(pattern = "^(CREATED|AUTHORIZED|CAPTURED|FAILED|REFUNDED)$")]
    status: &'static str,
    /// Why the newest try failed.
    failure_reason: Option<String>,
    created_at: String,
    updated_at: String,
}

impl PaymentShown {
    /// The payment of an order; none where no gateway takes the money.
    pub(super) fn of(order: &Order) -> Option<Self> {
        let payment = order.payment.as_ref()?;
        let attempt = payment.attempts.iter().max_by_key(|one| (one.state, one.updated_at));
        let intent = payment.intents.iter().rev().find_map(|one| one.gateway_id.as_ref());
        let status = payment_status(payment, order);
        let failure = attempt.and_then(|one| one.failure.as_ref()).filter(|_| status == "FAILED");
        Some(Self {
            id: order.id.number().to_string(),
            order_id: order.id.number().to_string(),
            user_id: order.customer_id.map(|id| id.number().to_string()),
            razorpay_order_id: intent.map(ToString::to_string),
            razorpay_payment_id: attempt.map(|one| one.id.to_string()),
            amount: decimal::shown(Money::new(order.total, order.currency)),
            currency: order.currency.to_string(),
            status,
            failure_reason: failure.map(ToString::to_string),
            created_at: instant(order.created_at),
            updated_at: instant(order.updated_at),
        })
    }
}

/// The state of a payment in the words of this contract.
fn payment_status(payment: &Payment, order: &Order) -> &'static str {
    match payment.status(order) {
        payments::Status::Created | payments::Status::AwaitingPayment => "CREATED",
        payments::Status::Authorized => "AUTHORIZED",
        payments::Status::Underpaid
        | payments::Status::Captured
        | payments::Status::PartiallyRefunded => "CAPTURED",
        payments::Status::Refunded => "REFUNDED",
        payments::Status::Failed | payments::Status::Cancelled => "FAILED",
    }
}

/// Money on its way back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(super) struct RefundShown {
    id: String,
    payment_id: String,
    razorpay_payment_id: String,
    razorpay_refund_id: Option<String>,
    /// A decimal number.
    amount: String,
    currency: String,
    #[schema(pattern = "^(CREATED|PROCESSED|FAILED)$")]
    status: &'static str,
    reason: Option<String>,
    created_at: String,
    updated_at: String,
}

impl RefundShown {
    fn of(order: &Order, refund: &Refund) -> Self {
        let order_id = order.id.number();
        Self {
            id: format!("{order_id}-{}", refund.number),
            payment_id: order_id.to_string(),
            razorpay_payment_id: refund.attempt.to_string(),
            razorpay_refund_id: refund.gateway_id.as_ref().map(ToString::to_string),
            amount: decimal::shown(refund.amount),
            currency: refund.amount.currency.to_string(),
            status: match refund.state {
                RefundState::Owed | RefundState::Pending => "CREATED",
                RefundState::Processed => "PROCESSED",
                RefundState::Failed => "FAILED",
            },
            reason: refund.reason.as_ref().map(ToString::to_string),
            created_at: instant(refund.created_at),
            updated_at: instant(refund.updated_at),
        }
    }

    /// Those of an order's payment.
    pub(super) fn all(order: &Order) -> Vec<Self> {
        let refunds = order.payment.iter().flat_map(|payment| &payment.refunds);
        refunds.map(|refund| Self::of(order, refund)).collect()
    }
}
