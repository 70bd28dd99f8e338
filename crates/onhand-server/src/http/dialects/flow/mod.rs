//! `flow`: users who buy one unit at a time. A user is an account without a password, so that
//! nobody can log in with it; what a user has ordered of a product is shown as one row.

mod orders;
mod products;
mod users;

use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Timestamp;
use onhand_core::limits::NAME_CHARS_MAX;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Tongue;
use super::asked::Asked;
use super::fault::{Fault, Wrong};
use super::fields::Fields;
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::Call;
use crate::http::problem::Problem;

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "orders e-commerce flow",
    fault,
    no_route,
    roots: &["/user", "/users", "/inventory", "/order"],
    class: super::by_order,
    correlation: None,
    is_open: false,
};

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(users::create_user))
        .routes(routes!(users::list_users))
        .routes(routes!(products::list_products, products::create_product))
        .routes(routes!(orders::list_orders, orders::create_order))
}

/// Whatever was asked for.
#[derive(Debug, Serialize, ToSchema)]
struct Resp<T> {
    resp: T,
}

fn answer(resp: impl Serialize) -> Response {
    json_response(StatusCode::OK, &Resp { resp })
}

fn message(status: StatusCode, message: &str) -> Fault {
    Fault::new(status, json!({"message": message, "error": Value::Null}))
}

/// A bad request in the words of the contract.
fn bad(text: &str) -> Wrong {
    message(StatusCode::BAD_REQUEST, text).into()
}

fn missing(field: &str) -> Wrong {
    bad(&format!("{field} field is missing from body params"))
}

fn unknown_user() -> Fault {
    message(StatusCode::NOT_FOUND, "No user exists with the given ID")
        .literally(StatusCode::INTERNAL_SERVER_ERROR)
}

fn unknown_product() -> Fault {
    message(StatusCode::NOT_FOUND, "No product exists with the given ID")
        .literally(StatusCode::CONFLICT)
}

fn fault(problem: &Problem, _: &Asked) -> Fault {
    let conflict = |text| message(StatusCode::CONFLICT, text);
    match problem.code {
        "email_taken" => {
            conflict("A user with same email id already exists. Please login with the same email")
        }
        "sku_taken" => conflict(
            "A product with same name already exists. Please register prodduct with some different \
             name",
        ),
        "insufficient_stock" => conflict("Product is out of stock"),
        "unknown_product" | "product_inactive" => unknown_product(),
        "unknown_user" => unknown_user(),
        _ if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            message(StatusCode::BAD_REQUEST, &problem.detail)
        }
        _ => message(problem.status, &problem.detail),
    }
}

fn no_route(asked: &Asked) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, json!({"url": format!("{} not found", asked.path())}))
}

/// The fields of a body, JSON or a form.
fn fields(call: &Call) -> Result<Fields, Problem> {
    if call.media_type().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Fields::of_form(call.body()));
    }
    Fields::of(call)
}

/// When something was made and changed.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Times {
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    updated_at: Timestamp,
}

/// Why a name is none.
fn name_bounds() -> String {
    format!("name must be a text of 1 to {NAME_CHARS_MAX} characters")
}
