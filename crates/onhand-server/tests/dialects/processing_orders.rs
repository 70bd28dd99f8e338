//! `processing`: orders, row by row, and buyers of the last unit.

use std::sync::Arc;

use onhand_core::limits::ORDER_LINES_MAX;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::people::Person;
use crate::processing::{error, invalid};
use crate::world::{World, ask};

const PLACE: &str = "POST /api/orders";

fn address() -> Value {
    json!({"street": "123 Main St", "city": "New York", "state": "NY", "zipCode": "10001",
        "country": "USA"})
}

fn body(items: Value) -> Value {
    json!({"items": items, "shippingAddress": address(), "paymentMethod": "Credit Card"})
}

/// An order of one smartphone and two headphones, as it is shown.
fn order(id: &str) -> Value {
    json!({
        "orderId": id, "userId": "2",
        "items": [
            {"productId": "2", "name": "Smartphone", "quantity": 1, "price": 83999.99,
                "_id": format!("{id}-1")},
            {"productId": "4", "name": "Headphones", "quantity": 2, "price": 7399.99,
                "_id": format!("{id}-2")},
        ],
        "totalAmount": 98799.97, "status": "Pending", "shippingAddress": address(),
        "paymentMethod": "Credit Card", "_id": id, "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z", "__v": 0
    })
}

fn both() -> Value {
    // Numbers in texts, and prices and states that nobody reads.
    json!([{"productId": "2", "quantity": "1", "price": 0.01, "name": "Free"},
        {"productId": 4, "quantity": 2}])
}

#[tokio::test]
async fn an_order_is_priced_and_held_by_the_server() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let mut sent = body(both());
    for (name, value) in [
        ("totalAmount", json!(0.01)),
        ("status", json!("Processed")),
        ("userId", json!("1")),
        ("_id", json!("99")),
    ] {
        sent[name] = value;
    }
    let placed = user.ask(PLACE, &sent).await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    assert_eq!(placed.body, json!({"success": true, "data": {"order": order("1")}}));
    // All the digits, and no float between.
    assert!(placed.text.contains("\"totalAmount\":98799.97,"), "{}", placed.text);
    assert_eq!(world.figures("smartphone").await, (100, 1));
    assert_eq!(world.figures("headphones").await, (109, 2));
    let read = user.get("/api/orders/1").await;
    let wanted = json!({"success": true, "data": {"order": order("1"), "source": "database"}});
    assert_eq!((read.status, read.body), (200, wanted));
    // A key makes it once; without one it is another order.
    for (key, id) in [("k1", "2"), ("k1", "2"), ("k2", "3")] {
        let placed = user.ask_with(PLACE, &[("idempotency-key", key)], &body(both())).await;
        assert_eq!(placed.body["data"]["order"], order(id), "{key}");
    }
    let reused = user.ask_with(PLACE, &[("idempotency-key", "k1")], &sent).await;
    assert_eq!((reused.status, &reused.body["success"]), (422, &json!(false)));
    world.verify().await;
}

#[tokio::test]
async fn what_there_is_not_enough_of_is_not_sold() {
    for (is_literal, status) in [(false, 409), (true, 400)] {
        let world = World::literal(is_literal).await;
        let user = Person::user(&world).await;
        for items in [
            json!([{"productId": "1", "quantity": 6}]),
            json!([{"productId": "1", "quantity": 3}, {"productId": "1", "quantity": 3}]),
            json!([{"productId": "2", "quantity": 1}, {"productId": "1", "quantity": 6}]),
            json!([{"productId": "99", "quantity": 1}]),
            json!([{"productId": "1", "quantity": 1_000_000_000}]),
        ] {
            let reply = user.ask(PLACE, &body(items.clone())).await;
            assert_eq!(
                (reply.status, reply.body),
                (status, error("Inventory check failed")),
                "{items}"
            );
        }
        assert_eq!(world.figures("123").await, (5, 0));
        assert_eq!(world.figures("smartphone").await, (100, 0));
        world.verify().await;
    }
}

#[tokio::test]
async fn an_order_is_of_items_and_of_json() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    for items in [json!(null), json!([])] {
        let reply = user.ask(PLACE, &body(items)).await;
        assert_eq!((reply.status, reply.body), (400, error("Items are required")));
    }
    for sent in [Value::Null, json!({}), json!({"paymentMethod": "PayPal"})] {
        let reply = user.ask(PLACE, &sent).await;
        assert_eq!((reply.status, reply.body), (400, error("Items are required")));
    }
    let many = vec![json!({"productId": "2", "quantity": 1}); ORDER_LINES_MAX + 1];
    let reply = user.ask(PLACE, &body(json!(many))).await;
    assert_eq!((reply.status, invalid(&reply.body)), (400, vec!["/items"]));
    for sent in ["{", "[]", "null", "7"] {
        let bearer = format!("Bearer {}", user.token);
        let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
        let reply = ask(&world.main, PLACE, &headers, sent).await;
        assert_eq!(reply.status, 400, "{sent}: {}", reply.text);
        assert_eq!(reply.body["error"]["message"], "Validation Error");
    }
    assert_eq!(user.get("/api/orders").await.body["data"]["pagination"]["total"], 0);
    assert_eq!(world.figures("smartphone").await, (100, 0));
}

#[tokio::test]
async fn an_order_says_all_that_it_must() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let good = body(json!([{"productId": "2", "quantity": 1}]));
    let odd = [
        json!(null),
        json!(""),
        json!(true),
        json!({}),
        json!([]),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!(1e300),
        json!(i64::MAX),
    ];
    let check = async |pointer: &str, value: &Value| {
        let mut sent = good.clone();
        *sent.pointer_mut(pointer).unwrap() = value.clone();
        let reply = user.ask(PLACE, &sent).await;
        assert_eq!(reply.status, 400, "{pointer} {value}: {}", reply.text);
        assert_eq!(invalid(&reply.body), [pointer], "{value}");
    };
    for value in [json!("x"), json!(7), json!({}), json!(true)] {
        check("/items", &value).await;
    }
    for value in odd.iter().filter(|value| !value.is_object()) {
        check("/items/0", value).await;
    }
    for value in &odd {
        check("/items/0/quantity", value).await;
        if *value != json!(i64::MAX) {
            check("/items/0/productId", value).await;
        }
        check("/paymentMethod", value).await;
        if !value.is_object() {
            check("/shippingAddress", value).await;
        }
    }
    for value in [json!(0), json!("0"), json!("1e0x"), json!(1_000_000_001)] {
        check("/items/0/quantity", &value).await;
    }
    for value in [json!("64f0c2a1b2c3d4e5f6a7b8c9"), json!("prd_2"), json!(0)] {
        check("/items/0/productId", &value).await;
    }
    for name in ["street", "city", "state", "zipCode", "country"] {
        for value in [json!(null), json!(""), json!([]), json!("a\nb"), json!("x".repeat(1_000))] {
            check(&format!("/shippingAddress/{name}"), &value).await;
        }
    }
    for value in [json!("Cash"), json!("credit card")] {
        check("/paymentMethod", &value).await;
    }
    assert_eq!(user.get("/api/orders").await.body["data"]["pagination"]["total"], 0);
    assert_eq!(world.figures("smartphone").await, (100, 0));
}

#[tokio::test]
async fn an_order_is_its_owners_and_the_admins() {
    let world = World::new().await;
    let (user, admin) = (Person::user(&world).await, Person::admin(&world).await);
    let stranger = Person::stranger(&world, "eve@example.com").await;
    assert_eq!(user.ask(PLACE, &body(both())).await.status, 201);
    for person in [&user, &admin, &Person::with(&world, &world.key)] {
        let reply = person.get("/api/orders/1").await;
        assert_eq!((reply.status, &reply.body["data"]["order"]), (200, &order("1")));
    }
    let reply = stranger.get("/api/orders/1").await;
    let forbidden = error("Not authorized to access this order");
    assert_eq!((reply.status, reply.body), (403, forbidden));
    for id in [
        "2",
        "0",
        "-1",
        "ord_1",
        "1.0",
        "+1",
        "x",
        "64f0c2a1b2c3d4e5f6a7b8c9",
        "99999999999999999999",
        "%FF",
        "1%20",
    ] {
        for person in [&user, &admin, &stranger] {
            let reply = person.get(&format!("/api/orders/{id}")).await;
            assert_eq!((reply.status, reply.body), (404, error("Order not found")), "{id}");
        }
    }
    // Whose list it is nobody can say but the token.
    for (person, count) in [(&user, 1), (&admin, 0), (&stranger, 0)] {
        let page = person.get("/api/orders?userId=2").await.body;
        assert_eq!(page["data"]["pagination"]["total"], count);
    }
    assert_eq!(Person::with(&world, &world.key).get("/api/orders").await.status, 403);
}

#[tokio::test]
async fn the_states_are_those_of_the_contract() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    for (id, action, status, reason) in [
        ("1", "", "Pending", Value::Null),
        ("2", "cancel", "Failed", json!("customer_request")),
        ("3", "fulfilments", "Processed", Value::Null),
    ] {
        assert_eq!(user.ask(PLACE, &body(both())).await.status, 201);
        if !action.is_empty() {
            let reason = if action == "cancel" {
                json!({"reason": "customer_request"}).to_string()
            } else {
                "{}".to_owned()
            };
            let done = world.v1(&format!("POST /v1/orders/ord_{id}/{action}"), &reason).await;
            assert_eq!(done.status, 200, "{}", done.text);
        }
        let order = user.get(&format!("/api/orders/{id}")).await.body["data"]["order"].clone();
        assert_eq!(order["status"], status);
        assert_eq!(order.get("failureReason").cloned().unwrap_or_default(), reason);
    }
    // Stock of what failed is back, once.
    assert_eq!(world.figures("smartphone").await, (99, 1));
    world.verify().await;
}

#[tokio::test]
async fn pages_are_counted_and_the_newest_comes_first() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let stranger = Person::stranger(&world, "eve@example.com").await;
    for _ in 0..23 {
        let one = body(json!([{"productId": "4", "quantity": 1}]));
        assert_eq!(user.ask(PLACE, &one).await.status, 201);
        assert_eq!(stranger.ask(PLACE, &one).await.status, 201);
    }
    let ids = |body: &Value| -> Vec<String> {
        let orders = body["data"]["orders"].as_array().unwrap();
        orders.iter().map(|order| order["orderId"].as_str().unwrap().to_owned()).collect()
    };
    let own: Vec<String> = (0..23).rev().map(|at| (2 * at + 1).to_string()).collect();
    for (query, page, limit, range) in [
        ("", 1, 10, 0..10),
        ("?page=&limit=", 1, 10, 0..10),
        ("?page=2", 2, 10, 10..20),
        ("?page=3&limit=10&sort=asc", 3, 10, 20..23),
        ("?page=4", 4, 10, 23..23),
        ("?limit=5&page=2", 2, 5, 5..10),
        ("?limit=23", 1, 23, 0..23),
        ("?limit=1000", 1, 200, 0..23),
    ] {
        let reply = user.get(&format!("/api/orders{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text);
        assert_eq!(ids(&reply.body), own[range], "{query}");
        let pages = 23_usize.div_ceil(limit);
        let wanted = json!({"total": 23, "page": page, "limit": limit, "pages": pages});
        assert_eq!(reply.body["data"]["pagination"], wanted, "{query}");
    }
    for page in ["9223372036854775807", "99999999999999999999999"] {
        let reply = user.get(&format!("/api/orders?page={page}")).await;
        assert_eq!((reply.status, ids(&reply.body)), (200, vec![]), "{page}");
    }
    for (query, field) in [
        ("page=0", "?page"),
        ("page=-1", "?page"),
        ("page=x", "?page"),
        ("page=1.5", "?page"),
        ("limit=0", "?limit"),
        ("limit=-5", "?limit"),
        ("limit=ten", "?limit"),
    ] {
        let reply = user.get(&format!("/api/orders?{query}")).await;
        assert_eq!((reply.status, invalid(&reply.body)), (400, vec![field]), "{query}");
    }
}

/// Buyers through three contracts at once of a product of which there are five.
#[tokio::test]
async fn the_last_units_are_sold_once_whoever_asks() {
    let world = Arc::new(World::new().await);
    let token = Person::user(&world).await.token;
    let barrier = Arc::new(Barrier::new(24));
    let mut buyers = JoinSet::new();
    for number in 0..24 {
        let (world, barrier, token) = (world.clone(), barrier.clone(), token.clone());
        buyers.spawn(async move {
            let item = json!([{"productId": "1", "product_id": "1", "quantity": 1}]);
            let user = Person::with(&world, &token);
            barrier.wait().await;
            let reply = match number % 3 {
                0 => user.ask(PLACE, &body(item)).await,
                1 => user.ask("POST /orders", &json!({"items": item})).await,
                _ => {
                    let body = json!({"items": [{"sku": "123", "quantity": 1}]}).to_string();
                    world.v1("POST /v1/orders", &body).await
                }
            };
            assert!([201, 409].contains(&reply.status), "{}", reply.text);
            u32::from(reply.status == 201)
        });
    }
    let sold: u32 = buyers.join_all().await.into_iter().sum();
    assert_eq!(sold, 5);
    assert_eq!(world.figures("123").await, (5, 5));
    world.verify().await;
}
