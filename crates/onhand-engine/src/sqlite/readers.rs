//! Readers: a few threads with a read-only connection each, behind a bounded queue. A read sees one
//! snapshot that holds everything that was acknowledged before it began, and waits for the
//! committer only where it saw what is not durable yet (`durable.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::durable::Durability;
use super::levels::RecentLevels;
use super::load::View;
use super::tails::Tails;
use super::{Database, OpenError, lists, open_reader};
use crate::limits::{QUEUE_READS_MAX, READ_WAITS_MAX, READERS};
use crate::query::ReadError;

type Work = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    queue: crossbeam_channel::Sender<Work>,
    levels: Arc<RecentLevels>,
    durability: Durability,
    tails: Tails,
}

impl Reader {
    pub(super) fn start(database: &Database) -> Result<Self, OpenError> {
        let path = &database.path;
        let (queue, requests) = crossbeam_channel::bounded::<Work>(QUEUE_READS_MAX);
        for number in 0..READERS {
            let connection = open_reader(path)?;
            lists::attach(&connection, path)?;
            let requests = requests.clone();
            let work = move || {
                while let Ok(work) = requests.recv() {
                    // A read that panics fails alone: who asked for it is told by its channel.
                    if catch_unwind(AssertUnwindSafe(|| work(&connection))).is_err() {
                        tracing::error!("a read panicked");
                    }
                }
            };
            std::thread::Builder::new()
                .name(format!("reader-{number}"))
                .spawn(work)
                .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        }
        let (levels, durability) = (database.levels.clone(), database.durability.clone());
        Ok(Self { queue, levels, durability, tails: Tails::new(database.lists.waker()) })
    }

    /// Reads that wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What the lists lack.
    pub(super) fn tails(&self) -> Tails {
        self.tails.clone()
    }

    /// Runs a read in one snapshot, and answers once all that it saw is durable.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(View<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (reply, answer) = oneshot::channel();
        let (levels, durability) = (self.levels.clone(), self.durability.clone());
        let work: Work = Box::new(move |connection| {
            let _reading = levels.reading();
            let result = Snapshot::begin(connection)
                .and_then(|snapshot| read(View { connection: snapshot.0, levels: &levels }));
            let _ = reply.send((result, durability.seen()));
        });
        self.queue.try_send(work).map_err(|error| match error {
            crossbeam_channel::TrySendError::Full(_) => ReadError::Overloaded,
            crossbeam_channel::TrySendError::Disconnected(_) => ReadError::Stopping,
        })?;
        let (result, seen) = answer.await.map_err(|_| ReadError::Stopping)?;
        let durable = timeout(READ_WAITS_MAX, self.durability.of(seen)).await;
        durable.map_err(|_| ReadError::NotDurable)?.map_err(|_| ReadError::NotDurable)?;
        result.map_err(|error| ReadError::Failed(error.to_string()))
    }
}

/// One state of the database, as long as it lives. Its statements are kept prepared, unlike those
/// of a transaction of the driver: a short read would spend a fifth of its time on them.
struct Snapshot<'a>(&'a Connection);

impl<'a> Snapshot<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
        if let Err(error) = ended {
            tracing::error!(%error, "a snapshot cannot be ended");
        }
    }
}
