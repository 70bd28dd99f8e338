//! SQLite, the embedded store: one file, one writer, readers beside it. What the write-ahead log,
//! the checkpoints and the lock file are there for is said where they are set.

mod accounts;
mod backup;
mod codec;
mod copy;
mod durable;
mod imports;
mod levels;
mod lists;
mod load;
mod logs;
mod migrate;
mod outbox;
mod outcomes;
mod past;
mod payments;
mod prove;
mod read;
mod readers;
mod rows;
mod tails;
mod verify;
mod warehouse;
mod write;

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onhand_core::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use self::durable::Durability;
use self::levels::RecentLevels;
use crate::limits::{
    BUSY_TIMEOUT, PASSING_CACHE_KIB, READER_CACHE_KIB, STATEMENTS_CACHED_MAX, WAL_BYTES_MAX,
};
use crate::migration::MigrationState;
use crate::store::StoreError;

pub use backup::back_up;
pub(crate) use copy::CopySource;
pub use durable::LogFlush;
pub use prove::Prover;
pub use readers::Reader;
pub use verify::{rebuild, verify};
pub use write::SqliteStore;

/// The oldest SQLite that may write: before it a checkpoint beside the writer can corrupt the file
/// (the WAL-reset race, fixed in 3.51.3).
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// SQLite's page size, which is its default.
const PAGE_BYTES: u64 = 4_096;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process serves this database.
    #[error("another onhand process has {path} open (lock file {lock}); stop it first")]
    InUse {
        /// The database.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// The linked SQLite is too old.
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed")]
    TooOld {
        /// The linked version.
        found: String,
    },
    /// A newer onhand has changed the schema, or an applied migration was altered.
    #[error("{0}")]
    Schema(String),
    /// A setting that durability needs is not in force.
    #[error("SQLite did not accept `PRAGMA {pragma}`: it is `{found}`, not `{wanted}`")]
    Pragma {
        /// The setting.
        pragma: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The file or folder cannot be used.
    #[error("cannot use {path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("cannot open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// A database that this process owns. Dropping it gives the lock back.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    levels: Arc<RecentLevels>,
    durability: Durability,
    lists: lists::Wakeups,
    _lock: File,
}

impl Database {
    /// Takes the lock, checks SQLite and brings the schema up to date; makes the file when there is
    /// none.
    ///
    /// # Errors
    /// [`OpenError`] in words for the operator.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN {
            return Err(OpenError::TooOld { found: rusqlite::version().into() });
        }
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let lock_path = path.with_extension("db.lock");
        let lock = File::create(&lock_path).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { path: path.to_owned(), lock: lock_path });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
        }
        create_closed(path).map_err(io)?;
        let mut connection = open_writer(path)?;
        settle_log(&connection)?;
        migrate::up(&mut connection)?;
        let levels = Arc::new(RecentLevels::recover(&connection)?);
        lists::prepare(path)?;
        let durability = Durability::new();
        let lists = lists::Wakeups::new();
        Ok(Self { path: path.to_owned(), levels, durability, lists, _lock: lock })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the leases that a process has left behind which died: the lock proves that there is no
    /// other, and nobody of this one has begun. Jobs are due `now`; effects no later than
    /// `calls_ended_at`, when what was on its way to a gateway must have come to its end. Answers
    /// how many.
    ///
    /// # Errors
    /// [`OpenError`]; then they run out by themselves.
    pub fn end_leases(
        &self,
        now: Timestamp,
        calls_ended_at: Timestamp,
    ) -> Result<usize, OpenError> {
        let mut connection = open_writer(&self.path)?;
        let transaction = connection.transaction()?;
        let jobs = outbox::end_leases(&transaction, now)?;
        let effects = payments::end_leases(&transaction, calls_ended_at)?;
        transaction.commit()?;
        Ok(jobs + effects)
    }

    /// Deletes everything that is stored, for good. The lock stays until the end.
    ///
    /// # Errors
    /// [`OpenError`]; some files may be gone.
    pub fn delete(self) -> Result<(), OpenError> {
        remove(&lists::path_of(&self.path))?;
        remove(&self.path)
    }

    /// The writing side, with its checkpointer beside it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn store(&self) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(self)
    }

    /// The reading side.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn reader(&self) -> Result<Reader, OpenError> {
        Reader::start(self)
    }
}

/// Removes a database's file and what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), OpenError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(OpenError::Io { path: name.into(), source }),
        }
    }
    Ok(())
}

/// Which migrations a database has, without changing it.
///
/// # Errors
/// [`OpenError`].
pub fn migration_status(path: &Path) -> Result<Vec<MigrationState>, OpenError> {
    migrate::status(&open_reader(path)?)
}

/// Makes the file of a new database, closed to other users of the machine: hashes of passwords are
/// in it. SQLite gives the files of its log the same mode. A file that is there keeps its own.
fn create_closed(path: &Path) -> std::io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A connection that may write. With `synchronous=NORMAL` a commit only writes the log: it is made
/// durable by [`LogFlush`], beside the next batch and before anybody hears of it. A checkpoint
/// flushes the log before it copies and the file afterwards; it runs beside the writer.
fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let connection = Connection::open(path)?;
    prepare_connection(&connection)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // A long read lets the log grow; what it grew by is given back when it begins again.
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX.cast_signed())?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -PASSING_CACHE_KIB)?;
    for (pragma, wanted) in [("journal_mode", "wal"), ("synchronous", "1")] {
        let found = connection.pragma_query_value(None, pragma, |row| {
            let value = row.get_ref(0)?;
            let text = value.as_str().map(str::to_owned);
            Ok(text.or_else(|_| value.as_i64().map(|number| number.to_string())))
        })?;
        let found = found.unwrap_or_else(|error| error.to_string());
        if found != wanted {
            return Err(OpenError::Pragma { pragma, found, wanted });
        }
    }
    Ok(connection)
}

/// What every connection to the database has in common.
fn prepare_connection(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", "off")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    // A statement keeps its plan whatever is bound to it. Without this SQLite may plan it anew for
    // each value, which took a third of the time of reading an order.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Makes durable what the log holds, before anybody hears of it. A process that died between
/// writing a batch and flushing it leaves the batch in the log, where the next one finds it; and
/// what a failed flush has left there is only on the disk when it was written anew.
fn settle_log(connection: &Connection) -> Result<(), OpenError> {
    match checkpoint(connection, Checkpoint::Restart) {
        Ok(log) if log.pending == 0 => Ok(()),
        Ok(log) => {
            tracing::warn!(bytes = log.pending, "a reader keeps the log from being copied back");
            Ok(())
        }
        // The log itself was flushed before; reads go on without the copy.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
            tracing::warn!(%error, "the log cannot be copied back");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// A connection that cannot write.
fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare_connection(&connection)?;
    connection.pragma_update(None, "query_only", "on")?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// Copies pages from the write-ahead log back into the file, beside the writer.
#[derive(Debug)]
struct Checkpointer(crossbeam_channel::Sender<()>);

impl Checkpointer {
    fn start(path: &Path) -> Result<Self, OpenError> {
        let connection = open_writer(path)?;
        let (wanted, requests) = crossbeam_channel::bounded::<()>(1);
        let work = move || {
            while requests.recv().is_ok() {
                if let Err(error) = checkpoint(&connection, Checkpoint::Passive) {
                    tracing::warn!(%error, "checkpoint failed");
                }
            }
        };
        std::thread::Builder::new()
            .name("checkpointer".into())
            .spawn(work)
            .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        Ok(Self(wanted))
    }

    /// Asks for a checkpoint, unless one is asked for already.
    fn ask(&self) {
        let _ = self.0.try_send(());
    }
}

/// How far a checkpoint goes.
#[derive(Debug, Clone, Copy)]
enum Checkpoint {
    /// Only looks at how long the log is.
    Look,
    /// Copies what can be copied without waiting for anybody.
    Passive,
    /// Copies everything and lets the log begin again.
    Restart,
}

/// Bytes of the write-ahead log.
#[derive(Debug, Clone, Copy)]
struct LogBytes {
    /// In all.
    total: u64,
    /// Not yet copied back.
    pending: u64,
}

fn checkpoint(connection: &Connection, mode: Checkpoint) -> rusqlite::Result<LogBytes> {
    let sql = match mode {
        Checkpoint::Look => "PRAGMA wal_checkpoint(NOOP)",
        Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Checkpoint::Restart => "PRAGMA wal_checkpoint(RESTART)",
    };
    let mut statement = connection.prepare_cached(sql)?;
    let (log, copied): (i64, i64) =
        statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
    let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * PAGE_BYTES;
    Ok(LogBytes { total: bytes(log), pending: bytes(log - copied) })
}

/// What an error of SQLite means for a batch that has not been committed.
fn store_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::Conflict { table: "a unique key" },
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { table: "database", reason }
        }
        Some(_) => StoreError::Unavailable { reason },
        None => StoreError::Corrupt { table: "a row", reason },
    }
}
