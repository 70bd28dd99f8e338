//! `/v1/orders`: placing, moving and reading orders. The rules are in the core's `orders/`.

mod bodies;
mod terms;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::ids::OrderId;
use onhand_core::limits::BATCH_ORDERS_MAX;
use onhand_core::orders::{Command, ErrorPolicy, OrderPatch, Status};
use onhand_core::text::Reference;
use onhand_engine::query::OrderFilter;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, list, page_rows};
use super::call::{Call, Named, Params, in_path};
use super::gate::Caller;
use super::kept;
use super::problem::Problem;
use super::wire::events::EventView;
use super::wire::lists::{List, WholeList};
use super::wire::orders::{BatchView, OrderView, StatesView};
use super::wire::{SentInstant, values};
use crate::app::App;
pub(super) use bodies::OrderBody;
use bodies::{
    BatchBody, CancelBody, ErrorPolicyBody, FulfilBody, NothingBody, OrderPatchBody, ReturnBody,
    lawful_lines, lawful_metadata,
};
pub(super) use terms::Checkout;

/// The routes of orders.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(place_order, list_orders))
        .routes(routes!(place_orders))
        .routes(routes!(get_order, update_order))
        .routes(routes!(get_timeline))
        .routes(routes!(confirm_order))
        .routes(routes!(cancel_order))
        .routes(routes!(fulfil_order))
        .routes(routes!(deliver_order))
        .routes(routes!(return_order))
        .routes(routes!(get_order_states))
}

/// Place an order: the catalogue prices it and its stock is held, in one commit.
#[utoipa::path(post, path = "/v1/orders", tag = "Orders",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])), request_body = OrderBody,
    params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(values::checkout_codes()))),
    responses((status = 201, description = "The order", body = OrderView<'static>)))]
async fn place_order(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Problem> {
    let checkout = Checkout { app: &app, is_customer: caller.own().is_some() };
    let order = call.json::<OrderBody>()?.lawful("", checkout)?;
    let answer = call.submit_once(AnyCommand::Orders(Command::Place(order))).await?;
    app.owed.notify_one();
    answered(answer, StatusCode::CREATED)
}

/// Place many orders in one commit; outcomes in the order of the input.
#[utoipa::path(post, path = "/v1/orders/batch", tag = "Orders",
    security(("bearer" = ["orders:write"])), request_body = BatchBody,
    params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(values::checkout_codes()))),
    responses((status = 200, description = "One outcome per order", body = BatchView<'static>)))]
async fn place_orders(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let checkout = Checkout { app: &app, is_customer: false };
    let body: BatchBody = call.json()?;
    if body.orders.is_empty() || body.orders.len() > BATCH_ORDERS_MAX {
        let expected = format!("expected 1 to {BATCH_ORDERS_MAX} orders");
        return Err(Problem::field("/orders", expected, body.orders.len().into()));
    }
    let lawful = |(at, order): (usize, OrderBody)| order.lawful(&format!("/orders/{at}"), checkout);
    let orders = body.orders.into_iter().enumerate().map(lawful).collect::<Result<_, _>>()?;
    let error_policy = match body.error_policy {
        Some(ErrorPolicyBody::RejectAll) => ErrorPolicy::RejectAll,
        Some(ErrorPolicyBody::RejectFailed) | None => ErrorPolicy::RejectFailed,
    };
    let command = Command::PlaceMany { orders, error_policy };
    answered(call.submit_once(AnyCommand::Orders(command)).await?, StatusCode::OK)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderList {
    limit: Option<u32>,
    starting_after: Option<String>,
    status: Option<String>,
    customer: Option<String>,
    sku: Option<String>,
    external_reference: Option<String>,
    created_from: Option<String>,
    created_before: Option<String>,
}

impl OrderList {
    async fn filter(&self, app: &App) -> Result<Option<OrderFilter>, Problem> {
        let mut filter = OrderFilter::default();
        if let Some(text) = &self.status {
            let names: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
            let expected = format!("expected one of {}", names.join(", "));
            let status = Status::from_name(text);
            filter.status = Some(
                status.ok_or_else(|| Problem::field("?status", expected, text.as_str().into()))?,
            );
        }
        if let Some(text) = &self.customer {
            filter.customer_id = Some(parsed("?customer", text)?);
        }
        if let Some(text) = &self.external_reference {
            let reference = Reference::new(text.as_str());
            filter.external_reference = Some(reference.map_err(|error| {
                Problem::field("?external_reference", error.to_string(), text.as_str().into())
            })?);
        }
        if let Some(text) = &self.created_from {
            filter.created_from = Some(parsed::<SentInstant>("?created_from", text)?.0);
        }
        if let Some(text) = &self.created_before {
            filter.created_before = Some(parsed::<SentInstant>("?created_before", text)?.0);
        }
        if let Some(text) = &self.sku {
            let reference = super::catalog::product_ref(text)?;
            match app.reader.product(reference).await? {
                Some(product) => filter.product_id = Some(product.id),
                None => return Ok(None),
            }
        }
        Ok(Some(filter))
    }
}

fn parsed<T: std::str::FromStr>(pointer: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Problem::field(pointer, error.to_string(), text.into()))
}

/// List orders, newest first.
#[utoipa::path(get, path = "/v1/orders", tag = "Orders",
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])), params(OrderList),
    extensions(("x-codes" = json!(["not_found"]))),
    responses((status = 200, description = "A page", body = List<OrderView<'static>>)))]
async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    Params(query, sent): Params<OrderList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), OrderId::number)?;
    let filter = query.filter(&app).await?.and_then(|filter| filter.of(caller.own()));
    let page = match filter {
        Some(filter) => app.reader.orders(filter, before, limit).await?,
        None => onhand_engine::query::Page { rows: Vec::new(), next: None },
    };
    Ok(list(&page, ("/v1/orders", &sent), OrderView::of, |id| format!("ord_{id}")))
}

/// Read an order.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "Orders",
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    params(("id" = String, Path,)),
    extensions(("x-codes" = json!(["unknown_order"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn get_order(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Problem> {
    let order_id: OrderId = in_path(&id)?;
    let order = kept::order(&app, order_id, caller.own()).await?;
    order.ok_or_else(|| unknown_order(order_id))
}

fn unknown_order(order_id: OrderId) -> Problem {
    onhand_core::Refusal::from(onhand_core::orders::Refusal::UnknownOrder { order_id }).into()
}

/// Read the history of an order, oldest first.
#[utoipa::path(get, path = "/v1/orders/{id}/timeline", tag = "Orders",
    security(("bearer" = ["orders:read"]), ("bearer" = ["orders:own"])),
    params(("id" = String, Path,)),
    extensions(("x-codes" = json!(["unknown_order"]))),
    responses((status = 200, description = "Its events", body = WholeList<EventView<'static>>)))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Problem> {
    let order_id = in_path(&id)?;
    let rows = app
        .reader
        .timeline(order_id, caller.own())
        .await?
        .ok_or_else(|| unknown_order(order_id))?;
    let data = rows.iter().map(EventView::of).collect();
    let url = format!("/v1/orders/{id}/timeline");
    Ok(json_response(StatusCode::OK, &WholeList::new(url, data)))
}

/// Say that a pending order needs no further payment: its hold becomes an allocation.
#[utoipa::path(post, path = "/v1/orders/{id}/confirm", tag = "Orders",
    security(("bearer" = ["orders:write"])),
    request_body = NothingBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "invalid_transition",
        "reservation_expired"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn confirm_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let NothingBody {} = call.json_or(NothingBody {})?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Confirm { id, expected_version }).await
}

async fn move_order(call: &Call, command: Command) -> Result<Response, Problem> {
    answered(call.submit_once(AnyCommand::Orders(command)).await?, StatusCode::OK)
}

/// Cancel an order nothing of which has left.
#[utoipa::path(post, path = "/v1/orders/{id}/cancel", tag = "Orders",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])), request_body = CancelBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "invalid_transition"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn cancel_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let CancelBody { reason } = call.json_or(CancelBody { reason: None })?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Cancel { id, expected_version, reason }).await
}

/// Let units leave: some, or all that are left.
#[utoipa::path(post, path = "/v1/orders/{id}/fulfilments", tag = "Orders",
    security(("bearer" = ["orders:write"])),
    request_body = FulfilBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "unknown_line", "more_than_left",
        "nothing_left", "invalid_transition", "too_many_fulfilments"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn fulfil_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let body: FulfilBody = call.json_or(FulfilBody::default())?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let (lines, tracking) = (lawful_lines(body.lines)?, body.tracking.map(Into::into));
    move_order(&call, Command::Fulfil { id, expected_version, lines, tracking }).await
}

/// Say that everything has arrived.
#[utoipa::path(post, path = "/v1/orders/{id}/deliver", tag = "Orders",
    security(("bearer" = ["orders:write"])),
    request_body = NothingBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "invalid_transition"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn deliver_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let NothingBody {} = call.json_or(NothingBody {})?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Deliver { id, expected_version }).await
}

/// Take units back.
#[utoipa::path(post, path = "/v1/orders/{id}/returns", tag = "Orders",
    security(("bearer" = ["orders:write"])), request_body = ReturnBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "unknown_line", "more_than_left",
        "nothing_left", "invalid_transition", "unknown_location", "quantity_too_large"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn return_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let nothing =
        ReturnBody { lines: None, restock: None, location_id: None, reason: None, reference: None };
    let body: ReturnBody = call.json_or(nothing)?;
    let command = Command::Return {
        id: in_path(&id)?,
        expected_version: call.expected_version()?,
        lines: lawful_lines(body.lines)?,
        restock: body.restock.unwrap_or(true),
        location_id: body.location_id.map(|id| id.0),
        reason: body.reason,
        reference: body.reference,
    };
    move_order(&call, command).await
}

/// Change shipping address or metadata of an order that has not left.
#[utoipa::path(patch, path = "/v1/orders/{id}", tag = "Orders",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    request_body = OrderPatchBody,
    params(("id" = String, Path,), ("If-Match" = String, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "invalid_transition", "card_data"]))),
    responses((status = 200, description = "The order", body = OrderView<'static>)))]
async fn update_order(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let body: OrderPatchBody = call.json()?;
    let metadata = body.metadata.map(|metadata| lawful_metadata("/metadata", metadata));
    let shipping_address = body.shipping_address.map(Into::into);
    let patch = OrderPatch { shipping_address, metadata: metadata.transpose()? };
    let (id, expected_version) = (in_path(&id)?, call.required_version()?);
    let command = Command::Update { id, expected_version, patch };
    answered(call.submit(AnyCommand::Orders(command)).await?, StatusCode::OK)
}

/// Read the graph of an order's states.
#[utoipa::path(get, path = "/v1/order-states", tag = "Orders",
    security(()),
    extensions(("x-codes" = json!([]))),
    responses((status = 200, description = "States and transitions", body = StatesView)))]
async fn get_order_states() -> Response {
    json_response(StatusCode::OK, &StatesView::new())
}
