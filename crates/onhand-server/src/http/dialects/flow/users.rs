//! `/user` and `/users`: who buys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::accounts::{Command, Email, NewUser, Role, User};
use onhand_core::ids::UserId;
use onhand_core::{Command as AnyCommand, Timestamp};
use onhand_engine::query::UserFilter;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::fault::{Done, Wrong};
use super::super::uuids;
use super::super::whole::{ROWS, Whole};
use super::{Resp, Times, answer, fields, message, missing};
use crate::app::App;
use crate::http::call::Call;

/// Somebody who buys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlowUser, example = json!({"id": 1, "uuid": "6f1c2d3e-0000-8000-8000-000000000001",
    "email": "ada@example.com", "created_at": "2026-11-21T03:00:00Z",
    "updated_at": "2026-11-21T03:00:00Z"}))]
pub(super) struct UserRow {
    id: i64,
    uuid: String,
    email: String,
    #[serde(flatten)]
    times: Times,
}

impl UserRow {
    fn of(id: UserId, email: &Email, created_at: Timestamp, updated_at: Timestamp) -> Self {
        Self {
            id: id.number(),
            uuid: uuids::of("flow user", &[id.number()]).to_string(),
            email: email.as_str().to_owned(),
            times: Times { created_at, updated_at },
        }
    }

    fn of_row(user: &User) -> Self {
        Self::of(user.id, &user.email, user.created_at, user.updated_at)
    }
}

/// Who is to buy.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(as = FlowNewUser, example = json!({"email": "ada@example.com"}))]
pub(super) struct UserFields {
    email: String,
}

/// Make somebody known who buys. Nobody can log in as them.
#[utoipa::path(post, path = "/user", tag = "Users", security(("bearer" = ["admin"])),
    request_body = UserFields, params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The user", body = Resp<UserRow>)))]
pub(super) async fn create_user(call: Call) -> Result<Response, Wrong> {
    let fields = fields(&call)?;
    let sent = fields.get("email");
    if sent.is_missing() {
        return Err(missing("email"));
    }
    let email = sent.text().and_then(|text| Email::new(text).ok()).ok_or_else(|| {
        message(StatusCode::BAD_REQUEST, "email must be an address like ada@example.com")
            .literally(StatusCode::INTERNAL_SERVER_ERROR)
    })?;
    // Without a password nobody can log in, whatever the role is good for.
    let (name, password, scopes) = (None, None, None);
    let new = NewUser { email, name, password, role: Role::Customer, scopes };
    let done = Done::of(call.submit(AnyCommand::Accounts(Command::Register(new))).await?)?;
    let user = done.user()?;
    let row = UserRow::of(user.id, &user.email, user.created_at, user.updated_at);
    Ok(done.answer(StatusCode::OK, &Resp { resp: row }))
}

/// List who buys, oldest first.
#[utoipa::path(get, path = "/users", tag = "Users", security(("bearer" = ["admin"])),
    responses((status = 200, description = "At most 1000, the newest; `Link` says where more are",
        body = Resp<Vec<UserRow>>)))]
pub(super) async fn list_users(State(app): State<App>) -> Result<Response, Wrong> {
    let filter =
        UserFilter { role: Some(Role::Customer), disabled: Some(false), email_prefix: None };
    let mut list = Whole::new();
    while list.wants_more() {
        list.take_in(app.reader.users(filter.clone(), list.before, ROWS).await?);
    }
    let users: Vec<_> = list.oldest_first().map(UserRow::of_row).collect();
    Ok(list.linked(answer(users), "/v1/users", "usr"))
}
