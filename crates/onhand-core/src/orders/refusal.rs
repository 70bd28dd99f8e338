//! The lawful noes of orders, in the order in which they are looked for.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::status::{Action, Status};
use crate::Currency;
use crate::ids::{CustomerId, OrderId};
use crate::text::{Reference, Sku};

/// Why an order is not placed or moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No order has this id.
    UnknownOrder {
        /// As it was sent.
        order_id: OrderId,
    },
    /// The caller places orders for itself and for nobody else.
    ForbiddenCustomer {
        /// As it was sent.
        customer_id: CustomerId,
    },
    /// The external reference is another order's.
    ExternalReferenceTaken {
        /// As it was sent.
        external_reference: Reference,
        /// Whose it is; absent where the caller may not know of that order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<OrderId>,
    },
    /// The product is not for sale.
    ProductInactive {
        /// The SKU.
        sku: Sku,
    },
    /// Two lines have prices in two currencies.
    CurrencyMismatch {
        /// The first line's.
        expected: Currency,
        /// The other's.
        actual: Currency,
        /// The SKU with the other currency.
        sku: Sku,
    },
    /// The lines of one SKU together exceed the largest quantity.
    LineTooLarge {
        /// The SKU.
        sku: Sku,
        /// The bound.
        most: i64,
    },
    /// The order would cost more than an amount can say.
    TotalTooLarge,
    /// The caller expected another total.
    TotalMismatch {
        /// What the caller expected, in minor units.
        expected_total: i64,
        /// What the catalogue says.
        total: i64,
        /// The order's currency.
        currency: Currency,
    },
    /// The customer holds as much as one may without paying.
    TooManyOpenOrders {
        /// Orders that wait for a payment.
        open_orders: i64,
        /// Most of them.
        most_orders: i64,
        /// Units in them.
        held_units: i64,
        /// Units of the order that was to be placed.
        requested_units: i64,
        /// Most units in all of them.
        most_units: i64,
    },
    /// The state graph has no such arrow.
    InvalidTransition {
        /// Where the order is.
        status: Status,
        /// What was asked.
        action: Action,
        /// What may happen instead.
        allowed: Vec<Action>,
    },
    /// The order has no line of this number.
    UnknownLine {
        /// As it was sent.
        line: u32,
        /// How many lines the order has.
        lines: u32,
    },
    /// More was named than the line has left.
    MoreThanLeft {
        /// The line.
        line: u32,
        /// What was asked for.
        requested: i64,
        /// What is left.
        left: i64,
    },
    /// No unit is left to do this with.
    NothingLeft {
        /// Where the order is.
        status: Status,
    },
    /// The order has as many fulfilments as it may.
    TooManyFulfilments {
        /// The bound.
        most: u64,
    },
}
