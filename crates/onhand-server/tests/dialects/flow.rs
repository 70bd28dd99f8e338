//! `flow`, row by row.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::{World, ask};

/// Who was there first: the demo's customer is number 2.
const USERS: &str = "GET /users";

fn error(message: &str) -> Value {
    json!({"message": message, "error": null})
}

/// An answer without what cannot be foretold.
fn without_uuids(mut body: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(uuid) = fields.remove("uuid") {
                    assert_eq!(uuid.as_str().map(str::len), Some(36), "{uuid}");
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    strip(&mut body);
    body
}

fn timed(mut row: Value) -> Value {
    row["created_at"] = json!("2026-01-01T00:00:00Z");
    row["updated_at"] = json!("2026-01-01T00:00:00Z");
    row
}

fn user(id: i64, email: &str) -> Value {
    timed(json!({"id": id, "email": email}))
}

fn product(id: i64, name: &str, count: i64) -> Value {
    timed(json!({"id": id, "name": name, "count": count}))
}

fn order(id: i64, user: i64, product: i64, count: i64) -> Value {
    timed(json!({"id": id, "user_id": user, "inventory_id": product, "count": count}))
}

/// A request with what it is answered, and the status of the original where that is another one.
type Row = (&'static str, String, u16, Option<u16>, Value);

fn ok(line: &'static str, body: Value, resp: Value) -> Row {
    (line, body.to_string(), 200, None, json!({ "resp": resp }))
}

fn no(line: &'static str, body: Value, status: u16, message: &str) -> Row {
    (line, body.to_string(), status, None, error(message))
}

fn or(row: Row, literal: u16) -> Row {
    (row.0, row.1, row.2, Some(literal), row.4)
}

/// Asks row by row, in both forms of the status codes, of a server that is new for each form.
async fn check(rows: impl Fn() -> Vec<Row>) {
    for is_literal in [false, true] {
        let world = World::literal(is_literal).await;
        for (line, body, status, literal, answer) in rows() {
            let reply = world.ask_flow(line, &body).await;
            let wanted = if is_literal { literal.unwrap_or(status) } else { status };
            assert_eq!(without_uuids(reply.body), answer, "{line} {body}: {}", reply.text);
            assert_eq!(reply.status, wanted, "{line} {body}: {}", reply.text);
        }
        world.verify().await;
    }
}

const TAKEN: &str = "A user with same email id already exists. Please login with the same email";

#[tokio::test]
async fn users_are_made_by_their_address() {
    const MISSING: &str = "email field is missing from body params";
    const INVALID: &str = "email must be an address like ada@example.com";
    check(|| {
        let ada = || user(3, "ada@example.com");
        let invalid =
            |email: Value| or(no("POST /user", json!({"email": email}), 400, INVALID), 500);
        vec![
            ok("POST /user", json!({"email": " Ada@Example.com ", "id": 9}), ada()),
            no("POST /user", json!({"email": "ada@example.com"}), 409, TAKEN),
            no("POST /user", json!({"email": "user@example.com"}), 409, TAKEN),
            ok(USERS, json!({"any": "body"}), json!([user(2, "user@example.com"), ada()])),
            no("POST /user", json!({}), 400, MISSING),
            no("POST /user", json!({"email": null}), 400, MISSING),
            no("POST /user", json!({"email": ""}), 400, MISSING),
            no("POST /user", json!({"email": 0}), 400, MISSING),
            invalid(json!("ada")),
            invalid(json!("ada@")),
            invalid(json!("a b@example.com")),
            invalid(json!(7)),
            invalid(json!(["ada@example.com"])),
            invalid(json!(true)),
            invalid(json!({"$ne": null})),
            invalid(json!("   ")),
            no("POST /user", json!({"email": false}), 400, MISSING),
            invalid(json!(format!("{}@example.com", "x".repeat(300)))),
        ]
    })
    .await;
}

#[tokio::test]
async fn nobody_logs_in_as_a_user_of_flow() {
    let world = World::new().await;
    world.ask_flow("POST /user", r#"{"email": "ada@example.com"}"#).await;
    for password in ["", "password", "ada@example.com"] {
        let body = json!({"email": "ada@example.com", "password": password}).to_string();
        let login = world.ask("POST /v1/auth/login", &body).await;
        assert!([401, 422].contains(&login.status), "{password}: {}", login.text);
    }
}

#[tokio::test]
async fn products_are_made_by_their_name() {
    const NAME: &str = "name field is missing from body params";
    const COUNT: &str = "count field is missing from body params";
    const POSITIVE: &str = "count of inventory must be greater than 0";
    const WHOLE: &str = "count of inventory must be a whole number up to 1000000000";
    const LONG: &str = "name must be a text of 1 to 100 characters";
    const TAKEN: &str = "A product with same name already exists. Please register prodduct with \
                         some different name";
    check(|| {
        let of = |name: Value, count: Value| json!({"name": name, "count": count});
        let tea = || of(json!("Tea"), json!(5));
        vec![
            ok("POST /inventory", tea(), product(7, "Tea", 5)),
            no("POST /inventory", tea(), 409, TAKEN),
            no("POST /inventory", of(json!("Tea"), json!(9)), 409, TAKEN),
            ok("POST /inventory", of(json!("tea"), json!("1")), product(8, "tea", 1)),
            ok(
                "GET /inventory",
                json!({}),
                json!([
                    product(1, "Sample product", 5),
                    product(2, "Smartphone", 100),
                    product(3, "Laptop", 50),
                    product(4, "Headphones", 109),
                    product(5, "Smartwatch", 75),
                    product(6, "Tablet", 10),
                    product(7, "Tea", 5),
                    product(8, "tea", 1)
                ]),
            ),
            no("POST /inventory", json!({}), 400, NAME),
            no("POST /inventory", json!({"count": 1}), 400, NAME),
            no("POST /inventory", of(json!(null), json!(null)), 400, NAME),
            no("POST /inventory", of(json!(""), json!(1)), 400, NAME),
            no("POST /inventory", json!({"name": "Rice"}), 400, COUNT),
            no("POST /inventory", of(json!("Rice"), json!(null)), 400, COUNT),
            no("POST /inventory", of(json!("Rice"), json!("")), 400, COUNT),
            no("POST /inventory", of(json!("Rice"), json!(0)), 400, POSITIVE),
            no("POST /inventory", of(json!("Rice"), json!(-3)), 400, POSITIVE),
            no("POST /inventory", of(json!("Rice"), json!(1.5)), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!("many")), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!(1_000_000_001)), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!({})), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!([1])), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!(true)), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!(1e300)), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!(i64::MAX)), 400, WHOLE),
            no("POST /inventory", of(json!("Rice"), json!("-3")), 400, POSITIVE),
            no("POST /inventory", of(json!("Rice"), json!("1.5")), 400, WHOLE),
            no("POST /inventory", of(json!(true), json!(1)), 400, LONG),
            no("POST /inventory", of(json!(["Rice"]), json!(1)), 400, LONG),
            no("POST /inventory", of(json!({}), json!(1)), 400, LONG),
            no("POST /inventory", of(json!("   "), json!(1)), 400, LONG),
            no("POST /inventory", of(json!(0), json!(1)), 400, NAME),
            no("POST /inventory", of(json!(7), json!(1)), 400, LONG),
            no("POST /inventory", of(json!("x".repeat(101)), json!(1)), 400, LONG),
        ]
    })
    .await;
}

#[tokio::test]
async fn an_order_buys_one_unit_and_counts_up() {
    check(|| {
        let of = |product: Value, user: Value| json!({"productId": product, "userId": user});
        let buy = || of(json!(7), json!(2));
        let nested = |mut order: Value, product: Value| {
            order["inventory"] = product;
            order
        };
        let left = || nested(order(1, 2, 7, 2), product(7, "Tea", 0));
        vec![
            ok("POST /inventory", json!({"name": "Tea", "count": 2}), product(7, "Tea", 2)),
            ok("POST /order", buy(), json!([product(7, "Tea", 1), order(1, 2, 7, 1)])),
            ok(
                "POST /order",
                of(json!("7"), json!("2")),
                json!([product(7, "Tea", 0), order(1, 2, 7, 2)]),
            ),
            no("POST /order", buy(), 409, "Product is out of stock"),
            ok(
                "POST /order",
                of(json!(1), json!(2)),
                json!([product(1, "Sample product", 4), order(3, 2, 1, 1)]),
            ),
            ok(
                "POST /order",
                of(json!(1), json!(1)),
                json!([product(1, "Sample product", 3), order(4, 1, 1, 1)]),
            ),
            ok(
                "GET /order",
                json!({"userId": 2}),
                json!([nested(order(3, 2, 1, 1), product(1, "Sample product", 3)), left()]),
            ),
            ok(
                "GET /order?userId=1",
                json!({}),
                json!([nested(order(4, 1, 1, 1), product(1, "Sample product", 3))]),
            ),
            ok("GET /order?userId=99", json!({}), json!([])),
            ok("GET /order?userId=usr_2", json!({}), json!([])),
        ]
    })
    .await;
}

#[tokio::test]
async fn odd_orders_are_refused() {
    const PRODUCT: &str = "productId field is missing from body params";
    const USER: &str = "userId field is missing from body params";
    const NO_PRODUCT: &str = "No product exists with the given ID";
    const NO_USER: &str = "No user exists with the given ID";
    check(|| {
        let of = |product: Value, user: Value| json!({"productId": product, "userId": user});
        let unknown =
            |product: Value| or(no("POST /order", of(product, json!(2)), 404, NO_PRODUCT), 409);
        let nobody = |user: Value| or(no("POST /order", of(json!(1), user), 404, NO_USER), 500);
        vec![
            // The product is looked for first.
            or(no("POST /order", of(json!(99), json!(99)), 404, NO_PRODUCT), 409),
            no("GET /order", json!({}), 400, USER),
            no("GET /order?userId=", json!({"userId": null}), 400, USER),
            no("POST /order", json!({}), 400, PRODUCT),
            no("POST /order", json!({"userId": 2}), 400, PRODUCT),
            no("POST /order", of(json!(0), json!(0)), 400, PRODUCT),
            no("POST /order", of(json!(null), json!(2)), 400, PRODUCT),
            no("POST /order", of(json!(7), json!("")), 400, USER),
            no("POST /order", json!({"productId": 7}), 400, USER),
            unknown(json!(99)),
            unknown(json!(-7)),
            unknown(json!(7.5)),
            unknown(json!("prd_7")),
            unknown(json!([7])),
            unknown(json!(true)),
            unknown(json!({"id": 7})),
            unknown(json!(1e300)),
            unknown(json!(i64::MAX)),
            nobody(json!(true)),
            nobody(json!([2])),
            nobody(json!({"id": 2})),
            nobody(json!(2.5)),
            nobody(json!(1e300)),
            nobody(json!(99)),
            nobody(json!(-2)),
            nobody(json!("usr_2")),
        ]
    })
    .await;
}

#[tokio::test]
async fn each_row_has_its_own_uuid_and_keeps_it() {
    let world = World::new().await;
    let of_users = async || {
        let users = world.ask_flow(USERS, "").await.body["resp"].clone();
        users.as_array().unwrap().iter().map(|row| row["uuid"].clone()).collect::<Vec<_>>()
    };
    for name in ["a", "b"] {
        let body = json!({"email": format!("{name}@example.com")}).to_string();
        world.ask_flow("POST /user", &body).await;
    }
    let uuids = of_users().await;
    assert_eq!(uuids.len(), 3);
    assert!(uuids[0] != uuids[1] && uuids[1] != uuids[2] && uuids[0] != uuids[2], "{uuids:?}");
    assert_eq!(of_users().await, uuids);
    // What was answered to a write is what a list says later.
    let made = world.ask_flow("POST /inventory", r#"{"name": "Tea", "count": 5}"#).await.body;
    let rice = world.ask_flow("POST /inventory", r#"{"name": "Rice", "count": 5}"#).await.body;
    let bought = world.ask_flow("POST /order", r#"{"productId": 7, "userId": 2}"#).await.body;
    let again = world.ask_flow("POST /order", r#"{"productId": 7, "userId": 2}"#).await.body;
    let other = world.ask_flow("POST /order", r#"{"productId": 8, "userId": 2}"#).await.body;
    let listed = world.ask_flow("GET /order?userId=2", "").await.body["resp"].clone();
    let tea = &made["resp"]["uuid"];
    assert_eq!([&bought["resp"][0]["uuid"], &listed[0]["inventory"]["uuid"]], [tea, tea]);
    let row = &bought["resp"][1]["uuid"];
    assert_eq!([&again["resp"][1]["uuid"], &listed[0]["uuid"]], [row, row]);
    assert_eq!(other["resp"][1]["uuid"], listed[1]["uuid"]);
    let mut all = vec![tea, row, &rice["resp"]["uuid"], &other["resp"][1]["uuid"]];
    all.extend(&uuids);
    for (at, uuid) in all.iter().enumerate() {
        assert!(uuid.is_string() && !all[..at].contains(uuid), "{uuid} of {all:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_used_makes_no_other_product() {
    let world = World::new().await;
    let make = async |body: Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
        ask(&world.flow, "POST /inventory", &headers, &body.to_string()).await
    };
    let first = make(json!({"name": "Tea", "count": 5})).await;
    assert_eq!(first.status, 200, "{}", first.text);
    for other in [json!({"name": "Rice", "count": 5}), json!({"name": "Tea", "count": 9})] {
        let refused = make(other).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &Value::Null));
        assert!(refused.text.contains("Idempotency-Key"), "{}", refused.text);
    }
    let again = make(json!({"name": "Tea", "count": 5})).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let listed = world.ask_flow("GET /inventory", "").await.body;
    let listed = listed["resp"].as_array().unwrap();
    assert!(listed.iter().all(|row| row["name"] != "Rice"), "{listed:?}");
    assert_eq!(listed.iter().filter(|row| row["name"] == "Tea").count(), 1);
}

#[tokio::test]
async fn forms_are_read_and_unknown_routes_are_told() {
    let world = World::new().await;
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let tea = ask(&world.flow, "POST /inventory", &form, "name=Green+tea&count=3").await;
    assert_eq!(tea.body["resp"]["name"], "Green tea", "{}", tea.text);
    let bought = ask(&world.flow, "POST /order", &form, "productId=7&userId=2").await;
    assert_eq!(bought.body["resp"][0]["count"], 2, "{}", bought.text);
    for line in ["GET /", "GET /product", "PUT /user", "DELETE /order", "GET /user/1"] {
        let path = line.split_once(' ').unwrap().1;
        let reply = world.ask_flow(line, "").await;
        assert_eq!((reply.status, reply.body), (404, json!({"url": format!("{path} not found")})));
    }
    let broken = world.ask_flow("POST /user", "{").await;
    assert_eq!((broken.status, &broken.body["error"]), (400, &Value::Null));
    assert!(broken.body["message"].as_str().unwrap().contains("not JSON"), "{}", broken.text);
}

#[tokio::test]
async fn a_product_whose_maker_died_half_way_is_finished() {
    let world = World::new().await;
    let tea = r#"{"name": "Tea", "count": 5}"#;
    let made = world.ask_flow("POST /inventory", tea).await.body["resp"].clone();
    let sku = world.v1("GET /v1/products/prd_7", "").await.body["sku"].clone();
    assert!(made["id"] == 7 && sku.as_str().unwrap().starts_with("tea-"), "{sku}");
    // Somebody makes the product, as far as that, and no stock.
    let coffee = world.ask_flow("POST /inventory", r#"{"name": "Coffee", "count": 1}"#).await;
    assert_eq!(coffee.status, 200);
    let world = World::new().await;
    let price = json!({"amount": 0, "currency": "INR"});
    let body = json!({"sku": sku, "name": "Tea", "price": price}).to_string();
    assert_eq!(world.v1("POST /v1/products", &body).await.status, 201);
    let finished = world.ask_flow("POST /inventory", tea).await;
    assert_eq!(finished.body["resp"]["count"], 5, "{}", finished.text);
    assert_eq!(world.ask_flow("POST /inventory", tea).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_makes_a_product_and_one_buys_its_last_unit() {
    let world = Arc::new(World::new().await);
    let statuses = race(&world, "POST /inventory", r#"{"name": "Tea", "count": 1}"#).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let statuses = race(&world, "POST /order", r#"{"productId": 7, "userId": 2}"#).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let left = world.ask_flow("GET /order?userId=2", "").await.body;
    assert_eq!(left["resp"][0]["inventory"]["count"], 0);
    // A refusal locks nobody out.
    let bought = world.ask_flow("POST /order", r#"{"productId": 1, "userId": 2}"#).await;
    assert_eq!(bought.status, 200);
    world.verify().await;
}

async fn race(world: &Arc<World>, line: &'static str, body: &'static str) -> Vec<u16> {
    let start = Arc::new(Barrier::new(24));
    let mut racers = JoinSet::new();
    for _ in 0..24 {
        let (world, start) = (world.clone(), start.clone());
        racers.spawn(async move {
            start.wait().await;
            world.ask_flow(line, body).await.status
        });
    }
    racers.join_all().await
}
