//! `oms`: users, orders and payments of an order management system.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
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
    title: "Order Management System",
    fault,
    no_route,
    roots: &["/users", "/orders", "/payments", "/api/payments"],
    class,
    correlation: None,
    is_open: false,
};

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

fn class(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, "/users/create" | "/users/login") => Class::Auth,
        (&Method::POST, "/orders" | "/orders/with-items") => Class::Checkout,
        (method, route) => super::by_method(method, route),
    }
}

/// An error in the contract's envelope.
fn error(status: StatusCode, message: &str, details: Value) -> Fault {
    let code = match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        422 => "VALIDATION_ERROR",
        429 => "RATE_LIMIT_EXCEEDED",
        500.. => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    };
    let body = json!({"statusCode": status.as_u16(), "success": false, "message": message,
        "error": {"code": code, "details": details}});
    Fault::new(status, body)
}

fn fault(problem: &Problem, asked: &Asked) -> Fault {
    let message = match asked.denial {
        Some(Denial::Nothing) => "No token provided",
        Some(Denial::Form) => "Invalid token format",
        Some(Denial::Expired) => "Token expired",
        Some(Denial::Bad) => "Invalid token",
        None => problem.detail.as_str(),
    };
    error(problem.status, message, Value::Null)
}

fn no_route(asked: &Asked) -> Fault {
    let message = format!("Cannot {} {}", asked.method(), asked.path());
    error(StatusCode::NOT_FOUND, &message, Value::Null)
}
