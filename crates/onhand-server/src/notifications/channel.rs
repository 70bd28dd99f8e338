//! Through which contract an order was placed, where its customer is to hear of it in the words of
//! that contract. It stands among the order's own entries, where an operator sees it too; whoever
//! writes it there by itself gets mails in other words, and nothing else.

use onhand_core::orders::{Metadata, Order, Status};

use super::letter::in_words;

/// The entry of orders that came through `processing`: its name and its value.
pub const PROCESSING: (&str, &str) = ("channel", "processing");

/// A channel as the entries of an order.
pub fn entry((name, value): (&str, &str)) -> Metadata {
    Metadata::from([(name.to_owned(), value.to_owned())])
}

/// Whether an order came through `processing`.
pub(super) fn is_processing(order: &Order) -> bool {
    let (name, value) = PROCESSING;
    order.metadata.get(name).is_some_and(|found| found == value)
}

/// What the customer knows an order as.
pub(super) fn name(order: &Order) -> String {
    if is_processing(order) { order.id.number().to_string() } else { order.id.to_string() }
}

/// What the customer knows a state as. `processing` has three of them.
pub(super) fn state(order: &Order) -> String {
    match order.status {
        Status::Pending | Status::Confirmed if is_processing(order) => "Pending".to_owned(),
        Status::Processing if is_processing(order) => "Processed".to_owned(),
        Status::Cancelled | Status::Expired if is_processing(order) => "Failed".to_owned(),
        Status::Pending
        | Status::Confirmed
        | Status::Processing
        | Status::PartiallyFulfilled
        | Status::Fulfilled
        | Status::Delivered
        | Status::Returned
        | Status::Cancelled
        | Status::Expired => in_words(order.status.as_str()),
    }
}
