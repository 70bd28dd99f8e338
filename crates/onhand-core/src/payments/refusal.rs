//! The lawful noes of payments, in the order in which they are looked for.

use serde::{Deserialize, Serialize};

use super::payment::Status;
use crate::Currency;
use crate::ids::{OrderId, PaymentId};
use crate::orders;

/// Why nothing is done about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The order is not paid through a gateway.
    NoPayment {
        /// Which order.
        order_id: OrderId,
    },
    /// The order has a payment by which it can be paid.
    PaymentExists {
        /// Which one.
        payment_id: PaymentId,
        /// What it has come to.
        status: Status,
    },
    /// All that is due was paid.
    AlreadyPaid {
        /// Which payment.
        payment_id: PaymentId,
    },
    /// An order in this state is not paid any more, or need not be.
    NotPayable {
        /// Where the order is.
        status: orders::Status,
    },
    /// No money is set aside that could be taken or let go.
    NotAuthorized {
        /// What the payment has come to.
        status: Status,
    },
    /// No money was taken that could go back.
    NotPaid {
        /// What the payment has come to.
        status: Status,
    },
    /// The amount is of another currency than the payment.
    PaymentCurrencyMismatch {
        /// The payment's.
        expected: Currency,
        /// As it was sent.
        actual: Currency,
    },
    /// More was named than is left.
    RefundTooLarge {
        /// Minor units that were asked for.
        requested: i64,
        /// Minor units that were taken and are not on their way back.
        left: i64,
    },
    /// Only all that was set aside is taken.
    CaptureAmountMismatch {
        /// Minor units that were asked for.
        requested: i64,
        /// Minor units that are set aside.
        authorized: i64,
    },
    /// The payment has as many refunds as it may.
    TooManyRefunds {
        /// The bound.
        most: u64,
    },
}
