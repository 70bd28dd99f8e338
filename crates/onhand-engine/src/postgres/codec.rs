//! Rows to values and back. A row that cannot be read is corrupt and says so; it is never guessed
//! at.

use std::error::Error as StdError;
use std::sync::Arc;

use onhand_core::accounts::{
    ApiKey, Email, EndReason, PasswordHash, Role, Session, TokenHash, User,
};
use onhand_core::actor::Actor;
use onhand_core::catalog::{Category, Product};
use onhand_core::effects::{Effect, EffectState};
use onhand_core::events::EventBody;
use onhand_core::ids::{
    ApiKeyId, CategoryId, JobId, LocationId, NoticeId, OrderId, ProductId, ReservationId,
    SessionId, UserId,
};
use onhand_core::inventory::{
    Level, Location, Movement, MovementKind, Reservation, ReservationState, Totals,
};
use onhand_core::jobs::{Job, JobState};
use onhand_core::orders::Order;
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::text::{GatewayId, KeyPrefix, Name, Reason, Reference, Sku, Text};
use onhand_core::{Money, Timestamp};
use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::error::{Result, corrupt};
use crate::past::{MarkAfter, Units};
use crate::query::EventRow;

/// Sixteen bytes of a key, as the database's own type for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid(pub(super) [u8; 16]);

impl ToSql for Uuid {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }

    to_sql_checked!();
}

impl FromSql<'_> for Uuid {
    fn from_sql(
        _: &Type,
        raw: &[u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}

/// A column of a row, which its table names in case of trouble.
pub(super) fn get<'a, T: FromSql<'a>>(
    row: &'a Row,
    table: &'static str,
    column: usize,
) -> Result<T> {
    row.try_get(column).map_err(|error| corrupt(table, error))
}

/// An instant from its stored form.
pub(super) fn instant(table: &'static str, micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| corrupt(table, error))
}

fn bad(table: &'static str, value: impl std::fmt::Display) -> super::error::Error {
    corrupt(table, format!("`{value}` is not what its column may hold"))
}

/// One row and the table that it is from; in a row of several tables, the column of its first.
struct Reading<'a>(&'a Row, &'static str, usize);

impl<'a> Reading<'a> {
    /// Six columns of running totals from `first` on.
    fn totals(&self, first: usize) -> Result<Totals> {
        Ok(Totals {
            received: self.get(first)?,
            sold: self.get(first + 1)?,
            returned: self.get(first + 2)?,
            adjusted: self.get(first + 3)?,
            counted: self.get(first + 4)?,
            transferred: self.get(first + 5)?,
        })
    }

    fn get<T: FromSql<'a>>(&self, column: usize) -> Result<T> {
        get(self.0, self.1, self.2 + column)
    }

    fn parsed<T>(&self, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text: &str = self.get(column)?;
        parse(text).ok_or_else(|| bad(self.1, text))
    }

    fn optional<T>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let text: Option<&str> = self.get(column)?;
        text.map(|text| parse(text).ok_or_else(|| bad(self.1, text))).transpose()
    }

    fn id<T>(&self, column: usize, new: impl FnOnce(i64) -> Option<T>) -> Result<T> {
        let number: i64 = self.get(column)?;
        new(number).ok_or_else(|| bad(self.1, number))
    }

    fn time(&self, column: usize) -> Result<Timestamp> {
        instant(self.1, self.get(column)?)
    }

    fn optional_time(&self, column: usize) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>(column)?.map(|micros| instant(self.1, micros)).transpose()
    }

    fn hash(&self, column: usize) -> Result<TokenHash> {
        self.digest(column).map(TokenHash::new)
    }

    fn digest(&self, column: usize) -> Result<[u8; 32]> {
        let bytes: &[u8] = self.get(column)?;
        bytes.try_into().map_err(|error| corrupt(self.1, error))
    }

    fn count(&self, column: usize) -> Result<u64> {
        let number: i64 = self.get(column)?;
        u64::try_from(number).map_err(|_| bad(self.1, number))
    }

    fn small(&self, column: usize) -> Result<u32> {
        let number = self.count(column)?;
        u32::try_from(number).map_err(|_| bad(self.1, number))
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, column: usize) -> Result<T> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text).map_err(|error| corrupt(self.1, error))
    }
}

pub(super) fn product(row: &Row) -> Result<Product> {
    let row = Reading(row, "products", 0);
    Ok(Product {
        id: row.id(0, ProductId::new)?,
        sku: row.parsed(1, |sku| Sku::new(sku).ok())?,
        name: row.parsed(2, |name| Name::new(name).ok())?,
        description: row.parsed(3, |words| Text::new(words).ok())?,
        price: Money::new(row.get(4)?, row.parsed(5, |code| code.parse().ok())?),
        active: row.get(6)?,
        category_ids: row.json(7)?,
        version: row.count(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
        deleted_at: row.optional_time(11)?,
    })
}

pub(super) fn category(row: &Row) -> Result<Category> {
    let row = Reading(row, "categories", 0);
    Ok(Category {
        id: row.id(0, CategoryId::new)?,
        name: row.parsed(1, |name| Name::new(name).ok())?,
        parent_id: row.get::<Option<i64>>(2)?.and_then(CategoryId::new),
        version: row.count(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        deleted_at: row.optional_time(6)?,
    })
}

pub(super) fn location(row: &Row) -> Result<Location> {
    let row = Reading(row, "locations", 0);
    Ok(Location {
        id: row.id(0, LocationId::new)?,
        code: row.parsed(1, |code| Name::new(code).ok())?,
        name: row.parsed(2, |name| Name::new(name).ok())?,
        priority: row.get(3)?,
        active: row.get(4)?,
        version: row.count(5)?,
        created_at: row.time(6)?,
        updated_at: row.time(7)?,
    })
}

pub(super) fn level(row: &Row) -> Result<Level> {
    level_behind(row, 0)
}

/// A level behind so many columns of something else.
pub(super) fn level_behind(row: &Row, columns: usize) -> Result<Level> {
    let row = Reading(row, "levels", columns);
    Ok(Level {
        product_id: row.id(0, ProductId::new)?,
        location_id: row.id(1, LocationId::new)?,
        on_hand: row.get(2)?,
        reserved: row.get(3)?,
        safety_stock: row.get(4)?,
        low_stock_threshold: row.get(5)?,
        totals: row.totals(6)?,
        movements: row.count(12)?,
        last_movement: row.get(13)?,
        version: row.count(14)?,
        updated_at: row.time(15)?,
        missing: row.get(16)?,
    })
}

/// The first mark after an instant, if there is one.
pub(super) fn mark_after(row: &Row) -> Result<MarkAfter> {
    let row = Reading(row, "movement_marks", 0);
    let seq: Option<i64> = row.get(0)?;
    seq.map(|seq| Ok((seq, row.totals(1)?))).transpose()
}

/// What entries of a kind make at another time than they were recorded.
pub(super) fn shifted(row: &Row) -> Result<(MovementKind, Units)> {
    let row = Reading(row, "shifted_sums", 0);
    let units = Units { on_hand: row.get(1)?, reserved: row.get(2)? };
    Ok((row.parsed(0, MovementKind::from_name)?, units))
}

pub(super) fn movement(row: &Row) -> Result<Movement> {
    let row = Reading(row, "movements", 0);
    Ok(Movement {
        seq: row.get(0)?,
        product_id: row.id(1, ProductId::new)?,
        location_id: row.id(2, LocationId::new)?,
        kind: row.parsed(3, MovementKind::from_name)?,
        reason: row.parsed(4, |reason| Reason::new(reason).ok())?,
        reference: row.optional(5, |reference| Reference::new(reference).ok())?,
        actor: row.parsed(6, |actor| Some(Actor::from_stored(actor)))?,
        delta_on_hand: row.get(7)?,
        delta_reserved: row.get(8)?,
        on_hand_after: row.get(9)?,
        reserved_after: row.get(10)?,
        occurred_at: row.time(11)?,
        recorded_at: row.time(12)?,
        previous: row.get(13)?,
        ordinal: row.count(14)?,
        cause: row.get(15)?,
    })
}

pub(super) fn reservation(row: &Row) -> Result<Reservation> {
    let row = Reading(row, "reservations", 0);
    Ok(Reservation {
        id: row.id(0, ReservationId::new)?,
        product_id: row.id(1, ProductId::new)?,
        location_id: row.id(2, LocationId::new)?,
        quantity: row.get(3)?,
        consumed: row.get(4)?,
        released: row.get(5)?,
        state: row.parsed(6, ReservationState::from_name)?,
        order_id: row.get::<Option<i64>>(7)?.and_then(OrderId::new),
        reference: row.optional(8, |reference| Reference::new(reference).ok())?,
        expires_at: row.optional_time(9)?,
        version: row.count(10)?,
        created_at: row.time(11)?,
        updated_at: row.time(12)?,
    })
}

pub(super) fn user(row: &Row) -> Result<User> {
    let row = Reading(row, "users", 0);
    Ok(User {
        id: row.id(0, UserId::new)?,
        email: row.parsed(1, |email| Email::new(email).ok())?,
        name: row.optional(2, |name| Name::new(name).ok())?,
        role: row.parsed(3, Role::from_name)?,
        scopes: row.parsed(4, |scopes| scopes.parse().ok())?,
        // A hash is not repeated in an error.
        password: row
            .get::<Option<String>>(5)?
            .map(|hash| PasswordHash::new(hash).map_err(|error| corrupt("users", error)))
            .transpose()?,
        disabled: row.get(6)?,
        tokens_from: row.get(7)?,
        version: row.count(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
    })
}

pub(super) fn session(row: &Row) -> Result<Session> {
    let row = Reading(row, "sessions", 0);
    let has_previous = row.get::<Option<&[u8]>>(3)?.is_some();
    Ok(Session {
        id: row.id(0, SessionId::new)?,
        user_id: row.id(1, UserId::new)?,
        current: row.hash(2)?,
        previous: has_previous.then(|| row.hash(3)).transpose()?,
        rotated_at: row.time(4)?,
        created_at: row.time(5)?,
        expires_at: row.time(6)?,
        ended_at: row.optional_time(7)?,
        ended_because: row.optional(8, EndReason::from_name)?,
        version: row.count(9)?,
    })
}

pub(super) fn api_key(row: &Row) -> Result<ApiKey> {
    let row = Reading(row, "api_keys", 0);
    Ok(ApiKey {
        id: row.id(0, ApiKeyId::new)?,
        name: row.parsed(1, |name| Name::new(name).ok())?,
        prefix: row.parsed(2, |prefix| KeyPrefix::new(prefix).ok())?,
        hash: row.hash(3)?,
        scopes: row.parsed(4, |scopes| scopes.parse().ok())?,
        created_by: row.parsed(5, |actor| Some(Actor::from_stored(actor)))?,
        expires_at: row.optional_time(6)?,
        last_used_at: row.optional_time(7)?,
        revoked_at: row.optional_time(8)?,
        version: row.count(9)?,
        created_at: row.time(10)?,
    })
}

pub(super) fn effect(row: &Row) -> Result<Effect> {
    let row = Reading(row, "effects", 0);
    Ok(Effect {
        order_id: row.id(0, OrderId::new)?,
        state: row.parsed(1, EffectState::from_name)?,
        due_at: row.time(2)?,
        leased: row.get(3)?,
        epoch: row.count(4)?,
        tries: row.small(5)?,
        ask_first: row.get(6)?,
        reason: row.optional(7, |reason| Text::new(reason).ok())?,
        version: row.count(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
        polls: row.small(11)?,
    })
}

pub(super) fn notice(row: &Row) -> Result<KeptNotice> {
    let row = Reading(row, "notices", 0);
    let is_waiting = row.get::<Option<&str>>(7)?.is_some();
    Ok(KeptNotice {
        id: row.id(0, NoticeId::new)?,
        provider: row.parsed(1, Provider::from_name)?,
        event_id: row.parsed(2, |id| Reference::new(id).ok())?,
        body_hash: row.digest(3)?,
        kind: row.parsed(4, |kind| Reference::new(kind).ok())?,
        order_id: row.get::<Option<i64>>(5)?.and_then(OrderId::new),
        intent: row.optional(6, |id| GatewayId::new(id).ok())?,
        seen: is_waiting.then(|| row.json(7)).transpose()?,
        version: row.count(8)?,
        received_at: row.time(9)?,
    })
}

pub(super) fn job(row: &Row) -> Result<Job> {
    let row = Reading(row, "jobs", 0);
    Ok(Job {
        id: row.id(0, JobId::new)?,
        queue: row.parsed(1, |queue| queue.parse().ok())?,
        event: row.get(2)?,
        about: row.parsed(3, |about| Reference::new(about).ok())?,
        lane: row.optional(4, |lane| Reference::new(lane).ok())?,
        replay: row.small(5)?,
        state: row.parsed(6, JobState::from_name)?,
        due_at: row.time(7)?,
        leased: row.get(8)?,
        epoch: row.count(9)?,
        tries: row.small(10)?,
        attempts: row.json(11)?,
        version: row.count(12)?,
        created_at: row.time(13)?,
    })
}

/// A SKU in a column of its own.
pub(super) fn sku(row: &Row, column: usize) -> Result<Sku> {
    Reading(row, "products", 0).parsed(column, |sku| Sku::new(sku).ok())
}

/// An order out of the event that holds it.
pub(super) fn order(row: &Row, column: usize) -> Result<Order> {
    match Reading(row, "events", 0).json(column)? {
        EventBody::Order(order) => Ok(Arc::unwrap_or_clone(order)),
        EventBody::Product(_)
        | EventBody::Sync(_)
        | EventBody::Shortfall(_)
        | EventBody::Category(_)
        | EventBody::Location(_)
        | EventBody::Stock(_)
        | EventBody::Level { .. }
        | EventBody::Reservations(_)
        | EventBody::User(_)
        | EventBody::Session(_)
        | EventBody::ApiKey(_)
        | EventBody::Endpoint(_)
        | EventBody::Import(_) => Err(bad("events", "an event that is not about an order")),
        EventBody::DeadLetter(_) | EventBody::Proof(_) => {
            Err(bad("events", "an event that is not about an order"))
        }
    }
}

/// An event: its position, type, actor, time and body.
pub(super) fn event(row: &Row) -> Result<EventRow> {
    let row = Reading(row, "events", 0);
    Ok(EventRow {
        seq: row.get(0)?,
        kind: row.get(1)?,
        actor: row.parsed(2, |actor| Some(Actor::from_stored(actor)))?,
        recorded_at: row.time(3)?,
        body: row.json(4)?,
    })
}
