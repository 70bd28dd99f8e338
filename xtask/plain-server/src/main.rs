//! The plain server: orders as a good engineer would write them without batching, one transaction
//! for each, on the same HTTP stack and driver as onhand. `cargo xtask bench` measures onhand
//! against it. It keeps the promises that the comparison is about (durable before the answer, never
//! oversold, a repeated key places nothing) and no others; its routes are those that `onhand bench`
//! needs. Its statements are in `sql/`.
#![expect(clippy::print_stdout, reason = "the first line says where it listens")]

mod place;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use deadpool_postgres::{Manager, Pool, Runtime};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_postgres::NoTls;

/// Many small allocations: the same allocator as onhand has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections to the database: more have made every load slower on two cores.
const CONNECTIONS_MAX: usize = 16;
/// How long a request waits for one of them.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(30);
/// Orders on one page.
const PAGE_ORDERS_MAX: i64 = 200;
const ANY_PORT: &str = "127.0.0.1:0";
const ORDER_PREFIX: &str = "ord_";

/// The text of a statement.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../sql/", $name, ".sql"))
    };
}
use sql;

/// A request that failed for no fault of the client's.
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = json!({"code": "internal", "detail": format!("{:#}", self.0)});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(problem)).into_response()
    }
}

type Answer = Result<Response, Failure>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: plain-server postgresql://user@host:port/name");
    };
    let manager = Manager::new(url.parse().context("the URL of the database")?, NoTls);
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .wait_timeout(Some(CONNECTION_WAIT_MAX))
        .runtime(Runtime::Tokio1)
        .build()?;
    pool.get().await?.batch_execute(sql!("schema")).await?;
    let router = Router::new()
        .route("/v1/products", post(create_product))
        .route("/v1/stock/adjustments", post(adjust_stock))
        .route("/v1/stock/{sku}", get(read_stock))
        .route("/v1/orders", get(list_orders).post(place::place_order))
        .route("/v1/orders/{id}", get(read_order))
        .with_state(pool);
    let listener = TcpListener::bind(ANY_PORT).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // An answer goes out at once; a socket that cannot do that still answers.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    Ok(axum::serve(listener, router).await?)
}

#[derive(Deserialize)]
struct Price {
    amount: i64,
    currency: String,
}

#[derive(Deserialize)]
struct NewProduct {
    sku: String,
    name: String,
    price: Price,
}

async fn create_product(State(pool): State<Pool>, Json(new): Json<NewProduct>) -> Answer {
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql!("create_product")).await?;
    let Price { amount, currency } = &new.price;
    match client.execute(&statement, &[&new.sku, &new.name, amount, currency]).await? {
        0 => Ok(problem(StatusCode::CONFLICT, "sku_taken", &new.sku)),
        _ => Ok(StatusCode::CREATED.into_response()),
    }
}

#[derive(Deserialize)]
struct Adjustment {
    sku: String,
    delta: i64,
}

#[derive(Deserialize)]
struct Adjustments {
    adjustments: Vec<Adjustment>,
}

async fn adjust_stock(State(pool): State<Pool>, Json(mut body): Json<Adjustments>) -> Answer {
    // In the order of their keys, like those of an order.
    body.adjustments.sort_unstable_by(|one, other| one.sku.cmp(&other.sku));
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let statement = transaction.prepare_cached(sql!("receive")).await?;
    for Adjustment { sku, delta } in &body.adjustments {
        if transaction.execute(&statement, &[sku, delta]).await? == 0 {
            transaction.rollback().await?;
            return Ok(problem(StatusCode::NOT_FOUND, "unknown_sku", sku));
        }
    }
    transaction.commit().await?;
    Ok(StatusCode::CREATED.into_response())
}

async fn read_stock(State(pool): State<Pool>, Path(sku): Path<String>) -> Answer {
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql!("read_stock")).await?;
    let Some(row) = client.query_opt(&statement, &[&sku]).await? else {
        return Ok(problem(StatusCode::NOT_FOUND, "unknown_sku", &sku));
    };
    let (on_hand, reserved): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let stock = json!({"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved});
    Ok(Json(stock).into_response())
}

async fn read_order(State(pool): State<Pool>, Path(name): Path<String>) -> Answer {
    let found = match number_of(&name) {
        Some(number) => place::stored_order(&pool.get().await?, number).await?,
        None => None,
    };
    Ok(match found {
        Some(order) => Json(order).into_response(),
        None => problem(StatusCode::NOT_FOUND, "unknown_order", &name),
    })
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<i64>,
    starting_after: Option<String>,
}

async fn list_orders(State(pool): State<Pool>, Query(query): Query<PageQuery>) -> Answer {
    let before = query.starting_after.as_deref().map_or(Some(i64::MAX), number_of);
    let Some(before) = before else {
        return Ok(problem(StatusCode::NOT_FOUND, "unknown_order", "starting_after"));
    };
    let limit = query.limit.unwrap_or(PAGE_ORDERS_MAX).clamp(1, PAGE_ORDERS_MAX);
    let client = pool.get().await?;
    let statement = client.prepare_cached(sql!("list_orders")).await?;
    // One more, which tells whether there are more.
    let rows = client.query(&statement, &[&before, &(limit + 1)]).await?;
    let page = usize::try_from(limit)?;
    let mut data: Vec<Value> = Vec::with_capacity(page);
    for row in rows.iter().take(page) {
        let (number, total): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let currency: &str = row.try_get(2)?;
        let total = json!({"amount": total, "currency": currency});
        data.push(json!({"id": name_of(number), "number": number, "total": total}));
    }
    let list = json!({"object": "list", "data": data, "has_more": rows.len() > page});
    Ok(Json(list).into_response())
}

fn problem(status: StatusCode, code: &str, about: &str) -> Response {
    (status, Json(json!({"code": code, "about": about}))).into_response()
}

fn name_of(number: i64) -> String {
    format!("{ORDER_PREFIX}{number}")
}

fn number_of(name: &str) -> Option<i64> {
    name.strip_prefix(ORDER_PREFIX)?.parse().ok()
}
