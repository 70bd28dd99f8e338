//! The one place of randomness. What must be unguessable or unique comes from the operating system;
//! what must be repeatable comes from [`Random`], seeded, so that a failing run can be run again
//! with `--seed`. Nothing here may be used for secrets except [`uuid_v4`].

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

/// A random UUID from the operating system.
#[expect(clippy::disallowed_methods, reason = "this is the one place of randomness")]
pub fn uuid_v4() -> Uuid {
    Uuid::new_v4()
}

/// A time-ordered UUID: the fastest idempotency key, because neighbours in time are neighbours on
/// disk.
#[expect(clippy::disallowed_methods, reason = "this is the one place of randomness")]
pub fn uuid_v7() -> Uuid {
    Uuid::now_v7()
}

/// A time-ordered id for a request: unique, but guessable, because asking the operating system for
/// randomness costs a system call and every request needs one.
pub fn request_id() -> Uuid {
    use std::cell::RefCell;
    thread_local!(static OF_THREAD: RefCell<Random> = RefCell::new(Random(fastrand::Rng::new())));
    OF_THREAD.with_borrow_mut(Random::uuid_v7)
}

/// A seed that no earlier run had; print it, so that the run can be repeated.
pub fn fresh_seed() -> u64 {
    // Short enough to type, long enough not to meet twice.
    u64::from(fastrand::u32(..))
}

/// A time from nothing to `most`, for whoever must not come back together with others.
pub fn up_to(most: std::time::Duration) -> std::time::Duration {
    most.mul_f64(fastrand::f64())
}

/// A share from nothing up to, but without, one.
pub fn share() -> f64 {
    fastrand::f64()
}

/// A seeded source: the same seed gives the same choices.
///
/// ```
/// use onhand_server::random::Random;
/// assert_eq!(Random::seeded(7).below(1000), Random::seeded(7).below(1000));
/// ```
#[derive(Debug, Clone)]
pub struct Random(fastrand::Rng);

impl Random {
    /// The source of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// An independent source, itself determined by this one's seed: one for each concurrent task.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// A number from 0 to `end - 1`.
    ///
    /// # Panics
    /// If `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end)
    }

    /// An index into something of this length.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        self.0.usize(..len)
    }

    /// A number from 0 up to but without 1.
    pub fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// A random UUID that the seed determines.
    pub fn uuid_v4(&mut self) -> Uuid {
        Builder::from_random_bytes(self.0.u128(..).to_be_bytes()).into_uuid()
    }

    /// A time-ordered UUID; all but its time is determined by the seed.
    #[expect(clippy::disallowed_methods, reason = "a version 7 UUID is made of the wall clock")]
    pub fn uuid_v7(&mut self) -> Uuid {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let mut random = [0; 10];
        self.0.fill(&mut random);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_every_choice() {
        let choices = |seed| {
            let mut random = Random::seeded(seed);
            let mut fork = random.fork();
            (random.below(1 << 40), random.uuid_v4(), fork.index(1000))
        };
        assert_eq!(choices(1), choices(1));
        assert_ne!(choices(1), choices(2));
    }

    #[test]
    fn keys_carry_their_version_and_time_orders_the_sevenths() {
        let mut random = Random::seeded(1);
        assert_eq!(random.uuid_v4().get_version_num(), 4);
        let (early, late) = (random.uuid_v7(), uuid_v7());
        assert_eq!((early.get_version_num(), late.get_version_num()), (7, 7));
        assert!(early.as_bytes()[..6] <= late.as_bytes()[..6]);
    }
}
