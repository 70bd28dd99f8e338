//! What can be done with products. Categories are boxes to tick, which the page hands over; from
//! them follows the list that the route asks for.

use axum::http::Method;
use maud::{Markup, html};
use onhand_core::catalog::Category;
use onhand_core::ids::CategoryId;
use serde_json::Value;

use super::super::fields::Fields;
use super::super::form::{Field, Form, Kind};
use super::super::visit::Visit;
use super::PATH;

/// Before the id of a category in the name of its box.
const BOX: &str = "category.";
/// That the boxes were on the page: none of them ticked then says that there are none.
const BOXES: &str = "categories";

const NAME: Field =
    Field { name: "name", label: "Name", hint: "", kind: Kind::Line(100), is_required: true };

const DESCRIPTION: Field = Field {
    name: "description",
    label: "Description",
    hint: "",
    kind: Kind::Text(2_000),
    is_required: false,
};

const PRICE: Field = Field {
    name: "price",
    label: "Price of one unit",
    hint: "With its currency, like 499.00 INR. Orders keep the price at which they were placed.",
    kind: Kind::Money,
    is_required: true,
};

const ACTIVE: Field = Field {
    name: "active",
    label: "It can be ordered",
    hint: "",
    kind: Kind::Check,
    is_required: false,
};

pub(super) static CREATE: Form = Form {
    name: "create-product",
    title: "New product",
    button: "Create the product",
    hint: "Its stock begins at none: adjust it afterwards.",
    route: "/v1/products",
    fields: &[
        Field {
            name: "sku",
            label: "SKU",
            hint: "Your own name for it, which never changes",
            kind: Kind::Line(64),
            is_required: true,
        },
        NAME,
        DESCRIPTION,
        PRICE,
        ACTIVE,
    ],
    complete: with_categories,
    done: "The product is there.",
    then: Some(|answer| format!("{PATH}/{}", answer["id"].as_str().unwrap_or_default())),
    ..Form::PLAIN
};

pub(super) static EDIT: Form = Form {
    name: "edit",
    title: "Change",
    method: Method::PATCH,
    route: "/v1/products/{product}",
    fields: &[NAME, DESCRIPTION, PRICE, ACTIVE],
    complete: changed,
    done: "The product is changed.",
    ..Form::PLAIN
};

pub(super) static DELETE: Form = Form {
    name: "delete-product",
    title: "Delete",
    button: "Take it out of the catalogue",
    hint: "Its ledger and its orders stay. This is refused while any of it is there or promised.",
    is_dangerous: true,
    method: Method::DELETE,
    route: "/v1/products/{product}",
    done: "The product is out of the catalogue.",
    then: Some(|_| PATH.to_owned()),
    ..Form::PLAIN
};

/// Those of the list.
pub(super) static OF_LIST: &[&Form] = &[&CREATE];
/// Those of one product.
pub(super) static OF_ONE: &[&Form] = &[&EDIT, &DELETE];

/// A description that is empty now is sent: it was taken away.
fn changed(body: Value, fields: &Fields) -> Value {
    let mut body = with_categories(body, fields);
    if body.get("description").is_none() {
        body["description"] = "".into();
    }
    body
}

fn with_categories(mut body: Value, fields: &Fields) -> Value {
    if fields.get(BOXES).is_some() {
        let ids = fields.below(BOX).map(|(id, _)| Value::from(id));
        body["category_ids"] = ids.collect();
    }
    body
}

/// The boxes: those that are ticked are the ones that the product is filed under, or, where the
/// form has just failed, those that somebody had ticked.
pub(super) fn boxes(
    visit: &Visit,
    form: &Form,
    categories: &[Category],
    filed: &[CategoryId],
) -> Markup {
    let is_ticked = |category: &Category| match visit.tried(form) {
        Some(_) => visit.typed(form, &format!("{BOX}{}", category.id)).is_some(),
        None => filed.contains(&category.id),
    };
    html! {
        @if !categories.is_empty() {
            fieldset {
                legend { "Categories" }
                input type="hidden" name=(BOXES) value="yes";
                @for category in categories {
                    label class="line" {
                        input type="checkbox" name={ (BOX) (category.id) } value="yes"
                            checked[is_ticked(category)];
                        " " (category.name)
                    }
                }
            }
        }
    }
}
