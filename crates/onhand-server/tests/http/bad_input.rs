//! Bad input as a table: each row is told what is wrong and where, and nothing changes.

use axum::http::Method;
use serde_json::json;

use crate::world::World;

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

fn bad_forms() -> Vec<Bad<'static>> {
    let at = |body: &str, status, code, pointer| -> Bad<'static> {
        (Method::POST, "/v1/orders", &[JSON, KEY], body.as_bytes().to_vec(), status, code, pointer)
    };
    let with = |more: &str| format!("{{\"items\":[{{\"sku\":\"123\",\"quantity\":1}}],{more}}}");
    let nested = |levels: usize| {
        format!("{{\"metadata\":{}{}}}", "{\"a\":".repeat(levels), "}".repeat(levels))
    };
    vec![
        at(&nested(31), 422, "validation_failed", "/metadata/a"),
        at(&nested(32), 400, "body_too_deep", ""),
        at(&nested(10_000), 400, "body_too_deep", ""),
        at("{\"items\":[[\"123\",null,2]]}", 422, "validation_failed", "/items/0"),
        at(&with("\"payment\":[\"manual\"]"), 422, "validation_failed", "/payment"),
        at(&with("\"expected_total\":[1,\"INR\"]"), 422, "validation_failed", "/expected_total"),
        at(&with("\"shipping_address\":[]"), 422, "validation_failed", "/shipping_address"),
    ]
}

fn bad_writes() -> Vec<Bad<'static>> {
    let order = json!({"items": [{"sku": "123", "quantity": 1}]}).to_string().into_bytes();
    let product =
        |price: &str| format!("{{\"sku\":\"n\",\"name\":\"N\",\"price\":{price}}}").into_bytes();
    let post = Method::POST;
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
    ]
}

fn bad_reads() -> Vec<Bad<'static>> {
    let (get, nothing) = (Method::GET, Vec::new());
    vec![
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
        (
            get.clone(),
            "/v1/stock/123/explain?as_of=2026-01-01T00:00:00Z&clock=sun",
            &[],
            nothing.clone(),
            422,
            "validation_failed",
            "?clock",
        ),
        (get.clone(), "/v1/orders/ord_999", &[], nothing.clone(), 404, "unknown_order", ""),
        (get.clone(), "/v1/orders/prd_1", &[], nothing.clone(), 404, "not_found", ""),
        (get.clone(), "/v1/orders/%ff", &[], nothing.clone(), 404, "not_found", ""),
        (get, "/v1/nowhere", &[], nothing.clone(), 404, "not_found", ""),
        (Method::PUT, "/v1/orders", &[], nothing, 405, "method_not_allowed", ""),
    ]
}

#[tokio::test]
async fn bad_input_is_told_what_is_wrong_and_changes_nothing() {
    let world = World::new().await;
    let before = world.events().await;
    for (position, bad) in bad_orders()
        .into_iter()
        .chain(bad_forms())
        .chain(bad_writes())
        .chain(bad_reads())
        .enumerate()
    {
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
        for error in reply.body["errors"].as_array().into_iter().flatten() {
            let expected = error["expected"].as_str().unwrap();
            assert!(!expected.contains("description"), "{name} does not say what is right");
        }
        assert_eq!(reply.headers["request-id"], "test", "{name}");
    }
    assert_eq!(world.events().await, before);
}

#[tokio::test]
async fn an_error_says_what_would_have_been_right() {
    let world = World::new().await;
    let item = |item: &str| format!("{{\"items\":[{item}]}}");
    for (body, expected) in [
        (item("{\"sku\":\"a b\",\"quantity\":1}"), "1 to 64 characters"),
        (item("{\"sku\":\"123\",\"quantity\":0}"), "a whole number from 1 to 1000000000"),
        (item("{\"sku\":\"123\"}"), "the field `quantity`"),
        (item("{\"sku\":\"123\",\"sku\":\"123\"}"), "the field `sku` once"),
        (item("{\"sku\":\"123\",\"qty\":1}"), "one of `sku`, `product_id`, `quantity`"),
        (item("{\"product_id\":\"7\",\"quantity\":1}"), "an id like `prd_42`"),
        (item(""), "1 to 500 items"),
    ] {
        let headers = [JSON, ("idempotency-key", "k")];
        let reply = world.send(Method::POST, "/v1/orders", &headers, body.clone()).await;
        let told = reply.body["errors"][0]["expected"].as_str().unwrap();
        assert!(told.ends_with(expected), "{body}: {told}");
    }
    for (query, expected) in [
        ("limit=x", "a whole number"),
        ("limit=0", "1 to 200"),
        ("created_from=today", "an instant like `2026-11-21T14:03:07Z`"),
        ("starting_after=x", "an id like `ord_42`; take `next_cursor` of a page of this list"),
    ] {
        let reply = world.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(reply.body["errors"][0]["expected"], expected, "{query}");
    }
}
