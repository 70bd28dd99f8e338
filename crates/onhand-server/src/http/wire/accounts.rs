//! Users, sessions and API keys as `/v1` shows them: to whoever may look at them, and in the log,
//! where only that is which may be kept for ever.

use std::borrow::Cow;

use onhand_core::Timestamp;
use onhand_core::accounts::{
    ApiKeyEntry, ApiKeyView, EndReason, Role, Scopes, SessionEntry, SessionView, UserEntry,
    UserView,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shown, ShownApiKey, ShownSession, ShownUser, values};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User, example = json!({
    "id": "usr_5", "object": "user", "email": "ada@example.com", "name": "Ada",
    "role": "operator", "scopes": ["orders:read", "stock:read"], "disabled": false, "version": 1,
    "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct UserShown<'a> {
    /// Its id.
    #[schema(value_type = values::UserId)]
    id: ShownUser,
    #[schema(pattern = "^user$")]
    object: &'static str,
    /// What it logs in with.
    #[schema(value_type = values::Email)]
    email: &'a str,
    /// For people.
    #[schema(value_type = Option<values::Name>, required)]
    name: Option<&'a str>,
    /// What kind of account it is.
    #[schema(value_type = values::Role)]
    role: Role,
    /// What it may do.
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Scopes,
    /// Whether nobody may come in with it.
    disabled: bool,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was registered.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> UserShown<'a> {
    /// The view of a user.
    pub fn of(user: &'a UserView) -> Self {
        Self {
            id: Shown(user.id),
            object: "user",
            email: user.email.as_str(),
            name: user.name.as_ref().map(|name| name.as_str()),
            role: user.role,
            scopes: user.scopes,
            disabled: user.disabled,
            version: user.version,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// A time for which somebody is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session, example = json!({
    "id": "ses_7", "object": "session", "user_id": "usr_5",
    "rotated_at": "2026-11-21T06:03:16.120394Z", "created_at": "2026-11-21T05:48:16.120394Z",
    "expires_at": "2026-12-21T05:48:16.120394Z", "ended_at": null, "ended_because": null
}))]
pub struct SessionShown {
    /// Its id.
    #[schema(value_type = values::SessionId)]
    id: ShownSession,
    #[schema(pattern = "^session$")]
    object: &'static str,
    /// Who is logged in.
    #[schema(value_type = values::UserId)]
    user_id: ShownUser,
    /// When it was last refreshed.
    #[schema(value_type = values::Instant)]
    rotated_at: Timestamp,
    /// When somebody logged in.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it is over, however often it is refreshed.
    #[schema(value_type = values::Instant)]
    expires_at: Timestamp,
    /// When it ended before that.
    #[schema(value_type = Option<values::Instant>, required)]
    ended_at: Option<Timestamp>,
    /// Why it ended before that.
    #[schema(value_type = Option<values::EndReason>, required)]
    ended_because: Option<EndReason>,
}

impl SessionShown {
    /// The view of a session.
    pub fn of(session: &SessionView) -> Self {
        Self {
            id: Shown(session.id),
            object: "session",
            user_id: Shown(session.user_id),
            rotated_at: session.rotated_at,
            created_at: session.created_at,
            expires_at: session.expires_at,
            ended_at: session.ended_at,
            ended_because: session.ended_because,
        }
    }
}

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "key_9", "object": "api_key", "name": "Till 3", "prefix": "onk_x7Qp2mZa",
    "scopes": ["orders:read"], "created_by": "usr_5", "expires_at": null,
    "last_used_at": "2026-11-21T06:03:00Z", "revoked_at": null,
    "created_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct ApiKeyShown<'a> {
    /// Its id.
    #[schema(value_type = values::ApiKeyId)]
    id: ShownApiKey,
    #[schema(pattern = "^api_key$")]
    object: &'static str,
    /// For people.
    #[schema(value_type = values::Name)]
    name: &'a str,
    /// How it begins.
    #[schema(value_type = values::KeyPrefix)]
    prefix: &'a str,
    /// What it lets a program do.
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Scopes,
    /// Who made it.
    #[schema(value_type = values::Actor)]
    created_by: Cow<'a, str>,
    /// When it is over.
    #[schema(value_type = Option<values::Instant>, required)]
    expires_at: Option<Timestamp>,
    /// When it was last used, about.
    #[schema(value_type = Option<values::Instant>, required)]
    last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[schema(value_type = Option<values::Instant>, required)]
    revoked_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
}

impl<'a> ApiKeyShown<'a> {
    /// The view of a key.
    pub fn of(key: &'a ApiKeyView) -> Self {
        Self {
            id: Shown(key.id),
            object: "api_key",
            name: key.name.as_str(),
            prefix: key.prefix.as_str(),
            scopes: key.scopes,
            created_by: key.created_by.stored(),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            created_at: key.created_at,
        }
    }
}

/// What the log says of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserEntry, example = json!({
    "id": "usr_5", "object": "user", "role": "operator", "scopes": ["orders:read", "stock:read"],
    "disabled": false, "version": 2
}))]
pub struct UserEntryView {
    /// Its id.
    #[schema(value_type = values::UserId)]
    id: ShownUser,
    #[schema(pattern = "^user$")]
    object: &'static str,
    /// What kind of account it is.
    #[schema(value_type = values::Role)]
    role: Role,
    /// What it may do.
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Scopes,
    /// Whether nobody may come in with it.
    disabled: bool,
    /// How often it was changed.
    version: u64,
}

impl UserEntryView {
    /// The view of an entry.
    pub fn of(entry: &UserEntry) -> Self {
        let UserEntry { id, role, scopes, disabled, version } = *entry;
        Self { id: Shown(id), object: "user", role, scopes, disabled, version }
    }
}

/// What the log says of a session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionEntry, example = json!({
    "id": "ses_7", "object": "session", "user_id": "usr_5", "because": "logout"
}))]
pub struct SessionEntryView {
    /// Its id.
    #[schema(value_type = values::SessionId)]
    id: ShownSession,
    #[schema(pattern = "^session$")]
    object: &'static str,
    /// Who is logged in.
    #[schema(value_type = values::UserId)]
    user_id: ShownUser,
    /// Why it ended; `null` when it began.
    #[schema(value_type = Option<values::EndReason>, required)]
    because: Option<EndReason>,
}

impl SessionEntryView {
    /// The view of an entry.
    pub fn of(entry: &SessionEntry) -> Self {
        let SessionEntry { id, user_id, because } = *entry;
        Self { id: Shown(id), object: "session", user_id: Shown(user_id), because }
    }
}

/// What the log says of an API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyEntry, example = json!({
    "id": "key_9", "object": "api_key", "prefix": "onk_x7Qp2mZa", "scopes": ["orders:read"],
    "expires_at": null
}))]
pub struct ApiKeyEntryView<'a> {
    /// Its id.
    #[schema(value_type = values::ApiKeyId)]
    id: ShownApiKey,
    #[schema(pattern = "^api_key$")]
    object: &'static str,
    /// How it begins.
    #[schema(value_type = values::KeyPrefix)]
    prefix: &'a str,
    /// What it lets a program do.
    #[schema(value_type = Vec<values::Scope>)]
    scopes: Scopes,
    /// When it is over.
    #[schema(value_type = Option<values::Instant>, required)]
    expires_at: Option<Timestamp>,
}

impl<'a> ApiKeyEntryView<'a> {
    /// The view of an entry.
    pub fn of(entry: &'a ApiKeyEntry) -> Self {
        Self {
            id: Shown(entry.id),
            object: "api_key",
            prefix: entry.prefix.as_str(),
            scopes: entry.scopes,
            expires_at: entry.expires_at,
        }
    }
}
