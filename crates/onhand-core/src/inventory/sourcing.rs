//! From where a quantity is taken: the first location by priority that has all of it; else split
//! over the locations in the order of their priority. The choice says which of the two it was.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Level, Location};
use crate::Quantity;
use crate::ids::LocationId;

/// Why a location was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sourcing {
    /// The caller named the location.
    Requested,
    /// The first location by priority that had the whole quantity.
    SingleLocation,
    /// No location had the whole quantity: taken in the order of priority.
    Split,
}

/// Units to take from one location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The location.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
    /// Why there.
    pub sourcing: Sourcing,
}

/// What can be promised from all active locations together, or from the one that is asked for.
pub fn available_in_all(locations: &[Location], levels: &[Level], only: Option<LocationId>) -> i64 {
    candidates(locations, levels, only).map(|(_, available)| available).sum()
}

/// Chooses where to take `quantity` from; `None` when there is too little. `locations` are in the
/// order of their priority.
pub fn source(
    locations: &[Location],
    levels: &[Level],
    quantity: Quantity,
    only: Option<LocationId>,
) -> Option<Vec<Pick>> {
    let wanted = quantity.units();
    let whole = candidates(locations, levels, only).find(|(_, available)| *available >= wanted);
    if let Some((location_id, _)) = whole {
        let sourcing = if only.is_some() { Sourcing::Requested } else { Sourcing::SingleLocation };
        return Some(alloc::vec![Pick { location_id, quantity: wanted, sourcing }]);
    }
    let mut missing = wanted;
    let mut picks = Vec::new();
    for (location_id, available) in candidates(locations, levels, only) {
        let quantity = available.min(missing);
        if quantity > 0 {
            picks.push(Pick { location_id, quantity, sourcing: Sourcing::Split });
            missing -= quantity;
        }
    }
    (missing == 0).then_some(picks)
}

fn candidates(
    locations: &[Location],
    levels: &[Level],
    only: Option<LocationId>,
) -> impl Iterator<Item = (LocationId, i64)> {
    locations
        .iter()
        .filter(move |location| location.active && only.is_none_or(|id| id == location.id))
        .filter_map(|location| {
            let level = levels.iter().find(|level| level.location_id == location.id)?;
            Some((location.id, level.available()))
        })
}
