//! `/v1` in process, on a frozen clock: whole answers as snapshots, bad input as a table after which nothing
//! has changed, the description against the routes, and the live feed over a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use onhand_engine::ManualClock;
use onhand_engine::committer::{self, Config, Running};
use onhand_engine::sqlite::Database;
use onhand_server::app::{App, Settings};
use onhand_server::{demo, http};
use serde_json::{Value, json};
use tower::ServiceExt;

struct World {
    app: App,
    router: Router,
    _running: Running,
    _database: Database,
    _folder: tempfile::TempDir,
}

struct Reply {
    status: u16,
    headers: axum::http::HeaderMap,
    bytes: Vec<u8>,
    body: Value,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("onhand.db")).unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let config = Config { clock, crash: None };
        let (submit, running, _) = committer::start(database.store().unwrap(), config).unwrap();
        demo::load(&submit).await.unwrap();
        let reader = database.reader().unwrap();
        let app = App { submit, reader, settings: Arc::new(Settings::default()) };
        let router = http::router(app.clone());
        Self { app, router, _running: running, _database: database, _folder: folder }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("request-id", "test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Reply { status: parts.status.as_u16(), headers: parts.headers, bytes, body }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string()).await
    }

    async fn events(&self) -> i64 {
        let page = self.get("/v1/events?after=0&limit=200").await;
        page.body["next_after"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn an_order_is_answered_whole_and_its_repeat_byte_for_byte() {
    let world = World::new().await;
    let body = json!({"items": [{"sku": "123", "quantity": 2}], "metadata": {"cart": "7"}});
    let first = world.post("/v1/orders", "k1", body.clone()).await;
    insta::assert_json_snapshot!(first.body, @r#"
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
    assert_eq!(first.status, 201);
    assert_eq!(first.headers["etag"], "\"1\"");
    assert_eq!(first.headers["location"], "/v1/orders/ord_1");
    let again = world.post("/v1/orders", "k1", body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
    assert_eq!(world.get("/v1/orders/ord_1").await.bytes, first.bytes);
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
      "request_id": "test",
      "status": 409,
      "title": "Conflict",
      "type": "urn:onhand:problem:insufficient_stock"
    }
    "#);
}

#[tokio::test]
async fn a_number_explains_itself() {
    let world = World::new().await;
    world.post("/v1/orders", "k1", json!({"items": [{"sku": "123", "quantity": 2}]})).await;
    world.post("/v1/orders/ord_1/fulfilments", "k2", json!({})).await;
    let explained = world.get("/v1/stock/123/explain").await;
    insta::assert_json_snapshot!(explained.body, @r#"
    {
      "available": 3,
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
          "actor": "local",
          "cause": 16,
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

/// Method, path, headers, body; status, code, pointer.
type Bad<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], Vec<u8>, u16, &'a str, &'a str);

const JSON: (&str, &str) = ("content-type", "application/json");
const KEY: (&str, &str) = ("idempotency-key", "bad");

fn bad_orders() -> Vec<Bad<'static>> {
    let at = |body: &str, status, code, pointer| -> Bad<'static> {
        (Method::POST, "/v1/orders", &[JSON, KEY], body.as_bytes().to_vec(), status, code, pointer)
    };
    let quantity = |text: &str| format!("{{\"items\":[{{\"sku\":\"123\",\"quantity\":{text}}}]}}");
    let many =
        format!("{{\"items\":[{}]}}", vec!["{\"sku\":\"123\",\"quantity\":1}"; 501].join(","));
    let ten_thousand = vec!["{\"sku\":\"123\",\"quantity\":1}"; 10_000].join(",");
    let deep = format!("{{\"metadata\":{}{}}}", "{\"a\":".repeat(500), "}".repeat(500));
    let first = "/items/0/quantity";
    let mut rows: Vec<Bad<'static>> = ["1.5", "0", "-3", "1e400", "9223372036854775808", "\"2\""]
        .iter()
        .chain(&["null", "true", "[]", "1000000001"])
        .map(|text| match *text {
            "1e400" => at(&quantity(text), 400, "malformed_json", ""),
            text => at(&quantity(text), 422, "validation_failed", first),
        })
        .collect();
    rows.extend([
        at("{\"items\":", 400, "malformed_json", ""),
        at("{} x", 422, "validation_failed", ""),
        at("[]", 422, "validation_failed", ""),
        at("", 400, "malformed_json", ""),
        at("{\"items\":[]}", 422, "validation_failed", "/items"),
        at(&many, 422, "validation_failed", "/items"),
        at(&ten_thousand, 413, "body_too_large", ""),
        at(&deep, 422, "validation_failed", "/metadata/a"),
        at("{\"items\":[{\"quantity\":1}]}", 422, "validation_failed", "/items/0"),
        at("{\"itemz\":[]}", 422, "unknown_field", "/itemz"),
        at(
            "{\"items\":[{\"sku\":\"123\",\"quantity\":1,\"price\":1}]}",
            422,
            "unknown_field",
            "/items/0/price",
        ),
        at("{\"items\":[{\"sku\":\"nope\",\"quantity\":1}]}", 404, "unknown_sku", ""),
        at(
            "{\"items\":[{\"product_id\":\"ord_1\",\"quantity\":1}]}",
            422,
            "validation_failed",
            "/items/0/product_id",
        ),
        at(
            "{\"items\":[{\"sku\":\"123\",\"quantity\":1}],\
             \"expected_total\":{\"amount\":1,\"currency\":\"XXX\"}}",
            422,
            "validation_failed",
            "/expected_total/currency",
        ),
    ]);
    rows.push((
        Method::POST,
        "/v1/orders",
        &[JSON, KEY],
        b"{\"items\":\"\xff\"}".to_vec(),
        400,
        "malformed_json",
        "",
    ));
    rows
}

fn bad_requests() -> Vec<Bad<'static>> {
    let order = json!({"items": [{"sku": "123", "quantity": 1}]}).to_string().into_bytes();
    let product =
        |price: &str| format!("{{\"sku\":\"n\",\"name\":\"N\",\"price\":{price}}}").into_bytes();
    let post = Method::POST;
    let (get, nothing) = (Method::GET, Vec::new());
    vec![
        (post.clone(), "/v1/orders", &[JSON], order.clone(), 400, "idempotency_key_missing", ""),
        (post.clone(), "/v1/orders", &[KEY], order, 415, "unsupported_media_type", ""),
        (
            post.clone(),
            "/v1/products",
            &[JSON],
            product("{\"amount\":19.99,\"currency\":\"INR\"}"),
            422,
            "validation_failed",
            "/price/amount",
        ),
        (
            post.clone(),
            "/v1/products",
            &[JSON],
            product("{\"amount\":-1,\"currency\":\"INR\"}"),
            422,
            "validation_failed",
            "/price/amount",
        ),
        (
            post,
            "/v1/stock/adjustments",
            &[JSON, KEY],
            b"{\"sku\":\"123\",\"delta\":0,\"reason\":\"received\"}".to_vec(),
            422,
            "validation_failed",
            "/delta",
        ),
        (
            Method::PATCH,
            "/v1/stock/123",
            &[JSON],
            b"{\"safety_stock\":1}".to_vec(),
            428,
            "precondition_required",
            "",
        ),
        (
            Method::PATCH,
            "/v1/stock/123",
            &[JSON, ("if-match", "\"99\"")],
            b"{\"safety_stock\":1}".to_vec(),
            412,
            "version_mismatch",
            "",
        ),
        (
            Method::PATCH,
            "/v1/products/123",
            &[JSON, ("if-match", "99")],
            b"{\"name\":\"x\"}".to_vec(),
            422,
            "validation_failed",
            "If-Match",
        ),
        (
            get.clone(),
            "/v1/orders?starting_after=prd_1",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?starting_after",
        ),
        (
            get.clone(),
            "/v1/orders?limit=0",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?limit",
        ),
        (
            get.clone(),
            "/v1/orders?limit=201",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?limit",
        ),
        (
            get.clone(),
            "/v1/orders?colour=red",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?colour",
        ),
        (
            get.clone(),
            "/v1/stock/123?as_of=yesterday",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?as_of",
        ),
        (get.clone(), "/v1/orders/ord_999", &[], nothing.clone(), 404, "unknown_order", ""),
        (get.clone(), "/v1/orders/prd_1", &[], nothing.clone(), 404, "not_found", ""),
        (get, "/v1/nowhere", &[], nothing.clone(), 404, "not_found", ""),
        (Method::PUT, "/v1/orders", &[], nothing, 405, "method_not_allowed", ""),
    ]
}

#[tokio::test]
async fn bad_input_is_told_what_is_wrong_and_changes_nothing() {
    let world = World::new().await;
    let before = world.events().await;
    for (position, bad) in bad_orders().into_iter().chain(bad_requests()).enumerate() {
        let (method, path, headers, body, status, code, pointer) = bad;
        let words = String::from_utf8_lossy(&body).chars().take(120).collect::<String>();
        let name = format!("{position}: {method} {path} {words}");
        // A key of its own: a refusal is an outcome, and would be replayed.
        let key = format!("bad-{position}");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, if *value == "bad" { key.as_str() } else { *value }))
            .collect();
        let reply = world.send(method, path, &headers, body).await;
        assert_eq!((reply.status, reply.body["code"].as_str()), (status, Some(code)), "{name}");
        let told = reply.body["errors"][0]["pointer"].as_str().unwrap_or("");
        assert_eq!(told, pointer, "{name}: {}", reply.body);
        assert_eq!(reply.body["request_id"], "test", "{name}");
    }
    assert_eq!(world.events().await, before);
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
    let router = http::router(world.app.clone());
    let serving = http::listener::serve(listener, router, std::future::pending());
    let reading = async {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
             last-event-id: {last}\r\n\r\n"
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
