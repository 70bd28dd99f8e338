//! Lists of orders by customer, by status and by product, behind the log. They lie in a file of
//! their own beside the database: filling them takes nothing from the committer's transaction, in
//! large sorted steps, and the file may be deleted at any time, because the next start fills it
//! anew. A query unites a list with the orders that are newer than it (`tails.rs`), so that
//! nothing is ever missed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use onhand_core::orders::Status;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, Result, ToSql, params};

use super::{OpenError, codec, remove};
use crate::limits::{
    BUSY_TIMEOUT, LISTS_BEHIND_EVENTS_MAX, LISTS_CHUNK_ENTRIES, LISTS_PAUSE, LISTS_STEP_ROWS_MAX,
    LISTS_STEP_WANTED_EVENTS,
};
use crate::query::ListOf;

/// Changes whenever the shape or the meaning of an entry does; a file of another one is made anew.
const SHAPE: i64 = 1;

/// How long the committer waits for lists that are too far behind before it says so and goes on.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Numbers of the lists in the file.
const CUSTOMER_LIST: i64 = 1;
const STATUS_LIST: i64 = 2;
const PRODUCT_LIST: i64 = 3;

impl ListOf {
    /// Entries of a list below an id, newest first.
    pub(super) fn before(self, connection: &Connection, id: i64, most: i64) -> Result<Vec<i64>> {
        let mut select = connection.prepare_cached(
            "SELECT id FROM lists.entries WHERE list = ?1 AND key = ?2 AND id < ?3 \
             ORDER BY id DESC LIMIT ?4",
        )?;
        let (list, key): (i64, &dyn rusqlite::ToSql) = match &self {
            Self::Customer(id) => (CUSTOMER_LIST, id),
            Self::Status(status) => (STATUS_LIST, status),
            Self::Product(id) => (PRODUCT_LIST, id),
        };
        select.query_map(params![list, key, id, most], |row| row.get(0))?.collect()
    }
}

/// How far the lists have come: they have all orders and reservations up to these, and every change
/// of an order up to this event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) event: i64,
    pub(super) order: i64,
    pub(super) reservation: i64,
}

impl Progress {
    /// Read it before anything else of a snapshot: then the lists are never newer than the rows.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        connection
            .prepare_cached("SELECT event, order_id, reservation_id FROM lists.progress")?
            .query_row([], |row| {
                Ok(Self { event: row.get(0)?, order: row.get(1)?, reservation: row.get(2)? })
            })
    }
}

/// The way to whoever fills the lists: asks for the next step now. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Wakeups {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Wakeups {
    pub(super) fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        Self { sender, receiver }
    }

    /// Whoever asks.
    pub(super) fn waker(&self) -> Waker {
        Waker(self.sender.clone())
    }
}

/// One who asks.
#[derive(Debug, Clone)]
pub(super) struct Waker(Sender<()>);

impl Waker {
    /// Has the next step made now.
    pub(super) fn wake(&self) {
        // If it is full, it was asked already.
        let _ = self.0.try_send(());
    }
}

/// Where the lists of a database lie.
pub(super) fn path_of(database: &Path) -> PathBuf {
    database.with_extension("lists.db")
}

/// Lets a connection read the lists, as `lists`.
pub(super) fn attach(connection: &Connection, database: &Path) -> Result<()> {
    let path = path_of(database).to_string_lossy().into_owned();
    connection.execute("ATTACH DATABASE ?1 AS lists", [path])?;
    Ok(())
}

/// Makes the file fit the database: anew when it is missing, of another shape or of another
/// history.
pub(super) fn prepare(database: &Path) -> std::result::Result<(), OpenError> {
    match open(database).and_then(|connection| is_of_this_history(&connection)) {
        Ok(true) => return Ok(()),
        Ok(false) => tracing::info!("the lists are filled anew"),
        Err(error) => tracing::warn!(%error, "the lists cannot be read and are filled anew"),
    }
    remove(&path_of(database))?;
    open(database)?;
    Ok(())
}

/// The connection that fills the lists. What is in the file can be made again, so it need not be
/// durable at once: only whole.
fn open(database: &Path) -> Result<Connection> {
    let connection = Connection::open(path_of(database))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "trusted_schema", "off")?;
    let shape: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if shape == 0 {
        connection.execute_batch(
            "BEGIN IMMEDIATE;
             CREATE TABLE entries (
                 list INTEGER NOT NULL, key ANY NOT NULL, id INTEGER NOT NULL,
                 PRIMARY KEY (list, key, id)
             ) STRICT, WITHOUT ROWID;
             CREATE TABLE progress (
                 only_row INTEGER PRIMARY KEY CHECK (only_row = 1), event INTEGER NOT NULL,
                 order_id INTEGER NOT NULL, reservation_id INTEGER NOT NULL,
                 batch INTEGER NOT NULL, chain BLOB NOT NULL
             ) STRICT;
             INSERT INTO progress VALUES (1, 0, 0, 0, 0, x'');
             PRAGMA user_version = 1;
             COMMIT",
        )?;
    }
    // Read only: to begin a transaction must not take the committer's lock.
    let store = format!("file:{}?mode=ro", uri_path(database));
    connection.execute("ATTACH DATABASE ?1 AS store", [store])?;
    Ok(connection)
}

/// A path as part of a `file:` address.
fn uri_path(path: &Path) -> String {
    let path = path.to_string_lossy();
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// Whether the lists were filled from this database, as it went on since.
fn is_of_this_history(connection: &Connection) -> Result<bool> {
    let shape: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let (batch, chain): (i64, Vec<u8>) =
        connection.query_row("SELECT batch, chain FROM progress", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let stored: Option<Vec<u8>> = connection
        .query_row("SELECT chain FROM store.batches WHERE id = ?1", [batch], |row| row.get(0))
        .optional()?;
    Ok(shape == SHAPE && stored.unwrap_or_default() == chain)
}

/// An entry: its list, what its orders have in common, and the order.
type Entry = (i64, Key, i64);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Status(Status),
}

impl ToSql for Key {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        match self {
            Self::Number(number) => number.to_sql(),
            Self::Status(status) => status.as_str().to_sql(),
        }
    }
}

/// What one step does to the lists.
struct Step {
    to: Progress,
    /// The newest batch that it knows, with the chain up to there.
    batch: (i64, Vec<u8>),
    entries: Vec<Entry>,
    /// Orders that were on the lists before and have changed since, with their state.
    moved: Vec<(i64, Status)>,
    /// Whether more is waiting.
    is_more: bool,
}

/// Gathers at most [`LISTS_STEP_ROWS_MAX`] rows of each kind. Reading is kept apart from writing,
/// so that the snapshot of the store is short: the log cannot begin again as long as it lasts.
fn gather(connection: &mut Connection) -> Result<Step> {
    let snapshot = connection.transaction()?;
    let from =
        snapshot.query_row("SELECT event, order_id, reservation_id FROM progress", [], |row| {
            Ok(Progress { event: row.get(0)?, order: row.get(1)?, reservation: row.get(2)? })
        })?;
    let newest = snapshot.query_row(
        "SELECT event - 1, \"order\" - 1, reservation - 1 FROM store.numbering",
        [],
        |row| Ok(Progress { event: row.get(0)?, order: row.get(1)?, reservation: row.get(2)? }),
    )?;
    let to = Progress {
        event: newest.event.min(from.event + LISTS_STEP_ROWS_MAX),
        order: newest.order.min(from.order + LISTS_STEP_ROWS_MAX),
        reservation: newest.reservation.min(from.reservation + LISTS_STEP_ROWS_MAX),
    };
    let mut entries: Vec<Entry> = Vec::new();
    let mut orders = snapshot.prepare_cached(
        "SELECT id, status, customer_id FROM store.orders WHERE id > ?1 AND id <= ?2",
    )?;
    let mut rows = orders.query([from.order, to.order])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        entries.push((STATUS_LIST, Key::Status(codec::status(row, 1)?), id));
        if let Some(customer) = row.get(2)? {
            entries.push((CUSTOMER_LIST, Key::Number(customer), id));
        }
    }
    let mut reservations = snapshot.prepare_cached(
        "SELECT product_id, order_id FROM store.reservations \
         WHERE id > ?1 AND id <= ?2 AND order_id IS NOT NULL",
    )?;
    let mut rows = reservations.query([from.reservation, to.reservation])?;
    while let Some(row) = rows.next()? {
        entries.push((PRODUCT_LIST, Key::Number(row.get(0)?), row.get(1)?));
    }
    entries.sort_unstable();
    let moved = snapshot
        .prepare_cached(
            "SELECT DISTINCT o.id, o.status FROM store.events e JOIN store.orders o \
             ON o.id = e.subject WHERE e.seq > ?1 AND e.seq <= ?2 AND e.previous > 0 \
             AND o.id <= ?3 ORDER BY o.id",
        )?
        .query_map([from.event, to.event, to.order], |row| {
            Ok((row.get(0)?, codec::status(row, 1)?))
        })?
        .collect::<Result<_>>()?;
    let batch = snapshot
        .query_row("SELECT id, chain FROM store.batches ORDER BY id DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .unwrap_or_default();
    let is_more =
        to.event < newest.event || to.order < newest.order || to.reservation < newest.reservation;
    Ok(Step { to, batch, entries, moved, is_more })
}

/// Writes a step whole, in the order of its entries. Until somebody wants the next one it rests as
/// long as it works, because buyers need the processor, too. Says whether somebody did.
fn write(connection: &mut Connection, step: &Step, wanted: &Receiver<()>) -> Result<bool> {
    // Deferred, and without a look at the store: that would be a snapshot of it.
    let lists = connection.transaction()?;
    let mut insert = lists.prepare_cached("INSERT OR IGNORE INTO entries VALUES (?1, ?2, ?3)")?;
    let mut is_wanted = step.is_more;
    for entries in step.entries.chunks(LISTS_CHUNK_ENTRIES) {
        let begun = Instant::now();
        for (list, key, id) in entries {
            insert.execute(params![list, key, id])?;
        }
        if !is_wanted {
            is_wanted = wanted.recv_timeout(begun.elapsed()).is_ok();
        }
    }
    for (id, status) in &step.moved {
        let mut delete =
            lists.prepare_cached("DELETE FROM entries WHERE list = ?1 AND key = ?2 AND id = ?3")?;
        for other in Status::ALL.iter().filter(|other| *other != status) {
            delete.execute(params![STATUS_LIST, other.as_str(), id])?;
        }
        insert.execute(params![STATUS_LIST, status.as_str(), id])?;
    }
    let Progress { event, order, reservation } = step.to;
    let (batch, chain) = &step.batch;
    lists.execute(
        "UPDATE progress SET event = ?1, order_id = ?2, reservation_id = ?3, batch = ?4, \
         chain = ?5",
        params![event, order, reservation, batch, chain],
    )?;
    drop(insert);
    lists.commit()?;
    Ok(is_wanted)
}

/// One step. Says up to which event the lists now go, and whether the next one is wanted.
fn step(connection: &mut Connection, wanted: &Receiver<()>) -> Result<(i64, bool)> {
    let step = gather(connection)?;
    let is_wanted = write(connection, &step, wanted)?;
    Ok((step.to.event, is_wanted))
}

/// The thread that fills the lists, in the committer's hands.
#[derive(Debug)]
pub(super) struct Filler {
    wanted: Waker,
    done: Receiver<()>,
    event: Arc<AtomicI64>,
    asked_at: i64,
}

impl Filler {
    pub(super) fn start(
        database: &Path,
        wakeups: &Wakeups,
    ) -> std::result::Result<Self, OpenError> {
        let mut connection = open(database)?;
        let (wanted, requests) = (wakeups.waker(), wakeups.receiver.clone());
        let (has_done, done) = crossbeam_channel::bounded::<()>(1);
        let event = Arc::new(AtomicI64::new(0));
        let reached = event.clone();
        let work = move || loop {
            match step(&mut connection, &requests) {
                Ok((event, is_wanted)) => {
                    reached.store(event, Ordering::Release);
                    let _ = has_done.try_send(());
                    if is_wanted {
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "the lists cannot be filled"),
            }
            let request = requests.recv_timeout(LISTS_PAUSE);
            if request == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        };
        std::thread::Builder::new()
            .name("lists".into())
            .spawn(work)
            .map_err(|source| OpenError::Io { path: path_of(database), source })?;
        Ok(Self { wanted, done, event, asked_at: 0 })
    }

    /// Says how far the log is: wakes the filler when a step has gathered, and waits for it when
    /// the lists are too far behind.
    pub(super) fn reached(&mut self, newest: i64) {
        if newest - self.asked_at >= LISTS_STEP_WANTED_EVENTS {
            self.asked_at = newest;
            self.wanted.wake();
        }
        while newest - self.event.load(Ordering::Acquire) > LISTS_BEHIND_EVENTS_MAX {
            self.wanted.wake();
            if self.done.recv_timeout(WAIT_MAX).is_err() {
                tracing::error!("the lists are too far behind and do not come on");
                return;
            }
        }
    }
}
