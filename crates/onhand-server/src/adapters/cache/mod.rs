//! A cache of what was read, in this process or in a Redis that several share. It makes reading
//! faster and nothing else: whatever is wrong with it, an answer comes from the database.
//!
//! # The rule
//! Nobody is shown anything older than what this process has acknowledged. Three things keep it:
//!
//! 1. Everything has a **position** in the log of events. Whoever reads in order to fill the cache
//!    notes the position that is acknowledged *before* reading: what is read then holds all changes
//!    up to it, and perhaps more. It is stored with the entry.
//! 2. Before a change at some position is acknowledged, it is noted at its keys ([`Cache::note`]).
//!    The process remembers for each key the highest that was ([`fence`]).
//! 3. An entry counts only if its position is not behind what is noted at its key. That is
//!    looked at when something is put in, so that a slow reader does not undo an invalidation, and
//!    again whenever something is taken out, so that it does not matter who came between.
//!
//! Before the start of this process everything may have been acknowledged by its predecessor, so
//! that what was read before then does not count either. Of the changes of *other* processes it is
//! known only what [`Cache::forget`] has told the Redis that they share: an entry there never takes
//! the place of a newer invalidation. Where processes share a database without one, nothing is
//! noted, and the database has to be asked whether an entry counts (`http/kept.rs`). And an entry
//! lives no longer than it was given.

pub mod fence;
mod in_process;
pub mod kept;
#[cfg(feature = "redis")]
mod line;
pub mod options;
#[cfg(feature = "redis")]
pub mod redis;

use std::time::Duration;

use bytes::Bytes;
use fence::Fence;
use in_process::InProcess;
#[cfg(feature = "redis")]
use redis::Redis;

use crate::limits::CACHE_ENTRY_BYTES_MAX;

/// Something that was read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// It holds all changes up to this position in the log.
    pub position: i64,
    /// What was read, as whoever put it in wrote it.
    pub body: Bytes,
}

/// Where entries are.
#[derive(Debug)]
enum Store {
    InProcess(InProcess),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

/// A cache.
#[derive(Debug)]
pub struct Cache {
    store: Store,
    fence: Fence,
    ttl: Duration,
}

impl Cache {
    /// One in this process, of so many bytes. `start` is the position up to which the log was
    /// written when the process started.
    pub fn in_process(bytes_max: u64, ttl: Duration, start: i64) -> Self {
        Self { store: Store::InProcess(InProcess::new(bytes_max)), fence: Fence::new(start), ttl }
    }

    /// One that processes share.
    #[cfg(feature = "redis")]
    pub fn shared(redis: Redis, ttl: Duration, start: i64) -> Self {
        Self { store: Store::Redis(redis), fence: Fence::new(start), ttl }
    }

    /// What is known under a key, if it may still be shown.
    pub async fn get(&self, key: &str) -> Option<Entry> {
        let found = match &self.store {
            Store::InProcess(store) => store.get(key),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.get(key).await,
        };
        // Last of all, so that it does not matter how long the way was.
        found.filter(|entry| self.fence.allows(key, entry.position))
    }

    /// Puts in what was read. `position` had been acknowledged before the reading began.
    pub async fn put(&self, key: &str, position: i64, body: Bytes) {
        if body.len() > CACHE_ENTRY_BYTES_MAX || !self.fence.allows(key, position) {
            return;
        }
        let entry = Entry { position, body };
        match &self.store {
            Store::InProcess(store) => store.put(key, entry, self.ttl),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.put(key, &entry, self.ttl).await,
        }
    }

    /// Notes a change of what is under these keys, before anybody hears of it. It waits for
    /// nothing.
    pub fn note(&self, keys: &[&str], position: i64) {
        for key in keys {
            self.fence.note(key, position);
            match &self.store {
                Store::InProcess(store) => store.forget(key, position),
                #[cfg(feature = "redis")]
                Store::Redis(_) => {}
            }
        }
    }

    /// Whether others have to be told of what is noted.
    pub fn is_shared(&self) -> bool {
        match &self.store {
            Store::InProcess(_) => false,
            #[cfg(feature = "redis")]
            Store::Redis(_) => true,
        }
    }

    /// Tells those who share the cache of a change that was noted.
    pub async fn forget(&self, keys: &[&str], position: i64) {
        match &self.store {
            // There is nobody else.
            Store::InProcess(_) => _ = (keys, position),
            #[cfg(feature = "redis")]
            Store::Redis(redis) => redis.forget(keys, position, self.ttl).await,
        }
    }
}

#[cfg(test)]
mod tests;
