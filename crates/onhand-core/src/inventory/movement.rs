//! The ledger: every change of a level, append-only. Movements of one level form a chain
//! (`previous`), so that its history is read without an index; every
//! [`crate::limits::MOVEMENTS_PER_MARK`]th leaves a mark with running totals, from which any past
//! figure is a short walk away.

use serde::{Deserialize, Serialize};

use super::level::{Level, Totals};
use crate::Timestamp;
use crate::actor::Actor;
use crate::ids::{LocationId, ProductId};
use crate::text::{Reason, Reference, Sku};

/// What a movement does to the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Units came in.
    Received,
    /// Promised units left.
    Sold,
    /// Units came back from a customer.
    Returned,
    /// A correction by hand.
    Adjusted,
    /// The difference that a count found.
    Counted,
    /// Units went to, or came from, another location.
    Transferred,
    /// Units were promised.
    Reserved,
    /// A promise was given back.
    Released,
    /// A promise ran out.
    Expired,
}

impl MovementKind {
    /// Every kind, for tables and documents.
    pub const ALL: [Self; 9] = [
        Self::Received,
        Self::Sold,
        Self::Returned,
        Self::Adjusted,
        Self::Counted,
        Self::Transferred,
        Self::Reserved,
        Self::Released,
        Self::Expired,
    ];

    /// The stored and shown name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sold => "sold",
            Self::Returned => "returned",
            Self::Adjusted => "adjusted",
            Self::Counted => "counted",
            Self::Transferred => "transferred",
            Self::Reserved => "reserved",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// Whether it moves units; the others only promise them.
    pub const fn moves_units(self) -> bool {
        !matches!(self, Self::Reserved | Self::Released | Self::Expired)
    }

    /// Reads the stored name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Position in the ledger, without gaps.
    pub seq: i64,
    /// The product.
    pub product_id: ProductId,
    /// The location.
    pub location_id: LocationId,
    /// What it does.
    pub kind: MovementKind,
    /// Why, in the shop's words.
    pub reason: Reason,
    /// What it belongs to: an order, a purchase, a note of another system.
    pub reference: Option<Reference>,
    /// Who asked for it.
    pub actor: Actor,
    /// Change of the units that are there.
    pub delta_on_hand: i64,
    /// Change of the units promised.
    pub delta_reserved: i64,
    /// Units there after it.
    pub on_hand_after: i64,
    /// Units promised after it.
    pub reserved_after: i64,
    /// When it happened; the caller may say.
    pub occurred_at: Timestamp,
    /// When it was recorded; the server says.
    pub recorded_at: Timestamp,
    /// The level's movement before this one; 0 for its first.
    pub previous: i64,
    /// How many movements the level has had, this one included.
    pub ordinal: u64,
    /// Sequence number of the event of the command that caused it.
    pub cause: i64,
}

/// What was on hand at an instant, as the ledger knows by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// Units that were there.
    pub on_hand: i64,
    /// When the first count after it was made, if there is one: what is found out of the instant
    /// from now on was part of what that count found.
    pub counted_at: Option<Timestamp>,
}

impl Past {
    /// Takes in a movement that is not in it yet, as of `at`.
    pub fn take_in(&mut self, at: Timestamp, kind: MovementKind, moved_at: Timestamp, delta: i64) {
        if moved_at <= at {
            self.on_hand += delta;
        } else if kind == MovementKind::Counted {
            let first = self.counted_at.map_or(moved_at, |first| first.min(moved_at));
            self.counted_at = Some(first);
        }
    }
}

/// What to do to a level: the part of a [`Movement`] that a rule chooses.
#[derive(Debug, Clone)]
pub struct Move {
    /// What it does.
    pub kind: MovementKind,
    /// Why.
    pub reason: Reason,
    /// What it belongs to.
    pub reference: Option<Reference>,
    /// Change of the units that are there.
    pub delta_on_hand: i64,
    /// Change of the units promised.
    pub delta_reserved: i64,
    /// When it happened, when that is not now.
    pub occurred_at: Option<Timestamp>,
}

/// Running totals of a level at one movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The product.
    pub product_id: ProductId,
    /// The location.
    pub location_id: LocationId,
    /// The movement's number within its level.
    pub ordinal: u64,
    /// The movement's position in the ledger.
    pub seq: i64,
    /// When the movement was recorded.
    pub recorded_at: Timestamp,
    /// Totals after it.
    pub totals: Totals,
}

/// A movement with the level as it left it: what a caller who moved stock is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockChange {
    /// The product's SKU.
    pub sku: Sku,
    /// The entry.
    pub movement: Movement,
    /// The figures after it.
    pub level: Level,
}
