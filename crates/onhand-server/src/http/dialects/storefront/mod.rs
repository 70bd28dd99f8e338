//! `storefront`: products, inventory and orders of a shop. A product's inventory is its stock at
//! the first active location, and its row has the product's number; an order is of one product.

mod inventory;
mod orders;
mod products;
mod views;

use axum::http::{Method, StatusCode};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::fault::{Fault, Wrong};
use super::{Tongue, decimal};
use crate::app::App;
use crate::http::problem::Problem;

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "Inventory and Order Management System",
    fault,
    no_route,
    roots: &["/product", "/inventory", "/order", "/status"],
    class: super::by_order,
    correlation: None,
    is_open: true,
};

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(products::list_products, products::create_product))
        .routes(routes!(products::replace_product, products::delete_product))
        .routes(routes!(inventory::list_inventory, inventory::create_inventory))
        .routes(routes!(inventory::set_inventory, inventory::delete_inventory))
        .routes(routes!(orders::list_orders, orders::create_order))
        .routes(routes!(orders::get_order))
}

/// What a route says it has failed to do.
fn failed(asked: &Asked) -> &'static str {
    let route = asked.route();
    match (asked.method().as_str(), route) {
        ("POST", "/product") => "Failed to create product",
        ("PUT", "/product/{id}") => "Failed to update product",
        ("DELETE", "/product/{id}") => "Failed to delete product",
        (_, "/product") => "Failed to fetch products",
        ("POST", "/inventory") => "Failed to create inventory",
        ("PUT", "/inventory/{id}") => "Failed to update inventory",
        ("DELETE", "/inventory/{id}") => "Failed to delete inventory",
        (_, "/inventory") => "Failed to fetch inventory",
        ("POST", "/order") => "Failed to create order",
        _ => "Failed to fetch orders",
    }
}

/// What is missing of whatever the original looks up first.
fn missing(error: &str) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, json!({"ok": false, "error": error}))
}

fn fault(problem: &Problem, asked: &Asked) -> Fault {
    let is_unknown = ["unknown_product", "unknown_order", "not_found"].contains(&problem.code);
    let is_create = asked.method() == Method::POST;
    match asked.route() {
        "/product/{id}" if is_unknown => return missing("Product not found"),
        "/inventory" if is_unknown => return missing("Product not found"),
        "/inventory/{id}" if is_unknown => return missing("Inventory not found"),
        "/order/{id}" if is_unknown => {
            let body = json!({"ok": false, "error": failed(asked)});
            let literal = StatusCode::INTERNAL_SERVER_ERROR;
            return Fault::new(StatusCode::NOT_FOUND, body).literally(literal);
        }
        _ => {}
    }
    let (status, message) = match problem.code {
        "unknown_product" | "product_inactive" => {
            (StatusCode::NOT_FOUND, "Product not found in inventory")
        }
        "insufficient_stock" if is_create => {
            (StatusCode::CONFLICT, "Insufficient stock in inventory")
        }
        // What is wrong in form is a bad request here, whatever form it is.
        _ if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            (StatusCode::BAD_REQUEST, problem.detail.as_str())
        }
        _ => (problem.status, problem.detail.as_str()),
    };
    let fault =
        Fault::new(status, json!({"ok": false, "error": failed(asked), "message": message}));
    match status {
        // The original knows neither keys nor limits.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => fault,
        status if status.is_client_error() => fault.literally(StatusCode::INTERNAL_SERVER_ERROR),
        _ => fault,
    }
}

fn no_route(asked: &Asked) -> Fault {
    missing(&asked.cannot())
}

/// A bad request with a message of the contract's.
fn bad(message: &str) -> Wrong {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", message).into()
}

/// A row of this number; what is no number has no row.
fn numbered<T>(text: &str, id: impl FnOnce(i64) -> Option<T>) -> Result<T, Problem> {
    let number = decimal::in_path(text).filter(|_| !text.starts_with('0')).and_then(id);
    number.ok_or_else(|| Problem::not_found(&format!("`{text}`")))
}
