//! What follows by itself once an answer is here: what it does not name is listed, the run is
//! judged, and its rows are settled, some in each step.

use alloc::vec::Vec;

use super::settle::{Verdict, settle_rows};
use super::{Action, Guard, Pass, Place, Refusal, RowsKept, Status, Sync, SyncRow};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::SyncId;
use crate::limits::{SYNC_ROWS_APPLIED_MAX, SYNC_ROWS_FORGOTTEN_MAX};
use crate::text::{Reference, Sku};
use crate::{Timestamp, Version};

pub(super) fn step(
    draft: &mut Draft<'_>,
    id: SyncId,
    expected_version: Version,
    most: usize,
) -> Result<Reply, Stop> {
    let sync = draft.sync(id)?;
    draft.expect_version(Some(expected_version), sync.version)?;
    let most = most.clamp(1, SYNC_ROWS_APPLIED_MAX);
    match sync.status {
        Status::Comparing => list_unnamed(draft, sync, most),
        Status::Applying => apply(draft, sync, most),
        status @ (Status::Receiving
        | Status::Held
        | Status::Applied
        | Status::Reported
        | Status::Rejected
        | Status::Failed) => Err(Refusal::SyncState { status }.into()),
    }
}

/// Lists what has stock where the answer names something, and is not named by it.
fn list_unnamed(draft: &mut Draft<'_>, mut sync: Sync, most: usize) -> Result<Reply, Stop> {
    let Some(place) = sync.compared_to else {
        return judge(draft, sync);
    };
    let location_id = place.location_id;
    let products = draft.levels_after(place, most)?;
    draft.need_with(|needs| {
        needs.products.extend(products.iter().copied());
        let named = products.iter().map(|product| (sync.id, *product, location_id));
        needs.warehouse.named.extend(named);
    })?;
    for product_id in &products {
        let level = draft.level(*product_id, location_id)?;
        let is_named = draft.sync_row_naming(sync.id, *product_id, location_id)?.is_some();
        if is_named || level.on_hand == 0 {
            continue;
        }
        let product = draft.product_row(*product_id)?;
        let listed = u32::try_from(sync.count(Action::NotNamed)).unwrap_or(u32::MAX);
        sync.note(None, Action::NotNamed);
        draft.save_sync_row(SyncRow {
            sync_id: sync.id,
            row: sync.rows.saturating_add(listed).saturating_add(1),
            sent: reference_of(&product.sku),
            product_id: Some(*product_id),
            sku: Some(product.sku.clone()),
            location_id: Some(location_id),
            as_of: sync.as_of,
            theirs: None,
            ours: Some(level.on_hand),
            reserved: Some(level.reserved),
            missing: None,
            action: Action::NotNamed,
            reason: None,
            movement: None,
            decided_by: None,
            decided_at: None,
            version: 0,
        });
    }
    sync.compared_to = match products.last() {
        Some(last) if products.len() == most => Some(Place { location_id, after: Some(*last) }),
        Some(_) | None => {
            let mut others = sync.locations.iter().copied();
            let next = others.find(|other| *other > location_id);
            next.map(|location_id| Place { location_id, after: None })
        }
    };
    if sync.compared_to.is_none() {
        return judge(draft, sync);
    }
    Ok(Reply::Sync(draft.save_sync(sync)))
}

/// A SKU as if it had been sent.
///
/// # Panics
/// When SKUs may be what references may not: a mistake in this crate.
fn reference_of(sku: &Sku) -> Reference {
    match Reference::new(sku.as_str()) {
        Ok(reference) => reference,
        Err(error) => panic!("{sku}: {error}"),
    }
}

/// The whole answer is here: whether it may be applied.
fn judge(draft: &mut Draft<'_>, mut sync: Sync) -> Result<Reply, Stop> {
    if sync.only_reports() {
        return Ok(end(draft, sync, Status::Reported));
    }
    if sync.policy.guards(sync.emptied, sync.stocked) {
        let (emptied, stocked) = (sync.emptied, sync.stocked);
        sync.guard = Some(Guard { emptied, stocked, is_approved: None });
        return Ok(hold(draft, sync));
    }
    if sync.count(Action::Waiting) == 0 {
        return Ok(finish(draft, sync));
    }
    sync.status = Status::Applying;
    Ok(Reply::Sync(draft.save_sync(sync)))
}

fn apply(draft: &mut Draft<'_>, mut sync: Sync, most: usize) -> Result<Reply, Stop> {
    let takes = sync.pass.takes();
    let numbers = draft.next_sync_rows(sync.id, Some(takes), sync.applied_to, most)?;
    let is_last = numbers.len() < most;
    let mut rows = Vec::with_capacity(numbers.len());
    for number in numbers {
        let row = draft.sync_row(sync.id, number)?;
        if row.action == takes {
            rows.push(row);
        }
    }
    let verdict = match sync.pass {
        Pass::Waiting => Verdict::Counted,
        Pass::Approved => Verdict::Approved,
        Pass::RejectedWaiting | Pass::Rejected => Verdict::Rejected,
    };
    settle_rows(draft, &mut sync, rows, verdict)?;
    if is_last || sync.count(takes) == 0 {
        return Ok(end_pass(draft, sync));
    }
    Ok(Reply::Sync(draft.save_sync(sync)))
}

fn end_pass(draft: &mut Draft<'_>, mut sync: Sync) -> Reply {
    sync.applied_to = 0;
    match sync.pass {
        Pass::RejectedWaiting if sync.count(Action::Held) > 0 => {
            sync.pass = Pass::Rejected;
            Reply::Sync(draft.save_sync(sync))
        }
        Pass::RejectedWaiting => end(draft, sync, Status::Rejected),
        Pass::Rejected if sync.is_rejected() => end(draft, sync, Status::Rejected),
        Pass::Waiting | Pass::Approved | Pass::Rejected => finish(draft, sync),
    }
}

/// All that could be done by itself is done.
pub(super) fn finish(draft: &mut Draft<'_>, sync: Sync) -> Reply {
    if sync.count(Action::Held) > 0 { hold(draft, sync) } else { end(draft, sync, Status::Applied) }
}

fn hold(draft: &mut Draft<'_>, mut sync: Sync) -> Reply {
    sync.status = Status::Held;
    sync.new_shortfalls.told = sync.new_shortfalls.rows;
    sync.outcome = Some(sync.words());
    Reply::Sync(draft.tell_sync(sync, "warehouse.sync_held"))
}

fn end(draft: &mut Draft<'_>, mut sync: Sync, status: Status) -> Reply {
    (sync.status, sync.ended_at) = (status, Some(draft.now()));
    sync.outcome = Some(sync.words());
    Reply::Sync(draft.tell_sync(sync, "warehouse.sync_completed"))
}

/// Forgets rows of the oldest run that ended long ago. The run itself stays.
pub(super) fn forget(draft: &mut Draft<'_>, before: Timestamp, most: usize) -> Result<Reply, Stop> {
    let most = most.clamp(1, SYNC_ROWS_FORGOTTEN_MAX);
    let Some(id) = draft.old_sync(before)? else {
        return Ok(Reply::Forgotten { rows: 0 });
    };
    let mut sync = draft.sync(id)?;
    if sync.rows_ended_at().is_none_or(|ended_at| ended_at >= before) {
        return Ok(Reply::Forgotten { rows: 0 });
    }
    let rows = draft.next_sync_rows(id, None, 0, most)?;
    for row in &rows {
        draft.forget_sync_row(id, *row);
    }
    sync.rows_kept = if rows.len() < most { RowsKept::None } else { RowsKept::Some };
    draft.save_sync(sync);
    // A run without rows counts for one: something was done, and there may be more.
    Ok(Reply::Forgotten { rows: rows.len().max(1) as u64 })
}
