//! Giving jobs to a worker, and taking in what came of them. A lease is a time and an epoch, as it
//! is of effects.

use alloc::vec::Vec;

use super::{Attempt, Ending, Job, JobState, Queue, Refusal, Settlement, dead};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::JobId;
use crate::limits::JOB_LEASES_LOST_MAX;
use crate::text::{Reference, Text, constant_text};
use crate::{Timestamp, webhooks};

/// Leases the oldest that are due. One whose lease has run out is due again; one that time and
/// again nobody came back with may be what ends them, and is dead.
pub(super) fn lease(
    draft: &mut Draft<'_>,
    queue: Queue,
    most: usize,
    secs: i64,
) -> Result<Reply, Stop> {
    let now = draft.now();
    let mut leased = Vec::new();
    for id in draft.due_jobs(queue, most)? {
        // What was due when it was loaded may have been settled since.
        let due = draft.find_job(id)?;
        let is_due = |job: &Job| job.state == JobState::Waiting && job.due_at <= now;
        let Some(mut job) = due.filter(is_due) else { continue };
        if job.leased {
            job.tries += 1;
            job.note(lost(draft));
            if job.attempts.iter().filter(|one| is_lost(one)).count() >= JOB_LEASES_LOST_MAX {
                job.leased = false;
                end(draft, job, JobState::Dead)?;
                continue;
            }
        }
        job.leased = true;
        job.epoch += 1;
        job.due_at = draft.after_secs(secs);
        leased.push(draft.save_job(job));
    }
    Ok(Reply::Jobs(leased))
}

fn lost(draft: &Draft<'_>) -> Attempt {
    Attempt { at: draft.now(), reason: Some(never_came_back()), status: None, took_ms: 0 }
}

fn is_lost(attempt: &Attempt) -> bool {
    attempt.reason.as_ref() == Some(&never_came_back())
}

fn never_came_back() -> Text {
    constant_text("nobody who was given it came back")
}

/// Takes in what came of leased jobs; answers how many leases still counted.
pub(super) fn settle(
    draft: &mut Draft<'_>,
    queue: Queue,
    settlements: &[Settlement],
) -> Result<Reply, Stop> {
    let mut settled = 0;
    let mut has_succeeded = false;
    for one in settlements {
        let job = draft.find_job(one.id)?.filter(|job| job.queue == queue);
        let Some(mut job) = job.filter(|job| job.is_leased_as(one.epoch)) else { continue };
        settled += 1;
        job.leased = false;
        if let Some(attempt) = &one.attempt {
            job.tries += 1;
            job.note(attempt.clone());
        }
        match one.ending {
            Ending::Done => {
                has_succeeded = true;
                end(draft, job, JobState::Done)?;
            }
            Ending::Skipped => end(draft, job, JobState::Skipped)?,
            Ending::Dead => {
                let (tries, since) = (job.tries, job.created_at);
                end(draft, job, JobState::Dead)?;
                // What was given up at once says nothing about those to come.
                if let (Queue::Webhook(id), true) = (queue, tries > 1) {
                    webhooks::note_death(draft, id, since)?;
                }
            }
            Ending::Again(at) | Ending::Untried(at) => {
                job.due_at = at;
                draft.save_job(job);
            }
        }
    }
    if let (Queue::Webhook(id), true) = (queue, has_succeeded) {
        webhooks::note_success(draft, id)?;
    }
    Ok(Reply::Settled { effects: settled })
}

/// A job has ended, and makes room for another.
fn end(draft: &mut Draft<'_>, mut job: Job, state: JobState) -> Result<(), Stop> {
    let mut consumer = draft.consumer(job.queue)?;
    consumer.open = consumer.open.saturating_sub(1);
    if state == JobState::Dead {
        dead::note(draft, &mut consumer, &job);
    }
    draft.save_consumer(consumer);
    if state != JobState::Dead && !job.queue.keeps_ended() {
        draft.forget_job(job.id);
        return Ok(());
    }
    (job.state, job.due_at) = (state, draft.now());
    draft.save_job(job);
    Ok(())
}

pub(super) fn bury(
    draft: &mut Draft<'_>,
    queue: Queue,
    about: &Reference,
    reason: &Text,
) -> Result<Reply, Stop> {
    let mut consumer = draft.consumer(queue)?;
    let now = draft.now();
    let attempt = Attempt { at: now, reason: Some(reason.clone()), status: None, took_ms: 0 };
    let job = Job {
        id: draft.next_job_id(),
        queue,
        event: 0,
        about: about.clone(),
        lane: None,
        replay: 0,
        state: JobState::Dead,
        due_at: now,
        leased: false,
        epoch: 0,
        tries: 1,
        attempts: alloc::vec![attempt],
        version: 0,
        created_at: now,
    };
    dead::note(draft, &mut consumer, &job);
    draft.save_consumer(consumer);
    Ok(Reply::Job(draft.save_job(job)))
}

pub(super) fn requeue(draft: &mut Draft<'_>, id: JobId) -> Result<Reply, Stop> {
    let mut job = find_dead(draft, id)?;
    let mut consumer = draft.consumer(job.queue)?;
    consumer.open += 1;
    draft.save_consumer(consumer);
    (job.state, job.due_at, job.tries) = (JobState::Waiting, draft.now(), 0);
    Ok(Reply::Job(draft.save_job(job)))
}

pub(super) fn skip(draft: &mut Draft<'_>, id: JobId) -> Result<Reply, Stop> {
    let mut job = find_dead(draft, id)?;
    (job.state, job.due_at) = (JobState::Skipped, draft.now());
    Ok(Reply::Job(draft.save_job(job)))
}

fn find_dead(draft: &Draft<'_>, id: JobId) -> Result<Job, Stop> {
    let job = draft.find_job(id)?.ok_or(Refusal::UnknownJob { job_id: id })?;
    match job.state {
        JobState::Dead => Ok(job),
        JobState::Waiting | JobState::Done | JobState::Skipped => {
            Err(Refusal::JobNotDead { state: job.state }.into())
        }
    }
}

/// Forgets jobs that ended long ago. Dead ones wait for a person, however long.
pub(super) fn forget(draft: &mut Draft<'_>, before: Timestamp, most: usize) -> Result<Reply, Stop> {
    let ended = draft.ended_jobs(before, most)?;
    let jobs = ended.len() as u64;
    for id in ended {
        draft.forget_job(id);
    }
    Ok(Reply::Forgotten { rows: jobs })
}
