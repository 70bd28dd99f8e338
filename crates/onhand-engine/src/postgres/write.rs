//! The writing side, in the committer's hands. A batch is two trips to the server: `BEGIN`, the
//! head of the logs, outcomes and rows; then all that is written, and `COMMIT`. While that is under
//! way and nobody else writes, the next batch is begun beside it: outcomes and rows are asked over
//! a second connection, the head is the one that the batch before will leave, and the guard on the
//! head tells if it was not so. While others write, the head is a trip of its own (`turn.rs`). When
//! the connection is lost around a commit, the batch is looked for over a new one (`settle.rs`).

mod steps;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use onhand_core::{Needs, State};
use tokio::time::Instant;

use super::address::Address;
use super::codec::{get, instant};
use super::error::{Error, Result, corrupt};
use super::flight::{Flight, Landing, Sent};
use super::head::{HEAD, Head, Known, LOCKED_HEAD};
use super::lists::Filler;
use super::load;
use super::reconnect::Reconnect;
use super::session::{Session, in_time};
use super::settle::settle;
use super::turn::{self, Turn};
use crate::idempotency::IdempotencyKey;
use crate::limits::{ALONE_AFTER_TURNS, TURN_BATCHES_MAX};
use crate::store::{Batch, Begun, Others, StoreError};

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

fn open(session: &Option<Arc<Session>>) -> std::result::Result<&Session, StoreError> {
    session.as_deref().ok_or_else(lost)
}

/// The connection went away between two steps of a batch: it runs again over a new one.
fn lost() -> StoreError {
    StoreError::Conflict { table: "a lost connection" }
}
