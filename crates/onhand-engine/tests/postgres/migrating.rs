//! The schema changes while orders flow: a process of the schema before it notices nothing, and a
//! step that was broken off is done by whoever comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onhand_core::catalog::{self, NewCategory, NewProduct};
use onhand_core::command::Reply;
use onhand_core::inventory::{self, NewLocation};
use onhand_core::text::{Name, Sku, Text};
use onhand_core::{Actor, Command, Money};
use onhand_engine::SystemClock;
use onhand_engine::committer::{self, Config, Submit};
use onhand_engine::postgres::{self, Database};

use crate::backend::broken;
use crate::server::{Scratch, connect};
use crate::world::{code, place};

async fn ask(submit: &Submit, command: Command) -> Reply {
    submit.submit(command, Actor::Local, None).await.unwrap().outcome.unwrap()
}

/// A shop of the first schema.
pub(crate) async fn shop(submit: &Submit) {
    let (code, name) = (Name::new("main").unwrap(), Name::new("Main").unwrap());
    let main = NewLocation { code, name, priority: 0, active: true };
    ask(submit, Command::Inventory(inventory::Command::CreateLocation(main))).await;
    let category = NewCategory { name: Name::new("drinks").unwrap(), parent_id: None };
    let category = Command::Catalog(catalog::Command::CreateCategory(category));
    assert!(matches!(ask(submit, category).await, Reply::Category(_)));
    let product = NewProduct {
        sku: Sku::new("tea").unwrap(),
        name: Name::new("tea").unwrap(),
        description: Text::default(),
        price: Money::new(100, "INR".parse().unwrap()),
        category_ids: Vec::new(),
        active: true,
    };
    ask(submit, Command::Catalog(catalog::Command::CreateProduct(product))).await;
}

/// Receives so many units of the shop's product.
pub(crate) async fn receive(submit: &Submit, units: i64) {
    let receive = inventory::Adjustment {
        product: crate::world::sku("tea"),
        location_id: None,
        delta: units,
        reason: onhand_core::text::Reason::new("received").unwrap(),
        reference: None,
        occurred_at: None,
    };
    ask(submit, Command::Inventory(inventory::Command::Adjust(vec![receive]))).await;
}

/// Gives the shop's product another name.
pub(crate) async fn rename(submit: &Submit) {
    let patch = catalog::ProductPatch {
        name: Some(Name::new("green tea").unwrap()),
        ..catalog::ProductPatch::default()
    };
    let update = catalog::Command::UpdateProduct {
        product: crate::world::sku("tea"),
        expected_version: None,
        patch,
    };
    ask(submit, Command::Catalog(update)).await;
}

/// What steps to come may do to tables that orders are written to.
async fn add_columns(client: &tokio_postgres::Client) {
    // One change of structure at a time: two in one transaction could wait for a batch in a ring.
    client.batch_execute("SET lock_timeout = '2s'").await.unwrap();
    for add in [
        "ALTER TABLE orders ADD COLUMN note text",
        "ALTER TABLE movements ADD COLUMN weight bigint NOT NULL DEFAULT 0",
        "ALTER TABLE levels ADD COLUMN note text",
        "ALTER TABLE events ADD COLUMN note text",
        "ALTER TABLE batches ADD COLUMN note text",
        "ALTER TABLE numbering ADD COLUMN note bigint",
    ] {
        client.batch_execute(add).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_only_adds_is_made_while_orders_flow() {
    let scratch = Scratch::empty().await;
    // The first schema had neither products by category, open orders nor payments, and a binary of
    // it writes none; nor does it know of a number for messages, which ours asks for.
    let first = Database::open_migrated(&scratch.url()).await.unwrap();
    let config = || Config { clock: Arc::new(SystemClock), crash: None, policy: Arc::default() };
    let (submit, running, _) = committer::start(first.store(), config()).unwrap();
    shop(&submit).await;
    drop(submit);
    running.join().unwrap().unwrap();
    let client = connect(&scratch.0).await;
    let back = "DROP TABLE product_categories, open_orders, effects, gateway_ids, notices, \
                consumers, webhook_endpoints, schedules, jobs, syncs, sync_rows, shortfalls, \
                imports, shifted_sums; \
                DELETE FROM schema_migrations WHERE version > 1; \
                UPDATE products SET category_ids = '[1]'";
    client.batch_execute(back).await.unwrap();
    let old = Database::open_migrated_to(&scratch.url(), 1).await.unwrap();
    let (submit, running, _) = committer::start(old.store(), config()).unwrap();
    receive(&submit, 1_000_000).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (submit, is_over) = (submit.clone(), is_over.clone());
        buyers.spawn(async move {
            let mut orders = 0;
            while !is_over.load(Ordering::Relaxed) {
                let answer = submit.submit(place(&[("tea", 1)]), Actor::Local, None).await;
                assert_eq!(code(&answer), "ok", "{answer:?}");
                orders += 1;
            }
            orders
        });
    }
    let before = submit.stats().commands.load(Ordering::Relaxed);
    while submit.stats().commands.load(Ordering::Relaxed) < before + 200 {
        tokio::task::yield_now().await;
    }
    let new = Database::open_migrated(&scratch.url()).await.unwrap();
    let states = new.migrations().await.unwrap();
    assert!(states.iter().all(|state| state.is_applied && state.is_known), "{states:?}");
    add_columns(&client).await;
    let during = submit.stats().commands.load(Ordering::Relaxed);
    while submit.stats().commands.load(Ordering::Relaxed) < during + 200 {
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    let orders: usize = buyers.join_all().await.into_iter().sum();
    assert!(orders > 400, "{orders}");
    let filed = "SELECT category_id, product_id FROM product_categories";
    let filed = client.query_one(filed, &[]).await.unwrap();
    assert_eq!((filed.get::<_, i64>(0), filed.get::<_, i64>(1)), (1, 1));
    drop(submit);
    running.join().unwrap().unwrap();
    let report = postgres::verify(&scratch.url(), true).await.unwrap();
    let broken = broken(&report);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_was_broken_off_is_begun_again() {
    let scratch = Scratch::empty().await;
    Database::open_migrated_to(&scratch.url(), 2).await.unwrap();
    let client = connect(&scratch.0).await;
    // As a build leaves it whose process was killed: there, and of no use.
    let remains = "CREATE INDEX product_categories_product ON product_categories (product_id); \
                   UPDATE pg_index SET indisvalid = false \
                   WHERE indexrelid = 'product_categories_product'::regclass";
    client.batch_execute(remains).await.unwrap();
    Database::open_migrated(&scratch.url()).await.unwrap();
    let valid = "SELECT indisvalid FROM pg_index \
                 WHERE indexrelid = 'product_categories_product'::regclass";
    assert!(client.query_one(valid, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_meets_a_lock_gives_way_and_comes_again() {
    let scratch = Scratch::empty().await;
    Database::open_migrated_to(&scratch.url(), 1).await.unwrap();
    let other = connect(&scratch.0).await;
    // Somebody reads the products in a long transaction, which is no reason to wait; and somebody
    // else migrates, which is.
    other.batch_execute("BEGIN; SELECT * FROM products").await.unwrap();
    let rival = connect(&scratch.0).await;
    rival.batch_execute("BEGIN; SELECT 1 FROM schema_lock FOR UPDATE").await.unwrap();
    let url = scratch.url();
    let migrating = tokio::spawn(async move { Database::open_migrated_to(&url, 2).await });
    // Whoever comes second asks again and again, each time in a moment of its own.
    let asking = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%FOR UPDATE NOWAIT%' \
                  AND datname = current_database() AND pid != pg_backend_pid()";
    let watcher = connect(&scratch.0).await;
    while watcher.query_one(asking, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    rival.batch_execute("ROLLBACK").await.unwrap();
    migrating.await.unwrap().unwrap();
}
