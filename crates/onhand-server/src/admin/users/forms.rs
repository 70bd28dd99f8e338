//! What can be done with accounts and keys.

use maud::html;
use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind};
use super::super::parts::card;
use super::super::site::Page;
use super::super::visit::Visit;
use super::{KEYS, PATH};

const ROLES: Kind = Kind::OneOf(&[
    ("customer", "customer: buys"),
    ("operator", "operator: works here, with scopes"),
    ("admin", "admin: may do everything"),
]);

const EMAIL: Field = Field {
    name: "email",
    label: "E-mail address",
    hint: "What to log in with",
    kind: Kind::Line(254),
    is_required: true,
};

const NAME: Field = Field {
    name: "name",
    label: "Name",
    hint: "For people",
    kind: Kind::Line(200),
    is_required: false,
};

const CURRENT_PASSWORD: Field = Field {
    name: "current_password",
    label: "Your password as it is now",
    hint: "",
    kind: Kind::Secret,
    is_required: true,
};

const ROLE: Field = Field { name: "role", label: "Role", hint: "", kind: ROLES, is_required: true };

const SCOPES_HINT: &str = "Of an operator, one a line: catalog:read, catalog:write, events:read, \
                           orders:read, orders:write, payments:read, payments:write, stock:read, \
                           stock:write, webhooks:write. Those of the role when empty.";

const SCOPES: Field = Field {
    name: "scopes",
    label: "Scopes",
    hint: SCOPES_HINT,
    kind: Kind::Words,
    is_required: false,
};

pub(super) static CREATE: Form = Form {
    name: "add-user",
    title: "Add a user",
    button: "Add the user",
    hint: "Tell them the password on a safe way; they change it on their own page.",
    route: "/v1/users",
    fields: &[
        EMAIL,
        NAME,
        Field {
            name: "password",
            label: "First password",
            hint: "At least 8 characters, and none of those that are tried first",
            kind: Kind::Secret,
            is_required: true,
        },
        ROLE,
        SCOPES,
    ],
    done: "The user is added.",
    then: Some(to_user),
    ..Form::PLAIN
};

pub(super) static STANDING: Form = Form {
    name: "standing",
    title: "Role and scopes",
    hint: "At once for every change, and within a minute for what is only looked at.",
    method: axum::http::Method::PATCH,
    route: "/v1/users/{id}",
    fields: &[ROLE, SCOPES],
    done: "What this user may do is changed.",
    ..Form::PLAIN
};

pub(super) static DISABLE: Form = Form {
    name: "disable",
    title: "Disable",
    button: "Let nobody in with it",
    hint: "Every session ends.",
    is_dangerous: true,
    method: axum::http::Method::PATCH,
    route: "/v1/users/{id}",
    complete: |_, _| json!({ "disabled": true }),
    done: "Nobody comes in with this account any more.",
    ..Form::PLAIN
};

pub(super) static ENABLE: Form = Form {
    name: "enable",
    title: "Enable",
    button: "Let them in again",
    method: axum::http::Method::PATCH,
    route: "/v1/users/{id}",
    complete: |_, _| json!({ "disabled": false }),
    done: "This user may come in again.",
    ..Form::PLAIN
};

pub(super) static END_SESSIONS: Form = Form {
    name: "sessions",
    title: "End sessions",
    button: "End every session",
    hint: "They have to log in again, wherever they are.",
    is_dangerous: true,
    method: axum::http::Method::DELETE,
    route: "/v1/users/{id}/sessions",
    done: "Every session of this user has ended.",
    ..Form::PLAIN
};

/// What stands on the list of users.
pub(super) static OF_USERS: &[&Form] = &[&CREATE];

/// All that stand on the page of a user.
pub(super) static OF_USER: &[&Form] = &[&STANDING, &DISABLE, &ENABLE, &END_SESSIONS];

pub(super) static CREATE_KEY: Form = Form {
    name: "create",
    title: "Make an API key",
    button: "Make the key",
    hint: "It is shown once.",
    route: "/v1/api-keys",
    fields: &[
        Field {
            name: "name",
            label: "Name",
            hint: "The program that comes in with it",
            kind: Kind::Line(200),
            is_required: true,
        },
        Field {
            name: "scopes",
            label: "Scopes",
            hint: "One a line, such as orders:read",
            kind: Kind::Words,
            is_required: true,
        },
        Field {
            name: "expires_at",
            label: "Over at (UTC)",
            hint: "Never when empty",
            kind: Kind::Instant,
            is_required: false,
        },
    ],
    reveals: Some(key),
    ..Form::PLAIN
};

pub(super) static REVOKE_KEY: Form = Form {
    name: "revoke",
    title: "Take back",
    button: "Take it back",
    hint: "At once for every change, and within a minute for what is only looked at.",
    is_dangerous: true,
    method: axum::http::Method::DELETE,
    route: "/v1/api-keys/{id}",
    done: "The key is taken back.",
    ..Form::PLAIN
};

/// What stands on the list of keys.
pub(super) static OF_KEYS: &[&Form] = &[&CREATE_KEY, &REVOKE_KEY];

static RENAME: Form = Form {
    name: "name",
    title: "Change my name",
    method: axum::http::Method::PATCH,
    route: "/v1/me",
    fields: &[NAME],
    complete: renamed,
    done: "Your name is changed.",
    ..Form::PLAIN
};

static MOVE: Form = Form {
    name: "email",
    title: "Change my e-mail address",
    hint: "You log in with it from then on.",
    method: axum::http::Method::PATCH,
    route: "/v1/me",
    fields: &[EMAIL, CURRENT_PASSWORD],
    done: "Your e-mail address is changed.",
    ..Form::PLAIN
};

static PASSWORD: Form = Form {
    name: "password",
    title: "Change my password",
    hint: "Every session of yours ends, this one too: log in again with the new one.",
    route: "/v1/me/password",
    fields: &[
        CURRENT_PASSWORD,
        Field {
            name: "password",
            label: "New password",
            hint: "At least 8 characters, and none of those that are tried first",
            kind: Kind::Secret,
            is_required: true,
        },
    ],
    then: Some(to_login),
    ..Form::PLAIN
};

/// What people change of themselves.
pub(super) static OF_ME: &[&Form] = &[&RENAME, &MOVE, &PASSWORD];

/// An empty name takes it away.
fn renamed(mut body: Value, _: &Fields) -> Value {
    if body.get("name").is_none() {
        body["name"] = Value::Null;
    }
    body
}

fn to_user(answer: &Value) -> String {
    format!("{PATH}/{}", answer["id"].as_str().unwrap_or_default())
}

fn to_login(_: &Value) -> String {
    "/admin/login".to_owned()
}

/// An API key, this once.
fn key(_: &Visit, answer: &Value) -> Page {
    let name = answer["name"].as_str().unwrap_or_default();
    let body = html! {
        @match answer["key"].as_str() {
            Some(key) => (card("The key", &html! {
                p { "Copy it now: it is not shown again." }
                p class="shown-once" { code id="secret" { (key) } }
            })),
            None => p class="alert" role="status" {
                "This was done before, and the key was shown then. "
                "Take it back and make a new one if it is lost."
            },
        }
        p { a class="button" href=(KEYS) { "To the keys" } }
    };
    Page { title: format!("API key {name}"), section: PATH, body }
}
