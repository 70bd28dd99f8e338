//! How long to wait before something is tried again, and how much of all asking may be asking
//! again.

use std::time::Duration;

use crate::limits::{EFFECT_BACKOFF_MAX, RETRY_BUDGET_MAX, RETRY_BUDGET_PERCENT};
use crate::random;

/// A random time up to one that doubles with every try, from a base: those that failed together do
/// not come back together.
pub(in crate::workers) fn backoff(tries: u32, base: Duration) -> Duration {
    let most = base.saturating_mul(2_u32.saturating_pow(tries.min(20)));
    random::up_to(most.min(EFFECT_BACKOFF_MAX))
}

/// How much may be asked again, as a share of what is asked for the first time.
#[derive(Debug)]
pub(super) struct Budget {
    /// Hundredths of a call.
    left: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: RETRY_BUDGET_MAX * 100 }
    }
}

impl Budget {
    /// Whether a call may be made now; a first one always.
    pub(super) fn allows(&mut self, is_first: bool) -> bool {
        if is_first {
            self.left = (self.left + RETRY_BUDGET_PERCENT).min(RETRY_BUDGET_MAX * 100);
            return true;
        }
        match self.left.checked_sub(100) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Time passes: also where nothing new is asked, something may be asked again.
    pub(super) fn pass(&mut self) {
        self.left = (self.left + 100).min(RETRY_BUDGET_MAX * 100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_have_a_bound() {
        for millis in [1, 500, 60_000] {
            let base = Duration::from_millis(millis);
            for tries in [0, 1, 5, 40, u32::MAX] {
                assert!(backoff(tries, base) <= EFFECT_BACKOFF_MAX, "{tries}");
            }
            assert!((0..100).all(|_| backoff(0, base) <= base));
            let most = (base * 16).min(EFFECT_BACKOFF_MAX / 2);
            assert!((0..1_000).any(|_| backoff(6, base) > most));
        }
    }

    #[test]
    fn a_tenth_of_all_calls_may_be_made_again() {
        let mut budget = Budget::default();
        while budget.allows(false) {}
        let mut again = 0;
        for _ in 0..1_000 {
            assert!(budget.allows(true));
            again += u32::from(budget.allows(false));
        }
        assert_eq!(again, 1_000 * RETRY_BUDGET_PERCENT / 100);
        budget.pass();
        assert!(budget.allows(false));
    }
}
