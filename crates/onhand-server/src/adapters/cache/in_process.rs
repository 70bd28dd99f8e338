//! The cache in this process, with a bound on its bytes. Whether an entry may be shown is not for
//! it to say.

use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::Entry;
use crate::limits::CACHE_ENTRY_BYTES_USUAL;

/// What an entry takes beyond its key and body, about.
const OVERHEAD_BYTES: u64 = 128;

#[derive(Debug, Clone)]
struct Kept {
    entry: Entry,
    until: Instant,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Box<str>, Kept> for Bytes {
    fn weight(&self, key: &Box<str>, kept: &Kept) -> u64 {
        let bytes = u64::try_from(key.len() + kept.entry.body.len()).unwrap_or(u64::MAX >> 1);
        bytes + OVERHEAD_BYTES
    }
}

#[derive(Debug)]
pub(super) struct InProcess(Cache<Box<str>, Kept, Bytes>);

impl InProcess {
    pub(super) fn new(bytes_max: u64) -> Self {
        let usual = bytes_max / CACHE_ENTRY_BYTES_USUAL;
        let entries = usize::try_from(usual).unwrap_or(usize::MAX).max(1);
        Self(Cache::with_weighter(entries, bytes_max, Bytes))
    }

    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        let kept = self.0.get(key)?;
        if Instant::now() < kept.until {
            return Some(kept.entry);
        }
        self.0.remove(key);
        None
    }

    pub(super) fn put(&self, key: &str, entry: Entry, ttl: Duration) {
        self.0.insert(key.into(), Kept { entry, until: Instant::now() + ttl });
    }

    pub(super) fn forget(&self, key: &str, position: i64) {
        self.0.remove_if(key, |kept| kept.entry.position < position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(position: i64, bytes: usize) -> Entry {
        Entry { position, body: vec![0; bytes].into() }
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn an_entry_ends_in_time() {
        let store = InProcess::new(1 << 20);
        store.put("a", entry(1, 5), Duration::from_secs(10));
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert_eq!(store.get("a"), Some(entry(1, 5)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(store.get("a"), None);
        assert_eq!(store.0.len(), 0);
    }

    #[test]
    fn it_has_a_bound_in_bytes() {
        let store = InProcess::new(100_000);
        for key in 0..10_000 {
            store.put(&key.to_string(), entry(1, key % 5_000), HOUR);
            assert!(store.0.weight() <= 100_000);
        }
        assert!(store.0.len() > 10, "{}", store.0.len());
        store.put("large", entry(1, 100_000), HOUR);
        assert!(store.0.weight() <= 100_000);
    }

    #[test]
    fn what_is_newer_than_a_change_stays() {
        let store = InProcess::new(1 << 20);
        store.put("a", entry(5, 1), HOUR);
        store.forget("a", 5);
        assert!(store.get("a").is_some());
        store.forget("a", 6);
        assert!(store.get("a").is_none());
    }
}
