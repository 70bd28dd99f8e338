//! What is owed to a gateway, one rule at a time: who has it, how often it is tried, and when a
//! person has to look at it.

use onhand_core::Command;
use onhand_core::effects::{self, Effect, EffectState, Outcome};
use onhand_core::ids::{EffectId, OrderId};
use onhand_core::orders::Status;
use onhand_core::payments::{self, AttemptState, Call, Capture, Seen};

use crate::gateway::text;
use crate::payment_rules::{attempt, rupees, told};
use crate::payments::{Happening, Shop, TOTAL, order_id};

impl Shop {
    fn effect(&self) -> &Effect {
        &self.world.effects[&order_id()]
    }

    /// Leases what is owed as often as it takes until it is dead, and says the same each time.
    fn until_dead(&mut self, outcome: &Outcome) {
        while self.effect().state == EffectState::Waiting {
            self.world.now = self.world.now.max(self.effect().due_at);
            let task = self.lease().unwrap();
            assert!(task.tries < self.world.policy.tries_max, "it is tried for ever");
            self.settle(task, Seen::default(), outcome.clone());
        }
    }
}

#[test]
fn a_dead_effect_waits_for_a_person() {
    let dead = || {
        let mut shop = Shop::new(Capture::Automatic);
        while shop.world.effects[&order_id()].state == EffectState::Waiting {
            shop.happen(Happening::Away);
        }
        assert!(shop.lease().is_none());
        shop
    };
    let id = EffectId::of_order(order_id());
    let ask = |shop: &mut Shop, command| shop.world.code(&Command::Effects(command));
    let mut shop = dead();
    assert_eq!(ask(&mut shop, effects::Command::Requeue { id }), "ok");
    assert_eq!(ask(&mut shop, effects::Command::Requeue { id }), "effect_not_dead");
    assert_eq!(ask(&mut shop, effects::Command::Skip { id }), "effect_not_dead");
    let task = shop.lease().unwrap();
    assert!(task.ask_first && task.tries == 0);
    let mut shop = dead();
    assert_eq!(ask(&mut shop, effects::Command::Skip { id }), "ok");
    assert_eq!(shop.status(), (Status::Cancelled, payments::Status::Cancelled));
    assert_eq!(ask(&mut shop, effects::Command::Skip { id }), "unknown_effect");
    let unknown = EffectId::of_order(OrderId::new(7).unwrap());
    assert_eq!(ask(&mut shop, effects::Command::Requeue { id: unknown }), "unknown_effect");
}

#[test]
fn whoever_lost_the_lease_settles_nothing() {
    let mut shop = Shop::new(Capture::Automatic);
    let first = shop.lease().unwrap();
    shop.pass(31);
    let second = shop.lease().unwrap();
    assert!(second.epoch > first.epoch && second.ask_first);
    shop.settle(first, Seen::default(), Outcome::Declined(text("no")));
    assert_eq!(shop.status(), (Status::Pending, payments::Status::Created));
    assert!(shop.world.effects[&order_id()].leased);
}

#[test]
fn what_was_asked_often_may_fail_as_often_as_what_was_never_asked() {
    // Set aside, and nobody says whether it is to be taken: the gateway is asked for weeks.
    let mut shop = Shop::open(Capture::Manual);
    let seen = || told(vec![attempt("pay_1", AttemptState::Authorized, rupees(TOTAL))]);
    shop.hear_of("evt_1", 1, seen());
    for _ in 0..30 {
        shop.pass(72 * 60 * 60);
        let task = shop.lease().unwrap();
        shop.settle(task, seen(), Outcome::Done);
    }
    shop.pass(72 * 60 * 60);
    let task = shop.lease().unwrap();
    shop.settle(task, Seen::default(), Outcome::Retry(text("busy")));
    assert_eq!(shop.world.effects[&order_id()].state, EffectState::Waiting);
}

#[test]
fn what_was_not_tried_comes_back_later_and_counts_for_nothing() {
    let mut shop = Shop::new(Capture::Automatic);
    for _ in 0..30 {
        let task = shop.lease().unwrap();
        assert_eq!((task.tries, task.ask_first), (0, false));
        shop.settle(task, Seen::default(), Outcome::Untried);
        assert!(shop.lease().is_none(), "not at once");
        shop.pass(1);
    }
}

#[test]
fn asking_how_things_stand_is_put_off_and_not_given_up_when_it_is_skipped() {
    let mut shop = Shop::open(Capture::Automatic);
    shop.until_dead(&Outcome::Retry(text("away")));
    let skip = effects::Command::Skip { id: EffectId::of_order(order_id()) };
    assert_eq!(shop.world.code(&Command::Effects(skip)), "ok");
    let effect = shop.effect();
    assert_eq!((effect.state, effect.tries, effect.polls), (EffectState::Waiting, 0, 1));
    assert_eq!(effect.reason, None);
    assert!(shop.lease().is_none(), "at the next poll, and not before");
    shop.world.now = shop.effect().due_at;
    assert!(matches!(shop.lease().unwrap().call, Call::Fetch { .. }));
}

#[test]
fn a_gateway_that_will_not_say_how_things_stand_is_not_asked_for_ever() {
    let mut shop = Shop::open(Capture::Automatic);
    assert_eq!(shop.ask(payments::Command::Look { order_id: order_id() }), "ok");
    assert!(shop.payment().is_in_doubt);
    let task = shop.lease().unwrap();
    shop.settle(task, Seen::default(), Outcome::Declined(text("no such order")));
    assert!(!shop.payment().is_in_doubt);
    assert_eq!(shop.world.kinds.last(), Some(&"payment.checked"));
    shop.pass(60);
    assert!(shop.lease().is_none(), "at the next poll, and not before");
}

#[test]
fn a_gateway_that_says_yes_and_does_nothing_is_for_a_person() {
    let mut shop = Shop::new(Capture::Automatic);
    shop.until_dead(&Outcome::Done);
    assert_eq!(shop.effect().tries, shop.world.policy.tries_max);
    assert!(shop.effect().reason.is_some() && shop.payment().trouble.is_some());
    assert_eq!(shop.world.kinds.last(), Some(&"payment.stuck"));
    assert_eq!(shop.status(), (Status::Pending, payments::Status::Created));
}

#[test]
fn an_outage_is_no_answer_and_ends_no_asking() {
    let mut shop = Shop::open(Capture::Automatic);
    shop.happen(Happening::RunsOut);
    assert_eq!(shop.status(), (Status::Expired, payments::Status::Cancelled));
    // Asked nearly as often as may be, and in vain: none of it tells whether a bank was late.
    for _ in 1..shop.world.policy.tries_max {
        shop.world.now = shop.world.now.max(shop.effect().due_at);
        shop.happen(Happening::Away);
    }
    let waits = shop.world.policy.poll_secs.clone();
    shop.pass(waits[0]);
    for (polls, wait) in (1..).zip(&waits[1..]) {
        shop.happen(Happening::Work);
        assert_eq!((shop.effect().polls, shop.effect().tries), (polls, 0));
        let wait = jiff::SignedDuration::from_secs(*wait);
        assert_eq!(shop.effect().due_at.duration_since(shop.world.now), wait);
        shop.world.now = shop.effect().due_at;
    }
    shop.happen(Happening::Work);
    assert!(shop.world.effects.is_empty());
    assert_eq!(shop.world.kinds.last(), Some(&"payment.closed"));
}
