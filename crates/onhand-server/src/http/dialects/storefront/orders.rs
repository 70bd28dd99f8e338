//! `/order`: orders of one product.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::ids::{OrderId, ProductId};
use onhand_core::{Quantity, Refusal};
use onhand_engine::query::OrderFilter;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::basket;
use super::super::fault::Wrong;
use super::super::fields::Fields;
use super::super::whole::{ROWS, Whole};
use super::views::OrderRow;
use super::{bad, numbered};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named};
use crate::http::gate::Caller;
use crate::http::problem::Problem;

/// What to buy.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(rename_all = "camelCase", example = json!({"productId": 1, "quantity": 2}))]
pub(super) struct OrderFields {
    product_id: i64,
    #[schema(minimum = 1)]
    quantity: i64,
}

/// An order was placed.
#[derive(Debug, Serialize)]
struct Created {
    ok: bool,
    message: &'static str,
    order: OrderRow,
}

/// List the orders, oldest first.
#[utoipa::path(get, path = "/order", tag = "Order",
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    responses((status = 200, description = "At most 1000, the newest; `Link` says where more are",
        body = Vec<OrderRow>)))]
pub(super) async fn list_orders(State(app): State<App>, caller: Caller) -> Result<Response, Wrong> {
    let mut list = Whole::new();
    if let Some(filter) = OrderFilter::default().of(caller.own()) {
        while list.wants_more() {
            list.take_in(app.reader.orders(filter.clone(), list.before, ROWS).await?);
        }
    }
    let orders: Vec<_> = list.oldest_first().map(OrderRow::of).collect();
    let body = json!({"ok": true, "message": "Fetched Orders!", "orders": orders});
    Ok(list.linked(json_response(StatusCode::OK, &body), "/v1/orders", "ord"))
}

/// Place an order: its stock is held now, and payment runs behind the answer.
#[utoipa::path(post, path = "/order", tag = "Order",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    request_body = OrderFields, params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 201, description = "The order", body = OrderRow)))]
pub(super) async fn create_order(call: Call) -> Result<Response, Wrong> {
    const MISSING: &str = "Please provide a productId and quantity";
    let fields = Fields::of(&call)?;
    let (product_id, quantity) = (fields.get("productId"), fields.get("quantity"));
    let quantity = quantity.whole().and_then(Quantity::new).ok_or_else(|| bad(MISSING))?;
    if product_id.is_missing() {
        return Err(bad(MISSING));
    }
    // What is no number of a product is the number of none.
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "unknown_product", "there is no such one");
    let product = product_id.whole().and_then(ProductId::new).ok_or_else(unknown)?;
    let order = basket::order_of_one(&call, product, quantity, None)?;
    let done = basket::place(&call, order).await?;
    let message = "Order created and processing started";
    let created = Created { ok: true, message, order: OrderRow::of(done.order()?) };
    Ok(done.answer(StatusCode::CREATED, &created))
}

/// Read an order.
#[utoipa::path(get, path = "/order/{id}", tag = "Order",
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    params(("id" = i64, Path,)),
    responses((status = 200, description = "The order", body = OrderRow)))]
pub(super) async fn get_order(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let order_id = numbered(&id, OrderId::new)?;
    let unknown = || Refusal::from(onhand_core::orders::Refusal::UnknownOrder { order_id });
    let order = app.reader.order(order_id, caller.own()).await?.ok_or_else(unknown)?;
    let order = OrderRow::of(&order);
    let body = json!({"ok": true, "message": "Fetched Order!", "order": order});
    Ok(json_response(StatusCode::OK, &body))
}
