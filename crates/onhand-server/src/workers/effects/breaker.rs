//! A breaker: while a gateway answers next to nothing it is left alone, and then asked once to see
//! whether it is back. Otherwise every call would wait for its time-out, and a gateway that
//! comes up again would be run down by all that has piled up.

use tokio::time::Instant;

use crate::limits::{BREAKER_CALLS_MIN, BREAKER_OPEN, BREAKER_WINDOW};

/// Whether one gateway is asked.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Since when calls are counted.
    since: Option<Instant>,
    calls: u32,
    failures: u32,
    /// When it opened.
    opened_at: Option<Instant>,
    /// Whether one call is on its way to see whether the gateway is back.
    is_probing: bool,
}

impl Breaker {
    /// Whether it keeps everybody away.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.opened_at.is_some_and(|opened_at| now < opened_at + BREAKER_OPEN)
    }

    /// Whether a call may be made; once it was open for long enough, one.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        match self.opened_at {
            None => true,
            Some(_) if self.is_open(now) || self.is_probing => false,
            Some(_) => {
                self.is_probing = true;
                true
            }
        }
    }

    /// Notes whether a call was answered.
    pub(super) fn note(&mut self, now: Instant, is_answer: bool) {
        if self.opened_at.is_some() {
            if self.is_probing {
                self.is_probing = false;
                self.opened_at = (!is_answer).then_some(now);
                (self.since, self.calls, self.failures) = (None, 0, 0);
            }
            return;
        }
        if self.since.is_none_or(|since| now >= since + BREAKER_WINDOW) {
            (self.since, self.calls, self.failures) = (Some(now), 0, 0);
        }
        self.calls += 1;
        self.failures += u32::from(!is_answer);
        if self.calls >= BREAKER_CALLS_MIN && self.failures > self.calls / 2 {
            tracing::warn!(calls = self.calls, failures = self.failures, "a gateway is left alone");
            self.opened_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fail(breaker: &mut Breaker, now: Instant, calls: u32) {
        for _ in 0..calls {
            assert!(breaker.allows(now));
            breaker.note(now, false);
        }
    }

    #[test]
    fn it_opens_after_many_failures_and_closes_after_one_success() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        fail(&mut breaker, start, BREAKER_CALLS_MIN);
        assert!(!breaker.allows(start));
        let later = start + BREAKER_OPEN;
        assert!(breaker.allows(later), "one call sees whether it is back");
        assert!(!breaker.allows(later), "and only one");
        breaker.note(later, false);
        assert!(!breaker.allows(later));
        let later = later + BREAKER_OPEN;
        assert!(breaker.allows(later));
        breaker.note(later, true);
        fail(&mut breaker, later, BREAKER_CALLS_MIN - 1);
        assert!(breaker.allows(later));
    }

    #[test]
    fn half_of_the_calls_may_fail_and_old_failures_count_for_nothing() {
        let (mut breaker, mut now) = (Breaker::default(), Instant::now());
        for number in 0..1_000 {
            breaker.note(now, number % 2 == 0);
        }
        assert!(breaker.allows(now));
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            fail(&mut breaker, now, BREAKER_CALLS_MIN - 1);
            now += BREAKER_WINDOW + Duration::from_millis(1);
        }
        assert!(breaker.allows(now));
    }

    #[test]
    fn an_answer_that_comes_late_does_not_end_the_rest() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        fail(&mut breaker, now, BREAKER_CALLS_MIN);
        breaker.note(now, true);
        assert!(!breaker.allows(now));
    }
}
