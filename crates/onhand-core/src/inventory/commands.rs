//! What may be asked of the inventory, as data. What each command does is in `stock.rs` (figures
//! and locations) and `holds.rs` (reservations).

use alloc::vec::Vec;

use super::{holds, location::Location, stock};
use crate::catalog::ProductRef;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{LocationId, ReservationId};
use crate::text::{Name, Reason, Reference};
use crate::{Needs, Quantity, State, Timestamp, Version};

/// What may be asked of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Adds a place where stock is kept.
    CreateLocation(NewLocation),
    /// Changes the named fields of a location.
    UpdateLocation {
        /// Which location.
        id: LocationId,
        /// Refuse unless the location is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: LocationPatch,
    },
    /// Changes what is on hand by deltas; all or nothing.
    Adjust(Vec<Adjustment>),
    /// Says what is on hand, absolutely.
    Count(Count),
    /// Moves units between locations.
    Transfer(Transfer),
    /// Sets safety stock and low-stock threshold.
    SetLevelPolicy(LevelPolicy),
    /// Promises units to a reference; all or nothing.
    Hold {
        /// What to promise.
        items: Vec<HoldItem>,
        /// What it is for, in the caller's words.
        reference: Option<Reference>,
        /// Life of the hold in seconds.
        hold_secs: i64,
    },
    /// Promises units of a product to a reference unless it holds some of it: asked for the same
    /// number again, nothing more is promised.
    HoldOnce {
        /// What to promise.
        item: HoldItem,
        /// Who holds it, in the caller's words.
        reference: Reference,
        /// Life of the hold in seconds.
        hold_secs: i64,
    },
    /// Gives a hold more time.
    Extend {
        /// Which reservation.
        id: ReservationId,
        /// New life in seconds from now.
        hold_secs: i64,
    },
    /// Gives units back.
    Release {
        /// Which reservation.
        id: ReservationId,
        /// How many; all that are held when absent.
        quantity: Option<Quantity>,
    },
    /// Gives units back that a reference holds of a product, of its oldest hold first; all or
    /// nothing.
    ReleaseOf {
        /// Who holds them.
        reference: Reference,
        /// Of what.
        product: ProductRef,
        /// How many.
        quantity: Quantity,
    },
    /// Takes promised units out of stock.
    Consume {
        /// Which reservation.
        id: ReservationId,
        /// How many; all that are held when absent.
        quantity: Option<Quantity>,
    },
    /// Tidies up holds that have run out: at most this many.
    ExpireDue {
        /// Bound of one sweep.
        most: usize,
    },
}

/// A location to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLocation {
    /// The shop's own short name for it.
    pub code: Name,
    /// For people.
    pub name: Name,
    /// Smaller is asked first.
    pub priority: i64,
    /// Whether new promises may be made from it.
    pub active: bool,
}

/// The fields of a location to change; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LocationPatch {
    /// New name.
    pub name: Option<Name>,
    /// New priority.
    pub priority: Option<i64>,
    /// Whether new promises may be made from it.
    pub active: Option<bool>,
}

/// One change of what is on hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjustment {
    /// The product.
    pub product: ProductRef,
    /// Where; the first active location by priority when absent.
    pub location_id: Option<LocationId>,
    /// Units to add or, negative, to take; never 0.
    pub delta: i64,
    /// Why.
    pub reason: Reason,
    /// What it belongs to.
    pub reference: Option<Reference>,
    /// When it happened; now when absent.
    pub occurred_at: Option<Timestamp>,
}

/// A count: what was found at a location.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// The product.
    pub product: ProductRef,
    /// Where; the first active location by priority when absent.
    pub location_id: Option<LocationId>,
    /// Units found.
    pub counted: i64,
    /// What the caller last saw on hand; `None` opts out of the check.
    pub change_from_quantity: Option<i64>,
    /// Why; `cycle_count` as a rule.
    pub reason: Reason,
    /// What it belongs to.
    pub reference: Option<Reference>,
    /// When it was counted; what happened since is netted.
    pub occurred_at: Option<Timestamp>,
}

/// Units moved between locations.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The product.
    pub product: ProductRef,
    /// From where.
    pub from: LocationId,
    /// To where.
    pub to: LocationId,
    /// How many.
    pub quantity: Quantity,
    /// What it belongs to.
    pub reference: Option<Reference>,
}

/// Safety stock and threshold of a product at a location.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelPolicy {
    /// The product.
    pub product: ProductRef,
    /// Where; the first active location by priority when absent.
    pub location_id: Option<LocationId>,
    /// Refuse unless the level is at this version.
    pub expected_version: Option<Version>,
    /// New safety stock, 0 or more.
    pub safety_stock: Option<i64>,
    /// New threshold, 0 or more.
    pub low_stock_threshold: Option<i64>,
}

/// One product to hold.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldItem {
    /// The product.
    pub product: ProductRef,
    /// How many.
    pub quantity: Quantity,
    /// Where; chosen when absent.
    pub location_id: Option<LocationId>,
}

impl Command {
    /// The rows that this command names; of products only those that are not known.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        needs.locations = true;
        match self {
            Self::CreateLocation(_) | Self::UpdateLocation { .. } => {}
            Self::Adjust(entries) => {
                for entry in entries {
                    needs.product(known, &entry.product);
                }
            }
            Self::Count(count) => needs.product(known, &count.product),
            Self::Transfer(transfer) => needs.product(known, &transfer.product),
            Self::SetLevelPolicy(policy) => needs.product(known, &policy.product),
            Self::Hold { items, .. } => {
                for item in items {
                    needs.product(known, &item.product);
                }
            }
            Self::Extend { id, .. } | Self::Release { id, .. } | Self::Consume { id, .. } => {
                needs.reservations.insert(*id);
            }
            Self::HoldOnce { item: HoldItem { product, .. }, reference, .. }
            | Self::ReleaseOf { product, reference, .. } => {
                needs.product(known, product);
                needs.holds_of(known, reference, product);
            }
            Self::ExpireDue { most } => needs.due = Some(*most),
        }
    }

    /// Whether it names more once the first rows that it names are at hand.
    pub(crate) fn names_by_steps(&self) -> bool {
        matches!(self, Self::HoldOnce { .. } | Self::ReleaseOf { .. })
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::CreateLocation(new) => stock::create_location(draft, new),
            Self::UpdateLocation { id, expected_version, patch } => {
                stock::update_location(draft, *id, *expected_version, patch)
            }
            Self::Adjust(entries) => stock::adjust(draft, entries),
            Self::Count(count) => stock::count(draft, count),
            Self::Transfer(transfer) => stock::transfer(draft, transfer),
            Self::SetLevelPolicy(policy) => stock::set_level_policy(draft, policy),
            Self::Hold { items, reference, hold_secs } => {
                holds::hold(draft, items, reference.as_ref(), *hold_secs)
            }
            Self::Extend { id, hold_secs } => holds::extend(draft, *id, *hold_secs),
            Self::Release { id, quantity } => holds::release(draft, *id, *quantity),
            Self::HoldOnce { item, reference, hold_secs } => {
                holds::hold_once(draft, item, reference, *hold_secs)
            }
            Self::ReleaseOf { reference, product, quantity } => {
                holds::release_of(draft, reference, product, *quantity)
            }
            Self::Consume { id, quantity } => holds::consume(draft, *id, *quantity),
            Self::ExpireDue { most } => holds::expire_due(draft, *most),
        }
    }
}

impl LocationPatch {
    pub(super) fn apply(&self, location: &mut Location) {
        if let Some(name) = &self.name {
            location.name = name.clone();
        }
        if let Some(priority) = self.priority {
            location.priority = priority;
        }
        if let Some(active) = self.active {
            location.active = active;
        }
    }
}
