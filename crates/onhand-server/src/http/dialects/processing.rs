//! `processing`: orders of users that a queue processes. Users and tokens are in
//! `processing/auth.rs`, orders in `processing/orders.rs`, and what both show in
//! `processing/shown.rs`.

mod auth;
mod orders;
pub(in crate::http) mod shown;

use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::Tongue;
use super::asked::Asked;
use super::fault::{Fault, wrong_fields};
use crate::app::App;
use crate::auth::limiter::Class;
use crate::http::gate::Denial;
use crate::http::problem::Problem;

pub(super) const TONGUE: Tongue = Tongue {
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
    OpenApiRouter::new().merge(auth::routes()).merge(orders::routes())
}

fn class(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, route) if route.starts_with("/api/auth/") => Class::Auth,
        (&Method::POST, "/api/orders") => Class::Checkout,
        (method, route) => super::by_method(method, route),
    }
}

/// A success in the contract's envelope.
#[derive(Debug, Serialize, ToSchema)]
struct Success<T> {
    success: bool,
    data: T,
}

impl<T> Success<T> {
    fn of(data: T) -> Self {
        Self { success: true, data }
    }
}

/// An error in the contract's envelope.
fn error(status: StatusCode, message: &str) -> Fault {
    Fault::new(status, json!({"success": false, "error": {"message": message}}))
}

/// The same with what is wrong where.
fn invalid(problem: &Problem) -> Fault {
    let mut errors = wrong_fields(problem);
    if errors.is_empty() {
        errors.push(json!({"field": "", "message": problem.detail}));
    }
    let error = json!({"message": "Validation Error", "errors": errors});
    Fault::new(StatusCode::BAD_REQUEST, json!({"success": false, "error": error}))
}

fn items_required() -> Fault {
    error(StatusCode::BAD_REQUEST, "Items are required")
}

fn order_not_found() -> Fault {
    error(StatusCode::NOT_FOUND, "Order not found")
}

fn not_authorized() -> Fault {
    error(StatusCode::FORBIDDEN, "Not authorized to access this order")
}

fn fault(problem: &Problem, asked: &Asked) -> Fault {
    if let Some(denial) = asked.denial {
        let message = match denial {
            Denial::Nothing | Denial::Form => "No token provided",
            Denial::Expired => "Token expired",
            Denial::NoUser => "User not found",
            Denial::Bad => "Invalid token",
        };
        return error(problem.status, message);
    }
    let conflict =
        |message| error(StatusCode::CONFLICT, message).literally(StatusCode::BAD_REQUEST);
    match problem.code {
        "invalid_credentials" => error(problem.status, "Invalid credentials"),
        "unauthenticated" if asked.route() == "/api/auth/refresh" => {
            error(problem.status, "Invalid refresh token")
        }
        "unauthenticated" | "rights_withdrawn" => error(problem.status, "Invalid token"),
        "not_found" if asked.route() == "/api/orders/{id}" => order_not_found(),
        "email_taken" => conflict("User already exists"),
        "insufficient_stock" | "unknown_product" | "product_inactive" | "no_location" => {
            conflict("Inventory check failed")
        }
        "validation_failed" | "unknown_field" | "card_data" | "malformed_json"
        | "body_too_deep" | "body_incomplete" => invalid(problem),
        _ => error(problem.status, &problem.detail),
    }
}

fn no_route(asked: &Asked) -> Fault {
    error(StatusCode::NOT_FOUND, &asked.cannot())
}
