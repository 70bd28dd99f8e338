//! A toy server that keeps the contract in memory, for testing the load generator itself, and that
//! can be made to lie, for testing that lies are found. It is in no way a model of the real server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::api::{Api, Target};
use super::bench::{BenchOptions, run};
use super::crowd::{Crowd, one_unit};
use super::torture_check::{Expected, Findings, check};
use crate::random::Random;

/// What the toy does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// Every tenth acknowledged order is nowhere to be found.
    Forgets,
    /// A repeated key places another order.
    Repeats,
    /// A sold unit is not reserved.
    Oversells,
}

struct Shelf {
    lie: Lie,
    stock: BTreeMap<String, (i64, i64)>,
    orders: Vec<Value>,
    answers: BTreeMap<String, Value>,
    placed: usize,
}

#[derive(Clone)]
struct Toy(Arc<Mutex<Shelf>>);

impl Toy {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Places an order; the items and what is available if that is too little.
    fn place(&mut self, body: &Value) -> Result<Value, Value> {
        let items = body["items"].as_array().unwrap();
        for item in items {
            let (on_hand, reserved) = self.stock[item["sku"].as_str().unwrap()];
            if on_hand - reserved < item["quantity"].as_i64().unwrap() {
                return Err(json!({"code": "insufficient_stock", "items": items}));
            }
        }
        for item in items.iter().filter(|_| self.lie != Lie::Oversells) {
            let level = self.stock.get_mut(item["sku"].as_str().unwrap()).unwrap();
            level.1 += item["quantity"].as_i64().unwrap();
        }
        self.placed += 1;
        let id = format!("ord_{}", self.placed);
        let order = json!({"id": id, "number": self.placed, "version": 1, "lines": items});
        if self.lie != Lie::Forgets || !self.placed.is_multiple_of(10) {
            self.orders.push(order.clone());
        }
        Ok(order)
    }
}

async fn place(State(toy): State<Toy>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut shelf = toy.shelf();
    let known = shelf.answers.get(&key).filter(|_| shelf.lie != Lie::Repeats);
    if let Some(order) = known {
        let replayed = [("idempotency-replayed", "true")];
        return (StatusCode::CREATED, replayed, Json(order.clone())).into_response();
    }
    match shelf.place(&body) {
        Ok(order) => {
            shelf.answers.insert(key, order.clone());
            (StatusCode::CREATED, Json(order)).into_response()
        }
        Err(problem) => (StatusCode::CONFLICT, Json(problem)).into_response(),
    }
}

async fn place_batch(State(toy): State<Toy>, Json(body): Json<Value>) -> StatusCode {
    for order in body["orders"].as_array().unwrap() {
        toy.shelf().place(order).unwrap();
    }
    StatusCode::CREATED
}

async fn create_product(State(toy): State<Toy>, Json(body): Json<Value>) -> StatusCode {
    toy.shelf().stock.insert(body["sku"].as_str().unwrap().to_owned(), (0, 0));
    StatusCode::CREATED
}

async fn adjust(State(toy): State<Toy>, Json(body): Json<Value>) -> StatusCode {
    for adjustment in body["adjustments"].as_array().unwrap() {
        let sku = adjustment["sku"].as_str().unwrap();
        toy.shelf().stock.get_mut(sku).unwrap().0 += adjustment["delta"].as_i64().unwrap();
    }
    StatusCode::CREATED
}

async fn stock(State(toy): State<Toy>, Path(sku): Path<String>) -> Json<Value> {
    let (on_hand, reserved) = toy.shelf().stock[&sku];
    Json(json!({"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}))
}

async fn read(State(toy): State<Toy>, Path(id): Path<String>) -> Response {
    let shelf = toy.shelf();
    match shelf.orders.iter().find(|order| order["id"] == id.as_str()) {
        Some(order) => Json(order.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn list(
    State(toy): State<Toy>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Value> {
    let shelf = toy.shelf();
    let limit: usize = query["limit"].parse().unwrap();
    let newest_first = shelf.orders.iter().rev();
    let behind = query.get("starting_after");
    let skipped = match behind {
        None => 0,
        Some(id) => 1 + newest_first.clone().position(|order| order["id"] == id.as_str()).unwrap(),
    };
    let data: Vec<&Value> = newest_first.skip(skipped).take(limit).collect();
    let has_more = skipped + data.len() < shelf.orders.len();
    Json(json!({"object": "list", "data": data, "has_more": has_more}))
}

async fn toy(lie: Lie) -> String {
    let (stock, answers) = (BTreeMap::new(), BTreeMap::new());
    let shelf = Shelf { lie, stock, orders: Vec::new(), answers, placed: 0 };
    let router = Router::new()
        .route("/v1/products", post(create_product))
        .route("/v1/stock/adjustments", post(adjust))
        .route("/v1/stock/{sku}", get(self::stock))
        .route("/v1/orders", get(list).post(place))
        .route("/v1/orders/batch", post(place_batch))
        .route("/v1/orders/{id}", get(read))
        .with_state(Toy(Arc::new(Mutex::new(shelf))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[derive(clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    bench: BenchOptions,
}

/// Runs a short benchmark against the toy and gives the exit code.
async fn bench(lie: Lie, preload: &str) -> String {
    let url = toy(lie).await;
    let flags = ["bench", "--url", &url, "--connections=8", "--seconds=1", "--products=70"];
    let more = ["--preload", preload, "--seed=1", "--json"];
    let options = CommandLine::try_parse_from(flags.into_iter().chain(more)).unwrap().bench;
    format!("{:?}", run(options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_benchmark_of_an_honest_server_succeeds() {
    assert_eq!(bench(Lie::None, "1100").await, format!("{:?}", std::process::ExitCode::SUCCESS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_benchmark_of_a_forgetful_or_overselling_server_fails() {
    let failure = format!("{:?}", std::process::ExitCode::FAILURE);
    assert_eq!(bench(Lie::Forgets, "0").await, failure);
    assert_eq!(bench(Lie::Oversells, "0").await, failure);
}

/// Twenty buyers for twelve units, then the check of the torture.
async fn buy_and_check(lie: Lie) -> (usize, Findings) {
    let target = Target::new(&toy(lie).await, None).unwrap();
    let mut api = Api::new(&target);
    api.create_product("A").await.unwrap();
    api.receive_stock(&["A".to_owned()], 12).await.unwrap();
    let (_up, watch) = tokio::sync::watch::channel(Some(target.clone()));
    let crowd = Crowd::new("A", 12, watch);
    let watching = crowd.spawn_watcher();
    let told = crowd.buy(20, 4, &mut Random::seeded(1)).await.unwrap().told;
    crowd.stop();
    let sightings = watching.await.unwrap().unwrap();
    assert!(sightings.count > 0);
    assert_eq!(sightings.wrong.is_empty(), lie != Lie::Oversells, "{:?}", sightings.wrong);
    let sold = told.sold.len();
    let reserved = i64::try_from(sold).unwrap();
    let expected = [Expected { sku: "A".to_owned(), on_hand: 12, reserved }];
    (sold, check(&target, told, &one_unit("A"), &expected).await.unwrap())
}

#[tokio::test]
async fn the_torture_finds_nothing_wrong_with_an_honest_server() {
    let (sold, findings) = buy_and_check(Lie::None).await;
    assert_eq!(sold, 12);
    assert_eq!(findings.problems, Vec::<String>::new());
}

#[tokio::test]
async fn the_torture_finds_lost_doubled_and_oversold_orders() {
    let (_, findings) = buy_and_check(Lie::Forgets).await;
    assert_eq!(findings.lost, 1);
    let (_, findings) = buy_and_check(Lie::Repeats).await;
    assert!(findings.lost > 0, "{findings:?}");
    let (sold, findings) = buy_and_check(Lie::Oversells).await;
    assert_eq!(sold, 20);
    assert!(findings.problems.iter().any(|problem| problem.starts_with("A: ")), "{findings:?}");
}
