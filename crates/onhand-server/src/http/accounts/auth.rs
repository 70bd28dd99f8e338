//! `/v1/auth`: registering, logging in, refreshing, logging out, and the first admin.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use onhand_core::text::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{json_response, versioned};
use super::super::call::Call;
use super::super::gate::Caller;
use super::super::problem::Problem;
use super::super::wire::accounts::UserShown;
use super::super::wire::values;
use super::{
    SentEmail, SentSecret, desk, invalid_code, invalid_credentials, invalid_refresh_token, not_in,
};
use crate::accounts::logins::Tokens;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
        .routes(routes!(become_first_admin))
}

/// What a new customer sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration, example = json!({
    "email": "ada@example.com", "password": "tomatoes & 7 bees", "name": "Ada"
}))]
struct RegisterBody {
    /// What to log in with.
    #[schema(value_type = values::Email)]
    email: SentEmail,
    /// At least 8 characters, and none of those that are tried first.
    #[schema(value_type = values::NewPassword)]
    password: SentSecret,
    /// For people.
    #[schema(value_type = Option<values::Name>)]
    name: Option<Name>,
}

/// That a registration has arrived.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationReceived, example = json!({
    "object": "registration", "email": "ada@example.com"
}))]
struct RegistrationShown {
    #[schema(pattern = "^registration$")]
    object: &'static str,
    /// What to log in with.
    #[schema(value_type = values::Email)]
    email: String,
}

/// Register as a customer; then log in. The answer is the same where the address is taken.
#[utoipa::path(post, path = "/v1/auth/register", tag = "Accounts", request_body = RegisterBody,
    security(()), extensions(("x-codes" = json!(["rate_limited"]))),
    responses((status = 202, description = "It has arrived", body = RegistrationShown)))]
async fn register(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let RegisterBody { email: SentEmail(email), password, name } = call.json()?;
    let shown = RegistrationShown { object: "registration", email: email.to_string() };
    let registered = app.logins.register(desk(&app), email, name, password.0).await;
    registered.map_err(|error| not_in(error, invalid_credentials))?;
    Ok(json_response(StatusCode::ACCEPTED, &shown))
}

/// What somebody sends who has an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login, example = json!({
    "email": "ada@example.com", "password": "tomatoes & 7 bees"
}))]
struct LoginBody {
    /// The account's address.
    #[schema(value_type = values::Email)]
    email: SentEmail,
    /// The account's password.
    #[schema(value_type = values::Password)]
    password: SentSecret,
}

/// What lets somebody in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tokens, example = json!({
    "object": "tokens", "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "token_type": "Bearer", "expires_in": 900,
    "refresh_token": "onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
    "refresh_expires_at": "2026-12-21T05:48:16.120394Z",
    "user": {
        "id": "usr_5", "object": "user", "email": "ada@example.com", "name": "Ada",
        "role": "customer", "scopes": ["orders:own"], "disabled": false, "version": 1,
        "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T05:48:16.120394Z"
    }
}))]
struct TokensShown<'a> {
    #[schema(pattern = "^tokens$")]
    object: &'static str,
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// Seconds that the access token is good for.
    expires_in: i64,
    /// For `POST /v1/auth/refresh`, once; the answer has the next one.
    refresh_token: &'a str,
    /// When the session is over, however often it is refreshed.
    #[schema(value_type = values::Instant)]
    refresh_expires_at: onhand_core::Timestamp,
    /// Who got in.
    user: UserShown<'a>,
}

fn shown(tokens: &Tokens) -> Response {
    let shown = TokensShown {
        object: "tokens",
        access_token: &tokens.access,
        token_type: "Bearer",
        expires_in: tokens.access_secs,
        refresh_token: tokens.refresh.expose(),
        refresh_expires_at: tokens.session.expires_at,
        user: UserShown::of(&tokens.user),
    };
    json_response(StatusCode::OK, &shown)
}

/// Log in.
#[utoipa::path(post, path = "/v1/auth/login", tag = "Accounts", request_body = LoginBody,
    security(()), extensions(("x-codes" = json!(["invalid_credentials", "rate_limited"]))),
    responses((status = 200, description = "The tokens", body = TokensShown<'static>)))]
async fn log_in(State(app): State<App>, caller: Caller, call: Call) -> Result<Response, Problem> {
    let LoginBody { email: SentEmail(email), password } = call.json()?;
    let tokens = app.logins.log_in(desk(&app), email, password.0, caller.address()).await;
    Ok(shown(&tokens.map_err(|error| not_in(error, invalid_credentials))?))
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshTokenBody, example = json!({
    "refresh_token": "onr_7_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
}))]
struct RefreshBody {
    /// The newest of the session.
    #[schema(value_type = values::Token)]
    refresh_token: SentSecret,
}

/// Take a refresh token for an access token and the next refresh token. One that was used before
/// ends its session, but for 10 seconds in which a lost answer is given again.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "Accounts", request_body = RefreshBody,
    security(()), extensions(("x-codes" = json!(["unauthenticated", "rate_limited"]))),
    responses((status = 200, description = "The tokens", body = TokensShown<'static>)))]
async fn refresh(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let RefreshBody { refresh_token } = call.json()?;
    let tokens = app.logins.refresh(desk(&app), &refresh_token.0).await;
    Ok(shown(&tokens.map_err(|error| not_in(error, invalid_refresh_token))?))
}

/// Log out: the session ends. An access token of it runs out by itself.
#[utoipa::path(post, path = "/v1/auth/logout", tag = "Accounts", request_body = RefreshBody,
    security(()), extensions(("x-codes" = json!(["rate_limited"]))),
    responses((status = 204, description = "Logged out, or was already")))]
async fn log_out(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let RefreshBody { refresh_token } = call.json()?;
    let ended = app.logins.log_out(desk(&app), &refresh_token.0).await;
    ended.map_err(|error| not_in(error, invalid_refresh_token))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the first admin sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstAdmin, example = json!({
    "code": "7GQ4-XN2B-MK8T-P3CW-9RZA", "email": "ada@example.com",
    "password": "tomatoes & 7 bees"
}))]
struct FirstAdminBody {
    /// As the server printed it when it started without an admin.
    #[schema(value_type = values::Token)]
    code: SentSecret,
    /// What to log in with.
    #[schema(value_type = values::Email)]
    email: SentEmail,
    /// At least 8 characters, and none of those that are tried first.
    #[schema(value_type = values::NewPassword)]
    password: SentSecret,
}

/// Become the first admin, with the code that the server printed at its start.
#[utoipa::path(post, path = "/v1/auth/first-admin", tag = "Accounts",
    request_body = FirstAdminBody, security(()),
    extensions(("x-codes" = json!(["unauthenticated", "email_taken", "rate_limited"]))),
    responses((status = 201, description = "The admin", body = UserShown<'static>)))]
async fn become_first_admin(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let FirstAdminBody { code, email: SentEmail(email), password } = call.json()?;
    let made = app.logins.become_first_admin(desk(&app), &code.0, email, password.0).await;
    let user = made.map_err(|error| not_in(error, invalid_code))?;
    Ok(versioned(StatusCode::CREATED, user.version, &UserShown::of(&user)))
}
