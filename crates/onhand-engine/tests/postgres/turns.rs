//! Whose turn it is, when several processes want to write: who stands at the door is next, a busy
//! process comes back to it, and what has come while it waited is in its batch. A test keeps the
//! head of the logs, or the door, from everybody with a lock of its own.

use std::time::Duration;

use onhand_core::Actor;
use onhand_core::command::Reply;
use onhand_engine::limits::{BESIDE_COMMANDS, TURN_BATCHES_MAX};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::beside::until_alone;
use crate::server::{Postgres, connect};
use crate::together::Neighbour;
use crate::world::{Verdict, World, code, place};

type Shop = World<Postgres<true>>;

const LOCK_HEAD: &str = "BEGIN; SELECT 1 FROM numbering FOR UPDATE";
const LOCK_DOOR: &str = "BEGIN; SELECT 1 FROM leases WHERE name = 'turn' FOR UPDATE";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'";
const CUT_WAITING: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'";

const OPEN_DOOR: &str = "SELECT 1 FROM leases WHERE name = 'turn' FOR UPDATE SKIP LOCKED";
const AT_DOOR: &str = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
     AND wait_event_type = 'Lock' AND query LIKE '%leases WHERE name = ''turn''%'";

/// Waits until one process is in and another one stands at the door, in the order in which they
/// are asked to buy. Who waits for the head alone may be about to empty the window of outcomes,
/// which is nobody's turn.
async fn in_and_next(
    watch: &Client,
    [first, second]: [&onhand_engine::Submit; 2],
) -> [JoinHandle<Verdict>; 2] {
    let first = buy(first);
    while !watch.query(OPEN_DOOR, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = buy(second);
    while watch.query(AT_DOOR, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    [first, second]
}

/// Waits until so many connections wait for a lock.
pub(crate) async fn until_waiting(watch: &Client, wanted: i64) {
    while watch.query_one(WAITING, &[]).await.unwrap().get::<_, i64>(0) != wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn buy(submit: &onhand_engine::Submit) -> JoinHandle<Verdict> {
    let submit = submit.clone();
    tokio::spawn(async move { submit.submit(place(&[("tea", 1)]), Actor::Local, None).await })
}

fn number(answer: &Verdict) -> i64 {
    let reply = answer.as_ref().unwrap().outcome.as_ref().unwrap();
    let Reply::Order(order) = reply else { panic!("not an order: {reply:?}") };
    order.id.number()
}

/// A process that has written for long and met nobody still comes to the door: whoever stands there
/// waits for no more than so many of its batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_process_comes_back_to_the_door() {
    let world = Shop::with(&[("tea", 1_000)]).await;
    until_alone(&world).await;
    let client = connect(&world.backend.0.0).await;
    client.batch_execute(LOCK_DOOR).await.unwrap();
    let mut written = 0;
    let refused = loop {
        let answer = world.ask(place(&[("tea", 1)])).await;
        if let Err(refused) = answer {
            break refused;
        }
        assert_eq!(code(&answer), "ok");
        written += 1;
        assert!(written <= TURN_BATCHES_MAX, "nobody else would ever be let in");
    };
    // Who looks for the reason at night is told where to look.
    assert!(refused.to_string().contains("pg_blocking_pids"), "{refused}");
    assert!(written > 0, "it need not ask at each batch while it is alone");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    world.close().await;
}

/// Who came first writes first, however busy the other one is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_at_the_door_is_next() {
    let world = Shop::with(&[("tea", 100)]).await;
    let neighbour = Neighbour::of(&world.backend.url()).await;
    let (head, watch) = (connect(&world.backend.0.0).await, connect(&world.backend.0.0).await);
    for _ in 0..5 {
        // Nobody has a turn any more.
        head.batch_execute(LOCK_DOOR).await.unwrap();
        head.batch_execute("ROLLBACK").await.unwrap();
        head.batch_execute(LOCK_HEAD).await.unwrap();
        let [first, second] = in_and_next(&watch, [&neighbour.submit, &world.submit]).await;
        head.batch_execute("ROLLBACK").await.unwrap();
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!(number(&first) < number(&second), "{first:?} {second:?}");
    }
    neighbour.stop();
    world.close().await;
}

/// A process that is cut off at the door, or with the turn, blocks nobody, and its callers are
/// served over new connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_at_the_door_blocks_nobody() {
    let world = Shop::with(&[("tea", 100)]).await;
    let neighbour = Neighbour::of(&world.backend.url()).await;
    let (head, watch) = (connect(&world.backend.0.0).await, connect(&world.backend.0.0).await);
    head.batch_execute(LOCK_HEAD).await.unwrap();
    let [first, second] = in_and_next(&watch, [&neighbour.submit, &world.submit]).await;
    until_waiting(&watch, 2).await;
    let cut: i64 = watch.query_one(CUT_WAITING, &[]).await.unwrap().get(0);
    assert_eq!(cut, 2);
    head.batch_execute("ROLLBACK").await.unwrap();
    for answer in [first, second] {
        let answer = answer.await.unwrap();
        assert_eq!(code(&answer), "ok", "{answer:?}");
    }
    assert_eq!(world.figures("tea").await, (100, 2, 98));
    neighbour.stop();
    world.close().await;
}

/// A batch is made when its turn has come, of all who wait by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_while_the_turn_is_awaited_is_in_the_batch() {
    let world = Shop::with(&[("tea", 100)]).await;
    let (head, watch) = (connect(&world.backend.0.0).await, connect(&world.backend.0.0).await);
    head.batch_execute(LOCK_HEAD).await.unwrap();
    let before = batches(&world);
    let mut asked = vec![buy(&world.submit)];
    until_waiting(&watch, 1).await;
    asked.extend((1..20).map(|_| buy(&world.submit)));
    while world.submit.waiting() < 19 {
        tokio::task::yield_now().await;
    }
    head.batch_execute("ROLLBACK").await.unwrap();
    for answer in asked {
        assert_eq!(code(&answer.await.unwrap()), "ok");
    }
    assert_eq!(batches(&world), before + 1);
    world.close().await;
}

fn batches(world: &Shop) -> u64 {
    world.submit.stats().batches.load(std::sync::atomic::Ordering::Relaxed)
}

/// Who is served hears of it at once, and not after the turn of somebody else for which the next
/// batch waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_served_does_not_wait_for_the_turns_of_others() {
    let world = Shop::with(&[("tea", 100)]).await;
    let (holdup, door) = (connect(&world.backend.0.0).await, connect(&world.backend.0.0).await);
    let watch = connect(&world.backend.0.0).await;
    holdup.batch_execute("BEGIN; LOCK TABLE orders IN SHARE MODE").await.unwrap();
    let first = buy(&world.submit);
    until_waiting(&watch, 1).await;
    door.batch_execute(LOCK_DOOR).await.unwrap();
    // So many that a process that is alone would decide them beside the batch that is written.
    let others: Vec<_> = (0..BESIDE_COMMANDS[0]).map(|_| buy(&world.submit)).collect();
    holdup.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(code(&first.await.unwrap()), "ok");
    assert!(others.iter().all(|other| !other.is_finished()));
    door.batch_execute("ROLLBACK").await.unwrap();
    for answer in others {
        assert_eq!(code(&answer.await.unwrap()), "ok");
    }
    world.close().await;
}
