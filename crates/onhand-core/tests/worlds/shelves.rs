//! The books against the shelves. A naive model knows what is physically there at every instant,
//! and what of it anybody has told: entries that come late, counts that come late, runs that are
//! received and applied while orders go on. The books must always say what can be known: what the
//! newest count has found, and everything that was told to have happened since.

use std::collections::BTreeSet;
use std::sync::Arc;

use onhand_core::ids::{LocationId, OrderId, ProductId};
use onhand_core::inventory::{self, Adjustment, Count};
use onhand_core::orders::{self, Status as OrderStatus};
use onhand_core::text::Reason;
use onhand_core::warehouse::{
    Action, Command as Sy, Policy, ShortfallPolicy, Status, Sync, SyncRow,
};
use onhand_core::{Command, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any};
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq, prop_oneof};

use crate::syncs::{new_sync, row, run};
use crate::world::{World, place, sku};

const CASES: u32 = 3_000;
const STEPS_MAX: usize = 60;
const NAMES: [&str; 2] = ["a", "b"];

/// What happens. Products are 0 and 1; places in lists are taken around their length.
#[derive(Debug, Clone)]
enum Step {
    /// Units come in, or leave, and that is told at once.
    Adjusted { product: usize, delta: i64 },
    /// Units come in, or are lost, and nobody has told it yet; perhaps nobody ever will.
    Silent { product: usize, delta: i64 },
    /// What happened in silence is told.
    Told { place: usize },
    /// Somebody counts, and says so at once.
    Counted { product: usize },
    /// Somebody counts and writes it down.
    NotedDown { product: usize },
    /// A note is typed in.
    TypedIn { place: usize },
    /// An order is placed, and needs no payment.
    Placed { product: usize, units: i64 },
    /// Its units leave.
    Fulfilled { place: usize },
    /// It is cancelled.
    Cancelled { place: usize },
    /// The warehouse looks at all its shelves.
    LookedAt,
    /// The answer of when it has looked arrives, and is received whole.
    Received { place: usize },
    /// The run goes on by one step, which is asked for twice.
    GoneOn,
    /// An operator approves the newest run that waits for that.
    Approved,
}

fn any_step() -> impl Strategy<Value = Step> {
    let product = || 0..2_usize;
    let place = || any::<usize>();
    let delta = || prop_oneof![1..=9_i64, -5..=-1_i64];
    prop_oneof![
        2 => (product(), delta()).prop_map(|(product, delta)| Step::Adjusted { product, delta }),
        3 => (product(), delta()).prop_map(|(product, delta)| Step::Silent { product, delta }),
        3 => place().prop_map(|place| Step::Told { place }),
        1 => product().prop_map(|product| Step::Counted { product }),
        2 => product().prop_map(|product| Step::NotedDown { product }),
        2 => place().prop_map(|place| Step::TypedIn { place }),
        5 => (product(), 1..=4_i64).prop_map(|(product, units)| Step::Placed { product, units }),
        2 => place().prop_map(|place| Step::Fulfilled { place }),
        2 => place().prop_map(|place| Step::Cancelled { place }),
        3 => Just(Step::LookedAt),
        3 => place().prop_map(|place| Step::Received { place }),
        9 => Just(Step::GoneOn),
        1 => Just(Step::Approved),
    ]
}

/// What is physically there, and what was told of it. Times are seconds; each is another.
#[derive(Debug, Default)]
struct Product {
    /// When, how many, and whether anybody was told.
    events: Vec<(i64, i64, bool)>,
    /// What counts have found that are in the books, by when they were made.
    counts: Vec<(i64, i64)>,
}

impl Product {
    fn there(&self, at: i64) -> i64 {
        self.events.iter().filter(|event| event.0 <= at).map(|event| event.1).sum()
    }

    /// What can be known by now of what was there at an instant.
    fn known(&self, at: i64) -> i64 {
        let counts = self.counts.iter().filter(|count| count.0 <= at);
        let (counted_at, found) = counts.max_by_key(|count| count.0).copied().unwrap_or((-1, 0));
        let since = self.events.iter().filter(|one| one.2 && counted_at < one.0 && one.0 <= at);
        found + since.map(|event| event.1).sum::<i64>()
    }

    fn is_counted_since(&self, at: i64) -> bool {
        self.counts.iter().any(|count| count.0 > at)
    }
}

#[derive(Debug)]
struct Order {
    product: usize,
    units: i64,
    status: OrderStatus,
}

struct Model {
    now: i64,
    products: [Product; 2],
    orders: Vec<Order>,
    /// What was counted and is not typed in: of what, when, and how many.
    notes: Vec<(usize, i64, i64)>,
    /// When the warehouse has looked, and what it has seen of each product.
    looks: Vec<(i64, [i64; 2])>,
    policy: Policy,
}

impl Model {
    fn reserved(&self, product: usize) -> i64 {
        let open = self.orders.iter().filter(|order| order.status == OrderStatus::Confirmed);
        open.filter(|order| order.product == product).map(|order| order.units).sum()
    }

    /// On hand, promised and missing, as the books must have it.
    fn figures(&self, product: usize) -> (i64, i64, i64) {
        let (known, reserved) = (self.products[product].known(self.now), self.reserved(product));
        (known.max(reserved), reserved, (reserved - known).max(0))
    }

    /// Tells of what happened; refused where less would be there than is promised, unless a count
    /// has found it already.
    fn tell(&mut self, product: usize, at: i64, delta: i64) -> &'static str {
        let is_counted = self.products[product].is_counted_since(at);
        let (on_hand, reserved, _) = self.figures(product);
        if !is_counted && delta < 0 && on_hand + delta < reserved {
            return "insufficient_stock";
        }
        let events = &mut self.products[product].events;
        match events.iter_mut().find(|event| event.0 == at) {
            Some(event) => event.2 = true,
            None => events.push((at, delta, true)),
        }
        "ok"
    }

    fn count(&mut self, product: usize, at: i64, found: i64) -> &'static str {
        let is_newer = !self.products[product].is_counted_since(at);
        self.products[product].counts.push((at, found));
        if is_newer && self.products[product].known(self.now) < self.reserved(product) {
            self.products[product].counts.pop();
            return "count_below_reserved";
        }
        "ok"
    }

    /// A row of a run became something: whether it may have, and what follows.
    fn settle(&mut self, row: &SyncRow) -> Result<(), TestCaseError> {
        let (Some(product), Some(found)) = (row.product_id, row.theirs) else { return Ok(()) };
        let product = usize::try_from(product.number()).unwrap() - 1;
        let at = row.as_of.as_second() - began();
        prop_assert_eq!(found, self.products[product].there(at));
        let missing = self.figures(product).2;
        // Of what is missing the books still have what is promised.
        let difference = found - self.products[product].known(at) - missing;
        let is_newest = !self.products[product].is_counted_since(at);
        // That units are missing was believed already.
        let is_news = |most| (difference + missing).abs() > most;
        let is_held = self.policy.hold_units.is_some_and(is_news);
        match row.action {
            Action::Unchanged => prop_assert!(!is_newest || (difference, missing) == (0, 0)),
            Action::Waiting => prop_assert!(!is_newest || !is_held),
            Action::Held => prop_assert!(!is_newest || is_held),
            Action::Counted | Action::Approved | Action::Shortfall => {
                prop_assert!(!is_newest || (difference, missing) != (0, 0));
                prop_assert!(!is_newest || !is_held || row.action != Action::Counted);
                self.products[product].counts.push((at, found));
                let is_short = self.figures(product).2 > 0;
                prop_assert_eq!(row.action == Action::Shortfall, is_newest && is_short);
                if is_newest && self.policy.shortfall == ShortfallPolicy::CancelNewest {
                    self.cancel_newest(product);
                }
            }
            Action::Rejected
            | Action::UnknownProduct
            | Action::Invalid
            | Action::Duplicate
            | Action::NotNamed
            | Action::Reported => prop_assert!(false, "{:?}", row),
        }
        Ok(())
    }

    fn cancel_newest(&mut self, product: usize) {
        for place in (0..self.orders.len()).rev() {
            let order = &self.orders[place];
            let holds = order.status == OrderStatus::Confirmed && order.product == product;
            if holds && self.figures(product).2 > 0 {
                self.orders[place].status = OrderStatus::Cancelled;
            }
        }
    }

    /// Carries a step out in both; answers what both say came of it.
    fn step(&mut self, world: &mut World, step: &Step) -> Result<&'static str, TestCaseError> {
        self.now += 1;
        world.now = instant(self.now);
        match *step {
            Step::Adjusted { product, delta } => self.adjusted(world, product, delta),
            Step::Silent { product, delta } if !self.can(product, delta) => Ok("nothing"),
            Step::Silent { product, delta } => {
                self.products[product].events.push((self.now, delta, false));
                Ok("silent")
            }
            Step::Told { place } => self.told(world, place),
            Step::Counted { product } => {
                let found = self.products[product].there(self.now);
                let wanted = self.count(product, self.now, found);
                prop_assert_eq!(world.code(&counted(product, found, None)), wanted);
                Ok(wanted)
            }
            Step::NotedDown { product } => {
                self.notes.push((product, self.now, self.products[product].there(self.now)));
                Ok("noted")
            }
            Step::TypedIn { place } => self.typed_in(world, place),
            Step::Placed { product, units } => self.placed(world, product, units),
            Step::Fulfilled { place } | Step::Cancelled { place } => {
                self.end_order(world, step, place)
            }
            Step::LookedAt => {
                let there = [0, 1].map(|product| self.products[product].there(self.now));
                self.looks.push((self.now, there));
                Ok("looked")
            }
            Step::Received { place } => self.received(world, place),
            Step::GoneOn => self.go_on(world),
            Step::Approved => {
                let mut held = world.shelf.syncs.values().rev();
                let held = held.find(|sync| sync.status == Status::Held).map(|sync| sync.id);
                let Some(id) = held else { return Ok("nothing") };
                run(world, Sy::Approve { id, rows: None }).unwrap();
                Ok("approved")
            }
        }
    }

    /// Whether so many can come in, or leave.
    fn can(&self, product: usize, delta: i64) -> bool {
        self.products[product].there(self.now) + delta >= 0
    }

    fn adjusted(
        &mut self,
        world: &mut World,
        product: usize,
        delta: i64,
    ) -> Result<&'static str, TestCaseError> {
        if !self.can(product, delta) {
            return Ok("nothing");
        }
        let wanted = self.tell(product, self.now, delta);
        prop_assert_eq!(world.code(&adjusted(product, delta, None)), wanted);
        Ok(wanted)
    }

    fn told(&mut self, world: &mut World, place: usize) -> Result<&'static str, TestCaseError> {
        let silent = self.products.iter().enumerate().flat_map(|(product, one)| {
            let silent = one.events.iter().filter(|event| !event.2);
            silent.map(move |event| (product, event.0, event.1))
        });
        let silent: Vec<_> = silent.collect();
        let Some((product, at, delta)) = pick(&silent, place).copied() else {
            return Ok("nothing");
        };
        let wanted = self.tell(product, at, delta);
        prop_assert_eq!(world.code(&adjusted(product, delta, Some(instant(at)))), wanted);
        Ok(if wanted == "ok" { "told late" } else { wanted })
    }

    fn typed_in(&mut self, world: &mut World, place: usize) -> Result<&'static str, TestCaseError> {
        let Some((product, at, found)) = pick(&self.notes, place).copied() else {
            return Ok("nothing");
        };
        let wanted = self.count(product, at, found);
        prop_assert_eq!(world.code(&counted(product, found, Some(instant(at)))), wanted);
        Ok(if wanted == "ok" { "typed in late" } else { wanted })
    }

    fn placed(
        &mut self,
        world: &mut World,
        product: usize,
        units: i64,
    ) -> Result<&'static str, TestCaseError> {
        let (on_hand, reserved, _) = self.figures(product);
        let has_room = units <= on_hand - reserved;
        let wanted = if has_room { "ok" } else { "insufficient_stock" };
        prop_assert_eq!(world.code(&place(&[(NAMES[product], units)], None)), wanted);
        if has_room {
            self.orders.push(Order { product, units, status: OrderStatus::Confirmed });
        }
        Ok(wanted)
    }

    fn received(&mut self, world: &mut World, place: usize) -> Result<&'static str, TestCaseError> {
        let Some((at, found)) = pick(&self.looks, place).copied() else {
            return Ok("nothing");
        };
        if world.shelf.syncs.values().any(|sync| sync.status.is_open()) {
            return Ok("nothing");
        }
        self.receive(world, at, found)?;
        Ok("received")
    }

    fn end_order(
        &mut self,
        world: &mut World,
        step: &Step,
        place: usize,
    ) -> Result<&'static str, TestCaseError> {
        let open: Vec<usize> = (0..self.orders.len())
            .filter(|place| self.orders[*place].status == OrderStatus::Confirmed)
            .collect();
        let Some(place) = pick(&open, place).copied() else { return Ok("nothing") };
        let id = OrderId::new(i64::try_from(place).unwrap() + 1).unwrap();
        let (product, units) = (self.orders[place].product, self.orders[place].units);
        if matches!(step, Step::Cancelled { .. }) {
            let (expected_version, reason) = (None, None);
            let cancel = orders::Command::Cancel { id, expected_version, reason };
            prop_assert_eq!(world.code(&Command::Orders(cancel)), "ok");
            self.orders[place].status = OrderStatus::Cancelled;
            return Ok("cancelled");
        }
        // What is not on the shelf does not leave.
        if self.products[product].there(self.now) < units {
            return Ok("nothing");
        }
        let (expected_version, lines, tracking) = (None, None, None);
        let fulfil = orders::Command::Fulfil { id, expected_version, lines, tracking };
        prop_assert_eq!(world.code(&Command::Orders(fulfil)), "ok");
        self.orders[place].status = OrderStatus::Fulfilled;
        self.products[product].events.push((self.now, -units, true));
        Ok("fulfilled")
    }

    fn receive(
        &mut self,
        world: &mut World,
        at: i64,
        found: [i64; 2],
    ) -> Result<(), TestCaseError> {
        let new = new_sync(self.policy, Some(instant(at)));
        let id = run(world, Sy::Begin(new)).unwrap().id;
        for (from_row, (name, found)) in (0..).zip(NAMES.iter().zip(found)) {
            let stage = Sy::Stage { id, from_row, rows: vec![row(name, found)] };
            run(world, stage.clone()).unwrap();
            prop_assert_eq!(run(world, stage).unwrap_err(), "sync_moved");
            let row = &world.shelf.rows[&(id, from_row + 1)];
            self.settle(row)?;
        }
        run(world, Sy::Close { id, rows: 2, etag: None, cursor: None }).unwrap();
        Ok(())
    }

    /// One step of a run, asked for twice.
    fn go_on(&mut self, world: &mut World) -> Result<&'static str, TestCaseError> {
        let is_on = |sync: &&Arc<Sync>| matches!(sync.status, Status::Comparing | Status::Applying);
        let Some(sync) = world.shelf.syncs.values().find(is_on).cloned() else {
            return Ok("nothing");
        };
        let before: Vec<SyncRow> = world.shelf.of(sync.id).cloned().collect();
        let step = Sy::Step { id: sync.id, expected_version: sync.version, most: 1 };
        let after = run(world, step.clone()).unwrap();
        prop_assert_eq!(run(world, step).unwrap_err(), "version_mismatch");
        for row in before {
            let row_after = &world.shelf.rows[&(row.sync_id, row.row)];
            if row_after.version != row.version {
                self.settle(row_after)?;
            }
        }
        Ok(after.status.as_str())
    }

    fn compare(&self, world: &World, step: &Step) -> Result<(), TestCaseError> {
        for product in 0..2 {
            let number = i64::try_from(product).unwrap() + 1;
            let key = (ProductId::new(number).unwrap(), LocationId::new(1).unwrap());
            let level = world.levels.get(&key);
            let figures =
                level.map_or((0, 0, 0), |level| (level.on_hand, level.reserved, level.missing));
            prop_assert_eq!(figures, self.figures(product), "{} after {:?}", product, step);
        }
        let statuses = world.orders.values().map(|order| order.status);
        let wanted = self.orders.iter().map(|order| order.status);
        prop_assert!(statuses.eq(wanted), "orders after {:?}", step);
        Ok(())
    }
}

fn pick<T>(rows: &[T], place: usize) -> Option<&T> {
    rows.get(place.checked_rem(rows.len())?)
}

fn began() -> i64 {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second()
}

fn instant(secs: i64) -> Timestamp {
    Timestamp::from_second(began() + secs).unwrap()
}

fn adjusted(product: usize, delta: i64, occurred_at: Option<Timestamp>) -> Command {
    let reason = Reason::new("received").unwrap();
    let (location_id, reference) = (None, None);
    let product = sku(NAMES[product]);
    let entry = Adjustment { product, location_id, delta, reason, reference, occurred_at };
    Command::Inventory(inventory::Command::Adjust(vec![entry]))
}

fn counted(product: usize, counted: i64, occurred_at: Option<Timestamp>) -> Command {
    Command::Inventory(inventory::Command::Count(Count {
        product: sku(NAMES[product]),
        location_id: None,
        counted,
        change_from_quantity: None,
        reason: Reason::new("cycle_count").unwrap(),
        reference: None,
        occurred_at,
    }))
}

/// Runs a history in both; answers what was seen. In the end everything that is there was counted,
/// and the books are the shelves.
fn history(policy: Policy, steps: &[Step]) -> Result<BTreeSet<&'static str>, TestCaseError> {
    let mut world = World::with(&["one"], &[("a", &[]), ("b", &[])]);
    let products = [Product::default(), Product::default()];
    let (orders, notes, looks) = (Vec::new(), Vec::new(), Vec::new());
    let mut model = Model { now: 0, products, orders, notes, looks, policy };
    let mut seen = BTreeSet::new();
    for step in steps {
        seen.insert(model.step(&mut world, step)?);
        model.compare(&world, step)?;
        seen.extend(world.shelf.rows.values().map(|row| row.action.as_str()));
    }
    while model.step(&mut world, &Step::GoneOn)? != "nothing" {}
    model.policy.hold_units = None;
    let last = Step::LookedAt;
    for step in [last.clone(), Step::Received { place: model.looks.len() }] {
        model.step(&mut world, &step)?;
    }
    while model.step(&mut world, &Step::GoneOn)? != "nothing" {}
    model.compare(&world, &last)?;
    for product in 0..2 {
        let there = model.products[product].there(model.now);
        let (on_hand, _, missing) = model.figures(product);
        prop_assert_eq!(on_hand - missing, there, "the books are the shelves");
    }
    Ok(seen)
}

fn any_history() -> impl Strategy<Value = (Policy, Vec<Step>)> {
    let policies = [ShortfallPolicy::Report, ShortfallPolicy::CancelNewest];
    let policy = (0..2_usize, prop_oneof![Just(None), (0..4_i64).prop_map(Some)]);
    let policy = policy.prop_map(move |(shortfall, hold_units)| Policy {
        shortfall: policies[shortfall],
        hold_units,
        ..Policy::default()
    });
    (policy, vec(any_step(), 1..=STEPS_MAX))
}

/// What the histories must have met, or they are too tame to prove anything.
const MET: [&str; 18] = [
    "applied",
    "applying",
    "approved",
    "cancelled",
    "count_below_reserved",
    "counted",
    "fulfilled",
    "held",
    "insufficient_stock",
    "looked",
    "noted",
    "received",
    "shortfall",
    "silent",
    "told late",
    "typed in late",
    "unchanged",
    "waiting",
];

#[test]
fn the_books_say_what_can_be_known_of_the_shelves() {
    // Other histories in each run; more of them on demand: PROPTEST_CASES.
    check(TestRunner::new);
}

#[test]
fn the_same_histories_meet_everything_that_can_happen_to_a_count() {
    // Always the same seed: whether something rare is met must not be luck.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let seen = check(|config| TestRunner::new_with_rng(config, rng));
    let missed: Vec<_> = MET.into_iter().filter(|one| !seen.contains(one)).collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

/// Runs histories that the runner draws; answers what they met.
fn check(runner: impl FnOnce(ProptestConfig) -> TestRunner) -> BTreeSet<&'static str> {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let defaults = ProptestConfig::default();
    let cases = defaults.cases.max(CASES);
    let config = ProptestConfig { cases, source_file: Some(file!()), ..defaults };
    let result = runner(config).run(&any_history(), |(policy, steps)| {
        seen.borrow_mut().extend(history(policy, &steps)?);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    seen.into_inner()
}
