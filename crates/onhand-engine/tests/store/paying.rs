//! Paying, as far as the suite needs it: a gateway of which one knows what it says, the worker that
//! asks it, and its messages.

use std::sync::Arc;

use onhand_core::command::Reply;
use onhand_core::effects::{self, Effect, Outcome, Settlement};
use onhand_core::ids::{CustomerId, EffectId, OrderId};
use onhand_core::orders::{self, Order, PaymentTerms, PlaceOrder};
use onhand_core::payments::{
    self, AttemptState, Capture, Notice, Provider, RefundState, Seen, SeenAttempt, SeenIntent,
    SeenRefund, Task,
};
use onhand_core::text::{GatewayId, Reference, Text};
use onhand_core::{Command, Money};

use crate::backend::Backend;
use crate::world::{World, order};

/// Life of a lease in seconds.
pub(crate) const LEASE_SECS: i64 = 30;

pub(crate) fn gateway_id(id: &str) -> GatewayId {
    GatewayId::new(id).unwrap()
}

fn rupees(amount: i64) -> Money {
    Money::new(amount, "INR".parse().unwrap())
}

/// An order that is paid through a gateway.
pub(crate) fn paid_order(items: &[(&str, i64)], hold_secs: i64) -> PlaceOrder {
    let through = Some((Provider::Razorpay, Capture::Automatic));
    let payment = PaymentTerms::Awaited { hold_secs, through };
    PlaceOrder { payment, customer_id: CustomerId::new(1), ..order(items, None) }
}

pub(crate) fn place_paid(items: &[(&str, i64)], hold_secs: i64) -> Command {
    Command::Orders(orders::Command::Place(paid_order(items, hold_secs)))
}

pub(crate) fn lease(most: usize) -> Command {
    Command::Effects(effects::Command::Lease { most, secs: LEASE_SECS })
}

/// A gateway's order with its name.
pub(crate) fn intent(id: &str) -> Seen {
    let intent = SeenIntent { number: 1, id: gateway_id(id), client_secret: None };
    Seen { intents: vec![intent], ..Seen::default() }
}

/// An attempt to pay by a gateway's order: `order_x` is paid by `pay_x`.
pub(crate) fn attempt(intent: &str, state: AttemptState, amount: i64) -> Seen {
    let attempt = SeenAttempt {
        id: gateway_id(&intent.replace("order_", "pay_")),
        intent: Some(gateway_id(intent)),
        state,
        amount: rupees(amount),
        captured: if state == AttemptState::Captured { amount } else { 0 },
        failure: None,
    };
    Seen { attempts: vec![attempt], ..Seen::default() }
}

pub(crate) fn captured(intent: &str, amount: i64) -> Seen {
    attempt(intent, AttemptState::Captured, amount)
}

/// The first refund of an attempt.
pub(crate) fn refunded(attempt: &str, amount: i64) -> Seen {
    let refund = SeenRefund {
        id: gateway_id("rfnd_1"),
        attempt: gateway_id(attempt),
        number: Some(1),
        amount: rupees(amount),
        state: RefundState::Processed,
        failure: None,
    };
    Seen { refunds: vec![refund], ..Seen::default() }
}

/// A message, by the sender's name for it and a body.
pub(crate) fn message(event: &str, body: u8, seen: Seen) -> Command {
    Command::Payments(payments::Command::Receive(Notice {
        provider: Provider::Razorpay,
        event_id: Reference::new(event).unwrap(),
        body_hash: [body; 32],
        kind: Reference::new("payment.something").unwrap(),
        order_id: None,
        seen,
    }))
}

pub(crate) fn settle(task: &Task, seen: Seen, outcome: Outcome) -> Command {
    let settlement = Settlement {
        epoch: task.epoch,
        order_id: task.order_id,
        provider: task.provider,
        call: task.call.clone(),
        seen,
        outcome,
        again_at: task.leased_until,
    };
    Command::Effects(effects::Command::Settle { settlements: vec![settlement] })
}

pub(crate) fn retry() -> Outcome {
    Outcome::Retry(Text::new("the gateway is away").unwrap())
}

impl<B: Backend> World<B> {
    /// Asks for something that must be done.
    pub(crate) async fn done(&self, command: Command) -> Reply {
        self.ask(command).await.unwrap().outcome.unwrap()
    }

    /// What a worker is given to do.
    pub(crate) async fn leased(&self, most: usize) -> Vec<Task> {
        tasks(self.done(lease(most)).await)
    }

    /// How many leases still counted.
    pub(crate) async fn settled(&self, task: &Task, seen: Seen, outcome: Outcome) -> u64 {
        let reply = self.done(settle(task, seen, outcome)).await;
        let Reply::Settled { effects } = reply else { panic!("{reply:?}") };
        effects
    }

    pub(crate) async fn owed(&self, id: OrderId) -> Option<Effect> {
        self.reader.0.effect(EffectId::of_order(id)).await.unwrap()
    }

    /// An order whose gateway's order has this name; the customer can pay now.
    pub(crate) async fn payable(&self, items: &[(&str, i64)], name: &str) -> Arc<Order> {
        let reply = self.done(place_paid(items, 600)).await;
        let Reply::Order(order) = reply else { panic!("{reply:?}") };
        let [task] = &self.leased(1).await[..] else { panic!("nothing is due") };
        assert_eq!(task.order_id, order.id);
        assert_eq!(self.settled(task, intent(name), Outcome::Done).await, 1);
        order
    }
}

pub(crate) fn tasks(reply: Reply) -> Vec<Task> {
    let Reply::Tasks(tasks) = reply else { panic!("{reply:?}") };
    tasks
}
