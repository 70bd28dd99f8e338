//! Payments: hold stock, ask the gateway for an order of its own, take the money, and only then
//! count on it. What a gateway says comes as a webhook, as the answer to a call, or because it was
//! asked; all three are taken in by the same rule.

mod gateway;
mod payment;

use alloc::string::String;

pub use gateway::{Call, Notice, Seen, SeenAttempt, SeenIntent, SeenRefund, Task};
pub use payment::{
    Attempt, AttemptState, Capture, Intent, IntentState, Payment, Provider, Refund, RefundCause,
    RefundState, Status,
};

use crate::ids::OrderId;

/// How a gateway knows one of its orders as ours: `ord_42-1`. At most 40 characters.
pub fn receipt(order_id: OrderId, number: u32) -> String {
    alloc::format!("{order_id}-{number}")
}

/// Reads a [`receipt`] back.
pub fn read_receipt(receipt: &str) -> Option<(OrderId, u32)> {
    let (order_id, number) = receipt.rsplit_once('-')?;
    Some((order_id.parse().ok()?, number.parse().ok()?))
}
