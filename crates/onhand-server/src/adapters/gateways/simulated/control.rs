//! How the simulated gateway is told what its customers do and what goes wrong, and how its books
//! are read. For this machine only: whoever may use these routes can make anything seem paid.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Extension, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, body::Bytes};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Simulated;
use super::agenda::Deed;
use super::api::error;
use super::ledger::{Refusal, Try};
use crate::adapters::gateways::signature::sign;
use crate::http::peer::Peer;
use crate::limits::SIMULATED_LEDGER_ROWS_MAX;

type Shared = State<Arc<Simulated>>;

pub(super) fn routes() -> Router<Arc<Simulated>> {
    Router::new()
        .route("/_control/pay", post(pay))
        .route("/_control/let-go", post(let_go))
        .route("/_control/faults", post(set_faults))
        .route("/_control/deliver", post(deliver))
        .route("/_control/answers", post(answers))
        .route("/_control/ledger", get(ledger))
        .route("/_control/state", get(state))
        .layer(from_fn(only_from_here))
}

async fn only_from_here(peer: Option<Extension<Peer>>, request: Request, next: Next) -> Response {
    let is_here = |address: SocketAddr| address.ip().to_canonical().is_loopback();
    match peer {
        Some(Extension(peer)) if is_here(peer.address) => next.run(request).await,
        Some(_) | None => error(StatusCode::FORBIDDEN, "For this machine only"),
    }
}

/// What a customer does.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    /// Pays; captured where the order says so.
    Pays,
    /// Pays, and the money is taken.
    Captured,
    /// Pays, and the money is set aside.
    Authorized,
    /// Does not get through.
    Failed,
    /// Does not get through, and later turns out to have.
    Late,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayBody {
    order_id: String,
    outcome: Act,
    amount: Option<i64>,
}

/// Answers what the customer's browser would bring.
async fn pay(State(simulated): Shared, body: Bytes) -> Result<Json<Value>, Response> {
    let wrong = |error: serde_json::Error| {
        self::error(StatusCode::BAD_REQUEST, &format!("not a payment: {error}"))
    };
    let PayBody { order_id, outcome, amount } = serde_json::from_slice(&body).map_err(wrong)?;
    let pace = simulated.config.pace;
    let paid = simulated.change(|state, millis| {
        let result = match outcome {
            Act::Pays => Try::Succeeds,
            Act::Captured => Try::Captured,
            Act::Authorized => Try::Authorized,
            Act::Failed | Act::Late => Try::Fails,
        };
        let payment = state.ledger.pay(&order_id, amount, result, millis)?;
        if matches!(outcome, Act::Late) {
            state.do_in(pace.late, Deed::Authorize(payment.clone()));
        }
        Ok(payment)
    });
    let payment = paid.map_err(|refusal: Refusal| refusal.into_response())?;
    let signed = format!("{order_id}|{payment}");
    Ok(Json(json!({
        "razorpay_order_id": order_id,
        "razorpay_payment_id": payment,
        "razorpay_signature": sign(&simulated.config.key_secret, signed.as_bytes()),
    })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LetGoBody {
    payment_id: String,
}

/// Lets go of what a payment has set aside, as after days in which nobody took it.
async fn let_go(State(simulated): Shared, body: Bytes) -> Result<Json<Value>, Response> {
    let wrong = |_| error(StatusCode::BAD_REQUEST, "expected a payment");
    let LetGoBody { payment_id } = serde_json::from_slice(&body).map_err(wrong)?;
    let gone = simulated.change(|state, millis| state.ledger.let_go(&payment_id, millis));
    gone.map_err(IntoResponse::into_response)?;
    Ok(Json(json!({ "let_go": payment_id })))
}

/// Changes how often the faults that it names happen.
async fn set_faults(State(simulated): Shared, body: Bytes) -> Result<Json<Value>, Response> {
    let wrong = |what: &str| error(StatusCode::BAD_REQUEST, what);
    let rates: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|_| wrong("expected rates by name"))?;
    let mut state = simulated.lock();
    let mut plan = state.chance.plan;
    for (name, rate) in &rates {
        let rate = rate.as_f64().ok_or_else(|| wrong("a rate is a number"))?;
        plan = plan.with(name, rate).map_err(|error| wrong(&error.to_string()))?;
    }
    state.chance.plan = plan;
    Ok(Json(json!({ "faults": plan.to_string() })))
}

/// Makes everything due that is on the agenda.
async fn deliver(State(simulated): Shared) -> Json<Value> {
    let now = Instant::now();
    let hurried = {
        let mut state = simulated.lock();
        state.deeds.hurry(now) + state.outbox.hurry(now)
    };
    simulated.wake_doing.notify_one();
    simulated.wake_sending.notify_one();
    Json(json!({ "hurried": hurried }))
}

/// How long messages waited for their answers since this was asked the last time.
async fn answers(State(simulated): Shared) -> Json<Value> {
    Json(simulated.lock().answers.tell())
}

#[derive(Debug, Deserialize)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

/// Orders with all that became of them, a line each, in the order in which they were made. The next
/// page is behind the last one's id.
async fn ledger(State(simulated): Shared, Query(page): Query<Page>) -> Response {
    let limit = page.limit.unwrap_or(1_000).min(SIMULATED_LEDGER_ROWS_MAX);
    let rows: Vec<Value> = {
        let state = simulated.lock();
        let after = page.after.as_deref().unwrap_or_default();
        state.ledger.orders_after(after).take(limit).map(|order| order.ledger_row()).collect()
    };
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

async fn state(State(simulated): Shared) -> Json<Value> {
    let state = simulated.lock();
    Json(json!({
        "orders": state.ledger.orders_len(), "deeds": state.deeds.len(),
        "outbox": state.outbox.len(), "counts": state.counts,
        "faults": state.chance.plan.to_string(), "happened": state.chance.happened(),
    }))
}
