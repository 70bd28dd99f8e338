//! The promises when the server goes away in the middle (reliability.md, F7 to F9 and F12): a batch
//! is carried out once or not at all, its callers are told the truth or that nobody knows it yet,
//! and no hand is needed when the server is back.

use std::time::{Duration, Instant};

use onhand_core::Command;
use onhand_core::orders;
use onhand_engine::limits::{SETTLE_WAITS_MAX, STORE_ANSWERS_MAX};
use onhand_engine::postgres::{self, Database, PostgresStore};
use onhand_engine::query::{OrderFilter, ReadError};
use onhand_engine::{IdempotencyKey, Reader};

use crate::backend::{Backend, Opened, broken};
use crate::faulty::Step;
use crate::look::Look;
use crate::proxy::{Line, Proxy};
use crate::server::{Scratch, connect};
use crate::world::{Verdict, World, code, codes, key, place};

/// A database behind a line that can be cut.
pub(crate) struct Behind {
    scratch: Scratch,
    pub(crate) line: Proxy,
}

impl Behind {
    pub(crate) fn url(&self) -> String {
        let url = self.scratch.url();
        let (start, name) = url.rsplit_once('/').unwrap();
        let (start, _) = start.rsplit_once(':').unwrap();
        format!("{start}:{}/{name}", self.line.port())
    }
}

impl Backend for Behind {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        let scratch = Scratch::migrated().await;
        let url = scratch.url();
        let (start, _) = url.rsplit_once('/').unwrap();
        let (_, server) = start.rsplit_once('@').unwrap();
        let line = Proxy::to(server).await;
        Self { scratch, line }
    }

    async fn open(&self) -> Opened<Self> {
        let database = Database::open(&self.url()).await.unwrap();
        let (store, reader) = (database.store(), database.reader().unwrap());
        Opened { store, reader: Look(Reader::Postgres(reader)), owner: Box::new(database) }
    }

    async fn verify(&self) -> Vec<String> {
        broken(&postgres::verify(&self.scratch.url(), true).await.unwrap())
    }
}

fn orders(units: &[i64]) -> Vec<(Command, Option<IdempotencyKey>)> {
    let keyed = units.iter().zip(1..);
    keyed.map(|(units, number)| (place(&[("tea", *units)]), Some(key(number)))).collect()
}

fn replayed(answers: &[Verdict]) -> Vec<bool> {
    answers.iter().map(|answer| answer.as_ref().unwrap().replayed).collect()
}

/// A line that is cut around a commit: the callers hear what is true, and it is done once.
async fn check_cut(line: Line) {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let asked = orders(&[1, 9, 2]);
    let answers = world.in_one_batch(|_| world.backend.line.set(line), asked.clone()).await;
    assert_eq!(codes(&answers), ["ok", "insufficient_stock", "ok"], "{line:?}");
    assert_eq!(replayed(&answers), [false; 3], "{line:?}");
    assert_eq!(world.figures("tea").await, (5, 3, 2), "{line:?}");
    let runs = world.faults.steps().iter().filter(|step| **step == Step::Begin).count();
    assert_eq!(runs, if line == Line::CutBeforeCommit { 2 } else { 1 }, "{line:?}");
    let again = world.in_one_batch(|_| {}, asked).await;
    assert_eq!(replayed(&again), [true; 3], "{line:?}");
    assert_eq!(world.figures("tea").await, (5, 3, 2), "{line:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_cut_before_the_commit_runs_the_batch_again() {
    check_cut(Line::CutBeforeCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_again() {
    check_cut(Line::CutAfterCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_never_comes_is_found_again() {
    let begun = Instant::now();
    check_cut(Line::SilentAfterCommit).await;
    assert!(begun.elapsed() >= STORE_ANSWERS_MAX, "it was not waited for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_stays_away_the_outcome_is_unknown_and_the_key_tells_later() {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let line = world.backend.line.clone();
    let asked = orders(&[1, 9, 2]);
    let begun = Instant::now();
    let answers = world.in_one_batch(|_| line.set(Line::DownAfterCommit), asked.clone()).await;
    assert_eq!(codes(&answers), ["unknown"; 3]);
    assert!(begun.elapsed() >= SETTLE_WAITS_MAX, "given up too early");
    // What was not begun is not unknown: it was not done.
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "unavailable");
    let read = world.reader.0.orders(OrderFilter::default(), None, 10).await;
    assert!(matches!(read, Err(ReadError::Unavailable(_))), "{read:?}");
    line.set(Line::Open);
    let mut settled = Vec::new();
    for (command, key) in asked {
        settled.push(until_available(&world, command, key).await);
    }
    assert_eq!(codes(&settled), ["ok", "insufficient_stock", "ok"]);
    assert_eq!(replayed(&settled), [true; 3]);
    assert_eq!(world.figures("tea").await, (5, 3, 2));
    world.close().await;
}

/// Asks until the server is back; that must not take longer than a pause between attempts.
async fn until_available(
    world: &World<Behind>,
    command: Command,
    key: Option<IdempotencyKey>,
) -> Verdict {
    let begun = Instant::now();
    loop {
        let actor = onhand_core::Actor::Local;
        let answer = world.submit.submit(command.clone(), actor, key).await;
        if code(&answer) != "unavailable" {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_between_batches_is_found_again_by_itself() {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let line = world.backend.line.clone();
    let order = world.placed(&[("tea", 1)], None).await;
    // Its connections are gone, and nobody has noticed.
    line.set(Line::Down);
    line.set(Line::Open);
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    assert_eq!(world.reader.order(order.id).await, *order);
    line.set(Line::Down);
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "unavailable");
        assert!(begun.elapsed() < Duration::from_secs(3), "nobody waits for who is away");
    }
    line.set(Line::Open);
    let answer = until_available(&world, place(&[("tea", 1)]), None).await;
    assert_eq!(code(&answer), "ok");
    assert_eq!(world.figures("tea").await, (5, 3, 2));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_is_terminated_costs_nobody_anything() {
    let world = World::<Behind>::with(&[("tea", 50)]).await;
    let killer = connect(&world.backend.scratch.0).await;
    for sold in 1..=20 {
        let answer = world.ask(place(&[("tea", 1)])).await;
        assert_eq!(code(&answer), "ok", "{answer:?}");
        assert_eq!(world.figures("tea").await, (50, sold, 50 - sold));
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid != pg_backend_pid()";
        killer.query_one(sql, &[]).await.unwrap();
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_keeps_fails_the_batch_and_not_the_server() {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let other = connect(&world.backend.scratch.0).await;
    other.batch_execute("BEGIN; SELECT 1 FROM numbering FOR UPDATE").await.unwrap();
    let begun = Instant::now();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "unavailable");
    assert!(begun.elapsed() < STORE_ANSWERS_MAX, "it was waited for without end");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    assert_eq!(world.figures("tea").await, (5, 1, 4));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_become_read_only_is_left_and_found_again() {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let (line, name) = (world.backend.line.clone(), world.backend.scratch.0.clone());
    let admin = connect("postgres").await;
    // Formatted SQL: a database's name cannot be bound; it is the test's own.
    let set = |value| format!("ALTER DATABASE {name} SET default_transaction_read_only = {value}");
    admin.batch_execute(&set("on")).await.unwrap();
    line.set(Line::Down);
    line.set(Line::Open);
    let answer = world.ask(place(&[("tea", 1)])).await;
    assert_eq!(code(&answer), "unavailable");
    assert!(format!("{answer:?}").contains("read-only"), "{answer:?}");
    admin.batch_execute(&set("off")).await.unwrap();
    assert_eq!(code(&until_available(&world, place(&[("tea", 1)]), None).await), "ok");
    assert_eq!(world.figures("tea").await, (5, 1, 4));
    world.close().await;
}

/// A key table that refuses an outcome stands for every error within the transaction: nothing of
/// the batch is there, although its commit was sent along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_sent_behind_a_statement_that_fails_commits_nothing() {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let other = connect(&world.backend.scratch.0).await;
    let bar = "ALTER TABLE events ADD CONSTRAINT bar CHECK (kind != 'order.placed') NOT VALID";
    other.batch_execute(bar).await.unwrap();
    let before = world.backend.line.commits();
    let held = orders::Command::Place(crate::world::order(&[("tea", 1)], Some(60)));
    let answer = world.ask_once(Command::Orders(held), key(7)).await;
    assert_eq!(code(&answer), "unavailable");
    assert!(world.backend.line.commits() > before, "no commit was sent along");
    assert_eq!(world.figures("tea").await, (5, 0, 5));
    other.batch_execute("ALTER TABLE events DROP CONSTRAINT bar").await.unwrap();
    let answer = world.ask_once(place(&[("tea", 1)]), key(8)).await;
    assert_eq!(code(&answer), "ok");
    assert_eq!(world.figures("tea").await, (5, 1, 4));
    world.close().await;
}

/// Lets the server itself refuse to write an event so many times, with a code of its own choice.
async fn check_code(sqlstate: &str, times: u32, wanted: &[&str]) {
    let world = World::<Behind>::with(&[("tea", 5)]).await;
    let other = connect(&world.backend.scratch.0).await;
    // Formatted SQL: the body of a function takes no parameters; these are the test's own.
    let fail = format!(
        "CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF nextval('tries') <= {times} THEN \
         RAISE EXCEPTION 'so the test wants it' USING ERRCODE = '{sqlstate}'; \
         END IF; RETURN NEW; END $$; CREATE TRIGGER fail BEFORE INSERT ON events \
         FOR EACH ROW EXECUTE FUNCTION fail()"
    );
    other.batch_execute(&fail).await.unwrap();
    let asked = orders(&[1, 9, 2]);
    let answers = world.in_one_batch(|_| {}, asked.clone()).await;
    assert_eq!(codes(&answers), wanted, "{sqlstate} {times} times");
    other.batch_execute("DROP TRIGGER fail ON events").await.unwrap();
    // Whatever was answered, nothing is half done, and the same keys come to the same end.
    let mut again = Vec::new();
    for (command, key) in asked {
        again.push(until_available(&world, command, key).await);
    }
    assert_eq!(codes(&again), ["ok", "insufficient_stock", "ok"], "{sqlstate}");
    assert_eq!(world.figures("tea").await, (5, 3, 2), "{sqlstate}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_says_is_understood() {
    let done = ["ok", "insufficient_stock", "ok"];
    let always = u32::MAX;
    // What asks to be repeated is repeated; what does not go away fails its own commands.
    check_code("40001", 3, &done).await;
    check_code("40P01", 3, &done).await;
    check_code("40001", always, &["unavailable", "insufficient_stock", "unavailable"]).await;
    check_code("23505", 1, &done).await;
    check_code("53100", 1, &["full"; 3]).await;
    check_code("53200", 1, &["unavailable"; 3]).await;
    check_code("42501", 1, &["unavailable"; 3]).await;
    check_code("57P01", 1, &done).await;
    check_code("25006", 1, &done).await;
    check_code("0A000", 1, &done).await;
    check_code("XX001", 1, &done).await;
}
