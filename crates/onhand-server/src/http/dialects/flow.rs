//! `flow`: users who buy one unit at a time.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::Tongue;
use super::asked::Asked;
use super::fault::Fault;
use crate::app::App;
use crate::auth::limiter::Class;
use crate::http::problem::Problem;

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "orders e-commerce flow",
    fault,
    no_route,
    roots: &["/user", "/users", "/inventory", "/order"],
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
    Fault::new(problem.status, json!({"message": problem.detail, "error": Value::Null}))
}

fn no_route(asked: &Asked) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, json!({"url": format!("{} not found", asked.path())}))
}
