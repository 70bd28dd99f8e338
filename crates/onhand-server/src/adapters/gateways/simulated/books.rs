//! What is in the simulated gateway's ledger, and how it writes that down. The words are
//! Razorpay's.

use serde_json::{Value, json};

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaymentState {
    Failed,
    Authorized,
    Captured,
    /// All of it went back.
    Refunded,
    /// Nobody took it in time. Told of as a refund.
    LetGo,
}

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundState {
    Pending,
    Processed,
    Failed,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) receipt: Option<String>,
    pub(super) notes: Value,
    pub(super) is_automatic: bool,
    pub(super) created_at: i64,
    pub(super) payments: Vec<Payment>,
}

#[derive(Debug)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) state: PaymentState,
    pub(super) created_at: i64,
    pub(super) refunds: Vec<Refund>,
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) receipt: Option<String>,
    pub(super) notes: Value,
    /// Under which it was asked for.
    pub(super) key: Option<String>,
    pub(super) state: RefundState,
    pub(super) created_at: i64,
}

impl Order {
    /// Whether the customer has paid; stays so when the money goes back.
    pub(super) fn is_paid(&self) -> bool {
        self.payments.iter().any(Payment::is_captured)
    }

    /// Whether a further try makes sense.
    pub(super) fn is_open(&self) -> bool {
        self.payments.iter().all(|payment| match payment.state {
            PaymentState::Failed | PaymentState::LetGo => true,
            PaymentState::Authorized | PaymentState::Captured | PaymentState::Refunded => false,
        })
    }

    /// Whether nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.payments.iter().all(|payment| {
            payment.state != PaymentState::Authorized
                && payment.refunds.iter().all(|refund| refund.state != RefundState::Pending)
        })
    }

    pub(super) fn json(&self) -> Value {
        let taken = self.payments.iter().filter(|payment| payment.is_captured());
        let paid: i64 = taken.map(|payment| payment.amount).sum();
        let status = match (self.is_paid(), self.payments.is_empty()) {
            (true, _) => "paid",
            (false, false) => "attempted",
            (false, true) => "created",
        };
        json!({
            "id": self.id, "entity": "order", "amount": self.amount, "amount_paid": paid,
            "amount_due": (self.amount - paid).max(0), "currency": self.currency,
            "receipt": self.receipt, "offer_id": null, "status": status,
            "attempts": self.payments.len(), "notes": self.notes, "created_at": self.created_at,
        })
    }

    /// A line for whoever compares books.
    pub(super) fn ledger_row(&self) -> Value {
        let payments: Vec<Value> = self.payments.iter().map(Payment::ledger_row).collect();
        json!({
            "id": self.id, "receipt": self.receipt, "amount": self.amount,
            "currency": self.currency, "payments": payments,
        })
    }
}

impl Payment {
    /// Whether the money was taken, even if it went back.
    pub(super) fn is_captured(&self) -> bool {
        match self.state {
            PaymentState::Captured | PaymentState::Refunded => true,
            PaymentState::Failed | PaymentState::Authorized | PaymentState::LetGo => false,
        }
    }

    /// What has gone back or is about to.
    pub(super) fn refunded(&self) -> i64 {
        let counted = self.refunds.iter().filter(|refund| refund.state != RefundState::Failed);
        counted.map(|refund| refund.amount).sum()
    }

    fn status(&self) -> &'static str {
        match self.state {
            PaymentState::Failed => "failed",
            PaymentState::Authorized => "authorized",
            PaymentState::Captured => "captured",
            PaymentState::Refunded | PaymentState::LetGo => "refunded",
        }
    }

    pub(super) fn json(&self, order: &Order) -> Value {
        let refunded = self.refunded();
        let has_failed = self.state == PaymentState::Failed;
        let when_failed = |text: &str| if has_failed { json!(text) } else { Value::Null };
        let refund_status = match refunded {
            0 => Value::Null,
            some if some < self.amount => json!("partial"),
            _ => json!("full"),
        };
        json!({
            "id": self.id, "entity": "payment", "amount": self.amount,
            "currency": order.currency, "status": self.status(), "order_id": order.id,
            "invoice_id": null, "international": false, "method": "upi",
            "amount_refunded": refunded, "refund_status": refund_status,
            "captured": self.is_captured(), "description": null, "card_id": null, "bank": null,
            "wallet": null, "vpa": "customer@simulated", "email": "customer@example.com",
            "contact": "+910000000000", "notes": [], "fee": null, "tax": null,
            "error_code": when_failed("BAD_REQUEST_ERROR"),
            "error_description": when_failed("Payment was declined by the simulated bank."),
            "error_source": when_failed("bank"), "error_step": when_failed("payment_authorization"),
            "error_reason": when_failed("payment_failed"), "created_at": self.created_at,
        })
    }

    fn ledger_row(&self) -> Value {
        let refunds: Vec<Value> = self
            .refunds
            .iter()
            .map(|refund| {
                json!({
                    "id": refund.id, "receipt": refund.receipt, "amount": refund.amount,
                    "status": refund.status(),
                })
            })
            .collect();
        let (captured, refunded, refunds) = match self.is_captured() {
            true => (self.amount, self.refunded(), refunds),
            false => (0, 0, Vec::new()),
        };
        json!({
            "id": self.id, "status": self.status(), "amount": self.amount, "captured": captured,
            "refunded": refunded, "refunds": refunds,
        })
    }
}

impl Refund {
    fn status(&self) -> &'static str {
        match self.state {
            RefundState::Pending => "pending",
            RefundState::Processed => "processed",
            RefundState::Failed => "failed",
        }
    }

    pub(super) fn json(&self, payment: &Payment, currency: &str) -> Value {
        json!({
            "id": self.id, "entity": "refund", "amount": self.amount, "currency": currency,
            "payment_id": payment.id, "notes": self.notes, "receipt": self.receipt,
            "acquirer_data": { "arn": null }, "created_at": self.created_at, "batch_id": null,
            "status": self.status(), "speed_processed": "normal", "speed_requested": "normal",
        })
    }
}
