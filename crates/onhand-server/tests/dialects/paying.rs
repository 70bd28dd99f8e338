//! Buyers of the last units who pay for them, through each dialect and through all of them and
//! `/v1` at once; some are declined and try again, some give up, some change their minds. In the
//! end both books say the same: what was sold is paid, and nothing is charged without an order.

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::people::Person;
use crate::till::{PATIENCE, Till};
use crate::world::Reply;

/// Through which contract somebody buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Storefront,
    Flow,
    Processing,
    Oms,
    Plain,
}

const WAYS: [Way; 5] = [Way::Storefront, Way::Flow, Way::Processing, Way::Oms, Way::Plain];

/// Somebody who buys one unit of a product.
struct Buyer<'a> {
    till: &'a Till,
    way: Way,
    product: i64,
    /// Who is logged in, where the contract asks.
    person: Person<'a>,
    /// The user of `flow`.
    user: i64,
}

/// The number of the order that was placed.
fn placed(reply: &Reply, id: &Value) -> Result<i64, u16> {
    if ![200, 201].contains(&reply.status) {
        return Err(reply.status);
    }
    let number = id.as_i64().or_else(|| id.as_str()?.trim_start_matches("ord_").parse().ok());
    Ok(number.unwrap_or_else(|| panic!("{}", reply.text)))
}

impl<'a> Buyer<'a> {
    async fn new(till: &'a Till, way: Way, product: i64, token: &str) -> Self {
        static BUYERS: AtomicU32 = AtomicU32::new(0);
        let number = BUYERS.fetch_add(1, Ordering::Relaxed);
        let mut user = 0;
        if way == Way::Flow {
            let body = json!({"email": format!("buyer-{number}@example.com")}).to_string();
            let made = till.world.ask_flow("POST /user", &body).await;
            user = made.body["resp"]["id"].as_i64().unwrap();
        }
        Self { till, way, product, person: Person::with(&till.world, token), user }
    }

    /// Places the order.
    async fn place(&self) -> Result<i64, u16> {
        let (world, product) = (&self.till.world, self.product);
        match self.way {
            Way::Storefront => {
                let body = json!({"productId": product, "quantity": 1}).to_string();
                let reply = world.ask("POST /order", &body).await;
                placed(&reply, &reply.body["order"]["id"])
            }
            Way::Flow => {
                let body = json!({"productId": product, "userId": self.user}).to_string();
                let reply = world.ask_flow("POST /order", &body).await;
                placed(&reply, &reply.body["resp"][1]["id"])
            }
            Way::Processing => {
                let body = json!({"items": [{"productId": product, "quantity": 1}],
                    "shippingAddress": {"street": "1 Elm St", "city": "Austin", "state": "TX",
                        "zipCode": "73301", "country": "USA"}, "paymentMethod": "PayPal"});
                let reply = self.person.ask("POST /api/orders", &body).await;
                placed(&reply, &reply.body["data"]["order"]["orderId"])
            }
            Way::Oms => {
                let body = json!({"items": [{"product_id": product, "quantity": 1}]});
                let reply = self.person.ask("POST /orders", &body).await;
                placed(&reply, &reply.body["data"]["id"])
            }
            Way::Plain => {
                let items = json!([{"product_id": format!("prd_{product}"), "quantity": 1}]);
                let body = json!({"items": items, "payment": {"provider": "razorpay"}});
                let reply = world.v1("POST /v1/orders", &body.to_string()).await;
                placed(&reply, &reply.body["id"])
            }
        }
    }

    /// The gateway's order by which this one is paid.
    async fn intent(&self, order: i64) -> String {
        if self.way == Way::Oms {
            let sent = json!({"order_id": order});
            let begun = self.person.ask("POST /payments", &sent).await;
            assert_eq!(begun.status, 200, "{}", begun.text);
            let again = self.person.ask("POST /api/payments", &sent).await;
            let said = again.body["data"]["message"].as_str().unwrap();
            assert!(again.status == 200 && said.contains("already initiated"), "{}", again.text);
        }
        self.till.payable(order).await
    }

    /// Tries to pay, and comes back from the checkout where the contract has a way back.
    async fn pay(&self, intent: &str, outcome: &str) {
        let brought = self.till.pay(intent, outcome).await;
        if self.way != Way::Oms || outcome != "captured" {
            return;
        }
        let sent = json!({"razorpayOrderId": brought["razorpay_order_id"],
            "razorpayPaymentId": brought["razorpay_payment_id"],
            "razorpaySignature": brought["razorpay_signature"]});
        let verified = self.person.ask("POST /payments/verify", &sent).await;
        assert_eq!((verified.status, &verified.body["data"]["success"]), (200, &json!(true)));
    }

    /// What the contract says of the order; of `flow`, how many units the user has.
    async fn seen(&self, order: i64) -> Value {
        let world = &self.till.world;
        match self.way {
            Way::Storefront => {
                let reply = world.ask(&format!("GET /order/{order}"), "").await;
                reply.body["order"]["status"].clone()
            }
            Way::Flow => {
                let reply = world.ask_flow(&format!("GET /order?userId={}", self.user), "").await;
                reply.body["resp"][0]["count"].clone()
            }
            Way::Processing => {
                let reply = self.person.get(&format!("/api/orders/{order}")).await;
                reply.body["data"]["order"]["status"].clone()
            }
            Way::Oms => {
                let reply = self.person.get(&format!("/orders/{order}")).await;
                reply.body["data"]["status"].clone()
            }
            Way::Plain => {
                let reply = world.v1(&format!("GET /v1/orders/ord_{order}"), "").await;
                reply.body["status"].clone()
            }
        }
    }
}

/// What a contract says of an order that waits, of one that is paid, and of one that failed.
fn words(way: Way) -> [Value; 3] {
    match way {
        Way::Storefront => [json!("pending"), json!("processed"), json!("failed")],
        Way::Flow => [json!(1), json!(1), Value::Null],
        // It is taken up by a worker, which this world has not.
        Way::Processing => [json!("Pending"), json!("Pending"), json!("Failed")],
        Way::Oms => [json!("RESERVED_INVENTORY"), json!("PAID"), json!("EXPIRED")],
        Way::Plain => [json!("pending"), json!("confirmed"), json!("expired")],
    }
}

/// So many at once try to buy; the orders of those who could. All the others were told that there
/// is too little.
async fn race(till: &Arc<Till>, way: Way, product: i64, buyers: usize) -> Vec<i64> {
    let token = Person::user(&till.world).await.token;
    let barrier = Arc::new(Barrier::new(buyers));
    let mut racing = JoinSet::new();
    for _ in 0..buyers {
        let (till, barrier, token) = (till.clone(), barrier.clone(), token.clone());
        racing.spawn(async move {
            let buyer = Buyer::new(&till, way, product, &token).await;
            barrier.wait().await;
            buyer.place().await
        });
    }
    let mut orders = Vec::new();
    for placed in racing.join_all().await {
        match placed {
            Ok(order) => orders.push(order),
            Err(status) => assert_eq!(status, 409, "{way:?}"),
        }
    }
    orders
}

/// Takes all but one unit of product 1 out of sale.
async fn all_but_one_are_held(till: &Till) {
    let held = r#"{"orderId": "others", "quantity": 4}"#;
    assert_eq!(till.world.ask("PUT /inventory/reserve-order/123", held).await.status, 200);
}

/// What is wrong between the gateway's book and ours: money that it keeps and nobody has an order
/// for, or an order that is sold and not paid.
async fn difference(till: &Till) -> Option<String> {
    let found = till.world.v1("GET /v1/payments?limit=200", "").await.body;
    let payments = found["data"].as_array().unwrap();
    for (name, captured, refunded) in till.ledger().await {
        let payment = payments.iter().find(|payment| payment["provider_order_id"] == *name);
        let order = payment.unwrap()["order_id"].as_str().unwrap();
        let order = till.world.v1(&format!("GET /v1/orders/{order}"), "").await.body;
        let total = order["total"]["amount"].as_i64().unwrap();
        let kept = if order["status"] == "confirmed" { total } else { 0 };
        if captured - refunded != kept {
            return Some(format!("{captured} - {refunded} of {name}: {order}"));
        }
    }
    None
}

/// Nothing is charged without an order, and nothing is sold without being paid, as soon as
/// everything that is on its way has arrived.
async fn both_books_agree(till: &Till) {
    let mut last = None;
    let agreeing = async {
        loop {
            last = difference(till).await;
            if last.is_none() {
                return;
            }
            till.a_moment().await;
        }
    };
    let agreed = timeout(PATIENCE, agreeing).await;
    assert!(agreed.is_ok(), "{last:?}");
    till.world.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_unit_is_sold_and_charged_once_through_each_contract() {
    for way in WAYS {
        let till = Arc::new(Till::new().await);
        all_but_one_are_held(&till).await;
        let orders = race(&till, way, 1, 12).await;
        let [order] = orders[..] else { panic!("{way:?}: {orders:?}") };
        let token = Person::user(&till.world).await.token;
        let mut buyer = Buyer::new(&till, way, 1, &token).await;
        let placed = till.world.v1(&format!("GET /v1/orders/ord_{order}"), "").await.body;
        let customer = placed["customer_id"].as_str().unwrap_or("cus_0");
        buyer.user = customer.trim_start_matches("cus_").parse().unwrap();
        let [waits, paid, _] = words(way);
        let intent = buyer.intent(order).await;
        if way == Way::Oms {
            assert_eq!(buyer.seen(order).await, waits);
        }
        // Declined, and once more: the order waits for as long as its stock is held.
        buyer.pay(&intent, "failed").await;
        let path = format!("/v1/payments/pay_{order}");
        let is_told =
            |payment: &Value| payment["attempts"].as_array().is_some_and(|a| !a.is_empty());
        till.until(&path, is_told).await;
        assert_eq!(buyer.seen(order).await, waits, "{way:?}");
        assert_eq!(till.world.figures("123").await, (5, 5), "{way:?}");
        buyer.pay(&intent, "captured").await;
        till.until_order(order, "confirmed").await;
        assert_eq!(buyer.seen(order).await, paid, "{way:?}");
        assert_eq!(buyer.place().await, Err(409), "{way:?}");
        let ledger = till.ledger().await;
        assert_eq!(ledger, [(intent, 1_999, 0)], "{way:?}");
        assert_eq!(till.world.figures("123").await, (5, 5), "{way:?}");
        both_books_agree(&till).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_declined_and_gives_up_leaves_the_unit_to_the_next_and_is_not_charged() {
    for way in WAYS {
        let till = Till::new().await;
        all_but_one_are_held(&till).await;
        let token = Person::user(&till.world).await.token;
        let first = Buyer::new(&till, way, 1, &token).await;
        let next = Buyer::new(&till, way, 1, &token).await;
        let lost = first.place().await.unwrap();
        let lost_intent = first.intent(lost).await;
        first.pay(&lost_intent, "failed").await;
        assert_eq!(next.place().await, Err(409), "{way:?}");
        // The hold runs out, and whoever comes finds the unit free, once.
        till.world.clock.advance_secs(601);
        let order = next.place().await.unwrap();
        assert_eq!(next.place().await, Err(409), "{way:?}");
        assert_eq!(first.seen(lost).await, words(way)[2], "{way:?}");
        let intent = next.intent(order).await;
        next.pay(&intent, "captured").await;
        till.until_order(order, "confirmed").await;
        // Money that comes too late goes back: there is nothing left to sell for it.
        till.pay(&lost_intent, "captured").await;
        let path = format!("/v1/payments/pay_{lost}");
        till.until(&path, |payment| payment["status"] == "refunded").await;
        assert_eq!(first.seen(lost).await, late(way), "{way:?}");
        assert_eq!(till.world.figures("123").await, (5, 5), "{way:?}");
        both_books_agree(&till).await;
    }
}

/// What a contract says of an order whose money came too late and went back.
fn late(way: Way) -> Value {
    if way == Way::Oms { json!("REFUNDED") } else { words(way)[2].clone() }
}

/// What a buyer does with an order.
async fn go_through_with(buyer: &Buyer<'_>, order: i64, mood: usize) {
    let till = buyer.till;
    let intent = buyer.intent(order).await;
    let cancel = format!("POST /v1/orders/ord_{order}/cancel");
    match mood {
        0 => buyer.pay(&intent, "captured").await,
        1 => {
            buyer.pay(&intent, "failed").await;
            buyer.pay(&intent, "captured").await;
        }
        2 => {
            buyer.pay(&intent, "failed").await;
            assert_eq!(till.world.v1(&cancel, "{}").await.status, 200);
        }
        // Pays, and cancels before anybody has heard of it, or after.
        _ => {
            let (_, cancelled) =
                tokio::join!(till.pay(&intent, "captured"), till.world.v1(&cancel, "{}"));
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_all_contracts_at_once_what_is_sold_is_paid_and_nothing_else_is_charged() {
    // Tablets: number 6.
    const UNITS: usize = 10;
    const BUYERS: usize = 40;
    let till = Arc::new(Till::new().await);
    let token = Person::user(&till.world).await.token;
    let barrier = Arc::new(Barrier::new(BUYERS + 4));
    let sold = Arc::new(AtomicUsize::new(0));
    let is_open = |sold: &AtomicUsize| sold.load(Ordering::Relaxed) < UNITS;
    let mut racing = JoinSet::new();
    for number in 0..BUYERS {
        let (till, barrier, token) = (till.clone(), barrier.clone(), token.clone());
        let (sold, mood) = (sold.clone(), number / WAYS.len() % 4);
        racing.spawn(async move {
            let way = WAYS[number % WAYS.len()];
            let buyer = Buyer::new(&till, way, 6, &token).await;
            barrier.wait().await;
            // Who comes too late comes again, as long as somebody may still give up.
            while is_open(&sold) {
                match buyer.place().await {
                    Ok(order) => {
                        go_through_with(&buyer, order, mood).await;
                        sold.fetch_add(usize::from(mood < 2), Ordering::Relaxed);
                        return;
                    }
                    Err(status) => assert_eq!(status, 409, "{way:?}"),
                }
                till.a_moment().await;
            }
        });
    }
    // Others hold some for a while, by a contract that knows no payment.
    for number in 0..4 {
        let (till, barrier, sold) = (till.clone(), barrier.clone(), sold.clone());
        racing.spawn(async move {
            let of = json!({"orderId": format!("cart-{number}"), "quantity": 2}).to_string();
            barrier.wait().await;
            while is_open(&sold) {
                let reserve = "PUT /inventory/reserve-order/tablet";
                if till.world.ask(reserve, &of).await.status == 200 {
                    till.a_moment().await;
                    let cancel = "PUT /inventory/cancel-reservation/tablet";
                    assert_eq!(till.world.ask(cancel, &of).await.status, 200);
                    return;
                }
                till.a_moment().await;
            }
        });
    }
    // Half of the buyers go through with it, and there are ten units for twenty of them.
    timeout(2 * PATIENCE, racing.join_all()).await.unwrap();
    let is_sold_out = |stock: &Value| stock["reserved"] == 10;
    till.until("/v1/stock/tablet", is_sold_out).await;
    both_books_agree(&till).await;
    let confirmed = till.world.v1("GET /v1/orders?status=confirmed&limit=200", "").await.body;
    assert_eq!(confirmed["data"].as_array().unwrap().len(), UNITS);
    assert_eq!(till.world.figures("tablet").await, (10, 10));
}
