//! Long random sequences of happenings, each step compared with the naive model: the outcome, every
//! figure, every promise and every order. A sequence that differs is shrunk before it is shown.

use std::collections::BTreeSet;

use onhand_core::Command;
use onhand_core::ids::{LocationId, OrderId, ProductId, ReservationId};
use onhand_core::inventory::{Level, Reservation};
use onhand_core::orders::Status;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq};

use crate::model::Model;
use crate::step::{Step, any_step};
use crate::world::World;

const CASES: u32 = 256;
const STEPS_MAX: usize = 100;

/// Stock of each product at each location.
type Stock = [[i64; 2]; 2];

fn any_history() -> impl Strategy<Value = (Stock, Vec<Step>)> {
    let stock = || [0..=8_i64, 0..=8_i64];
    ([stock(), stock()], vec(any_step(), 1..=STEPS_MAX))
}

/// Runs a history in both; answers the outcomes and states that were seen.
fn run(stock: Stock, steps: &[Step]) -> Result<BTreeSet<&'static str>, TestCaseError> {
    let products: [(&str, &[i64]); 2] = [("a", &stock[0]), ("b", &stock[1])];
    let mut world = World::with(&["one", "two"], &products);
    let mut model = Model::new(stock);
    let mut seen = BTreeSet::new();
    for step in steps {
        let outcome = happen(&mut world, step.command(&model), step);
        let wanted = model.step(step).err().unwrap_or("ok");
        prop_assert_eq!(outcome, wanted, "{:?}", step);
        compare(&world, &model, step)?;
        seen.insert(wanted);
        seen.extend(model.orders.iter().map(|order| order.status.as_str()));
    }
    Ok(seen)
}

fn happen(world: &mut World, command: Option<Command>, step: &Step) -> &'static str {
    if let Step::TimePasses { secs } = step {
        world.now = world.now.checked_add(jiff::SignedDuration::from_secs(*secs)).unwrap();
    }
    command.map_or("ok", |command| world.code(&command))
}

fn compare(world: &World, model: &Model, step: &Step) -> Result<(), TestCaseError> {
    for (product, location) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let key = (ProductId::new(product).unwrap(), LocationId::new(location).unwrap());
        let level = world.levels.get(&key);
        let figures = level
            .map_or((0, 0, 0), |level| (level.on_hand, level.reserved, Level::available(level)));
        let wanted = (
            model.on_hand(product, location),
            model.reserved(product, location),
            model.available(product, location),
        );
        prop_assert_eq!(figures, wanted, "product {} at {} after {:?}", product, location, step);
    }
    let open: Vec<_> = world.reservations.values().map(Reservation::open).collect();
    let wanted: Vec<_> = model.promises.iter().map(|promise| promise.left).collect();
    prop_assert_eq!(open, wanted, "promises after {:?}", step);
    prop_assert!(
        world
            .reservations
            .keys()
            .copied()
            .map(ReservationId::number)
            .eq(1..=count(&model.promises))
    );
    prop_assert!(world.orders.keys().copied().map(OrderId::number).eq(1..=count(&model.orders)));
    for (order, wanted) in world.orders.values().zip(&model.orders) {
        prop_assert_eq!(order.status, wanted.status, "{:?} after {:?}", order.id, step);
        let lines = order.lines.iter().map(|line| (line.quantity, line.fulfilled, line.returned));
        let wanted = wanted.lines.iter();
        let wanted = wanted.map(|line| (line.quantity, line.fulfilled, line.returned));
        prop_assert!(lines.eq(wanted), "lines of {:?} after {:?}", order.id, step);
    }
    Ok(())
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap()
}

/// What the histories must have met, or they are too tame to prove anything; and every state.
/// `nothing_left` is too rare: it needs everything that has left to have come back (`graph.rs`).
const OUTCOMES: [&str; 17] = [
    "change_from_quantity_stale",
    "count_below_reserved",
    "holds_already",
    "holds_less",
    "insufficient_stock",
    "invalid_transition",
    "more_than_held",
    "more_than_left",
    "no_location",
    "ok",
    "reservation_ended",
    "reservation_expired",
    "reservation_of_order",
    "unknown_line",
    "unknown_location",
    "unknown_order",
    "unknown_reservation",
];

#[test]
fn random_histories_go_as_the_naive_model_says() {
    // Other histories in each run; more of them on demand: PROPTEST_CASES.
    check(TestRunner::new);
}

#[test]
fn the_same_histories_meet_every_outcome_and_state() {
    // Always the same seed: whether some rare outcome is met must not be luck.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let seen = check(|config| TestRunner::new_with_rng(config, rng));
    let states = Status::ALL.iter().map(|status| status.as_str());
    let missed: Vec<_> =
        OUTCOMES.into_iter().chain(states).filter(|one| !seen.contains(one)).collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

/// Runs histories that the runner draws; answers the outcomes and states that they met.
fn check(runner: impl FnOnce(ProptestConfig) -> TestRunner) -> BTreeSet<&'static str> {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    let defaults = ProptestConfig::default();
    let cases = defaults.cases.max(CASES);
    let config = ProptestConfig { cases, source_file: Some(file!()), ..defaults };
    let result = runner(config).run(&any_history(), |(stock, steps)| {
        seen.borrow_mut().extend(run(stock, &steps)?);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    seen.into_inner()
}
