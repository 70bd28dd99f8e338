//! Orders and products that are kept in memory: what is answered is what would be answered without,
//! to the letter; nobody reads less than somebody was told, whoever changes it; and what is
//! somebody's own stays so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use onhand_core::accounts::Role;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::OrderId;
use onhand_core::text::Sku;
use onhand_core::{Actor, Command, inventory, orders};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::people::{Person, user};
use crate::world::{Reply, World};

/// Changes by each writer in the race.
const CHANGES: usize = 50;

async fn place(world: &World, key: &str, more: Value) -> String {
    let mut order = json!({"items": [{"sku": "headphones", "quantity": 1}]});
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let placed = world.post("/v1/orders", key, order).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    placed.body["id"].as_str().unwrap().to_owned()
}

fn id_of(order: &str) -> OrderId {
    order.parse().unwrap()
}

/// Whether the answer to a path is at hand.
async fn is_kept(world: &World, path: &str) -> bool {
    let kept = world.app.kept.as_ref().unwrap();
    let key = match path.strip_prefix("/v1/orders/") {
        Some(id) => kept.order(id_of(id)),
        None => {
            let name = path.strip_prefix("/v1/products/").unwrap();
            kept.product(&match name.parse() {
                Ok(id) => ProductRef::Id(id),
                Err(_) => ProductRef::Sku(Sku::new(name).unwrap()),
            })
        }
    };
    kept.get(&key).await.is_some()
}

fn headers(reply: &Reply) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

/// The answers to a path, read and kept, with which one expects what the other says.
async fn both(world: &World, path: &str) -> Value {
    let read = world.get(path).await;
    assert!(is_kept(world, path).await, "{path}");
    let kept = world.get(path).await;
    assert_eq!((read.status, &read.bytes), (kept.status, &kept.bytes), "{path}");
    assert_eq!(headers(&read), headers(&kept), "{path}");
    assert_eq!(kept.headers["etag"], format!("\"{}\"", kept.body["version"]), "{path}");
    let head = world.send(Method::HEAD, path, &[], Body::empty()).await;
    assert_eq!((head.status, headers(&head)), (200, headers(&kept)), "{path}");
    assert!(head.bytes.is_empty());
    kept.body
}

#[tokio::test]
async fn what_is_kept_is_answered_as_what_is_read() {
    let world = World::new().await;
    let confirmed = place(&world, "a", json!({"metadata": {"gift": "yes"}})).await;
    let pending = place(&world, "b", json!({"payment": {"provider": "manual"}})).await;
    let product = both(&world, "/v1/products/headphones").await;
    let id = product["id"].as_str().unwrap();
    assert_eq!(both(&world, &format!("/v1/products/{id}")).await, product);
    for order in [confirmed, pending] {
        let path = format!("/v1/orders/{order}");
        let shown = both(&world, &path).await;
        assert_eq!(world.get("/v1/orders").await.body["data"].as_array().unwrap().len(), 2);
        assert_eq!(shown["id"], order);
        // What is not the newest version is refused as it ever was.
        let stale = world.patch(&path, "\"99\"", json!({"metadata": {}})).await;
        assert_eq!(stale.status, 412, "{}", stale.body);
    }
    let never = world.get("/v1/orders/ord_987654321").await;
    assert_eq!((never.status, is_kept(&world, "/v1/orders/ord_987654321").await), (404, false));
}

/// An object that changes, and the highest version that anybody was told of.
struct Object {
    path: String,
    change: fn(usize) -> Value,
    told: AtomicU64,
}

impl Object {
    fn hears(&self, body: &Value) {
        self.told.fetch_max(body["version"].as_u64().unwrap(), Ordering::SeqCst);
    }
}

/// Asks without holding the answer against the description, which takes longer than the race.
async fn ask(world: &World, method: Method, path: &str, body: String) -> Value {
    let request = Request::builder().method(method).uri(path).header("if-match", "*");
    let request = request.header("authorization", format!("Bearer {}", world.key));
    let request = request.header("content-type", "application/json").body(Body::from(body));
    let response = world.router.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_reads_less_than_somebody_was_told() {
    let world = Arc::new(World::new().await);
    let object = |path, change| Object { path, change, told: AtomicU64::new(0) };
    let metadata: fn(usize) -> Value = |at| json!({"metadata": {"at": at.to_string()}});
    let price: fn(usize) -> Value = |at| json!({"price": {"amount": at, "currency": "INR"}});
    let mut objects = vec![object("/v1/products/headphones".to_owned(), price)];
    for key in ["a", "b"] {
        objects
            .push(object(format!("/v1/orders/{}", place(&world, key, json!({})).await), metadata));
    }
    let (objects, is_over) = (Arc::new(objects), Arc::new(AtomicBool::new(false)));
    let out_of_the_cache = Arc::new(AtomicUsize::new(0));
    let mut writers = Vec::new();
    for at in 0..objects.len() * 2 {
        let (world, objects) = (world.clone(), objects.clone());
        writers.push(tokio::spawn(async move {
            let object = &objects[at % objects.len()];
            for at in 0..CHANGES {
                let body = (object.change)(at).to_string();
                object.hears(&ask(&world, Method::PATCH, &object.path, body).await);
            }
        }));
    }
    let mut readers = Vec::new();
    for at in 0..objects.len() * 2 {
        let (world, objects, is_over) = (world.clone(), objects.clone(), is_over.clone());
        let hits = out_of_the_cache.clone();
        readers.push(tokio::spawn(async move {
            let object = &objects[at % objects.len()];
            while !is_over.load(Ordering::SeqCst) {
                let told = object.told.load(Ordering::SeqCst);
                hits.fetch_add(usize::from(is_kept(&world, &object.path).await), Ordering::SeqCst);
                let reply = ask(&world, Method::GET, &object.path, String::new()).await;
                let version = reply["version"].as_u64().unwrap();
                assert!(version >= told, "{}: {version} after {told}", object.path);
                // Whoever was shown it must not be shown less, either.
                object.hears(&reply);
                // What is kept is answered without waiting for anything: nobody else would run.
                tokio::task::yield_now().await;
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    for object in objects.iter() {
        let shown = both(&world, &object.path).await["version"].as_u64().unwrap();
        assert_eq!(shown, object.told.load(Ordering::SeqCst), "{}", object.path);
    }
    let hits = out_of_the_cache.load(Ordering::SeqCst);
    assert!(hits > 0, "a cache that is always empty keeps every promise");
    world.verify().await;
}

#[tokio::test]
async fn what_the_server_does_by_itself_is_seen() {
    let world = World::new().await;
    let act = async |command: Command| {
        let answer = world.app.submit.submit(command, Actor::System, None).await.unwrap();
        answer.outcome.unwrap();
    };
    let paid = place(&world, "a", json!({})).await;
    let unpaid = json!({"payment": {"provider": "manual", "expires_in_s": 60}});
    let unpaid = place(&world, "b", unpaid).await;
    let path = |order: &String| format!("/v1/orders/{order}");
    for (order, status) in [(&paid, "confirmed"), (&unpaid, "pending")] {
        assert_eq!(both(&world, &path(order)).await["status"], status);
    }
    // As a worker takes an order up.
    act(Command::Orders(orders::Command::Process { id: id_of(&paid) })).await;
    assert_eq!(both(&world, &path(&paid)).await["status"], "processing");
    // As the sweeper finds holds that have run out.
    world.clock.advance_secs(61);
    act(Command::Inventory(inventory::Command::ExpireDue { most: 100 })).await;
    assert_eq!(both(&world, &path(&unpaid)).await["status"], "expired");
    world.verify().await;
}

#[tokio::test]
async fn a_product_that_changes_goes_and_comes_again_is_seen_by_both_its_names() {
    let world = World::new().await;
    let new = json!({"sku": "TEA-1", "name": "Tea", "price": {"amount": 5, "currency": "INR"}});
    let made = world.post("/v1/products", "a", new.clone()).await;
    let names = [
        format!("/v1/products/{}", made.body["id"].as_str().unwrap()),
        "/v1/products/TEA-1".to_owned(),
    ];
    for (by, name) in names.iter().zip(["Green tea", "Black tea"]) {
        for path in &names {
            both(&world, path).await;
        }
        let changed = world.patch(by, "*", json!({"name": name})).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        for path in &names {
            assert_eq!(both(&world, path).await["name"], name, "{path}");
        }
    }
    assert_eq!(world.delete(&names[1]).await.status, 200);
    for path in &names {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    let again = world.post("/v1/products", "b", new).await;
    assert_eq!(both(&world, &names[1]).await["id"], again.body["id"]);
    assert_eq!(world.get(&names[0]).await.status, 404);
}

#[tokio::test]
async fn what_is_kept_is_nobody_elses() {
    let world = World::new().await;
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    let (_, bob) = user(&world, "bob", Role::Customer, None).await;
    let owned = ann.order(&world, "a", json!({})).await.body["id"].as_str().unwrap().to_owned();
    let nobodys = place(&world, "b", json!({})).await;
    let see = async |person: &Person, order: &str, status: u16| {
        let reply = person.get(&world, &format!("/v1/orders/{order}")).await;
        assert_eq!(reply.status, status, "{} {}", person.name, reply.body);
        String::from_utf8(reply.bytes).unwrap().replace(order, "ord_987654321")
    };
    let never = see(&bob, "ord_987654321", 404).await;
    // Once each of them has filled it, and once found it full.
    for _ in 0..2 {
        assert_eq!(see(&bob, &owned, 404).await, never);
        see(&ann, &owned, 200).await;
        assert!(is_kept(&world, &format!("/v1/orders/{owned}")).await);
        for person in [&ann, &bob] {
            assert_eq!(see(person, &nobodys, 404).await, never);
        }
        see(&Person::nobody(), &owned, 401).await;
    }
}
