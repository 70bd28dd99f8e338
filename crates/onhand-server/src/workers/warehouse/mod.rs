//! Goes on with the run against the external warehouse that is open: asks, hands in what was said,
//! and has it compared and counted, some rows at a time. Whoever asks for a run only begins it
//! ([`begun`] tells it here); at most one process goes on with one. A run whose process has died is
//! taken up by another one: before its answer was whole it fails,
//! from then on it comes to its end.

mod receive;

use std::pin::pin;
use std::sync::Arc;

use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::text::Text;
use onhand_core::warehouse::{Command, NewSync, Status, Sync, Trigger};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::ReadError;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::jobs::{Stop, Tools};
use crate::adapters::gateways::http::bounded;
use crate::adapters::warehouse::options::Plan;
use crate::limits::{
    WAREHOUSE_LEASE, WAREHOUSE_LOOK_EVERY, WAREHOUSE_PAUSE_MAX, WAREHOUSE_STEP_ROWS,
};
use crate::telemetry::spans;

/// Under which name one process has the right to go on with a run.
const LEASE: &str = "warehouse";

/// Why a run does not go on now. It stays open.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing was decided, or nobody knows.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The run cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Somebody else goes on with it.
    #[error("the run is not where it was: {0}")]
    Refused(&'static str),
    /// The process is to end.
    #[error("the server is stopping")]
    Stopping,
}

/// What begins a run.
pub fn begun(plan: &Plan, trigger: Trigger, dry_run: bool) -> AnyCommand {
    AnyCommand::Warehouse(Command::Begin(NewSync {
        trigger,
        source: Some(bounded(plan.warehouse.shown())),
        policy: plan.policy,
        dry_run,
        location_id: None,
        as_of: None,
    }))
}

/// Goes on with whatever run is open until `stop` completes; `wake` tells that there is one.
pub async fn run(keeper: Keeper, wake: Arc<Notify>) {
    let stop = keeper.stop.clone();
    loop {
        match keeper.go_on().await {
            Ok(()) => {}
            Err(Trouble::Stopping | Trouble::Submit(SubmitError::Stopping)) => return,
            Err(error) => tracing::warn!(%error, "a run against the warehouse waits; trying again"),
        }
        tokio::select! {
            biased;
            () = stop.clone() => return,
            () = wake.notified() => {}
            () = sleep(WAREHOUSE_LOOK_EVERY) => {}
        }
    }
}

/// Whoever goes on with runs.
#[derive(Debug)]
pub struct Keeper {
    /// What everybody works with.
    pub tools: Tools,
    /// Whom to ask; where that is not known, runs whose answer is here go on all the same.
    pub plan: Option<Plan>,
    /// When to end, whatever is open.
    pub stop: Stop,
}

impl Keeper {
    /// Goes on with the run that is open until none is, if this process may.
    ///
    /// # Errors
    /// [`Trouble`]: the run stays as it is, for the next look.
    pub async fn go_on(&self) -> Result<(), Trouble> {
        while let Some(sync) = self.tools.reader.open_sync().await? {
            let is_to_ask = sync.status == Status::Receiving && sync.rows == 0;
            if is_to_ask && self.plan.is_none() {
                // Left to a process that knows whom to ask, with the right to go on.
                return Ok(());
            }
            if !self.tools.leases.hold(LEASE, WAREHOUSE_LEASE).await {
                return Ok(());
            }
            match (sync.status, &self.plan) {
                (Status::Receiving, Some(plan)) if is_to_ask => {
                    let span = spans::warehouse(sync.id);
                    self.receive(plan, &sync).instrument(span).await?;
                }
                // Rows of an answer that nobody reads any more.
                (Status::Receiving, _) => {
                    self.fail(&sync, "interrupted: the server ended before the answer was whole")
                        .await?;
                }
                (Status::Comparing | Status::Applying, _) => self.settle(sync).await?,
                (
                    Status::Held
                    | Status::Applied
                    | Status::Reported
                    | Status::Rejected
                    | Status::Failed,
                    _,
                ) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Compares and counts to the end, or until an operator is to decide.
    async fn settle(&self, sync: Sync) -> Result<(), Trouble> {
        let mut sync = Arc::new(sync);
        while sync.status.is_open() {
            let (id, expected_version) = (sync.id, sync.version);
            let step = Command::Step { id, expected_version, most: WAREHOUSE_STEP_ROWS };
            sync = self.submit(step).await?;
        }
        self.tell(&sync);
        Ok(())
    }

    /// Keeps the right to go on as long as something takes, unless the process is to end.
    async fn keeping<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let mut work = pin!(work);
        loop {
            if !self.tools.leases.hold(LEASE, WAREHOUSE_LEASE).await {
                return Err(Trouble::Refused("another process goes on with it"));
            }
            tokio::select! {
                biased;
                () = self.stop.clone() => return Err(Trouble::Stopping),
                done = &mut work => return Ok(done),
                () = sleep(WAREHOUSE_LEASE / 3) => {}
            }
        }
    }

    async fn fail(&self, sync: &Sync, reason: &str) -> Result<(), Trouble> {
        let failed = self.submit(Command::Fail { id: sync.id, reason: bounded(reason) }).await?;
        self.tell(&failed);
        Ok(())
    }

    /// What came of a run, for whoever reads the log.
    fn tell(&self, sync: &Sync) {
        let (id, status) = (sync.id, sync.status.as_str());
        let outcome = sync.outcome.as_ref().map_or("", Text::as_str);
        match sync.status {
            Status::Failed => tracing::warn!(%id, outcome, "the warehouse gave no answer to use"),
            Status::Held => tracing::warn!(%id, outcome, "a run waits: onhand warehouse approve"),
            Status::Receiving
            | Status::Comparing
            | Status::Applying
            | Status::Applied
            | Status::Reported
            | Status::Rejected => tracing::info!(%id, status, outcome, "asked the warehouse"),
        }
    }

    /// Submits a step, and leaves as long to everybody else as it took: orders are placed beside
    /// it, and a run may take its time.
    async fn submit(&self, command: Command) -> Result<Arc<Sync>, Trouble> {
        let command = AnyCommand::Warehouse(command);
        let began = Instant::now();
        let answer = loop {
            match self.keeping(self.tools.submit(command.clone())).await? {
                Err(SubmitError::Overloaded) => self.keeping(sleep(WAREHOUSE_LOOK_EVERY)).await?,
                answered => break answered?,
            }
        };
        let sync = match answer {
            Answer { outcome: Ok(Reply::Sync(sync)), .. } => sync,
            Answer { outcome: Ok(_), .. } => return Err(Trouble::Refused("something else")),
            Answer { outcome: Err(refusal), .. } => return Err(Trouble::Refused(refusal.code())),
        };
        self.keeping(sleep(began.elapsed().min(WAREHOUSE_PAUSE_MAX))).await?;
        Ok(sync)
    }
}
