//! The figures of one product at one location. A level is a cache of the ledger: its totals by kind
//! add up to what is on hand, and every change of it is a movement.

use serde::{Deserialize, Serialize};

use super::movement::{Movement, MovementKind};
use crate::ids::{LocationId, ProductId};
use crate::limits::LOW_STOCK_THRESHOLD_DEFAULT;
use crate::{Timestamp, Version};

/// Running totals since the first movement: signed sums of `delta_on_hand` by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Units that came in.
    pub received: i64,
    /// Units that left for orders and reservations; zero or negative.
    pub sold: i64,
    /// Units that came back.
    pub returned: i64,
    /// Corrections by hand: damage, loss, found.
    pub adjusted: i64,
    /// Differences found by counting.
    pub counted: i64,
    /// Units moved between locations.
    pub transferred: i64,
}

impl Totals {
    /// What must be on hand.
    pub const fn sum(&self) -> i64 {
        self.received + self.sold + self.returned + self.adjusted + self.counted + self.transferred
    }

    fn add(&mut self, kind: MovementKind, delta_on_hand: i64) {
        let total = match kind {
            MovementKind::Received => &mut self.received,
            MovementKind::Sold => &mut self.sold,
            MovementKind::Returned => &mut self.returned,
            MovementKind::Adjusted => &mut self.adjusted,
            MovementKind::Counted => &mut self.counted,
            MovementKind::Transferred => &mut self.transferred,
            MovementKind::Reserved | MovementKind::Released | MovementKind::Expired => return,
        };
        *total += delta_on_hand;
    }
}

/// The figures of one product at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The product.
    pub product_id: ProductId,
    /// The location.
    pub location_id: LocationId,
    /// Units that are physically there.
    pub on_hand: i64,
    /// Units promised to orders and reservations.
    pub reserved: i64,
    /// Units held back from sale.
    pub safety_stock: i64,
    /// Available units below which the stock counts as low.
    pub low_stock_threshold: i64,
    /// Where the units on hand came from and went to.
    pub totals: Totals,
    /// How many movements the level has had.
    pub movements: u64,
    /// Sequence number of the newest movement; 0 before the first.
    pub last_movement: i64,
    /// How often it was changed.
    pub version: Version,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Units promised that the warehouse does not have: a shortfall. While there are any, exactly
    /// what is promised is on hand.
    #[serde(default, skip_serializing_if = "is_none")]
    pub missing: i64,
}

fn is_none(missing: &i64) -> bool {
    *missing == 0
}

impl Level {
    /// An empty level, not yet stored: version 0.
    pub fn empty(product_id: ProductId, location_id: LocationId, now: Timestamp) -> Self {
        Self {
            product_id,
            location_id,
            on_hand: 0,
            reserved: 0,
            safety_stock: 0,
            low_stock_threshold: LOW_STOCK_THRESHOLD_DEFAULT,
            totals: Totals::default(),
            movements: 0,
            last_movement: 0,
            version: 0,
            updated_at: now,
            missing: 0,
        }
    }

    /// Takes in the movement that follows: a level is the fold of its movements, so one that was
    /// stored a while ago is brought up to date by those recorded since.
    pub fn take_in(&mut self, movement: &Movement) {
        self.on_hand = movement.on_hand_after;
        self.reserved = movement.reserved_after;
        self.totals.add(movement.kind, movement.delta_on_hand);
        self.movements = movement.ordinal;
        self.last_movement = movement.seq;
        self.version += 1;
        self.updated_at = movement.recorded_at;
    }

    /// Sets the figures back to an instant, by when entries were recorded: over what was recorded
    /// since, newest first, to the first entry that was recorded by then, if there is one. Totals
    /// are those after the newest of them.
    pub fn set_back(&mut self, entries: &[Movement], at: Timestamp) {
        for movement in entries {
            if movement.recorded_at <= at {
                self.on_hand = movement.on_hand_after;
                self.reserved = movement.reserved_after;
                self.movements = movement.ordinal;
                self.last_movement = movement.seq;
                self.updated_at = movement.recorded_at;
                return;
            }
            self.totals.add(movement.kind, -movement.delta_on_hand);
        }
        (self.on_hand, self.reserved, self.totals) = (0, 0, Totals::default());
        (self.movements, self.last_movement) = (0, 0);
    }

    /// Adds what entries of a kind make at another time than they were recorded.
    pub fn shift(&mut self, kind: MovementKind, on_hand: i64, reserved: i64) {
        self.totals.add(kind, on_hand);
        self.on_hand += on_hand;
        self.reserved += reserved;
    }

    /// What can still be promised: on hand, less what is promised, less what is held back; never
    /// negative.
    pub fn available(&self) -> i64 {
        (self.on_hand - self.reserved - self.safety_stock).max(0)
    }

    /// What is not promised, safety stock included.
    pub fn unreserved(&self) -> i64 {
        self.on_hand - self.reserved
    }
}
