//! The routes of the simulated gateway: those of Razorpay that the adapter uses, and some more for
//! whoever looks. Each answers a 400 in Razorpay's words when the ledger will not.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, body::Bytes};
use onhand_core::money::Currency;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::agenda::Deed;
use super::books::{Order, Payment};
use super::ledger::{Ledger, NO_SUCH_ID, NewOrder, NewRefund, Refusal};
use super::{Simulated, control, mischief};
use crate::limits::{BODY_BYTES_MAX, GATEWAY_PAGE_ROWS_MAX};

type Shared = State<Arc<Simulated>>;
type Answered = Result<Json<Value>, Refusal>;

/// Every route.
pub(super) fn router(simulated: Arc<Simulated>) -> Router {
    Router::new()
        .route("/v1/orders", post(create_order).get(list_orders))
        .route("/v1/orders/{id}", get(get_order))
        .route("/v1/orders/{id}/payments", get(list_payments))
        .route("/v1/payments/{id}", get(get_payment))
        .route("/v1/payments/{id}/capture", post(capture_payment))
        .route("/v1/payments/{id}/refund", post(refund_payment))
        .route("/v1/payments/{id}/refunds", get(list_refunds))
        .route("/v1/refunds/{id}", get(get_refund))
        .layer(from_fn_with_state(simulated.clone(), mischief::attend))
        .merge(control::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "The requested URL was not found.") })
        .with_state(simulated)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        error(StatusCode::BAD_REQUEST, self.0)
    }
}

/// An error in Razorpay's form.
pub(super) fn error(status: StatusCode, description: &str) -> Response {
    let code = if status.is_server_error() { "SERVER_ERROR" } else { "BAD_REQUEST_ERROR" };
    let body = json!({ "error": {
        "code": code, "description": description, "field": null, "source": "NA", "step": "NA",
        "reason": "NA", "metadata": {},
    }});
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let wait = axum::http::HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body).map_err(|_| Refusal("The request body is not valid"))
}

/// A part of a list, as `count` and `skip` ask for it.
fn list(rows: impl Iterator<Item = Value>, query: &HashMap<String, String>) -> Json<Value> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let count = number("count").unwrap_or(10).min(GATEWAY_PAGE_ROWS_MAX);
    let items: Vec<Value> = rows.skip(number("skip").unwrap_or(0)).take(count).collect();
    Json(json!({ "entity": "collection", "count": items.len(), "items": items }))
}

#[derive(Debug, Deserialize)]
struct OrderBody {
    amount: i64,
    currency: Currency,
    receipt: Option<String>,
    notes: Option<Value>,
    payment: Option<CaptureBody>,
    payment_capture: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct CaptureBody {
    capture: String,
}

async fn create_order(State(simulated): Shared, body: Bytes) -> Answered {
    let body: OrderBody = read(&body)?;
    let asks = |payment: &CaptureBody| payment.capture == "automatic";
    let old_form = body.payment_capture.is_some_and(|value| value == 1 || value == true);
    let new = NewOrder {
        amount: body.amount,
        currency: body.currency.code().to_owned(),
        receipt: body.receipt,
        notes: body.notes.unwrap_or_else(|| json!([])),
        is_automatic: body.payment.as_ref().map_or(old_form, asks),
    };
    let (auto_pay, pace) = (simulated.config.auto_pay, simulated.config.pace);
    simulated.change(|state, millis| {
        let order = state.ledger.create(new, millis)?;
        let (id, order) = (order.id.clone(), order.json());
        if auto_pay {
            state.do_in(pace.customer, Deed::Pay(id));
        }
        Ok(Json(order))
    })
}

async fn list_orders(
    State(simulated): Shared,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let state = simulated.lock();
    match query.get("receipt") {
        Some(receipt) => list(state.ledger.orders_of_receipt(receipt).map(Order::json), &query),
        None => list(state.ledger.orders_newest().map(Order::json), &query),
    }
}

async fn get_order(State(simulated): Shared, Path(id): Path<String>) -> Answered {
    Ok(Json(simulated.lock().ledger.order(&id)?.json()))
}

async fn list_payments(
    State(simulated): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answered {
    let state = simulated.lock();
    let order = state.ledger.order(&id)?;
    Ok(list(order.payments.iter().rev().map(|payment| payment.json(order)), &query))
}

fn payment_json(ledger: &Ledger, id: &str) -> Answered {
    let (order, payment) = ledger.payment(id)?;
    Ok(Json(payment.json(order)))
}

async fn get_payment(State(simulated): Shared, Path(id): Path<String>) -> Answered {
    payment_json(&simulated.lock().ledger, &id)
}

#[derive(Debug, Deserialize)]
struct CapturedBody {
    amount: i64,
    currency: Currency,
}

async fn capture_payment(
    State(simulated): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> Answered {
    let CapturedBody { amount, currency } = read(&body)?;
    simulated.change(|state, _| {
        state.ledger.capture(&id, amount, currency.code())?;
        payment_json(&state.ledger, &id)
    })
}

#[derive(Debug, Deserialize)]
struct RefundBody {
    amount: Option<i64>,
    receipt: Option<String>,
    notes: Option<Value>,
}

async fn refund_payment(
    State(simulated): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let RefundBody { amount, receipt, notes } = read(&body)?;
    let key = headers.get("x-refund-idempotency").and_then(|key| key.to_str().ok());
    let asked = || format!("{id} {}", String::from_utf8_lossy(&body));
    let new = NewRefund {
        amount,
        receipt,
        notes: notes.unwrap_or_else(|| json!([])),
        key: key.map(|key| (key.to_owned(), asked())),
    };
    let pace = simulated.config.pace;
    simulated.change(|state, millis| {
        let (refund, is_new) = state.ledger.refund(&id, new, millis)?;
        if is_new {
            state.do_in(pace.customer, Deed::SettleRefund(refund.clone()));
        }
        Ok(Json(state.ledger.refund_json(&refund)?))
    })
}

async fn list_refunds(
    State(simulated): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answered {
    let state = simulated.lock();
    let (order, payment): (&Order, &Payment) = state.ledger.payment(&id)?;
    let rows = payment.refunds.iter().rev().map(|refund| refund.json(payment, &order.currency));
    Ok(list(rows, &query))
}

async fn get_refund(State(simulated): Shared, Path(id): Path<String>) -> Answered {
    if !id.starts_with("rfnd_") {
        return Err(NO_SUCH_ID);
    }
    Ok(Json(simulated.lock().ledger.refund_json(&id)?))
}
