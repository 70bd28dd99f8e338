//! Rows as the engine brings them. What an earlier command of the same batch has changed is newer
//! than what is stored, and stays. Of the outbox and the warehouse they are in `state/outbox.rs`
//! and `state/warehouse.rs`.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{State, Stocked, sort_locations};
use crate::Timestamp;
use crate::accounts::{ApiKey, Email, Session, User};
use crate::catalog::{Category, Product};
use crate::effects::Effect;
use crate::ids::{
    ApiKeyId, CategoryId, CustomerId, ImportId, LocationId, OrderId, ProductId, ReservationId,
    SessionId, UserId,
};
use crate::imports::ImportRow;
use crate::inventory::{Level, Location, Past, Reservation};
use crate::orders::{OpenOrders, Order, note_open};
use crate::payments::{KeptNotice, NoticeKey, Provider};
use crate::text::{GatewayId, Reference, Sku};

impl State {
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

    /// Takes in the holds of a reference of a product, as they are stored: what the batch has
    /// changed stays.
    pub fn load_holds_of(&mut self, key: (Reference, ProductId), rows: Vec<Reservation>) {
        for row in rows {
            self.reservations.entry(row.id).or_insert(Some(row));
        }
        let known = self.reservations.values().flatten();
        let known = known.filter(|row| row.product_id == key.1);
        let ids = known.filter(|row| row.holder().as_ref() == Some(&key)).map(|row| row.id);
        let ids = ids.collect();
        self.holds_of.insert(key, ids);
    }

    /// Takes in the holds of a product that have run out.
    pub fn load_expired_holds(&mut self, id: ProductId, holds: Vec<ReservationId>) {
        self.expired_holds.insert(id, holds);
    }

    /// Takes in the oldest holds that have run out.
    pub fn load_due(&mut self, holds: Vec<ReservationId>) {
        self.due = Some(holds);
    }

    /// Takes in what was on hand at an instant, as it is stored. What the batch has moved stays.
    pub fn load_on_hand_at(&mut self, key: (ProductId, LocationId, Timestamp), mut past: Past) {
        for (product, location, kind, moved_at, delta) in &self.moved {
            if (*product, *location) == (key.0, key.1) {
                past.take_in(key.2, *kind, *moved_at, *delta);
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

    /// Takes in messages that were taken in long ago, as they are stored. Nothing changes them any
    /// more.
    pub fn load_old_notices(&mut self, rows: Vec<KeptNotice>) {
        self.old_notices = Some(rows.into_iter().map(|row| (row.id, row)).collect());
    }
}
