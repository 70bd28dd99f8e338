//! A store that fails on demand: it speaks the real trait over a real store, so that what the
//! committer does about an error is tested with the transactions that it has to end. Knows no test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use onhand_core::inventory::Reservation;
use onhand_core::orders::Order;
use onhand_core::{Needs, State, Timestamp};
use onhand_engine::store::{Batch, Begun, Flush, Others, Store, StoreError};
use onhand_engine::{IdempotencyKey, StoreError as Error};
use tokio::sync::oneshot;

/// What the committer may ask of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Begin,
    Outcomes,
    Load,
    Commit,
    Flush,
    Rollback,
    BetweenBatches,
}

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Conflict,
    Unavailable,
    Full,
    Corrupt,
    /// Nothing is written, and nobody can know it.
    UnknownAndLost,
    /// Everything is written, and nobody can know it.
    UnknownAndDone,
}

impl Fault {
    fn error(self) -> StoreError {
        let reason = "so the test wants it".to_owned();
        match self {
            Self::Conflict => Error::Conflict { table: "orders" },
            Self::Unavailable => Error::Unavailable { reason },
            Self::Full => Error::Full,
            Self::Corrupt => Error::Corrupt { table: "orders", reason },
            Self::UnknownAndLost | Self::UnknownAndDone => Error::Unknown { reason },
        }
    }
}

/// Which calls of a step fail.
#[derive(Debug, Clone, Copy)]
enum Aim {
    /// So many more.
    Next(u32),
    /// Every commit of a batch that leaves an outcome under this key.
    BatchWith([u8; 16]),
}

#[derive(Debug)]
struct Trap {
    step: Step,
    aim: Aim,
    fault: Fault,
}

/// Where the committer waits between two batches.
#[derive(Debug)]
struct Stand {
    /// Whether a batch has begun since: the end of the one before is not meant.
    has_begun: bool,
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

/// Where a flush waits.
#[derive(Debug)]
struct Held {
    reached: oneshot::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

#[derive(Debug, Default)]
struct Plan {
    traps: Vec<Trap>,
    stand: Option<Stand>,
    held_flush: Option<Held>,
    tampered: Option<Reservation>,
    steps: Vec<Step>,
}

/// The test's end of a [`Faulty`] store. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next calls of a step fail.
    pub(crate) fn next(&self, step: Step, times: u32, fault: Fault) {
        self.plan().traps.push(Trap { step, aim: Aim::Next(times), fault });
    }

    /// Lets every commit fail that would write the outcome of this key.
    pub(crate) fn commits_with(&self, key: IdempotencyKey, fault: Fault) {
        self.plan().traps.push(Trap { step: Step::Commit, aim: Aim::BatchWith(key.key), fault });
    }

    /// Hands out another row than is stored whenever this reservation is loaded.
    pub(crate) fn tamper(&self, reservation: Reservation) {
        self.plan().tampered = Some(reservation);
    }

    /// Lets everything succeed again and forgets which steps there were.
    pub(crate) fn clear(&self) {
        *self.plan() = Plan::default();
    }

    /// The steps since the last [`Faults::clear`], failed ones included.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.plan().steps.clone()
    }

    /// Lets the committer wait after its next batch: one end tells that it does, the other lets it
    /// go on.
    pub(crate) fn stand(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (reached, is_reached) = oneshot::channel();
        let (let_go_on, go_on) = oneshot::channel();
        self.plan().stand = Some(Stand { has_begun: false, reached, go_on });
        (is_reached, let_go_on)
    }

    /// Lets the next flush wait: one end tells that it does, the other lets it go on.
    pub(crate) fn hold_flush(&self) -> (oneshot::Receiver<()>, mpsc::Sender<()>) {
        let (reached, is_reached) = oneshot::channel();
        let (let_go_on, go_on) = mpsc::channel();
        self.plan().held_flush = Some(Held { reached, go_on });
        (is_reached, let_go_on)
    }

    /// Notes a step and says how it fails, if it does.
    fn enter(&self, step: Step, batch: Option<&Batch>) -> Option<Fault> {
        let mut plan = self.plan();
        plan.steps.push(step);
        let traps = plan.traps.iter_mut().filter(|trap| trap.step == step);
        traps.filter_map(|trap| trap.springs(batch).then_some(trap.fault)).next()
    }

    fn tamper_with(&self, needs: &Needs, state: &mut State) {
        let tampered = self.plan().tampered.clone();
        for row in tampered.into_iter().filter(|row| needs.reservations.contains(&row.id)) {
            state.load_reservation(row.id, Some(row));
        }
    }
}

impl Trap {
    fn springs(&mut self, batch: Option<&Batch>) -> bool {
        match &mut self.aim {
            Aim::Next(0) => false,
            Aim::Next(left) => {
                *left -= 1;
                true
            }
            Aim::BatchWith(wanted) => {
                batch.is_some_and(|batch| batch.outcomes.iter().any(|(key, _)| key.key == *wanted))
            }
        }
    }
}

/// A store that fails as its [`Faults`] say.
#[derive(Debug)]
pub(crate) struct Faulty<S> {
    store: S,
    faults: Faults,
}

impl<S: Store> Faulty<S> {
    pub(crate) fn new(store: S, faults: Faults) -> Self {
        Self { store, faults }
    }

    fn enter(&self, step: Step) -> Result<(), StoreError> {
        self.faults.enter(step, None).map_or(Ok(()), |fault| Err(fault.error()))
    }
}

/// A flush that fails as its [`Faults`] say.
pub(crate) struct FaultyFlush<F> {
    flush: F,
    faults: Faults,
}

impl<F: Flush> Flush for FaultyFlush<F> {
    fn flush(&mut self) -> Result<(), StoreError> {
        let fault = self.faults.enter(Step::Flush, None);
        let held = self.faults.plan().held_flush.take();
        if let Some(Held { reached, go_on }) = held {
            // A test that has gone away lets the flush go on too.
            let _ = (reached.send(()), go_on.recv());
        }
        if matches!(fault, None | Some(Fault::UnknownAndDone)) {
            self.flush.flush()?;
        }
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }
}

impl<S: Store> Store for Faulty<S> {
    type Flush = FaultyFlush<S::Flush>;

    fn flusher(&mut self) -> std::io::Result<Self::Flush> {
        Ok(FaultyFlush { flush: self.store.flusher()?, faults: self.faults.clone() })
    }

    fn goes_beside(&self) -> bool {
        self.store.goes_beside()
    }

    async fn turn(&mut self) -> Result<Others, StoreError> {
        self.store.turn().await
    }

    async fn begin(
        &mut self,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> Result<Begun, StoreError> {
        self.enter(Step::Begin)?;
        if let Some(stand) = &mut self.faults.plan().stand {
            stand.has_begun = true;
        }
        let begun = self.store.begin(keys, needs, state).await?;
        if !keys.is_empty() {
            self.enter(Step::Outcomes)?;
        }
        if !needs.is_empty() {
            self.enter(Step::Load)?;
        }
        self.faults.tamper_with(needs, state);
        Ok(begun)
    }

    async fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> Result<(), StoreError> {
        self.enter(Step::Load)?;
        self.store.load(needs, now, state).await?;
        self.faults.tamper_with(needs, state);
        Ok(())
    }

    async fn order_of_event(&mut self, seq: i64) -> Result<Order, StoreError> {
        self.store.order_of_event(seq).await
    }

    async fn commit(&mut self, batch: Arc<Batch>) -> Result<(), StoreError> {
        let fault = self.faults.enter(Step::Commit, Some(&batch));
        if matches!(fault, None | Some(Fault::UnknownAndDone)) {
            self.store.commit(batch).await?;
        }
        if fault == Some(Fault::UnknownAndDone) {
            self.store.written().await?;
        }
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn is_writing(&self) -> bool {
        self.store.is_writing()
    }

    async fn landed(&mut self) {
        self.store.landed().await;
    }

    async fn written(&mut self) -> Result<(), StoreError> {
        self.store.written().await
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        self.enter(Step::Rollback)?;
        self.store.rollback().await
    }

    async fn between_batches(&mut self) -> Result<(), StoreError> {
        self.enter(Step::BetweenBatches)?;
        let stand = self.faults.plan().stand.take_if(|stand| stand.has_begun);
        if let Some(Stand { reached, go_on, .. }) = stand {
            // A test that has gone away lets the committer go on too.
            let _ = (reached.send(()), go_on.await);
        }
        self.store.between_batches().await
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
