//! The whole server with a cache in Redis: one that is gone changes no answer, and what was put in
//! counts only for the database that it is of, and as long as nobody has changed it.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::server::{Server, json, keyed};
use crate::world::{Mood, Way, say, url};

/// A server that keeps what was read in the Redis at an address.
async fn start(folder: &Path, redis: &str) -> Server {
    let environment: [(&str, OsString); 2] =
        [("ONHAND_CACHE", "redis".into()), ("ONHAND_REDIS_URL", redis.into())];
    Server::start_with(folder, &[], &environment).await
}

async fn place(server: &mut Server, key: &str, sku: &str) -> String {
    let body = format!(r#"{{"items":[{{"sku":"{sku}","quantity":1}}]}}"#);
    let headers = keyed(key);
    let sent = server.connection.send(Method::POST, "/v1/orders", &headers, body.into());
    let reply = sent.await.unwrap();
    assert_eq!(reply.status, 201, "{}", json(&reply));
    json(&reply)["id"].as_str().unwrap().to_owned()
}

/// Changes an order; its version.
async fn change(server: &mut Server, order: &str, at: usize) -> u64 {
    let headers = [
        (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json")),
        (HeaderName::from_static("if-match"), HeaderValue::from_static("*")),
    ];
    let body = format!(r#"{{"metadata":{{"at":"{at}"}}}}"#);
    let path = format!("/v1/orders/{order}");
    let reply = server.connection.send(Method::PATCH, &path, &headers, body.into()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", json(&reply));
    json(&reply)["version"].as_u64().unwrap()
}

async fn read(server: &mut Server, order: &str) -> Value {
    let reply = server.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(reply.status, 200, "{}", json(&reply));
    json(&reply)
}

/// How many keys of the Redis end like this.
async fn keys(ending: &str) -> Vec<String> {
    say(&["KEYS", &format!("onhand:*:{ending}")]).await
}

/// Reads until it is kept. Only then does it say something that the answers are right.
async fn read_until_kept(server: &mut Server, order: &str, before: usize) {
    let ending = format!("order:{}", order.trim_start_matches("ord_"));
    for _ in 0..3_000 {
        read(server, order).await;
        if keys(&ending).await.len() > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is never kept");
}

async fn until_logged(server: &mut Server, order: &str, part: &str, times: usize) {
    for _ in 0..6_000 {
        read(server, order).await;
        if server.log().matches(part).count() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was not logged: {part}: {}", server.log());
}

async fn through(mood: Mood) -> (std::sync::Arc<Way>, SocketAddr, String) {
    let (way, at) = Way::new(mood).await;
    (way, at, format!("redis://{at}/"))
}

#[tokio::test]
async fn a_cache_that_is_gone_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (way, _, redis) = through(Mood::Open).await;
    let mut server = start(folder.path(), &redis).await;
    let order = place(&mut server, "a", "headphones").await;
    for (round, mood) in [Mood::Cut, Mood::Silent].into_iter().enumerate() {
        way.set(mood);
        until_logged(&mut server, &order, "the cache is gone", round + 1).await;
        for at in 0..50 {
            let told = change(&mut server, &order, at).await;
            let shown = read(&mut server, &order).await;
            assert!(shown["version"].as_u64().unwrap() >= told, "{mood:?} {shown}");
        }
        way.set(Mood::Open);
        until_logged(&mut server, &order, "the cache is back", round + 1).await;
        for at in 0..50 {
            let told = change(&mut server, &order, at).await;
            let shown = read(&mut server, &order).await;
            assert!(shown["version"].as_u64().unwrap() >= told, "{mood:?} {shown}");
        }
    }
    server.stop_and_verify().await;
}

#[tokio::test]
async fn what_was_changed_while_nobody_told_the_cache_is_not_shown_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path(), &url()).await;
    let order = place(&mut server, "a", "headphones").await;
    let before = keys(&format!("order:{}", order.trim_start_matches("ord_"))).await.len();
    read_until_kept(&mut server, &order, before).await;
    server.stop_and_verify().await;
    let mut server = Server::start(folder.path(), &["--cache", "off"]).await;
    let told = change(&mut server, &order, 1).await;
    server.stop_and_verify().await;
    let mut server = start(folder.path(), &url()).await;
    for _ in 0..100 {
        let shown = read(&mut server, &order).await;
        assert!(shown["version"].as_u64().unwrap() >= told, "{shown}");
    }
    server.stop_and_verify().await;
}

#[tokio::test]
async fn an_order_of_one_database_is_not_shown_for_that_of_another() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (folder, sku) in folders.iter().zip(["headphones", "smartphone"]) {
        let mut server = start(folder.path(), &url()).await;
        let order = place(&mut server, "a", sku).await;
        let before = keys(&format!("order:{}", order.trim_start_matches("ord_"))).await.len();
        read_until_kept(&mut server, &order, before).await;
        assert_eq!(read(&mut server, &order).await["lines"][0]["sku"], sku);
        server.stop_and_verify().await;
    }
}
