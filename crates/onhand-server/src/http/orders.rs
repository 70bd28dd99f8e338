//! `/v1/orders`: placing, moving and reading orders. The rules are in the core's `orders/`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{CustomerId, LocationId, OrderId, ProductId};
use onhand_core::limits::{
    BATCH_ORDERS_MAX, METADATA_ENTRIES_MAX, ORDER_LINES_MAX, REFERENCE_CHARS_MAX,
};
use onhand_core::orders::{
    Address, Command, ErrorPolicy, LineQuantity, Metadata, Order, OrderPatch, Payment, PlaceItem,
    PlaceOrder, Status, TRANSITIONS, Tracking,
};
use onhand_core::text::{Name, Reason, Reference, Sku};
use onhand_core::{Command as AnyCommand, Money, Quantity, Timestamp};
use onhand_engine::sqlite::OrderFilter;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, json_response, list, page_rows, versioned};
use super::call::{Call, Params, in_path};
use super::problem::{Problem, ProblemBody};
use super::reservations::lawful_hold_secs;
use super::wire::{self, OrderView, Shown};
use crate::app::App;

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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sku: Option<Sku>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    product_id: Option<Shown<ProductId>>,
    #[schema(value_type = i64, minimum = 1)]
    quantity: Quantity,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Provider {
    /// Paid outside onhand; an operator confirms the order.
    Manual,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PaymentBody {
    /// Who takes the payment.
    #[expect(dead_code, reason = "there is one so far; parsing refuses all others")]
    provider: Provider,
    /// Life of the stock's hold in seconds.
    #[serde(default)]
    expires_in_s: Option<i64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"sku": "TEA-1", "quantity": 2}]}))]
pub(super) struct OrderBody {
    items: Vec<ItemBody>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    customer_id: Option<Shown<CustomerId>>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    shipping_address: Option<Address>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    payment_method: Option<Name>,
    #[serde(default)]
    payment: Option<PaymentBody>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    expected_total: Option<Money>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    external_reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Metadata,
}

fn lawful_metadata(pointer: &str, metadata: Metadata) -> Result<Metadata, Problem> {
    let too_long = metadata.iter().any(|(name, value)| {
        name.is_empty() || name.len() > REFERENCE_CHARS_MAX || value.len() > REFERENCE_CHARS_MAX
    });
    if too_long || metadata.len() > METADATA_ENTRIES_MAX {
        let expected = format!(
            "expected at most {METADATA_ENTRIES_MAX} entries of at most {REFERENCE_CHARS_MAX} bytes"
        );
        return Err(Problem::field(pointer, expected, metadata.len().into()));
    }
    Ok(metadata)
}

impl OrderBody {
    /// The command; `at` is where the body stands in the request.
    pub(super) fn lawful(self, at: &str) -> Result<PlaceOrder, Problem> {
        if self.items.is_empty() || self.items.len() > ORDER_LINES_MAX {
            let expected = format!("expected 1 to {ORDER_LINES_MAX} items");
            return Err(Problem::field(format!("{at}/items"), expected, self.items.len().into()));
        }
        let mut items = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.into_iter().enumerate() {
            let product = match (item.sku, item.product_id) {
                (Some(sku), None) => ProductRef::Sku(sku),
                (None, Some(id)) => ProductRef::Id(id.0),
                (Some(_), Some(_)) | (None, None) => {
                    let expected = "expected either `sku` or `product_id`";
                    return Err(Problem::field(
                        format!("{at}/items/{index}"),
                        expected,
                        Value::Null,
                    ));
                }
            };
            items.push(PlaceItem { product, quantity: item.quantity });
        }
        let payment = match self.payment {
            None => Payment::NotRequired,
            Some(payment) => Payment::Awaited {
                hold_secs: lawful_hold_secs(
                    &format!("{at}/payment/expires_in_s"),
                    payment.expires_in_s,
                )?,
            },
        };
        Ok(PlaceOrder {
            items,
            customer_id: self.customer_id.map(|id| id.0),
            payment,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address,
            expected_total: self.expected_total,
            external_reference: self.external_reference,
            metadata: lawful_metadata(&format!("{at}/metadata"), self.metadata)?,
        })
    }
}

/// Place an order: the catalogue prices it and its stock is held, in one commit.
#[utoipa::path(post, path = "/v1/orders", tag = "Orders", request_body = OrderBody,
    params(("Idempotency-Key" = String, Header,)),
    responses((status = 201, description = "The order", body = Object),
        (status = 409, description = "`insufficient_stock` with the figures", body = ProblemBody),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn place_order(call: Call) -> Result<Response, Problem> {
    let order = call.json::<OrderBody>()?.lawful("")?;
    let answer = call.submit_once(AnyCommand::Orders(Command::Place(order))).await?;
    answered(answer, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ErrorPolicyBody {
    RejectFailed,
    RejectAll,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    orders: Vec<OrderBody>,
    #[serde(default)]
    error_policy: Option<ErrorPolicyBody>,
}

/// Place many orders in one commit; outcomes in the order of the input.
#[utoipa::path(post, path = "/v1/orders/batch", tag = "Orders", request_body = BatchBody,
    params(("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "One outcome per order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn place_orders(call: Call) -> Result<Response, Problem> {
    let body: BatchBody = call.json()?;
    if body.orders.is_empty() || body.orders.len() > BATCH_ORDERS_MAX {
        let expected = format!("expected 1 to {BATCH_ORDERS_MAX} orders");
        return Err(Problem::field("/orders", expected, body.orders.len().into()));
    }
    let lawful = |(at, order): (usize, OrderBody)| order.lawful(&format!("/orders/{at}"));
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
            filter.created_from = Some(parsed::<Timestamp>("?created_from", text)?);
        }
        if let Some(text) = &self.created_before {
            filter.created_before = Some(parsed::<Timestamp>("?created_before", text)?);
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
#[utoipa::path(get, path = "/v1/orders", tag = "Orders", params(OrderList),
    responses((status = 200, description = "A page", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn list_orders(
    State(app): State<App>,
    Params(query): Params<OrderList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), OrderId::number)?;
    let page = match query.filter(&app).await? {
        Some(filter) => app.reader.orders(filter, before, limit).await?,
        None => onhand_engine::sqlite::Page { rows: Vec::new(), next: None },
    };
    let show = |order: &Order| serde_json::to_value(OrderView::of(order)).unwrap_or_default();
    Ok(list(&page, "/v1/orders", show, |id| format!("ord_{id}")))
}

/// Read an order.
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "Orders", params(("id" = String, Path,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn get_order(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let order_id: OrderId = in_path(&id)?;
    let order = app.reader.order(order_id).await?;
    let order = order.ok_or_else(|| unknown_order(order_id))?;
    Ok(versioned(StatusCode::OK, order.version, &OrderView::of(&order)))
}

fn unknown_order(order_id: OrderId) -> Problem {
    onhand_core::Refusal::from(onhand_core::orders::Refusal::UnknownOrder { order_id }).into()
}

/// Read the history of an order, oldest first.
#[utoipa::path(get, path = "/v1/orders/{id}/timeline", tag = "Orders",
    params(("id" = String, Path,)),
    responses((status = 200, description = "Its events", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn get_timeline(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let order_id = in_path(&id)?;
    let rows = app.reader.timeline(order_id).await?.ok_or_else(|| unknown_order(order_id))?;
    let data: Vec<_> = rows.iter().map(wire::event).collect();
    let url = format!("/v1/orders/{id}/timeline");
    Ok(json_response(
        StatusCode::OK,
        &json!({"object": "list", "url": url, "has_more": false, "data": data}),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NothingBody {}

/// Say that a pending order needs no further payment: its hold becomes an allocation.
#[utoipa::path(post, path = "/v1/orders/{id}/confirm", tag = "Orders",
    request_body = NothingBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn confirm_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let NothingBody {} = call.json_or(NothingBody {})?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Confirm { id, expected_version }).await
}

async fn move_order(call: &Call, command: Command) -> Result<Response, Problem> {
    answered(call.submit_once(AnyCommand::Orders(command)).await?, StatusCode::OK)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
}

/// Cancel an order nothing of which has left.
#[utoipa::path(post, path = "/v1/orders/{id}/cancel", tag = "Orders", request_body = CancelBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn cancel_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let CancelBody { reason } = call.json_or(CancelBody { reason: None })?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Cancel { id, expected_version, reason }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineBody {
    line: u32,
    #[schema(value_type = i64, minimum = 1)]
    quantity: Quantity,
}

fn lawful_lines(lines: Option<Vec<LineBody>>) -> Result<Option<Vec<LineQuantity>>, Problem> {
    let Some(lines) = lines else { return Ok(None) };
    if lines.is_empty() || lines.len() > ORDER_LINES_MAX {
        let expected = format!("expected 1 to {ORDER_LINES_MAX} lines, or none for all");
        return Err(Problem::field("/lines", expected, lines.len().into()));
    }
    let line = |line: LineBody| LineQuantity { line: line.line, quantity: line.quantity };
    Ok(Some(lines.into_iter().map(line).collect()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FulfilBody {
    #[serde(default)]
    lines: Option<Vec<LineBody>>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    tracking: Option<Tracking>,
}

/// Let units leave: some, or all that are left.
#[utoipa::path(post, path = "/v1/orders/{id}/fulfilments", tag = "Orders",
    request_body = FulfilBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn fulfil_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let body: FulfilBody = call.json_or(FulfilBody::default())?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let (lines, tracking) = (lawful_lines(body.lines)?, body.tracking);
    move_order(&call, Command::Fulfil { id, expected_version, lines, tracking }).await
}

/// Say that everything has arrived.
#[utoipa::path(post, path = "/v1/orders/{id}/deliver", tag = "Orders",
    request_body = NothingBody, params(("id" = String, Path,),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn deliver_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let NothingBody {} = call.json_or(NothingBody {})?;
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    move_order(&call, Command::Deliver { id, expected_version }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnBody {
    #[serde(default)]
    lines: Option<Vec<LineBody>>,
    /// Whether the units go back on the shelf; they do when absent.
    #[serde(default)]
    restock: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    location_id: Option<Shown<LocationId>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reference: Option<Reference>,
}

/// Take units back.
#[utoipa::path(post, path = "/v1/orders/{id}/returns", tag = "Orders", request_body = ReturnBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn return_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderPatchBody {
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    shipping_address: Option<Address>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

/// Change shipping address or metadata of an order that has not left.
#[utoipa::path(patch, path = "/v1/orders/{id}", tag = "Orders", request_body = OrderPatchBody,
    params(("id" = String, Path,), ("If-Match" = String, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The order", body = Object),
        (status = "4XX", description = "Refused", body = ProblemBody)))]
async fn update_order(Path(id): Path<String>, call: Call) -> Result<Response, Problem> {
    let body: OrderPatchBody = call.json()?;
    let metadata = body.metadata.map(|metadata| lawful_metadata("/metadata", metadata));
    let patch =
        OrderPatch { shipping_address: body.shipping_address, metadata: metadata.transpose()? };
    let (id, expected_version) = (in_path(&id)?, call.required_version()?);
    let command = Command::Update { id, expected_version, patch };
    answered(call.submit(AnyCommand::Orders(command)).await?, StatusCode::OK)
}

/// Read the graph of an order's states.
#[utoipa::path(get, path = "/v1/order-states", tag = "Orders",
    responses((status = 200, description = "States and transitions", body = Object)))]
async fn get_order_states() -> Response {
    let state = |status: &Status| json!({"status": status, "is_terminal": status.is_terminal()});
    json_response(
        StatusCode::OK,
        &json!({
            "object": "order_states",
            "states": Status::ALL.iter().map(state).collect::<Vec<_>>(),
            "transitions": TRANSITIONS,
        }),
    )
}
