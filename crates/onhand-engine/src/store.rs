//! What the committer asks of a store. Narrow, because two stores implement it and one suite tests
//! both: a batch is begun, rows and outcomes are loaded, and all changes are committed or none.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::sync::Arc;

use onhand_core::accounts::{ApiKey, Session, User};
use onhand_core::catalog::{Category, Product};
use onhand_core::draft::{Changes, OutboxChanges, WarehouseChanges};
use onhand_core::effects::Effect;
use onhand_core::ids::{
    ApiKeyId, CategoryId, EndpointId, ImportId, JobId, LocationId, NoticeId, OrderId, ProductId,
    ReservationId, SessionId, SyncId, UserId,
};
use onhand_core::imports::ImportRow;
use onhand_core::inventory::{Level, Location, Mark, Movement, Reservation};
use onhand_core::jobs::{Consumer, Job, Queue};
use onhand_core::orders::Order;
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::schedules::{Schedule, ScheduleName};
use onhand_core::text::GatewayId;
use onhand_core::warehouse::{Shortfall, Sync, SyncRow};
use onhand_core::webhooks::Endpoint;
use onhand_core::{Event, Needs, Numbering, State, Timestamp, Version};

use crate::idempotency::{IdempotencyKey, StoredOutcome};

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row was not at the version that was loaded, or a unique key was taken: run the batch
    /// again.
    #[error("conflict in {table}")]
    Conflict {
        /// Where.
        table: &'static str,
    },
    /// The store cannot be reached or cannot take more at the moment; nothing was written.
    #[error("store unavailable: {reason}")]
    Unavailable {
        /// In words for the operator.
        reason: String,
    },
    /// The disk is full; nothing was written.
    #[error("no space left for the database")]
    Full,
    /// It cannot be known whether the batch is durable, and going on would build on it: the
    /// committer ends.
    #[error("commit outcome unknown: {reason}")]
    Unknown {
        /// In words for the operator.
        reason: String,
    },
    /// It is not known yet whether the batch was written, because the store is away. It is one or
    /// the other, and the keys tell when the store is back: the committer goes on.
    #[error("commit outcome not known yet: {reason}")]
    Away {
        /// In words for the operator.
        reason: String,
    },
    /// What is stored cannot be read.
    #[error("corrupt row in {table}: {reason}")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// In words for the operator.
        reason: String,
    },
}

impl StoreError {
    /// The kind of failure in one word, for counters.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Unavailable { .. } => "unavailable",
            Self::Full => "full",
            Self::Unknown { .. } => "unknown",
            Self::Away { .. } => "away",
            Self::Corrupt { .. } => "corrupt",
        }
    }
}

/// What others have changed of what is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Others {
    /// Nothing.
    Nothing,
    /// Stock of these products, and nothing else.
    Moved(Vec<ProductId>),
    /// Nobody knows: nothing that is at hand counts.
    Anything,
}

/// What the store says when a batch begins.
#[derive(Debug, Clone)]
pub struct Begun {
    /// Fresh numbers.
    pub numbering: Numbering,
    /// The id of this batch.
    pub batch: i64,
    /// When the newest row was recorded: the time never goes back behind it.
    pub recorded_at: Timestamp,
    /// The store's own time, where several processes must agree on one.
    pub time: Option<Timestamp>,
    /// Whether somebody else may have written since the last batch: what the state had before it
    /// may be out of date.
    pub others_wrote: bool,
    /// What came of the keys, in their order.
    pub outcomes: Vec<Option<FoundOutcome>>,
}

/// An outcome found under a key.
#[derive(Debug, Clone)]
pub struct FoundOutcome {
    /// What was asked then.
    pub fingerprint: [u8; 32],
    /// What came of it.
    pub outcome: StoredOutcome,
}

/// A row to write, and the version it must still have in the store; 0 for a row that is new.
pub type Guarded<T> = (Version, T);

/// The rows that a batch leaves, each once, however often the batch changed it.
#[derive(Debug, Default)]
pub struct Rows {
    /// Products.
    pub products: BTreeMap<ProductId, Guarded<Arc<Product>>>,
    /// Categories.
    pub categories: BTreeMap<CategoryId, Guarded<Category>>,
    /// Locations.
    pub locations: BTreeMap<LocationId, Guarded<Location>>,
    /// Levels.
    pub levels: BTreeMap<(ProductId, LocationId), Guarded<Level>>,
    /// Reservations.
    pub reservations: BTreeMap<ReservationId, Guarded<Reservation>>,
    /// Orders.
    pub orders: BTreeMap<OrderId, Guarded<Arc<Order>>>,
    /// Users.
    pub users: BTreeMap<UserId, Guarded<Arc<User>>>,
    /// Sessions.
    pub sessions: BTreeMap<SessionId, Guarded<Session>>,
    /// API keys.
    pub api_keys: BTreeMap<ApiKeyId, Guarded<ApiKey>>,
    /// Effects. One that is done is deleted, where it was stored.
    pub effects: BTreeMap<OrderId, Guarded<Effect>>,
    /// The orders that objects of gateways belong to from now on. Never changed: one that is taken
    /// is a conflict.
    pub gateway_ids: BTreeMap<(Provider, GatewayId), OrderId>,
    /// Messages of gateways.
    pub notices: BTreeMap<NoticeId, Guarded<KeptNotice>>,
    /// Messages of gateways that are deleted, at the version that they have.
    pub forgotten_notices: BTreeMap<NoticeId, Version>,
    /// What follows from the log.
    pub outbox: OutboxRows,
    /// What the external warehouse says.
    pub warehouse: WarehouseRows,
    /// Imports.
    pub imports: BTreeMap<ImportId, Guarded<ImportRow>>,
}

/// The rows that a batch leaves of what follows from the log.
#[derive(Debug, Default)]
pub struct OutboxRows {
    /// Who reads the log.
    pub consumers: BTreeMap<Queue, Guarded<Consumer>>,
    /// Jobs. Nothing where one is to be deleted, if it was stored.
    pub jobs: BTreeMap<JobId, Guarded<Option<Job>>>,
    /// Webhook endpoints.
    pub endpoints: BTreeMap<EndpointId, Guarded<Endpoint>>,
    /// What is done from time to time.
    pub schedules: BTreeMap<ScheduleName, Guarded<Schedule>>,
}

impl OutboxRows {
    fn merge(&mut self, changes: &OutboxChanges, state: &State) {
        for (queue, row) in &changes.consumers {
            merge(&mut self.consumers, *queue, state.consumer_version(*queue), row.clone());
        }
        for (id, row) in &changes.jobs {
            merge(&mut self.jobs, *id, state.job_version(*id), row.clone());
        }
        for (id, row) in &changes.endpoints {
            merge(&mut self.endpoints, *id, state.endpoint_version(*id), row.clone());
        }
        for (name, row) in &changes.schedules {
            merge(&mut self.schedules, *name, state.schedule_version(*name), row.clone());
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.consumers.is_empty()
            && self.jobs.is_empty()
            && self.endpoints.is_empty()
            && self.schedules.is_empty()
    }
}

/// The rows that a batch leaves of what the external warehouse says.
#[derive(Debug, Default)]
pub struct WarehouseRows {
    /// Runs.
    pub syncs: BTreeMap<SyncId, Guarded<Arc<Sync>>>,
    /// Their rows. Nothing where one is to be deleted, if it was stored.
    pub rows: BTreeMap<(SyncId, u32), Guarded<Option<SyncRow>>>,
    /// Shortfalls. One of which nothing is missing any more is deleted, if it was stored.
    pub shortfalls: BTreeMap<(ProductId, LocationId), Guarded<Shortfall>>,
}

impl WarehouseRows {
    fn merge(&mut self, changes: &WarehouseChanges, state: &State) {
        for (id, row) in &changes.syncs {
            merge(&mut self.syncs, *id, state.sync_version(*id), row.clone());
        }
        for (key, row) in &changes.rows {
            merge(&mut self.rows, *key, state.sync_row_version(*key), row.clone());
        }
        for (key, row) in &changes.shortfalls {
            merge(&mut self.shortfalls, *key, state.shortfall_version(*key), row.clone());
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.syncs.is_empty() && self.rows.is_empty() && self.shortfalls.is_empty()
    }
}

fn merge<K: Ord, T>(rows: &mut BTreeMap<K, Guarded<T>>, key: K, stored: Version, row: T) {
    match rows.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert((stored, row));
        }
        Entry::Occupied(mut occupied) => occupied.get_mut().1 = row,
    }
}

impl Rows {
    /// Takes in what a decision changes, before `state` does: rows that the batch changes for the
    /// first time are guarded by the version that was loaded.
    pub fn merge(&mut self, changes: &Changes, state: &State) {
        for (id, row) in &changes.products {
            merge(&mut self.products, *id, state.product_version(*id), row.clone());
        }
        for (id, row) in &changes.categories {
            merge(&mut self.categories, *id, state.category_version(*id), row.clone());
        }
        for row in changes.locations.iter().flatten() {
            let stored = state.location_version(row.id);
            if stored != row.version {
                merge(&mut self.locations, row.id, stored, row.clone());
            }
        }
        for row in changes.levels.values().flatten() {
            let stored = state.level_version(row.product_id, row.location_id);
            if stored != row.version {
                merge(&mut self.levels, (row.product_id, row.location_id), stored, row.clone());
            }
        }
        for (id, row) in &changes.reservations {
            merge(&mut self.reservations, *id, state.reservation_version(*id), row.clone());
        }
        for (id, row) in &changes.orders {
            merge(&mut self.orders, *id, state.order_version(*id), row.clone());
        }
        for (id, row) in &changes.users {
            merge(&mut self.users, *id, state.user_version(*id), row.clone());
        }
        for (id, row) in &changes.sessions {
            merge(&mut self.sessions, *id, state.session_version(*id), row.clone());
        }
        for (id, row) in &changes.api_keys {
            merge(&mut self.api_keys, *id, state.api_key_version(*id), row.clone());
        }
        for (id, row) in &changes.effects {
            merge(&mut self.effects, *id, state.effect_version(*id), row.clone());
        }
        for (key, order_id) in &changes.gateway_ids {
            self.gateway_ids.insert(key.clone(), *order_id);
        }
        for (id, row) in &changes.notices {
            merge(&mut self.notices, *id, state.notice_version(*id), row.clone());
        }
        let forgotten = changes.forgotten_notices.values();
        self.forgotten_notices.extend(forgotten.map(|row| (row.id, row.version)));
        self.outbox.merge(&changes.outbox, state);
        self.warehouse.merge(&changes.warehouse, state);
        for (id, row) in &changes.imports {
            merge(&mut self.imports, *id, state.import_version(*id), row.clone());
        }
    }

    /// Whether nothing changes. What changes need not have an event: a refresh has none.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
            && self.categories.is_empty()
            && self.locations.is_empty()
            && self.levels.is_empty()
            && self.reservations.is_empty()
            && self.orders.is_empty()
            && self.users.is_empty()
            && self.sessions.is_empty()
            && self.api_keys.is_empty()
            && self.effects.is_empty()
            && self.gateway_ids.is_empty()
            && self.notices.is_empty()
            && self.forgotten_notices.is_empty()
            && self.outbox.is_empty()
            && self.warehouse.is_empty()
            && self.imports.is_empty()
    }
}

/// All that one batch writes.
#[derive(Debug)]
pub struct Batch {
    /// Its id.
    pub id: i64,
    /// The time of all its decisions.
    pub now: Timestamp,
    /// The numbers that are left after it.
    pub numbering: Numbering,
    /// How many commands it carries out.
    pub commands: usize,
    /// Rows, each once.
    pub rows: Rows,
    /// Entries of the ledger, in order.
    pub movements: Vec<Movement>,
    /// Marks that they leave.
    pub marks: Vec<Mark>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// Outcomes by key, to be found again.
    pub outcomes: Vec<(IdempotencyKey, StoredOutcome)>,
}

impl Batch {
    /// A batch that leaves everything as it is: its id, the time of its decisions, the numbers that
    /// are left, and how many commands it carries out.
    pub fn of_nothing(id: i64, now: Timestamp, numbering: Numbering, commands: usize) -> Self {
        Self {
            id,
            now,
            numbering,
            commands,
            rows: Rows::default(),
            movements: Vec::new(),
            marks: Vec::new(),
            events: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    /// Position of the newest event once it is written.
    pub fn newest_event(&self) -> i64 {
        self.numbering.event - 1
    }
}

/// Makes durable what a store has committed. Works on a thread of its own, beside the next batch.
pub trait Flush: Send + 'static {
    /// Makes durable every commit that had ended when it was called.
    ///
    /// # Errors
    /// [`StoreError`]: whether they are durable is not known, and no later flush can tell.
    fn flush(&mut self) -> Result<(), StoreError>;
}

/// The flush of a store whose commits are durable when they end.
#[derive(Debug)]
pub struct DurableAlready;

impl Flush for DurableAlready {
    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A place where everything is remembered. Called by one committer at a time; other processes may
/// write to it between batches.
pub trait Store: Send + 'static {
    /// How commits become durable.
    type Flush: Flush;

    /// The other half of a commit; asked for once.
    ///
    /// # Errors
    /// When the system gives no handle.
    fn flusher(&mut self) -> std::io::Result<Self::Flush>;

    /// Whether the next batch is decided beside those that are being written, or would be if there
    /// were any. If not, whoever waits for one of these is answered before the next turn.
    fn goes_beside(&self) -> bool;

    /// Waits until it is this process's turn to write, where several take turns: the batch is made
    /// of what has come by then. Answers what others have changed meanwhile, as far as that is
    /// known now.
    ///
    /// # Errors
    /// [`StoreError`]; the turn must be given back by a rollback.
    fn turn(&mut self) -> impl Future<Output = Result<Others, StoreError>>;

    /// Begins a batch, looks for the outcomes of its keys and loads the rows that it names, which
    /// do not depend on the time, in one step. While the batch before is still being written, the
    /// new one builds on what it will leave: the state has its changes.
    ///
    /// # Errors
    /// [`StoreError`]; the batch must be rolled back.
    fn begin(
        &mut self,
        keys: &[IdempotencyKey],
        needs: &Needs,
        state: &mut State,
    ) -> impl Future<Output = Result<Begun, StoreError>>;

    /// Loads the rows that are named, present or absent, into the state.
    ///
    /// # Errors
    /// [`StoreError`]; the batch must be rolled back.
    fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> impl Future<Output = Result<(), StoreError>>;

    /// The order that an event left, for a replayed outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    fn order_of_event(&mut self, seq: i64) -> impl Future<Output = Result<Order, StoreError>>;

    /// Writes the batch, or begins to: whole or not at all, durable once it was flushed. While the
    /// one before is still being written this one is written behind it, and only if that one is.
    ///
    /// # Errors
    /// [`StoreError`]; but for `Unknown` and `Away`, nothing was written.
    fn commit(&mut self, batch: Arc<Batch>) -> impl Future<Output = Result<(), StoreError>>;

    /// Whether a batch is being written and may still fail.
    fn is_writing(&self) -> bool;

    /// Completes when the first of the batches that were committed, and of which
    /// [`Self::written`] has not told yet, is not being written any more, whatever came of it;
    /// never when there is none. Meanwhile the turn is given to others when it is over. May be
    /// given up and asked again.
    fn landed(&mut self) -> impl Future<Output = ()>;

    /// Waits until the first of the batches that were committed is written, and says what came of
    /// it: once for each, in their order.
    ///
    /// # Errors
    /// [`StoreError`]; as of [`Self::commit`]. What was decided on it counts for nothing.
    fn written(&mut self) -> impl Future<Output = Result<(), StoreError>>;

    /// Ends a batch without writing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn rollback(&mut self) -> impl Future<Output = Result<(), StoreError>>;

    /// Work between batches: bounds what the store has put off.
    ///
    /// # Errors
    /// [`StoreError`].
    fn between_batches(&mut self) -> impl Future<Output = Result<(), StoreError>>;

    /// Ends the work: writes what the store has put off. Nothing is lost without it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn close(&mut self) -> impl Future<Output = Result<(), StoreError>>;
}
