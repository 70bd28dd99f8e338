//! Who may come in and what they may do: users with their passwords, sessions with their refresh
//! tokens, API keys. Knows hashes and no secret, and nothing of how they are made or checked; what
//! is written to the log about an account carries neither a name nor an address.

mod access;
mod api_key;
mod email;
mod refusal;
mod role;
mod scope;
mod secret;
mod session;
mod user;

use alloc::vec::Vec;

pub use access::Access;
pub use api_key::{ApiKey, ApiKeyEntry, ApiKeyView, NewApiKey};
pub use email::Email;
pub use refusal::Refusal;
pub use role::{Role, scopes_of_role};
pub use scope::{ParseScopesError, Scope, Scopes};
pub use secret::{PasswordHash, TokenHash};
pub use session::{EndReason, Session, SessionEntry, SessionView};
pub use user::{NewUser, Standing, User, UserEntry, UserPatch, UserView};

pub(crate) use access::expect_rights;

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{ApiKeyId, SessionId, UserId};
use crate::{Needs, Timestamp, Version};

/// What may be asked of accounts.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Adds a user under an e-mail address that is free. Who may register whom is the server's to
    /// say.
    Register(NewUser),
    /// Changes what users may change of themselves.
    UpdateMe {
        /// Which user.
        user_id: UserId,
        /// Refuse unless the user is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: UserPatch,
    },
    /// Sets a password and ends every session.
    ChangePassword {
        /// Which user.
        user_id: UserId,
        /// The version at which the old password was checked; refuse at any other.
        seen: Version,
        /// The hash of the new one.
        new: PasswordHash,
    },
    /// Keeps a stronger hash of the same password; does nothing when the user has changed since.
    UpgradePassword {
        /// Which user.
        user_id: UserId,
        /// The version at which the password was checked.
        seen: Version,
        /// The stronger hash.
        new: PasswordHash,
    },
    /// Says what a user may do.
    SetUser {
        /// Which user.
        id: UserId,
        /// Refuse unless the user is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        standing: Standing,
    },
    /// Lets a user in who has shown who it is.
    StartSession {
        /// Which user.
        user_id: UserId,
        /// The first token.
        token: TokenHash,
        /// Life of the session in seconds, at most
        /// [`SESSION_LIFE_SECS_MAX`](crate::limits::SESSION_LIFE_SECS_MAX).
        life_secs: i64,
    },
    /// Takes a token for its successor.
    Refresh {
        /// Which session.
        session_id: SessionId,
        /// The token that was shown.
        presented: TokenHash,
        /// The one that is given for it: always the same for the same token.
        successor: TokenHash,
        /// Whether the token was good once, should it not be any more: it leads to the newest one,
        /// successor by successor. Whoever invents a token must not end anybody's session.
        was_good: bool,
    },
    /// Logs out.
    EndSession {
        /// Which session.
        session_id: SessionId,
        /// The token that was shown.
        presented: TokenHash,
    },
    /// Logs out whoever came in with an access token of the session.
    LeaveSession {
        /// Which session.
        session_id: SessionId,
        /// Whose the access token is; of the session of anybody else nothing is said.
        user_id: UserId,
    },
    /// Ends every session of a user.
    EndSessions {
        /// Which user.
        user_id: UserId,
    },
    /// Adds an API key.
    CreateKey(NewApiKey),
    /// Takes an API key back.
    RevokeKey {
        /// Which key.
        id: ApiKeyId,
    },
    /// Notes when keys were used; only what is later than what is known.
    TouchKeys {
        /// At most [`KEY_USES_MAX`](crate::limits::KEY_USES_MAX) of them.
        uses: Vec<(ApiKeyId, Timestamp)>,
    },
}

impl Command {
    /// The rows that this command names.
    pub(crate) fn names(&self, needs: &mut Needs) {
        match self {
            Self::Register(new) => {
                needs.emails.insert(new.email.clone());
            }
            Self::UpdateMe { user_id, patch, .. } => {
                needs.users.insert(*user_id);
                needs.emails.extend(patch.email.clone());
            }
            Self::UpgradePassword { user_id, .. } => {
                needs.users.insert(*user_id);
            }
            Self::ChangePassword { user_id, .. }
            | Self::StartSession { user_id, .. }
            | Self::EndSessions { user_id } => {
                needs.users.insert(*user_id);
                needs.open_sessions.insert(*user_id);
            }
            Self::SetUser { id, standing, .. } => {
                needs.users.insert(*id);
                needs.enabled_admins |= standing.role.is_some() || standing.disabled.is_some();
                if standing.disabled == Some(true) {
                    needs.open_sessions.insert(*id);
                }
            }
            Self::Refresh { session_id, .. }
            | Self::EndSession { session_id, .. }
            | Self::LeaveSession { session_id, .. } => {
                needs.sessions.insert(*session_id);
            }
            Self::CreateKey(_) => {}
            Self::RevokeKey { id } => {
                needs.api_keys.insert(*id);
            }
            Self::TouchKeys { uses } => needs.api_keys.extend(uses.iter().map(|(id, _)| *id)),
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Register(new) => user::register(draft, new),
            Self::UpdateMe { user_id, expected_version, patch } => {
                user::update_me(draft, *user_id, *expected_version, patch)
            }
            Self::ChangePassword { user_id, seen, new } => {
                user::change_password(draft, *user_id, *seen, new)
            }
            Self::UpgradePassword { user_id, seen, new } => {
                user::upgrade_password(draft, *user_id, *seen, new)
            }
            Self::SetUser { id, expected_version, standing } => {
                user::set_standing(draft, *id, *expected_version, standing)
            }
            Self::StartSession { user_id, token, life_secs } => {
                session::start(draft, *user_id, *token, *life_secs)
            }
            Self::Refresh { session_id, presented, successor, was_good } => {
                session::refresh(draft, *session_id, *presented, *successor, *was_good)
            }
            Self::EndSession { session_id, presented } => {
                session::log_out(draft, *session_id, *presented)
            }
            Self::LeaveSession { session_id, user_id } => {
                session::leave(draft, *session_id, *user_id)
            }
            Self::EndSessions { user_id } => user::end_sessions(draft, *user_id),
            Self::CreateKey(new) => api_key::create(draft, new),
            Self::RevokeKey { id } => api_key::revoke(draft, *id),
            Self::TouchKeys { uses } => api_key::touch(draft, uses),
        }
    }
}
