//! What a form of queue has to have to be held against the rules, and what the rules share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use onhand_server::adapters::queues::{Outgoing, Queue, Received};

/// A lease that nobody waits for.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// A lease that tests wait for.
pub(crate) const SHORT: Duration = Duration::from_secs(2);
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was given up: its body and the reason.
pub(crate) type Letter = (Bytes, String);

/// A form of queue.
pub(crate) trait Form: Sized {
    /// Whether the broker tells a second message under one id also when the first is done. They
    /// all do; what stands in for one may not.
    const TELLS_WHAT_IS_DONE: bool = true;

    /// A queue of its own, empty, at a broker that may go away.
    async fn fresh(lease: Duration) -> Self;

    /// The queue, as every new process sees it.
    async fn queue(&self) -> Arc<dyn Queue>;

    /// Everything that was given up; asked for once.
    async fn dead(&self) -> Vec<Letter>;

    /// Queues a body as a program would that knows nothing of us; false where nobody can.
    async fn send_bare(&self, body: &str) -> bool;

    /// The broker dies, or cannot be reached.
    async fn away(&mut self);

    /// It is there again, with what it has kept.
    async fn back(&mut self);
}

/// A name that nothing else has.
pub(crate) fn unique() -> String {
    format!("test-{}", onhand_server::random::fresh_seed())
}

pub(crate) fn outgoing(dedup_id: impl ToString, group: impl ToString, body: &str) -> Outgoing {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Outgoing { dedup_id: dedup_id.to_string(), group: group.to_string(), body }
}

/// A message for each number, each of a group of its own.
pub(crate) fn numbered(numbers: std::ops::Range<usize>) -> Vec<Outgoing> {
    numbers.map(|n| outgoing(format!("id-{n}"), format!("ord_{n}"), &format!("body {n}"))).collect()
}

/// Receives until there are so many.
pub(crate) async fn receive(queue: &dyn Queue, count: usize) -> Vec<Received> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while all.len() < count {
        assert!(began.elapsed() < PATIENCE, "{} of {count} have come", all.len());
        all.extend(queue.receive(count - all.len(), Duration::from_secs(1)).await.unwrap());
    }
    all
}

/// Receives one.
pub(crate) async fn receive_one(queue: &dyn Queue) -> Received {
    receive(queue, 1).await.remove(0)
}

/// Nothing comes within a time.
pub(crate) async fn expect_nothing(queue: &dyn Queue, wait: Duration) {
    let came = queue.receive(10, wait).await.unwrap();
    assert_eq!(texts(&came), Vec::<String>::new());
}

/// Bodies as texts.
pub(crate) fn texts(messages: &[Received]) -> Vec<String> {
    messages.iter().map(|message| text(&message.body)).collect()
}

pub(crate) fn text(body: &Bytes) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

/// How often each body is there.
pub(crate) fn counts(messages: &[Received]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for text in texts(messages) {
        *counts.entry(text).or_default() += 1;
    }
    counts
}
