//! What can be done with locations. A code never changes, and a location is not deleted: the ledger
//! speaks of it.

use axum::http::Method;

use super::super::form::{Field, Form, Kind};

const NAME: Field = Field {
    name: "name",
    label: "Name",
    hint: "For people",
    kind: Kind::Line(100),
    is_required: true,
};

const PRIORITY: Field = Field {
    name: "priority",
    label: "Priority",
    hint: "Orders are sourced from the smallest number first",
    kind: Kind::Signed,
    is_required: true,
};

const ACTIVE: Field = Field {
    name: "active",
    label: "Stock is sold from here",
    hint: "",
    kind: Kind::Check,
    is_required: false,
};

pub(super) static CREATE: Form = Form {
    name: "create-location",
    title: "New location",
    button: "Create the location",
    route: "/v1/locations",
    fields: &[
        Field {
            name: "code",
            label: "Code",
            hint: "Your own short name for it, which never changes",
            kind: Kind::Line(100),
            is_required: true,
        },
        NAME,
        PRIORITY,
        ACTIVE,
    ],
    done: "The location is there.",
    ..Form::PLAIN
};

pub(super) static EDIT: Form = Form {
    name: "edit",
    title: "Change",
    hint: "Where no stock is sold from here any more, what is promised stays promised.",
    method: Method::PATCH,
    route: "/v1/locations/{id}",
    fields: &[NAME, PRIORITY, ACTIVE],
    done: "The location is changed.",
    ..Form::PLAIN
};

/// Those of the list.
pub(super) static OF_LIST: &[&Form] = &[&CREATE];
/// Those of one location.
pub(super) static OF_ONE: &[&Form] = &[&EDIT];
