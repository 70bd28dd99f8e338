//! Batches that are begun and written by hand, while somebody else comes in between: of each all is
//! written or nothing, and nothing that was decided on what did not come about.

use std::sync::Arc;

use onhand_core::command::Reply;
use onhand_core::{Needs, State};
use onhand_engine::idempotency::StoredOutcome;
use onhand_engine::limits::{
    ALONE_AFTER_TURNS, CHANGES_JOINED_AFTER, SHAPES_OF_STATEMENT_MAX, TURN_IDLE,
};
use onhand_engine::postgres::{Database, PostgresStore};
use onhand_engine::store::Begun;
use onhand_engine::{Batch, Store};
use tokio::time::timeout;

use crate::away::Behind;
use crate::proxy::Line;
use crate::server::{Postgres, connect};
use crate::turns::until_waiting;
use crate::world::{World, code, key, place};

type Shop = World<Postgres<true>>;

/// Connections with a transaction in which nothing is asked.
const IDLE: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND state = 'idle in transaction'";
const CUT_IDLE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND state = 'idle in transaction'";
const ONLY_WITHIN_TRANSACTIONS: &str = "\
     CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     IF current_setting('default_transaction_read_only') <> 'on' \
     THEN RAISE EXCEPTION 'this would be written alone'; END IF; RETURN NEW; END $$; \
     CREATE TRIGGER look BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION look()";

const NOTE_STATEMENTS: &str = "\
     CREATE TABLE statements (text text NOT NULL); \
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     INSERT INTO statements VALUES (current_query()); RETURN NULL; END $$; \
     CREATE TRIGGER note AFTER INSERT ON batches EXECUTE FUNCTION note(); \
     CREATE TRIGGER note AFTER INSERT ON events EXECUTE FUNCTION note()";

/// A store with its state, without a committer.
struct Hand {
    store: PostgresStore,
    state: State,
}

impl Hand {
    async fn of(url: &str) -> Self {
        let database = Database::open(url).await.unwrap();
        Self { store: database.store(), state: State::default() }
    }

    async fn begin(&mut self) -> Begun {
        self.store.begin(&[], &Needs::default(), &mut self.state).await.unwrap()
    }

    /// Whether a key has an outcome.
    async fn finds(&mut self, number: u8) -> bool {
        let (keys, nothing) = ([key(number)], Needs::default());
        let begun = self.store.begin(&keys, &nothing, &mut self.state).await.unwrap();
        self.store.rollback().await.unwrap();
        begun.outcomes[0].is_some()
    }

    /// Writes batches of which each changes the same tables, as often as makes them one statement.
    async fn until_joined(&mut self) {
        for number in (100..).take(CHANGES_JOINED_AFTER as usize + 1) {
            let begun = self.begin().await;
            self.store.commit(batch(&begun, number)).await.unwrap();
            self.store.written().await.unwrap();
        }
    }

    /// Has so many turns that nobody else can be there.
    async fn until_alone(&mut self) {
        for _ in 0..=ALONE_AFTER_TURNS {
            self.begin().await;
            self.store.rollback().await.unwrap();
            // Nothing is being written, so that it only gives its turn to others.
            timeout(4 * TURN_IDLE, self.store.landed()).await.unwrap_err();
        }
        assert!(self.store.goes_beside());
    }
}

/// A batch with an outcome, and nothing else.
fn batch(begun: &Begun, number: u8) -> Arc<Batch> {
    let mut batch = Batch::of_nothing(begun.batch, begun.recorded_at, begun.numbering, 1);
    batch.outcomes.push((key(number), StoredOutcome::Reply(Reply::Expired { holds: 0 })));
    Arc::new(batch)
}

/// Whoever comes between two batches that were sent one behind the other ends both: the second has
/// the number that fits again, and was decided on what the first has not left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_on_a_batch_that_failed_is_not_written() {
    for is_joined in [false, true] {
        nothing_is_decided_on_a_failed_batch(is_joined).await;
    }
}

async fn nothing_is_decided_on_a_failed_batch(is_joined: bool) {
    let world = Shop::with(&[("tea", 100)]).await;
    let mut hand = Hand::of(&world.backend.url()).await;
    if is_joined {
        hand.until_joined().await;
    }
    hand.until_alone().await;
    let first = hand.begin().await;
    let (mut other, watch) =
        (Hand::of(&world.backend.url()).await, connect(&world.backend.0.0).await);
    // The first is written, which nobody has been told yet, and somebody else has the head.
    let (others, ()) = tokio::join!(other.begin(), async {
        until_waiting(&watch, 1).await;
        hand.store.commit(batch(&first, 1)).await.unwrap();
    });
    for number in [2, 3] {
        let begun = hand.begin().await;
        assert_eq!(begun.batch, first.batch + i64::from(number) - 1, "it was not begun beside");
        hand.store.commit(batch(&begun, number)).await.unwrap();
    }
    other.store.commit(batch(&others, 4)).await.unwrap();
    other.store.written().await.unwrap();
    let mut written = Vec::new();
    for _ in 0..3 {
        written.push(hand.store.written().await.is_ok());
    }
    assert_eq!(written, [true, false, false]);
    hand.store.rollback().await.unwrap();
    let mut found = Vec::new();
    for number in 1..=4 {
        found.push(hand.finds(number).await);
    }
    assert_eq!(found, [true, false, false, true], "what was said is not what is there");
    other.store.close().await.unwrap();
    hand.store.close().await.unwrap();
    world.close().await;
}

/// A statement is prepared when it is first sent, which waits for locks too. Where it does not get
/// them in time, its batch fails and the next one finds no transaction open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_prepared_fails_alone() {
    let world = Shop::with(&[("tea", 100)]).await;
    let (mut hand, holdup) =
        (Hand::of(&world.backend.url()).await, connect(&world.backend.0.0).await);
    let begun = hand.begin().await;
    holdup.batch_execute("BEGIN; LOCK TABLE batches IN SHARE MODE").await.unwrap();
    hand.store.commit(batch(&begun, 1)).await.unwrap();
    let failed = hand.store.written().await.unwrap_err();
    assert_eq!(failed.kind(), "unavailable", "{failed}");
    holdup.batch_execute("ROLLBACK").await.unwrap();
    let begun = hand.begin().await;
    hand.store.commit(batch(&begun, 2)).await.unwrap();
    hand.store.written().await.unwrap();
    assert_eq!([hand.finds(1).await, hand.finds(2).await], [false, true]);
    hand.store.close().await.unwrap();
    world.close().await;
}

/// What one batch after the other changes is changed by one statement, whose guards hold as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_come_often_are_one_statement() {
    let world = Shop::with(&[("tea", 1000)]).await;
    let client = connect(&world.backend.0.0).await;
    client.batch_execute(NOTE_STATEMENTS).await.unwrap();
    // A shape of a statement is found by chance: each is met as often as it takes.
    let times = SHAPES_OF_STATEMENT_MAX * CHANGES_JOINED_AFTER as usize;
    for _ in 0..=times {
        client.batch_execute("DELETE FROM statements").await.unwrap();
        assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    }
    let texts = client.query("SELECT DISTINCT text FROM statements", &[]).await.unwrap();
    let texts: Vec<String> = texts.iter().map(|row| row.get(0)).collect();
    assert_eq!(texts.len(), 1, "batches and events are written by {texts:#?}");
    // What is at hand is not what is there: the level's guard is the second of the statement.
    client.batch_execute("UPDATE levels SET version = version + 1").await.unwrap();
    let conflicts = || world.submit.stats().failed.read().get("conflict").copied();
    let before = conflicts();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    assert_eq!(conflicts(), Some(before.unwrap_or(0) + 1), "nobody noticed");
    world.close().await;
}

/// What is not there when it is looked for does not come about later: its callers are served by
/// another batch then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_reads_late_is_not_written() {
    let world = World::<Behind>::with(&[("tea", 100)]).await;
    let (line, mut hand) = (&world.backend.line, Hand::of(&world.backend.url()).await);
    hand.until_alone().await;
    let first = hand.begin().await;
    let commits = line.commits();
    hand.store.commit(batch(&first, 1)).await.unwrap();
    while line.commits() == commits {
        tokio::task::yield_now().await;
    }
    // It begins its own transaction, so that nothing of it is known to the server.
    let second = hand.begin().await;
    line.set(Line::Late);
    hand.store.commit(batch(&second, 2)).await.unwrap();
    hand.store.written().await.unwrap();
    hand.store.written().await.unwrap_err();
    line.deliver().await;
    hand.store.rollback().await.unwrap();
    assert_eq!([hand.finds(1).await, hand.finds(2).await], [true, false]);
    hand.store.close().await.unwrap();
    world.close().await;
}

/// Whose connection is cut with the turn has no turn any more: the batch is written over the new
/// connection as a whole or not at all, and not without a transaction around it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_began_over_a_lost_connection_is_not_written_in_part() {
    let world = Shop::with(&[("tea", 100)]).await;
    let (mut hand, watch) =
        (Hand::of(&world.backend.url()).await, connect(&world.backend.0.0).await);
    for number in 1..=5 {
        hand.store.turn().await.unwrap();
        let cut: i64 = watch.query_one(CUT_IDLE, &[]).await.unwrap().get(0);
        assert_eq!(cut, 2, "the door and the head");
        while watch.query_one(IDLE, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
        // The head that was locked is not the newest any more.
        assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
        // A loss that is noticed only now ends the batch; one that was noticed costs it nothing.
        let begun = hand.begin().await;
        hand.store.commit(batch(&begun, number)).await.unwrap();
        let is_written = hand.store.written().await.is_ok();
        hand.store.rollback().await.unwrap();
        assert_eq!(hand.finds(number).await, is_written, "{number}: a part of it was kept");
        hand.store.close().await.unwrap();
    }
    world.close().await;
}

/// Should this program err about its transaction, the connection itself refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_of_batches_writes_only_within_transactions() {
    let world = Shop::with(&[("tea", 100)]).await;
    let client = connect(&world.backend.0.0).await;
    client.batch_execute(ONLY_WITHIN_TRANSACTIONS).await.unwrap();
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    let sql = "INSERT INTO batches SELECT 0, 0, 0, 0, 0, '', 0";
    let refused = client.batch_execute(sql).await.unwrap_err();
    let reason = refused.as_db_error().map(|error| error.message());
    assert_eq!(reason, Some("this would be written alone"), "the trigger looks at nobody");
    world.close().await;
}
