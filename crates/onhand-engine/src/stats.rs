//! What is counted while the engine works, for whoever watches it: plain counters, which cost the
//! committer next to nothing and which nothing ever rests on. Whoever shows them reads them when
//! it is asked; nothing here knows how. What a histogram is asked for is in `server/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bounds of durations in microseconds: six in each power of ten, from 0.1 ms to 10 s. An
/// estimate between two of them is off by a quarter at most.
pub const DURATION_BOUNDS: &[u64] = &[
    100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000,
    30_000, 50_000, 70_000, 100_000, 150_000, 200_000, 300_000, 500_000, 700_000, 1_000_000,
    1_500_000, 2_000_000, 3_000_000, 5_000_000, 7_000_000, 10_000_000,
];
/// Bounds of the number of commands in a batch.
pub const SIZE_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// How often a figure was up to each of some bounds, and the sum of all. Whoever reads while others
/// count may see one of them a moment before the other.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds: the last counts what is above all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Nothing was counted yet; `bounds` rise.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Of durations.
    pub fn of_durations() -> Self {
        Self::new(DURATION_BOUNDS)
    }

    /// Counts a figure.
    pub fn note(&self, figure: u64) {
        let at = self.bounds.partition_point(|bound| *bound < figure);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(figure, Ordering::Relaxed);
    }

    /// Counts a duration in microseconds.
    pub fn note_duration(&self, duration: Duration) {
        self.note(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was counted so far.
    pub fn read(&self) -> Spread {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Spread { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// A histogram as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// Up to where each of the counts goes, but for the last.
    pub bounds: &'static [u64],
    /// How many there were in each place; one more than there are bounds.
    pub counts: Vec<u64>,
    /// The sum of all figures.
    pub sum: u64,
}

impl Spread {
    /// Nothing.
    pub fn empty(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0 }
    }

    /// How many figures there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds what another one has, which has the same bounds.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// What has come since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts = pairs.map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { bounds: self.bounds, counts, sum: self.sum.saturating_sub(earlier.sum) }
    }

    /// The bound that `of_thousand` in a thousand figures are not above: 500 for the median. None
    /// of nothing; what is above all bounds is told as the last of them.
    pub fn quantile(&self, of_thousand: u64) -> Option<u64> {
        let count = self.count();
        let rank = (u128::from(count) * u128::from(of_thousand)).div_ceil(1_000).max(1);
        let mut below = 0;
        for (at, here) in self.counts.iter().enumerate() {
            below += u128::from(*here);
            if below >= rank {
                return self.bounds.get(at).or(self.bounds.last()).copied();
            }
        }
        None
    }
}

/// Counters by a code out of a list that the code of this program closes: it cannot grow beyond it.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    /// Counts some more.
    pub fn add(&self, code: &'static str, more: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += more;
    }

    /// What was counted so far, by code.
    pub fn read(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the quantiles of these figures lie.
    fn check(figures: &[u64], of_thousand: u64, wanted: Option<u64>) {
        let histogram = Histogram::new(SIZE_BOUNDS);
        for figure in figures {
            histogram.note(*figure);
        }
        let read = histogram.read();
        assert_eq!(read.quantile(of_thousand), wanted, "{figures:?}");
        assert_eq!(read.count(), figures.len() as u64);
        assert_eq!(read.sum, figures.iter().sum::<u64>());
    }

    #[test]
    fn a_quantile_is_the_bound_that_so_many_are_not_above() {
        check(&[], 500, None);
        check(&[1], 500, Some(1));
        check(&[1], 999, Some(1));
        check(&[0, 2, 3, 512, 513], 1, Some(1));
        check(&[1, 2, 3, 4], 500, Some(2));
        check(&[1, 2, 3, 4], 501, Some(4));
        check(&[1, 1, 1, 100], 750, Some(1));
        check(&[1, 1, 1, 100], 751, Some(128));
        // What is above all bounds is told as the last of them.
        check(&[9_999], 500, Some(512));
    }

    #[test]
    fn what_came_since_is_what_was_counted_between() {
        let histogram = Histogram::of_durations();
        histogram.note_duration(Duration::from_millis(2));
        let then = histogram.read();
        histogram.note_duration(Duration::from_millis(40));
        let mut since = histogram.read().since(&then);
        assert_eq!((since.count(), since.sum, since.quantile(500)), (1, 40_000, Some(50_000)));
        since.add(&then);
        assert_eq!(since, histogram.read());
    }

    #[test]
    fn bounds_rise() {
        for bounds in [DURATION_BOUNDS, SIZE_BOUNDS] {
            assert!(bounds.is_sorted_by(|one, next| one < next));
        }
    }
}
