//! What can be done with webhook endpoints. What a test was answered, and a secret that was made,
//! are shown on the page that answers the form, and nowhere else.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind};
use super::super::parts::{Tone, badge, card, facts};
use super::super::site::Page;
use super::super::visit::Visit;
use super::PATH;

const URL: Field = Field {
    name: "url",
    label: "Address",
    hint: "https:// and where the program listens",
    kind: Kind::Line(2_000),
    is_required: true,
};

const DESCRIPTION: Field = Field {
    name: "description",
    label: "Description",
    hint: "For people",
    kind: Kind::Line(200),
    is_required: false,
};

const EVENT_TYPES: Field = Field {
    name: "event_types",
    label: "What it is told",
    hint: "Types of events or families like order.*, one a line; everything when empty",
    kind: Kind::Words,
    is_required: false,
};

pub(super) static CREATE: Form = Form {
    name: "create",
    title: "Add an endpoint",
    button: "Add it",
    hint: "It is told what happens from then on. The secret that signs its messages is shown once.",
    route: "/v1/webhook-endpoints",
    fields: &[URL, DESCRIPTION, EVENT_TYPES],
    reveals: Some(secret),
    ..Form::PLAIN
};

pub(super) static EDIT: Form = Form {
    name: "edit",
    title: "Edit",
    method: axum::http::Method::PATCH,
    route: "/v1/webhook-endpoints/{id}",
    fields: &[URL, DESCRIPTION, EVENT_TYPES],
    complete: edited,
    done: "The endpoint is changed.",
    ..Form::PLAIN
};

pub(super) static ENABLE: Form = Form {
    name: "enable",
    title: "Enable",
    button: "Enable it",
    hint: "It goes on where it stopped: the log has kept what it was not told.",
    method: axum::http::Method::PATCH,
    route: "/v1/webhook-endpoints/{id}",
    complete: |_, _| json!({ "status": "enabled" }),
    done: "The endpoint is enabled.",
    ..Form::PLAIN
};

pub(super) static DISABLE: Form = Form {
    name: "disable",
    title: "Disable",
    button: "Disable it",
    hint: "It is told nothing until it is enabled again, and then what it has missed.",
    is_dangerous: true,
    method: axum::http::Method::PATCH,
    route: "/v1/webhook-endpoints/{id}",
    complete: |_, _| json!({ "status": "disabled" }),
    done: "The endpoint is disabled.",
    ..Form::PLAIN
};

pub(super) static ROTATE: Form = Form {
    name: "rotate",
    title: "New secret",
    button: "Make a new secret",
    hint: "The new one is shown once. Those before it sign as well for a while.",
    route: "/v1/webhook-endpoints/{id}/rotate-secret",
    fields: &[Field {
        name: "keep_s",
        label: "Seconds for which the old ones sign as well",
        hint: "A day when empty, a week at most",
        kind: Kind::Whole,
        is_required: false,
    }],
    reveals: Some(secret),
    ..Form::PLAIN
};

pub(super) static TEST: Form = Form {
    name: "test",
    title: "Send a test",
    button: "Send it now",
    hint: "A message of the type webhook_endpoint.test, signed like any other.",
    route: "/v1/webhook-endpoints/{id}/test",
    reveals: Some(tested),
    ..Form::PLAIN
};

pub(super) static REPLAY: Form = Form {
    name: "replay",
    title: "Replay",
    button: "Deliver them once more",
    hint: "Of these events those that it wants, under the ids that they had before.",
    route: "/v1/webhook-endpoints/{id}/replay",
    fields: &[
        Field {
            name: "from_seq",
            label: "First event",
            hint: "A position in the log",
            kind: Kind::Whole,
            is_required: true,
        },
        Field {
            name: "to_seq",
            label: "Last event",
            hint: "",
            kind: Kind::Whole,
            is_required: true,
        },
    ],
    done: "The events are delivered once more.",
    ..Form::PLAIN
};

pub(super) static DELETE: Form = Form {
    name: "delete-endpoint",
    title: "Delete",
    button: "Delete it",
    hint: "It is told nothing any more, and what it was not told is dropped.",
    is_dangerous: true,
    method: axum::http::Method::DELETE,
    route: "/v1/webhook-endpoints/{id}",
    done: "The endpoint is deleted.",
    then: Some(to_list),
    ..Form::PLAIN
};

/// What stands on the list of endpoints.
pub(super) static OF_LIST: &[&Form] = &[&CREATE];

/// All that stand on the page of an endpoint.
pub(super) static OF_ENDPOINT: &[&Form] =
    &[&TEST, &EDIT, &ENABLE, &DISABLE, &REPLAY, &ROTATE, &DELETE];

/// Everything that can be edited: an empty field says that nothing is to be there.
fn edited(mut body: Value, _: &Fields) -> Value {
    if let Value::Object(body) = &mut body {
        body.entry("description").or_insert_with(|| "".into());
        body.entry("event_types").or_insert_with(|| json!([]));
    }
    body
}

fn to_list(_: &Value) -> String {
    PATH.to_owned()
}

fn back(id: &str) -> Markup {
    let path = format!("{PATH}/{}", super::super::parts::encoded(id));
    html! { p { a class="button" href=(path) { "To the endpoint" } } }
}

/// The secret of an endpoint, this once.
fn secret(_: &Visit, answer: &Value) -> Page {
    let id = answer["id"].as_str().unwrap_or_default();
    let body = html! {
        @match answer["secret"].as_str() {
            Some(secret) => (card("The secret that signs its messages", &html! {
                p { "Copy it now: it is not shown again." }
                p class="shown-once" { code id="secret" { (secret) } }
            })),
            None => p class="alert" role="status" {
                "This was done before, and its secret was shown then. Make a new one if it is lost."
            },
        }
        (back(id))
    };
    Page { title: format!("Endpoint {id}"), section: PATH, body }
}

/// What a test was answered.
fn tested(visit: &Visit, answer: &Value) -> Page {
    let id = visit.param("id");
    let is_good = answer["reason"].is_null();
    let outcome = if is_good {
        badge("it was taken", Tone::Good)
    } else {
        badge("it was not taken", Tone::Bad)
    };
    let mut known = vec![("Outcome", outcome)];
    if let Some(status) = answer["status"].as_u64() {
        known.push(("Answer", html! { (status) }));
    }
    if let Some(reason) = answer["reason"].as_str() {
        known.push(("Why", html! { (reason) }));
    }
    if let Some(took) = answer["took_ms"].as_u64() {
        known.push(("Took", html! { (took) " ms" }));
    }
    let body = html! { (card("A test message", &facts(&known))) (back(id)) };
    Page { title: format!("Endpoint {id}"), section: PATH, body }
}
