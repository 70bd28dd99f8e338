//! The one place where the time comes from. Rules never read it; the committer asks once per batch.

use std::sync::Mutex;

use onhand_core::Timestamp;

/// A source of the time.
pub trait Clock: Send + Sync + 'static {
    /// The time, to the microsecond.
    fn now(&self) -> Timestamp;

    /// The time of a batch, given the time of its store where that has one.
    fn of_batch(&self, _store: Option<Timestamp>) -> Timestamp {
        self.now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Timestamp {
        to_micros(Timestamp::now())
    }

    /// Processes that share a store share its clock: theirs may differ.
    fn of_batch(&self, store: Option<Timestamp>) -> Timestamp {
        store.unwrap_or_else(|| self.now())
    }
}

/// A clock that stands still until it is told to move: for tests and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Mutex::new(to_micros(start)))
    }

    /// Moves the clock on.
    pub fn advance_secs(&self, secs: i64) {
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The instant without what stores do not keep: anything below a microsecond.
pub fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
