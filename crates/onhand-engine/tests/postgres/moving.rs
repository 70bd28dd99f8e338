//! Moving up from a file to a server: everything arrives as it was, keys included, or nothing does.

use onhand_core::Command;
use onhand_core::accounts::{Command as Account, Role};
use onhand_core::command::Reply;
use onhand_core::orders;
use onhand_engine::Location;
use onhand_engine::copy::{CopyError, copy};
use onhand_engine::postgres::{self, Database};
use onhand_engine::sqlite;

use crate::accounts::{email, password, register, session, token, user};
use crate::backend::{Sqlite, broken};
use crate::history::history;
use crate::server::{Postgres, Scratch, connect};
use crate::world::{World, code, key, order, place};

/// An order that another system knows by a name.
fn named() -> Command {
    let mut named = order(&[("tea", 1)], None);
    named.external_reference = onhand_core::text::Reference::new("shop-7").ok();
    Command::Orders(orders::Command::Place(named))
}

/// A file with every kind of history, an order under key 3 and a refusal under key 4.
async fn file_with_history() -> (Sqlite, std::sync::Arc<onhand_engine::ManualClock>) {
    let world = history::<Sqlite>().await;
    assert_eq!(code(&world.ask_once(named(), key(3)).await), "ok");
    assert_eq!(code(&world.ask_once(place(&[("tea", 90)]), key(4)).await), "insufficient_stock");
    // Enough of the ledger that it has marks.
    for _ in 0..100 {
        assert_eq!(code(&world.adjust("tea", 1, None).await), "ok");
    }
    world.stopped()
}

fn file(backend: &Sqlite) -> Location {
    Location::File(backend.path())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_moves_to_a_server_whole_and_goes_on_there() {
    let (from, clock) = file_with_history().await;
    let scratch = Scratch::empty().await;
    let to = Location::Server(scratch.url());
    let mut last = None;
    let copied = copy(&file(&from), &to, |progress| last = Some(progress)).await.unwrap();
    let last = last.unwrap();
    assert_eq!((last.done, last.total), (copied.rows, copied.rows));
    let source = sqlite::verify(&from.path(), true).unwrap();
    let target = postgres::verify(&scratch.url(), true).await.unwrap();
    assert_eq!(broken(&target), Vec::<String>::new());
    assert_eq!((&target.chain, target.last_event), (&source.chain, source.last_event));
    assert_eq!(target.chain, copied.chain);
    // A second time, there is something in the way.
    let again = copy(&file(&from), &to, |_| {}).await;
    assert!(matches!(again, Err(CopyError::NotEmpty(_))), "{again:?}");
    let world = World::<Postgres<true>>::on(Postgres(scratch), clock).await;
    let (on_hand, _, available) = world.figures("tea").await;
    // Three things were taken away.
    assert_eq!(world.reader.0.rights().await.unwrap(), 4);
    let operator = world.reader.0.user(user(2)).await.unwrap().unwrap();
    assert_eq!((operator.role, operator.password), (Role::Operator, Some(password('a'))));
    let (session_id, presented) = (session(2), token(21));
    let successor = token(22);
    let went_on = world.account(Account::Refresh { session_id, presented, successor }).await;
    assert!(matches!(went_on, Reply::Session { .. }), "{went_on:?}");
    let new = world.account(register(email("new"), Role::Customer)).await;
    assert!(matches!(&new, Reply::User(new) if new.id == user(4)), "{new:?}");
    let replayed = world.ask_once(named(), key(3)).await.unwrap();
    assert!(replayed.replayed && replayed.outcome.is_ok());
    let refused = world.ask_once(place(&[("tea", 90)]), key(4)).await.unwrap();
    assert!(refused.replayed && refused.outcome.is_err());
    assert_eq!(code(&world.ask(place(&[("tea", available)])).await), "ok");
    assert_eq!(world.figures("tea").await, (on_hand, on_hand, 0));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_arrive_as_it_was_is_taken_back() {
    let (from, _) = file_with_history().await;
    let scratch = Scratch::empty().await;
    Database::open_migrated(&scratch.url()).await.unwrap();
    let client = connect(&scratch.0).await;
    let meddle = "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS \
                  $$ BEGIN NEW.name := 'coffee'; RETURN NEW; END $$; \
                  CREATE TRIGGER meddle BEFORE INSERT ON products \
                  FOR EACH ROW EXECUTE FUNCTION meddle()";
    client.batch_execute(meddle).await.unwrap();
    let to = Location::Server(scratch.url());
    let meddled = copy(&file(&from), &to, |_| {}).await;
    assert!(matches!(meddled, Err(CopyError::Differs { table: "products", .. })), "{meddled:?}");
    let left = client.query_one("SELECT count(*) FROM movements", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0);
    client.batch_execute("DROP TRIGGER meddle ON products").await.unwrap();
    copy(&file(&from), &to, |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_being_served_is_not_copied() {
    let world = World::<Sqlite>::with(&[("tea", 5)]).await;
    let scratch = Scratch::empty().await;
    let to = Location::Server(scratch.url());
    let refused = copy(&file(&world.backend), &to, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("stop it first"), "{refused}");
    let wrong = copy(&to, &file(&world.backend), |_| {}).await;
    assert!(matches!(wrong, Err(CopyError::Direction)), "{wrong:?}");
    world.close().await;
}
