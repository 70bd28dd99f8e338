//! The committer: one task that owns the write connection, takes whatever has queued up while the
//! last batch was being committed, lets the core decide command by command, and commits once. The
//! batch is answered when it is durable (`flush.rs`), while the next one is being decided. It never
//! asks the network for anything and knows no rule.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use onhand_core::accounts::Access;
use onhand_core::command::Reply;
use onhand_core::payments::Policy;
use onhand_core::{Actor, Command, State};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::flush::Flusher;
use crate::idempotency::{IdempotencyKey, Outcome};
use crate::limits::{COMMITTER_STACK_BYTES, QUEUE_COMMANDS_MAX, TRY_AGAIN_PAUSE};
use crate::stats::{Histogram, SIZE_BOUNDS, Tally};
use crate::store::{Store, StoreError};
use crate::turns::Committer;
use crate::watch::{Watch, Watching};

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

/// Who hands a command in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub actor: Actor,
    /// What they were let in with.
    pub access: Access,
}

/// The server itself and this machine, which nobody lets in; a user or a key is looked at.
impl From<Actor> for Caller {
    fn from(actor: Actor) -> Self {
        Self { actor, access: Access::WHOLE }
    }
}

/// A command on its way to the committer.
#[derive(Debug)]
pub struct Submission {
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub caller: Caller,
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
#[derive(Debug)]
pub struct CommitterStats {
    /// Commits.
    pub batches: AtomicU64,
    /// Commands decided, refusals included.
    pub commands: AtomicU64,
    /// Those of them that the server has not given itself.
    pub asked: AtomicU64,
    /// Commands of that kind that each of them was decided together with, itself included, in all:
    /// by their number, the size of a batch as a customer sees it, whatever small ones there are
    /// beside, and whatever the server's own workers hand in.
    pub company: AtomicU64,
    /// How many commands each batch had.
    pub sizes: Histogram,
    /// How long each batch that was written took, from its begin until it was durable.
    pub commit: Histogram,
    /// How long each flush of the log took. A server makes its commits durable itself.
    pub flush: Histogram,
    /// Commands that were lawfully refused, by code.
    pub refused: Tally,
    /// Runs of batches that came to nothing, by reason.
    pub failed: Tally,
    /// How often rights were taken away, as far as this process has heard.
    pub(crate) rights: AtomicI64,
}

impl Default for CommitterStats {
    fn default() -> Self {
        Self {
            batches: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            company: AtomicU64::new(0),
            sizes: Histogram::new(SIZE_BOUNDS),
            commit: Histogram::of_durations(),
            flush: Histogram::of_durations(),
            refused: Tally::default(),
            failed: Tally::default(),
            rights: AtomicI64::new(0),
        }
    }
}

/// The way to the committer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Submit {
    queue: mpsc::Sender<Submission>,
    stats: Arc<CommitterStats>,
    durable: Arc<watch::Sender<i64>>,
    watching: Watching,
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
        caller: impl Into<Caller>,
        key: Option<IdempotencyKey>,
    ) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let submission = Submission { command, caller: caller.into(), key, reply };
        match self.queue.try_send(submission) {
            Ok(()) => answer.await.unwrap_or(Err(SubmitError::OutcomeUnknown)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(SubmitError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(SubmitError::Stopping),
        }
    }

    /// The same, and again where nothing was done because there is no room or the store is away,
    /// for so long: for work that nobody stands and waits for.
    ///
    /// # Errors
    /// [`SubmitError`], of the last try.
    pub async fn submit_within(
        &self,
        most: Duration,
        command: Command,
        caller: impl Into<Caller>,
        key: Option<IdempotencyKey>,
    ) -> Verdict {
        let (caller, until) = (caller.into(), Instant::now() + most);
        loop {
            match self.submit(command.clone(), caller.clone(), key).await {
                Err(SubmitError::Overloaded | SubmitError::Unavailable(_))
                    if Instant::now() < until =>
                {
                    sleep(TRY_AGAIN_PAUSE).await;
                }
                verdict => return verdict,
            }
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

    /// How often rights were taken away, by whichever process, as of the newest batch of this one:
    /// what was looked up at a lower count may be out of date.
    pub fn rights(&self) -> i64 {
        self.stats.rights.load(Ordering::Relaxed)
    }

    /// Changes with the position of the newest durable event, whichever process wrote it.
    pub fn durable(&self) -> watch::Receiver<i64> {
        self.durable.subscribe()
    }

    /// Has somebody told of each change by a command that is handed in from now on. There can be
    /// one, the first.
    pub fn watch(&self, watch: Arc<dyn Watch>) {
        self.watching.begin(watch);
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
    /// What the shop has decided about payments.
    pub policy: Arc<Policy>,
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
    let watching = Watching::default();
    let submit = Submit {
        queue,
        stats: stats.clone(),
        durable: durable.clone(),
        watching: watching.clone(),
    };
    // Connections are driven by the same thread: on a busy machine each hand-over to another one
    // waits for a processor, several times for each batch.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.thread_name("store").max_blocking_threads(1).enable_all().build()?;
    let flusher = Flusher { flush: store.flusher()?, durable_to: durable, stats: stats.clone() };
    let mut committer = Committer {
        sent: VecDeque::new(),
        store,
        config,
        stats,
        flushing: flusher.start()?,
        state: State::default(),
        watching,
        batches: 0,
        is_away: false,
    };
    let thread = std::thread::Builder::new().name("committer".into());
    let thread = thread.stack_size(COMMITTER_STACK_BYTES).spawn(move || {
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
