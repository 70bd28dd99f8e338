//! Lists that a standby answers: never with less than this process has acknowledged, and never
//! where something is decided.

use std::sync::Arc;

use onhand_core::Actor;
use onhand_engine::SystemClock;
use onhand_engine::committer::Config;
use onhand_engine::database::{Database, Location, Schema};
use onhand_engine::query::{OrderFilter, ReadError};
use tokio_postgres::Client;

use crate::cluster::Cluster;
use crate::server::connect_to;
use crate::world::{code, order};

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_answers_lists_as_far_as_it_has_come() {
    let primary = Cluster::start(&[]);
    let url = primary.url("onhand", "postgres");
    let location = Location::Server(url.clone());
    let mut database = Database::open(&location, Schema::Migrate).await.unwrap();
    let standby = primary.standby("lists");
    let copy = standby.url("onhand", "postgres");
    database.read_lists_from(&copy).unwrap();
    let reader = database.reader().unwrap();
    let config = Config { clock: Arc::new(SystemClock), crash: None, policy: Arc::default() };
    let (submit, running, _) = database.start(config).unwrap();
    let listed = async || reader.products(None, None, 10).await.map(|page| page.rows.len());
    let (admin, follower) = (connect_to(&url).await, connect_to(&copy).await);
    crate::migrating::shop(&submit).await;
    assert_eq!(listed().await.unwrap(), 1);
    // It stops where it is: what is new is asked of the primary.
    follower.batch_execute("SELECT pg_wal_replay_pause()").await.unwrap();
    let before = number(&follower, "SELECT event FROM numbering").await;
    let sold_out = order(&[("tea", 1)], None);
    let refused = onhand_core::Command::Orders(onhand_core::orders::Command::Place(sold_out));
    let answer = submit.submit(refused, Actor::Local, None).await;
    assert_eq!(code(&answer), "insufficient_stock");
    crate::migrating::rename(&submit).await;
    assert_eq!(number(&follower, "SELECT event FROM numbering").await, before);
    let names = reader.products(None, None, 10).await.unwrap();
    assert_eq!(names.rows[0].name.as_str(), "green tea");
    // Once it has come up again, it answers although the primary is gone.
    follower.batch_execute("SELECT pg_wal_replay_resume()").await.unwrap();
    let newest = number(&admin, "SELECT event FROM numbering").await;
    while number(&follower, "SELECT event FROM numbering").await < newest {
        tokio::task::yield_now().await;
    }
    primary.crash();
    assert_eq!(listed().await.unwrap(), 1);
    let orders = reader.orders(OrderFilter::default(), None, 10).await.unwrap();
    assert!(orders.rows.is_empty());
    let single = reader.locations().await;
    assert!(matches!(single, Err(ReadError::Unavailable(_))), "{single:?}");
    drop(submit);
    running.join().unwrap().unwrap();
}
