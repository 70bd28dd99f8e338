//! How somebody gets in and out. A form that is sent after the session has ended is kept: after the
//! login it is shown once more and can be sent.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use onhand_core::accounts::Email;
use serde_json::Value;
use zeroize::Zeroizing;

use super::cookies::{Cookies, Kind};
use super::fields::Fields;
use super::site::{Page, see_other};
use super::trouble::{Trouble, alert};
use super::visit::{Frame, Visitor};
use super::{Office, ROOT, csrf, gate, oops, shell};
use crate::accounts::logins::Tokens;
use crate::http::accounts::{desk, invalid_code, invalid_credentials, not_in};
use crate::http::gate::{address, count_try, forbidden};
use crate::http::problem::Problem;

/// Before the names of fields of a form that is kept over a login.
const KEPT: &str = "kept.";
/// Where that form was sent to.
const TO_SEND: &str = "send_to";
/// Where to go after the login.
const TO_SHOW: &str = "to";

pub(super) fn routes() -> Router<Office> {
    Router::new()
        .route("/admin/login", get(show).post(log_in))
        .route("/admin/logout", post(log_out))
        .route("/admin/first-admin", get(show_first).post(become_first))
}

/// The login page, from which somebody comes back to what they asked for.
pub(super) fn path_to(asked: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("/admin/login?{}", query.append_pair(TO_SHOW, asked).finish())
}

/// Only pages of ours are gone to: a link from elsewhere decides nothing.
fn lawful(path: &str) -> &str {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let below = path.strip_prefix(ROOT);
    let is_ours = below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if is_ours && is_plain { path } else { ROOT }
}

async fn show(State(_): State<Office>, request: Request) -> Response {
    let query = Fields::of_query(request.uri().query());
    let form = html! {
        @if query.get("done") == Some("password") {
            p class="alert good" role="status" {
                "Your password is changed. Log in with the new one."
            }
        }
        (login_form(&query, None))
    };
    shell::bare("Log in", &form)
}

/// The login page for who has sent a form without a session.
pub(super) fn kept(path: &str, fields: &Fields) -> Response {
    let mut carried = vec![(TO_SEND.to_owned(), path.to_owned())];
    carried
        .extend(keepable(fields).map(|(name, value)| (format!("{KEPT}{name}"), value.to_owned())));
    let carried = carried.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let form = html! {
        p class="alert" role="status" {
            "Your session has ended. Nothing that you typed is lost: log in, and you can send it."
        }
        (login_form(&carried, None))
    };
    let mut response = shell::bare("Log in", &form);
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

fn login_form(carried: &Fields, trouble: Option<&Trouble>) -> Markup {
    html! {
        @if let Some(trouble) = trouble { (alert("Log in", trouble)) }
        form method="post" action="/admin/login" class="card" {
            @for (name, value) in carried.iter().filter(|(name, _)| is_carried(name)) {
                input type="hidden" name=(name) value=(value);
            }
            (who(carried, "current-password", ""))
            p class="buttons" { button type="submit" { "Log in" } }
        }
        p class="small" {
            "A new server? " a href="/admin/first-admin" { "Become its first administrator" } "."
        }
    }
}

/// Who somebody is, and their password: one that is there, or a new one.
fn who(fields: &Fields, autocomplete: &str, hint: &str) -> Markup {
    let told = (!hint.is_empty()).then_some("password-hint");
    html! {
        div class="field" {
            label for="email" { "E-mail address" }
            input type="email" id="email" name="email" required autocomplete="username"
                value=(fields.get("email").unwrap_or_default());
        }
        div class="field" {
            label for="password" { "Password" }
            input type="password" id="password" name="password" required
                autocomplete=(autocomplete) aria-describedby=[told];
            @if !hint.is_empty() { p class="hint" id="password-hint" { (hint) } }
        }
    }
}

fn is_carried(name: &str) -> bool {
    name == TO_SHOW || name == TO_SEND || name.starts_with(KEPT)
}

/// A form of ours without a session.
async fn read(request: Request) -> Result<(Parts, Fields), Response> {
    let (parts, body): (_, Body) = request.into_parts();
    if csrf::is_foreign(&parts.headers) {
        return Err(oops::outside(&forbidden("this form was sent by another site")));
    }
    let fields = Fields::read(&parts.headers, body).await;
    let fields = fields.map_err(|problem| oops::outside(&problem))?;
    Ok((parts, fields))
}

async fn log_in(State(office): State<Office>, request: Request) -> Response {
    let (parts, fields) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let from = address(&office.app, &parts);
    match try_to_log_in(&office, &fields, from).await {
        Ok(tokens) => enter(&office, &parts, &fields, &tokens),
        Err(problem) => {
            let trouble = Trouble::from(problem);
            trouble.told_by(shell::bare("Log in", &login_form(&fields, Some(&trouble))))
        }
    }
}

async fn try_to_log_in(
    office: &Office,
    fields: &Fields,
    from: std::net::IpAddr,
) -> Result<Tokens, Problem> {
    count_try(&office.app, from)?;
    let (email, password) = credentials(fields)?;
    let tokens = office.app.logins.log_in(desk(&office.app), email, password, from).await;
    tokens.map_err(|error| not_in(error, invalid_credentials))
}

fn credentials(fields: &Fields) -> Result<(Email, Zeroizing<String>), Problem> {
    let text = fields.get("email").unwrap_or_default();
    let email = Email::new(text)
        .map_err(|error| Problem::field("/email", error.to_string(), Value::from(text)))?;
    let password = fields.raw("password").unwrap_or_default();
    Ok((email, Zeroizing::new(password.to_owned())))
}

/// Lets somebody in: to where they wanted to go, or to the form that they had sent.
fn enter(office: &Office, parts: &Parts, fields: &Fields, tokens: &Tokens) -> Response {
    let mut response = match fields.get(TO_SEND) {
        None => see_other(lawful(fields.get(TO_SHOW).unwrap_or(ROOT))),
        Some(path) => {
            let kept = fields.below(KEPT).collect();
            let secrets = office.app.logins.secrets();
            let token = secrets.first().map(|secret| csrf::token(secret, tokens.session.id));
            let form = resend(&token.unwrap_or_default(), lawful(path), &kept);
            shell::bare("You are logged in again", &form)
        }
    };
    let cookies = Cookies::of(&parts.headers, office.app.settings.is_encrypted);
    gate::give(response.headers_mut(), office, cookies, tokens);
    response
}

/// What of a form is kept: its token is another session's, and a password is written into no page,
/// so that the form asks for it again.
fn keepable(fields: &Fields) -> impl Iterator<Item = (&str, &str)> {
    fields.iter().filter(|(name, _)| *name != csrf::FIELD && !name.contains("password"))
}

/// A form that was sent with the token of another session: it is shown, and can be sent.
pub(super) fn again(visitor: &Visitor, path: &str, fields: &Fields) -> Response {
    let body = resend(&visitor.csrf, lawful(path), &keepable(fields).collect());
    let page = Page { title: "Send it again?".to_owned(), section: "", body };
    let mut response = shell::page(visitor, &Frame { done: None, alert: None }, &page);
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// What somebody had typed, to be looked at and sent.
fn resend(token: &str, path: &str, fields: &Fields) -> Markup {
    const NOT_SHOWN: [&str; 3] = ["key", "version", "back"];
    html! {
        form method="post" action=(path) class="card" {
            input type="hidden" name=(csrf::FIELD) value=(token);
            p { "This was not sent yet. Is it still what you want?" }
            dl {
                @for (name, value) in fields.iter().filter(|(name, _)| !NOT_SHOWN.contains(name)) {
                    dt { (name) }
                    dd { (value) }
                }
            }
            @for (name, value) in fields.iter() {
                input type="hidden" name=(name) value=(value);
            }
            p class="buttons" {
                button type="submit" { "Send it now" }
                a class="button quiet" href="/admin" { "Drop it" }
            }
        }
    }
}

/// Ends the session. It is a form, but needs no token: at worst somebody has to log in again, and
/// another site cannot send it.
async fn log_out(State(office): State<Office>, request: Request) -> Response {
    let (parts, _) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let cookies = Cookies::of(&parts.headers, office.app.settings.is_encrypted);
    if let Some(refresh) = cookies.read(&parts.headers, Kind::Refresh)
        && let Err(error) = office.app.logins.log_out(desk(&office.app), &refresh).await
    {
        return oops::outside(&not_in(error, invalid_credentials));
    }
    let mut response = see_other("/admin/login");
    cookies.take(response.headers_mut());
    let all = axum::http::HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert("clear-site-data", all);
    response
}

async fn show_first() -> Response {
    shell::bare("Become the first administrator", &first_form(&Fields::default(), None))
}

fn first_form(fields: &Fields, trouble: Option<&Trouble>) -> Markup {
    html! {
        @if let Some(trouble) = trouble { (alert("First administrator", trouble)) }
        form method="post" action="/admin/first-admin" class="card" {
            div class="field" {
                label for="code" { "Code" }
                input type="text" id="code" name="code" required autocomplete="off"
                    aria-describedby="code-hint";
                p class="hint" id="code-hint" {
                    "The server prints it when it starts and has no administrator."
                }
            }
            (who(fields, "new-password",
                "At least 8 characters, and none of those that are tried first."))
            p class="buttons" { button type="submit" { "Go" } }
        }
    }
}

async fn become_first(State(office): State<Office>, request: Request) -> Response {
    let (parts, fields) = match read(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let from = address(&office.app, &parts);
    match try_to_become_first(&office, &fields, from).await {
        Ok(tokens) => enter(&office, &parts, &Fields::default(), &tokens),
        Err(problem) => {
            let trouble = Trouble::from(problem);
            let form = first_form(&fields, Some(&trouble));
            trouble.told_by(shell::bare("Become the first administrator", &form))
        }
    }
}

async fn try_to_become_first(
    office: &Office,
    fields: &Fields,
    from: std::net::IpAddr,
) -> Result<Tokens, Problem> {
    let (app, code) = (&office.app, fields.get("code").unwrap_or_default());
    count_try(app, from)?;
    let (email, password) = credentials(fields)?;
    let made = app.logins.become_first_admin(desk(app), code, email, password).await;
    made.map_err(|error| not_in(error, invalid_code))?;
    try_to_log_in(office, fields, from).await
}
