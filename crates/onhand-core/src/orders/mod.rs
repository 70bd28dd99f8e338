//! An order's life: placed, confirmed, fulfilled, delivered; cancelled, expired, returned. The
//! graph of states is data ([`TRANSITIONS`]); a rule that is not in the table cannot be carried
//! out.

mod cancel;
mod fulfil;
mod give_back;
mod open;
mod order;
mod paid;
mod place;
mod refusal;
mod status;
mod update;

use alloc::vec::Vec;

pub use open::{OpenOrder, OpenOrders};
pub use order::{
    Address, Allocation, Fulfilment, FulfilmentLine, Metadata, Order, OrderLine, Tracking,
};
pub use place::{ErrorPolicy, PaymentTerms, PlaceAmount, PlaceItem, PlaceOrder};
pub use refusal::Refusal;
pub use status::{Action, Status, TRANSITIONS, Transition, allowed};
pub use update::OrderPatch;

pub(crate) use cancel::{cancel, expire, finish};
pub(crate) use open::note as note_open;
pub(crate) use paid::{fail, hold_until, revive, settle_paid};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{LocationId, OrderId};
use crate::text::{Reason, Reference};
use crate::{Needs, Quantity, State, Version};

/// Units of one line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineQuantity {
    /// The line's number, from 1.
    pub line: u32,
    /// How many units.
    pub quantity: Quantity,
}

/// What may be asked of orders.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Places one order: prices it, holds its stock.
    Place(PlaceOrder),
    /// Places many orders in one commit.
    PlaceMany {
        /// The orders, in the order in which they are decided.
        orders: Vec<PlaceOrder>,
        /// What a refusal of one means for the others.
        error_policy: ErrorPolicy,
    },
    /// Places an order over an amount that buys nothing.
    PlaceAmount(PlaceAmount),
    /// Says that a pending order needs no further payment: its hold becomes an allocation.
    Confirm {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
    },
    /// Takes up an order that is confirmed.
    Process {
        /// Which order.
        id: OrderId,
    },
    /// Cancels an order nothing of which has left, and gives its stock back.
    Cancel {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// Why.
        reason: Option<Reason>,
    },
    /// Lets units leave.
    Fulfil {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// Which units; all that are left when absent.
        lines: Option<Vec<LineQuantity>>,
        /// The parcel.
        tracking: Option<Tracking>,
    },
    /// Says that everything has arrived.
    Deliver {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
    },
    /// Takes units back.
    Return {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// Which units; all that have left and not come back when absent.
        lines: Option<Vec<LineQuantity>>,
        /// Whether the units go back on the shelf.
        restock: bool,
        /// Where they go; where they came from when absent.
        location_id: Option<LocationId>,
        /// Why.
        reason: Option<Reason>,
        /// What it belongs to.
        reference: Option<Reference>,
    },
    /// Changes shipping address and metadata.
    Update {
        /// Which order.
        id: OrderId,
        /// Refuse unless the order is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: OrderPatch,
    },
}

impl Command {
    /// The rows that this command names; of products only those that are not known.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::Place(order) => order.names(known, needs),
            Self::PlaceMany { orders, .. } => {
                for order in orders {
                    order.names(known, needs);
                }
            }
            Self::PlaceAmount(_) => {}
            Self::Confirm { id, .. }
            | Self::Process { id }
            | Self::Cancel { id, .. }
            | Self::Fulfil { id, .. }
            | Self::Deliver { id, .. }
            | Self::Return { id, .. }
            | Self::Update { id, .. } => crate::payments::names_of_order(known, *id, needs),
        }
    }

    /// Whether it may add to what its customer holds.
    pub(crate) fn places(&self) -> bool {
        match self {
            Self::Place(order) => order.is_awaited(),
            Self::PlaceMany { orders, .. } => orders.iter().any(PlaceOrder::is_awaited),
            // It holds nothing.
            Self::PlaceAmount(_)
            | Self::Confirm { .. }
            | Self::Process { .. }
            | Self::Cancel { .. }
            | Self::Fulfil { .. }
            | Self::Deliver { .. }
            | Self::Return { .. }
            | Self::Update { .. } => false,
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Place(order) => place::place(draft, order).map(Reply::Order),
            Self::PlaceMany { orders, error_policy } => {
                place::place_many(draft, orders, *error_policy)
            }
            Self::PlaceAmount(order) => place::place_amount(draft, order),
            Self::Confirm { id, expected_version } => {
                update::confirm(draft, *id, *expected_version)
            }
            Self::Process { id } => update::process(draft, *id),
            Self::Cancel { id, expected_version, reason } => {
                cancel::cancel(draft, *id, *expected_version, reason.as_ref())
            }
            Self::Fulfil { id, expected_version, lines, tracking } => {
                fulfil::fulfil(draft, *id, *expected_version, lines.as_deref(), tracking.as_ref())
            }
            Self::Deliver { id, expected_version } => {
                fulfil::deliver(draft, *id, *expected_version)
            }
            Self::Return {
                id,
                expected_version,
                lines,
                restock,
                location_id,
                reason,
                reference,
            } => {
                let parcel = give_back::Parcel {
                    lines: lines.as_deref(),
                    restock: *restock,
                    location_id: *location_id,
                    reason: reason.as_ref(),
                    reference: reference.as_ref(),
                };
                give_back::give_back(draft, *id, *expected_version, &parcel)
            }
            Self::Update { id, expected_version, patch } => {
                update::update(draft, *id, *expected_version, patch)
            }
        }
    }
}
