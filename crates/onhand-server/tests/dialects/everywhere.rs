//! What is the same in all dialects, each in its own words: a key makes a write once, a body that
//! is none is refused, who asks too often is told when to come back, lists end somewhere and say
//! so, and each has its description and can have a listener of its own.

use onhand_server::auth::limiter::Rates;
use onhand_server::http::dialects::{self, Dialect};
use onhand_server::limits::{BODY_BYTES_MAX, BODY_DEPTH_MAX, DIALECT_ROWS_MAX};
use onhand_server::payments::gateways::Gateways;
use serde_json::{Value, json};

use crate::people::Person;
use crate::world::{Reply, World, ask, spoken};

/// A write of each dialect that needs nothing to be there.
const WRITES: [(Dialect, &str); 5] = [
    (Dialect::Storefront, "POST /order"),
    (Dialect::Stock, "PUT /inventory/reserve-order/123"),
    (Dialect::Oms, "POST /orders"),
    (Dialect::Processing, "POST /api/orders"),
    (Dialect::Flow, "POST /order"),
];

/// Asks with whatever the contract shows who somebody is.
async fn send(
    world: &World,
    dialect: Dialect,
    line: &str,
    token: &str,
    more: &[(&str, &str)],
    body: &str,
) -> Reply {
    let bearer = format!("Bearer {token}");
    let mut headers = more.to_vec();
    if !dialect.is_keyless() {
        headers.push(("authorization", &bearer));
    }
    ask(world.listener(dialect), line, &headers, body).await
}

/// That a failure has the shape of its contract; what it says.
fn told(dialect: Dialect, reply: &Reply) -> String {
    let body = &reply.body;
    let (is_shaped, said) = match dialect {
        Dialect::Storefront => (body["ok"] == false && body["error"].is_string(), &body["message"]),
        Dialect::Stock => {
            let is_shaped = body["statusCode"] == reply.status && body["error"].is_string();
            (is_shaped, &body["message"])
        }
        Dialect::Oms => {
            let is_shaped = body["statusCode"] == reply.status
                && body["success"] == false
                && body["error"]["code"].is_string();
            (is_shaped, &body["message"])
        }
        Dialect::Processing => {
            let error = &body["error"];
            let details = error["errors"].as_array().map(|errors| &errors[0]["message"]);
            (body["success"] == false, details.unwrap_or(&error["message"]))
        }
        Dialect::Flow => (body.get("error") == Some(&Value::Null), &body["message"]),
    };
    assert!(is_shaped, "{dialect:?}: {}", reply.text);
    let said = said.as_array().map_or(said, |texts| &texts[0]);
    said.as_str().unwrap_or_else(|| panic!("{}", reply.text)).to_owned()
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_in_each_contracts_words() {
    let world = World::new().await;
    let token = Person::user(&world).await.token;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(BODY_DEPTH_MAX), "]".repeat(BODY_DEPTH_MAX));
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_BYTES_MAX));
    const JSON: &str = "application/json";
    for (dialect, line) in WRITES {
        for (kind, body, status, words) in [
            (JSON, "{", 400, "not JSON"),
            (JSON, "{\"a\": 01}", 400, "not JSON"),
            (JSON, "{} {}", 400, "not JSON"),
            (JSON, "[]", 400, "no JSON object"),
            (JSON, "null", 400, "no JSON object"),
            (JSON, "\"x\"", 400, "no JSON object"),
            (JSON, "\u{feff}{}", 400, "not JSON"),
            (JSON, &*deep, 400, "nested deeper"),
            (JSON, &*large, 413, "exceeds"),
            ("text/plain", "{}", 415, "text/plain"),
            ("application/xml", "<a/>", 415, "application/xml"),
        ] {
            let reply = send(&world, dialect, line, &token, &[("content-type", kind)], body).await;
            let shown = &body[..body.len().min(40)];
            assert_eq!(reply.status, status, "{dialect:?} {shown}: {}", reply.text);
            let said = told(dialect, &reply);
            assert!(said.contains(words), "{dialect:?} {shown}: {said}");
        }
    }
    assert_eq!(world.figures("123").await, (5, 0));
    world.verify().await;
}

/// Writes of a dialect in their order, each with another body for the same route, if it has one.
fn writes(dialect: Dialect) -> Vec<(&'static str, Value, Value)> {
    let address = json!({"street": "1 Elm St", "city": "Austin", "state": "TX",
        "zipCode": "73301", "country": "USA"});
    let named = |name: &str| json!({"name": name, "description": "Green", "price": 4.35});
    let of = |quantity: i64| json!({"productId": 7, "quantity": quantity});
    let items = |field: &str, quantity: i64| json!([{(field): "1", "quantity": quantity}]);
    match dialect {
        Dialect::Storefront => vec![
            ("POST /product", named("Tea"), named("Rice")),
            ("PUT /product/7", named("Tea, 100 g"), named("Rice")),
            ("POST /inventory", of(3), of(4)),
            ("PUT /inventory/7", of(5), of(6)),
            ("POST /order", json!({"productId": 1, "quantity": 1}), of(1)),
            ("DELETE /inventory/7", Value::Null, Value::Null),
            ("DELETE /product/7", Value::Null, Value::Null),
        ],
        // Its own natural keys are in `stock.rs`.
        Dialect::Stock => Vec::new(),
        Dialect::Oms => vec![
            ("POST /orders", json!({"total_amount": 5}), json!({"total_amount": 6})),
            (
                "POST /orders/with-items",
                json!({"items": items("product_id", 1)}),
                json!({"items": items("product_id", 2)}),
            ),
        ],
        Dialect::Processing => {
            let order = |quantity| {
                json!({"items": items("productId", quantity), "shippingAddress": address,
                    "paymentMethod": "PayPal"})
            };
            vec![("POST /api/orders", order(1), order(2))]
        }
        Dialect::Flow => vec![
            (
                "POST /user",
                json!({"email": "ada@example.com"}),
                json!({"email": "bob@example.com"}),
            ),
            (
                "POST /inventory",
                json!({"name": "Tea", "count": 5}),
                json!({"name": "Rice", "count": 5}),
            ),
            (
                "POST /order",
                json!({"productId": 1, "userId": 2}),
                json!({"productId": 1, "userId": 1}),
            ),
        ],
    }
}

#[tokio::test]
async fn a_key_makes_each_write_once() {
    for dialect in Dialect::ALL {
        let world = World::new().await;
        let token = Person::user(&world).await.token;
        for (at, (line, body, other)) in writes(dialect).into_iter().enumerate() {
            let key = format!("key-{at}");
            let headers = [("content-type", "application/json"), ("idempotency-key", &*key)];
            let text = |body: &Value| if body.is_null() { String::new() } else { body.to_string() };
            let first = send(&world, dialect, line, &token, &headers, &text(&body)).await;
            assert!([200, 201].contains(&first.status), "{line}: {}", first.text);
            assert!(!first.headers.contains_key("idempotency-replayed"), "{line}");
            for _ in 0..2 {
                let again = send(&world, dialect, line, &token, &headers, &text(&body)).await;
                assert_eq!((again.status, &again.body), (first.status, &first.body), "{line}");
                assert_eq!(again.headers["idempotency-replayed"], "true", "{line}");
            }
            if other.is_null() {
                continue;
            }
            // Under the same key nothing else is done.
            let reused = send(&world, dialect, line, &token, &headers, &text(&other)).await;
            assert!([400, 422].contains(&reused.status), "{line}: {}", reused.text);
            assert!(told(dialect, &reused).contains("Idempotency-Key"), "{line}: {}", reused.text);
        }
        let sold = i64::from(dialect != Dialect::Stock);
        assert_eq!(world.figures("123").await, (5, sold), "{dialect:?}");
        world.verify().await;
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let rates =
        Rates { reads: 0, writes: 1, checkout: 1, auth: 0, address_factor: 1, key_factor: 1 };
    for (dialect, line) in WRITES {
        let world = World::limited(rates, Gateways::default(), spoken()).await;
        let token = Person::user(&world).await.token;
        let json = [("content-type", "application/json")];
        let mut last = send(&world, dialect, line, &token, &json, "{}").await;
        for _ in 0..10 {
            last = send(&world, dialect, line, &token, &json, "{}").await;
            if last.status == 429 {
                break;
            }
        }
        assert_eq!(last.status, 429, "{dialect:?}: {}", last.text);
        assert!(told(dialect, &last).contains("too many requests"), "{}", last.text);
        let secs: u32 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&secs), "{secs}");
        if dialect == Dialect::Oms {
            assert_eq!(last.body["error"]["code"], "RATE_LIMIT_EXCEEDED");
        }
    }
}

#[tokio::test]
async fn a_list_without_pages_ends_somewhere_and_says_where_the_rest_is() {
    let world = World::new().await;
    let more = r#"{"sku": "headphones", "delta": 2000, "reason": "received"}"#;
    assert_eq!(world.v1("POST /v1/stock/adjustments", more).await.status, 201);
    let order = json!({"items": [{"sku": "headphones", "quantity": 1}], "customer_id": "cus_2"});
    for count in [500, 500, 3] {
        let body = json!({"orders": vec![order.clone(); count], "error_policy": "reject_all"});
        let placed = world.v1("POST /v1/orders/batch", &body.to_string()).await;
        assert_eq!(placed.status, 200, "{}", placed.text);
    }
    let listed = world.ask("GET /order", "").await;
    let orders = listed.body["orders"].as_array().unwrap();
    assert_eq!(orders.len(), DIALECT_ROWS_MAX);
    assert_eq!((&orders[0]["id"], &orders[999]["id"]), (&json!(4), &json!(1003)));
    let counted = world.ask_flow("GET /order?userId=2", "").await;
    assert_eq!(counted.body["resp"][0]["count"], 1000, "{}", counted.text);
    for reply in [&listed, &counted] {
        let link = reply.headers["link"].to_str().unwrap();
        assert_eq!(link, "</v1/orders?starting_after=ord_4>; rel=\"next\"");
    }
    let rest = world.v1("GET /v1/orders?starting_after=ord_4", "").await.body;
    let rest: Vec<_> = rest["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(rest, [&json!("ord_3"), &json!("ord_2"), &json!("ord_1")]);
    // Shorter ones lead nowhere.
    for line in ["GET /product", "GET /inventory"] {
        assert!(!world.ask(line, "").await.headers.contains_key("link"), "{line}");
    }
    for line in ["GET /users", "GET /inventory"] {
        assert!(!world.ask_flow(line, "").await.headers.contains_key("link"), "{line}");
    }
}

#[tokio::test]
async fn each_is_described_and_health_is_told_in_both_shapes() {
    let world = World::new().await;
    for (dialect, title, path) in [
        (Dialect::Storefront, "Inventory and Order Management System", "/product/{id}"),
        (Dialect::Stock, "Inventory Management Microservice", "/v1/api/inventory/update-stock"),
        (Dialect::Oms, "Order Management System", "/api/payments/webhook"),
        (Dialect::Processing, "Order Processing System", "/api/auth/refresh"),
        (Dialect::Flow, "orders e-commerce flow", "/users"),
    ] {
        let line = format!("GET /dialects/{}/openapi.json", dialect.as_str());
        let described = ask(world.listener(dialect), &line, &[], "").await;
        assert_eq!(described.status, 200, "{line}");
        assert_eq!(described.body["info"]["title"], title);
        assert!(described.body["paths"][path].is_object(), "{line}: no {path}");
    }
    for dialect in Dialect::ALL {
        let page = "GET /docs/swagger-initializer.js";
        let docs = ask(world.listener(dialect), page, &[], "").await;
        let named = format!("/dialects/{}/openapi.json", dialect.as_str());
        assert!(docs.text.contains(&named), "{named}: {}", docs.text);
    }
    assert_eq!(world.ask("GET /api-docs", "").await.headers["location"], "/docs/");
    let health = world.ask("GET /health", "").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")));
    assert_eq!(health.body["message"], "Server is running");
    assert_eq!(health.body["timestamp"], "2026-01-01T00:00:00Z");
}

#[tokio::test]
async fn each_can_have_a_listener_of_its_own_and_answers_everything_there() {
    let world = World::new().await;
    for (dialect, line, status) in [
        (Dialect::Storefront, "GET /product", 200),
        (Dialect::Stock, "GET /inventory/stock-levels/123", 200),
        (Dialect::Oms, "GET /orders", 401),
        (Dialect::Processing, "GET /api/orders", 401),
        (Dialect::Flow, "GET /users", 200),
    ] {
        let alone = dialects::alone(world.app.clone(), dialect);
        assert_eq!(ask(&alone, line, &[], "").await.status, status, "{line}");
        for lost in ["GET /", "GET /v1/orders", "POST /somewhere/else"] {
            let reply = ask(&alone, lost, &[], "").await;
            assert_eq!(reply.status, 404, "{dialect:?} {lost}: {}", reply.text);
            let path = lost.split_once(' ').unwrap().1;
            let said = match dialect {
                Dialect::Storefront => &reply.body["error"],
                Dialect::Stock | Dialect::Oms => &reply.body["message"],
                Dialect::Processing => &reply.body["error"]["message"],
                Dialect::Flow => &reply.body["url"],
            };
            let is_flow = dialect == Dialect::Flow;
            let words =
                if is_flow { format!("{path} not found") } else { format!("Cannot {lost}") };
            assert_eq!(*said, words, "{dialect:?}: {}", reply.text);
        }
    }
    let alone = dialects::alone(world.app.clone(), Dialect::Oms);
    let health = ask(&alone, "GET /health", &[], "").await;
    let wanted = json!({"status": "ok", "timestamp": "2026-01-01T00:00:00Z",
        "message": "Server is running"});
    assert_eq!((health.status, health.body), (200, wanted));
}
