//! What a decision reads and leaves of what the external warehouse says.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Draft;
use super::rows::missing;
use crate::command::Stop;
use crate::events::EventBody;
use crate::ids::{LocationId, OrderId, ProductId, SyncId};
use crate::warehouse::{Action, Place, Refusal, Shortfall, Sync, SyncRow};
use crate::{Needs, Timestamp};

/// Rows as a decision leaves them.
#[derive(Debug, Clone, Default)]
pub struct WarehouseChanges {
    /// Runs.
    pub syncs: BTreeMap<SyncId, Arc<Sync>>,
    /// Rows of runs. Nothing where one is to be forgotten.
    pub rows: BTreeMap<(SyncId, u32), Option<SyncRow>>,
    /// Shortfalls. One of which nothing is missing any more is to be deleted.
    pub shortfalls: BTreeMap<(ProductId, LocationId), Shortfall>,
    /// The first row that names a product at a location, of rows that are new.
    pub(crate) named: BTreeMap<(SyncId, ProductId, LocationId), u32>,
}

impl Draft<'_> {
    pub(crate) fn sync(&self, id: SyncId) -> Result<Sync, Stop> {
        let row = match self.changes.warehouse.syncs.get(&id) {
            Some(sync) => Some(sync),
            None => match self.state.warehouse.syncs.get(&id) {
                Some(row) => row.as_ref(),
                None => return missing(|needs| needs.warehouse.syncs.insert(id)),
            },
        };
        let sync = row.ok_or(Refusal::UnknownSync { sync_id: id })?;
        Ok((**sync).clone())
    }

    pub(crate) fn save_sync(&mut self, mut sync: Sync) -> Arc<Sync> {
        sync.version += 1;
        sync.updated_at = self.now();
        let sync = Arc::new(sync);
        self.changes.warehouse.syncs.insert(sync.id, sync.clone());
        sync
    }

    /// Stores a run with the event that says so.
    pub(crate) fn tell_sync(&mut self, sync: Sync, event: &'static str) -> Arc<Sync> {
        let sync = self.save_sync(sync);
        self.emit(event, EventBody::Sync(sync.clone()));
        sync
    }

    /// The run that is open, if one is.
    pub(crate) fn open_sync(&self) -> Result<Option<Arc<Sync>>, Stop> {
        let Some(stored) = self.state.warehouse.open_sync else {
            return missing(|needs| needs.warehouse.open_sync = true);
        };
        let known = &self.state.warehouse.syncs;
        let mut newer = known.values().rev().flatten();
        let stored = stored.and_then(|id| known.get(&id)).and_then(Option::as_ref);
        let open = newer.find(|sync| sync.status.is_open());
        Ok(open.or(stored.filter(|sync| sync.status.is_open())).cloned())
    }

    /// The oldest run that ended before an instant and still has its rows.
    pub(crate) fn old_sync(&self, before: Timestamp) -> Result<Option<SyncId>, Stop> {
        match self.state.warehouse.old_sync {
            Some(id) => Ok(id),
            None => missing(|needs| needs.warehouse.old_sync = Some(before)),
        }
    }

    pub(crate) fn sync_row(&self, id: SyncId, row: u32) -> Result<SyncRow, Stop> {
        let key = (id, row);
        let found = match self.changes.warehouse.rows.get(&key) {
            Some(found) => found,
            None => match self.state.warehouse.rows.get(&key) {
                Some(found) => found,
                None => return missing(|needs| needs.warehouse.rows.insert(key)),
            },
        };
        found.clone().ok_or_else(|| Refusal::UnknownSyncRow { row }.into())
    }

    pub(crate) fn save_sync_row(&mut self, mut row: SyncRow) {
        row.version += 1;
        let key = (row.sync_id, row.row);
        if let Some((product, location)) = row.place() {
            let named = &mut self.changes.warehouse.named;
            named.entry((row.sync_id, product, location)).or_insert(row.row);
        }
        self.changes.warehouse.rows.insert(key, Some(row));
    }

    pub(crate) fn forget_sync_row(&mut self, id: SyncId, row: u32) {
        self.changes.warehouse.rows.insert((id, row), None);
    }

    /// The next rows of a run, of one action or of any, as they were when they were loaded.
    pub(crate) fn next_sync_rows(
        &self,
        id: SyncId,
        action: Option<Action>,
        after: u32,
        most: usize,
    ) -> Result<Vec<u32>, Stop> {
        let key = (id, action, after);
        match self.state.warehouse.next_rows.get(&key) {
            Some(rows) => Ok(rows.iter().copied().take(most).collect()),
            None => missing(|needs| needs.warehouse.next_rows.insert(key, most)),
        }
    }

    /// The first row of a run that names a product at a location.
    pub(crate) fn sync_row_naming(
        &self,
        id: SyncId,
        product_id: ProductId,
        location_id: LocationId,
    ) -> Result<Option<u32>, Stop> {
        let key = (id, product_id, location_id);
        match self.state.warehouse.named.get(&key) {
            Some(Some(row)) => Ok(Some(*row)),
            Some(None) => Ok(self.changes.warehouse.named.get(&key).copied()),
            None => missing(|needs| needs.warehouse.named.insert(key)),
        }
    }

    /// The next products that have a level at a location.
    pub(crate) fn levels_after(&self, place: Place, most: usize) -> Result<Vec<ProductId>, Stop> {
        match self.state.warehouse.levels_after.get(&place) {
            Some(ids) => Ok(ids.iter().copied().take(most).collect()),
            None => missing(|needs| needs.warehouse.levels_after.insert(place, most)),
        }
    }

    /// The open shortfall of a product at a location.
    pub(crate) fn shortfall(
        &self,
        product_id: ProductId,
        location_id: LocationId,
    ) -> Result<Option<Shortfall>, Stop> {
        let key = (product_id, location_id);
        let row = match self.changes.warehouse.shortfalls.get(&key) {
            Some(row) => Some(row),
            None => match self.state.warehouse.shortfalls.get(&key) {
                Some(row) => row.as_ref(),
                None => return missing(|needs| needs.warehouse.shortfalls.insert(key)),
            },
        };
        Ok(row.filter(|row| row.missing > 0).cloned())
    }

    pub(crate) fn save_shortfall(&mut self, mut shortfall: Shortfall) -> Shortfall {
        shortfall.version += 1;
        shortfall.updated_at = self.now();
        let key = (shortfall.product_id, shortfall.location_id);
        self.changes.warehouse.shortfalls.insert(key, shortfall.clone());
        shortfall
    }

    /// Stores a shortfall that has become smaller; that is told at the end.
    pub(crate) fn note_filled(&mut self, shortfall: Shortfall) {
        let shortfall = self.save_shortfall(shortfall);
        self.filled.insert((shortfall.product_id, shortfall.location_id), shortfall);
    }

    /// Leaves out what a rule tells itself.
    pub(crate) fn forget_filled(&mut self, key: (ProductId, LocationId)) {
        self.filled.remove(&key);
    }

    pub(super) fn tell_filled(&mut self) {
        for shortfall in core::mem::take(&mut self.filled).into_values() {
            let is_closed = shortfall.missing == 0;
            let event = if is_closed { "stock.shortfall_closed" } else { "stock.shortfall" };
            self.emit(event, EventBody::Shortfall(shortfall));
        }
    }

    /// Orders that hold a product at a location, the newest first.
    pub(crate) fn holders(
        &self,
        product_id: ProductId,
        location_id: LocationId,
    ) -> Result<Vec<OrderId>, Stop> {
        let key = (product_id, location_id);
        match self.state.warehouse.holders.get(&key) {
            Some(orders) => Ok(orders.clone()),
            None => missing(|needs| needs.warehouse.holders.insert(key)),
        }
    }

    /// Names many rows of one kind at once; see [`Self::need`].
    pub(crate) fn need_with(&self, name: impl FnOnce(&mut Needs)) -> Result<(), Stop> {
        let mut needs = Needs::default();
        name(&mut needs);
        self.need(needs)
    }
}
