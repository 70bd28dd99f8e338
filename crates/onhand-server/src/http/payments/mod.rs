//! `/v1/payments`: paying for an order, taking what is set aside, giving money back; and what
//! gateways send. The rules are in the core's `payments/`; whoever asks a gateway is in
//! `workers/effects`.

mod effects;
pub(super) mod notices;
mod reconciliation;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::command::Reply;
use onhand_core::ids::{OrderId, PaymentId, UserId};
use onhand_core::orders::Order;
use onhand_core::payments::{Capture, Command, Payment, Provider, Refusal, Status};
use onhand_core::text::{GatewayId, Reason};
use onhand_core::{Command as AnyCommand, Money};
use onhand_engine::committer::Answer;
use onhand_engine::query::{PaymentFilter, ReadError};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, list, located, named, page_rows, replayed, versioned};
use super::call::{Call, Named, Params, in_path};
use super::gate::Caller;
use super::problem::Problem;
use super::wire::catalog::Money as SentMoney;
use super::wire::lists::List;
use super::wire::payments::PaymentView;
use super::wire::values;
use crate::app::App;
use crate::limits::{PAYMENT_LOOK_EVERY, PAYMENT_WAIT_SECS_MAX};
use std::time::Duration;
use tokio::time::Instant;

/// The routes of payments.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_payment))
        .routes(routes!(list_payments))
        .routes(routes!(get_payment))
        .routes(routes!(capture_payment))
        .routes(routes!(void_payment))
        .routes(routes!(refund_payment))
        .routes(routes!(return_from_checkout))
        .routes(routes!(check_payment))
        .merge(notices::routes())
        .merge(effects::routes())
        .merge(reconciliation::routes())
}

/// How an order is to be paid.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPayment, example = json!({"provider": "razorpay", "capture": "automatic"}))]
struct StartBody {
    /// Who takes the money; the first that is configured when absent.
    #[serde(default)]
    #[schema(value_type = Option<values::Provider>)]
    provider: Option<Provider>,
    /// When it is taken; as it is configured when absent.
    #[serde(default)]
    #[schema(value_type = Option<values::CaptureMode>)]
    capture: Option<Capture>,
}

/// A gateway that is configured: the one that is named, or the first.
///
/// # Errors
/// 422 where there is no such one.
pub(super) fn configured(
    app: &App,
    named: Option<Provider>,
    pointer: &str,
) -> Result<Provider, Problem> {
    let provider = named.or(app.gateways.providers().next());
    if let Some(provider) = provider.filter(|provider| app.gateways.has(*provider)) {
        return Ok(provider);
    }
    let names: Vec<_> = app.gateways.providers().map(Provider::as_str).collect();
    let expected = match names.as_slice() {
        [] => "no payment gateway is configured: expected `manual` or nothing".to_owned(),
        names => format!("expected one of {}", names.join(", ")),
    };
    Err(Problem::field(pointer, expected, named.map_or("", Provider::as_str).into()))
}

/// Begin the payment of an order that waits for one.
///
/// For orders that were placed to be paid otherwise. The gateway is asked afterwards: read the
/// payment with `wait_s` for what the customer needs to pay.
#[utoipa::path(post, path = "/v1/orders/{id}/payments", tag = "Payments",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])), request_body = StartBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "already_paid", "not_payable",
        "payment_exists"]))),
    responses((status = 201, description = "The payment", body = PaymentView<'static>)))]
async fn start_payment(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let StartBody { provider, capture } =
        call.json_or(StartBody { provider: None, capture: None })?;
    let order_id = in_path(&id)?;
    let provider = configured(&app, provider, "/provider")?;
    let (expected_version, capture) =
        (call.expected_version()?, capture.unwrap_or(app.gateways.defaults.capture));
    let command = Command::Start { order_id, expected_version, provider, capture };
    submit(&app, &call, command, StatusCode::CREATED).await
}

/// Hands a command in, wakes whoever asks the gateway, and answers with the payment.
async fn submit(
    app: &App,
    call: &Call,
    command: Command,
    success: StatusCode,
) -> Result<Response, Problem> {
    let answer = call.submit_once(AnyCommand::Payments(command)).await?;
    app.owed.notify_one();
    let Answer { outcome: Ok(Reply::Order(order)), replayed: was_before } = &answer else {
        return answered(answer, success);
    };
    let path = format!("/v1/payments/{}", PaymentId::of_order(order.id));
    Ok(replayed(located(shown(app, order, success)?, &path), *was_before))
}

fn shown(app: &App, order: &Order, status: StatusCode) -> Result<Response, Problem> {
    match view(app, order) {
        Some(view) => Ok(versioned(status, order.version, &view)),
        None => Err(no_payment(order.id)),
    }
}

fn view<'a>(app: &'a App, order: &'a Order) -> Option<PaymentView<'a>> {
    let provider = order.payment.as_ref()?.provider;
    PaymentView::of(order, app.gateways.public_key(provider))
}

/// The same as one of many: for whoever looks at payments, and not for whoever pays.
fn listed<'a>(app: &'a App, order: &'a Order) -> Option<PaymentView<'a>> {
    view(app, order).map(PaymentView::without_secret)
}

fn no_payment(order_id: OrderId) -> Problem {
    onhand_core::Refusal::from(Refusal::NoPayment { order_id }).into()
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PaymentList {
    limit: Option<u32>,
    starting_after: Option<String>,
    status: Option<String>,
    provider: Option<String>,
}

/// List payments, those of the newest orders first.
#[utoipa::path(get, path = "/v1/payments", tag = "Payments",
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])), params(PaymentList),
    responses((status = 200, description = "A page", body = List<PaymentView<'static>>)))]
async fn list_payments(
    State(app): State<App>,
    caller: Caller,
    Params(query, sent): Params<PaymentList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), |id: PaymentId| id.order().number())?;
    let status = named("?status", query.status.as_deref(), Status::ALL, |one| one.as_str())?;
    let provider =
        named("?provider", query.provider.as_deref(), Provider::ALL, |one| one.as_str())?;
    let filter = PaymentFilter { status, provider };
    let page = app.reader.payments(filter, caller.own(), before, limit).await?;
    Ok(list(&page, ("/v1/payments", &sent), |order| listed(&app, order), |id| format!("pay_{id}")))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PaymentWait {
    /// Seconds to wait at most until the gateway has been asked and the customer can pay.
    #[param(minimum = 0, maximum = 10)]
    wait_s: Option<u32>,
}

/// Read a payment.
///
/// With `wait_s` the answer waits until the customer can pay by it. `next_action` then has what the
/// checkout in the browser asks for.
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "Payments",
    security(("bearer" = ["payments:read"]), ("bearer" = ["orders:own"])),
    params(("id" = String, Path,), PaymentWait),
    extensions(("x-codes" = json!(["no_payment"]))),
    responses((status = 200, description = "The payment", body = PaymentView<'static>)))]
async fn get_payment(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    Params(query, _): Params<PaymentWait>,
) -> Result<Response, Problem> {
    let order_id = in_path::<PaymentId>(&id)?.order();
    let secs = query.wait_s.unwrap_or(0);
    if secs > PAYMENT_WAIT_SECS_MAX {
        let expected = format!("expected 0 to {PAYMENT_WAIT_SECS_MAX}");
        return Err(Problem::field("?wait_s", expected, secs.into()));
    }
    let wait = Duration::from_secs(secs.into());
    let order = once_payable(&app, order_id, caller.own(), wait).await?;
    shown(&app, &order.ok_or_else(|| no_payment(order_id))?, StatusCode::OK)
}

/// An order once its customer can pay, or as it is after so long; to who knows only of `own`
/// orders, one of those.
pub(super) async fn once_payable(
    app: &App,
    order_id: OrderId,
    own: Option<UserId>,
    wait: Duration,
) -> Result<Option<Order>, ReadError> {
    let end = Instant::now() + wait;
    loop {
        let Some(order) = app.reader.order(order_id, own).await? else { return Ok(None) };
        let payment = order.payment.as_ref().map(|payment| payment.status(&order));
        if payment != Some(Status::Created) || Instant::now() >= end {
            return Ok(Some(order));
        }
        tokio::time::sleep(PAYMENT_LOOK_EVERY).await;
    }
}

/// Money to take.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CapturePayment, example = json!({"amount": {"amount": 99800, "currency": "INR"}}))]
struct CaptureBody {
    /// What the caller believes is set aside; another sum is refused.
    #[serde(default)]
    amount: Option<SentMoney>,
}

/// Take the money that is set aside.
///
/// All of it: another `amount` is refused. The gateway is asked afterwards; `payment.captured` says
/// when it is done.
#[utoipa::path(post, path = "/v1/payments/{id}/capture", tag = "Payments",
    security(("bearer" = ["payments:write"])), request_body = CaptureBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "no_payment", "not_authorized",
        "payment_currency_mismatch", "capture_amount_mismatch"]))),
    responses((status = 200, description = "The payment", body = PaymentView<'static>)))]
async fn capture_payment(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let CaptureBody { amount } = call.json_or(CaptureBody::default())?;
    let order_id = in_path::<PaymentId>(&id)?.order();
    let (expected_version, amount) = (call.expected_version()?, lawful_amount(amount)?);
    let command = Command::Capture { order_id, expected_version, amount };
    submit(&app, &call, command, StatusCode::OK).await
}

/// An amount that can be taken or given back.
fn lawful_amount(amount: Option<SentMoney>) -> Result<Option<Money>, Problem> {
    let Some(SentMoney { amount, currency }) = amount else { return Ok(None) };
    if amount >= 1 {
        return Ok(Some(Money::new(amount, currency)));
    }
    let expected = "expected at least 1, in minor units";
    Err(Problem::field("/amount/amount", expected, amount.into()))
}

/// Money to let go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VoidPayment, example = json!({"reason": "custom:fraud"}))]
struct VoidBody {
    /// Why.
    #[serde(default)]
    #[schema(value_type = Option<values::Reason>)]
    reason: Option<Reason>,
}

/// Let go of the money that is set aside, and cancel the order.
///
/// What nobody pays is not sold: the stock is free at once.
#[utoipa::path(post, path = "/v1/payments/{id}/void", tag = "Payments",
    security(("bearer" = ["payments:write"])), request_body = VoidBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "no_payment", "not_authorized",
        "invalid_transition"]))),
    responses((status = 200, description = "The payment", body = PaymentView<'static>)))]
async fn void_payment(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let VoidBody { reason } = call.json_or(VoidBody::default())?;
    let order_id = in_path::<PaymentId>(&id)?.order();
    let expected_version = call.expected_version()?;
    let command = Command::Void { order_id, expected_version, reason };
    submit(&app, &call, command, StatusCode::OK).await
}

/// Money to give back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRefund, example = json!({
    "amount": {"amount": 49900, "currency": "INR"}, "reason": "damaged"
}))]
struct RefundBody {
    /// How much; all that is left when absent.
    #[serde(default)]
    amount: Option<SentMoney>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = Option<values::Reason>)]
    reason: Option<Reason>,
}

/// Give money back: some, or all that is left.
///
/// The newest try's goes first. The gateway is asked afterwards; `payment.refunded` says when it is
/// done. The order stays as it is: another key is another refund.
#[utoipa::path(post, path = "/v1/payments/{id}/refunds", tag = "Payments",
    security(("bearer" = ["payments:write"])), request_body = RefundBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "no_payment", "not_paid",
        "payment_currency_mismatch", "refund_too_large", "too_many_refunds"]))),
    responses((status = 201, description = "The payment", body = PaymentView<'static>)))]
async fn refund_payment(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let RefundBody { amount, reason } = call.json_or(RefundBody::default())?;
    let order_id = in_path::<PaymentId>(&id)?.order();
    let (expected_version, amount) = (call.expected_version()?, lawful_amount(amount)?);
    let command = Command::Refund { order_id, expected_version, amount, reason };
    submit(&app, &call, command, StatusCode::CREATED).await
}

/// What the checkout in the customer's browser says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckoutReturn, example = json!({
    "provider_payment_id": "pay_IluHYEIZzZ1lBM",
    "signature": "86b6c2ac420c7d1f7a6b42582d45c4cfdbd521b5986409179e253f5ebd1aec1b"
}))]
struct CheckoutBody {
    /// The gateway's name for the customer's try.
    #[schema(value_type = values::GatewayId)]
    provider_payment_id: GatewayId,
    /// The gateway's signature over its order, as we know it, and that name.
    #[schema(value_type = values::Text)]
    signature: String,
}

/// Come back from the checkout.
///
/// Where the gateway has signed, it is asked at once how things stand. That alone pays nothing.
#[utoipa::path(post, path = "/v1/payments/{id}/checkout-return", tag = "Payments",
    security(("bearer" = ["orders:write"]), ("bearer" = ["orders:own"])),
    request_body = CheckoutBody,
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "no_payment", "checkout_signature_wrong"]))),
    responses((status = 202, description = "The payment", body = PaymentView<'static>)))]
async fn return_from_checkout(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let CheckoutBody { provider_payment_id, signature } = call.json()?;
    let order_id = in_path::<PaymentId>(&id)?.order();
    let order = app.reader.order(order_id, caller.own()).await?;
    let payment = order.and_then(|order| order.payment).ok_or_else(|| no_payment(order_id))?;
    if !is_signed(&app, &payment, &provider_payment_id, &signature) {
        return Err(signature_wrong());
    }
    submit(&app, &call, Command::Look { order_id }, StatusCode::ACCEPTED).await
}

/// Whether the gateway has signed this try for one of its orders that we have stored.
pub(super) fn is_signed(
    app: &App,
    payment: &Payment,
    attempt: &GatewayId,
    signature: &str,
) -> bool {
    let mut known = payment.intents.iter().filter_map(|intent| intent.gateway_id.as_ref());
    let gateways = &app.gateways;
    known.any(|one| gateways.is_checkout_signature(payment.provider, one, attempt, signature))
}

/// Ask the gateway at once how things stand.
///
/// Without waiting for its message or the next poll. The answer shows the payment as it was before;
/// `payment.checked` says when the gateway has answered.
#[utoipa::path(post, path = "/v1/payments/{id}/check", tag = "Payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_order", "no_payment"]))),
    responses((status = 202, description = "The payment, as it was before",
        body = PaymentView<'static>)))]
async fn check_payment(
    State(app): State<App>,
    Named(id): Named,
    call: Call,
) -> Result<Response, Problem> {
    let order_id = in_path::<PaymentId>(&id)?.order();
    submit(&app, &call, Command::Look { order_id }, StatusCode::ACCEPTED).await
}

/// One problem of every code of its own, for the description.
pub(super) fn problems() -> Vec<Problem> {
    vec![signature_wrong(), notices::signature_missing(), notices::signature_wrong()]
}

fn signature_wrong() -> Problem {
    let detail = "the gateway has not signed this for the order that it belongs to";
    Problem::new(StatusCode::BAD_REQUEST, "checkout_signature_wrong", detail)
}
