//! Units that are promised and that the warehouse does not have: never taken, never sold, and told
//! to operators once. What else comes of a run is in `syncs.rs`.

use onhand_core::Command;
use onhand_core::ids::OrderId;
use onhand_core::orders;
use onhand_core::warehouse::{Command as Sy, Policy, ShortfallPolicy, Status, Sync};

use crate::syncs::{adjust, figures, pass, row, run, shop, told, whole};
use crate::world::{World, place};

fn cancel(order: i64) -> Command {
    Command::Orders(orders::Command::Cancel {
        id: OrderId::new(order).unwrap(),
        expected_version: None,
        reason: None,
    })
}

/// Three orders of three units each; of ten units only so many are there.
fn short(policy: ShortfallPolicy, there: i64) -> (World, Sync) {
    let mut world = shop();
    for _ in 0..3 {
        world.ask(&place(&[("a", 3)], None)).unwrap();
        pass(&mut world, 1);
    }
    let policy = Policy { shortfall: policy, ..Policy::default() };
    let sync = whole(&mut world, policy, vec![row("a", there)]);
    (world, sync)
}

#[test]
fn what_is_promised_is_not_taken() {
    let (mut world, sync) = short(ShortfallPolicy::Report, 4);
    assert_eq!(told(&world, sync.id), "1 a shortfall, 2 b not_named, 3 d not_named");
    assert_eq!(figures(&world, 1), (9, 9, 5));
    let shortfall = world.shelf.shortfalls.values().next().unwrap().clone();
    assert_eq!((shortfall.missing, shortfall.sync_id, shortfall.row), (5, sync.id, 1));
    assert_eq!(world.code(&place(&[("a", 1)], None)), "insufficient_stock");
    // What becomes free is not there.
    pass(&mut world, 60);
    assert_eq!(world.code(&cancel(1)), "ok");
    assert_eq!(figures(&world, 1), (6, 6, 2));
    assert_eq!(world.kinds.last(), Some(&"stock.shortfall"));
    // Said again, it is the same shortfall, as old as before.
    let again = whole(&mut world, Policy::default(), vec![row("a", 4)]);
    assert_eq!(told(&world, again.id), "1 a shortfall, 2 b not_named, 3 d not_named");
    assert_eq!(figures(&world, 1), (6, 6, 2));
    assert_eq!(world.shelf.shortfalls.values().next().unwrap().since, shortfall.since);
    // What comes in closes it first.
    adjust(&mut world, "a", 3, None);
    world.check();
    assert_eq!(figures(&world, 1), (7, 6, 0));
    assert_eq!(world.kinds.last(), Some(&"stock.shortfall_closed"));
    assert!(world.shelf.shortfalls.is_empty());
    pass(&mut world, 60);
    let agreed = whole(&mut world, Policy::default(), vec![row("a", 7)]);
    assert_eq!(told(&world, agreed.id), "1 a unchanged, 2 b not_named, 3 d not_named");
}

#[test]
fn a_count_that_finds_what_was_missing_closes_the_gap() {
    let (mut world, _) = short(ShortfallPolicy::Report, 4);
    pass(&mut world, 60);
    let found = whole(&mut world, Policy::default(), vec![row("a", 9)]);
    assert_eq!(told(&world, found.id), "1 a counted, 2 b not_named, 3 d not_named");
    assert_eq!(figures(&world, 1), (9, 9, 0));
    assert!(world.shelf.shortfalls.is_empty());
}

#[test]
fn the_newest_orders_that_are_not_covered_are_cancelled() {
    // Units that are there, orders that are cancelled, and what is left.
    for (there, cancelled, left) in
        [(9, 0, (9, 9, 0)), (8, 1, (8, 6, 0)), (4, 2, (4, 3, 0)), (0, 3, (0, 0, 0))]
    {
        let (world, _) = short(ShortfallPolicy::CancelNewest, there);
        let orders: Vec<_> = world.orders.values().map(|order| order.status).collect();
        let wanted = |place: usize| match place + cancelled >= 3 {
            true => orders::Status::Cancelled,
            false => orders::Status::Confirmed,
        };
        assert_eq!(orders, (0..3).map(wanted).collect::<Vec<_>>(), "{there}");
        assert_eq!(figures(&world, 1), left, "{there}");
        let reasons = world.orders.values().filter_map(|order| order.failure_reason.clone());
        assert!(reasons.into_iter().all(|reason| reason.as_str() == "shortfall"));
    }
}

#[test]
fn orders_that_are_not_covered_are_told_once() {
    let (mut world, _) = short(ShortfallPolicy::Backorder, 4);
    let told =
        |world: &World| world.kinds.iter().filter(|kind| **kind == "order.backordered").count();
    assert_eq!((told(&world), figures(&world, 1)), (2, (9, 9, 5)));
    let policy = Policy { shortfall: ShortfallPolicy::Backorder, ..Policy::default() };
    pass(&mut world, 60);
    whole(&mut world, policy, vec![row("a", 4)]);
    assert_eq!(told(&world), 2, "nothing new is missing");
    pass(&mut world, 60);
    whole(&mut world, policy, vec![row("a", 1)]);
    assert_eq!(told(&world), 3);
}

/// Rows and units that a run has newly found missing, and the rows of them that are still to be
/// told.
fn found(sync: &Sync) -> (u64, u64, u64) {
    let found = sync.new_shortfalls;
    (found.rows, found.units, found.untold())
}

#[test]
fn a_run_tells_what_is_newly_missing_and_once() {
    let (mut world, first) = short(ShortfallPolicy::Report, 4);
    assert_eq!((first.status, found(&first)), (Status::Applied, (1, 5, 1)));
    // Nothing more is missing the next time; then a unit more is.
    for (there, wanted) in [(4, (0, 0, 0)), (3, (1, 1, 1)), (9, (0, 0, 0)), (3, (1, 6, 1))] {
        pass(&mut world, 60);
        let next = whole(&mut world, Policy::default(), vec![row("a", there)]);
        assert_eq!(found(&next), wanted, "{there}");
    }
    // What was missing when a run was held is told with that, and not again at its end.
    let policy = Policy { hold_units: Some(2), ..Policy::default() };
    for (rows, held, ended) in [
        (vec![row("a", 2), row("b", 0)], (1, 1, 0), (1, 1, 0)),
        (vec![row("a", 2), row("d", 0)], (0, 0, 0), (1, 2, 1)),
    ] {
        world.ask(&place(&[("d", 1)], None)).unwrap();
        pass(&mut world, 60);
        let sync = whole(&mut world, policy, rows);
        assert_eq!((sync.status, found(&sync)), (Status::Held, held));
        let sync = run(&mut world, Sy::Approve { id: sync.id, rows: Some(vec![2]) }).unwrap();
        assert_eq!((sync.status, found(&sync)), (Status::Applied, ended));
    }
}
