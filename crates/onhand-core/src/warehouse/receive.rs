//! Receiving: a run begins, takes in rows until the answer is whole, or is given up. Rows are
//! compared as they come, so that the run is judged when the last one is here; nothing is applied.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::{
    Action, Figure, LocationRef, NewRow, NewShortfalls, NewSync, Pass, Place, Refusal, RowsKept,
    Status, Sync, SyncRow,
};
use crate::catalog::Product;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{LocationId, SyncId};
use crate::inventory::{check_occurred_at, is_unchanged_since, past, target_location};
use crate::limits::{QUANTITY_MAX, SYNC_PRODUCT_REFS_MAX, SYNC_ROWS_MAX, SYNC_ROWS_STAGED_MAX};
use crate::text::{Text, constant_text};
use crate::{Needs, Timestamp};

pub(super) fn begin(draft: &mut Draft<'_>, new: &NewSync) -> Result<Reply, Stop> {
    if let Some(open) = draft.open_sync()? {
        return Err(Refusal::SyncRunning { sync_id: open.id, status: open.status }.into());
    }
    let location_id = target_location(draft, new.location_id)?;
    check_occurred_at(draft, new.as_of)?;
    let now = draft.now();
    let sync = Sync {
        id: draft.next_sync_id(),
        status: Status::Receiving,
        trigger: new.trigger,
        begun_by: draft.actor().clone(),
        source: new.source.clone(),
        policy: new.policy,
        dry_run: new.dry_run,
        location_id,
        as_of: new.as_of.unwrap_or(now).min(now),
        rows: 0,
        counts: BTreeMap::new(),
        drift_units: 0,
        stocked: 0,
        emptied: 0,
        locations: BTreeSet::from([location_id]),
        compared_to: None,
        pass: Pass::Waiting,
        applied_to: 0,
        guard: None,
        new_shortfalls: NewShortfalls::default(),
        decided_by: None,
        etag: None,
        cursor: None,
        outcome: None,
        rows_kept: RowsKept::All,
        version: 0,
        created_at: now,
        updated_at: now,
        ended_at: None,
    };
    Ok(Reply::Sync(draft.tell_sync(sync, "warehouse.sync_started")))
}

pub(super) fn ask(draft: &mut Draft<'_>, id: SyncId) -> Result<Reply, Stop> {
    let mut sync = receiving(draft, id)?;
    if sync.rows != 0 {
        return Err(Refusal::SyncMoved { expected: 0, actual: sync.rows }.into());
    }
    sync.as_of = draft.now();
    Ok(Reply::Sync(draft.save_sync(sync)))
}

pub(super) fn stage(
    draft: &mut Draft<'_>,
    id: SyncId,
    from_row: u32,
    rows: &[NewRow],
) -> Result<Reply, Stop> {
    let mut sync = receiving(draft, id)?;
    if from_row != sync.rows {
        return Err(Refusal::SyncMoved { expected: from_row, actual: sync.rows }.into());
    }
    if rows.len() > SYNC_ROWS_STAGED_MAX {
        return Err(Refusal::TooManySyncRows { most: SYNC_ROWS_STAGED_MAX as u64 }.into());
    }
    let rows_after = from_row.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    if rows_after > SYNC_ROWS_MAX {
        return Err(Refusal::TooManySyncRows { most: SYNC_ROWS_MAX.into() }.into());
    }
    need_past(draft, &sync, rows)?;
    for new in rows {
        sync.rows += 1;
        let mut row = SyncRow {
            sync_id: id,
            row: sync.rows,
            sent: new.sent.clone(),
            product_id: None,
            sku: None,
            location_id: None,
            as_of: sync.as_of,
            theirs: None,
            ours: None,
            reserved: None,
            missing: None,
            action: Action::Invalid,
            reason: None,
            movement: None,
            decided_by: None,
            decided_at: None,
            version: 0,
        };
        match &new.told {
            Ok(figure) => compare(draft, &mut sync, &mut row, figure)?,
            Err(reason) => row.reason = Some(reason.clone()),
        }
        sync.note(None, row.action);
        draft.save_sync_row(row);
    }
    Ok(Reply::Sync(draft.save_sync(sync)))
}

/// Names at once what the comparison of the rows will look at.
fn need_past(draft: &Draft<'_>, sync: &Sync, rows: &[NewRow]) -> Result<(), Stop> {
    let mut needs = Needs::default();
    for figure in rows.iter().filter_map(|row| row.told.as_ref().ok()) {
        let Some(product) = product_of(draft, figure)? else { continue };
        let Some(location_id) = location_of(draft, sync, figure)? else { continue };
        needs.warehouse.named.insert((sync.id, product.id, location_id));
        let at = as_of(draft, sync, figure);
        let level = draft.level(product.id, location_id)?;
        if at < draft.now() && !is_unchanged_since(&level, at) {
            needs.on_hand_at.insert((product.id, location_id, at));
        }
    }
    draft.need(needs)
}

fn as_of(draft: &Draft<'_>, sync: &Sync, figure: &Figure) -> Timestamp {
    figure.as_of.unwrap_or(sync.as_of).min(draft.now())
}

fn product_of(draft: &Draft<'_>, figure: &Figure) -> Result<Option<Arc<Product>>, Stop> {
    for reference in figure.products.iter().take(SYNC_PRODUCT_REFS_MAX) {
        if let Some(product) = draft.find_product(reference)? {
            return Ok(Some(product));
        }
    }
    Ok(None)
}

fn location_of(
    draft: &Draft<'_>,
    sync: &Sync,
    figure: &Figure,
) -> Result<Option<LocationId>, Stop> {
    let named = match &figure.location {
        None => return Ok(Some(sync.location_id)),
        Some(named) => named,
    };
    let found = draft.locations()?.iter().find(|location| match named {
        LocationRef::Id(id) => location.id == *id,
        LocationRef::Code(code) => location.code == *code,
    });
    Ok(found.map(|location| location.id))
}

/// What a row says, beside what the ledger says.
fn compare(
    draft: &mut Draft<'_>,
    sync: &mut Sync,
    row: &mut SyncRow,
    figure: &Figure,
) -> Result<(), Stop> {
    row.as_of = as_of(draft, sync, figure);
    if !(0..=QUANTITY_MAX).contains(&figure.on_hand) {
        row.reason = Some(constant_text("no shelf can have so many units"));
        return Ok(());
    }
    row.theirs = Some(figure.on_hand);
    if figure.as_of.is_some() && check_occurred_at(draft, figure.as_of).is_err() {
        row.reason = Some(constant_text("it is said to be of the future"));
        return Ok(());
    }
    let Some(location_id) = location_of(draft, sync, figure)? else {
        row.reason = Some(constant_text("no location has this name"));
        return Ok(());
    };
    let Some(product) = product_of(draft, figure)? else {
        row.action = Action::UnknownProduct;
        return Ok(());
    };
    (row.product_id, row.sku) = (Some(product.id), Some(product.sku.clone()));
    row.location_id = Some(location_id);
    sync.locations.insert(location_id);
    if let Some(first) = draft.sync_row_naming(sync.id, product.id, location_id)? {
        return beside(draft, sync, row, first);
    }
    let past = past(draft, product.id, location_id, Some(row.as_of))?;
    let level = draft.level(product.id, location_id)?;
    (row.ours, row.reserved) = (Some(past.on_hand), Some(level.reserved));
    row.action = judge(sync, past.on_hand, figure.on_hand, level.missing);
    tally(sync, row, true);
    Ok(())
}

fn judge(sync: &Sync, ours: i64, theirs: i64, missing: i64) -> Action {
    if ours == theirs && (missing == 0 || sync.only_reports()) {
        Action::Unchanged
    } else if sync.only_reports() {
        Action::Reported
    } else if sync.policy.holds(ours - missing, theirs) {
        Action::Held
    } else {
        Action::Waiting
    }
}

/// Takes a row into the sums of its run, or out of them.
fn tally(sync: &mut Sync, row: &SyncRow, is_in: bool) {
    let (Some(ours), Some(theirs)) = (row.ours, row.theirs) else { return };
    let stocked = u64::from(ours > 0);
    let emptied = u64::from(ours > 0 && theirs == 0);
    let drift = ours.abs_diff(theirs);
    if is_in {
        sync.stocked += stocked;
        sync.emptied += emptied;
        sync.drift_units = sync.drift_units.saturating_add(drift);
    } else {
        sync.stocked = sync.stocked.saturating_sub(stocked);
        sync.emptied = sync.emptied.saturating_sub(emptied);
        sync.drift_units = sync.drift_units.saturating_sub(drift);
    }
}

/// A row beside an earlier one about the same: the same again, or a contradiction. Of two that
/// contradict each other none is believed.
fn beside(
    draft: &mut Draft<'_>,
    sync: &mut Sync,
    row: &mut SyncRow,
    first: u32,
) -> Result<(), Stop> {
    let mut first = draft.sync_row(sync.id, first)?;
    if first.action != Action::Invalid && first.theirs == row.theirs {
        (row.action, row.reason) = (Action::Duplicate, Some(says("as row", first.row)));
        return Ok(());
    }
    row.reason = Some(says("contradicts row", first.row));
    if first.action != Action::Invalid {
        tally(sync, &first, false);
        sync.note(Some(first.action), Action::Invalid);
        (first.action, first.reason) = (Action::Invalid, Some(says("contradicts row", row.row)));
        draft.save_sync_row(first);
    }
    Ok(())
}

fn says(words: &str, row: u32) -> Text {
    Text::new(alloc::format!("{words} {row}")).unwrap_or_default()
}

pub(super) fn close(
    draft: &mut Draft<'_>,
    id: SyncId,
    rows: u32,
    etag: Option<&Text>,
    cursor: Option<&Text>,
) -> Result<Reply, Stop> {
    let mut sync = receiving(draft, id)?;
    if rows != sync.rows {
        return Err(Refusal::SyncMoved { expected: rows, actual: sync.rows }.into());
    }
    (sync.etag, sync.cursor) = (etag.cloned(), cursor.cloned());
    sync.status = Status::Comparing;
    let first = sync.locations.first();
    sync.compared_to = first.map(|id| Place { location_id: *id, after: None });
    Ok(Reply::Sync(draft.save_sync(sync)))
}

pub(super) fn fail(draft: &mut Draft<'_>, id: SyncId, reason: &Text) -> Result<Reply, Stop> {
    let mut sync = draft.sync(id)?;
    match sync.status {
        Status::Receiving | Status::Comparing => {}
        status @ (Status::Applying
        | Status::Held
        | Status::Applied
        | Status::Reported
        | Status::Rejected
        | Status::Failed) => return Err(Refusal::SyncState { status }.into()),
    }
    sync.status = Status::Failed;
    (sync.outcome, sync.ended_at) = (Some(reason.clone()), Some(draft.now()));
    Ok(Reply::Sync(draft.tell_sync(sync, "warehouse.sync_failed")))
}

fn receiving(draft: &Draft<'_>, id: SyncId) -> Result<Sync, Stop> {
    let sync = draft.sync(id)?;
    if sync.status != Status::Receiving {
        return Err(Refusal::SyncState { status: sync.status }.into());
    }
    Ok(sync)
}

/// The warehouse was asked whether anything has changed, and nothing has.
pub(super) fn unchanged(draft: &mut Draft<'_>, id: SyncId, etag: &Text) -> Result<Reply, Stop> {
    let mut sync = receiving(draft, id)?;
    if sync.rows != 0 {
        return Err(Refusal::SyncMoved { expected: 0, actual: sync.rows }.into());
    }
    (sync.etag, sync.status) = (Some(etag.clone()), Status::Applied);
    sync.outcome = Some(constant_text("nothing has changed since the answer before"));
    sync.ended_at = Some(draft.now());
    Ok(Reply::Sync(draft.tell_sync(sync, "warehouse.sync_completed")))
}
