//! The graph of an order's states, as data. Served at `GET /v1/order-states`, drawn in the
//! documents, and asked by every rule before it moves an order.

use serde::{Deserialize, Serialize};

use crate::named::named;

named! {
    /// Where an order is in its life.
    Status {
        /// Stock is held and the hold's time is running; payment is awaited.
        Pending = "pending",
        /// Paid, or no payment required; the stock is allocated without an end.
        Confirmed = "confirmed",
        /// A worker has taken it up; it is being got ready to leave.
        Processing = "processing",
        /// Some units have left.
        PartiallyFulfilled = "partially_fulfilled",
        /// All units have left.
        Fulfilled = "fulfilled",
        /// All units have arrived.
        Delivered = "delivered",
        /// All units came back.
        Returned = "returned",
        /// Called off before anything left.
        Cancelled = "cancelled",
        /// The hold ran out before the order was confirmed.
        Expired = "expired",
    }
}

named! {
    /// What moves an order from one state to another.
    Action {
        /// No further payment is needed.
        Confirm = "confirm",
        /// A worker takes it up.
        Process = "process",
        /// Called off.
        Cancel = "cancel",
        /// Time ran out.
        Expire = "expire",
        /// It was paid after all, and its stock is held again.
        Revive = "revive",
        /// Some of the remaining units leave.
        FulfilPartly = "fulfil_partly",
        /// All remaining units leave.
        Fulfil = "fulfil",
        /// Everything arrived.
        Deliver = "deliver",
        /// Some units come back.
        ReturnPartly = "return_partly",
        /// All remaining units come back.
        Return = "return",
        /// Address or metadata change.
        Update = "update",
    }
}

impl Status {
    /// Whether nothing more can happen to the order's stock.
    pub fn is_terminal(self) -> bool {
        allowed(self).next().is_none()
    }
}

/// One arrow of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Before.
    pub from: Status,
    /// What happens.
    pub action: Action,
    /// After.
    pub to: Status,
}

const fn arrow(from: Status, action: Action, to: Status) -> Transition {
    Transition { from, action, to }
}

/// All that may happen to an order.
pub const TRANSITIONS: &[Transition] = &[
    arrow(Status::Pending, Action::Confirm, Status::Confirmed),
    arrow(Status::Pending, Action::Cancel, Status::Cancelled),
    arrow(Status::Pending, Action::Expire, Status::Expired),
    arrow(Status::Pending, Action::Update, Status::Pending),
    arrow(Status::Confirmed, Action::Cancel, Status::Cancelled),
    arrow(Status::Confirmed, Action::FulfilPartly, Status::PartiallyFulfilled),
    arrow(Status::Confirmed, Action::Fulfil, Status::Fulfilled),
    arrow(Status::Confirmed, Action::Process, Status::Processing),
    arrow(Status::Confirmed, Action::Update, Status::Confirmed),
    arrow(Status::Processing, Action::Cancel, Status::Cancelled),
    arrow(Status::Processing, Action::FulfilPartly, Status::PartiallyFulfilled),
    arrow(Status::Processing, Action::Fulfil, Status::Fulfilled),
    arrow(Status::Processing, Action::Update, Status::Processing),
    arrow(Status::PartiallyFulfilled, Action::FulfilPartly, Status::PartiallyFulfilled),
    arrow(Status::PartiallyFulfilled, Action::Fulfil, Status::Fulfilled),
    arrow(Status::PartiallyFulfilled, Action::ReturnPartly, Status::PartiallyFulfilled),
    arrow(Status::PartiallyFulfilled, Action::Update, Status::PartiallyFulfilled),
    arrow(Status::Fulfilled, Action::Deliver, Status::Delivered),
    arrow(Status::Fulfilled, Action::ReturnPartly, Status::Fulfilled),
    arrow(Status::Fulfilled, Action::Return, Status::Returned),
    arrow(Status::Delivered, Action::ReturnPartly, Status::Delivered),
    arrow(Status::Delivered, Action::Return, Status::Returned),
    arrow(Status::Expired, Action::Revive, Status::Confirmed),
];

/// What may happen to an order in a state.
pub fn allowed(from: Status) -> impl Iterator<Item = Transition> {
    TRANSITIONS.iter().copied().filter(move |transition| transition.from == from)
}
