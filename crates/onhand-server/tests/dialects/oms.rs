//! `oms`: users and what strangers are told, row by row.

use serde_json::{Value, json};

use crate::people::{Person, hidden};
use crate::world::{World, ask};

pub(crate) fn error(status: u16, message: &str, details: Value) -> Value {
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        422 => "VALIDATION_ERROR",
        _ => "INTERNAL_ERROR",
    };
    json!({"statusCode": status, "success": false, "message": message,
        "error": {"code": code, "details": details}})
}

pub(crate) fn success(status: u16, message: &str, data: Value) -> Value {
    json!({"statusCode": status, "success": true, "message": message, "data": data})
}

/// The fields that are wrong.
pub(crate) fn invalid(body: &Value) -> Vec<&str> {
    assert_eq!(body["error"]["code"], "VALIDATION_ERROR", "{body}");
    let details = body["error"]["details"].as_array().unwrap();
    details.iter().map(|one| one["field"].as_str().unwrap()).collect()
}

const CREATE: &str = "POST /users/create";
const LOGIN: &str = "POST /users/login";

#[tokio::test]
async fn a_user_is_made_once() {
    for (is_literal, taken) in [(false, 409), (true, 400)] {
        let world = World::literal(is_literal).await;
        let body = json!({"name": "Ada", "email": " Ada@Example.com", "role": "admin",
            "password": "tomatoes & 7 bees"});
        let reply = world.ask(CREATE, &body.to_string()).await;
        let message = "User registered successfully";
        let user = json!({"id": "3", "name": "Ada", "email": "ada@example.com"});
        let data = json!({"success": true, "message": message, "user": user});
        assert_eq!((reply.status, reply.body), (201, success(201, message, data)));
        let reply = world.ask(CREATE, &body.to_string()).await;
        let wanted = error(taken, "User already exists with this email", Value::Null);
        assert_eq!((reply.status, reply.body), (taken, wanted));
        // Whatever was sent of a role is not read.
        let me = Person::log_in(&world, "ada@example.com", "tomatoes & 7 bees").await;
        assert_eq!(me.get("/v1/me").await.body["role"], "customer");
        assert_eq!(me.get("/users/all").await.status, 403);
    }
}

#[tokio::test]
async fn a_registration_says_all_that_it_must() {
    let world = World::new().await;
    let good = json!({"name": "Ada", "email": "a@example.com", "password": "tomatoes & 7 bees"});
    for field in ["name", "email", "password"] {
        for value in [None, Some(Value::Null), Some(json!(""))] {
            let mut body = good.clone();
            match value {
                None => drop(body.as_object_mut().unwrap().remove(field)),
                Some(value) => body[field] = value,
            }
            let reply = world.ask(CREATE, &body.to_string()).await;
            let wanted = error(400, "Missing required fields", Value::Null);
            assert_eq!((reply.status, reply.body), (400, wanted), "{body}");
        }
        for value in [json!(7), json!(true), json!([]), json!({})] {
            let mut body = good.clone();
            body[field] = value;
            let reply = world.ask(CREATE, &body.to_string()).await;
            assert_eq!(reply.status, 422, "{body}: {}", reply.text);
            assert_eq!(invalid(&reply.body), [format!("/{field}")]);
        }
    }
    for (field, value) in
        [("email", "ada"), ("password", "short"), ("password", "password"), ("name", "a\nb")]
    {
        let mut body = good.clone();
        body[field] = value.into();
        let reply = world.ask(CREATE, &body.to_string()).await;
        assert_eq!((reply.status, invalid(&reply.body)), (422, vec![&*format!("/{field}")]));
    }
    assert_eq!(world.ask(CREATE, "").await.status, 400);
    for body in ["{", "[]", "7"] {
        let reply = world.ask(CREATE, body).await;
        assert!([400, 422].contains(&reply.status), "{body}: {}", reply.text);
        assert_eq!(reply.body["success"], false);
    }
    assert_eq!(world.v1("GET /v1/users", "").await.body["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_has_an_account_gets_in_and_nobody_else() {
    let world = World::new().await;
    let body = json!({"email": "User@example.com", "password": "user123"}).to_string();
    let reply = world.ask(LOGIN, &body).await;
    let message = "Login successful";
    assert_eq!(reply.status, 200);
    let token = reply.body["data"]["token"].as_str().unwrap().to_owned();
    let user = json!({"id": "2", "name": "", "email": "user@example.com", "token": ".."});
    let data = json!({"success": true, "message": message, "token": "..", "refresh_token": "..",
        "expires_in": 900, "user": user});
    assert_eq!(hidden(reply.body), success(200, message, data));
    // It is the token of `/v1`.
    assert_eq!(Person::with(&world, &token).get("/v1/me").await.body["id"], "usr_2");
    for (email, password) in
        [("user@example.com", "x"), ("nobody@example.com", "user123"), ("no address", "user123")]
    {
        let body = json!({"email": email, "password": password}).to_string();
        let reply = world.ask(LOGIN, &body).await;
        let wanted = error(401, "Invalid email or password", Value::Null);
        assert_eq!((reply.status, reply.body), (401, wanted), "{email}");
    }
    for body in [
        "",
        "{}",
        r#"{"email": "user@example.com"}"#,
        r#"{"password": "user123"}"#,
        r#"{"email": "", "password": "user123"}"#,
        r#"{"email": null, "password": null}"#,
    ] {
        let reply = world.ask(LOGIN, body).await;
        let wanted = error(400, "Missing credentials", Value::Null);
        assert_eq!((reply.status, reply.body), (400, wanted), "{body}");
    }
    for (field, value) in [
        ("email", json!(7)),
        ("email", json!(["user@example.com"])),
        ("email", json!({"$ne": null})),
        ("password", json!(7)),
        ("password", json!({"$ne": null})),
        ("password", json!(true)),
    ] {
        let mut body = json!({"email": "user@example.com", "password": "user123"});
        body[field] = value;
        let reply = world.ask(LOGIN, &body.to_string()).await;
        assert_eq!((reply.status, invalid(&reply.body)), (422, vec![&*format!("/{field}")]));
    }
    let long = json!({"email": "user@example.com", "password": "x".repeat(10_000)}).to_string();
    assert_eq!(world.ask(LOGIN, &long).await.status, 401);
}

#[tokio::test]
async fn users_are_listed_for_operators() {
    let world = World::new().await;
    let at = "2026-01-01T00:00:00.000Z";
    let admin = Person::admin(&world).await;
    let reply = admin.get("/users/all").await;
    let wanted = success(
        200,
        "Users",
        json!([
            {"id": "2", "name": "", "email": "user@example.com", "created_at": at},
            {"id": "1", "name": "", "email": "admin@example.com", "created_at": at},
        ]),
    );
    assert_eq!((reply.status, &reply.body), (200, &wanted));
    let reply = Person::user(&world).await.get("/users/all").await;
    assert_eq!((reply.status, &reply.body["error"]["code"]), (403, &json!("FORBIDDEN")));
    let reply = admin
        .ask_with("PATCH /v1/users/usr_2", &[("if-match", "\"1\"")], &json!({"role": "operator"}))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = Person::user(&world).await.get("/users/all").await;
    assert_eq!((reply.status, reply.body), (200, wanted));
}

#[tokio::test]
async fn who_shows_no_good_token_is_told_why() {
    let world = World::new().await;
    let person = Person::user(&world).await;
    let lines = [
        "GET /users/all",
        "POST /orders",
        "POST /orders/with-items",
        "GET /orders",
        "GET /orders/get-items",
        "GET /orders/1",
        "POST /payments",
        "POST /payments/verify",
        "GET /payments/order/1",
        "GET /payments/razorpay/pay_x",
        "GET /payments/user/2",
        "GET /payments/refunds/1",
        "POST /api/payments",
        "GET /api/payments/order/1",
    ];
    let said = |message: &str| (401, error(401, message, Value::Null));
    for line in lines {
        let reply = world.ask(line, "{}").await;
        assert_eq!((reply.status, reply.body), said("No token provided"), "{line}");
        for header in ["Basic dXNlcjp4", "x", "Bearer"] {
            let reply = ask(&world.main, line, &[("authorization", header)], "{}").await;
            assert_eq!((reply.status, reply.body), said("Invalid token format"), "{line} {header}");
        }
        let reply = Person::with(&world, "a.b.c").ask(line, &json!({})).await;
        assert_eq!((reply.status, reply.body), said("Invalid token"), "{line}");
    }
    world.clock.advance_secs(3_600);
    let reply = person.get("/orders").await;
    assert_eq!((reply.status, reply.body), said("Token expired"));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_contracts_words() {
    let world = World::new().await;
    for line in [
        "GET /users",
        "GET /users/1",
        "DELETE /orders",
        "PUT /orders/1",
        "GET /payments",
        "GET /orders/1/items",
        "GET /api/payments",
    ] {
        let reply = world.ask(line, "").await;
        let wanted = error(404, &format!("Cannot {line}"), Value::Null);
        assert_eq!((reply.status, reply.body), (404, wanted));
    }
}
