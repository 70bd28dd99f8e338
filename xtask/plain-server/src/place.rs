//! Placing an order: the one route that is measured. Everything is in one transaction, its
//! statements one after another, as with any driver; stock is taken in the order of SKUs, so that
//! two orders never wait for each other in a circle.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use deadpool_postgres::{Client, Pool, Transaction};
use serde::{Deserialize, Serialize};

use super::{Answer, Failure, name_of, problem, sql};

const LINES_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct NewOrder {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    sku: String,
    quantity: i64,
}

#[derive(Serialize)]
struct Money {
    amount: i64,
    currency: String,
}

#[derive(Serialize)]
struct Line {
    sku: String,
    quantity: i64,
    unit_price: i64,
}

/// An order as it is answered.
#[derive(Serialize)]
pub(super) struct Order {
    id: String,
    number: i64,
    version: i64,
    status: &'static str,
    total: Money,
    lines: Vec<Line>,
}

impl Order {
    fn new(number: i64, currency: String, lines: Vec<Line>) -> Self {
        let amount = lines.iter().map(|line| line.quantity * line.unit_price).sum();
        let total = Money { amount, currency };
        Self { id: name_of(number), number, version: 1, status: "placed", total, lines }
    }
}

/// What came of the attempt to reserve stock.
enum Reserved {
    /// The lines with their prices.
    All(Vec<Line>, String),
    /// There is too little of this SKU, or none at all.
    TooLittle(String),
}

pub(super) async fn place_order(
    State(pool): State<Pool>,
    headers: HeaderMap,
    Json(new): Json<NewOrder>,
) -> Answer {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let Some(key) = key else {
        return Ok(problem(StatusCode::BAD_REQUEST, "missing_header", "idempotency-key"));
    };
    let count = new.items.len();
    if count == 0 || count > LINES_MAX || new.items.iter().any(|item| item.quantity < 1) {
        return Ok(problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "items"));
    }
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let claim = transaction.prepare_cached(sql!("claim_key")).await?;
    // Waits for a transaction that holds the same key, and then sees what it has done.
    let Some(row) = transaction.query_opt(&claim, &[&key]).await? else {
        transaction.rollback().await?;
        return replay(&client, key).await;
    };
    let number: i64 = row.try_get(0)?;
    let (lines, currency) = match reserve(&transaction, new.items).await? {
        Reserved::All(lines, currency) => (lines, currency),
        Reserved::TooLittle(sku) => {
            transaction.rollback().await?;
            return Ok(problem(StatusCode::CONFLICT, "insufficient_stock", &sku));
        }
    };
    let order = Order::new(number, currency, lines);
    store(&transaction, &order).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(order)).into_response())
}

async fn reserve(transaction: &Transaction<'_>, mut items: Vec<Item>) -> Result<Reserved, Failure> {
    items.sort_unstable_by(|one, other| one.sku.cmp(&other.sku));
    let reserve = transaction.prepare_cached(sql!("reserve")).await?;
    let mut lines = Vec::with_capacity(items.len());
    let mut currency = String::new();
    for Item { sku, quantity } in items {
        let Some(row) = transaction.query_opt(&reserve, &[&sku, &quantity]).await? else {
            return Ok(Reserved::TooLittle(sku));
        };
        currency = row.try_get(1)?;
        lines.push(Line { sku, quantity, unit_price: row.try_get(0)? });
    }
    Ok(Reserved::All(lines, currency))
}

async fn store(transaction: &Transaction<'_>, order: &Order) -> Result<(), Failure> {
    let Order { number, total, lines, .. } = order;
    let skus: Vec<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
    let quantities: Vec<i64> = lines.iter().map(|line| line.quantity).collect();
    let prices: Vec<i64> = lines.iter().map(|line| line.unit_price).collect();
    let taken: Vec<i64> = quantities.iter().map(|quantity| -quantity).collect();
    let body = serde_json::to_string(order)?;
    let statement = transaction.prepare_cached(sql!("insert_order")).await?;
    transaction.execute(&statement, &[number, &total.amount, &total.currency]).await?;
    let statement = transaction.prepare_cached(sql!("insert_lines")).await?;
    transaction.execute(&statement, &[number, &skus, &quantities, &prices]).await?;
    let statement = transaction.prepare_cached(sql!("insert_movements")).await?;
    transaction.execute(&statement, &[number, &skus, &taken]).await?;
    let statement = transaction.prepare_cached(sql!("insert_event")).await?;
    transaction.execute(&statement, &[number, &body]).await?;
    Ok(())
}

/// The order that was placed under this key.
async fn replay(client: &Client, key: &str) -> Answer {
    let statement = client.prepare_cached(sql!("order_of_key")).await?;
    let number: i64 = client.query_one(&statement, &[&key]).await?.try_get(0)?;
    let order = stored_order(client, number).await?;
    let replayed = [("idempotency-replayed", "true")];
    Ok((StatusCode::CREATED, replayed, Json(order)).into_response())
}

/// The order of this number.
pub(super) async fn stored_order(client: &Client, number: i64) -> Result<Option<Order>, Failure> {
    let statement = client.prepare_cached(sql!("read_order")).await?;
    let rows = client.query(&statement, &[&number]).await?;
    let mut lines = Vec::with_capacity(rows.len());
    let mut currency = String::new();
    for row in &rows {
        currency = row.try_get(0)?;
        let (sku, quantity, unit_price) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        lines.push(Line { sku, quantity, unit_price });
    }
    Ok((!rows.is_empty()).then(|| Order::new(number, currency, lines)))
}
