//! `/v1/users`: who has an account, and what they may do. For admins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::accounts::{Command, NewUser, Role, Scopes, Standing, UserView};
use onhand_core::ids::UserId;
use onhand_core::text::Name;
use onhand_core::{Command as AnyCommand, Refusal, accounts};
use onhand_engine::query::{Page, UserFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::{answered, cursor, list, located, page_rows, versioned};
use super::super::call::{Call, Named, Params, in_path};
use super::super::gate::Caller;
use super::super::problem::Problem;
use super::super::wire::accounts::UserShown;
use super::super::wire::lists::List;
use super::super::wire::values;
use super::{SentEmail, SentSecret, desk, invalid_credentials, not_in};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_user, list_users))
        .routes(routes!(get_user, update_user))
        .routes(routes!(end_sessions))
}

/// A user to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({
    "email": "bo@example.com", "password": "tomatoes & 7 bees", "name": "Bo",
    "role": "operator", "scopes": ["orders:read", "stock:read"]
}))]
struct NewUserBody {
    /// What to log in with.
    #[schema(value_type = values::Email)]
    email: SentEmail,
    /// At least 8 characters, and none of those that are tried first.
    #[schema(value_type = values::NewPassword)]
    password: SentSecret,
    /// For people.
    #[schema(value_type = Option<values::Name>)]
    name: Option<Name>,
    /// What kind of account it is.
    #[schema(value_type = values::Role)]
    role: Role,
    /// What it may do; only those of an operator can be chosen.
    #[schema(value_type = Option<Vec<values::Scope>>)]
    scopes: Option<Scopes>,
}

/// Add a user, for somebody who is to work here.
///
/// Customers register themselves. An address is one user's: a repeat is refused, and needs no key.
#[utoipa::path(post, path = "/v1/users", tag = "Accounts", request_body = NewUserBody,
    security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["email_taken", "unlawful_scopes"]))),
    responses((status = 201, description = "The user", body = UserShown<'static>)))]
async fn create_user(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Problem> {
    let NewUserBody { email: SentEmail(email), password, name, role, scopes } = call.json()?;
    let new = NewUser { email, name, password: None, role, scopes };
    let added = app.logins.add_user(desk(&app), caller.as_engine()?, new, password.0).await;
    let user = added.map_err(|error| not_in(error, invalid_credentials))?;
    let shown = versioned(StatusCode::CREATED, user.version, &UserShown::of(&user));
    Ok(located(shown, &format!("/v1/users/{}", user.id)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UserList {
    limit: Option<u32>,
    starting_after: Option<String>,
    /// `customer`, `operator` or `admin`.
    role: Option<String>,
    /// Only those that are disabled, or that are not.
    disabled: Option<bool>,
    /// How the address begins.
    email: Option<String>,
}

/// List users, newest first.
#[utoipa::path(get, path = "/v1/users", tag = "Accounts", params(UserList),
    security(("bearer" = ["admin"])),
    responses((status = 200, description = "A page", body = List<UserShown<'static>>)))]
async fn list_users(
    State(app): State<App>,
    Params(query, sent): Params<UserList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), UserId::number)?;
    let role = query.role.as_deref().map(role).transpose()?;
    let email_prefix = query.email.map(|text| text.trim().to_lowercase());
    let filter = UserFilter { role, disabled: query.disabled, email_prefix };
    let page = app.reader.users(filter, before, limit).await?;
    let rows = page.rows.iter().map(UserView::of).collect();
    let page = Page { rows, next: page.next };
    Ok(list(&page, ("/v1/users", &sent), UserShown::of, |id| format!("usr_{id}")))
}

fn role(text: &str) -> Result<Role, Problem> {
    let names = Role::ALL.map(Role::as_str).join(", ");
    let expected = format!("expected one of {names}");
    Role::from_name(text).ok_or_else(|| Problem::field("?role", expected, text.into()))
}

/// Read a user.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "Accounts",
    params(("id" = String, Path,)), security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["unknown_user"]))),
    responses((status = 200, description = "The user", body = UserShown<'static>)))]
async fn get_user(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    let user_id: UserId = in_path(&id)?;
    let unknown = || Problem::from(Refusal::from(accounts::Refusal::UnknownUser { user_id }));
    let user = UserView::of(&app.reader.user(user_id).await?.ok_or_else(unknown)?);
    Ok(versioned(StatusCode::OK, user.version, &UserShown::of(&user)))
}

/// The fields to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserPatch, example = json!({
    "role": "operator", "scopes": ["orders:read", "stock:read"]
}))]
struct UserPatchBody {
    /// What kind of account it is. A new role comes with its own scopes unless others are named.
    #[schema(value_type = Option<values::Role>)]
    role: Option<Role>,
    /// What it may do; only those of an operator can be chosen.
    #[schema(value_type = Option<Vec<values::Scope>>)]
    scopes: Option<Scopes>,
    /// Whether nobody may come in with it.
    disabled: Option<bool>,
}

/// Change what a user may do: at once for every write, and within a minute for reads.
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "Accounts", request_body = UserPatchBody,
    params(("id" = String, Path,), ("If-Match" = String, Header,)),
    security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["unknown_user", "unlawful_scopes", "last_admin"]))),
    responses((status = 200, description = "The user", body = UserShown<'static>)))]
async fn update_user(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let UserPatchBody { role, scopes, disabled } = call.json()?;
    let (id, expected_version) = (in_path(&id)?, call.required_version()?);
    let standing = Standing { role, scopes, disabled };
    let command = Command::SetUser { id, expected_version, standing };
    answered(call.submit(AnyCommand::Accounts(command)).await?, StatusCode::OK)
}

/// End every session of a user, and make its access tokens void.
#[utoipa::path(delete, path = "/v1/users/{id}/sessions", tag = "Accounts",
    params(("id" = String, Path,)), security(("bearer" = ["admin"])),
    extensions(("x-codes" = json!(["unknown_user"]))),
    responses((status = 200, description = "The user", body = UserShown<'static>)))]
async fn end_sessions(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let command = Command::EndSessions { user_id: in_path(&id)? };
    answered(call.submit(AnyCommand::Accounts(command)).await?, StatusCode::OK)
}
