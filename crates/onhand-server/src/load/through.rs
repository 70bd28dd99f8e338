//! `onhand bench --through DIALECT`: what it costs to place an order through a dialect, against the
//! same order through `/v1`. Rounds of both take turns in one run, and every other pair begins with
//! the other one, so that a machine that slows down, and a database that grows, slow both. What is
//! the same in both: who asks, the key, the products and units, what is stored in the end, and what
//! the client knows then.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use hyper::{Method, StatusCode};
use onhand_core::limits::HOLD_SECS_MAX;
use serde_json::{Value, json};

use super::api::{Api, Target, describe};
use super::bench::{BenchOptions, Measured, round};
use super::progress::note;
use super::round::{Counted, Operation, Outcome, Round};
use super::stage::Stage;
use super::suite::{self, Row, median};
use super::workload::{Line, LineCount, NAME, Orders, Prepared, sku};
use crate::http::dialects::Dialect;
use crate::random::{Random, uuid_v7};

/// People who buy through `flow`, each in turn: what one has bought is added up for every answer.
const FLOW_USERS: usize = 5_000;
const PASSWORD: &str = "tomatoes & 7 bees";

/// Reads the name of a dialect.
pub(crate) fn dialect(text: &str) -> Result<Dialect, String> {
    let names = || Dialect::ALL.map(Dialect::as_str).join(", ");
    Dialect::from_name(text).ok_or_else(|| format!("expected some of {}", names()))
}

/// One way to place orders: where, and which.
type Way = (Target, Operation);

/// The same orders in two ways.
struct Pair {
    dialect: Dialect,
    spoken: Way,
    plain: Way,
}

/// The rounds, and what comes of comparing them.
pub(crate) async fn run(
    options: &BenchOptions,
    stage: &mut Stage,
    random: &mut Random,
) -> Result<(Vec<Measured>, Vec<Row>)> {
    let products = products(&stage.target, stage.products).await?;
    let mut pairs = Vec::new();
    for dialect in &options.through {
        pairs.push(pair(*dialect, options, stage, &products, random).await?);
    }
    let mut ratios = vec![(Vec::new(), Vec::new()); pairs.len()];
    let mut measured = Vec::new();
    for index in 1..=options.rounds.get() {
        note(&format!("round {index} of {}", options.rounds));
        for (pair, (rates, times)) in pairs.iter().zip(&mut ratios) {
            let mut outcomes = [None, None];
            for turn in [index % 2, (index + 1) % 2] {
                let is_spoken = turn == 0;
                let way = if is_spoken { &pair.spoken } else { &pair.plain };
                outcomes[usize::from(is_spoken)] = Some(load(options, stage, way, random).await?);
            }
            let [Some(plain), Some(spoken)] = outcomes else {
                bail!("a round was left out");
            };
            let name = pair.dialect.as_str();
            for outcome in [&plain, &spoken] {
                ensure!(outcome.per_second > 0.0, "{name}: no order was placed");
            }
            measured.push(Measured::of(&format!("/v1, as {name}"), &plain));
            measured.push(Measured::of(name, &spoken));
            rates.push(Some(spoken.per_second / plain.per_second));
            let time = spoken.processor_us.zip(plain.processor_us);
            times.push(time.map(|(spoken, plain)| spoken / plain));
        }
    }
    let mut rows = Vec::new();
    for (pair, (rates, times)) in pairs.iter().zip(ratios) {
        let name = pair.dialect.as_str();
        let said = |ratios: &[Option<f64>]| {
            let ratios: Vec<_> = ratios.iter().flatten().map(|one| format!("{one:.3}")).collect();
            ratios.join(" ")
        };
        note(&format!("{name}: rates {}; times {}", said(&rates), said(&times)));
        rows.extend(suite::through(name, median(rates), median(times)));
    }
    Ok((measured, rows))
}

/// A round.
async fn load(
    options: &BenchOptions,
    stage: &Stage,
    (target, operation): &Way,
    random: &mut Random,
) -> Result<Outcome> {
    let (target, operation) = (target.clone(), operation.clone());
    let round = Round { target, ..round(options, stage, operation, random) };
    round.run(&stage.tally).await
}

async fn pair(
    dialect: Dialect,
    options: &BenchOptions,
    stage: &Stage,
    products: &[i64],
    random: &mut Random,
) -> Result<Pair> {
    let lines = match dialect {
        Dialect::Storefront | Dialect::Stock | Dialect::Flow => LineCount::ONE,
        Dialect::Oms | Dialect::Processing => options.lines,
    };
    let (mut plain_at, mut spoken_at) = (stage.target.clone(), stage.target.clone());
    let mut users = vec![0];
    match dialect {
        Dialect::Storefront | Dialect::Stock => {}
        Dialect::Oms => users = vec![customer(&plain_at, dialect).await?.0],
        Dialect::Processing => {
            let (id, token) = customer(&plain_at, dialect).await?;
            users = vec![id];
            plain_at = plain_at.with_token(&token)?;
            spoken_at = plain_at.clone();
        }
        Dialect::Flow => {
            let at = stage.flow.context("flow is not spoken")?;
            spoken_at = spoken_at.at(&format!("http://{at}"))?;
            users = flow_users(&spoken_at).await?;
        }
    }
    let mut orders = Orders::prepare(options.workload, stage.products, lines, random);
    if dialect == Dialect::Flow {
        // It sells one unit at a time.
        orders = orders.map(|order| {
            let one = |line: &Line| Line { quantity: 1, ..*line };
            Prepared::new(order.body.clone(), order.lines.iter().map(one).collect::<Vec<_>>())
        });
    }
    let bodies = Bodies { dialect, products, users };
    let mut at = 0;
    let spoken = orders.map(|order| bodies.spoken(&order.lines, next(&mut at)));
    at = 0;
    let plain = orders.map(|order| bodies.plain(&order.lines, next(&mut at)));
    let (spoken, plain) = operations(dialect, &Arc::new(spoken), &Arc::new(plain));
    Ok(Pair { dialect, spoken: (spoken_at, spoken), plain: (plain_at, plain) })
}

fn next(at: &mut usize) -> usize {
    *at += 1;
    *at
}

fn operations(
    dialect: Dialect,
    spoken: &Arc<Orders>,
    plain: &Arc<Orders>,
) -> (Operation, Operation) {
    let order = |path| Operation::post(path, spoken, Counted::Order);
    let placed = Operation::place(plain);
    match dialect {
        Dialect::Storefront | Dialect::Flow => (order("/order"), placed),
        Dialect::Oms => (order("/orders"), placed),
        Dialect::Processing => (order("/api/orders"), placed),
        Dialect::Stock => {
            let (orders, counted) = (Arc::clone(spoken), Counted::Units);
            // Each order says which product it is about.
            let spoken = Operation::Write { method: Method::PUT, path: "/", orders, counted };
            (spoken, Operation::post("/v1/reservations", plain, counted))
        }
    }
}

/// What bodies are made of.
struct Bodies<'a> {
    dialect: Dialect,
    /// The number of each product, product 1 first.
    products: &'a [i64],
    /// Whose the orders are, in turns.
    users: Vec<i64>,
}

impl Bodies<'_> {
    fn product(&self, line: &Line) -> i64 {
        self.products[line.product as usize - 1]
    }

    fn user(&self, at: usize) -> i64 {
        self.users[at % self.users.len()]
    }

    /// An order as the dialect has it.
    fn spoken(&self, lines: &[Line], at: usize) -> Prepared {
        let [first, ..] = lines else { return Prepared::new("", lines) };
        let (product, quantity, user) = (self.product(first), first.quantity, self.user(at));
        let items = |name: &str| -> Value {
            let item = |line| json!({(name): self.product(line), "quantity": line.quantity});
            lines.iter().map(item).collect()
        };
        let body = match self.dialect {
            Dialect::Storefront => json!({"productId": product, "quantity": quantity}),
            Dialect::Stock => json!({"orderId": NAME, "quantity": quantity}),
            Dialect::Oms => json!({"customer_id": user, "items": items("product_id")}),
            Dialect::Processing => json!({"items": items("productId"),
                "shippingAddress": {"street": "123 Main St", "city": "New York", "state": "NY",
                    "zipCode": "10001", "country": "USA"},
                "paymentMethod": "Credit Card"}),
            Dialect::Flow => json!({"productId": product, "userId": user}),
        };
        let path = format!("/inventory/reserve-order/{}", sku(first.product));
        let path = (self.dialect == Dialect::Stock).then(|| path.into());
        Prepared { path, ..Prepared::new(body.to_string(), lines).named() }
    }

    /// The same order as `/v1` has it.
    fn plain(&self, lines: &[Line], at: usize) -> Prepared {
        let item = |line: &Line| {
            let product = format!("prd_{}", self.product(line));
            json!({"product_id": product, "quantity": line.quantity})
        };
        let items: Value = lines.iter().map(item).collect();
        let customer = format!("cus_{}", self.user(at));
        let body = match self.dialect {
            Dialect::Storefront => json!({"items": items}),
            Dialect::Stock => {
                let held =
                    |line: &Line| json!({"sku": sku(line.product), "quantity": line.quantity});
                json!({"items": lines.iter().map(held).collect::<Value>(), "reference": NAME,
                    "expires_in_s": HOLD_SECS_MAX})
            }
            Dialect::Oms => json!({"items": items, "customer_id": customer,
                "payment": {"provider": "manual"}}),
            Dialect::Processing => json!({"items": items,
                "shipping_address": {"street": "123 Main St", "city": "New York", "state": "NY",
                    "postal_code": "10001", "country": "USA"},
                "payment_method": "Credit Card", "metadata": {"channel": "processing"}}),
            Dialect::Flow => json!({"items": items, "customer_id": customer}),
        };
        let mut order = Prepared::new(body.to_string(), lines).named();
        if let (Dialect::Flow, [line]) = (self.dialect, lines) {
            // It answers as well what is left, and what of it the user has bought so far.
            let sku = sku(line.product);
            let bought = format!("/v1/orders?customer={customer}&sku={sku}&limit=100");
            order.then = [format!("/v1/stock/{sku}"), bought].into();
        }
        order
    }
}

/// The numbers of the products, product 1 first.
async fn products(target: &Target, products: u32) -> Result<Vec<i64>> {
    let mut api = Api::new(target);
    let mut numbers = Vec::new();
    for product in 1..=products {
        let reply = api.get(&format!("/v1/products/{}", sku(product))).await?;
        let body: Value = serde_json::from_slice(&reply.body)?;
        let number = body["id"].as_str().and_then(|id| id.strip_prefix("prd_")?.parse().ok());
        numbers.push(number.with_context(|| describe(&reply))?);
    }
    Ok(numbers)
}

/// Somebody who has an account: its number, and a token.
async fn customer(target: &Target, dialect: Dialect) -> Result<(i64, String)> {
    let email = format!("bench-{}@shop.example", dialect.as_str());
    let body = json!({"email": email, "password": PASSWORD, "name": "Bench"});
    let body = answer(target, "/api/auth/register", &body, StatusCode::CREATED).await?;
    let (id, token) = (&body["data"]["user"]["id"], &body["data"]["accessToken"]);
    let id = id.as_str().and_then(|id| id.parse().ok());
    id.zip(token.as_str().map(str::to_owned)).context("nobody was registered")
}

async fn flow_users(target: &Target) -> Result<Vec<i64>> {
    note("making people known who buy through flow");
    let mut users = Vec::with_capacity(FLOW_USERS);
    for at in 0..FLOW_USERS {
        let body = json!({"email": format!("bench-flow-{at}@shop.example")});
        let body = answer(target, "/user", &body, StatusCode::OK).await?;
        users.push(body["resp"]["id"].as_i64().context("nobody was made known")?);
    }
    Ok(users)
}

async fn answer(target: &Target, path: &str, body: &Value, wanted: StatusCode) -> Result<Value> {
    let reply = Api::new(target).post(path, uuid_v7(), body.to_string().into()).await?;
    if reply.status != wanted {
        bail!("{path}: {}", describe(&reply));
    }
    Ok(serde_json::from_slice(&reply.body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_buy_the_same() {
        let lines = [Line { product: 2, quantity: 3 }, Line { product: 1, quantity: 1 }];
        for dialect in Dialect::ALL {
            let bodies = Bodies { dialect, products: &[70, 80], users: vec![5, 6] };
            let read = |order: &Prepared| -> Value { serde_json::from_slice(&order.body).unwrap() };
            let (spoken, plain) = (bodies.spoken(&lines, 1), bodies.plain(&lines, 1));
            assert_eq!((&spoken.lines, &plain.lines), (&plain.lines, &lines.into()));
            assert_eq!(spoken.name_at.is_some(), plain.name_at.is_some(), "{dialect:?}");
            let (said, plain) = (read(&spoken), read(&plain));
            assert_eq!(plain["items"][0]["quantity"], 3, "{dialect:?}");
            let is_stock = dialect == Dialect::Stock;
            assert_eq!(spoken.path.as_deref().is_some_and(|path| path.ends_with("2")), is_stock);
            let is_known = plain["items"][0]["product_id"] == "prd_80";
            assert!(is_known != is_stock, "{dialect:?} {plain}");
            let product = match dialect {
                Dialect::Storefront | Dialect::Flow => &said["productId"],
                Dialect::Oms => &said["items"][0]["product_id"],
                Dialect::Processing => &said["items"][0]["productId"],
                Dialect::Stock => continue,
            };
            assert_eq!(*product, 80, "{dialect:?} {said}");
        }
    }
}
