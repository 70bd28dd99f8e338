//! Users, sessions, API keys, and how often rights were taken away.

use onhand_core::accounts::{ApiKey, Email, Role, Session, TokenHash, User};
use onhand_core::ids::{ApiKeyId, SessionId, UserId};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::super::readers::Reader;
use super::super::{accounts, codec};
use super::number;
use crate::columns::*;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{Page, ReadError, UserFilter};
use crate::stored::stored_count;

impl Reader {
    /// A user.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<User>, ReadError> {
        self.read(move |view| accounts::user(view.connection, id)).await
    }

    /// The user with an e-mail address.
    pub(crate) async fn user_of_email(&self, email: Email) -> Result<Option<User>, ReadError> {
        self.read(move |view| accounts::user_of_email(view.connection, &email)).await
    }

    /// A page of users, newest first.
    pub(crate) async fn users(
        &self,
        filter: UserFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<User>, ReadError> {
        self.read(move |view| users(view.connection, &filter, before, limit)).await
    }

    /// A session.
    pub(crate) async fn session(&self, id: SessionId) -> Result<Option<Session>, ReadError> {
        self.read(move |view| accounts::session(view.connection, id)).await
    }

    /// The sessions of a user that have not ended, oldest first.
    pub(crate) async fn open_sessions(&self, id: UserId) -> Result<Vec<Session>, ReadError> {
        self.read(move |view| accounts::open_sessions(view.connection, id)).await
    }

    /// An API key.
    pub(crate) async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, ReadError> {
        self.read(move |view| accounts::api_key(view.connection, id)).await
    }

    /// The API key of this hash.
    pub(crate) async fn api_key_of_hash(
        &self,
        hash: TokenHash,
    ) -> Result<Option<ApiKey>, ReadError> {
        self.read(move |view| {
            view.connection
                .prepare_cached(concat!(
                    "SELECT ",
                    api_key_columns!(),
                    " FROM api_keys WHERE hash = ?1"
                ))?
                .query_row([hash.reveal()], codec::api_key)
                .optional()
        })
        .await
    }

    /// A page of API keys, newest first.
    pub(crate) async fn api_keys(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<ApiKey>, ReadError> {
        self.read(move |view| {
            let rows = view
                .connection
                .prepare_cached(concat!(
                    "SELECT ",
                    api_key_columns!(),
                    " FROM api_keys WHERE id < ?1 ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(bounds(before, limit), codec::api_key)?
                .collect::<Result<Vec<_>>>()?;
            Ok(page(rows, limit, |row| row.id.number()))
        })
        .await
    }

    /// How often rights have been taken away.
    pub(crate) async fn rights(&self) -> Result<i64, ReadError> {
        self.read(|view| number(view.connection, "SELECT rights FROM numbering")).await
    }
}

fn users(
    connection: &Connection,
    filter: &UserFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<User>> {
    let newest = number(connection, "SELECT coalesce(max(id), 0) FROM users")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        user_columns!(),
        " FROM users WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR role = ?3) \
         AND (?4 IS NULL OR disabled = ?4) \
         AND (?5 IS NULL OR substr(email, 1, length(?5)) = ?5) ORDER BY id DESC LIMIT ?6"
    ))?;
    let values = params![
        before,
        floor,
        filter.role.map(Role::as_str),
        filter.disabled,
        filter.email_prefix,
        stored_count(limit) + 1
    ];
    let rows = select.query_map(values, codec::user)?.collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(rows, limit, floor, |user| user.id.number()))
}
