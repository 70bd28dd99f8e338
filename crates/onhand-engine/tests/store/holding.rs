//! What customers may hold without having paid: so much and no more, however their orders arrive.

use onhand_core::accounts::{Access, Role};
use onhand_core::ids::CustomerId;
use onhand_core::limits::{HELD_UNITS_PER_CUSTOMER_MAX, OPEN_ORDERS_PER_CUSTOMER_MAX};
use onhand_core::orders::{self, PlaceOrder};
use onhand_core::{Actor, Command};

use crate::accounts::user;
use crate::backend::Backend;
use crate::world::{Asked, World, codes, order};

const HOLD_SECS: i64 = 60;

/// As a customer who knows only of its own orders.
fn by(number: i64, command: orders::Command) -> Asked {
    let scopes = Role::Customer.scopes();
    let access = Access { rights: 1, tokens_from: 1, scopes, own: Some(user(number)) };
    Asked { actor: Actor::User(user(number)), access, command: Command::Orders(command), key: None }
}

fn placing(customer: Option<i64>, units: i64) -> orders::Command {
    let customer_id = customer.and_then(CustomerId::new);
    let new = order(&[("tea", units)], Some(HOLD_SECS));
    orders::Command::Place(PlaceOrder { customer_id, ..new })
}

/// A customer places an order for itself.
fn holds(number: i64, units: i64) -> Asked {
    by(number, placing(None, units))
}

/// The shop places one for a customer.
fn holds_for(number: i64) -> Asked {
    let command = Command::Orders(placing(Some(number), 1));
    Asked { actor: Actor::Local, access: Access::WHOLE, command, key: None }
}

fn cancels(number: i64, order: i64) -> Asked {
    let id = onhand_core::ids::OrderId::new(order).unwrap();
    by(number, orders::Command::Cancel { id, expected_version: None, reason: None })
}

async fn together<B: Backend>(world: &World<B>, asked: Vec<Asked>) -> Vec<&'static str> {
    codes(&world.together(|_| {}, asked).await)
}

pub(crate) async fn a_customer_has_so_many_open_orders_and_no_more<B: Backend>() {
    const NO: &str = "too_many_open_orders";
    let world = World::<B>::with(&[("tea", 5_000)]).await;
    let most = usize::try_from(OPEN_ORDERS_PER_CUSTOMER_MAX).unwrap();
    // Orders 1 to 20 are of the first customer, whichever batch they come in.
    let first: Vec<_> = (0..most - 1).map(|_| holds(1, 1)).collect();
    assert_eq!(together(&world, first).await, vec!["ok"; most - 1]);
    let asked = vec![holds(1, 1), holds(1, 1), holds(2, 1), holds_for(1), holds(1, 1)];
    assert_eq!(together(&world, asked).await, ["ok", NO, "ok", "ok", NO]);
    let world = world.reopened().await;
    assert_eq!(together(&world, vec![holds(1, 1), holds(2, 1)]).await, [NO, "ok"]);
    // With that of the shop there are 21.
    let asked = vec![cancels(1, 1), holds(1, 1), cancels(1, 2), holds(1, 1), holds(1, 1)];
    assert_eq!(together(&world, asked).await, ["ok", NO, "ok", "ok", NO]);
    // Nobody has ended what has run out, and it is free.
    world.clock.advance_secs(HOLD_SECS);
    assert_eq!(together(&world, vec![holds(1, 1), holds(1, 1)]).await, ["ok", "ok"]);
    world.close().await;
}

pub(crate) async fn a_customer_holds_so_many_units_and_no_more<B: Backend>() {
    const NO: &str = "too_many_open_orders";
    let world = World::<B>::with(&[("tea", 5_000)]).await;
    let most = HELD_UNITS_PER_CUSTOMER_MAX;
    let asked = vec![holds(1, most + 1), holds(1, most - 1), holds(1, 2), holds(1, 1), holds(1, 1)];
    assert_eq!(together(&world, asked).await, [NO, "ok", NO, "ok", NO]);
    assert_eq!(together(&world, vec![holds(1, 1), holds(2, most)]).await, [NO, "ok"]);
    // An order that waits for no payment is not held for one.
    let paid = orders::Command::Place(order(&[("tea", 1)], None));
    assert_eq!(together(&world, vec![by(1, paid)]).await, ["ok"]);
    let asked = vec![cancels(1, 1), holds(1, most)];
    assert_eq!(together(&world, asked).await, ["ok", NO]);
    assert_eq!(together(&world, vec![holds(1, most - 1)]).await, ["ok"]);
    world.close().await;
}
