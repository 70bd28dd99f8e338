//! The queues there are: what is done in them, and for whom.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::EndpointId;

/// A queue. Each has a consumer of its own; some have jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Orders that are confirmed are taken up.
    Processing,
    /// Customers and operators are written to.
    Mail,
    /// The log goes to a broker, in its order. It has a cursor and no jobs.
    Relay,
    /// An endpoint is told what it wants to know.
    Webhook(EndpointId),
}

impl Queue {
    /// Whether jobs that have ended are kept for a while, for people to look at. An order that was
    /// taken up says so itself.
    pub const fn keeps_ended(self) -> bool {
        match self {
            Self::Mail | Self::Webhook(_) => true,
            Self::Processing | Self::Relay => false,
        }
    }
}

/// A text names no queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `processing`, `mail`, `relay` or the id of a webhook endpoint like `whe_42`")]
pub struct ParseQueueError;

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processing => f.write_str("processing"),
            Self::Mail => f.write_str("mail"),
            Self::Relay => f.write_str("relay"),
            Self::Webhook(id) => id.fmt(f),
        }
    }
}

impl FromStr for Queue {
    type Err = ParseQueueError;

    fn from_str(text: &str) -> Result<Self, ParseQueueError> {
        match text {
            "processing" => Ok(Self::Processing),
            "mail" => Ok(Self::Mail),
            "relay" => Ok(Self::Relay),
            other => other.parse().map(Self::Webhook).map_err(|_| ParseQueueError),
        }
    }
}

impl Serialize for Queue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        alloc::string::String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        let endpoint = Queue::Webhook(EndpointId::new(7).unwrap());
        for queue in [Queue::Processing, Queue::Mail, Queue::Relay, endpoint] {
            assert_eq!(queue.to_string().parse(), Ok(queue));
        }
        for wrong in ["", "Mail", "whe_0", "whe_", "ord_1", "mail "] {
            assert_eq!(wrong.parse::<Queue>(), Err(ParseQueueError), "{wrong}");
        }
    }
}
