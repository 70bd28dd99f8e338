//! The committer: one task that owns the write connection, takes whatever has queued up while the
//! last batch was being committed, lets the core decide command by command, and commits once. The
//! batch is answered when it is durable (`flush.rs`), while the next one is being decided. It never
//! asks the network for anything and knows no rule.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use onhand_core::command::Reply;
use onhand_core::{Actor, Command, State};
use tokio::sync::{mpsc, oneshot, watch};

use crate::batch::{Done, Run};
use crate::clock::Clock;
use crate::flush::{Committed, Flusher, Flushing};
use crate::idempotency::{IdempotencyKey, Outcome};
use crate::limits::{
    BATCH_COMMANDS_MAX, BATCH_RERUNS_MAX, BATCH_WEIGHT_MAX, QUEUE_COMMANDS_MAX, WARM_PRODUCTS_MAX,
};
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

impl Submission {
    pub(crate) fn answer(self, verdict: Verdict) {
        // A caller that went away does not need its answer; the outcome is stored under its key.
        let _ = self.reply.send(verdict);
    }
}

/// Counters of the committer since it started.
#[derive(Debug, Default)]
pub struct CommitterStats {
    /// Commits.
    pub batches: AtomicU64,
    /// Commands decided, refusals included.
    pub commands: AtomicU64,
}

/// The way to the committer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Submit {
    queue: mpsc::Sender<Submission>,
    stats: Arc<CommitterStats>,
    durable: Arc<watch::Sender<i64>>,
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

    /// Changes with the position of the newest durable event, whichever process wrote it.
    pub fn durable(&self) -> watch::Receiver<i64> {
        self.durable.subscribe()
    }

    /// Where it is told how far the log is.
    pub(crate) fn durable_to(&self) -> &Arc<watch::Sender<i64>> {
        &self.durable
    }
}

/// Named points of a commit at which a test lets the process die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    /// A batch was begun and nothing is decided.
    Begun,
    /// Everything is decided and nothing is written.
    Decided,
    /// The batch is written and not yet durable.
    Written,
    /// The batch is durable and nobody was answered.
    Durable,
}

impl CrashPoint {
    /// Every point with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("begun", Self::Begun),
        ("decided", Self::Decided),
        ("written", Self::Written),
        ("durable", Self::Durable),
    ];

    /// Lets the process die here.
    pub(crate) fn die(self) -> ! {
        tracing::error!(point = ?self, "crash point reached: the process dies");
        std::process::abort()
    }
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
    mut store: S,
    config: Config,
) -> std::io::Result<(Submit, Running, oneshot::Receiver<()>)> {
    let (queue, submissions) = mpsc::channel(QUEUE_COMMANDS_MAX);
    let durable = Arc::new(watch::Sender::new(0));
    let (ended, has_ended) = oneshot::channel();
    let stats = Arc::new(CommitterStats::default());
    let submit = Submit { queue, stats: stats.clone(), durable: durable.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let flusher = Flusher { flush: store.flusher()?, durable_to: durable };
    let mut committer = Committer {
        store,
        config,
        stats,
        flushing: flusher.start()?,
        state: State::default(),
        batches: 0,
        is_away: false,
    };
    let thread = std::thread::Builder::new().name("committer".into()).spawn(move || {
        let result = runtime.block_on(committer.run(submissions));
        // What was committed before it ended is answered, whatever ended it.
        let result = result.and(committer.flushing.finish());
        let result = match result {
            Ok(()) => runtime.block_on(committer.store.close()),
            Err(error) => Err(error),
        };
        let _ = ended.send(());
        result
    })?;
    Ok((submit, thread, has_ended))
}

struct Committer<S> {
    store: S,
    config: Config,
    stats: Arc<CommitterStats>,
    flushing: Flushing,
    state: State,
    batches: u64,
    /// Whether the newest batch failed because the store was away.
    is_away: bool,
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
    /// Ends when nobody can submit any more, or with an error when the outcome of a commit cannot
    /// be known: then what is still waiting was not begun, and is told so.
    async fn run(&mut self, mut queue: mpsc::Receiver<Submission>) -> Result<(), StoreError> {
        let mut waiting: VecDeque<Submission> = VecDeque::new();
        let result = self.carry_out_all(&mut queue, &mut waiting).await;
        queue.close();
        waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        for submission in waiting {
            submission.answer(Err(SubmitError::Stopping));
        }
        result
    }

    async fn carry_out_all(
        &mut self,
        queue: &mut mpsc::Receiver<Submission>,
        waiting: &mut VecDeque<Submission>,
    ) -> Result<(), StoreError> {
        let mut taken = Vec::with_capacity(BATCH_COMMANDS_MAX);
        loop {
            if waiting.is_empty() {
                let count = tokio::select! {
                    biased;
                    error = self.flushing.failed() => return Err(error),
                    count = queue.recv_many(&mut taken, BATCH_COMMANDS_MAX) => count,
                };
                if count == 0 {
                    return Ok(());
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
                    Ok(Done { verdicts, event, .. }) => {
                        let crash = self.crash();
                        self.flushing.hand_on(Committed { part, verdicts, event, crash })?;
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
                    self.report(&error, part.len());
                    fail(part, &error);
                    if let StoreError::Unknown { .. } = error {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Says once that the store is away, and not for each batch until it is back: whoever is called
    /// at night has to find the line that matters.
    fn report(&mut self, error: &StoreError, commands: usize) {
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

    async fn run_once(&mut self, part: &[Submission]) -> Result<Done, StoreError> {
        self.batches += 1;
        let crash = self.crash();
        let mut run = Run {
            store: &mut self.store,
            state: &mut self.state,
            clock: &*self.config.clock,
            crash,
        };
        let result = run.run(part).await;
        match &result {
            Ok(done) => {
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("the store is back");
                }
                self.state.end_batch(WARM_PRODUCTS_MAX);
                if done.others_wrote {
                    self.state = State::default();
                }
                self.stats.commands.fetch_add(part.len() as u64, Ordering::Relaxed);
                if done.event.is_some() {
                    self.stats.batches.fetch_add(1, Ordering::Relaxed);
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
        result
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
