//! Who may come in through a dialect, and what is said to who may not.

use onhand_core::Actor;
use onhand_core::accounts::Scope;
use onhand_server::http::dialects::{Anonymous, Dialects};
use serde_json::json;

use crate::world::{World, ask, key_for, spoken};

const LEVEL: &str = "GET /inventory/stock-levels/123";

#[tokio::test]
async fn keyless_contracts_need_a_key_with_the_right_scope() {
    let world = World::with(Dialects { anonymous: Anonymous::Nobody, ..spoken() }).await;
    let reply = ask(&world.main, LEVEL, &[], "").await;
    assert_eq!(reply.status, 401, "{}", reply.text);
    assert_eq!(
        (&reply.body["statusCode"], &reply.body["error"]),
        (&json!(401), &json!("Unauthorized"))
    );
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
    let (key, new) = key_for(&[Scope::StockRead]);
    world.app.submit.submit(new, Actor::Local, None).await.unwrap().outcome.unwrap();
    let bearer = format!("Bearer {key}");
    for headers in [[("authorization", &*bearer)], [("x-api-key", &*key)]] {
        assert_eq!(ask(&world.main, LEVEL, &headers, "").await.status, 200);
        let line = "PUT /inventory/reserve-order/123";
        let reply = ask(&world.main, line, &headers, "").await;
        assert_eq!((reply.status, &reply.body["error"]), (403, &json!("Forbidden")));
    }
}

#[tokio::test]
async fn who_needs_no_key_is_here_and_shows_none() {
    let world = World::new().await;
    for (headers, status) in [
        (&[][..], 200),
        // Whoever shows something is held to it.
        (&[("authorization", "Bearer nonsense")], 401),
        (&[("x-api-key", "nonsense")], 401),
        // What a proxy has passed on is not from here.
        (&[("x-forwarded-for", "127.0.0.1")], 401),
        (&[("forwarded", "for=127.0.0.1")], 401),
    ] {
        let reply = ask(&world.main, LEVEL, headers, "").await;
        assert_eq!(reply.status, status, "{headers:?}");
    }
    assert_eq!(world.ask("GET /v1/stock/123", "").await.status, 401);
    let everybody = Dialects { anonymous: Anonymous::Everybody, ..spoken() };
    let world = World::with(everybody).await;
    let passed_on = [("x-forwarded-for", "203.0.113.7")];
    assert_eq!(ask(&world.main, LEVEL, &passed_on, "").await.status, 200);
    let movements = world.ask("PUT /inventory/reserve-order/123", r#"{"quantity": 1}"#).await;
    assert_eq!(movements.status, 200);
    let movements = world.v1("GET /v1/stock/123/movements?limit=1", "").await.body;
    assert_eq!(movements["data"][0]["actor"], "anonymous");
}

#[tokio::test]
async fn a_dialect_that_is_off_is_not_there() {
    let world = World::with(Dialects::default()).await;
    let reply = world.ask(LEVEL, "").await;
    assert_eq!((reply.status, &reply.body["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn pages_of_any_origin_ask_storefront_and_only_look_where_nobody_needs_a_key() {
    for (anonymous, may_write) in [(Anonymous::Nobody, true), (Anonymous::Here, false)] {
        let world = World::with(Dialects { anonymous, ..spoken() }).await;
        let origin = ("origin", "https://shop.example");
        let reply = ask(&world.main, "GET /product", &[origin], "").await;
        assert_eq!(reply.headers["access-control-allow-origin"], "*", "{anonymous:?}");
        let preflight = [
            origin,
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-api-key"),
        ];
        let reply = ask(&world.main, "OPTIONS /order", &preflight, "").await;
        let methods = reply.headers.get("access-control-allow-methods");
        let methods = methods.map_or("", |methods| methods.to_str().unwrap());
        assert_eq!(methods.contains("POST"), may_write, "{anonymous:?}: {methods}");
        let sent = reply.headers.get("access-control-allow-headers");
        let sent = sent.map_or("", |sent| sent.to_str().unwrap());
        assert_eq!(sent.contains("x-api-key"), may_write, "{anonymous:?}: {sent}");
        // Nobody else is open.
        let reply = ask(&world.main, LEVEL, &[origin], "").await;
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
}
