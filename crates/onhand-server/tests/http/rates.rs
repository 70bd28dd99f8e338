//! How often somebody may ask: what is left is on every answer, what is too much is told when to
//! come back, and neither a header nor another name makes a caller somebody else. The machine's
//! clock counts, so that no more is used here than a window gives at once.

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use onhand_core::accounts::{Role, Scope, Scopes};
use onhand_server::app::{App, Parts, Settings};
use onhand_server::auth::forwarded::{ForwardedHeader, Proxies};
use onhand_server::auth::limiter::{Limiter, Rates};
use onhand_server::http;
use onhand_server::limits::{
    RATE_AUTH_DEFAULT, RATE_CHECKOUT_DEFAULT, RATE_READS_DEFAULT, RATE_WRITES_DEFAULT,
};
use serde_json::json;

use crate::people::{Person, key, user};
use crate::world::{Reply, World};

const RATES: Rates =
    Rates { reads: 4, writes: 3, checkout: 2, auth: 1, address_factor: 3, key_factor: 2 };

fn limited(world: &World, rates: Rates, proxies: Proxies) -> Router {
    let settings = Settings { proxies, ..Settings::default() };
    http::router(App::new(Parts { limiter: Limiter::new(rates), settings, ..world.parts() }))
}

async fn ask(
    world: &World,
    router: &Router,
    person: &Person,
    (method, path): (&str, &str),
    more: &[(&str, &str)],
) -> Reply {
    let bearer = person.token.as_ref().map(|token| format!("Bearer {token}"));
    let mut headers = more.to_vec();
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    headers.push(("content-type", "application/json"));
    let body = Body::from("{}");
    world.knock_at(router, method.parse::<Method>().unwrap(), path, &headers, body).await
}

/// How often somebody may ask before they are told to stay away, and by which limit.
async fn uses_up(
    world: &World,
    router: &Router,
    person: &Person,
    route: (&str, &str),
    more: &[(&str, &str)],
) -> (usize, String) {
    for count in 0..100 {
        let reply = ask(world, router, person, route, more).await;
        if reply.status != 429 {
            continue;
        }
        assert_eq!(reply.body["code"], "rate_limited");
        let secs: u32 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&secs), "{secs}");
        assert_eq!(reply.body["retry_after_ms"], json!(secs * 1_000));
        let limits = reply.headers["ratelimit"].to_str().unwrap();
        let used_up = limits.split(", ").find(|limit| limit.contains(";r=0;"));
        let name = used_up.unwrap().split('"').nth(1).unwrap();
        return (count, name.to_owned());
    }
    panic!("{} is never told to stay away", person.name);
}

const READ: (&str, &str) = ("GET", "/v1/orders");
const WRITE: (&str, &str) = ("PATCH", "/v1/orders/ord_99");
const CHECKOUT: (&str, &str) = ("POST", "/v1/orders");
const LOGIN: (&str, &str) = ("POST", "/v1/auth/login");

#[tokio::test]
async fn every_answer_says_what_is_left_and_the_last_one_when_to_come_back() {
    let world = World::new().await;
    let router = limited(&world, RATES, Proxies::none());
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    for left in (0..4).rev() {
        let reply = ask(&world, &router, &ann, READ, &[]).await;
        let policy = "\"reads-by-address\";q=12;w=60, \"reads\";q=4;w=60";
        assert_eq!(
            (reply.status, &reply.headers["ratelimit-policy"]),
            (200, &policy.parse().unwrap())
        );
        let limits = reply.headers["ratelimit"].to_str().unwrap();
        assert!(limits.contains(&format!("\"reads\";r={left};t=")), "{limits}");
        assert_eq!(reply.headers.get("retry-after"), None);
    }
    let reply = ask(&world, &router, &ann, READ, &[]).await;
    assert_eq!((reply.status, &reply.body["code"]), (429, &json!("rate_limited")));
    assert!(reply.headers.contains_key("retry-after"));
    let free = ask(&world, &router, &Person::nobody(), ("GET", "/livez"), &[]).await;
    assert_eq!((free.status, free.headers.get("ratelimit")), (200, None));
}

#[tokio::test]
async fn classes_people_and_keys_are_counted_by_themselves() {
    let world = World::new().await;
    let rates = Rates { address_factor: 100, ..RATES };
    let router = limited(&world, rates, Proxies::none());
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    let (_, bob) = user(&world, "bob", Role::Customer, None).await;
    let all = Scopes::of(&[Scope::OrdersRead, Scope::OrdersWrite]);
    let till = key(&world, "till", all, None).await.1;
    let other = key(&world, "other till", all, None).await.1;
    for (person, route, wanted) in [
        (&ann, READ, (4, "reads")),
        (&ann, WRITE, (3, "writes")),
        (&ann, CHECKOUT, (2, "checkout")),
        (&ann, ("POST", "/v1/me/password"), (1, "auth")),
        (&bob, CHECKOUT, (2, "checkout")),
        // Behind a key are many, and it is one of several.
        (&till, CHECKOUT, (4, "checkout")),
        (&other, CHECKOUT, (4, "checkout")),
        (&till, ("POST", "/v1/orders/batch"), (0, "checkout")),
        (&till, READ, (8, "reads")),
    ] {
        let (count, limit) = uses_up(&world, &router, person, route, &[]).await;
        assert_eq!((count, &*limit), wanted, "{} {route:?}", person.name);
    }
}

#[tokio::test]
async fn whoever_guesses_is_counted_like_whoever_logs_in() {
    let world = World::new().await;
    let router = limited(&world, RATES, Proxies::none());
    let nobody = Person::nobody();
    assert_eq!(
        uses_up(&world, &router, &nobody, LOGIN, &[]).await,
        (3, "auth-by-address".to_owned())
    );
    for route in
        [READ, WRITE, CHECKOUT, ("POST", "/v1/auth/refresh"), ("POST", "/v1/auth/register")]
    {
        let forged = Person { token: Some("onk_x".into()), ..Person::nobody() };
        for person in [&nobody, &forged] {
            let reply = ask(&world, &router, person, route, &[]).await;
            assert_eq!(reply.status, 429, "{route:?}");
        }
    }
    // Whoever shows something good at the same address is none of them.
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    assert_eq!(ask(&world, &router, &ann, READ, &[]).await.status, 200);
}

#[tokio::test]
async fn no_header_makes_another_address_unless_a_proxy_of_ours_wrote_it() {
    let world = World::new().await;
    let nobody = Person::nobody();
    let trusted = |header| Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], header);
    let elsewhere =
        Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], ForwardedHeader::XForwardedFor);
    for (proxies, name, is_believed) in [
        (Proxies::none(), "x-forwarded-for", false),
        (Proxies::none(), "forwarded", false),
        (Proxies::none(), "x-real-ip", false),
        (elsewhere, "x-forwarded-for", false),
        (trusted(ForwardedHeader::XForwardedFor), "x-forwarded-for", true),
        (trusted(ForwardedHeader::XForwardedFor), "forwarded", false),
        (trusted(ForwardedHeader::Forwarded), "forwarded", true),
        (trusted(ForwardedHeader::Forwarded), "x-forwarded-for", false),
        (trusted(ForwardedHeader::XForwardedFor), "cf-connecting-ip", false),
    ] {
        let router = limited(&world, RATES, proxies);
        let from = |number: u8| {
            let prefix = if name == "forwarded" { "for=" } else { "" };
            format!("{prefix}203.0.113.{number}")
        };
        let mut allowed = 0;
        for number in 0..10 {
            let from = from(number);
            let reply = ask(&world, &router, &nobody, LOGIN, &[(name, &*from)]).await;
            allowed += u32::from(reply.status != 429);
        }
        assert_eq!(allowed, if is_believed { 10 } else { 3 }, "{name}");
        if is_believed {
            let last = from(200);
            let again = uses_up(&world, &router, &nobody, LOGIN, &[(name, &*last)]).await;
            assert_eq!(again.0, 3, "one address is still one");
            // What the client itself has written stands farther away than what the proxy wrote.
            let spoofed = format!("{}, {last}", from(201));
            let reply = ask(&world, &router, &nobody, LOGIN, &[(name, &*spoofed)]).await;
            assert_eq!(reply.status, 429, "{spoofed}");
        }
    }
}

#[test]
fn guessing_and_hoarding_are_limited_more_tightly_than_the_rest() {
    let rates = [RATE_AUTH_DEFAULT, RATE_CHECKOUT_DEFAULT, RATE_WRITES_DEFAULT, RATE_READS_DEFAULT];
    assert!(rates.windows(2).all(|pair| pair[0] * 4 <= pair[1]), "{rates:?}");
    assert!(rates[0] > 0, "a limit of 0 is none");
}
