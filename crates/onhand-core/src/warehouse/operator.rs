//! What an operator says of what is held.

use alloc::vec::Vec;

use super::settle::{Verdict, settle_rows};
use super::steps::finish;
use super::{Action, Pass, Refusal, Status, Sync, SyncRow};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::SyncId;
use crate::limits::SYNC_ROWS_DECIDED_MAX;

pub(super) fn approve(
    draft: &mut Draft<'_>,
    id: SyncId,
    rows: Option<&[u32]>,
) -> Result<Reply, Stop> {
    decide(draft, id, rows, true)
}

pub(super) fn reject(
    draft: &mut Draft<'_>,
    id: SyncId,
    rows: Option<&[u32]>,
) -> Result<Reply, Stop> {
    decide(draft, id, rows, false)
}

fn decide(
    draft: &mut Draft<'_>,
    id: SyncId,
    rows: Option<&[u32]>,
    is_approved: bool,
) -> Result<Reply, Stop> {
    let sync = draft.sync(id)?;
    let is_guarded = sync.is_guarded();
    // Of a run that is held whole no row is decided for itself.
    if sync.status != Status::Held || (is_guarded && rows.is_some()) {
        return Err(Refusal::SyncState { status: sync.status }.into());
    }
    match rows {
        Some(rows) => decide_rows(draft, sync, rows, is_approved),
        None => Ok(decide_all(draft, sync, is_approved)),
    }
}

/// The rows are settled by steps. Approving a run that is held whole says that the answer is to be
/// believed as an answer: rows that differ by too much are still held.
fn decide_all(draft: &mut Draft<'_>, mut sync: Sync, is_approved: bool) -> Reply {
    let decider = draft.actor().clone();
    let guard = sync.guard.as_mut().filter(|guard| guard.is_approved.is_none());
    sync.pass = match (guard, is_approved) {
        (Some(guard), is_approved) => {
            guard.is_approved = Some(is_approved);
            if is_approved { Pass::Waiting } else { Pass::RejectedWaiting }
        }
        (None, true) => Pass::Approved,
        (None, false) => Pass::Rejected,
    };
    sync.decided_by = Some(decider);
    (sync.status, sync.applied_to) = (Status::Applying, 0);
    Reply::Sync(draft.save_sync(sync))
}

fn decide_rows(
    draft: &mut Draft<'_>,
    mut sync: Sync,
    numbers: &[u32],
    is_approved: bool,
) -> Result<Reply, Stop> {
    if numbers.len() > SYNC_ROWS_DECIDED_MAX {
        return Err(Refusal::TooManySyncRows { most: SYNC_ROWS_DECIDED_MAX as u64 }.into());
    }
    let mut rows: Vec<SyncRow> = Vec::with_capacity(numbers.len());
    for number in numbers {
        let row = draft.sync_row(sync.id, *number)?;
        if row.action != Action::Held {
            return Err(Refusal::SyncRowNotHeld { row: row.row, action: row.action }.into());
        }
        if rows.iter().all(|other| other.row != row.row) {
            rows.push(row);
        }
    }
    let verdict = if is_approved { Verdict::ApprovedByName } else { Verdict::Rejected };
    settle_rows(draft, &mut sync, rows, verdict)?;
    if sync.count(Action::Held) == 0 {
        return Ok(finish(draft, sync));
    }
    Ok(Reply::Sync(draft.save_sync(sync)))
}
