//! PostgreSQL, the store of a shop that has grown: any number of processes on one database. They
//! write in turns, by the lock on the head of the logs (`write.rs`), so that there is one history
//! without gaps, as in the embedded store. Reads have connections of their own (`readers.rs`).

mod accounts;
mod address;
mod changes;
mod codec;
mod copy;
mod error;
mod flight;
mod gather;
mod head;
mod imports;
mod leases;
mod lists;
mod load;
mod logs;
mod migrate;
mod outbox;
mod past;
mod payments;
mod prove;
mod read;
mod readers;
mod reconnect;
mod rows;
mod session;
mod settle;
mod shape;
mod stock;
mod turn;
mod verify;
mod warehouse;
mod window;
mod write;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use self::address::Address;
use self::error::Error;
use self::session::Session;
use crate::limits::FOLLOW_PAUSE;
use crate::migration::MigrationState;

pub use address::AddressError;
pub(crate) use copy::CopyTarget;
pub use leases::Leases;
#[cfg(test)]
pub(crate) use migrate::TABLES;
pub use prove::Prover;
pub use readers::Reader;
pub use verify::{rebuild, verify};
pub use write::PostgresStore;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of no use.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server does not let us in, or is not one to write to.
    #[error("cannot use {address}: {reason}")]
    Refused {
        /// The database, without its password.
        address: String,
        /// In words for the operator.
        reason: String,
    },
    /// A newer onhand has changed the schema, or an applied migration was altered.
    #[error("{0}")]
    Schema(String),
    /// The schema lacks steps that this binary has.
    #[error(
        "the schema of {address} is not up to date (missing: {missing}); run `onhand migrate up`, \
         or serve with --migrate"
    )]
    Behind {
        /// The database.
        address: String,
        /// The steps.
        missing: String,
    },
}

impl OpenError {
    fn of(address: &Address, error: Error) -> Self {
        Self::Refused { address: address.to_string(), reason: error.to_string() }
    }
}

/// A database on a server, of which any number of processes may have one.
#[derive(Debug)]
pub struct Database {
    address: Address,
    /// A copy of it that answers lists.
    replica: Option<Address>,
    /// Tells the leases of this process from those of others.
    holder: i64,
    /// The newest event that this process has acknowledged.
    acknowledged: Arc<AtomicI64>,
}

/// A number that nobody else has.
fn drawn() -> i64 {
    // The keys of this hasher are what the standard library has of randomness.
    RandomState::new().build_hasher().finish().cast_signed()
}

impl Database {
    /// Looks whether the database is there, can be written, keeps what is committed and has the
    /// schema of this binary.
    ///
    /// # Errors
    /// [`OpenError`] in words for the operator.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let database = Self::at(url)?;
        let session = database.session().await?;
        migrate::expect_all(&database.address, session.client()).await?;
        Ok(database)
    }

    /// Brings the schema up to date first.
    ///
    /// # Errors
    /// [`OpenError`] in words for the operator.
    pub async fn open_migrated(url: &str) -> Result<Self, OpenError> {
        let database = Self::at(url)?;
        migrate::up(&database.address, None).await?;
        Ok(database)
    }

    /// Brings the schema up to a version and no further, and does not ask for more: what a process
    /// of that version would do.
    ///
    /// # Errors
    /// [`OpenError`] in words for the operator.
    pub async fn open_migrated_to(url: &str, version: i64) -> Result<Self, OpenError> {
        let database = Self::at(url)?;
        migrate::up(&database.address, Some(version)).await?;
        Ok(database)
    }

    fn at(url: &str) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        Ok(Self { address, replica: None, holder: drawn(), acknowledged: Arc::default() })
    }

    /// Asks a standby for lists, as long as it has what this process has acknowledged. Nothing is
    /// ever decided on it. It may be away.
    ///
    /// # Errors
    /// [`OpenError`], when the URL is of no use.
    pub fn read_lists_from(&mut self, url: &str) -> Result<(), OpenError> {
        self.replica = Some(Address::parse(url)?);
        Ok(())
    }

    /// Every migration, applied or not.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn migrations(&self) -> Result<Vec<MigrationState>, OpenError> {
        let session = self.session().await?;
        migrate::status(&self.address, session.client()).await
    }

    async fn session(&self) -> Result<Session, OpenError> {
        let session = Session::open(&self.address).await;
        session.map_err(|error| OpenError::of(&self.address, error))
    }

    /// Deletes everything that is stored, for good: every table of onhand's, and nothing else.
    ///
    /// # Errors
    /// [`OpenError`]; then nothing is gone.
    pub async fn delete(self) -> Result<(), OpenError> {
        migrate::delete(&self.address).await
    }

    /// The writing side. It connects when it is first asked; call it on a runtime, where the task
    /// that fills the lists is to live.
    pub fn store(&self) -> PostgresStore {
        PostgresStore::new(self.address.clone(), drawn(), self.acknowledged.clone())
    }

    /// The right to do what is scheduled.
    pub fn leases(&self) -> Leases {
        Leases::new(self.address.clone(), self.holder)
    }

    /// Tells of events that other processes write, while somebody listens; ends with the sender.
    pub(crate) fn follow(&self, events: Weak<watch::Sender<i64>>) {
        tokio::spawn(follow(self.address.clone(), events));
    }

    /// The reading side, with connections that are opened when they are needed; call it on a
    /// runtime, where the gatherers of reads are to live.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn reader(&self) -> Result<Reader, OpenError> {
        Reader::new(&self.address, self.replica.as_ref(), &self.acknowledged)
    }
}

/// Looks how far the log is, as long as somebody listens.
async fn follow(address: Address, events: Weak<watch::Sender<i64>>) {
    let mut session: Option<Session> = None;
    loop {
        tokio::time::sleep(FOLLOW_PAUSE).await;
        let Some(events) = events.upgrade() else { return };
        if events.receiver_count() == 0 {
            continue;
        }
        if session.as_ref().is_none_or(Session::is_closed) {
            session = Session::open(&address).await.ok();
        }
        let Some(open) = session.as_ref() else { continue };
        let newest = open.client().query_one("SELECT event - 1 FROM numbering", &[]);
        match session::in_time(async { Ok(newest.await?.try_get::<_, i64>(0)?) }).await {
            Ok(newest) => {
                events.send_if_modified(|known| {
                    let is_newer = newest > *known;
                    *known = newest.max(*known);
                    is_newer
                });
            }
            Err(error) => {
                tracing::debug!(%error, "the log cannot be followed");
                session = None;
            }
        }
    }
}

/// Which migrations a database has, without changing it.
///
/// # Errors
/// [`OpenError`].
pub async fn migration_status(url: &str) -> Result<Vec<MigrationState>, OpenError> {
    Database::at(url)?.migrations().await
}
