//! Every route at every door: who is let in is computed here from what the description says of the
//! route, and knows nothing of the gate. A route that says nothing, or is served without being
//! described, fails.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use axum::routing::get;
use axum::{Router, middleware};
use onhand_server::http::{self, gate};
use serde_json::{Value, json};

use crate::contract::{Operation, contract};
use crate::people::{Kind, Person, everybody};
use crate::world::{Reply, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    Forbidden,
    Pass,
}

/// What the `security` of a route means for a caller.
fn verdict(security: &Value, person: &Person) -> Verdict {
    let alternatives = security.as_array().unwrap();
    if alternatives.iter().any(|one| *one == json!({})) {
        return Verdict::Pass;
    }
    let lets_in = |one: &Value| match one["bearer"].as_array().unwrap().as_slice() {
        // An account is asked for, and a key has none.
        [] => person.kind == Kind::User,
        // Nor has it orders of its own.
        [scope] if scope == "orders:own" && person.kind == Kind::Key => false,
        [scope] => person.scopes.iter().any(|held| scope == held || *held == "admin"),
        several => panic!("nobody has defined what {several:?} together mean"),
    };
    match person.kind {
        Kind::Nobody => Verdict::Unauthenticated,
        Kind::User | Kind::Key if alternatives.iter().any(lets_in) => Verdict::Pass,
        Kind::User | Kind::Key => Verdict::Forbidden,
    }
}

/// What came of a knock; fails where status and code do not go together.
fn found(reply: &Reply, name: &str) -> Verdict {
    let code = reply.body["code"].as_str().unwrap_or("");
    match (reply.status, code) {
        (401, "unauthenticated") => Verdict::Unauthenticated,
        (403, "forbidden") => Verdict::Forbidden,
        (401 | 403 | 429 | 500.., _) => panic!("{name}: {} {code}", reply.status),
        _ => Verdict::Pass,
    }
}

/// A path on which nothing is.
fn nowhere(operation: &Operation<'_>) -> String {
    let parts = operation.path.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "nothing" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn method(operation: &Operation<'_>) -> Method {
    operation.method.to_uppercase().parse().unwrap()
}

#[tokio::test]
async fn every_route_lets_in_whom_its_description_names() {
    let world = World::new().await;
    let people = everybody(&world).await;
    let before = world.events().await;
    let mut verdicts = [0, 0, 0];
    for operation in contract().operations() {
        let path = nowhere(&operation);
        for person in &people {
            let name = format!("{} as {}", operation.name, person.name);
            // Without a key, a version and most fields, nothing happens behind the door.
            let reply = person.send(&world, method(&operation), &path, &[], &json!({})).await;
            let wanted = verdict(&operation.body["security"], person);
            assert_eq!(found(&reply, &name), wanted, "{name}: {} {}", reply.status, reply.body);
            verdicts[wanted as usize] += 1;
            if operation.method == "get" {
                let head = person.send(&world, Method::HEAD, &path, &[], &Value::Null).await;
                assert_eq!((head.status, head.bytes.len()), (reply.status, 0), "HEAD of {name}");
            }
        }
    }
    assert!(verdicts.iter().all(|count| *count > 100), "{verdicts:?}");
    assert_eq!(world.events().await, before, "somebody has changed something");
}

/// Everything that the router serves at a path, as it says itself.
async fn served(world: &World, path: &str) -> BTreeSet<String> {
    let method = Method::from_bytes(b"BREW").unwrap();
    let reply = world.knock(method, path, &[], Body::empty()).await;
    assert_eq!(reply.status, 405, "BREW {path}");
    let allowed = reply.headers["allow"].to_str().unwrap().to_lowercase();
    allowed.split(',').map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_served_is_described_and_what_is_described_has_a_need() {
    let world = World::new().await;
    let needs = http::needs().unwrap();
    let needed: BTreeSet<_> = needs
        .iter()
        .map(|(path, method, _)| format!("{} {path}", method.as_str().to_lowercase()))
        .collect();
    let operations = contract().operations();
    let described: BTreeSet<_> = operations.iter().map(|one| one.name.clone()).collect();
    assert_eq!(needed, described);
    for operation in &operations {
        assert!(operation.body["security"].is_array(), "{} needs what?", operation.name);
        let of_path = operations.iter().filter(|one| one.path == operation.path);
        let mut methods: BTreeSet<_> = of_path.map(|one| one.method.to_owned()).collect();
        if methods.contains("get") {
            methods.insert("head".into());
        }
        assert_eq!(served(&world, &nowhere(operation)).await, methods, "{}", operation.path);
    }
    let mut document = contract().document.clone();
    document["paths"]["/v1/orders"]["get"].as_object_mut().unwrap().remove("security");
    assert!(gate::Needs::of(&document).is_err(), "a route that says nothing");
}

#[tokio::test]
async fn other_methods_are_refused_to_everybody_alike() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.key);
    for operation in contract().operations() {
        let path = nowhere(&operation);
        let methods = served(&world, &path).await;
        for other in ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if methods.contains(&other.to_lowercase()) {
                continue;
            }
            for headers in [&[][..], &[("authorization", &*bearer)]] {
                let method = Method::from_bytes(other.as_bytes()).unwrap();
                let reply = world.knock(method, &path, headers, Body::empty()).await;
                let code = reply.body["code"].as_str();
                assert_eq!(
                    (reply.status, code),
                    (405, Some("method_not_allowed")),
                    "{other} {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_other_spelling_of_a_path_leads_past_the_gate() {
    let world = World::new().await;
    for path in [
        "/v1/orders/",
        "//v1/orders",
        "/v1//orders",
        "/V1/orders",
        "/v1/Orders",
        "/v1/%6frders",
        "/v1%2forders",
        "/v1/./orders",
        "/livez/../v1/orders",
        "/v1/orders;a=b",
        "/v1/orders%00",
        "/v1/orders%20",
        "/orders",
        "/v1/orders/../users",
        "/v1/users/%2e%2e/orders",
    ] {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let reply = world.knock(method.clone(), path, &[], Body::empty()).await;
            assert!([401, 404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
        }
    }
}

#[tokio::test]
async fn a_route_behind_the_gate_that_is_not_described_is_closed() {
    let world = World::new().await;
    let pass = middleware::from_fn_with_state(world.app.clone(), gate::pass);
    let forgotten = Router::new().route("/v1/orders/forgotten", get(|| async { "all of it" }));
    let forgotten = forgotten.route("/livez", axum::routing::post(|| async { "done" }));
    let router = forgotten.layer(pass).with_state(world.app.clone());
    let bearer = format!("Bearer {}", world.key);
    for (method, path) in [("GET", "/v1/orders/forgotten"), ("POST", "/livez")] {
        for shown in ["", &bearer] {
            let request = axum::http::Request::builder().method(method).uri(path);
            let request = request.header("authorization", shown).body(Body::empty()).unwrap();
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            assert_eq!(response.status(), 403, "{method} {path}");
        }
    }
}
