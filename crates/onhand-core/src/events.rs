//! What happened, for everybody outside: one permanent log with a dense sequence. Each event
//! carries the whole object as it was left, so that the state is a fold of the log and a late
//! reader needs nothing else.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::accounts::{ApiKeyEntry, SessionEntry, UserEntry};
use crate::actor::Actor;
use crate::catalog::{Category, Product};
use crate::ids::{
    ApiKeyId, CategoryId, EndpointId, ImportId, JobId, LocationId, OrderId, ProductId,
    ReservationId, SessionId, SyncId, UserId,
};
use crate::imports::Import;
use crate::inventory::{Level, Location, ReservationView, StockChange};
use crate::jobs::DeadLetter;
use crate::orders::Order;
use crate::schedules::ProofFailure;
use crate::text::Sku;
use crate::warehouse::{Shortfall, Sync};
use crate::webhooks::EndpointEntry;

/// Every type of event, for documents and filters.
pub const TYPES: &[&str] = &[
    "api_key.created",
    "api_key.revoked",
    "category.created",
    "category.deleted",
    "category.updated",
    "import.completed",
    "import.failed",
    "import.started",
    "job.dead",
    "location.created",
    "location.updated",
    "order.backordered",
    "order.cancelled",
    "order.confirmed",
    "order.delivered",
    "order.expired",
    "order.fulfilled",
    "order.hold_extended",
    "order.partially_fulfilled",
    "order.placed",
    "order.processing",
    "order.returned",
    "order.revived",
    "order.updated",
    "payment.authorized",
    "payment.capture_asked",
    "payment.captured",
    "payment.checked",
    "payment.closed",
    "payment.delayed",
    "payment.doubted",
    "payment.failed",
    "payment.intent_created",
    "payment.refund_failed",
    "payment.refund_owed",
    "payment.refund_pending",
    "payment.refunded",
    "payment.requeued",
    "payment.skipped",
    "payment.started",
    "payment.stuck",
    "payment.voided",
    "product.created",
    "product.deleted",
    "product.updated",
    "reservation.consumed",
    "reservation.expired",
    "reservation.extended",
    "reservation.held",
    "reservation.released",
    "session.ended",
    "session.reuse_detected",
    "session.started",
    "stock.adjusted",
    "stock.counted",
    "stock.low",
    "stock.policy_changed",
    "stock.shortfall",
    "stock.shortfall_closed",
    "stock.transferred",
    "user.password_changed",
    "user.registered",
    "user.sessions_ended",
    "user.updated",
    "verify.failed",
    "warehouse.sync_completed",
    "warehouse.sync_failed",
    "warehouse.sync_held",
    "warehouse.sync_started",
    "webhook_endpoint.created",
    "webhook_endpoint.deleted",
    "webhook_endpoint.disabled",
    "webhook_endpoint.enabled",
    "webhook_endpoint.updated",
];

/// The object that an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A product.
    Product(ProductId),
    /// A category.
    Category(CategoryId),
    /// A location.
    Location(LocationId),
    /// A reservation.
    Reservation(ReservationId),
    /// An order.
    Order(OrderId),
    /// A user.
    User(UserId),
    /// A session.
    Session(SessionId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// A webhook endpoint.
    Endpoint(EndpointId),
    /// A run against the external warehouse.
    Sync(SyncId),
    /// An import.
    Import(ImportId),
    /// A job.
    Job(JobId),
}

/// The object as the event left it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventBody {
    /// A product.
    Product(Arc<Product>),
    /// A category.
    Category(Category),
    /// A location.
    Location(Location),
    /// Movements with the levels they left; of one product or several.
    Stock(Vec<StockChange>),
    /// A level whose policy changed or whose stock became low.
    Level {
        /// The product's SKU.
        sku: Sku,
        /// The figures.
        level: Level,
    },
    /// Reservations made or changed together.
    Reservations(Vec<ReservationView>),
    /// An order.
    Order(Arc<Order>),
    /// A user; of it only what may be kept for ever.
    User(UserEntry),
    /// A session.
    Session(SessionEntry),
    /// An API key.
    ApiKey(ApiKeyEntry),
    /// A webhook endpoint.
    Endpoint(EndpointEntry),
    /// A run against the external warehouse.
    Sync(Arc<Sync>),
    /// Units that are promised and not there; none any more where `missing` is 0.
    Shortfall(Shortfall),
    /// An import, but for what is told of single rows.
    Import(Import),
    /// A job that died; with others of its queue, the newest.
    DeadLetter(DeadLetter),
    /// Promises that are broken, as the proof has found.
    Proof(ProofFailure),
}

impl EventBody {
    /// What the event is about; of several, the first.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Product(product) => Some(Subject::Product(product.id)),
            Self::Category(category) => Some(Subject::Category(category.id)),
            Self::Location(location) => Some(Subject::Location(location.id)),
            Self::Stock(changes) => {
                changes.first().map(|change| Subject::Product(change.movement.product_id))
            }
            Self::Level { level, .. } => Some(Subject::Product(level.product_id)),
            Self::Reservations(views) => {
                views.first().map(|view| Subject::Reservation(view.reservation.id))
            }
            Self::Order(order) => Some(Subject::Order(order.id)),
            Self::User(user) => Some(Subject::User(user.id)),
            Self::Session(session) => Some(Subject::Session(session.id)),
            Self::ApiKey(key) => Some(Subject::ApiKey(key.id)),
            Self::Endpoint(endpoint) => Some(Subject::Endpoint(endpoint.id)),
            Self::Sync(sync) => Some(Subject::Sync(sync.id)),
            Self::Shortfall(shortfall) => Some(Subject::Product(shortfall.product_id)),
            Self::Import(import) => Some(Subject::Import(import.id)),
            Self::DeadLetter(letter) => Some(Subject::Job(letter.job_id)),
            Self::Proof(_) => None,
        }
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the log, without gaps.
    pub seq: i64,
    /// One of [`TYPES`].
    pub kind: &'static str,
    /// The order's event before this one; 0 for its first, and for every other subject.
    pub previous: i64,
    /// Who asked for it.
    pub actor: Actor,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The object as it was left.
    pub body: EventBody,
}
