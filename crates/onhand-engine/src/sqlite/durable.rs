//! What is durable of what can be seen. A commit writes to the log, where readers find it; the
//! flush that makes it durable comes a moment later, beside the next batch. A read therefore waits
//! at its end until the newest commit that it may have seen is durable: nobody is ever shown what a
//! power cut could take back.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{Flush, StoreError};

/// Commits since the store was opened.
#[derive(Debug, Clone, Copy, Default)]
struct Commits {
    /// Begun: a reader may see them.
    begun: u64,
    /// Written whole.
    written: u64,
    /// On the disk.
    durable: u64,
    /// Whether a flush has failed: no later one can be believed.
    has_failed: bool,
}

/// How far the log is durable, shared by the writer, its flusher and the readers.
#[derive(Debug, Clone)]
pub(super) struct Durability(Arc<watch::Sender<Commits>>);

/// A flush failed: what is in the log may not be on the disk, and will not be said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot be made durable")]
pub(super) struct NotDurable;

impl Durability {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Commits::default())))
    }

    /// Announces a commit; call it before the commit can be seen.
    pub(super) fn begin(&self) {
        self.0.send_modify(|commits| commits.begun += 1);
    }

    /// The commit that was begun is written.
    pub(super) fn written(&self) {
        self.0.send_modify(|commits| commits.written = commits.begun);
    }

    /// The commit that was begun did not happen.
    pub(super) fn undone(&self) {
        self.0.send_modify(|commits| commits.begun = commits.written);
    }

    /// Nobody knows what of the log will be there after a power cut: nothing more is shown.
    pub(super) fn fail(&self) {
        self.0.send_modify(|commits| commits.has_failed = true);
    }

    /// What a read that ends now may have seen.
    pub(super) fn seen(&self) -> u64 {
        self.0.borrow().begun
    }

    /// Waits until what was [`Durability::seen`] is durable.
    ///
    /// # Errors
    /// [`NotDurable`], when it will never be.
    pub(super) async fn of(&self, seen: u64) -> Result<(), NotDurable> {
        let is_settled =
            |commits: &Commits| commits.has_failed || commits.durable >= seen.min(commits.begun);
        let mut commits = self.0.subscribe();
        let commits = commits.wait_for(is_settled).await.map_err(|_| NotDurable)?;
        if commits.has_failed { Err(NotDurable) } else { Ok(()) }
    }
}

/// Flushes the write-ahead log.
#[derive(Debug)]
pub struct LogFlush {
    log: File,
    durability: Durability,
}

impl LogFlush {
    /// Opens the log of a database that has a connection, so that the log is there and stays.
    pub(super) fn open(database: &Path, durability: Durability) -> std::io::Result<Self> {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let log = File::open(&path)?;
        // The log may be new: its name has to be durable, too.
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self { log, durability })
    }
}

impl Flush for LogFlush {
    fn flush(&mut self) -> Result<(), StoreError> {
        let written = self.durability.0.borrow().written;
        let flushed = self.log.sync_data();
        match &flushed {
            Ok(()) => self.durability.0.send_modify(|commits| commits.durable = written),
            Err(_) => self.durability.fail(),
        }
        flushed.map_err(|error| StoreError::Unknown { reason: format!("flush: {error}") })
    }
}
