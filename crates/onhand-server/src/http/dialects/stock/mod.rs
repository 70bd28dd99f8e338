//! `stock`: stock levels and reservations by SKU. What an order of the client's holds is a
//! reservation under that order's id; what is sold elsewhere, and what comes in, is an adjustment.

mod bodies;
mod holds;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::catalog::{Product, ProductRef};
use onhand_core::inventory::{Adjustment, Command, Level};
use onhand_core::text::{Reason, Sku};
use onhand_engine::query::StockRow;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Tongue;
use super::asked::Asked;
use super::fault::{Fault, Wrong};
use super::fields::Fields;
use super::natural::Natural;
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named};
use crate::http::problem::Problem;
use bodies::{EventKind, Failure, OfOrder, Success, UpdateStock};

pub(super) static TONGUE: Tongue = Tongue {
    routes,
    title: "Inventory Management Microservice",
    fault,
    no_route,
    roots: &[
        "/inventory/stock-levels",
        "/inventory/update-stock",
        "/inventory/reserve-order",
        "/inventory/cancel-reservation",
        "/v1/api",
    ],
    class: super::by_method,
    correlation: Some(HeaderName::from_static("x-correlation-id")),
    is_open: false,
};

fn routes() -> OpenApiRouter<App> {
    let all = || {
        OpenApiRouter::new()
            .routes(routes!(get_stock_level))
            .routes(routes!(update_stock))
            .routes(routes!(reserve_order))
            .routes(routes!(cancel_reservation))
    };
    all().nest("/v1/api", all())
}

/// What is known of a product's stock: the documented shape, and the one that clients have met.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"statusCode": 200, "message": "Success",
    "data": {"productId": "123", "quantity": 5, "reserved": 0,
        "createdAt": "2026-11-21T03:00:00Z", "updatedAt": "2026-11-21T03:00:00Z"},
    "productId": "123", "quantity": 5, "lastUpdated": "2026-11-21T03:00:00Z"}))]
struct StockLevel {
    status_code: u16,
    message: &'static str,
    data: StockData,
    product_id: String,
    /// Units that can still be sold.
    quantity: i64,
    last_updated: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StockData {
    product_id: String,
    /// Units that can still be sold.
    quantity: i64,
    /// Units that are held.
    reserved: i64,
    created_at: String,
    updated_at: String,
}

impl StockLevel {
    fn of(row: &StockRow) -> Self {
        let product_id = row.product.sku.as_str().to_owned();
        let quantity = row.levels.iter().map(Level::available).sum();
        let reserved = row.levels.iter().map(|level| level.reserved).sum();
        let updated_at = row.levels.iter().map(|level| level.updated_at).max();
        let updated_at = updated_at.unwrap_or(row.product.created_at).to_string();
        Self {
            status_code: 200,
            message: "Success",
            data: StockData {
                product_id: product_id.clone(),
                quantity,
                reserved,
                created_at: row.product.created_at.to_string(),
                updated_at: updated_at.clone(),
            },
            product_id,
            quantity,
            last_updated: updated_at,
        }
    }
}

/// Read what can be sold of a product.
#[utoipa::path(get, path = "/inventory/stock-levels/{productId}", tag = "Inventory",
    security(("bearer" = ["stock:read"])),
    params(("productId" = String, Path, description = "The SKU")),
    responses((status = 200, description = "The figures", body = StockLevel),
        (status = 400, description = "601: no such product", body = Failure)))]
async fn get_stock_level(
    State(app): State<App>,
    Named(product_id): Named,
) -> Result<Response, Wrong> {
    let unknown = || Problem::not_found(&format!("the product `{product_id}`"));
    let sku = Sku::new(product_id.as_str()).map_err(|_| unknown())?;
    let row = app.reader.stock(ProductRef::Sku(sku), None).await?.ok_or_else(unknown)?;
    Ok(json_response(StatusCode::OK, &StockLevel::of(&row)))
}

/// By which name the product is meant; what cannot be a SKU is nobody's.
fn named(text: &str) -> Result<ProductRef, Problem> {
    let sku = Sku::new(text).map_err(|_| Problem::not_found(&format!("the product `{text}`")))?;
    Ok(ProductRef::Sku(sku))
}

/// The product.
async fn product(app: &App, text: &str) -> Result<Product, Wrong> {
    let named = named(text)?;
    let product = app.reader.product(named.clone()).await?;
    Ok(product.ok_or_else(|| Problem::unknown(&named))?)
}

/// Take in an event: units that came, or that were sold elsewhere.
#[utoipa::path(post, path = "/inventory/update-stock", tag = "Inventory",
    security(("bearer" = ["stock:write"])), request_body = UpdateStock,
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "It was taken in, now or before", body = Success),
        (status = 400, description = "601: no such product; 602: too little of it",
            body = Failure)))]
async fn update_stock(call: Call) -> Result<Response, Wrong> {
    let event = bodies::event(&Fields::of(&call)?)?;
    let product = product(call.app(), &event.product_id).await?;
    let Some(quantity) = event.quantity else { return Ok(success()) };
    let (delta, reason) = match event.kind {
        EventKind::StockUpdate => (quantity.units(), "received"),
        EventKind::OrderPlaced => (-quantity.units(), "sale"),
    };
    let adjustment = Adjustment {
        product: ProductRef::Id(product.id),
        location_id: None,
        delta,
        reason: lawful_reason(reason)?,
        reference: None,
        occurred_at: Some(event.occurred_at),
    };
    let (units, at) = (quantity.units().to_string(), event.occurred_at.to_string());
    let name = [event.kind.as_str(), &event.product_id, &units, &at];
    let natural = Natural { kind: "stock event", name: &name, contents: &[] };
    let command = AnyCommand::Inventory(Command::Adjust(vec![adjustment]));
    Ok(natural.submit_once(&call, command).await?.answer(StatusCode::OK, &Success::new()))
}

fn lawful_reason(text: &str) -> Result<Reason, Problem> {
    Reason::new(text).map_err(|error| Problem::field("/eventType", error.to_string(), text.into()))
}

/// Hold units for an order.
#[utoipa::path(put, path = "/inventory/reserve-order/{productId}", tag = "Inventory",
    security(("bearer" = ["stock:write"])), request_body = OfOrder,
    params(("productId" = String, Path, description = "The SKU"),
        ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The order holds them, now or before", body = Success),
        (status = 400, description = "601: no such product; 602: too little of it", body = Failure),
        (status = 409, description = "The order holds another number", body = Failure)))]
async fn reserve_order(Named(product_id): Named, call: Call) -> Result<Response, Wrong> {
    let wanted = bodies::of_order(&Fields::of(&call)?)?;
    let Some(quantity) = wanted.quantity else {
        product(call.app(), &product_id).await?;
        return Ok(success());
    };
    let product = named(&product_id)?;
    holds::reserve(&call, product, wanted.order, quantity).await
}

/// Give back units that an order holds.
#[utoipa::path(put, path = "/inventory/cancel-reservation/{productId}", tag = "Inventory",
    security(("bearer" = ["stock:write"])), request_body = OfOrder,
    params(("productId" = String, Path, description = "The SKU"),
        ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "They are given back", body = Success),
        (status = 400, description = "601: no such product; 603: the order holds less",
            body = Failure)))]
async fn cancel_reservation(Named(product_id): Named, call: Call) -> Result<Response, Wrong> {
    let wanted = bodies::of_order(&Fields::of(&call)?)?;
    let Some(quantity) = wanted.quantity else {
        product(call.app(), &product_id).await?;
        return Ok(success());
    };
    let product = named(&product_id)?;
    holds::cancel(&call, product, wanted.order, quantity).await
}

fn success() -> Response {
    json_response(StatusCode::OK, &Success::new())
}

/// An answer of the framework that the original was written with.
fn error(status: StatusCode, message: impl Into<Value>) -> Fault {
    let words = status.canonical_reason().unwrap_or("Error");
    let body = json!({"statusCode": status.as_u16(), "message": message.into(), "error": words});
    Fault::new(status, body)
}

/// A refusal with a code of the contract's own.
fn refused(code: u16, message: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, json!({"statusCode": code, "message": message}))
}

fn fault(problem: &Problem, _: &Asked) -> Fault {
    match problem.code {
        "unknown_sku" | "unknown_product" | "not_found" => refused(601, "Product not found"),
        "insufficient_stock" => refused(602, "Product not available"),
        "holds_less" => refused(603, "No more reserve product"),
        "occurred_in_future" => {
            bodies::invalid(vec!["timestamp must not lie in the future".into()])
        }
        "quantity_too_large" => bodies::invalid(vec![bodies::too_large()]),
        // What is malformed is a bad request, whatever is wrong with its form.
        _ if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            bodies::invalid(vec![problem.detail.clone()])
        }
        _ => error(problem.status, problem.detail.as_str()),
    }
}

fn no_route(asked: &Asked) -> Fault {
    error(StatusCode::NOT_FOUND, asked.cannot())
}
