//! What a caller was let in with, and the look at it in the decision itself. The server checks who
//! asks before it hands a command in; between that and the decision a right may be taken away. How
//! often that happened is counted (`rights`): while the count is what the server saw, nothing is
//! loaded and nothing is looked at.

use super::refusal::Refusal;
use super::scope::{Scope, Scopes};
use crate::actor::Actor;
use crate::command::Stop;
use crate::draft::Draft;
use crate::ids::UserId;

/// What a caller was let in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// How often rights had been taken away when the server looked at the caller's.
    pub rights: i64,
    /// The number under which the caller's access token was made; 0 for an API key.
    pub tokens_from: i64,
    /// What is needed for the command.
    pub scopes: Scopes,
    /// Of whose orders alone the caller may know.
    pub own: Option<UserId>,
}

impl Access {
    /// That of the server itself and of this machine, which nobody takes away. For a user or a key
    /// it is worth nothing: it is older than any right of theirs.
    pub const WHOLE: Self =
        Self { rights: 0, tokens_from: 0, scopes: Scopes::of(&[Scope::Admin]), own: None };
}

/// Refuses a caller from whom something was taken away that the command needs.
pub(crate) fn expect_rights(draft: &Draft<'_>) -> Result<(), Stop> {
    let access = draft.access();
    if access.rights >= draft.rights() {
        return Ok(());
    }
    let is_good = match draft.actor() {
        Actor::System | Actor::Local | Actor::Other(_) => true,
        Actor::User(id) => draft.find_user(*id)?.is_some_and(|user| {
            !user.disabled
                && user.tokens_from <= access.tokens_from
                && user.scopes.is_superset_of(access.scopes)
        }),
        Actor::Key(id) => draft.find_api_key(*id)?.is_some_and(|key| {
            key.is_good(draft.now()) && key.scopes.is_superset_of(access.scopes)
        }),
    };
    if is_good { Ok(()) } else { Err(Refusal::RightsWithdrawn.into()) }
}
