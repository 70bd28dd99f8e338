//! The shapes of `/v1`: how objects are shown and described. Ids are prefixed texts, money has its
//! currency, instants are RFC 3339; what the core calls its rows does not leak out of here. Each
//! view serialises and describes itself, so that document and answer cannot drift apart.

pub mod accounts;
pub mod catalog;
pub mod events;
pub mod imports;
pub mod lists;
pub mod operations;
pub mod orders;
pub mod outbox;
pub mod payments;
pub mod reservations;
pub mod stock;
pub mod values;
pub mod warehouse;

use std::fmt::Display;

use onhand_core::Timestamp;
use onhand_core::ids::{
    ApiKeyId, CategoryId, CustomerId, LocationId, OrderId, ProductId, ReservationId, SessionId,
    UserId,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Something shown as its text: an id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T> Deserialize<'de> for Shown<T>
where
    T: std::str::FromStr,
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error| de::Error::custom(format!("`{text}`: {error}")))
    }
}

/// An instant as it is sent: RFC 3339 with its offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentInstant(pub Timestamp);

impl std::str::FromStr for SentInstant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "expected an instant like `2026-11-21T14:03:07Z`")
    }
}

impl<'de> Deserialize<'de> for SentInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("`{text}`, {error}")))
    }
}

/// A product's id on the wire.
pub type ShownProduct = Shown<ProductId>;
/// A category's id on the wire.
pub type ShownCategory = Shown<CategoryId>;
/// A location's id on the wire.
pub type ShownLocation = Shown<LocationId>;
/// A reservation's id on the wire.
pub type ShownReservation = Shown<ReservationId>;
/// An order's id on the wire.
pub type ShownOrder = Shown<OrderId>;
/// A customer's id on the wire.
pub type ShownCustomer = Shown<CustomerId>;
/// A user's id on the wire.
pub type ShownUser = Shown<UserId>;
/// A session's id on the wire.
pub type ShownSession = Shown<SessionId>;
/// An API key's id on the wire.
pub type ShownApiKey = Shown<ApiKeyId>;
