//! Every sequence of five things that can happen in a small shop, each step followed by every
//! promise; and the tables of where an order is sourced from.

use onhand_core::ids::{LocationId, OrderId};
use onhand_core::inventory::{self, Sourcing};
use onhand_core::limits::QUANTITY_MAX;
use onhand_core::orders::{self, LineQuantity, Status};
use onhand_core::text::Reason;
use onhand_core::{Command, Refusal};

use crate::world::{World, place, units};

const DEPTH: u32 = 5;

/// What can happen. Orders are moved newest first.
#[derive(Debug, Clone, Copy)]
enum Happening {
    PlaceA,
    HoldA,
    HoldBoth,
    Confirm,
    Process,
    Cancel,
    FulfilOne,
    Return,
    TimePasses,
    Sweep,
}

const HAPPENINGS: [Happening; 10] = [
    Happening::PlaceA,
    Happening::HoldA,
    Happening::HoldBoth,
    Happening::Confirm,
    Happening::Process,
    Happening::Cancel,
    Happening::FulfilOne,
    Happening::Return,
    Happening::TimePasses,
    Happening::Sweep,
];

fn happen(world: &mut World, happening: Happening) {
    let newest = world.orders.keys().next_back().copied();
    let id = newest.unwrap_or(OrderId::new(1).unwrap());
    let expected_version = None;
    let command = match happening {
        Happening::PlaceA => place(&[("a", 1)], None),
        Happening::HoldA => place(&[("a", 1)], Some(60)),
        Happening::HoldBoth => place(&[("b", 1), ("a", 1)], Some(60)),
        Happening::Confirm => Command::Orders(orders::Command::Confirm { id, expected_version }),
        Happening::Process => Command::Orders(orders::Command::Process { id }),
        Happening::Cancel => {
            Command::Orders(orders::Command::Cancel { id, expected_version, reason: None })
        }
        Happening::FulfilOne => {
            let lines = Some(vec![LineQuantity { line: 1, quantity: units(1) }]);
            let tracking = None;
            Command::Orders(orders::Command::Fulfil { id, expected_version, lines, tracking })
        }
        Happening::Return => Command::Orders(orders::Command::Return {
            id,
            expected_version,
            lines: None,
            restock: true,
            location_id: None,
            reason: None,
            reference: None,
        }),
        Happening::TimePasses => {
            world.now = world.now.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
            return;
        }
        Happening::Sweep => Command::Inventory(inventory::Command::ExpireDue { most: 10 }),
    };
    world.code(&command);
}

#[test]
fn no_sequence_of_five_happenings_breaks_a_promise() {
    let kinds = HAPPENINGS.len();
    let mut reached = std::collections::BTreeSet::new();
    for number in 0..kinds.pow(DEPTH) {
        let mut world = World::with(&["main"], &[("a", &[1]), ("b", &[1])]);
        let mut rest = number;
        for _ in 0..DEPTH {
            happen(&mut world, HAPPENINGS[rest % kinds]);
            rest /= kinds;
        }
        reached.extend(world.orders.values().map(|order| order.status));
    }
    // Delivering is not among the happenings; every other state must have been seen.
    let missed: Vec<_> = Status::ALL.iter().filter(|status| !reached.contains(status)).collect();
    assert_eq!(missed, [&Status::Delivered]);
}

/// Stock by location, safety stock at the first, quantity asked for; picks of location and units,
/// and why.
fn check(stock: &[i64], asked: i64, wanted: &[(i64, i64)], why: Sourcing) {
    let mut world = World::with(&["one", "two", "three"], &[("a", stock)]);
    assert_eq!(world.code(&place(&[("a", asked)], None)), "ok", "{stock:?} {asked}");
    let order = world.orders.values().next().unwrap();
    let allocations = &order.lines[0].allocations;
    let picked: Vec<_> =
        allocations.iter().map(|part| (part.location_id.number(), part.quantity)).collect();
    assert_eq!(picked, wanted, "{stock:?} {asked}");
    assert!(allocations.iter().all(|part| part.sourcing == why));
}

#[test]
fn a_line_is_sourced_whole_by_priority_and_split_only_when_it_must_be() {
    check(&[5, 5, 5], 5, &[(1, 5)], Sourcing::SingleLocation);
    check(&[2, 5, 9], 5, &[(2, 5)], Sourcing::SingleLocation);
    check(&[2, 3, 4], 5, &[(1, 2), (2, 3)], Sourcing::Split);
    check(&[2, 0, 4], 6, &[(1, 2), (3, 4)], Sourcing::Split);
}

#[test]
fn duplicate_lines_are_checked_as_one_demand() {
    let mut world = World::with(&["main"], &[("a", &[3])]);
    let refusal = world.ask(&place(&[("a", 2), ("a", 2)], None)).unwrap_err();
    let Refusal::Inventory(inventory::Refusal::InsufficientStock { items }) = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!((items.len(), items[0].requested, items[0].available), (1, 4, 3));
    assert_eq!(world.code(&place(&[("a", 2), ("a", 1)], None)), "ok");
    assert_eq!(world.orders.values().next().unwrap().lines.len(), 1);
}

#[test]
fn low_stock_is_said_once_per_crossing() {
    let mut world = World::with(&["main"], &[("a", &[12])]);
    let mut alerts = Vec::new();
    for _ in 0..4 {
        let decision = world.ask(&place(&[("a", 1)], None)).unwrap();
        alerts.push(decision.events.iter().filter(|event| event.kind == "stock.low").count());
    }
    assert_eq!(alerts, [0, 0, 1, 0]);
}

#[test]
fn a_transfer_moves_what_is_not_promised() {
    let mut world = World::with(&["one", "two"], &[("a", &[3, 0])]);
    assert_eq!(world.code(&place(&[("a", 2)], None)), "ok");
    let transfer = |count| {
        Command::Inventory(inventory::Command::Transfer(inventory::Transfer {
            product: crate::world::sku("a"),
            from: LocationId::new(1).unwrap(),
            to: LocationId::new(2).unwrap(),
            quantity: units(count),
            reference: None,
        }))
    };
    assert_eq!(world.code(&transfer(2)), "insufficient_stock");
    assert_eq!(world.code(&transfer(1)), "ok");
}

#[test]
fn what_comes_back_has_to_fit() {
    let mut world = World::with(&["main"], &[("a", &[QUANTITY_MAX])]);
    let (id, expected_version) = (OrderId::new(1).unwrap(), None);
    let fulfil = orders::Command::Fulfil { id, expected_version, lines: None, tracking: None };
    let give_back = |restock| {
        Command::Orders(orders::Command::Return {
            id,
            expected_version,
            lines: None,
            restock,
            location_id: None,
            reason: None,
            reference: None,
        })
    };
    let more = Command::Inventory(inventory::Command::Adjust(vec![inventory::Adjustment {
        product: crate::world::sku("a"),
        location_id: None,
        delta: 3,
        reason: Reason::new("received").unwrap(),
        reference: None,
        occurred_at: None,
    }]));
    for command in [place(&[("a", 3)], None), Command::Orders(fulfil), more] {
        assert_eq!(world.code(&command), "ok");
    }
    assert_eq!(world.code(&give_back(true)), "quantity_too_large");
    assert_eq!(world.code(&give_back(false)), "ok");
}
