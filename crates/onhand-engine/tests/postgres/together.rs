//! The promises when several processes share a database: no oversell, one history without gaps, one
//! effect per key, and nobody starves, with and without the lock on the head of the logs.

use std::sync::Arc;

use onhand_core::Actor;
use onhand_core::command::Reply;
use onhand_core::effects::Outcome;
use onhand_core::ids::OrderId;
use onhand_core::payments::Task;
use onhand_engine::committer::{self, Config, Running, Submit};
use onhand_engine::limits::READ_CONNECTIONS_MAX;
use onhand_engine::postgres::Database;
use onhand_engine::{Reader, SystemClock};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::paying::{captured, intent, lease, message, place_paid, settle, tasks};
use crate::server::Postgres;
use crate::world::{Verdict, World, code, key, place};

/// Another process on the same database.
pub(crate) struct Neighbour {
    pub(crate) submit: Submit,
    reader: Reader,
    running: Running,
}

impl Neighbour {
    pub(crate) async fn of(url: &str) -> Self {
        let database = Database::open(url).await.unwrap();
        let config = Config { clock: Arc::new(SystemClock), crash: None, policy: Arc::default() };
        let (submit, running, _) = committer::start(database.store(), config).unwrap();
        Self { submit, reader: Reader::Postgres(database.reader().unwrap()), running }
    }

    pub(crate) fn stop(self) {
        drop((self.submit, self.reader));
        self.running.join().unwrap().unwrap();
    }
}

async fn neighbours<const LOCKED: bool>(
    world: &World<Postgres<LOCKED>>,
    count: usize,
) -> Vec<Neighbour> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Neighbour::of(&world.backend.url()).await);
    }
    all
}

/// Hundreds of buyers at several processes at once.
async fn rush(
    neighbours: &[Neighbour],
    buyers: usize,
    command: impl Fn(usize) -> (onhand_core::Command, Option<onhand_engine::IdempotencyKey>),
) -> Vec<Verdict> {
    let barrier = Arc::new(Barrier::new(buyers));
    let mut asked = JoinSet::new();
    for buyer in 0..buyers {
        let (submit, barrier) =
            (neighbours[buyer % neighbours.len()].submit.clone(), barrier.clone());
        let (command, key) = command(buyer);
        asked.spawn(async move {
            barrier.wait().await;
            submit.submit(command, Actor::Local, key).await
        });
    }
    asked.join_all().await
}

fn count(answers: &[Verdict], wanted: &str) -> usize {
    answers.iter().filter(|answer| code(answer) == wanted).count()
}

async fn check_rush<const LOCKED: bool>() {
    let world = World::<Postgres<LOCKED>>::with(&[("tea", 100), ("cup", 1_000)]).await;
    let neighbours = neighbours(&world, 3).await;
    let buys = |buyer: usize| match buyer % 2 {
        0 => (place(&[("tea", 1), ("cup", 1)]), None),
        _ => (place(&[("cup", 1), ("tea", 1)]), None),
    };
    let answers = rush(&neighbours, 600, buys).await;
    assert_eq!((count(&answers, "ok"), count(&answers, "insufficient_stock")), (100, 500));
    assert_eq!(world.figures("tea").await, (100, 100, 0));
    assert_eq!(world.figures("cup").await, (1_000, 100, 900));
    for neighbour in neighbours {
        neighbour.stop();
    }
    world.close().await;
}

async fn check_one_key<const LOCKED: bool>() {
    let world = World::<Postgres<LOCKED>>::with(&[("tea", 100)]).await;
    let neighbours = neighbours(&world, 2).await;
    let twenty = |buyer: usize| {
        let number = u8::try_from(buyer % 20 + 1).unwrap();
        (place(&[("tea", 1)]), Some(key(number)))
    };
    let answers = rush(&neighbours, 200, twenty).await;
    assert_eq!(count(&answers, "ok"), 200);
    let first = answers.iter().flatten().filter(|answer| !answer.replayed).count();
    assert_eq!(first, 20, "each key has one effect");
    assert_eq!(world.figures("tea").await, (100, 20, 80));
    for neighbour in neighbours {
        neighbour.stop();
    }
    world.close().await;
}

/// A reader that follows the log while several write to it sees every event once, in order.
async fn check_cursor<const LOCKED: bool>() {
    let world = World::<Postgres<LOCKED>>::with(&[("tea", 1_000)]).await;
    let neighbours = neighbours(&world, 2).await;
    let reader = neighbours[0].reader.clone();
    let following = tokio::spawn(async move {
        let (mut after, mut placed) = (0, 0);
        while placed < 400 {
            for event in reader.events(after, Vec::new(), 50).await.unwrap().rows {
                assert_eq!(event.seq, after + 1, "a gap that a cursor would have passed");
                after = event.seq;
                placed += usize::from(event.kind == "order.placed");
            }
        }
    });
    let answers = rush(&neighbours, 400, |_| (place(&[("tea", 1)]), None)).await;
    assert_eq!(count(&answers, "ok"), 400);
    following.await.unwrap();
    for neighbour in neighbours {
        neighbour.stop();
    }
    world.close().await;
}

/// What one process has kept at hand is not believed after another one has written.
async fn check_warm<const LOCKED: bool>() {
    let world = World::<Postgres<LOCKED>>::with(&[("tea", 4)]).await;
    let neighbours = neighbours(&world, 1).await;
    let other = &neighbours[0].submit;
    for sold in 0..2 {
        assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
        assert_eq!(world.figures("tea").await.1, 2 * sold + 1);
        let answer = other.submit(place(&[("tea", 1)]), Actor::Local, None).await;
        assert_eq!(code(&answer), "ok");
    }
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "insufficient_stock");
    for neighbour in neighbours {
        neighbour.stop();
    }
    world.close().await;
}

/// What is owed is given to one worker, and a message has one effect, whichever process has it.
async fn check_payments<const LOCKED: bool>() {
    const ORDERS: usize = 40;
    const MESSAGES: usize = 60;
    let world = World::<Postgres<LOCKED>>::with(&[("tea", 1_000)]).await;
    let neighbours = neighbours(&world, 3).await;
    let placed = rush(&neighbours, ORDERS, |_| (place_paid(&[("tea", 1)], 600), None)).await;
    assert_eq!(count(&placed, "ok"), ORDERS);
    let mut given: Vec<Task> = Vec::new();
    loop {
        let answers = rush(&neighbours, 6, |_| (lease(7), None)).await;
        let before = given.len();
        given.extend(answers.into_iter().flat_map(|one| tasks(one.unwrap().outcome.unwrap())));
        if given.len() == before {
            break;
        }
    }
    let name = |number: i64| format!("order_{number}");
    let settled = rush(&neighbours, 2 * ORDERS, |worker| {
        let task = &given[worker % ORDERS];
        let seen = intent(&name(task.order_id.number()));
        (settle(task, seen, Outcome::Done), None)
    });
    assert_eq!(count(&settled.await, "ok"), 2 * ORDERS);
    let mut orders: Vec<i64> = given.iter().map(|task| task.order_id.number()).collect();
    orders.sort_unstable();
    assert!(orders.is_sorted_by(|one, next| one < next) && orders.len() == ORDERS, "{orders:?}");
    let answers = rush(&neighbours, 2 * MESSAGES, |sender| {
        let number = sender % MESSAGES;
        let paid = captured(&name(orders[number % ORDERS]), 100);
        (message(&format!("e{number}"), u8::try_from(number).unwrap(), paid), None)
    });
    let answers = answers.await;
    let is_new = |answer: &&Verdict| {
        let reply = answer.as_ref().unwrap().outcome.as_ref().unwrap();
        *reply == Reply::Notice { is_new: true }
    };
    assert_eq!(answers.iter().filter(is_new).count(), MESSAGES);
    for id in orders.into_iter().filter_map(OrderId::new) {
        let kinds = world.reader.timeline(id).await;
        assert_eq!(kinds.iter().filter(|kind| *kind == "payment.captured").count(), 1);
        assert_eq!(world.owed(id).await, None);
    }
    for neighbour in neighbours {
        neighbour.stop();
    }
    world.close().await;
}

macro_rules! with_and_without_locks {
    ($($check:ident: $locked:ident, $unlocked:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $locked() {
            $check::<true>().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $unlocked() {
            $check::<false>().await;
        }
    )+};
}

with_and_without_locks! {
    check_rush: three_processes_sell_what_there_is, three_processes_sell_what_there_is_unlocked;
    check_one_key: a_key_has_one_effect_in_all_processes, a_key_has_one_effect_unlocked;
    check_cursor: a_cursor_misses_no_event, a_cursor_misses_no_event_unlocked;
    check_payments: a_payment_is_made_once, a_payment_is_made_once_unlocked;
    check_warm: nobody_sells_from_memory, nobody_sells_from_memory_unlocked;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_reads_than_connections_wait_their_turn() {
    let world = World::<Postgres<true>>::with(&[("tea", 5)]).await;
    let order = world.placed(&[("tea", 1)], None).await;
    let mut reads = JoinSet::new();
    for _ in 0..READ_CONNECTIONS_MAX * 20 {
        let (reader, id) = (world.reader.0.clone(), order.id);
        reads.spawn(async move { reader.order(id, None).await.unwrap().unwrap().id });
    }
    assert!(reads.join_all().await.into_iter().all(|id| id == order.id));
    world.close().await;
}

#[tokio::test]
async fn a_lease_has_one_holder_and_passes_on_when_it_is_given_back_or_runs_out() {
    let scratch = crate::server::Scratch::migrated().await;
    let [first, second] = [
        Database::open(&scratch.url()).await.unwrap(),
        Database::open(&scratch.url()).await.unwrap(),
    ];
    let leases = [first, second].map(|one| onhand_engine::Database::Postgres(one).leases());
    let (long, short) = (std::time::Duration::from_secs(60), std::time::Duration::from_millis(1));
    assert!(leases[0].hold("sweeper", long).await);
    assert!(leases[0].hold("sweeper", long).await, "its holder keeps it");
    assert!(!leases[1].hold("sweeper", long).await);
    assert!(leases[1].hold("another", long).await);
    leases[0].release().await;
    assert!(leases[1].hold("sweeper", short).await);
    while !leases[0].hold("sweeper", short).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_tells_of_what_other_processes_write() {
    let world = World::<Postgres<true>>::with(&[("tea", 5)]).await;
    let database = Database::open(&world.backend.url()).await.unwrap();
    let database = onhand_engine::Database::Postgres(database);
    let config = Config { clock: Arc::new(SystemClock), crash: None, policy: Arc::default() };
    let (submit, running, _) = database.start(config).unwrap();
    let mut durable = submit.durable();
    let before = *durable.borrow_and_update();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    let heard = durable.wait_for(|event| *event > before);
    let heard =
        *tokio::time::timeout(std::time::Duration::from_secs(30), heard).await.unwrap().unwrap();
    let newest = world.reader.0.events(heard - 1, Vec::new(), 1).await.unwrap();
    assert_eq!(newest.rows[0].seq, heard);
    drop((submit, durable));
    running.join().unwrap().unwrap();
    world.close().await;
}
