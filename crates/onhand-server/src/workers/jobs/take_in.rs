//! From the log to jobs: what follows from its events is taken in behind the cursor, in steps.

use onhand_core::jobs::{Command, Consumer, NewJob, Refusal};
use onhand_core::limits::JOBS_TAKEN_MAX;
use onhand_core::{Command as AnyCommand, Refusal as AnyRefusal};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::ReadError;

use super::{Tools, Work};
use crate::limits::{CURSOR_STEP_MIN, JOB_EVENTS_READ_MAX};

/// Why nothing came of it; the next time it begins anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A part of the log, and what follows from it.
struct Step {
    from: i64,
    to: i64,
    jobs: Vec<NewJob>,
    has_more: bool,
}

/// Makes jobs of what is new in the log, and of what is to be delivered once more. Answers whether
/// there is something to do now, or more to take in.
pub(super) async fn take_in(
    work: &dyn Work,
    tools: &Tools,
    consumer: &Consumer,
) -> Result<bool, Trouble> {
    let Some(kinds) = work.kinds() else { return Ok(false) };
    let mut room = usize::try_from(consumer.room()).unwrap_or(usize::MAX);
    let (mut has_more, mut is_moving) = (false, false);
    if let Some((cursor, last)) = consumer.replay {
        let step = step(work, tools, (cursor, Some(last)), kinds.clone(), room).await?;
        room = room.saturating_sub(step.jobs.len());
        (has_more, is_moving) = (step.to < last || !step.jobs.is_empty(), step.to > cursor);
        move_on(work, tools, step, true).await?;
    }
    let step = step(work, tools, (consumer.cursor, None), kinds, room).await?;
    has_more |= step.has_more || !step.jobs.is_empty();
    let is_worth_it = !step.jobs.is_empty() || step.to - step.from >= CURSOR_STEP_MIN;
    if is_worth_it {
        move_on(work, tools, step, false).await?;
    }
    Ok(has_more && (is_moving || is_worth_it))
}

/// What follows from a part of the log, up to where it leaves room.
async fn step(
    work: &dyn Work,
    tools: &Tools,
    (from, last): (i64, Option<i64>),
    kinds: Vec<String>,
    room: usize,
) -> Result<Step, Trouble> {
    let page = tools.reader.events(from, kinds, JOB_EVENTS_READ_MAX).await?;
    let looked_at = page.next.or_else(|| page.rows.last().map(|row| row.seq)).unwrap_or(from);
    let mut step = Step { from, to: looked_at, jobs: Vec::new(), has_more: page.next.is_some() };
    let room = room.min(JOBS_TAKEN_MAX);
    for row in page.rows.iter().filter(|row| last.is_none_or(|last| row.seq <= last)) {
        let jobs = work.jobs_of(row);
        if step.jobs.len() + jobs.len() > room {
            (step.to, step.has_more) = (row.seq - 1, room == JOBS_TAKEN_MAX);
            break;
        }
        step.jobs.extend(jobs);
    }
    if let Some(last) = last
        && (page.next.is_none() || step.to > last)
    {
        step.to = last;
    }
    Ok(step)
}

async fn move_on(
    work: &dyn Work,
    tools: &Tools,
    step: Step,
    is_replay: bool,
) -> Result<(), Trouble> {
    let Step { from, to, jobs, has_more: _ } = step;
    if to <= from {
        return Ok(());
    }
    let queue = work.queue();
    let command = Command::TakeIn { queue, is_replay, from, to, jobs };
    match tools.submit(AnyCommand::Jobs(command)).await? {
        Answer { outcome: Ok(_), .. } => {}
        // Another process was faster.
        Answer { outcome: Err(AnyRefusal::Jobs(Refusal::CursorMoved { .. })), .. } => {}
        answer => tracing::error!(?answer, %queue, "a part of the log was not taken in"),
    }
    Ok(())
}
