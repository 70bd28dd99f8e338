//! A broker that goes away in the middle, and comes back with what it had.

use std::time::{Duration, Instant};

use onhand_server::adapters::queues::{Queue, QueueError};

use crate::world::{Form, SHORT, counts, numbered, receive_one, texts};

/// Longest wait for a broker that is back.
const BACK: Duration = Duration::from_secs(60);

pub(crate) async fn a_broker_that_goes_away_loses_nothing<F: Form>() {
    let mut form = F::fresh(SHORT * 3).await;
    let queue = form.queue().await;
    queue.publish(&numbered(0..20)).await.unwrap();
    let held = receive_one(&*queue).await;
    form.away().await;
    for told in [
        queue.probe().await.map(|()| 0),
        queue.publish(&numbered(20..40)).await.map(|()| 0),
        queue.receive(10, Duration::ZERO).await.map(|came| came.len()),
        queue.done(std::slice::from_ref(&held)).await.map(|()| 0),
    ] {
        assert!(matches!(told, Err(QueueError::Unavailable(_))), "{told:?}");
    }
    form.back().await;
    // The same connection finds its way back, and what failed is published under the same ids.
    eventually(&*queue, async |queue| queue.publish(&numbered(20..40)).await).await;
    let mut came = Vec::new();
    let began = Instant::now();
    while counts(&came).len() < 40 {
        assert!(began.elapsed() < BACK, "lost: only {:?} have come", texts(&came));
        let some = queue.receive(10, Duration::from_secs(1)).await.unwrap();
        queue.done(&some).await.unwrap();
        came.extend(some);
    }
    let ids: Vec<_> = came.iter().filter_map(|one| one.dedup_id.as_deref()).collect();
    assert_eq!(ids.len(), came.len());
    if queue.promises().dedups {
        assert!(counts(&came).values().all(|count| *count == 1), "{:?}", counts(&came));
    }
}

/// Tries until it succeeds.
async fn eventually(
    queue: &dyn Queue,
    attempt: impl AsyncFn(&dyn Queue) -> Result<(), QueueError>,
) {
    let began = Instant::now();
    loop {
        match attempt(queue).await {
            Ok(()) => return,
            Err(QueueError::Unavailable(_)) if began.elapsed() < BACK => {}
            Err(error) => panic!("{error}"),
        }
    }
}
