//! What is decided while the batch before is still being written: it counts exactly when that one
//! does. A test keeps the server in the middle of a batch with a lock on the table of the orders.

use std::time::Duration;

use onhand_core::command::Reply;
use onhand_core::ids::OrderId;
use onhand_core::orders::{self, Status};
use onhand_core::{Actor, Command};
use onhand_engine::IdempotencyKey;
use onhand_engine::limits::{ALONE_AFTER_TURNS, BESIDE_COMMANDS, TURN_IDLE};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::faults::stored_orders;
use crate::faulty::{Fault, Step};
use crate::paying::{captured, lease, message, place_paid};
use crate::server::{Postgres, connect};
use crate::world::{Verdict, World, code, key, place};

type Shop = World<Postgres<true>>;

const CUT_WRITERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid != pg_backend_pid() \
     AND query NOT LIKE '%FROM pg_stat_activity%'";

/// A shop whose committer has found itself alone, with 1,000 units of tea of which some are sold.
async fn alone() -> Shop {
    let world = Shop::with(&[("tea", 1_000)]).await;
    until_alone(&world).await;
    world
}

/// Has so many turns that nobody else can be there. Between two of them there is time for one to
/// end on a busy machine.
pub(crate) async fn until_alone(world: &Shop) {
    for _ in 0..=ALONE_AFTER_TURNS {
        assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
        tokio::time::sleep(20 * TURN_IDLE).await;
    }
}

/// Units that [`alone`] has sold.
const SOLD: i64 = ALONE_AFTER_TURNS as i64 + 1;

/// Somebody who keeps every order from being written until it says so.
struct Holdup(Client);

impl Holdup {
    async fn begin(world: &Shop) -> Self {
        let client = connect(&world.backend.0.0).await;
        client.batch_execute("BEGIN; LOCK TABLE orders IN SHARE MODE").await.unwrap();
        world.faults.clear();
        Self(client)
    }

    async fn end(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Hands commands in, and waits until so many batches of them and of earlier ones have come to a
/// step.
async fn ask(
    world: &Shop,
    asked: &mut JoinSet<(usize, Verdict)>,
    commands: Vec<(Command, Option<IdempotencyKey>)>,
    (wanted, batches): (Step, usize),
) {
    for (command, key) in commands {
        let (place, submit) = (asked.len(), world.submit.clone());
        asked.spawn(async move { (place, submit.submit(command, Actor::Local, key).await) });
    }
    while times(world, wanted) < batches {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn answers(asked: JoinSet<(usize, Verdict)>) -> Vec<Verdict> {
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, verdict)| verdict).collect()
}

fn orders(from: u8, count: usize) -> Vec<(Command, Option<IdempotencyKey>)> {
    (from..).take(count).map(|number| (place(&[("tea", 1)]), Some(key(number)))).collect()
}

fn times(world: &Shop, wanted: Step) -> usize {
    world.faults.steps().iter().filter(|step| **step == wanted).count()
}

fn all_ok(answers: &[Verdict]) -> bool {
    answers.iter().all(|answer| code(answer) == "ok")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_batch_is_sent_behind_the_one_that_is_being_written() {
    let world = alone().await;
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    ask(&world, &mut asked, orders(1, 1), (Step::Commit, 1)).await;
    ask(&world, &mut asked, orders(2, BESIDE_COMMANDS[0]), (Step::Commit, 2)).await;
    assert!(asked.try_join_next().is_none(), "nobody is answered before anything is written");
    assert_eq!(world.figures("tea").await, (1_000, SOLD, 1_000 - SOLD));
    holdup.end().await;
    let answers = answers(asked).await;
    assert!(all_ok(&answers), "{answers:?}");
    assert_eq!(times(&world, Step::Begin), 2, "each batch ran once");
    let sold = SOLD + 1 + i64::try_from(BESIDE_COMMANDS[0]).unwrap();
    assert_eq!(world.figures("tea").await, (1_000, sold, 1_000 - sold));
    world.close().await;
}

/// A connection that is cut in the middle of two batches fails both: what was decided on the first
/// is decided anew, and each order is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_a_lost_batch_is_decided_again() {
    let world = alone().await;
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    ask(&world, &mut asked, orders(1, 1), (Step::Commit, 1)).await;
    ask(&world, &mut asked, orders(2, BESIDE_COMMANDS[0]), (Step::Commit, 2)).await;
    let killer = connect(&world.backend.0.0).await;
    let waiting = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while killer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    holdup.end().await;
    let answers = answers(asked).await;
    assert!(all_ok(&answers), "{answers:?}");
    let sold = SOLD + 1 + i64::try_from(BESIDE_COMMANDS[0]).unwrap();
    assert_eq!(world.figures("tea").await, (1_000, sold, 1_000 - sold));
    assert_eq!(stored_orders(&world).await, usize::try_from(sold).unwrap());
    world.close().await;
}

/// A batch that the server refuses takes nobody with it: its own callers are told, and what was
/// decided on it is decided anew without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_batch_fails_its_own_callers_only() {
    let world = alone().await;
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    // All that is left: who is decided on this order is told that nothing is.
    let all = vec![(place(&[("tea", 1_000 - SOLD)]), Some(key(1)))];
    ask(&world, &mut asked, all, (Step::Commit, 1)).await;
    ask(&world, &mut asked, orders(2, BESIDE_COMMANDS[0]), (Step::Commit, 2)).await;
    // The lock is not given in time, and the first batch fails.
    let (place, first) = asked.join_next().await.unwrap().unwrap();
    assert_eq!((place, code(&first)), (0, "unavailable"), "{first:?}");
    holdup.end().await;
    let answers = answers(asked).await;
    assert!(all_ok(&answers), "{answers:?}");
    let sold = SOLD + i64::try_from(BESIDE_COMMANDS[0]).unwrap();
    assert_eq!(world.figures("tea").await, (1_000, sold, 1_000 - sold));
    world.close().await;
}

/// A batch that could not even be sent runs again after the one that is being written, and each of
/// the two hears what came of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_batch_hears_what_came_of_itself() {
    let world = alone().await;
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    ask(&world, &mut asked, orders(1, 1), (Step::Commit, 1)).await;
    world.faults.next(Step::Commit, 1, Fault::Conflict);
    ask(&world, &mut asked, orders(2, BESIDE_COMMANDS[0]), (Step::Commit, 2)).await;
    // The lock is not given in time, and the first batch fails.
    let (place, first) = asked.join_next().await.unwrap().unwrap();
    assert_eq!((place, code(&first)), (0, "unavailable"), "{first:?}");
    holdup.end().await;
    let answers = answers(asked).await;
    assert!(all_ok(&answers), "{answers:?}");
    let sold = SOLD + i64::try_from(BESIDE_COMMANDS[0]).unwrap();
    assert_eq!(world.figures("tea").await, (1_000, sold, 1_000 - sold));
    world.close().await;
}

/// What the batch before writes is asked for only when it is there: its keys and its orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_written_is_waited_for_by_who_asks_for_it() {
    let world = alone().await;
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    ask(&world, &mut asked, orders(1, 1), (Step::Commit, 1)).await;
    let first = OrderId::new(SOLD + 1).unwrap();
    let cancel = orders::Command::Cancel { id: first, expected_version: None, reason: None };
    // As many as are enough for a batch: nobody is left for a third one.
    let mut next = orders(1, BESIDE_COMMANDS[0] - 1);
    next.push((Command::Orders(cancel), None));
    ask(&world, &mut asked, next, (Step::Begin, 2)).await;
    holdup.end().await;
    let answers = answers(asked).await;
    assert!(all_ok(&answers), "{answers:?}");
    assert!(answers[1].as_ref().unwrap().replayed, "one key has one effect");
    assert_eq!(times(&world, Step::Begin), 2, "nothing was decided in vain");
    assert_eq!(world.reader.order(first).await.status, Status::Cancelled);
    let sold = SOLD + i64::try_from(BESIDE_COMMANDS[0]).unwrap() - 2;
    assert_eq!(world.figures("tea").await, (1_000, sold, 1_000 - sold));
    world.close().await;
}

/// So are messages that it keeps, names of gateways' that it takes, and what it owes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_about_payments_is_waited_for_too() {
    let world = alone().await;
    let order = world.payable(&[("tea", 1)], "order_A").await;
    // The connection beside is open from now on: what does not wait is asked before the end of the
    // batch that is held up.
    let holdup = Holdup::begin(&world).await;
    let mut asked = JoinSet::new();
    ask(&world, &mut asked, orders(1, 1), (Step::Commit, 1)).await;
    ask(&world, &mut asked, orders(2, BESIDE_COMMANDS[0]), (Step::Commit, 2)).await;
    holdup.end().await;
    assert!(all_ok(&answers(asked).await));
    let rounds = [
        (message("e1", 1, captured("order_A", 100)), message("e1", 1, captured("order_A", 100))),
        (place_paid(&[("tea", 1)], 600), lease(1)),
    ];
    for (first, others) in rounds {
        until_alone(&world).await;
        let holdup = Holdup::begin(&world).await;
        let mut asked = JoinSet::new();
        ask(&world, &mut asked, vec![(first, None)], (Step::Commit, 1)).await;
        let others = vec![(others, None); BESIDE_COMMANDS[0]];
        ask(&world, &mut asked, others, (Step::Begin, 2)).await;
        holdup.end().await;
        let answers = answers(asked).await;
        assert!(all_ok(&answers), "{answers:?}");
        let replies = answers.iter().flatten().flat_map(|answer| &answer.outcome);
        let counts = |reply: &&Reply| {
            **reply == Reply::Notice { is_new: true }
                || matches!(reply, Reply::Tasks(tasks) if !tasks.is_empty())
        };
        assert_eq!(replies.filter(counts).count(), 1);
        assert_eq!(times(&world, Step::Begin), 2, "nothing was decided in vain");
    }
    let kinds = world.reader.timeline(order.id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment.captured").count(), 1);
    world.close().await;
}

/// How long connections are left alone while commands get through.
const SHORT: Duration = Duration::from_millis(25);

/// Connections that are cut at any moment of a busy time: each key has one effect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_at_any_moment_lose_and_double_nothing() {
    let world = alone().await;
    let killer = connect(&world.backend.0.0).await;
    let mut asked = JoinSet::new();
    for number in 1..=100 {
        let submit = world.submit.clone();
        asked.spawn(async move {
            let mut answer;
            // A caller who is not told what came of it asks again under the same key.
            while {
                let command = place(&[("tea", 1)]);
                answer = submit.submit(command, Actor::Local, Some(key(number))).await;
                matches!(code(&answer), "unknown" | "unavailable")
            } {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer
        });
    }
    let (mut cuts, mut pause) = (0, SHORT);
    while !asked.is_empty() {
        cuts += killer.query_one(CUT_WRITERS, &[]).await.unwrap().get::<_, i64>(0);
        // On a busy machine a connection takes longer to be made than it would be left alone.
        pause *= 2;
        while let Some(answer) = asked.try_join_next() {
            assert_eq!(code(&answer.unwrap()), "ok");
            pause = SHORT;
        }
        tokio::time::sleep(pause).await;
    }
    assert!(cuts > 0, "nothing was cut");
    assert_eq!(world.figures("tea").await, (1_000, SOLD + 100, 900 - SOLD));
    world.close().await;
}
