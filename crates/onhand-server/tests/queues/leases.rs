//! Who has a message, for how long, and when it comes again. Times are measured from before a call
//! to after another, so that a slow machine makes no rule fail.

use std::time::{Duration, Instant};

use onhand_server::adapters::queues::QueueError;

use crate::world::{
    Form, LONG, SHORT, expect_nothing, numbered, outgoing, receive, receive_one, texts,
};

/// Clocks of brokers are not ours.
const SLACK: Duration = Duration::from_millis(100);

pub(crate) async fn what_a_dead_consumer_had_comes_again<F: Form>() {
    let form = F::fresh(SHORT).await;
    form.queue().await.publish(&numbered(0..1)).await.unwrap();
    let began = Instant::now();
    // It takes the message, and is gone.
    let first = receive_one(&*form.queue().await).await;
    assert_eq!(first.deliveries, 1);
    let other = form.queue().await;
    let second = receive_one(&*other).await;
    assert!(began.elapsed() >= SHORT - SLACK, "it came before the lease had ended");
    assert_eq!((&second.body, &second.dedup_id), (&first.body, &first.dedup_id));
    assert_eq!(second.deliveries, 2);
    other.done(&[second]).await.unwrap();
    expect_nothing(&*other, SHORT * 2).await;
}

pub(crate) async fn what_is_extended_stays<F: Form>() {
    const LEASE: Duration = Duration::from_secs(4);
    let form = F::fresh(LEASE).await;
    let (worker, other) = (form.queue().await, form.queue().await);
    worker.publish(&numbered(0..1)).await.unwrap();
    let began = Instant::now();
    let message = receive_one(&*worker).await;
    let mut extended = began;
    while began.elapsed() < LEASE * 2 {
        let came = other.receive(1, Duration::from_secs(1)).await.unwrap();
        // Should this machine have stood still, it came rightly.
        if extended.elapsed() >= LEASE - SLACK {
            return;
        }
        assert_eq!(texts(&came), Vec::<String>::new());
        extended = Instant::now();
        worker.extend(&message).await.unwrap();
    }
    // And when it is no longer extended, it comes.
    let again = receive_one(&*other).await;
    assert!(extended.elapsed() >= LEASE - SLACK);
    assert_eq!(again.body, message.body);
}

pub(crate) async fn what_is_put_back_comes_again_after_its_delay<F: Form>() {
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    queue.publish(&numbered(0..1)).await.unwrap();
    let mut deliveries = 1;
    for delay in [Duration::ZERO, SHORT, Duration::from_millis(300)] {
        let message = receive_one(&*queue).await;
        assert_eq!(message.deliveries, deliveries);
        let began = Instant::now();
        queue.again(&message, delay).await.unwrap();
        let message = receive_one(&*queue).await;
        assert!(began.elapsed() + SLACK >= delay, "it came before its time");
        assert!(began.elapsed() < LONG, "it came with the end of its lease");
        queue.again(&message, Duration::ZERO).await.unwrap();
        deliveries += 2;
    }
}

pub(crate) async fn order_within_a_group_is_kept_where_that_is_promised<F: Form>() {
    let form = F::fresh(LONG).await;
    let queue = form.queue().await;
    if !queue.promises().keeps_order {
        return;
    }
    let message = |name: &str| outgoing(name, format!("group-{}", &name[..1]), name);
    let names = ["a1", "a2", "b1", "a3", "a4", "b2"];
    queue.publish(&names.map(message)).await.unwrap();
    // While the first of a group is leased, only others come, each group in its order.
    let a1 = receive_one(&*queue).await;
    assert_eq!(a1.body, "a1");
    let b1 = receive_one(&*queue).await;
    assert_eq!(b1.body, "b1");
    expect_nothing(&*queue, Duration::from_secs(1)).await;
    // One that has to wait holds up its group and no other.
    queue.again(&a1, SHORT).await.unwrap();
    queue.done(&[b1]).await.unwrap();
    let b2 = receive_one(&*queue).await;
    assert_eq!(b2.body, "b2");
    let a1 = receive_one(&*queue).await;
    assert_eq!((&a1.body[..], a1.deliveries), (&b"a1"[..], 2));
    queue.done(&[a1, b2]).await.unwrap();
    // What comes together comes in order.
    let rest = receive(&*queue, 3).await;
    assert_eq!(texts(&rest), ["a2", "a3", "a4"]);
}

pub(crate) async fn what_is_done_too_late_harms_nobody<F: Form>() {
    let form = F::fresh(SHORT).await;
    let (slow, other) = (form.queue().await, form.queue().await);
    slow.publish(&numbered(0..1)).await.unwrap();
    let late = receive_one(&*slow).await;
    let again = receive_one(&*other).await;
    // Whether the broker still takes its word is the broker's affair.
    let told = slow.done(std::slice::from_ref(&late)).await;
    assert!(matches!(told, Ok(()) | Err(QueueError::Lost)), "{told:?}");
    let told = other.done(&[again]).await;
    assert!(matches!(told, Ok(()) | Err(QueueError::Lost)), "{told:?}");
    expect_nothing(&*other, SHORT * 2).await;
    let told = slow.extend(&late).await;
    assert!(matches!(told, Ok(()) | Err(QueueError::Lost)), "{told:?}");
    expect_nothing(&*other, SHORT * 2).await;
}
