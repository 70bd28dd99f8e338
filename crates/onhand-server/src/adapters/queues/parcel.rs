//! What is handed to a broker, whatever it is about: a job, a dead letter, an event. Each broker
//! has its own way to carry the fields beside the body.

use bytes::Bytes;

use super::{Answer, Outgoing, QueueError, Received, check_count, is_carried, reason_line};
use crate::limits::QUEUE_BODY_BYTES_MAX;

/// The field that has the id of a message where the broker keeps none.
pub const DEDUP_ID: &str = "onhand-dedup-id";
/// The field that has the group of a message where the broker keeps none.
pub const GROUP: &str = "onhand-group";
/// The field of a dead letter that says why it is one.
pub const REASON: &str = "onhand-reason";
/// The field of a dead letter that says how often it was delivered.
pub const DELIVERIES: &str = "onhand-deliveries";

/// The field of a dead letter whose body is not as it was received.
pub const CHANGED: &str = "onhand-changed";

/// A message with the fields beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The message.
    pub message: Outgoing,
    /// Names and values; a value is one line and not empty.
    pub fields: Vec<(&'static str, String)>,
}

impl Parcel {
    /// A message without fields.
    pub fn plain(message: Outgoing) -> Self {
        Self { message, fields: Vec::new() }
    }

    /// What is left of a message that is given up, in a form that every queue can carry: whoever
    /// sent it may have been at another program. `otherwise` is its id if its sender gave none.
    pub fn dead(message: &Received, reason: &str, otherwise: &str) -> Self {
        let usable = |id: &Option<String>| {
            let id = id.clone()?;
            let probe = Outgoing {
                dedup_id: id.clone(),
                group: id.clone(),
                body: Bytes::from_static(b"x"),
            };
            probe.check().is_ok().then_some(id)
        };
        let dedup_id = usable(&message.dedup_id).unwrap_or_else(|| otherwise.to_owned());
        let group = usable(&message.group).unwrap_or_else(|| dedup_id.clone());
        let mut fields =
            vec![(REASON, reason_line(reason)), (DELIVERIES, message.deliveries.to_string())];
        let body = if is_body(&message.body) {
            message.body.clone()
        } else {
            fields.push((CHANGED, "cut, or not text".to_owned()));
            legible(&message.body)
        };
        Self { message: Outgoing { dedup_id, group, body }, fields }
    }
}

fn is_body(body: &Bytes) -> bool {
    let id = "x".to_owned();
    Outgoing { dedup_id: id.clone(), group: id, body: body.clone() }.check().is_ok()
}

/// What can be read of a body that no queue can carry, from its beginning. A byte that is no text
/// becomes a character of three.
fn legible(body: &Bytes) -> Bytes {
    let beginning = body.get(..QUEUE_BODY_BYTES_MAX / 3).unwrap_or(body);
    let carried = |c: char| if is_carried(c) { c } else { char::REPLACEMENT_CHARACTER };
    match String::from_utf8_lossy(beginning).chars().map(carried).collect::<String>() {
        text if text.is_empty() => Bytes::from_static(b"(empty)"),
        text => text.into(),
    }
}

/// Hands parcels to one place at a broker.
pub trait Carrier: std::fmt::Debug + Send + Sync {
    /// As [`Queue::publish`](super::Queue::publish).
    fn send(&self, parcels: Vec<Parcel>) -> Answer<'_, ()>;

    /// Whether it could be used now; changes nothing.
    fn probe(&self) -> Answer<'_, ()>;
}

/// Whether every parcel can be carried; said before any is.
///
/// # Errors
/// [`QueueError::Refused`].
pub fn check(parcels: &[Parcel]) -> Result<(), QueueError> {
    check_count(parcels.len())?;
    parcels.iter().try_for_each(|parcel| parcel.message.check())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(dedup_id: Option<&str>, group: Option<&str>) -> Received {
        Received {
            handle: "h".to_owned(),
            body: Bytes::from_static(b"{}"),
            deliveries: 7,
            dedup_id: dedup_id.map(str::to_owned),
            group: group.map(str::to_owned),
        }
    }

    #[test]
    fn a_dead_letter_keeps_what_it_was_known_by() {
        for (dedup_id, group, expected) in [
            (Some("evt_1"), Some("ord_1"), ("evt_1", "ord_1")),
            (Some("evt_1"), None, ("evt_1", "evt_1")),
            (None, Some("ord_1"), ("broker-1", "ord_1")),
            (None, None, ("broker-1", "broker-1")),
            // A sender may have written what another queue could not carry.
            (Some("two words"), Some("é"), ("broker-1", "broker-1")),
        ] {
            let dead = Parcel::dead(&received(dedup_id, group), "not\nread", "broker-1");
            assert_eq!((&*dead.message.dedup_id, &*dead.message.group), expected);
            assert_eq!(dead.fields, [(REASON, "not read".into()), (DELIVERIES, "7".into())]);
        }
    }

    #[test]
    fn a_letter_that_no_queue_could_carry_is_made_legible() {
        for (body, expected) in [
            (Bytes::from_static(b"{}"), "{}".to_owned()),
            (Bytes::new(), "(empty)".to_owned()),
            (Bytes::from_static(b"a\xffb\x00"), "a\u{fffd}b\u{fffd}".to_owned()),
            (vec![b'x'; QUEUE_BODY_BYTES_MAX].into(), "x".repeat(QUEUE_BODY_BYTES_MAX)),
            (vec![b'x'; QUEUE_BODY_BYTES_MAX + 1].into(), "x".repeat(QUEUE_BODY_BYTES_MAX / 3)),
            (vec![0xff; QUEUE_BODY_BYTES_MAX].into(), "\u{fffd}".repeat(QUEUE_BODY_BYTES_MAX / 3)),
        ] {
            let message = Received { body: body.clone(), ..received(None, None) };
            let dead = Parcel::dead(&message, "not read", "broker-1");
            assert_eq!(dead.message.check(), Ok(()));
            let is_changed = dead.fields.iter().any(|(name, _)| *name == CHANGED);
            assert_eq!(is_changed, body != expected);
            assert!(dead.message.body == expected.as_bytes());
        }
    }
}
