//! The rows that decisions are made on: what the engine has loaded, and what earlier decisions of
//! the same batch have changed. A row is known to be there, known to be absent, or not known at
//! all; asking for the last names it in [`Needs`].

mod outbox;
mod warehouse;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::accounts::{ApiKey, Email, Session, User};
use crate::catalog::{Category, Product};
use crate::draft::Changes;
use crate::effects::Effect;
use crate::ids::{
    ApiKeyId, CategoryId, CustomerId, ImportId, LocationId, NoticeId, OrderId, ProductId,
    ReservationId, SessionId, UserId,
};
use crate::imports::ImportRow;
use crate::inventory::{Level, Location, Movement, MovementKind, Past, Reservation};
use crate::needs::Needs;
use crate::orders::{OpenOrders, Order, note_open};
use crate::payments::{KeptNotice, NoticeKey, Provider};
use crate::text::{GatewayId, Reference, Sku};
use crate::{Timestamp, Version};

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
    pub(crate) expired_holds: BTreeMap<ProductId, Vec<ReservationId>>,
    pub(crate) due: Option<Vec<ReservationId>>,
    pub(crate) on_hand_at: BTreeMap<(ProductId, LocationId, Timestamp), Option<Past>>,
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

    /// Whether all of these are at hand.
    pub fn has_products<'a>(&self, ids: impl IntoIterator<Item = &'a ProductId>) -> bool {
        ids.into_iter().all(|id| self.products.contains_key(id))
    }

    /// Whether nothing is left of earlier batches.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty() && self.categories.is_empty() && self.locations.is_none()
    }

    /// Takes in a product with its levels, as loaded by id.
    pub fn load_product(&mut self, id: ProductId, row: Option<(Product, Vec<Level>)>) {
        let (product, mut levels) = match row {
            Some((product, levels)) => (Some(Arc::new(product)), levels),
            None => (None, Vec::new()),
        };
        if let Some(product) = product.as_ref().filter(|product| product.deleted_at.is_none()) {
            self.skus.insert(product.sku.clone(), Some(id));
        }
        levels.sort_by_key(|level| level.location_id);
        *self.stocked(id) = Stocked { product, levels };
    }

    /// Takes in the answer to which product has a SKU.
    pub fn load_sku(&mut self, sku: Sku, id: Option<ProductId>) {
        if id.is_none() {
            self.absent.push(sku.clone());
        }
        self.skus.insert(sku, id);
    }

    /// Takes in a category.
    pub fn load_category(&mut self, id: CategoryId, row: Option<Category>) {
        self.categories.insert(id, row);
    }

    /// How many products and categories are filed under one, those of this batch included.
    pub(crate) fn category_uses(&self, id: CategoryId) -> Option<u64> {
        let since = self.category_uses_since.get(&id).copied().unwrap_or(0);
        self.category_uses.get(&id).map(|stored| stored.saturating_add_signed(since))
    }

    fn file(&mut self, categories: &[CategoryId], change: i64) {
        for id in categories {
            *self.category_uses_since.entry(*id).or_default() += change;
        }
    }

    /// Takes in how many products and categories are filed under one.
    pub fn load_category_uses(&mut self, id: CategoryId, uses: u64) {
        self.category_uses.insert(id, uses);
    }

    /// Takes in all locations.
    pub fn load_locations(&mut self, mut rows: Vec<Location>) {
        sort_locations(&mut rows);
        self.locations = Some(rows);
    }

    /// Takes in a reservation.
    pub fn load_reservation(&mut self, id: ReservationId, row: Option<Reservation>) {
        self.reservations.insert(id, row);
    }

    /// Takes in an order.
    pub fn load_order(&mut self, id: OrderId, row: Option<Order>) {
        self.orders.insert(id, row.map(Arc::new));
    }

    /// Takes in the open orders of a customer, as they are stored, at least the newest
    /// [`OPEN_ORDERS_LOADED_MAX`](crate::limits::OPEN_ORDERS_LOADED_MAX) of them: what the batch
    /// has changed stays.
    pub fn load_open_orders(&mut self, id: CustomerId, mut rows: OpenOrders) {
        let orders = self.orders.values().flatten();
        for order in orders.filter(|order| order.customer_id == Some(id)) {
            note_open(&mut rows, order);
        }
        self.open_orders.insert(id, rows);
    }

    /// Takes in which order has an external reference.
    pub fn load_reference(&mut self, reference: Reference, order: Option<OrderId>) {
        self.references.insert(reference, order);
    }

    /// Takes in the holds of a product that have run out.
    pub fn load_expired_holds(&mut self, id: ProductId, holds: Vec<ReservationId>) {
        self.expired_holds.insert(id, holds);
    }

    /// Takes in the oldest holds that have run out.
    pub fn load_due(&mut self, holds: Vec<ReservationId>) {
        self.due = Some(holds);
    }

    /// Takes in what was on hand at an instant, as it is stored; `None` when that is too long ago
    /// to tell. What the batch has moved stays.
    pub fn load_on_hand_at(
        &mut self,
        key: (ProductId, LocationId, Timestamp),
        mut past: Option<Past>,
    ) {
        if let Some(past) = &mut past {
            for (product, location, kind, moved_at, delta) in &self.moved {
                if (*product, *location) == (key.0, key.1) {
                    past.take_in(key.2, *kind, *moved_at, *delta);
                }
            }
        }
        self.on_hand_at.insert(key, past);
    }

    /// Takes in a user.
    pub fn load_user(&mut self, id: UserId, row: Option<User>) {
        self.users.insert(id, row.map(Arc::new));
    }

    /// Takes in who has an e-mail address.
    pub fn load_email(&mut self, email: Email, id: Option<UserId>) {
        self.emails.insert(email, id);
    }

    /// Takes in how many admins are not disabled.
    pub fn load_enabled_admins(&mut self, admins: i64) {
        self.enabled_admins = Some(admins);
    }

    /// Takes in a session.
    pub fn load_session(&mut self, id: SessionId, row: Option<Session>) {
        self.sessions.insert(id, row);
    }

    /// Takes in the sessions of a user that have not ended, as they are stored: what the batch has
    /// changed of one stays.
    pub fn load_open_sessions(&mut self, id: UserId, mut rows: Vec<Session>) {
        rows.sort_by_key(|row| row.id);
        self.open_sessions.insert(id, rows.iter().map(|row| row.id).collect());
        for row in rows {
            self.sessions.entry(row.id).or_insert(Some(row));
        }
    }

    /// Takes in an API key.
    pub fn load_api_key(&mut self, id: ApiKeyId, row: Option<ApiKey>) {
        self.api_keys.insert(id, row);
    }

    /// Takes in what is owed about the payment of an order.
    pub fn load_effect(&mut self, id: OrderId, row: Option<Effect>) {
        self.effects.insert(id, row);
    }

    /// Takes in the oldest effects that are due, as they are stored: what the batch has changed of
    /// one stays.
    pub fn load_due_effects(&mut self, rows: Vec<Effect>) {
        self.due_effects = Some(rows.iter().map(|row| row.order_id).collect());
        for row in rows {
            self.effects.entry(row.order_id).or_insert(Some(row));
        }
    }

    /// Takes in which order an object of a gateway belongs to.
    pub fn load_gateway_id(&mut self, key: (Provider, GatewayId), order: Option<OrderId>) {
        self.gateway_ids.insert(key, order);
    }

    /// Takes in whether there is such a message.
    pub fn load_notice(&mut self, key: NoticeKey, is_here: bool) {
        self.notices.insert(key, is_here);
    }

    /// Takes in the messages that wait for a gateway's order, as they are stored, oldest first.
    pub fn load_waiting_notices(&mut self, key: (Provider, GatewayId), rows: Vec<KeptNotice>) {
        self.waiting_notices.insert(key, rows);
    }

    /// Takes in an import.
    pub fn load_import(&mut self, id: ImportId, row: Option<ImportRow>) {
        self.imports.insert(id, row);
    }

    /// The stored version of an import; 0 when there is none.
    pub fn import_version(&self, id: ImportId) -> Version {
        self.imports.get(&id).and_then(Option::as_ref).map_or(0, |row| row.import.version)
    }

    /// Takes in messages that were taken in long ago, as they are stored. Nothing changes them any
    /// more.
    pub fn load_old_notices(&mut self, rows: Vec<KeptNotice>) {
        self.old_notices = Some(rows.into_iter().map(|row| (row.id, row)).collect());
    }

    /// How many admins are not disabled, when that is known.
    pub(crate) fn enabled_admins(&self) -> Option<i64> {
        self.enabled_admins.map(|admins| admins + self.more_admins)
    }

    /// The stored version of a product; 0 when there is none.
    pub fn product_version(&self, id: ProductId) -> Version {
        let row = self.products.get(&id).and_then(|known| known.product.as_ref());
        row.map_or(0, |row| row.version)
    }

    /// The stored version of a category; 0 when there is none.
    pub fn category_version(&self, id: CategoryId) -> Version {
        self.categories.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a location; 0 when there is none.
    pub fn location_version(&self, id: LocationId) -> Version {
        let rows = self.locations.as_deref().unwrap_or_default();
        rows.iter().find(|row| row.id == id).map_or(0, |row| row.version)
    }

    /// The stored version of a level; 0 when there is none.
    pub fn level_version(&self, id: ProductId, location_id: LocationId) -> Version {
        let rows = self.products.get(&id).map_or(&[][..], |known| &known.levels);
        rows.iter().find(|row| row.location_id == location_id).map_or(0, |row| row.version)
    }

    /// The stored version of a reservation; 0 when there is none.
    pub fn reservation_version(&self, id: ReservationId) -> Version {
        self.reservations.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of an order; 0 when there is none.
    pub fn order_version(&self, id: OrderId) -> Version {
        self.orders.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a user; 0 when there is none.
    pub fn user_version(&self, id: UserId) -> Version {
        self.users.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a session; 0 when there is none.
    pub fn session_version(&self, id: SessionId) -> Version {
        self.sessions.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of an API key; 0 when there is none.
    pub fn api_key_version(&self, id: ApiKeyId) -> Version {
        self.api_keys.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of an effect; 0 when there is none.
    pub fn effect_version(&self, id: OrderId) -> Version {
        self.effects.get(&id).and_then(Option::as_ref).map_or(0, |row| row.version)
    }

    /// The stored version of a message of a gateway, which waits; 0 when there is none.
    pub fn notice_version(&self, id: NoticeId) -> Version {
        let mut stored = self.waiting_notices.values().flatten();
        let row = self.kept_notices.get(&id).or_else(|| stored.find(|row| row.id == id));
        row.map_or(0, |row| row.version)
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

    /// Carries out a decision, so that the next command of the batch sees it.
    pub fn apply(&mut self, changes: Changes, movements: &[Movement]) {
        for (id, product) in changes.products {
            let is_there = product.deleted_at.is_none();
            self.load_sku(product.sku.clone(), is_there.then_some(id));
            let before = self.stocked(id).product.take();
            if let Some(before) = before.filter(|before| before.deleted_at.is_none()) {
                self.file(&before.category_ids, -1);
            }
            if is_there {
                self.file(&product.category_ids, 1);
            }
            self.stocked(id).product = Some(product);
        }
        for (id, category) in changes.categories {
            let before = self.categories.remove(&id).flatten();
            for (row, change) in [(before.as_ref(), -1), (Some(&category), 1)] {
                let row = row.filter(|row| row.deleted_at.is_none());
                self.file(row.and_then(|row| row.parent_id).as_slice(), change);
            }
            self.categories.insert(id, Some(category));
        }
        if let Some(locations) = changes.locations {
            self.locations = Some(locations);
        }
        for (id, levels) in changes.levels {
            self.stocked(id).levels = levels;
        }
        for (id, reservation) in changes.reservations {
            self.reservations.insert(id, Some(reservation));
        }
        for (id, order) in changes.orders {
            if let Some(reference) = &order.external_reference {
                self.references.insert(reference.clone(), Some(id));
            }
            let customer = order.customer_id;
            if let Some(open) = customer.and_then(|customer| self.open_orders.get_mut(&customer)) {
                note_open(open, &order);
            }
            self.orders.insert(id, Some(order));
        }
        self.apply_accounts(changes.users, changes.sessions);
        self.api_keys.extend(changes.api_keys.into_iter().map(|(id, key)| (id, Some(key))));
        self.effects.extend(changes.effects.into_iter().map(|(id, effect)| (id, Some(effect))));
        let claimed = changes.gateway_ids.into_iter().map(|(key, order)| (key, Some(order)));
        self.gateway_ids.extend(claimed);
        self.apply_notices(changes.notices, &changes.forgotten_notices);
        self.outbox.apply(changes.outbox);
        self.warehouse.apply(changes.warehouse);
        self.imports.extend(changes.imports.into_iter().map(|(id, row)| (id, Some(row))));
        for movement in movements.iter().filter(|movement| movement.kind.moves_units()) {
            let (product, location) = (movement.product_id, movement.location_id);
            let (kind, moved_at) = (movement.kind, movement.occurred_at);
            self.moved.push((product, location, kind, moved_at, movement.delta_on_hand));
            let from = (product, location, Timestamp::MIN);
            let known = self.on_hand_at.range_mut(from..=(product, location, Timestamp::MAX));
            for ((_, _, at), past) in known {
                if let Some(past) = past {
                    past.take_in(*at, kind, moved_at, movement.delta_on_hand);
                }
            }
        }
    }

    fn apply_notices(
        &mut self,
        notices: BTreeMap<NoticeId, KeptNotice>,
        forgotten: &BTreeMap<NoticeId, KeptNotice>,
    ) {
        for notice in forgotten.values() {
            self.notices.extend(notice.keys().map(|key| (key, false)));
        }
        if let Some(old) = &mut self.old_notices {
            old.retain(|id, _| !forgotten.contains_key(id));
        }
        for notice in notices.values() {
            self.notices.extend(notice.keys().map(|key| (key, true)));
        }
        self.kept_notices.extend(notices);
    }

    fn apply_accounts(
        &mut self,
        users: BTreeMap<UserId, Arc<User>>,
        sessions: BTreeMap<SessionId, Session>,
    ) {
        for (id, user) in users {
            let before = self.users.get(&id).and_then(Option::as_ref);
            let was_admin = before.is_some_and(|before| before.is_enabled_admin());
            self.more_admins += i64::from(user.is_enabled_admin()) - i64::from(was_admin);
            if let Some(before) = before.filter(|before| before.email != user.email) {
                self.emails.insert(before.email.clone(), None);
            }
            self.emails.insert(user.email.clone(), Some(id));
            self.users.insert(id, Some(user));
        }
        for (id, session) in sessions {
            let is_new = self.session_version(id) == 0;
            if let Some(open) = self.open_sessions.get_mut(&session.user_id).filter(|_| is_new) {
                open.push(id);
            }
            self.sessions.insert(id, Some(session));
        }
    }

    /// What is known of a product's id; nothing yet when it is new.
    fn stocked(&mut self, id: ProductId) -> &mut Stocked {
        let warm = &mut self.warm;
        self.products.entry(id).or_insert_with(|| {
            warm.push_back(id);
            Stocked::default()
        })
    }

    /// Says of products, unless they are at hand already, that they are not to stay after this
    /// batch: what goes through once must not drive out what is asked for all the time.
    pub fn let_pass<'a>(&mut self, skus: impl Iterator<Item = &'a Sku>) {
        let new = skus.filter(|sku| !self.skus.contains_key(*sku));
        self.passing.extend(new.cloned());
    }

    /// They are among the newest that are at hand.
    fn forget_passing(&mut self) {
        let passing = core::mem::take(&mut self.passing);
        let ids = passing.iter().filter_map(|sku| self.skus.get(sku).copied().flatten());
        let mut ids: BTreeSet<ProductId> = ids.collect();
        let mut kept = Vec::new();
        while !ids.is_empty()
            && let Some(id) = self.warm.pop_back()
        {
            if ids.remove(&id) {
                self.forget(id);
            } else {
                kept.push(id);
            }
        }
        self.warm.extend(kept.into_iter().rev());
    }

    fn forget(&mut self, id: ProductId) {
        let product = self.products.remove(&id).and_then(|known| known.product);
        if let Some(product) = product
            && self.skus.get(&product.sku) == Some(&Some(id))
        {
            self.skus.remove(&product.sku);
        }
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
        for sku in self.absent.drain(..) {
            if self.skus.get(&sku) == Some(&None) {
                self.skus.remove(&sku);
            }
        }
        self.forget_passing();
        while self.warm.len() > products_max
            && let Some(id) = self.warm.pop_front()
        {
            self.forget(id);
        }
        if self.categories.len() > products_max {
            self.categories.clear();
        }
    }
}

/// By priority, then by id: the order in which locations are asked.
pub(crate) fn sort_locations(locations: &mut [Location]) {
    locations.sort_by_key(|location| (location.priority, location.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Money;
    use crate::text::{Name, Text};

    fn product(number: i64, sku: &str) -> Product {
        Product {
            id: ProductId::new(number).unwrap(),
            sku: Sku::new(sku).unwrap(),
            name: Name::new("tea").unwrap(),
            description: Text::default(),
            price: Money::new(1, "INR".parse().unwrap()),
            category_ids: Vec::new(),
            active: true,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
        }
    }

    fn known(state: &State) -> (Vec<i64>, Vec<&str>) {
        let mut ids: Vec<_> = state.products.keys().map(|id| id.number()).collect();
        let mut skus: Vec<_> = state.skus.keys().map(Sku::as_str).collect();
        ids.sort_unstable();
        skus.sort_unstable();
        (ids, skus)
    }

    #[test]
    fn the_newest_products_stay_and_nothing_of_the_others() {
        let mut state = State::default();
        for (number, sku) in [(1, "a"), (2, "b"), (3, "c")] {
            let row = product(number, sku);
            state.load_sku(row.sku.clone(), Some(row.id));
            state.load_product(row.id, Some((row, Vec::new())));
        }
        // Loaded again, it is not newer: what is asked for most is not kept for longer.
        let again = product(1, "a");
        state.load_product(again.id, Some((again, Vec::new())));
        state.load_sku(Sku::new("nothing").unwrap(), None);
        state.load_product(ProductId::new(9).unwrap(), None);
        assert_eq!(known(&state), (alloc::vec![1, 2, 3, 9], alloc::vec!["a", "b", "c", "nothing"]));
        state.end_batch(3);
        assert_eq!(known(&state), (alloc::vec![2, 3, 9], alloc::vec!["b", "c"]));
        let passing = ["b", "d", "e"].map(|sku| Sku::new(sku).unwrap());
        state.let_pass(passing.iter());
        for (number, sku) in [(4, "d"), (5, "f"), (6, "e")] {
            let row = product(number, sku);
            state.load_product(row.id, Some((row, Vec::new())));
        }
        state.end_batch(9);
        assert_eq!(known(&state), (alloc::vec![2, 3, 5, 9], alloc::vec!["b", "c", "f"]));
        state.end_batch(0);
        assert_eq!(known(&state), (Vec::new(), Vec::new()));
        assert!(state.warm.is_empty() && state.absent.is_empty());
    }
}
