//! Who asks, once the gate has found out.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use onhand_core::Actor;
use onhand_core::accounts::{Access, Scope, Scopes};
use onhand_core::ids::UserId;
use onhand_engine::committer::Caller as EngineCaller;

use super::{closed, forbidden, unauthenticated};
use crate::accounts::Principal;
use crate::accounts::identity::Who;
use crate::app::App;
use crate::http::problem::Problem;
use crate::request_log as log;

/// Who asks, as handlers are told.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub(super) principal: Option<Principal>,
    /// What the route needs and the caller has.
    pub(super) scopes: Scopes,
    /// Of whose orders alone the caller may know.
    pub(super) own: Option<UserId>,
    pub(super) address: IpAddr,
    /// Whether it is nobody who may hand in commands all the same.
    pub(super) is_anonymous: bool,
}

impl Caller {
    /// Nobody, from this machine: for routes that only measure.
    pub(in crate::http) const NOBODY: Self = Self {
        principal: None,
        scopes: Scopes::NONE,
        own: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        is_anonymous: false,
    };

    /// Who, if anybody; a handler of a route that needs somebody is only called with one.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The user who is logged in.
    ///
    /// # Errors
    /// 403 for a key: it is nobody's account.
    pub fn user(&self) -> Result<UserId, Problem> {
        match self.principal.map(|principal| principal.who) {
            Some(Who::User { id, .. }) => Ok(id),
            Some(Who::Key(_)) | None => {
                Err(forbidden("an API key has no account: log in as a user"))
            }
        }
    }

    /// That the caller may do this, too, where one scope is not all that a route needs. Whoever
    /// needs no key has every right that the routes open to them need.
    ///
    /// # Errors
    /// 403 unless so.
    pub(in crate::http) fn expect(&self, scope: Scope) -> Result<(), Problem> {
        match self.principal {
            Some(principal) if !principal.scopes.contains(scope) => {
                Err(forbidden(&format!("this needs `{}`", scope.as_str())))
            }
            Some(_) => Ok(()),
            None if self.is_anonymous => Ok(()),
            None => Err(unauthenticated()),
        }
    }

    /// Of whose orders alone the caller may know; of everybody's when `None`.
    pub fn own(&self) -> Option<UserId> {
        self.own
    }

    /// Who it is, for whoever tells of requests.
    pub(super) fn name(&self) -> log::Who {
        match self.principal.map(|principal| principal.who) {
            Some(Who::User { id, .. }) => log::Who::User(id),
            Some(Who::Key(id)) => log::Who::Key(id),
            None if self.is_anonymous => log::Who::Anonymous,
            None => log::Who::Nobody,
        }
    }

    /// Where the request comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The caller as commands are handed in.
    ///
    /// # Errors
    /// 401 for nobody: a route that needs nothing hands in no command of its caller's.
    pub fn as_engine(&self) -> Result<EngineCaller, Problem> {
        let Some(principal) = self.principal else {
            let access = Access { scopes: self.scopes, ..Access::WHOLE };
            let anonymous =
                self.is_anonymous.then_some(EngineCaller { actor: anonymous(), access });
            return anonymous.ok_or_else(unauthenticated);
        };
        let access = principal.access(self.scopes, self.own);
        Ok(EngineCaller { actor: principal.actor(), access })
    }
}

/// Under which name the ledger and the log know whoever needs no key.
fn anonymous() -> Actor {
    Actor::Other("anonymous".into())
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        // A route that is not behind the gate has nobody to name.
        parts.extensions.get::<Self>().copied().ok_or_else(closed)
    }
}
