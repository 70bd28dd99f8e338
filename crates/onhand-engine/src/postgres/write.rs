//! The writing side: one connection in the committer's hands. A batch is two trips to the server:
//! `BEGIN`, the head of the logs, outcomes and rows; then all that is written, and `COMMIT`. When
//! the connection is lost around a commit, the batch is looked for over a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use onhand_core::orders::Order;
use onhand_core::{Needs, Numbering, State, Timestamp};
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;

use super::address::Address;
use super::codec::{get, instant};
use super::error::{Error, Result, corrupt};
use super::lists::Filler;
use super::load;
use super::rows::Writes;
use super::session::{Session, Value, Write, in_time};
use crate::idempotency::IdempotencyKey;
use crate::limits::{OUTCOME_WINDOW_SECS, RECONNECT_PAUSES, SETTLE_WAITS_MAX};
use crate::store::{Batch, Begun, DurableAlready, Store, StoreError};
use crate::stored::stored_count;

macro_rules! head {
    ($end:literal) => {
        concat!(
            "SELECT product, category, location, reservation, \"order\", movement, event, batch, \
             recorded_at, chain, outcome_window, outcome_window_opened_at, next_window_is_empty, \
             (extract(epoch FROM clock_timestamp()) * 1000000)::int8, \"user\", session, \
             api_key, rights FROM numbering",
            $end
        )
    };
}
/// The head of the logs. Locked, it is nobody else's until the batch ends.
const HEAD: &str = head!("");
const LOCKED_HEAD: &str = head!(" FOR UPDATE");
const MOVE_HEAD: &str = "WITH u AS (UPDATE numbering SET product = $1::int8, category = $2::int8, \
     location = $3::int8, reservation = $4::int8, \"order\" = $5::int8, movement = $6::int8, \
     event = $7::int8, batch = $8::int8 + 1, recorded_at = $9::int8, chain = $10::bytea, \
     next_window_is_empty = next_window_is_empty AND outcome_window = $11::int8, \
     outcome_window = $11::int8, outcome_window_opened_at = $12::int8, \"user\" = $13::int8, \
     session = $14::int8, api_key = $15::int8, rights = $16::int8 \
     WHERE batch = $8::int8 RETURNING 1) SELECT 1 / count(*)::int FROM u";
const INSERT_BATCH: &str = "INSERT INTO batches VALUES ($1::int8, $2::int8, $3::int8, $4::int8, \
     $5::int8, $6::bytea, $7::int8)";
const WRITER_OF_BATCH: &str = "SELECT writer FROM batches WHERE id = $1::int8";
/// Changes nothing, but its commit is durable only when every one before it is.
const TOUCH_HEAD: &str = "UPDATE numbering SET recorded_at = recorded_at";

/// What is known of the head of the logs.
#[derive(Debug, Clone)]
struct Head {
    numbering: Numbering,
    batch: i64,
    recorded_at: Timestamp,
    chain: [u8; 32],
    window: i64,
    window_opened_at: i64,
    next_window_is_empty: bool,
    time: Timestamp,
}

impl Head {
    fn read(row: &Row) -> Result<Self> {
        let table = "numbering";
        let number = |column| get::<i64>(row, table, column);
        let chain: &[u8] = get(row, table, 9)?;
        Ok(Self {
            numbering: Numbering {
                product: number(0)?,
                category: number(1)?,
                location: number(2)?,
                reservation: number(3)?,
                order: number(4)?,
                movement: number(5)?,
                event: number(6)?,
                user: number(14)?,
                session: number(15)?,
                api_key: number(16)?,
                rights: number(17)?,
            },
            batch: number(7)?,
            recorded_at: instant(table, number(8)?)?,
            chain: chain.try_into().map_err(|error| corrupt(table, error))?,
            window: number(10)?,
            window_opened_at: number(11)?,
            next_window_is_empty: get(row, table, 12)?,
            time: instant(table, number(13)?)?,
        })
    }

    /// The window into which a batch writes its outcomes, with the second in which it was opened.
    /// A new one opens when its time has come and its table is empty.
    fn window_at(&self, now: Timestamp) -> (i64, i64) {
        let now = now.as_second();
        let is_over = now - self.window_opened_at >= OUTCOME_WINDOW_SECS;
        if is_over && self.next_window_is_empty {
            (self.window + 1, now)
        } else {
            (self.window, self.window_opened_at)
        }
    }
}

/// The writing side of a PostgreSQL database; any number of processes may have one.
#[derive(Debug)]
pub struct PostgresStore {
    address: Address,
    session: Option<Session>,
    /// Drawn when the process starts: tells its batches from those of others.
    writer: i64,
    /// The number of the batch after our last one, when nobody can have written since we knew.
    continues: Option<i64>,
    /// The head as the open batch found it.
    head: Option<Head>,
    /// Whether a transaction is open on the session, as far as we know.
    is_open: bool,
    /// Whether the next batch locks the head although the address says not to: after a conflict.
    has_lost_race: bool,
    reconnect: Reconnect,
    filler: Filler,
    /// Position of the newest event that was written here, also for readers.
    acknowledged: Arc<AtomicI64>,
    /// Before this the passed window is not tried again.
    empty_window_at: Option<Instant>,
}

/// When the database is tried again after it could not be reached.
#[derive(Debug, Default)]
struct Reconnect {
    pause: Duration,
    not_before: Option<Instant>,
    reason: String,
}

impl Reconnect {
    fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self, reason: String) {
        let [shortest, longest] = RECONNECT_PAUSES;
        self.pause = (self.pause * 2).clamp(shortest, longest);
        self.not_before = Some(Instant::now() + self.pause);
        self.reason = reason;
    }
}

impl PostgresStore {
    pub(super) fn new(address: Address, writer: i64, acknowledged: Arc<AtomicI64>) -> Self {
        Self {
            filler: Filler::start(&address),
            acknowledged,
            address,
            session: None,
            writer,
            continues: None,
            head: None,
            is_open: false,
            has_lost_race: false,
            reconnect: Reconnect::default(),
            empty_window_at: None,
        }
    }

    /// Makes sure that a session is open. Between attempts the answer is that of the last one, at
    /// once.
    async fn session(&mut self) -> std::result::Result<(), StoreError> {
        if self.session.as_ref().is_none_or(Session::is_closed) {
            self.forget();
            if self.reconnect.not_before.is_some_and(|time| Instant::now() < time) {
                return Err(StoreError::Unavailable { reason: self.reconnect.reason.clone() });
            }
            match self.connect().await {
                Ok(session) => {
                    self.reconnect.succeeded();
                    self.session = Some(session);
                }
                Err(error) => {
                    self.reconnect.failed(format!("{}: {error}", self.address));
                    return Err(StoreError::Unavailable { reason: self.reconnect.reason.clone() });
                }
            }
        }
        Ok(())
    }

    /// A session in which everything that each batch asks is prepared.
    async fn connect(&self) -> Result<Session> {
        let mut session = Session::open(&self.address).await?;
        let always = [HEAD, LOCKED_HEAD, MOVE_HEAD, INSERT_BATCH];
        session.prepare(always.into_iter().chain(load::ALWAYS_ASKED)).await?;
        Ok(session)
    }

    /// Gives the connection up, and with it what is known of the head.
    fn forget(&mut self) {
        self.session = None;
        self.continues = None;
        self.head = None;
        self.is_open = false;
    }

    /// What an error means for a batch of which nothing is written.
    fn failed(&mut self, error: Error) -> StoreError {
        self.continues = None;
        if error.ends_session() {
            self.forget();
        }
        error.into()
    }

    /// Whether a batch is there, looked for over a new connection. Locking the head waits until a
    /// commit that may still be under way has ended; and the commit at the end is only durable when
    /// the one that is looked for is.
    async fn is_there(&mut self, batch: i64) -> Result<bool> {
        let mut session = Session::open(&self.address).await?;
        session.prepare([WRITER_OF_BATCH]).await?;
        let found = in_time(async {
            session.run("BEGIN").await?;
            session.client().query_one(LOCKED_HEAD, &[]).await?;
            let rows = session.rows(WRITER_OF_BATCH, &[Box::new(batch)]).await?;
            session.run(TOUCH_HEAD).await?;
            session.run("COMMIT").await?;
            match rows.first() {
                Some(row) => Ok(get::<i64>(row, "batches", 0)? == self.writer),
                None => Ok(false),
            }
        })
        .await?;
        if session.take_warning() {
            return Err(Error::Unconfirmed);
        }
        Ok(found)
    }

    /// Finds out whether a batch was committed whose answer did not come.
    async fn settle(&mut self, batch: &Batch, lost: &Error) -> std::result::Result<(), StoreError> {
        let id = batch.id;
        tracing::warn!(batch = id, error = %lost, "a commit was not answered: looking for it");
        let begun = Instant::now();
        loop {
            match self.is_there(batch.id).await {
                Ok(true) => {
                    let newest = batch.numbering.event - 1;
                    self.acknowledged.fetch_max(newest, Ordering::Release);
                    return Ok(());
                }
                Ok(false) => return Err(StoreError::Conflict { table: "a lost connection" }),
                Err(error) if begun.elapsed() >= SETTLE_WAITS_MAX => {
                    let reason = format!("{lost}; then {error}");
                    return Err(StoreError::Away { reason });
                }
                Err(_) => sleep(RECONNECT_PAUSES[0]).await,
            }
        }
    }

    /// Empties the table of the window that has passed, unless somebody reads it: `verify` may, and
    /// nobody waits for that.
    async fn empty_passed_window(&mut self) -> Result<()> {
        self.is_open = true;
        let Some(session) = self.session.as_ref() else { return Ok(()) };
        in_time(async {
            session.run("BEGIN; SET LOCAL lock_timeout = '50ms'").await?;
            let row = session.client().query_one(LOCKED_HEAD, &[]).await?;
            let head = Head::read(&row)?;
            if !head.next_window_is_empty {
                session.run(TRUNCATE[next_table(head.window)]).await?;
                session.run("UPDATE numbering SET next_window_is_empty = true").await?;
            }
            session.run("COMMIT").await
        })
        .await
    }
}

const TRUNCATE: [&str; 3] =
    ["TRUNCATE TABLE outcomes_0", "TRUNCATE TABLE outcomes_1", "TRUNCATE TABLE outcomes_2"];

fn next_table(window: i64) -> usize {
    usize::try_from((window + 1).rem_euclid(super::logs::OUTCOME_TABLES)).unwrap_or(0)
}

/// How long a window whose table cannot be emptied is left alone.
const EMPTY_WINDOW_PAUSE: Duration = Duration::from_secs(60);

/// Everything that a batch writes, and the chain after it. The head comes first: without a lock it
/// is what tells who comes second.
fn writes<'a>(batch: &'a Batch, head: &Head, writer: i64) -> Result<(Vec<Write<'a>>, Head)> {
    let mut writes = Writes(Vec::new());
    writes.rows(&batch.rows)?;
    let chain = writes.logs(batch, &head.chain)?;
    let (window, opened_at) = head.window_at(batch.now);
    writes.outcomes(batch, window)?;
    let next = &batch.numbering;
    let move_head: Vec<Value<'a>> = vec![
        Box::new(next.product),
        Box::new(next.category),
        Box::new(next.location),
        Box::new(next.reservation),
        Box::new(next.order),
        Box::new(next.movement),
        Box::new(next.event),
        Box::new(batch.id),
        Box::new(batch.now.as_microsecond()),
        Box::new(chain.to_vec()),
        Box::new(window),
        Box::new(opened_at),
        Box::new(next.user),
        Box::new(next.session),
        Box::new(next.api_key),
        Box::new(next.rights),
    ];
    let insert_batch: Vec<Value<'a>> = vec![
        Box::new(batch.id),
        Box::new(next.event - 1),
        Box::new(next.movement - 1),
        Box::new(stored_count(batch.commands)),
        Box::new(batch.now.as_microsecond()),
        Box::new(chain.to_vec()),
        Box::new(writer),
    ];
    let mut all = vec![
        Write { table: "numbering", sql: MOVE_HEAD, values: move_head },
        Write { table: "batches", sql: INSERT_BATCH, values: insert_batch },
    ];
    all.extend(writes.0);
    let next_window_is_empty = head.next_window_is_empty && window == head.window;
    let after = Head {
        numbering: *next,
        batch: batch.id + 1,
        recorded_at: batch.now,
        chain,
        window,
        window_opened_at: opened_at,
        next_window_is_empty,
        time: head.time,
    };
    Ok((all, after))
}

impl Store for PostgresStore {
    type Flush = DurableAlready;

    fn flusher(&mut self) -> std::io::Result<DurableAlready> {
        Ok(DurableAlready)
    }

    async fn begin(
        &mut self,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> std::result::Result<Begun, StoreError> {
        let head = if self.address.locks_rows || self.has_lost_race { LOCKED_HEAD } else { HEAD };
        self.session().await?;
        let continues = self.continues;
        self.is_open = true;
        let session = open(&self.session)?;
        let asked = in_time(async {
            let (_, head, outcomes, ()) = tokio::try_join!(
                biased;
                session.run("BEGIN"),
                session.rows(head, &[]),
                load::outcomes(session, keys),
                load::load(session, needs, state),
            )?;
            let row = head.first().ok_or_else(|| corrupt("numbering", "its row is missing"))?;
            Ok((Head::read(row)?, outcomes))
        })
        .await;
        let (head, outcomes) = asked.map_err(|error| self.failed(error))?;
        let begun = Begun {
            numbering: head.numbering,
            batch: head.batch,
            recorded_at: head.recorded_at,
            time: Some(head.time),
            others_wrote: continues != Some(head.batch),
            outcomes,
        };
        // What is loaded now stays right for as long as the head stays here.
        self.continues = Some(head.batch);
        self.head = Some(head);
        Ok(begun)
    }

    async fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> std::result::Result<(), StoreError> {
        let session = open(&self.session)?;
        let loaded = in_time(async {
            load::load(session, needs, state).await?;
            load::timed(session, needs, now, state).await
        });
        loaded.await.map_err(|error| self.failed(error))
    }

    async fn order_of_event(&mut self, seq: i64) -> std::result::Result<Order, StoreError> {
        let session = open(&self.session)?;
        in_time(load::order_of_event(session, seq)).await.map_err(|error| self.failed(error))
    }

    async fn commit(&mut self, batch: &Batch) -> std::result::Result<(), StoreError> {
        let head = self.head.clone().ok_or_else(lost)?;
        let (writes, after) = writes(batch, &head, self.writer)?;
        let session = self.session.as_mut().ok_or_else(lost)?;
        let prepared = session.prepare(writes.iter().map(|write| write.sql)).await;
        prepared.map_err(|error| self.failed(error))?;
        let session = open(&self.session)?;
        let committed = session.commit(&writes).await;
        // Whatever came of it, the transaction has ended.
        self.is_open = false;
        let has_warned = session.take_warning();
        match committed {
            Ok(()) if !has_warned => {
                self.continues = Some(after.batch);
                self.has_lost_race = false;
                let newest = batch.numbering.event - 1;
                self.acknowledged.fetch_max(newest, Ordering::Release);
                if !after.next_window_is_empty && self.empty_window_at.is_none() {
                    self.empty_window_at = Some(Instant::now());
                }
                Ok(())
            }
            Ok(()) => {
                self.forget();
                self.settle(batch, &Error::Unconfirmed).await
            }
            Err(error) if error.ends_session() => {
                self.forget();
                self.settle(batch, &error).await
            }
            Err(error) => {
                self.has_lost_race = true;
                Err(self.failed(error))
            }
        }
    }

    async fn rollback(&mut self) -> std::result::Result<(), StoreError> {
        self.head = None;
        let Some(session) = self.session.as_ref().filter(|_| self.is_open) else {
            return Ok(());
        };
        let ended = in_time(session.run("ROLLBACK")).await;
        self.is_open = false;
        ended.map_err(|error| self.failed(error))
    }

    async fn between_batches(&mut self) -> std::result::Result<(), StoreError> {
        self.filler.reached(self.acknowledged.load(Ordering::Relaxed)).await;
        if self.empty_window_at.is_some_and(|time| time <= Instant::now()) {
            self.empty_window_at = Some(Instant::now() + EMPTY_WINDOW_PAUSE);
            if let Err(error) = self.empty_passed_window().await {
                tracing::info!(%error, "the passed window of outcomes is emptied later");
                self.rollback().await?;
            } else {
                self.is_open = false;
                self.empty_window_at = None;
            }
        }
        Ok(())
    }

    async fn close(&mut self) -> std::result::Result<(), StoreError> {
        self.forget();
        Ok(())
    }
}

fn open(session: &Option<Session>) -> std::result::Result<&Session, StoreError> {
    session.as_ref().ok_or_else(lost)
}

/// The connection went away between two steps of a batch: it runs again over a new one.
fn lost() -> StoreError {
    StoreError::Conflict { table: "a lost connection" }
}
