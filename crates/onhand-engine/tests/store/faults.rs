//! The promises when a store fails: a batch is carried out once or not at all, its callers are told
//! what is known, and the committer goes on unless nobody can know what is stored.

use onhand_core::Command;
use onhand_core::orders::{self, Status};
use onhand_engine::limits::BATCH_RERUNS_MAX;
use onhand_engine::query::OrderFilter;
use onhand_engine::{IdempotencyKey, StoreError};

use crate::backend::Backend;
use crate::faulty::{Fault, Faults, Step};
use crate::world::{World, code, codes, key, place};

/// Orders of so many units of tea each, under the keys from 1.
fn orders(units: &[i64]) -> Vec<(Command, Option<IdempotencyKey>)> {
    let keyed = units.iter().zip(1..);
    keyed.map(|(units, number)| (place(&[("tea", *units)]), Some(key(number)))).collect()
}

/// How many orders are stored.
pub(crate) async fn stored_orders<B: Backend>(world: &World<B>) -> usize {
    world.reader.orders(&OrderFilter::default(), None, 100).await.0.len()
}

fn times(faults: &Faults, step: Step) -> usize {
    faults.steps().iter().filter(|one| **one == step).count()
}

pub(crate) async fn a_conflict_runs_the_batch_again_from_its_start<B: Backend>() {
    for conflicts in 1..=BATCH_RERUNS_MAX {
        let world = World::<B>::with(&[("tea", 3)]).await;
        let mut asked = orders(&[1, 1, 2]);
        asked.push(asked[0].clone());
        let arm = |faults: &Faults| faults.next(Step::Commit, conflicts, Fault::Conflict);
        let answers = world.in_one_batch(arm, asked).await;
        assert_eq!(codes(&answers), ["ok", "ok", "insufficient_stock", "ok"]);
        let replayed: Vec<_> =
            answers.iter().map(|answer| answer.as_ref().unwrap().replayed).collect();
        assert_eq!(replayed, [false, false, false, true]);
        assert_eq!(answers[0].as_ref().unwrap().outcome, answers[3].as_ref().unwrap().outcome);
        assert_eq!(world.figures("tea").await, (3, 2, 1));
        assert_eq!(stored_orders(&world).await, 2);
        let runs = usize::try_from(conflicts).unwrap() + 1;
        for step in [Step::Begin, Step::Commit] {
            assert_eq!(times(&world.faults, step), runs, "{step:?}");
        }
        // What was kept at hand may be what was wrong: it is loaded again, each time.
        assert!(times(&world.faults, Step::Load) >= runs - 1);
        world.close().await;
    }
}

/// Lets the commit of every batch with the third of four orders fail.
async fn check_guilty<B: Backend>(fault: Fault, wanted: &str) {
    let world = World::<B>::with(&[("tea", 10)]).await;
    let asked = orders(&[1, 1, 2, 1]);
    let arm = |faults: &Faults| faults.commits_with(key(3), fault);
    let answers = world.in_one_batch(arm, asked.clone()).await;
    assert_eq!(codes(&answers), ["ok", "ok", wanted, "ok"]);
    assert_eq!(world.figures("tea").await, (10, 3, 7));
    world.faults.clear();
    // Nothing is remembered of the guilty one, and the others are not carried out again.
    let again = world.in_one_batch(|_| {}, asked).await;
    let replayed: Vec<_> = again.iter().map(|answer| answer.as_ref().unwrap().replayed).collect();
    assert_eq!(replayed, [true, true, false, true]);
    assert_eq!(world.figures("tea").await, (10, 5, 5));
    world.close().await;
}

pub(crate) async fn a_conflict_that_stays_fails_only_the_guilty_command<B: Backend>() {
    check_guilty::<B>(Fault::Conflict, "unavailable").await;
}

pub(crate) async fn a_row_that_cannot_be_read_fails_only_its_command<B: Backend>() {
    check_guilty::<B>(Fault::Corrupt, "internal").await;
}

/// Lets one step of a batch of two orders fail once.
async fn check_failure<B: Backend>(step: Step, fault: Fault, wanted: &str) {
    let name = format!("{fault:?} at {step:?}");
    let world = World::<B>::with(&[("tea", 5), ("cup", 5)]).await;
    // Rows that are loaded during the batch: those of an order are not kept at hand.
    let held = world.placed(&[("cup", 1)], Some(60)).await;
    let confirm = orders::Command::Confirm { id: held.id, expected_version: None };
    let mut asked = orders(&[1, 2]);
    asked.push((Command::Orders(confirm), Some(key(9))));
    let answers = world.in_one_batch(|faults| faults.next(step, 1, fault), asked.clone()).await;
    assert_eq!(codes(&answers), [wanted; 3], "{name}");
    assert_eq!(world.figures("tea").await, (5, 0, 5), "{name}");
    assert_eq!(world.reader.order(held.id).await, *held, "{name}");
    let before = times(&world.faults, Step::Load);
    let mut again = Vec::new();
    for (command, key) in asked {
        again.push(world.ask_once(command, key.unwrap()).await);
    }
    assert_eq!(codes(&again), ["ok"; 3], "{name}");
    assert!(again.iter().flatten().all(|answer| !answer.replayed), "{name}");
    assert!(times(&world.faults, Step::Load) > before, "{name}: the state is not loaded again");
    assert_eq!(world.figures("tea").await, (5, 3, 2), "{name}");
    assert_eq!(world.reader.order(held.id).await.status, Status::Confirmed, "{name}");
    world.close().await;
}

pub(crate) async fn a_store_that_fails_fails_its_callers_and_the_next_batch_succeeds<B: Backend>() {
    for step in [Step::Begin, Step::Outcomes, Step::Load, Step::Commit] {
        check_failure::<B>(step, Fault::Unavailable, "unavailable").await;
        check_failure::<B>(step, Fault::Full, "full").await;
    }
}

pub(crate) async fn a_rollback_that_fails_is_made_up_for<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let arm = |faults: &Faults| {
        faults.next(Step::Commit, 1, Fault::Full);
        faults.next(Step::Rollback, 1, Fault::Unavailable);
    };
    let answers = world.in_one_batch(arm, orders(&[1, 1])).await;
    assert_eq!(codes(&answers), ["full", "full"]);
    // The store may still stand in the batch that failed, and may need one more to notice.
    let mut again = world.ask_once(place(&[("tea", 1)]), key(1)).await;
    if code(&again) == "unavailable" {
        again = world.ask_once(place(&[("tea", 1)]), key(1)).await;
    }
    assert_eq!(code(&again), "ok");
    assert!(!again.unwrap().replayed);
    assert_eq!(world.figures("tea").await, (5, 1, 4));
    world.close().await;
}

pub(crate) async fn work_between_batches_may_fail<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let arm = |faults: &Faults| faults.next(Step::BetweenBatches, 2, Fault::Unavailable);
    let answers = world.in_one_batch(arm, orders(&[1, 1])).await;
    assert_eq!(codes(&answers), ["ok", "ok"]);
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    assert_eq!(world.figures("tea").await, (5, 3, 2));
    world.close().await;
}

pub(crate) async fn an_unknown_outcome_is_told_to_everybody_and_ends_the_committer<B: Backend>() {
    for (fault, is_done) in [(Fault::UnknownAndLost, false), (Fault::UnknownAndDone, true)] {
        let world = World::<B>::with(&[("tea", 5)]).await;
        let asked = orders(&[1, 9, 2]);
        let arm = |faults: &Faults| faults.next(Step::Commit, 1, fault);
        let answers = world.in_one_batch(arm, asked.clone()).await;
        // The refusal too: whether it is remembered under its key is not known.
        assert_eq!(codes(&answers), ["unknown"; 3], "{fault:?}");
        assert_eq!(times(&world.faults, Step::Commit), 1, "{fault:?}: tried again");
        let (world, ending) = world.reopened_after_the_end().await;
        assert!(matches!(ending, StoreError::Unknown { .. }), "{ending:?}");
        assert_eq!(world.figures("tea").await.1, if is_done { 3 } else { 0 });
        let mut settled = Vec::new();
        for (command, key) in asked {
            settled.push(world.ask_once(command, key.unwrap()).await);
        }
        assert_eq!(codes(&settled), ["ok", "insufficient_stock", "ok"], "{fault:?}");
        assert!(settled.iter().flatten().all(|answer| answer.replayed == is_done), "{fault:?}");
        assert_eq!(world.figures("tea").await, (5, 3, 2));
        world.close().await;
    }
}

pub(crate) async fn a_flush_that_fails_answers_nobody_and_ends_the_committer<B: Backend>() {
    for fault in [Fault::UnknownAndLost, Fault::UnknownAndDone] {
        let world = World::<B>::with(&[("tea", 5)]).await;
        let asked = orders(&[1, 9, 2]);
        let arm = |faults: &Faults| faults.next(Step::Flush, 1, fault);
        let answers = world.in_one_batch(arm, asked.clone()).await;
        assert_eq!(codes(&answers), ["unknown"; 3], "{fault:?}");
        // Nobody can be told anything that rests on it.
        let after = world.ask(place(&[("tea", 9)])).await;
        assert!(["unknown", "stopping"].contains(&code(&after)), "{fault:?}: {after:?}");
        let (world, ending) = world.reopened_after_the_end().await;
        assert!(matches!(ending, StoreError::Unknown { .. }), "{ending:?}");
        let mut settled = Vec::new();
        for (command, key) in asked {
            settled.push(world.ask_once(command, key.unwrap()).await);
        }
        assert_eq!(codes(&settled), ["ok", "insufficient_stock", "ok"], "{fault:?}");
        // The log still has the batch: only a power cut could have taken it.
        assert!(settled.iter().flatten().all(|answer| answer.replayed), "{fault:?}");
        assert_eq!(world.figures("tea").await, (5, 3, 2));
        world.close().await;
    }
}

pub(crate) async fn a_rule_that_panics_fails_alone<B: Backend>() {
    let world = World::<B>::with(&[("tea", 5)]).await;
    let order = world.placed(&[("tea", 2)], None).await;
    let mut broken = world.reader.reservation(order.lines[0].allocations[0].reservation_id).await;
    broken.quantity = 100;
    let cancel = orders::Command::Cancel { id: order.id, expected_version: None, reason: None };
    let cancel = (Command::Orders(cancel), Some(key(9)));
    let mut asked = orders(&[1, 1]);
    asked.insert(1, cancel.clone());
    let answers = world.in_one_batch(|faults| faults.tamper(broken), asked).await;
    assert_eq!(codes(&answers), ["ok", "internal", "ok"]);
    assert_eq!(world.figures("tea").await, (5, 4, 1));
    world.faults.clear();
    let again = world.ask_once(cancel.0, key(9)).await;
    assert_eq!(code(&again), "ok");
    assert!(!again.unwrap().replayed);
    assert_eq!(world.figures("tea").await, (5, 2, 3));
    world.close().await;
}
