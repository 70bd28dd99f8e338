//! Users: who they are and what they may do. Every change of what they may do, or of the secret
//! they come in with, makes their access tokens void (`tokens_from`) and is counted (`rights`), so
//! that it holds for the next write.

use serde::{Deserialize, Serialize};

use super::email::Email;
use super::refusal::Refusal;
use super::role::{Role, scopes_of_role};
use super::scope::Scopes;
use super::secret::PasswordHash;
use super::session::{EndReason, end_all};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::UserId;
use crate::text::Name;
use crate::{Timestamp, Version};

/// A user as it stands. Only [`UserView`] and [`UserEntry`] of it ever leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What it logs in with; unique.
    pub email: Email,
    /// For people.
    pub name: Option<Name>,
    /// What kind of account it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// The hash of its password; without one nobody can log in.
    pub password: Option<PasswordHash>,
    /// Whether nobody may come in with it.
    pub disabled: bool,
    /// Access tokens that were made under a lower number are void; 1 at first.
    pub tokens_from: i64,
    /// How often it was changed, but for a stronger hash of the same password.
    pub version: Version,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Whether it is one of those who may do everything.
    pub fn is_enabled_admin(&self) -> bool {
        self.role == Role::Admin && !self.disabled
    }
}

/// What a caller is told of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Its id.
    pub id: UserId,
    /// What it logs in with.
    pub email: Email,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// What kind of account it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether nobody may come in with it.
    pub disabled: bool,
    /// The number under which access tokens are made.
    pub tokens_from: i64,
    /// How often it was changed.
    pub version: Version,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl UserView {
    /// The view of a user.
    pub fn of(user: &User) -> Self {
        Self {
            id: user.id,
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
            scopes: user.scopes,
            disabled: user.disabled,
            tokens_from: user.tokens_from,
            version: user.version,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// What the log says of a user: what it may do, and nothing of who it is. The log is permanent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// Its id.
    pub id: UserId,
    /// What kind of account it is.
    pub role: Role,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether nobody may come in with it.
    pub disabled: bool,
    /// How often it was changed.
    pub version: Version,
}

impl UserEntry {
    /// The entry of a user.
    pub fn of(user: &User) -> Self {
        let User { id, role, scopes, disabled, version, .. } = *user;
        Self { id, role, scopes, disabled, version }
    }
}

/// A user to register.
#[derive(Debug, Clone, PartialEq)]
pub struct NewUser {
    /// What it logs in with.
    pub email: Email,
    /// For people.
    pub name: Option<Name>,
    /// The hash of its password; none for somebody who is to set one later.
    pub password: Option<PasswordHash>,
    /// What kind of account it is.
    pub role: Role,
    /// What it may do; what its role says when absent.
    pub scopes: Option<Scopes>,
}

/// The fields that users may change of themselves; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserPatch {
    /// New name; `Some(None)` takes it away.
    pub name: Option<Option<Name>>,
    /// New e-mail address.
    pub email: Option<Email>,
}

/// What an operator may change of a user; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// New role, with its own scopes unless others are named.
    pub role: Option<Role>,
    /// New scopes.
    pub scopes: Option<Scopes>,
    /// Whether nobody may come in any more.
    pub disabled: Option<bool>,
}

pub(super) fn register(draft: &mut Draft<'_>, new: &NewUser) -> Result<Reply, Stop> {
    let scopes = scopes_of_role(new.role, new.scopes)?;
    expect_free(draft, &new.email)?;
    let now = draft.now();
    let user = User {
        id: draft.next_user_id(),
        email: new.email.clone(),
        name: new.name.clone(),
        role: new.role,
        scopes,
        password: new.password.clone(),
        disabled: false,
        tokens_from: 1,
        version: 0,
        created_at: now,
        updated_at: now,
    };
    Ok(save(draft, user, "user.registered"))
}

pub(super) fn update_me(
    draft: &mut Draft<'_>,
    id: UserId,
    expected_version: Option<Version>,
    patch: &UserPatch,
) -> Result<Reply, Stop> {
    let mut user = draft.user(id)?;
    draft.expect_version(expected_version, user.version)?;
    if let Some(name) = &patch.name {
        user.name = name.clone();
    }
    if let Some(email) = patch.email.as_ref().filter(|email| **email != user.email) {
        expect_free(draft, email)?;
        user.email = email.clone();
    }
    Ok(save(draft, user, "user.updated"))
}

/// A new password, for whoever knew the old one when the user was at the version `seen`.
pub(super) fn change_password(
    draft: &mut Draft<'_>,
    id: UserId,
    seen: Version,
    new: &PasswordHash,
) -> Result<Reply, Stop> {
    let mut user = draft.user(id)?;
    draft.expect_version(Some(seen), user.version)?;
    user.password = Some(new.clone());
    withdraw(draft, &mut user);
    let reply = save(draft, user, "user.password_changed");
    end_all(draft, id, EndReason::PasswordChanged)?;
    Ok(reply)
}

/// A stronger hash of the same password, made when somebody logged in. Nobody is told: the version
/// stays, and a user who has changed since keeps what it has.
pub(super) fn upgrade_password(
    draft: &mut Draft<'_>,
    id: UserId,
    seen: Version,
    new: &PasswordHash,
) -> Result<Reply, Stop> {
    let mut user = draft.user(id)?;
    let reply = Reply::User(UserView::of(&user));
    if user.version == seen && user.password.is_some() {
        user.password = Some(new.clone());
        draft.put_user(user);
    }
    Ok(reply)
}

pub(super) fn set_standing(
    draft: &mut Draft<'_>,
    id: UserId,
    expected_version: Option<Version>,
    new: &Standing,
) -> Result<Reply, Stop> {
    let before = draft.user(id)?;
    draft.expect_version(expected_version, before.version)?;
    let mut user = before.clone();
    if let Some(role) = new.role {
        user.role = role;
    }
    let keeps_scopes = user.role == before.role && new.scopes.is_none();
    if !keeps_scopes {
        user.scopes = scopes_of_role(user.role, new.scopes)?;
    }
    if let Some(disabled) = new.disabled {
        user.disabled = disabled;
    }
    let leaves = before.is_enabled_admin() && !user.is_enabled_admin();
    if leaves && draft.enabled_admins()? <= 1 {
        return Err(Refusal::LastAdmin { user_id: id }.into());
    }
    let standing = |user: &User| (user.role, user.scopes, user.disabled);
    if standing(&user) != standing(&before) {
        withdraw(draft, &mut user);
    }
    let is_shut = user.disabled && !before.disabled;
    let reply = save(draft, user, "user.updated");
    if is_shut {
        end_all(draft, id, EndReason::Disabled)?;
    }
    Ok(reply)
}

/// Ends every session of a user, and with it every access token.
pub(super) fn end_sessions(draft: &mut Draft<'_>, id: UserId) -> Result<Reply, Stop> {
    let mut user = draft.user(id)?;
    withdraw(draft, &mut user);
    let reply = save(draft, user, "user.sessions_ended");
    end_all(draft, id, EndReason::ByOperator)?;
    Ok(reply)
}

fn expect_free(draft: &Draft<'_>, email: &Email) -> Result<(), Stop> {
    match draft.user_of_email(email)? {
        None => Ok(()),
        Some(_) => Err(Refusal::EmailTaken { email: email.clone() }.into()),
    }
}

/// Makes every access token of a user void, and lets it be known that rights were taken away.
fn withdraw(draft: &mut Draft<'_>, user: &mut User) {
    user.tokens_from += 1;
    draft.raise_rights();
}

/// Stores a new or changed user with the event that says so.
fn save(draft: &mut Draft<'_>, mut user: User, event: &'static str) -> Reply {
    user.version += 1;
    user.updated_at = draft.now();
    let reply = Reply::User(UserView::of(&user));
    draft.emit(event, EventBody::User(UserEntry::of(&user)));
    draft.put_user(user);
    reply
}
