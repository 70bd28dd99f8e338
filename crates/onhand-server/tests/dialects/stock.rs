//! `stock`, row by row.

use std::sync::Arc;

use axum::http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::{Row, World, ask, check, row};

fn level(product: &str, quantity: i64, reserved: i64) -> Value {
    let at = "2026-01-01T00:00:00Z";
    json!({"statusCode": 200, "message": "Success",
        "data": {"productId": product, "quantity": quantity, "reserved": reserved,
            "createdAt": at, "updatedAt": at},
        "productId": product, "quantity": quantity, "lastUpdated": at})
}

fn success() -> Value {
    json!({"statusCode": 200, "message": "Success"})
}

fn refused(code: u16) -> Value {
    let message = match code {
        601 => "Product not found",
        602 => "Product not available",
        _ => "No more reserve product",
    };
    json!({"statusCode": code, "message": message})
}

fn invalid(texts: &[&str]) -> Value {
    json!({"statusCode": 400, "message": texts, "error": "Bad Request"})
}

/// What is left, as the next row sees it.
fn left(quantity: i64, reserved: i64) -> Row {
    row("GET /inventory/stock-levels/123", "", 200, level("123", quantity, reserved))
}

fn event(kind: &str, quantity: i64, second: u32) -> Value {
    json!({"eventType": kind, "productId": "123", "quantity": quantity,
        "timestamp": format!("2025-12-31T23:59:{second:02}Z")})
}

const UPDATE: &str = "POST /inventory/update-stock";
const RESERVE: &str = "PUT /inventory/reserve-order/123";
const CANCEL: &str = "PUT /inventory/cancel-reservation/123";

#[tokio::test]
async fn levels_are_told_by_sku() {
    check(|| {
        vec![
            left(5, 0),
            row("GET /v1/api/inventory/stock-levels/123", "", 200, level("123", 5, 0)),
            row("GET /inventory/stock-levels/nope", "", 400, refused(601)),
            row("GET /inventory/stock-levels/prd_1", "", 400, refused(601)),
            row("GET /inventory/stock-levels/%FF", "", 400, refused(601)),
            row("GET /inventory/stock-levels/a%20b", "", 400, refused(601)),
            row(&format!("GET /inventory/stock-levels/{}", "9".repeat(300)), "", 400, refused(601)),
        ]
    })
    .await;
}

#[tokio::test]
async fn events_add_and_take_units_once() {
    check(|| {
        let of_product = |id: &str| {
            json!({"eventType": "stockUpdate", "productId": id, "quantity": 1,
                "timestamp": "2025-12-31T00:00:00Z"})
        };
        let unknown = of_product("nope");
        vec![
            row(UPDATE, event("stockUpdate", 10, 1), 200, success()),
            left(15, 0),
            // The same event, in any spelling and on any path, is the same event.
            row(UPDATE, event("stockUpdate", 10, 1), 200, success()),
            row("POST /v1/api/inventory/update-stock", event("stockUpdate", 10, 1), 200, success()),
            row(
                UPDATE,
                json!({"eventType": "stockUpdate", "productId": "123", "quantity": 10.0,
                    "timestamp": "2026-01-01T01:59:01+02:00", "extra": {"a": [1]}}),
                200,
                success(),
            ),
            left(15, 0),
            row(UPDATE, event("orderPlaced", 4, 2), 200, success()),
            row(UPDATE, event("orderPlaced", 4, 2), 200, success()),
            left(11, 0),
            row(UPDATE, event("orderPlaced", 12, 3), 400, refused(602)),
            row(UPDATE, event("orderPlaced", 12, 3), 400, refused(602)),
            left(11, 0),
            // A refused event was not taken in: sent again when there is enough, it is.
            row(UPDATE, event("stockUpdate", 1, 4), 200, success()),
            row(UPDATE, event("orderPlaced", 12, 3), 200, success()),
            row(UPDATE, event("orderPlaced", 12, 3), 200, success()),
            left(0, 0),
            row(UPDATE, event("stockUpdate", 0, 5), 200, success()),
            left(0, 0),
            row(UPDATE, unknown, 400, refused(601)),
            row(UPDATE, of_product("a b"), 400, refused(601)),
            row(UPDATE, of_product("prd_1"), 400, refused(601)),
            row(UPDATE, of_product(&"9".repeat(300)), 400, refused(601)),
            left(0, 0),
        ]
    })
    .await;
}

#[tokio::test]
async fn orders_hold_by_their_id_and_give_back_what_they_hold() {
    check(|| {
        let of = |order: &str, quantity: i64| json!({"orderId": order, "quantity": quantity});
        let conflict = json!({"statusCode": 409, "error": "Conflict",
            "message": "Order o1 already reserved 3"});
        vec![
            row(RESERVE, of("o1", 6), 400, refused(602)),
            row(RESERVE, of("o1", 3), 200, success()),
            left(2, 3),
            row(RESERVE, of("o1", 3), 200, success()),
            row("PUT /v1/api/inventory/reserve-order/123", of("o1", 3), 200, success()),
            left(2, 3),
            row(RESERVE, of("o1", 2), 409, conflict),
            row(RESERVE, of("o2", 3), 400, refused(602)),
            row(RESERVE, of("o2", 2), 200, success()),
            left(0, 5),
            // Only what that order holds can be given back.
            row(CANCEL, of("o2", 3), 400, refused(603)),
            row(CANCEL, of("o3", 1), 400, refused(603)),
            row(CANCEL, of("o1", 1), 200, success()),
            left(1, 4),
            row(CANCEL, of("o1", 3), 400, refused(603)),
            row(CANCEL, of("o1", 2), 200, success()),
            row(CANCEL, of("o1", 1), 400, refused(603)),
            left(3, 2),
            // It may hold again after it has given back, and give back again.
            row(RESERVE, of("o1", 3), 200, success()),
            row(RESERVE, of("o1", 3), 200, success()),
            left(0, 5),
            row(CANCEL, of("o1", 3), 200, success()),
            row(RESERVE, of("o1", 3), 200, success()),
            row(CANCEL, of("o1", 3), 200, success()),
            left(3, 2),
            // Numbers are names, too.
            row(RESERVE, json!({"orderId": 7, "quantity": 1}), 200, success()),
            row(CANCEL, json!({"orderId": "7", "quantity": 1}), 200, success()),
            // Those without a name hold together.
            row(RESERVE, json!({"quantity": 1}), 200, success()),
            row(RESERVE, json!({"orderId": null, "quantity": 1}), 200, success()),
            row(RESERVE, json!({"orderId": "", "quantity": 1}), 200, success()),
            left(0, 5),
            row(CANCEL, json!({"quantity": 4}), 400, refused(603)),
            row(CANCEL, json!({"quantity": 2}), 200, success()),
            row(CANCEL, json!({"quantity": 1}), 200, success()),
            left(3, 2),
            row(RESERVE, of("o9", 0), 200, success()),
            row(CANCEL, of("o9", 0), 200, success()),
            row("PUT /inventory/reserve-order/nope", of("o1", 1), 400, refused(601)),
            row("PUT /inventory/cancel-reservation/nope", of("o1", 1), 400, refused(601)),
        ]
    })
    .await;
}

const KIND: &str = "eventType must be one of the following values: stockUpdate, orderPlaced";
const NO_STRING: &str = "productId must be a string";
const NO_INTEGER: &str = "quantity must be an integer number";
const NEGATIVE: &str = "quantity must not be less than 0";
const LARGE: &str = "quantity must not be greater than 1000000000";
const NO_DATE: &str = "timestamp must be a valid ISO 8601 date string";
const NO_ORDER: &str = "orderId must be a string of at most 255 printable characters";

#[tokio::test]
async fn odd_events_are_told_apart() {
    check(|| {
        let mut rows = vec![
            row(UPDATE, "", 400, invalid(&[KIND, NO_STRING, NO_INTEGER, NO_DATE])),
            row(UPDATE, "{}", 400, invalid(&[KIND, NO_STRING, NO_INTEGER, NO_DATE])),
        ];
        let with = |name: &str, value: Value| {
            let mut body = event("stockUpdate", 1, 1);
            body[name] = value;
            body
        };
        for (name, value, text) in [
            ("eventType", json!("stockupdate"), KIND),
            ("eventType", json!(null), KIND),
            ("eventType", json!(["stockUpdate"]), KIND),
            ("eventType", json!(true), KIND),
            ("eventType", json!(""), KIND),
            ("productId", json!(true), NO_STRING),
            ("productId", json!(["123"]), NO_STRING),
            ("productId", json!({"id": "123"}), NO_STRING),
            ("quantity", json!([1]), NO_INTEGER),
            ("quantity", json!({}), NO_INTEGER),
            ("quantity", json!(""), NO_INTEGER),
            ("quantity", json!(1e300), NO_INTEGER),
            ("quantity", json!(-9_223_372_036_854_775_808_i64), NEGATIVE),
            ("timestamp", json!(null), NO_DATE),
            ("timestamp", json!(true), NO_DATE),
            ("timestamp", json!({"$date": "2025-12-31T00:00:00Z"}), NO_DATE),
            ("timestamp", json!("99999-01-01T00:00:00Z"), NO_DATE),
            ("productId", json!(123), NO_STRING),
            ("productId", json!(null), NO_STRING),
            ("productId", json!(""), "productId should not be empty"),
            ("quantity", json!("5"), NO_INTEGER),
            ("quantity", json!(null), NO_INTEGER),
            ("quantity", json!(1.5), NO_INTEGER),
            ("quantity", json!(true), NO_INTEGER),
            ("quantity", json!(-1), NEGATIVE),
            ("quantity", json!(1_000_000_001), LARGE),
            ("quantity", json!(9_223_372_036_854_775_807_i64), LARGE),
            ("timestamp", json!(""), NO_DATE),
            ("timestamp", json!("yesterday"), NO_DATE),
            ("timestamp", json!(1_700_000_000), NO_DATE),
            ("timestamp", json!("2025-13-01T00:00:00Z"), NO_DATE),
            ("timestamp", json!("2026-01-02T00:00:00Z"), "timestamp must not lie in the future"),
        ] {
            rows.push(row(UPDATE, with(name, value), 400, invalid(&[text])));
        }
        let most = json!({"eventType": "stockUpdate", "productId": "123", "quantity": 1_000_000_000,
            "timestamp": "2025-12-31T00:00:00Z"});
        rows.push(row(UPDATE, most, 400, invalid(&[LARGE])));
        rows.push(row(UPDATE, with("timestamp", json!("2025-12-31")), 200, success()));
        rows.push(row(UPDATE, with("timestamp", json!("2025-12-31T07:00:00")), 200, success()));
        rows.push(left(7, 0));
        rows
    })
    .await;
}

#[tokio::test]
async fn odd_holds_are_told_apart() {
    check(|| {
        let mut rows = Vec::new();
        for line in [RESERVE, CANCEL] {
            rows.push(row(line, "", 400, invalid(&[NO_INTEGER])));
            rows.push(row(line, "{}", 400, invalid(&[NO_INTEGER])));
        }
        for (order, quantity, text) in [
            (json!("o1"), json!(-1), NEGATIVE),
            (json!("o1"), json!(0.5), NO_INTEGER),
            (json!("o1"), json!("1"), NO_INTEGER),
            (json!("o1"), json!(1_000_000_001), LARGE),
            (json!("o1"), json!(null), NO_INTEGER),
            (json!("o1"), json!(""), NO_INTEGER),
            (json!("o1"), json!(true), NO_INTEGER),
            (json!("o1"), json!([1]), NO_INTEGER),
            (json!("o1"), json!({}), NO_INTEGER),
            (json!(["o1"]), json!(1), NO_ORDER),
            (json!(true), json!(1), NO_ORDER),
            (json!({"id": 1}), json!(1), NO_ORDER),
            (json!("x".repeat(256)), json!(1), NO_ORDER),
            (json!("a\nb"), json!(1), NO_ORDER),
        ] {
            let body = json!({"orderId": order, "quantity": quantity});
            rows.push(row(RESERVE, &body, 400, invalid(&[text])));
            rows.push(row(CANCEL, &body, 400, invalid(&[text])));
        }
        rows.push(left(5, 0));
        rows
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_told_in_its_own_shape() {
    let world = World::new().await;
    let lost = |line: &str| {
        let message = format!("Cannot {line}");
        json!({"statusCode": 404, "message": message, "error": "Not Found"})
    };
    for line in [
        "GET /inventory/stock-levels",
        "GET /inventory/stock-levels/a/b",
        "DELETE /inventory/stock-levels/123",
        "GET /inventory/update-stock/x",
        "GET /v1/api/nothing",
        "POST /v1/api/inventory/stock-levels/123",
    ] {
        let reply = world.ask(line, "").await;
        assert_eq!((reply.status, reply.body), (404, lost(line)));
        assert!(reply.headers.contains_key("x-correlation-id"), "{line}");
    }
    for body in ["{", "[]", "\"x\"", "{\"quantity\": 01}"] {
        let reply = world.ask(UPDATE, body).await;
        assert_eq!((reply.status, &reply.body["statusCode"]), (400, &json!(400)), "{body}");
        assert_eq!(reply.body["error"], "Bad Request", "{body}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = ask(&world.main, RESERVE, &form, "quantity=1").await;
    assert_eq!((reply.status, &reply.body["statusCode"]), (415, &json!(415)));
}

#[tokio::test]
async fn every_answer_carries_a_correlation_id() {
    let world = World::new().await;
    for (line, body) in [("GET /inventory/stock-levels/123", ""), (UPDATE, "{}")] {
        let sent = [("content-type", "application/json"), ("x-correlation-id", "mine-1")];
        let reply = ask(&world.main, line, &sent, body).await;
        assert_eq!(reply.headers["x-correlation-id"], "mine-1");
        let reply = world.ask(line, body).await;
        let id = reply.headers["x-correlation-id"].to_str().unwrap().to_owned();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id}");
        let long = "x".repeat(200);
        let reply = ask(&world.main, line, &[("x-correlation-id", &long)], body).await;
        assert_ne!(reply.headers["x-correlation-id"], HeaderValue::from_str(&long).unwrap());
    }
}

#[tokio::test]
async fn a_key_of_the_clients_own_replays() {
    let world = World::new().await;
    let with_key = async |line: &str, body: Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k-1")];
        ask(&world.main, line, &headers, &body.to_string()).await
    };
    for (line, body) in [
        (UPDATE, event("stockUpdate", 1, 1)),
        (RESERVE, json!({"quantity": 2})),
        (CANCEL, json!({"quantity": 2})),
    ] {
        let first = with_key(line, body.clone()).await;
        assert_eq!((first.status, first.body), (200, success()), "{line}");
        let again = with_key(line, body).await;
        assert_eq!((again.status, again.body), (200, success()), "{line}");
        assert_eq!(again.headers["idempotency-replayed"], "true", "{line}");
        let other = with_key(line, event("stockUpdate", 5, 9)).await;
        assert_eq!(other.status, 400, "{line}: {}", other.text);
    }
    assert_eq!(world.figures("123").await, (6, 0));
}

/// An order holds once, whatever keys of the client's own come with it, also at once.
#[tokio::test]
async fn an_order_holds_once_under_many_keys() {
    let world = World::new().await;
    let body = json!({"orderId": "o1", "quantity": 2}).to_string();
    let keys: Vec<_> = (0..16).map(|number| format!("k-{number}")).collect();
    let asked = keys.iter().map(|key| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let (world, body) = (&world, &body);
        async move { ask(&world.main, RESERVE, &headers, body).await }
    });
    for reply in futures_util::future::join_all(asked).await {
        assert_eq!((reply.status, reply.body), (200, success()));
    }
    assert_eq!(world.figures("123").await, (5, 2));
}

/// Of what falls below its threshold (10) the log tells once for each time that it does.
#[tokio::test]
async fn stock_that_falls_low_is_told_once_for_each_crossing() {
    let world = World::new().await;
    let alerts = async || {
        let events = world.v1("GET /v1/events?types=stock.low&limit=200", "").await.body;
        events["data"].as_array().unwrap().len()
    };
    let tablet = |verb: &str| format!("PUT /inventory/{verb}/tablet");
    let of = |order: &str| json!({"orderId": order, "quantity": 1}).to_string();
    let before = alerts().await;
    for (line, body, crossings) in [
        (tablet("reserve-order"), of("o1"), 1),
        (tablet("reserve-order"), of("o2"), 1),
        (tablet("reserve-order"), of("o2"), 1),
        (tablet("cancel-reservation"), of("o2"), 1),
        (tablet("cancel-reservation"), of("o1"), 1),
        (tablet("reserve-order"), of("o3"), 2),
    ] {
        let reply = world.ask(&line, &body).await;
        assert_eq!(reply.status, 200, "{line} {body}: {}", reply.text);
        assert_eq!(alerts().await - before, crossings, "{line} {body}");
    }
}

/// So many requests at once.
async fn race(world: &Arc<World>, lines: Vec<(&'static str, String)>) -> Vec<u16> {
    let start = Arc::new(Barrier::new(lines.len()));
    let mut racers = JoinSet::new();
    for (line, body) in lines {
        let (world, start) = (world.clone(), start.clone());
        racers.spawn(async move {
            start.wait().await;
            world.ask(line, &body).await.status
        });
    }
    racers.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_orders_holds_the_last_unit() {
    let world = Arc::new(World::new().await);
    world.ask(RESERVE, r#"{"orderId": "all", "quantity": 4}"#).await;
    let body = |order| json!({"orderId": format!("o{order}"), "quantity": 1}).to_string();
    let statuses = race(&world, (0..32).map(|order| (RESERVE, body(order))).collect()).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(world.figures("123").await, (5, 5));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_that_asks_many_times_at_once_holds_once_and_gives_back_once() {
    let world = Arc::new(World::new().await);
    for round in 0..8 {
        let body = r#"{"orderId": "o1", "quantity": 2}"#.to_owned();
        let statuses = race(&world, vec![(RESERVE, body.clone()); 16]).await;
        assert!(statuses.iter().all(|status| *status == 200), "{round}: {statuses:?}");
        assert_eq!(world.figures("123").await, (5, 2), "{round}");
        let statuses = race(&world, vec![(CANCEL, body); 16]).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(world.figures("123").await, (5, 0), "{round}");
    }
    let ask = |quantity: i64| json!({"orderId": "o2", "quantity": quantity}).to_string();
    let statuses = race(&world, vec![(RESERVE, ask(1)), (RESERVE, ask(2))]).await;
    assert!(statuses.contains(&200) && statuses.contains(&409), "{statuses:?}");
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_comes_many_times_at_once_is_taken_in_once() {
    let world = Arc::new(World::new().await);
    let body = event("stockUpdate", 10, 1).to_string();
    let statuses = race(&world, vec![(UPDATE, body); 16]).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(world.figures("123").await, (15, 0));
    // Refused before, and then many times at once.
    let body = event("orderPlaced", 16, 2).to_string();
    assert_eq!(world.ask(UPDATE, &body).await.status, 400);
    world.ask(UPDATE, &event("stockUpdate", 20, 3).to_string()).await;
    let statuses = race(&world, vec![(UPDATE, body); 16]).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(world.figures("123").await, (19, 0));
    world.verify().await;
}
