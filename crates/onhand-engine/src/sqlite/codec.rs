//! Rows to values and back. A row that cannot be read is corrupt and says so; it is never guessed
//! at.

use std::sync::Arc;

use onhand_core::accounts::{
    ApiKey, Email, EndReason, PasswordHash, Role, Session, TokenHash, User,
};
use onhand_core::actor::Actor;
use onhand_core::catalog::{Category, Product};
use onhand_core::effects::{Effect, EffectState};
use onhand_core::events::EventBody;
use onhand_core::inventory::{
    Level, Location, Movement, MovementKind, Reservation, ReservationState, Totals,
};
use onhand_core::jobs::{Job, JobState};
use onhand_core::orders::{Order, Status};
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::text::{GatewayId, KeyPrefix, Name, Reason, Reference, Text};
use onhand_core::{Money, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use serde::Deserialize;

/// An instant from its stored form.
pub(super) fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| corrupt(0, error))
}

pub(super) fn corrupt(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not what this column may hold")]
pub(super) struct BadValue(pub(super) String);

fn bad(column: usize, value: impl ToString) -> Error {
    corrupt(column, BadValue(value.to_string()))
}

macro_rules! id {
    ($kind:ty, $row:expr, $column:expr) => {{
        let number: i64 = $row.get($column)?;
        <$kind>::new(number).ok_or_else(|| bad($column, number))?
    }};
}

pub(super) fn order_id(row: &Row<'_>, column: usize) -> Result<onhand_core::ids::OrderId> {
    Ok(id!(onhand_core::ids::OrderId, row, column))
}

fn text<T>(row: &Row<'_>, column: usize, parse: impl FnOnce(String) -> Option<T>) -> Result<T> {
    let text: String = row.get(column)?;
    parse(text.clone()).ok_or_else(|| bad(column, text))
}

fn optional_text<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(String) -> Option<T>,
) -> Result<Option<T>> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(text) => parse(text.clone()).map(Some).ok_or_else(|| bad(column, text)),
    }
}

pub(super) fn status(row: &Row<'_>, column: usize) -> Result<Status> {
    text(row, column, |name| Status::from_name(&name))
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    instant(row.get(column)?)
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(instant).transpose()
}

fn version(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| bad(column, number))
}

fn json<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| corrupt(column, error))?;
    serde_json::from_str(text).map_err(|error| corrupt(column, error))
}

pub(super) fn product(row: &Row<'_>) -> Result<Product> {
    use onhand_core::text::Sku;
    let currency = text(row, 5, |code| code.parse().ok())?;
    Ok(Product {
        id: id!(onhand_core::ids::ProductId, row, 0),
        sku: text(row, 1, |sku| Sku::new(sku).ok())?,
        name: text(row, 2, |name| Name::new(name).ok())?,
        description: text(row, 3, |words| Text::new(words).ok())?,
        price: Money::new(row.get(4)?, currency),
        category_ids: json(row, 7)?,
        active: row.get(6)?,
        version: version(row, 8)?,
        created_at: time(row, 9)?,
        updated_at: time(row, 10)?,
        deleted_at: optional_time(row, 11)?,
    })
}

pub(super) fn category(row: &Row<'_>) -> Result<Category> {
    use onhand_core::ids::CategoryId;
    let parent: Option<i64> = row.get(2)?;
    Ok(Category {
        id: id!(CategoryId, row, 0),
        name: text(row, 1, |name| Name::new(name).ok())?,
        parent_id: parent.and_then(CategoryId::new),
        version: version(row, 3)?,
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
        deleted_at: optional_time(row, 6)?,
    })
}

pub(super) fn location(row: &Row<'_>) -> Result<Location> {
    Ok(Location {
        id: id!(onhand_core::ids::LocationId, row, 0),
        code: text(row, 1, |code| Name::new(code).ok())?,
        name: text(row, 2, |name| Name::new(name).ok())?,
        priority: row.get(3)?,
        active: row.get(4)?,
        version: version(row, 5)?,
        created_at: time(row, 6)?,
        updated_at: time(row, 7)?,
    })
}

pub(super) fn level(row: &Row<'_>) -> Result<Level> {
    Ok(Level {
        product_id: id!(onhand_core::ids::ProductId, row, 0),
        location_id: id!(onhand_core::ids::LocationId, row, 1),
        on_hand: row.get(2)?,
        reserved: row.get(3)?,
        safety_stock: row.get(4)?,
        low_stock_threshold: row.get(5)?,
        totals: totals(row, 6)?,
        movements: version(row, 12)?,
        last_movement: row.get(13)?,
        version: version(row, 14)?,
        updated_at: time(row, 15)?,
        missing: row.get(16)?,
    })
}

/// Six columns of running totals from `first` on.
pub(super) fn totals(row: &Row<'_>, first: usize) -> Result<Totals> {
    Ok(Totals {
        received: row.get(first)?,
        sold: row.get(first + 1)?,
        returned: row.get(first + 2)?,
        adjusted: row.get(first + 3)?,
        counted: row.get(first + 4)?,
        transferred: row.get(first + 5)?,
    })
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> Result<MovementKind> {
    text(row, column, |kind| MovementKind::from_name(&kind))
}

pub(super) fn movement(row: &Row<'_>) -> Result<Movement> {
    Ok(Movement {
        seq: row.get(0)?,
        product_id: id!(onhand_core::ids::ProductId, row, 1),
        location_id: id!(onhand_core::ids::LocationId, row, 2),
        kind: kind(row, 3)?,
        reason: text(row, 4, |reason| Reason::new(reason).ok())?,
        reference: optional_text(row, 5, |reference| Reference::new(reference).ok())?,
        actor: text(row, 6, |actor| Some(Actor::from_stored(&actor)))?,
        delta_on_hand: row.get(7)?,
        delta_reserved: row.get(8)?,
        on_hand_after: row.get(9)?,
        reserved_after: row.get(10)?,
        occurred_at: time(row, 11)?,
        recorded_at: time(row, 12)?,
        previous: row.get(13)?,
        ordinal: version(row, 14)?,
        cause: row.get(15)?,
    })
}

pub(super) fn reservation(row: &Row<'_>) -> Result<Reservation> {
    let order: Option<i64> = row.get(7)?;
    Ok(Reservation {
        id: id!(onhand_core::ids::ReservationId, row, 0),
        product_id: id!(onhand_core::ids::ProductId, row, 1),
        location_id: id!(onhand_core::ids::LocationId, row, 2),
        quantity: row.get(3)?,
        consumed: row.get(4)?,
        released: row.get(5)?,
        state: text(row, 6, |state| ReservationState::from_name(&state))?,
        order_id: order.and_then(onhand_core::ids::OrderId::new),
        reference: optional_text(row, 8, |reference| Reference::new(reference).ok())?,
        expires_at: optional_time(row, 9)?,
        version: version(row, 10)?,
        created_at: time(row, 11)?,
        updated_at: time(row, 12)?,
    })
}

pub(super) fn user(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: id!(onhand_core::ids::UserId, row, 0),
        email: text(row, 1, |email| Email::new(&email).ok())?,
        name: optional_text(row, 2, |name| Name::new(name).ok())?,
        role: text(row, 3, |role| Role::from_name(&role))?,
        scopes: text(row, 4, |scopes| scopes.parse().ok())?,
        // A hash is not repeated in an error.
        password: row
            .get::<_, Option<String>>(5)?
            .map(|hash| PasswordHash::new(hash).map_err(|error| corrupt(5, error)))
            .transpose()?,
        disabled: row.get(6)?,
        tokens_from: row.get(7)?,
        version: version(row, 8)?,
        created_at: time(row, 9)?,
        updated_at: time(row, 10)?,
    })
}

pub(super) fn session(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        id: id!(onhand_core::ids::SessionId, row, 0),
        user_id: id!(onhand_core::ids::UserId, row, 1),
        current: TokenHash::new(row.get(2)?),
        previous: row.get::<_, Option<_>>(3)?.map(TokenHash::new),
        rotated_at: time(row, 4)?,
        created_at: time(row, 5)?,
        expires_at: time(row, 6)?,
        ended_at: optional_time(row, 7)?,
        ended_because: optional_text(row, 8, |reason| EndReason::from_name(&reason))?,
        version: version(row, 9)?,
    })
}

pub(super) fn api_key(row: &Row<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        id: id!(onhand_core::ids::ApiKeyId, row, 0),
        name: text(row, 1, |name| Name::new(name).ok())?,
        prefix: text(row, 2, |prefix| KeyPrefix::new(prefix).ok())?,
        hash: TokenHash::new(row.get(3)?),
        scopes: text(row, 4, |scopes| scopes.parse().ok())?,
        created_by: text(row, 5, |actor| Some(Actor::from_stored(&actor)))?,
        expires_at: optional_time(row, 6)?,
        last_used_at: optional_time(row, 7)?,
        revoked_at: optional_time(row, 8)?,
        version: version(row, 9)?,
        created_at: time(row, 10)?,
    })
}

pub(super) fn effect(row: &Row<'_>) -> Result<Effect> {
    Ok(Effect {
        order_id: id!(onhand_core::ids::OrderId, row, 0),
        state: text(row, 1, |state| EffectState::from_name(&state))?,
        due_at: time(row, 2)?,
        leased: row.get(3)?,
        epoch: version(row, 4)?,
        tries: row.get(5)?,
        ask_first: row.get(6)?,
        reason: optional_text(row, 7, |reason| Text::new(reason).ok())?,
        version: version(row, 8)?,
        created_at: time(row, 9)?,
        updated_at: time(row, 10)?,
        polls: row.get(11)?,
    })
}

pub(super) fn notice(row: &Row<'_>) -> Result<KeptNotice> {
    let order: Option<i64> = row.get(5)?;
    let is_waiting = row.get_ref(7)?.as_str_or_null().map_err(|error| corrupt(7, error))?;
    Ok(KeptNotice {
        id: id!(onhand_core::ids::NoticeId, row, 0),
        provider: text(row, 1, |name| Provider::from_name(&name))?,
        event_id: text(row, 2, |id| Reference::new(id).ok())?,
        body_hash: row.get(3)?,
        kind: text(row, 4, |kind| Reference::new(kind).ok())?,
        order_id: order.and_then(onhand_core::ids::OrderId::new),
        intent: optional_text(row, 6, |id| GatewayId::new(id).ok())?,
        seen: is_waiting.is_some().then(|| json(row, 7)).transpose()?,
        version: version(row, 8)?,
        received_at: time(row, 9)?,
    })
}

pub(super) fn job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        id: id!(onhand_core::ids::JobId, row, 0),
        queue: text(row, 1, |queue| queue.parse().ok())?,
        event: row.get(2)?,
        about: text(row, 3, |about| Reference::new(about).ok())?,
        lane: optional_text(row, 4, |lane| Reference::new(lane).ok())?,
        replay: row.get(5)?,
        state: text(row, 6, |state| JobState::from_name(&state))?,
        due_at: time(row, 7)?,
        leased: row.get(8)?,
        epoch: version(row, 9)?,
        tries: row.get(10)?,
        attempts: json(row, 11)?,
        version: version(row, 12)?,
        created_at: time(row, 13)?,
    })
}

/// A row that is a document.
pub(super) fn document<T: for<'de> Deserialize<'de>>(row: &Row<'_>, column: usize) -> Result<T> {
    json(row, column)
}

/// An order out of the event that holds it.
pub(super) fn order(row: &Row<'_>) -> Result<Order> {
    order_in(row, 0)
}

/// An order out of a column with the event that holds it.
pub(super) fn order_in(row: &Row<'_>, column: usize) -> Result<Order> {
    match json(row, column)? {
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
        | EventBody::Import(_) => Err(bad(column, "an event that is not about an order")),
        EventBody::DeadLetter(_) | EventBody::Proof(_) => {
            Err(bad(column, "an event that is not about an order"))
        }
    }
}
