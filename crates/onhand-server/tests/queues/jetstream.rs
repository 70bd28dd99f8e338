//! What only NATS has: streams that somebody else has made.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use onhand_server::adapters::queues::QueueError;
use onhand_server::limits::QUEUE_DEDUP_WINDOW;

use crate::nats::{Stream, context};
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
