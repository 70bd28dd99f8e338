//! Whose a token or key is, and what its owner may do now. What was looked up is kept for
//! [`IDENTITY_SECS_MAX`], and no longer than until this process hears that anybody's rights were
//! taken away. For a write it is looked at once more, in the decision itself (core,
//! `accounts/access.rs`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use onhand_core::accounts::{Access, Scopes};
use onhand_core::ids::{ApiKeyId, SessionId, UserId};
use onhand_core::limits::KEY_USES_MAX;
use onhand_core::{Actor, Timestamp};
use onhand_engine::Reader;
use onhand_engine::query::ReadError;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::auth::tokens::TokenHash;
use crate::auth::tokens::access::{AccessTokens, Reason};
use crate::auth::tokens::api_key::ApiKey;
use crate::limits::{IDENTITIES_MAX, IDENTITY_SECS_MAX};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A user who is logged in.
    User {
        /// Which user.
        id: UserId,
        /// In which session.
        session: SessionId,
    },
    /// A program with a key.
    Key(ApiKeyId),
}

/// Who asks, and what they may do as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub who: Who,
    /// What they may do.
    pub scopes: Scopes,
    /// The mark under which a user's token was made.
    pub tokens_from: i64,
    /// How often rights had been taken away when this was looked up.
    pub rights: i64,
}

impl Principal {
    /// Under which name the ledger and the log will know them.
    pub fn actor(&self) -> Actor {
        match self.who {
            Who::User { id, .. } => Actor::User(id),
            Who::Key(id) => Actor::Key(id),
        }
    }

    /// With what a command is handed in that needs these scopes.
    pub fn access(&self, scopes: Scopes, own: Option<UserId>) -> Access {
        Access { rights: self.rights, tokens_from: self.tokens_from, scopes, own }
    }
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum Unauthenticated {
    /// What was shown is not good. Why is for the log alone.
    #[error("{0}")]
    Refused(&'static str),
    /// It was good, and its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is good, and whose it is may not come in any more, or is not known here.
    #[error("{0}")]
    NoUser(&'static str),
    /// It cannot be looked up at the moment.
    #[error(transparent)]
    Unavailable(#[from] ReadError),
}

impl From<Reason> for Unauthenticated {
    fn from(reason: Reason) -> Self {
        if reason == Reason::Expired { Self::Expired } else { Self::Refused(reason.as_str()) }
    }
}

/// Something that was looked up.
#[derive(Debug, Clone)]
struct Known<T> {
    row: T,
    /// How often rights had been taken away before it was.
    rights: i64,
    at: Instant,
}

impl<T> Known<T> {
    /// Whether it may be believed, given how often rights were taken away since the start.
    fn is_fresh(&self, rights: i64) -> bool {
        self.rights >= rights && self.at.elapsed() < Duration::from_secs(IDENTITY_SECS_MAX)
    }
}

/// What matters of a user.
#[derive(Debug, Clone, Copy)]
struct Standing {
    scopes: Scopes,
    tokens_from: i64,
    disabled: bool,
}

/// What matters of a key.
#[derive(Debug, Clone)]
struct Lock {
    id: ApiKeyId,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
    /// The second in which it was last used.
    used: Arc<AtomicI64>,
}

/// Tells who a token or key belongs to.
#[derive(Debug)]
pub struct Identities {
    tokens: AccessTokens,
    users: Cache<UserId, Known<Standing>>,
    keys: Cache<TokenHash, Known<Lock>>,
    /// Keys that were used since the last time that this was written down.
    uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl Identities {
    /// With nothing looked up yet.
    pub fn new(tokens: AccessTokens) -> Self {
        Self {
            tokens,
            users: Cache::new(IDENTITIES_MAX),
            keys: Cache::new(IDENTITIES_MAX),
            uses: Mutex::default(),
        }
    }

    /// What makes and verifies access tokens.
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    /// Whose this is, an access token or an API key; `rights` is how often this process knows
    /// rights to have been taken away.
    ///
    /// # Errors
    /// [`Unauthenticated`].
    pub async fn of(
        &self,
        shown: &str,
        reader: &Reader,
        rights: i64,
        now: Timestamp,
    ) -> Result<Principal, Unauthenticated> {
        if ApiKey::may_be(shown) {
            self.of_key(shown, reader, rights, now).await
        } else {
            self.of_token(shown, reader, rights, now).await
        }
    }

    async fn of_token(
        &self,
        token: &str,
        reader: &Reader,
        rights: i64,
        now: Timestamp,
    ) -> Result<Principal, Unauthenticated> {
        let claims = self.tokens.verify(token, now).map_err(|error| error.reason())?;
        let bearer = claims.bearer;
        let (id, session) = (UserId::new(bearer.user), SessionId::new(bearer.session));
        let (Some(id), Some(session)) = (id, session) else {
            return Err(Reason::Subject.into());
        };
        let known = match self.users.get(&id).filter(|known| known.is_fresh(rights)) {
            Some(known) => known,
            // Boxed, like that of keys: whoever is known does not carry the room for it along.
            None => Box::pin(self.look_up_user(id, reader)).await?,
        };
        if known.row.disabled {
            return Err(Unauthenticated::NoUser("the user is disabled"));
        }
        if bearer.tokens_from < known.row.tokens_from {
            return Err(Unauthenticated::Refused("the user has changed since"));
        }
        Ok(Principal {
            who: Who::User { id, session },
            scopes: known.row.scopes,
            tokens_from: bearer.tokens_from,
            rights: known.rights,
        })
    }

    async fn look_up_user(
        &self,
        id: UserId,
        reader: &Reader,
    ) -> Result<Known<Standing>, Unauthenticated> {
        let rights = reader.rights().await?;
        let user = reader.user(id).await?;
        let user = user.ok_or(Unauthenticated::NoUser("there is no such user"))?;
        let row = Standing {
            scopes: user.scopes,
            tokens_from: user.tokens_from,
            disabled: user.disabled,
        };
        let known = Known { row, rights, at: Instant::now() };
        self.users.insert(id, known.clone());
        Ok(known)
    }

    /// Whether there is such a user, disabled or not. Nobody is ever deleted: whoever was found
    /// once is not looked for again.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub async fn is_user(&self, id: UserId, reader: &Reader) -> Result<bool, ReadError> {
        if self.users.get(&id).is_some() {
            return Ok(true);
        }
        match self.look_up_user(id, reader).await {
            Ok(_) => Ok(true),
            Err(Unauthenticated::Unavailable(error)) => Err(error),
            Err(
                Unauthenticated::NoUser(_) | Unauthenticated::Refused(_) | Unauthenticated::Expired,
            ) => Ok(false),
        }
    }

    async fn of_key(
        &self,
        shown: &str,
        reader: &Reader,
        rights: i64,
        now: Timestamp,
    ) -> Result<Principal, Unauthenticated> {
        let hash = ApiKey::hash_of(shown);
        let known = match self.keys.get(&hash).filter(|known| known.is_fresh(rights)) {
            Some(known) => known,
            None => {
                // A key that was mistyped or invented is not worth looking for.
                ApiKey::parse(shown).ok_or(Unauthenticated::Refused("this is not a key"))?;
                Box::pin(self.look_up_key(hash, reader)).await?
            }
        };
        if known.row.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Unauthenticated::Refused("the key has expired"));
        }
        let second = now.as_second();
        // Looked at before it is written: whoever writes takes the value away from all other cores.
        if known.row.used.load(Ordering::Relaxed) != second
            && known.row.used.swap(second, Ordering::Relaxed) != second
        {
            self.note_use(known.row.id, now);
        }
        Ok(Principal {
            who: Who::Key(known.row.id),
            scopes: known.row.scopes,
            tokens_from: 0,
            rights: known.rights,
        })
    }

    async fn look_up_key(
        &self,
        hash: TokenHash,
        reader: &Reader,
    ) -> Result<Known<Lock>, Unauthenticated> {
        let rights = reader.rights().await?;
        let key = reader.api_key_of_hash(onhand_core::accounts::TokenHash::new(hash)).await?;
        // Keys that nobody has are not kept: whoever invents them would fill the memory.
        let key = key.ok_or(Unauthenticated::Refused("there is no such key"))?;
        if key.revoked_at.is_some() {
            self.keys.remove(&hash);
            return Err(Unauthenticated::Refused("the key is revoked"));
        }
        let used = Arc::new(AtomicI64::new(i64::MIN));
        let row = Lock { id: key.id, scopes: key.scopes, expires_at: key.expires_at, used };
        let known = Known { row, rights, at: Instant::now() };
        self.keys.insert(hash, known.clone());
        Ok(known)
    }

    fn note_use(&self, id: ApiKeyId, now: Timestamp) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KEY_USES_MAX || uses.contains_key(&id) {
            uses.insert(id, now);
        }
    }

    /// Takes the uses of keys that are not written down yet.
    pub fn take_uses(&self) -> Vec<(ApiKeyId, Timestamp)> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.drain().collect()
    }
}
