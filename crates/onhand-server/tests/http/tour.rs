//! A tour through all routes: each is answered with success at least once, and each answer, the
//! refusals on the way too, is held against the description by the world itself.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;
use serde_json::{Value, json};

use onhand_core::jobs::{self, Queue};
use onhand_core::payments::Policy;
use onhand_core::schedules::{self, ScheduleName};
use onhand_core::text::{Name, Reference, Text};
use onhand_core::{Actor, Command};
use onhand_engine::Clock;

use crate::contract::contract;
use crate::imports::send;
use crate::shelves;
use crate::till::{Till, signed_by_key};
use crate::world::{Reply, World};

/// Posts under a key of its own and expects a status.
async fn post(world: &World, path: &str, body: Value, status: u16) -> Value {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let key = format!("tour-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let reply = world.post(path, &key, body).await;
    assert_eq!(reply.status, status, "{path}: {}", reply.body);
    reply.body
}

async fn catalogue(world: &World) {
    let price = json!({"amount": 49_900, "currency": "INR"});
    let tea =
        json!({"sku": "TEA-1", "name": "Green tea", "price": price, "category_ids": ["cat_1"]});
    post(world, "/v1/products", tea.clone(), 201).await;
    let again = world.post("/v1/products", "again", tea).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("sku_taken")));
    let yen = json!({"amount": 500, "currency": "JPY"});
    post(world, "/v1/products", json!({"sku": "YEN", "name": "Yen", "price": yen}), 201).await;
    let gone = json!({"sku": "GONE", "name": "Gone", "price": price, "active": false});
    post(world, "/v1/products", gone, 201).await;
    post(world, "/v1/categories", json!({"name": "Tea", "parent_id": "cat_1"}), 201).await;
    post(world, "/v1/categories", json!({"name": "x", "parent_id": "cat_99"}), 404).await;
    for path in ["/v1/products", "/v1/products?limit=1", "/v1/products?category=cat_1"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in ["/v1/categories", "/v1/categories?limit=1", "/v1/categories/cat_2"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in ["/v1/products/prd_99", "/v1/products/nope", "/v1/categories/cat_99"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.get("/v1/products/TEA-1").await.status, 200);
    assert_eq!(
        world.patch("/v1/products/TEA-1", "\"1\"", json!({"name": "Tea"})).await.status,
        200
    );
    let stale = world.patch("/v1/products/TEA-1", "\"1\"", json!({"name": "Tea"})).await;
    assert_eq!((stale.status, &stale.body["actual"]), (412, &json!(2)));
    let cycle = world.patch("/v1/categories/cat_1", "\"1\"", json!({"parent_id": "cat_2"})).await;
    assert_eq!((cycle.status, &cycle.body["code"]), (409, &json!("category_cycle")));
    let root = world.patch("/v1/categories/cat_2", "\"1\"", json!({"parent_id": null})).await;
    assert_eq!(root.status, 200);
    assert_eq!(world.delete("/v1/categories/cat_1").await.status, 409);
    assert_eq!(world.delete("/v1/categories/cat_2").await.status, 200);
    assert_eq!(world.delete("/v1/products/123").await.status, 409);
    assert_eq!(world.delete("/v1/products/GONE").await.status, 200);
}

async fn stock(world: &World) {
    let berlin = json!({"code": "berlin", "name": "Berlin", "priority": 1});
    post(world, "/v1/locations", berlin.clone(), 201).await;
    assert_eq!(world.post("/v1/locations", "again", berlin).await.status, 409);
    assert_eq!(world.get("/v1/locations").await.status, 200);
    let renamed = world.patch("/v1/locations/loc_2", "\"1\"", json!({"name": "Mitte"})).await;
    assert_eq!(renamed.status, 200);
    let adjust = "/v1/stock/adjustments";
    let received = json!({"sku": "TEA-1", "delta": 50, "reason": "received", "reference": "PO-77"});
    post(world, adjust, received, 201).await;
    let both = json!([{"sku": "123", "delta": 5, "reason": "received"},
        {"sku": "TEA-1", "delta": -1, "reason": "damaged"}]);
    post(world, adjust, json!({"adjustments": both}), 201).await;
    post(world, adjust, json!({"sku": "123", "delta": -99, "reason": "lost"}), 409).await;
    let most = json!({"sku": "123", "delta": 1_000_000_000, "reason": "received"});
    post(world, adjust, most, 422).await;
    let future = json!({"sku": "123", "delta": 1, "reason": "received",
        "occurred_at": "2027-01-01T00:00:00Z"});
    post(world, adjust, future, 422).await;
    let count = |counted, seen: Value| {
        json!({"sku": "123", "counted": counted,
        "change_from_quantity": seen})
    };
    post(world, "/v1/stock/counts", count(9, json!(10)), 201).await;
    post(world, "/v1/stock/counts", count(9, json!(3)), 409).await;
    let transfer =
        |units| json!({"sku": "TEA-1", "from": "loc_1", "to": "loc_2", "quantity": units});
    post(world, "/v1/stock/transfers", transfer(5), 201).await;
    post(world, "/v1/stock/transfers", transfer(500), 409).await;
    let level = world.get("/v1/stock/TEA-1").await.body["locations"][0].clone();
    let version = format!("\"{}\"", level["version"]);
    let policy = json!({"location_id": "loc_1", "safety_stock": 1, "low_stock_threshold": 45});
    assert_eq!(world.patch("/v1/stock/TEA-1", &version, policy).await.status, 200);
    for path in ["/v1/stock", "/v1/stock?limit=1", "/v1/stock?location=loc_2&below_threshold=true"]
    {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in [
        "TEA-1",
        "TEA-1?as_of=2026-01-01T00:00:00Z",
        "TEA-1/explain",
        "TEA-1?as_of=2026-01-01T00:00:00Z&clock=occurred",
        "TEA-1/explain?as_of=2026-01-01T00:00:00Z&clock=recorded",
        "TEA-1/movements",
    ] {
        assert_eq!(world.get(&format!("/v1/stock/{path}")).await.status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/stock/nope/explain").await.status, 404);
}

async fn reservations(world: &World) {
    let hold =
        |units| json!({"items": [{"sku": "TEA-1", "quantity": units}], "reference": "cart-7"});
    let held = post(world, "/v1/reservations", hold(6), 201).await;
    let id = held["data"][0]["id"].as_str().unwrap().to_owned();
    post(world, "/v1/reservations", hold(600), 409).await;
    let step = |action: &str| format!("/v1/reservations/{id}/{action}");
    post(world, &step("extend"), json!({"expires_in_s": 900}), 200).await;
    post(world, &step("release"), json!({"quantity": 1}), 200).await;
    post(world, &step("release"), json!({"quantity": 99}), 409).await;
    for path in
        ["/v1/reservations?limit=1", "/v1/stock/TEA-1/explain", &format!("/v1/reservations/{id}")]
    {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    post(world, &step("consume"), json!({}), 200).await;
    post(world, &step("consume"), json!({"quantity": 1}), 409).await;
    post(world, "/v1/reservations/res_99/extend", json!({}), 404).await;
    assert_eq!(world.get("/v1/reservations/res_99").await.status, 404);
}

async fn orders(world: &World) {
    let address = json!({"street": "1 MG Road", "city": "Bengaluru", "country": "IN"});
    let one = |sku: &str| json!({"items": [{"sku": sku, "quantity": 1}]});
    let whole = json!({"items": [{"sku": "TEA-1", "quantity": 3}], "customer_id": "cus_5",
        "shipping_address": address, "payment_method": "card", "metadata": {"cart": "7"},
        "payment": {"provider": "manual", "expires_in_s": 60}, "external_reference": "shop-1",
        "expected_total": {"amount": 149_700, "currency": "INR"}});
    let placed = post(world, "/v1/orders", whole.clone(), 201).await;
    let id = placed["id"].as_str().unwrap().to_owned();
    assert_eq!(world.post("/v1/orders", "taken", whole).await.status, 409);
    let mixed = json!({"items": [{"sku": "TEA-1", "quantity": 1}, {"sku": "YEN", "quantity": 1}]});
    post(world, "/v1/orders", mixed, 422).await;
    post(
        world,
        "/v1/orders",
        json!({"items": [{"sku": "123", "quantity": 1}],
        "expected_total": {"amount": 1, "currency": "INR"}}),
        409,
    )
    .await;
    let batch = json!({"orders": [one("123"), one("nope"), one("YEN")]});
    let outcomes = post(world, "/v1/orders/batch", batch, 200).await;
    assert_eq!((&outcomes["placed"], &outcomes["refused"]), (&json!(1), &json!(2)));
    let all = json!({"orders": [one("123"), one("nope")], "error_policy": "reject_all"});
    assert_eq!(post(world, "/v1/orders/batch", all, 404).await["index"], 1);
    let step = |action: &str| format!("/v1/orders/{id}/{action}");
    post(world, &step("confirm"), json!({}), 200).await;
    let again = post(world, &step("deliver"), json!({}), 409).await;
    assert_eq!((&again["status"], &again["order_status"]), (&json!(409), &json!("confirmed")));
    let part = json!({"lines": [{"line": 1, "quantity": 1}],
        "tracking": {"carrier": "Post", "number": "EE1", "url": "https://post.example/EE1"}});
    post(world, &step("fulfilments"), part, 200).await;
    post(world, &step("fulfilments"), json!({"lines": [{"line": 1, "quantity": 9}]}), 409).await;
    post(world, &step("fulfilments"), json!({"lines": [{"line": 7, "quantity": 1}]}), 422).await;
    let path = format!("/v1/orders/{id}");
    let moved = world.patch(&path, "*", json!({"shipping_address": address})).await;
    assert_eq!(moved.status, 200);
    post(world, &step("fulfilments"), json!({}), 200).await;
    assert_eq!(
        post(world, &step("fulfilments"), json!({"lines": null}), 409).await["code"],
        "invalid_transition"
    );
    post(world, &step("deliver"), json!({"x": 1}), 422).await;
    assert_eq!(world.post(&step("deliver"), "d2", json!({})).await.status, 200);
    post(world, &step("returns"), json!({"reason": "return", "restock": true}), 200).await;
    let other = post(world, "/v1/orders", one("smartphone"), 201).await;
    let cancel = format!("/v1/orders/{}/cancel", other["id"].as_str().unwrap());
    post(world, &cancel, json!({"reason": "customer_request"}), 200).await;
    for path in ["/v1/orders", "/v1/orders?limit=1&sku=TEA-1", "/v1/orders?sku=nope"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in [format!("/v1/orders/{id}"), step("timeline"), "/v1/order-states".to_owned()] {
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/orders/ord_99/timeline").await.status, 404);
}

/// As somebody who shows this token.
async fn by(world: &World, token: &str, method: Method, path: &str, body: Value) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", &*bearer), ("content-type", "application/json"), ("if-match", "*")];
    world.send(method, path, &headers, body.to_string()).await
}

async fn accounts(world: &World) {
    let ada = json!({"email": " Ada@Example.com ", "password": "tomatoes & 7 bees"});
    let named = json!({"email": "ada@example.com", "password": "tomatoes & 7 bees", "name": "Ada"});
    post(world, "/v1/auth/register", named.clone(), 202).await;
    // The address is taken now, and nobody is told.
    post(world, "/v1/auth/register", named, 202).await;
    let weak = json!({"email": "bob@example.com", "password": "password1"});
    post(world, "/v1/auth/register", weak, 422).await;
    let wrong = json!({"email": "ada@example.com", "password": "tomatoes & 8 bees"});
    assert_eq!(post(world, "/v1/auth/login", wrong, 401).await["code"], "invalid_credentials");
    let tokens = post(world, "/v1/auth/login", ada, 200).await;
    let (access, first) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    let me = by(world, &access, Method::GET, "/v1/me", Value::Null).await;
    assert_eq!((me.status, &me.body["name"]), (200, &json!("Ada")));
    let key = world.get("/v1/me").await;
    assert_eq!((key.status, &key.body["code"]), (403, &json!("forbidden")), "a key is nobody");
    let renamed = by(world, &access, Method::PATCH, "/v1/me", json!({"name": null})).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &Value::Null));
    let moved = json!({"email": "ada@shop.example"});
    let moved = by(world, &access, Method::PATCH, "/v1/me", moved).await;
    assert_eq!(moved.status, 422, "a new address needs the password");
    let refreshed = post(world, "/v1/auth/refresh", json!({"refresh_token": first}), 200).await;
    let second = text(&refreshed["refresh_token"]);
    let again = post(world, "/v1/auth/refresh", json!({"refresh_token": first}), 200).await;
    assert_eq!(text(&again["refresh_token"]), second, "a lost reply is given again");
    let passwords =
        json!({"current_password": "tomatoes & 7 bees", "password": "9 bees & no tomatoes"});
    let changed = by(world, &access, Method::POST, "/v1/me/password", passwords).await;
    assert_eq!(changed.status, 204);
    let void = by(world, &access, Method::GET, "/v1/me", Value::Null).await;
    assert_eq!((void.status, &void.body["code"]), (401, &json!("unauthenticated")));
    post(world, "/v1/auth/refresh", json!({"refresh_token": second}), 401).await;
    let ada = json!({"email": "ada@example.com", "password": "9 bees & no tomatoes"});
    let tokens = post(world, "/v1/auth/login", ada, 200).await;
    let logout = json!({"refresh_token": tokens["refresh_token"]});
    post(world, "/v1/auth/logout", logout.clone(), 204).await;
    post(world, "/v1/auth/refresh", logout, 401).await;
    users(world).await;
}

async fn users(world: &World) {
    let listed = world.get("/v1/users?role=customer&email=ada&disabled=false").await;
    let id = text(&listed.body["data"][0]["id"]);
    let path = format!("/v1/users/{id}");
    assert_eq!(world.get(&path).await.status, 200);
    assert_eq!(world.get("/v1/users/usr_99").await.status, 404);
    let unlawful = json!({"role": "customer", "scopes": ["stock:write"]});
    assert_eq!(world.patch(&path, "*", unlawful).await.body["code"], "unlawful_scopes");
    let operator = world.patch(&path, "*", json!({"role": "operator"})).await;
    assert_eq!((operator.status, &operator.body["role"]), (200, &json!("operator")));
    let bo = json!({"email": "bo@example.com", "password": "tomatoes & 7 bees", "name": "Bo",
        "role": "operator", "scopes": ["orders:read"]});
    let added = post(world, "/v1/users", bo.clone(), 201).await;
    assert_eq!((&added["role"], &added["scopes"]), (&json!("operator"), &json!(["orders:read"])));
    assert_eq!(post(world, "/v1/users", bo, 409).await["code"], "email_taken");
    let last = world.patch("/v1/users/usr_1", "*", json!({"disabled": true})).await;
    assert_eq!((last.status, &last.body["code"]), (409, &json!("last_admin")));
    assert_eq!(world.delete(&format!("{path}/sessions")).await.status, 200);
    let code = world.app.logins.first_admin_code().unwrap();
    let admin =
        json!({"code": *code, "email": "eve@example.com", "password": "11 eves at the door"});
    post(world, "/v1/auth/first-admin", admin.clone(), 201).await;
    post(world, "/v1/auth/first-admin", admin, 401).await;
    let key = json!({"name": "Till 3", "scopes": ["orders:read"]});
    let created = post(world, "/v1/api-keys", key, 201).await;
    let (key, id) = (text(&created["key"]), text(&created["api_key"]["id"]));
    assert_eq!(by(world, &key, Method::GET, "/v1/orders", Value::Null).await.status, 200);
    let stock = by(world, &key, Method::GET, "/v1/stock", Value::Null).await;
    assert_eq!((stock.status, &stock.body["code"]), (403, &json!("forbidden")));
    for (scopes, expires_at, wanted) in [
        (json!([]), Value::Null, "unlawful_scopes"),
        (json!(["orders:own"]), Value::Null, "unlawful_scopes"),
        (json!(["orders:read"]), json!("2026-01-01T00:00:00Z"), "expires_in_past"),
    ] {
        let key = json!({"name": "x", "scopes": scopes, "expires_at": expires_at});
        assert_eq!(post(world, "/v1/api-keys", key, 422).await["code"], wanted);
    }
    assert_eq!(world.get("/v1/api-keys").await.status, 200);
    assert_eq!(world.delete(&format!("/v1/api-keys/{id}")).await.status, 200);
    assert_eq!(world.delete("/v1/api-keys/key_99").await.status, 404);
    assert_eq!(by(world, &key, Method::GET, "/v1/orders", Value::Null).await.status, 401);
}

/// Money on every way that it may go: taken, let go, given back; and what gateways are asked.
async fn payments(till: &Till) {
    let world = &till.world;
    let payment = till.sell("manual").await;
    let id = text(&payment["id"]);
    let step = |action: &str| format!("/v1/payments/{id}/{action}");
    post(world, &step("capture"), json!({}), 409).await;
    let returned = till.pay(&payment, "authorized").await;
    till.until_status(&payment, "authorized").await;
    let returned = json!({"provider_payment_id": returned["razorpay_payment_id"],
        "signature": returned["razorpay_signature"]});
    post(world, &step("checkout-return"), returned, 202).await;
    let forged = json!({"provider_payment_id": "pay_x", "signature": signed_by_key("x|pay_x")});
    let forged = post(world, &step("checkout-return"), forged, 400).await;
    assert_eq!(forged["code"], "checkout_signature_wrong");
    post(world, &step("check"), json!({}), 202).await;
    post(world, &step("capture"), json!({}), 200).await;
    till.until_status(&payment, "captured").await;
    post(world, &step("void"), json!({}), 409).await;
    let some = |amount: i64| json!({"amount": {"amount": amount, "currency": "INR"}});
    post(world, &step("refunds"), some(100), 201).await;
    post(world, &step("refunds"), some(100_000_000), 409).await;
    let let_go = till.sell("manual").await;
    till.pay(&let_go, "authorized").await;
    till.until_status(&let_go, "authorized").await;
    let void = format!("/v1/payments/{}/void", text(&let_go["id"]));
    post(world, &void, json!({"reason": "custom:fraud"}), 200).await;
    till.until_status(&let_go, "cancelled").await;
    let order = json!({"items": [{"sku": "laptop", "quantity": 1}],
        "payment": {"provider": "manual"}});
    let order = post(world, "/v1/orders", order, 201).await;
    let start = format!("/v1/orders/{}/payments", text(&order["id"]));
    let started = post(world, &start, json!({"provider": "razorpay"}), 201).await;
    till.until_status(&started, "awaiting_payment").await;
    assert_eq!(post(world, &start, json!({}), 409).await["payment_status"], "awaiting_payment");
    post(world, &start, json!({"provider": "stripe"}), 422).await;
    assert_eq!(till.notify("evt_1", r#"{"event": "something.new"}"#).await.status, 200);
    for path in ["/v1/payments", "/v1/payments?status=captured&limit=1", "/v1/reconciliation"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/payments?status=lost").await.status, 422);
    assert_eq!(world.get("/v1/payments/pay_999").await.status, 404);
    dead_letters(till).await;
}

/// Two orders for which the gateway made nothing, and what an operator does about them.
async fn dead_letters(till: &Till) {
    till.fault("error", 1.0).await;
    let order = json!({"items": [{"sku": "laptop", "quantity": 1}],
        "payment": {"provider": "razorpay"}});
    for _ in 0..2 {
        post(&till.world, "/v1/orders", order.clone(), 201).await;
    }
    let tried = |page: &Value| {
        let rows = page["data"].as_array().unwrap();
        rows.iter().filter(|row| row["tries"] == 1 && row["is_leased"] == false).count() == 2
    };
    till.until("/v1/effects?state=waiting&limit=2", tried).await;
    till.world.clock.advance_secs(1);
    let dead = |page: &Value| page["data"].as_array().unwrap().len() == 2;
    let dead = till.until("/v1/effects?state=dead", dead).await;
    let id = |row: usize| text(&dead["data"][row]["id"]);
    till.fault("error", 0.0).await;
    post(&till.world, &format!("/v1/effects/{}/requeue", id(0)), json!({}), 200).await;
    post(&till.world, &format!("/v1/effects/{}/skip", id(1)), json!({}), 200).await;
    let payment = |row: usize| json!({"id": id(row).replace("eff_", "pay_")});
    till.until_status(&payment(0), "awaiting_payment").await;
    till.until_status(&payment(1), "cancelled").await;
    let again = format!("/v1/effects/{}/requeue", id(0));
    assert_eq!(post(&till.world, &again, json!({}), 409).await["state"], "waiting");
    post(&till.world, "/v1/effects/eff_999/skip", json!({}), 404).await;
}

/// Endpoints, on a port of this machine on which nobody listens.
async fn webhooks(world: &World) {
    let all = "/v1/webhook-endpoints";
    let new = json!({"url": "http://127.0.0.1:9/hooks", "event_types": ["order.*", "stock.low"],
        "description": "nobody"});
    let made = post(world, all, new, 201).await;
    assert!(text(&made["secret"]).starts_with("whsec_"), "{made}");
    let one = format!("{all}/{}", text(&made["id"]));
    let step = |step: &str| format!("{one}/{step}");
    let rotated = post(world, &step("rotate-secret"), json!({"keep_s": 60}), 200).await;
    assert_eq!((&rotated["secrets"], rotated["secret"] == made["secret"]), (&json!(2), false));
    post(world, &step("rotate-secret"), json!({"keep_s": -1}), 422).await;
    let tried = post(world, &step("test"), json!({}), 200).await;
    assert_eq!((&tried["status"], tried["reason"].is_string()), (&Value::Null, true));
    post(world, &step("replay"), json!({"from_seq": 1, "to_seq": 2}), 202).await;
    post(world, &step("replay"), json!({"from_seq": 1, "to_seq": 2}), 409).await;
    for path in [all, &one, &step("deliveries"), &step("deliveries?status=dead&limit=1")] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("whsec_"), "{path}");
    }
    assert_eq!(world.get(&step("deliveries?status=lost")).await.status, 422);
    assert_eq!(world.get(&format!("{all}/whe_99")).await.status, 404);
    let patched = world.patch(&one, "\"2\"", json!({"status": "disabled"})).await;
    assert_eq!(
        (patched.status, &patched.body["disabled_reason"]),
        (200, &json!("disabled by an operator"))
    );
    assert_eq!(world.patch(&one, "\"2\"", json!({"status": "enabled"})).await.status, 412);
    assert_eq!(world.delete(&one).await.status, 200);
    assert_eq!(world.delete(&one).await.status, 404);
}

/// Two messages of a broker that nobody could make anything of; who reads the log; what is
/// scheduled.
async fn background(world: &World) {
    let queue = Queue::Processing;
    let about = Reference::new("gibberish").unwrap();
    let reason = Text::new("it is no message").unwrap();
    let bury = jobs::Command::Bury { queue, about, reason };
    let name = ScheduleName::Retention;
    let next_at = world.clock.now();
    let begin = schedules::Command::Begin { name, secs: 1, next_at, is_forced: false };
    let name = ScheduleName::Verify;
    let begin_to_prove = schedules::Command::Begin { name, secs: 60, next_at, is_forced: false };
    let broken = schedules::Broken {
        check: Name::new("I6").unwrap(),
        promise: Text::new("each level is what its newest movement left").unwrap(),
        violations: 1,
        offenders: vec![Text::new("level prd_1 at loc_1").unwrap()],
    };
    let progress = schedules::Progress { steps: 9, broken: vec![broken], ..Default::default() };
    let progress = Box::new(progress);
    let prove = schedules::Command::Prove { run: 1, secs: 60, progress, outcome: None };
    let commands = [
        Command::Schedules(begin_to_prove),
        Command::Schedules(prove),
        Command::Jobs(jobs::Command::Begin { queue }),
        Command::Jobs(bury.clone()),
        Command::Jobs(bury),
        Command::Schedules(begin),
    ];
    for command in commands {
        let answer = world.app.submit.submit(command, Actor::System, None).await.unwrap();
        answer.outcome.unwrap();
    }
    let dead = world.get("/v1/jobs?status=dead&queue=processing").await;
    let ids: Vec<String> =
        dead.body["data"].as_array().unwrap().iter().map(|job| text(&job["id"])).collect();
    let [second, first] = &ids[..] else { panic!("{}", dead.body) };
    post(world, &format!("/v1/jobs/{first}/requeue"), json!({}), 200).await;
    let again = post(world, &format!("/v1/jobs/{first}/requeue"), json!({}), 409).await;
    assert_eq!((&again["code"], &again["state"]), (&json!("job_not_dead"), &json!("waiting")));
    post(world, &format!("/v1/jobs/{second}/skip"), json!({}), 200).await;
    post(world, "/v1/jobs/job_999/skip", json!({}), 404).await;
    let one = format!("/v1/jobs/{first}");
    for path in ["/v1/jobs", "/v1/jobs?limit=1", &one, "/v1/consumers", "/v1/schedules"] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let told = world.get("/v1/operations/verify").await;
    assert_eq!((told.status, &told.body["is_clean"]), (200, &json!(false)), "{}", told.body);
    let failed = world.get("/v1/events?types=verify.failed").await;
    assert_eq!(failed.body["data"][0]["data"]["checks"], json!(["I6"]), "{}", failed.body);
    for path in ["/v1/jobs?status=lost", "/v1/jobs?queue=post", "/v1/jobs?starting_after=ord_1"] {
        assert_eq!(world.get(path).await.status, 422, "{path}");
    }
    assert_eq!(world.get("/v1/jobs/job_999").await.status, 404);
    post(world, "/v1/schedules/retention/run", json!({}), 202).await;
    post(world, "/v1/schedules/nothing/run", json!({}), 404).await;
}

/// A file that goes in, once more, and out in every form.
async fn bulk(world: &World) {
    let file = "sku,on_hand\nTEA-1,50\nnothing,1\n";
    let begun = send(world, "/v1/imports?kind=stock", "tour-file", file).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let one = format!("/v1/imports/{}", text(&begun.body["id"]));
    assert_eq!(send(world, &one, "tour-file-again", file).await.status, 200);
    for path in ["/v1/imports", "/v1/imports?limit=1", &one] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    assert_eq!(world.get("/v1/imports/imp_99999").await.status, 404);
    for what in ["products", "stock", "orders", "movements"] {
        for form in ["csv", "ndjson"] {
            let path = format!("/v1/exports/{what}.{form}");
            assert_eq!(world.get(&path).await.status, 200, "{path}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_answers_as_it_is_described() {
    let till = Till::with(Policy { tries_max: 2, ..Policy::default() }, true).await;
    let world = &till.world;
    catalogue(world).await;
    stock(world).await;
    reservations(world).await;
    orders(world).await;
    accounts(world).await;
    payments(&till).await;
    webhooks(world).await;
    background(world).await;
    bulk(world).await;
    shelves::tour(world).await;
    for path in
        ["/livez", "/readyz", "/health", "/metrics", "/v1/events", "/v1/events?types=stock.low"]
    {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    let kinds = world.get("/v1/events?limit=200").await.body;
    let kinds: std::collections::BTreeSet<_> =
        kinds["data"].as_array().unwrap().iter().map(|event| event["type"].to_string()).collect();
    assert!(kinds.len() >= 20, "{kinds:?}");
    assert_eq!(world.send(Method::GET, "/v1/events?after=-1", &[], "").await.status, 422);
    let answered = world.answered.lock().unwrap();
    for operation in contract().operations() {
        let succeeded =
            answered.iter().any(|(name, status)| *name == operation.name && *status < 300);
        assert!(succeeded, "{} was not answered with success", operation.name);
    }
}

#[tokio::test]
async fn a_body_may_be_absent_where_the_description_says_so() {
    let world = World::new().await;
    let admin = json!({"email": "admin@example.com", "password": "admin123"});
    let tokens = post(&world, "/v1/auth/login", admin, 200).await;
    let bearer = format!("Bearer {}", text(&tokens["access_token"]));
    let mut optional = 0;
    for operation in contract().operations() {
        let Some(body) = operation.body.get("requestBody") else { continue };
        // Nobody looks at the form of what is not signed.
        if operation.path == "/v1/payments/webhooks/{id}" {
            continue;
        }
        let path = operation.path.replace("{id}", "ord_99").replace("{sku}", "123");
        let method = operation.method.to_uppercase().parse().unwrap();
        let key = [
            ("idempotency-key", operation.path),
            ("if-match", "*"),
            ("authorization", bearer.as_str()),
        ];
        let reply = world.send(method, &path.replace("{product}", "123"), &key, "").await;
        let is_optional = body["required"] == false;
        assert_eq!(reply.status != 415, is_optional, "{}: {}", operation.name, reply.body);
        optional += u32::from(is_optional);
    }
    assert_eq!(optional, 14);
}

#[tokio::test]
async fn the_link_to_the_next_page_keeps_the_filters() {
    let world = World::new().await;
    let mut path = "/v1/products?limit=2&category=cat_1".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = world.get(&path).await;
        let rows = page.body["data"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["sku"].as_str().unwrap().to_owned()));
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap().strip_prefix('<').unwrap();
        path = link.split('>').next().unwrap().to_owned();
    }
    assert_eq!(seen, ["tablet", "smartwatch", "headphones", "laptop", "smartphone"]);
    let ledger = world.get("/v1/stock/123/movements?limit=1").await;
    assert!(ledger.headers.get("link").is_none(), "it has one entry");
}
