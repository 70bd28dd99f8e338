//! What can be done with categories.

use axum::http::Method;
use serde_json::Value;

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind};
use super::PATH;

const NAME: Field =
    Field { name: "name", label: "Name", hint: "", kind: Kind::Line(100), is_required: true };

const PARENT: Field = Field {
    name: "parent_id",
    label: "Below",
    hint: "A root when empty",
    kind: Kind::OneOfThese,
    is_required: false,
};

pub(super) static CREATE: Form = Form {
    name: "create-category",
    title: "New category",
    button: "Create the category",
    route: "/v1/categories",
    fields: &[NAME, PARENT],
    done: "The category is there.",
    ..Form::PLAIN
};

pub(super) static EDIT: Form = Form {
    name: "edit",
    title: "Change",
    method: Method::PATCH,
    route: "/v1/categories/{id}",
    fields: &[NAME, PARENT],
    complete: changed,
    done: "The category is changed.",
    ..Form::PLAIN
};

pub(super) static DELETE: Form = Form {
    name: "delete-category",
    title: "Delete",
    button: "Delete the category",
    hint: "This is refused while anything is filed under it.",
    is_dangerous: true,
    method: Method::DELETE,
    route: "/v1/categories/{id}",
    done: "The category is gone.",
    then: Some(|_| PATH.to_owned()),
    ..Form::PLAIN
};

/// Those of the list.
pub(super) static OF_LIST: &[&Form] = &[&CREATE];
/// Those of one category.
pub(super) static OF_ONE: &[&Form] = &[&EDIT, &DELETE];

/// No parent is said so: left out, the one that is there would stay.
fn changed(mut body: Value, _: &Fields) -> Value {
    if body.get("parent_id").is_none() {
        body["parent_id"] = Value::Null;
    }
    body
}
