//! Whether a shared cache is there. One that is gone is left alone, so that it costs nothing but a
//! look at the clock; once in a while one reader asks whether it is back.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::limits::{CACHE_FAILURES_MAX, CACHE_LEFT_ALONE};

/// What a question has shown that was not known before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is gone.
    Gone,
    /// It is back.
    Back,
}

#[derive(Debug)]
pub(super) struct Health {
    start: Instant,
    /// Failures, one after the other.
    failures: AtomicU32,
    is_gone: AtomicBool,
    /// Milliseconds from the start until which nobody asks.
    until: AtomicU64,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            failures: AtomicU32::new(0),
            is_gone: AtomicBool::new(false),
            until: AtomicU64::new(0),
        }
    }

    /// Whether to ask now. Of those who could find out whether it is back, one does.
    pub(super) fn allows(&self) -> bool {
        if !self.is_gone.load(Ordering::Relaxed) {
            return true;
        }
        let (now, until) = (self.now(), self.until.load(Ordering::Relaxed));
        let next = now.saturating_add(left_alone());
        let order = Ordering::Relaxed;
        now >= until && self.until.compare_exchange(until, next, order, order).is_ok()
    }

    /// Notes how a question went.
    pub(super) fn note(&self, is_answer: bool) -> Option<Turn> {
        if is_answer {
            self.failures.store(0, Ordering::Relaxed);
            return self.is_gone.swap(false, Ordering::Relaxed).then_some(Turn::Back);
        }
        let before = self.failures.load(Ordering::Relaxed);
        let failures = before.saturating_add(1);
        self.failures.store(failures, Ordering::Relaxed);
        if failures < CACHE_FAILURES_MAX {
            return None;
        }
        self.until.store(self.now().saturating_add(left_alone()), Ordering::Relaxed);
        (!self.is_gone.swap(true, Ordering::Relaxed)).then_some(Turn::Gone)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn left_alone() -> u64 {
    u64::try_from(CACHE_LEFT_ALONE.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails until it counts as gone.
    fn gone() -> Health {
        let health = Health::new();
        for _ in 1..CACHE_FAILURES_MAX {
            assert_eq!((health.allows(), health.note(false)), (true, None));
        }
        assert_eq!((health.allows(), health.note(false)), (true, Some(Turn::Gone)));
        health
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_asked_by_one_reader_at_a_time() {
        let health = gone();
        for _ in 0..3 {
            assert!((0..100).all(|_| !health.allows()));
            tokio::time::advance(CACHE_LEFT_ALONE).await;
            assert_eq!((0..100).filter(|_| health.allows()).count(), 1);
            assert_eq!(health.note(false), None, "that it is gone is known");
        }
        tokio::time::advance(CACHE_LEFT_ALONE).await;
        assert!(health.allows());
        assert_eq!(health.note(true), Some(Turn::Back));
        assert!((0..100).all(|_| health.allows() && health.note(true).is_none()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_whose_asker_has_gone_away_is_asked_again() {
        let health = gone();
        for _ in 0..3 {
            tokio::time::advance(CACHE_LEFT_ALONE).await;
            assert!(health.allows());
        }
    }

    #[test]
    fn a_failure_now_and_then_is_none() {
        let health = Health::new();
        for number in 0..1_000 {
            assert!(health.allows());
            assert_eq!(health.note(number % 2 == 0), None);
        }
    }
}
