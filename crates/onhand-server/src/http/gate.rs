//! The gate before every route of the API: who asks, whether they may, and how often. What a route
//! needs is said once, in its description (`security`), and enforced from there; a route that says
//! nothing is closed. Handlers are given a [`Caller`] and never look at a token.

mod caller;
mod needs;

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use onhand_core::accounts::{Scope, Scopes};
use onhand_core::ids::UserId;

pub use self::caller::Caller;
pub use self::needs::{Need, Needs, SCHEME, UnclearNeed};
use super::dialects::{Anonymous, Dialect, Place};
use super::dress::Dress;
use super::headers::API_KEY;
use super::problem::Problem;
use super::visit::{self, Entered};
use crate::accounts::identity::Who;
use crate::accounts::{Principal, Unauthenticated};
use crate::app::App;
use crate::auth::address::Origin;
use crate::auth::limiter::{self, Class, Decision};
use crate::request_log as log;

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// What is answered where nobody has said who may come in.
fn closed() -> Problem {
    forbidden("this route is closed")
}

pub(crate) fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

/// The same words whatever was wrong: whoever guesses learns nothing.
pub(super) fn unauthenticated() -> Problem {
    let detail = "send `Authorization: Bearer` with an access token or API key that is good";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
}

/// What is answered to who comes too often.
pub(super) fn rate_limited(secs: u32) -> Problem {
    let detail = format!("too many requests: come back in {secs} s");
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
    problem.retry_after_ms = Some(secs.saturating_mul(1_000));
    problem
}

/// What every request for a route of the API passes through. It gives the answer its form, too
/// (`dress.rs`): each layer of its own costs every request several allocations.
pub async fn pass(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let dress = Dress::of(&request, app.settings.is_encrypted);
    dress.mark(&mut request);
    let gate = Gate { app: &app, dialect: None };
    dress.put_on(gate.let_through(request, next, &mut None).await)
}

/// Why nobody was let in. `/v1` tells nobody; there are contracts that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// Nothing was shown.
    Nothing,
    /// It was not shown as it should be.
    Form,
    /// It was good once.
    Expired,
    /// It is good, and whose it is may not come in any more.
    NoUser,
    /// It is not good.
    Bad,
}

/// The gate of `/v1`, or of a dialect.
#[derive(Clone, Copy)]
pub(super) struct Gate<'a> {
    pub(super) app: &'a App,
    pub(super) dialect: Option<Dialect>,
}

impl Gate<'_> {
    /// Lets a request through, or answers it. Why nobody was let in is put into `denial`.
    pub(super) async fn let_through(
        self,
        request: Request,
        next: Next,
        denial: &mut Option<Denial>,
    ) -> Response {
        // Nobody is counted more than twice: as who they are, and as somebody at their address.
        let mut decisions = Vec::with_capacity(2);
        let (mut parts, body) = request.into_parts();
        let response = match self.enter(&parts, &mut decisions, denial).await {
            Ok(caller) => {
                self.note(&parts, caller.name(), caller.address);
                parts.extensions.insert(caller);
                next.run(Request::from_parts(parts, body)).await
            }
            Err(problem) => {
                self.note(&parts, log::Who::Nobody, address(self.app, &parts));
                problem.into_response()
            }
        };
        with_limits(response, &decisions)
    }

    /// Notes who has come, for whoever tells of requests.
    fn note(&self, request: &Parts, who: log::Who, address: IpAddr) {
        let entered = Entered { who, dialect: self.dialect, address };
        visit::note_entry(&request.extensions, entered);
    }

    /// What a route needs; `None` for one that is not described.
    fn need(&self, method: &Method, path: &str) -> Option<&Need> {
        match self.dialect {
            None => self.app.needs.get(method, path),
            Some(dialect) => self.app.needs.of_dialect(dialect)?.get(method, path),
        }
    }

    async fn enter<'a>(
        &'a self,
        request: &Parts,
        decisions: &mut Vec<Decision<'a>>,
        denial: &mut Option<Denial>,
    ) -> Result<Caller, Problem> {
        let app = self.app;
        let path = request.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        // Where there is no such path or method, the router says so, and nobody comes here.
        let need = self.need(&request.method, path).ok_or_else(closed)?;
        let address = address(app, request);
        let nobody = Caller { address, ..Caller::NOBODY };
        let class = match self.dialect {
            None => class(&request.method, path),
            Some(dialect) => (dialect.tongue().class)(&request.method, path),
        };
        let origin = limiter::Caller::Address(Origin::of(address));
        if *need == Need::Nothing {
            // What is told to everybody costs nothing to tell.
            if class == Class::Auth {
                count(app, class, origin, decisions)?;
            }
            return Ok(nobody);
        }
        let is_operator = self.dialect.is_none() && path == METRICS;
        let needs_no_key = if is_operator {
            app.settings.trusts_here && is_here(&request.headers, address)
        } else {
            self.needs_no_key(&request.headers, address)
        };
        if needs_no_key {
            count(app, class, origin, decisions)?;
            let scopes = match need {
                Need::Nothing | Need::Anybody => Scopes::NONE,
                Need::OneOf(alternatives) => alternatives.iter().copied().collect(),
            };
            return Ok(Caller { scopes, is_anonymous: true, ..nobody });
        }
        let principal = match identify(app, request).await {
            Ok(principal) => principal,
            Err((why, problem)) => {
                // Whoever guesses is counted like whoever tries to log in.
                count(app, Class::Auth, origin, decisions)?;
                *denial = why;
                return Err(problem);
            }
        };
        match principal.who {
            Who::User { id, .. } => {
                count(app, class, origin, decisions)?;
                count(app, class, limiter::Caller::User(id.number()), decisions)?;
            }
            // Behind a key are all the customers of a shop, and one address.
            Who::Key(id) => count(app, class, limiter::Caller::Key(id.number()), decisions)?,
        }
        let (scopes, own) = allowed(need, &principal)?;
        Ok(Caller { principal: Some(principal), scopes, own, ..nobody })
    }

    /// Whether the caller shows nothing, and need not. Whoever shows something is held to it. What
    /// a proxy has passed on is not from this machine, whoever the proxy is.
    fn needs_no_key(&self, headers: &HeaderMap, address: IpAddr) -> bool {
        let Some(dialect) = self.dialect else { return false };
        match self.app.settings.dialects.anonymous_in(dialect) {
            Anonymous::Nobody => false,
            Anonymous::Everybody => !shows_something(headers),
            Anonymous::Here => is_here(headers, address),
        }
    }
}

/// The route of figures, which operators on this machine may read without a key.
pub(super) const METRICS: &str = "/metrics";

fn shows_something(headers: &HeaderMap) -> bool {
    CREDENTIALS.iter().any(|name| headers.contains_key(name))
}

/// Whether the caller is on this machine itself, and shows nothing.
fn is_here(headers: &HeaderMap, address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
        && !shows_something(headers)
}

/// Lets in whoever may look at the live page: an operator on this machine, whoever may use the
/// dialect without a key whose page it is, and otherwise an admin.
///
/// # Errors
/// As the gate has them.
pub(super) async fn let_viewer_in(app: &App, request: &Parts) -> Result<(), Problem> {
    let (address, dialects) = (address(app, request), &app.settings.dialects);
    let is_spoken = dialects
        .iter()
        .any(|(dialect, place)| dialect == Dialect::Storefront && place != Place::Off);
    let is_let_in = match dialects.anonymous_in(Dialect::Storefront) {
        Anonymous::Everybody if is_spoken => !shows_something(&request.headers),
        Anonymous::Here if is_spoken => is_here(&request.headers, address),
        Anonymous::Everybody | Anonymous::Here | Anonymous::Nobody => false,
    };
    if is_let_in || (app.settings.trusts_here && is_here(&request.headers, address)) {
        return Ok(());
    }
    match identify(app, request).await {
        Ok(principal) => allowed(&Need::OneOf(vec![Scope::Admin]), &principal).map(|_| ()),
        Err((_, problem)) => {
            let origin = limiter::Caller::Address(Origin::of(address));
            count(app, Class::Auth, origin, &mut Vec::new())?;
            Err(problem)
        }
    }
}

/// What callers show who they are in.
const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, API_KEY];
/// What proxies add.
const FORWARDED: [&str; 2] = ["forwarded", "x-forwarded-for"];

async fn identify(app: &App, request: &Parts) -> Result<Principal, (Option<Denial>, Problem)> {
    let shown = shown(&request.headers).ok_or_else(|| {
        let is_there = CREDENTIALS.iter().any(|name| request.headers.contains_key(name));
        let denial = if is_there { Denial::Form } else { Denial::Nothing };
        (Some(denial), unauthenticated())
    })?;
    let found = app.identities.of(shown, &app.reader, app.submit.rights(), app.clock.now()).await;
    found.map_err(|error| {
        tracing::debug!(%error, "nobody was let in");
        let denial = match error {
            Unauthenticated::Refused(_) => Denial::Bad,
            Unauthenticated::Expired => Denial::Expired,
            Unauthenticated::NoUser(_) => Denial::NoUser,
            Unauthenticated::Unavailable(error) => return (None, error.into()),
        };
        (Some(denial), unauthenticated())
    })
}

/// Which of the alternatives the principal has, and whether it is for its own orders alone.
fn allowed(need: &Need, principal: &Principal) -> Result<(Scopes, Option<UserId>), Problem> {
    let alternatives = match need {
        Need::Nothing | Need::Anybody => return Ok((Scopes::NONE, None)),
        Need::OneOf(alternatives) => alternatives,
    };
    for scope in alternatives {
        let own = match (scope, principal.who) {
            (Scope::OrdersOwn, Who::User { id, .. }) => Some(id),
            // A key has no orders of its own.
            (Scope::OrdersOwn, Who::Key(_)) => continue,
            (_, _) => None,
        };
        if principal.scopes.contains(*scope) {
            return Ok((Scopes::of(&[*scope]), own));
        }
    }
    let names: Vec<_> = alternatives.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
    Err(forbidden(&format!("this needs {}", names.join(" or "))))
}

/// What the caller shows: `Authorization: Bearer`, or the header that some clients have for keys.
/// Where one is there twice nothing is shown: a proxy in front may have looked at the other one.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = values.next() else { return only(headers.get_all(API_KEY).iter()) };
    let (scheme, token) = only(std::iter::once(first).chain(values))?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_start())
}

/// The value of a header that is there once.
fn only<'a>(mut values: impl Iterator<Item = &'a HeaderValue>) -> Option<&'a str> {
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

/// Counts somebody who tries to get in by another way than this gate, as those are counted who try
/// it here.
///
/// # Errors
/// 429 for who tries too often.
pub(crate) fn count_try(app: &App, address: IpAddr) -> Result<(), Problem> {
    let origin = limiter::Caller::Address(Origin::of(address));
    count(app, Class::Auth, origin, &mut Vec::new())
}

/// Notes that a user has come by another way than this gate, for whoever tells of requests.
pub(crate) fn note_user(request: &Parts, id: UserId, address: IpAddr) {
    let entered = Entered { who: log::Who::User(id), dialect: None, address };
    visit::note_entry(&request.extensions, entered);
}

/// Where a request comes from, behind the proxies that are believed.
pub(crate) fn address(app: &App, request: &Parts) -> IpAddr {
    let peer = request.extensions.get::<super::peer::Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.address.ip());
    let proxies = &app.settings.proxies;
    if proxies.trusted().is_empty() {
        return proxies.client(peer, std::iter::empty());
    }
    let lines = request.headers.get_all(proxies.header().name()).iter();
    let lines: Vec<&str> = lines.map(|line| line.to_str().unwrap_or_default()).collect();
    proxies.client(peer, lines.into_iter())
}

/// What kind of request it is for the limits.
fn class(method: &Method, path: &str) -> Class {
    match (method, path) {
        (&Method::GET | &Method::HEAD, _) => Class::Reads,
        (&Method::POST, "/v1/orders" | "/v1/orders/batch") => Class::Checkout,
        (&Method::POST, path) if path.starts_with("/v1/auth/") => Class::Auth,
        (_, "/v1/me/password") => Class::Auth,
        (_, _) => Class::Writes,
    }
}

fn count<'a>(
    app: &'a App,
    class: Class,
    caller: limiter::Caller,
    decisions: &mut Vec<Decision<'a>>,
) -> Result<(), Problem> {
    let Some(decision) = app.limiter.check(class, caller) else { return Ok(()) };
    decisions.push(decision);
    if decision.allowed { Ok(()) } else { Err(rate_limited(decision.retry_after_secs)) }
}

/// Tells what is left of the limits that a request was counted against.
fn with_limits(mut response: Response, decisions: &[Decision<'_>]) -> Response {
    let Some(told) = limiter::told(decisions) else { return response };
    let headers = response.headers_mut();
    for (name, text) in [(RATE_LIMIT_POLICY, &told.policy), (RATE_LIMIT, &told.left)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    if let Some(secs) = told.retry_after_secs {
        headers.insert(header::RETRY_AFTER, secs.into());
    }
    response
}
