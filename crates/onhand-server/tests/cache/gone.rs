//! A cache that is gone, silent or lying: reading goes on without it, it is left alone, and it is
//! taken up again when it is back. There is one line in the log for each.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onhand_server::adapters::cache::Cache;
use onhand_server::adapters::cache::redis::Redis;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{HOUR, Mood, Way, fresh_key, put, until_it_works};

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// A cache that falls into this mood and out of it again.
async fn check(mood: Mood) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (way, at) = Way::new(Mood::Open).await;
    let redis = Redis::open(&format!("redis://{at}/"), Duration::from_millis(200)).unwrap();
    let (cache, key) = (Cache::shared(redis, HOUR, 0), fresh_key());
    until_it_works(&cache, &key).await;
    let before = log.lines().len();
    way.set(mood);
    // A few find out; then nobody asks any more, and nothing comes to the server.
    for _ in 0..10 {
        assert_eq!(cache.get(&key).await, None, "{mood:?}");
    }
    let came = way.came.load(Ordering::SeqCst);
    for _ in 0..1_000 {
        assert_eq!(cache.get(&key).await, None, "{mood:?}");
        cache.forget(&[&key], 0).await;
    }
    // One that asks whether it is back, and its connection.
    assert!(way.came.load(Ordering::SeqCst) <= came + 8, "{mood:?}");
    way.set(Mood::Open);
    until_it_works(&cache, &key).await;
    let lines = log.lines().split_off(before);
    assert_eq!(lines.len(), 2, "{mood:?} {lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("the cache is gone"), "{lines:?}");
    assert!(lines[1].contains("INFO") && lines[1].contains("the cache is back"), "{lines:?}");
    for line in &lines {
        assert!(!line.contains(&at.to_string()) && !line.contains(&key), "{line}");
    }
}

#[tokio::test]
async fn a_cache_that_says_nothing_is_left_alone() {
    check(Mood::Silent).await;
}

#[tokio::test]
async fn a_cache_whose_connections_end_is_left_alone() {
    check(Mood::Cut).await;
}

#[tokio::test]
async fn a_cache_that_is_something_else_is_left_alone() {
    check(Mood::Lying).await;
}

#[tokio::test]
async fn a_cache_that_was_never_there_is_a_miss_until_it_is() {
    let (way, at) = Way::new(Mood::Cut).await;
    let redis = Redis::open(&format!("redis://{at}/"), Duration::from_millis(200)).unwrap();
    let (cache, key) = (Cache::shared(redis, HOUR, 0), fresh_key());
    for _ in 0..100 {
        put(&cache, &key, 1, "lost").await;
        assert_eq!(cache.get(&key).await, None);
    }
    way.set(Mood::Open);
    until_it_works(&cache, &key).await;
}
