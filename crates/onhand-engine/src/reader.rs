//! The questions that may be asked of what is remembered, whatever the store. Every list is a page
//! by key, never by offset. How a store answers is in its own `read/`.

mod accounts;
pub mod backlog;
mod bulk;
mod outbox;
mod overview;
mod warehouse;

use onhand_core::Timestamp;
use onhand_core::catalog::{Category, Product, ProductRef};
use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::{CategoryId, CustomerId, EffectId, OrderId, ReservationId, UserId};
use onhand_core::inventory::{Location, Movement, ReservationView};
use onhand_core::orders::Order;
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::text::GatewayId;

use crate::query::{
    EventRow, Explanation, Moment, NumberedPage, OrderFilter, Page, PaymentFilter, ReadError,
    ReservationFilter, Seen, StockFilter, StockRow, Unless,
};
use crate::{postgres, sqlite};

/// The way to the readers of a store. Cheap to clone. Every question fails with a [`ReadError`].
#[derive(Debug, Clone)]
pub enum Reader {
    /// Of the embedded store.
    Sqlite(sqlite::Reader),
    /// Of a PostgreSQL server.
    Postgres(postgres::Reader),
}

impl Reader {
    /// A product of the catalogue.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn product(&self, reference: ProductRef) -> Result<Option<Product>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.product(reference).await,
            Self::Postgres(reader) => reader.product(&reference).await,
        }
    }

    /// A page of products, newest first; of a category or of all.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn products(
        &self,
        category: Option<CategoryId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Product>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.products(category, before, limit).await,
            Self::Postgres(reader) => reader.products(category, before, limit).await,
        }
    }

    /// A category.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn category(&self, id: CategoryId) -> Result<Option<Category>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.category(id).await,
            Self::Postgres(reader) => reader.category(id).await,
        }
    }

    /// A page of categories, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn categories(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Category>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.categories(before, limit).await,
            Self::Postgres(reader) => reader.categories(before, limit).await,
        }
    }

    /// All locations, in the order in which they are asked.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn locations(&self) -> Result<Vec<Location>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.locations().await,
            Self::Postgres(reader) => reader.locations().await,
        }
    }

    /// The stock of a product, now or at a moment.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn stock(
        &self,
        reference: ProductRef,
        as_of: Option<Moment>,
    ) -> Result<Option<StockRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.stock(reference, as_of).await,
            Self::Postgres(reader) => reader.stock(&reference, as_of).await,
        }
    }

    /// A page of stock by product, newest product first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn stocks(
        &self,
        filter: StockFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<StockRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.stocks(filter, before, limit).await,
            Self::Postgres(reader) => reader.stocks(filter, before, limit).await,
        }
    }

    /// Why a product's stock is what it is, or was at a moment.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn explain(
        &self,
        reference: ProductRef,
        as_of: Option<Moment>,
    ) -> Result<Option<Explanation>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.explain(reference, as_of).await,
            Self::Postgres(reader) => reader.explain(&reference, as_of).await,
        }
    }

    /// Entries of the ledger of a product, newest first, going on at the heads that the last page
    /// left. Answers none for a product that is not there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn movements(
        &self,
        reference: ProductRef,
        heads: Option<Vec<i64>>,
        limit: usize,
    ) -> Result<Option<(Vec<Movement>, Vec<i64>)>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.movements(reference, heads, limit).await,
            Self::Postgres(reader) => reader.movements(&reference, heads.as_deref(), limit).await,
        }
    }

    /// A reservation with its SKU.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<Option<ReservationView>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.reservation(id).await,
            Self::Postgres(reader) => reader.reservation(id).await,
        }
    }

    /// A page of reservations, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn reservations(
        &self,
        filter: ReservationFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<ReservationView>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.reservations(filter, before, limit).await,
            Self::Postgres(reader) => reader.reservations(&filter, before, limit).await,
        }
    }

    /// An order; to who knows only of `own` orders, one of those.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn order(
        &self,
        id: OrderId,
        own: Option<UserId>,
    ) -> Result<Option<Order>, ReadError> {
        let order = match self {
            Self::Sqlite(reader) => reader.order(id).await?,
            Self::Postgres(reader) => reader.order(id).await?,
        };
        Ok(order.filter(|order| order.is_seen_by(own)))
    }

    /// An order, unless it is still the one that was seen. On a server whoever asks so is spared
    /// the document, and so is the server.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn order_unless(
        &self,
        id: OrderId,
        seen: Seen,
    ) -> Result<Option<Unless<Order>>, ReadError> {
        match self {
            Self::Sqlite(reader) => {
                let order = reader.order(id).await?;
                Ok(order.map(|order| match seen == Seen::of(&order) {
                    true => Unless::Same,
                    false => Unless::Other(order),
                }))
            }
            Self::Postgres(reader) => reader.order_unless(id, seen).await,
        }
    }

    /// A page of orders, newest first; `before` is where the last page ended.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn orders(
        &self,
        filter: OrderFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Order>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.orders(filter, before, limit).await,
            Self::Postgres(reader) => reader.orders(&filter, before, limit).await,
        }
    }

    /// A page of a customer's orders by how many newer ones there are, newest first, and how many
    /// there are at all. Costs as much as the customer has orders, up to a bound.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn numbered_orders(
        &self,
        customer_id: CustomerId,
        newer: usize,
        limit: usize,
    ) -> Result<NumberedPage<Order>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.numbered_orders(customer_id, newer, limit).await,
            Self::Postgres(reader) => reader.numbered_orders(customer_id, newer, limit).await,
        }
    }

    /// A page of orders that are paid through a gateway, newest first; to who knows only of `own`
    /// orders, of those.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn payments(
        &self,
        filter: PaymentFilter,
        own: Option<UserId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Order>, ReadError> {
        let customer_id = own.map(CustomerId::of_user);
        let filter = OrderFilter { customer_id, payment: Some(filter), ..OrderFilter::default() };
        self.orders(filter, before, limit).await
    }

    /// The order about which an object of a gateway is; to who knows only of `own` orders, one of
    /// those.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn order_of_gateway_id(
        &self,
        provider: Provider,
        id: GatewayId,
        own: Option<UserId>,
    ) -> Result<Option<Order>, ReadError> {
        let order_id = match self {
            Self::Sqlite(reader) => reader.order_of_gateway_id(provider, id).await?,
            Self::Postgres(reader) => reader.order_of_gateway_id(provider, &id).await?,
        };
        match order_id {
            Some(order_id) => self.order(order_id, own).await,
            None => Ok(None),
        }
    }

    /// What is owed about the payment of an order.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn effect(&self, id: EffectId) -> Result<Option<Effect>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.effect(id.order()).await,
            Self::Postgres(reader) => reader.effect(id.order()).await,
        }
    }

    /// A page of what is owed to gateways, that of the newest order first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn effects(
        &self,
        state: Option<EffectState>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Effect>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.effects(state, before, limit).await,
            Self::Postgres(reader) => reader.effects(state, before, limit).await,
        }
    }

    /// A page of what has been owed since before an instant, each with its order; the oldest order
    /// first. `after` is where the last page ended.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_payments(
        &self,
        older_than: Timestamp,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<(Effect, Order)>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.open_payments(older_than, after, limit).await,
            Self::Postgres(reader) => reader.open_payments(older_than, after, limit).await,
        }
    }

    /// A page of messages of gateways that wait for their order to become known, newest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn unmatched_notices(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<KeptNotice>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.unmatched_notices(before, limit).await,
            Self::Postgres(reader) => reader.unmatched_notices(before, limit).await,
        }
    }

    /// The history of an order, oldest first; none for an order that is not there.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn timeline(
        &self,
        id: OrderId,
        own: Option<UserId>,
    ) -> Result<Option<Vec<EventRow>>, ReadError> {
        if own.is_some() && self.order(id, own).await?.is_none() {
            return Ok(None);
        }
        match self {
            Self::Sqlite(reader) => reader.timeline(id).await,
            Self::Postgres(reader) => reader.timeline(id).await,
        }
    }

    /// Events after a position, oldest first, of all types or of some.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn events(
        &self,
        after: i64,
        kinds: Vec<String>,
        limit: usize,
    ) -> Result<Page<EventRow>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.events(after, kinds, limit).await,
            Self::Postgres(reader) => reader.events(after, &kinds, limit).await,
        }
    }

    /// The hash of the first commit that says something, by which an installation is known: a copy
    /// has the same, and nobody else has it. None of an empty database.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn first_commit(&self) -> Result<Option<[u8; 32]>, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.first_commit().await,
            Self::Postgres(reader) => reader.first_commit().await,
        }
    }

    /// Position of the newest event; 0 where there is none.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn position(&self) -> Result<i64, ReadError> {
        match self {
            Self::Sqlite(reader) => reader.position().await,
            Self::Postgres(reader) => reader.position().await,
        }
    }
}
