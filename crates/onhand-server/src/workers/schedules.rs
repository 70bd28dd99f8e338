//! What is done from time to time, once across all processes: whoever begins a run first has it.
//! When it is due and how it went is in the database, for everybody to see. No answer depends on
//! it: a hold is free in the instant it runs out, whether it was swept or not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onhand_core::command::Reply;
use onhand_core::limits::{
    IMPORT_SILENT_SECS_MAX, JOBS_FORGOTTEN_MAX, NOTICES_FORGOTTEN_MAX, SYNC_ROWS_FORGOTTEN_MAX,
};
use onhand_core::schedules::{Command, Schedule, ScheduleName};
use onhand_core::warehouse::{self, Trigger};
use onhand_core::{
    Actor, Command as AnyCommand, Refusal, Timestamp, imports, inventory, jobs, payments,
};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::ReadError;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::Instrument;

use super::jobs::Tools;
use super::options::Keep;
use super::warehouse::begun;
use crate::adapters::gateways::http::bounded;
use crate::adapters::warehouse::options::Plan;
use crate::limits::{
    RECONCILE_EVERY, RECONCILE_OPEN_SECS, RETENTION_EVERY, RETENTION_ROWS_MAX, RETENTION_STEPS_MAX,
    SCHEDULE_LOOK_EVERY, SCHEDULE_RUN_MAX, SWEEP_EVERY, SWEEP_HOLDS_MAX, SWEEP_RUN_MAX,
};
use crate::telemetry::spans;

/// What somebody has asked to be done now.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<(Mutex<BTreeSet<ScheduleName>>, Notify)>);

impl Asked {
    /// Has something done that is not due yet.
    pub fn ask_for(&self, name: ScheduleName) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
        self.0.1.notify_one();
    }

    fn take(&self) -> BTreeSet<ScheduleName> {
        std::mem::take(&mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("it was answered with something else")]
    Answer,
}

/// What of it is configured.
#[derive(Debug)]
pub struct Terms {
    /// For how long is kept what nobody needs any more.
    pub keep: Keep,
    /// Whom to ask what is physically there, and when; nobody when absent.
    pub warehouse: Option<Plan>,
    /// Told when a run against the warehouse has begun.
    pub warehouse_asked: Arc<Notify>,
    /// Told when a round of the proof is wanted now.
    pub verify_asked: Arc<Notify>,
}

/// Does what is due, until the committer stops.
pub async fn run(tools: Tools, asked: Asked, terms: Terms) {
    let warehouse_first = terms.warehouse.as_ref().map(|plan| {
        // What was due while nobody was here is not made up for where nothing was ever begun.
        plan.timetable.after(tools.clock.now())
    });
    let worker = Worker { tools, terms, warehouse_first };
    loop {
        // It may be that nobody asked, and that it is time to look.
        let _ = timeout(SCHEDULE_LOOK_EVERY, asked.0.1.notified()).await;
        let forced = asked.take();
        match worker.look(&forced).await {
            Ok(()) => {}
            Err(Trouble::Submit(SubmitError::Stopping)) => return,
            Err(error) => tracing::warn!(%error, "what is scheduled waits; trying again"),
        }
    }
}

struct Worker {
    tools: Tools,
    terms: Terms,
    /// When the warehouse is to be asked for the first time since this process is here.
    warehouse_first: Option<Timestamp>,
}

/// After which a run is given up, and anybody may begin the next one.
fn run_max(name: ScheduleName) -> Duration {
    match name {
        ScheduleName::Sweep => SWEEP_RUN_MAX,
        ScheduleName::Reconcile
        | ScheduleName::Retention
        | ScheduleName::Warehouse
        | ScheduleName::Verify => SCHEDULE_RUN_MAX,
    }
}

impl Worker {
    async fn look(&self, forced: &BTreeSet<ScheduleName>) -> Result<(), Trouble> {
        let known = self.tools.reader.schedules().await?;
        if forced.contains(&ScheduleName::Verify) {
            self.terms.verify_asked.notify_one();
        }
        // A round of the proof takes hours, and somebody of its own.
        let others = ScheduleName::ALL.iter().filter(|name| **name != ScheduleName::Verify);
        for name in others.copied() {
            let row = known.iter().find(|row| row.name == name);
            let is_forced = forced.contains(&name) || self.is_overdue(name, row);
            if is_forced || self.is_due(name, row).await? {
                self.begin(name, is_forced).await?;
            }
        }
        Ok(())
    }

    /// Whether a run may be due. It is decided when one is begun.
    async fn is_due(&self, name: ScheduleName, row: Option<&Schedule>) -> Result<bool, Trouble> {
        let now = self.tools.clock.now();
        let is_time = row.is_none_or(|row| row.due_at <= now);
        match name {
            ScheduleName::Warehouse => {
                let first = self.warehouse_first.filter(|_| row.is_none());
                return Ok(self.terms.warehouse.is_some() && first.map_or(is_time, |at| at <= now));
            }
            ScheduleName::Reconcile | ScheduleName::Retention | ScheduleName::Verify => {
                return Ok(is_time);
            }
            ScheduleName::Sweep => {}
        }
        // Of those that are due every second only runs are written down in which there is
        // something to do.
        let next = self.tools.reader.next_expiry().await?;
        Ok(is_time && next.is_some_and(|next| next <= now))
    }

    /// Whether the warehouse is due by a timetable that is newer than the one by which it was last
    /// said when it is.
    fn is_overdue(&self, name: ScheduleName, row: Option<&Schedule>) -> bool {
        let (Some(first), Some(row)) = (self.warehouse_first, row) else { return false };
        let is_later = row.due_at > self.tools.clock.now() && first <= self.tools.clock.now();
        let is_missed = row.began_at.is_none_or(|began_at| began_at < first);
        name == ScheduleName::Warehouse && is_later && is_missed
    }

    async fn begin(&self, name: ScheduleName, is_forced: bool) -> Result<(), Trouble> {
        let most = run_max(name);
        let secs = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
        let next_at = self.next(name);
        let begin = Command::Begin { name, secs, next_at, is_forced };
        let Reply::Turn { is_given, schedule } = self.submit(begin).await? else {
            return Err(Trouble::Answer);
        };
        if !is_given {
            // Somebody else has it.
            return Ok(());
        }
        let work = self.work(name).instrument(spans::schedule(name));
        let outcome = match timeout(most, work).await {
            Ok(Ok(words)) => words,
            Ok(Err(error @ Trouble::Submit(SubmitError::Stopping))) => return Err(error),
            Ok(Err(error)) => {
                tracing::warn!(%error, schedule = name.as_str(), "failed");
                format!("failed: {error}")
            }
            Err(_) => format!("given up after {} s", most.as_secs()),
        };
        let outcome = bounded(&outcome);
        self.submit(Command::End { name, run: schedule.runs, outcome }).await?;
        Ok(())
    }

    async fn work(&self, name: ScheduleName) -> Result<String, Trouble> {
        match name {
            ScheduleName::Sweep => self.sweep().await,
            ScheduleName::Reconcile => self.reconcile().await,
            ScheduleName::Retention => self.forget_old().await,
            ScheduleName::Warehouse => self.ask_the_warehouse().await,
            ScheduleName::Verify => Ok(String::new()),
        }
    }

    async fn sweep(&self) -> Result<String, Trouble> {
        let command = inventory::Command::ExpireDue { most: SWEEP_HOLDS_MAX };
        let Reply::Expired { holds } = self.command(AnyCommand::Inventory(command)).await? else {
            return Err(Trouble::Answer);
        };
        if holds > 0 {
            tracing::info!(holds, "expired");
        }
        Ok(format!("{holds} holds have run out"))
    }

    /// Tells of dead letters that nobody was told of because others had been told shortly before.
    async fn tell_of_dead(&self) -> Result<(), Trouble> {
        let now = self.tools.clock.now();
        for consumer in self.tools.reader.consumers().await? {
            if consumer.dead.is_some_and(|told| told.is_due(now)) {
                let tell = jobs::Command::TellDead { queue: consumer.queue };
                self.command(AnyCommand::Jobs(tell)).await?;
            }
        }
        Ok(())
    }

    /// Counts what is open for long. Gateways are asked by whoever does what is owed to them.
    async fn reconcile(&self) -> Result<String, Trouble> {
        self.tell_of_dead().await?;
        let open_secs = Duration::from_secs(RECONCILE_OPEN_SECS);
        let older_than = self.tools.clock.now().checked_sub(open_secs).unwrap_or(Timestamp::MIN);
        let reader = &self.tools.reader;
        let open = reader.open_payments(older_than, None, RETENTION_ROWS_MAX).await?;
        let unmatched = reader.unmatched_notices(None, RETENTION_ROWS_MAX).await?;
        let or_more = |is_more: bool| if is_more { " or more" } else { "" };
        let (payments, notices) = (open.rows.len(), unmatched.rows.len());
        self.tools.counted.payments_open(payments);
        if payments + notices > 0 {
            tracing::warn!(payments, notices, "money is not where it should be: onhand reconcile");
        }
        Ok(format!(
            "{payments}{} payments are open for more than {} min, {notices}{} messages of money \
             belong to no order",
            or_more(open.next.is_some()),
            RECONCILE_OPEN_SECS / 60,
            or_more(unmatched.next.is_some()),
        ))
    }

    /// Forgets what was kept for long enough.
    async fn forget_old(&self) -> Result<String, Trouble> {
        let before = |keep| self.tools.clock.now().checked_sub(keep).unwrap_or(Timestamp::MIN);
        let keep = self.terms.keep;
        let (before_jobs, most) = (before(keep.jobs), JOBS_FORGOTTEN_MAX);
        let jobs = jobs::Command::Forget { before: before_jobs, most };
        let jobs = self.forget_in_steps(&AnyCommand::Jobs(jobs)).await?;
        let (before_notices, most) = (before(keep.notices), NOTICES_FORGOTTEN_MAX);
        let notices = payments::Command::ForgetNotices { before: before_notices, most };
        let notices = self.forget_in_steps(&AnyCommand::Payments(notices)).await?;
        let (before_rows, most) = (before(keep.sync_rows), SYNC_ROWS_FORGOTTEN_MAX);
        let rows = warehouse::Command::Forget { before: before_rows, most };
        let rows = self.forget_in_steps(&AnyCommand::Warehouse(rows)).await?;
        let imports = self.end_silent_imports().await?;
        Ok(format!(
            "{jobs} ended jobs, {notices} messages of gateways and {rows} rows of old runs against \
             the warehouse were forgotten, {imports} imports given up"
        ))
    }

    /// Gives up imports whose file does not come. Each is looked at again when that is decided.
    async fn end_silent_imports(&self) -> Result<usize, Trouble> {
        let keep = Duration::from_secs(IMPORT_SILENT_SECS_MAX.unsigned_abs());
        let since = self.tools.clock.now().checked_sub(keep).unwrap_or(Timestamp::MIN);
        let mut ended = 0;
        for id in self.tools.reader.silent_imports(since, RETENTION_ROWS_MAX).await? {
            let end = imports::Command::EndSilent { id };
            let Reply::Import(import) = self.command(AnyCommand::Imports(end)).await? else {
                return Err(Trouble::Answer);
            };
            if import.state == imports::State::Failed {
                tracing::warn!(%id, rows = import.position.rows, "an import was given up");
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// Forgets some, and some more, until there is nothing left or the run is long enough.
    async fn forget_in_steps(&self, command: &AnyCommand) -> Result<u64, Trouble> {
        let mut forgotten = 0;
        for _ in 0..RETENTION_STEPS_MAX {
            let Reply::Forgotten { rows } = self.command(command.clone()).await? else {
                return Err(Trouble::Answer);
            };
            forgotten += rows;
            if rows == 0 {
                break;
            }
        }
        Ok(forgotten)
    }

    /// Begins a run against the warehouse. Whoever goes on with runs does the rest.
    async fn ask_the_warehouse(&self) -> Result<String, Trouble> {
        let Some(plan) = &self.terms.warehouse else {
            return Ok("no warehouse is configured here".to_owned());
        };
        let begin = begun(plan, Trigger::Schedule, false);
        let answer = self.tools.submit.submit(begin, Actor::System, None).await?;
        match answer.outcome {
            Ok(Reply::Sync(sync)) => {
                self.terms.warehouse_asked.notify_one();
                Ok(format!("{} has begun", sync.id))
            }
            Err(Refusal::Warehouse(warehouse::Refusal::SyncRunning { sync_id, .. })) => {
                Ok(format!("{sync_id} has not come to its end"))
            }
            Err(refusal) => Ok(format!("no run could be begun: {}", refusal.code())),
            Ok(_) => Err(Trouble::Answer),
        }
    }

    async fn submit(&self, command: Command) -> Result<Reply, Trouble> {
        self.command(AnyCommand::Schedules(command)).await
    }

    async fn command(&self, command: AnyCommand) -> Result<Reply, Trouble> {
        match self.tools.submit.submit(command, Actor::System, None).await? {
            Answer { outcome: Ok(reply), .. } => Ok(reply),
            answer => {
                tracing::error!(?answer, "what is scheduled was refused");
                Err(Trouble::Answer)
            }
        }
    }

    /// When it is due after now.
    fn next(&self, name: ScheduleName) -> Timestamp {
        let now = self.tools.clock.now();
        let every = match (name, &self.terms.warehouse) {
            (ScheduleName::Sweep, _) => SWEEP_EVERY,
            (ScheduleName::Reconcile, _) => RECONCILE_EVERY,
            (ScheduleName::Retention, _) => RETENTION_EVERY,
            (ScheduleName::Warehouse, Some(plan)) => return plan.timetable.after(now),
            // Asked for by hand, where there is none; or not begun here.
            (ScheduleName::Warehouse, None) | (ScheduleName::Verify, _) => return now,
        };
        now.checked_add(every).unwrap_or(Timestamp::MAX)
    }
}
