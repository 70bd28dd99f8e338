//! The lawful noes of accounts, in the order in which they are looked for. None says more of an
//! account than whoever asks knows already.

use serde::{Deserialize, Serialize};

use super::email::Email;
use super::role::Role;
use super::scope::Scopes;
use crate::Timestamp;
use crate::ids::{ApiKeyId, UserId};

/// Why an account is not made or changed, or nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// What the caller was let in with has been taken away since.
    #[serde(rename = "unauthenticated")]
    RightsWithdrawn,
    /// No user has this id.
    UnknownUser {
        /// As it was sent.
        user_id: UserId,
    },
    /// No API key has this id.
    UnknownApiKey {
        /// As it was sent.
        api_key_id: ApiKeyId,
    },
    /// The scopes are not lawful for the role. Of an API key, which has none: `orders:own`, or no
    /// scope at all.
    UnlawfulScopes {
        /// The role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// What was asked for.
        scopes: Scopes,
    },
    /// An API key would be over before it is made.
    ExpiresInPast {
        /// As it was sent.
        expires_at: Timestamp,
        /// When it was decided.
        now: Timestamp,
    },
    /// Another user has the e-mail address.
    EmailTaken {
        /// As it was sent.
        email: Email,
    },
    /// Nobody would be left who may do everything.
    LastAdmin {
        /// The admin who would be the last one.
        user_id: UserId,
    },
    /// The account is disabled.
    UserDisabled {
        /// The account.
        user_id: UserId,
    },
    /// The session has ended, or there is none that this token is of.
    SessionEnded,
}
