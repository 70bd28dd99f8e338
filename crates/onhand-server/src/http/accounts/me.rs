//! `/v1/me`: the account of whoever is logged in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use onhand_core::Command as AnyCommand;
use onhand_core::accounts::{Command, UserPatch, UserView};
use onhand_core::text::Name;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{answered, versioned};
use super::super::call::Call;
use super::super::gate::{Caller, unauthenticated};
use super::super::problem::Problem;
use super::super::wire::accounts::UserShown;
use super::super::wire::values;
use super::{SentEmail, SentSecret, desk, not_in, wrong_password};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_me, update_me)).routes(routes!(change_password))
}

/// Read one's own account.
#[utoipa::path(get, path = "/v1/me", tag = "Accounts", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = UserShown<'static>)))]
async fn get_me(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let user = app.reader.user(caller.user()?).await?;
    let user = UserView::of(&user.ok_or_else(unauthenticated)?);
    Ok(versioned(StatusCode::OK, user.version, &UserShown::of(&user)))
}

/// The fields to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MePatch, example = json!({"name": "Ada L."}))]
struct MePatch {
    /// For people; `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<values::Name>)]
    name: Option<Option<Name>>,
    /// What to log in with. A change needs `current_password`.
    #[schema(value_type = Option<values::Email>)]
    email: Option<SentEmail>,
    /// The account's password.
    #[schema(value_type = Option<values::Password>)]
    current_password: Option<SentSecret>,
}

/// A field that is there, `null` or not.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Change one's own name or address.
#[utoipa::path(patch, path = "/v1/me", tag = "Accounts", request_body = MePatch,
    security(("bearer" = [])), params(("If-Match" = String, Header,)),
    extensions(("x-codes" = json!(["invalid_credentials", "email_taken"]))),
    responses((status = 200, description = "The account", body = UserShown<'static>)))]
async fn update_me(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Problem> {
    let user_id = caller.user()?;
    let MePatch { name, email, current_password } = call.json()?;
    let expected_version = call.required_version()?;
    if email.is_some() {
        let password = current_password.ok_or_else(password_missing)?;
        let proved = app.logins.prove(desk(&app), user_id, password.0, caller.address()).await;
        proved.map_err(|error| not_in(error, wrong_password))?;
    }
    let patch = UserPatch { name, email: email.map(|email| email.0) };
    let command = Command::UpdateMe { user_id, expected_version, patch };
    answered(call.submit(AnyCommand::Accounts(command)).await?, StatusCode::OK)
}

fn password_missing() -> Problem {
    let detail = "a new address needs the password of the account, expected a text";
    Problem::field("/current_password", detail, serde_json::Value::Null)
}

/// The old and the new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange, example = json!({
    "current_password": "tomatoes & 7 bees", "password": "9 bees & no tomatoes"
}))]
struct PasswordBody {
    /// The one that is good now.
    #[schema(value_type = values::Password)]
    current_password: SentSecret,
    /// At least 8 characters, and none of those that are tried first.
    #[schema(value_type = values::NewPassword)]
    password: SentSecret,
}

/// Change one's own password. Every session ends, this one too: log in again.
#[utoipa::path(post, path = "/v1/me/password", tag = "Accounts", request_body = PasswordBody,
    security(("bearer" = [])),
    extensions(("x-codes" = json!(["invalid_credentials", "version_mismatch"]))),
    responses((status = 204, description = "Changed")))]
async fn change_password(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Problem> {
    let user = caller.user()?;
    let PasswordBody { current_password, password } = call.json()?;
    let passwords = (current_password.0, password.0);
    let changed = app.logins.change_password(
        desk(&app),
        caller.as_engine()?,
        user,
        passwords,
        caller.address(),
    );
    changed.await.map_err(|error| not_in(error, wrong_password))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
