//! Publishing, receiving and being done, while all is well.

use std::time::{Duration, Instant};

use bytes::Bytes;
use onhand_server::adapters::queues::{Outgoing, QueueError};
use onhand_server::limits::{QUEUE_BATCH_MAX, QUEUE_BODY_BYTES_MAX, QUEUE_WAIT_MAX};

use crate::world::{Form, LONG, SHORT, counts, expect_nothing, numbered, outgoing, receive, text};

pub(crate) async fn what_is_published_comes_once_and_is_done_for_good<F: Form>() {
    const COUNT: usize = 300;
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    let messages = numbered(0..COUNT);
    queue.publish(&messages).await.unwrap();
    let came = receive(&*queue, COUNT).await;
    assert_eq!(counts(&came).len(), COUNT, "each of them once");
    for one in &came {
        let sent = messages.iter().find(|sent| sent.body == one.body).unwrap();
        assert_eq!(one.deliveries, 1);
        assert_eq!(one.dedup_id.as_ref(), Some(&sent.dedup_id));
        assert_eq!(one.group.as_ref(), Some(&sent.group));
    }
    queue.done(&came).await.unwrap();

    let form = F::fresh(SHORT).await;
    let queue = form.queue().await;
    queue.publish(&numbered(0..3)).await.unwrap();
    let came = receive(&*queue, 3).await;
    queue.done(&came).await.unwrap();
    expect_nothing(&*queue, SHORT * 2).await;
}

pub(crate) async fn what_is_published_twice_comes_once_where_that_is_promised<F: Form>() {
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    queue.publish(&numbered(0..5)).await.unwrap();
    queue.publish(&numbered(0..6)).await.unwrap();
    if !queue.promises().dedups {
        // At least it can be told: the second one has the same id.
        let came = receive(&*queue, 11).await;
        let first = came.iter().filter(|one| one.dedup_id.as_deref() == Some("id-0"));
        assert_eq!(first.count(), 2);
        return;
    }
    let came = receive(&*queue, 6).await;
    assert_eq!(counts(&came).len(), 6);
    expect_nothing(&*queue, Duration::from_secs(1)).await;
    queue.done(&came).await.unwrap();
    if F::TELLS_WHAT_IS_DONE {
        queue.publish(&numbered(0..6)).await.unwrap();
        expect_nothing(&*queue, Duration::from_secs(1)).await;
    }
}

pub(crate) async fn what_is_not_valid_is_refused_and_nothing_of_it_is_queued<F: Form>() {
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    let good = outgoing("id-1", "ord_1", "good");
    let huge = Bytes::from(vec![b'x'; QUEUE_BODY_BYTES_MAX + 1]);
    for bad in [
        outgoing("", "ord_2", "bad"),
        outgoing("id 2", "ord_2", "bad"),
        outgoing("id-2", "ord\n2", "bad"),
        outgoing("id-2", "ord_2", ""),
        Outgoing { body: Bytes::from_static(b"\xff"), ..good.clone() },
        Outgoing { body: huge, ..good.clone() },
    ] {
        let published = queue.publish(&[good.clone(), bad]).await;
        assert!(matches!(published, Err(QueueError::Refused(_))), "{published:?}");
    }
    let many = queue.publish(&numbered(0..QUEUE_BATCH_MAX + 1)).await;
    assert!(matches!(many, Err(QueueError::Refused(_))), "{many:?}");
    expect_nothing(&*queue, Duration::ZERO).await;
    // The longest body and every character that a text may have.
    let long = "x".repeat(QUEUE_BODY_BYTES_MAX);
    let odd = "\"quotes\" <tags> & \u{7f}\u{e9}\u{1f600}\t\n";
    queue.publish(&[outgoing("a", "a", &long), outgoing("b", "b", odd)]).await.unwrap();
    let mut came = receive(&*queue, 2).await;
    came.sort_by_key(|one| one.body.len());
    assert_eq!(text(&came[0].body), odd);
    assert!(came[1].body == long.as_bytes());
}

pub(crate) async fn an_empty_queue_has_nothing<F: Form>() {
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    queue.probe().await.unwrap();
    queue.publish(&[]).await.unwrap();
    queue.done(&[]).await.unwrap();
    expect_nothing(&*queue, Duration::ZERO).await;
    expect_nothing(&*queue, Duration::from_millis(200)).await;
    queue.publish(&numbered(0..1)).await.unwrap();
    assert_eq!(queue.receive(0, QUEUE_WAIT_MAX).await.unwrap(), []);
}

pub(crate) async fn a_message_that_comes_later_ends_the_wait<F: Form>() {
    let form = F::fresh(LONG).await;
    let (consumer, producer) = (form.queue().await, form.queue().await);
    // Both are known to the broker.
    expect_nothing(&*consumer, Duration::ZERO).await;
    let began = Instant::now();
    let waiting = tokio::spawn(async move { consumer.receive(10, QUEUE_WAIT_MAX).await });
    tokio::task::yield_now().await;
    producer.publish(&numbered(0..1)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
    assert!(began.elapsed() < QUEUE_WAIT_MAX, "it waited to the end");
}
