//! Payments in a small world: every short sequence of what can happen between a shop, its customer,
//! the gateway and a worker that may die at any moment; and long random ones. After each step every
//! promise holds; and when the world comes to rest, our books are the gateway's.

use onhand_core::command::Reply;
use onhand_core::effects::{self, EffectState, Outcome, Settlement};
use onhand_core::ids::OrderId;
use onhand_core::orders::{self, PaymentTerms, Status};
use onhand_core::payments::{self, AttemptState, Capture, Provider, Seen, Task};
use onhand_core::{Command, Money, inventory};

use proptest::collection::vec;
use proptest::prelude::ProptestConfig;
use proptest::sample::select;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::gateway::{Gateway, text};
use crate::world::{World, place};

const DEPTH: u32 = 4;
const CASES: u32 = 512;
const STEPS_MAX: usize = 40;
/// For how long a worker has what it leased.
const LEASE_SECS: i64 = 30;
/// The whole price of the order of these worlds, in minor units.
pub(crate) const TOTAL: i64 = 200;

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A worker does what is due.
    Work,
    /// It does it and dies before it can say so.
    WorkAndDie,
    /// It dies before it does anything.
    Die,
    /// It does it, and never hears of it.
    WorkUnheard,
    /// The gateway is away.
    Away,
    Pays,
    Fails,
    /// What failed succeeds after all.
    SucceedsLate,
    /// All messages come, the newest first, and one of them twice.
    NoticesCome,
    Cancel,
    /// The hold runs out, and somebody else buys all that there is.
    RunsOutAndIsSold,
    /// The hold runs out and is swept.
    RunsOut,
    RefundSome,
}

pub(crate) const HAPPENINGS: [Happening; 13] = [
    Happening::Work,
    Happening::WorkAndDie,
    Happening::Die,
    Happening::WorkUnheard,
    Happening::Away,
    Happening::Pays,
    Happening::Fails,
    Happening::SucceedsLate,
    Happening::NoticesCome,
    Happening::Cancel,
    Happening::RunsOutAndIsSold,
    Happening::RunsOut,
    Happening::RefundSome,
];

/// What a worker says of a call.
#[derive(Debug, Clone, Copy)]
enum Says {
    AsItIs,
    /// It never heard the answer.
    Unheard,
    /// It died.
    Nothing,
}

/// A shop with one order, and its gateway.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) gateway: Gateway,
    /// Messages that have come.
    heard: usize,
    /// What has happened so far.
    past: Vec<Happening>,
}

impl Drop for Shop {
    /// A broken promise says how it came about.
    #[expect(clippy::print_stderr, reason = "whoever reads a failure needs it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}", self.past);
        }
    }
}

pub(crate) fn order_id() -> OrderId {
    OrderId::new(1).unwrap()
}

fn place_paid(capture: Capture) -> Command {
    let Command::Orders(orders::Command::Place(mut new)) = place(&[("a", 2)], Some(600)) else {
        panic!("no order");
    };
    let through = Some((Provider::Razorpay, capture));
    new.payment = PaymentTerms::Awaited { hold_secs: 600, through };
    Command::Orders(orders::Command::Place(new))
}

impl Shop {
    pub(crate) fn new(capture: Capture) -> Self {
        let mut world = World::with(&["main"], &[("a", &[2])]);
        assert_eq!(world.code(&place_paid(capture)), "ok");
        let takes = capture == Capture::Automatic;
        Self { world, gateway: Gateway { takes, ..Gateway::default() }, heard: 0, past: Vec::new() }
    }

    pub(crate) fn pass(&mut self, secs: i64) {
        self.world.now = self.world.now.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap();
    }

    pub(crate) fn lease(&mut self) -> Option<Task> {
        let lease = effects::Command::Lease { most: 1, secs: LEASE_SECS };
        let decision = self.world.ask(&Command::Effects(lease)).unwrap();
        self.world.check();
        let Reply::Tasks(mut tasks) = decision.reply else { panic!("{:?}", decision.reply) };
        tasks.pop()
    }

    pub(crate) fn settle(&mut self, task: Task, seen: Seen, outcome: Outcome) {
        let again_at = self.world.now.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
        let Task { epoch, order_id, provider, call, .. } = task;
        let settlements =
            vec![Settlement { epoch, order_id, provider, call, seen, outcome, again_at }];
        let settle = effects::Command::Settle { settlements };
        assert_eq!(self.world.code(&Command::Effects(settle)), "ok");
    }

    /// A lease with what a worker makes of it: it may do what it is to do, and it may say so, be in
    /// doubt, or die.
    fn work(&mut self, does: bool, says: Says) {
        let Some(task) = self.lease() else { return };
        let done = does.then(|| self.gateway.perform(&task));
        match (says, done) {
            (Says::AsItIs, Some((seen, outcome))) => self.settle(task, seen, outcome),
            (Says::AsItIs, None) => {
                self.settle(task, Seen::default(), Outcome::Retry(text("away")));
                self.pass(1);
            }
            (Says::Unheard, _) => {
                self.settle(task, Seen::default(), Outcome::Unknown(text("no answer")));
                self.pass(1);
            }
            (Says::Nothing, _) => self.pass(LEASE_SECS),
        }
    }

    fn hear(&mut self) {
        let news: Vec<_> = self.gateway.sent.iter().skip(self.heard).rev().cloned().collect();
        self.heard = self.gateway.sent.len();
        for notice in news.iter().chain(news.first()) {
            let receive = payments::Command::Receive(notice.clone());
            assert_eq!(self.world.code(&Command::Payments(receive)), "ok");
        }
    }

    pub(crate) fn happen(&mut self, happening: Happening) {
        self.past.push(happening);
        let (id, expected_version) = (order_id(), None);
        let command = match happening {
            Happening::Work => return self.work(true, Says::AsItIs),
            Happening::WorkAndDie => return self.work(true, Says::Nothing),
            Happening::Die => return self.work(false, Says::Nothing),
            Happening::WorkUnheard => return self.work(true, Says::Unheard),
            Happening::Away => return self.work(false, Says::AsItIs),
            Happening::Pays => return self.gateway.pay(AttemptState::Authorized),
            Happening::Fails => return self.gateway.pay(AttemptState::Failed),
            Happening::SucceedsLate => return self.gateway.succeed_late(),
            Happening::NoticesCome => return self.hear(),
            Happening::Cancel => {
                Command::Orders(orders::Command::Cancel { id, expected_version, reason: None })
            }
            Happening::RunsOutAndIsSold => {
                self.pass(600);
                place(&[("a", 2)], None)
            }
            Happening::RunsOut => {
                self.pass(600);
                Command::Inventory(inventory::Command::ExpireDue { most: 10 })
            }
            Happening::RefundSome => {
                let amount = Some(Money::new(50, "INR".parse().unwrap()));
                let (order_id, reason) = (id, None);
                Command::Payments(payments::Command::Refund {
                    order_id,
                    expected_version,
                    amount,
                    reason,
                })
            }
        };
        self.world.code(&command);
    }

    /// Lets everything come to its end: the worker is well, and nothing new happens. What
    /// is lost of the messages stays lost.
    pub(crate) fn rest(&mut self) {
        for _ in 0..60 {
            while let Some(task) = self.lease() {
                let (seen, outcome) = self.gateway.perform(&task);
                self.settle(task, seen, outcome);
            }
            let Some(effect) = self.world.effects.values().next().cloned() else { return };
            if effect.state == EffectState::Dead {
                let requeue = effects::Command::Requeue { id: effect.id() };
                assert_eq!(self.world.code(&Command::Effects(requeue)), "ok");
                continue;
            }
            let next = effect.due_at;
            self.world.now = self.world.now.max(next);
            let sweep = inventory::Command::ExpireDue { most: 10 };
            assert_eq!(self.world.code(&Command::Inventory(sweep)), "ok");
        }
        // Only money that an operator was asked about stays set aside.
        let order = &self.world.orders[&order_id()];
        let payment = order.payment.as_ref().unwrap();
        let waits = payment.capture == Capture::Manual && payment.authorized(order.currency) > 0;
        assert!(waits, "never at rest: {order:#?}\n{:#?}", self.world.effects);
    }

    /// Our books are the gateway's, and nobody paid for nothing.
    pub(crate) fn check_books(&self) {
        let order = &self.world.orders[&order_id()];
        let payment = order.payment.as_ref().unwrap();
        let currency = order.currency;
        let at_gateway = self.gateway.keeps(currency);
        let ours = payment.captured(currency) - payment.refunded(currency);
        assert_eq!(ours, at_gateway, "{order:#?}\n{:#?}", self.gateway);
        let numbers: Vec<_> = self.gateway.intents.iter().map(|(_, one, _)| one.number).collect();
        let mut once = numbers.clone();
        once.dedup();
        assert_eq!(numbers, once, "the gateway was asked twice for one order");
        if matches!(order.status, Status::Cancelled | Status::Expired) {
            assert_eq!(at_gateway, 0, "{order:#?}");
        }
        if order.status == Status::Confirmed && payment.capture == Capture::Automatic {
            assert!(at_gateway <= TOTAL && payment.captured(currency) >= TOTAL, "{order:#?}");
        }
    }
}

#[test]
fn no_sequence_of_happenings_takes_money_for_nothing_or_stock_for_no_money() {
    let kinds = HAPPENINGS.len();
    let mut reached = std::collections::BTreeSet::new();
    for capture in [Capture::Automatic, Capture::Manual] {
        for number in 0..kinds.pow(DEPTH) {
            let mut shop = Shop::new(capture);
            // Without the gateway's order nothing can happen that is worth it.
            shop.happen(Happening::Work);
            let mut rest = number;
            for _ in 0..DEPTH {
                shop.happen(HAPPENINGS[rest % kinds]);
                rest /= kinds;
            }
            shop.rest();
            shop.check_books();
            let order = &shop.world.orders[&order_id()];
            let payment = order.payment.as_ref().unwrap();
            reached.insert((order.status, payment.status(order)));
        }
    }
    let wanted = [
        (Status::Confirmed, payments::Status::Captured),
        (Status::Confirmed, payments::Status::PartiallyRefunded),
        (Status::Confirmed, payments::Status::Authorized),
        (Status::Cancelled, payments::Status::Refunded),
        (Status::Cancelled, payments::Status::Cancelled),
        (Status::Expired, payments::Status::Refunded),
        (Status::Expired, payments::Status::Cancelled),
    ];
    let missed: Vec<_> = wanted.iter().filter(|one| !reached.contains(one)).collect();
    assert!(missed.is_empty(), "never reached {missed:?} among {reached:?}");
}

/// What becomes of an order when nothing goes wrong, in which a worker is called whenever it
/// may have something to do.
const SCRIPTS: [(Capture, &[Happening], (Status, payments::Status)); 6] = {
    use Happening::{
        Cancel, Fails, NoticesCome, Pays, RefundSome, RunsOut, RunsOutAndIsSold, SucceedsLate, Work,
    };
    [
        (
            Capture::Automatic,
            &[Work, Fails, NoticesCome, Pays, NoticesCome, Work, RefundSome, Work, NoticesCome],
            (Status::Confirmed, payments::Status::PartiallyRefunded),
        ),
        (
            Capture::Automatic,
            &[Work, Pays, NoticesCome, Cancel, Work, NoticesCome, Work],
            (Status::Cancelled, payments::Status::Refunded),
        ),
        (
            Capture::Automatic,
            &[Work, Fails, NoticesCome, RunsOutAndIsSold, SucceedsLate, NoticesCome, Work, Work],
            (Status::Expired, payments::Status::Refunded),
        ),
        (
            Capture::Automatic,
            &[Work, RunsOut, Work, Pays, NoticesCome, Work],
            (Status::Confirmed, payments::Status::Captured),
        ),
        (
            Capture::Manual,
            &[Work, Pays, NoticesCome, Cancel, Work, Work],
            (Status::Cancelled, payments::Status::Cancelled),
        ),
        (
            Capture::Manual,
            &[Work, Pays, Work, NoticesCome, RefundSome, Work],
            (Status::Confirmed, payments::Status::Authorized),
        ),
    ]
};

const TROUBLES: [Happening; 4] =
    [Happening::WorkAndDie, Happening::Die, Happening::WorkUnheard, Happening::Away];

/// Lets a script happen, with troubles before some of its steps.
fn play(script: usize, troubles: [(usize, Happening); 2]) {
    let (capture, steps, wanted) = SCRIPTS[script];
    let mut shop = Shop::new(capture);
    for (position, step) in steps.iter().enumerate() {
        for (_, trouble) in troubles.iter().filter(|(at, _)| *at == position) {
            shop.happen(*trouble);
        }
        shop.happen(*step);
    }
    shop.rest();
    shop.check_books();
    let order = &shop.world.orders[&order_id()];
    let came = (order.status, order.payment.as_ref().unwrap().status(order));
    assert_eq!(came, wanted, "script {script} with {troubles:?}");
}

#[test]
fn two_troubles_at_any_step_change_nothing_of_the_end() {
    for (script, (_, steps, _)) in SCRIPTS.iter().enumerate() {
        for first in 0..=steps.len() {
            for second in first..=steps.len() {
                for one in TROUBLES {
                    for other in TROUBLES {
                        play(script, [(first, one), (second, other)]);
                    }
                }
            }
        }
    }
}

#[test]
fn no_long_random_history_ends_with_other_books_than_the_gateways() {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let capture = select(Capture::ALL);
    let history = (capture, vec(select(&HAPPENINGS[..]), 1..=STEPS_MAX));
    let result = runner.run(&history, |(capture, steps)| {
        let mut shop = Shop::new(capture);
        for step in steps {
            shop.happen(step);
        }
        shop.rest();
        shop.check_books();
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
