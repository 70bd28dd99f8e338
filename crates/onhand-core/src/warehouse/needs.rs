//! The rows that runs against the warehouse may need.

use alloc::collections::{BTreeMap, BTreeSet};

use super::{Action, Place};
use crate::Timestamp;
use crate::ids::{LocationId, ProductId, SyncId};

/// Rows to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WarehouseNeeds {
    /// Runs.
    pub syncs: BTreeSet<SyncId>,
    /// The run that is open, if one is.
    pub open_sync: bool,
    /// Rows by their numbers.
    pub rows: BTreeSet<(SyncId, u32)>,
    /// The next rows of a run after a number, of one action or of any: at most so many.
    pub next_rows: BTreeMap<(SyncId, Option<Action>, u32), usize>,
    /// The first row of a run that names a product at a location.
    pub named: BTreeSet<(SyncId, ProductId, LocationId)>,
    /// The next products that have a level at a location, by id: at most so many.
    pub levels_after: BTreeMap<Place, usize>,
    /// The oldest run that ended before and still has its rows.
    pub old_sync: Option<Timestamp>,
    /// Open shortfalls.
    pub shortfalls: BTreeSet<(ProductId, LocationId)>,
    /// The orders that hold a product at a location, the newest first: at most
    /// [`SHORTFALL_ORDERS_MAX`](crate::limits::SHORTFALL_ORDERS_MAX) of those that took part in its
    /// newest movements.
    pub holders: BTreeSet<(ProductId, LocationId)>,
}
