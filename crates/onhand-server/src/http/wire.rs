//! The shapes of `/v1`: how objects are shown. Ids are prefixed texts, money has its currency,
//! instants are RFC 3339; what the core calls its rows does not leak out of here.

use std::fmt::Display;

use onhand_core::catalog::{Category, Product};
use onhand_core::events::EventBody;
use onhand_core::inventory::{
    Level, Location, Movement, Reservation, ReservationView, StockChange,
};
use onhand_core::orders::{Address, Allocation, Fulfilment, Metadata, Order, OrderLine};
use onhand_core::{Money, Timestamp};
use onhand_engine::sqlite::EventRow;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

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

/// A product, as `/v1` shows it.
pub fn product(row: &Product) -> Value {
    json!({
        "id": Shown(row.id), "object": "product", "sku": row.sku, "name": row.name,
        "description": row.description, "price": row.price,
        "category_ids": row.category_ids.iter().map(|id| Shown(*id)).collect::<Vec<_>>(),
        "active": row.active, "version": row.version,
        "created_at": row.created_at, "updated_at": row.updated_at,
    })
}

/// A category.
pub fn category(row: &Category) -> Value {
    json!({
        "id": Shown(row.id), "object": "category", "name": row.name,
        "parent_id": row.parent_id.map(Shown), "version": row.version,
        "created_at": row.created_at, "updated_at": row.updated_at,
    })
}

/// A location.
pub fn location(row: &Location) -> Value {
    json!({
        "id": Shown(row.id), "object": "location", "code": row.code, "name": row.name,
        "priority": row.priority, "active": row.active, "version": row.version,
        "created_at": row.created_at, "updated_at": row.updated_at,
    })
}

/// A level.
pub fn level(sku: &str, row: &Level) -> Value {
    json!({
        "object": "stock_level", "sku": sku, "product_id": Shown(row.product_id),
        "location_id": Shown(row.location_id), "on_hand": row.on_hand, "reserved": row.reserved,
        "safety_stock": row.safety_stock, "available": row.available(),
        "low_stock_threshold": row.low_stock_threshold, "version": row.version,
        "updated_at": row.updated_at,
    })
}

/// The stock of a product over all its locations.
pub fn stock(product: &Product, levels: &[Level], as_of: Option<Timestamp>) -> Value {
    let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
    let sku = product.sku.as_str();
    json!({
        "object": "stock", "sku": sku, "product_id": Shown(product.id),
        "on_hand": sum(|level| level.on_hand), "reserved": sum(|level| level.reserved),
        "safety_stock": sum(|level| level.safety_stock), "available": sum(Level::available),
        "locations": levels.iter().map(|row| level(sku, row)).collect::<Vec<_>>(),
        "as_of": as_of,
    })
}

/// An entry of the ledger.
pub fn movement(sku: &str, row: &Movement) -> Value {
    json!({
        "object": "movement", "seq": row.seq, "sku": sku, "location_id": Shown(row.location_id),
        "kind": row.kind, "reason": row.reason, "reference": row.reference, "actor": row.actor,
        "delta_on_hand": row.delta_on_hand, "delta_reserved": row.delta_reserved,
        "on_hand_after": row.on_hand_after, "reserved_after": row.reserved_after,
        "occurred_at": row.occurred_at, "recorded_at": row.recorded_at, "cause": row.cause,
    })
}

/// Movements that were made, with the levels that they left.
pub fn stock_changes(changes: &[StockChange]) -> Value {
    let row = |change: &StockChange| {
        let sku = change.sku.as_str();
        json!({ "movement": movement(sku, &change.movement), "level": level(sku, &change.level) })
    };
    json!({ "object": "stock_changes", "data": changes.iter().map(row).collect::<Vec<_>>() })
}

/// A reservation.
pub fn reservation(sku: &str, row: &Reservation) -> Value {
    json!({
        "id": Shown(row.id), "object": "reservation", "sku": sku,
        "product_id": Shown(row.product_id), "location_id": Shown(row.location_id),
        "quantity": row.quantity, "consumed": row.consumed, "released": row.released,
        "state": row.state, "order_id": row.order_id.map(Shown), "reference": row.reference,
        "expires_at": row.expires_at, "version": row.version,
        "created_at": row.created_at, "updated_at": row.updated_at,
    })
}

/// Reservations made or changed together.
pub fn reservations(views: &[ReservationView]) -> Value {
    let rows = views.iter().map(|view| reservation(view.sku.as_str(), &view.reservation));
    json!({ "object": "reservations", "data": rows.collect::<Vec<_>>() })
}

#[derive(Serialize)]
struct AllocationView {
    reservation_id: Shown<onhand_core::ids::ReservationId>,
    location_id: Shown<onhand_core::ids::LocationId>,
    quantity: i64,
    sourcing: onhand_core::inventory::Sourcing,
}

#[derive(Serialize)]
struct LineView<'a> {
    line: u32,
    sku: &'a str,
    product_id: Shown<onhand_core::ids::ProductId>,
    name: &'a str,
    quantity: i64,
    fulfilled: i64,
    returned: i64,
    unit_price: Money,
    total: Money,
    #[serde(serialize_with = "allocations")]
    allocations: &'a [Allocation],
}

/// An order, as `/v1` shows it. A struct rather than a JSON tree: this is the hot path.
#[derive(Serialize)]
pub struct OrderView<'a> {
    id: Shown<onhand_core::ids::OrderId>,
    object: &'static str,
    number: i64,
    status: onhand_core::orders::Status,
    customer_id: Option<Shown<onhand_core::ids::CustomerId>>,
    currency: onhand_core::Currency,
    #[serde(serialize_with = "lines")]
    lines: &'a Order,
    subtotal: Money,
    total: Money,
    amount_paid: Money,
    amount_refunded: Money,
    payment_method: Option<&'a str>,
    shipping_address: Option<&'a Address>,
    external_reference: Option<&'a str>,
    metadata: &'a Metadata,
    fulfilments: &'a [Fulfilment],
    expires_at: Option<Timestamp>,
    failure_reason: Option<&'a str>,
    version: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn allocations<S: Serializer>(rows: &&[Allocation], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(rows.iter().map(|row| AllocationView {
        reservation_id: Shown(row.reservation_id),
        location_id: Shown(row.location_id),
        quantity: row.quantity,
        sourcing: row.sourcing,
    }))
}

fn lines<S: Serializer>(order: &&Order, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(order.lines.iter().map(|row: &OrderLine| LineView {
        line: row.line,
        sku: row.sku.as_str(),
        product_id: Shown(row.product_id),
        name: row.name.as_str(),
        quantity: row.quantity,
        fulfilled: row.fulfilled,
        returned: row.returned,
        unit_price: Money::new(row.unit_price, order.currency),
        total: Money::new(row.total(), order.currency),
        allocations: &row.allocations,
    }))
}

impl<'a> OrderView<'a> {
    /// The view of an order.
    pub fn of(order: &'a Order) -> Self {
        let total = Money::new(order.total, order.currency);
        let nothing = Money::new(0, order.currency);
        Self {
            id: Shown(order.id),
            object: "order",
            number: order.id.number(),
            status: order.status,
            customer_id: order.customer_id.map(Shown),
            currency: order.currency,
            lines: order,
            subtotal: total,
            total,
            amount_paid: nothing,
            amount_refunded: nothing,
            payment_method: order.payment_method.as_ref().map(|name| name.as_str()),
            shipping_address: order.shipping_address.as_ref(),
            external_reference: order.external_reference.as_ref().map(|text| text.as_str()),
            metadata: &order.metadata,
            fulfilments: &order.fulfilments,
            expires_at: order.expires_at,
            failure_reason: order.failure_reason.as_ref().map(|reason| reason.as_str()),
            version: order.version,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }
}

/// An event with the object as it was left.
pub fn event(row: &EventRow) -> Value {
    let (subject, data) = match &row.body {
        EventBody::Product(row) => (row.id.to_string(), product(row)),
        EventBody::Category(row) => (row.id.to_string(), category(row)),
        EventBody::Location(row) => (row.id.to_string(), location(row)),
        EventBody::Stock(changes) => (first_product(changes), stock_changes(changes)),
        EventBody::Level { sku, level: row } => {
            (row.product_id.to_string(), level(sku.as_str(), row))
        }
        EventBody::Reservations(views) => {
            let first = views.first().map(|view| view.reservation.id.to_string());
            (first.unwrap_or_default(), reservations(views))
        }
        EventBody::Order(order) => {
            (order.id.to_string(), serde_json::to_value(OrderView::of(order)).unwrap_or_default())
        }
    };
    json!({
        "id": format!("evt_{}", row.seq), "object": "event", "seq": row.seq, "type": row.kind,
        "subject": subject, "occurred_at": row.recorded_at, "actor": row.actor, "data": data,
    })
}

fn first_product(changes: &[StockChange]) -> String {
    changes.first().map(|change| change.movement.product_id.to_string()).unwrap_or_default()
}
