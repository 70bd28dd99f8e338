//! Bodies of `stock`: what they must be, and what is said where they are not, in the words of the
//! validator that its clients know.

use axum::http::StatusCode;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use onhand_core::limits::{QUANTITY_MAX, REFERENCE_CHARS_MAX};
use onhand_core::text::Reference;
use onhand_core::{Quantity, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::fault::Fault;
use super::super::fields::{Fields, Sent};

/// It was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"statusCode": 200, "message": "Success"}))]
pub(super) struct Success {
    status_code: u16,
    message: &'static str,
}

impl Success {
    pub(super) const fn new() -> Self {
        Self { status_code: 200, message: "Success" }
    }
}

/// It was not.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "faults are put together as they are; this says what they look like")]
#[schema(rename_all = "camelCase", example = json!({"statusCode": 602,
    "message": "Product not available"}))]
pub(super) struct Failure {
    /// 601, 602 or 603; of anything else the status.
    status_code: u16,
    message: String,
}

/// What happened to a product's stock.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(rename_all = "camelCase", example = json!({"eventType": "stockUpdate",
    "productId": "123", "quantity": 10, "timestamp": "2026-11-21T03:00:00Z"}))]
pub(super) struct UpdateStock {
    /// `stockUpdate` adds units, `orderPlaced` takes them.
    #[schema(pattern = "^(stockUpdate|orderPlaced)$")]
    event_type: String,
    /// The SKU.
    product_id: String,
    #[schema(minimum = 0)]
    quantity: i64,
    /// When it happened. The same event with the same time is taken in once.
    timestamp: String,
}

/// Units of an order.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(rename_all = "camelCase", example = json!({"orderId": "order-1", "quantity": 2}))]
pub(super) struct OfOrder {
    /// Orders without an id hold together.
    order_id: Option<String>,
    #[schema(minimum = 0)]
    quantity: i64,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    StockUpdate,
    OrderPlaced,
}

impl EventKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::StockUpdate => "stockUpdate",
            Self::OrderPlaced => "orderPlaced",
        }
    }
}

/// An event, as it can be taken in.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: EventKind,
    pub(super) product_id: String,
    /// None of nothing.
    pub(super) quantity: Option<Quantity>,
    pub(super) occurred_at: Timestamp,
}

/// Units that an order wants to hold, or to give back.
#[derive(Debug)]
pub(super) struct Wanted {
    /// None where the client names none.
    pub(super) order: Option<Reference>,
    /// None of nothing.
    pub(super) quantity: Option<Quantity>,
}

/// The answer to a body of which these things are wrong.
pub(super) fn invalid(texts: Vec<String>) -> Fault {
    let body = json!({"statusCode": 400, "message": texts, "error": "Bad Request"});
    Fault::new(StatusCode::BAD_REQUEST, body)
}

/// What is said of a quantity beyond what can be held.
pub(super) fn too_large() -> String {
    format!("quantity must not be greater than {QUANTITY_MAX}")
}

/// Reads an event.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn event(fields: &Fields) -> Result<Event, Fault> {
    let mut wrong = Vec::new();
    let kinds = [EventKind::StockUpdate, EventKind::OrderPlaced];
    let kind = kinds.into_iter().find(|kind| fields.get("eventType").text() == Some(kind.as_str()));
    if kind.is_none() {
        let names = kinds.map(EventKind::as_str).join(", ");
        wrong.push(format!("eventType must be one of the following values: {names}"));
    }
    let product_id = match fields.get("productId").text() {
        Some("") => {
            wrong.push("productId should not be empty".into());
            None
        }
        Some(text) => Some(text.to_owned()),
        None => {
            wrong.push("productId must be a string".into());
            None
        }
    };
    let quantity = quantity(fields, &mut wrong);
    let occurred_at = fields.get("timestamp").text().and_then(instant);
    if occurred_at.is_none() {
        wrong.push("timestamp must be a valid ISO 8601 date string".into());
    }
    match (kind, product_id, quantity, occurred_at) {
        (Some(kind), Some(product_id), Some(quantity), Some(occurred_at)) => {
            Ok(Event { kind, product_id, quantity, occurred_at })
        }
        _ => Err(invalid(wrong)),
    }
}

/// Reads what an order wants.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn of_order(fields: &Fields) -> Result<Wanted, Fault> {
    let mut wrong = Vec::new();
    let order = match fields.get("orderId") {
        Sent::Absent | Sent::Null => Some(None),
        Sent::Text(text) if text.is_empty() => Some(None),
        // Those who number their orders mean the same order by 7 and "7".
        Sent::Text(text) | Sent::Number(text) => Reference::new(text.as_str()).ok().map(Some),
        Sent::Bool(_) | Sent::List(_) | Sent::Object(_) => None,
    };
    if order.is_none() {
        wrong.push(format!(
            "orderId must be a string of at most {REFERENCE_CHARS_MAX} printable characters"
        ));
    }
    match (order, quantity(fields, &mut wrong)) {
        (Some(order), Some(quantity)) => Ok(Wanted { order, quantity }),
        _ => Err(invalid(wrong)),
    }
}

/// Units, none of nothing; outside of `Some` what is wrong is said.
fn quantity(fields: &Fields, wrong: &mut Vec<String>) -> Option<Option<Quantity>> {
    let units = fields.get("quantity").number().map(|number| number.in_units(0));
    match units {
        Some(Ok(0)) => Some(None),
        Some(Ok(units)) if units < 0 => {
            wrong.push("quantity must not be less than 0".into());
            None
        }
        Some(Ok(units)) => {
            let quantity = Quantity::new(units);
            if quantity.is_none() {
                wrong.push(too_large());
            }
            quantity.map(Some)
        }
        Some(Err(_)) | None => {
            wrong.push("quantity must be an integer number".into());
            None
        }
    }
}

/// An instant in ISO 8601; in UTC where it does not say.
fn instant(text: &str) -> Option<Timestamp> {
    let exact = text.parse::<jiff::Timestamp>().ok();
    let civil = || {
        let civil = text.parse::<DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    exact.or_else(civil).map(onhand_engine::clock::to_micros)
}

/// What is said where an order holds another number than it wants.
pub(super) fn conflict(order: &Reference, held: i64) -> Fault {
    let message = format!("Order {order} already reserved {held}");
    let body: Value = json!({"statusCode": 409, "message": message, "error": "Conflict"});
    Fault::new(StatusCode::CONFLICT, body)
}
