//! Several contracts and `/v1` at once, on one product.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_the_last_unit_whatever_it_speaks() {
    for round in 0..8 {
        let world = Arc::new(World::new().await);
        world.ask("POST /order", r#"{"productId": 1, "quantity": 4}"#).await;
        let start = Arc::new(Barrier::new(40));
        let mut buyers = JoinSet::new();
        for buyer in 0..40 {
            let (world, start) = (world.clone(), start.clone());
            buyers.spawn(async move {
                start.wait().await;
                let reply = match buyer % 5 {
                    0 => world.ask("POST /order", r#"{"productId": 1, "quantity": 1}"#).await,
                    1 => world.ask_flow("POST /order", r#"{"productId": 1, "userId": 2}"#).await,
                    2 => {
                        let body = json!({"orderId": format!("o{buyer}"), "quantity": 1});
                        world.ask("PUT /inventory/reserve-order/123", &body.to_string()).await
                    }
                    3 => {
                        let body = json!({"eventType": "orderPlaced", "productId": "123",
                            "quantity": 1, "timestamp": format!("2025-12-31T00:00:{buyer}Z")});
                        world.ask("POST /inventory/update-stock", &body.to_string()).await
                    }
                    _ => {
                        let body = r#"{"items": [{"sku": "123", "quantity": 1}]}"#;
                        world.v1("POST /v1/orders", body).await
                    }
                };
                reply.status
            });
        }
        let statuses = buyers.join_all().await;
        let bought = statuses.iter().filter(|status| [200, 201].contains(status)).count();
        assert_eq!(bought, 1, "{round}: {statuses:?}");
        let (on_hand, reserved) = world.figures("123").await;
        assert_eq!(on_hand, reserved, "{round}");
        world.verify().await;
    }
}
