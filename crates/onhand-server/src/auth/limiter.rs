//! Rate limits: how many requests of a class one principal, and one address, may make. A window's
//! worth may come at once; then requests are let through evenly. The arithmetic is governor's; the
//! memory is `table.rs`, because governor's own grows with every address that an attacker invents.
//! When that is full, the caller is forgotten whose quota is nearest to being whole again.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use super::address::Origin;
use super::table::Table;
use crate::limits::{
    RATE_ADDRESS_FACTOR, RATE_AUTH_DEFAULT, RATE_CHECKOUT_DEFAULT, RATE_KEY_FACTOR, RATE_KEYS_MAX,
    RATE_READS_DEFAULT, RATE_WINDOW_SECS, RATE_WRITES_DEFAULT,
};

/// Parts of the memory that are locked by themselves.
const SHARDS: usize = 64;
/// Room for what is told of two limits.
const TOLD_BYTES: usize = 80;

/// What kind of request is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes nothing.
    Reads,
    /// Changes something.
    Writes,
    /// Places an order: what those want to do who hoard stock.
    Checkout,
    /// Logs in, registers, refreshes: what those do who guess.
    Auth,
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The user with this number.
    User(i64),
    /// The API key with this number.
    Key(i64),
    /// Everyone at this address, whoever they are.
    Address(Origin),
}

/// Requests in a window of [`RATE_WINDOW_SECS`] by class; 0 switches a class off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// [`Class::Reads`] of one principal.
    pub reads: u32,
    /// [`Class::Writes`] of one principal.
    pub writes: u32,
    /// [`Class::Checkout`] of one principal.
    pub checkout: u32,
    /// [`Class::Auth`] of one principal.
    pub auth: u32,
    /// How many times that an address may make; 0 counts no addresses.
    pub address_factor: u32,
    /// How many times that an API key may make; 0 counts no keys.
    pub key_factor: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            reads: RATE_READS_DEFAULT,
            writes: RATE_WRITES_DEFAULT,
            checkout: RATE_CHECKOUT_DEFAULT,
            auth: RATE_AUTH_DEFAULT,
            address_factor: RATE_ADDRESS_FACTOR,
            key_factor: RATE_KEY_FACTOR,
        }
    }
}

impl Rates {
    fn of(&self, class: Class) -> u32 {
        match class {
            Class::Reads => self.reads,
            Class::Writes => self.writes,
            Class::Checkout => self.checkout,
            Class::Auth => self.auth,
        }
    }
}

/// What a limit is, as headers show it.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: &'static str,
    /// Requests in a window.
    pub limit: u32,
    /// Both in words, put together once: they are sent with every answer.
    words: String,
}

impl Policy {
    fn new(name: &'static str, limit: u32) -> Self {
        Self { name, limit, words: format!("\"{name}\";q={limit};w={RATE_WINDOW_SECS}") }
    }
}

/// Whether a request may go on, and what its caller may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Which limit it was counted against.
    pub policy: &'a Policy,
    /// Whether it may.
    pub allowed: bool,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// Seconds until there is one more.
    pub reset_secs: u32,
    /// Seconds to wait; 0 for a request that is allowed.
    pub retry_after_secs: u32,
}

/// What a reply says of the limits that its request was counted against, after
/// draft-ietf-httpapi-ratelimit-headers-10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `RateLimit-Policy`.
    pub policy: String,
    /// `RateLimit`.
    pub left: String,
    /// `Retry-After`, where a limit was exceeded.
    pub retry_after_secs: Option<u32>,
}

/// Puts decisions into words; none where nothing is limited. It is done for every request, by hand:
/// the formatter takes several times as long.
pub fn told(decisions: &[Decision<'_>]) -> Option<Told> {
    let (first, others) = decisions.split_first()?;
    let mut told = Told {
        policy: String::with_capacity(TOLD_BYTES),
        left: String::with_capacity(TOLD_BYTES),
        retry_after_secs: None,
    };
    told.add(first);
    for one in others {
        told.policy.push_str(", ");
        told.left.push_str(", ");
        told.add(one);
    }
    Some(told)
}

impl Told {
    fn add(&mut self, one: &Decision<'_>) {
        self.policy.push_str(&one.policy.words);
        self.left.push('"');
        self.left.push_str(one.policy.name);
        self.left.push_str("\";r=");
        push_number(&mut self.left, one.remaining);
        self.left.push_str(";t=");
        push_number(&mut self.left, one.reset_secs);
        if !one.allowed {
            self.retry_after_secs = self.retry_after_secs.max(Some(one.retry_after_secs));
        }
    }
}

fn push_number(text: &mut String, number: u32) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}

/// Counts requests. A check takes well under a microsecond.
#[derive(Debug)]
pub struct Limiter<C: Clock = MonotonicClock> {
    users: Classes<C>,
    keys: Classes<C>,
    addresses: Classes<C>,
}

impl Limiter {
    /// Counts by the machine's monotonic clock.
    pub fn new(rates: Rates) -> Self {
        Self::with_clock(rates, &MonotonicClock)
    }
}

impl<C: Clock + Clone> Limiter<C> {
    /// Counts by another clock.
    pub fn with_clock(rates: Rates, clock: &C) -> Self {
        let memory = Arc::new(Memory::new());
        let users = |class| (name(class), rates.of(class));
        let keys = |class| (name(class), rates.of(class).saturating_mul(rates.key_factor));
        let addresses =
            |class| (name_by_address(class), rates.of(class).saturating_mul(rates.address_factor));
        Self {
            users: Classes::new(users, &memory, clock),
            keys: Classes::new(keys, &memory, clock),
            addresses: Classes::new(addresses, &memory, clock),
        }
    }

    /// Counts a request, if it is allowed; `None` when its class is not limited.
    pub fn check(&self, class: Class, caller: Caller) -> Option<Decision<'_>> {
        let classes = match caller {
            Caller::User(_) => &self.users,
            Caller::Key(_) => &self.keys,
            Caller::Address(_) => &self.addresses,
        };
        Some(classes.of(class)?.check((class, caller)))
    }
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Reads => "reads",
        Class::Writes => "writes",
        Class::Checkout => "checkout",
        Class::Auth => "auth",
    }
}

fn name_by_address(class: Class) -> &'static str {
    match class {
        Class::Reads => "reads-by-address",
        Class::Writes => "writes-by-address",
        Class::Checkout => "checkout-by-address",
        Class::Auth => "auth-by-address",
    }
}

/// A limit for each class that has one.
#[derive(Debug)]
struct Classes<C: Clock> {
    reads: Option<Limit<C>>,
    writes: Option<Limit<C>>,
    checkout: Option<Limit<C>>,
    auth: Option<Limit<C>>,
}

impl<C: Clock + Clone> Classes<C> {
    fn new(rate: impl Fn(Class) -> (&'static str, u32), memory: &Arc<Memory>, clock: &C) -> Self {
        let limit = |class| {
            let (name, requests) = rate(class);
            Limit::new(name, requests, memory, clock)
        };
        Self {
            reads: limit(Class::Reads),
            writes: limit(Class::Writes),
            checkout: limit(Class::Checkout),
            auth: limit(Class::Auth),
        }
    }

    fn of(&self, class: Class) -> Option<&Limit<C>> {
        match class {
            Class::Reads => self.reads.as_ref(),
            Class::Writes => self.writes.as_ref(),
            Class::Checkout => self.checkout.as_ref(),
            Class::Auth => self.auth.as_ref(),
        }
    }
}

type Counted = (Class, Caller);

/// One rate for all callers of a class.
struct Limit<C: Clock> {
    policy: Policy,
    /// How long it takes until one more request is allowed.
    interval: Duration,
    limiter: RateLimiter<Counted, Store, C, StateInformationMiddleware>,
}

impl<C: Clock> fmt::Debug for Limit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<C: Clock + Clone> Limit<C> {
    fn new(name: &'static str, requests: u32, memory: &Arc<Memory>, clock: &C) -> Option<Self> {
        let policy = Policy::new(name, requests);
        let requests = NonZeroU32::new(requests)?;
        let interval = Duration::from_secs(RATE_WINDOW_SECS.into()) / requests.get();
        let quota = Quota::with_period(interval)?.allow_burst(requests);
        let limiter = RateLimiter::new(quota, Store(memory.clone()), clock.clone());
        Some(Self { policy, interval, limiter })
    }

    fn check(&self, counted: Counted) -> Decision<'_> {
        let policy = &self.policy;
        match self.limiter.check_key(&counted) {
            Ok(state) => Decision {
                policy,
                allowed: true,
                remaining: state.remaining_burst_capacity(),
                reset_secs: secs_up(self.interval),
                retry_after_secs: 0,
            },
            Err(refused) => {
                let wait = secs_up(refused.wait_time_from(self.limiter.clock().now()));
                Decision {
                    policy,
                    allowed: false,
                    remaining: 0,
                    reset_secs: wait,
                    retry_after_secs: wait,
                }
            }
        }
    }
}

/// Whole seconds that are not less, and at least one: whoever waits so long has waited enough.
fn secs_up(duration: Duration) -> u32 {
    let secs = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(secs.max(1)).unwrap_or(u32::MAX)
}

/// When the quota of a caller will be whole again, in nanoseconds since the start, for all limits.
struct Memory {
    hasher: RandomState,
    shards: Vec<Mutex<Table<u64>>>,
}

impl Memory {
    fn new() -> Self {
        let shard = || Mutex::new(Table::new(RATE_KEYS_MAX / SHARDS));
        Self {
            hasher: RandomState::new(),
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
        }
    }
}

struct Store(Arc<Memory>);

impl StateStore for Store {
    type Key = Counted;

    fn measure_and_replace<T, F, E>(&self, counted: &Counted, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let key = self.0.hasher.hash_one(counted);
        // Other bits than those that choose the places in the table.
        let [shard, ..] = key.to_be_bytes();
        let shard = &self.0.shards[usize::from(shard) % SHARDS];
        let mut table = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let (result, whole_at) = measure(table.get(key).map(Nanos::new))?;
        let weight = |whole_at: &u64| i64::try_from(*whole_at).unwrap_or(i64::MAX);
        table.set_value(key, whole_at.as_u64(), weight);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use std::net::Ipv4Addr;

    const ONE: Caller = Caller::User(1);
    const RATES: Rates =
        Rates { reads: 6, writes: 3, checkout: 0, auth: 60, address_factor: 2, key_factor: 10 };

    fn limiter() -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with_clock(RATES, &clock), clock)
    }

    fn address(text: &str) -> Caller {
        Caller::Address(Origin::of(text.parse().unwrap()))
    }

    #[test]
    fn a_window_may_come_at_once_and_then_evenly() {
        let (limiter, clock) = limiter();
        let check = |wanted: (bool, u32, u32, u32)| {
            let decision = limiter.check(Class::Reads, ONE).unwrap();
            let Decision { policy, allowed, remaining, reset_secs, retry_after_secs } = decision;
            assert_eq!((policy.name, policy.limit), ("reads", 6));
            assert_eq!((allowed, remaining, reset_secs, retry_after_secs), wanted);
        };
        for remaining in (0..6).rev() {
            check((true, remaining, 10, 0));
        }
        check((false, 0, 10, 10));
        clock.advance(Duration::from_millis(9_001));
        check((false, 0, 1, 1));
        clock.advance(Duration::from_millis(999));
        check((true, 0, 10, 0));
        check((false, 0, 10, 10));
        clock.advance(Duration::from_secs(3_600));
        check((true, 5, 10, 0));
    }

    #[test]
    fn callers_and_classes_are_counted_by_themselves() {
        let (limiter, _) = limiter();
        let uses_up = |class, caller| {
            let allowed = (0..1_000).take_while(|_| limiter.check(class, caller).unwrap().allowed);
            allowed.count()
        };
        assert_eq!(uses_up(Class::Reads, ONE), 6);
        assert_eq!(uses_up(Class::Reads, Caller::User(2)), 6);
        assert_eq!(uses_up(Class::Reads, Caller::Key(1)), 60);
        assert_eq!(uses_up(Class::Writes, ONE), 3);
        assert_eq!(uses_up(Class::Auth, ONE), 60);
        assert_eq!(uses_up(Class::Reads, address("203.0.113.7")), 12);
        assert_eq!(uses_up(Class::Reads, address("::ffff:203.0.113.7")), 0);
        assert_eq!(uses_up(Class::Reads, address("2001:db8::1")), 12);
        assert_eq!(uses_up(Class::Reads, address("2001:db8::2")), 0);
        assert_eq!(uses_up(Class::Reads, address("2001:db8:0:1::1")), 12);
        assert_eq!(uses_up(Class::Reads, ONE), 0);
    }

    #[test]
    fn a_class_can_be_switched_off_and_so_can_addresses() {
        let (limiter, clock) = limiter();
        assert_eq!(limiter.check(Class::Checkout, ONE), None);
        assert_eq!(limiter.check(Class::Checkout, address("203.0.113.7")), None);
        let rates = Rates { address_factor: 0, ..RATES };
        let limiter = Limiter::with_clock(rates, &clock);
        assert_eq!(limiter.check(Class::Reads, address("203.0.113.7")), None);
        assert!(limiter.check(Class::Reads, ONE).is_some());
        let rates = Rates { reads: u32::MAX, address_factor: u32::MAX, ..RATES };
        let limiter = Limiter::with_clock(rates, &clock);
        let decision = limiter.check(Class::Reads, address("203.0.113.7")).unwrap();
        assert_eq!((decision.allowed, decision.policy.limit), (true, u32::MAX));
    }

    #[test]
    fn whoever_waits_is_remembered_through_a_flood_of_addresses() {
        let (limiter, _) = limiter();
        while limiter.check(Class::Reads, ONE).unwrap().allowed {}
        for number in 0..200_000_u32 {
            let flood = Caller::Address(Origin::of(Ipv4Addr::from(number).into()));
            assert!(limiter.check(Class::Reads, flood).unwrap().allowed);
        }
        assert!(!limiter.check(Class::Reads, ONE).unwrap().allowed);
    }

    #[test]
    fn headers_say_what_is_left() {
        fn check(decisions: &[Decision<'_>], policy: &str, left: &str, wait: Option<u32>) {
            let wanted = Told { policy: policy.into(), left: left.into(), retry_after_secs: wait };
            assert_eq!(told(decisions), Some(wanted));
        }
        let (limiter, _) = limiter();
        let by_user = limiter.check(Class::Reads, ONE).unwrap();
        let by_address = limiter.check(Class::Reads, address("203.0.113.7")).unwrap();
        while limiter.check(Class::Reads, ONE).unwrap().allowed {}
        let refused = limiter.check(Class::Reads, ONE).unwrap();
        assert_eq!(told(&[]), None);
        check(&[by_user], "\"reads\";q=6;w=60", "\"reads\";r=5;t=10", None);
        check(
            &[by_user, by_address],
            "\"reads\";q=6;w=60, \"reads-by-address\";q=12;w=60",
            "\"reads\";r=5;t=10, \"reads-by-address\";r=11;t=5",
            None,
        );
        check(&[refused], "\"reads\";q=6;w=60", "\"reads\";r=0;t=10", Some(10));
        let policy = &Policy::new("reads", u32::MAX);
        let large = Decision { policy, remaining: 1_200, reset_secs: 0, ..by_user };
        check(&[large], "\"reads\";q=4294967295;w=60", "\"reads\";r=1200;t=0", None);
    }
}
