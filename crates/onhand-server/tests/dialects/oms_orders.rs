//! `oms`: orders, and payments where no gateway is configured, row by row. Payments through one are
//! in `tests/process/dialects.rs`, over the running binary.

use serde_json::{Value, json};

use crate::oms::{error, invalid, success};
use crate::people::Person;
use crate::world::{Reply, World};

const PLACE: &str = "POST /orders";
const WITH_ITEMS: &str = "POST /orders/with-items";
const PLACED: &str = "Order created successfully";

fn order(id: &str, customer: &str, total: &str) -> Value {
    let at = "2026-01-01T00:00:00.000Z";
    json!({"id": id, "customer_id": customer, "status": "PENDING", "total_amount": total,
        "created_at": at, "updated_at": at})
}

fn item(
    order: &str,
    line: u32,
    product: &str,
    name: &str,
    quantity: i64,
    sums: [&str; 2],
) -> Value {
    json!({"id": format!("{order}-{line}"), "order_id": order, "product_id": product,
        "name": name, "quantity": quantity, "price": sums[0], "amount": sums[1]})
}

fn said(reply: Reply, status: u16, message: &str) {
    let wanted = error(status, message, Value::Null);
    assert_eq!((reply.status, &reply.body), (status, &wanted), "{}", reply.text);
}

#[tokio::test]
async fn the_catalogue_prices_an_order_with_items() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let items = json!([{"product_id": "2", "quantity": 1, "price": "1.00"},
        {"product_id": 4, "quantity": "2", "price": 0.01, "amount": 5}]);
    // The total, the state and the owner of the contract's own example do not add up.
    let sent = json!({"customer_id": "2", "total_amount": 500, "status": "PAID", "items": items});
    let reply = user.ask(PLACE, &sent).await;
    assert_eq!(
        (reply.status, reply.body),
        (201, success(201, PLACED, order("1", "2", "98799.97")))
    );
    let sent = json!({"customerId": 2, "items": items});
    let reply = user.ask(WITH_ITEMS, &sent).await;
    let items = json!([
        item("2", 1, "2", "Smartphone", 1, ["83999.99", "83999.99"]),
        item("2", 2, "4", "Headphones", 2, ["7399.99", "14799.98"]),
    ]);
    let data = json!({"message": PLACED, "success": true,
        "order": order("2", "2", "98799.97"), "items": items});
    assert_eq!((reply.status, reply.body), (201, success(201, PLACED, data)));
    assert_eq!(world.figures("smartphone").await, (100, 2));
    for (key, id) in [("k", "3"), ("k", "3")] {
        let more = [("idempotency-key", key)];
        let reply = user.ask_with(PLACE, &more, &json!({"total_amount": "1.5"})).await;
        assert_eq!(reply.body["data"], order(id, "2", "1.50"));
    }
    world.verify().await;
}

#[tokio::test]
async fn an_order_without_items_buys_nothing_and_holds_nothing() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    for (at, (amount, total)) in (1..).zip([
        (json!(500), "500.00"),
        (json!("91399.98"), "91399.98"),
        (json!(0.07), "0.07"),
        (json!("4.350"), "4.35"),
        (json!(1e3), "1000.00"),
    ]) {
        let name = if at % 2 == 0 { "totalAmount" } else { "total_amount" };
        for items in [None, Some(Value::Null), Some(json!([]))].into_iter().take(1) {
            let mut sent = json!({"customer_id": 2, "status": "PAID"});
            sent[name] = amount.clone();
            sent["items"] = items.unwrap_or_default();
            let reply = user.ask(PLACE, &sent).await;
            let wanted = success(201, PLACED, order(&at.to_string(), "2", total));
            assert_eq!((reply.status, reply.body), (201, wanted), "{sent}");
        }
    }
    let reply = user.get("/v1/orders/ord_1").await.body;
    assert_eq!((&reply["lines"], &reply["subtotal"]["amount"]), (&json!([]), &json!(0)));
    assert_eq!(reply["custom_amount"], json!({"amount": 50_000, "currency": "INR"}));
    // It has no end that could run out.
    world.clock.advance_secs(100_000);
    let user = Person::user(&world).await;
    assert_eq!(user.get("/orders/1").await.body["data"]["status"], "PENDING");
    for sent in [json!({}), json!({"customer_id": "2"}), json!({"total_amount": null}), Value::Null]
    {
        said(user.ask(PLACE, &sent).await, 400, "Missing required fields");
    }
    for amount in [
        json!(0),
        json!(-1),
        json!("0.00"),
        json!("1.234"),
        json!(0.001),
        json!("x"),
        json!(""),
        json!(true),
        json!([]),
        json!({}),
        json!(1e300),
        json!("1e30"),
        json!("NaN"),
        json!("100000000000.01"),
    ] {
        let reply = user.ask(PLACE, &json!({"total_amount": amount})).await;
        assert_eq!((reply.status, invalid(&reply.body)), (422, vec!["/total_amount"]), "{amount}");
    }
    world.verify().await;
}

#[tokio::test]
async fn items_are_those_of_the_catalogue_in_whole_units() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    for sent in [json!({}), json!({"items": null}), json!({"items": [], "total_amount": 5})] {
        said(user.ask(WITH_ITEMS, &sent).await, 400, "At least one item is required");
    }
    let good = json!({"items": [{"product_id": "2", "quantity": 1, "amount": 1}]});
    for line in [PLACE, WITH_ITEMS] {
        for (pointer, values) in [
            ("/items", vec![json!("x"), json!({}), json!(7)]),
            ("/items/0", vec![json!(null), json!([]), json!("x"), json!(7)]),
            (
                "/items/0/product_id",
                vec![
                    json!(null),
                    json!(""),
                    json!("x"),
                    json!(-1),
                    json!(0),
                    json!(1.5),
                    json!([]),
                    json!("0f0e7a1c-9f60-4d8e-8d3c-6a1c6b1a2b3c"),
                ],
            ),
            (
                "/items/0/quantity",
                vec![
                    json!(null),
                    json!(""),
                    json!("x"),
                    json!(-1),
                    json!(0),
                    json!(1.5),
                    json!([]),
                    json!(1e300),
                    json!(1_000_000_001),
                ],
            ),
        ] {
            for value in values {
                let mut sent = good.clone();
                *sent.pointer_mut(pointer).unwrap() = value.clone();
                let reply = user.ask(line, &sent).await;
                assert_eq!(reply.status, 422, "{line} {pointer} {value}: {}", reply.text);
                assert_eq!(invalid(&reply.body), [pointer], "{line} {value}");
            }
        }
        let sent = json!({"items": [{"product_id": "99", "quantity": 1}]});
        said(user.ask(line, &sent).await, 404, "Product not found");
        let sent = json!({"items": [{"product_id": "1", "quantity": 6}]});
        let reply = user.ask(line, &sent).await;
        let short = json!([{"sku": "123", "requested": 6, "available": 5}]);
        let wanted = error(409, "Insufficient stock", short);
        assert_eq!((reply.status, reply.body), (409, wanted));
    }
    assert_eq!(user.get("/orders").await.body["data"], json!([]));
}

#[tokio::test]
async fn an_order_is_the_callers_unless_an_operator_says_whose() {
    let world = World::new().await;
    let (user, admin) = (Person::user(&world).await, Person::admin(&world).await);
    let eve = Person::stranger(&world, "eve@example.com").await;
    let of = |customer: Value| json!({"customer_id": customer, "total_amount": 5});
    for (person, customer, status, owner) in [
        (&user, json!(2), 201, "2"),
        (&user, Value::Null, 201, "2"),
        (&user, json!("3"), 403, ""),
        (&user, json!(99), 403, ""),
        (&user, json!("x"), 422, ""),
        (&user, json!(0), 422, ""),
        (&user, json!([2]), 422, ""),
        (&admin, json!("2"), 201, "2"),
        (&admin, Value::Null, 201, "1"),
        (&eve, Value::Null, 201, "3"),
    ] {
        let reply = person.ask(PLACE, &of(customer.clone())).await;
        assert_eq!(reply.status, status, "{customer}: {}", reply.text);
        if status == 201 {
            assert_eq!(reply.body["data"]["customer_id"], owner);
        }
    }
    let ids = |reply: Reply| -> Vec<String> {
        let rows = reply.body["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(user.get("/orders").await), ["3", "2", "1"]);
    assert_eq!(ids(user.get("/orders?customerId=2").await), ["3", "2", "1"]);
    assert_eq!(ids(admin.get("/orders?customerId=2").await), ["3", "2", "1"]);
    assert_eq!(ids(admin.get("/orders").await), ["4"]);
    assert_eq!(ids(eve.get("/orders/get-items").await), ["5"]);
    for path in ["/orders?customerId=3", "/payments/user/3", "/api/payments/user/1"] {
        let reply = user.get(path).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (403, &json!("FORBIDDEN")));
    }
    for query in ["customerId=x", "customerId=-2", "customerId=2.0", "customerId=cus_2", "before=x"]
    {
        let reply = user.get(&format!("/orders?{query}")).await;
        assert_eq!(reply.status, 422, "{query}: {}", reply.text);
        assert_eq!(reply.body["error"]["code"], "VALIDATION_ERROR", "{query}");
    }
    assert_eq!(ids(user.get("/orders?customerId=&status=PAID").await), ["3", "2", "1"]);
    for id in ["4", "5", "99", "0", "ord_1", "x", "-1", "99999999999999999999", "%FF"] {
        said(user.get(&format!("/orders/{id}")).await, 404, "Order not found");
    }
    let reply = admin.get("/orders/1").await;
    assert_eq!((reply.status, reply.body), (200, success(200, "Order", order("1", "2", "5.00"))));
}

#[tokio::test]
async fn orders_are_listed_with_their_items() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let items = json!([{"product_id": "4", "quantity": 2}]);
    assert_eq!(user.ask(PLACE, &json!({"items": items})).await.status, 201);
    assert_eq!(user.ask(PLACE, &json!({"total_amount": "5"})).await.status, 201);
    let mut first = order("1", "2", "14799.98");
    first["items"] = json!([item("1", 1, "4", "Headphones", 2, ["7399.99", "14799.98"])]);
    let mut second = order("2", "2", "5.00");
    second["items"] = json!([]);
    let reply = user.get("/orders/get-items").await;
    let wanted = success(200, "Get All Order", json!([second, first]));
    assert_eq!((reply.status, reply.body), (200, wanted));
}

#[tokio::test]
async fn more_orders_than_a_page_are_linked() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    for _ in 0..201 {
        assert_eq!(user.ask(PLACE, &json!({"total_amount": 5})).await.status, 201);
    }
    let reply = user.get("/orders?customerId=2").await;
    assert_eq!(reply.body["data"].as_array().unwrap().len(), 200);
    let link = reply.headers["link"].to_str().unwrap().to_owned();
    assert_eq!(link, "</orders?customerId=2&before=2>; rel=\"next\"");
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let reply = user.get(next).await;
    assert_eq!(reply.body["data"].as_array().unwrap().len(), 1);
    assert!(!reply.headers.contains_key("link"));
}

#[tokio::test]
async fn a_hold_runs_out_once_and_only_its_own() {
    let world = World::new().await;
    let user = Person::user(&world).await;
    let items = json!({"items": [{"product_id": "1", "quantity": 2}]});
    assert_eq!(user.ask(PLACE, &items).await.status, 201);
    world.clock.advance_secs(300);
    assert_eq!(user.ask(PLACE, &items).await.status, 201);
    world.clock.advance_secs(300);
    // Whoever comes next finds the first one free, and the second one held.
    let user = Person::user(&world).await;
    let more = json!({"items": [{"product_id": "1", "quantity": 3}]});
    assert_eq!(user.ask(PLACE, &more).await.status, 201);
    assert_eq!(user.get("/orders/1").await.body["data"]["status"], "EXPIRED");
    assert_eq!(user.get("/orders/2").await.body["data"]["status"], "PENDING");
    assert_eq!(world.figures("123").await, (5, 5));
    world.verify().await;
}

#[tokio::test]
async fn payments_ask_for_an_order_and_a_gateway() {
    for (is_literal, unverified) in [(false, 400), (true, 500)] {
        let world = World::literal(is_literal).await;
        let user = Person::user(&world).await;
        assert_eq!(user.ask(PLACE, &json!({"total_amount": 5})).await.status, 201);
        for prefix in ["", "/api"] {
            let start = format!("POST {prefix}/payments");
            for sent in [json!({}), json!({"order_id": null, "amount": 5}), Value::Null] {
                said(user.ask(&start, &sent).await, 400, "Missing required fields");
            }
            for id in [json!("x"), json!(0), json!(-1), json!([]), json!(1.5)] {
                let sent = json!({"order_id": id});
                said(user.ask(&start, &sent).await, 404, "Order not found");
            }
            let reply = user.ask(&start, &json!({"order_id": "1"})).await;
            said(reply, 400, "Razorpay is not configured");
            for path in [
                "order/1",
                "order/99",
                "order/x",
                "razorpay/pay_x",
                "razorpay/a%20b",
                "refunds/1",
                "refunds/pay_x",
                "refunds/99",
            ] {
                let reply = user.get(&format!("{prefix}/payments/{path}")).await;
                said(reply, 404, "Payment not found");
            }
            for id in ["x", "0", "-2", "usr_2", "99999999999999999999"] {
                let reply = user.get(&format!("{prefix}/payments/user/{id}")).await;
                assert_eq!((reply.status, invalid(&reply.body)), (422, vec!["userId"]), "{id}");
            }
            let hook = format!("POST {prefix}/payments/webhook");
            let signed = [("x-razorpay-signature", "00"), ("content-type", "application/json")];
            let reply = crate::world::ask(&world.main, &hook, &signed, "{}").await;
            said(reply, 404, "Razorpay is not configured");
            let reply = user.get(&format!("{prefix}/payments/user/2")).await;
            assert_eq!((reply.status, reply.body), (200, success(200, "Payments", json!([]))));
            let verify = format!("POST {prefix}/payments/verify");
            let good = json!({"razorpayOrderId": "order_x", "razorpayPaymentId": "pay_x",
                "razorpaySignature": "00"});
            for field in ["razorpayOrderId", "razorpayPaymentId", "razorpaySignature"] {
                for value in [json!(null), json!(""), json!(7)] {
                    let mut sent = good.clone();
                    sent[field] = value;
                    said(user.ask(&verify, &sent).await, 400, "Missing required fields");
                }
            }
            let reply = user.ask(&verify, &good).await;
            let details = json!("Invalid Razorpay signature");
            let wanted = error(unverified, "Payment verification failed", details);
            assert_eq!((reply.status, reply.body), (unverified, wanted));
        }
    }
}
