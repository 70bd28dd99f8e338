//! Levels behind the ledger. A level's row lies at a random place of its tree, so writing it with
//! each order would cost more than all else that an order writes. Here it need not be: a level is
//! the fold of its movements, which are durable. So the newest figures are kept in memory, a sweep
//! writes them to their rows a few at a time in the order of their keys, and after a crash the rows
//! are brought up to date from the movements that the sweep may not have covered.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use onhand_core::Version;
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::Level;
use rusqlite::{Connection, OptionalExtension, Result};

use super::codec;
use crate::columns::*;
use crate::limits::{LEVELS_BEHIND_MOVEMENTS_MAX, LEVELS_SWEEP_MOVEMENTS, LEVELS_SWEPT_MIN};
use crate::store::Batch;

type Key = (ProductId, LocationId);

/// A level whose row is, or was a moment ago, behind it.
#[derive(Debug, Clone)]
struct Recent {
    level: Level,
    /// Version of the row in the table.
    stored: Version,
    /// The batch that wrote the row as it is here; none while the row is behind.
    settled_by: Option<i64>,
}

/// How far the sweep over the levels has come.
#[derive(Debug, Clone, Copy)]
struct Sweep {
    /// The key after which it goes on; none at its beginning.
    after: Option<Key>,
    /// The newest movement when it began: once it ends, rows have every movement up to there.
    began_at: i64,
    /// Rows have every movement up to here.
    covered: i64,
}

#[derive(Debug)]
struct Levels {
    recent: BTreeMap<Key, Recent>,
    sweep: Sweep,
    /// How many of `recent` have a row that is behind.
    behind: usize,
}

/// The newest figures, shared by the writer and the readers of one database.
#[derive(Debug)]
pub(super) struct RecentLevels {
    levels: RwLock<Levels>,
    snapshots: Mutex<Snapshots>,
}

/// Which snapshots are being read: an entry may only be forgotten when each of them has its row.
#[derive(Debug, Default)]
struct Snapshots {
    /// The newest batch.
    newest: i64,
    /// Readers by the batch that was the newest when they began.
    open: BTreeMap<i64, usize>,
}

/// A reader's promise that is kept as long as it lives: levels that its snapshot does not have are
/// not forgotten.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    recent: &'a RecentLevels,
    batch: i64,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut snapshots = self.recent.snapshots();
        if let Some(readers) = snapshots.open.get_mut(&self.batch) {
            *readers -= 1;
            if *readers == 0 {
                snapshots.open.remove(&self.batch);
            }
        }
    }
}

/// What one batch does to the levels.
#[derive(Debug)]
pub(super) struct Plan {
    /// Rows to write: the level, and the version that its row has; 0 for a new row.
    pub(super) rows: Vec<(Level, Version)>,
    /// Rows have every movement up to here once the batch is durable.
    pub(super) covered: i64,
    /// Levels that the batch changes and whose rows stay behind.
    behind: Vec<(Level, Version)>,
    sweep: Sweep,
}

impl RecentLevels {
    /// Brings the levels up to date from the ledger. Writes nothing.
    pub(super) fn recover(connection: &Connection) -> Result<Self> {
        let (covered, newest): (i64, i64) = connection.query_row(
            "SELECT levels_covered, movement - 1 FROM numbering",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let recent = replay(connection, covered)?;
        let behind = recent.len();
        let sweep = Sweep { after: None, began_at: newest, covered };
        Ok(Self {
            levels: RwLock::new(Levels { recent, sweep, behind }),
            snapshots: Mutex::default(),
        })
    }

    /// Every level that is ahead of its row.
    pub(super) fn ahead(&self) -> Vec<Level> {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        let ahead = levels.recent.values().filter(|recent| recent.settled_by.is_none());
        ahead.map(|recent| recent.level.clone()).collect()
    }

    /// Puts the newest figures of a product in the place of the rows that were read.
    pub(super) fn bring_up(&self, id: ProductId, rows: &mut [Level]) {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        for row in rows.iter_mut() {
            let recent = levels.recent.get(&(id, row.location_id));
            if let Some(recent) = recent.filter(|recent| recent.level.version > row.version) {
                *row = recent.level.clone();
            }
        }
    }

    /// Announces a snapshot; call it before the snapshot is taken.
    pub(super) fn reading(&self) -> Reading<'_> {
        let mut snapshots = self.snapshots();
        let batch = snapshots.newest;
        *snapshots.open.entry(batch).or_default() += 1;
        Reading { recent: self, batch }
    }

    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a batch does to the levels. A row is written at once when it is new, or when more than
    /// movements changed it, because no replay could find that again.
    ///
    /// # Errors
    /// The level that is not at the version that was loaded.
    pub(super) fn plan(&self, batch: &Batch) -> std::result::Result<Plan, Key> {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        let mut moves: BTreeMap<Key, u64> = BTreeMap::new();
        for movement in &batch.movements {
            *moves.entry((movement.product_id, movement.location_id)).or_default() += 1;
        }
        let (mut rows, mut behind) = (Vec::new(), Vec::new());
        for (key, (loaded, level)) in &batch.rows.levels {
            let recent = levels.recent.get(key);
            if recent.is_some_and(|recent| recent.level.version != *loaded) {
                return Err(*key);
            }
            let stored = recent.map_or(*loaded, |recent| recent.stored);
            let moves = moves.get(key).copied().unwrap_or(0);
            if stored == 0 || level.version - loaded != moves {
                rows.push((level.clone(), stored));
            } else {
                behind.push((level.clone(), stored));
            }
        }
        let newest = batch.numbering.movement - 1;
        let sweep = levels.sweep_on(newest, batch, &mut rows, &mut behind);
        Ok(Plan { rows, covered: sweep.covered, behind, sweep })
    }

    /// What is left to write when the server stops: every row that is behind. `newest` is the
    /// newest movement.
    pub(super) fn plan_to_settle(&self, newest: i64) -> Plan {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        let behind = levels.recent.values().filter(|recent| recent.settled_by.is_none());
        let rows = behind.map(|recent| (recent.level.clone(), recent.stored)).collect();
        let sweep = Sweep { after: None, began_at: newest, covered: newest };
        Plan { rows, covered: newest, behind: Vec::new(), sweep }
    }

    /// Takes in a plan that was committed with a batch, and forgets what every open snapshot
    /// has in its rows.
    pub(super) fn carry_out(&self, plan: Plan, batch: i64) {
        let oldest_read = {
            let mut snapshots = self.snapshots();
            snapshots.newest = batch;
            snapshots.open.keys().next().copied().unwrap_or(batch)
        };
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        let wrapped = plan.sweep.after.is_none();
        levels.sweep = plan.sweep;
        for (level, stored) in plan.behind {
            levels.put(Recent { level, stored, settled_by: None });
        }
        for (level, _) in plan.rows {
            let stored = level.version;
            levels.put(Recent { level, stored, settled_by: Some(batch) });
        }
        if wrapped {
            let is_needed = |recent: &Recent| recent.settled_by.is_none_or(|by| by > oldest_read);
            levels.recent.retain(|_, recent| is_needed(recent));
        }
    }
}

impl Levels {
    fn put(&mut self, recent: Recent) {
        let key = (recent.level.product_id, recent.level.location_id);
        self.behind += usize::from(recent.settled_by.is_none());
        let before = self.recent.insert(key, recent);
        self.behind -= usize::from(before.is_some_and(|before| before.settled_by.is_none()));
    }

    /// Moves the sweep on: picks the next rows that are behind, of this batch as it leaves them.
    fn sweep_on(
        &self,
        newest: i64,
        batch: &Batch,
        rows: &mut Vec<(Level, Version)>,
        behind: &mut Vec<(Level, Version)>,
    ) -> Sweep {
        let is_late = newest - self.sweep.covered > LEVELS_BEHIND_MOVEMENTS_MAX;
        let share = self.behind * batch.movements.len() / LEVELS_SWEEP_MOVEMENTS;
        let share = share.max(LEVELS_SWEPT_MIN);
        let most = if is_late { usize::MAX } else { share };
        let from = self.sweep.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut swept = Vec::new();
        let mut ahead = self.recent.range((from, Bound::Unbounded));
        let mut after = None;
        for (key, recent) in ahead.by_ref().filter(|(_, recent)| recent.settled_by.is_none()) {
            if swept.len() == most {
                break;
            }
            swept.push((*key, recent));
            after = Some(*key);
        }
        let is_done = swept.len() < most;
        let keys: Vec<Key> = swept.iter().map(|(key, _)| *key).collect();
        let here = |level: &Level| keys.binary_search(&(level.product_id, level.location_id));
        for (key, recent) in swept {
            if !batch.rows.levels.contains_key(&key) {
                rows.push((recent.level.clone(), recent.stored));
            }
        }
        rows.extend(behind.extract_if(.., |(level, _)| here(level).is_ok()));
        if is_done {
            Sweep { after: None, began_at: newest, covered: self.sweep.began_at }
        } else {
            Sweep { after, ..self.sweep }
        }
    }
}

/// The levels as the movements after a position left them.
fn replay(connection: &Connection, covered: i64) -> Result<BTreeMap<Key, Recent>> {
    let mut recent: BTreeMap<Key, Recent> = BTreeMap::new();
    let mut movements = connection.prepare(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq > ?1 ORDER BY seq"
    ))?;
    let mut row_of = connection.prepare(concat!(
        "SELECT ",
        level_columns!(),
        " FROM levels WHERE product_id = ?1 AND location_id = ?2"
    ))?;
    let mut rows = movements.query([covered])?;
    while let Some(row) = rows.next()? {
        let movement = codec::movement(row)?;
        let key = (movement.product_id, movement.location_id);
        if let std::collections::btree_map::Entry::Vacant(e) = recent.entry(key) {
            let found = row_of.query_row([key.0.number(), key.1.number()], codec::level);
            let stored = found.optional()?;
            let version = stored.as_ref().map_or(0, |level| level.version);
            let empty = || Level::empty(key.0, key.1, movement.recorded_at);
            let level = stored.unwrap_or_else(empty);
            e.insert(Recent { level, stored: version, settled_by: None });
        }
        if let Some(recent) = recent.get_mut(&key)
            && movement.seq > recent.level.last_movement
        {
            recent.level.take_in(&movement);
        }
    }
    recent.retain(|_, recent| recent.level.version != recent.stored);
    Ok(recent)
}
