//! `oms`: users, orders and payments of an order management system. Each has a file in `oms/`, and
//! what they show is in `oms/shown.rs`.

mod orders;
mod payments;
mod shown;
mod users;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
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
        .merge(users::routes())
        .merge(orders::routes())
        .merge(payments::routes())
        .nest("/api", payments::routes())
}

fn class(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, "/users/create" | "/users/login") => Class::Auth,
        (&Method::POST, "/orders" | "/orders/with-items") => Class::Checkout,
        (method, route) => super::by_method(method, route),
    }
}

/// A success in the contract's envelope.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Success<T> {
    status_code: u16,
    success: bool,
    message: &'static str,
    data: T,
}

impl<T> Success<T> {
    fn of(status: StatusCode, message: &'static str, data: T) -> Self {
        Self { status_code: status.as_u16(), success: true, message, data }
    }
}

/// Says where the next page of a list is that has no pages in the contract.
fn with_next(mut response: Response, path: &str, sent: &str, next: Option<i64>) -> Response {
    let kept = sent.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("before="));
    let cursor = next.map(|next| format!("before={next}"));
    if let Some(cursor) = cursor {
        let query: Vec<_> = kept.chain([cursor.as_str()]).collect();
        let link = HeaderValue::from_str(&format!("<{path}?{}>; rel=\"next\"", query.join("&")));
        if let Ok(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}

/// An error in the contract's envelope.
fn error(status: StatusCode, message: &str, details: Value) -> Fault {
    Fault::new(status, said(status, message, details))
}

/// The same where the original sends another status, which its body says as well.
fn unlike(status: StatusCode, literal: StatusCode, message: &str, details: Value) -> Fault {
    let literal_body = said(literal, message, details.clone());
    error(status, message, details).literally_with(literal, literal_body)
}

fn said(status: StatusCode, message: &str, details: Value) -> Value {
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
    json!({"statusCode": status.as_u16(), "success": false, "message": message,
        "error": {"code": code, "details": details}})
}

fn bad_request(message: &str) -> Fault {
    error(StatusCode::BAD_REQUEST, message, Value::Null)
}

fn not_found(message: &str) -> Fault {
    error(StatusCode::NOT_FOUND, message, Value::Null)
}

fn fault(problem: &Problem, asked: &Asked) -> Fault {
    let plain = |message: &str| error(problem.status, message, Value::Null);
    if let Some(denial) = asked.denial {
        return plain(match denial {
            Denial::Nothing => "No token provided",
            Denial::Form => "Invalid token format",
            Denial::Expired => "Token expired",
            Denial::Bad | Denial::NoUser => "Invalid token",
        });
    }
    match problem.code {
        "invalid_credentials" => plain("Invalid email or password"),
        "unauthenticated" | "rights_withdrawn" => plain("Invalid token"),
        "email_taken" => {
            let message = "User already exists with this email";
            unlike(problem.status, StatusCode::BAD_REQUEST, message, Value::Null)
        }
        "unknown_order" => plain("Order not found"),
        "unknown_product" => plain("Product not found"),
        "not_found" if asked.route().ends_with("/webhook") => plain("Razorpay is not configured"),
        "not_found" if asked.route().starts_with("/orders/") => plain("Order not found"),
        "not_found" if asked.route().contains("/payments/") => plain("Payment not found"),
        "no_payment" => plain("Payment not found"),
        "insufficient_stock" => {
            let items = problem.facts.get("items").cloned().unwrap_or_default();
            error(problem.status, "Insufficient stock", items)
        }
        "signature_missing" => bad_request("Missing webhook signature"),
        "signature_wrong" => bad_request("Invalid webhook signature"),
        "validation_failed" | "unknown_field" | "card_data" => {
            let errors = wrong_fields(problem).into();
            error(StatusCode::UNPROCESSABLE_ENTITY, "Validation failed", errors)
        }
        "internal" => plain("Internal server error"),
        _ => plain(&problem.detail),
    }
}

fn no_route(asked: &Asked) -> Fault {
    not_found(&asked.cannot())
}
