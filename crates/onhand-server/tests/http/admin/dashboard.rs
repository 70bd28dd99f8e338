//! The first page: its figures are those of the store, and nobody sees what is not theirs to see.

use serde_json::{Value, json};

use super::office::Clerk;
use crate::world::World;

async fn order(world: &World, key: &str, sku: &str, quantity: u32) -> Value {
    let order = json!({"items": [{"sku": sku, "quantity": quantity}]});
    let placed = world.post("/v1/orders", key, order).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    placed.body
}

#[tokio::test]
async fn orders_and_revenue_are_those_of_the_time_that_is_shown() {
    let world = World::new().await;
    order(&world, "z", "tablet", 1).await;
    world.clock.advance_secs(2 * 3_600);
    order(&world, "a", "headphones", 2).await;
    world.clock.advance_secs(90);
    let lost = order(&world, "b", "headphones", 1).await;
    let path = format!("/v1/orders/{}/cancel", lost["id"].as_str().unwrap());
    assert_eq!(world.post(&path, "c", json!({})).await.status, 200);
    let clerk = Clerk::admin(&world).await;
    // Two of 7,399.99 count, the cancelled one does not; the tablet is two hours old.
    let shown = clerk.get("/admin").await;
    shown.is(200).has(&["<p class=\"big\">2</p>", "14799.98 INR", "role=\"img\""]);
    shown.lacks(&["spread evenly"]);
    let day = clerk.get("/admin?span=day").await;
    day.is(200).has(&["<p class=\"big\">3</p>", "15149.97 INR"]);
    clerk.get("/admin?span=year").await.is(422).has(&["expected hour, day or month"]);
}

#[tokio::test]
async fn figures_are_kept_for_a_moment_and_then_gathered_again() {
    let world = World::new().await;
    world.clock.advance_secs(2 * 3_600);
    let clerk = Clerk::admin(&world).await;
    clerk.get("/admin").await.has(&["<p class=\"big\">0</p>", "<p class=\"big\">—</p>"]);
    order(&world, "a", "headphones", 1).await;
    clerk.get("/admin").await.has(&["<p class=\"big\">0</p>"]);
    world.clock.advance_secs(1);
    clerk.get("/admin").await.has(&["<p class=\"big\">1</p>", "7399.99 INR"]);
}

#[tokio::test]
async fn whoever_may_not_see_something_is_not_shown_it() {
    let world = World::new().await;
    for (scope, seen, unseen) in [
        ("orders:read", "Orders by state", "Low stock"),
        ("stock:read", "Low stock", "Orders by state"),
        ("payments:read", "Messages that belong to no order", "Low stock"),
        ("events:read", "Dead letters", "Orders by state"),
    ] {
        let clerk = Clerk::operator(&world, &[scope]).await;
        clerk.get("/admin").await.is(200).has(&[seen]).lacks(&[unseen]);
    }
}

#[tokio::test]
async fn what_runs_out_is_listed_with_its_threshold() {
    let world = World::new().await;
    let clerk = Clerk::admin(&world).await;
    let first = clerk.get("/admin").await;
    first.has(&["href=\"/admin/stock/123\"", "1 in all"]).lacks(&["/admin/stock/tablet"]);
    let policy = json!({"low_stock_threshold": 11});
    let set = world.patch("/v1/stock/tablet", "*", policy).await;
    assert_eq!(set.status, 200, "{}", set.body);
    world.clock.advance_secs(1);
    clerk.get("/admin").await.has(&["href=\"/admin/stock/tablet\"", "2 in all"]);
}
