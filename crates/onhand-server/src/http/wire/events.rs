//! Events as `/v1` shows them: who did what when, and the object as it was left.

use std::borrow::Cow;

use onhand_core::Timestamp;
use onhand_core::events::EventBody;
use onhand_core::inventory::StockChange;
use onhand_engine::query::EventRow;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::accounts::{ApiKeyEntryView, SessionEntryView, UserEntryView};
use super::catalog::{CategoryView, ProductView};
use super::imports::ImportView;
use super::operations::ProofFailureView;
use super::orders::{OrderView, order_example};
use super::outbox::{DeadLetterView, EndpointView};
use super::reservations::ReservationsView;
use super::stock::{LevelView, LocationView, StockChangesView};
use super::values;
use super::warehouse::{ShortfallView, SyncView};

/// The object that an event left, as its own route shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = EventData)]
pub enum EventDataView<'a> {
    /// Of `product.*`.
    Product(ProductView<'a>),
    /// Of `category.*`.
    Category(CategoryView<'a>),
    /// Of `location.*`.
    Location(LocationView<'a>),
    /// Of `stock.adjusted`, `stock.counted`, `stock.transferred`.
    Stock(StockChangesView<'a>),
    /// Of `stock.low`, `stock.policy_changed`.
    Level(LevelView<'a>),
    /// Of `reservation.*`.
    Reservations(ReservationsView<'a>),
    /// Of `order.*` and `payment.*`.
    Order(Box<OrderView<'a>>),
    /// Of `user.*`.
    User(UserEntryView),
    /// Of `session.*`.
    Session(SessionEntryView),
    /// Of `api_key.*`.
    ApiKey(ApiKeyEntryView<'a>),
    /// Of `webhook_endpoint.*`.
    Endpoint(EndpointView<'a>),
    /// Of `import.*`.
    Import(Box<ImportView<'a>>),
    /// Of `warehouse.*`.
    Sync(Box<SyncView<'a>>),
    /// Of `stock.shortfall`, `stock.shortfall_closed`.
    Shortfall(ShortfallView<'a>),
    /// Of `job.dead`.
    DeadLetter(DeadLetterView),
    /// Of `verify.failed`.
    Proof(ProofFailureView),
}

/// One entry of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event, example = event_example)]
pub struct EventView<'a> {
    /// Its id; the same whenever it is read.
    #[schema(value_type = values::EventId)]
    pub(crate) id: String,
    #[schema(pattern = "^event$")]
    object: &'static str,
    /// Position in the log, without gaps.
    #[schema(minimum = 1)]
    seq: i64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(value_type = values::EventType)]
    kind: &'a str,
    /// Id of the object that it is about.
    pub(crate) subject: String,
    /// When it was recorded.
    #[schema(value_type = values::Instant)]
    occurred_at: Timestamp,
    /// Who asked for it.
    #[schema(value_type = values::Actor)]
    actor: Cow<'a, str>,
    /// The object as it was left.
    pub(crate) data: EventDataView<'a>,
}

fn event_example() -> serde_json::Value {
    json!({
        "id": "evt_108", "object": "event", "seq": 108, "type": "order.placed",
        "subject": "ord_42", "occurred_at": "2026-11-21T05:48:16.120394Z", "actor": "local",
        "data": order_example()
    })
}

impl<'a> EventView<'a> {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Id of the object that it is about; empty where there is none.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The view of an event.
    pub fn of(row: &'a EventRow) -> Self {
        let (subject, data) = match &row.body {
            EventBody::Product(row) => {
                (row.id.to_string(), EventDataView::Product(ProductView::of(row)))
            }
            EventBody::Category(row) => {
                (row.id.to_string(), EventDataView::Category(CategoryView::of(row)))
            }
            EventBody::Location(row) => {
                (row.id.to_string(), EventDataView::Location(LocationView::of(row)))
            }
            EventBody::Stock(changes) => {
                (first_product(changes), EventDataView::Stock(StockChangesView::of(changes)))
            }
            EventBody::Level { sku, level } => {
                let shown = LevelView::of(sku.as_str(), level);
                (level.product_id.to_string(), EventDataView::Level(shown))
            }
            EventBody::Reservations(views) => {
                let first = views.first().map(|view| view.reservation.id.to_string());
                let shown = ReservationsView::of(views);
                (first.unwrap_or_default(), EventDataView::Reservations(shown))
            }
            EventBody::Order(order) => {
                (order.id.to_string(), EventDataView::Order(Box::new(OrderView::of(order))))
            }
            EventBody::User(entry) => {
                (entry.id.to_string(), EventDataView::User(UserEntryView::of(entry)))
            }
            EventBody::Session(entry) => {
                (entry.id.to_string(), EventDataView::Session(SessionEntryView::of(entry)))
            }
            EventBody::ApiKey(entry) => {
                (entry.id.to_string(), EventDataView::ApiKey(ApiKeyEntryView::of(entry)))
            }
            EventBody::Endpoint(entry) => {
                (entry.id.to_string(), EventDataView::Endpoint(EndpointView::of(entry)))
            }
            EventBody::Import(row) => {
                (row.id.to_string(), EventDataView::Import(Box::new(ImportView::of(row))))
            }
            EventBody::Sync(sync) => {
                (sync.id.to_string(), EventDataView::Sync(Box::new(SyncView::of(sync))))
            }
            EventBody::Shortfall(row) => {
                let shown = EventDataView::Shortfall(ShortfallView::of(row));
                (row.product_id.to_string(), shown)
            }
            EventBody::Proof(failure) => {
                (String::new(), EventDataView::Proof(ProofFailureView::of(failure)))
            }
            EventBody::DeadLetter(letter) => {
                (letter.job_id.to_string(), EventDataView::DeadLetter(DeadLetterView::of(letter)))
            }
        };
        Self {
            id: format!("evt_{}", row.seq),
            object: "event",
            seq: row.seq,
            kind: &row.kind,
            subject,
            occurred_at: row.recorded_at,
            actor: row.actor.stored(),
            data,
        }
    }
}

fn first_product(changes: &[StockChange]) -> String {
    changes.first().map(|change| change.movement.product_id.to_string()).unwrap_or_default()
}

/// A page of the log, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventList, example = event_list_example)]
pub struct EventListView<'a> {
    /// Always `list`.
    #[schema(pattern = "^list$")]
    pub object: &'static str,
    /// The log.
    pub url: &'static str,
    /// Whether there is more behind it.
    pub has_more: bool,
    /// What to send as `after` for the next page.
    pub next_after: i64,
    /// The events.
    pub data: Vec<EventView<'a>>,
}

fn event_list_example() -> serde_json::Value {
    json!({"object": "list", "url": "/v1/events", "has_more": false, "next_after": 108,
        "data": [event_example()]})
}
