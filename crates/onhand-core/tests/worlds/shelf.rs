//! What a world remembers of the external warehouse: runs, their rows, shortfalls, and the ledger
//! that a look into the past goes through.

use std::collections::BTreeMap;
use std::sync::Arc;

use onhand_core::draft::Changes;
use onhand_core::ids::{LocationId, OrderId, ProductId, SyncId};
use onhand_core::inventory::{Level, Movement, MovementKind, Past};
use onhand_core::limits::SHORTFALL_ORDERS_MAX;
use onhand_core::orders::Order;
use onhand_core::warehouse::{Action, RowsKept, Shortfall, Sync, SyncRow};
use onhand_core::{Needs, State, Timestamp};

/// Rows and the ledger.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) syncs: BTreeMap<SyncId, Arc<Sync>>,
    pub(crate) rows: BTreeMap<(SyncId, u32), SyncRow>,
    pub(crate) shortfalls: BTreeMap<(ProductId, LocationId), Shortfall>,
    pub(crate) ledger: Vec<Movement>,
}

impl Shelf {
    /// What was on hand at an instant, summed from the beginning.
    fn past(&self, product: ProductId, location: LocationId, at: Timestamp) -> Past {
        let mut past = Past { on_hand: 0, counted_at: None };
        let here = |row: &&Movement| (row.product_id, row.location_id) == (product, location);
        for row in self.ledger.iter().filter(here).filter(|row| row.kind.moves_units()) {
            past.take_in(at, row.kind, row.occurred_at, row.delta_on_hand);
        }
        past
    }

    pub(crate) fn load(
        &self,
        needs: &Needs,
        levels: &BTreeMap<(ProductId, LocationId), Level>,
        orders: &BTreeMap<OrderId, Arc<Order>>,
        state: &mut State,
    ) {
        for key in &needs.on_hand_at {
            state.load_on_hand_at(*key, self.past(key.0, key.1, key.2));
        }
        let needs = &needs.warehouse;
        let copy = |sync: &Arc<Sync>| (**sync).clone();
        for id in &needs.syncs {
            state.load_sync(*id, self.syncs.get(id).map(copy));
        }
        if needs.open_sync {
            let mut open = self.syncs.values().filter(|sync| sync.status.is_open());
            state.load_open_sync(open.next().map(copy));
        }
        if let Some(before) = needs.old_sync {
            let mut old = self
                .syncs
                .values()
                .filter(|sync| sync.rows_ended_at().is_some_and(|ended_at| ended_at < before));
            state.load_old_sync(old.next().map(copy));
        }
        for key in &needs.rows {
            state.load_sync_row(*key, self.rows.get(key).cloned());
        }
        for ((id, action, after), most) in &needs.next_rows {
            let is_next = |row: &&SyncRow| {
                row.row > *after && action.is_none_or(|action| action == row.action)
            };
            let rows = self.of(*id).filter(is_next).take(*most).cloned().collect();
            state.load_next_sync_rows((*id, *action, *after), rows);
        }
        for (id, product, location) in &needs.named {
            let mut named = self.of(*id).filter(|row| row.place() == Some((*product, *location)));
            state.load_named_sync_row((*id, *product, *location), named.next().cloned());
        }
        for (place, most) in &needs.levels_after {
            let here = levels.keys().filter(|(product, location)| {
                *location == place.location_id && place.after.is_none_or(|after| *product > after)
            });
            let ids = here.map(|(product, _)| *product).take(*most).collect();
            state.load_levels_after(*place, ids);
        }
        for key in &needs.shortfalls {
            state.load_shortfall(*key, self.shortfalls.get(key).cloned());
        }
        for key in &needs.holders {
            let holds = |order: &&Arc<Order>| {
                let parts = order.lines.iter().filter(|line| line.product_id == key.0);
                parts.flat_map(|line| &line.allocations).any(|part| part.location_id == key.1)
            };
            let newest = orders.values().rev().filter(holds).map(|order| order.id);
            state.load_holders(*key, newest.take(SHORTFALL_ORDERS_MAX).collect());
        }
    }

    pub(crate) fn of(&self, id: SyncId) -> impl Iterator<Item = &SyncRow> {
        self.rows.range((id, 0)..=(id, u32::MAX)).map(|(_, row)| row)
    }

    pub(crate) fn carry_out(&mut self, changes: &Changes, movements: &[Movement]) {
        let changes = &changes.warehouse;
        self.syncs.extend(changes.syncs.clone());
        for (key, row) in &changes.rows {
            match row {
                Some(row) => drop(self.rows.insert(*key, row.clone())),
                None => assert!(self.rows.remove(key).is_some(), "{key:?} was not there"),
            }
        }
        self.shortfalls.extend(changes.shortfalls.clone());
        self.shortfalls.retain(|_, row| row.missing > 0);
        self.ledger.extend_from_slice(movements);
    }

    /// What a shortfall says is so, runs count their rows, and what was counted is in the ledger.
    pub(crate) fn check(&self, levels: &BTreeMap<(ProductId, LocationId), Level>) {
        for (key, level) in levels {
            let missing = self.shortfalls.get(key).map_or(0, |row| row.missing);
            assert_eq!(level.missing, missing, "{level:?}");
            assert!(missing == 0 || level.on_hand == level.reserved, "{level:?}");
        }
        for sync in self.syncs.values().filter(|sync| sync.rows_kept == RowsKept::All) {
            let mut counts: BTreeMap<Action, u64> = BTreeMap::new();
            for row in self.of(sync.id) {
                *counts.entry(row.action).or_default() += 1;
            }
            let known = sync.counts.iter().filter(|(_, rows)| **rows > 0);
            assert!(known.eq(&counts), "{sync:#?}");
        }
        for row in self.rows.values() {
            let was_counted =
                matches!(row.action, Action::Counted | Action::Approved | Action::Shortfall);
            assert_eq!(was_counted, row.movement.is_some(), "{row:?}");
            let Some(seq) = row.movement else { continue };
            let entry = &self.ledger[usize::try_from(seq).unwrap() - 1];
            assert_eq!(entry.seq, seq);
            assert_eq!(entry.kind, MovementKind::Counted);
            let reference = entry.reference.as_ref().unwrap().to_string();
            assert_eq!(reference, format!("{}/{}", row.sync_id, row.row));
        }
    }
}
