//! One queue, from its jobs to what came of them. Where they come from is in `take_in.rs`.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::jobs::{Command, Ending, Job, Settlement};
use onhand_core::limits::JOBS_LEASED_MAX;
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument;

use super::take_in::{Trouble, take_in};
use super::{Done, Stop, Tools, Work};
use crate::limits::{JOBS_AHEAD, JOBS_GATHER, JOBS_LOOK_EVERY, JOBS_STOP_TIMEOUT};
use crate::telemetry::spans;
use crate::workers::rush::Rush;

struct Runner {
    work: Arc<dyn Work>,
    tools: Tools,
    busy: JoinSet<(Job, Done)>,
    /// What is being done, should whoever does it never end.
    jobs: HashMap<Id, Job>,
    /// What came of jobs and is not settled yet.
    finished: Vec<Settlement>,
    rush: Rush,
    /// Until when nothing is begun.
    paused_until: Instant,
    /// Until when nothing is leased, because what is due waits for something else.
    blocked_until: Instant,
    /// Whether the last lease gave all that it was asked for, so that more may be due.
    is_more_due: bool,
}

/// Works on a queue until `stop` completes; then ends what it has begun.
pub async fn run(work: Arc<dyn Work>, tools: Tools, stop: Stop) {
    let now = Instant::now();
    let mut runner = Runner {
        work,
        tools,
        busy: JoinSet::new(),
        jobs: HashMap::new(),
        finished: Vec::new(),
        rush: Rush::new(now),
        paused_until: now,
        blocked_until: now,
        is_more_due: false,
    };
    let mut durable = runner.tools.submit.durable();
    loop {
        let look_at = match runner.turn().await {
            Ok(look_at) => look_at,
            Err(Trouble::Submit(SubmitError::Stopping)) => return,
            Err(error) => {
                let queue = runner.work.queue();
                tracing::warn!(%error, %queue, "a queue stands still; trying again");
                Some(Instant::now() + JOBS_LOOK_EVERY)
            }
        };
        tokio::select! {
            biased;
            () = stop.clone() => break,
            () = runner.progress(), if !runner.busy.is_empty() => {}
            () = ready(()), if look_at.is_none() => {}
            // Where the log grows fast, some of it is gathered and taken in together: but not while
            // there is something to hand in, and what has changed may be our own doing.
            _ = durable.changed() => tokio::select! {
                () = runner.progress(), if !runner.busy.is_empty() => {}
                () = sleep(JOBS_GATHER) => {}
            },
            () = sleep_until(look_at.unwrap_or_else(Instant::now)) => {}
        }
        while let Some(done) = runner.busy.try_join_next_with_id() {
            runner.note(done);
        }
    }
    runner.stop().await;
}

impl Runner {
    /// Takes in what is new in the log, settles what was done, and begins what is due. Answers when
    /// to look again, if nothing happens before; at once where there may be more.
    async fn turn(&mut self) -> Result<Option<Instant>, Trouble> {
        let queue = self.work.queue();
        let Some(consumer) = self.tools.reader.consumer(queue).await? else {
            self.tools.submit(AnyCommand::Jobs(Command::Begin { queue })).await?;
            return Ok(None);
        };
        // What is already begun is ended; the rest keeps for some seconds.
        let is_rush = self.rush.is_on(Instant::now(), self.tools.submit.stats());
        if is_rush {
            self.blocked_until = Instant::now() + JOBS_LOOK_EVERY;
        }
        // While enough is due, the rest is as safe in the log.
        let has_enough = is_rush || (self.is_more_due && consumer.open >= JOBS_AHEAD);
        let (work, tools) = (self.work.clone(), self.tools.clone());
        let taking =
            async { if has_enough { Ok(false) } else { take_in(&*work, &tools, &consumer).await } };
        let (has_more, leased) = tokio::join!(taking, self.settle_and_lease(consumer.open));
        let (is_full, next_due) = leased?;
        let may_be_more = has_more? || is_full || !self.finished.is_empty();
        Ok((!may_be_more).then(|| self.look_at(next_due)))
    }

    /// When the next job is due, or something else may have happened.
    fn look_at(&self, next_due: Option<Duration>) -> Instant {
        let now = Instant::now();
        let soon = next_due.map_or(JOBS_LOOK_EVERY, |wait| wait.min(JOBS_LOOK_EVERY));
        // Whoever is not to begin anything need not hurry.
        let earliest = self.paused_until.max(self.blocked_until).min(now + JOBS_LOOK_EVERY);
        (now + soon).max(earliest)
    }

    /// Hands in what came of jobs and, in the same batch, leases what is due where there is room.
    /// Answers whether there may be more, and how long it is until the next one is due.
    async fn settle_and_lease(&mut self, open: u64) -> Result<(bool, Option<Duration>), Trouble> {
        let free = self.work.at_once().saturating_sub(self.busy.len());
        let now = Instant::now();
        let may_begin = now >= self.paused_until && now >= self.blocked_until;
        let held = self.busy.len() + self.finished.len();
        let is_more_open = open > u64::try_from(held).unwrap_or(u64::MAX);
        // After a lease that was full, nobody need ask.
        let is_taken_for_due = is_more_open && self.is_more_due;
        let next_due = match is_more_open {
            true if is_taken_for_due => Some(Duration::ZERO),
            true => self.next_due().await?,
            false => None,
        };
        let is_lease = may_begin && free > 0 && next_due == Some(Duration::ZERO);
        let most = free.min(JOBS_LEASED_MAX);
        let settling = self.finished.len().min(JOBS_LEASED_MAX);
        let settlements: Vec<_> = self.finished.iter().take(settling).cloned().collect();
        let settle = async {
            if settlements.is_empty() {
                return Ok(());
            }
            settle(&*self.work, &self.tools, settlements).await
        };
        let lease = async { if is_lease { self.lease(most).await } else { Ok(Vec::new()) } };
        let (settled, leased) = tokio::join!(settle, lease);
        if settled.is_ok() {
            self.finished.drain(..settling);
        }
        let leased = leased?;
        if is_lease && leased.is_empty() && !is_taken_for_due {
            // All that is due waits for another of its lane, or another process has it.
            self.blocked_until = now + JOBS_LOOK_EVERY;
        }
        if is_lease {
            self.is_more_due = leased.len() == most;
        }
        let is_full = is_lease && self.is_more_due;
        for job in leased {
            let doing = do_job(self.work.clone(), job.clone());
            let doing = doing.instrument(spans::job(&self.tools.trail, &job));
            let handle = self.busy.spawn(doing);
            self.jobs.insert(handle.id(), job);
        }
        settled?;
        Ok((is_full && self.busy.len() < self.work.at_once(), next_due))
    }

    /// How long it is until a job is due.
    async fn next_due(&self) -> Result<Option<Duration>, Trouble> {
        let due_at = self.tools.reader.next_due(self.work.queue()).await?;
        let now = self.tools.clock.now();
        Ok(due_at.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default()))
    }

    async fn lease(&self, most: usize) -> Result<Vec<Job>, Trouble> {
        let (queue, lease) = (self.work.queue(), self.work.lease());
        let secs = i64::try_from(lease.as_secs()).unwrap_or(i64::MAX);
        match self.tools.submit(AnyCommand::Jobs(Command::Lease { queue, most, secs })).await? {
            Answer { outcome: Ok(Reply::Jobs(jobs)), .. } => Ok(jobs),
            answer => {
                tracing::error!(?answer, %queue, "a lease was answered with something else");
                Ok(Vec::new())
            }
        }
    }

    /// Waits until so much is done that it is worth a turn.
    async fn progress(&mut self) {
        let enough = self.busy.len() / 2;
        let gathered = sleep(JOBS_GATHER);
        tokio::pin!(gathered);
        while let Some(done) = self.busy.join_next_with_id().await {
            self.note(done);
            while let Some(done) = self.busy.try_join_next_with_id() {
                self.note(done);
            }
            if self.busy.len() <= enough || gathered.is_elapsed() {
                return;
            }
        }
    }

    fn note(&mut self, done: Result<(Id, (Job, Done)), JoinError>) {
        let (job, done) = match done {
            Ok((id, done)) => {
                self.jobs.remove(&id);
                done
            }
            Err(error) => {
                let Some(job) = self.jobs.remove(&error.id()) else { return };
                tracing::error!(%error, job = %job.id, "a job panicked");
                // Its lease runs out, and after some times it is dead.
                let again = Ending::Untried(self.tools.after(self.work.lease()));
                (job, Done { ending: again, attempt: None, pause: None })
            }
        };
        if let Some(pause) = done.pause {
            self.paused_until = self.paused_until.max(Instant::now() + pause);
        }
        // What was done may be what others have waited for.
        self.blocked_until = Instant::now();
        let Done { ending, attempt, .. } = done;
        self.tools.counted.tried(job.queue, &ending);
        self.finished.push(Settlement { id: job.id, epoch: job.epoch, ending, attempt });
    }

    /// Waits for what has begun, and gives back what does not end.
    async fn stop(mut self) {
        let ended = async {
            while let Some(done) = self.busy.join_next_with_id().await {
                self.note(done);
            }
        };
        if timeout(JOBS_STOP_TIMEOUT, ended).await.is_err() {
            self.busy.abort_all();
            let now = self.tools.clock.now();
            for (_, job) in std::mem::take(&mut self.jobs) {
                let ending = Ending::Untried(now);
                let settlement = Settlement { id: job.id, epoch: job.epoch, ending, attempt: None };
                self.finished.push(settlement);
            }
        }
        while !self.finished.is_empty() {
            let most = self.finished.len().min(JOBS_LEASED_MAX);
            let settlements = self.finished.drain(..most).collect();
            if let Err(error) = settle(&*self.work, &self.tools, settlements).await {
                tracing::warn!(%error, "what came of the last jobs is lost: they are done again");
                return;
            }
        }
    }
}

async fn do_job(work: Arc<dyn Work>, job: Job) -> (Job, Done) {
    let done = work.work_on(job.clone()).await;
    (job, done)
}

async fn settle(
    work: &dyn Work,
    tools: &Tools,
    settlements: Vec<Settlement>,
) -> Result<(), Trouble> {
    let queue = work.queue();
    let answer = tools.submit(AnyCommand::Jobs(Command::Settle { queue, settlements })).await?;
    if !matches!(answer, Answer { outcome: Ok(Reply::Settled { .. }), .. }) {
        tracing::error!(?answer, %queue, "what came of jobs was not taken in");
    }
    Ok(())
}
