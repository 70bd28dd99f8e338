//! A world for the store suite: an engine over any store, on a clock that stands still, with one
//! location and products. Every test ends with [`World::close`], which proves the store in full.

use std::any::Any;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use onhand_core::accounts::{self, Access};
use onhand_core::catalog::{self, NewProduct, ProductRef};
use onhand_core::command::Reply;
use onhand_core::inventory::{self, Adjustment, NewLocation};
use onhand_core::orders::{self, Order, PaymentTerms, PlaceItem, PlaceOrder};
use onhand_core::text::{Name, Reason, Sku, Text};
use onhand_core::{Actor, Command, Money, Quantity, Timestamp};
use onhand_engine::committer::{self, Answer, Caller, Config, Running, Submit};
use onhand_engine::{IdempotencyKey, ManualClock, StoreError, SubmitError};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::backend::{Backend, Opened};
use crate::faulty::{Faults, Faulty};
use crate::look::Look;

/// What the committer says of a command.
pub(crate) type Verdict = Result<Answer, SubmitError>;

/// A command, by whom, and under which key.
pub(crate) struct Asked {
    pub(crate) actor: Actor,
    pub(crate) access: Access,
    pub(crate) command: Command,
    pub(crate) key: Option<IdempotencyKey>,
}

/// An engine with its store and clock.
pub(crate) struct World<B: Backend> {
    pub(crate) backend: B,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) submit: Submit,
    pub(crate) reader: Look,
    pub(crate) faults: Faults,
    running: Running,
    owner: Box<dyn Any>,
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
        payment: hold_secs.map_or(PaymentTerms::NotRequired, |hold_secs| PaymentTerms::Awaited {
            hold_secs,
            through: None,
        }),
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

/// The code of the refusal or failure, or `ok`.
pub(crate) fn code(answer: &Verdict) -> &'static str {
    match answer {
        Ok(Answer { outcome: Ok(_), .. }) => "ok",
        Ok(Answer { outcome: Err(refusal), .. }) => refusal.code(),
        Err(SubmitError::Overloaded) => "overloaded",
        Err(SubmitError::Stopping) => "stopping",
        Err(SubmitError::KeyReused) => "key_reused",
        Err(SubmitError::Unavailable(_)) => "unavailable",
        Err(SubmitError::Full) => "full",
        Err(SubmitError::OutcomeUnknown) => "unknown",
        Err(SubmitError::Internal(_)) => "internal",
    }
}

pub(crate) fn codes(answers: &[Verdict]) -> Vec<&'static str> {
    answers.iter().map(code).collect()
}

impl<B: Backend> World<B> {
    /// A world with a location and, of each product, so many units.
    pub(crate) async fn with(products: &[(&str, i64)]) -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let world = Self::on(B::fresh().await, Arc::new(ManualClock::new(start))).await;
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

    /// A world on what is stored already.
    pub(crate) async fn on(backend: B, clock: Arc<ManualClock>) -> Self {
        let Opened { store, reader, owner } = backend.open().await;
        let faults = Faults::default();
        let store = Faulty::new(store, faults.clone());
        let config = Config { clock: clock.clone(), crash: None, policy: Arc::default() };
        let (submit, running, _) = committer::start(store, config).unwrap();
        Self { backend, clock, submit, reader, faults, running, owner }
    }

    pub(crate) async fn ask(&self, command: Command) -> Verdict {
        self.submit.submit(command, Actor::Local, None).await
    }

    pub(crate) async fn ask_once(&self, command: Command, key: IdempotencyKey) -> Verdict {
        self.submit.submit(command, Actor::Local, Some(key)).await
    }

    /// Asks for something about accounts that must be done.
    pub(crate) async fn account(&self, command: accounts::Command) -> Reply {
        self.ask(Command::Accounts(command)).await.unwrap().outcome.unwrap()
    }

    pub(crate) async fn adjust(
        &self,
        name: &str,
        delta: i64,
        occurred_at: Option<Timestamp>,
    ) -> Verdict {
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

    /// Hands in commands from as many askers at once.
    pub(crate) async fn at_once(&self, actor: Actor, commands: Vec<Command>) -> Vec<Verdict> {
        let barrier = Arc::new(Barrier::new(commands.len()));
        let mut asked = JoinSet::new();
        for command in commands {
            let (submit, barrier, actor) = (self.submit.clone(), barrier.clone(), actor.clone());
            asked.spawn(async move {
                barrier.wait().await;
                submit.submit(command, actor, None).await
            });
        }
        asked.join_all().await
    }

    /// Hands in commands so that the committer finds them together, in this order; `arm` lays the
    /// traps for their batch.
    pub(crate) async fn in_one_batch(
        &self,
        arm: impl FnOnce(&Faults),
        commands: Vec<(Command, Option<IdempotencyKey>)>,
    ) -> Vec<Verdict> {
        let ask =
            |(command, key)| Asked { actor: Actor::Local, access: Access::WHOLE, command, key };
        self.together(arm, commands.into_iter().map(ask).collect()).await
    }

    /// As [`Self::in_one_batch`], by callers of any kind.
    pub(crate) async fn together(
        &self,
        arm: impl FnOnce(&Faults),
        commands: Vec<Asked>,
    ) -> Vec<Verdict> {
        let (is_reached, go_on) = self.faults.stand();
        assert_eq!(code(&self.ask(place(&[("nothing", 1)])).await), "unknown_sku");
        is_reached.await.unwrap();
        self.faults.clear();
        arm(&self.faults);
        let ask = |Asked { actor, access, command, key }: Asked| {
            Box::pin(self.submit.submit(command, Caller { actor, access }, key))
        };
        let mut asked: Vec<Pin<Box<dyn Future<Output = Verdict> + '_>>> = Vec::new();
        for command in commands {
            asked.push(ask(command));
        }
        let mut answers: Vec<Option<Verdict>> = asked.iter().map(|_| None).collect();
        let mut go_on = Some(go_on);
        poll_fn(|context| {
            for (one, answer) in asked.iter_mut().zip(&mut answers) {
                if answer.is_none()
                    && let Poll::Ready(verdict) = one.as_mut().poll(context)
                {
                    *answer = Some(verdict);
                }
            }
            // Polled once, a command is in the queue.
            if let Some(go_on) = go_on.take() {
                go_on.send(()).unwrap();
            }
            if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        answers.into_iter().flatten().collect()
    }

    /// On hand, reserved and available of a product.
    pub(crate) async fn figures(&self, name: &str) -> (i64, i64, i64) {
        let levels = self.reader.levels(sku(name), None).await;
        let sum = |of: fn(&inventory::Level) -> i64| levels.iter().map(of).sum();
        (sum(|level| level.on_hand), sum(|level| level.reserved), sum(|level| level.available()))
    }

    /// Stops the engine and opens it again on the same store.
    pub(crate) async fn reopened(self) -> Self {
        let (backend, clock) = self.stopped();
        Self::on(backend, clock).await
    }

    /// Stops the engine as a server does: what is queued is finished first.
    pub(crate) fn stopped(self) -> (B, Arc<ManualClock>) {
        let (backend, clock, ending) = self.ended();
        ending.unwrap();
        (backend, clock)
    }

    /// Opens again an engine whose committer has given up; answers why it had.
    pub(crate) async fn reopened_after_the_end(self) -> (Self, StoreError) {
        let (backend, clock, ending) = self.ended();
        (Self::on(backend, clock).await, ending.unwrap_err())
    }

    fn ended(self) -> (B, Arc<ManualClock>, Result<(), StoreError>) {
        let Self { backend, clock, submit, reader, faults: _, running, owner } = self;
        drop((submit, reader));
        let ending = running.join().unwrap();
        drop(owner);
        (backend, clock, ending)
    }

    /// Stops the engine and proves its store.
    pub(crate) async fn close(self) {
        let (backend, _) = self.stopped();
        let broken = backend.verify().await;
        assert!(broken.is_empty(), "{broken:#?}");
    }
}
