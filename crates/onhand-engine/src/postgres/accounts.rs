//! Users, sessions and API keys: how they are loaded into the state of decisions, and written as a
//! batch leaves them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use onhand_core::accounts::{ApiKey, Email, Session, User};
use onhand_core::ids::UserId;
use onhand_core::text::Name;
use onhand_core::{Needs, State, Timestamp};
use tokio_postgres::Row;

use super::codec::{self, get};
use super::error::Result;
use super::load::{asked, numbers};
use super::rows::{Writes, parted};
use super::session::Session as Connection;
use super::shape::{Column, column};
use crate::columns::*;
use crate::store::Rows;
use crate::stored::stored_version;

const USERS: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE id = ANY($1::int8[])");
const EMAILS: &str = "SELECT email, id FROM users WHERE email = ANY($1::text[])";
const ENABLED_ADMINS: &str = "SELECT count(*) FROM users WHERE role = 'admin' AND NOT disabled";
const SESSIONS: &str =
    concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = ANY($1::int8[])");
const OPEN_SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions WHERE user_id = ANY($1::int8[]) AND ended_at IS NULL"
);
const API_KEYS: &str =
    concat!("SELECT ", api_key_columns!(), " FROM api_keys WHERE id = ANY($1::int8[])");

/// What was found of accounts.
pub(super) struct Found {
    users: Vec<Row>,
    emails: Vec<Row>,
    enabled_admins: Vec<Row>,
    sessions: Vec<Row>,
    open_sessions: Vec<Row>,
    api_keys: Vec<Row>,
}

/// Asks for the rows that are named.
pub(super) async fn ask(session: &Connection, needs: &Needs) -> Result<Found> {
    let emails: Vec<&str> = needs.emails.iter().map(Email::as_str).collect();
    let users = vec![numbers(&needs.users, |id| id.number())];
    let sessions = vec![numbers(&needs.sessions, |id| id.number())];
    let open = vec![numbers(&needs.open_sessions, |id| id.number())];
    let keys = vec![numbers(&needs.api_keys, |id| id.number())];
    // Polled in this order, they are sent in this order.
    let (users, emails, enabled_admins, sessions, open_sessions, api_keys) = tokio::try_join!(
        biased;
        asked(session, !needs.users.is_empty(), USERS, users),
        asked(session, !emails.is_empty(), EMAILS, vec![Box::new(emails.clone())]),
        asked(session, needs.enabled_admins, ENABLED_ADMINS, Vec::new()),
        asked(session, !needs.sessions.is_empty(), SESSIONS, sessions),
        asked(session, !needs.open_sessions.is_empty(), OPEN_SESSIONS, open),
        asked(session, !needs.api_keys.is_empty(), API_KEYS, keys),
    )?;
    Ok(Found { users, emails, enabled_admins, sessions, open_sessions, api_keys })
}

impl Found {
    /// Takes what was found, and what was not, into the state.
    pub(super) fn take_in(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let mut found = BTreeMap::new();
        for row in &self.users {
            let user = codec::user(row)?;
            found.insert(user.id, user);
        }
        for id in &needs.users {
            state.load_user(*id, found.remove(id));
        }
        let mut found: HashMap<&str, i64> = HashMap::new();
        for row in &self.emails {
            found.insert(get(row, "users", 0)?, get(row, "users", 1)?);
        }
        for email in &needs.emails {
            let id = found.get(email.as_str()).copied().and_then(UserId::new);
            state.load_email(email.clone(), id);
        }
        if let Some(row) = self.enabled_admins.first() {
            state.load_enabled_admins(get(row, "users", 0)?);
        }
        self.take_in_sessions(needs, state)?;
        let mut found = BTreeMap::new();
        for row in &self.api_keys {
            let key = codec::api_key(row)?;
            found.insert(key.id, key);
        }
        for id in &needs.api_keys {
            state.load_api_key(*id, found.remove(id));
        }
        Ok(())
    }

    fn take_in_sessions(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let mut found = BTreeMap::new();
        for row in &self.sessions {
            let session = codec::session(row)?;
            found.insert(session.id, session);
        }
        for id in &needs.sessions {
            state.load_session(*id, found.remove(id));
        }
        let mut open: BTreeMap<UserId, Vec<Session>> = BTreeMap::new();
        for row in &self.open_sessions {
            let session = codec::session(row)?;
            open.entry(session.user_id).or_default().push(session);
        }
        for id in &needs.open_sessions {
            state.load_open_sessions(*id, open.remove(id).unwrap_or_default());
        }
        Ok(())
    }
}

impl<'a> Writes<'a> {
    /// Every user, session and API key of a batch.
    pub(super) fn accounts(&mut self, rows: &'a Rows) {
        self.users(rows);
        self.sessions(rows);
        self.api_keys(rows);
    }

    fn users(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.users.values());
        // Those that were there come first: an address that one of them gives up is free for a new
        // one.
        self.guarded("users", UPDATE_USERS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = user_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        self.add("users", INSERT_USERS, new.len(), || {
            let mut values = user_values(&new);
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
    }

    fn sessions(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.sessions.values());
        self.add("sessions", INSERT_SESSIONS, new.len(), || {
            let mut values = session_values(&new);
            values.push(column(&new, |row| row.user_id.number()));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values.push(column(&new, |row| row.expires_at.as_microsecond()));
            values
        });
        self.guarded("sessions", UPDATE_SESSIONS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = session_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    fn api_keys(&mut self, rows: &'a Rows) {
        let (new, changed) = parted(rows.api_keys.values());
        self.add("api_keys", INSERT_API_KEYS, new.len(), || {
            let mut values = api_key_values(&new);
            values.push(column(&new, |row| row.name.as_str()));
            values.push(column(&new, |row| row.prefix.as_str()));
            values.push(column(&new, |row| row.hash.reveal().to_vec()));
            values.push(column(&new, |row| row.scopes.to_string()));
            values.push(column(&new, |row| row.created_by.stored().into_owned()));
            values.push(column(&new, |row| row.expires_at.map(Timestamp::as_microsecond)));
            values.push(column(&new, |row| row.created_at.as_microsecond()));
            values
        });
        self.guarded("api_keys", UPDATE_API_KEYS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = api_key_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }
}

const INSERT_USERS: &str = "INSERT INTO users (id, email, name, role, scopes, password, disabled, \
     tokens_from, version, updated_at, created_at) SELECT unnest($1::int8[]), unnest($2::text[]), \
     unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]), \
     unnest($7::bool[]), unnest($8::int8[]), unnest($9::int8[]), unnest($10::int8[]), \
     unnest($11::int8[])";
const UPDATE_USERS: &str = "UPDATE users t SET email = v.email, name = v.name, role = \
     v.role, scopes = v.scopes, password = v.password, disabled = v.disabled, tokens_from = \
     v.tokens_from, version = v.version, updated_at = v.updated_at FROM (SELECT \
     unnest($1::int8[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), \
     unnest($5::text[]), unnest($6::text[]), unnest($7::bool[]), unnest($8::int8[]), \
     unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[])) v(id, email, name, role, \
     scopes, password, disabled, tokens_from, version, updated_at, stored) WHERE t.id = v.id AND \
     t.version = v.stored";

fn user_values<'a>(rows: &[&'a Arc<User>]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.email.as_str()),
        column(rows, |row| row.name.as_ref().map(Name::as_str)),
        column(rows, |row| row.role.as_str()),
        column(rows, |row| row.scopes.to_string()),
        column(rows, |row| row.password.as_ref().map(|hash| hash.reveal())),
        column(rows, |row| row.disabled),
        column(rows, |row| row.tokens_from),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.updated_at.as_microsecond()),
    ]
}

const INSERT_SESSIONS: &str = "INSERT INTO sessions (id, token, previous_token, rotated_at, \
     ended_at, ended_because, version, user_id, created_at, expires_at) SELECT \
     unnest($1::int8[]), unnest($2::bytea[]), unnest($3::bytea[]), unnest($4::int8[]), \
     unnest($5::int8[]), unnest($6::text[]), unnest($7::int8[]), unnest($8::int8[]), \
     unnest($9::int8[]), unnest($10::int8[])";
const UPDATE_SESSIONS: &str = "UPDATE sessions t SET token = v.token, previous_token = \
     v.previous_token, rotated_at = v.rotated_at, ended_at = v.ended_at, ended_because = \
     v.ended_because, version = v.version FROM (SELECT unnest($1::int8[]), unnest($2::bytea[]), \
     unnest($3::bytea[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::text[]), \
     unnest($7::int8[]), unnest($8::int8[])) v(id, token, previous_token, rotated_at, ended_at, \
     ended_because, version, stored) WHERE t.id = v.id AND t.version = v.stored";

fn session_values<'a>(rows: &[&'a Session]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.current.reveal().to_vec()),
        column(rows, |row| row.previous.as_ref().map(|hash| hash.reveal().to_vec())),
        column(rows, |row| row.rotated_at.as_microsecond()),
        column(rows, |row| row.ended_at.map(Timestamp::as_microsecond)),
        column(rows, |row| row.ended_because.map(|reason| reason.as_str())),
        column(rows, |row| stored_version(row.version)),
    ]
}

const INSERT_API_KEYS: &str = "INSERT INTO api_keys (id, last_used_at, revoked_at, version, name, \
     prefix, hash, scopes, created_by, expires_at, created_at) SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::text[]), \
     unnest($6::text[]), unnest($7::bytea[]), unnest($8::text[]), unnest($9::text[]), \
     unnest($10::int8[]), unnest($11::int8[])";
const UPDATE_API_KEYS: &str = "UPDATE api_keys t SET last_used_at = v.last_used_at, \
     revoked_at = v.revoked_at, version = v.version FROM (SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[])) v(id, \
     last_used_at, revoked_at, version, stored) WHERE t.id = v.id AND t.version = v.stored";

fn api_key_values<'a>(rows: &[&'a ApiKey]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.last_used_at.map(Timestamp::as_microsecond)),
        column(rows, |row| row.revoked_at.map(Timestamp::as_microsecond)),
        column(rows, |row| stored_version(row.version)),
    ]
}
