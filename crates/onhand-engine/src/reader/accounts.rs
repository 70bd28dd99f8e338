//! Questions about who may do what.

use onhand_core::accounts::{ApiKey, Email, Session, TokenHash, User};
use onhand_core::ids::{ApiKeyId, SessionId, UserId};

use super::Reader;
use crate::query::{Page, ReadError, UserFilter};

impl Reader {
    /// A user.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.user(id).await,
            Self::Postgres(reader) => reader.user(id).await,
        }
    }

    /// The user with an e-mail address.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn user_of_email(&self, email: Email) -> Result<Option<User>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.user_of_email(email).await,
            Self::Postgres(reader) => reader.user_of_email(&email).await,
        }
    }

    /// A page of users, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn users(
        &self,
        filter: UserFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<User>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.users(filter, before, limit).await,
            Self::Postgres(reader) => reader.users(&filter, before, limit).await,
        }
    }

    /// A session.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.session(id).await,
            Self::Postgres(reader) => reader.session(id).await,
        }
    }

    /// The sessions of a user that have not ended, oldest first; some may be over.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_sessions(&self, id: UserId) -> Result<Vec<Session>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.open_sessions(id).await,
            Self::Postgres(reader) => reader.open_sessions(id).await,
        }
    }

    /// An API key.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.api_key(id).await,
            Self::Postgres(reader) => reader.api_key(id).await,
        }
    }

    /// The API key of this hash, whether it still lets anybody in or not.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn api_key_of_hash(&self, hash: TokenHash) -> Result<Option<ApiKey>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.api_key_of_hash(hash).await,
            Self::Postgres(reader) => reader.api_key_of_hash(hash).await,
        }
    }

    /// A page of API keys, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn api_keys(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<ApiKey>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.api_keys(before, limit).await,
            Self::Postgres(reader) => reader.api_keys(before, limit).await,
        }
    }

    /// How often rights have been taken away. Whoever puts this beside a user or a key asks for it
    /// first: what is taken away in between is then looked for once too often, and not missed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn rights(&self) -> Result<i64, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.rights().await,
            Self::Postgres(reader) => reader.rights().await,
        }
    }
}
