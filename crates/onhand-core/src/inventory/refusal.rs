//! The lawful noes of the inventory, in the order in which they are looked for.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ReservationState;
use crate::Timestamp;
use crate::ids::{LocationId, OrderId, ReservationId};
use crate::text::{Name, Reference, Sku};

/// One product of which there is too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortItem {
    /// The SKU.
    pub sku: Sku,
    /// What was asked for, in all lines together.
    pub requested: i64,
    /// What can be had.
    pub available: i64,
}

/// Why the inventory refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No location has this id.
    UnknownLocation {
        /// As it was sent.
        location_id: LocationId,
    },
    /// There is no active location to put stock into.
    NoLocation,
    /// Another location has the code.
    LocationCodeTaken {
        /// The code.
        location_code: Name,
        /// Who has it.
        location_id: LocationId,
    },
    /// The installation has as many locations as it may.
    TooManyLocations {
        /// The bound.
        most: u64,
    },
    /// `occurred_at` lies in the future.
    OccurredInFuture {
        /// As it was sent.
        occurred_at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// The stock is not what the caller last saw.
    ChangeFromQuantityStale {
        /// The SKU.
        sku: Sku,
        /// What the caller saw.
        change_from_quantity: i64,
        /// What is there.
        on_hand: i64,
    },
    /// The figure would fall below what is promised.
    CountBelowReserved {
        /// The SKU.
        sku: Sku,
        /// What would be on hand.
        counted: i64,
        /// What is promised.
        reserved: i64,
    },
    /// The level would exceed the largest quantity.
    QuantityTooLarge {
        /// The SKU.
        sku: Sku,
        /// The bound.
        most: i64,
    },
    /// No reservation has this id.
    UnknownReservation {
        /// As it was sent.
        reservation_id: ReservationId,
    },
    /// The reservation is an order's: change the order.
    ReservationOfOrder {
        /// The reservation.
        reservation_id: ReservationId,
        /// The order that has it.
        order_id: OrderId,
    },
    /// The reservation has ended.
    ReservationEnded {
        /// The reservation.
        reservation_id: ReservationId,
        /// How it ended.
        state: ReservationState,
    },
    /// The reservation's or the order's hold ran out.
    ReservationExpired {
        /// When it ran out.
        expires_at: Timestamp,
    },
    /// More was named than is still held.
    MoreThanHeld {
        /// The reservation.
        reservation_id: ReservationId,
        /// What was asked for.
        requested: i64,
        /// What is still held.
        held: i64,
    },
    /// The reference holds another number already.
    HoldsAlready {
        /// Who holds.
        reference: Reference,
        /// What of.
        sku: Sku,
        /// What was asked for.
        requested: i64,
        /// What was promised to it.
        promised: i64,
    },
    /// The reference does not hold as much.
    HoldsLess {
        /// Who holds.
        reference: Reference,
        /// What of.
        sku: Sku,
        /// What was asked for.
        requested: i64,
        /// What is still held.
        held: i64,
    },
    /// There is too little stock.
    InsufficientStock {
        /// Every product that is short, by SKU.
        items: Vec<ShortItem>,
    },
}
