//! The writing side: one connection in the committer's hands. A batch is one `BEGIN IMMEDIATE` ..
//! `COMMIT`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use onhand_core::orders::Order;
use onhand_core::{Needs, Numbering, State, Timestamp};
use rusqlite::{Connection, params};

use super::durable::{Durability, LogFlush};
use super::levels::{Plan, RecentLevels};
use super::lists::Filler;
use super::logs;
use super::outcomes::Windows;
use super::rows::{write_levels, write_rows};
use super::{
    Checkpoint, Checkpointer, Database, OpenError, checkpoint, codec, load, open_writer,
    store_error,
};
use crate::chain::{Chain, FIRST_LINK};
use crate::idempotency::IdempotencyKey;
use crate::limits::{BUSY_TIMEOUT, WAL_BYTES_MAX, WAL_CHECKPOINT_BYTES, WRITER_CACHE_KIB};
use crate::store::{Batch, Begun, Others, Store, StoreError};
use crate::stored::stored_count;

/// The embedded store's writing side.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    checkpointer: Checkpointer,
    filler: Filler,
    levels: Arc<RecentLevels>,
    path: PathBuf,
    durability: Durability,
    /// Position of the newest event.
    newest_event: i64,
    chain: [u8; 32],
    windows: Windows,
}

impl SqliteStore {
    pub(super) fn open(database: &Database) -> Result<Self, OpenError> {
        let path = database.path.clone();
        let connection = open_writer(&path)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        let mut store = Self {
            connection,
            checkpointer: Checkpointer::start(&path)?,
            filler: Filler::start(&path, &database.lists)?,
            levels: database.levels.clone(),
            path,
            durability: database.durability.clone(),
            newest_event: 0,
            chain: FIRST_LINK,
            windows: Windows::default(),
        };
        store.reload()?;
        Ok(store)
    }

    /// Reads again what is kept at hand beside the rows: after opening and after a failed batch.
    fn reload(&mut self) -> rusqlite::Result<()> {
        self.chain = logs::newest_link(&self.connection)?;
        self.windows = Windows::read(&self.connection)?;
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<Plan, WriteError> {
        let plan = self.levels.plan(batch).map_err(|_| WriteError::Guard("levels"))?;
        write_rows(&self.connection, &batch.rows)?;
        write_levels(&self.connection, &plan)?;
        let mut chain = Chain::after(&self.chain);
        logs::write_movements(&self.connection, batch, &mut chain)?;
        logs::write_events(&self.connection, &batch.events, &mut chain)?;
        self.chain = chain.finish();
        self.windows.write(&self.connection, batch)?;
        self.connection
            .prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                batch.id,
                batch.numbering.event - 1,
                batch.numbering.movement - 1,
                stored_count(batch.commands),
                batch.now.as_microsecond(),
                self.chain,
            ])?;
        let next = &batch.numbering;
        self.connection
            .prepare_cached(
                "UPDATE numbering SET product = ?1, category = ?2, location = ?3, \
                 reservation = ?4, \"order\" = ?5, movement = ?6, event = ?7, batch = ?8, \
                 recorded_at = ?9, levels_covered = ?10, \"user\" = ?11, session = ?12, \
                 api_key = ?13, rights = ?14, notice = ?15, endpoint = ?16, job = ?17, \
                 sync = ?18",
            )?
            .execute(params![
                next.product,
                next.category,
                next.location,
                next.reservation,
                next.order,
                next.movement,
                next.event,
                batch.id + 1,
                batch.now.as_microsecond(),
                plan.covered,
                next.user,
                next.session,
                next.api_key,
                next.rights,
                next.notice,
                next.endpoint,
                next.job,
                next.sync,
            ])?;
        Ok(plan)
    }

    /// Lets the log begin again, unless somebody still reads what is in it: a long read, like that
    /// of `verify`, makes the log longer and must not make anybody wait.
    fn restart_log(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let restarted = checkpoint(&self.connection, Checkpoint::Restart);
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        restarted.map(|_| ())
    }

    /// Writes every level whose row is behind.
    fn settle(&mut self) -> Result<(), WriteError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let (movement, batch): (i64, i64) =
            snapshot.query_row("SELECT movement - 1, batch - 1 FROM numbering", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let plan = self.levels.plan_to_settle(movement);
        write_levels(&snapshot, &plan)?;
        snapshot.execute("UPDATE numbering SET levels_covered = ?1", [plan.covered])?;
        snapshot.commit()?;
        self.levels.carry_out(plan, batch);
        Ok(())
    }
}

/// Where the newest batch has left off.
fn newest(connection: &Connection) -> rusqlite::Result<Begun> {
    let mut select = connection.prepare_cached(
        "SELECT product, category, location, reservation, \"order\", movement, event, \
         batch, recorded_at, \"user\", session, api_key, rights, notice, endpoint, \
         job, sync FROM numbering",
    )?;
    select.query_row([], |row| {
        Ok(Begun {
            numbering: Numbering {
                product: row.get(0)?,
                category: row.get(1)?,
                location: row.get(2)?,
                reservation: row.get(3)?,
                order: row.get(4)?,
                movement: row.get(5)?,
                event: row.get(6)?,
                user: row.get(9)?,
                session: row.get(10)?,
                api_key: row.get(11)?,
                rights: row.get(12)?,
                notice: row.get(13)?,
                endpoint: row.get(14)?,
                job: row.get(15)?,
                sync: row.get(16)?,
            },
            batch: row.get(7)?,
            recorded_at: codec::instant(row.get(8)?)?,
            time: None,
            others_wrote: false,
            outcomes: Vec::new(),
        })
    })
}

impl Store for SqliteStore {
    type Flush = LogFlush;

    fn flusher(&mut self) -> std::io::Result<LogFlush> {
        LogFlush::open(&self.path, self.durability.clone())
    }

    fn goes_beside(&self) -> bool {
        false
    }

    async fn turn(&mut self) -> Result<Others, StoreError> {
        Ok(Others::Nothing)
    }

    async fn begin(
        &mut self,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> Result<Begun, StoreError> {
        let mut begin = || -> rusqlite::Result<Begun> {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let mut begun = newest(&self.connection)?;
            begun.outcomes = self.windows.find(&self.connection, keys)?;
            let view = load::View { connection: &self.connection, levels: &self.levels };
            view.load(needs, begun.recorded_at, state)?;
            Ok(begun)
        };
        begin().map_err(|error| store_error(&error))
    }

    async fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> Result<(), StoreError> {
        let view = load::View { connection: &self.connection, levels: &self.levels };
        view.load(needs, now, state).map_err(|error| store_error(&error))
    }

    async fn order_of_event(&mut self, seq: i64) -> Result<Order, StoreError> {
        load::order_of_event(&self.connection, seq).map_err(|error| store_error(&error))
    }

    async fn commit(&mut self, batch: Arc<Batch>) -> Result<(), StoreError> {
        let plan = self.write(&batch).map_err(StoreError::from)?;
        self.durability.begin();
        let committed =
            self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        match committed {
            Ok(_) => {
                self.durability.written();
                self.levels.carry_out(plan, batch.id);
                self.newest_event = batch.newest_event();
                Ok(())
            }
            // The log was not written: SQLite has the old state, and says so.
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy)
                ) =>
            {
                self.durability.undone();
                Err(store_error(&error))
            }
            // An I/O error while writing the log: nobody knows how much of it is there.
            Err(error) => {
                self.durability.fail();
                Err(StoreError::Unknown { reason: error.to_string() })
            }
        }
    }

    fn is_writing(&self) -> bool {
        false
    }

    async fn landed(&mut self) {
        std::future::pending().await
    }

    async fn written(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        let rollback = || -> rusqlite::Result<()> {
            // After some errors SQLite has rolled back by itself; only autocommit tells.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
            Ok(())
        };
        rollback().map_err(|error| store_error(&error))?;
        self.reload().map_err(|error| store_error(&error))
    }

    async fn between_batches(&mut self) -> Result<(), StoreError> {
        self.filler.reached(self.newest_event);
        let log = checkpoint(&self.connection, Checkpoint::Look);
        let log = log.map_err(|error| store_error(&error))?;
        if log.total >= WAL_BYTES_MAX {
            self.restart_log().map_err(|error| store_error(&error))?;
        } else if log.pending >= WAL_CHECKPOINT_BYTES {
            self.checkpointer.ask();
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), StoreError> {
        self.settle().map_err(StoreError::from)
    }
}

/// Why a batch could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot be put into words: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a row of {0} is not at the version that was loaded")]
    Guard(&'static str),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Sqlite(error) => store_error(&error),
            WriteError::Json(error) => {
                Self::Corrupt { table: "a document", reason: error.to_string() }
            }
            WriteError::Guard(table) => Self::Conflict { table },
        }
    }
}
