//! The committer's turns. In each it takes what waits, decides it, learns what came of the batch
//! before, and hands its own over. Where a store takes its time to write, the next batch is decided
//! meanwhile, on what the one being written will leave; should that one have to run again, so does
//! whatever was decided on it. A batch that fails leaves the turns: it runs alone and to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use onhand_core::{Actor, Command, State};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::batch::{Decided, Run};
use crate::committer::{CommitterStats, Config, CrashPoint, Submission, SubmitError, Verdict};
use crate::flush::{Committed, Flushing};
use crate::limits::{
    BATCH_COMMANDS_MAX, BATCH_RERUNS_MAX, BATCH_WEIGHT_MAX, BATCHES_WRITTEN_AT_ONCE_MAX,
    BESIDE_COMMANDS, WARM_PRODUCTS_MAX,
};
use crate::store::{Batch, Others, Store, StoreError};
use crate::watch::{Telling, Watching};

pub(crate) struct Committer<S> {
    pub(crate) store: S,
    pub(crate) config: Config,
    pub(crate) stats: Arc<CommitterStats>,
    pub(crate) flushing: Flushing,
    pub(crate) watching: Watching,
    pub(crate) state: State,
    /// Runs of batches since the start.
    pub(crate) batches: u64,
    /// Whether the newest batch failed because the store was away.
    pub(crate) is_away: bool,
    /// The batches that were handed over and of which it is not known yet whether they are written,
    /// in their order.
    pub(crate) sent: VecDeque<Committed>,
}

/// What one run of a batch came to.
struct Ran {
    began: Instant,
    verdicts: Vec<Verdict>,
    event: Option<i64>,
    telling: Option<Telling>,
}

/// What came of the batches that were handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    /// The first is written, or there was none.
    Written,
    /// They had to run again, and have: what was decided on their first run counts for nothing.
    Again,
}

/// What a command counts against [`BATCH_WEIGHT_MAX`].
fn weight(command: &Command) -> usize {
    use onhand_core::{accounts, effects, inventory, jobs, orders, warehouse};
    match command {
        Command::Accounts(accounts::Command::TouchKeys { uses }) => uses.len(),
        Command::Accounts(_) => 1,
        Command::Catalog(_) => 1,
        Command::Inventory(inventory::Command::Adjust(entries)) => entries.len(),
        Command::Inventory(inventory::Command::Hold { items, .. }) => items.len(),
        Command::Inventory(inventory::Command::ExpireDue { most }) => *most,
        Command::Inventory(_) => 1,
        Command::Orders(orders::Command::Place(order)) => order.items.len(),
        Command::Orders(orders::Command::PlaceMany { orders, .. }) => {
            orders.iter().map(|order| order.items.len()).sum()
        }
        Command::Orders(_) => 4,
        Command::Effects(effects::Command::Lease { most, .. }) => *most,
        Command::Effects(effects::Command::Settle { settlements }) => settlements.len() * 4,
        Command::Effects(_) | Command::Payments(_) => 4,
        Command::Jobs(jobs::Command::TakeIn { jobs, .. }) => jobs.len(),
        Command::Jobs(jobs::Command::Settle { settlements, .. }) => settlements.len(),
        Command::Jobs(jobs::Command::Lease { most, .. } | jobs::Command::Forget { most, .. }) => {
            *most
        }
        Command::Warehouse(warehouse::Command::Stage { rows, .. }) => rows.len(),
        Command::Warehouse(
            warehouse::Command::Step { most, .. } | warehouse::Command::Forget { most, .. },
        ) => *most,
        Command::Warehouse(warehouse::Command::Approve { rows: Some(rows), .. }) => rows.len(),
        Command::Jobs(_) | Command::Webhooks(_) | Command::Schedules(_) | Command::Warehouse(_) => {
            1
        }
        // A row may be a product, a movement and what is on hand.
        Command::Imports(command) => command.weight() * 4,
    }
}

/// The commands of the next batch, as many of those that wait as it may have.
fn next_of(waiting: &mut VecDeque<Submission>) -> Vec<Submission> {
    let mut batch = Vec::with_capacity(waiting.len());
    let mut total = 0;
    while let Some(next) = waiting.front() {
        total += weight(&next.command);
        if !batch.is_empty() && total > BATCH_WEIGHT_MAX {
            break;
        }
        batch.extend(waiting.pop_front());
    }
    batch
}

impl<S: Store> Committer<S> {
    /// Ends when nobody can submit any more, or with an error when the outcome of a commit cannot
    /// be known: then what is still waiting was not begun, and is told so.
    pub(crate) async fn run(
        &mut self,
        mut queue: mpsc::Receiver<Submission>,
    ) -> Result<(), StoreError> {
        let mut waiting: VecDeque<Submission> = VecDeque::new();
        let result = self.turn_until_closed(&mut queue, &mut waiting).await;
        queue.close();
        waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        for submission in waiting {
            submission.answer(Err(SubmitError::Stopping));
        }
        result
    }

    async fn turn_until_closed(
        &mut self,
        queue: &mut mpsc::Receiver<Submission>,
        waiting: &mut VecDeque<Submission>,
    ) -> Result<(), StoreError> {
        while self.gather(queue, waiting).await? {
            if !self.store.goes_beside() {
                // Nobody waits for the turns of others who has been served.
                self.confirm_until(0).await?;
            }
            let turn = self.store.turn().await;
            let room = BATCH_COMMANDS_MAX.saturating_sub(waiting.len());
            waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(room));
            let part = next_of(waiting);
            let commands = part.len();
            let span = tracing::debug_span!(target: "onhand_engine::batches", "batch", commands);
            match &turn {
                Ok(Others::Nothing) | Err(_) => {}
                Ok(Others::Moved(products)) => self.state.forget_products(products),
                Ok(Others::Anything) => self.state = State::default(),
            }
            match turn {
                Ok(_) => self.turn(part).instrument(span).await?,
                Err(error) => {
                    self.abandon(&error).await;
                    self.run_alone(part, Some(error)).instrument(span).await?;
                }
            }
        }
        self.confirm_until(0).await?;
        Ok(())
    }

    /// Waits until there is something to decide: anything, when nothing is being written; beside a
    /// batch that is, so much that it is worth a batch. False when nobody can submit any more.
    async fn gather(
        &mut self,
        queue: &mut mpsc::Receiver<Submission>,
        waiting: &mut VecDeque<Submission>,
    ) -> Result<bool, StoreError> {
        let mut taken = Vec::with_capacity(BATCH_COMMANDS_MAX);
        loop {
            let [fewest, most] = BESIDE_COMMANDS;
            let before = self.sent.back().map(|sent| sent.part.len());
            let enough = before.map_or(1, |before| (before / 2).clamp(fewest, most));
            if waiting.len() >= enough {
                return Ok(true);
            }
            tokio::select! {
                biased;
                error = self.flushing.failed() => return Err(error),
                () = self.store.landed() => {
                    self.confirm().await?;
                }
                count = queue.recv_many(&mut taken, BATCH_COMMANDS_MAX) => {
                    if count == 0 {
                        return Ok(!waiting.is_empty());
                    }
                    waiting.extend(taken.drain(..));
                }
            }
        }
    }

    /// Decides a batch, perhaps beside one that is being written, and hands it over.
    async fn turn(&mut self, part: Vec<Submission>) -> Result<(), StoreError> {
        let began = Instant::now();
        let decided = self.decide(&part).await;
        let most = if decided.is_ok() { BATCHES_WRITTEN_AT_ONCE_MAX - 1 } else { 0 };
        let confirmed = self.confirm_until(most).await?;
        let (part, error) = match decided {
            Ok(_) if confirmed == Confirmed::Again => (part, None),
            Ok(decided) => match self.hand_over(began, decided, part).await? {
                None => return Ok(()),
                Some((error, part)) => (part, Some(error)),
            },
            Err(error) => (part, Some(error)),
        };
        // Those before it come first, and what came of them is theirs.
        self.confirm_until(0).await?;
        self.run_alone(part, error).await
    }

    /// Learns what came of the batches that were handed over, until so many are left.
    async fn confirm_until(&mut self, most: usize) -> Result<Confirmed, StoreError> {
        let mut confirmed = Confirmed::Written;
        while self.sent.len() > most {
            confirmed = self.confirm().await?;
        }
        Ok(confirmed)
    }

    /// Learns what came of the first batch that was handed over. Where it is not written it runs
    /// again now, to its end, and so do those that were decided on it.
    async fn confirm(&mut self) -> Result<Confirmed, StoreError> {
        let Some(first) = self.sent.pop_front() else {
            return Ok(Confirmed::Written);
        };
        let Err(error) = self.written(&first).await else {
            self.answer(first)?;
            // What wrote nothing waits only for what it may rest on.
            while self.sent.front().is_some_and(|next| next.event.is_none())
                && let Some(next) = self.sent.pop_front()
            {
                self.answer(next)?;
            }
            self.between_batches().await;
            return Ok(Confirmed::Written);
        };
        let mut failed = vec![(first.part, Some(error))];
        while let Some(next) = self.sent.pop_front() {
            match (next.event, self.written(&next).await) {
                (Some(_), Ok(())) => self.answer(next)?,
                (_, result) => failed.push((next.part, result.err())),
            }
        }
        for (part, error) in failed {
            if let Some(error) = &error {
                self.abandon(error).await;
            }
            self.run_alone(part, error).await?;
        }
        Ok(Confirmed::Again)
    }

    /// What came of the writing of a batch.
    async fn written(&mut self, batch: &Committed) -> Result<(), StoreError> {
        match batch.event {
            Some(_) => self.store.written().await,
            None => Ok(()),
        }
    }

    /// Hands a decided batch over to be written; answers at once where nothing is. Gives it back
    /// with the reason where it could not be.
    async fn hand_over(
        &mut self,
        began: Instant,
        decided: Decided,
        part: Vec<Submission>,
    ) -> Result<Option<(StoreError, Vec<Submission>)>, StoreError> {
        let Decided { verdicts, batch, others_wrote, .. } = decided;
        let event = batch.as_deref().map(Batch::newest_event);
        // A copy must not be shown once the change can be seen.
        let telling = batch.as_deref().and_then(|batch| self.watching.changing(batch));
        if let Some(batch) = batch
            && let Err(error) = self.store.commit(batch).await
        {
            self.abandon(&error).await;
            return Ok(Some((error, part)));
        }
        self.keep(others_wrote);
        let crash = self.crash();
        let sent = Committed { began, part, verdicts, event, telling, crash };
        self.sent.push_back(sent);
        if !self.store.is_writing() {
            self.confirm().await?;
        }
        Ok(None)
    }

    /// Passes a batch on that is written, to be answered when it is durable.
    fn answer(&mut self, batch: Committed) -> Result<(), StoreError> {
        if std::mem::take(&mut self.is_away) {
            tracing::info!("the store is back");
        }
        let commands = batch.part.len() as u64;
        self.stats.commands.fetch_add(commands, Ordering::Relaxed);
        self.stats.sizes.note(commands);
        let is_asked = |one: &&Submission| one.caller.actor != Actor::System;
        let asked = batch.part.iter().filter(is_asked).count() as u64;
        self.stats.asked.fetch_add(asked, Ordering::Relaxed);
        self.stats.company.fetch_add(asked * asked, Ordering::Relaxed);
        if batch.event.is_some() {
            self.stats.batches.fetch_add(1, Ordering::Relaxed);
        }
        self.flushing.hand_on(batch)
    }

    async fn between_batches(&mut self) {
        if let Err(error) = self.store.between_batches().await {
            tracing::warn!(%error, "work between batches failed");
        }
    }

    /// Runs a batch to its end and nothing beside it: again after a conflict, in halves when that
    /// does not help.
    async fn run_alone(
        &mut self,
        batch: Vec<Submission>,
        error: Option<StoreError>,
    ) -> Result<(), StoreError> {
        assert!(self.sent.is_empty(), "a batch runs alone beside others");
        let mut parts = vec![(batch, error)];
        while let Some((part, error)) = parts.pop() {
            let Some((mut part, error)) = self.run_again(part, error).await? else {
                continue;
            };
            let may_be_one =
                matches!(error, StoreError::Conflict { .. } | StoreError::Corrupt { .. });
            if may_be_one && part.len() > 1 {
                tracing::warn!(%error, commands = part.len(), "the batch is split");
                let second = part.split_off(part.len() / 2);
                parts.extend([(second, None), (part, None)]);
                continue;
            }
            self.report(&error, part.len());
            fail(part, &error);
            if let StoreError::Unknown { .. } = error {
                return Err(error);
            }
        }
        self.between_batches().await;
        Ok(())
    }

    /// Runs a batch until it does not conflict any more. Gives it back with the reason where that
    /// is in vain.
    async fn run_again(
        &mut self,
        part: Vec<Submission>,
        mut error: Option<StoreError>,
    ) -> Result<Option<(Vec<Submission>, StoreError)>, StoreError> {
        let mut reruns = 0;
        loop {
            match error {
                Some(StoreError::Conflict { table }) if reruns < BATCH_RERUNS_MAX => {
                    tracing::debug!(table, reruns, "conflict: the batch runs again");
                    self.stats.failed.add("conflict", 1);
                    reruns += 1;
                }
                Some(error) => return Ok(Some((part, error))),
                None => {}
            }
            error = match self.run_once(&part).await {
                Ok(Ran { began, verdicts, event, telling }) => {
                    let crash = self.crash();
                    self.answer(Committed { began, part, verdicts, event, telling, crash })?;
                    return Ok(None);
                }
                Err(error) => Some(error),
            };
        }
    }

    /// One run from its begin until it is written: what to answer, and the newest event.
    async fn run_once(&mut self, part: &[Submission]) -> Result<Ran, StoreError> {
        let began = Instant::now();
        let Decided { verdicts, batch, others_wrote, .. } = self.decide(part).await?;
        let Some(batch) = batch else {
            self.keep(others_wrote);
            return Ok(Ran { began, verdicts, event: None, telling: None });
        };
        let (event, telling) = (batch.newest_event(), self.watching.changing(&batch));
        let written = match self.store.commit(batch).await {
            Ok(()) => self.store.written().await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            self.abandon(&error).await;
            return Err(error);
        }
        self.keep(others_wrote);
        Ok(Ran { began, verdicts, event: Some(event), telling })
    }

    /// Decides a batch. Nothing is left of it when that fails.
    async fn decide(&mut self, part: &[Submission]) -> Result<Decided, StoreError> {
        self.batches += 1;
        let crash = self.crash();
        let mut run = Run {
            store: &mut self.store,
            state: &mut self.state,
            clock: &*self.config.clock,
            policy: &self.config.policy,
            crash,
        };
        let decided = run.run(part).await;
        match &decided {
            Ok(decided) => {
                self.stats.rights.fetch_max(decided.rights, Ordering::Relaxed);
            }
            Err(error) => self.abandon(error).await,
        }
        decided
    }

    /// Keeps at hand for the next batch what this one leaves.
    fn keep(&mut self, others_wrote: bool) {
        self.state.end_batch(WARM_PRODUCTS_MAX);
        if others_wrote && !self.store.goes_beside() {
            self.state = State::default();
        }
    }

    /// Forgets what a failed batch has left, here and in the store.
    async fn abandon(&mut self, error: &StoreError) {
        self.state = State::default();
        if !matches!(error, StoreError::Unknown { .. })
            && let Err(error) = self.store.rollback().await
        {
            tracing::error!(%error, "rollback failed");
        }
    }

    /// Says once that the store is away, and not for each batch until it is back: whoever is called
    /// at night has to find the line that matters.
    fn report(&mut self, error: &StoreError, commands: usize) {
        self.stats.failed.add(error.kind(), 1);
        let is_away = matches!(error, StoreError::Unavailable { .. });
        if is_away && self.is_away {
            tracing::debug!(%error, commands, "the batch failed");
        } else {
            tracing::error!(%error, commands, "the batch failed");
        }
        self.is_away = is_away;
    }

    /// Where this batch lets the process die.
    fn crash(&self) -> Option<CrashPoint> {
        self.config.crash.filter(|(_, from)| *from <= self.batches).map(|(point, _)| point)
    }
}

fn fail(part: Vec<Submission>, error: &StoreError) {
    let verdict = match error {
        StoreError::Unknown { .. } | StoreError::Away { .. } => SubmitError::OutcomeUnknown,
        StoreError::Full => SubmitError::Full,
        StoreError::Conflict { .. } | StoreError::Unavailable { .. } => {
            SubmitError::Unavailable(error.to_string())
        }
        StoreError::Corrupt { .. } => SubmitError::Internal(error.to_string()),
    };
    for submission in part {
        submission.answer(Err(verdict.clone()));
    }
}
