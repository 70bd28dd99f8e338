//! A database by its URL, whichever store it is: what a process opens when it starts, and what
//! commands ask of it. Beyond this file only the stores themselves know which one is meant.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use onhand_core::Timestamp;
use tokio::sync::oneshot;

use crate::committer::{self, Config, Running, Submit};
use crate::migration::MigrationState;
use crate::prover::Prover;
use crate::reader::Reader;
use crate::report::{Rebuild, Report};
use crate::{postgres, sqlite};

/// Why a database cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It names no store.
    #[error(
        "`{0}` is not a database: expected `sqlite:` and a file, like sqlite:onhand.db, or \
         postgresql://user@host:port/name"
    )]
    Url(String),
    /// Only a server has standbys.
    #[error("a replica is a PostgreSQL server beside a PostgreSQL server; a file has none")]
    Replica,
    /// The embedded store says no.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The PostgreSQL store says no.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

impl OpenError {
    /// Whether starting again cannot help until somebody changes what is configured or installed.
    /// What a server refuses counts: at a start nobody can tell a wrong name from one that is away.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Url(_) | Self::Replica | Self::Postgres(_) => true,
            Self::Sqlite(error) => match error {
                sqlite::OpenError::TooOld { .. }
                | sqlite::OpenError::Schema(_)
                | sqlite::OpenError::Pragma { .. } => true,
                sqlite::OpenError::InUse { .. }
                | sqlite::OpenError::Io { .. }
                | sqlite::OpenError::Sqlite(_) => false,
            },
        }
    }
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// On a server, by its URL.
    Server(String),
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`OpenError::Url`]; the URL is not shown when it may have a password in it.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgresql://") || url.starts_with("postgres://") {
            return Ok(Self::Server(url.to_owned()));
        }
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(_) | None => {
                let shown = if url.contains(['@', '?']) { "the database URL" } else { url };
                Err(OpenError::Url(shown.to_owned()))
            }
        }
    }
}

/// What happens to a schema that lacks steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Both stores are brought up to date.
    Migrate,
    /// Only up to a version, on a server: for changing it step by step.
    MigrateTo(i64),
    /// The embedded store is; on a server it must be up to date, because others may be using it.
    MigrateIfAlone,
}

/// An opened database.
#[derive(Debug)]
pub enum Database {
    /// A file that this process owns.
    Sqlite(sqlite::Database),
    /// A server, with any number of processes.
    Postgres(postgres::Database),
}

impl Database {
    /// Opens a database.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(location: &Location, schema: Schema) -> Result<Self, OpenError> {
        Ok(match (location, schema) {
            (Location::File(path), _) => Self::Sqlite(sqlite::Database::open(path)?),
            (Location::Server(url), Schema::Migrate) => {
                Self::Postgres(postgres::Database::open_migrated(url).await?)
            }
            (Location::Server(url), Schema::MigrateTo(version)) => {
                Self::Postgres(postgres::Database::open_migrated_to(url, version).await?)
            }
            (Location::Server(url), Schema::MigrateIfAlone) => {
                Self::Postgres(postgres::Database::open(url).await?)
            }
        })
    }

    /// Starts its committer.
    ///
    /// # Errors
    /// [`OpenError`], or the system gives no thread.
    pub fn start(
        &self,
        config: Config,
    ) -> Result<(Submit, Running, oneshot::Receiver<()>), StartError> {
        Ok(match self {
            Self::Sqlite(database) => {
                let store = database.store().map_err(OpenError::from)?;
                committer::start(store, config)?
            }
            Self::Postgres(database) => {
                let started = committer::start(database.store(), config)?;
                database.follow(Arc::downgrade(started.0.durable_to()));
                started
            }
        })
    }

    /// The reading side.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn reader(&self) -> Result<Reader, OpenError> {
        Ok(match self {
            Self::Sqlite(database) => Reader::Sqlite(database.reader()?),
            Self::Postgres(database) => Reader::Postgres(database.reader()?),
        })
    }

    /// Asks a standby for lists, as long as it has what this process has acknowledged.
    ///
    /// # Errors
    /// [`OpenError`], when the URL is of no use, or the database a file, which has no copy.
    pub fn read_lists_from(&mut self, url: &str) -> Result<(), OpenError> {
        match (self, Location::parse(url)?) {
            (Self::Postgres(database), Location::Server(url)) => {
                Ok(database.read_lists_from(&url)?)
            }
            (Self::Sqlite(_) | Self::Postgres(_), _) => Err(OpenError::Replica),
        }
    }

    /// The right to do what is scheduled.
    pub fn leases(&self) -> Leases {
        match self {
            Self::Sqlite(_) => Leases::Alone,
            Self::Postgres(database) => Leases::Shared(Box::new(database.leases())),
        }
    }

    /// Ends the leases of jobs and effects that a dead process has left, where it is certain that
    /// it is dead: of a file, whose lock says that there is no other. Before anybody works. Calls
    /// to gateways may take so long from `now` until they have come to their end. On a server
    /// leases run out by themselves. Answers how many were ended.
    ///
    /// # Errors
    /// [`OpenError`]; then they run out by themselves.
    pub fn end_leases(&self, now: Timestamp, call: Duration) -> Result<usize, OpenError> {
        match self {
            Self::Sqlite(database) => {
                let calls_ended_at = now.checked_add(call).unwrap_or(Timestamp::MAX);
                Ok(database.end_leases(now, calls_ended_at)?)
            }
            Self::Postgres(_) => Ok(0),
        }
    }

    /// Deletes everything that is stored, for good.
    ///
    /// # Errors
    /// [`OpenError`]; some of it may be gone.
    pub async fn delete(self) -> Result<(), OpenError> {
        match self {
            Self::Sqlite(database) => Ok(database.delete()?),
            Self::Postgres(database) => Ok(database.delete().await?),
        }
    }
}

/// The right to do what is scheduled: one process at a time has it.
#[derive(Debug)]
pub enum Leases {
    /// There is no other process.
    Alone,
    /// Others may want it.
    Shared(Box<postgres::Leases>),
}

impl Leases {
    /// Takes or keeps a lease for a time; says whether this process has it. What is done under it
    /// must be safe to do twice.
    pub async fn hold(&self, name: &str, time: Duration) -> bool {
        match self {
            Self::Alone => true,
            Self::Shared(leases) => leases.hold(name, time).await,
        }
    }

    /// Gives back what this process holds.
    pub async fn release(&self) {
        match self {
            Self::Alone => {}
            Self::Shared(leases) => leases.release().await,
        }
    }
}

/// Why a committer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database says no.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    System(#[from] std::io::Error),
}

/// Which migrations a database has, without changing it.
///
/// # Errors
/// [`OpenError`].
pub async fn migrations(location: &Location) -> Result<Vec<MigrationState>, OpenError> {
    Ok(match location {
        Location::File(path) => sqlite::migration_status(path)?,
        Location::Server(url) => postgres::migration_status(url).await?,
    })
}

/// Proves a database in one snapshot; works beside running servers.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub async fn verify(location: &Location, is_full: bool) -> Result<Report, OpenError> {
    Ok(match location {
        Location::File(path) => sqlite::verify(path, is_full)?,
        Location::Server(url) => postgres::verify(url, is_full).await?,
    })
}

/// What proves a database slice by slice; works beside running servers.
///
/// # Errors
/// [`OpenError`] when the URL is of no use. It connects when it is first asked.
pub fn prover(location: &Location) -> Result<Prover, OpenError> {
    Ok(match location {
        Location::File(path) => Prover::of_file(sqlite::Prover::new(path)),
        Location::Server(url) => Prover::of_server(postgres::Prover::to(url)?),
    })
}

/// Recomputes every level from the ledger in one snapshot, and says where that is another one than
/// is stored; works beside running servers and changes nothing.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub async fn rebuild(location: &Location) -> Result<Rebuild, OpenError> {
    Ok(match location {
        Location::File(path) => sqlite::rebuild(path)?,
        Location::Server(url) => postgres::rebuild(url).await?,
    })
}
