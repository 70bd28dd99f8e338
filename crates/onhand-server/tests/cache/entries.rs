//! What is put in comes out, for as long as it may, and no longer.

use std::time::Duration;

use onhand_server::adapters::cache::redis::Redis;

use crate::world::{HOUR, PATIENT, entry, fresh_key, process, put, say};

#[tokio::test]
async fn what_one_process_puts_in_another_one_gets() {
    let (here, there, key) = (process(HOUR).await, process(HOUR).await, fresh_key());
    assert_eq!(here.get(&key).await, None);
    for (position, body) in [(5, ""), (5, "{}"), (6, "Grüße \0 \r\n"), (1 << 53, "last")] {
        put(&here, &key, position, body).await;
        for cache in [&here, &there] {
            assert_eq!(cache.get(&key).await, Some(entry(position, body)));
        }
    }
}

#[tokio::test]
async fn an_entry_has_its_time() {
    let short = process(Duration::from_millis(500)).await;
    let (long, key) = (process(HOUR).await, fresh_key());
    put(&short, &key, 1, "short").await;
    let mut looks = 0;
    while short.get(&key).await.is_some() {
        looks += 1;
        assert!(looks < 6_000, "it stays");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    put(&long, &key, 1, "long").await;
    let left: i64 = say(&["PTTL", &key]).await;
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    long.note(&[&key], 2);
    long.forget(&[&key], 2).await;
    let left: i64 = say(&["PTTL", &key]).await;
    assert!((3_500_000..=3_600_000).contains(&left), "a mark ends too: {left}");
}

#[tokio::test]
async fn what_others_have_left_is_no_entry() {
    let (cache, key) = (process(HOUR).await, fresh_key());
    for words in [
        ["SET", &key, "{\"id\":7}"].as_slice(),
        &["RPUSH", &key, "a", "b"],
        &["HSET", &key, "id", "7"],
        &["HSET", &key, "body", "{}"],
        &["HSET", &key, "position", "7", "body", "{}"],
        &["HSET", &key, "position", "7", "key", "order:1", "body", "{}"],
        &["HSET", &key, "position", "seven", "key", &key, "body", "{}"],
    ] {
        let _: redis::Value = say(&["DEL", &key]).await;
        let _: redis::Value = say(words).await;
        assert_eq!(cache.get(&key).await, None, "{words:?}");
        put(&cache, &key, 7, "ours").await;
        assert_eq!(cache.get(&key).await, Some(entry(7, "ours")), "{words:?}");
        let _: redis::Value = say(&["DEL", &key]).await;
        let _: redis::Value = say(words).await;
        cache.forget(&[&key], 7).await;
        assert_eq!(cache.get(&key).await, None, "{words:?}");
    }
}

#[tokio::test]
async fn many_are_forgotten_at_once() {
    let (here, there, key) = (process(HOUR).await, process(HOUR).await, fresh_key());
    let keys: Vec<String> = (0..2_500).map(|number| format!("{key}-{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for key in &keys {
        put(&here, key, 1, "old").await;
    }
    here.forget(&keys, 2).await;
    for key in &keys {
        assert_eq!(there.get(key).await, None);
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_it() {
    for url in ["", "localhost", "http://localhost", "redis://", "rediss://a:canary@localhost"] {
        let error = Redis::open(url, None, PATIENT).map(|_| ()).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    // A password is given where nobody else sees it, with and without a user.
    for url in ["redis://user:canary@localhost:1/", "redis://:canary@localhost:1/"] {
        let error = Redis::open(url, None, PATIENT).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("ONHAND_REDIS_PASSWORD_FILE"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let redis = Redis::open("redis://user@localhost:1/", Some(b"canary"), PATIENT).unwrap();
    assert!(!format!("{redis:?}").contains("canary"));
}
