//! Orders over an amount that buys nothing from the catalogue: stored, found, paid, given back and
//! ended like any other, and no stock is ever theirs.

use onhand_core::effects::Outcome;
use onhand_core::ids::{CustomerId, OrderId};
use onhand_core::orders::{self, Metadata, PaymentTerms, PlaceAmount, Status};
use onhand_core::payments::{self, Capture, Provider, Status as Paid};
use onhand_core::{Command, Money, inventory};
use onhand_engine::query::OrderFilter;

use crate::backend::Backend;
use crate::paying::{captured, intent, message, refunded};
use crate::world::{World, code};

const HOLD_SECS: i64 = 600;

/// An order over so many minor units that waits for its payment.
pub(crate) fn place_amount(amount: i64, customer: Option<i64>) -> Command {
    Command::Orders(orders::Command::PlaceAmount(PlaceAmount {
        amount: Money::new(amount, "INR".parse().unwrap()),
        customer_id: customer.and_then(CustomerId::new),
        payment: PaymentTerms::Awaited { hold_secs: HOLD_SECS, through: None },
        payment_method: None,
        metadata: Metadata::new(),
    }))
}

fn number(id: i64) -> OrderId {
    OrderId::new(id).unwrap()
}

fn start(id: i64) -> Command {
    Command::Payments(payments::Command::Start {
        order_id: number(id),
        expected_version: None,
        provider: Provider::Razorpay,
        capture: Capture::Automatic,
    })
}

impl<B: Backend> World<B> {
    /// Has an order paid by `pay_N` of a gateway's `order_N`.
    pub(crate) async fn paid_over(&self, id: i64, amount: i64) {
        self.done(start(id)).await;
        let due = self.leased(10).await;
        let task = due.iter().find(|task| task.order_id == number(id)).unwrap();
        let name = format!("order_{id}");
        assert_eq!(self.settled(task, intent(&name), Outcome::Done).await, 1);
        let body = u8::try_from(id).unwrap();
        self.done(message(&format!("e{id}"), body, captured(&name, amount))).await;
    }
}

pub(crate) async fn an_order_over_an_amount_is_found_as_it_was_placed_and_paid_like_any_other<
    B: Backend,
>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    world.done(place_amount(500, Some(7))).await;
    assert_eq!(code(&world.ask(place_amount(0, Some(7))).await), "total_too_large");
    let placed = world.reader.order(number(1)).await;
    assert_eq!((placed.status, placed.custom_amount, placed.total), (Status::Pending, 500, 500));
    assert!(placed.lines.is_empty() && placed.expires_at.is_none(), "{placed:?}");
    world.paid_over(1, 500).await;
    assert_eq!(code(&world.ask(start(1)).await), "already_paid");
    let world = world.reopened().await;
    let paid = world.reader.order(number(1)).await;
    assert_eq!(
        (paid.status, paid.payment.as_ref().unwrap().status(&paid)),
        (Status::Confirmed, Paid::Captured,)
    );
    let filter = OrderFilter { customer_id: CustomerId::new(7), ..OrderFilter::default() };
    assert_eq!(world.reader.orders(&filter, None, 10).await, (vec![paid], None));
    // All of it goes back.
    let (order_id, expected_version) = (number(1), None);
    let refund =
        payments::Command::Refund { order_id, expected_version, amount: None, reason: None };
    world.done(Command::Payments(refund)).await;
    let [task] = &world.leased(10).await[..] else { panic!("nothing is owed") };
    assert_eq!(world.settled(task, refunded("pay_1", 500), Outcome::Done).await, 1);
    let back = world.reader.order(number(1)).await;
    assert_eq!(back.payment.as_ref().unwrap().status(&back), Paid::Refunded);
    assert_eq!(world.figures("tea").await, (5, 0, 5));
    world.close().await;
}

pub(crate) async fn an_order_over_an_amount_waits_without_an_end_and_is_cancelled_once<
    B: Backend,
>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    world.done(place_amount(500, Some(7))).await;
    world.clock.advance_secs(100 * HOLD_SECS);
    world.done(Command::Inventory(inventory::Command::ExpireDue { most: 10 })).await;
    assert_eq!(world.reader.order(number(1)).await.status, Status::Pending);
    let (id, expected_version) = (number(1), None);
    let cancel = Command::Orders(orders::Command::Cancel { id, expected_version, reason: None });
    let both = vec![(cancel.clone(), None), (cancel, None)];
    let answers = world.in_one_batch(|_| {}, both).await;
    assert_eq!(crate::world::codes(&answers), ["ok", "invalid_transition"]);
    assert_eq!(code(&world.ask(start(1)).await), "not_payable");
    assert_eq!(world.figures("tea").await, (5, 0, 5));
    world.close().await;
}
