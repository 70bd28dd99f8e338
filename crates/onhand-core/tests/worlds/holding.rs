//! Whatever customers do, and whatever their shop does for them beside: what they hold without
//! having paid stays below its bounds, and nobody below them is refused.

use onhand_core::Command;
use onhand_core::accounts::{Access, Role};
use onhand_core::ids::{CustomerId, OrderId, UserId};
use onhand_core::limits::{HELD_UNITS_PER_CUSTOMER_MAX, OPEN_ORDERS_PER_CUSTOMER_MAX};
use onhand_core::orders::{self, OpenOrder};
use proptest::prelude::*;

use crate::world::{World, place};

#[derive(Debug, Clone)]
enum Step {
    /// A customer places an order for itself, or the shop does for it.
    Place {
        customer: i64,
        is_own: bool,
        units: i64,
        hold_secs: Option<i64>,
    },
    Cancel(i64),
    Confirm(i64),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let units = prop_oneof![12 => 1..5_i64, 1 => 100..400_i64, 1 => 999..1_002_i64];
    let hold_secs = prop_oneof![1 => Just(None), 9 => (1..200_i64).prop_map(Some)];
    let place = (1..3_i64, prop::bool::weighted(0.9), units, hold_secs);
    prop_oneof![
        12 => place.prop_map(|(customer, is_own, units, hold_secs)| {
            Step::Place { customer, is_own, units, hold_secs }
        }),
        1 => (1..60_i64).prop_map(Step::Cancel),
        1 => (1..60_i64).prop_map(Step::Confirm),
        1 => (1..10_i64).prop_map(Step::Wait),
    ]
}

/// How many orders a customer has that wait for a payment, and the units in them.
fn held(world: &World, customer: CustomerId) -> (i64, i64) {
    let open = world.orders.values().filter_map(|order| OpenOrder::of(order));
    let open = open.filter(|(whose, one)| *whose == customer && one.expires_at > world.now);
    open.fold((0, 0), |(orders, units), (_, one)| (orders + 1, units + one.units))
}

/// Places an order; whether it was refused, as it had to be.
fn placed(
    world: &mut World,
    (number, is_own): (i64, bool),
    units: i64,
    hold_secs: Option<i64>,
) -> bool {
    let (customer, own) = (CustomerId::new(number).unwrap(), UserId::new(number));
    let Command::Orders(orders::Command::Place(mut new)) = place(&[("a", units)], hold_secs) else {
        panic!("no order");
    };
    new.customer_id = Some(customer);
    let scopes = Role::Customer.scopes();
    let access = match is_own {
        true => Access { rights: 1, tokens_from: 1, scopes, own },
        false => Access::WHOLE,
    };
    let (orders, before) = held(world, customer);
    let is_too_much =
        orders >= OPEN_ORDERS_PER_CUSTOMER_MAX || before + units > HELD_UNITS_PER_CUSTOMER_MAX;
    let is_refused = is_own && hold_secs.is_some() && is_too_much;
    let came = world.ask_with(access, &Command::Orders(orders::Command::Place(new)));
    let code = came.map_or_else(|refusal| refusal.code(), |_| "ok");
    let wanted = if is_refused { "too_many_open_orders" } else { "ok" };
    assert_eq!(code, wanted, "{units} units beside {orders} orders of {before}");
    is_refused
}

fn carried_out(world: &mut World, step: &Step) {
    let expected_version = None;
    let id = |number: i64| OrderId::new(number).unwrap();
    let moved = match *step {
        Step::Place { customer, is_own, units, hold_secs } => {
            placed(world, (customer, is_own), units, hold_secs);
            return;
        }
        Step::Wait(secs) => {
            world.now = world.now.checked_add(jiff::SignedDuration::from_secs(secs)).unwrap();
            return;
        }
        Step::Cancel(order) => {
            orders::Command::Cancel { id: id(order), expected_version, reason: None }
        }
        Step::Confirm(order) => orders::Command::Confirm { id: id(order), expected_version },
    };
    // Where there is no such order, or no longer, nothing happens.
    let _ = world.ask(&Command::Orders(moved));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nobody_holds_more_than_the_bound_and_nobody_below_it_is_refused(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::with(&["main"], &[("a", &[1_000_000])]);
        for step in steps {
            carried_out(&mut world, &step);
            world.check();
        }
    }
}

#[test]
fn one_order_and_one_unit_more_are_refused() {
    let mut world = World::with(&["main"], &[("a", &[10_000])]);
    let mut refused = |number, units| placed(&mut world, (number, true), units, Some(60));
    for _ in 0..OPEN_ORDERS_PER_CUSTOMER_MAX {
        assert!(!refused(1, 1));
    }
    assert!(refused(1, 1));
    assert!(!refused(2, HELD_UNITS_PER_CUSTOMER_MAX));
    assert!(refused(2, 1));
    assert!(refused(3, HELD_UNITS_PER_CUSTOMER_MAX + 1));
}
