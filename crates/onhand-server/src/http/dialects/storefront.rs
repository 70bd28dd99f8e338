//! `storefront`: products, inventory and orders of a shop.

use axum::http::{Method, StatusCode};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

use super::Tongue;
use super::asked::Asked;
use super::fault::Fault;
use crate::app::App;
use crate::auth::limiter::Class;
use crate::http::problem::Problem;

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "Inventory and Order Management System",
    fault,
    no_route,
    roots: &["/product", "/inventory", "/order", "/status"],
    class,
    correlation: None,
};

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

fn class(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, "/order") => Class::Checkout,
        (method, route) => super::by_method(method, route),
    }
}

fn fault(problem: &Problem, _: &Asked) -> Fault {
    Fault::new(problem.status, json!({"ok": false, "error": problem.detail}))
}

fn no_route(asked: &Asked) -> Fault {
    let error = format!("Cannot {} {}", asked.method(), asked.path());
    Fault::new(StatusCode::NOT_FOUND, json!({"ok": false, "error": error}))
}
