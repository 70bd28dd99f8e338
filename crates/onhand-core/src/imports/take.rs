//! From rows to what they change: the position moves with what was done, or not at all.

use alloc::string::String;
use alloc::vec::Vec;

use super::upsert::{Done, upsert};
use super::{
    Entry, Fault, FaultReason, Import, ImportRow, Plan, Position, Refusal, State, Tally, Unreadable,
};
use crate::command::Stop;
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::ImportId;
use crate::limits::{
    IMPORT_DIFFERENCES_MAX, IMPORT_FAULTS_MAX, IMPORT_ROWS_TAKEN_MAX, IMPORT_SILENT_SECS_MAX,
    IMPORT_VALUE_CHARS_MAX,
};
use crate::text::{Sku, Text};

pub(super) fn begin(draft: &mut Draft<'_>, plan: &Plan) -> Result<Import, Stop> {
    if let Some(location_id) = plan.location_id {
        draft.location(location_id)?;
    }
    let now = draft.now();
    let row = ImportRow {
        import: Import {
            id: draft.import_id_of_next_event(),
            plan: plan.clone(),
            state: State::Receiving,
            position: Position::default(),
            tally: Tally::default(),
            failure: None,
            actor: draft.actor().clone(),
            version: 0,
            created_at: now,
            updated_at: now,
        },
        faults: Vec::new(),
        differences: Vec::new(),
    };
    let import = draft.save_import(row);
    draft.emit("import.started", EventBody::Import(import.clone()));
    Ok(import)
}

pub(super) fn take(
    draft: &mut Draft<'_>,
    id: ImportId,
    from: u64,
    rows: &[Entry],
    to: Position,
    is_last: bool,
) -> Result<Import, Stop> {
    let mut kept = receiving(draft, id)?;
    let actual = kept.import.position.rows;
    if from != actual {
        return Err(Refusal::ImportMoved { expected: from, actual }.into());
    }
    if rows.len() > IMPORT_ROWS_TAKEN_MAX {
        return Err(Refusal::TooManyRows { most: IMPORT_ROWS_TAKEN_MAX as u64 }.into());
    }
    if kept.import.plan.dry_run {
        draft.rehearse(|draft| take_all(draft, &mut kept, rows))?;
    } else {
        take_all(draft, &mut kept, rows)?;
    }
    kept.import.position = to;
    if is_last {
        kept.import.state = State::Completed;
    }
    let import = draft.save_import(kept);
    if is_last {
        draft.emit("import.completed", EventBody::Import(import.clone()));
    }
    Ok(import)
}

pub(super) fn fail(draft: &mut Draft<'_>, id: ImportId, reason: &Text) -> Result<Import, Stop> {
    let mut kept = receiving(draft, id)?;
    kept.import.state = State::Failed;
    kept.import.failure = Some(reason.clone());
    let import = draft.save_import(kept);
    draft.emit("import.failed", EventBody::Import(import.clone()));
    Ok(import)
}

pub(super) fn end_silent(draft: &mut Draft<'_>, id: ImportId) -> Result<Import, Stop> {
    let kept = draft.find_import(id)?.ok_or(Refusal::UnknownImport { import_id: id })?;
    let silent_secs = draft.now().duration_since(kept.import.updated_at).as_secs();
    if kept.import.state != State::Receiving || silent_secs < IMPORT_SILENT_SECS_MAX {
        return Ok(kept.import);
    }
    let days = IMPORT_SILENT_SECS_MAX / (24 * 60 * 60);
    let reason = alloc::format!("given up: nothing of the file has come for {days} days");
    fail(draft, id, &Text::new(reason).unwrap_or_default())
}

fn receiving(draft: &Draft<'_>, id: ImportId) -> Result<ImportRow, Stop> {
    let kept = draft.find_import(id)?.ok_or(Refusal::UnknownImport { import_id: id })?;
    match kept.import.state {
        State::Receiving => Ok(kept),
        state @ (State::Completed | State::Failed) => {
            Err(Refusal::ImportEnded { import_id: id, state }.into())
        }
    }
}

/// Each row after the ones before it. One that is refused leaves no trace of its own.
fn take_all(draft: &mut Draft<'_>, kept: &mut ImportRow, rows: &[Entry]) -> Result<(), Stop> {
    for entry in rows {
        let row = match &entry.content {
            Ok(row) => row,
            Err(unreadable) => {
                kept.note(entry.line, None, FaultReason::Unreadable(shortened(unreadable)));
                continue;
            }
        };
        let import = &kept.import;
        match draft.attempt(|draft| upsert(draft, import, entry.line, row)) {
            Ok(done) => kept.tell(done),
            Err(Stop::Refused(refusal)) => {
                kept.note(entry.line, Some(row.sku().clone()), FaultReason::Refused(refusal));
            }
            Err(missing @ Stop::Missing(_)) => return Err(missing),
        }
    }
    Ok(())
}

impl ImportRow {
    fn tell(&mut self, done: Done) {
        let tally = &mut self.import.tally;
        tally.counted += u64::from(done.is_counted);
        match (&done.difference, done.difference.is_new) {
            (difference, false) if difference.fields.is_empty() => tally.unchanged += 1,
            (_, false) => tally.updated += 1,
            (_, true) => tally.created += 1,
        }
        let is_told = done.difference.is_new || !done.difference.fields.is_empty();
        let has_room = self.differences.len() < IMPORT_DIFFERENCES_MAX;
        if self.import.plan.dry_run && is_told && has_room {
            self.differences.push(done.difference);
        }
    }

    fn note(&mut self, line: u64, sku: Option<Sku>, reason: FaultReason) {
        self.import.tally.failed += 1;
        if self.faults.len() < IMPORT_FAULTS_MAX {
            self.faults.push(Fault { line, sku, reason });
        }
    }
}

fn shortened(unreadable: &Unreadable) -> Unreadable {
    Unreadable {
        code: short(&unreadable.code),
        column: unreadable.column.as_deref().map(short),
        value: unreadable.value.as_deref().map(short),
        expected: short(&unreadable.expected),
    }
}

/// As much of a text as is kept.
pub(super) fn short(text: &str) -> String {
    text.chars().take(IMPORT_VALUE_CHARS_MAX).collect()
}
