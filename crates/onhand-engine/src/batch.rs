//! One run of one batch, from its begin until all is decided: outcomes of known keys, the rows that
//! the commands name, each command decided on what the ones before it left. A run that fails leaves
//! nothing behind and may be repeated.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use onhand_core::command::Reply;
use onhand_core::payments::Policy;
use onhand_core::{
    Command, Context, Decision, Needs, Numbering, Refusal, State, Stop, Timestamp, decide,
};

use crate::clock::Clock;
use crate::committer::{
    Answer, Caller, CrashPoint, KeysOfBatch, Submission, SubmitError, Verdict, done, replay_of,
};
use crate::idempotency::{IdempotencyKey, StoredOutcome};
use crate::limits::{LOAD_ROUNDS_MAX, NAMING_STEPS_MAX};
use crate::store::{Batch, Begun, FoundOutcome, Store, StoreError};

/// What one run works with.
pub(crate) struct Run<'a, S> {
    pub(crate) store: &'a mut S,
    pub(crate) state: &'a mut State,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) crash: Option<CrashPoint>,
}

/// What a run came to.
pub(crate) struct Decided {
    /// One per command, in order.
    pub(crate) verdicts: Vec<Verdict>,
    /// What is to be written, if anything.
    pub(crate) batch: Option<Arc<Batch>>,
    /// How often rights were taken away, this batch included.
    pub(crate) rights: i64,
    /// Whether others write to the store too: nothing can be kept at hand for the next batch.
    pub(crate) others_wrote: bool,
}

/// Outcomes of earlier batches by key and scope.
type Found = HashMap<([u8; 16], i64), FoundOutcome>;

/// What came of one command.
enum Outcome {
    Done(Box<Decision>),
    Refused(Refusal),
    Failed(String),
}

impl<S: Store> Run<'_, S> {
    pub(crate) async fn run(&mut self, part: &[Submission]) -> Result<Decided, StoreError> {
        let mut keys: Vec<IdempotencyKey> = part.iter().filter_map(|one| one.key).collect();
        keys.sort_unstable_by_key(|key| (key.key, key.scope));
        for submission in part {
            if let Command::Imports(command) = &submission.command {
                self.state.let_pass(command.skus());
            }
        }
        let mut needs = self.named(part);
        // Which holds have run out is asked when the time of the batch is known.
        let timed = needs.take_timed();
        let begun = self.begin(part, &keys, &needs).await?;
        let now = self.clock.of_batch(begun.time).max(begun.recorded_at);
        self.load(timed, now).await?;
        self.load_by_steps(part, now).await?;
        let found: Found = keys
            .iter()
            .zip(begun.outcomes)
            .filter_map(|(key, found)| Some(((key.key, key.scope), found?)))
            .collect();
        let mut batch = Batch::of_nothing(begun.batch, now, begun.numbering, part.len());
        let mut verdicts: Vec<Verdict> = Vec::with_capacity(part.len());
        let mut keys = KeysOfBatch::default();
        for (position, submission) in part.iter().enumerate() {
            let verdict = match self.replayed(submission, &keys, &verdicts, &found).await? {
                Some(verdict) => verdict,
                None => {
                    if let Some(key) = &submission.key {
                        keys.insert(key, position);
                    }
                    self.decide_and_take_in(submission, &mut batch).await?
                }
            };
            verdicts.push(verdict);
        }
        self.crash_at(CrashPoint::Decided);
        let (others_wrote, rights) = (begun.others_wrote, batch.numbering.rights);
        let nothing_to_write =
            batch.rows.is_empty() && batch.events.is_empty() && batch.outcomes.is_empty();
        if nothing_to_write {
            self.store.rollback().await?;
            return Ok(Decided { verdicts, batch: None, rights, others_wrote });
        }
        Ok(Decided { verdicts, batch: Some(Arc::new(batch)), rights, others_wrote })
    }

    fn crash_at(&self, point: CrashPoint) {
        if self.crash == Some(point) {
            point.die();
        }
    }

    /// Begins the batch. What is at hand from earlier ones is loaded anew when others wrote.
    async fn begin(
        &mut self,
        part: &[Submission],
        keys: &[IdempotencyKey],
        needs: &Needs,
    ) -> Result<Begun, StoreError> {
        let is_warm = !self.state.is_empty();
        let begun = self.store.begin(keys, needs, self.state).await?;
        self.crash_at(CrashPoint::Begun);
        if begun.others_wrote && is_warm {
            *self.state = State::default();
            let mut needs = self.named(part);
            needs.take_timed();
            self.load(needs, begun.recorded_at).await?;
        }
        Ok(begun)
    }

    /// The rows that the commands name and that are not at hand.
    fn named(&self, part: &[Submission]) -> Needs {
        let mut needs = Needs::default();
        for submission in part {
            submission.command.names(self.state, &mut needs);
            submission.command.names_of_own(&submission.caller.access, &mut needs);
        }
        self.state.subtract_known(&mut needs);
        needs
    }

    /// Loads together what the commands name that name more once their first rows are at hand. A
    /// batch without such commands asks nothing.
    async fn load_by_steps(
        &mut self,
        part: &[Submission],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let commands = part.iter().map(|submission| &submission.command);
        let commands: Vec<_> = commands.filter(|command| command.names_by_steps()).collect();
        if commands.is_empty() {
            return Ok(());
        }
        for _ in 0..NAMING_STEPS_MAX {
            let mut needs = Needs::default();
            for command in &commands {
                command.names(self.state, &mut needs);
            }
            self.state.subtract_known(&mut needs);
            if needs.is_empty() {
                break;
            }
            self.store.load(&needs, now, self.state).await?;
        }
        Ok(())
    }

    async fn load(&mut self, mut needs: Needs, now: Timestamp) -> Result<(), StoreError> {
        self.state.subtract_known(&mut needs);
        if needs.is_empty() {
            return Ok(());
        }
        self.store.load(&needs, now, self.state).await
    }

    /// The answer to an earlier command with the same key, if there was one.
    async fn replayed(
        &mut self,
        submission: &Submission,
        keys: &KeysOfBatch,
        verdicts: &[Verdict],
        found: &Found,
    ) -> Result<Option<Verdict>, StoreError> {
        let Some(key) = &submission.key else {
            return Ok(None);
        };
        if let Some((fingerprint, position)) = keys.first(key) {
            let first = verdicts.get(position).filter(|_| fingerprint == key.fingerprint);
            return Ok(Some(first.map_or(Err(SubmitError::KeyReused), replay_of)));
        }
        let Some(found) = found.get(&(key.key, key.scope)) else {
            return Ok(None);
        };
        if found.fingerprint != key.fingerprint {
            return Ok(Some(Err(SubmitError::KeyReused)));
        }
        let outcome = match &found.outcome {
            StoredOutcome::Event(seq) => {
                Ok(Reply::Order(self.store.order_of_event(*seq).await?.into()))
            }
            StoredOutcome::Reply(reply) => Ok(reply.clone()),
            StoredOutcome::Refusal(refusal) => Err(refusal.clone()),
        };
        Ok(Some(Ok(Answer { outcome, replayed: true })))
    }

    async fn decide_and_take_in(
        &mut self,
        submission: &Submission,
        batch: &mut Batch,
    ) -> Result<Verdict, StoreError> {
        let (stored, verdict) = match self.decide(submission, batch.now, batch.numbering).await? {
            Outcome::Done(decision) => {
                let stored = submission.key.map(|_| StoredOutcome::of_decision(&decision));
                let decision = *decision;
                batch.rows.merge(&decision.changes, self.state);
                batch.numbering = decision.numbering;
                self.state.apply(decision.changes, &decision.movements);
                batch.movements.extend(decision.movements);
                batch.marks.extend(decision.marks);
                batch.events.extend(decision.events);
                (stored, done(decision.reply))
            }
            Outcome::Refused(refusal) => {
                let key = submission.key.filter(|_| refusal.is_remembered());
                let stored = key.map(|_| StoredOutcome::Refusal(refusal.clone()));
                (stored, Ok(Answer { outcome: Err(refusal), replayed: false }))
            }
            Outcome::Failed(reason) => (None, Err(SubmitError::Internal(reason))),
        };
        batch.outcomes.extend(submission.key.zip(stored));
        Ok(verdict)
    }

    /// Decides one command, loading what it turns out to need. A rule that panics fails its own
    /// command.
    async fn decide(
        &mut self,
        submission: &Submission,
        now: Timestamp,
        numbering: Numbering,
    ) -> Result<Outcome, StoreError> {
        let Caller { actor, access } = submission.caller.clone();
        let policy = self.policy.clone();
        let context = Context { now, actor, access, numbering, policy };
        for _ in 0..LOAD_ROUNDS_MAX {
            let state = &*self.state;
            let decided =
                catch_unwind(AssertUnwindSafe(|| decide(state, &submission.command, &context)));
            match decided {
                Ok(Ok(decision)) => return Ok(Outcome::Done(Box::new(decision))),
                Ok(Err(Stop::Refused(refusal))) => return Ok(Outcome::Refused(refusal)),
                Ok(Err(Stop::Missing(needs))) => self.load(*needs, now).await?,
                Err(panic) => {
                    let reason = panic
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                        .unwrap_or_default();
                    tracing::error!(reason, "a rule panicked: its command fails alone");
                    return Ok(Outcome::Failed(reason));
                }
            }
        }
        Ok(Outcome::Failed("a rule goes on naming rows that are not there".into()))
    }
}
