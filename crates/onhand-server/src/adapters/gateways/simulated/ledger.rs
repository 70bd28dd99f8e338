//! The simulated gateway's own ledger: what it was asked for and has done, by its own rules, which
//! are Razorpay's. It knows nothing of onhand's books, so that the two can be compared.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use super::books::{Order, Payment, PaymentState, Refund, RefundState};
use crate::limits::{SIMULATED_ORDERS_MAX, SIMULATED_PAYMENTS_MAX, SIMULATED_REFUNDS_MAX};

/// Why the gateway will not, in Razorpay's manner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) &'static str);

/// There is nothing of that id.
pub(super) const NO_SUCH_ID: Refusal = Refusal("The id provided does not exist");

const NOT_AUTHORIZED: Refusal =
    Refusal("Only payments which have been authorized and not yet captured can be captured");
const OTHER_REQUEST: Refusal =
    Refusal("Different request with the same idempotency key has already been processed.");

/// An order that somebody wants.
#[derive(Debug)]
pub(super) struct NewOrder {
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) receipt: Option<String>,
    pub(super) notes: Value,
    pub(super) is_automatic: bool,
}

/// A refund that somebody wants.
#[derive(Debug)]
pub(super) struct NewRefund {
    /// None: all that is left.
    pub(super) amount: Option<i64>,
    pub(super) receipt: Option<String>,
    pub(super) notes: Value,
    /// Under which it is made once at most, and what was asked for with it.
    pub(super) key: Option<(String, String)>,
}

/// What a customer's try comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    /// Captured, where the order says that it is to be.
    Succeeds,
    /// Captured whatever the order says.
    Captured,
    /// Set aside, whatever the order says.
    Authorized,
    Fails,
}

/// Something that whoever has subscribed is told of: the kind, and what it is about at that time.
pub(super) type Message = (&'static str, Value);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By id, and so by time.
    orders: BTreeMap<String, Order>,
    /// Of which order a payment is, and of which payment a refund.
    owners: HashMap<String, String>,
    receipts: HashMap<String, Vec<String>>,
    /// What was asked for under a key, and the refund that was made.
    refund_keys: HashMap<String, (String, String)>,
    /// Orders that were at rest when they were put here, the longest ago first.
    at_rest: VecDeque<String>,
    /// What is to be told.
    pub(super) messages: Vec<Message>,
    /// What the time of an id is made of.
    last_id: u128,
}

/// Sixty-two digits, in the order in which bytes are.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Ledger {
    /// An id that sorts behind all earlier ones: 14 digits, milliseconds first.
    pub(super) fn id(&mut self, prefix: &str, millis: i64) -> String {
        let now = u128::try_from(millis).unwrap_or_default() << 40;
        // Odd steps, so that nobody takes ids for numbers.
        self.last_id = now.max(self.last_id + 7_919);
        let mut digits = [0; 14];
        let mut rest = self.last_id;
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(rest % 62).unwrap_or_default()];
            rest /= 62;
        }
        format!("{prefix}_{}", String::from_utf8_lossy(&digits))
    }

    pub(super) fn create(&mut self, new: NewOrder, millis: i64) -> Result<&Order, Refusal> {
        if new.amount < 100 {
            return Err(Refusal("Order amount less than minimum amount allowed"));
        }
        if new.receipt.as_ref().is_some_and(|receipt| receipt.chars().count() > 40) {
            return Err(Refusal("The receipt may not be greater than 40 characters."));
        }
        if self.orders.len() >= SIMULATED_ORDERS_MAX && !self.forget_one() {
            return Err(Refusal("The simulated gateway is full"));
        }
        let id = self.id("order", millis);
        if let Some(receipt) = &new.receipt {
            self.receipts.entry(receipt.clone()).or_default().push(id.clone());
        }
        self.at_rest.push_back(id.clone());
        let NewOrder { amount, currency, receipt, notes, is_automatic } = new;
        let (created_at, payments) = (millis / 1_000, Vec::new());
        let key = id.clone();
        let order =
            Order { id, amount, currency, receipt, notes, is_automatic, created_at, payments };
        Ok(self.orders.entry(key).or_insert(order))
    }

    /// Forgets the order that has been at rest for longest.
    fn forget_one(&mut self) -> bool {
        while let Some(id) = self.at_rest.pop_front() {
            if !self.orders.get(&id).is_some_and(Order::is_at_rest) {
                continue;
            }
            let Some(order) = self.orders.remove(&id) else { continue };
            if let Some(receipt) = order.receipt
                && let Some(ids) = self.receipts.get_mut(&receipt)
            {
                ids.retain(|known| *known != id);
                if ids.is_empty() {
                    self.receipts.remove(&receipt);
                }
            }
            for payment in order.payments {
                self.owners.remove(&payment.id);
                for refund in payment.refunds {
                    self.owners.remove(&refund.id);
                    refund.key.and_then(|key| self.refund_keys.remove(&key));
                }
            }
            return true;
        }
        false
    }

    pub(super) fn order(&self, id: &str) -> Result<&Order, Refusal> {
        self.orders.get(id).ok_or(NO_SUCH_ID)
    }

    /// How many orders there are.
    pub(super) fn orders_len(&self) -> usize {
        self.orders.len()
    }

    /// Orders behind this one.
    pub(super) fn orders_after<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Order> {
        let behind = (std::ops::Bound::Excluded(id.to_owned()), std::ops::Bound::Unbounded);
        self.orders.range(behind).map(|(_, order)| order)
    }

    /// The newest first, as Razorpay lists.
    pub(super) fn orders_newest(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().rev()
    }

    pub(super) fn orders_of_receipt(&self, receipt: &str) -> impl Iterator<Item = &Order> {
        let ids = self.receipts.get(receipt).map_or(&[][..], Vec::as_slice);
        ids.iter().rev().filter_map(|id| self.orders.get(id))
    }

    pub(super) fn payment(&self, id: &str) -> Result<(&Order, &Payment), Refusal> {
        let order = self.owners.get(id).and_then(|order| self.orders.get(order));
        let order = order.ok_or(NO_SUCH_ID)?;
        let payment = order.payments.iter().find(|payment| payment.id == id);
        Ok((order, payment.ok_or(NO_SUCH_ID)?))
    }

    pub(super) fn refund_json(&self, id: &str) -> Result<Value, Refusal> {
        let (order, payment) = self.payment(self.owners.get(id).ok_or(NO_SUCH_ID)?)?;
        let refund = payment.refunds.iter().find(|refund| refund.id == id).ok_or(NO_SUCH_ID)?;
        Ok(refund.json(payment, &order.currency))
    }

    fn payment_mut(&mut self, id: &str) -> Result<(&mut Payment, bool), Refusal> {
        let order = self.owners.get(id).and_then(|order| self.orders.get_mut(order));
        let order = order.ok_or(NO_SUCH_ID)?;
        let is_automatic = order.is_automatic;
        let payment = order.payments.iter_mut().find(|payment| payment.id == id);
        Ok((payment.ok_or(NO_SUCH_ID)?, is_automatic))
    }

    /// A customer tries to pay.
    pub(super) fn pay(
        &mut self,
        order_id: &str,
        amount: Option<i64>,
        result: Try,
        millis: i64,
    ) -> Result<String, Refusal> {
        let order = self.order(order_id)?;
        if !order.is_open() {
            return Err(Refusal("Payment is not allowed: the order is paid or about to be"));
        }
        if order.payments.len() >= SIMULATED_PAYMENTS_MAX {
            return Err(Refusal("Payment is not allowed: too many tries"));
        }
        let amount = amount.unwrap_or(order.amount);
        let id = self.id("pay", millis);
        let state = PaymentState::Failed;
        let created_at = millis / 1_000;
        let payment = Payment { id: id.clone(), amount, state, created_at, refunds: Vec::new() };
        self.owners.insert(id.clone(), order_id.to_owned());
        self.orders.get_mut(order_id).ok_or(NO_SUCH_ID)?.payments.push(payment);
        match result {
            Try::Fails => self.tell("payment.failed", &id, None),
            Try::Authorized => self.authorize(&id, Some(false))?,
            Try::Captured => self.authorize(&id, Some(true))?,
            Try::Succeeds => self.authorize(&id, None)?,
        }
        Ok(id)
    }

    /// The bank says yes, perhaps after it said no. Whether the money is then taken is for the
    /// order to say, unless it is said here.
    pub(super) fn authorize(&mut self, id: &str, captures: Option<bool>) -> Result<(), Refusal> {
        let (payment, is_automatic) = self.payment_mut(id)?;
        if payment.state != PaymentState::Failed {
            return Err(Refusal("The payment did not fail"));
        }
        payment.state = PaymentState::Authorized;
        self.tell("payment.authorized", id, None);
        if captures.unwrap_or(is_automatic) { self.take(id) } else { Ok(()) }
    }

    /// Somebody wants the money that is set aside.
    pub(super) fn capture(&mut self, id: &str, amount: i64, currency: &str) -> Result<(), Refusal> {
        let (order, payment) = self.payment(id)?;
        match payment.state {
            PaymentState::Authorized => {}
            PaymentState::Captured | PaymentState::Refunded => {
                return Err(Refusal("This payment has already been captured"));
            }
            PaymentState::Failed | PaymentState::LetGo => {
                return Err(NOT_AUTHORIZED);
            }
        }
        if payment.amount != amount || order.currency != currency {
            return Err(Refusal("Capture amount must be equal to the amount authorized"));
        }
        self.take(id)
    }

    fn take(&mut self, id: &str) -> Result<(), Refusal> {
        let (payment, _) = self.payment_mut(id)?;
        payment.state = PaymentState::Captured;
        self.tell("payment.captured", id, None);
        self.tell("order.paid", id, None);
        self.rest(id);
        Ok(())
    }

    /// Nobody has taken the money in time.
    pub(super) fn let_go(&mut self, id: &str, millis: i64) -> Result<(), Refusal> {
        if self.payment(id)?.1.state != PaymentState::Authorized {
            return Err(NOT_AUTHORIZED);
        }
        let made = self.id("rfnd", millis);
        let (payment, _) = self.payment_mut(id)?;
        payment.state = PaymentState::LetGo;
        payment.refunds.push(Refund {
            id: made.clone(),
            amount: payment.amount,
            receipt: None,
            notes: json!([]),
            key: None,
            state: RefundState::Processed,
            created_at: millis / 1_000,
        });
        self.owners.insert(made.clone(), id.to_owned());
        self.tell("refund.created", id, Some(&made));
        self.tell("refund.processed", id, Some(&made));
        self.rest(id);
        Ok(())
    }

    /// Somebody gives money back: the id of the refund, and whether it is new.
    pub(super) fn refund(
        &mut self,
        id: &str,
        new: NewRefund,
        millis: i64,
    ) -> Result<(String, bool), Refusal> {
        let NewRefund { amount, receipt, notes, key } = new;
        if let Some((key, asked)) = &key {
            let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if key.len() < 10 || !key.chars().all(is_key) {
                return Err(Refusal("The idempotency key is not valid"));
            }
            match self.refund_keys.get(key) {
                Some((before, made)) if before == asked => return Ok((made.clone(), false)),
                Some(_) => {
                    return Err(OTHER_REQUEST);
                }
                None => {}
            }
        }
        let (_, payment) = self.payment(id)?;
        let left = payment.amount - payment.refunded();
        let amount = amount.unwrap_or(left);
        match payment.state {
            PaymentState::Failed | PaymentState::Authorized | PaymentState::LetGo => {
                return Err(Refusal(
                    "The payment status should be captured for action to be taken",
                ));
            }
            PaymentState::Refunded => {
                return Err(Refusal("The payment has been fully refunded already"));
            }
            PaymentState::Captured => {}
        }
        if amount < 1 || amount > left || payment.refunds.len() >= SIMULATED_REFUNDS_MAX {
            return Err(Refusal(
                "The total refund amount is greater than the refund payment amount",
            ));
        }
        let made = self.id("rfnd", millis);
        let state = RefundState::Pending;
        let created_at = millis / 1_000;
        let name = key.as_ref().map(|(key, _)| key.clone());
        let refund =
            Refund { id: made.clone(), amount, receipt, notes, key: name, state, created_at };
        let (payment, _) = self.payment_mut(id)?;
        payment.refunds.push(refund);
        if amount == left {
            payment.state = PaymentState::Refunded;
        }
        self.owners.insert(made.clone(), id.to_owned());
        if let Some((key, asked)) = key {
            self.refund_keys.insert(key, (asked, made.clone()));
        }
        self.tell("refund.created", id, Some(&made));
        Ok((made, true))
    }

    /// The money is back, or it cannot be given back.
    pub(super) fn settle_refund(&mut self, id: &str, is_back: bool) -> Result<(), Refusal> {
        let owner = self.owners.get(id).cloned().ok_or(NO_SUCH_ID)?;
        let (payment, _) = self.payment_mut(&owner)?;
        let refund = payment.refunds.iter_mut().find(|refund| refund.id == id);
        let refund = refund.ok_or(NO_SUCH_ID)?;
        if refund.state != RefundState::Pending {
            return Err(Refusal("The refund is not under way"));
        }
        refund.state = if is_back { RefundState::Processed } else { RefundState::Failed };
        if !is_back {
            payment.state = PaymentState::Captured;
        }
        let kind = if is_back { "refund.processed" } else { "refund.failed" };
        self.tell(kind, &owner, Some(id));
        self.rest(&owner);
        Ok(())
    }

    /// Remembers that the order of a payment may be forgotten when room is needed.
    fn rest(&mut self, payment: &str) {
        let order = self.owners.get(payment).and_then(|order| self.orders.get(order));
        if let Some(order) = order
            && order.is_at_rest()
            && self.at_rest.len() < 2 * SIMULATED_ORDERS_MAX
        {
            self.at_rest.push_back(order.id.clone());
        }
    }

    /// Writes down a message as things are now, as Razorpay does.
    fn tell(&mut self, kind: &'static str, payment: &str, refund: Option<&str>) {
        let Ok((order, payment)) = self.payment(payment) else { return };
        let mut payload = json!({ "payment": { "entity": payment.json(order) } });
        if kind == "order.paid" {
            payload["order"] = json!({ "entity": order.json() });
        }
        let refund = payment.refunds.iter().find(|known| Some(known.id.as_str()) == refund);
        if let Some(refund) = refund {
            payload["refund"] = json!({ "entity": refund.json(payment, &order.currency) });
        }
        self.messages.push((kind, payload));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(receipt: &str) -> NewOrder {
        let (currency, receipt) = ("INR".to_owned(), Some(receipt.to_owned()));
        NewOrder { amount: 500, currency, receipt, notes: json!([]), is_automatic: false }
    }

    #[test]
    fn ids_sort_by_time_and_differ() {
        let mut ledger = Ledger::default();
        // The clock may stand still, and it may go back.
        let ids: Vec<String> =
            [5, 5, 4, 6, 1 << 41].into_iter().map(|millis| ledger.id("order", millis)).collect();
        assert!(ids.is_sorted_by(|one, other| one < other), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == "order_".len() + 14), "{ids:?}");
    }

    #[test]
    fn what_has_been_at_rest_for_longest_is_forgotten_first() {
        let mut ledger = Ledger::default();
        let mut first = Vec::new();
        for number in 0..SIMULATED_ORDERS_MAX {
            let order = ledger.create(new(&format!("r{number}")), 7).unwrap();
            if number < 3 {
                first.push(order.id.clone());
            }
        }
        let under_way = ledger.pay(&first[0], None, Try::Authorized, 7).unwrap();
        let failed = ledger.pay(&first[1], None, Try::Fails, 7).unwrap();
        ledger.create(new("one more"), 7).unwrap();
        assert_eq!(ledger.orders.len(), SIMULATED_ORDERS_MAX);
        assert!(ledger.payment(&under_way).is_ok());
        assert!(ledger.order(&first[1]).is_err() && ledger.payment(&failed).is_err());
        assert_eq!(ledger.orders_of_receipt("r1").count(), 0);
        assert!(ledger.order(&first[2]).is_ok());
        // What comes to rest later is forgotten later.
        ledger.capture(&under_way, 500, "INR").unwrap();
        ledger.create(new("and another"), 7).unwrap();
        assert!(ledger.order(&first[0]).is_ok() && ledger.order(&first[2]).is_err());
    }
}
