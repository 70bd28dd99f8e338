//! Queues: work that another process takes up, and events for whoever listens. A broker delivers at
//! least once, so a message is only ever a hint to look at an order; what is done about it is
//! decided by the rules and happens once. Start with [`Queue`].

pub mod cloud_event;
pub mod command;
pub mod job;
#[cfg(feature = "nats")]
pub mod nats;
pub mod options;
pub mod parcel;
pub mod relay;
#[cfg(feature = "aws")]
pub mod sqs;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::limits::{
    QUEUE_BATCH_MAX, QUEUE_BODY_BYTES_MAX, QUEUE_ID_CHARS_MAX, QUEUE_REASON_CHARS_MAX,
};

/// What a call to a queue comes to.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, QueueError>>;

/// A message to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The same for every try to queue the same message, and for no other: brokers remember it also
    /// when the message is done, so what is to come once more needs another one. 1 to
    /// [`QUEUE_ID_CHARS_MAX`] visible characters of ASCII.
    pub dedup_id: String,
    /// Messages of one group stay in order where the queue promises that: the order's id. Of the
    /// same form.
    pub group: String,
    /// Text of at most [`QUEUE_BODY_BYTES_MAX`] bytes.
    pub body: Bytes,
}

impl Outgoing {
    /// Whether every queue can carry it.
    ///
    /// # Errors
    /// [`QueueError::Refused`].
    pub fn check(&self) -> Result<(), QueueError> {
        let is_id = |id: &str| {
            (1..=QUEUE_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
        };
        if !is_id(&self.dedup_id) || !is_id(&self.group) {
            let form = format!("ids have 1 to {QUEUE_ID_CHARS_MAX} visible characters of ASCII");
            return Err(QueueError::Refused(form));
        }
        if self.body.is_empty() || self.body.len() > QUEUE_BODY_BYTES_MAX {
            let size = format!("a body has 1 to {QUEUE_BODY_BYTES_MAX} bytes");
            return Err(QueueError::Refused(size));
        }
        let text = std::str::from_utf8(&self.body);
        if !text.is_ok_and(|text| text.chars().all(is_carried)) {
            let form = "a body is text in UTF-8 without control characters";
            return Err(QueueError::Refused(form.to_owned()));
        }
        Ok(())
    }
}

/// Whether every queue can carry a character. SQS takes those that XML knows.
fn is_carried(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A message that was received, and is nobody else's until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// By which the queue knows this delivery.
    pub handle: String,
    /// As it was sent, by whomever: not to be trusted.
    pub body: Bytes,
    /// How often it was delivered, this time included; about right where the broker only estimates.
    pub deliveries: u32,
    /// Where its sender gave one.
    pub dedup_id: Option<String>,
    /// Where its sender gave one.
    pub group: Option<String>,
}

/// Why a queue did not do what it was asked. It tells no secret and repeats no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The broker is not there, or not well; asking again may help. A message may be queued all
    /// the same: publish it again under the same id.
    #[error("the queue cannot be reached: {0}")]
    Unavailable(String),
    /// The message is no longer ours: its lease has ended.
    #[error("the message is no longer leased")]
    Lost,
    /// Asking again does not help: the queue is not there, we may not use it, or what it was asked
    /// for is out of bounds.
    #[error("the queue refuses: {0}")]
    Refused(String),
}

/// A queue of work. Every call ends within a bound of its own; one that is dropped may have been
/// carried out.
pub trait Queue: std::fmt::Debug + Send + Sync {
    /// Queues messages, at most [`QUEUE_BATCH_MAX`], durable at the broker when it is answered.
    /// After an error some of them may be queued; published again under the same ids within
    /// [`QUEUE_DEDUP_WINDOW`](crate::limits::QUEUE_DEDUP_WINDOW), they are delivered once where the
    /// queue [can tell](Queue::promises).
    fn publish<'a>(&'a self, messages: &'a [Outgoing]) -> Answer<'a, ()>;

    /// Takes what is there, at most `most` messages; waits for the first one, at most so long and
    /// never longer than [`QUEUE_WAIT_MAX`](crate::limits::QUEUE_WAIT_MAX). Fewer may come than
    /// there are.
    fn receive(&self, most: usize, wait: Duration) -> Answer<'_, Vec<Received>>;

    /// The message is ours for another [lease](Queue::lease) from now on.
    fn extend<'a>(&'a self, message: &'a Received) -> Answer<'a, ()>;

    /// They are done and do not come again. At most [`QUEUE_BATCH_MAX`].
    fn done<'a>(&'a self, messages: &'a [Received]) -> Answer<'a, ()>;

    /// It comes again after a while; some queues count in whole seconds and round up.
    fn again<'a>(&'a self, message: &'a Received, after: Duration) -> Answer<'a, ()>;

    /// It never comes again, and lies with its reason where dead letters are.
    fn bury<'a>(&'a self, message: &'a Received, reason: &'a str) -> Answer<'a, ()>;

    /// Whether it could be used now. What it can make it makes, and changes nothing else.
    fn probe(&self) -> Answer<'_, ()>;

    /// For how long what was received is nobody else's.
    fn lease(&self) -> Duration;

    /// What this queue promises beyond at least once.
    fn promises(&self) -> Promises;
}

/// What a queue promises beyond delivering at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Promises {
    /// What is published twice under one id within the window is delivered once.
    pub dedups: bool,
    /// While a message of a group is leased or waits to come again, no later one of it comes.
    pub keeps_order: bool,
}

/// Whether one call may be about so many messages.
///
/// # Errors
/// [`QueueError::Refused`].
pub fn check_count(count: usize) -> Result<(), QueueError> {
    if count <= QUEUE_BATCH_MAX {
        return Ok(());
    }
    Err(QueueError::Refused(format!("a call is about at most {QUEUE_BATCH_MAX} messages")))
}

/// A reason as brokers can keep it: one line, bounded, never empty.
pub fn reason_line(reason: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = reason.trim().chars().take(QUEUE_REASON_CHARS_MAX).map(clean).collect();
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(dedup_id: &str, group: &str, body: &[u8]) -> Outgoing {
        let body = Bytes::copy_from_slice(body);
        Outgoing { dedup_id: dedup_id.to_owned(), group: group.to_owned(), body }
    }

    #[test]
    fn messages_that_some_queue_could_not_carry_are_refused() {
        let long = "x".repeat(QUEUE_ID_CHARS_MAX + 1);
        let huge = vec![b'x'; QUEUE_BODY_BYTES_MAX + 1];
        for (message, passes) in [
            (outgoing("evt_1", "ord_1", b"{}"), true),
            (outgoing(&long[1..], &long[1..], &huge[1..]), true),
            (outgoing("", "ord_1", b"{}"), false),
            (outgoing("evt_1", "", b"{}"), false),
            (outgoing(&long, "ord_1", b"{}"), false),
            (outgoing("evt 1", "ord_1", b"{}"), false),
            (outgoing("evt\n1", "ord_1", b"{}"), false),
            (outgoing("évt", "ord_1", b"{}"), false),
            (outgoing("evt_1", "ord_1", b""), false),
            (outgoing("evt_1", "ord_1", &huge), false),
            (outgoing("evt_1", "ord_1", b"\xff"), false),
            (outgoing("evt_1", "ord_1", b"\t\r\n\x7f"), true),
            (outgoing("evt_1", "ord_1", "\u{e000}\u{fffd}\u{1f600}".as_bytes()), true),
            (outgoing("evt_1", "ord_1", b"\x00"), false),
            (outgoing("evt_1", "ord_1", b"\x1f"), false),
            (outgoing("evt_1", "ord_1", "\u{fffe}".as_bytes()), false),
            (outgoing("evt_1", "ord_1", "\u{ffff}".as_bytes()), false),
        ] {
            assert_eq!(message.check().is_ok(), passes, "{:?}", message.dedup_id);
        }
    }

    #[test]
    fn a_reason_is_one_line_with_an_end() {
        for (reason, line) in [
            ("no such order", "no such order"),
            ("  two\r\nlines ", "two  lines"),
            ("", "no reason given"),
            ("\n", "no reason given"),
        ] {
            assert_eq!(reason_line(reason), line);
        }
        let long = "é".repeat(QUEUE_REASON_CHARS_MAX + 1);
        assert_eq!(reason_line(&long).chars().count(), QUEUE_REASON_CHARS_MAX);
    }
}
