//! The steps of a batch, as the committer takes them.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use onhand_core::orders::Order;
use onhand_core::{Needs, State, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::{PostgresStore, lost, open};
use crate::idempotency::IdempotencyKey;
use crate::limits::ALONE_AFTER_TURNS;
use crate::postgres::flight::{Base, Flight};
use crate::postgres::head::{HEAD, LOCKED_HEAD};
use crate::postgres::session::in_time;
use crate::postgres::{load, turn, window};
use crate::store::{Batch, Begun, DurableAlready, Others, Store, StoreError};

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
