//! The rows that decisions are made on: what the engine has loaded, and what earlier decisions of
//! the same batch have changed. A row is known to be there, known to be absent, or not known at
//! all; asking for the last names it in [`Needs`]. How rows come in is in `state/load.rs`, what a
//! decision does to them in `state/apply.rs`.

mod apply;
mod load;
mod outbox;
mod version;
mod warehouse;
mod warm;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::Timestamp;
use crate::accounts::{ApiKey, Email, Session, User};
use crate::catalog::{Category, Product};
use crate::effects::Effect;
use crate::ids::{
    ApiKeyId, CategoryId, CustomerId, ImportId, LocationId, NoticeId, OrderId, ProductId,
    ReservationId, SessionId, UserId,
};
use crate::imports::ImportRow;
use crate::inventory::{Level, Location, MovementKind, Past, Reservation};
use crate::needs::Needs;
use crate::orders::{OpenOrders, Order};
use crate::payments::{KeptNotice, NoticeKey, Provider};
use crate::text::{GatewayId, Reference, Sku};

/// What is known of a product's id.
#[derive(Debug, Default)]
pub(crate) struct Stocked {
    /// Its row; none when there is no such product.
    pub(crate) product: Option<Arc<Product>>,
    /// By location.
    pub(crate) levels: Vec<Level>,
}

/// The rows at hand. Maps that live as long as a batch are ordered; the warm ones are asked several
/// times per order and hashed.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) products: HashMap<ProductId, Stocked>,
    pub(crate) skus: HashMap<Sku, Option<ProductId>>,
    /// Ids in `products`, in the order in which they came.
    warm: VecDeque<ProductId>,
    /// SKUs that no product has, of this batch.
    absent: Vec<Sku>,
    /// SKUs of products that only pass through: they were not at hand before.
    passing: Vec<Sku>,
    pub(crate) categories: BTreeMap<CategoryId, Option<Category>>,
    /// As the store had them when the batch began.
    category_uses: BTreeMap<CategoryId, u64>,
    /// What the batch has added to them, or taken away, whether they were asked for or not.
    category_uses_since: BTreeMap<CategoryId, i64>,
    pub(crate) locations: Option<Vec<Location>>,
    pub(crate) reservations: BTreeMap<ReservationId, Option<Reservation>>,
    pub(crate) orders: BTreeMap<OrderId, Option<Arc<Order>>>,
    pub(crate) open_orders: BTreeMap<CustomerId, OpenOrders>,
    pub(crate) references: BTreeMap<Reference, Option<OrderId>>,
    pub(crate) holds_of: BTreeMap<(Reference, ProductId), BTreeSet<ReservationId>>,
    pub(crate) expired_holds: BTreeMap<ProductId, Vec<ReservationId>>,
    pub(crate) due: Option<Vec<ReservationId>>,
    pub(crate) on_hand_at: BTreeMap<(ProductId, LocationId, Timestamp), Past>,
    /// Units that the batch has moved so far: what is loaded later does not have them yet.
    moved: Vec<Moved>,
    pub(crate) users: BTreeMap<UserId, Option<Arc<User>>>,
    pub(crate) emails: BTreeMap<Email, Option<UserId>>,
    /// As they are stored.
    enabled_admins: Option<i64>,
    /// What this batch has changed of them, whether they are known yet or not.
    more_admins: i64,
    pub(crate) sessions: BTreeMap<SessionId, Option<Session>>,
    pub(crate) open_sessions: BTreeMap<UserId, Vec<SessionId>>,
    pub(crate) api_keys: BTreeMap<ApiKeyId, Option<ApiKey>>,
    pub(crate) effects: BTreeMap<OrderId, Option<Effect>>,
    pub(crate) due_effects: Option<Vec<OrderId>>,
    pub(crate) gateway_ids: BTreeMap<(Provider, GatewayId), Option<OrderId>>,
    /// Whether there is such a message.
    pub(crate) notices: BTreeMap<NoticeKey, bool>,
    /// As the store had them when they were loaded.
    waiting_notices: BTreeMap<(Provider, GatewayId), Vec<KeptNotice>>,
    /// What the batch has left of messages.
    kept_notices: BTreeMap<NoticeId, KeptNotice>,
    /// What was taken in long ago, as the store had it, without what the batch has forgotten.
    pub(crate) old_notices: Option<BTreeMap<NoticeId, KeptNotice>>,
    pub(crate) outbox: outbox::Outbox,
    pub(crate) warehouse: warehouse::Warehouse,
    pub(crate) imports: BTreeMap<ImportId, Option<ImportRow>>,
}

/// Units that a batch has moved: where, as what, when and how many.
type Moved = (ProductId, LocationId, MovementKind, Timestamp, i64);

impl State {
    /// Removes from `needs` what is already known.
    pub fn subtract_known(&self, needs: &mut Needs) {
        needs.products.retain(|id| !self.products.contains_key(id));
        needs.skus.retain(|sku| !self.skus.contains_key(sku));
        needs.categories.retain(|id| !self.categories.contains_key(id));
        needs.category_uses.retain(|id| !self.category_uses.contains_key(id));
        needs.locations &= self.locations.is_none();
        needs.reservations.retain(|id| !self.reservations.contains_key(id));
        needs.orders.retain(|id| !self.orders.contains_key(id));
        needs.open_orders.retain(|id| !self.open_orders.contains_key(id));
        needs.references.retain(|reference| !self.references.contains_key(reference));
        needs.holds_of.retain(|key| !self.holds_of.contains_key(key));
        needs.expired_holds.retain(|id| !self.expired_holds.contains_key(id));
        needs.due = needs.due.filter(|_| self.due.is_none());
        needs.on_hand_at.retain(|key| !self.on_hand_at.contains_key(key));
        needs.users.retain(|id| !self.users.contains_key(id));
        needs.emails.retain(|email| !self.emails.contains_key(email));
        needs.enabled_admins &= self.enabled_admins.is_none();
        needs.sessions.retain(|id| !self.sessions.contains_key(id));
        needs.open_sessions.retain(|id| !self.open_sessions.contains_key(id));
        needs.api_keys.retain(|id| !self.api_keys.contains_key(id));
        needs.effects.retain(|id| !self.effects.contains_key(id));
        needs.due_effects = needs.due_effects.filter(|_| self.due_effects.is_none());
        needs.gateway_ids.retain(|key| !self.gateway_ids.contains_key(key));
        needs.notices.retain(|key| !self.notices.contains_key(key));
        needs.waiting_notices.retain(|key| !self.waiting_notices.contains_key(key));
        needs.old_notices = needs.old_notices.filter(|_| self.old_notices.is_none());
        self.outbox.subtract_known(needs);
        self.warehouse.subtract_known(&mut needs.warehouse);
        needs.imports.retain(|id| !self.imports.contains_key(id));
    }

    /// Forgets what only holds for one batch: everything that depends on the time or is not asked
    /// for again. Of products and levels the newest `products_max` stay: a few are forgotten after
    /// each batch, and not all of them after one.
    pub fn end_batch(&mut self, products_max: usize) {
        self.category_uses.clear();
        self.category_uses_since.clear();
        self.reservations.clear();
        self.orders.clear();
        self.open_orders.clear();
        self.references.clear();
        self.holds_of.clear();
        self.expired_holds.clear();
        self.due = None;
        self.on_hand_at.clear();
        self.moved.clear();
        self.users.clear();
        self.emails.clear();
        (self.enabled_admins, self.more_admins) = (None, 0);
        self.sessions.clear();
        self.open_sessions.clear();
        self.api_keys.clear();
        self.effects.clear();
        self.due_effects = None;
        self.gateway_ids.clear();
        self.notices.clear();
        self.waiting_notices.clear();
        self.kept_notices.clear();
        self.old_notices = None;
        self.outbox = outbox::Outbox::default();
        self.warehouse = warehouse::Warehouse::default();
        self.imports.clear();
        self.forget_oldest(products_max);
        if self.categories.len() > products_max {
            self.categories.clear();
        }
    }

    /// How many products and categories are filed under one, those of this batch included.
    pub(crate) fn category_uses(&self, id: CategoryId) -> Option<u64> {
        let since = self.category_uses_since.get(&id).copied().unwrap_or(0);
        self.category_uses.get(&id).map(|stored| stored.saturating_add_signed(since))
    }

    /// How many admins are not disabled, when that is known.
    pub(crate) fn enabled_admins(&self) -> Option<i64> {
        self.enabled_admins.map(|admins| admins + self.more_admins)
    }

    /// The messages that wait for a gateway's order, oldest first, those of this batch included.
    pub(crate) fn waiting_notices(&self, key: &(Provider, GatewayId)) -> Option<Vec<KeptNotice>> {
        let stored = self.waiting_notices.get(key)?;
        let stored = stored.iter().filter(|row| !self.kept_notices.contains_key(&row.id));
        let here = self
            .kept_notices
            .values()
            .filter(|row| row.provider == key.0 && row.intent.as_ref() == Some(&key.1));
        Some(stored.chain(here).cloned().collect())
    }

    /// Whether the stored ones are known.
    pub(crate) fn knows_waiting_notices(&self, key: &(Provider, GatewayId)) -> bool {
        self.waiting_notices.contains_key(key)
    }
}

/// By priority, then by id: the order in which locations are asked.
pub(crate) fn sort_locations(locations: &mut [Location]) {
    locations.sort_by_key(|location| (location.priority, location.id));
}
