//! Placing and reading orders. Whoever places one here places it for itself: there is no other
//! customer in this contract.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{self, PlaceItem, PlaceOrder};
use onhand_core::text::Name;
use onhand_engine::limits::PAGE_ROWS_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown::OrderShown;
use super::{Success, items_required, not_authorized, order_not_found};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named, Params};
use crate::http::dialects::basket::{self, object, wrong};
use crate::http::dialects::decimal;
use crate::http::dialects::fault::Wrong;
use crate::http::dialects::fields::{Fields, Sent};
use crate::http::gate::Caller;
use crate::http::kept::{self, Found};
use crate::http::orders::Checkout;
use crate::http::problem::Problem;
use crate::notifications::channel;

/// Rows of a page where the client says nothing.
const ROWS_DEFAULT: usize = 10;

const PAYMENT_METHODS: [&str; 3] = ["Credit Card", "PayPal", "Bank Transfer"];

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(place_order, list_orders)).routes(routes!(get_order))
}

/// An order, for the description.
#[derive(ToSchema)]
#[schema(as = NewOrder, rename_all = "camelCase", example = json!({
    "items": [{"productId": "2", "quantity": 1}],
    "shippingAddress": {"street": "123 Main St", "city": "New York", "state": "NY",
        "zipCode": "10001", "country": "USA"},
    "paymentMethod": "Credit Card"
}))]
#[expect(dead_code, reason = "describes what is read field by field")]
struct OrderBody {
    #[schema(min_items = 1)]
    items: Vec<ItemBody>,
    shipping_address: AddressBody,
    #[schema(pattern = "^(Credit Card|PayPal|Bank Transfer)$")]
    payment_method: String,
}

#[derive(ToSchema)]
#[schema(as = NewItem, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read field by field")]
struct ItemBody {
    /// The product's number.
    product_id: String,
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    quantity: i64,
}

#[derive(ToSchema)]
#[schema(as = NewShippingAddress, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read field by field")]
struct AddressBody {
    street: String,
    city: String,
    state: String,
    zip_code: String,
    country: String,
}

fn items(sent: &Sent) -> Result<Vec<PlaceItem>, Wrong> {
    let Sent::List(items) = sent else {
        let other = || wrong("/items", "a list of items", sent).into();
        return Err(if sent.is_nothing() { items_required().into() } else { other() });
    };
    if items.is_empty() {
        return Err(items_required().into());
    }
    Ok(basket::items(items, ["productId", "productId"])?)
}

fn address(sent: &Sent) -> Result<orders::Address, Problem> {
    let fields = object("/shippingAddress", sent)?;
    let part = |name: &str| {
        let sent = fields.get(name);
        // A postal code is often sent as a number.
        let text = match (sent, name) {
            (Sent::Number(digits), "zipCode") => Some(digits.as_str()),
            _ => sent.text(),
        };
        let part = text.and_then(|text| Name::new(text).ok());
        part.ok_or_else(|| wrong(format!("/shippingAddress/{name}"), "a text in one line", sent))
    };
    Ok(orders::Address {
        name: None,
        street: part("street")?,
        city: part("city")?,
        state: Some(part("state")?),
        postal_code: Some(part("zipCode")?),
        country: part("country")?,
    })
}

fn payment_method(sent: &Sent) -> Result<Name, Problem> {
    let known = sent.text().filter(|text| PAYMENT_METHODS.contains(text));
    let name = known.and_then(|text| Name::new(text).ok());
    let expected = || format!("one of {}", PAYMENT_METHODS.join(", "));
    name.ok_or_else(|| wrong("/paymentMethod", &expected(), sent))
}

/// An order, in its place.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OneOrder)]
struct OneOrder {
    order: OrderShown,
    /// Where it was found: `cache` or `database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

/// Place an order for oneself. The catalogue prices it and its stock is held, in one commit; a
/// worker takes it up. Where a payment gateway is configured it is paid through that first.
#[utoipa::path(post, path = "/api/orders", tag = "Orders", request_body = OrderBody,
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses(
        (status = 201, description = "The order, Pending", body = Success<OneOrder>),
        (status = 400, description = "Validation Error, Items are required"),
        (status = 409, description = "Inventory check failed")))]
async fn place_order(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Wrong> {
    let customer_id = CustomerId::of_user(caller.user()?);
    let fields = Fields::of(&call)?;
    let items = items(fields.get("items"))?;
    let terms = Checkout { app: &app, is_customer: true }.usual_terms()?;
    let order = PlaceOrder {
        payment_method: Some(payment_method(fields.get("paymentMethod"))?),
        shipping_address: Some(address(fields.get("shippingAddress"))?),
        metadata: channel::entry(channel::PROCESSING),
        ..basket::order(items, Some(customer_id), terms)
    };
    let done = basket::place(&call, order).await?;
    let shown = OneOrder { order: OrderShown::of(done.order()?), source: None };
    Ok(done.answer(StatusCode::CREATED, &Success::of(shown)))
}

/// Read an order: one's own, or any for whoever may read all.
#[utoipa::path(get, path = "/api/orders/{id}", tag = "Orders", params(("id" = String, Path,)),
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    responses(
        (status = 200, description = "The order, and where it was found",
            body = Success<OneOrder>),
        (status = 403, description = "Not authorized to access this order"),
        (status = 404, description = "Order not found")))]
async fn get_order(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let id = decimal::in_path(&id).and_then(OrderId::new).ok_or_else(order_not_found)?;
    let found = kept::find_order(&app, id).await?.ok_or_else(order_not_found)?;
    if !found.is_seen_by(caller.own()) {
        return Err(not_authorized().into());
    }
    let (order, source) = match found {
        Found::Read(order, _) => (OrderShown::of(&order), "database"),
        Found::Kept(worded) => match OrderShown::of_words(&worded.body()) {
            Ok(order) => (order, "cache"),
            Err(error) => {
                tracing::error!(%error, "a kept order cannot be read");
                return Err(Problem::internal().into());
            }
        },
    };
    Ok(json_response(StatusCode::OK, &Success::of(OneOrder { order, source: Some(source) })))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderList {
    /// From 1, which is that of the newest orders.
    page: Option<String>,
    /// Orders of a page; at most 200.
    limit: Option<String>,
}

/// A number of the query from 1, however large; the usual one where it is absent or empty.
fn counted(name: &str, text: Option<&str>, usual: usize) -> Result<usize, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(usual) };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| text.parse().unwrap_or(usize::MAX));
    let lawful = number.filter(|number| *number >= 1);
    lawful
        .ok_or_else(|| Problem::field(format!("?{name}"), "expected a number from 1", text.into()))
}

/// Which page it is of how many.
#[derive(Debug, Serialize, ToSchema)]
struct Pagination {
    /// Orders of all pages; counted up to 10,000.
    total: usize,
    page: usize,
    limit: usize,
    pages: usize,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPage)]
struct OrderPage {
    orders: Vec<OrderShown>,
    pagination: Pagination,
}

/// List one's own orders, newest first.
#[utoipa::path(get, path = "/api/orders", tag = "Orders", params(OrderList),
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    responses(
        (status = 200, description = "A page", body = Success<OrderPage>),
        (status = 400, description = "Validation Error")))]
async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    Params(query, _): Params<OrderList>,
) -> Result<Response, Wrong> {
    let customer_id = CustomerId::of_user(caller.user()?);
    let page = counted("page", query.page.as_deref(), 1)?;
    let limit = counted("limit", query.limit.as_deref(), ROWS_DEFAULT)?.min(PAGE_ROWS_MAX);
    let newer = (page - 1).saturating_mul(limit);
    let found = app.reader.numbered_orders(customer_id, newer, limit).await?;
    let orders = found.rows.iter().map(OrderShown::of).collect();
    let pages = found.total.div_ceil(limit);
    let pagination = Pagination { total: found.total, page, limit, pages };
    Ok(json_response(StatusCode::OK, &Success::of(OrderPage { orders, pagination })))
}
