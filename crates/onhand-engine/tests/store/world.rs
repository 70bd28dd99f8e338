//! A world for the store suite: an engine on a clock that stands still, with one location and
//! products. Every test ends with [`World::close`], which verifies the database in full.

use std::path::PathBuf;
use std::sync::Arc;

use onhand_core::catalog::{self, NewProduct, ProductRef};
use onhand_core::command::Reply;
use onhand_core::inventory::{self, Adjustment, NewLocation};
use onhand_core::orders::{self, Order, Payment, PlaceItem, PlaceOrder};
use onhand_core::text::{Name, Reason, Sku, Text};
use onhand_core::{Actor, Command, Money, Quantity, Timestamp};
use onhand_engine::committer::{self, Answer, Config, Running, Submit};
use onhand_engine::sqlite::{self, Database, Reader};
use onhand_engine::{IdempotencyKey, ManualClock, SubmitError};

/// An engine with its folder and clock.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) submit: Submit,
    pub(crate) reader: Reader,
    running: Running,
    database: Database,
}

pub(crate) fn sku(name: &str) -> ProductRef {
    ProductRef::Sku(Sku::new(name).unwrap())
}

pub(crate) fn units(count: i64) -> Quantity {
    Quantity::new(count).unwrap()
}

pub(crate) fn key(number: u8) -> IdempotencyKey {
    IdempotencyKey { key: [number; 16], scope: 1, fingerprint: [number; 32] }
}

/// An order of some products, which waits for its payment for `hold_secs` when that is given.
pub(crate) fn order(items: &[(&str, i64)], hold_secs: Option<i64>) -> PlaceOrder {
    let item =
        |(name, count): &(&str, i64)| PlaceItem { product: sku(name), quantity: units(*count) };
    PlaceOrder {
        items: items.iter().map(item).collect(),
        customer_id: None,
        payment: hold_secs.map_or(Payment::NotRequired, |hold_secs| Payment::Awaited { hold_secs }),
        payment_method: None,
        shipping_address: None,
        expected_total: None,
        external_reference: None,
        metadata: orders::Metadata::new(),
    }
}

pub(crate) fn place(items: &[(&str, i64)]) -> Command {
    Command::Orders(orders::Command::Place(order(items, None)))
}

/// The code of the refusal, or `ok`.
pub(crate) fn code(answer: &Result<Answer, SubmitError>) -> &'static str {
    match answer {
        Ok(Answer { outcome: Ok(_), .. }) => "ok",
        Ok(Answer { outcome: Err(refusal), .. }) => refusal.code(),
        Err(SubmitError::KeyReused) => "key_reused",
        Err(_) => "failed",
    }
}

impl World {
    /// A world with a location and, of each product, so many units.
    pub(crate) async fn with(products: &[(&str, i64)]) -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let world = Self::open(folder, Arc::new(ManualClock::new(start)));
        let main = NewLocation {
            code: Name::new("main").unwrap(),
            name: Name::new("Main").unwrap(),
            priority: 0,
            active: true,
        };
        world.ask(Command::Inventory(inventory::Command::CreateLocation(main))).await.unwrap();
        for (name, count) in products {
            let product = NewProduct {
                sku: Sku::new(*name).unwrap(),
                name: Name::new(*name).unwrap(),
                description: Text::default(),
                price: Money::new(100, "INR".parse().unwrap()),
                category_ids: Vec::new(),
                active: true,
            };
            let product = catalog::Command::CreateProduct(product);
            world.ask(Command::Catalog(product)).await.unwrap();
            world.adjust(name, *count, None).await.unwrap();
        }
        world
    }

    fn open(folder: tempfile::TempDir, clock: Arc<ManualClock>) -> Self {
        let database = Database::open(&folder.path().join("onhand.db")).unwrap();
        let reader = database.reader().unwrap();
        let config = Config { clock: clock.clone(), crash: None };
        let (submit, running, _) = committer::start(database.store().unwrap(), config).unwrap();
        Self { folder, clock, submit, reader, running, database }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.database.path().to_owned()
    }

    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, SubmitError> {
        self.submit.submit(command, Actor::Local, None).await
    }

    pub(crate) async fn ask_once(
        &self,
        command: Command,
        key: IdempotencyKey,
    ) -> Result<Answer, SubmitError> {
        self.submit.submit(command, Actor::Local, Some(key)).await
    }

    pub(crate) async fn adjust(
        &self,
        name: &str,
        delta: i64,
        occurred_at: Option<Timestamp>,
    ) -> Result<Answer, SubmitError> {
        let entry = Adjustment {
            product: sku(name),
            location_id: None,
            delta,
            reason: Reason::new(if delta > 0 { "received" } else { "damaged" }).unwrap(),
            reference: None,
            occurred_at,
        };
        self.ask(Command::Inventory(inventory::Command::Adjust(vec![entry]))).await
    }

    /// Places an order that must succeed.
    pub(crate) async fn placed(&self, items: &[(&str, i64)], hold_secs: Option<i64>) -> Arc<Order> {
        let command = orders::Command::Place(order(items, hold_secs));
        match self.ask(Command::Orders(command)).await.unwrap().outcome {
            Ok(Reply::Order(order)) => order,
            other => panic!("{other:?}"),
        }
    }

    /// On hand, reserved and available of a product.
    pub(crate) async fn figures(&self, name: &str) -> (i64, i64, i64) {
        let stock = self.reader.stock(sku(name), None).await.unwrap().unwrap();
        let sum = |of: fn(&inventory::Level) -> i64| stock.levels.iter().map(of).sum();
        (sum(|level| level.on_hand), sum(|level| level.reserved), sum(|level| level.available()))
    }

    /// Stops the engine and opens it again on the same file.
    pub(crate) fn reopened(self) -> Self {
        let (folder, clock) = self.stopped();
        Self::open(folder, clock)
    }

    /// Stops the engine as a server does: what is queued is finished first.
    pub(crate) fn stopped(self) -> (tempfile::TempDir, Arc<ManualClock>) {
        let Self { folder, clock, submit, reader, running, database } = self;
        drop((submit, reader));
        running.join().unwrap().unwrap();
        drop(database);
        (folder, clock)
    }

    /// Stops the engine and proves its database.
    pub(crate) fn close(self) {
        let path = self.path();
        let (_folder, _) = self.stopped();
        let report = sqlite::verify(&path, true).unwrap();
        assert!(report.storage_is_sound(), "{}", report.storage);
        let broken: Vec<_> = report.checks.iter().filter(|check| check.violations > 0).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}
