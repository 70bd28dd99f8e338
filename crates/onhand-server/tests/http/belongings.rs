//! What belongs to somebody is not there for anybody else: orders of one customer, of another and
//! of nobody, on every route that takes an order's id, in every list, behind every cursor, key and
//! reference. What is not there is what was never there, to the letter.

use std::collections::BTreeMap;

use axum::http::Method;
use onhand_core::accounts::{Role, Scope, Scopes};
use onhand_core::payments::Policy;
use serde_json::{Value, json};

use crate::contract::contract;
use crate::people::{Person, key, user};
use crate::till::gateways;
use crate::world::{Reply, World};

/// The number of an order that nobody has placed.
const NEVER: &str = "987654321";
/// What is known by the number of an order: itself, its payment, and what is owed about that.
const KINDS: [&str; 3] = ["ord_", "pay_", "eff_"];
const REFERENCE_OF_A: &str = "reference-of-a";

struct Shop {
    world: World,
    a: Person,
    b: Person,
    /// Which customer is which.
    ids: BTreeMap<&'static str, String>,
    /// Orders by whose they are; the newest last.
    orders: BTreeMap<&'static str, Vec<String>>,
}

impl Shop {
    async fn open() -> Self {
        Self::in_world(World::new().await, "manual").await
    }

    /// One with a gateway, which nobody asks.
    async fn with_gateway() -> Self {
        let world = World::with(gateways("http://127.0.0.1:1"), Policy::default()).await;
        Self::in_world(world, "razorpay").await
    }

    async fn in_world(world: World, provider: &str) -> Self {
        let (a_id, a) = user(&world, "ann", Role::Customer, None).await;
        let (b_id, b) = user(&world, "bob", Role::Customer, None).await;
        let customer = |id: onhand_core::ids::UserId| format!("cus_{}", id.number());
        let ids = BTreeMap::from([("a", customer(a_id)), ("b", customer(b_id))]);
        let mut orders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let (_, till) = key(&world, "till", Scopes::of(&[Scope::OrdersWrite]), None).await;
        let pending = json!({"payment": {"provider": provider}});
        // Interleaved, so that every page of one has orders of the others before and behind it.
        for (round, more) in
            [json!({}), pending, json!({"metadata": {"a": "b"}})].iter().enumerate()
        {
            for (whose, person) in [("a", &a), ("nobody", &till), ("b", &b)] {
                let mut more = more.clone();
                if round == 0 {
                    more["external_reference"] = format!("reference-of-{whose}").into();
                }
                let placed = person.order(&world, &format!("{whose}-{round}"), more).await;
                assert_eq!(placed.status, 201, "{}", placed.body);
                let id = placed.body["id"].as_str().unwrap().to_owned();
                orders.entry(whose).or_default().push(id);
            }
        }
        Self { world, a, b, ids, orders }
    }

    /// Fails where an answer names an order, or a customer, that is not theirs.
    fn names_only(&self, whose: &str, reply: &Reply, name: &str) {
        let text = String::from_utf8_lossy(&reply.bytes);
        let headers = format!("{:?}", reply.headers);
        for (other, orders) in self.orders.iter().filter(|(other, _)| **other != whose) {
            let of_order = |id: &String| KINDS.map(|kind| format!("{kind}{}", number_of(id)));
            let foreign = orders.iter().flat_map(of_order).chain(self.ids.get(other).cloned());
            for foreign in foreign {
                let is_named = [&*text, &*headers].iter().any(|said| has_word(said, &foreign));
                assert!(!is_named, "{name} names {foreign} of {other}: {text} {headers}");
            }
        }
    }
}

fn number_of(id: &str) -> &str {
    id.split_once('_').unwrap().1
}

/// Whether an id stands in a text, and not only as the beginning of a longer one.
fn has_word(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(at, _)| {
        let after = text[at + id.len()..].chars().next();
        after.is_none_or(|after| !after.is_ascii_digit())
    })
}

/// All of an answer but the number that was asked for.
fn anonymous(reply: &Reply, number: &str) -> (u16, String, String) {
    let mut body = String::from_utf8_lossy(&reply.bytes).into_owned();
    for kind in KINDS {
        body = body.replace(&format!("{kind}{number}"), "ID");
    }
    let mut headers: Vec<_> =
        reply.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|line| !line.starts_with("content-length"));
    headers.sort();
    (reply.status, body, headers.join("\n"))
}

/// Method, path, headers, body.
type Way = (Method, &'static str, Vec<(&'static str, &'static str)>, Value);

/// The ways to an order and to what is known by its number, each with the headers and bodies
/// that are worth a try.
fn ways() -> Vec<Way> {
    let address = json!({"street": "2 MG Road", "city": "Bengaluru", "country": "IN"});
    let mut ways = Vec::new();
    for operation in contract().operations() {
        let roots = ["/v1/orders/{id}", "/v1/payments/{id}", "/v1/effects/{id}"];
        if !roots.iter().any(|root| operation.path.starts_with(root)) {
            continue;
        }
        let method: Method = operation.method.to_uppercase().parse().unwrap();
        let body = if method == Method::PATCH {
            json!({"shipping_address": address})
        } else if operation.path.ends_with("/checkout-return") {
            json!({"provider_payment_id": "pay_x", "signature": "00"})
        } else {
            json!({})
        };
        for version in ["*", "\"1\"", "\"99\""] {
            ways.push((method.clone(), operation.path, vec![("if-match", version)], body.clone()));
        }
    }
    ways
}

/// The path to an order, or to what has its number.
fn path_to(path: &str, number: &str) -> String {
    let kind = match path.split('/').nth(2) {
        Some("payments") => "pay_",
        Some("effects") => "eff_",
        Some(_) | None => "ord_",
    };
    path.replace("{id}", &format!("{kind}{number}"))
}

/// What a customer may not do at all, whoever's it is.
const FOR_OPERATORS: [&str; 10] = [
    "/confirm",
    "/fulfilments",
    "/deliver",
    "/returns",
    "/capture",
    "/void",
    "/refunds",
    "/check",
    "/requeue",
    "/skip",
];

#[tokio::test]
async fn an_order_of_somebody_else_is_an_order_that_never_was() {
    let shop = Shop::with_gateway().await;
    let world = &shop.world;
    let ways = ways();
    assert_eq!(ways.len(), 3 * (9 + 6 + 2), "the routes with the number of an order");
    let mut keys = 0;
    for (whose, person) in [("a", &shop.a), ("b", &shop.b)] {
        let foreign = shop.orders.iter().filter(|(other, _)| **other != whose);
        for id in foreign.flat_map(|(_, ids)| ids) {
            for (method, path, headers, body) in &ways {
                let mut answers = Vec::new();
                for number in [number_of(id), NEVER] {
                    keys += 1;
                    let key = format!("way-{keys}");
                    let headers = [&headers[..], &[("idempotency-key", &*key)]].concat();
                    let path = path_to(path, number);
                    let reply = person.send(world, method.clone(), &path, &headers, body).await;
                    answers.push(anonymous(&reply, number));
                }
                let name = format!("{method} {path} {headers:?} as {whose}");
                assert_eq!(answers[0], answers[1], "{name}");
                let is_forbidden = FOR_OPERATORS.iter().any(|step| path.ends_with(step));
                assert_eq!(answers[0].0, if is_forbidden { 403 } else { 404 }, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_order_of_ones_own_is_there() {
    let shop = Shop::with_gateway().await;
    let id = &shop.orders["b"][1];
    for (method, path, headers, body) in ways() {
        let key = format!("{path}-{}", headers[0].1);
        let headers = [&headers[..], &[("idempotency-key", &*key)]].concat();
        let path = path_to(path, number_of(id));
        let reply = shop.b.send(&shop.world, method, &path, &headers, &body).await;
        assert!(reply.status != 404 && reply.status != 401, "{path}: {}", reply.body);
        shop.names_only("b", &reply, &path);
    }
    let cancelled = shop.b.get(&shop.world, &format!("/v1/orders/{id}")).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")));
    for id in shop.orders.values().flatten().filter(|other| *other != id) {
        let order = shop.world.get(&format!("/v1/orders/{id}")).await;
        assert_ne!(order.body["status"], "cancelled", "{id}");
    }
}

#[tokio::test]
async fn no_filter_shows_an_order_of_somebody_else() {
    let shop = Shop::open().await;
    let some = |name: &str, values: &[&str]| -> Vec<String> {
        values.iter().map(|value| format!("&{name}={value}")).chain([String::new()]).collect()
    };
    let (a, b) = (shop.ids["a"].as_str(), shop.ids["b"].as_str());
    let references = [REFERENCE_OF_A, "reference-of-b", "reference-of-nobody", "none"];
    let mut shown = 0;
    for customer in some("customer", &[a, b, "cus_99"]) {
        for reference in some("external_reference", &references) {
            for sku in some("sku", &["headphones", "123", "none"]) {
                for status in some("status", &["pending", "confirmed", "cancelled"]) {
                    let path = format!("/v1/orders?limit=50{customer}{reference}{sku}{status}");
                    let mine = shop.b.get(&shop.world, &path).await;
                    shop.names_only("b", &mine, &path);
                    let everybodys = shop.world.get(&path).await;
                    let rows = |reply: &Reply| reply.body["data"].as_array().unwrap().clone();
                    let mut wanted = rows(&everybodys);
                    wanted.retain(|row| row["customer_id"] == b);
                    assert_eq!(rows(&mine), wanted, "{path}");
                    assert_eq!(mine.body["has_more"], false, "{path}");
                    shown += wanted.len();
                }
            }
        }
    }
    assert!(shown > 30, "{shown} orders: the filters let hardly anything through");
}

#[tokio::test]
async fn no_cursor_shows_an_order_of_somebody_else() {
    let shop = Shop::open().await;
    let everything: Vec<&String> = shop.orders.values().flatten().collect();
    let never = format!("ord_{NEVER}");
    for cursor in everything.iter().map(|id| id.as_str()).chain([&*never, "ord_1"]) {
        for limit in [1, 2, 50] {
            let path = format!("/v1/orders?limit={limit}&starting_after={cursor}");
            let page = shop.b.get(&shop.world, &path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            let mut page = page;
            // The list says what was asked for.
            let bytes = String::from_utf8_lossy(&page.bytes).replace(&format!("={cursor}"), "=");
            page.bytes = bytes.into_bytes();
            let number = |id: &str| id.trim_start_matches("ord_").parse::<u64>().unwrap();
            let mine = shop.orders["b"].iter().rev().filter(|id| number(id) < number(cursor));
            let wanted: Vec<_> = mine.take(limit).collect();
            let rows = page.body["data"].as_array().unwrap();
            let found: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
            assert_eq!(found, wanted, "{path}");
            shop.names_only("b", &page, &path);
        }
    }
}

#[tokio::test]
async fn no_list_shows_a_payment_of_somebody_else() {
    let shop = Shop::with_gateway().await;
    let payments = |ids: &[String]| -> Vec<String> {
        ids.iter().rev().map(|id| format!("pay_{}", number_of(id))).collect()
    };
    let mine = payments(&shop.orders["b"]);
    for filter in ["", "&status=created", "&provider=razorpay"] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/payments?limit=1{filter}{cursor}");
            let page = shop.b.get(&shop.world, &path).await;
            shop.names_only("b", &page, &path);
            let rows = page.body["data"].as_array().unwrap().iter();
            found.extend(rows.map(|row| row["id"].as_str().unwrap().to_owned()));
            let Some(next) = page.body["next_cursor"].as_str() else { break };
            cursor = format!("&starting_after={next}");
        }
        assert_eq!(found, mine, "{filter}");
    }
    for (other, ids) in &shop.orders {
        for id in payments(ids).into_iter().filter(|_| *other != "b") {
            let page = shop.b.get(&shop.world, &format!("/v1/payments?starting_after={id}")).await;
            let rows = page.body["data"].as_array().unwrap();
            assert!(rows.iter().all(|row| mine.iter().any(|id| row["id"] == **id)), "{id}");
        }
    }
    for path in ["/v1/effects", "/v1/reconciliation"] {
        assert_eq!(shop.b.get(&shop.world, path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn nobody_places_an_order_for_somebody_else() {
    let shop = Shop::open().await;
    for (number, customer) in [shop.ids["a"].as_str(), "cus_99", "cus_1"].iter().enumerate() {
        let more = json!({"customer_id": customer});
        let refused = shop.b.order(&shop.world, &format!("for-{number}"), more).await;
        assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden_customer")));
    }
    for more in [json!({"customer_id": shop.ids["b"]}), json!({}), json!({"customer_id": null})] {
        let key = format!("own-{more}");
        let placed = shop.b.order(&shop.world, &key, more).await;
        assert_eq!((placed.status, &placed.body["customer_id"]), (201, &json!(shop.ids["b"])));
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_replays_nothing() {
    let shop = Shop::open().await;
    let more = json!({"metadata": {"cart": "7"}});
    let first = shop.a.order(&shop.world, "shared", more.clone()).await;
    let again = shop.a.order(&shop.world, "shared", more.clone()).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.bytes, first.bytes);
    let other = shop.b.order(&shop.world, "shared", more).await;
    assert_eq!((other.status, other.headers.get("idempotency-replayed")), (201, None));
    assert_eq!(other.body["customer_id"], shop.ids["b"].as_str());
    assert_ne!(other.body["id"], first.body["id"]);
    // Another body under it is B's own business: nothing says that A has used the key.
    let changed = shop.b.order(&shop.world, "a-0", json!({"metadata": {"x": "y"}})).await;
    assert_eq!(changed.status, 201, "{}", changed.body);
    let orders = shop.b.get(&shop.world, "/v1/orders").await;
    shop.names_only("b", &orders, "the list");
}

#[tokio::test]
async fn a_reference_that_is_taken_does_not_say_by_which_order() {
    let shop = Shop::open().await;
    let more = json!({"external_reference": REFERENCE_OF_A});
    let refused = shop.b.order(&shop.world, "taken", more.clone()).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("external_reference_taken")));
    assert!(refused.body.get("order_id").is_none(), "{}", refused.body);
    shop.names_only("b", &refused, "the refusal");
    let own = shop.a.order(&shop.world, "taken", more).await;
    assert_eq!((own.status, &own.body["order_id"]), (409, &json!(shop.orders["a"][0])));
}
