//! The gate before every page: whose session the cookies are of, and whether a form was sent by one
//! of our pages. An access token that has run out is replaced here, by the session's refresh token.
//! Whoever has no session is sent to the login page and loses nothing of what they had typed.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use onhand_core::accounts::Scope;
use zeroize::Zeroizing;

use super::cookies::{Cookies, Kind};
use super::fields::Fields;
use super::site::see_other;
use super::visit::Visitor;
use super::{Office, csrf, login, oops};
use crate::accounts::identity::Who;
use crate::accounts::logins::{LoginError, Tokens};
use crate::accounts::{Principal, Unauthenticated};
use crate::http::accounts::{desk, invalid_refresh_token, not_in};
use crate::http::gate::{self, forbidden};
use crate::http::problem::Problem;

/// Why somebody was not let in.
enum Outside {
    /// There is no session, or no longer.
    Nobody,
    /// It cannot be found out at the moment, or they have no business here.
    Not(Problem),
}

impl From<Problem> for Outside {
    fn from(problem: Problem) -> Self {
        Self::Not(problem)
    }
}

pub(super) async fn pass(State(office): State<Office>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let cookies = Cookies::of(&parts.headers, office.app.settings.is_encrypted);
    let is_form = parts.method == Method::POST;
    if is_form && csrf::is_foreign(&parts.headers) {
        return oops::outside(&forbidden("this form was sent by another site"));
    }
    let fields = match is_form {
        true => Fields::read(&parts.headers, body).await,
        false => Ok(Fields::default()),
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(problem) => return oops::outside(&problem),
    };
    let (visitor, renewed) = match enter(&office, &parts, cookies).await {
        Ok(entered) => entered,
        Err(Outside::Not(problem)) => return oops::outside(&problem),
        Err(Outside::Nobody) => return turn_away(&parts, &fields),
    };
    gate::note_user(&parts, visitor.user, visitor.address.ip());
    let visitor = Arc::new(visitor);
    let mut response = if is_form && !is_ours(&office, &visitor, &fields) {
        login::again(&visitor, parts.uri.path(), &fields)
    } else {
        let mut request = Request::from_parts(parts, Body::empty());
        request.extensions_mut().insert(visitor);
        request.extensions_mut().insert(fields);
        next.run(request).await
    };
    if let Some(tokens) = renewed {
        give(response.headers_mut(), &office, cookies, &tokens);
    }
    response
}

/// Hands out the cookies of a session, for as long as it lives.
pub(super) fn give(headers: &mut HeaderMap, office: &Office, cookies: Cookies, tokens: &Tokens) {
    let left = tokens.session.expires_at.as_second() - office.app.clock.now().as_second();
    cookies.give(headers, tokens, left);
}

/// What is answered to who has no session: a page is shown after the login, a form is kept.
fn turn_away(parts: &Parts, fields: &Fields) -> Response {
    if parts.method == Method::POST {
        return login::kept(parts.uri.path(), fields);
    }
    let asked = parts.uri.path_and_query().map_or("", |asked| asked.as_str());
    see_other(&login::path_to(asked))
}

/// Whether a form carries the token of the session in which it is sent.
fn is_ours(office: &Office, visitor: &Visitor, fields: &Fields) -> bool {
    let shown = fields.raw(csrf::FIELD).unwrap_or_default();
    csrf::is_token(office.app.logins.secrets(), visitor.session, shown)
}

async fn enter(
    office: &Office,
    parts: &Parts,
    cookies: Cookies,
) -> Result<(Visitor, Option<Tokens>), Outside> {
    let app = &office.app;
    let address = SocketAddr::new(gate::address(app, parts), 0);
    if let Some(access) = cookies.read(&parts.headers, Kind::Access)
        && let Some(principal) = identify(office, &access).await?
    {
        return Ok((visitor(office, principal, access, address).await?, None));
    }
    let refresh = cookies.read(&parts.headers, Kind::Refresh).ok_or(Outside::Nobody)?;
    // Whoever guesses is counted like whoever tries to log in.
    gate::count_try(app, address.ip())?;
    let tokens = match app.logins.refresh(desk(app), &refresh).await {
        Ok(tokens) => tokens,
        Err(LoginError::Wrong) => return Err(Outside::Nobody),
        Err(error) => return Err(not_in(error, invalid_refresh_token).into()),
    };
    let access = Zeroizing::new(tokens.access.clone());
    let principal = identify(office, &access).await?.ok_or(Outside::Nobody)?;
    Ok((visitor(office, principal, access, address).await?, Some(tokens)))
}

/// Whose token this is; nobody's where it is not good.
async fn identify(office: &Office, access: &str) -> Result<Option<Principal>, Problem> {
    let app = &office.app;
    let (rights, now) = (app.submit.rights(), app.clock.now());
    match app.identities.of(access, &app.reader, rights, now).await {
        Ok(principal) => Ok(Some(principal)),
        Err(
            Unauthenticated::Refused(_) | Unauthenticated::Expired | Unauthenticated::NoUser(_),
        ) => Ok(None),
        Err(Unauthenticated::Unavailable(error)) => Err(error.into()),
    }
}

async fn visitor(
    office: &Office,
    principal: Principal,
    access: Zeroizing<String>,
    address: SocketAddr,
) -> Result<Visitor, Outside> {
    let Who::User { id, session } = principal.who else { return Err(Outside::Nobody) };
    let is_staff = |scope: &Scope| *scope != Scope::OrdersOwn && principal.scopes.contains(*scope);
    if !Scope::ALL.iter().any(is_staff) {
        let detail = "these pages are for people who work here, and your account is a customer's";
        return Err(forbidden(detail).into());
    }
    let user = office.app.reader.user(id).await.map_err(Problem::from)?.ok_or(Outside::Nobody)?;
    let name = user.name.map_or_else(|| user.email.to_string(), |name| name.to_string());
    let secret = office.app.logins.secrets().first().ok_or_else(Problem::internal)?;
    let csrf = csrf::token(secret, session);
    Ok(Visitor { principal, user: id, access, session, address, csrf, name })
}
