//! Users: to register, to log in, and for operators to look at. The tokens are those of `/v1`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::accounts::{Email, UserView};
use onhand_core::text::Name;
use onhand_engine::limits::PAGE_ROWS_MAX;
use onhand_engine::query::UserFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown::UserShown;
use super::{Success, bad_request, with_next};
use crate::accounts::logins::{LoginError, Password};
use crate::app::App;
use crate::http::accounts::{SentSecret, desk, invalid_credentials, not_in};
use crate::http::answer::json_response;
use crate::http::call::{Call, Params};
use crate::http::dialects::fault::Wrong;
use crate::http::gate::Caller;
use crate::http::problem::Problem;
use crate::http::wire::values;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_user))
        .routes(routes!(log_in))
        .routes(routes!(list_users))
}

/// Somebody who wants an account, or to come in. What must be there is asked field by field.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Credentials, example = json!({
    "name": "Ada", "email": "ada@example.com", "password": "tomatoes & 7 bees"
}))]
struct UserBody {
    /// Only who registers has one to say.
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = values::Email)]
    email: Option<String>,
    /// Of a new account at least 8 characters, and none of those that are tried first.
    #[serde(default)]
    #[schema(value_type = values::Password)]
    password: Option<SentSecret>,
}

fn there(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl UserBody {
    fn credentials(self) -> Option<(String, Password)> {
        let password = self.password.map(|password| password.0);
        there(self.email).zip(password.filter(|password| !password.is_empty()))
    }
}

fn refused(error: LoginError) -> Wrong {
    not_in(error, invalid_credentials).into()
}

/// Somebody who was registered.
#[derive(Debug, Serialize, ToSchema)]
struct Registered {
    success: bool,
    message: &'static str,
    user: UserShown,
}

/// Register as a customer; then log in.
///
/// Whether an address is taken is told to whoever asks, as this contract promises. `/v1` does not.
#[utoipa::path(post, path = "/users/create", tag = "Users", request_body = UserBody,
    security(()), responses(
        (status = 201, description = "Registered", body = Success<Registered>),
        (status = 400, description = "Missing required fields"),
        (status = 409, description = "User already exists with this email"),
        (status = 422, description = "The address or the password is not lawful")))]
async fn create_user(State(app): State<App>, call: Call) -> Result<Response, Wrong> {
    let mut body: UserBody = call.json_or(UserBody::default())?;
    let name = there(body.name.take());
    let sent = name.zip(body.credentials());
    let (name, (email, password)) = sent.ok_or_else(|| bad_request("Missing required fields"))?;
    let lawful =
        |pointer: &str, detail: String, sent: &str| Problem::field(pointer, detail, sent.into());
    let parsed = Email::new(&email);
    let parsed = parsed.map_err(|error| lawful("/email", error.to_string(), &email))?;
    let named = Name::new(name.as_str());
    let named = named.map_err(|error| lawful("/name", error.to_string(), &name))?;
    let user = app.logins.sign_up(desk(&app), parsed, Some(named), password).await;
    let user = UserShown::of(&user.map_err(refused)?);
    let message = "User registered successfully";
    let data = Registered { success: true, message, user };
    Ok(json_response(StatusCode::CREATED, &Success::of(StatusCode::CREATED, message, data)))
}

/// Somebody who got in, with the token in both places where clients look for it.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedIn<'a> {
    success: bool,
    message: &'static str,
    /// For `Authorization: Bearer`.
    token: &'a str,
    /// For `POST /v1/auth/refresh`, which gives the next token.
    refresh_token: &'a str,
    /// Seconds that the token is good for.
    expires_in: i64,
    user: UserWithToken<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
struct UserWithToken<'a> {
    #[serde(flatten)]
    user: UserShown,
    token: &'a str,
}

/// Log in.
#[utoipa::path(post, path = "/users/login", tag = "Users", request_body = UserBody,
    security(()), responses(
        (status = 200, description = "Logged in", body = Success<LoggedIn<'static>>),
        (status = 400, description = "Missing credentials"),
        (status = 401, description = "Invalid email or password")))]
async fn log_in(State(app): State<App>, caller: Caller, call: Call) -> Result<Response, Wrong> {
    let body: UserBody = call.json_or(UserBody::default())?;
    let sent = body.credentials();
    let (email, password) = sent.ok_or_else(|| bad_request("Missing credentials"))?;
    // What is no address is nobody's.
    let email = Email::new(&email).map_err(|_| invalid_credentials())?;
    let tokens = app.logins.log_in(desk(&app), email, password, caller.address()).await;
    let tokens = tokens.map_err(refused)?;
    let (message, token) = ("Login successful", tokens.access.as_str());
    let data = LoggedIn {
        success: true,
        message,
        token,
        refresh_token: tokens.refresh.expose(),
        expires_in: tokens.access_secs,
        user: UserWithToken { user: UserShown::of(&tokens.user), token },
    };
    Ok(json_response(StatusCode::OK, &Success::of(StatusCode::OK, message, data)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UserList {
    /// Where the last page ended, as its `Link` says.
    before: Option<i64>,
}

/// List users, newest first: at most 200, and a `Link` to those that follow. For operators, who
/// see whose every order is anyway.
#[utoipa::path(get, path = "/users/all", tag = "Users", params(UserList),
    security(("bearer" = ["orders:read"])), responses(
        (status = 200, description = "Users", body = Success<Vec<UserShown>>),
        (status = 403, description = "For operators")))]
async fn list_users(
    State(app): State<App>,
    Params(query, sent): Params<UserList>,
) -> Result<Response, Wrong> {
    let page = app.reader.users(UserFilter::default(), query.before, PAGE_ROWS_MAX).await?;
    let users = page.rows.iter().map(|user| UserShown::with_age(&UserView::of(user)));
    let shown = Success::of(StatusCode::OK, "Users", users.collect::<Vec<_>>());
    Ok(with_next(json_response(StatusCode::OK, &shown), "/users/all", &sent, page.next))
}
