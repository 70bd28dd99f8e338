//! The audit log: newest first, by type, object and who asked, page by page; one event with its
//! object as text.

use serde_json::json;

use super::office::{Clerk, HOSTILE};
use crate::world::World;

/// A world in which a product was made whose name runs where it is not escaped.
async fn with_product() -> World {
    let world = World::new().await;
    let product = json!({
        "sku": "odd", "name": HOSTILE, "price": {"amount": 100, "currency": "INR"}
    });
    let made = world.post("/v1/products", "odd", product).await;
    assert_eq!(made.status, 201, "{}", made.body);
    world
}

#[tokio::test]
async fn the_log_is_read_newest_first_and_page_by_page() {
    let world = with_product().await;
    let newest = world.events().await;
    for number in 0..60 {
        let body = json!({"sku": format!("p{number}"), "name": "x",
            "price": {"amount": 100, "currency": "INR"}});
        assert_eq!(world.post("/v1/products", &format!("p{number}"), body).await.status, 201);
    }
    let clerk = Clerk::admin(&world).await;
    let newest = newest + 60;
    let link = |seq: i64| format!("href=\"/admin/log/{seq}\"");
    let first = clerk.get("/admin/log").await;
    // Logging in is an event as well.
    let top = newest + 1;
    first.is(200).has(&[&link(top), &link(top - 49), "rel=\"next\""]);
    first.lacks(&[&link(top - 50)]);
    let second = clerk.get(&format!("/admin/log?after={}", top - 49)).await;
    second.has(&[&link(top - 50), "First page"]).lacks(&[&link(top - 49)]);
}

#[tokio::test]
async fn the_log_is_narrowed_by_type_object_and_who_asked() {
    let world = with_product().await;
    let clerk = Clerk::admin(&world).await;
    let id = world.get("/v1/products/odd").await.body["id"].as_str().unwrap().to_owned();
    for (query, seen, unseen) in [
        ("type=product.created".to_owned(), "/admin/stock/odd", "session.started</code>"),
        (format!("about={id}"), "product.created</code>", "session.started</code>"),
        (format!("about={id}&type=product.updated"), "No event is like that.", "</td>"),
        ("actor=key_1".to_owned(), "/admin/stock/odd", "session.started</code>"),
        ("actor=nobody".to_owned(), "No event is like that.", "</td>"),
        ("about=usr_1".to_owned(), "user.registered</code>", "product.created</code>"),
    ] {
        let shown = clerk.get(&format!("/admin/log?{query}")).await;
        shown.is(200).has(&[seen]).lacks(&[unseen]);
    }
    for query in ["type=x", "about=x", "about=ord_x", "after=x"] {
        clerk.get(&format!("/admin/log?{query}")).await.is(422);
    }
    let other = Clerk::operator(&world, &["orders:read"]).await;
    other.get("/admin/log").await.is(403);
}

#[tokio::test]
async fn an_event_shows_its_object_as_text() {
    let world = with_product().await;
    let clerk = Clerk::admin(&world).await;
    let seq = world.events().await - 1;
    let shown = clerk.get(&format!("/admin/log/{seq}")).await;
    shown.is(200).has(&["product.created", "&lt;script&gt;", "&quot;sku&quot;: &quot;odd&quot;"]);
    for (seq, status) in [("1", 200), ("0", 404), ("-1", 404), ("9999", 404), ("x", 404)] {
        clerk.get(&format!("/admin/log/{seq}")).await.is(status);
    }
}
