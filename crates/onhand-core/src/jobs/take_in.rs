//! From the log to jobs: the cursor moves with what it makes, or not at all.

use alloc::vec::Vec;

use super::{Consumer, Job, JobState, NewJob, Queue, Refusal};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::limits::JOBS_TAKEN_MAX;

/// Begins at the newest event there is: what was before is none of its business.
pub(super) fn begin(draft: &mut Draft<'_>, queue: Queue) -> Result<Consumer, Stop> {
    if let Some(consumer) = draft.find_consumer(queue)? {
        return Ok(consumer);
    }
    let consumer = Consumer {
        queue,
        cursor: draft.next_event_seq() - 1,
        replay: None,
        replays: 0,
        open: 0,
        dead: None,
        version: 0,
        created_at: draft.now(),
        updated_at: draft.now(),
    };
    Ok(draft.save_consumer(consumer))
}

pub(super) fn take_in(
    draft: &mut Draft<'_>,
    queue: Queue,
    is_replay: bool,
    (from, to): (i64, i64),
    jobs: &[NewJob],
) -> Result<Reply, Stop> {
    let mut consumer = draft.consumer(queue)?;
    let newest = draft.next_event_seq() - 1;
    let (actual, last) = match consumer.replay {
        Some((cursor, last)) if is_replay => (cursor, last),
        Some(_) | None if is_replay => (0, 0),
        Some(_) | None => (consumer.cursor, newest),
    };
    if from != actual {
        return Err(Refusal::CursorMoved { expected: from, actual }.into());
    }
    let are_inside = jobs.iter().all(|job| from < job.event && job.event <= to);
    if to <= from || to > last || !are_inside {
        return Err(Refusal::NotInLog { from, to, newest }.into());
    }
    let made = jobs.len() as u64;
    if made > consumer.room() || jobs.len() > JOBS_TAKEN_MAX {
        return Err(Refusal::QueueFull { room: consumer.room() }.into());
    }
    if is_replay {
        consumer.replay = (to < last).then_some((to, last));
    } else {
        consumer.cursor = to;
    }
    consumer.open += made;
    let replay = if is_replay { consumer.replays } else { 0 };
    for job in jobs {
        make(draft, queue, replay, job);
    }
    Ok(Reply::Consumer(draft.save_consumer(consumer)))
}

fn make(draft: &mut Draft<'_>, queue: Queue, replay: u32, new: &NewJob) {
    let job = Job {
        id: draft.next_job_id(),
        queue,
        event: new.event,
        about: new.about.clone(),
        lane: new.lane.clone(),
        replay,
        state: JobState::Waiting,
        due_at: draft.now(),
        leased: false,
        epoch: 0,
        tries: 0,
        attempts: Vec::new(),
        version: 0,
        created_at: draft.now(),
    };
    draft.save_job(job);
}

/// Has a part of the log taken in once more. One part at a time.
pub(super) fn replay(
    draft: &mut Draft<'_>,
    queue: Queue,
    from: i64,
    to: i64,
) -> Result<Consumer, Stop> {
    let mut consumer = draft.consumer(queue)?;
    if let Some((cursor, to)) = consumer.replay {
        return Err(Refusal::ReplayRunning { cursor, to }.into());
    }
    // What it has not taken in yet comes anyway.
    let newest = consumer.cursor;
    if from < 1 || to < from || to > newest {
        return Err(Refusal::NotInLog { from, to, newest }.into());
    }
    consumer.replay = Some((from - 1, to));
    consumer.replays += 1;
    Ok(draft.save_consumer(consumer))
}
