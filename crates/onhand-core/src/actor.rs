//! Who asked for a change. Every movement, event and audit entry names an actor.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The server itself: sweeper, scheduler.
    System,
    /// A process on the same machine, before accounts exist.
    Local,
    /// Somebody whose form this version does not know; kept as it was written.
    Other(String),
}

impl Actor {
    /// The stored form.
    pub fn as_str(&self) -> &str {
        match self {
            Self::System => "system",
            Self::Local => "local",
            Self::Other(text) => text,
        }
    }

    /// Reads the stored form back.
    pub fn from_stored(text: &str) -> Self {
        match text {
            "system" => Self::System,
            "local" => Self::Local,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_stored(&String::deserialize(deserializer)?))
    }
}
