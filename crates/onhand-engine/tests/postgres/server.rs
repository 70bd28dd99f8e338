//! Databases on the server that the environment names: each test has its own, copied from one that
//! is migrated once.

use std::sync::atomic::{AtomicU32, Ordering};

use onhand_engine::Reader;
use onhand_engine::postgres::{self, Database, PostgresStore};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::backend::{Backend, Opened, broken};
use crate::look::Look;

/// Names the server: `postgresql://user@host:port/name`.
const URL: &str = "ONHAND_TEST_POSTGRES_URL";

/// The URL of a database on the server.
pub(crate) fn url_of(name: &str) -> String {
    let url = std::env::var(URL);
    let url = url.unwrap_or_else(|_| panic!("{URL} is not set: run `cargo xtask test`"));
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// A connection of the test's own.
pub(crate) async fn connect(name: &str) -> Client {
    connect_to(&url_of(name)).await
}

/// A connection of the test's own, by a URL.
pub(crate) async fn connect_to(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database of this run. It goes with its server, which is thrown away: what is dropped between
/// tests makes a file system look long for room that was not freed just now (a third of the time).
pub(crate) struct Scratch(pub(crate) String);

static NUMBER: AtomicU32 = AtomicU32::new(1);
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

impl Scratch {
    /// An empty database.
    pub(crate) async fn empty() -> Self {
        Self::from("template0").await
    }

    /// A database with the schema and nothing in it.
    pub(crate) async fn migrated() -> Self {
        let template = TEMPLATE.get_or_init(|| async {
            let template = Self::empty().await;
            Database::open_migrated(&template.url()).await.unwrap();
            template.0
        });
        Self::from(template.await).await
    }

    /// A copy of a database that nobody is connected to.
    pub(crate) async fn from(template: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("onhand_{}_{number}", std::process::id());
        // Formatted SQL: names of databases cannot be bound; these are the test's own.
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        connect("postgres").await.batch_execute(&sql).await.unwrap();
        Self(name)
    }

    pub(crate) fn url(&self) -> String {
        url_of(&self.0)
    }
}

/// A database on the server, with or without the lock on the head of the logs.
pub(crate) struct Postgres<const LOCKED: bool>(pub(crate) Scratch);

impl<const LOCKED: bool> Postgres<LOCKED> {
    pub(crate) fn url(&self) -> String {
        let locks = if LOCKED { "on" } else { "off" };
        format!("{}?row_locks={locks}", self.0.url())
    }
}

impl<const LOCKED: bool> Backend for Postgres<LOCKED> {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        Self(Scratch::migrated().await)
    }

    async fn open(&self) -> Opened<Self> {
        let database = Database::open(&self.url()).await.unwrap();
        let (store, reader) = (database.store(), database.reader().unwrap());
        Opened { store, reader: Look(Reader::Postgres(reader)), owner: Box::new(database) }
    }

    async fn verify(&self) -> Vec<String> {
        broken(&postgres::verify(&self.url(), true).await.unwrap())
    }
}
