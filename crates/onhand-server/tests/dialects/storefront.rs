//! `storefront`, row by row.

use std::sync::Arc;

use onhand_core::Command;
use onhand_core::orders;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::{World, check, row};

const AT: &str = "2026-01-01T00:00:00Z";

fn product(id: i64, name: &str, description: &str, price: &str) -> Value {
    json!({"id": id, "name": name, "description": description, "price": price,
        "createdAt": AT, "updatedAt": AT})
}

fn inventory(id: i64, quantity: i64) -> Value {
    json!({"id": id, "productId": id, "quantity": quantity, "createdAt": AT, "updatedAt": AT})
}

fn order(id: i64, product: i64, quantity: i64, status: &str) -> Value {
    json!({"id": id, "productId": product, "quantity": quantity, "status": status,
        "createdAt": AT, "updatedAt": AT})
}

fn failed(error: &str, message: &str) -> Value {
    json!({"ok": false, "error": error, "message": message})
}

fn missing(what: &str) -> Value {
    json!({"ok": false, "error": format!("{what} not found")})
}

fn created(product: Value) -> Value {
    json!({"ok": true, "message": "Created Product !", "product": product})
}

fn demo_products() -> Vec<Value> {
    vec![
        product(1, "Sample product", "", "19.99"),
        product(2, "Smartphone", "", "83999.99"),
        product(3, "Laptop", "", "129999.99"),
        product(4, "Headphones", "", "7399.99"),
        product(5, "Smartwatch", "", "29949.99"),
        product(6, "Tablet", "", "349.99"),
    ]
}

#[tokio::test]
async fn products_are_created_replaced_and_deleted() {
    check(|| {
        let tea = json!({"name": "Tea", "description": "Green", "price": 4.35, "id": 99});
        let more = json!({"name": " Tea, 100 g ", "description": "Green", "price": "5.10"});
        let listed = [demo_products(), vec![product(7, "Tea, 100 g", "Green", "5.10")]].concat();
        let list = |products: Vec<Value>| {
            json!({"ok": true, "message": "Fetched Products !", "products": products})
        };
        let updated = |product: Value| {
            json!({"ok": true, "message": "Updated Product !", "product": product})
        };
        let deleted = json!({"ok": true, "message": "Product deleted successfully"});
        let in_use = "`tablet` still has 10 on hand and 0 reserved";
        vec![
            row("GET /product", "", 200, list(demo_products())),
            row("POST /product", &tea, 201, created(product(7, "Tea", "Green", "4.35"))),
            row("PUT /product/7", &more, 200, updated(product(7, "Tea, 100 g", "Green", "5.10"))),
            row("GET /product", "", 200, list(listed)),
            row("PUT /product/99", &more, 404, missing("Product")),
            row("PUT /product/x", &more, 404, missing("Product")),
            row("PUT /product/prd_7", &more, 404, missing("Product")),
            row("PUT /product/07", &more, 404, missing("Product")),
            row("DELETE /product/99", "", 404, missing("Product")),
            row("DELETE /product/-7", "", 404, missing("Product")),
            row("DELETE /product/6", "", 409, failed("Failed to delete product", in_use))
                .literally(500),
            row("DELETE /product/7", "", 200, deleted),
            row("DELETE /product/7", "", 404, missing("Product")),
            row("PUT /product/7", &more, 404, missing("Product")),
            row("GET /product", "", 200, list(demo_products())),
        ]
    })
    .await;
}

const NO_FIELD: &str = "Please provide a name, description and price";

/// What a field of a product must not be, and what is said of it.
fn odd_fields() -> Vec<(&'static str, Value, &'static str)> {
    const MISSING: &str = NO_FIELD;
    const NAME: &str = "name must be a text of 1 to 100 characters";
    const TEXT: &str = "description must be a text of at most 2000 characters";
    const PRICE: &str = "price must be a positive number with at most 2 decimals";
    vec![
        ("name", json!(null), MISSING),
        ("name", json!(""), MISSING),
        ("name", json!("  "), NAME),
        ("name", json!(7), NAME),
        ("name", json!("x".repeat(101)), NAME),
        ("name", json!("a\u{7}b"), NAME),
        ("name", json!(true), NAME),
        ("name", json!(["Tea"]), NAME),
        ("name", json!({}), NAME),
        ("description", json!(null), MISSING),
        ("description", json!(0), MISSING),
        ("description", json!(7), TEXT),
        ("description", json!(["Green"]), TEXT),
        ("description", json!(""), MISSING),
        ("description", json!({}), TEXT),
        ("description", json!("x".repeat(2_001)), TEXT),
        ("price", json!(0), MISSING),
        ("price", json!(null), MISSING),
        ("price", json!(-1), PRICE),
        ("price", json!(1.999), PRICE),
        ("price", json!("1,50"), PRICE),
        ("price", json!("dear"), PRICE),
        ("price", json!(1e300), PRICE),
        ("price", json!([1]), PRICE),
        ("price", json!(""), MISSING),
        ("price", json!(false), MISSING),
        ("price", json!(true), PRICE),
        ("price", json!("0"), PRICE),
        ("price", json!(-1e300), PRICE),
        ("price", json!("NaN"), PRICE),
    ]
}

#[tokio::test]
async fn odd_products_are_refused() {
    check(|| {
        let mut rows = Vec::new();
        for (line, error) in [
            ("POST /product", "Failed to create product"),
            ("PUT /product/1", "Failed to update product"),
        ] {
            let mut bad = |body: String, message: &str| {
                rows.push(row(line, body, 400, failed(error, message)).literally(500));
            };
            bad(String::new(), NO_FIELD);
            bad("{}".into(), NO_FIELD);
            for (name, value, message) in odd_fields() {
                let mut body = json!({"name": "Tea", "description": "Green", "price": 1});
                body[name] = value;
                bad(body.to_string(), message);
            }
            for name in ["name", "description", "price"] {
                let mut body = json!({"name": "Tea", "description": "Green", "price": 1});
                body.as_object_mut().unwrap().remove(name);
                bad(body.to_string(), NO_FIELD);
            }
        }
        let body =
            |price: &str| format!(r#"{{"name": "T", "description": "d", "price": {price}}}"#);
        for (id, price, shown) in
            [(7, "90071992547.93", "90071992547.93"), (8, "\"0.10\"", "0.10"), (9, "1e2", "100.00")]
        {
            rows.push(row(
                "POST /product",
                body(price),
                201,
                created(product(id, "T", "d", shown)),
            ));
        }
        rows
    })
    .await;
}

#[tokio::test]
async fn inventory_is_one_row_of_each_product() {
    check(|| {
        let of = |id: i64, quantity: Value| json!({"productId": id, "quantity": quantity});
        let list = |listed: &[(i64, i64)]| {
            let rows: Vec<_> = listed.iter().map(|(id, units)| inventory(*id, *units)).collect();
            json!({"ok": true, "message": "Fetched Inventory!", "inventory": rows})
        };
        let created = |id, units| {
            json!({"ok": true, "message": "Created Inventory!", "inventory": inventory(id, units)})
        };
        let updated = |id, units| {
            json!({"ok": true, "message": "Updated Inventory!", "inventory": inventory(id, units)})
        };
        let deleted = json!({"ok": true, "message": "Inventory deleted successfully"});
        let second = || failed("Failed to create inventory", "Validation error");
        let demo = [(1, 5), (2, 100), (3, 50), (4, 109), (5, 75), (6, 10)];
        let with_seventh = [&demo[..], &[(7, 0)]].concat();
        let tea = json!({"name": "Tea", "description": "Green", "price": 1});
        vec![
            row("GET /inventory", "", 200, list(&demo)),
            row("POST /product", tea, 201, self::created(product(7, "Tea", "Green", "1.00"))),
            row("GET /inventory", "", 200, list(&demo)),
            row("PUT /inventory/7", of(7, json!(1)), 404, missing("Inventory")),
            row("DELETE /inventory/7", "", 404, missing("Inventory")),
            row("POST /inventory", of(7, json!(3)), 201, created(7, 3)),
            row("POST /inventory", of(7, json!(4)), 409, second()).literally(500),
            row("POST /inventory", of(99, json!(4)), 404, missing("Product")),
            row(
                "POST /inventory",
                json!({"productId": "x", "quantity": 1}),
                404,
                missing("Product"),
            ),
            row("PUT /inventory/7", of(7, json!("8")), 200, updated(7, 8)),
            row("PUT /inventory/7", json!({"quantity": 0}), 200, updated(7, 0)),
            row("GET /inventory", "", 200, list(&with_seventh)),
            row("POST /inventory", of(7, json!(4)), 409, second()).literally(500),
            row("DELETE /inventory/7", "", 200, deleted.clone()),
            row("GET /inventory", "", 200, list(&demo)),
            row("DELETE /inventory/7", "", 404, missing("Inventory")),
            row("PUT /inventory/7", of(7, json!(1)), 404, missing("Inventory")),
            row("POST /inventory", of(7, json!(2)), 201, created(7, 2)),
            row("DELETE /inventory/7", "", 200, deleted),
            row("DELETE /product/7", "", 200,
                json!({"ok": true, "message": "Product deleted successfully"})),
            row("PUT /inventory/x", of(7, json!(1)), 404, missing("Inventory")),
        ]
    })
    .await;
}

/// What is no number of a product, and not missing either.
fn odd_numbers() -> impl Iterator<Item = Value> {
    let odd = [
        json!("x"),
        json!("prd_1"),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(true),
        json!([1]),
        json!({"id": 1}),
    ];
    odd.into_iter()
}

#[tokio::test]
async fn odd_inventory_is_refused() {
    const MISSING: &str = "Please provide a productId and quantity";
    const RANGE: &str = "quantity must be a whole number from 0 to 1000000000";
    check(|| {
        let create = |body: Value, message: &str| {
            let answer = failed("Failed to create inventory", message);
            row("POST /inventory", body, 400, answer).literally(500)
        };
        let set = |body: Value, message: &str| {
            let answer = failed("Failed to update inventory", message);
            row("PUT /inventory/1", body, 400, answer).literally(500)
        };
        let mut rows = vec![
            create(json!({}), MISSING),
            create(json!({"productId": 0, "quantity": 1}), MISSING),
            create(json!({"productId": 1}), MISSING),
            set(json!({}), MISSING),
            set(json!({"productId": 2, "quantity": 1}), "Validation error"),
        ];
        for quantity in [
            json!(-1),
            json!(1.5),
            json!("x"),
            json!(1_000_000_001),
            json!(i64::MAX),
            json!(-1e300),
            json!(true),
            json!([1]),
            json!({}),
        ] {
            rows.push(create(json!({"productId": 1, "quantity": quantity}), RANGE));
            rows.push(set(json!({"productId": 1, "quantity": quantity}), RANGE));
        }
        for quantity in [json!(null), json!("")] {
            rows.push(create(json!({"productId": 1, "quantity": quantity}), MISSING));
            rows.push(set(json!({"productId": 1, "quantity": quantity}), MISSING));
        }
        for product in [json!(null), json!(""), json!(false)] {
            rows.push(create(json!({"productId": product, "quantity": 1}), MISSING));
        }
        for product in odd_numbers() {
            let unknown = json!({"productId": product, "quantity": 1});
            rows.push(row("POST /inventory", &unknown, 404, missing("Product")));
            rows.push(set(unknown, "Validation error"));
        }
        for path in ["0", "-1", "1.0", "01", "+1", "prd_1", "%FF", "1%20", "99999999999999999999"] {
            let good = json!({"productId": 1, "quantity": 1});
            let line = format!("/inventory/{path}");
            rows.push(row(&format!("PUT {line}"), &good, 404, missing("Inventory")));
            rows.push(row(&format!("DELETE {line}"), "", 404, missing("Inventory")));
            let named = json!({"name": "Tea", "description": "Green", "price": 1});
            let line = format!("/product/{path}");
            rows.push(row(&format!("PUT {line}"), &named, 404, missing("Product")));
            rows.push(row(&format!("DELETE {line}"), "", 404, missing("Product")));
            let lost = json!({"ok": false, "error": "Failed to fetch orders"});
            rows.push(row(&format!("GET /order/{path}"), "", 404, lost).literally(500));
        }
        rows
    })
    .await;
}

#[tokio::test]
async fn orders_take_stock_when_they_are_placed() {
    const ERROR: &str = "Failed to create order";
    check(|| {
        let of = |product: Value, quantity: Value| {
            json!({"productId": product, "quantity": quantity, "status": "processed", "id": 5})
        };
        let created = |order: Value| {
            json!({"ok": true, "message": "Order created and processing started", "order": order})
        };
        let fetched =
            |order: Value| json!({"ok": true, "message": "Fetched Order!", "order": order});
        let lost = || json!({"ok": false, "error": "Failed to fetch orders"});
        let first = || order(1, 1, 2, "processed");
        let second = || order(2, 1, 3, "processed");
        let too_much = |quantity: i64| {
            let answer = failed(ERROR, "Insufficient stock in inventory");
            row("POST /order", of(json!(1), json!(quantity)), 409, answer).literally(500)
        };
        let none = json!({"ok": true, "message": "Fetched Orders!", "orders": []});
        let both = json!({"ok": true, "message": "Fetched Orders!", "orders": [first(), second()]});
        vec![
            row("GET /order", "", 200, none),
            too_much(6),
            row("POST /order", of(json!(1), json!(2)), 201, created(first())),
            too_much(4),
            row("POST /order", of(json!("1"), json!("3")), 201, created(second())),
            too_much(1),
            row("GET /order", "", 200, both),
            row("GET /order/1", "", 200, fetched(first())),
            row("GET /order/9", "", 404, lost()).literally(500),
            row("GET /order/ord_1", "", 404, lost()).literally(500),
        ]
    })
    .await;
}

#[tokio::test]
async fn odd_orders_are_refused() {
    const ERROR: &str = "Failed to create order";
    const MISSING: &str = "Please provide a productId and quantity";
    check(|| {
        let of =
            |product: Value, quantity: Value| json!({"productId": product, "quantity": quantity});
        let bad = |product: Value, quantity: Value| {
            row("POST /order", of(product, quantity), 400, failed(ERROR, MISSING)).literally(500)
        };
        let unknown = |product: Value| {
            let answer = failed(ERROR, "Product not found in inventory");
            row("POST /order", of(product, json!(1)), 404, answer).literally(500)
        };
        vec![
            row("POST /order", "", 400, failed(ERROR, MISSING)).literally(500),
            bad(json!(null), json!(1)),
            bad(json!(0), json!(1)),
            bad(json!(""), json!(1)),
            bad(json!(1), json!(0)),
            bad(json!(1), json!(null)),
            bad(json!(1), json!(-1)),
            bad(json!(1), json!(1.5)),
            bad(json!(1), json!("many")),
            bad(json!(1), json!(1_000_000_001)),
            unknown(json!(99)),
            unknown(json!(-1)),
            unknown(json!(1.5)),
            unknown(json!("123")),
            unknown(json!("ord_1")),
            unknown(json!({"id": 1})),
        ]
        .into_iter()
        .chain(odd_numbers().map(unknown))
        .chain([
            bad(json!(1), json!("")),
            bad(json!(1), json!("0")),
            bad(json!(1), json!(true)),
            bad(json!(1), json!([1])),
            bad(json!(1), json!({})),
            bad(json!(1), json!(1e300)),
            bad(json!(1), json!(i64::MAX)),
        ])
        .collect()
    })
    .await;
}

#[tokio::test]
async fn setting_the_inventory_leaves_what_orders_hold() {
    let world = World::new().await;
    world.ask("POST /order", r#"{"productId": 1, "quantity": 2}"#).await;
    let set = world.ask("PUT /inventory/1", r#"{"productId": 1, "quantity": 10}"#).await;
    assert_eq!(set.body["inventory"]["quantity"], 10, "{}", set.text);
    assert_eq!(world.figures("123").await, (12, 2));
    let delete = world.ask("DELETE /inventory/1", "").await;
    assert_eq!(delete.status, 409, "{}", delete.text);
    assert_eq!(world.figures("123").await, (12, 2));
    let movements = world.v1("GET /v1/stock/123/movements?limit=1", "").await.body;
    assert_eq!(movements["data"][0]["reason"], "custom:inventory_set");
}

#[tokio::test]
async fn an_order_that_fails_gives_its_stock_back_once() {
    let world = World::new().await;
    let body = r#"{"items": [{"sku": "123", "quantity": 2}], "payment": {"provider": "manual"}}"#;
    let placed = world.v1("POST /v1/orders", body).await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    let seen = async || world.ask("GET /order/1", "").await.body["order"]["status"].clone();
    assert_eq!(seen().await, "pending");
    assert_eq!(world.figures("123").await, (5, 2));
    for _ in 0..2 {
        let id = onhand_core::ids::OrderId::new(1).unwrap();
        let cancel = orders::Command::Cancel { id, expected_version: None, reason: None };
        let local = onhand_core::Actor::Local;
        let _ = world.app.submit.submit(Command::Orders(cancel), local, None).await.unwrap();
        assert_eq!(seen().await, "failed");
        assert_eq!(world.figures("123").await, (5, 0));
    }
    world.verify().await;
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_and_what_is_not_there_is_told() {
    let world = World::new().await;
    for line in ["PATCH /product", "GET /product/1", "POST /order/1", "GET /inventory/x/y"] {
        let reply = world.ask(line, "").await;
        let error = format!("Cannot {line}");
        assert_eq!((reply.status, reply.body), (404, json!({"ok": false, "error": error})));
    }
    let broken = world.ask("POST /order", "{").await;
    assert_eq!((broken.status, &broken.body["ok"]), (400, &json!(false)));
    assert_eq!(broken.body["error"], "Failed to create order");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_rows_is_created() {
    let world = Arc::new(World::new().await);
    let tea = r#"{"name": "Tea", "description": "Green", "price": 1}"#;
    world.ask("POST /product", tea).await;
    let statuses = race(&world, "POST /inventory", r#"{"productId": 7, "quantity": 3}"#).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let sku = world.v1("GET /v1/products/prd_7", "").await.body["sku"].clone();
    assert_eq!(world.figures(sku.as_str().unwrap()).await, (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_buyers_gets_the_last_unit() {
    let world = Arc::new(World::new().await);
    world.ask("POST /order", r#"{"productId": 1, "quantity": 4}"#).await;
    let statuses = race(&world, "POST /order", r#"{"productId": 1, "quantity": 1}"#).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(world.figures("123").await, (5, 5));
    world.verify().await;
}

/// Whoever sets the inventory while others buy takes nothing from them, and nothing is sold twice.
#[tokio::test(flavor = "multi_thread")]
async fn setting_the_inventory_while_others_buy_loses_no_order() {
    let world = Arc::new(World::new().await);
    let start = Arc::new(Barrier::new(24));
    let mut racers = JoinSet::new();
    for racer in 0..24 {
        let (world, start) = (world.clone(), start.clone());
        racers.spawn(async move {
            let sets = racer % 2 == 0;
            let body = r#"{"productId": 1, "quantity": 3}"#;
            let one = r#"{"productId": 1, "quantity": 1}"#;
            start.wait().await;
            let reply = match sets {
                true => world.ask("PUT /inventory/1", body).await,
                false => world.ask("POST /order", one).await,
            };
            assert!([200, 201, 409].contains(&reply.status), "{}", reply.text);
            i64::from(!sets && reply.status == 201)
        });
    }
    let sold: i64 = racers.join_all().await.into_iter().sum();
    let (on_hand, reserved) = world.figures("123").await;
    assert!(sold >= 3 && reserved == sold && (0..=5).contains(&(on_hand - reserved)));
    world.verify().await;
}

async fn race(world: &Arc<World>, line: &'static str, body: &'static str) -> Vec<u16> {
    let start = Arc::new(Barrier::new(24));
    let mut racers = JoinSet::new();
    for _ in 0..24 {
        let (world, start) = (world.clone(), start.clone());
        racers.spawn(async move {
            start.wait().await;
            world.ask(line, body).await.status
        });
    }
    racers.join_all().await
}
