//! `stock`: stock levels and reservations by SKU.

use axum::extract::State;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::text::Sku;
use onhand_engine::query::StockRow;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Tongue;
use super::asked::Asked;
use super::fault::{Fault, Wrong};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::Named;
use crate::http::problem::Problem;

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
};

fn routes() -> OpenApiRouter<App> {
    let all = || OpenApiRouter::new().routes(routes!(get_stock_level));
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
        let quantity = row.levels.iter().map(onhand_core::inventory::Level::available).sum();
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
    responses((status = 200, description = "The figures", body = StockLevel)))]
async fn get_stock_level(
    State(app): State<App>,
    Named(product_id): Named,
) -> Result<Response, Wrong> {
    let product = ProductRef::Sku(sku(&product_id)?);
    let row = app.reader.stock(product.clone(), None).await?;
    let row = row.ok_or_else(|| Problem::unknown(&product))?;
    Ok(json_response(StatusCode::OK, &StockLevel::of(&row)))
}

/// The product's SKU; what cannot be one is nobody's.
fn sku(text: &str) -> Result<Sku, Problem> {
    Sku::new(text).map_err(|_| Problem::not_found(&format!("the product `{text}`")))
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
        _ => error(problem.status, problem.detail.as_str()),
    }
}

fn no_route(asked: &Asked) -> Fault {
    error(StatusCode::NOT_FOUND, format!("Cannot {} {}", asked.method(), asked.path()))
}
