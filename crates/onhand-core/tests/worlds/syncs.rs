//! Runs against the external warehouse: what becomes of each row, what holds a run, what is done
//! where units are missing, and that every step may be asked for again.

use jiff::SignedDuration;
use onhand_core::catalog::{self, ProductRef};
use onhand_core::command::Reply;
use onhand_core::ids::{LocationId, OrderId, ProductId, SyncId};
use onhand_core::inventory::{self, Adjustment, Count};
use onhand_core::limits::{SYNC_ROWS_DECIDED_MAX, SYNC_ROWS_STAGED_MAX};
use onhand_core::orders;
use onhand_core::text::{Name, Reason, Reference, Text};
use onhand_core::warehouse::{
    Action, Command as Sy, Figure, LocationRef, Mode, NewRow, NewSync, Policy, RowsKept, Status,
    Sync, Trigger,
};
use onhand_core::{Command, Timestamp};

use crate::world::{World, place, sku};

/// A run to begin.
pub(crate) fn new_sync(policy: Policy, as_of: Option<Timestamp>) -> NewSync {
    NewSync {
        trigger: Trigger::Api,
        source: None,
        policy,
        dry_run: false,
        location_id: None,
        as_of,
    }
}

/// A row: `a` says 5.
pub(crate) fn row(name: &str, on_hand: i64) -> NewRow {
    let figure = Figure { products: vec![sku(name)], location: None, on_hand, as_of: None };
    NewRow { sent: Reference::new(name).unwrap(), told: Ok(figure) }
}

pub(crate) fn run(world: &mut World, command: Sy) -> Result<Sync, &'static str> {
    let decision = world.ask(&Command::Warehouse(command));
    world.check();
    let reply = decision.map_err(|refusal| refusal.code())?.reply;
    let Reply::Sync(sync) = reply else { panic!("{reply:?}") };
    Ok((*sync).clone())
}

/// Receives rows and says that they are all; each command twice, and the second is refused.
pub(crate) fn receive(world: &mut World, new: NewSync, rows: Vec<NewRow>) -> Sync {
    let id = run(world, Sy::Begin(new.clone())).unwrap().id;
    assert_eq!(run(world, Sy::Begin(new)).unwrap_err(), "sync_running");
    let count = u32::try_from(rows.len()).unwrap();
    let stage = Sy::Stage { id, from_row: 0, rows };
    run(world, stage.clone()).unwrap();
    if count > 0 {
        assert_eq!(run(world, stage).unwrap_err(), "sync_moved");
    }
    let close = Sy::Close { id, rows: count, etag: None, cursor: None };
    let sync = run(world, close.clone()).unwrap();
    assert_eq!(run(world, close).unwrap_err(), "sync_state");
    sync
}

/// Goes on to the end, by steps of so many rows, and asks for each step twice.
pub(crate) fn go_on(world: &mut World, mut sync: Sync, most: usize) -> Sync {
    while matches!(sync.status, Status::Comparing | Status::Applying) {
        let step = Sy::Step { id: sync.id, expected_version: sync.version, most };
        sync = run(world, step.clone()).unwrap();
        assert_eq!(run(world, step).unwrap_err(), "version_mismatch");
    }
    sync
}

pub(crate) fn whole(world: &mut World, policy: Policy, rows: Vec<NewRow>) -> Sync {
    let sync = receive(world, new_sync(policy, None), rows);
    go_on(world, sync, 2)
}

/// What became of the rows of a run: `1 a counted, 2 b unchanged`.
pub(crate) fn told(world: &World, id: SyncId) -> String {
    let one = |row: &onhand_core::warehouse::SyncRow| {
        format!("{} {} {}", row.row, row.sent, row.action.as_str())
    };
    world.shelf.of(id).map(one).collect::<Vec<_>>().join(", ")
}

/// On hand, promised and missing of a product at the first location.
pub(crate) fn figures(world: &World, product: i64) -> (i64, i64, i64) {
    let key = (ProductId::new(product).unwrap(), LocationId::new(1).unwrap());
    world.levels.get(&key).map_or((0, 0, 0), |level| (level.on_hand, level.reserved, level.missing))
}

pub(crate) fn shop() -> World {
    World::with(&["one", "two"], &[("a", &[10, 0]), ("b", &[4, 2]), ("c", &[0, 0]), ("d", &[3])])
}

fn at(world: &World, secs: i64) -> Timestamp {
    world.now.checked_add(SignedDuration::from_secs(secs)).unwrap()
}

pub(crate) fn pass(world: &mut World, secs: i64) {
    world.now = at(world, secs);
}

pub(crate) fn adjust(world: &mut World, name: &str, delta: i64, occurred_at: Option<Timestamp>) {
    let entry = Adjustment {
        product: sku(name),
        location_id: LocationId::new(1),
        delta,
        reason: Reason::new("received").unwrap(),
        reference: None,
        occurred_at,
    };
    world.ask(&Command::Inventory(inventory::Command::Adjust(vec![entry]))).unwrap();
}

#[test]
fn each_row_says_what_became_of_it() {
    let mut world = shop();
    let invalid =
        NewRow { sent: Reference::new("x").unwrap(), told: Err(Text::new("no figure").unwrap()) };
    let elsewhere = |name: &str, code: &str| {
        let mut row = row(name, 1);
        let figure = row.told.as_mut().unwrap();
        figure.location = Some(LocationRef::Code(Name::new(code).unwrap()));
        row
    };
    let rows = vec![
        row("a", 7),
        row("nothing", 3),
        row("b", 4),
        row("a", 7),
        invalid,
        row("c", -1),
        elsewhere("b", "two"),
        elsewhere("b", "nowhere"),
        row("c", 2),
        row("c", 3),
    ];
    let sync = whole(&mut world, Policy::default(), rows);
    assert_eq!(
        told(&world, sync.id),
        "1 a counted, 2 nothing unknown_product, 3 b unchanged, 4 a duplicate, 5 x invalid, \
         6 c invalid, 7 b counted, 8 b invalid, 9 c invalid, 10 c invalid, 11 d not_named"
    );
    assert_eq!((sync.status, sync.drift_units), (Status::Applied, 4));
    assert_eq!((figures(&world, 1).0, figures(&world, 2).0, figures(&world, 3).0), (7, 4, 0));
    assert_eq!(figures(&world, 4).0, 3, "what is not named stays");
    let words = "1 unchanged, 2 counted, 1 unknown product, 5 invalid, 1 duplicate, 1 not named";
    assert_eq!(sync.outcome.unwrap().as_str(), words);
    let entry = world.shelf.ledger.last().unwrap();
    assert_eq!(entry.reason.as_str(), "warehouse_sync");
}

#[test]
fn nothing_is_applied_before_the_whole_answer_is_here() {
    let mut world = shop();
    let id = run(&mut world, Sy::Begin(new_sync(Policy::default(), None))).unwrap().id;
    let step = |sync: &Sync| Sy::Step { id, expected_version: sync.version, most: 9 };
    let sync = run(&mut world, Sy::Stage { id, from_row: 0, rows: vec![row("a", 1)] }).unwrap();
    assert_eq!(run(&mut world, step(&sync)).unwrap_err(), "sync_state");
    let close = |rows| Sy::Close { id, rows, etag: None, cursor: None };
    assert_eq!(run(&mut world, close(2)).unwrap_err(), "sync_moved");
    let reason = Text::new("the answer was cut off").unwrap();
    let failed = run(&mut world, Sy::Fail { id, reason: reason.clone() }).unwrap();
    assert_eq!((failed.status, failed.outcome), (Status::Failed, Some(reason.clone())));
    assert_eq!(figures(&world, 1).0, 10);
    for again in [close(1), Sy::Fail { id, reason }, Sy::Stage { id, from_row: 1, rows: vec![] }] {
        assert_eq!(run(&mut world, again).unwrap_err(), "sync_state");
    }
    // And the next one may begin; one that is being applied cannot be given up.
    let sync = receive(&mut world, new_sync(Policy::default(), None), vec![row("a", 9)]);
    let mut sync = go_on_once(&mut world, sync);
    while sync.status == Status::Comparing {
        sync = go_on_once(&mut world, sync);
    }
    assert_eq!(sync.status, Status::Applying);
    let fail = Sy::Fail { id: sync.id, reason: Text::default() };
    assert_eq!(run(&mut world, fail).unwrap_err(), "sync_state");
    assert_eq!(go_on(&mut world, sync, 1).status, Status::Applied);
}

fn go_on_once(world: &mut World, sync: Sync) -> Sync {
    run(world, Sy::Step { id: sync.id, expected_version: sync.version, most: 1 }).unwrap()
}

#[test]
fn what_is_asked_for_must_be_there_and_lawful() {
    let mut world = shop();
    let none = SyncId::new(9).unwrap();
    let step = Sy::Step { id: none, expected_version: 1, most: 1 };
    assert_eq!(run(&mut world, step).unwrap_err(), "unknown_sync");
    let mut new = new_sync(Policy::default(), Some(at(&world, 3_600)));
    assert_eq!(run(&mut world, Sy::Begin(new.clone())).unwrap_err(), "occurred_in_future");
    (new.as_of, new.location_id) = (None, LocationId::new(7));
    assert_eq!(run(&mut world, Sy::Begin(new)).unwrap_err(), "unknown_location");
    let sync = run(&mut world, Sy::Begin(new_sync(Policy::default(), None))).unwrap();
    let rows = vec![row("a", 1); SYNC_ROWS_STAGED_MAX + 1];
    let stage = Sy::Stage { id: sync.id, from_row: 0, rows };
    assert_eq!(run(&mut world, stage).unwrap_err(), "too_many_sync_rows");
    let approve = Sy::Approve { id: sync.id, rows: None };
    assert_eq!(run(&mut world, approve).unwrap_err(), "sync_state");
}

#[test]
fn a_report_changes_nothing() {
    for (mode, dry_run) in [(Mode::ReportOnly, false), (Mode::WarehouseWins, true)] {
        let mut world = shop();
        let policy = Policy { mode, ..Policy::default() };
        let new = NewSync { dry_run, ..new_sync(policy, None) };
        let before = world.levels.clone();
        let sync = receive(&mut world, new, vec![row("a", 0), row("b", 4), row("d", 0)]);
        let sync = go_on(&mut world, sync, 1);
        assert_eq!(sync.status, Status::Reported);
        assert_eq!(told(&world, sync.id), "1 a reported, 2 b unchanged, 3 d reported");
        assert_eq!(world.levels, before);
    }
}

#[test]
fn a_feed_that_goes_to_zero_is_held() {
    // Emptied and stocked rows of a run, and whether that is believed.
    for (emptied, stocked, is_held) in [
        (0, 0, false),
        (1, 1, false),
        (2, 2, false),
        (3, 3, true),
        (2, 3, false),
        (4, 9, false),
        (8, 9, false),
        (9, 9, true),
        (4, 10, false),
        (5, 10, true),
        (10, 10, true),
        (49_999, 100_000, false),
        (50_000, 100_000, true),
    ] {
        assert_eq!(Policy::default().guards(emptied, stocked), is_held, "{emptied} of {stocked}");
        let off = Policy { guard_percent: 0, ..Policy::default() };
        assert!(!off.guards(emptied, stocked));
    }
    let zeros = || vec![row("a", 0), row("b", 0), row("d", 0)];
    let mut world = shop();
    let sync = whole(&mut world, Policy::default(), zeros());
    assert_eq!(sync.status, Status::Held);
    assert!(sync.is_guarded());
    assert_eq!((figures(&world, 1).0, figures(&world, 2).0, figures(&world, 4).0), (10, 4, 3));
    assert_eq!(world.kinds.last(), Some(&"warehouse.sync_held"));
    // Nobody decides about one row of it; the next run may begin meanwhile.
    let one = Sy::Approve { id: sync.id, rows: Some(vec![1]) };
    assert_eq!(run(&mut world, one).unwrap_err(), "sync_state");
    let other = whole(&mut world, Policy::default(), vec![row("a", 9)]);
    assert_eq!(other.status, Status::Applied);
    let rejected = run(&mut world, Sy::Reject { id: sync.id, rows: None }).unwrap();
    let rejected = go_on(&mut world, rejected, 2);
    assert_eq!(rejected.status, Status::Rejected);
    assert_eq!(told(&world, sync.id), "1 a rejected, 2 b rejected, 3 d rejected");
    assert_eq!((figures(&world, 1).0, figures(&world, 2).0), (9, 4));

    let sync = whole(&mut world, Policy::default(), zeros());
    let approved = run(&mut world, Sy::Approve { id: sync.id, rows: None }).unwrap();
    assert_eq!(run(&mut world, Sy::Approve { id: sync.id, rows: None }).unwrap_err(), "sync_state");
    assert_eq!(go_on(&mut world, approved, 1).status, Status::Applied);
    assert_eq!((figures(&world, 1).0, figures(&world, 2).0, figures(&world, 4).0), (0, 0, 0));
}

#[test]
fn rows_above_a_threshold_wait_for_an_operator() {
    for (units, percent, ours, theirs, is_held) in [
        (None, None, 100, 0, false),
        (Some(5), None, 10, 5, false),
        (Some(5), None, 10, 4, true),
        (Some(5), None, 10, 16, true),
        (None, Some(50), 10, 5, false),
        (None, Some(50), 10, 4, true),
        (None, Some(50), 0, 1, true),
        (Some(5), Some(10), 1_000, 1_006, true),
    ] {
        let policy = Policy { hold_units: units, hold_percent: percent, ..Policy::default() };
        assert_eq!(policy.holds(ours, theirs), is_held, "{policy:?} {ours} {theirs}");
    }
    let policy = Policy { hold_units: Some(2), ..Policy::default() };
    let rows = || vec![row("a", 3), row("b", 3), row("c", 9), row("d", 9)];
    let mut world = shop();
    let sync = whole(&mut world, policy, rows());
    assert_eq!(told(&world, sync.id), "1 a held, 2 b counted, 3 c held, 4 d held");
    assert_eq!((sync.status, sync.is_guarded()), (Status::Held, false));
    let id = sync.id;
    let approve = |rows| Sy::Approve { id, rows: Some(rows) };
    assert_eq!(run(&mut world, approve(vec![2])).unwrap_err(), "sync_row_not_held");
    assert_eq!(run(&mut world, approve(vec![7])).unwrap_err(), "unknown_sync_row");
    let many = vec![1; SYNC_ROWS_DECIDED_MAX + 1];
    assert_eq!(run(&mut world, approve(many)).unwrap_err(), "too_many_sync_rows");
    // What was sold meanwhile is netted.
    pass(&mut world, 1);
    world.ask(&place(&[("a", 2)], None)).unwrap();
    world.ask(&fulfil(1)).unwrap();
    pass(&mut world, 100);
    let sync = run(&mut world, approve(vec![1, 1])).unwrap();
    assert_eq!((sync.status, figures(&world, 1).0), (Status::Held, 1));
    assert_eq!(run(&mut world, approve(vec![1])).unwrap_err(), "sync_row_not_held");
    let row = world.shelf.of(id).next().unwrap();
    assert_eq!((row.action, row.decided_by.is_some()), (Action::Approved, true));
    run(&mut world, Sy::Reject { id, rows: Some(vec![3]) }).unwrap();
    let sync = run(&mut world, Sy::Approve { id, rows: None }).unwrap();
    let sync = go_on(&mut world, sync, 1);
    assert_eq!(sync.status, Status::Applied);
    assert_eq!(told(&world, id), "1 a approved, 2 b counted, 3 c rejected, 4 d approved");
    let figures = (figures(&world, 2).0, figures(&world, 3).0, figures(&world, 4).0);
    assert_eq!(figures, (3, 0, 9));
}

fn fulfil(order: i64) -> Command {
    Command::Orders(orders::Command::Fulfil {
        id: OrderId::new(order).unwrap(),
        expected_version: None,
        lines: None,
        tracking: None,
    })
}

#[test]
fn what_happened_since_is_netted() {
    let mut world = shop();
    let as_of = world.now;
    pass(&mut world, 10);
    world.ask(&place(&[("a", 3)], None)).unwrap();
    world.ask(&fulfil(1)).unwrap();
    adjust(&mut world, "a", 5, None);
    pass(&mut world, 10);
    let sync = receive(&mut world, new_sync(Policy::default(), Some(as_of)), vec![row("a", 8)]);
    pass(&mut world, 10);
    adjust(&mut world, "a", 1, None);
    go_on(&mut world, sync, 1);
    // Two fewer were there than the ledger said, then three left and six came.
    assert_eq!(figures(&world, 1), (11, 0, 0));
}

#[test]
fn what_happened_before_the_warehouse_was_asked_is_known_to_its_answer() {
    // It is asked after a while, or a second time because it was down: of ten units one leaves
    // before that and one after it.
    for asked in [1, 2] {
        let mut world = shop();
        for _ in 0..2 {
            world.ask(&place(&[("a", 1)], None)).unwrap();
        }
        let id = run(&mut world, Sy::Begin(new_sync(Policy::default(), None))).unwrap().id;
        for _ in 1..asked {
            pass(&mut world, 1);
            run(&mut world, Sy::Ask { id }).unwrap();
        }
        pass(&mut world, 30);
        world.ask(&fulfil(1)).unwrap();
        pass(&mut world, 30);
        let sync = run(&mut world, Sy::Ask { id }).unwrap();
        assert_eq!(sync.as_of, world.now);
        pass(&mut world, 1);
        world.ask(&fulfil(2)).unwrap();
        run(&mut world, Sy::Stage { id, from_row: 0, rows: vec![row("a", 9)] }).unwrap();
        assert_eq!(run(&mut world, Sy::Ask { id }).unwrap_err(), "sync_moved");
        let closed = run(&mut world, Sy::Close { id, rows: 1, etag: None, cursor: None }).unwrap();
        go_on(&mut world, closed, 2);
        assert_eq!(told(&world, id), "1 a unchanged, 2 b not_named, 3 d not_named");
        assert_eq!(figures(&world, 1), (8, 0, 0));
        assert_eq!(run(&mut world, Sy::Ask { id }).unwrap_err(), "sync_state");
    }
}

#[test]
fn what_a_newer_count_has_found_is_not_found_again() {
    let mut world = shop();
    let as_of = world.now;
    let policy = Policy { hold_units: Some(2), ..Policy::default() };
    let late = whole(&mut world, policy, vec![row("a", 6)]);
    pass(&mut world, 3_600);
    let newer = whole(&mut world, Policy::default(), vec![row("a", 5)]);
    assert_eq!((newer.status, figures(&world, 1).0), (Status::Applied, 5));
    pass(&mut world, 60);
    run(&mut world, Sy::Approve { id: late.id, rows: Some(vec![1]) }).unwrap();
    assert_eq!(figures(&world, 1).0, 5, "the newer figure stands");
    // Nor is an entry that comes late, or a count of an hour ago.
    let half_a_minute_ago = at(&world, -30);
    adjust(&mut world, "a", -4, Some(half_a_minute_ago));
    assert_eq!(figures(&world, 1).0, 1, "this happened after the newer count");
    adjust(&mut world, "a", 7, Some(as_of));
    assert_eq!(figures(&world, 1).0, 1, "this one before");
    let count = Count {
        product: sku("a"),
        location_id: None,
        counted: 90,
        change_from_quantity: None,
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at: Some(as_of),
    };
    world.ask(&Command::Inventory(inventory::Command::Count(count))).unwrap();
    assert_eq!(figures(&world, 1).0, 1);
}

#[test]
fn rows_are_forgotten_when_they_are_old_and_the_run_stays() {
    let mut world = shop();
    let held = Policy { hold_units: Some(0), ..Policy::default() };
    let held = whole(&mut world, held, vec![row("a", 3)]);
    let done = whole(&mut world, Policy::default(), vec![row("b", 3)]);
    pass(&mut world, 60);
    let before = world.now;
    let mut forget = || {
        let forget = Sy::Forget { before, most: 2 };
        let reply = world.ask(&Command::Warehouse(forget)).unwrap().reply;
        world.check();
        reply
    };
    assert_eq!(forget(), Reply::Forgotten { rows: 2 });
    assert_eq!(forget(), Reply::Forgotten { rows: 1 });
    assert_eq!(forget(), Reply::Forgotten { rows: 0 });
    assert_eq!(world.shelf.of(done.id).count(), 0);
    assert_eq!(world.shelf.syncs[&done.id].rows_kept, RowsKept::None);
    assert_eq!(world.shelf.of(held.id).count(), 3, "an operator is still to look at these");
}

#[test]
fn a_name_that_is_two_things_is_the_first_that_is_there() {
    let mut world = shop();
    let by = |products: Vec<ProductRef>| {
        let mut row = row("a", 1);
        row.told.as_mut().unwrap().products = products;
        row
    };
    let id = |number| ProductRef::Id(ProductId::new(number).unwrap());
    let rows = vec![
        by(vec![sku("nothing"), id(1)]),
        by(vec![id(4), sku("nothing")]),
        by(vec![]),
        by(vec![id(99)]),
    ];
    let sync = whole(&mut world, Policy::default(), rows);
    let named: Vec<_> =
        world.shelf.of(sync.id).take(4).map(|row| row.product_id.map(ProductId::number)).collect();
    assert_eq!(named, [Some(1), Some(4), None, None]);
}

#[test]
fn a_product_that_was_deleted_meanwhile_is_not_counted() {
    let mut world = shop();
    let sync = receive(&mut world, new_sync(Policy::default(), None), vec![row("c", 5)]);
    let delete = catalog::Command::DeleteProduct { product: sku("c"), expected_version: None };
    world.ask(&Command::Catalog(delete)).unwrap();
    let sync = go_on(&mut world, sync, 1);
    assert_eq!(sync.count(Action::UnknownProduct), 1);
    assert_eq!(sync.status, Status::Applied);
}
