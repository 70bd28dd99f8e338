//! Guessing passwords: whoever fails is made to wait before anything is compared, the owner comes
//! in meanwhile, and an account that is there looks like one that is not.

use axum::Router;
use axum::http::Method;
use onhand_core::accounts::{PasswordHash, Role};
use onhand_server::app::Settings;
use onhand_server::auth::forwarded::{ForwardedHeader, Proxies};
use onhand_server::auth::passwords::hash_known;
use onhand_server::http;
use onhand_server::limits::{THROTTLE_ACCOUNT_FREE, THROTTLE_PAIR_FREE};
use serde_json::json;

use crate::people::{disable, register};
use crate::world::{Reply, World};

pub(crate) const PASSWORD: &str = "tomatoes & 7 bees";

/// A server that believes its proxy, so that a test can come from anywhere.
pub(crate) fn behind_a_proxy(world: &World) -> Router {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let proxies = Proxies::new(trusted, ForwardedHeader::XForwardedFor);
    http::router(world.set_up(Settings { proxies, ..Settings::default() }))
}

/// The hash of [`PASSWORD`].
pub(crate) fn hash() -> Option<PasswordHash> {
    Some(PasswordHash::new(hash_known(PASSWORD).unwrap()).unwrap())
}

pub(crate) async fn log_in(
    world: &World,
    router: &Router,
    (email, password): (&str, &str),
    from: &str,
) -> Reply {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
    let body = json!({"email": email, "password": password}).to_string();
    world.knock_at(router, Method::POST, "/v1/auth/login", &headers, body).await
}

#[tokio::test]
async fn of_ten_thousand_guesses_hardly_one_is_compared_and_the_owner_comes_in() {
    let world = World::new().await;
    let router = behind_a_proxy(&world);
    let owner = "ann@shop.example";
    register(&world, owner, (Role::Customer, None), hash()).await;
    assert_eq!(log_in(&world, &router, (owner, PASSWORD), "2001:db8:1::1").await.status, 200);
    let (mut compared, mut refused) = (0, 0);
    for guess in 0..10_000 {
        let from = format!("198.51.100.{}", guess % 20);
        let password = format!("guess {guess}");
        let reply = log_in(&world, &router, (owner, &password), &from).await;
        match (reply.status, reply.body["code"].as_str().unwrap()) {
            (401, "invalid_credentials") => compared += 1,
            (429, "rate_limited") => {
                refused += u32::from(reply.headers.contains_key("retry-after"))
            }
            other => panic!("{other:?}"),
        }
        if guess % 10 == 0 {
            world.clock.advance_secs(1);
        }
        if guess % 1_000 == 999 {
            let home = log_in(&world, &router, (owner, PASSWORD), "2001:db8:1::1").await;
            assert_eq!(home.status, 200, "from home, after {guess} guesses");
        }
    }
    assert_eq!(compared + refused, 10_000);
    // The free ones, and for each address those that a quarter of an hour lets through.
    assert!(
        (THROTTLE_ACCOUNT_FREE..=THROTTLE_ACCOUNT_FREE + 3 * 20).contains(&compared),
        "{compared}"
    );
    let abroad = log_in(&world, &router, (owner, PASSWORD), "203.0.113.7").await;
    let wait = abroad.headers["retry-after"].to_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(abroad.status, 429);
    world.clock.advance_secs(wait);
    assert_eq!(log_in(&world, &router, (owner, PASSWORD), "203.0.113.7").await.status, 200);
}

#[tokio::test]
async fn after_the_free_tries_not_even_the_right_password_is_compared() {
    let world = World::new().await;
    let router = behind_a_proxy(&world);
    let owner = "ann@shop.example";
    register(&world, owner, (Role::Customer, None), hash()).await;
    for _ in 0..THROTTLE_PAIR_FREE {
        assert_eq!(
            log_in(&world, &router, (owner, "wrong guess"), "198.51.100.1").await.status,
            401
        );
    }
    for password in ["wrong guess", PASSWORD] {
        let reply = log_in(&world, &router, (owner, password), "198.51.100.1").await;
        assert_eq!((reply.status, reply.headers["retry-after"].as_bytes()), (429, &b"1"[..]));
    }
    world.clock.advance_secs(1);
    assert_eq!(log_in(&world, &router, (owner, PASSWORD), "198.51.100.1").await.status, 200);
}

#[tokio::test]
async fn an_account_that_is_not_there_looks_like_one_that_is() {
    let world = World::new().await;
    let router = behind_a_proxy(&world);
    let whole = (Role::Customer, None);
    register(&world, "known@shop.example", whole, hash()).await;
    register(&world, "without@shop.example", whole, None).await;
    let out = register(&world, "out@shop.example", whole, hash()).await;
    disable(&world, out.id).await;
    let said = |reply: &Reply| {
        let headers = reply.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        (reply.status, String::from_utf8_lossy(&reply.bytes).into_owned(), headers)
    };
    let mut statuses = Vec::new();
    for guess in 0..60 {
        // Each account has strangers of its own, who come in the same rhythm.
        let wanted = log_in(&world, &router, ("known@shop.example", "x"), &of(1, guess)).await;
        for (number, email, password) in [
            (2, "nobody@shop.example", "x"),
            (3, "nobody@elsewhere.example", PASSWORD),
            (4, "without@shop.example", PASSWORD),
            (5, "out@shop.example", PASSWORD),
            (6, "known@shop.example.", "x"),
        ] {
            let found = log_in(&world, &router, (email, password), &of(number, guess)).await;
            if email.ends_with('.') {
                assert_eq!(found.status, 422, "{}", found.body);
            } else {
                assert_eq!(said(&found), said(&wanted), "{email}, guess {guess}");
            }
        }
        statuses.push(wanted.status);
        world.clock.advance_secs(guess % 3);
    }
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
}

/// One of seven addresses that try one account.
fn of(account: i64, guess: i64) -> String {
    format!("198.51.{account}.{}", guess % 7)
}

#[tokio::test]
async fn nobody_is_told_whether_an_address_is_registered() {
    let world = World::new().await;
    register(&world, "known@shop.example", (Role::Customer, None), hash()).await;
    let mut answers = Vec::new();
    for email in ["known@shop.example", "other@shop.example"] {
        let body = json!({"email": email, "password": "9 bees & no tomatoes"}).to_string();
        let headers = [("content-type", "application/json")];
        let reply = world.knock(Method::POST, "/v1/auth/register", &headers, body).await;
        let text = String::from_utf8_lossy(&reply.bytes).replace(email, "EMAIL");
        answers.push((reply.status, text, format!("{:?}", reply.headers)));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 202);
    let router = behind_a_proxy(&world);
    let taken =
        log_in(&world, &router, ("known@shop.example", "9 bees & no tomatoes"), "::1").await;
    assert_eq!(taken.status, 401, "registering again changes nothing");
}
