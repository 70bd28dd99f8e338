//! Threads for work that takes long and memory that is dear, with a bound on both. They are not
//! tokio's: those are hundreds, and lend themselves to whatever comes. Ours are as many as cores,
//! and have less of a claim on them than everything else in the process.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// What is added to a thread's nice value: at 10 a busy thread gets a tenth of what it would get
/// beside one that handles orders.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// Too many are waiting.
    Away,
    /// It was begun and did not end.
    BrokenOff,
}

/// Threads that end when the pool is dropped and what is queued is done.
pub(super) struct Pool {
    jobs: SyncSender<Job>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the threads; beside the jobs that they work on, `queue_max` may wait.
    pub(super) fn start(name: &str, threads: NonZeroUsize, queue_max: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(queue_max);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads.get() {
            let queue = queue.clone();
            thread::Builder::new().name(name.to_owned()).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Does something on one of the threads. If the caller stops waiting before it is begun, it is
    /// not done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Turned> {
        let (reply, answer) = oneshot::channel();
        let job = move || {
            if !reply.is_closed() {
                // Whoever went away in the meantime does not want it any more.
                let _ = reply.send(job());
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => Turned::Away,
            TrySendError::Disconnected(_) => Turned::BrokenOff,
        })?;
        answer.await.map_err(|_| Turned::BrokenOff)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    yield_to_others();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A job that panics must not take the thread with it: there are no others.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}

/// On Linux the priority is one of the calling thread; elsewhere it would be the whole process's.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "passwords are hashed at full priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    fn one_thread(queue_max: usize) -> Pool {
        Pool::start("test", NonZeroUsize::MIN, queue_max).unwrap()
    }

    #[tokio::test]
    async fn a_full_queue_turns_callers_away_and_empties_again() {
        let pool = Arc::new(one_thread(3));
        let (begun, has_begun) = channel();
        let (finish, may_finish) = channel::<()>();
        let spawned = |job: Job| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(job).await })
        };
        let mut waiting = vec![spawned(Box::new(move || {
            begun.send(()).unwrap();
            may_finish.recv().unwrap();
        }))];
        tokio::task::yield_now().await;
        has_begun.recv().unwrap();
        waiting.extend((0..3).map(|_| spawned(Box::new(|| {}))));
        tokio::task::yield_now().await;
        assert_eq!(pool.run(|| ()).await, Err(Turned::Away));
        finish.send(()).unwrap();
        for one in waiting {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn nothing_is_done_for_callers_who_went_away() {
        let pool = one_thread(8);
        let done = Arc::new(AtomicUsize::new(0));
        let (finish, may_finish) = channel::<()>();
        let count = |done: &Arc<AtomicUsize>| {
            let done = done.clone();
            move || done.fetch_add(1, Ordering::SeqCst)
        };
        let mut first = Box::pin(pool.run(move || may_finish.recv().unwrap()));
        let mut gone = Box::pin(pool.run(count(&done)));
        let mut stays = Box::pin(pool.run(count(&done)));
        // Asked once, so that all three are queued.
        tokio::select! {
            biased;
            _ = &mut first => unreachable!("it waits"),
            _ = &mut gone => unreachable!("it is behind one that waits"),
            _ = &mut stays => unreachable!("it is behind one that waits"),
            () = std::future::ready(()) => {}
        }
        drop(gone);
        finish.send(()).unwrap();
        assert_eq!((first.await, stays.await), (Ok(()), Ok(0)));
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_job_that_panics_leaves_the_thread_alive() {
        let pool = one_thread(1);
        assert_eq!(pool.run(|| panic!("on purpose")).await, Err::<(), _>(Turned::BrokenOff));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_threads_yield_and_the_others_do_not() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let of_thread = one_thread(1).run(nice).await.unwrap();
        assert_eq!(of_thread, NICE);
        assert_eq!(nice(), before);
    }
}
