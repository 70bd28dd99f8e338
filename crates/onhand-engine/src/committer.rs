//! The committer: one task that owns the write connection, takes whatever has queued up while the
//! last batch was being committed, lets the core decide command by command, commits once, and only
//! then answers. It never asks the network for anything and knows no rule.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use onhand_core::command::Reply;
use onhand_core::{Actor, Command, State};
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::{self, Run};
use crate::clock::Clock;
use crate::idempotency::{IdempotencyKey, Outcome};
use crate::limits::{BATCH_COMMANDS_MAX, BATCH_RERUNS_MAX, BATCH_WEIGHT_MAX, QUEUE_COMMANDS_MAX};
use crate::store::{Store, StoreError};

/// What a caller is told when its command was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Done, or lawfully refused.
    pub outcome: Outcome,
    /// Whether this is the answer to an earlier call under the same key.
    pub replayed: bool,
}

/// Why a command was not decided, or its outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full; nothing was done.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The server is stopping; nothing was done.
    #[error("the server is stopping")]
    Stopping,
    /// The key was used for another request; nothing was done.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The store cannot be written at the moment; nothing was done.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The disk is full; nothing was done.
    #[error("no space left for the database")]
    Full,
    /// It is not known whether the command was carried out; the same key tells later.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// A rule broke one of its own promises; nothing was done.
    #[error("a rule failed: {0}")]
    Internal(String),
}

pub(crate) type Verdict = Result<Answer, SubmitError>;

/// A command on its way to the committer.
#[derive(Debug)]
pub struct Submission {
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub actor: Actor,
    /// Under which key.
    pub key: Option<IdempotencyKey>,
    reply: oneshot::Sender<Verdict>,
}

/// Counters of the committer since it started.
#[derive(Debug, Default)]
pub struct CommitterStats {
    /// Durable commits.
    pub batches: AtomicU64,
    /// Commands decided, refusals included.
    pub commands: AtomicU64,
}

/// The way to the committer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Submit {
    queue: mpsc::Sender<Submission>,
    stats: Arc<CommitterStats>,
    committed: watch::Receiver<i64>,
}

impl Submit {
    /// Hands in a command and waits for its durable outcome. When the caller goes away, the command
    /// still runs to its end.
    ///
    /// # Errors
    /// [`SubmitError`]; see there what is known.
    pub async fn submit(
        &self,
        command: Command,
        actor: Actor,
        key: Option<IdempotencyKey>,
    ) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let submission = Submission { command, actor, key, reply };
        match self.queue.try_send(submission) {
            Ok(()) => answer.await.unwrap_or(Err(SubmitError::OutcomeUnknown)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(SubmitError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SubmitError::Stopping),
        }
    }

    /// How many commands are waiting.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Whether the committer has ended.
    pub fn is_stopped(&self) -> bool {
        self.queue.is_closed()
    }

    /// Counters since the start.
    pub fn stats(&self) -> &CommitterStats {
        &self.stats
    }

    /// Changes with the position of the newest durable event.
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }
}

/// Named points of a commit at which a test lets the process die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// A batch was begun and nothing is decided.
    Begun,
    /// Everything is decided and nothing is written.
    Decided,
    /// The batch is durable and nobody was answered.
    Committed,
}

impl CrashPoint {
    /// Every point with its name.
    pub const ALL: [(&'static str, Self); 3] =
        [("begun", Self::Begun), ("decided", Self::Decided), ("committed", Self::Committed)];
}

/// What the committer runs with.
pub struct Config {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where, and from which batch on, the process dies: for crash tests.
    pub crash: Option<(CrashPoint, u64)>,
}

/// The committer's thread. It ends when every [`Submit`] is gone and the queue is empty, or at once
/// when the outcome of a commit cannot be known.
pub type Running = JoinHandle<Result<(), StoreError>>;

/// Starts the committer on a thread of its own.
///
/// # Errors
/// When the machine gives no thread or runtime.
pub fn start<S: Store>(
    store: S,
    config: Config,
) -> std::io::Result<(Submit, Running, oneshot::Receiver<()>)> {
    let (queue, submissions) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let (committed_to, committed) = watch::channel(0);
    let (ended, has_ended) = oneshot::channel();
    let stats = Arc::new(CommitterStats::default());
    let submit = Submit { queue, stats: stats.clone(), committed };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut committer =
        Committer { store, config, stats, committed_to, state: State::default(), batches: 0 };
    let thread = std::thread::Builder::new().name("committer".into()).spawn(move || {
        let result = runtime.block_on(committer.run(submissions));
        let _ = ended.send(());
        result
    })?;
    Ok((submit, thread, has_ended))
}

struct Committer<S> {
    store: S,
    config: Config,
    stats: Arc<CommitterStats>,
    committed_to: watch::Sender<i64>,
    state: State,
    batches: u64,
}

/// What a command counts against [`BATCH_WEIGHT_MAX`].
fn weight(command: &Command) -> usize {
    use onhand_core::{inventory, orders};
    match command {
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
    }
}

impl<S: Store> Committer<S> {
    async fn run(&mut self, mut queue: mpsc::Receiver<Submission>) -> Result<(), StoreError> {
        let mut waiting: VecDeque<Submission> = VecDeque::new();
        let mut taken = Vec::with_capacity(BATCH_COMMANDS_MAX);
        loop {
            if waiting.is_empty() {
                if queue.recv_many(&mut taken, BATCH_COMMANDS_MAX).await == 0 {
                    return self.store.close().await;
                }
                waiting.extend(taken.drain(..));
            }
            let mut batch = Vec::with_capacity(waiting.len());
            let mut total = 0;
            while let Some(next) = waiting.front() {
                total += weight(&next.command);
                if !batch.is_empty() && total > BATCH_WEIGHT_MAX {
                    break;
                }
                batch.extend(waiting.pop_front());
            }
            self.carry_out(batch).await?;
            if let Err(error) = self.store.between_batches().await {
                tracing::warn!(%error, "work between batches failed");
            }
        }
    }

    /// Runs a batch to its end: again after a conflict, in halves when that does not help.
    async fn carry_out(&mut self, batch: Vec<Submission>) -> Result<(), StoreError> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let mut reruns = 0;
            let error = loop {
                match self.run_once(&part).await {
                    Ok(verdicts) => {
                        answer(part, verdicts);
                        break None;
                    }
                    Err(StoreError::Conflict { table }) if reruns < BATCH_RERUNS_MAX => {
                        tracing::debug!(table, reruns, "conflict: the batch runs again");
                        reruns += 1;
                    }
                    Err(error) => break Some((error, part)),
                }
            };
            match error {
                None => {}
                Some((
                    error @ (StoreError::Conflict { .. } | StoreError::Corrupt { .. }),
                    mut part,
                )) if part.len() > 1 => {
                    tracing::warn!(%error, commands = part.len(), "the batch is split");
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                Some((error, part)) => {
                    tracing::error!(%error, commands = part.len(), "the batch failed");
                    fail(part, &error);
                    if let StoreError::Unknown { .. } = error {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    async fn run_once(&mut self, part: &[Submission]) -> Result<Vec<Verdict>, StoreError> {
        self.batches += 1;
        let crash = self.config.crash.filter(|(_, from)| *from <= self.batches);
        let mut run = Run {
            store: &mut self.store,
            state: &mut self.state,
            clock: &*self.config.clock,
            crash: crash.map(|(point, _)| point),
        };
        let result = run.run(part).await;
        match &result {
            Ok(done) => {
                self.state.end_batch(batch::warm_products::<S>());
                self.stats.commands.fetch_add(part.len() as u64, Ordering::Relaxed);
                if let Some(event) = done.committed_to {
                    self.stats.batches.fetch_add(1, Ordering::Relaxed);
                    self.committed_to.send_replace(event);
                }
            }
            Err(error) => {
                self.state = State::default();
                if !matches!(error, StoreError::Unknown { .. })
                    && let Err(error) = self.store.rollback().await
                {
                    tracing::error!(%error, "rollback failed");
                }
            }
        }
        result.map(|done| done.verdicts)
    }
}

fn answer(part: Vec<Submission>, verdicts: Vec<Verdict>) {
    for (submission, verdict) in part.into_iter().zip(verdicts) {
        // A caller that went away does not need its answer; the outcome is stored under its key.
        let _ = submission.reply.send(verdict);
    }
}

fn fail(part: Vec<Submission>, error: &StoreError) {
    let verdict = match error {
        StoreError::Unknown { .. } => SubmitError::OutcomeUnknown,
        StoreError::Full => SubmitError::Full,
        StoreError::Conflict { .. } | StoreError::Unavailable { .. } => {
            SubmitError::Unavailable(error.to_string())
        }
        StoreError::Corrupt { .. } => SubmitError::Internal(error.to_string()),
    };
    for submission in part {
        let _ = submission.reply.send(Err(verdict.clone()));
    }
}

/// Outcomes by key within one batch, so that one key has one effect.
#[derive(Debug, Default)]
pub(crate) struct KeysOfBatch(HashMap<([u8; 16], i64), ([u8; 32], usize)>);

impl KeysOfBatch {
    /// The position of the command that had this key first, with its fingerprint.
    pub(crate) fn first(&self, key: &IdempotencyKey) -> Option<([u8; 32], usize)> {
        self.0.get(&(key.key, key.scope)).copied()
    }

    pub(crate) fn insert(&mut self, key: &IdempotencyKey, position: usize) {
        self.0.insert((key.key, key.scope), (key.fingerprint, position));
    }
}

pub(crate) fn replay_of(first: &Verdict) -> Verdict {
    first.clone().map(|answer| Answer { replayed: true, ..answer })
}

pub(crate) fn done(reply: Reply) -> Verdict {
    Ok(Answer { outcome: Ok(reply), replayed: false })
}
