//! What can be done with the stock of a product at one location. The page says which product and
//! which location; a count also says what was on hand when the page was made, so that nobody counts
//! over somebody else's change.

use axum::http::Method;
use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind, whole};

/// What was on hand when the page was made.
pub(super) const SEEN: &str = "change_from_quantity";

const SKU: Field = given("sku");
const LOCATION: Field = given("location_id");

const fn given(name: &'static str) -> Field {
    Field { name, label: "", hint: "", kind: Kind::Given, is_required: true }
}

const REFERENCE: Field = Field {
    name: "reference",
    label: "Reference",
    hint: "Such as the number of a delivery",
    kind: Kind::Line(255),
    is_required: false,
};

const HAPPENED: Field = Field {
    name: "occurred_at",
    label: "When it happened (UTC)",
    hint: "Now when empty",
    kind: Kind::Instant,
    is_required: false,
};

pub(super) static ADJUST: Form = Form {
    name: "adjust",
    title: "Adjust",
    button: "Change what is on hand",
    hint: "For what came in, broke, was lost or found. What is promised cannot be taken.",
    route: "/v1/stock/adjustments",
    fields: &[
        SKU,
        LOCATION,
        Field {
            name: "delta",
            label: "Units",
            hint: "To add, or with a minus to take away",
            kind: Kind::Signed,
            is_required: true,
        },
        Field {
            name: "reason",
            label: "Reason",
            hint: "One of received, damaged, lost, found …, or your own as custom:words",
            kind: Kind::Line(64),
            is_required: true,
        },
        REFERENCE,
        HAPPENED,
    ],
    done: "The stock is adjusted.",
    ..Form::PLAIN
};

pub(super) static COUNT: Form = Form {
    name: "count",
    title: "Count",
    button: "This is what is there",
    hint: "What has moved since the count is kept: say when you counted.",
    route: "/v1/stock/counts",
    fields: &[
        SKU,
        LOCATION,
        Field {
            name: "counted",
            label: "Units counted",
            hint: "All that lie there, promised ones too",
            kind: Kind::Whole,
            is_required: true,
        },
        Field {
            name: "reason",
            label: "Reason",
            hint: "cycle_count when empty",
            kind: Kind::Line(64),
            is_required: false,
        },
        REFERENCE,
        HAPPENED,
    ],
    complete: counted,
    done: "The count is taken over.",
    ..Form::PLAIN
};

pub(super) static TRANSFER: Form = Form {
    name: "transfer",
    title: "Transfer",
    button: "Move the units",
    route: "/v1/stock/transfers",
    fields: &[
        SKU,
        given("from"),
        Field { name: "to", label: "To", hint: "", kind: Kind::OneOfThese, is_required: true },
        Field { name: "quantity", label: "Units", hint: "", kind: Kind::Whole, is_required: true },
        REFERENCE,
    ],
    done: "The units are moved.",
    ..Form::PLAIN
};

pub(super) static POLICY: Form = Form {
    name: "policy",
    title: "Safety stock and threshold",
    hint: "Safety stock is not sold. Below the threshold the stock counts as low.",
    method: Method::PATCH,
    route: "/v1/stock/{sku}",
    fields: &[
        LOCATION,
        Field {
            name: "safety_stock",
            label: "Safety stock",
            hint: "",
            kind: Kind::Whole,
            is_required: true,
        },
        Field {
            name: "low_stock_threshold",
            label: "Low below",
            hint: "Available units",
            kind: Kind::Whole,
            is_required: true,
        },
    ],
    done: "Safety stock and threshold are set.",
    ..Form::PLAIN
};

pub(super) static RELEASE: Form = Form {
    name: "release",
    title: "Give back",
    button: "Give back",
    is_dangerous: true,
    route: "/v1/reservations/{reservation}/release",
    done: "The units are free.",
    ..Form::PLAIN
};

/// All that stand on the page of a product's stock.
pub(super) static ALL: &[&Form] = &[&ADJUST, &COUNT, &TRANSFER, &POLICY, &RELEASE];

/// What was counted, and what was seen before.
fn counted(mut body: Value, fields: &Fields) -> Value {
    body[SEEN] = fields.get(SEEN).map_or(json!(null), whole);
    body
}
