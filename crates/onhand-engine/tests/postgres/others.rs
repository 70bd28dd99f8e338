//! What a process keeps at hand through the turns of others: nothing of it is believed that one of
//! them has changed, whatever it was, and whether they count the changes of the catalogue or are of
//! a version before that was done.

use onhand_core::catalog::{self, ProductPatch};
use onhand_core::command::Reply;
use onhand_core::ids::LocationId;
use onhand_core::inventory::{self, Adjustment, LevelPolicy, LocationPatch};
use onhand_core::text::Reason;
use onhand_core::{Actor, Command, Money, Needs, State};
use onhand_engine::limits::TURN_IDLE;
use onhand_engine::postgres::Database;
use onhand_engine::store::Store;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::server::{Postgres, connect};
use crate::together::Neighbour;
use crate::world::{World, code, place, sku};

const COUNTED: &str = "SELECT catalog, catalog_counted_to FROM numbering";
const UNCOUNT: &str = "UPDATE numbering SET catalog = $1, catalog_counted_to = $2";

fn patched(patch: ProductPatch) -> Command {
    let (product, expected_version) = (sku("tea"), None);
    Command::Catalog(catalog::Command::UpdateProduct { product, expected_version, patch })
}

fn priced(minor: i64) -> Command {
    let price = Some(Money::new(minor, "INR".parse().unwrap()));
    patched(ProductPatch { price, ..ProductPatch::default() })
}

fn orderable(active: bool) -> Command {
    patched(ProductPatch { active: Some(active), ..ProductPatch::default() })
}

fn held_back(units: i64) -> Command {
    Command::Inventory(inventory::Command::SetLevelPolicy(LevelPolicy {
        product: sku("tea"),
        location_id: None,
        expected_version: None,
        safety_stock: Some(units),
        low_stock_threshold: None,
    }))
}

fn open(active: bool) -> Command {
    Command::Inventory(inventory::Command::UpdateLocation {
        id: LocationId::new(1).unwrap(),
        expected_version: None,
        patch: LocationPatch { active: Some(active), ..LocationPatch::default() },
    })
}

fn moved(delta: i64) -> Command {
    Command::Inventory(inventory::Command::Adjust(vec![Adjustment {
        product: sku("tea"),
        location_id: None,
        delta,
        reason: Reason::new(if delta > 0 { "received" } else { "damaged" }).unwrap(),
        reference: None,
        occurred_at: None,
    }]))
}

/// A neighbour, perhaps of a version that does not count.
struct Other {
    neighbour: Neighbour,
    client: Client,
    counts: bool,
}

impl Other {
    async fn does(&self, command: Command) {
        let before = self.client.query_one(COUNTED, &[]).await.unwrap();
        let done = self.neighbour.submit.submit(command, Actor::Local, None).await;
        assert_eq!(code(&done), "ok");
        if !self.counts {
            let [catalog, counted_to] = [before.get::<_, i64>(0), before.get(1)];
            self.client.execute(UNCOUNT, &[&catalog, &counted_to]).await.unwrap();
        }
    }
}

/// Which orders of one unit are possible after each change, and at which price.
async fn check(counts: bool) {
    let world = World::<Postgres<true>>::with(&[("tea", 100), ("cup", 100)]).await;
    let neighbour = Neighbour::of(&world.backend.url()).await;
    let client = connect(&world.backend.0.0).await;
    let mut other = Other { neighbour, client, counts };
    // It is at hand, and so is what comes of an order of somebody else.
    assert_eq!(code(&world.ask(place(&[("tea", 1)])).await), "ok");
    for (change, wanted, price) in [
        (priced(250), "ok", 250),
        (orderable(false), "product_inactive", 0),
        (orderable(true), "ok", 250),
        (held_back(100), "insufficient_stock", 0),
        (held_back(0), "ok", 250),
        (open(false), "insufficient_stock", 0),
        (open(true), "ok", 250),
        (moved(-90), "ok", 250),
        (priced(300), "ok", 300),
        (place(&[("tea", 1)]), "ok", 300),
        (place(&[("tea", 1)]), "insufficient_stock", 0),
        (moved(1), "ok", 300),
        (priced(400), "insufficient_stock", 0),
        (moved(5), "ok", 400),
    ] {
        let asked = format!("{change:?}");
        other.does(change).await;
        let answer = world.ask(place(&[("tea", 1)])).await;
        assert_eq!(code(&answer), wanted, "after {asked}");
        if let Ok(Reply::Order(order)) = answer.unwrap().outcome {
            assert_eq!(order.lines[0].unit_price, price, "after {asked}");
        }
    }
    // Somebody who counts comes after somebody who does not.
    other.does(priced(500)).await;
    other.counts = true;
    other.does(place(&[("cup", 1)])).await;
    let answer = world.placed(&[("tea", 1)], None).await;
    assert_eq!(answer.lines[0].unit_price, 500);
    other.neighbour.stop();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_neighbour_changes_is_seen_at_the_next_turn() {
    check(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_counted_is_seen_at_the_next_turn() {
    check(false).await;
}

/// What nobody has changed is not asked for again: products that are not there any more for those
/// who look would be missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_changed_stays_at_hand() {
    let world = World::<Postgres<true>>::with(&[("tea", 100), ("cup", 100)]).await;
    let neighbour = Neighbour::of(&world.backend.url()).await;
    let client = connect(&world.backend.0.0).await;
    assert_eq!(code(&world.ask(place(&[("tea", 1), ("cup", 1)])).await), "ok");
    let sold = neighbour.submit.submit(place(&[("cup", 1)]), Actor::Local, None).await;
    assert_eq!(code(&sold), "ok");
    // By hand, and so that no guard finds it: only who looks is shown it.
    client.execute("UPDATE products SET price = price + 1", &[]).await.unwrap();
    let order = world.placed(&[("tea", 1), ("cup", 1)], None).await;
    let prices = order.lines.iter().map(|line| line.unit_price).collect::<Vec<_>>();
    assert_eq!(prices, [100, 101]);
    neighbour.stop();
    world.close().await;
}

/// A batch that begins without having waited for its turn waits then, and is told that others have
/// written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_begins_out_of_turn_is_told_that_others_wrote() {
    let world = World::<Postgres<true>>::with(&[("tea", 100)]).await;
    let neighbour = Neighbour::of(&world.backend.url()).await;
    let database = Database::open(&world.backend.url()).await.unwrap();
    let (mut store, mut state) = (database.store(), State::default());
    let mut others_wrote = Vec::new();
    for sells in [false, false, true, false] {
        if sells {
            let sold = neighbour.submit.submit(place(&[("tea", 1)]), Actor::Local, None).await;
            assert_eq!(code(&sold), "ok");
        }
        let begun = store.begin(&[], &Needs::default(), &mut state).await.unwrap();
        others_wrote.push(begun.others_wrote);
        store.rollback().await.unwrap();
        // Nothing is being written, so that it only gives its turn to others.
        assert!(timeout(4 * TURN_IDLE, store.landed()).await.is_err());
    }
    assert_eq!(others_wrote, [true, false, true, false]);
    neighbour.stop();
    world.close().await;
}
