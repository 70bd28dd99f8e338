//! Users, sessions and API keys: how they are loaded into the state of decisions, and written as a
//! batch leaves them.

use std::sync::Arc;

use onhand_core::accounts::{ApiKey, Email, Session, User};
use onhand_core::ids::{ApiKeyId, SessionId, UserId};
use onhand_core::text::Name;
use onhand_core::{Needs, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codec;
use super::rows::guarded;
use super::write::WriteError;
use crate::columns::*;
use crate::store::{Guarded, Rows};
use crate::stored::stored_version;

/// Loads the rows that are named into the state.
pub(super) fn load(connection: &Connection, needs: &Needs, state: &mut State) -> Result<()> {
    for id in &needs.users {
        state.load_user(*id, user(connection, *id)?);
    }
    for email in &needs.emails {
        let id: Option<i64> = connection
            .prepare_cached("SELECT id FROM users WHERE email = ?1")?
            .query_row([email.as_str()], |row| row.get(0))
            .optional()?;
        state.load_email(email.clone(), id.and_then(UserId::new));
    }
    if needs.enabled_admins {
        let admins = connection
            .prepare_cached("SELECT count(*) FROM users WHERE role = 'admin' AND disabled = 0")?
            .query_row([], |row| row.get(0))?;
        state.load_enabled_admins(admins);
    }
    for id in &needs.sessions {
        state.load_session(*id, session(connection, *id)?);
    }
    for id in &needs.open_sessions {
        state.load_open_sessions(*id, open_sessions(connection, *id)?);
    }
    for id in &needs.api_keys {
        state.load_api_key(*id, api_key(connection, *id)?);
    }
    Ok(())
}

pub(super) fn user(connection: &Connection, id: UserId) -> Result<Option<User>> {
    connection
        .prepare_cached(concat!("SELECT ", user_columns!(), " FROM users WHERE id = ?1"))?
        .query_row([id.number()], codec::user)
        .optional()
}

pub(super) fn user_of_email(connection: &Connection, email: &Email) -> Result<Option<User>> {
    connection
        .prepare_cached(concat!("SELECT ", user_columns!(), " FROM users WHERE email = ?1"))?
        .query_row([email.as_str()], codec::user)
        .optional()
}

pub(super) fn session(connection: &Connection, id: SessionId) -> Result<Option<Session>> {
    connection
        .prepare_cached(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = ?1"))?
        .query_row([id.number()], codec::session)
        .optional()
}

/// The sessions of a user that have not ended, oldest first.
pub(super) fn open_sessions(connection: &Connection, id: UserId) -> Result<Vec<Session>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE user_id = ?1 AND ended_at IS NULL ORDER BY id"
        ))?
        .query_map([id.number()], codec::session)?
        .collect()
}

pub(super) fn api_key(connection: &Connection, id: ApiKeyId) -> Result<Option<ApiKey>> {
    connection
        .prepare_cached(concat!("SELECT ", api_key_columns!(), " FROM api_keys WHERE id = ?1"))?
        .query_row([id.number()], codec::api_key)
        .optional()
}

/// Writes every user, session and API key of a batch.
pub(super) fn write(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    // Those that were there come first: an address that one of them gives up is free for a new one.
    let (changed, new): (Vec<_>, Vec<_>) = rows.users.values().partition(|(stored, _)| *stored > 0);
    for row in changed.into_iter().chain(new) {
        write_user(connection, row)?;
    }
    for row in rows.sessions.values() {
        write_session(connection, row)?;
    }
    for row in rows.api_keys.values() {
        write_api_key(connection, row)?;
    }
    Ok(())
}

fn write_user(
    connection: &Connection,
    (stored, row): &Guarded<Arc<User>>,
) -> Result<(), WriteError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (id) DO UPDATE SET email = ?2, name = ?3, role = ?4, scopes = ?5, \
         password = ?6, disabled = ?7, tokens_from = ?8, version = ?9, updated_at = ?11 \
         WHERE version = ?12",
    )?;
    let values = params![
        row.id.number(),
        row.email.as_str(),
        row.name.as_ref().map(Name::as_str),
        row.role.as_str(),
        row.scopes.to_string(),
        row.password.as_ref().map(|hash| hash.reveal()),
        row.disabled,
        row.tokens_from,
        stored_version(row.version),
        row.created_at.as_microsecond(),
        row.updated_at.as_microsecond(),
        stored_version(*stored),
    ];
    guarded(&mut put, "users", values)
}

fn write_session(
    connection: &Connection,
    (stored, row): &Guarded<Session>,
) -> Result<(), WriteError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT (id) DO UPDATE SET token = ?3, previous_token = ?4, rotated_at = ?5, \
         ended_at = ?8, ended_because = ?9, version = ?10 WHERE version = ?11",
    )?;
    let values = params![
        row.id.number(),
        row.user_id.number(),
        row.current.reveal(),
        row.previous.as_ref().map(|hash| hash.reveal()),
        row.rotated_at.as_microsecond(),
        row.created_at.as_microsecond(),
        row.expires_at.as_microsecond(),
        row.ended_at.map(Timestamp::as_microsecond),
        row.ended_because.map(|reason| reason.as_str()),
        stored_version(row.version),
        stored_version(*stored),
    ];
    guarded(&mut put, "sessions", values)
}

fn write_api_key(
    connection: &Connection,
    (stored, row): &Guarded<ApiKey>,
) -> Result<(), WriteError> {
    let mut put = connection.prepare_cached(
        "INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (id) DO UPDATE SET last_used_at = ?8, revoked_at = ?9, version = ?10 \
         WHERE version = ?12",
    )?;
    let values = params![
        row.id.number(),
        row.name.as_str(),
        row.prefix.as_str(),
        row.hash.reveal(),
        row.scopes.to_string(),
        row.created_by.stored(),
        row.expires_at.map(Timestamp::as_microsecond),
        row.last_used_at.map(Timestamp::as_microsecond),
        row.revoked_at.map(Timestamp::as_microsecond),
        stored_version(row.version),
        row.created_at.as_microsecond(),
        stored_version(*stored),
    ];
    guarded(&mut put, "api_keys", values)
}
