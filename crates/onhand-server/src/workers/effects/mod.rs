//! Does what is owed to gateways. Leases what is due in batches, asks side by side up to a
//! bound, and settles what came of it in batches again: however many orders there are in a
//! second, there are few commits for it. A worker that dies loses nothing: its leases run out,
//! and the next one asks the gateway first.

mod breaker;
pub(in crate::workers) mod pace;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use onhand_core::command::Reply;
use onhand_core::effects::{Command, Outcome as Ending, Settlement};
use onhand_core::limits::EFFECTS_LEASED_MAX;
use onhand_core::payments::{Call, Provider, Seen, Task};
use onhand_core::{Actor, Command as AnyCommand, Timestamp};
use onhand_engine::SubmitError;
use onhand_engine::clock::Clock;
use onhand_engine::committer::{Answer, Submit};
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use self::breaker::Breaker;
use self::pace::{Budget, backoff};
use crate::adapters::gateways::Outcome;
use crate::adapters::gateways::http::bounded;
use crate::limits::{BREAKER_OPEN, EFFECTS_AT_ONCE_MAX, EFFECTS_LOOK_EVERY, EFFECTS_STOP_TIMEOUT};
use crate::metrics::Work as Counted;
use crate::payments::gateways::Gateways;
use crate::telemetry::spans;
use crate::telemetry::trail::Trail;
use crate::workers::rush::Rush;

/// What a worker works with.
#[derive(Clone)]
pub struct Tools {
    /// The way to the committer.
    pub submit: Submit,
    /// Who is asked.
    pub gateways: Arc<Gateways>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Somebody owes something since just now.
    pub wake: Arc<Notify>,
    /// How long it waits.
    pub timing: Timing,
    /// Where calls are counted.
    pub counted: Arc<Counted>,
    /// Which requests have changed the newest orders.
    pub trail: Trail,
}

/// How long whoever asks gateways waits, and is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long what is leased is nobody else's.
    pub lease: Duration,
    /// Longest wait before the first repetition of a call; with each further one it doubles.
    pub backoff_base: Duration,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

struct Worker {
    tools: Tools,
    asking: JoinSet<(Task, Seen, Outcome)>,
    /// What is being asked, should the answer never come.
    tasks: HashMap<Id, Task>,
    /// What came of calls and is not settled yet.
    finished: Vec<Settlement>,
    breakers: BTreeMap<Provider, Breaker>,
    budget: Budget,
    rush: Rush,
}

/// Works until `stop` completes; then gives back what it has not done.
pub async fn run(tools: Tools, stop: impl Future<Output = ()>) {
    let mut worker = Worker {
        tools,
        asking: JoinSet::new(),
        tasks: HashMap::new(),
        finished: Vec::new(),
        breakers: BTreeMap::new(),
        budget: Budget::default(),
        rush: Rush::new(Instant::now()),
    };
    tokio::pin!(stop);
    let (mut has_more, mut look_at) = (true, Instant::now());
    loop {
        let rush = worker.rush.calls(Instant::now(), worker.tools.submit.stats());
        let is_rush = rush.is_some();
        let is_idle = worker.asking.is_empty() && !has_more && !is_rush;
        let mut is_time = !is_rush;
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(done) = worker.asking.join_next_with_id() => worker.note(done),
            () = worker.tools.wake.notified(), if is_idle => {}
            () = tokio::time::sleep_until(look_at), if !has_more => {
                worker.budget.pass();
                (look_at, is_time) = (Instant::now() + EFFECTS_LOOK_EVERY, true);
            }
            () = std::future::ready(()), if has_more && worker.asking.is_empty() => {}
        }
        while let Some(done) = worker.asking.try_join_next_with_id() {
            worker.note(done);
        }
        if !is_time && !worker.asking.is_empty() {
            continue;
        }
        let at_once = match rush {
            None => EFFECTS_AT_ONCE_MAX,
            Some(calls) if is_time => calls,
            Some(_) => 0,
        };
        match worker.turn(at_once).await {
            Ok(may_be_more) => has_more = may_be_more && !is_rush,
            Err(SubmitError::Stopping) => return,
            Err(error) => {
                tracing::warn!(%error, "what is owed to gateways waits; trying again");
                tokio::time::sleep(EFFECTS_LOOK_EVERY).await;
            }
        }
    }
    worker.stop().await;
}

impl Worker {
    /// Hands in what came of calls and, in the same batch, leases what is due where there is room.
    /// Answers whether there may be more.
    async fn turn(&mut self, at_once: usize) -> Result<bool, SubmitError> {
        let free = at_once.saturating_sub(self.asking.len());
        let is_lease = free > 0 && free >= at_once / 2 && !self.are_all_open();
        let most = free.min(EFFECTS_LEASED_MAX);
        let finished = self.finished.len().min(EFFECTS_LEASED_MAX);
        let settlements: Vec<_> = self.finished.iter().take(finished).cloned().collect();
        let settle = async {
            if settlements.is_empty() {
                return Ok(());
            }
            self.settle(settlements).await
        };
        let lease = async { if is_lease { self.lease(most).await } else { Ok(Vec::new()) } };
        let (settled, leased) = tokio::join!(settle, lease);
        if settled.is_ok() {
            self.finished.drain(..finished);
        }
        let leased = leased?;
        let may_be_more = is_lease && leased.len() == most;
        for task in leased {
            self.begin(task);
        }
        settled?;
        Ok(may_be_more || !self.finished.is_empty())
    }

    /// Leases what is due.
    async fn lease(&self, most: usize) -> Result<Vec<Task>, SubmitError> {
        let secs = i64::try_from(self.tools.timing.lease.as_secs()).unwrap_or(i64::MAX);
        let command = Command::Lease { most, secs };
        match self.submit(command).await? {
            Answer { outcome: Ok(Reply::Tasks(tasks)), .. } => Ok(tasks),
            answer => {
                tracing::error!(?answer, "a lease was answered with something else");
                Ok(Vec::new())
            }
        }
    }

    /// Asks, unless the gateway is down or too much is asked again and again.
    fn begin(&mut self, task: Task) {
        let is_first = task.tries == 0 || matches!(task.call, Call::Fetch { .. });
        let now = Instant::now();
        let breaker = self.breakers.entry(task.provider).or_default();
        if !self.budget.allows(is_first) || !breaker.allows(now) {
            let again_at = self.after(BREAKER_OPEN);
            self.finished.push(settlement(task, Seen::default(), Ending::Untried, again_at));
            return;
        }
        let (gateways, asked) = (self.tools.gateways.clone(), task.clone());
        let counted = self.tools.counted.clone();
        let span = spans::effect(&self.tools.trail, task.order_id);
        let asking = async move {
            let began = Instant::now();
            let answer = gateways.call(&asked).await;
            counted.call_took(asked.provider, began.elapsed());
            (asked, answer.seen, answer.outcome)
        };
        let handle = self.asking.spawn(asking.instrument(span));
        self.tasks.insert(handle.id(), task);
    }

    fn note(&mut self, done: Result<(Id, (Task, Seen, Outcome)), tokio::task::JoinError>) {
        let (task, seen, outcome) = match done {
            Ok((id, done)) => {
                self.tasks.remove(&id);
                done
            }
            Err(error) => {
                let Some(task) = self.tasks.remove(&error.id()) else { return };
                tracing::error!(%error, call = ?task.call, "an adapter panicked");
                (task, Seen::default(), Outcome::Unknown(bounded("the adapter panicked")))
            }
        };
        self.tools.counted.called(task.provider, &task.call, &outcome);
        let breaker = self.breakers.entry(task.provider).or_default();
        breaker.note(Instant::now(), is_answer(&outcome));
        let wait = match &outcome {
            Outcome::Retry { after: Some(after), .. } => *after,
            Outcome::Done
            | Outcome::Declined(_)
            | Outcome::Retry { after: None, .. }
            | Outcome::Unknown(_) => backoff(task.tries, self.tools.timing.backoff_base),
        };
        let again_at = self.after(wait);
        let ending = match outcome {
            Outcome::Done => Ending::Done,
            Outcome::Declined(reason) => Ending::Declined(reason),
            Outcome::Retry { reason, .. } => Ending::Retry(reason),
            Outcome::Unknown(reason) => Ending::Unknown(reason),
        };
        self.finished.push(settlement(task, seen, ending, again_at));
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), SubmitError> {
        let answer = self.submit(Command::Settle { settlements }).await?;
        if !matches!(answer, Answer { outcome: Ok(Reply::Settled { .. }), .. }) {
            tracing::error!(?answer, "what came of calls was not taken in");
        }
        Ok(())
    }

    async fn submit(&self, command: Command) -> Result<Answer, SubmitError> {
        self.tools.submit.submit(AnyCommand::Effects(command), Actor::System, None).await
    }

    fn are_all_open(&self) -> bool {
        let now = Instant::now();
        !self.breakers.is_empty() && self.breakers.values().all(|breaker| breaker.is_open(now))
    }

    fn after(&self, wait: Duration) -> Timestamp {
        let now = self.tools.clock.now();
        now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Waits for the answers that are on their way, and gives back what stays without one.
    async fn stop(mut self) {
        let answers = async {
            while let Some(done) = self.asking.join_next_with_id().await {
                self.note(done);
            }
        };
        if timeout(EFFECTS_STOP_TIMEOUT, answers).await.is_err() {
            self.asking.abort_all();
            let now = self.tools.clock.now();
            for (_, task) in std::mem::take(&mut self.tasks) {
                let ending = Ending::Unknown(bounded("the server stopped before the answer came"));
                self.finished.push(settlement(task, Seen::default(), ending, now));
            }
        }
        while !self.finished.is_empty() {
            let most = self.finished.len().min(EFFECTS_LEASED_MAX);
            let settlements = self.finished.drain(..most).collect();
            if let Err(error) = self.settle(settlements).await {
                tracing::warn!(%error, "what came of the last calls is lost: it is asked for");
                return;
            }
        }
    }
}

fn settlement(task: Task, seen: Seen, outcome: Ending, again_at: Timestamp) -> Settlement {
    let Task { epoch, order_id, provider, call, .. } = task;
    Settlement { epoch, order_id, provider, call, seen, outcome, again_at }
}

/// Whether the gateway is there: also a no is an answer.
fn is_answer(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done | Outcome::Declined(_) => true,
        Outcome::Retry { .. } | Outcome::Unknown(_) => false,
    }
}
