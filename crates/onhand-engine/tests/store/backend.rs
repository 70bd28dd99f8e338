//! What the suite needs of a kind of store beside the trait that the committer speaks: to make a
//! fresh one, to open it again, to look into it and to prove it. A further store implements
//! [`Backend`] and [`Look`] and gets one line in `main.rs`.

use std::any::Any;
use std::path::PathBuf;

use onhand_core::Timestamp;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, ReservationId};
use onhand_core::inventory::{Level, Movement, Reservation};
use onhand_core::orders::Order;
use onhand_engine::Store;
use onhand_engine::query::OrderFilter;
use onhand_engine::sqlite::{self, Database, OpenError, SqliteStore};

/// A kind of store. A value is one installation, which is gone with it.
pub(crate) trait Backend: Sized {
    /// The writing side.
    type Store: Store;
    /// The reading side.
    type Reader: Look;

    /// An installation in which nothing is stored.
    async fn fresh() -> Self;

    /// Opens it; again after all that was opened is gone.
    async fn open(&self) -> Opened<Self>;

    /// Whether somebody who wants to write beside an open one is told that it is in use.
    async fn refuses_a_second_writer(&self) -> bool;

    /// Every broken promise, in words.
    async fn verify(&self) -> Vec<String>;
}

/// An opened installation.
pub(crate) struct Opened<B: Backend> {
    pub(crate) store: B::Store,
    pub(crate) reader: B::Reader,
    /// What must live as long as the store does.
    pub(crate) owner: Box<dyn Any>,
}

/// The questions that the suite asks. None may fail, and what is asked for is there.
pub(crate) trait Look {
    async fn order(&self, id: OrderId) -> Order;
    async fn reservation(&self, id: ReservationId) -> Reservation;
    /// The types of an order's events, oldest first.
    async fn timeline(&self, id: OrderId) -> Vec<String>;
    async fn levels(&self, product: ProductRef, at: Option<Timestamp>) -> Vec<Level>;
    /// A page of orders, newest first, and where the next one begins.
    async fn orders(
        &self,
        filter: &OrderFilter,
        before: Option<i64>,
        rows: usize,
    ) -> (Vec<Order>, Option<i64>);
    /// A page of the ledger, newest first, and where it goes on.
    async fn movements(
        &self,
        product: ProductRef,
        heads: Option<Vec<i64>>,
        rows: usize,
    ) -> (Vec<Movement>, Vec<i64>);
}

/// The embedded store, in a folder of its own.
pub(crate) struct Sqlite(tempfile::TempDir);

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("onhand.db")
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore;
    type Reader = sqlite::Reader;

    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Opened<Self> {
        let database = Database::open(&self.path()).unwrap();
        let (store, reader) = (database.store().unwrap(), database.reader().unwrap());
        Opened { store, reader, owner: Box::new(database) }
    }

    async fn refuses_a_second_writer(&self) -> bool {
        matches!(Database::open(&self.path()), Err(OpenError::InUse { .. }))
    }

    async fn verify(&self) -> Vec<String> {
        let report = sqlite::verify(&self.path(), true).unwrap();
        let storage = (!report.storage_is_sound()).then(|| format!("{:?}", report.storage));
        let broken = report.checks.iter().filter(|check| check.violations > 0);
        storage.into_iter().chain(broken.map(|check| format!("{check:#?}"))).collect()
    }
}

impl Look for sqlite::Reader {
    async fn order(&self, id: OrderId) -> Order {
        self.order(id).await.unwrap().unwrap()
    }

    async fn reservation(&self, id: ReservationId) -> Reservation {
        self.reservation(id).await.unwrap().unwrap().reservation
    }

    async fn timeline(&self, id: OrderId) -> Vec<String> {
        let events = self.timeline(id).await.unwrap().unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    async fn levels(&self, product: ProductRef, at: Option<Timestamp>) -> Vec<Level> {
        self.stock(product, at).await.unwrap().unwrap().levels
    }

    async fn orders(
        &self,
        filter: &OrderFilter,
        before: Option<i64>,
        rows: usize,
    ) -> (Vec<Order>, Option<i64>) {
        let page = self.orders(filter.clone(), before, rows).await.unwrap();
        (page.rows, page.next)
    }

    async fn movements(
        &self,
        product: ProductRef,
        heads: Option<Vec<i64>>,
        rows: usize,
    ) -> (Vec<Movement>, Vec<i64>) {
        self.movements(product, heads, rows).await.unwrap().unwrap()
    }
}
