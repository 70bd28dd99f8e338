//! The versions at which rows were loaded, which guard the engine's writes: a row that another
//! process has changed since is not overwritten.

use super::State;
use crate::Version;
use crate::ids::{
    ApiKeyId, CategoryId, ImportId, LocationId, NoticeId, OrderId, ProductId, ReservationId,
    SessionId, UserId,
};

impl State {
    /// The stored version of an import; 0 when there is none.
    pub fn import_version(&self, id: ImportId) -> Version {
        self.imports.get(&id).and_then(Option::as_ref).map_or(0, |row| row.import.version)
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
}
