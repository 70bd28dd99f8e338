//! A promise of stock at one location: `held` until it is consumed, released or runs out. An
//! order's reservation loses its expiry when the order is confirmed and is then an allocation.

use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, OrderId, ProductId, ReservationId};
use crate::text::{Reference, Sku};
use crate::{Timestamp, Version};

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Units are promised.
    Held,
    /// All units that were not given back have left.
    Consumed,
    /// All units were given back.
    Released,
    /// It ran out.
    Expired,
}

impl ReservationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Held, Self::Consumed, Self::Released, Self::Expired];

    /// The stored and shown name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Consumed => "consumed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// Reads the stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A reservation as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// The product.
    pub product_id: ProductId,
    /// Where the units are.
    pub location_id: LocationId,
    /// Units promised at first.
    pub quantity: i64,
    /// Units of it that have left.
    pub consumed: i64,
    /// Units of it that were given back.
    pub released: i64,
    /// Where it is in its life.
    pub state: ReservationState,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// What else it belongs to, in the caller's words.
    pub reference: Option<Reference>,
    /// When it runs out; never, for an allocation.
    pub expires_at: Option<Timestamp>,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Reservation {
    /// Units still promised.
    pub fn open(&self) -> i64 {
        match self.state {
            ReservationState::Held => self.quantity - self.consumed - self.released,
            ReservationState::Consumed | ReservationState::Released | ReservationState::Expired => {
                0
            }
        }
    }

    /// Which reference it was made for, and of what; an order's was made for none.
    pub fn holder(&self) -> Option<(Reference, ProductId)> {
        let reference = self.reference.clone().filter(|_| self.order_id.is_none())?;
        Some((reference, self.product_id))
    }

    /// Whether its time has run out at `now`, to the microsecond: it is free at `expires_at`
    /// itself.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == ReservationState::Held && self.expires_at.is_some_and(|at| at <= now)
    }
}

/// A reservation with the SKU it is for: what a caller is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationView {
    /// The product's SKU.
    pub sku: Sku,
    /// The reservation.
    #[serde(flatten)]
    pub reservation: Reservation,
}
