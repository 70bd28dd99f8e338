//! A program with a customer's account holds as much as a customer may, and no more, whatever it
//! tries; who pays or cancels may go on, and everybody else finds the rest on the shelf.

use onhand_core::accounts::Role;
use onhand_core::limits::{HELD_UNITS_PER_CUSTOMER_MAX, OPEN_ORDERS_PER_CUSTOMER_MAX};
use serde_json::{Value, json};

use crate::people::{Person, user};
use crate::world::{Reply, World};

async fn hold(world: &World, person: &Person, key: &str, units: i64) -> Reply {
    let items = json!([{"sku": "smartphone", "quantity": units}]);
    let payment = json!({"provider": "manual", "expires_in_s": 600});
    person.post(world, "/v1/orders", key, json!({"items": items, "payment": payment})).await
}

async fn reserved(world: &World) -> i64 {
    let stock = world.get("/v1/stock/smartphone").await;
    stock.body["locations"][0]["reserved"].as_i64().unwrap()
}

/// Places orders of so many units until one is refused; the orders, and the refusal.
async fn grab(world: &World, bot: &Person, units: i64) -> (Vec<Value>, Reply) {
    let mut orders = Vec::new();
    for number in 0..1_000 {
        let reply = hold(world, bot, &format!("{units}-{number}"), units).await;
        if reply.status != 201 {
            return (orders, reply);
        }
        orders.push(reply.body["id"].clone());
    }
    panic!("a bot is never refused");
}

#[tokio::test]
async fn a_bot_holds_as_much_as_a_customer_may() {
    let world = World::new().await;
    let more = json!({"sku": "smartphone", "delta": 5_000, "reason": "received"});
    assert_eq!(world.post("/v1/stock/adjustments", "more", more).await.status, 201);
    let (_, bot) = user(&world, "bot", Role::Customer, None).await;
    let (_, ann) = user(&world, "ann", Role::Customer, None).await;
    let (large, refused) = grab(&world, &bot, 60).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("too_many_open_orders")));
    assert_eq!(refused.body["held_units"], json!(960));
    assert_eq!(refused.body["most_units"], json!(HELD_UNITS_PER_CUSTOMER_MAX));
    let (small, refused) = grab(&world, &bot, 1).await;
    assert_eq!(refused.body["open_orders"], json!(OPEN_ORDERS_PER_CUSTOMER_MAX));
    assert_eq!((large.len(), small.len()), (16, 4));
    assert_eq!(reserved(&world).await, 964);
    // The same again is the same order, and several at once are not for customers.
    assert_eq!(hold(&world, &bot, "60-0", 60).await.body["id"], large[0]);
    let batch = json!({"orders": [{"items": [{"sku": "smartphone", "quantity": 1}]}]});
    assert_eq!(bot.post(&world, "/v1/orders/batch", "batch", batch).await.status, 403);
    assert_eq!(reserved(&world).await, 964);
    assert_eq!(hold(&world, &ann, "ann", 5).await.status, 201, "somebody else");
    let cancel = format!("/v1/orders/{}/cancel", large[0].as_str().unwrap());
    assert_eq!(bot.post(&world, &cancel, "cancel", json!({})).await.status, 200);
    assert_eq!(hold(&world, &bot, "after", 60).await.status, 201);
    let confirm = format!("/v1/orders/{}/confirm", small[0].as_str().unwrap());
    assert_eq!(world.post(&confirm, "confirm", json!({})).await.status, 200);
    assert_eq!(hold(&world, &bot, "paid", 1).await.status, 201);
    assert_eq!(hold(&world, &bot, "again", 1).await.status, 409);
    world.clock.advance_secs(600);
    assert_eq!(hold(&world, &bot, "later", 60).await.status, 201, "what has run out is free");
}
