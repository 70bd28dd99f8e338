//! The throttle of logins: nobody guesses a password, and nobody keeps its owner out by guessing.
//!
//! A failure is counted for the account at the address that it came from, for the address, and, if
//! the address has never logged in to that account before, for the account. The first two make the
//! address wait, each failure longer. The third makes nobody wait who is known: an account that
//! strangers fail at too often counts as attacked, and then *strangers* wait before their first
//! try and far longer after each. So the owner logs in at once from where they always do, and from
//! a new address after [`THROTTLE_STRANGER_WAIT_SECS`], whatever the attack; a thousand addresses
//! together try about six thousand passwords a day, and one address about twenty.
//!
//! A try is counted before the password is compared and forgiven if it was right: otherwise a
//! thousand tries at the same moment would all be the first. Whether an account exists plays no
//! part. The memory is bounded (`table.rs`): with more addresses than it has room for, those are
//! forgotten that would be free again soonest.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use onhand_core::Timestamp;

use super::address::Origin;
use super::table::Table;
use crate::limits::{
    THROTTLE_ACCOUNT_FREE, THROTTLE_ACCOUNTS_MAX, THROTTLE_ADDRESS_FREE,
    THROTTLE_ADDRESS_WAIT_SECS_MAX, THROTTLE_ADDRESSES_MAX, THROTTLE_FORGET_SECS,
    THROTTLE_KNOWN_MAX, THROTTLE_PAIR_FORGET_SECS, THROTTLE_PAIR_FREE, THROTTLE_PAIR_WAIT_SECS_MAX,
    THROTTLE_PAIRS_MAX, THROTTLE_STRANGER_WAIT_SECS, THROTTLE_STRANGER_WAIT_SECS_MAX,
};

/// It is too early for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins; try again in {secs} seconds")]
pub struct Wait {
    /// Seconds until there may be another one.
    pub secs: u32,
}

/// A try that was counted as a failure until it is known to be none.
#[derive(Debug)]
#[must_use = "a login that succeeds has to be forgiven"]
pub struct Attempt {
    account: u64,
    address: u64,
    pair: u64,
    /// What was counted for the pair before, and with this try.
    pair_before: Option<Failures>,
    pair_after: Failures,
    is_known: bool,
}

/// Failures without a success between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failures {
    count: u32,
    /// Of the last one, or of the first knock when there is none; in seconds.
    at: i64,
}

/// Keeps count of failed logins.
#[derive(Debug)]
pub struct Throttle {
    hasher: RandomState,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    pairs: Table<Failures>,
    addresses: Table<Failures>,
    accounts: Table<Failures>,
    /// When an address last logged in to an account.
    known: Table<i64>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

impl Throttle {
    /// Suspects nobody and knows nobody.
    pub fn new() -> Self {
        let counts = Counts {
            pairs: Table::new(THROTTLE_PAIRS_MAX),
            addresses: Table::new(THROTTLE_ADDRESSES_MAX),
            accounts: Table::new(THROTTLE_ACCOUNTS_MAX),
            known: Table::new(THROTTLE_KNOWN_MAX),
        };
        Self { hasher: RandomState::new(), counts: Mutex::new(counts) }
    }

    /// Counts a try to log in to the account of this e-mail address, whether there is one or not.
    ///
    /// # Errors
    /// [`Wait`] when it is too early. Then nothing is counted, and the password must not be
    /// compared.
    pub fn begin(&self, email: &str, from: IpAddr, now: Timestamp) -> Result<Attempt, Wait> {
        let email = email.trim().to_lowercase();
        let from = Origin::of(from);
        let account = self.hasher.hash_one(&email);
        let address = self.hasher.hash_one(from);
        let pair = self.hasher.hash_one((&email, from));
        let now = now.as_second();
        let mut counts = self.lock();
        let is_known = counts.known.get(pair).is_some();
        let of_pair = recent(counts.pairs.get(pair), now, THROTTLE_PAIR_FORGET_SECS);
        let of_address = recent(counts.addresses.get(address), now, THROTTLE_FORGET_SECS);
        let of_account = recent(counts.accounts.get(account), now, THROTTLE_FORGET_SECS);
        if !is_known {
            wait_until(of_address.map_or(now, address_free_at), now)?;
        }
        let is_attacked = of_account.is_some_and(|found| found.count >= THROTTLE_ACCOUNT_FREE);
        if is_attacked && !is_known {
            let knocked = of_pair.unwrap_or(Failures { count: 0, at: now });
            counts.pairs.set_value(pair, knocked, stranger_free_at);
            wait_until(stranger_free_at(&knocked), now)?;
        } else {
            wait_until(of_pair.map_or(now, pair_free_at), now)?;
        }
        let pair_after = more(of_pair, now);
        counts.pairs.set_value(pair, pair_after, stranger_free_at);
        if !is_known {
            counts.addresses.set_value(address, more(of_address, now), |one| one.at);
            counts.accounts.set_value(account, more(of_account, now), |one| one.at);
        }
        Ok(Attempt { account, address, pair, pair_before: of_pair, pair_after, is_known })
    }

    /// The password was right: the address is known from now on, and its failures at this account
    /// are forgotten. Those at others are not: who guesses can have an account, too.
    pub fn succeeded(&self, attempt: Attempt, now: Timestamp) {
        let mut counts = self.lock();
        counts.pairs.remove(attempt.pair);
        counts.known.set_value(attempt.pair, now.as_second(), |at| *at);
        counts.forgive(&attempt);
    }

    /// The password was not compared, because there was no time for it: the try does not count.
    pub fn withdraw(&self, attempt: Attempt) {
        let mut counts = self.lock();
        match (counts.pairs.get(attempt.pair), attempt.pair_before) {
            // Nothing has happened since.
            (Some(now), Some(before)) if now == attempt.pair_after => {
                counts.pairs.set_value(attempt.pair, before, stranger_free_at);
            }
            (Some(now), None) if now == attempt.pair_after => counts.pairs.remove(attempt.pair),
            (Some(Failures { count, at }), _) => {
                let fewer = Failures { count: count.saturating_sub(1), at };
                counts.pairs.set_value(attempt.pair, fewer, stranger_free_at);
            }
            (None, _) => {}
        }
        counts.forgive(&attempt);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Takes back what was counted for the address and the account.
    fn forgive(&mut self, attempt: &Attempt) {
        if attempt.is_known {
            return;
        }
        for (table, key) in
            [(&mut self.addresses, attempt.address), (&mut self.accounts, attempt.account)]
        {
            if let Some(Failures { count, at }) = table.get(key) {
                let count = count.saturating_sub(1);
                table.set_value(key, Failures { count, at }, |one| one.at);
            }
        }
    }
}

/// Failures that are still held against somebody.
fn recent(failures: Option<Failures>, now: i64, forget_secs: i64) -> Option<Failures> {
    failures.filter(|failures| now.saturating_sub(failures.at) <= forget_secs)
}

fn more(failures: Option<Failures>, now: i64) -> Failures {
    let count = failures.map_or(0, |failures| failures.count);
    Failures { count: count.saturating_add(1), at: now }
}

/// When an address may try an account again while that is not attacked, or that it knows.
fn pair_free_at(failures: Failures) -> i64 {
    free_at(failures, THROTTLE_PAIR_FREE, THROTTLE_PAIR_WAIT_SECS_MAX)
}

/// When an address may try any account again.
fn address_free_at(failures: Failures) -> i64 {
    free_at(failures, THROTTLE_ADDRESS_FREE, THROTTLE_ADDRESS_WAIT_SECS_MAX)
}

/// A second after the first failure that is not free, and twice as long after each further one.
fn free_at(failures: Failures, free: u32, wait_secs_max: i64) -> i64 {
    let wait_secs = match failures.count.checked_sub(free) {
        None => 0,
        Some(doublings) => grown(1, 2, doublings, wait_secs_max),
    };
    failures.at.saturating_add(wait_secs)
}

/// When a stranger may try an attacked account: some time after the first knock, and four times as
/// long after each failure.
fn stranger_free_at(failures: &Failures) -> i64 {
    let wait_secs =
        grown(THROTTLE_STRANGER_WAIT_SECS, 4, failures.count, THROTTLE_STRANGER_WAIT_SECS_MAX);
    failures.at.saturating_add(wait_secs)
}

fn grown(first: i64, factor: i64, times: u32, most: i64) -> i64 {
    factor.checked_pow(times).and_then(|factor| first.checked_mul(factor)).unwrap_or(most).min(most)
}

fn wait_until(free_at: i64, now: i64) -> Result<(), Wait> {
    match free_at.saturating_sub(now) {
        ..=0 => Ok(()),
        secs => Err(Wait { secs: u32::try_from(secs).unwrap_or(u32::MAX) }),
    }
}

#[cfg(test)]
mod tests;
