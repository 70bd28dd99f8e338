//! What only NATS has: streams that somebody else has made, and servers that ask who we are.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use onhand_server::adapters::queues::nats::{Nats, NatsLogin};
use onhand_server::adapters::queues::{Queue, QueueError};
use onhand_server::auth::secrets::Secret;
use onhand_server::limits::QUEUE_DEDUP_WINDOW;

use crate::nats::{Server, Stream, context, link_as};
use crate::world::{Form, LONG, numbered, receive};

/// A stream that will do.
fn good(name: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![name.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        duplicate_window: QUEUE_DEDUP_WINDOW,
        ..Config::default()
    }
}

/// What publishing to a stream says that is there already.
async fn check(change: impl FnOnce(&mut Config)) -> Result<(), QueueError> {
    let form = Stream::fresh(LONG).await;
    let mut config = good(&form.name);
    change(&mut config);
    context(&form.url()).await.create_stream(config).await.unwrap();
    let queue = form.queue().await;
    queue.publish(&numbered(0..1)).await?;
    assert_eq!(receive(&*queue, 1).await.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_there_is_used_as_it_is() {
    check(|_| ()).await.unwrap();
    check(|config| config.max_messages = 10).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_would_lose_or_repeat_work_is_refused() {
    let refused = async |change: fn(&mut Config), word: &str| {
        let error = check(change).await.unwrap_err();
        let QueueError::Refused(why) = &error else { panic!("{error}") };
        assert!(why.contains(word), "{why}");
    };
    refused(|config| config.retention = RetentionPolicy::Limits, "retention").await;
    refused(|config| config.discard = DiscardPolicy::Old, "discard").await;
    refused(|config| config.max_age = Duration::from_secs(3_600), "max age").await;
    refused(|config| config.duplicate_window = Duration::from_secs(1), "duplicate window").await;
    refused(|config| config.subjects = vec![format!("{}.x", config.name)], "subjects").await;
}

#[tokio::test]
async fn a_full_stream_takes_nothing_more_and_drops_nothing() {
    let form = Stream::fresh(LONG).await;
    let config = Config { max_messages: 3, ..good(&form.name) };
    context(&form.url()).await.create_stream(config).await.unwrap();
    let queue = form.queue().await;
    queue.publish(&numbered(0..3)).await.unwrap();
    let full = queue.publish(&numbered(3..4)).await;
    assert!(matches!(full, Err(QueueError::Unavailable(_))), "{full:?}");
    let came = receive(&*queue, 3).await;
    queue.done(&came).await.unwrap();
    queue.publish(&numbered(3..4)).await.unwrap();
    assert_eq!(receive(&*queue, 1).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_asks_who_we_are_is_told() {
    let login = |password: &str| NatsLogin::User("onhand".to_owned(), Secret::new(password));
    let server = Server::start_with(&["--user", "onhand", "--pass", "right"]).await;
    let queue = async |login| Nats::new(link_as(&server.url(), login).await, "work".into(), LONG);
    queue(login("right")).await.probe().await.unwrap();
    for wrong in [login("hunter2"), NatsLogin::Token(Secret::new("hunter2")), NatsLogin::Nobody] {
        let queue = queue(wrong).await;
        let error = queue.probe().await.unwrap_err();
        assert!(error.to_string().contains("no connection (authorization violation)"), "{error}");
        assert!(!format!("{error:?} {queue:?}").contains("hunter2"));
    }
    let server = Server::start_with(&["--auth", "right"]).await;
    let token = NatsLogin::Token(Secret::new("right"));
    let queue = Nats::new(link_as(&server.url(), token).await, "work".into(), LONG);
    queue.probe().await.unwrap();
}

#[tokio::test]
async fn what_is_no_text_is_buried_too() {
    let form = Stream::fresh(LONG).await;
    let queue = form.queue().await;
    queue.probe().await.unwrap();
    let context = context(&form.url()).await;
    for body in [&b""[..], b"\xff\x00"] {
        context.publish(form.name.clone(), body.into()).await.unwrap().await.unwrap();
        let message = receive(&*queue, 1).await.remove(0);
        assert_eq!(message.body, body);
        queue.bury(&message, "no text").await.unwrap();
    }
    let dead = form.dead().await;
    let expected = [("(empty)", "no text"), ("\u{fffd}\u{fffd}", "no text")];
    assert_eq!(dead, expected.map(|(body, reason)| (body.into(), reason.to_owned())));
}
