//! The rules of payments one by one: what a gateway tells in odd ways, and what people may not ask.

use onhand_core::effects::Outcome;
use onhand_core::orders::Status;
use onhand_core::payments::{
    self, Attempt, AttemptState, Capture, Notice, Payment, Provider, RefundCause, RefundState,
    Seen, SeenAttempt, SeenIntent, SeenRefund,
};
use onhand_core::text::{GatewayId, Reference};
use onhand_core::{Command, Money};

use crate::gateway::text;
use crate::payments::{Happening, Shop, TOTAL, order_id};

pub(crate) fn rupees(amount: i64) -> Money {
    Money::new(amount, "INR".parse().unwrap())
}

fn gateway_id(name: &str) -> GatewayId {
    GatewayId::new(name).unwrap()
}

pub(crate) fn attempt(name: &str, state: AttemptState, amount: Money) -> SeenAttempt {
    let captured = if state == AttemptState::Captured { amount.amount } else { 0 };
    let (id, intent) = (gateway_id(name), Some(gateway_id("order_ord_1-1_0")));
    SeenAttempt { id, intent, state, amount, captured, failure: None }
}

fn notice(event: &str, body: u8, seen: Seen) -> Notice {
    Notice {
        provider: Provider::Razorpay,
        event_id: Reference::new(event).unwrap(),
        body_hash: [body; 32],
        kind: Reference::new("payment").unwrap(),
        order_id: None,
        seen,
    }
}

pub(crate) fn told(attempts: Vec<SeenAttempt>) -> Seen {
    Seen { attempts, ..Seen::default() }
}

impl Shop {
    pub(crate) fn hear_of(&mut self, event: &str, body: u8, seen: Seen) {
        let receive = payments::Command::Receive(notice(event, body, seen));
        assert_eq!(self.world.code(&Command::Payments(receive)), "ok");
    }

    pub(crate) fn ask(&mut self, command: payments::Command) -> &'static str {
        self.world.code(&Command::Payments(command))
    }

    pub(crate) fn payment(&self) -> &Payment {
        self.world.orders[&order_id()].payment.as_ref().unwrap()
    }

    fn only_attempt(&self) -> &Attempt {
        let [attempt] = &self.payment().attempts[..] else { panic!("{:?}", self.payment()) };
        attempt
    }

    pub(crate) fn status(&self) -> (Status, payments::Status) {
        let order = &self.world.orders[&order_id()];
        (order.status, self.payment().status(order))
    }

    /// The refunds that are owed, in minor units, and why.
    fn owes(&self) -> Vec<(i64, RefundCause)> {
        let owed = self.payment().refunds.iter().filter(|one| one.state == RefundState::Owed);
        owed.map(|one| (one.amount.amount, one.cause)).collect()
    }

    /// With the gateway's order open.
    pub(crate) fn open(capture: Capture) -> Self {
        let mut shop = Self::new(capture);
        shop.happen(Happening::Work);
        shop
    }
}

fn refund(amount: Option<Money>) -> payments::Command {
    let (order_id, expected_version, reason) = (order_id(), None, None);
    payments::Command::Refund { order_id, expected_version, amount, reason }
}

fn capture(amount: Option<Money>) -> payments::Command {
    payments::Command::Capture { order_id: order_id(), expected_version: None, amount }
}

fn void() -> payments::Command {
    payments::Command::Void { order_id: order_id(), expected_version: None, reason: None }
}

fn start(provider: Provider) -> payments::Command {
    let (order_id, expected_version, capture) = (order_id(), None, Capture::Automatic);
    payments::Command::Start { order_id, expected_version, provider, capture }
}

#[test]
fn a_payment_moves_forward_in_whatever_order_it_is_told() {
    use AttemptState::{Authorized, Captured, Created, Failed};
    let orders = [
        [Created, Failed, Authorized, Captured],
        [Captured, Authorized, Failed, Created],
        [Failed, Captured, Created, Authorized],
        [Captured, Captured, Failed, Failed],
    ];
    for order in orders {
        let mut shop = Shop::open(Capture::Automatic);
        for (number, state) in (0..).zip(order) {
            let seen = told(vec![attempt("pay_1", state, rupees(TOTAL))]);
            shop.hear_of(&format!("evt_{number}"), number, seen);
        }
        assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Captured), "{order:?}");
        assert_eq!(shop.only_attempt().state, Captured, "{order:?}");
        let kinds = shop.world.kinds.iter().filter(|kind| **kind == "payment.captured");
        assert_eq!(kinds.count(), 1, "{order:?}");
    }
}

#[test]
fn a_message_counts_once_by_its_name_and_by_its_body() {
    let seen = || told(vec![attempt("pay_1", AttemptState::Failed, rupees(TOTAL))]);
    for (event, body, kept) in [("evt_1", 1, 1), ("evt_1", 2, 1), ("evt_2", 1, 1), ("evt_2", 2, 2)]
    {
        let mut shop = Shop::open(Capture::Automatic);
        shop.hear_of("evt_1", 1, seen());
        shop.hear_of(event, body, seen());
        assert_eq!(shop.world.notices.len(), kept, "{event} {body}");
    }
}

#[test]
fn what_comes_before_the_gateways_order_is_known_waits_for_it() {
    let mut shop = Shop::new(Capture::Automatic);
    let paid = || told(vec![attempt("pay_1", AttemptState::Captured, rupees(TOTAL))]);
    shop.hear_of("evt_1", 1, paid());
    assert_eq!(shop.status(), (Status::Pending, payments::Status::Created));
    // The answer to the call that makes the order is all that was missing.
    shop.happen(Happening::Work);
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Captured));
    assert!(shop.world.notices.values().all(|one| one.seen.is_none() && one.order_id.is_some()));
    assert!(shop.world.effects.is_empty());
}

#[test]
fn a_message_with_another_amount_pays_nothing_and_the_gateway_is_asked() {
    let euros = Money::new(TOTAL, "EUR".parse().unwrap());
    for wrong in [rupees(1), rupees(TOTAL + 1), rupees(0), euros] {
        let mut shop = Shop::open(Capture::Automatic);
        let seen = told(vec![attempt("pay_0", AttemptState::Captured, wrong)]);
        shop.hear_of("evt_1", 1, seen);
        assert_eq!(shop.status(), (Status::Pending, payments::Status::AwaitingPayment));
        assert!(shop.payment().is_in_doubt && shop.payment().attempts.is_empty());
        // The gateway knows of no such payment.
        shop.happen(Happening::Work);
        assert_eq!(shop.status(), (Status::Pending, payments::Status::AwaitingPayment));
        assert!(!shop.payment().is_in_doubt);
    }
}

/// What the gateway says when it is asked, where the order is then, and what goes back.
fn check_paid(amounts: &[Money], wanted: (Status, payments::Status), back: &[(i64, RefundCause)]) {
    let mut shop = Shop::open(Capture::Automatic);
    let attempts = (0..)
        .zip(amounts)
        .map(|(number, amount)| attempt(&format!("pay_{number}"), AttemptState::Captured, *amount));
    let seen = told(attempts.collect());
    shop.look_and_answer(seen);
    assert_eq!(shop.status(), wanted, "{amounts:?}");
    assert_eq!(shop.owes(), back, "{amounts:?}");
}

impl Shop {
    fn look_and_answer(&mut self, seen: Seen) {
        assert_eq!(self.ask(payments::Command::Look { order_id: order_id() }), "ok");
        let task = self.lease().unwrap();
        self.settle(task, seen, Outcome::Done);
    }
}

#[test]
fn money_beyond_what_is_due_goes_back_and_less_does_not_pay() {
    use RefundCause::{ForeignCurrency, Overpaid};
    let euros = Money::new(7, "EUR".parse().unwrap());
    let captured = (Status::Confirmed, payments::Status::Captured);
    let partly = (Status::Confirmed, payments::Status::PartiallyRefunded);
    let waiting = (Status::Pending, payments::Status::Underpaid);
    check_paid(&[rupees(TOTAL)], captured, &[]);
    check_paid(&[rupees(TOTAL - 1)], waiting, &[]);
    check_paid(&[rupees(TOTAL - 1), rupees(1)], captured, &[]);
    check_paid(&[rupees(TOTAL + 5)], partly, &[(5, Overpaid)]);
    check_paid(&[rupees(TOTAL), rupees(TOTAL)], partly, &[(TOTAL, Overpaid)]);
    check_paid(&[rupees(TOTAL - 1), rupees(TOTAL)], partly, &[(TOTAL - 1, Overpaid)]);
    let nothing = (Status::Pending, payments::Status::AwaitingPayment);
    check_paid(&[euros], nothing, &[(7, ForeignCurrency)]);
    check_paid(&[euros, rupees(TOTAL)], captured, &[(7, ForeignCurrency)]);
}

#[test]
fn what_was_paid_in_part_goes_back_when_the_order_ends() {
    let mut shop = Shop::open(Capture::Automatic);
    let part = attempt("pay_0", AttemptState::Captured, rupees(60));
    shop.look_and_answer(told(vec![part]));
    shop.happen(Happening::RunsOut);
    assert_eq!(shop.status(), (Status::Expired, payments::Status::Refunded));
    assert_eq!(shop.owes(), [(60, RefundCause::OrderEnded)]);
}

#[test]
fn people_are_told_why_nothing_is_done_about_a_payment() {
    let euros = Money::new(5, "EUR".parse().unwrap());
    let mut shop = Shop::open(Capture::Manual);
    for (command, wanted) in [
        (refund(None), "not_paid"),
        (capture(None), "not_authorized"),
        (void(), "not_authorized"),
        (start(Provider::Razorpay), "payment_exists"),
        (start(Provider::Stripe), "payment_exists"),
    ] {
        assert_eq!(shop.ask(command.clone()), wanted, "{command:?}");
    }
    shop.happen(Happening::Pays);
    shop.happen(Happening::NoticesCome);
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Authorized));
    for (command, wanted) in [
        (refund(None), "not_paid"),
        (capture(Some(rupees(TOTAL - 1))), "capture_amount_mismatch"),
        (capture(Some(euros)), "payment_currency_mismatch"),
        (capture(Some(rupees(TOTAL))), "ok"),
        (start(Provider::Razorpay), "not_payable"),
    ] {
        assert_eq!(shop.ask(command.clone()), wanted, "{command:?}");
    }
    shop.happen(Happening::Work);
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Captured));
    for (command, wanted) in [
        (capture(None), "not_authorized"),
        (void(), "not_authorized"),
        (start(Provider::Razorpay), "already_paid"),
        (refund(Some(rupees(0))), "refund_too_large"),
        (refund(Some(rupees(-1))), "refund_too_large"),
        (refund(Some(rupees(TOTAL + 1))), "refund_too_large"),
        (refund(Some(euros)), "payment_currency_mismatch"),
        (refund(Some(rupees(150))), "ok"),
        (refund(Some(rupees(51))), "refund_too_large"),
        (refund(None), "ok"),
        (refund(None), "refund_too_large"),
    ] {
        assert_eq!(shop.ask(command.clone()), wanted, "{command:?}");
    }
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Refunded));
}

#[test]
fn a_payment_that_was_let_go_is_not_taken_any_more() {
    let mut shop = Shop::open(Capture::Manual);
    shop.happen(Happening::Pays);
    shop.happen(Happening::NoticesCome);
    assert_eq!(shop.ask(void()), "ok");
    shop.happen(Happening::Work);
    assert_eq!(shop.only_attempt().state, AttemptState::Voided);
    assert_eq!(shop.ask(capture(None)), "not_authorized");
    shop.rest();
    shop.check_books();
}

#[test]
fn a_refund_that_failed_is_asked_for_again_by_hand() {
    let mut shop = Shop::open(Capture::Automatic);
    shop.happen(Happening::Pays);
    shop.happen(Happening::NoticesCome);
    assert_eq!(shop.ask(refund(None)), "ok");
    let task = shop.lease().unwrap();
    shop.settle(task, Seen::default(), Outcome::Declined(text("too old")));
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Captured));
    assert!(shop.world.effects.is_empty(), "nobody tries it again and again");
    assert_eq!(shop.ask(refund(None)), "ok");
    shop.happen(Happening::Work);
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Refunded));
    shop.check_books();
}

#[test]
fn a_refund_that_was_made_at_the_gateway_is_taken_in() {
    let mut shop = Shop::open(Capture::Automatic);
    shop.happen(Happening::Pays);
    shop.happen(Happening::NoticesCome);
    let paid = shop.only_attempt().id.clone();
    let seen_refund = SeenRefund {
        id: gateway_id("rfnd_outside"),
        attempt: paid,
        number: None,
        amount: rupees(30),
        state: RefundState::Processed,
        failure: None,
    };
    shop.hear_of("evt_9", 9, Seen { refunds: vec![seen_refund], ..Seen::default() });
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::PartiallyRefunded));
    assert_eq!(shop.ask(refund(Some(rupees(TOTAL - 29)))), "refund_too_large");
}

#[test]
fn an_order_that_the_gateway_will_not_have_fails_and_its_stock_is_free() {
    let mut shop = Shop::new(Capture::Automatic);
    let task = shop.lease().unwrap();
    shop.settle(task, Seen::default(), Outcome::Declined(text("amount below the minimum")));
    assert_eq!(shop.status(), (Status::Cancelled, payments::Status::Cancelled));
    let reason = shop.world.orders[&order_id()].failure_reason.clone();
    assert_eq!(reason.unwrap().as_str(), "payment_failed");
    assert!(shop.world.effects.is_empty());
}

#[test]
fn what_waits_is_taken_in_when_a_message_says_whose_it_is() {
    let mut shop = Shop::new(Capture::Automatic);
    let failed = || told(vec![attempt("pay_1", AttemptState::Failed, rupees(TOTAL))]);
    shop.hear_of("evt_1", 1, failed());
    assert!(shop.payment().attempts.is_empty());
    // The answer to the call that made the gateway's order was lost; a message about that order
    // carries our own name for it.
    let id = gateway_id("order_ord_1-1_0");
    let mut seen = told(vec![attempt("pay_2", AttemptState::Captured, rupees(TOTAL))]);
    seen.intents.push(SeenIntent { number: 1, id, client_secret: None });
    let named = Notice { order_id: Some(order_id()), ..notice("evt_2", 2, seen) };
    assert_eq!(shop.ask(payments::Command::Receive(named)), "ok");
    assert_eq!(shop.status(), (Status::Confirmed, payments::Status::Captured));
    assert_eq!(shop.payment().attempts.len(), 2);
    assert!(shop.world.notices.values().all(|one| one.seen.is_none() && one.order_id.is_some()));
}
