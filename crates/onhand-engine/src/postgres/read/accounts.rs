//! Users, sessions, API keys, and how often rights were taken away. Whoever is let in by what is
//! read here is let in by the database itself and not by a copy, which may be behind.

use deadpool_postgres::GenericClient;
use onhand_core::accounts::{ApiKey, Email, Role, Session, TokenHash, User};
use onhand_core::ids::{ApiKeyId, SessionId, UserId};

use super::super::codec;
use super::super::error::Result;
use super::super::readers::{Reader, listed, one, row, rows};
use super::number;
use crate::columns::*;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{Page, ReadError, UserFilter};
use crate::stored::stored_count;

const USER: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1");
const USER_OF_EMAIL: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE email = $1");
const USERS: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM users WHERE id < $1 AND id >= $2 AND ($3::text IS NULL OR role = $3) \
     AND ($4::bool IS NULL OR disabled = $4) \
     AND ($5::text IS NULL OR substr(email, 1, length($5)) = $5) ORDER BY id DESC LIMIT $6"
);
const SESSION: &str = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1");
const OPEN_SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id"
);
const API_KEY: &str = concat!("SELECT ", api_key_columns!(), " FROM api_keys WHERE id = $1");
const API_KEY_OF_HASH: &str =
    concat!("SELECT ", api_key_columns!(), " FROM api_keys WHERE hash = $1");
const API_KEYS: &str = concat!(
    "SELECT ",
    api_key_columns!(),
    " FROM api_keys WHERE id < $1 ORDER BY id DESC LIMIT $2"
);

impl Reader {
    /// A user.
    pub(crate) async fn user(&self, id: UserId) -> std::result::Result<Option<User>, ReadError> {
        one!(self, client => async {
            row(client, USER, &[&id.number()]).await?.as_ref().map(codec::user).transpose()
        })
    }

    /// The user with an e-mail address.
    pub(crate) async fn user_of_email(
        &self,
        email: &Email,
    ) -> std::result::Result<Option<User>, ReadError> {
        one!(self, client => async {
            let found = row(client, USER_OF_EMAIL, &[&email.as_str()]).await?;
            found.as_ref().map(codec::user).transpose()
        })
    }

    /// A page of users, newest first.
    pub(crate) async fn users(
        &self,
        filter: &UserFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<User>, ReadError> {
        listed!(self, client => users(client, filter, before, limit))
    }

    /// A session.
    pub(crate) async fn session(
        &self,
        id: SessionId,
    ) -> std::result::Result<Option<Session>, ReadError> {
        one!(self, client => async {
            row(client, SESSION, &[&id.number()]).await?.as_ref().map(codec::session).transpose()
        })
    }

    /// The sessions of a user that have not ended, oldest first.
    pub(crate) async fn open_sessions(
        &self,
        id: UserId,
    ) -> std::result::Result<Vec<Session>, ReadError> {
        one!(self, client => async {
            let found = rows(client, OPEN_SESSIONS, &[&id.number()]).await?;
            found.iter().map(codec::session).collect()
        })
    }

    /// An API key.
    pub(crate) async fn api_key(
        &self,
        id: ApiKeyId,
    ) -> std::result::Result<Option<ApiKey>, ReadError> {
        one!(self, client => async {
            row(client, API_KEY, &[&id.number()]).await?.as_ref().map(codec::api_key).transpose()
        })
    }

    /// The API key of this hash.
    pub(crate) async fn api_key_of_hash(
        &self,
        hash: TokenHash,
    ) -> std::result::Result<Option<ApiKey>, ReadError> {
        one!(self, client => async {
            let found = row(client, API_KEY_OF_HASH, &[&hash.reveal().as_slice()]).await?;
            found.as_ref().map(codec::api_key).transpose()
        })
    }

    /// A page of API keys, newest first.
    pub(crate) async fn api_keys(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<ApiKey>, ReadError> {
        let [before, rows_max] = bounds(before, limit);
        let found: std::result::Result<_, ReadError> = listed!(self, client => async {
            let found = rows(client, API_KEYS, &[&before, &rows_max]).await?;
            found.iter().map(codec::api_key).collect::<Result<Vec<_>>>()
        });
        Ok(page(found?, limit, |key| key.id.number()))
    }

    /// How often rights have been taken away.
    pub(crate) async fn rights(&self) -> std::result::Result<i64, ReadError> {
        one!(self, client => number(client, "SELECT rights FROM numbering"))
    }
}

async fn users(
    client: &impl GenericClient,
    filter: &UserFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<User>> {
    let newest = number(client, "SELECT coalesce(max(id), 0) FROM users").await?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let found = rows(
        client,
        USERS,
        &[
            &before,
            &floor,
            &filter.role.map(Role::as_str),
            &filter.disabled,
            &filter.email_prefix,
            &(stored_count(limit) + 1),
        ],
    )
    .await?;
    let users = found.iter().map(codec::user).collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(users, limit, floor, |user| user.id.number()))
}
