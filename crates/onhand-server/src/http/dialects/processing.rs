//! `processing`: orders of users that a queue processes.

use axum::http::{Method, StatusCode};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

use super::Tongue;
use super::asked::Asked;
use super::fault::Fault;
use crate::app::App;
use crate::auth::limiter::Class;
use crate::http::gate::Denial;
use crate::http::problem::Problem;

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "Order Processing System",
    fault,
    no_route,
    roots: &["/api/auth", "/api/orders"],
    class,
    correlation: None,
    is_open: false,
};

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

fn class(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, route) if route.starts_with("/api/auth/") => Class::Auth,
        (&Method::POST, "/api/orders") => Class::Checkout,
        (method, route) => super::by_method(method, route),
    }
}

/// An error in the contract's envelope.
fn error(status: StatusCode, message: &str) -> Fault {
    Fault::new(status, json!({"success": false, "error": {"message": message}}))
}

fn fault(problem: &Problem, asked: &Asked) -> Fault {
    let message = match asked.denial {
        Some(Denial::Nothing | Denial::Form) => "No token provided",
        Some(Denial::Expired) => "Token expired",
        Some(Denial::Bad) => "Invalid token",
        None => problem.detail.as_str(),
    };
    error(problem.status, message)
}

fn no_route(asked: &Asked) -> Fault {
    error(StatusCode::NOT_FOUND, &format!("Cannot {} {}", asked.method(), asked.path()))
}
