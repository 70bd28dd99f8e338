//! A caller who has orders of its own: every command finds those, and to it there are no others.

use onhand_core::accounts::{Access, Role, Scope, Scopes};
use onhand_core::ids::{CustomerId, OrderId, UserId};
use onhand_core::orders::{self, OrderPatch, Status};
use onhand_core::text::Reference;
use onhand_core::{Command, Refusal, inventory};

use crate::world::{World, place};

fn own(number: i64) -> Access {
    let (scopes, own) = (Scopes::of(&[Scope::OrdersOwn]), UserId::new(number));
    assert_eq!(scopes, Role::Customer.scopes());
    Access { rights: 1, tokens_from: 1, scopes, own }
}

/// An order for a customer, of this name in another system.
fn order(customer: Option<i64>, reference: Option<&str>, hold_secs: Option<i64>) -> Command {
    let Command::Orders(orders::Command::Place(mut new)) = place(&[("a", 1)], hold_secs) else {
        panic!("no order");
    };
    new.customer_id = customer.and_then(CustomerId::new);
    new.external_reference = reference.map(|text| Reference::new(text).unwrap());
    Command::Orders(orders::Command::Place(new))
}

fn code(world: &mut World, access: Access, command: &Command) -> &'static str {
    let came = world.ask_with(access, command).map(|_| ());
    world.check();
    came.map_or_else(|refusal| refusal.code(), |()| "ok")
}

fn world() -> World {
    World::with(&["main"], &[("a", &[9])])
}

#[test]
fn an_order_is_that_of_whoever_places_it() {
    for (access, named, wanted, customer) in [
        (own(7), None, "ok", Some(7)),
        (own(7), Some(7), "ok", Some(7)),
        (own(7), Some(8), "forbidden_customer", None),
        (Access::WHOLE, Some(8), "ok", Some(8)),
        (Access::WHOLE, None, "ok", None),
    ] {
        let mut world = world();
        assert_eq!(code(&mut world, access, &order(named, None, None)), wanted, "{named:?}");
        let placed = world.orders.values().next().and_then(|order| order.customer_id);
        assert_eq!(placed.map(CustomerId::number), customer, "{named:?}");
    }
}

#[test]
fn no_command_finds_the_order_of_another() {
    let id = OrderId::new(1).unwrap();
    let expected_version = None;
    let commands = [
        orders::Command::Update { id, expected_version, patch: OrderPatch::default() },
        orders::Command::Update { id, expected_version: Some(9), patch: OrderPatch::default() },
        orders::Command::Confirm { id, expected_version },
        orders::Command::Fulfil { id, expected_version, lines: None, tracking: None },
        orders::Command::Deliver { id, expected_version },
        orders::Command::Return {
            id,
            expected_version,
            lines: None,
            restock: true,
            location_id: None,
            reason: None,
            reference: None,
        },
        orders::Command::Cancel { id, expected_version, reason: None },
    ];
    for command in commands.map(Command::Orders) {
        for (owner, wanted_same) in [(Some(7), false), (Some(8), true), (None, true)] {
            let mut world = world();
            world.ask(&order(owner, None, Some(60))).unwrap();
            let came = code(&mut world, own(7), &command);
            assert_eq!(came == "unknown_order", wanted_same, "{owner:?} {command:?}: {came}");
        }
    }
}

#[test]
fn a_name_that_is_taken_says_nothing_of_the_order_of_another() {
    let taken = |access, owner| {
        let mut world = world();
        world.ask(&order(Some(owner), Some("shop-1"), None)).unwrap();
        match world.ask_with(access, &order(None, Some("shop-1"), None)) {
            Err(Refusal::Orders(orders::Refusal::ExternalReferenceTaken { order_id, .. })) => {
                order_id.map(OrderId::number)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(taken(own(7), 7), Some(1));
    assert_eq!(taken(own(7), 8), None);
    assert_eq!(taken(Access::WHOLE, 8), Some(1));
}

#[test]
fn what_has_run_out_is_free_for_everybody() {
    let mut world = World::with(&["main"], &[("a", &[1])]);
    world.ask(&order(Some(8), None, Some(60))).unwrap();
    assert_eq!(code(&mut world, own(7), &order(None, None, None)), "insufficient_stock");
    world.now = world.now.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
    assert_eq!(code(&mut world, own(7), &order(None, None, None)), "ok");
    let statuses: Vec<_> = world.orders.values().map(|order| order.status).collect();
    assert_eq!(statuses, [Status::Expired, Status::Confirmed]);
    let sweep = Command::Inventory(inventory::Command::ExpireDue { most: 9 });
    assert_eq!(code(&mut world, own(7), &sweep), "ok");
}
