//! Users, keys and one's own account.

use serde_json::json;

use super::office::{Clerk, HOSTILE, Seen};
use crate::world::World;

const LIST: &str = "/admin/users";
const ME: &str = "/admin/me";
const PASSWORD: &str = "tomatoes & 7 bees";

async fn add(clerk: &Clerk<'_>, email: &str, role: &str, scopes: &str) -> Seen {
    let fields = [
        ("email", email),
        ("name", HOSTILE),
        ("password", PASSWORD),
        ("role", role),
        ("scopes", scopes),
    ];
    clerk.send(LIST, "add-user", &fields).await
}

#[tokio::test]
async fn a_user_is_added_comes_in_and_is_shown_out() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let made = add(&clerk, "bo@work.example", "operator", "orders:read").await;
    made.is(303);
    let path = made.location().split('?').next().unwrap().to_owned();
    clerk.get(&path).await.is(200).has(&["bo@work.example", "operator", "orders:read"]);
    let bo = Clerk::of(&world, "bo@work.example", PASSWORD).await;
    bo.get("/admin/orders").await.is(200);
    bo.get(LIST).await.is(403).has(&["`admin`"]);
    clerk.get(&path).await.has(&["Open sessions"]);
    let sent = [("role", "operator"), ("scopes", "stock:read")];
    clerk.did(&path, "standing", &sent).await.has(&["What this user may do is changed."]);
    clerk.did(&path, "sessions", &[]).await.has(&["Nobody is logged in."]);
    bo.get("/admin/orders").await.is(303);
    clerk.did(&path, "disable", &[]).await.has(&["disabled", "Let them in again"]);
    clerk.did(&path, "enable", &[]).await.has(&["may come in"]);
    world.verify().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_said_at_its_field() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    for (email, role, scopes, status, wanted) in [
        ("nonsense", "operator", "", 422, "add-user-email-error"),
        ("x@work.example", "operator", "orders:fly", 422, "add-user-scopes-error"),
        ("x@work.example", "customer", "stock:write", 422, "unlawful_scopes"),
        ("admin@example.com", "customer", "", 409, "email_taken"),
    ] {
        let refused = add(&clerk, email, role, scopes).await;
        refused.is(status).has(&[wanted]).lacks(&[PASSWORD]);
    }
    let weak = [("email", "x@work.example"), ("password", "12345678"), ("role", "operator")];
    clerk.send(LIST, "add-user", &weak).await.is(422).has(&["add-user-password-error"]);
    let listed = world.get("/v1/users").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2, "nobody was added");
    let last = clerk.send("/admin/users/usr_1", "disable", &[]).await;
    last.is(409).has(&["last_admin"]);
    clerk.get("/admin/users?role=king").await.is(422);
    clerk.get("/admin/users/usr_99").await.is(404);
}

#[tokio::test]
async fn users_are_found_by_what_is_known_of_them() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    add(&clerk, "bo@work.example", "operator", "").await.is(303);
    for (query, seen, unseen) in [
        ("", "bo@work.example", "no user"),
        ("role=customer", "user@example.com", "bo@work"),
        ("email=BO@", "bo@work.example", "user@example.com"),
        ("disabled=no&role=admin", "admin@example.com", "bo@work"),
        ("disabled=yes", "No user is like that.", "bo@work"),
    ] {
        clerk.get(&format!("{LIST}?{query}")).await.is(200).has(&[seen]).lacks(&[unseen]);
    }
}

#[tokio::test]
async fn a_stale_form_about_a_user_changes_nothing() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    add(&clerk, "bo@work.example", "operator", "orders:read").await.is(303);
    let page = "/admin/users/usr_3";
    let shown = clerk.get(page).await;
    let changed = world.patch("/v1/users/usr_3", "*", json!({"scopes": ["stock:read"]})).await;
    assert_eq!(changed.status, 200);
    let sent = [("role", "operator"), ("scopes", "orders:read orders:write")];
    let stale = clerk.send_from(&shown, page, "standing", &sent).await;
    stale.is(412).has(&["Somebody else has changed this", "orders:read orders:write</textarea>"]);
    let now = world.get("/v1/users/usr_3").await;
    assert_eq!(now.body["scopes"], json!(["stock:read"]));
}

#[tokio::test]
async fn a_key_is_shown_once_and_taken_back() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let fields = [("name", HOSTILE), ("scopes", "orders:read"), ("expires_at", "2026-02-01T00:00")];
    let made = clerk.send("/admin/keys", "create", &fields).await;
    let key = made.is(200).text_of("secret").to_owned();
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let asked = world.send(axum::http::Method::GET, "/v1/orders", &headers, "").await;
    assert_eq!(asked.status, 200);
    let listed = clerk.get("/admin/keys").await;
    listed.has(&["key_2", "badge good"]).lacks(&[&key]);
    let back = clerk.did("/admin/keys", "revoke", &[("id", "key_2")]).await;
    back.has(&["The key is taken back.", "taken back"]);
    let asked = world.send(axum::http::Method::GET, "/v1/orders", &headers, "").await;
    assert_eq!(asked.status, 401);
    let bad = [("name", "x"), ("scopes", "orders:fly"), ("expires_at", "2025-01-01T00:00")];
    clerk.send("/admin/keys", "create", &bad).await.is(422).has(&["create-scopes-error"]);
    let past = [("name", "x"), ("scopes", "orders:read"), ("expires_at", "2025-01-01T00:00")];
    clerk.send("/admin/keys", "create", &past).await.has(&["expires_in_past"]);
}

#[tokio::test]
async fn people_change_their_own_account() {
    let world = World::new().await;
    let admin = Clerk::admin(&world).await;
    add(&admin, "bo@work.example", "operator", "stock:read").await.is(303);
    let bo = Clerk::of(&world, "bo@work.example", PASSWORD).await;
    bo.get(ME).await.is(200).has(&["bo@work.example", "stock:read"]);
    bo.did(ME, "name", &[("name", "Bo")]).await.has(&["Your name is changed.", ">Bo<"]);
    bo.did(ME, "name", &[("name", "")]).await.lacks(&[">Bo<"]);
    let wrong = [("email", "b@work.example"), ("current_password", "nonsense")];
    bo.send(ME, "email", &wrong).await.is(401).has(&["invalid_credentials", "b@work.example"]);
    let right = [("email", "b@work.example"), ("current_password", PASSWORD)];
    bo.did(ME, "email", &right).await.has(&["b@work.example"]);
    let weak = [("current_password", PASSWORD), ("password", "12345678")];
    bo.send(ME, "password", &weak).await.is(422).has(&["password-password-error"]);
    let strong = [("current_password", PASSWORD), ("password", "9 bees & no tomatoes")];
    let changed = bo.send(ME, "password", &strong).await;
    changed.is(303);
    assert!(changed.location().starts_with("/admin/login"), "{}", changed.location());
    bo.get(ME).await.is(303);
    Clerk::of(&world, "b@work.example", "9 bees & no tomatoes").await.get(ME).await.is(200);
}
