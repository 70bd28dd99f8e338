//! Payments through Razorpay: begun for an order, told of by the gateway, and looked at. What a
//! client sends of amount, status or owner is read by nobody.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use onhand_core::Command as AnyCommand;
use onhand_core::Refusal;
use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use onhand_core::payments::{self, Command, Provider};
use onhand_core::text::GatewayId;
use onhand_engine::limits::PAGE_ROWS_MAX;
use onhand_engine::query::PaymentFilter;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::orders::visible_customer;
use super::shown::{PaymentShown, RefundShown};
use super::{Success, bad_request, not_found, unlike, with_next};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named, Params};
use crate::http::dialects::decimal;
use crate::http::dialects::fault::{Done, Fault, Wrong};
use crate::http::dialects::fields::Fields;
use crate::http::gate::Caller;
use crate::http::payments::{is_signed, notices, once_payable};
use crate::limits::INTENT_WAIT;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_payment))
        .routes(routes!(receive_event))
        .routes(routes!(verify_payment))
        .routes(routes!(get_of_order))
        .routes(routes!(get_of_try))
        .routes(routes!(list_of_user))
        .routes(routes!(list_refunds))
}

fn no_payment() -> Fault {
    not_found("Payment not found")
}

/// What is to be paid, for the description. Amount, user and status are read by nobody.
#[derive(ToSchema)]
#[schema(as = NewPayment, example = json!({"order_id": "3", "user_id": "2", "amount": "500.00"}))]
#[expect(dead_code, reason = "describes what is read field by field")]
struct PaymentBody {
    /// The order's number. Also `orderId`.
    order_id: String,
}

/// That there is one already.
#[derive(Debug, Serialize, ToSchema)]
struct Again {
    /// Contains `already initiated`.
    message: &'static str,
}

/// Begin the payment of an order, through Razorpay.
///
/// The order's total is what is to be paid. The answer waits a little until the gateway has given
/// its order's id. An order has one payment: a repeat says so.
#[utoipa::path(post, path = "/payments", tag = "Payments", request_body = PaymentBody,
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses(
        (status = 200, description = "The payment, or that there is one already",
            body = Success<PaymentShown>),
        (status = 400, description = "Missing required fields"),
        (status = 404, description = "Order not found"),
        (status = 409, description = "The order cannot be paid any more")))]
async fn start_payment(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Wrong> {
    let fields = Fields::of(&call)?;
    let sent = fields.get("order_id").or(fields.get("orderId"));
    if sent.is_nothing() {
        return Err(bad_request("Missing required fields").into());
    }
    let order_id = sent.whole().and_then(OrderId::new);
    let order_id = order_id.ok_or_else(|| not_found("Order not found"))?;
    if !app.gateways.has(Provider::Razorpay) {
        return Err(bad_request("Razorpay is not configured").into());
    }
    let capture = app.gateways.defaults.capture;
    let (provider, expected_version) = (Provider::Razorpay, None);
    let command = Command::Start { order_id, expected_version, provider, capture };
    let answer = call.submit(AnyCommand::Payments(command)).await?;
    if let Err(Refusal::Payments(
        payments::Refusal::PaymentExists { .. } | payments::Refusal::AlreadyPaid { .. },
    )) = &answer.outcome
    {
        let again = Again { message: "Payment already initiated for this order" };
        let shown = Success::of(StatusCode::OK, again.message, again);
        return Ok(json_response(StatusCode::OK, &shown));
    }
    app.owed.notify_one();
    let done = Done::of(answer)?;
    let begun = done.order()?;
    let found = once_payable(&app, order_id, caller.own(), INTENT_WAIT).await?;
    let shown = PaymentShown::of(found.as_ref().unwrap_or(begun)).ok_or_else(no_payment)?;
    Ok(done.answer(StatusCode::OK, &Success::of(StatusCode::OK, "Payment initiated", shown)))
}

/// That a message was taken in.
#[derive(Debug, Serialize, ToSchema)]
struct Received {
    received: bool,
}

/// Take in an event of Razorpay.
///
/// The signature is checked on the bytes as they came, before any of them is read. What is signed
/// is answered with 200, also when it came before or means nothing to us.
#[utoipa::path(post, path = "/payments/webhook", tag = "Payments", security(()),
    request_body(content = serde_json::Value, content_type = "application/json",
        description = "As the gateway sends and signs it.", example = json!({"event": "..."})),
    params(("x-razorpay-signature" = String, Header,)),
    responses(
        (status = 200, description = "It is stored", body = Success<Received>),
        (status = 400, description = "Missing webhook signature, Invalid webhook signature")))]
async fn receive_event(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Wrong> {
    notices::take_in(&app, Provider::Razorpay, &headers, body).await?;
    let received = Received { received: true };
    let shown = Success::of(StatusCode::OK, "Webhook received", received);
    Ok(json_response(StatusCode::OK, &shown))
}

/// What the checkout brings back, for the description.
#[derive(ToSchema)]
#[schema(as = Verification, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what is read field by field")]
struct VerifyBody {
    razorpay_order_id: String,
    razorpay_payment_id: String,
    razorpay_signature: String,
    /// The order's number.
    order_id: Option<String>,
}

/// That the gateway has signed.
#[derive(Debug, Serialize, ToSchema)]
struct Verified {
    success: bool,
}

fn not_verified() -> Fault {
    let (message, details) = ("Payment verification failed", json!("Invalid Razorpay signature"));
    unlike(StatusCode::BAD_REQUEST, StatusCode::INTERNAL_SERVER_ERROR, message, details)
}

/// Come back from the checkout.
///
/// Where the gateway has signed, for the order of its own that is stored here, it is asked at once
/// how things stand. That alone pays nothing.
#[utoipa::path(post, path = "/payments/verify", tag = "Payments", request_body = VerifyBody,
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    params(("Idempotency-Key" = Option<String>, Header,)),
    responses(
        (status = 200, description = "It is signed", body = Success<Verified>),
        (status = 400, description = "Missing required fields, Payment verification failed")))]
async fn verify_payment(
    State(app): State<App>,
    caller: Caller,
    call: Call,
) -> Result<Response, Wrong> {
    let fields = Fields::of(&call)?;
    let text = |name: &str| fields.get(name).text().filter(|text| !text.is_empty());
    let sent = text("razorpayOrderId").zip(text("razorpayPaymentId"));
    let sent = sent.zip(text("razorpaySignature"));
    let missing = || bad_request("Missing required fields");
    let ((intent, attempt), signature) = sent.ok_or_else(missing)?;
    let name = |text: &str| GatewayId::new(text).map_err(|_| not_verified());
    let (intent, attempt) = (name(intent)?, name(attempt)?);
    let own = caller.own();
    let found = app.reader.order_of_gateway_id(Provider::Razorpay, intent.clone(), own).await?;
    let order = found.ok_or_else(not_verified)?;
    let named = fields.get("orderId");
    let is_meant = named.is_nothing() || named.whole() == Some(order.id.number());
    let payment = order.payment.as_ref().filter(|payment| {
        is_meant && payment.intents.iter().any(|one| one.gateway_id.as_ref() == Some(&intent))
    });
    if !payment.is_some_and(|payment| is_signed(&app, payment, &attempt, signature)) {
        return Err(not_verified().into());
    }
    let command = Command::Look { order_id: order.id };
    let done = Done::of(call.submit(AnyCommand::Payments(command)).await?)?;
    app.owed.notify_one();
    let verified = Verified { success: true };
    Ok(done.answer(StatusCode::OK, &Success::of(StatusCode::OK, "Payment verified", verified)))
}

fn one(order: Option<&Order>) -> Result<Response, Wrong> {
    let shown = order.and_then(PaymentShown::of).ok_or_else(no_payment)?;
    Ok(json_response(StatusCode::OK, &Success::of(StatusCode::OK, "Payment", shown)))
}

/// Read the payment of an order.
#[utoipa::path(get, path = "/payments/order/{orderId}", tag = "Payments",
    params(("orderId" = String, Path,)),
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "The payment", body = Success<PaymentShown>),
        (status = 404, description = "Payment not found")))]
async fn get_of_order(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let id = decimal::in_path(&id).and_then(OrderId::new).ok_or_else(no_payment)?;
    one(app.reader.order(id, caller.own()).await?.as_ref())
}

/// The order about which an object of the gateway is, as far as the caller may know of it.
async fn of_gateway(app: &App, caller: &Caller, text: &str) -> Result<Option<Order>, Wrong> {
    let Ok(id) = GatewayId::new(text) else { return Ok(None) };
    Ok(app.reader.order_of_gateway_id(Provider::Razorpay, id, caller.own()).await?)
}

/// Read the payment that Razorpay knows by this name.
#[utoipa::path(get, path = "/payments/razorpay/{razorpayPaymentId}", tag = "Payments",
    params(("razorpayPaymentId" = String, Path,)),
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "The payment", body = Success<PaymentShown>),
        (status = 404, description = "Payment not found")))]
async fn get_of_try(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let order = of_gateway(&app, &caller, &id).await?;
    // By the name of a try, and not of another object of the gateway.
    let is_try = |order: &Order| {
        let attempts = order.payment.iter().flat_map(|payment| &payment.attempts);
        attempts.into_iter().any(|attempt| attempt.id.as_str() == id)
    };
    one(order.filter(is_try).as_ref())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PaymentList {
    /// Where the last page ended, as its `Link` says.
    before: Option<i64>,
}

/// List the payments of a user, those of the newest orders first: at most 200, and a `Link` to
/// those that follow.
#[utoipa::path(get, path = "/payments/user/{userId}", tag = "Payments",
    params(("userId" = String, Path,), PaymentList),
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "Payments", body = Success<Vec<PaymentShown>>),
        (status = 403, description = "They are somebody else's")))]
async fn list_of_user(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    Params(query, sent): Params<PaymentList>,
) -> Result<Response, Wrong> {
    let customer = visible_customer(&caller, "userId", &id)?;
    let user = onhand_core::ids::UserId::new(customer.number());
    let filter = PaymentFilter::default();
    let page = app.reader.payments(filter, user, query.before, PAGE_ROWS_MAX).await?;
    let rows: Vec<_> = page.rows.iter().filter_map(PaymentShown::of).collect();
    let shown = Success::of(StatusCode::OK, "Payments", rows);
    let path = format!("/payments/user/{}", customer.number());
    Ok(with_next(json_response(StatusCode::OK, &shown), &path, &sent, page.next))
}

/// List what goes back of a payment, by its number or by the name that Razorpay has for it.
#[utoipa::path(get, path = "/payments/refunds/{paymentId}", tag = "Payments",
    params(("paymentId" = String, Path,)),
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])), responses(
        (status = 200, description = "Refunds", body = Success<Vec<RefundShown>>),
        (status = 404, description = "Payment not found")))]
async fn list_refunds(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
) -> Result<Response, Wrong> {
    let order = match decimal::in_path(&id).and_then(OrderId::new) {
        Some(id) => app.reader.order(id, caller.own()).await?,
        None => of_gateway(&app, &caller, &id).await?,
    };
    let order = order.filter(|order| order.payment.is_some()).ok_or_else(no_payment)?;
    let refunds = Success::of(StatusCode::OK, "Refunds", RefundShown::all(&order));
    Ok(json_response(StatusCode::OK, &refunds))
}
