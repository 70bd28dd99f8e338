//! API keys: what programs come in with. A key has scopes of its own and never those of whoever
//! made it; it is shown once, and kept as a hash.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::scope::{Scope, Scopes};
use super::secret::TokenHash;
use crate::actor::Actor;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::ApiKeyId;
use crate::limits::KEY_USES_MAX;
use crate::text::{KeyPrefix, Name};
use crate::{Timestamp, Version};

/// An API key as it stands. Only [`ApiKeyView`] and [`ApiKeyEntry`] of it ever leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// For people.
    pub name: Name,
    /// How it begins, for people to know it by.
    pub prefix: KeyPrefix,
    /// The hash of the key itself; unique.
    pub hash: TokenHash,
    /// What it lets a program do.
    pub scopes: Scopes,
    /// Who made it.
    pub created_by: Actor,
    /// When it is over; never when absent.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within the time between two [`super::Command::TouchKeys`].
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// How often it was changed, uses that were noted included.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Whether it lets a program in at `now`: it is over at `expires_at` itself.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

/// What a caller is told of an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: ApiKeyId,
    /// For people.
    pub name: Name,
    /// How it begins.
    pub prefix: KeyPrefix,
    /// What it lets a program do.
    pub scopes: Scopes,
    /// Who made it.
    pub created_by: Actor,
    /// When it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ApiKeyView {
    /// The view of a key.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes,
            created_by: key.created_by.clone(),
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            created_at: key.created_at,
        }
    }
}

/// What the log says of an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyEntry {
    /// Its id.
    pub id: ApiKeyId,
    /// How it begins.
    pub prefix: KeyPrefix,
    /// What it lets a program do.
    pub scopes: Scopes,
    /// When it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// An API key to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApiKey {
    /// For people.
    pub name: Name,
    /// How it begins.
    pub prefix: KeyPrefix,
    /// The hash of the key itself.
    pub hash: TokenHash,
    /// What it lets a program do.
    pub scopes: Scopes,
    /// When it is over; never when absent.
    pub expires_at: Option<Timestamp>,
}

pub(super) fn create(draft: &mut Draft<'_>, new: &NewApiKey) -> Result<Reply, Stop> {
    // A key is nobody, and has no orders of its own.
    if new.scopes.names(Scope::OrdersOwn) || new.scopes.is_empty() {
        return Err(Refusal::UnlawfulScopes { role: None, scopes: new.scopes }.into());
    }
    let now = draft.now();
    if let Some(expires_at) = new.expires_at.filter(|expires_at| *expires_at <= now) {
        return Err(Refusal::ExpiresInPast { expires_at, now }.into());
    }
    let key = ApiKey {
        id: draft.next_api_key_id(),
        name: new.name.clone(),
        prefix: new.prefix.clone(),
        hash: new.hash,
        scopes: new.scopes,
        created_by: draft.actor().clone(),
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
        version: 0,
        created_at: draft.now(),
    };
    Ok(save(draft, key, "api_key.created"))
}

/// Takes a key back. Twice is fine.
pub(super) fn revoke(draft: &mut Draft<'_>, id: ApiKeyId) -> Result<Reply, Stop> {
    let Some(mut key) = draft.find_api_key(id)? else {
        return Err(Refusal::UnknownApiKey { api_key_id: id }.into());
    };
    if key.revoked_at.is_some() {
        return Ok(Reply::ApiKey(ApiKeyView::of(&key)));
    }
    key.revoked_at = Some(draft.now());
    draft.raise_rights();
    Ok(save(draft, key, "api_key.revoked"))
}

/// Notes when keys were used, as far as that is later than what is known.
pub(super) fn touch(draft: &mut Draft<'_>, uses: &[(ApiKeyId, Timestamp)]) -> Result<Reply, Stop> {
    let mut keys = Vec::new();
    for (id, at) in uses.iter().take(KEY_USES_MAX) {
        let key = draft.find_api_key(*id)?;
        if let Some(mut key) = key.filter(|key| key.last_used_at.is_none_or(|last| last < *at)) {
            // A key that was used several times has one change.
            if !keys.contains(id) {
                keys.push(*id);
                key.version += 1;
            }
            key.last_used_at = Some(*at);
            draft.put_api_key(key);
        }
    }
    Ok(Reply::KeysTouched { keys: keys.len() as u64 })
}

/// Stores a new or changed key with the event that says so.
fn save(draft: &mut Draft<'_>, mut key: ApiKey, event: &'static str) -> Reply {
    key.version += 1;
    let (id, prefix) = (key.id, key.prefix.clone());
    let (scopes, expires_at) = (key.scopes, key.expires_at);
    draft.emit(event, EventBody::ApiKey(ApiKeyEntry { id, prefix, scopes, expires_at }));
    let reply = Reply::ApiKey(ApiKeyView::of(&key));
    draft.put_api_key(key);
    reply
}
