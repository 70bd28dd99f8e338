//! What a decision reads and leaves of accounts: users, sessions, API keys, and who asks.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Draft;
use super::rows::missing;
use crate::accounts::{self, Access, ApiKey, Email, Session, User};
use crate::actor::Actor;
use crate::command::Stop;
use crate::ids::{ApiKeyId, SessionId, UserId};

impl Draft<'_> {
    pub(crate) fn actor(&self) -> &Actor {
        &self.context.actor
    }

    pub(crate) fn access(&self) -> &Access {
        &self.context.access
    }

    /// How often rights have been taken away, this batch's included.
    pub(crate) fn rights(&self) -> i64 {
        self.numbering.rights
    }

    pub(crate) fn raise_rights(&mut self) {
        self.numbering.rights += 1;
    }

    pub(crate) fn find_user(&self, id: UserId) -> Result<Option<Arc<User>>, Stop> {
        if let Some(user) = self.changes.users.get(&id) {
            return Ok(Some(user.clone()));
        }
        match self.state.users.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.users.insert(id);
            }),
        }
    }

    pub(crate) fn user(&self, id: UserId) -> Result<User, Stop> {
        match self.find_user(id)? {
            Some(user) => Ok(Arc::unwrap_or_clone(user)),
            None => Err(accounts::Refusal::UnknownUser { user_id: id }.into()),
        }
    }

    /// Who has an e-mail address. A decision changes at most one user, and asks before.
    pub(crate) fn user_of_email(&self, email: &Email) -> Result<Option<UserId>, Stop> {
        match self.state.emails.get(email) {
            Some(user) => Ok(*user),
            None => missing(|needs| {
                needs.emails.insert(email.clone());
            }),
        }
    }

    /// How many may do everything. A decision changes at most one user, and asks before.
    pub(crate) fn enabled_admins(&self) -> Result<i64, Stop> {
        match self.state.enabled_admins() {
            Some(admins) => Ok(admins),
            None => missing(|needs| needs.enabled_admins = true),
        }
    }

    pub(crate) fn find_session(&self, id: SessionId) -> Result<Option<Session>, Stop> {
        if let Some(session) = self.changes.sessions.get(&id) {
            return Ok(Some(session.clone()));
        }
        match self.state.sessions.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.sessions.insert(id);
            }),
        }
    }

    /// The sessions of a user that have not ended, oldest first. Some may be over.
    pub(crate) fn open_sessions(&self, id: UserId) -> Result<Vec<Session>, Stop> {
        let Some(ids) = self.state.open_sessions.get(&id) else {
            return missing(|needs| {
                needs.open_sessions.insert(id);
            });
        };
        let mut open = Vec::with_capacity(ids.len());
        for id in ids {
            // What was open when it was loaded may have ended since.
            open.extend(self.find_session(*id)?.filter(|session| session.ended_at.is_none()));
        }
        Ok(open)
    }

    pub(crate) fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, Stop> {
        if let Some(key) = self.changes.api_keys.get(&id) {
            return Ok(Some(key.clone()));
        }
        match self.state.api_keys.get(&id) {
            Some(row) => Ok(row.clone()),
            None => missing(|needs| {
                needs.api_keys.insert(id);
            }),
        }
    }

    pub(crate) fn put_user(&mut self, user: User) {
        self.put(|changes| &mut changes.users, user.id, Arc::new(user));
    }

    pub(crate) fn put_session(&mut self, session: Session) {
        self.put(|changes| &mut changes.sessions, session.id, session);
    }

    pub(crate) fn put_api_key(&mut self, key: ApiKey) {
        self.put(|changes| &mut changes.api_keys, key.id, key);
    }
}
