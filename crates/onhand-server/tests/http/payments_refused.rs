//! What is refused about payments, as a table, after which nothing has changed.

use serde_json::{Value, json};

use crate::till::Till;

const PRICE: i64 = 8_399_999;

/// Payments and orders in every state that a refusal may depend on.
struct Shelf {
    till: Till,
    unpaid: String,
    set_aside: String,
    paid: String,
    let_go: String,
    /// An order that nobody takes the payment of.
    manual: String,
}

fn number(id: &Value) -> String {
    id.as_str().unwrap().split_once('_').unwrap().1.to_owned()
}

impl Shelf {
    async fn new() -> Self {
        let till = Till::new().await;
        let unpaid = till.sell("manual").await;
        let set_aside = till.sell("manual").await;
        till.pay(&set_aside, "authorized").await;
        till.until_status(&set_aside, "authorized").await;
        let paid = till.sell("automatic").await;
        till.pay(&paid, "pays").await;
        till.until_status(&paid, "captured").await;
        let let_go = till.sell("manual").await;
        till.pay(&let_go, "authorized").await;
        till.until_status(&let_go, "authorized").await;
        let path = format!("/v1/payments/{}", let_go["id"].as_str().unwrap());
        till.did(&format!("{path}/void"), json!({}), 200).await;
        till.until(&path, |payment| payment["attempts"][0]["status"] == "voided").await;
        let manual = json!({"items": [{"sku": "smartphone", "quantity": 1}],
            "payment": {"provider": "manual"}});
        let manual = till.did("/v1/orders", manual, 201).await;
        let [unpaid, set_aside, paid, let_go, manual] =
            [unpaid, set_aside, paid, let_go, manual].map(|row| number(&row["id"]));
        Self { till, unpaid, set_aside, paid, let_go, manual }
    }

    /// Each row of the table is refused with this code.
    async fn check(&self, path: &str, body: Value, status: u16, code: &str) {
        let reply = self.till.post(path, body.clone()).await;
        let found = match reply.body["errors"][0]["code"].as_str() {
            Some(of_field) => of_field,
            None => reply.body["code"].as_str().unwrap_or(""),
        };
        assert_eq!((reply.status, found), (status, code), "{path} {body}: {}", reply.body);
    }
}

fn money(amount: Value, currency: &str) -> Value {
    json!({"amount": {"amount": amount, "currency": currency}})
}

fn rupees(amount: i64) -> Value {
    money(amount.into(), "INR")
}

#[tokio::test]
async fn what_is_not_lawful_is_refused_and_changes_nothing() {
    let shelf = Shelf::new().await;
    let before = shelf.till.world.events().await;
    amounts(&shelf).await;
    wrong_times(&shelf).await;
    beginnings(&shelf).await;
    names(&shelf).await;
    assert_eq!(shelf.till.world.events().await, before);
    shelf.till.world.verify().await;
}

async fn amounts(shelf: &Shelf) {
    let capture = format!("/v1/payments/pay_{}/capture", shelf.set_aside);
    let refunds = format!("/v1/payments/pay_{}/refunds", shelf.paid);
    for path in [&capture, &refunds] {
        for amount in [json!(0), json!(-1), json!(i64::MIN), json!(1.5), json!("1"), Value::Null] {
            shelf.check(path, money(amount, "INR"), 422, "validation_failed").await;
        }
        for currency in ["", "inr", "XXX", "RUPEES"] {
            shelf.check(path, money(json!(1), currency), 422, "validation_failed").await;
        }
        shelf.check(path, money(json!(u64::MAX), "INR"), 422, "validation_failed").await;
        shelf.check(path, money(json!(PRICE), "EUR"), 422, "payment_currency_mismatch").await;
        shelf.check(path, json!({"amount": PRICE}), 422, "validation_failed").await;
        shelf.check(path, json!({"total": 1}), 422, "unknown_field").await;
    }
    for amount in [1, PRICE - 1, PRICE + 1, i64::MAX] {
        shelf.check(&capture, rupees(amount), 409, "capture_amount_mismatch").await;
    }
    for amount in [PRICE + 1, i64::MAX] {
        shelf.check(&refunds, rupees(amount), 409, "refund_too_large").await;
    }
}

async fn wrong_times(shelf: &Shelf) {
    let Shelf { unpaid, set_aside, paid, let_go, manual, .. } = shelf;
    for (number, action, status, code) in [
        (unpaid, "capture", 409, "not_authorized"),
        (unpaid, "void", 409, "not_authorized"),
        (unpaid, "refunds", 409, "not_paid"),
        (set_aside, "refunds", 409, "not_paid"),
        (paid, "capture", 409, "not_authorized"),
        (paid, "void", 409, "not_authorized"),
        (let_go, "capture", 409, "not_authorized"),
        (let_go, "void", 409, "not_authorized"),
        (let_go, "refunds", 409, "not_paid"),
        (manual, "capture", 404, "no_payment"),
        (manual, "void", 404, "no_payment"),
        (manual, "refunds", 404, "no_payment"),
    ] {
        let path = format!("/v1/payments/pay_{number}/{action}");
        shelf.check(&path, json!({}), status, code).await;
    }
    let refused = shelf.till.post(&format!("/v1/payments/pay_{unpaid}/refunds"), json!({})).await;
    assert_eq!(refused.body["payment_status"], "awaiting_payment", "{}", refused.body);
}

async fn beginnings(shelf: &Shelf) {
    let Shelf { unpaid, paid, let_go, manual, .. } = shelf;
    let start = |number: &str| format!("/v1/orders/ord_{number}/payments");
    shelf.check(&start(unpaid), json!({}), 409, "payment_exists").await;
    shelf.check(&start(paid), json!({}), 409, "already_paid").await;
    shelf.check(&start(let_go), json!({}), 409, "not_payable").await;
    shelf.check(&start("999"), json!({}), 404, "unknown_order").await;
    for provider in ["stripe", "paypal", "", "manual"] {
        let named = json!({ "provider": provider });
        shelf.check(&start(manual), named.clone(), 422, "validation_failed").await;
        if provider != "manual" {
            let order = json!({"items": [{"sku": "123", "quantity": 1}], "payment": named});
            shelf.check("/v1/orders", order, 422, "validation_failed").await;
        }
    }
    let late = json!({"capture": "later"});
    shelf.check(&start(manual), late, 422, "validation_failed").await;
}

/// Ids of nothing, and of things of another kind.
async fn names(shelf: &Shelf) {
    let paid = &shelf.paid;
    for id in [format!("ord_{paid}"), format!("eff_{paid}"), paid.clone(), "pay_0".into()] {
        for action in ["capture", "void", "refunds"] {
            let path = format!("/v1/payments/{id}/{action}");
            shelf.check(&path, json!({}), 404, "not_found").await;
        }
        let read = shelf.till.world.get(&format!("/v1/payments/{id}")).await;
        assert_eq!((read.status, &read.body["code"]), (404, &json!("not_found")), "{id}");
    }
    for action in ["capture", "void", "refunds"] {
        let path = format!("/v1/payments/pay_999/{action}");
        shelf.check(&path, json!({}), 404, "unknown_order").await;
    }
    let of_payment = format!("/v1/orders/pay_{paid}/payments");
    shelf.check(&of_payment, json!({}), 404, "not_found").await;
    for action in ["requeue", "skip"] {
        for id in ["ord_1", "pay_1", "1"] {
            let path = format!("/v1/effects/{id}/{action}");
            shelf.check(&path, json!({}), 404, "not_found").await;
        }
        let path = format!("/v1/effects/eff_999/{action}");
        shelf.check(&path, json!({}), 404, "unknown_effect").await;
        let path = format!("/v1/effects/eff_{}/{action}", shelf.unpaid);
        shelf.check(&path, json!({}), 409, "effect_not_dead").await;
    }
    let stale = [("if-match", "\"1\""), ("idempotency-key", "stale")];
    let path = format!("/v1/payments/pay_{paid}/refunds");
    let refused = shelf.till.world.send(axum::http::Method::POST, &path, &stale, "").await;
    assert_eq!((refused.status, &refused.body["code"]), (412, &json!("version_mismatch")));
}
