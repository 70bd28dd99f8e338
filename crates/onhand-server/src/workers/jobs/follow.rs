//! Hands the log on, in its order, to somebody who keeps it: the cursor moves when it is there, and
//! not before. One process at a time does it, so that nothing is handed on twice as long as nobody
//! dies in the middle of it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use onhand_core::jobs::{Command, Queue};
use onhand_core::text::Reference;
use onhand_core::{Command as AnyCommand, Refusal, jobs};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::EventRow;
use tokio::time::sleep;

use super::{Stop, Tools};
use crate::adapters::gateways::http::bounded;
use crate::adapters::queues::QueueError;
use crate::limits::{
    CURSOR_STEP_MIN, FOLLOW_AGAIN_MAX, FOLLOW_LEASE, JOB_EVENTS_READ_MAX, JOBS_GATHER,
    JOBS_LOOK_EVERY,
};

/// Whom the log is handed on to.
pub(super) trait Follower: Send + Sync + 'static {
    /// Under which name it is known how far it is.
    fn queue(&self) -> Queue;

    /// The types of events that it gets; all of them when empty.
    fn kinds(&self) -> Vec<String>;

    /// Whether it could keep anything now.
    fn probe(&self) -> BoxFuture<'_, Result<(), QueueError>>;

    /// Keeps these events, oldest first; all of them when it says so.
    fn keep<'a>(&'a self, events: &'a [EventRow]) -> BoxFuture<'a, Result<(), QueueError>>;
}

/// Hands the log on until `stop` completes.
pub(super) async fn follow(follower: impl Follower, tools: Tools, stop: Stop) {
    let mut durable = tools.submit.durable();
    let mut failures = 0;
    loop {
        let wait = match step(&follower, &tools).await {
            Ok(true) => {
                failures = 0;
                Duration::ZERO
            }
            Ok(false) => {
                failures = 0;
                JOBS_LOOK_EVERY
            }
            Err(Trouble::Stopping) => return,
            Err(Trouble::Other(reason)) => {
                if failures == 0 {
                    let queue = follower.queue();
                    tracing::warn!(reason, %queue, "the log is not handed on; trying again");
                }
                failures += 1;
                JOBS_LOOK_EVERY.saturating_mul(failures).min(FOLLOW_AGAIN_MAX)
            }
        };
        tokio::select! {
            biased;
            () = stop.clone() => return,
            _ = durable.changed(), if failures == 0 => sleep(JOBS_GATHER).await,
            () = sleep(wait) => {}
        }
    }
}

enum Trouble {
    Stopping,
    Other(String),
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Other(error.to_string())
    }
}

/// Hands on a part of the log; answers whether there is more.
async fn step(follower: &impl Follower, tools: &Tools) -> Result<bool, Trouble> {
    let queue = follower.queue();
    if !tools.leases.hold(&queue.to_string(), FOLLOW_LEASE).await {
        return Ok(false);
    }
    let Some(consumer) = tools.reader.consumer(queue).await? else {
        submit(tools, Command::Begin { queue }).await?;
        return Ok(true);
    };
    let from = consumer.cursor;
    let page = tools.reader.events(from, follower.kinds(), JOB_EVENTS_READ_MAX).await?;
    let to = page.next.or_else(|| page.rows.last().map(|row| row.seq)).unwrap_or(from);
    if !page.rows.is_empty() {
        keep(follower, tools, &page.rows).await?;
    }
    if to > from && (!page.rows.is_empty() || to - from >= CURSOR_STEP_MIN) {
        let jobs = Vec::new();
        submit(tools, Command::TakeIn { queue, is_replay: false, from, to, jobs }).await?;
    }
    Ok(page.next.is_some())
}

/// Has events kept. One that will never be, though its neighbours would, is left to operators, and
/// the log goes on.
async fn keep(follower: &impl Follower, tools: &Tools, rows: &[EventRow]) -> Result<(), Trouble> {
    match follower.keep(rows).await {
        Ok(()) => return Ok(()),
        Err(QueueError::Refused(_)) => {}
        Err(error) => return Err(error.into()),
    }
    for row in rows {
        let reason = match follower.keep(std::slice::from_ref(row)).await {
            Ok(()) => continue,
            Err(QueueError::Refused(reason)) => reason,
            Err(error) => return Err(error.into()),
        };
        // Where nothing is taken at all, it is not this one's fault.
        follower.probe().await?;
        let Ok(about) = Reference::new(format!("evt_{}", row.seq)) else { continue };
        let (queue, reason) = (follower.queue(), bounded(&reason));
        tracing::warn!(%queue, event = row.seq, "an event is not handed on: it is a dead letter");
        submit(tools, Command::Bury { queue, about, reason }).await?;
    }
    Ok(())
}

async fn submit(tools: &Tools, command: Command) -> Result<(), Trouble> {
    match tools.submit(AnyCommand::Jobs(command)).await {
        // Another process was faster.
        Ok(Answer {
            outcome: Ok(_) | Err(Refusal::Jobs(jobs::Refusal::CursorMoved { .. })),
            ..
        }) => Ok(()),
        Ok(Answer { outcome: Err(refusal), .. }) => Err(Trouble::Other(refusal.code().to_owned())),
        Err(SubmitError::Stopping) => Err(Trouble::Stopping),
        Err(error) => Err(Trouble::Other(error.to_string())),
    }
}
