//! What only a store promises that one process has for itself, and that flushes after it has
//! written.

use std::cell::Cell;
use std::time::{Duration, Instant};

use onhand_core::Command;
use onhand_core::effects::Outcome;
use onhand_core::jobs::Queue;
use onhand_core::orders;
use onhand_core::payments::Seen;
use onhand_engine::Clock;
use onhand_engine::limits::{LISTS_MISSED_EVENTS_MAX, LISTS_PAUSE, LISTS_STEP_WANTED_EVENTS};
use onhand_engine::query::OrderFilter;
use onhand_engine::sqlite::{Database, OpenError};
use rusqlite::Connection;

use crate::backend::Sqlite;
use crate::faults::stored_orders;
use crate::outbox::take_in;
use crate::paying::place_paid;
use crate::world::{World, code, key, order, place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_what_is_not_durable() {
    let world = World::<Sqlite>::with(&[("tea", 5)]).await;
    let (is_reached, let_go_on) = world.faults.hold_flush();
    let is_durable = Cell::new(false);
    let placed = async {
        let answer = world.ask_once(place(&[("tea", 2)]), key(1)).await;
        assert!(is_durable.get(), "answered before it was durable: {answer:?}");
    };
    let replayed = async {
        is_reached.await.unwrap();
        let seen = async {
            assert_eq!(world.figures("tea").await, (5, 2, 3));
            assert_eq!(stored_orders(&world).await, 1);
            assert!(is_durable.get(), "shown before it was durable");
        };
        // The next batch is decided meanwhile, on what is not durable: a refusal and a replay.
        let refused = async {
            assert_eq!(code(&world.ask(place(&[("tea", 4)])).await), "insufficient_stock");
            assert!(is_durable.get(), "refused on what was not durable");
        };
        let replayed = async {
            assert!(world.ask_once(place(&[("tea", 2)]), key(1)).await.unwrap().replayed);
            assert!(is_durable.get(), "replayed before it was durable");
        };
        let go_on = async {
            // Time in which any of them could go wrong; none of them needs it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            is_durable.set(true);
            let_go_on.send(()).unwrap();
        };
        tokio::join!(seen, refused, replayed, go_on);
    };
    tokio::join!(placed, replayed);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_is_refused() {
    let world = World::<Sqlite>::with(&[("tea", 5)]).await;
    let second = Database::open(&world.backend.path());
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    world.close().await;
}

/// Hashes of passwords are in it.
#[test]
fn a_new_database_is_closed_to_other_users() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("onhand.db");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    drop(Database::open(&path).unwrap());
    assert_eq!(mode(), 0o600);
    // What an operator has opened stays open.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    drop(Database::open(&path).unwrap());
    assert_eq!(mode(), 0o640);
}

/// What the lock proves: whoever had leases is dead, and nobody else has any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_a_dead_process_end_when_the_next_one_begins() {
    const CALL: Duration = Duration::from_secs(10);
    let world = World::<Sqlite>::with(&[("tea", 9)]).await;
    world.payable(&[("tea", 1)], "order_1").await;
    world.done(place_paid(&[("tea", 1)], 600)).await;
    let [task] = &world.leased(10).await[..] else { panic!("one call is owed") };
    let queue = Queue::Mail;
    let from = world.reading(queue).await;
    world.placed(&[("tea", 1)], None).await;
    world.done(take_in(queue, from, from + 1)).await;
    let [job] = &world.given(queue, 10).await[..] else { panic!("one follows") };
    // A process that has just begun finds nothing to end, and one that comes later no more.
    let (backend, clock) = world.stopped();
    let database = Database::open(&backend.path()).unwrap();
    assert_eq!(database.end_leases(clock.now(), clock.now() + CALL).unwrap(), 2);
    assert_eq!(database.end_leases(clock.now(), clock.now() + CALL).unwrap(), 0);
    drop(database);
    let world = World::on(backend, clock).await;
    let again = world.given(queue, 10).await;
    assert_eq!(again.iter().map(|one| one.id).collect::<Vec<_>>(), [job.id], "at once");
    assert_eq!((again[0].epoch, again[0].tries), (job.epoch + 1, 1), "and it is told it was lost");
    // The dead one's call may still be on its way; then the gateway is asked what became of it.
    assert!(world.leased(10).await.is_empty());
    world.clock.advance_secs(CALL.as_secs().cast_signed());
    let [asked] = &world.leased(10).await[..] else { panic!("it is due") };
    assert_eq!((asked.order_id, asked.ask_first, asked.tries), (task.order_id, true, 1));
    assert!(asked.epoch > task.epoch);
    assert_eq!(world.settled(task, Seen::default(), Outcome::Done).await, 0, "it was overtaken");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_are_read_are_filled_at_once() {
    let world = World::<Sqlite>::with(&[("tea", 90_000)]).await;
    let lists = Connection::open(world.backend.path().with_extension("lists.db")).unwrap();
    let listed =
        || -> i64 { lists.query_row("SELECT event FROM progress", [], |row| row.get(0)).unwrap() };
    let filter = OrderFilter { status: Some(orders::Status::Delivered), ..Default::default() };
    let mut placed = 0;
    while placed <= LISTS_MISSED_EVENTS_MAX {
        let many = (0..100).map(|_| order(&[("tea", 1)], None)).collect();
        let error_policy = orders::ErrorPolicy::RejectAll;
        let command = orders::Command::PlaceMany { orders: many, error_policy };
        assert_eq!(code(&world.ask(Command::Orders(command)).await), "ok");
        placed += 100;
    }
    // So few are not worth a step before its time.
    assert!(placed < LISTS_STEP_WANTED_EVENTS);
    let asked_at = Instant::now();
    assert!(world.reader.orders(&filter, None, 1).await.0.is_empty());
    while listed() < placed {
        assert!(asked_at.elapsed() < LISTS_PAUSE / 2, "nobody fills them: {}", listed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.close().await;
}
