//! The writing side, in the committer's hands. A batch is two trips to the server: `BEGIN`, the
//! head of the logs, outcomes and rows; then all that is written, and `COMMIT`. While that is under
//! way and nobody else writes, the next batch is begun beside it: outcomes and rows are asked over
//! a second connection, the head is the one that the batch before will leave, and the guard on the
//! head tells if it was not so. While others write, the head is a trip of its own (`turn.rs`). When
//! the connection is lost around a commit, the batch is looked for over a new one (`settle.rs`).

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use onhand_core::orders::Order;
use onhand_core::{Needs, State, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::address::Address;
use super::codec::{get, instant};
use super::error::{Error, Result, corrupt};
use super::flight::{Base, Flight, Landing, Sent};
use super::head::{HEAD, Head, Known, LOCKED_HEAD};
use super::lists::Filler;
use super::load;
use super::reconnect::Reconnect;
use super::session::{Session, in_time};
use super::settle::settle;
use super::turn::{self, Turn};
use super::window;
use crate::idempotency::IdempotencyKey;
use crate::limits::{ALONE_AFTER_TURNS, TURN_BATCHES_MAX};
use crate::store::{Batch, Begun, DurableAlready, Others, Store, StoreError};

/// The time of the server, on which all processes agree.
const TIME: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// The writing side of a PostgreSQL database; any number of processes may have one.
#[derive(Debug)]
pub struct PostgresStore {
    address: Address,
    session: Option<Arc<Session>>,
    /// The stamp of the newest batch; the first is drawn when the process starts.
    stamp: i64,
    /// Up to where what is at hand is right, as far as is known.
    known: Option<Known>,
    /// The head on which the open batch builds.
    head: Option<Head>,
    /// Whether a transaction is open on the session, as far as we know.
    is_open: bool,
    /// Our turn, while others write.
    turn: Option<Turn>,
    /// The head that was locked when it began, for its first batch.
    locked: Option<Head>,
    /// The batches that are being written, in their order.
    flights: VecDeque<Flight>,
    /// What came of batches that are not any more, until it is asked for.
    outcomes: VecDeque<std::result::Result<(), StoreError>>,
    /// Where a batch looks that is begun beside one that is being written.
    second: Option<Arc<Session>>,
    /// Whether the open batch was begun beside another.
    is_beside: bool,
    /// Turns in a row before which nobody else had written.
    alone: u32,
    /// Batches that were handed over since we last stood at the door.
    unasked: u32,
    /// Whether the next batch locks the head although the address says not to: after a conflict.
    has_lost_race: bool,
    reconnect: Reconnect,
    filler: Filler,
    /// Position of the newest event that was written here, also for readers.
    acknowledged: Arc<AtomicI64>,
    /// Before this the passed window is not tried again.
    empty_window_at: Option<Instant>,
}

impl PostgresStore {
    pub(super) fn new(address: Address, stamp: i64, acknowledged: Arc<AtomicI64>) -> Self {
        Self {
            filler: Filler::start(&address),
            acknowledged,
            address,
            session: None,
            stamp,
            known: None,
            head: None,
            is_open: false,
            turn: None,
            locked: None,
            flights: VecDeque::new(),
            outcomes: VecDeque::new(),
            second: None,
            is_beside: false,
            alone: 0,
            unasked: 0,
            has_lost_race: false,
            reconnect: Reconnect::default(),
            empty_window_at: None,
        }
    }

    /// Makes sure that a session is open. Between attempts the answer is that of the last one, at
    /// once.
    async fn session(&mut self) -> std::result::Result<(), StoreError> {
        if self.session.as_ref().is_none_or(|session| session.is_closed()) {
            self.forget();
            if let Some(error) = self.reconnect.too_early() {
                return Err(error);
            }
            match self.connect().await {
                Ok(session) => {
                    self.reconnect.succeeded();
                    self.session = Some(Arc::new(session));
                }
                Err(error) => {
                    self.reconnect.failed(format!("{}: {error}", self.address));
                    return Err(self.reconnect.unavailable());
                }
            }
        }
        Ok(())
    }

    fn next_stamp(&mut self) -> i64 {
        self.stamp = self.stamp.wrapping_add(1);
        self.stamp
    }

    /// A session in which everything that each batch asks is prepared.
    async fn connect(&self) -> Result<Session> {
        let session = Session::open(&self.address).await?;
        let always = [HEAD, LOCKED_HEAD, turn::MOVED_SINCE];
        session.prepare(always.into_iter().chain(load::ALWAYS_ASKED)).await?;
        session.keep_to_transactions().await?;
        session.never_idle().await?;
        Ok(session)
    }

    /// Gives the connection up, and with it what is known of the head.
    fn forget(&mut self) {
        self.session = None;
        self.known = None;
        self.head = None;
        self.locked = None;
        self.is_open = false;
    }

    /// The connection beside, for looking and for standing at the door.
    async fn second(&mut self) -> Result<Arc<Session>> {
        match &self.second {
            Some(second) if !second.is_closed() => Ok(second.clone()),
            Some(_) | None => {
                let second = Session::open(&self.address).await?;
                second.prepare(load::ALWAYS_ASKED.into_iter().chain([TIME])).await?;
                turn::prepare(&second).await?;
                Ok(self.second.insert(Arc::new(second)).clone())
            }
        }
    }

    /// Whether a batch stands at the door before it locks the head: while others write, when our
    /// turn is over; and once in a while beside nobody, so that somebody who has come gets in.
    fn stands_at_door(&self) -> bool {
        let is_due = self.alone < ALONE_AFTER_TURNS || self.unasked >= TURN_BATCHES_MAX;
        is_due && !self.has_turn() && self.locks_head()
    }

    /// Whether nobody else writes before we let them in.
    fn has_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(Turn::goes_on)
    }

    /// Waits for our turn. Answers what others have changed since the last one.
    async fn take_turn(&mut self) -> std::result::Result<Others, StoreError> {
        self.give_turn().await;
        self.session().await?;
        let door = match self.second().await {
            Ok(door) => door,
            Err(error) => return Err(self.failed(error)),
        };
        let mut turn = Turn::stand(door).await.map_err(|error| self.failed(error))?;
        self.is_open = true;
        let session = open(&self.session)?;
        let (head, others) = match turn.lock(session, self.known).await {
            Ok(locked) => locked,
            Err(error) => {
                turn.leave().await;
                return Err(self.failed(error));
            }
        };
        self.turn = Some(turn);
        let is_alone = matches!(others, Others::Nothing);
        self.alone = if is_alone { self.alone.saturating_add(1) } else { 0 };
        self.unasked = 0;
        self.known = Some(head.known());
        self.locked = Some(head);
        Ok(others)
    }

    /// Lets others in.
    async fn give_turn(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.leave().await;
        }
    }

    /// What an error means for a batch of which nothing is written.
    fn failed(&mut self, error: Error) -> StoreError {
        self.known = None;
        if error.ends_session() {
            self.forget();
        }
        error.into()
    }

    /// What an error means for the open batch.
    fn failed_open(&mut self, error: Error) -> StoreError {
        if self.is_beside { self.failed_beside(error) } else { self.failed(error) }
    }

    /// What an error means for a batch that was begun beside another: it runs again after that one.
    fn failed_beside(&mut self, error: Error) -> StoreError {
        tracing::debug!(%error, "a batch cannot be decided beside the one before");
        self.second = None;
        self.alone = 0;
        StoreError::Conflict { table: "a second connection" }
    }

    /// Begins a batch while the one before is being written, as if it were already.
    async fn begin_beside(
        &mut self,
        before: &Batch,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> Result<Begun> {
        let session = &*self.second().await?;
        let asked = in_time(async {
            tokio::try_join!(
                biased;
                session.rows(TIME, &[]),
                load::outcomes(session, keys),
                load::load(session, needs, state),
            )
        });
        let (time, outcomes, ()) = asked.await?;
        let time = time.first().ok_or_else(|| corrupt("numbering", "no time"))?;
        self.is_beside = true;
        Ok(Begun {
            numbering: before.numbering,
            batch: before.id + 1,
            recorded_at: before.now,
            time: Some(instant("numbering", get(time, "numbering", 0)?)?),
            others_wrote: false,
            outcomes,
        })
    }

    /// Whether a batch locks the head before it is decided.
    fn locks_head(&self) -> bool {
        self.address.locks_rows || self.has_lost_race
    }

    /// Whether what is asked may be answered otherwise once all that is being written is there.
    fn touches(&self, keys: &[IdempotencyKey], needs: &Needs, state: &State) -> bool {
        self.flights.iter().any(|flight| flight.touches(keys, needs, state))
    }

    /// Where the open batch asks.
    fn looks_in(&self) -> Option<&Session> {
        if self.is_beside { self.second.as_deref() } else { self.session.as_deref() }
    }

    /// Waits until no batch is being written.
    ///
    /// # Errors
    /// When one of them is not: what builds on it counts for nothing.
    async fn land(&mut self) -> std::result::Result<(), StoreError> {
        while !self.flights.is_empty() {
            self.settle_first().await;
        }
        if self.outcomes.iter().any(std::result::Result::is_err) {
            return Err(StoreError::Conflict { table: "the batch before" });
        }
        Ok(())
    }

    /// Waits until the first of the batches that are being written is not any more, and keeps what
    /// came of it.
    async fn settle_first(&mut self) {
        if self.flights.len() == 1 && !self.has_turn() {
            // Who is next may wait for the head itself meanwhile.
            self.give_turn().await;
        }
        if let Some(first) = self.flights.pop_front()
            && let (sent, Some(landing)) = first.landing().await
        {
            let outcome = self.take_in(&sent, landing).await;
            self.outcomes.push_back(outcome);
        }
    }

    /// What a landing means for the batches to come.
    async fn take_in(
        &mut self,
        sent: &Sent,
        landing: Landing,
    ) -> std::result::Result<(), StoreError> {
        let Landing { was_sent, result } = landing;
        match result {
            Ok(after) => {
                self.known = Some(after.known());
                self.has_lost_race = false;
                self.acknowledged.fetch_max(sent.batch.newest_event(), Ordering::Release);
                if !after.next_window_is_empty && self.empty_window_at.is_none() {
                    self.empty_window_at = Some(Instant::now());
                }
                if self.is_beside && self.flights.is_empty() {
                    self.head = Some(after);
                }
                Ok(())
            }
            Err(error) if error.ends_session() && was_sent => {
                self.forget();
                let stamp = self.next_stamp();
                settle(&self.address, sent, &error, stamp).await?;
                self.acknowledged.fetch_max(sent.batch.newest_event(), Ordering::Release);
                Ok(())
            }
            Err(error) => {
                self.has_lost_race = true;
                self.alone = 0;
                Err(self.failed(error))
            }
        }
    }
}

/// How long a window whose table cannot be emptied is left alone.
const EMPTY_WINDOW_PAUSE: Duration = Duration::from_secs(60);

impl Store for PostgresStore {
    type Flush = DurableAlready;

    fn flusher(&mut self) -> std::io::Result<DurableAlready> {
        Ok(DurableAlready)
    }

    fn goes_beside(&self) -> bool {
        (self.has_turn() || self.alone >= ALONE_AFTER_TURNS) && !self.stands_at_door()
    }

    async fn turn(&mut self) -> std::result::Result<Others, StoreError> {
        let is_due = self.flights.is_empty() && self.stands_at_door();
        if is_due { self.take_turn().await } else { Ok(Others::Nothing) }
    }

    async fn begin(
        &mut self,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> std::result::Result<Begun, StoreError> {
        if let Some(last) = self.flights.back()
            && self.goes_beside()
            && !self.touches(keys, needs, state)
        {
            let before = last.batch().clone();
            let begun = self.begin_beside(&before, keys, needs, state).await;
            return begun.map_err(|error| self.failed_beside(error));
        }
        self.land().await?;
        // Nobody has been told what others have changed meanwhile: nothing that is at hand counts.
        let mut others_wrote = false;
        if self.locked.is_none() && self.stands_at_door() {
            others_wrote = self.take_turn().await? != Others::Nothing;
        }
        // Should the session be a new one, the head is not locked over it.
        self.session().await?;
        let locked = self.locked.take();
        let lock = if self.locks_head() { LOCKED_HEAD } else { HEAD };
        let known = self.known;
        self.is_open = true;
        let session = open(&self.session)?;
        let head = async {
            match locked {
                Some(head) => Ok(head),
                None => turn::begin(session, lock).await,
            }
        };
        let asked = in_time(async {
            tokio::try_join!(
                biased;
                head,
                load::outcomes(session, keys),
                load::load(session, needs, state),
            )
        })
        .await;
        let (head, outcomes, ()) = asked.map_err(|error| self.failed(error))?;
        let begun = Begun {
            numbering: head.numbering,
            batch: head.batch,
            recorded_at: head.recorded_at,
            time: Some(head.time),
            others_wrote: others_wrote || known.is_none_or(|known| known.batch != head.batch),
            outcomes,
        };
        if begun.others_wrote {
            self.alone = 0;
        }
        // What is loaded now stays right for as long as the head stays here.
        self.known = Some(head.known());
        self.head = Some(head);
        Ok(begun)
    }

    async fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> std::result::Result<(), StoreError> {
        if self.touches(&[], needs, state) {
            self.land().await?;
        }
        let session = self.looks_in().ok_or_else(lost)?;
        let loaded = in_time(async {
            load::load(session, needs, state).await?;
            load::timed(session, needs, now, state).await
        });
        loaded.await.map_err(|error| self.failed_open(error))
    }

    async fn order_of_event(&mut self, seq: i64) -> std::result::Result<Order, StoreError> {
        let session = self.looks_in().ok_or_else(lost)?;
        let order = in_time(load::order_of_event(session, seq)).await;
        order.map_err(|error| self.failed_open(error))
    }

    async fn commit(&mut self, batch: Arc<Batch>) -> std::result::Result<(), StoreError> {
        let session = self.session.clone().ok_or_else(lost)?;
        // Whatever comes of it, the transaction ends.
        let is_open = std::mem::take(&mut self.is_open);
        self.is_beside = false;
        self.unasked = self.unasked.saturating_add(1);
        let base = match self.head.take() {
            Some(head) if is_open => Some(Base::Open(head)),
            Some(head) => Some(Base::Left(head)),
            None => self.flights.back_mut().and_then(Flight::after),
        };
        let base = base.ok_or_else(lost)?;
        let stamp = self.next_stamp();
        self.flights.push_back(Flight::start(session, batch, base, stamp));
        Ok(())
    }

    fn is_writing(&self) -> bool {
        !self.flights.is_empty()
    }

    async fn landed(&mut self) {
        if !self.outcomes.is_empty() {
            return;
        }
        loop {
            let ends_at = self.turn.as_ref().and_then(|turn| turn.ends_at(self.flights.len()));
            let first = self.flights.front_mut();
            tokio::select! {
                biased;
                () = landing_of(first) => return,
                () = at(ends_at) => self.give_turn().await,
            }
        }
    }

    async fn written(&mut self) -> std::result::Result<(), StoreError> {
        if self.outcomes.is_empty() {
            self.settle_first().await;
        }
        self.outcomes.pop_front().unwrap_or(Ok(()))
    }

    async fn rollback(&mut self) -> std::result::Result<(), StoreError> {
        self.head = None;
        self.locked = None;
        self.is_beside = false;
        let Some(session) = self.session.as_ref().filter(|_| self.is_open) else {
            return Ok(());
        };
        let ended = in_time(session.run("ROLLBACK")).await;
        self.is_open = false;
        ended.map_err(|error| self.failed(error))
    }

    async fn between_batches(&mut self) -> std::result::Result<(), StoreError> {
        self.filler.reached(self.acknowledged.load(Ordering::Relaxed)).await;
        let is_due = self.empty_window_at.is_some_and(|time| time <= Instant::now());
        if is_due && !self.is_open {
            self.empty_window_at = Some(Instant::now() + EMPTY_WINDOW_PAUSE);
            // What is on its way over the session comes first.
            for flight in &mut self.flights {
                flight.landed().await;
            }
            let Some(session) = self.session.clone() else { return Ok(()) };
            if let Err(error) = window::empty_passed(&session).await {
                tracing::info!(%error, "the passed window of outcomes is emptied later");
                in_time(session.run("ROLLBACK")).await.map_err(|error| self.failed(error))?;
            } else {
                self.empty_window_at = None;
            }
        }
        Ok(())
    }

    async fn close(&mut self) -> std::result::Result<(), StoreError> {
        self.give_turn().await;
        self.forget();
        Ok(())
    }
}

async fn landing_of(flight: Option<&mut Flight>) {
    match flight {
        Some(flight) => flight.landed().await,
        None => pending().await,
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

fn open(session: &Option<Arc<Session>>) -> std::result::Result<&Session, StoreError> {
    session.as_deref().ok_or_else(lost)
}

/// The connection went away between two steps of a batch: it runs again over a new one.
fn lost() -> StoreError {
    StoreError::Conflict { table: "a lost connection" }
}
