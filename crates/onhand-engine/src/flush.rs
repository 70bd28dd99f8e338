//! The second half of a commit, on a thread of its own: while one batch is made durable, the next
//! is decided and written. Answers leave from here, in the order of the batches, and none before
//! everything that it may rest on is durable: the refusal of a batch that wrote nothing waits too.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::{oneshot, watch};

use crate::committer::{Answer, CommitterStats, CrashPoint, Submission, Verdict};
use crate::limits::BATCHES_UNFLUSHED_MAX;
use crate::store::{Flush, StoreError};
use crate::watch::Telling;

/// A batch that is committed and perhaps not yet durable.
pub(crate) struct Committed {
    /// When its run began.
    pub(crate) began: Instant,
    pub(crate) part: Vec<Submission>,
    /// One per submission, in order.
    pub(crate) verdicts: Vec<Verdict>,
    /// Position of the newest event, when anything was written.
    pub(crate) event: Option<i64>,
    /// Completes when those are told who keep copies.
    pub(crate) telling: Option<Telling>,
    /// Where the process dies: for crash tests.
    pub(crate) crash: Option<CrashPoint>,
}

/// What the thread works with.
pub(crate) struct Flusher<F> {
    pub(crate) flush: F,
    /// Position of the newest durable event.
    pub(crate) durable_to: Arc<watch::Sender<i64>>,
    pub(crate) stats: Arc<CommitterStats>,
}

/// The committer's end.
pub(crate) struct Flushing {
    batches: SyncSender<Committed>,
    /// Why it has ended, when it could not go on.
    failed: oneshot::Receiver<StoreError>,
    thread: JoinHandle<()>,
}

impl<F: Flush> Flusher<F> {
    pub(crate) fn start(mut self) -> std::io::Result<Flushing> {
        let (batches, committed) = sync_channel(BATCHES_UNFLUSHED_MAX);
        let (failing, failed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("flusher".into()).spawn(move || {
            if let Err(error) = self.run(&committed) {
                // Whoever waits is told by the end of its channel that the outcome is unknown; the
                // committer finds the reason before it finds that nobody listens.
                let _ = failing.send(error);
                drop(committed);
            }
        })?;
        Ok(Flushing { batches, failed, thread })
    }

    fn run(&mut self, committed: &Receiver<Committed>) -> Result<(), StoreError> {
        while let Ok(first) = committed.recv() {
            let mut group = vec![first];
            group.extend(committed.try_iter());
            CrashPoint::Written.reach(&group);
            if group.iter().any(|batch| batch.event.is_some()) {
                let began = Instant::now();
                self.flush.flush()?;
                self.stats.flush.note_duration(began.elapsed());
            }
            CrashPoint::Durable.reach(&group);
            for batch in group {
                if let Some(telling) = batch.telling {
                    // Whoever was to tell is gone when the process stops: nobody asks it any more.
                    let _ = telling.blocking_recv();
                }
                if let Some(event) = batch.event {
                    self.durable_to.send_replace(event);
                    self.stats.commit.note_duration(batch.began.elapsed());
                }
                for (submission, verdict) in batch.part.into_iter().zip(batch.verdicts) {
                    if let Ok(Answer { outcome: Err(refusal), replayed: false }) = &verdict {
                        self.stats.refused.add(refusal.code(), 1);
                    }
                    submission.answer(verdict);
                }
            }
        }
        Ok(())
    }
}

impl Flushing {
    /// Hands a batch on; waits while too many are not durable yet.
    ///
    /// # Errors
    /// Why nothing can be made durable any more. Its callers are told that the outcome is unknown.
    pub(crate) fn hand_on(&mut self, batch: Committed) -> Result<(), StoreError> {
        self.batches.send(batch).map_err(|_| self.failed.try_recv().unwrap_or_else(|_| gone()))
    }

    /// Completes when nothing can be made durable any more, and says why.
    pub(crate) async fn failed(&mut self) -> StoreError {
        (&mut self.failed).await.unwrap_or_else(|_| gone())
    }

    /// Waits until everything that was handed on is durable and answered.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        let Self { batches, mut failed, thread } = self;
        drop(batches);
        if thread.join().is_err() {
            return Err(gone());
        }
        failed.try_recv().map_or(Ok(()), Err)
    }
}

/// What is said of a flusher that has ended without a reason.
fn gone() -> StoreError {
    StoreError::Unknown { reason: "the flusher panicked".into() }
}

impl CrashPoint {
    fn reach(self, group: &[Committed]) {
        if group.iter().any(|batch| batch.crash == Some(self)) {
            self.die();
        }
    }
}
