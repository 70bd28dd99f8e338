//! Orders over an amount that buys nothing: they hold no stock, so that nothing of them runs out,
//! and are paid, cancelled and given back like any other.

use onhand_core::accounts::{Access, Scope, Scopes};
use onhand_core::ids::{CustomerId, OrderId, UserId};
use onhand_core::limits::AMOUNT_MAX;
use onhand_core::orders::{self, Metadata, PaymentTerms, PlaceAmount, Status};
use onhand_core::{Command, Money, inventory};

use crate::world::{World, place};

fn own(number: i64) -> Access {
    let scopes = Scopes::of(&[Scope::OrdersOwn]);
    Access { rights: 1, tokens_from: 1, scopes, own: UserId::new(number) }
}

fn over(amount: i64, customer: Option<i64>, payment: PaymentTerms) -> Command {
    Command::Orders(orders::Command::PlaceAmount(PlaceAmount {
        amount: Money::new(amount, "INR".parse().unwrap()),
        customer_id: customer.and_then(CustomerId::new),
        payment,
        payment_method: None,
        metadata: Metadata::new(),
    }))
}

const AWAITED: PaymentTerms = PaymentTerms::Awaited { hold_secs: 60, through: None };

fn world() -> World {
    World::with(&["main"], &[("a", &[1])])
}

fn code(world: &mut World, access: Access, command: &Command) -> &'static str {
    let came = world.ask_with(access, command).map(|_| ());
    world.check();
    came.map_or_else(|refusal| refusal.code(), |()| "ok")
}

fn status(world: &World) -> Status {
    world.orders.values().next().unwrap().status
}

#[test]
fn an_amount_is_at_least_one_and_no_more_than_an_amount_can_say() {
    for (amount, wanted) in [
        (i64::MIN, "total_too_large"),
        (-1, "total_too_large"),
        (0, "total_too_large"),
        (1, "ok"),
        (AMOUNT_MAX, "ok"),
        (AMOUNT_MAX + 1, "total_too_large"),
        (i64::MAX, "total_too_large"),
    ] {
        for terms in [PaymentTerms::NotRequired, AWAITED] {
            let mut world = world();
            assert_eq!(code(&mut world, Access::WHOLE, &over(amount, None, terms)), wanted);
            let totals: Vec<_> = world.orders.values().map(|order| order.total).collect();
            assert_eq!(totals, if wanted == "ok" { vec![amount] } else { vec![] });
        }
    }
}

#[test]
fn it_is_that_of_whoever_places_it() {
    for (access, named, wanted, customer) in [
        (own(7), None, "ok", Some(7)),
        (own(7), Some(8), "forbidden_customer", None),
        (Access::WHOLE, Some(8), "ok", Some(8)),
    ] {
        let mut world = world();
        assert_eq!(code(&mut world, access, &over(5, named, AWAITED)), wanted);
        let placed = world.orders.values().next().and_then(|order| order.customer_id);
        assert_eq!(placed.map(CustomerId::number), customer);
    }
}

#[test]
fn it_takes_nothing_that_somebody_else_could_buy_and_does_not_run_out() {
    let mut world = world();
    assert_eq!(code(&mut world, own(7), &over(500, None, AWAITED)), "ok");
    assert!(world.reservations.is_empty());
    assert_eq!(code(&mut world, own(8), &place(&[("a", 1)], None)), "ok");
    world.now += jiff::SignedDuration::from_hours(24 * 365);
    let sweep = Command::Inventory(inventory::Command::ExpireDue { most: 10 });
    assert_eq!(code(&mut world, Access::WHOLE, &sweep), "ok");
    assert_eq!(status(&world), Status::Pending);
}

#[test]
fn it_is_confirmed_or_cancelled_and_has_nothing_to_send() {
    let (id, expected_version) = (OrderId::new(1).unwrap(), None);
    let confirm = orders::Command::Confirm { id, expected_version };
    let process = orders::Command::Process { id };
    let fulfil = orders::Command::Fulfil { id, expected_version, lines: None, tracking: None };
    let cancel = orders::Command::Cancel { id, expected_version, reason: None };
    for (commands, wanted) in [
        (vec![(&confirm, "ok"), (&process, "ok"), (&fulfil, "nothing_left")], Status::Processing),
        (vec![(&fulfil, "invalid_transition"), (&cancel, "ok")], Status::Cancelled),
        (
            vec![(&confirm, "ok"), (&cancel, "ok"), (&cancel, "invalid_transition")],
            Status::Cancelled,
        ),
    ] {
        let mut world = world();
        assert_eq!(code(&mut world, own(7), &over(500, None, AWAITED)), "ok");
        for (command, wanted) in commands {
            let command = Command::Orders(command.clone());
            assert_eq!(code(&mut world, Access::WHOLE, &command), wanted, "{command:?}");
        }
        assert_eq!(status(&world), wanted);
    }
}
