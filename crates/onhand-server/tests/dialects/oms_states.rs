//! `oms`: what an order and its payment are called on every way that they may go, with a gateway
//! that takes the money when an operator says so.

use onhand_core::command::Reply;
use onhand_core::effects::{self, Outcome, Settlement};
use onhand_core::payments::{Capture, Seen};
use onhand_core::text::Text;
use onhand_core::{Actor, Command, inventory};
use serde_json::{Value, json};

use crate::people::Person;
use crate::till::{Till, gateways};
use crate::world::{World, spoken};

/// An order of two headphones and a tablet, and how it is seen.
struct Sold<'a> {
    till: &'a Till,
    user: &'a Person<'a>,
    id: i64,
}

impl<'a> Sold<'a> {
    async fn new(till: &'a Till, user: &'a Person<'a>) -> Self {
        let items = json!([{"product_id": "4", "quantity": 2}, {"product_id": "6", "quantity": 1}]);
        let placed = user.ask("POST /orders", &json!({"items": items})).await;
        assert_eq!(placed.status, 201, "{}", placed.text);
        let id = placed.body["data"]["id"].as_str().unwrap().parse().unwrap();
        Self { till, user, id }
    }

    /// What the order and its payment are called.
    async fn seen(&self) -> (Value, Value) {
        let id = self.id;
        let order = self.user.get(&format!("/orders/{id}")).await.body["data"]["status"].clone();
        let path = format!("/payments/order/{id}");
        (order, self.user.get(&path).await.body["data"]["status"].clone())
    }

    /// Waits until they are called so.
    async fn is(&self, order: &str, payment: Option<&str>) {
        let wanted = (json!(order), payment.map_or(Value::Null, Into::into));
        let mut seen = self.seen().await;
        for _ in 0..2_000 {
            if seen == wanted {
                return;
            }
            self.till.a_moment().await;
            seen = self.seen().await;
        }
        panic!("{seen:?} is not {wanted:?}");
    }

    /// Does something with the order as an operator does.
    async fn moved(&self, action: &str, body: &str) {
        let line = format!("POST /v1/orders/ord_{}/{action}", self.id);
        let reply = self.till.world.v1(&line, body).await;
        assert_eq!(reply.status, 200, "{line}: {}", reply.text);
    }

    /// Begins the payment; the gateway's order.
    async fn begun(&self) -> String {
        let sent = json!({"order_id": self.id.to_string()});
        let begun = self.user.ask("POST /payments", &sent).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        self.till.payable(self.id).await
    }

    /// Is paid, and the money taken.
    async fn paid(&self) {
        let intent = self.begun().await;
        self.till.pay(&intent, "captured").await;
        self.is("PAID", Some("CAPTURED")).await;
    }

    async fn refunded(&self, paise: Option<i64>) {
        let amount = paise.map(|amount| json!({"amount": amount, "currency": "INR"}));
        let body = amount.map_or(json!({}), |amount| json!({"amount": amount})).to_string();
        let line = format!("POST /v1/payments/pay_{}/refunds", self.id);
        let reply = self.till.world.v1(&line, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_called_as_the_contract_has_it_whatever_becomes_of_it() {
    let till = Till::taking(Capture::Manual).await;
    let user = Person::user(&till.world).await;
    // Paid for in two steps, and sent in two.
    let sold = Sold::new(&till, &user).await;
    sold.is("PENDING", None).await;
    let intent = sold.begun().await;
    sold.is("RESERVED_INVENTORY", Some("CREATED")).await;
    till.pay(&intent, "failed").await;
    sold.is("RESERVED_INVENTORY", Some("FAILED")).await;
    till.pay(&intent, "authorized").await;
    sold.is("IN_PROGRESS", Some("AUTHORIZED")).await;
    let capture = format!("POST /v1/payments/pay_{}/capture", sold.id);
    assert_eq!(till.world.v1(&capture, "{}").await.status, 200);
    sold.is("PAID", Some("CAPTURED")).await;
    sold.moved("fulfilments", r#"{"lines": [{"line": 1, "quantity": 1}]}"#).await;
    sold.is("IN_PROGRESS", Some("CAPTURED")).await;
    sold.moved("fulfilments", "{}").await;
    sold.is("COMPLETED", Some("CAPTURED")).await;
    sold.moved("deliver", "{}").await;
    sold.is("DELIVERED", Some("CAPTURED")).await;
    // Money that goes back, some and all of it.
    let sold = Sold::new(&till, &user).await;
    sold.paid().await;
    sold.refunded(Some(10_000)).await;
    sold.is("PARTIALLY_REFUNDED", Some("CAPTURED")).await;
    sold.refunded(None).await;
    sold.is("REFUNDED", Some("REFUNDED")).await;
    let refunds = user.get(&format!("/payments/refunds/{}", sold.id)).await.body["data"].clone();
    let amounts: Vec<_> = refunds.as_array().unwrap().iter().map(|one| &one["amount"]).collect();
    assert_eq!(amounts.len(), 2, "{refunds}");
    assert!(amounts.contains(&&json!("100.00")), "{refunds}");
    // Given up before it was paid, and after.
    let sold = Sold::new(&till, &user).await;
    sold.begun().await;
    sold.moved("cancel", "{}").await;
    sold.is("CANCELLED", Some("FAILED")).await;
    let sold = Sold::new(&till, &user).await;
    sold.paid().await;
    sold.moved("cancel", "{}").await;
    sold.is("REFUNDED", Some("REFUNDED")).await;
    // Not paid in time.
    let sold = Sold::new(&till, &user).await;
    sold.begun().await;
    let next = Sold::new(&till, &user).await;
    till.world.clock.advance_secs(601);
    let sweep = Command::Inventory(inventory::Command::ExpireDue { most: 100 });
    let swept = till.world.app.submit.submit(sweep, Actor::System, None).await;
    assert_eq!(swept.unwrap().outcome, Ok(Reply::Expired { holds: 2 }));
    sold.is("EXPIRED", Some("FAILED")).await;
    next.is("EXPIRED", None).await;
    till.world.verify().await;
}

/// Nobody can pay an order that the gateway does not take: it fails, and its stock is free, once.
#[tokio::test]
async fn an_order_that_the_gateway_does_not_take_fails() {
    // Nobody is at this address, and nobody works.
    let world = World::paid_through(gateways("http://127.0.0.1:9".into()), spoken()).await;
    let user = Person::user(&world).await;
    let items = json!([{"product_id": "1", "quantity": 2}]);
    assert_eq!(user.ask("POST /orders", &json!({"items": items})).await.status, 201);
    let begun = user.ask("POST /payments", &json!({"order_id": 1, "status": "CAPTURED"})).await;
    let payment = &begun.body["data"];
    assert_eq!((begun.status, &payment["status"]), (200, &json!("CREATED")), "{}", begun.text);
    assert_eq!([&payment["razorpay_order_id"], &payment["razorpay_payment_id"]], [&Value::Null; 2]);
    assert_eq!(world.figures("123").await, (5, 2));
    let submit = async |command| {
        let asked = world.app.submit.submit(Command::Effects(command), Actor::System, None);
        asked.await.unwrap().outcome.unwrap()
    };
    let Reply::Tasks(tasks) = submit(effects::Command::Lease { most: 1, secs: 60 }).await else {
        panic!("nothing is owed");
    };
    for _ in 0..2 {
        let settlements = tasks.iter().map(|task| Settlement {
            epoch: task.epoch,
            order_id: task.order_id,
            provider: task.provider,
            call: task.call.clone(),
            seen: Seen::default(),
            outcome: Outcome::Declined(Text::new("no such account").unwrap()),
            again_at: task.leased_until,
        });
        submit(effects::Command::Settle { settlements: settlements.collect() }).await;
        let seen = user.get("/orders/1").await.body["data"]["status"].clone();
        assert_eq!(seen, "FAILED");
        let payment = user.get("/payments/order/1").await.body["data"].clone();
        assert_eq!(payment["status"], "FAILED", "{payment}");
        assert_eq!(world.figures("123").await, (5, 0));
    }
    world.verify().await;
}
