//! The rows at hand of what the external warehouse says. They live as long as a batch.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::State;
use crate::Version;
use crate::draft::WarehouseChanges;
use crate::ids::{LocationId, OrderId, ProductId, SyncId};
use crate::warehouse::{Action, Place, Shortfall, Sync, SyncRow, WarehouseNeeds};

#[derive(Debug, Default)]
pub(crate) struct Warehouse {
    pub(crate) syncs: BTreeMap<SyncId, Option<Arc<Sync>>>,
    /// As it is stored.
    pub(crate) open_sync: Option<Option<SyncId>>,
    pub(crate) old_sync: Option<Option<SyncId>>,
    pub(crate) rows: BTreeMap<(SyncId, u32), Option<SyncRow>>,
    pub(crate) next_rows: BTreeMap<(SyncId, Option<Action>, u32), Vec<u32>>,
    pub(crate) named: BTreeMap<(SyncId, ProductId, LocationId), Option<u32>>,
    pub(crate) levels_after: BTreeMap<Place, Vec<ProductId>>,
    pub(crate) shortfalls: BTreeMap<(ProductId, LocationId), Option<Shortfall>>,
    pub(crate) holders: BTreeMap<(ProductId, LocationId), Vec<OrderId>>,
}

impl Warehouse {
    pub(super) fn subtract_known(&self, needs: &mut WarehouseNeeds) {
        needs.syncs.retain(|id| !self.syncs.contains_key(id));
        needs.open_sync &= self.open_sync.is_none();
        needs.rows.retain(|key| !self.rows.contains_key(key));
        needs.next_rows.retain(|key, _| !self.next_rows.contains_key(key));
        needs.named.retain(|key| !self.named.contains_key(key));
        needs.levels_after.retain(|key, _| !self.levels_after.contains_key(key));
        needs.old_sync = needs.old_sync.filter(|_| self.old_sync.is_none());
        needs.shortfalls.retain(|key| !self.shortfalls.contains_key(key));
        needs.holders.retain(|key| !self.holders.contains_key(key));
    }

    pub(super) fn apply(&mut self, changes: WarehouseChanges) {
        self.syncs.extend(changes.syncs.into_iter().map(|(id, row)| (id, Some(row))));
        self.rows.extend(changes.rows);
        for (key, row) in changes.named {
            let first = self.named.entry(key).or_default();
            *first = Some(first.map_or(row, |first| first.min(row)));
        }
        for (key, row) in changes.shortfalls {
            self.shortfalls.insert(key, Some(row));
        }
    }
}

impl State {
    /// Takes in a run.
    pub fn load_sync(&mut self, id: SyncId, row: Option<Sync>) {
        self.warehouse.syncs.insert(id, row.map(Arc::new));
    }

    /// Takes in the run that is open, as it is stored: what the batch has changed of it stays.
    pub fn load_open_sync(&mut self, row: Option<Sync>) {
        self.warehouse.open_sync = Some(row.as_ref().map(|row| row.id));
        self.keep_sync(row);
    }

    /// Takes in the oldest run that ended and still has its rows, as it is stored.
    pub fn load_old_sync(&mut self, row: Option<Sync>) {
        self.warehouse.old_sync = Some(row.as_ref().map(|row| row.id));
        self.keep_sync(row);
    }

    fn keep_sync(&mut self, row: Option<Sync>) {
        if let Some(row) = row {
            self.warehouse.syncs.entry(row.id).or_insert_with(|| Some(Arc::new(row)));
        }
    }

    /// Takes in a row of a run.
    pub fn load_sync_row(&mut self, key: (SyncId, u32), row: Option<SyncRow>) {
        self.warehouse.rows.insert(key, row);
    }

    /// Takes in the next rows of a run, as they are stored: what the batch has changed of one
    /// stays.
    pub fn load_next_sync_rows(&mut self, key: (SyncId, Option<Action>, u32), rows: Vec<SyncRow>) {
        self.warehouse.next_rows.insert(key, rows.iter().map(|row| row.row).collect());
        for row in rows {
            self.keep_sync_row(row);
        }
    }

    /// Takes in the first row of a run that names a product at a location, as it is stored.
    pub fn load_named_sync_row(
        &mut self,
        key: (SyncId, ProductId, LocationId),
        row: Option<SyncRow>,
    ) {
        let first = row.as_ref().map(|row| row.row);
        let here = self.warehouse.named.get(&key).copied().flatten();
        self.warehouse.named.insert(key, first.or(here));
        if let Some(row) = row {
            self.keep_sync_row(row);
        }
    }

    fn keep_sync_row(&mut self, row: SyncRow) {
        self.warehouse.rows.entry((row.sync_id, row.row)).or_insert(Some(row));
    }

    /// Takes in the next products that have a level at a location.
    pub fn load_levels_after(&mut self, place: Place, ids: Vec<ProductId>) {
        self.warehouse.levels_after.insert(place, ids);
    }

    /// Takes in the shortfall of a product at a location.
    pub fn load_shortfall(&mut self, key: (ProductId, LocationId), row: Option<Shortfall>) {
        self.warehouse.shortfalls.insert(key, row);
    }

    /// Takes in the orders that hold a product at a location, the newest first.
    pub fn load_holders(&mut self, key: (ProductId, LocationId), orders: Vec<OrderId>) {
        self.warehouse.holders.insert(key, orders);
    }

    /// The stored version of a run; 0 when there is none.
    pub fn sync_version(&self, id: SyncId) -> Version {
        self.warehouse.syncs.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a row of a run; 0 when there is none.
    pub fn sync_row_version(&self, key: (SyncId, u32)) -> Version {
        self.warehouse.rows.get(&key).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a shortfall; 0 when there is none.
    pub fn shortfall_version(&self, key: (ProductId, LocationId)) -> Version {
        self.warehouse.shortfalls.get(&key).and_then(Option::as_ref).map_or(0, |row| row.version)
    }
}
