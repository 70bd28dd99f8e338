//! Whole answers as snapshots: the same to the letter on every store. And the live feed over a
//! socket.

use axum::body::Body;
use axum::http::Method;
use onhand_server::http;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_order_is_answered_whole() {
    let world = World::new().await;
    let body = json!({"items": [{"sku": "123", "quantity": 2}], "metadata": {"cart": "7"}});
    insta::assert_json_snapshot!(world.post("/v1/orders", "k1", body).await.body, @r#"
    {
      "amount_paid": {
        "amount": 0,
        "currency": "INR"
      },
      "amount_refunded": {
        "amount": 0,
        "currency": "INR"
      },
      "created_at": "2026-01-01T00:00:00Z",
      "currency": "INR",
      "customer_id": null,
      "expires_at": null,
      "external_reference": null,
      "failure_reason": null,
      "fulfilments": [],
      "id": "ord_1",
      "lines": [
        {
          "allocations": [
            {
              "location_id": "loc_1",
              "quantity": 2,
              "reservation_id": "res_1",
              "sourcing": "single_location"
            }
          ],
          "fulfilled": 0,
          "line": 1,
          "name": "Sample product",
          "product_id": "prd_1",
          "quantity": 2,
          "returned": 0,
          "sku": "123",
          "total": {
            "amount": 3998,
            "currency": "INR"
          },
          "unit_price": {
            "amount": 1999,
            "currency": "INR"
          }
        }
      ],
      "metadata": {
        "cart": "7"
      },
      "number": 1,
      "object": "order",
      "payment": null,
      "payment_method": null,
      "shipping_address": null,
      "status": "confirmed",
      "subtotal": {
        "amount": 3998,
        "currency": "INR"
      },
      "total": {
        "amount": 3998,
        "currency": "INR"
      },
      "updated_at": "2026-01-01T00:00:00Z",
      "version": 1
    }
    "#);
}

#[tokio::test]
async fn a_repeat_under_the_same_key_is_answered_byte_for_byte() {
    let world = World::new().await;
    let body = json!({"items": [{"sku": "123", "quantity": 2}]});
    let first = world.post("/v1/orders", "k1", body.clone()).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.headers["etag"], "\"1\"");
    assert_eq!(first.headers["location"], "/v1/orders/ord_1");
    let again = world.post("/v1/orders", "k1", body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert_eq!(world.get("/v1/orders/ord_1").await.bytes, first.bytes);
}

#[tokio::test]
async fn a_refusal_is_repeated_byte_for_byte_under_another_request_id() {
    let world = World::new().await;
    let body = json!({"items": [{"sku": "123", "quantity": 9}]}).to_string();
    let send = async |id: &'static str, key: &'static str, kind: &'static str| {
        let headers = [("request-id", id), ("idempotency-key", key), ("content-type", kind)];
        world.send(Method::POST, "/v1/orders", &headers, body.clone()).await
    };
    let first = send("one", "k1", "application/json").await;
    let again = send("two", "k1", "application/json").await;
    assert_eq!((first.status, again.status), (409, 409));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.headers["request-id"], "one");
    assert_eq!(again.headers["request-id"], "two");
    assert_eq!(first.bytes, again.bytes);
    // What is not stored still names the request in its body.
    assert_eq!(send("three", "k1", "text/plain").await.body["request_id"], "three");
}

#[tokio::test]
async fn too_little_stock_is_a_conflict_with_the_figures() {
    let world = World::new().await;
    let body = json!({"items": [{"sku": "123", "quantity": 4}, {"sku": "123", "quantity": 4}]});
    let refused = world.post("/v1/orders", "k1", body).await;
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    insta::assert_json_snapshot!(refused.body, @r#"
    {
      "code": "insufficient_stock",
      "detail": "`123`: 8 asked for, 5 available",
      "items": [
        {
          "available": 5,
          "requested": 8,
          "sku": "123"
        }
      ],
      "status": 409,
      "title": "Conflict",
      "type": "urn:onhand:problem:insufficient_stock"
    }
    "#);
}

#[tokio::test]
async fn the_past_has_two_clocks() {
    let world = World::new().await;
    world.clock.advance_secs(3_600);
    let late = json!({"sku": "123", "delta": 7, "reason": "received",
        "occurred_at": "2026-01-01T00:20:00Z"});
    assert_eq!(world.post("/v1/stock/adjustments", "k1", late).await.status, 201);
    // Five were there from the beginning; seven more came twenty minutes later, and were typed in
    // after an hour.
    for (at, recorded, occurred) in
        [("00:19:59.999999", 5, 5), ("00:20:00", 5, 12), ("00:59:59", 5, 12), ("01:00:00", 12, 12)]
    {
        for (clock, wanted) in [("recorded", recorded), ("occurred", occurred)] {
            let query = format!("as_of=2026-01-01T{at}Z&clock={clock}");
            let stock = world.get(&format!("/v1/stock/123?{query}")).await.body;
            assert_eq!((&stock["on_hand"], &stock["clock"]), (&json!(wanted), &json!(clock)));
            let why = world.get(&format!("/v1/stock/123/explain?{query}")).await.body;
            assert_eq!((&why["on_hand"], &why["reserved_by"]), (&json!(wanted), &json!(null)));
            assert_eq!(why["on_hand_terms"][0]["units"], wanted, "{query}");
        }
        let unsaid = world.get(&format!("/v1/stock/123?as_of=2026-01-01T{at}Z")).await.body;
        assert_eq!((&unsaid["on_hand"], &unsaid["clock"]), (&json!(recorded), &json!("recorded")));
    }
    let now = world.get("/v1/stock/123?clock=occurred").await;
    assert_eq!(
        (now.status, &now.body["errors"][0]["pointer"]),
        (422.try_into().unwrap(), &json!("?clock"))
    );
    let before = "/v1/stock/123/explain?as_of=2025-12-31T23:59:59Z&clock=occurred";
    assert_eq!(world.get(before).await.body["on_hand_terms"], json!([]));
}

#[tokio::test]
async fn a_number_explains_itself() {
    let world = World::new().await;
    world.post("/v1/orders", "k1", json!({"items": [{"sku": "123", "quantity": 2}]})).await;
    world.post("/v1/orders/ord_1/fulfilments", "k2", json!({})).await;
    let explained = world.get("/v1/stock/123/explain").await;
    insta::assert_json_snapshot!(explained.body, @r#"
    {
      "as_of": null,
      "available": 3,
      "clock": null,
      "object": "stock_explanation",
      "on_hand": 3,
      "on_hand_terms": [
        {
          "kind": "received",
          "units": 5
        },
        {
          "kind": "sold",
          "units": -2
        }
      ],
      "reserved": 0,
      "reserved_by": [],
      "safety_stock": 0,
      "sentence": "available 3 = on hand 3 (+5 received -2 sold) - 0 reserved - 0 safety stock",
      "sku": "123"
    }
    "#);
    insta::assert_json_snapshot!(world.get("/v1/order-states").await.body["transitions"][0], @r#"
    {
      "action": "confirm",
      "from": "pending",
      "to": "confirmed"
    }
    "#);
    insta::assert_json_snapshot!(world.get("/v1/stock/123/movements?limit=1").await.body, @r#"
    {
      "data": [
        {
          "actor": "key_1",
          "cause": 19,
          "delta_on_hand": -2,
          "delta_reserved": -2,
          "kind": "sold",
          "location_id": "loc_1",
          "object": "movement",
          "occurred_at": "2026-01-01T00:00:00Z",
          "on_hand_after": 3,
          "reason": "sale",
          "recorded_at": "2026-01-01T00:00:00Z",
          "reference": "ord_1",
          "reserved_after": 0,
          "seq": 8,
          "sku": "123"
        }
      ],
      "has_more": true,
      "next_cursor": "mov_7",
      "object": "list",
      "url": "/v1/stock/123/movements"
    }
    "#);
}

#[tokio::test]
async fn a_key_used_for_another_body_is_refused() {
    let world = World::new().await;
    let body = |quantity| json!({"items": [{"sku": "123", "quantity": quantity}]});
    assert_eq!(world.post("/v1/orders", "k1", body(1)).await.status, 201);
    let other = world.post("/v1/orders", "k1", body(2)).await;
    assert_eq!((other.status, &other.body["code"]), (422, &json!("idempotency_key_reused")));
}

#[tokio::test]
async fn every_described_route_is_served_and_described_whole() {
    let world = World::new().await;
    let described = serde_json::to_value(http::openapi()).unwrap();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() > 25, "{} paths", paths.len());
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let concrete = path.replace("{id}", "x_1").replace("{product}", "123");
            let concrete = concrete.replace("{sku}", "123");
            let reply = world.send(method, &concrete, &[], Body::empty()).await;
            let detail = reply.body["detail"].as_str().unwrap_or("");
            assert!(!detail.starts_with("the route"), "{name} is not served");
            assert_ne!(reply.status, 405, "{name} is not served");
            assert!(reply.status < 500, "{name}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn the_live_feed_shows_what_is_committed_after_it_began() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let world = World::new().await;
    let last = world.events().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = http::listener::Door::new(listener, None, &world.app.settings.proxies);
    let router = http::router(world.app.clone());
    let serving = http::listener::serve(door, router, std::future::pending());
    let reading = async {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
             last-event-id: {last}\r\nauthorization: Bearer {}\r\n\r\n",
            world.key
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(socket).lines();
        let mut seen = Vec::new();
        let mut placed = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            // The headers have arrived: only now is anything placed.
            if placed < 3 && (line.is_empty() || line.starts_with("id: ")) {
                placed += 1;
                let body = json!({"items": [{"sku": "123", "quantity": 1}]});
                world.post("/v1/orders", &format!("k{placed}"), body).await;
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event = serde_json::from_str(data).unwrap();
                let schema = json!({"$ref": "#/components/schemas/Event"});
                assert_eq!(crate::contract::contract().errors(&schema, &event), [""; 0], "{event}");
            }
            if let Some(id) = line.strip_prefix("id: ") {
                seen.push(id.parse::<i64>().unwrap());
            }
            if seen.len() == 3 {
                break;
            }
        }
        seen
    };
    let seen = tokio::select! {
        () = serving => unreachable!("it is never told to stop"),
        seen = reading => seen,
    };
    assert_eq!(seen, [last + 1, last + 2, last + 3]);
}
