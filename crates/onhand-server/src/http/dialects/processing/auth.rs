//! Registering, logging in, refreshing and logging out. The tokens are those of `/v1`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::text::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Success;
use super::shown::UserShown;
use crate::accounts::identity::Who;
use crate::accounts::logins::{LoginError, Tokens};
use crate::app::App;
use crate::http::accounts::{
    SentEmail, SentSecret, desk, invalid_credentials, invalid_refresh_token, not_in,
};
use crate::http::answer::json_response;
use crate::http::call::Call;
use crate::http::dialects::fault::Wrong;
use crate::http::gate::{Caller, forbidden};
use crate::http::wire::values;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
}

/// Somebody who wants an account.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Registration, example = json!({
    "email": "ada@example.com", "password": "tomatoes & 7 bees", "name": "Ada"
}))]
struct RegisterBody {
    /// Trimmed and in small letters.
    #[schema(value_type = values::Email)]
    email: SentEmail,
    /// At least 8 characters, and none of those that are tried first.
    #[schema(value_type = values::NewPassword)]
    password: SentSecret,
    #[schema(value_type = values::Name)]
    name: Name,
}

/// Somebody who has one.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Login, example = json!({"email": "user@example.com", "password": "user123"}))]
struct LoginBody {
    #[schema(value_type = values::Email)]
    email: SentEmail,
    #[schema(value_type = values::Password)]
    password: SentSecret,
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefreshToken)]
struct RefreshBody {
    /// The newest of the session.
    #[schema(value_type = values::Token)]
    refresh_token: SentSecret,
}

/// Both tokens.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens)]
struct TokensShown<'a> {
    /// For `Authorization: Bearer`.
    access_token: &'a str,
    /// For the next ones.
    refresh_token: &'a str,
}

impl<'a> TokensShown<'a> {
    fn of(tokens: &'a Tokens) -> Self {
        Self { access_token: &tokens.access, refresh_token: tokens.refresh.expose() }
    }
}

/// Tokens, in both places where clients look for them; with whose they are, for who got in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry)]
struct EntryShown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserShown>,
    tokens: TokensShown<'a>,
    #[serde(flatten)]
    top: TokensShown<'a>,
}

fn entered(status: StatusCode, tokens: &Tokens, user: Option<UserShown>) -> Response {
    let top = TokensShown::of(tokens);
    json_response(status, &Success::of(EntryShown { user, tokens: top, top }))
}

fn refused(error: LoginError) -> Wrong {
    not_in(error, invalid_credentials).into()
}

/// Register as a user, and be logged in.
///
/// Whether an address is taken is told to whoever asks, as this contract promises. `/v1` does not.
#[utoipa::path(post, path = "/api/auth/register", tag = "Auth", request_body = RegisterBody,
    security(()), responses(
        (status = 201, description = "Registered", body = Success<EntryShown<'static>>),
        (status = 400, description = "Validation Error"),
        (status = 409, description = "User already exists")))]
async fn register(State(app): State<App>, call: Call) -> Result<Response, Wrong> {
    let RegisterBody { email: SentEmail(email), password, name } = call.json()?;
    let user = app.logins.sign_up(desk(&app), email, Some(name), password.0).await;
    let tokens = app.logins.welcome(desk(&app), &user.map_err(refused)?).await.map_err(refused)?;
    Ok(entered(StatusCode::CREATED, &tokens, Some(UserShown::of(&tokens.user))))
}

/// Log in.
#[utoipa::path(post, path = "/api/auth/login", tag = "Auth", request_body = LoginBody,
    security(()), responses(
        (status = 200, description = "Logged in", body = Success<EntryShown<'static>>),
        (status = 400, description = "Validation Error"),
        (status = 401, description = "Invalid credentials")))]
async fn log_in(State(app): State<App>, caller: Caller, call: Call) -> Result<Response, Wrong> {
    let LoginBody { email: SentEmail(email), password } = call.json()?;
    let tokens = app.logins.log_in(desk(&app), email, password.0, caller.address()).await;
    let tokens = tokens.map_err(refused)?;
    Ok(entered(StatusCode::OK, &tokens, Some(UserShown::of(&tokens.user))))
}

/// Take a refresh token for the next tokens. One that was used before ends its session, but for 10
/// seconds in which a lost answer is given again.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "Auth", request_body = RefreshBody,
    security(()), responses(
        (status = 200, description = "The next tokens", body = Success<EntryShown<'static>>),
        (status = 400, description = "Validation Error"),
        (status = 401, description = "Invalid refresh token")))]
async fn refresh(State(app): State<App>, call: Call) -> Result<Response, Wrong> {
    let RefreshBody { refresh_token } = call.json()?;
    let tokens = app.logins.refresh(desk(&app), &refresh_token.0).await;
    let tokens = tokens.map_err(|error| not_in(error, invalid_refresh_token))?;
    Ok(entered(StatusCode::OK, &tokens, None))
}

/// That it was done, in words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedOut)]
struct LoggedOut {
    success: bool,
    #[schema(pattern = "^Logged out successfully$")]
    message: &'static str,
}

/// Log out: the session of the access token ends, and with it its refresh token.
#[utoipa::path(post, path = "/api/auth/logout", tag = "Auth", security(("bearer" = [])),
    responses(
        (status = 200, description = "Logged out, or was already", body = LoggedOut),
        (status = 401, description = "No token provided, Invalid token, Token expired")))]
async fn log_out(State(app): State<App>, caller: Caller) -> Result<Response, Wrong> {
    let Some(Who::User { id, session }) = caller.principal().map(|principal| principal.who) else {
        return Err(forbidden("an API key is not logged in").into());
    };
    let left = app.logins.leave(desk(&app), caller.as_engine()?, session, id).await;
    left.map_err(refused)?;
    let message = "Logged out successfully";
    Ok(json_response(StatusCode::OK, &LoggedOut { success: true, message }))
}
