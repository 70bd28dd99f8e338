//! `processing`: accounts and tokens, row by row.

use onhand_core::accounts::{self, Standing};
use onhand_core::ids::UserId;
use onhand_core::{Actor, Command};
use onhand_server::auth::tokens::access::Bearer;
use serde_json::{Value, json};

use crate::people::{Person, hidden};
use crate::world::World;

pub(crate) fn error(message: &str) -> Value {
    json!({"success": false, "error": {"message": message}})
}

/// What is said of one field that is wrong.
pub(crate) fn invalid(body: &Value) -> Vec<&str> {
    assert_eq!(body["success"], false);
    assert_eq!(body["error"]["message"], "Validation Error", "{body}");
    let errors = body["error"]["errors"].as_array().unwrap();
    errors.iter().map(|error| error["field"].as_str().unwrap()).collect()
}

fn entered(id: &str, email: &str, name: &str, role: &str) -> Value {
    json!({"success": true, "data": {
        "user": {"id": id, "email": email, "name": name, "role": role},
        "tokens": {"accessToken": "..", "refreshToken": ".."},
        "accessToken": "..", "refreshToken": ".."
    }})
}

const REGISTER: &str = "POST /api/auth/register";
const LOGIN: &str = "POST /api/auth/login";
const REFRESH: &str = "POST /api/auth/refresh";
const LOGOUT: &str = "POST /api/auth/logout";

#[tokio::test]
async fn an_account_is_made_once() {
    for (is_literal, taken) in [(false, 409), (true, 400)] {
        let world = World::literal(is_literal).await;
        let body = json!({"email": " Ada@Example.com ", "password": "tomatoes & 7 bees",
            "name": "Ada", "role": "admin", "isAdmin": true});
        let reply = world.ask(REGISTER, &body.to_string()).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        assert_eq!(hidden(reply.body), entered("3", "ada@example.com", "Ada", "user"));
        for again in ["ada@example.com", "ADA@example.com", "user@example.com"] {
            let body = json!({"email": again, "password": "tomatoes & 7 bees", "name": "B"});
            let reply = world.ask(REGISTER, &body.to_string()).await;
            assert_eq!((reply.status, reply.body), (taken, error("User already exists")));
        }
        world.verify().await;
    }
}

#[tokio::test]
async fn a_registration_says_all_that_it_must() {
    let world = World::new().await;
    let good = json!({"email": "ada@example.com", "password": "tomatoes & 7 bees", "name": "Ada"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let long = "x".repeat(10_000);
    for (field, values) in [
        (
            "email",
            vec![
                json!(null),
                json!(""),
                json!("ada"),
                json!(7),
                json!(["a@b.c"]),
                json!({}),
                json!(true),
                json!(format!("{long}@example.com")),
                json!("a@b\n.com"),
            ],
        ),
        (
            "password",
            vec![
                json!(null),
                json!(""),
                json!("short"),
                json!(12_345_678),
                json!([]),
                json!("password"),
                json!(true),
            ],
        ),
        ("name", vec![json!(null), json!(""), json!(5), json!({}), json!([]), json!(long)]),
    ] {
        for value in values {
            let body = with(field, value);
            let reply = world.ask(REGISTER, &body.to_string()).await;
            assert_eq!(reply.status, 400, "{body} {}", reply.text);
            assert_eq!(invalid(&reply.body), [format!("/{field}")], "{body}");
        }
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let reply = world.ask(REGISTER, &body.to_string()).await;
        assert_eq!(reply.status, 400, "without {field}: {}", reply.text);
        assert_eq!(invalid(&reply.body).len(), 1);
    }
    for body in ["", "{", "[]", "null", "\"x\"", "{}{}"] {
        let reply = world.ask(REGISTER, body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
        assert_eq!(reply.body["error"]["message"], "Validation Error");
    }
    assert_eq!(world.v1("GET /v1/users", "").await.body["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_has_an_account_gets_in_and_nobody_else() {
    let world = World::new().await;
    for (email, password, id, role) in [
        ("admin@example.com", "admin123", "1", "admin"),
        (" User@Example.com ", "user123", "2", "user"),
    ] {
        let body = json!({"email": email, "password": password, "remember": true}).to_string();
        let reply = world.ask(LOGIN, &body).await;
        let email = email.trim().to_lowercase();
        assert_eq!(reply.status, 200);
        assert_eq!(hidden(reply.body), entered(id, &email, "", role));
    }
    for (email, password) in [
        ("user@example.com", "user124"),
        ("user@example.com", "admin123"),
        ("nobody@example.com", "user123"),
    ] {
        let body = json!({"email": email, "password": password}).to_string();
        let reply = world.ask(LOGIN, &body).await;
        assert_eq!((reply.status, reply.body), (401, error("Invalid credentials")), "{email}");
    }
    for body in [
        json!({}),
        json!({"email": "user@example.com"}),
        json!({"password": "user123"}),
        json!({"email": 7, "password": "user123"}),
        json!({"email": "user@example.com",
            "password": {"$ne": null}}),
    ] {
        let reply = world.ask(LOGIN, &body.to_string()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(invalid(&reply.body).len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_for_one_refresh() {
    let world = World::new().await;
    let login = json!({"email": "user@example.com", "password": "user123"}).to_string();
    let entered = world.ask(LOGIN, &login).await.body;
    let first = entered["data"]["refreshToken"].as_str().unwrap().to_owned();
    let refresh = |token: &str| json!({"refreshToken": token}).to_string();
    let next = world.ask(REFRESH, &refresh(&first)).await;
    assert_eq!(next.status, 200);
    let second = next.body["data"]["tokens"]["refreshToken"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(
        hidden(next.body),
        json!({"success": true, "data": {
            "tokens": {"accessToken": "..", "refreshToken": ".."},
            "accessToken": "..", "refreshToken": ".."
        }})
    );
    // They are the tokens of `/v1`.
    let body = json!({"refresh_token": second}).to_string();
    let third = world.ask("POST /v1/auth/refresh", &body).await;
    assert_eq!(third.status, 200, "{}", third.text);
    let access = third.body["access_token"].as_str().unwrap();
    assert_eq!(Person::with(&world, access).get("/api/orders").await.status, 200);
    assert_eq!(Person::user(&world).await.get("/v1/me").await.body["id"], "usr_2");
    // Whoever shows an old one has copied it: the session ends.
    let third = third.body["refresh_token"].as_str().unwrap().to_owned();
    for token in [&first, &third, "", "onr_1_x", access] {
        let reply = world.ask(REFRESH, &refresh(token)).await;
        assert_eq!((reply.status, reply.body), (401, error("Invalid refresh token")), "{token}");
    }
    for body in [json!({}), json!({"refreshToken": null}), json!({"refreshToken": 7})] {
        let reply = world.ask(REFRESH, &body.to_string()).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(invalid(&reply.body).len(), 1);
    }
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let world = World::new().await;
    let login = json!({"email": "user@example.com", "password": "user123"}).to_string();
    let entered = world.ask(LOGIN, &login).await.body;
    let (access, refresh) = (&entered["data"]["accessToken"], &entered["data"]["refreshToken"]);
    let person = Person::with(&world, access.as_str().unwrap());
    for _ in 0..2 {
        let reply = person.ask(LOGOUT, &Value::Null).await;
        let wanted = json!({"success": true, "message": "Logged out successfully"});
        assert_eq!((reply.status, reply.body), (200, wanted));
    }
    let body = json!({"refreshToken": refresh}).to_string();
    let reply = world.ask(REFRESH, &body).await;
    assert_eq!((reply.status, reply.body), (401, error("Invalid refresh token")));
    // Somebody else's session goes on.
    assert_eq!(Person::user(&world).await.get("/api/orders").await.status, 200);
    let reply = Person::with(&world, &world.key).ask(LOGOUT, &Value::Null).await;
    assert_eq!(reply.status, 403, "a key has no session");
}

#[tokio::test]
async fn who_shows_no_good_token_is_told_why() {
    let world = World::new().await;
    let person = Person::user(&world).await;
    let lines = [LOGOUT, "POST /api/orders", "GET /api/orders", "GET /api/orders/1"];
    for line in lines {
        let reply = world.ask(line, "{}").await;
        assert_eq!((reply.status, reply.body), (401, error("No token provided")), "{line}");
        for token in ["x", "a.b.c", "onk_123_456", &format!("{}x", person.token)] {
            let reply = Person::with(&world, token).ask(line, &json!({})).await;
            assert_eq!((reply.status, reply.body), (401, error("Invalid token")), "{line} {token}");
        }
    }
    world.clock.advance_secs(3_600);
    for line in lines {
        let reply = person.ask(line, &json!({})).await;
        assert_eq!((reply.status, reply.body), (401, error("Token expired")), "{line}");
    }
}

/// A good token of somebody who may not come in any more, or who was never here, is told apart from
/// one that is not good; by this contract, and by no other.
#[tokio::test]
async fn who_is_no_user_any_more_is_told_so() {
    let world = World::new().await;
    let person = Person::user(&world).await;
    assert_eq!(person.get("/api/orders").await.status, 200);
    let bearer = Bearer { user: 99, session: 1, tokens_from: 1 };
    let stranger = world.app.identities.tokens().issue(bearer, world.app.clock.now());
    let standing = Standing { disabled: Some(true), ..Standing::default() };
    let id = UserId::new(2).unwrap();
    let shut = accounts::Command::SetUser { id, expected_version: None, standing };
    let shut = world.app.submit.submit(Command::Accounts(shut), Actor::Local, None).await;
    assert!(shut.unwrap().outcome.is_ok());
    for token in [&person.token, &stranger] {
        let person = Person::with(&world, token);
        for line in [LOGOUT, "POST /api/orders", "GET /api/orders", "GET /api/orders/1"] {
            let reply = person.ask(line, &json!({})).await;
            assert_eq!((reply.status, reply.body), (401, error("User not found")), "{line}");
        }
        let reply = person.get("/orders").await;
        assert_eq!((reply.status, &reply.body["message"]), (401, &json!("Invalid token")));
        let reply = person.get("/v1/orders").await;
        assert_eq!((reply.status, &reply.body["code"]), (401, &json!("unauthenticated")));
        let forged = Person::with(&world, &format!("{token}x"));
        let reply = forged.get("/api/orders").await;
        assert_eq!((reply.status, reply.body), (401, error("Invalid token")));
    }
    // Of a token that has run out it is not told whose it was.
    world.clock.advance_secs(3_600);
    let reply = person.get("/api/orders").await;
    assert_eq!((reply.status, reply.body), (401, error("Token expired")));
    let login = json!({"email": "user@example.com", "password": "user123"}).to_string();
    let reply = world.ask(LOGIN, &login).await;
    assert_eq!((reply.status, reply.body), (401, error("Invalid credentials")));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_contracts_words() {
    let world = World::new().await;
    for (line, status) in [
        ("GET /api/orders/1/items", 404),
        ("GET /api/auth", 404),
        ("DELETE /api/orders", 404),
        ("GET /api/auth/login", 404),
    ] {
        let reply = world.ask(line, "").await;
        assert_eq!((reply.status, reply.body), (status, error(&format!("Cannot {line}"))));
    }
}
