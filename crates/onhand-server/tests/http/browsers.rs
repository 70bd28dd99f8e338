//! What browsers are told, and what is served to whom: headers of every answer, pages of other
//! origins, and the routes of operation on a listener of their own.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use onhand_server::app::Settings;
use onhand_server::http;
use tower::ServiceExt;

use crate::world::World;

const SHOP: &str = "https://shop.example";
const DESK: &str = "http://localhost:5173";

/// The routes that nobody outside needs.
const OPERATIONS: [&str; 6] =
    ["/health", "/readyz", "/docs", "/docs/", "/api-docs", "/openapi.json"];

/// A request of somebody who may do everything.
async fn ask_as_admin(
    world: &World,
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap) {
    let bearer = format!("Bearer {}", world.key);
    let headers: Vec<_> =
        headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
    ask(router, method, path, &headers).await
}

async fn ask(
    router: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    (response.status(), response.headers().clone())
}

/// The lines of an answer that are about other origins.
fn about_origins(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control") || *name == "vary")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

async fn with_origins(world: &World, origins: &[&'static str]) -> Router {
    let cors_origins = origins.iter().copied().map(HeaderValue::from_static).collect();
    http::router(world.set_up(Settings { cors_origins, ..Settings::default() }))
}

#[tokio::test]
async fn every_answer_tells_browsers_to_do_nothing_with_it() {
    let world = World::new().await;
    let router = with_origins(&world, &[SHOP]).await;
    for (method, path, status) in [
        ("GET", "/livez", 200),
        ("GET", "/v1/orders", 200),
        ("GET", "/v1/orders/ord_999", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", "/livez", 405),
        ("POST", "/v1/orders", 400),
        ("OPTIONS", "/v1/orders", 200),
        ("GET", "/api-docs", 308),
        ("GET", "/docs/", 200),
        ("GET", "/docs/swagger-initializer.js", 200),
        ("GET", "/openapi.json", 200),
    ] {
        let key = [("idempotency-key", "a"), ("content-type", "application/json")];
        let (found, headers) = ask_as_admin(&world, &router, method, path, &key).await;
        assert_eq!(found, status, "{method} {path}");
        let loads =
            if path.starts_with("/docs") { "script-src 'self'" } else { "default-src 'none'; f" };
        for (name, value) in [
            ("content-security-policy", loads),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            let found = headers[name].to_str().unwrap();
            assert!(found.contains(value), "{method} {path}: {name}: {found}");
        }
        assert!(headers.contains_key("request-id"), "{method} {path}");
        assert!(!headers.contains_key("strict-transport-security"), "{method} {path}");
    }
}

#[tokio::test]
async fn an_answer_to_somebody_is_stored_nowhere() {
    let world = World::new().await;
    let router = http::router(world.app.clone());
    for (path, headers, wanted) in [
        ("/v1/orders", [("authorization", "Bearer x")].as_slice(), Some("no-store")),
        ("/nowhere", &[("authorization", "Bearer x")], Some("no-store")),
        ("/v1/auth/anything", &[], Some("no-store")),
        ("/livez", &[], None),
    ] {
        let (_, answer) = ask(&router, "GET", path, headers).await;
        let found = answer.get("cache-control").map(|value| value.to_str().unwrap());
        assert_eq!(found, wanted, "{path}");
    }
}

#[tokio::test]
async fn over_tls_browsers_are_told_to_stay_there() {
    let world = World::new().await;
    let settings = Settings { is_encrypted: true, ..Settings::default() };
    let router = http::router(world.set_up(settings));
    for path in ["/livez", "/nowhere", "/docs/"] {
        let (_, headers) = ask(&router, "GET", path, &[]).await;
        assert_eq!(headers["strict-transport-security"], "max-age=31536000", "{path}");
    }
}

/// What a page of an origin is told when it reads.
async fn check_read(allowed: &[&'static str], origin: &str, wanted: &[&str]) {
    let world = World::new().await;
    let router = with_origins(&world, allowed).await;
    for (path, status) in [("/v1/orders", 200), ("/v1/orders/ord_999", 404), ("/nowhere", 404)] {
        let sent = [("origin", origin)];
        let (found, headers) = ask_as_admin(&world, &router, "GET", path, &sent).await;
        assert_eq!(found, status, "{path}");
        assert_eq!(about_origins(&headers), wanted, "{origin} of {allowed:?}: {path}");
    }
}

const EXPOSED: &str = "access-control-expose-headers: etag,link,location,retry-after,\
                       idempotency-replayed,ratelimit,ratelimit-policy,request-id";

#[tokio::test]
async fn only_listed_origins_may_read() {
    check_read(&[], SHOP, &[]).await;
    let allowed = "access-control-allow-origin: https://shop.example";
    check_read(&[SHOP], SHOP, &[allowed, EXPOSED, "vary: origin"]).await;
    check_read(&[DESK, SHOP], SHOP, &[allowed, EXPOSED, "vary: origin"]).await;
    for origin in [
        "https://shop.example.evil.example",
        "https://evil.example",
        "https://sub.shop.example",
        "https://shop.example:8443",
        "http://shop.example",
        "https://SHOP.example",
        "null",
    ] {
        check_read(&[SHOP, DESK], origin, &[EXPOSED, "vary: origin"]).await;
    }
}

#[tokio::test]
async fn preflights_are_answered_without_a_token() {
    let world = World::new().await;
    let router = with_origins(&world, &[SHOP]).await;
    let asked = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,idempotency-key"),
        ]
    };
    let rest = [
        "access-control-allow-headers: authorization,content-type,if-match,if-none-match,\
         idempotency-key,last-event-id,request-id",
        "access-control-allow-methods: GET,POST,PUT,PATCH,DELETE",
    ];
    let (status, headers) = ask(&router, "OPTIONS", "/v1/orders", &asked(SHOP)).await;
    let [sent, methods] = rest;
    let allowed = "access-control-allow-origin: https://shop.example";
    let age = "access-control-max-age: 7200";
    assert_eq!(status, 200);
    assert_eq!(about_origins(&headers), [sent, methods, allowed, age, "vary: origin"]);
    let (_, headers) = ask(&router, "OPTIONS", "/v1/orders", &asked("https://evil.example")).await;
    assert_eq!(about_origins(&headers), [sent, methods, age, "vary: origin"]);
    let (status, headers) =
        ask(&http::router(world.app.clone()), "OPTIONS", "/v1/orders", &asked(SHOP)).await;
    assert_eq!((status.as_u16(), about_origins(&headers)), (405, Vec::new()));
}

#[tokio::test]
async fn routes_of_operation_leave_the_public_listener_for_one_of_their_own() {
    let world = World::new().await;
    let app = world.set_up(Settings { has_ops_listener: true, ..Settings::default() });
    let (public, operations) = (http::router(app.clone()), http::operations(app));
    let everything = http::router(world.app.clone());
    let status = async |router: &Router, path: &str| {
        ask_as_admin(&world, router, "GET", path, &[]).await.0.as_u16()
    };
    for path in OPERATIONS {
        assert_eq!(status(&public, path).await, 404, "{path}");
        let served = status(&operations, path).await;
        assert!([200, 303, 308].contains(&served), "{path}: {served}");
        assert_eq!(status(&everything, path).await, served, "{path}");
    }
    for (path, on_public, on_operations) in
        [("/livez", 200, 200), ("/v1/orders", 200, 404), ("/nowhere", 404, 404)]
    {
        assert_eq!(status(&public, path).await, on_public, "{path}");
        assert_eq!(status(&operations, path).await, on_operations, "{path}");
    }
}
