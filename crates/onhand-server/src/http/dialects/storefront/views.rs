//! How `storefront` shows what there is.

use onhand_core::catalog::Product;
use onhand_core::inventory::Level;
use onhand_core::orders::{Order, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::decimal;

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"id": 1, "name": "Sample product", "description": "", "price": "19.99",
    "createdAt": "2026-11-21T03:00:00Z", "updatedAt": "2026-11-21T03:00:00Z"}))]
pub(super) struct ProductRow {
    id: i64,
    name: String,
    description: String,
    /// A decimal number.
    price: String,
    created_at: String,
    updated_at: String,
}

impl ProductRow {
    pub(super) fn of(product: &Product) -> Self {
        Self {
            id: product.id.number(),
            name: product.name.as_str().to_owned(),
            description: product.description.as_str().to_owned(),
            price: decimal::shown(product.price),
            created_at: product.created_at.to_string(),
            updated_at: product.updated_at.to_string(),
        }
    }
}

/// What can be sold of a product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"id": 1, "productId": 1, "quantity": 5,
    "createdAt": "2026-11-21T03:00:00Z", "updatedAt": "2026-11-21T03:00:00Z"}))]
pub(super) struct InventoryRow {
    /// The product's number: there is one row of each.
    id: i64,
    product_id: i64,
    quantity: i64,
    created_at: String,
    updated_at: String,
}

impl InventoryRow {
    pub(super) fn of(product: &Product, level: &Level) -> Self {
        Self {
            id: product.id.number(),
            product_id: product.id.number(),
            quantity: level.available(),
            created_at: product.created_at.to_string(),
            updated_at: level.updated_at.to_string(),
        }
    }
}

/// An order of one product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"id": 1, "productId": 1, "quantity": 2, "status": "pending",
    "createdAt": "2026-11-21T03:00:00Z", "updatedAt": "2026-11-21T03:00:00Z"}))]
pub(super) struct OrderRow {
    id: i64,
    /// Of an order of several products, which other clients place, the first.
    product_id: Option<i64>,
    quantity: i64,
    #[schema(pattern = "^(pending|processed|failed)$")]
    status: &'static str,
    created_at: String,
    updated_at: String,
}

impl OrderRow {
    pub(super) fn of(order: &Order) -> Self {
        let first = order.lines.first();
        Self {
            id: order.id.number(),
            product_id: first.map(|line| line.product_id.number()),
            quantity: first.map_or(0, |line| line.quantity),
            status: status(order.status),
            created_at: order.created_at.to_string(),
            updated_at: order.updated_at.to_string(),
        }
    }
}

/// What the contract calls a state: whether payment is awaited, has come, or will not come.
fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Confirmed
        | Status::Processing
        | Status::PartiallyFulfilled
        | Status::Fulfilled
        | Status::Delivered
        | Status::Returned => "processed",
        Status::Cancelled | Status::Expired => "failed",
    }
}
