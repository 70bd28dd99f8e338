//! Two sets of books, and whether they say the same: our payments, attempt by attempt and refund by
//! refund, and the gateway's own ledger, which was kept by other rules in another process. To the
//! unit. Then whether the orders agree with the money: who is confirmed has paid, who has ended
//! keeps nothing, and nobody holds stock who does not have to.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// A sum of money.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Sum {
    amount: i64,
}

/// One of our payments.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Payment {
    order_id: String,
    status: String,
    amount: Sum,
    amount_captured: Sum,
    amount_refunded: Sum,
    provider_order_id: Option<String>,
    attempts: Vec<Attempt>,
    refunds: Vec<Refund>,
}

#[derive(Debug, Clone, Deserialize)]
struct Attempt {
    id: String,
    status: String,
    amount_captured: Sum,
}

#[derive(Debug, Clone, Deserialize)]
struct Refund {
    provider_refund_id: Option<String>,
    attempt_id: String,
    amount: Sum,
    status: String,
    cause: String,
}

/// One of our orders.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    status: String,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Deserialize)]
struct Line {
    sku: String,
    quantity: i64,
}

/// One of the gateway's orders, with all that became of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TheirOrder {
    pub(super) id: String,
    receipt: Option<String>,
    amount: i64,
    payments: Vec<TheirPayment>,
}

#[derive(Debug, Clone, Deserialize)]
struct TheirPayment {
    id: String,
    status: String,
    captured: i64,
    refunds: Vec<TheirRefund>,
}

#[derive(Debug, Clone, Deserialize)]
struct TheirRefund {
    id: String,
    amount: i64,
    status: String,
}

/// All of it, as it stands at the end.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) orders: Vec<Order>,
    pub(super) ours: Vec<Payment>,
    pub(super) theirs: Vec<TheirOrder>,
}

/// What the books come to, on our side; where there is no difference, on theirs, too.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Totals {
    /// Payments by what they have come to.
    pub(super) payments: BTreeMap<String, u64>,
    /// Orders by where they are.
    pub(super) orders: BTreeMap<String, u64>,
    /// Attempts that were let go of.
    pub(super) voided: u64,
    /// Minor units that were taken.
    pub(super) captured: i64,
    /// Minor units that are back.
    pub(super) refunded: i64,
    /// Refunds that are back, by why.
    pub(super) refunds: BTreeMap<String, u64>,
}

/// Whether an order keeps no money and no stock.
fn has_ended(status: &str) -> bool {
    matches!(status, "cancelled" | "expired")
}

impl Books {
    /// Everything that is not as it must be.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut by_order: HashMap<&str, &TheirOrder> = HashMap::new();
        for order in &self.theirs {
            let Some(owner) = order.receipt.as_deref().and_then(owner) else {
                wrong.push(format!("{}: not asked for by us", order.id));
                continue;
            };
            if by_order.insert(owner, order).is_some() {
                wrong.push(format!("{owner}: twice at the gateway"));
            }
        }
        let orders: HashMap<&str, &Order> =
            self.orders.iter().map(|order| (order.id.as_str(), order)).collect();
        for payment in &self.ours {
            let theirs = by_order.remove(payment.order_id.as_str());
            wrong.extend(compare(payment, theirs));
            match orders.get(payment.order_id.as_str()) {
                Some(order) => wrong.extend(agree(payment, order)),
                None => wrong.push(format!("{}: a payment without an order", payment.order_id)),
            }
        }
        let nobodys = by_order.keys().map(|owner| format!("{owner}: known to the gateway only"));
        wrong.extend(nobodys);
        wrong
    }

    /// Units of each SKU that must be reserved.
    pub(super) fn reserved(&self) -> BTreeMap<&str, i64> {
        let mut reserved = BTreeMap::new();
        for order in self.orders.iter().filter(|order| !has_ended(&order.status)) {
            for line in &order.lines {
                *reserved.entry(line.sku.as_str()).or_default() += line.quantity;
            }
        }
        reserved
    }

    /// What it all comes to.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for order in &self.orders {
            *totals.orders.entry(order.status.clone()).or_default() += 1;
        }
        for payment in &self.ours {
            *totals.payments.entry(payment.status.clone()).or_default() += 1;
            totals.captured += payment.amount_captured.amount;
            let voided = payment.attempts.iter().filter(|one| one.status == "voided").count();
            totals.voided += voided as u64;
            for refund in payment.refunds.iter().filter(|one| one.status == "processed") {
                totals.refunded += refund.amount.amount;
                *totals.refunds.entry(refund.cause.clone()).or_default() += 1;
            }
        }
        totals
    }
}

/// One payment in both books.
fn compare(ours: &Payment, theirs: Option<&TheirOrder>) -> Vec<String> {
    let mut wrong = Vec::new();
    let id = &ours.order_id;
    let none = Vec::new();
    let their_payments = theirs.map_or(&none, |order| &order.payments);
    if let Some(order) = theirs {
        if ours.provider_order_id.as_ref().is_some_and(|known| *known != order.id) {
            wrong.push(format!("{id}: {:?} is {} there", ours.provider_order_id, order.id));
        }
        if order.amount != ours.amount.amount {
            wrong.push(format!("{id}: {} due there, {} here", order.amount, ours.amount.amount));
        }
    } else if ours.provider_order_id.is_some() {
        wrong.push(format!("{id}: {:?} is not known there", ours.provider_order_id));
    }
    for payment in their_payments {
        let known = ours.attempts.iter().find(|one| one.id == payment.id);
        let (state, captured) =
            known.map_or(("unknown", 0), |one| (one.status.as_str(), one.amount_captured.amount));
        if captured != payment.captured || !is_same_state(payment, state) {
            let (there, taken) = (&payment.status, payment.captured);
            wrong.push(format!(
                "{id}: {} is {there} with {taken} taken, here {state} with {captured}",
                payment.id
            ));
        }
    }
    for attempt in &ours.attempts {
        if !their_payments.iter().any(|one| one.id == attempt.id) {
            wrong.push(format!("{id}: {} is not known there", attempt.id));
        }
    }
    wrong.extend(compare_refunds(ours, their_payments));
    wrong
}

/// Razorpay does not let go of money when it is asked: what we have let go of stays set aside there
/// until days have passed. What failed there need not be known here.
fn is_same_state(theirs: &TheirPayment, ours: &str) -> bool {
    match (theirs.status.as_str(), theirs.captured) {
        ("captured" | "refunded", 1..) => ours == "captured",
        ("authorized" | "refunded", _) => ours == "voided",
        ("failed", _) => matches!(ours, "failed" | "created" | "unknown"),
        _ => false,
    }
}

fn compare_refunds(ours: &Payment, theirs: &[TheirPayment]) -> Vec<String> {
    let mut wrong = Vec::new();
    let id = &ours.order_id;
    let mut there: HashMap<&str, (&str, &TheirRefund)> = HashMap::new();
    for payment in theirs.iter().filter(|payment| payment.captured > 0) {
        there.extend(
            payment.refunds.iter().map(|one| (one.id.as_str(), (payment.id.as_str(), one))),
        );
    }
    for refund in &ours.refunds {
        let Some(refund_id) = refund.provider_refund_id.as_deref() else {
            if refund.status != "failed" {
                wrong.push(format!("{id}: a refund is {} and has no name", refund.status));
            }
            continue;
        };
        let Some((attempt, known)) = there.remove(refund_id) else {
            wrong.push(format!("{id}: {refund_id} is not known there"));
            continue;
        };
        let here = (refund.attempt_id.as_str(), refund.amount.amount, refund.status.as_str());
        let wanted = (attempt, known.amount, known.status.as_str());
        if here != wanted {
            wrong.push(format!("{id}: {refund_id} is {wanted:?} there and {here:?} here"));
        }
    }
    wrong.extend(there.keys().map(|refund| format!("{id}: {refund} is not known here")));
    wrong
}

/// Whether an order is where its money says.
fn agree(payment: &Payment, order: &Order) -> Vec<String> {
    let mut wrong = Vec::new();
    let (id, status) = (&order.id, order.status.as_str());
    let (captured, refunded) = (payment.amount_captured.amount, payment.amount_refunded.amount);
    let back = |is: fn(&Refund) -> bool| -> i64 {
        payment.refunds.iter().filter(|one| is(one)).map(|one| one.amount.amount).sum()
    };
    let too_much = back(|one| one.cause != "requested" && one.status != "failed");
    let given_up = back(|one| one.status == "failed");
    let due = payment.amount.amount;
    match status {
        "confirmed" | "processing" if captured - too_much < due => {
            wrong.push(format!("{id}: {status}, and {captured} paid of {due}"));
        }
        "confirmed" | "processing" if captured - too_much > due + given_up => {
            wrong.push(format!("{id}: keeps {} of {due}", captured - too_much));
        }
        "confirmed" | "processing" => {}
        _ if has_ended(status) => {
            if captured != refunded {
                wrong.push(format!("{id}: {status}, and keeps {}", captured - refunded));
            }
        }
        _ => wrong.push(format!("{id}: still {status}")),
    }
    if refunded > captured {
        wrong.push(format!("{id}: gave {refunded} of {captured} back"));
    }
    let is_open = |refund: &Refund| matches!(refund.status.as_str(), "owed" | "pending");
    if payment.refunds.iter().any(is_open) {
        wrong.push(format!("{id}: a refund is still under way"));
    }
    wrong
}

/// The order that a receipt names: `5f3a9c1-ord_42-1`.
fn owner(receipt: &str) -> Option<&str> {
    let (order, _) = receipt.rsplit_once('-')?;
    Some(order.rsplit_once('-').map_or(order, |(_, order)| order))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn books(ours: Value, theirs: Value, status: &str) -> Books {
        let line = json!({"sku": "A", "quantity": 2});
        let order = json!({"id": "ord_1", "status": status, "lines": [line]});
        Books {
            orders: vec![serde_json::from_value(order).unwrap()],
            ours: vec![serde_json::from_value(ours).unwrap()],
            theirs: serde_json::from_value(theirs).unwrap(),
        }
    }

    fn ours(captured: i64, refunds: Value) -> Value {
        let sum = |amount: i64| json!({ "amount": amount });
        let back = refunds.as_array().unwrap().iter().filter(|one| one["status"] != "failed");
        let refunded: i64 = back.map(|one| one["amount"]["amount"].as_i64().unwrap()).sum();
        json!({
            "order_id": "ord_1", "status": "captured", "amount": sum(500),
            "amount_captured": sum(captured), "amount_refunded": sum(refunded),
            "provider_order_id": "order_1", "refunds": refunds,
            "attempts": [{"id": "pay_1", "status": "captured", "amount_captured": sum(captured)}],
        })
    }

    fn theirs(captured: i64, refunds: Value) -> Value {
        json!([{
            "id": "order_1", "receipt": "ord_1-1", "amount": 500,
            "payments": [{"id": "pay_1", "status": "captured", "captured": captured,
                "refunds": refunds}],
        }])
    }

    fn refund(amount: i64, cause: &str) -> (Value, Value) {
        let ours = json!([{
            "provider_refund_id": "rfnd_1", "attempt_id": "pay_1", "amount": {"amount": amount},
            "status": "processed", "cause": cause,
        }]);
        (ours, json!([{"id": "rfnd_1", "amount": amount, "status": "processed"}]))
    }

    fn check(books: &Books, wanted: &str) {
        let found = books.differences().join("; ");
        let is_wanted = if wanted.is_empty() { found.is_empty() } else { found.contains(wanted) };
        assert!(is_wanted, "{found:?} and not {wanted:?}");
    }

    #[test]
    fn books_that_say_the_same_differ_in_nothing() {
        check(&books(ours(500, json!([])), theirs(500, json!([])), "confirmed"), "");
        check(&books(ours(500, json!([])), theirs(500, json!([])), "processing"), "");
        let (here, there) = refund(500, "order_ended");
        let same = books(ours(500, here), theirs(500, there), "cancelled");
        check(&same, "");
        assert!(same.reserved().is_empty());
        assert_eq!(same.totals().refunded, 500);
    }

    #[test]
    fn every_difference_is_found() {
        let none = || json!([]);
        check(&books(ours(500, none()), theirs(499, none()), "confirmed"), "with 499 taken");
        check(&books(ours(500, none()), theirs(500, none()), "cancelled"), "and keeps 500");
        check(&books(ours(400, none()), theirs(400, none()), "confirmed"), "400 paid of 500");
        check(&books(ours(600, none()), theirs(600, none()), "confirmed"), "keeps 600 of 500");
        check(&books(ours(400, none()), theirs(400, none()), "processing"), "400 paid of 500");
        check(&books(ours(500, none()), theirs(500, none()), "pending"), "still pending");
        check(&books(ours(500, none()), json!([]), "confirmed"), "not known there");
        let twice = [theirs(500, none()), theirs(500, none())];
        let twice: Vec<&Value> = twice.iter().flat_map(|one| one.as_array().unwrap()).collect();
        check(&books(ours(500, none()), json!(twice), "confirmed"), "twice at the gateway");
        let (here, there) = refund(100, "requested");
        check(&books(ours(500, here.clone()), theirs(500, there), "confirmed"), "");
        check(&books(ours(500, here), theirs(500, none()), "confirmed"), "rfnd_1 is not known");
        let (_, there) = refund(100, "requested");
        check(&books(ours(500, none()), theirs(500, there), "confirmed"), "not known here");
    }
}
