//! What may be asked of what is remembered, and what is answered: the same for every store.

use onhand_core::accounts::Role;
use onhand_core::catalog::Product;
use onhand_core::events::{EventBody, Subject, TYPES};
use onhand_core::ids::{CustomerId, LocationId, OrderId, ProductId, SyncId, UserId};
use onhand_core::inventory::{
    Level, Movement, MovementKind, Reservation, ReservationState, Totals,
};
use onhand_core::jobs::{JobState, Queue};
use onhand_core::orders::{Order, Status};
use onhand_core::payments::{self, Provider};
use onhand_core::text::Reference;
use onhand_core::warehouse::{Action, Status as SyncStatus};
use onhand_core::{Actor, Timestamp, Version};

use crate::stored::stored_count;

/// Why a read gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Too many reads are waiting.
    #[error("too many reads are waiting")]
    Overloaded,
    /// The readers have stopped.
    #[error("the server is stopping")]
    Stopping,
    /// What was read is not durable, and does not become so.
    #[error("what is stored cannot be made durable at the moment")]
    NotDurable,
    /// The store cannot be reached at the moment.
    #[error("the store cannot be read at the moment: {0}")]
    Unavailable(String),
    /// The store says no, or a row cannot be read.
    #[error("read failed: {0}")]
    Failed(String),
}

impl ReadError {
    /// The same answer for somebody else who asked with it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Overloaded => Self::Overloaded,
            Self::Stopping => Self::Stopping,
            Self::NotDurable => Self::NotDurable,
            Self::Unavailable(reason) => Self::Unavailable(reason.clone()),
            Self::Failed(reason) => Self::Failed(reason.clone()),
        }
    }
}

/// By what somebody who keeps a copy of an order knows it again. The time is there because ids and
/// versions begin anew where a database was put back to an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its version.
    pub version: Version,
    /// When it was placed.
    pub created_at: Timestamp,
}

impl Seen {
    /// What an order is known by.
    pub fn of(order: &Order) -> Self {
        Self { version: order.version, created_at: order.created_at }
    }
}

/// What is there in place of what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unless<T> {
    /// The same.
    Same,
    /// Something else.
    Other(T),
}

/// A page of a list, newest first unless said otherwise.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<i64>,
}

/// A page of a list by its number, newest first, for clients that count pages. Behind a page that
/// somebody else has just added to, rows move on to the next one: whoever must not see one twice
/// goes by key.
#[derive(Debug, Clone)]
pub struct NumberedPage<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Rows of all pages; counted up to
    /// [`NUMBERED_ROWS_MAX`](crate::limits::NUMBERED_ROWS_MAX).
    pub total: usize,
}

/// Which stock to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct StockFilter {
    /// At this location.
    pub location_id: Option<LocationId>,
    /// Only where available is below the threshold.
    pub below_threshold: bool,
}

impl StockFilter {
    /// Whether a product with these levels is listed.
    pub(crate) fn lets_in(&self, levels: &[Level]) -> bool {
        let is_low = |level: &Level| level.available() < level.low_stock_threshold;
        (self.location_id.is_none() || !levels.is_empty())
            && (!self.below_threshold || levels.iter().any(is_low))
    }
}

/// The stock of one product.
#[derive(Debug, Clone)]
pub struct StockRow {
    /// The product.
    pub product: Product,
    /// Its levels by location.
    pub levels: Vec<Level>,
}

/// Which of a movement's two times counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerClock {
    /// When it was written down: what the server showed then. It never changes afterwards.
    Recorded,
    /// When it happened: what was there then, as far as is known today. A late entry changes it.
    Occurred,
}

impl LedgerClock {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Recorded, Self::Occurred];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Occurred => "occurred",
        }
    }
}

/// An instant by a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Of which of a movement's two times.
    pub clock: LedgerClock,
}

/// One term of an explanation.
#[derive(Debug, Clone)]
pub struct ExplainTerm {
    /// What moved the units.
    pub kind: MovementKind,
    /// How many, with their sign.
    pub units: i64,
}

/// The terms that add up to what is on hand at these levels.
pub(crate) fn explained(levels: &[Level]) -> Vec<ExplainTerm> {
    let term = |kind, of: fn(&Totals) -> i64| ExplainTerm {
        kind,
        units: levels.iter().map(|level| of(&level.totals)).sum(),
    };
    vec![
        term(MovementKind::Received, |totals| totals.received),
        term(MovementKind::Sold, |totals| totals.sold),
        term(MovementKind::Returned, |totals| totals.returned),
        term(MovementKind::Adjusted, |totals| totals.adjusted),
        term(MovementKind::Counted, |totals| totals.counted),
        term(MovementKind::Transferred, |totals| totals.transferred),
    ]
}

/// Why a figure is what it is.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The product.
    pub product: Product,
    /// Its levels.
    pub levels: Vec<Level>,
    /// Terms that add up to what is on hand.
    pub terms: Vec<ExplainTerm>,
    /// Open promises, newest first; a bounded number. Of the past nobody knows them by name.
    pub open: Option<Vec<Reservation>>,
}

/// An entry of the ledger.
#[derive(Debug, Clone)]
pub struct LedgerRow {
    /// The product's SKU.
    pub sku: String,
    /// The entry.
    pub movement: Movement,
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Position in the log.
    pub seq: i64,
    /// Its type.
    pub kind: String,
    /// Who asked for it.
    pub actor: Actor,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The object as it was left.
    pub body: EventBody,
}

/// Which events of the log to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Of these types; of all where there are none.
    pub kinds: Vec<String>,
    /// Asked for by this one.
    pub actor: Option<Actor>,
    /// About this object; of several, the first.
    pub subject: Option<Subject>,
}

impl LogFilter {
    /// The types that can be let in; none where all are.
    pub(crate) fn kinds(&self) -> Option<Vec<&str>> {
        let named = self.kinds.iter().map(String::as_str);
        let Some(subject) = self.subject else {
            return (!self.kinds.is_empty()).then(|| named.collect());
        };
        let families = families(subject);
        let is_of = |kind: &&str| families.iter().any(|family| kind.starts_with(family));
        Some(if self.kinds.is_empty() {
            TYPES.iter().copied().filter(is_of).collect()
        } else {
            named.filter(is_of).collect()
        })
    }
}

/// How the types of events begin that are about such an object.
fn families(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Product(_) => &["product.", "stock."],
        Subject::Category(_) => &["category."],
        Subject::Location(_) => &["location."],
        Subject::Reservation(_) => &["reservation."],
        Subject::Order(_) => &["order.", "payment."],
        Subject::User(_) => &["user."],
        Subject::Session(_) => &["session."],
        Subject::ApiKey(_) => &["api_key."],
        Subject::Endpoint(_) => &["webhook_endpoint."],
        Subject::Sync(_) => &["warehouse."],
        Subject::Import(_) => &["import."],
        Subject::Job(_) => &["job."],
    }
}

/// What was ordered in a span of time, in parts.
#[derive(Debug, Clone, Default)]
pub struct Trade {
    /// How many orders were placed in each part. Ids have no gaps, so that nobody counts.
    pub placed: Vec<u64>,
    /// Orders of the whole span as they stand, spread evenly over it: all of them where there are
    /// no more than were asked for.
    pub sample: Vec<Order>,
}

impl Trade {
    /// The ids of a sample of the orders from `first` to before `end`, oldest first.
    pub(crate) fn sampled(first: i64, end: i64, most: usize) -> Vec<i64> {
        let (there, most) = (end.saturating_sub(first).max(0), stored_count(most));
        if there <= most {
            return (first..end).collect();
        }
        let spread = |at: i64| i128::from(at) * i128::from(there) / i128::from(most);
        (0..most).map(|at| first + i64::try_from(spread(at)).unwrap_or(0)).collect()
    }

    /// How many orders lie between each two of these ids.
    pub(crate) fn between(firsts: &[i64]) -> Vec<u64> {
        firsts.windows(2).map(|pair| u64::try_from(pair[1] - pair[0]).unwrap_or(0)).collect()
    }
}

/// Which reservations to list.
#[derive(Debug, Clone, Default)]
pub struct ReservationFilter {
    /// In this state.
    pub state: Option<ReservationState>,
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// With this reference.
    pub reference: Option<Reference>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter {
    /// Of this queue.
    pub queue: Option<Queue>,
    /// In this state.
    pub state: Option<JobState>,
}

/// Which runs against the external warehouse to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncFilter {
    /// In this state.
    pub status: Option<SyncStatus>,
}

/// Which rows of a run to list.
#[derive(Debug, Clone, Copy)]
pub struct SyncRowFilter {
    /// Of this run.
    pub sync_id: SyncId,
    /// Of which this came.
    pub action: Option<Action>,
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// In this state.
    pub status: Option<Status>,
    /// Of this customer.
    pub customer_id: Option<CustomerId>,
    /// With a line of this product.
    pub product_id: Option<ProductId>,
    /// Of this name in another system.
    pub external_reference: Option<Reference>,
    /// Placed at or after.
    pub created_from: Option<Timestamp>,
    /// Placed before.
    pub created_before: Option<Timestamp>,
    /// Paid through a gateway, and how.
    pub payment: Option<PaymentFilter>,
}

/// Which payments to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct PaymentFilter {
    /// That have come to this.
    pub status: Option<payments::Status>,
    /// Through this gateway.
    pub provider: Option<Provider>,
}

impl PaymentFilter {
    /// Whether the payment of an order is listed; not when it has none.
    fn lets_in(self, order: &Order) -> bool {
        order.payment.as_ref().is_some_and(|payment| {
            self.status.is_none_or(|status| status == payment.status(order))
                && self.provider.is_none_or(|provider| provider == payment.provider)
        })
    }
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// With this role.
    pub role: Option<Role>,
    /// Only those that are disabled, or that are not.
    pub disabled: Option<bool>,
    /// With an e-mail address that begins so, in the form in which addresses are kept.
    pub email_prefix: Option<String>,
}

/// A list of orders that have something in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListOf {
    /// Of a customer.
    Customer(i64),
    /// With a line of a product.
    Product(i64),
    /// In a state; some may have left it.
    Status(&'static str),
}

impl OrderFilter {
    /// The same among the orders of one customer, when `own` names one; `None` when that can be no
    /// order at all.
    #[must_use]
    pub fn of(mut self, own: Option<UserId>) -> Option<Self> {
        let Some(own) = own else { return Some(self) };
        let own = CustomerId::of_user(own);
        if self.customer_id.is_some_and(|named| named != own) {
            return None;
        }
        self.customer_id = Some(own);
        Some(self)
    }

    /// The list that has the fewest orders which the filter does not let in, and the one that it
    /// may be cut with. Lists by status are read alone: they are long, and orders leave them.
    pub(crate) fn lists(&self) -> [Option<ListOf>; 2] {
        let customer = self.customer_id.map(|id| ListOf::Customer(id.number()));
        let product = self.product_id.map(|id| ListOf::Product(id.number()));
        let status = self.status.map(|status| ListOf::Status(status.as_str()));
        match (customer, product) {
            (Some(_), product) => [customer, product],
            (None, _) => [product.or(status), None],
        }
    }

    /// Whether an order is listed. Its time of placing is not asked: that is in the ids.
    pub(crate) fn lets_in(&self, order: &Order) -> bool {
        self.status.is_none_or(|status| status == order.status)
            && self.customer_id.is_none_or(|id| order.customer_id == Some(id))
            && self.payment.is_none_or(|payment| payment.lets_in(order))
            && self.product_id.is_none_or(|id| order.lines.iter().any(|line| line.product_id == id))
            && self
                .external_reference
                .as_ref()
                .is_none_or(|reference| order.external_reference.as_ref() == Some(reference))
    }
}
