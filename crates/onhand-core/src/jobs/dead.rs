//! Telling of dead letters. The first of a queue is told at once, as an event that operators are
//! written to about; those that come soon after it are told together, at most every
//! [`DEAD_LETTERS_TOLD_EVERY_SECS`]: a receiver that is gone leaves ten thousand of them.

use serde::{Deserialize, Serialize};

use super::{Consumer, Job, Queue};
use crate::Timestamp;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::JobId;
use crate::limits::DEAD_LETTERS_TOLD_EVERY_SECS;

/// What jobs are called that tell of dead letters: the type of the event for an endpoint, the
/// template of a mail. When such a job dies itself nobody is told, or there would be no end to it.
const TELLS_OF_DEAD: [&str; 2] = ["job.dead", "dead_letter"];

/// A job that died. Of what it was about, and why it died, people ask by its id: the log is kept
/// for ever, and what a receiver has answered may name somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Which one.
    pub job_id: JobId,
    /// Where it belongs.
    pub queue: Queue,
    /// How often it was tried.
    pub tries: u32,
    /// What was answered to the last try, where there was an answer: a status of HTTP or SMTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many others of its queue have died since somebody was last told.
    pub others: u64,
}

/// What was told of a queue's dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadTold {
    /// When the last ones were told.
    pub at: Timestamp,
    /// The newest that was not told yet; it counts those before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<DeadLetter>,
}

impl DeadTold {
    /// Whether there is something to tell, and it is time.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.untold.is_some() && is_time(self.at, now)
    }
}

fn is_time(told_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(told_at).as_secs() >= DEAD_LETTERS_TOLD_EVERY_SECS
}

/// A job of the consumer has died: it is told now, or with others. The caller saves the consumer.
pub(super) fn note(draft: &mut Draft<'_>, consumer: &mut Consumer, job: &Job) {
    let what = job.about.as_str().split(' ').next().unwrap_or_default();
    if TELLS_OF_DEAD.contains(&what) {
        return;
    }
    let before = consumer.dead.as_ref().and_then(|told| told.untold.as_ref());
    let letter = DeadLetter {
        job_id: job.id,
        queue: job.queue,
        tries: job.tries,
        status: job.attempts.last().and_then(|attempt| attempt.status),
        others: before.map_or(0, |before| before.others + 1),
    };
    match &mut consumer.dead {
        Some(told) if !is_time(told.at, draft.now()) => told.untold = Some(letter),
        Some(_) | None => say(draft, consumer, letter),
    }
}

/// Tells what was not told yet, once it is time. Twice is fine.
pub(super) fn tell(draft: &mut Draft<'_>, queue: Queue) -> Result<Reply, Stop> {
    let mut consumer = draft.consumer(queue)?;
    let now = draft.now();
    let due = consumer.dead.as_mut().filter(|told| told.is_due(now));
    if let Some(letter) = due.and_then(|told| told.untold.take()) {
        say(draft, &mut consumer, letter);
        consumer = draft.save_consumer(consumer);
    }
    Ok(Reply::Consumer(consumer))
}

fn say(draft: &mut Draft<'_>, consumer: &mut Consumer, letter: DeadLetter) {
    consumer.dead = Some(DeadTold { at: draft.now(), untold: None });
    draft.emit("job.dead", EventBody::DeadLetter(letter));
}
