//! Who asked for a change. Every movement, event and audit entry names an actor.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{ApiKeyId, UserId};

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The server itself: sweeper, scheduler.
    System,
    /// A process on the same machine, before accounts exist.
    Local,
    /// Somebody with an account.
    User(UserId),
    /// A program with an API key.
    Key(ApiKeyId),
    /// Somebody whose form this version does not know; kept as it was written.
    Other(String),
}

impl Actor {
    /// The stored form.
    pub fn stored(&self) -> Cow<'_, str> {
        match self {
            Self::System => Cow::Borrowed("system"),
            Self::Local => Cow::Borrowed("local"),
            Self::User(id) => Cow::Owned(id.to_string()),
            Self::Key(id) => Cow::Owned(id.to_string()),
            Self::Other(text) => Cow::Borrowed(text),
        }
    }

    /// Reads the stored form back.
    pub fn from_stored(text: &str) -> Self {
        match text {
            "system" => Self::System,
            "local" => Self::Local,
            other => {
                let user = other.parse().ok().map(Self::User);
                let actor = user.or_else(|| other.parse().ok().map(Self::Key));
                actor.unwrap_or_else(|| Self::Other(other.into()))
            }
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stored())
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.stored())
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_stored(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_back_as_it_was_written() {
        let actors = [
            ("system", Actor::System),
            ("local", Actor::Local),
            ("usr_5", Actor::User(UserId::new(5).unwrap())),
            ("key_7", Actor::Key(ApiKeyId::new(7).unwrap())),
            ("usr_05", Actor::Other("usr_05".into())),
            ("ord_5", Actor::Other("ord_5".into())),
            ("", Actor::Other(String::new())),
        ];
        for (text, actor) in actors {
            assert_eq!(actor.stored(), text);
            assert_eq!(Actor::from_stored(text), actor);
        }
    }
}
