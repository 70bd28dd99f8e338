//! `/order`: one unit of a product for a user. What a user has ordered of one product is one row,
//! with the sum of all the orders that have not failed.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use onhand_core::ids::{CustomerId, ProductId, UserId};
use onhand_core::orders::{Order, Status};
use onhand_core::{Quantity, Timestamp};
use onhand_engine::query::OrderFilter;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::basket;
use super::super::fault::{Fault, Wrong};
use super::super::fields::{Fields, Sent};
use super::super::uuids;
use super::super::whole::{ROWS, Whole};
use super::products::{self, ProductRow};
use super::{Resp, Times, answer, fields, missing, unknown_product, unknown_user};
use crate::app::App;
use crate::http::call::Call;

/// What a user has ordered of a product.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FlowOrder, example = json!({"id": 1, "uuid": "6f1c2d3e-0000-8000-8000-000000000001",
    "user_id": 1, "inventory_id": 1, "count": 2, "created_at": "2026-11-21T03:00:00Z",
    "updated_at": "2026-11-21T03:00:00Z"}))]
pub(super) struct OrderRow {
    /// Number of the first order.
    id: i64,
    uuid: String,
    user_id: i64,
    inventory_id: i64,
    /// Units in all of them.
    count: i64,
    #[serde(flatten)]
    times: Times,
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory: Option<ProductRow>,
}

/// Who buys what.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(as = FlowNewOrder, rename_all = "camelCase",
    example = json!({"productId": 1, "userId": 1}))]
pub(super) struct OrderFields {
    product_id: i64,
    user_id: i64,
}

/// What a user has ordered of one product, while it is added up.
struct Sum {
    first: i64,
    count: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Adds up orders, the oldest first, by product.
fn sums<'a>(orders: impl Iterator<Item = &'a Order>) -> BTreeMap<ProductId, Sum> {
    let mut sums: BTreeMap<ProductId, Sum> = BTreeMap::new();
    for order in orders.filter(|order| !has_failed(order.status)) {
        for line in &order.lines {
            let (created_at, updated_at) = (order.created_at, order.updated_at);
            let first = Sum { first: order.id.number(), count: 0, created_at, updated_at };
            let sum = sums.entry(line.product_id).or_insert(first);
            sum.count += line.quantity;
            sum.updated_at = sum.updated_at.max(updated_at);
        }
    }
    sums
}

fn has_failed(status: Status) -> bool {
    match status {
        Status::Cancelled | Status::Expired => true,
        Status::Pending
        | Status::Confirmed
        | Status::Processing
        | Status::PartiallyFulfilled
        | Status::Fulfilled
        | Status::Delivered
        | Status::Returned => false,
    }
}

impl OrderRow {
    fn of(user: UserId, product: ProductId, sum: &Sum, inventory: Option<ProductRow>) -> Self {
        let (user_id, inventory_id) = (user.number(), product.number());
        Self {
            id: sum.first,
            uuid: uuids::of("flow order", &[user_id, inventory_id]).to_string(),
            user_id,
            inventory_id,
            count: sum.count,
            times: Times { created_at: sum.created_at, updated_at: sum.updated_at },
            inventory,
        }
    }
}

/// The orders of a user, of one product or of all.
async fn orders_of(
    app: &App,
    user: UserId,
    product_id: Option<ProductId>,
) -> Result<Whole<Order>, Wrong> {
    let customer_id = Some(CustomerId::of_user(user));
    let filter = OrderFilter { customer_id, product_id, ..OrderFilter::default() };
    let mut list = Whole::new();
    while list.wants_more() {
        list.take_in(app.reader.orders(filter.clone(), list.before, ROWS).await?);
    }
    Ok(list)
}

/// The user of this number, if there is one.
async fn known_user(app: &App, sent: &Sent) -> Result<Option<UserId>, Wrong> {
    let Some(user) = sent.whole().and_then(UserId::new) else { return Ok(None) };
    Ok(app.identities.is_user(user, &app.reader).await?.then_some(user))
}

/// What is said where there is no such user: of the product first, if there is none either.
async fn nobody(app: &App, product: ProductId) -> Result<Fault, Wrong> {
    let known = products::stock(app, product).await?;
    let is_sold = known.is_some_and(|row| row.product.deleted_at.is_none());
    Ok(if is_sold { unknown_user() } else { unknown_product() })
}

/// Buy one unit for a user.
#[utoipa::path(post, path = "/order", tag = "Order", security(("bearer" = ["orders:write"])),
    request_body = OrderFields, params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The product as it is left, and the user's row of it",
        body = serde_json::Value)))]
pub(super) async fn create_order(call: Call) -> Result<Response, Wrong> {
    let fields = fields(&call)?;
    let (product_id, user_id) = (fields.get("productId"), fields.get("userId"));
    if product_id.is_missing() {
        return Err(missing("productId"));
    }
    if user_id.is_missing() {
        return Err(missing("userId"));
    }
    let app = call.app();
    let product = product_id.whole().and_then(ProductId::new).ok_or_else(unknown_product)?;
    let Some(user) = known_user(app, user_id).await? else {
        return Err(nobody(app, product).await?.into());
    };
    let one = Quantity::new(1).ok_or_else(unknown_product)?;
    let order = basket::order_of_one(&call, product, one, Some(CustomerId::of_user(user)))?;
    let done = basket::place(&call, order).await?;
    let (left, list) =
        tokio::join!(products::stock(app, product), orders_of(app, user, Some(product)));
    let (left, list) = (left?.ok_or_else(unknown_product)?, list?);
    let mut sums = sums(list.oldest_first());
    let row = sums.remove(&product).map(|sum| OrderRow::of(user, product, &sum, None));
    let resp = json!([ProductRow::of_row(&left), row]);
    Ok(done.answer(StatusCode::OK, &Resp { resp }))
}

/// List what a user has ordered, a row for each product.
#[utoipa::path(get, path = "/order", tag = "Order", security(("bearer" = ["orders:read"])),
    params(("userId" = Option<i64>, Query, description = "Where the body does not say it")),
    responses((status = 200, description = "Of at most the 1000 newest orders",
        body = Resp<Vec<OrderRow>>)))]
pub(super) async fn list_orders(
    State(app): State<App>,
    uri: Uri,
    call: Call,
) -> Result<Response, Wrong> {
    let of_body = fields(&call)?;
    let of_query = Fields::of_form(uri.query().unwrap_or_default().as_bytes());
    let sent = [&of_body, &of_query].map(|fields| fields.get("userId"));
    let sent = sent.into_iter().find(|sent| !sent.is_missing()).ok_or_else(|| missing("userId"))?;
    // Who is no user has ordered nothing.
    let Some(user) = sent.whole().and_then(UserId::new) else {
        return Ok(answer(Vec::<OrderRow>::new()));
    };
    let list = orders_of(&app, user, None).await?;
    let mut rows = Vec::new();
    for (product, sum) in sums(list.oldest_first()) {
        let inventory = products::stock(&app, product).await?;
        let inventory = inventory.map(|row| ProductRow::of_row(&row));
        rows.push(OrderRow::of(user, product, &sum, inventory));
    }
    Ok(list.linked(answer(rows), "/v1/orders", "ord"))
}
