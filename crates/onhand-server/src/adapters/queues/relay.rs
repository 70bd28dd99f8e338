//! Where events go that others listen to, beside the feeds of `/v1`: a queue of SQS, or a subject
//! of NATS. Whoever calls it goes on where the last batch that was taken has ended, so an event may
//! come twice, under the same id, and none is left out.

use std::str::FromStr;
use std::sync::Arc;

use onhand_engine::query::EventRow;

use super::QueueError;
use super::cloud_event::{self, Source};
use super::parcel::{Carrier, Parcel};

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The URL of a queue, in the structured form.
    Sqs(String),
    /// A subject that a stream listens to, in the binary form.
    Nats(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected `sqs:` and the URL of a queue, or `nats:` and a subject";
        match text.split_once(':').ok_or_else(expected)? {
            ("sqs", url) if is_queue_url(url) => Ok(Self::Sqs(url.to_owned())),
            ("sqs", _) => Err("expected the URL of a queue behind `sqs:`".to_owned()),
            ("nats", subject) if is_subject(subject) => Ok(Self::Nats(subject.to_owned())),
            ("nats", _) => Err("expected a subject without wildcards behind `nats:`".to_owned()),
            _ => Err(expected().to_owned()),
        }
    }
}

/// Whether it may be the URL of a queue.
pub(super) fn is_queue_url(text: &str) -> bool {
    let url = reqwest::Url::parse(text).ok();
    url.is_some_and(|url| {
        matches!(url.scheme(), "https" | "http") && url.has_host() && url.path().len() > 1
    })
}

/// Whether messages can be sent to it: parts between dots, none of which is empty or a wildcard.
fn is_subject(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_graphic() && !b"*>".contains(&byte))
    };
    !text.starts_with('$') && text.split('.').all(is_part)
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything in one object.
    Structured,
    /// Attributes in headers.
    Binary,
}

/// Sends events to one place.
#[derive(Debug, Clone)]
pub struct Relay {
    source: Source,
    mode: Mode,
    carrier: Arc<dyn Carrier>,
}

impl Relay {
    /// Sends events from a source.
    pub fn new(source: Source, mode: Mode, carrier: Arc<dyn Carrier>) -> Self {
        Self { source, mode, carrier }
    }

    /// Whether events could be sent now.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn probe(&self) -> Result<(), QueueError> {
        self.carrier.probe().await
    }

    /// Sends events, oldest first; durable at the broker when it returns. After an error all of
    /// them are to be sent again.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn publish(&self, events: &[EventRow]) -> Result<(), QueueError> {
        let write = match self.mode {
            Mode::Structured => cloud_event::structured,
            Mode::Binary => cloud_event::binary,
        };
        let parcels: Result<Vec<Parcel>, _> =
            events.iter().map(|event| write(&self.source, event)).collect();
        let parcels = parcels
            .map_err(|error| QueueError::Refused(format!("an event cannot be written: {error}")))?;
        self.carrier.send(parcels).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_queue_or_a_subject() {
        let url = "https://sqs.eu-west-1.amazonaws.com/1/events.fifo";
        assert_eq!(format!("sqs:{url}").parse(), Ok(Target::Sqs(url.to_owned())));
        for subject in ["events", "shop.events", "a-b_c.1"] {
            assert_eq!(format!("nats:{subject}").parse(), Ok(Target::Nats(subject.to_owned())));
        }
        for wrong in [
            "",
            "sqs",
            "sqs:",
            "sqs:events",
            "sqs:https://",
            "sqs:ftp://x/y",
            "sqs:https://x/",
            "nats:",
            "nats:a..b",
            "nats:.a",
            "nats:a.*",
            "nats:>",
            "nats:a b",
            "nats:$JS.x",
            "nats:é",
            "kafka:x",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
