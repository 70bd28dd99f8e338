//! What the simulated gateway has before it, by the time at which it is due. A bounded heap and a
//! task that follows it, rather than a timer for each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;
use tokio::time::Instant;

use crate::limits::SIMULATED_AGENDA_MAX;

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) event_id: String,
    pub(super) signature: String,
    pub(super) body: Bytes,
    /// How often it was tried.
    pub(super) tries: u32,
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Deed {
    /// A customer pays this order.
    Pay(String),
    /// The bank says yes to this payment after all.
    Authorize(String),
    /// This refund has come to an end.
    SettleRefund(String),
}

/// Everything that is to be done.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Planned<T>>>,
    added: u64,
}

#[derive(Debug)]
struct Planned<T> {
    at: (Instant, u64),
    entry: T,
}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T> Eq for Planned<T> {}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Planned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), added: 0 }
    }
}

impl<T> Agenda<T> {
    /// Whether there was room.
    pub(super) fn add(&mut self, at: Instant, entry: T) -> bool {
        if self.heap.len() >= SIMULATED_AGENDA_MAX {
            return false;
        }
        self.added += 1;
        self.heap.push(Reverse(Planned { at: (at, self.added), entry }));
        true
    }

    /// What is due, or when the next one is.
    pub(super) fn take_due(&mut self, now: Instant) -> (Option<T>, Option<Instant>) {
        match self.heap.peek() {
            Some(Reverse(next)) if next.at.0 > now => (None, Some(next.at.0)),
            Some(_) => (self.heap.pop().map(|Reverse(due)| due.entry), None),
            None => (None, None),
        }
    }

    /// Makes everything due, in the order in which it was. How much that is.
    pub(super) fn hurry(&mut self, now: Instant) -> usize {
        let mut planned: Vec<_> = std::mem::take(&mut self.heap).into_vec();
        planned.sort_unstable_by_key(|Reverse(planned)| planned.at);
        for (number, Reverse(planned)) in (0..).zip(&mut planned) {
            planned.at = (planned.at.0.min(now), number);
        }
        self.heap = planned.into();
        self.heap.len()
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_first_is_done_first() {
        let now = Instant::now();
        let mut agenda = Agenda::default();
        for (name, after) in [("c", 3), ("a", 1), ("b", 1)] {
            assert!(agenda.add(now + Duration::from_secs(after), name));
        }
        let mut take = |now| match agenda.take_due(now) {
            (Some(name), None) => String::from(name),
            (None, Some(next)) => format!("{}", (next - now).as_secs()),
            other => format!("{other:?}"),
        };
        assert_eq!(take(now), "1");
        assert_eq!(take(now + Duration::from_secs(1)), "a");
        assert_eq!(take(now + Duration::from_secs(1)), "b");
        assert_eq!(take(now + Duration::from_secs(1)), "2");
        assert_eq!(agenda.hurry(now), 1);
        assert!(matches!(agenda.take_due(now), (Some("c"), None)));
        assert!(matches!(agenda.take_due(now), (None, None)));
    }
}
