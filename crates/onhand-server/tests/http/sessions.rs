//! Being logged in, and not any more: what is taken away is taken away at once, a copied refresh
//! token ends its session, and whoever invents one changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use onhand_core::accounts::{Command, Role, Scope, Scopes, Standing};
use onhand_core::ids::UserId;
use onhand_core::inventory;
use onhand_core::limits::REFRESH_GRACE_SECS;
use onhand_engine::committer::Caller;
use onhand_server::accounts::identity::Principal;
use onhand_server::accounts::{Identities, Unauthenticated};
use onhand_server::limits::{
    ACCESS_LIFE_SECS_DEFAULT, IDENTITY_SECS_MAX, SESSION_LIFE_SECS_DEFAULT,
};
use serde_json::{Value, json};

use crate::people::{Kind, Person, command, disable, key, user};
use crate::world::{Reply, World};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "tomatoes & 7 bees";

async fn post(world: &World, path: &str, body: Value) -> Reply {
    Person::nobody().send(world, Method::POST, path, &[], &body).await
}

async fn register(world: &World) {
    let body = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(post(world, "/v1/auth/register", body).await.status, 202);
}

async fn log_in(world: &World) -> Reply {
    post(world, "/v1/auth/login", json!({"email": EMAIL, "password": PASSWORD})).await
}

async fn refresh(world: &World, token: &str) -> Reply {
    post(world, "/v1/auth/refresh", json!({"refresh_token": token})).await
}

async fn log_out(world: &World, token: &str) {
    assert_eq!(post(world, "/v1/auth/logout", json!({"refresh_token": token})).await.status, 204);
}

/// The refresh token of an answer that gave one.
fn next(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["refresh_token"].as_str().unwrap().to_owned()
}

fn is_out(reply: &Reply) {
    assert_eq!((reply.status, &reply.body["code"]), (401, &json!("unauthenticated")));
}

/// Who was let in with an answer.
fn person(reply: &Reply) -> Person {
    let token = reply.body["access_token"].as_str().unwrap().to_owned();
    let scopes = vec!["orders:own"];
    Person { name: EMAIL.into(), kind: Kind::User, scopes, token: Some(token) }
}

fn user_id(reply: &Reply) -> UserId {
    reply.body["user"]["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn who_is_demoted_is_out_at_once() {
    let world = World::new().await;
    let adjustment = || json!({"sku": "123", "delta": 1, "reason": "received"});
    for (number, patch) in
        [json!({"role": "customer"}), json!({"scopes": ["orders:read"]}), json!({"disabled": true})]
            .iter()
            .enumerate()
    {
        let name = format!("operator {number}");
        let (id, operator) = user(&world, &name, Role::Operator, None).await;
        let adjust =
            |key: &'static str| operator.post(&world, "/v1/stock/adjustments", key, adjustment());
        assert_eq!(operator.get(&world, "/v1/stock").await.status, 200);
        assert_eq!(adjust("before").await.status, 201);
        let path = format!("/v1/users/usr_{}", id.number());
        assert_eq!(world.patch(&path, "*", patch.clone()).await.status, 200);
        is_out(&operator.get(&world, "/v1/stock").await);
        is_out(&adjust("after").await);
        // Not even what was answered once is answered again.
        is_out(&adjust("before").await);
    }
    let (id, admin) = user(&world, "second admin", Role::Admin, None).await;
    assert_eq!(admin.get(&world, "/v1/users").await.status, 200);
    let path = format!("/v1/users/usr_{}", id.number());
    assert_eq!(world.patch(&path, "*", json!({"role": "operator"})).await.status, 200);
    is_out(&admin.get(&world, "/v1/users").await);
    let scopes = Scopes::of(&[Scope::OrdersRead]);
    let (id, till) = key(&world, "till", scopes, None).await;
    assert_eq!(till.get(&world, "/v1/orders").await.status, 200);
    assert_eq!(world.delete(&format!("/v1/api-keys/key_{}", id.number())).await.status, 200);
    is_out(&till.get(&world, "/v1/orders").await);
}

/// Whom another process takes a caller for that has not heard of anything since `rights`.
async fn elsewhere(
    world: &World,
    identities: &Identities,
    rights: i64,
    person: &Person,
) -> Result<Principal, Unauthenticated> {
    let token = person.token.as_ref().unwrap();
    identities.of(token, &world.app.reader, rights, world.app.clock.now()).await
}

/// What comes of a write that another process lets through.
async fn write_of(world: &World, principal: &Principal) -> Result<(), &'static str> {
    let needed = Scopes::of(&[Scope::StockWrite]);
    let caller = Caller { actor: principal.actor(), access: principal.access(needed, None) };
    let sweep = inventory::Command::ExpireDue { most: 1 };
    let answer =
        world.app.submit.submit(onhand_core::Command::Inventory(sweep), caller, None).await;
    answer.unwrap().outcome.map(|_| ()).map_err(|refusal| refusal.code())
}

#[tokio::test]
async fn a_process_that_has_not_heard_of_it_writes_nothing_and_reads_for_a_minute() {
    let world = World::new().await;
    let (demoted, operator) = user(&world, "demoted", Role::Operator, None).await;
    let (out, disabled) = user(&world, "disabled", Role::Operator, None).await;
    let (id, revoked) = key(&world, "revoked", Scopes::of(&[Scope::StockWrite]), None).await;
    let (_, other) = user(&world, "somebody else", Role::Operator, None).await;
    let identities = world.parts().identities;
    let rights = world.app.submit.rights();
    for person in [&operator, &disabled, &revoked, &other] {
        let principal = elsewhere(&world, &identities, rights, person).await.unwrap();
        assert_eq!(write_of(&world, &principal).await, Ok(()));
    }
    let standing = Standing { role: Some(Role::Customer), ..Standing::default() };
    command(&world, Command::SetUser { id: demoted, expected_version: None, standing }).await;
    disable(&world, out).await;
    command(&world, Command::RevokeKey { id }).await;
    for person in [&operator, &disabled, &revoked] {
        let principal = elsewhere(&world, &identities, rights, person).await.unwrap();
        assert_eq!(write_of(&world, &principal).await, Err("unauthenticated"), "{}", person.name);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(IDENTITY_SECS_MAX)).await;
    tokio::time::resume();
    for person in [&operator, &disabled, &revoked] {
        let found = elsewhere(&world, &identities, rights, person).await;
        let is_out = matches!(found, Err(Unauthenticated::Refused(_) | Unauthenticated::NoUser(_)));
        assert!(is_out, "{}", person.name);
    }
    let principal = elsewhere(&world, &identities, rights, &other).await.unwrap();
    assert_eq!(write_of(&world, &principal).await, Ok(()));
}

#[tokio::test]
async fn a_refresh_token_that_was_copied_ends_its_session_and_no_other() {
    let world = World::new().await;
    register(&world).await;
    let other = next(&log_in(&world).await);
    for uses_of_thief in [1, 2, 5] {
        let stolen = next(&log_in(&world).await);
        let mut of_thief = stolen.clone();
        for _ in 0..uses_of_thief {
            of_thief = next(&refresh(&world, &of_thief).await);
        }
        world.clock.advance_secs(REFRESH_GRACE_SECS + 1);
        is_out(&refresh(&world, &stolen).await);
        is_out(&refresh(&world, &of_thief).await);
    }
    // The owner first, and the thief with what the owner has used already.
    let stolen = next(&log_in(&world).await);
    let of_owner = next(&refresh(&world, &stolen).await);
    assert_eq!(next(&refresh(&world, &stolen).await), of_owner, "a reply may be lost");
    world.clock.advance_secs(REFRESH_GRACE_SECS);
    assert_eq!(next(&refresh(&world, &stolen).await), of_owner, "in the last second");
    let latest = next(&refresh(&world, &of_owner).await);
    is_out(&refresh(&world, &stolen).await);
    is_out(&refresh(&world, &latest).await);
    next(&refresh(&world, &other).await);
}

#[tokio::test]
async fn twenty_refreshes_at_once_are_one() {
    let world = World::new().await;
    register(&world).await;
    let token = next(&log_in(&world).await);
    let barrier = tokio::sync::Barrier::new(20);
    let one = || async {
        barrier.wait().await;
        next(&refresh(&world, &token).await)
    };
    let successors: BTreeSet<String> = join_all((0..20).map(|_| one())).await.into_iter().collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    let successor = successors.first().unwrap();
    assert_ne!(successor, &token);
    next(&refresh(&world, successor).await);
}

#[tokio::test]
async fn an_invented_token_changes_nothing() {
    let world = World::new().await;
    register(&world).await;
    let token = next(&log_in(&world).await);
    let foreign = next(&log_in(&world).await);
    let (session, _) = token.rsplit_once('_').unwrap_or_default();
    let session = session.split('_').nth(1).unwrap();
    let random = |token: &str| token.splitn(3, '_').nth(2).unwrap().to_owned();
    let before = world.events().await;
    for invented in [
        format!("onr_{session}_{}", "A".repeat(43)),
        format!("onr_{session}_{}", random(&foreign)),
        format!("onr_{session}_{}", random(&token).to_lowercase()),
        format!("onr_{session}_"),
        format!("onr_99_{}", random(&token)),
        format!("onr_{session}_{}=", random(&token)),
        "x".repeat(10_000),
        String::new(),
    ] {
        let refused = refresh(&world, &invented).await;
        assert!([401, 422].contains(&refused.status), "{invented}: {}", refused.body);
        let left = post(&world, "/v1/auth/logout", json!({"refresh_token": invented})).await;
        assert!([204, 422].contains(&left.status), "{invented}: {}", left.body);
    }
    assert_eq!(world.events().await, before);
    next(&refresh(&world, &token).await);
    next(&refresh(&world, &foreign).await);
}

#[tokio::test]
async fn logging_out_ends_one_session_and_time_ends_all() {
    let world = World::new().await;
    register(&world).await;
    let [left, stays] = [next(&log_in(&world).await), next(&log_in(&world).await)];
    let newest = next(&refresh(&world, &left).await);
    for _ in 0..2 {
        log_out(&world, &newest).await;
    }
    is_out(&refresh(&world, &newest).await);
    let reply = refresh(&world, &stays).await;
    let ada = person(&reply);
    world.clock.advance_secs(ACCESS_LIFE_SECS_DEFAULT - 1);
    assert_eq!(ada.get(&world, "/v1/me").await.status, 200);
    world.clock.advance_secs(1);
    is_out(&ada.get(&world, "/v1/me").await);
    world.clock.advance_secs(SESSION_LIFE_SECS_DEFAULT - ACCESS_LIFE_SECS_DEFAULT - 1);
    let last = next(&refresh(&world, &next(&reply)).await);
    world.clock.advance_secs(1);
    is_out(&refresh(&world, &last).await);
}

#[tokio::test]
async fn a_new_password_makes_everything_void() {
    let world = World::new().await;
    register(&world).await;
    let [one, two] = [log_in(&world).await, log_in(&world).await];
    let passwords = json!({"current_password": PASSWORD, "password": "9 bees & no tomatoes"});
    let wrong = json!({"current_password": "8 bees", "password": "9 bees & no tomatoes"});
    let refused = person(&one).post(&world, "/v1/me/password", "p", wrong).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &json!("invalid_credentials")));
    assert_eq!(person(&two).get(&world, "/v1/me").await.status, 200);
    let changed = person(&one).post(&world, "/v1/me/password", "q", passwords).await;
    assert_eq!(changed.status, 204);
    for reply in [&one, &two] {
        is_out(&person(reply).get(&world, "/v1/orders").await);
        is_out(&person(reply).order(&world, "order", json!({})).await);
        is_out(&refresh(&world, &next(reply)).await);
    }
    assert_eq!(log_in(&world).await.status, 401, "the old password");
    let new = json!({"email": EMAIL, "password": "9 bees & no tomatoes"});
    assert_eq!(post(&world, "/v1/auth/login", new).await.status, 200);
}

#[tokio::test]
async fn who_is_disabled_comes_in_nowhere() {
    let world = World::new().await;
    register(&world).await;
    let reply = log_in(&world).await;
    let wrong = json!({"email": EMAIL, "password": "tomatoes & 8 bees"});
    let wrong = post(&world, "/v1/auth/login", wrong).await;
    let path = format!("/v1/users/usr_{}", user_id(&reply).number());
    assert_eq!(world.patch(&path, "*", json!({"disabled": true})).await.status, 200);
    let refused = log_in(&world).await;
    assert_eq!((refused.status, &refused.bytes), (401, &wrong.bytes), "the right password");
    let ada = person(&reply);
    is_out(&ada.get(&world, "/v1/me").await);
    is_out(&ada.order(&world, "order", json!({})).await);
    is_out(&refresh(&world, &next(&reply)).await);
    assert_eq!(world.patch(&path, "*", json!({"disabled": false})).await.status, 200);
    is_out(&ada.get(&world, "/v1/me").await);
    is_out(&refresh(&world, &next(&reply)).await);
    assert_eq!(person(&log_in(&world).await).get(&world, "/v1/me").await.status, 200);
}
