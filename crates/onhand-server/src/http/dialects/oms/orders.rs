//! Orders. With items the catalogue decides what they cost, whatever a client sends; without them
//! an order is over the amount that was sent, holds no stock and buys nothing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::limits::AMOUNT_MAX;
use onhand_core::orders::{Command, Metadata, PaymentTerms, PlaceAmount, PlaceItem};
use onhand_core::{Command as AnyCommand, Money};
use onhand_engine::limits::PAGE_ROWS_MAX;
use onhand_engine::query::{OrderFilter, Page};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown::{ItemShown, OrderShown, OrderWithItems};
use super::{Success, bad_request, not_found, with_next};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named, Params};
use crate::http::dialects::basket::{self, wrong};
use crate::http::dialects::decimal::{self, Misfit};
use crate::http::dialects::fault::{Done, Wrong};
use crate::http::dialects::fields::{Fields, Sent};
use crate::http::gate::{Caller, forbidden};
use crate::http::problem::Problem;

/// What is said of an order that was placed.
const PLACED: &str = "Order created successfully";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(place_order, list_orders))
        .routes(routes!(place_with_items))
        .routes(routes!(list_with_items))
        .routes(routes!(get_order))
}

/// An order, for the description. Status and total are read by nobody where there are items.
#[derive(ToSchema)]
#[schema(as = NewOrder, example = json!({
    "customer_id": "2", "total_amount": "91399.98",
    "items": [{"product_id": "2", "quantity": 1, "price": "83999.99"},
        {"product_id": "4", "quantity": 1, "price": "7399.99"}]
}))]
#[expect(dead_code, reason = "describes what is read field by field")]
struct OrderBody {
    /// Whose it is: the caller's own number, or any for operators. Also `customerId`.
    customer_id: Option<String>,
    /// What is to be paid for an order without items; a decimal number or its text. Also
    /// `totalAmount`.
    total_amount: Option<String>,
    items: Option<Vec<ItemBody>>,
}

#[derive(ToSchema)]
#[schema(as = NewItem)]
#[expect(dead_code, reason = "describes what is read field by field")]
struct ItemBody {
    /// The product's number.
    product_id: String,
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    quantity: i64,
}

/// Of two names of a field the one that was sent.
fn either<'a>(fields: &'a Fields, name: &str, other: &str) -> &'a Sent {
    fields.get(name).or(fields.get(other))
}

/// Whose the order is to be: as it was sent, and else the caller's. Whether the caller may say so
/// is decided with the order.
fn customer(caller: &Caller, fields: &Fields) -> Result<Option<CustomerId>, Problem> {
    let sent = either(fields, "customer_id", "customerId");
    if sent.is_nothing() {
        return Ok(caller.user().ok().map(CustomerId::of_user));
    }
    let id = sent.whole().and_then(CustomerId::new);
    id.map(Some).ok_or_else(|| wrong("/customer_id", "the number of a user", sent))
}

/// The items of a body; none where none were sent.
fn sent_items(fields: &Fields) -> Result<Vec<PlaceItem>, Problem> {
    match fields.get("items") {
        Sent::Absent | Sent::Null => Ok(Vec::new()),
        Sent::List(list) => basket::items(list, ["product_id", "productId"]),
        sent @ (Sent::Bool(_) | Sent::Number(_) | Sent::Text(_) | Sent::Object(_)) => {
            Err(wrong("/items", "a list of items", sent))
        }
    }
}

/// The amount of an order without items.
fn amount(app: &App, fields: &Fields) -> Result<Money, Wrong> {
    let sent = either(fields, "total_amount", "totalAmount");
    if sent.is_nothing() {
        return Err(bad_request("Missing required fields").into());
    }
    let currency = app.settings.dialects.currency();
    let number = sent.number_or_text().ok_or(Misfit::TooLarge);
    let money = number.and_then(|number| decimal::money(number, currency));
    let lawful = money.ok().filter(|money| (1..=AMOUNT_MAX).contains(&money.amount));
    let expected = || {
        let (least, most) = (Money::new(1, currency), Money::new(AMOUNT_MAX, currency));
        let (least, most) = (decimal::shown(least), decimal::shown(most));
        format!("an amount from {least} to {most}, with no more decimals than {currency} has")
    };
    lawful.ok_or_else(|| wrong("/total_amount", &expected(), sent).into())
}

/// Its stock is held for as long as a hold lasts; who takes the money is said when its payment
/// begins.
fn terms(app: &App) -> PaymentTerms {
    PaymentTerms::Awaited { hold_secs: app.gateways.defaults.hold_secs, through: None }
}

/// Hands in an order of the items that were sent; where none were, `without_items` says over what
/// it is.
async fn place(
    call: &Call,
    without_items: impl FnOnce(&Fields, Option<CustomerId>) -> Result<Command, Wrong>,
) -> Result<Done, Wrong> {
    let fields = Fields::of(call)?;
    let customer_id = customer(call.caller(), &fields)?;
    let items = sent_items(&fields)?;
    let command = if items.is_empty() {
        without_items(&fields, customer_id)?
    } else {
        Command::Place(basket::order(items, customer_id, terms(call.app())))
    };
    Done::of(call.submit(AnyCommand::Orders(command)).await?)
}

/// Place an order.
///
/// With items the catalogue prices it, and its stock is held for ten minutes until it is paid.
/// Without items it is over the amount that was sent: it holds no stock and buys nothing.
#[utoipa::path(post, path = "/orders", tag = "Orders", request_body = OrderBody,
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses(
        (status = 201, description = "The order", body = Success<OrderShown>),
        (status = 400, description = "Missing required fields"),
        (status = 403, description = "It is to be somebody else's"),
        (status = 404, description = "Product not found"),
        (status = 409, description = "Insufficient stock"),
        (status = 422, description = "A field is not lawful")))]
async fn place_order(call: Call) -> Result<Response, Wrong> {
    let over_amount = |fields: &Fields, customer_id| {
        Ok(Command::PlaceAmount(PlaceAmount {
            amount: amount(call.app(), fields)?,
            customer_id,
            payment: terms(call.app()),
            payment_method: None,
            metadata: Metadata::new(),
        }))
    };
    let done = place(&call, over_amount).await?;
    let shown = Success::of(StatusCode::CREATED, PLACED, OrderShown::of(done.order()?));
    Ok(done.answer(StatusCode::CREATED, &shown))
}

/// An order that was placed, with what was bought.
#[derive(Debug, Serialize, ToSchema)]
struct Placed {
    message: &'static str,
    success: bool,
    order: OrderShown,
    items: Vec<ItemShown>,
}

/// Place an order with items.
#[utoipa::path(post, path = "/orders/with-items", tag = "Orders", request_body = OrderBody,
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses(
        (status = 201, description = "The order and its items", body = Success<Placed>),
        (status = 400, description = "At least one item is required"),
        (status = 403, description = "It is to be somebody else's"),
        (status = 404, description = "Product not found"),
        (status = 409, description = "Insufficient stock"),
        (status = 422, description = "A field is not lawful")))]
async fn place_with_items(call: Call) -> Result<Response, Wrong> {
    let none = |_: &Fields, _| Err(bad_request("At least one item is required").into());
    let done = place(&call, none).await?;
    let (order, items) = (OrderShown::of(done.order()?), ItemShown::all(done.order()?));
    let data = Placed { message: PLACED, success: true, order, items };
    Ok(done.answer(StatusCode::CREATED, &Success::of(StatusCode::CREATED, PLACED, data)))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderList {
    /// Whose: the caller's own number, or any for operators. One's own when absent.
    #[serde(rename = "customerId")]
    customer_id: Option<String>,
    /// Where the last page ended, as its `Link` says.
    before: Option<i64>,
}

/// A customer as a path or query names it; to who knows only of its own orders, itself.
///
/// # Errors
/// 403 for somebody else, 422 for what is no number.
pub(super) fn visible_customer(
    caller: &Caller,
    pointer: &str,
    text: &str,
) -> Result<CustomerId, Problem> {
    let id = decimal::in_path(text).and_then(CustomerId::new);
    let wrong = || Problem::field(pointer, "expected the number of a user", text.into());
    let id = id.ok_or_else(wrong)?;
    match caller.own() {
        Some(own) if CustomerId::of_user(own) != id => {
            Err(forbidden("these are another customer's"))
        }
        Some(_) | None => Ok(id),
    }
}

/// The newest orders of a customer, up to a page of them.
pub(super) async fn orders_of(
    app: &App,
    customer_id: CustomerId,
    before: Option<i64>,
) -> Result<Page<onhand_core::orders::Order>, Problem> {
    let filter = OrderFilter { customer_id: Some(customer_id), ..OrderFilter::default() };
    Ok(app.reader.orders(filter, before, PAGE_ROWS_MAX).await?)
}

/// List a customer's orders, newest first: at most 200, and a `Link` to those that follow.
#[utoipa::path(get, path = "/orders", tag = "Orders", params(OrderList),
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "Orders", body = Success<Vec<OrderShown>>),
        (status = 403, description = "They are somebody else's")))]
async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    Params(query, sent): Params<OrderList>,
) -> Result<Response, Wrong> {
    let customer_id = match query.customer_id.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => visible_customer(&caller, "?customerId", text)?,
        None => CustomerId::of_user(caller.user()?),
    };
    let page = orders_of(&app, customer_id, query.before).await?;
    let orders: Vec<_> = page.rows.iter().map(OrderShown::of).collect();
    let shown = Success::of(StatusCode::OK, "Orders", orders);
    Ok(with_next(json_response(StatusCode::OK, &shown), "/orders", &sent, page.next))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct OwnOrderList {
    /// Where the last page ended, as its `Link` says.
    before: Option<i64>,
}

/// List one's own orders with what was bought, newest first: at most 200, and a `Link` to those
/// that follow.
#[utoipa::path(get, path = "/orders/get-items", tag = "Orders", params(OwnOrderList),
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "Orders", body = Success<Vec<OrderWithItems>>)))]
async fn list_with_items(
    State(app): State<App>,
    caller: Caller,
    Params(query, sent): Params<OwnOrderList>,
) -> Result<Response, Wrong> {
    let page = orders_of(&app, CustomerId::of_user(caller.user()?), query.before).await?;
    let orders: Vec<_> = page.rows.iter().map(OrderWithItems::of).collect();
    let shown = Success::of(StatusCode::OK, "Get All Order", orders);
    Ok(with_next(json_response(StatusCode::OK, &shown), "/orders/get-items", &sent, page.next))
}

/// Read an order: one's own, or any for whoever may read all.
#[utoipa::path(get, path = "/orders/{id}", tag = "Orders", params(("id" = String, Path,)),
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "The order", body = Success<OrderShown>),
        (status = 404, description = "Order not found")))]
async fn get_order(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let missing = || not_found("Order not found");
    let id = decimal::in_path(&id).and_then(OrderId::new).ok_or_else(missing)?;
    let order = app.reader.order(id, caller.own()).await?.ok_or_else(missing)?;
    let shown = Success::of(StatusCode::OK, "Order", OrderShown::of(&order));
    Ok(json_response(StatusCode::OK, &shown))
}
