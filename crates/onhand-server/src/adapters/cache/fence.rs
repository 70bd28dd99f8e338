//! What a process remembers of changes: for each key the position of the newest one that it has
//! noted. Keys share places, so that it has a bound: what is noted for one counts for its
//! neighbours too, which costs them a reading and nothing else.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::limits::CACHE_FENCE_PLACES;

/// Up to where each key is known to have changed.
#[derive(Debug)]
pub struct Fence {
    hasher: RandomState,
    places: Box<[AtomicI64]>,
}

impl Fence {
    /// One that allows nothing from before this position.
    pub fn new(start: i64) -> Self {
        Self::of_places(start, CACHE_FENCE_PLACES)
    }

    /// One with so many places.
    pub(super) fn of_places(start: i64, places: usize) -> Self {
        let places = (0..places).map(|_| AtomicI64::new(start)).collect();
        Self { hasher: RandomState::new(), places }
    }

    /// Notes a change.
    pub fn note(&self, key: &str, position: i64) {
        if let Some(place) = self.place(key) {
            place.fetch_max(position, Ordering::SeqCst);
        }
    }

    /// Whether what was read at a position may be shown. Never, where there is nothing to note it
    /// at.
    pub fn allows(&self, key: &str, position: i64) -> bool {
        self.place(key).is_some_and(|place| position >= place.load(Ordering::SeqCst))
    }

    fn place(&self, key: &str) -> Option<&AtomicI64> {
        let places = u64::try_from(self.places.len()).ok()?;
        let index = self.hasher.hash_one(key).checked_rem(places)?;
        self.places.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_change_is_not_allowed() {
        let fence = Fence::new(10);
        for (position, wanted) in [(9, false), (10, true), (11, true)] {
            assert_eq!(fence.allows("a", position), wanted, "{position}");
        }
        fence.note("a", 20);
        fence.note("a", 15);
        for (position, wanted) in [(10, false), (19, false), (20, true), (21, true)] {
            assert_eq!(fence.allows("a", position), wanted, "{position}");
        }
    }

    #[test]
    fn keys_that_share_a_place_are_read_once_too_often_and_never_too_seldom() {
        let fence = Fence::of_places(0, 1);
        fence.note("a", 20);
        assert!(!fence.allows("b", 19) && fence.allows("b", 20));
        assert!(!Fence::of_places(0, 0).allows("a", 1));
        let fence = Fence::new(0);
        fence.note("a", 20);
        let spared = (0..1_000).filter(|key| fence.allows(&key.to_string(), 1)).count();
        assert!(spared > 900, "{spared}");
    }
}
