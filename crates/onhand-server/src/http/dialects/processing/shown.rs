//! What this contract shows: orders and users. Ids are texts, amounts are numbers with all their
//! digits, and an order has one of three states.

use onhand_core::accounts::{Role, UserView};
use onhand_core::ids::{CustomerId, ProductId};
use onhand_core::orders::{self, Order, Status};
use onhand_core::{Money, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::dialects::decimal;
use crate::http::wire::Shown;
use crate::http::wire::catalog::Money as SentMoney;

/// An amount as a number, in the decimals of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount(Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = RawValue::from_string(decimal::shown(self.0));
        digits.map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// An instant with the three decimals that these clients are used to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instant(Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// One product of an order.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Item)]
struct ItemShown {
    /// The product's number.
    product_id: String,
    /// Its name when it was bought.
    name: String,
    /// How many.
    #[schema(minimum = 1)]
    quantity: i64,
    /// Of one, when it was bought.
    #[schema(value_type = f64, minimum = 0)]
    price: Amount,
    #[serde(rename = "_id")]
    id: String,
}

/// Where an order goes.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ShippingAddress, example = json!({"street": "123 Main St", "city": "New York",
    "state": "NY", "zipCode": "10001", "country": "USA"}))]
struct AddressShown {
    street: String,
    city: String,
    state: String,
    zip_code: String,
    country: String,
}

impl From<orders::Address> for AddressShown {
    fn from(address: orders::Address) -> Self {
        let text = |name: Option<onhand_core::text::Name>| {
            name.map(|name| name.to_string()).unwrap_or_default()
        };
        Self {
            street: address.street.to_string(),
            city: address.city.to_string(),
            state: text(address.state),
            zip_code: text(address.postal_code),
            country: address.country.to_string(),
        }
    }
}

/// An order.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(super) struct OrderShown {
    /// The order's number.
    order_id: String,
    /// The number of whose it is.
    user_id: Option<String>,
    items: Vec<ItemShown>,
    /// The sum of the items.
    #[schema(value_type = f64, minimum = 0)]
    total_amount: Amount,
    #[schema(pattern = "^(Pending|Processed|Failed)$")]
    status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    shipping_address: Option<AddressShown>,
    /// How it is to be paid, in the customer's words.
    payment_method: Option<String>,
    #[serde(rename = "_id")]
    id: String,
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Instant,
    /// How often it was changed.
    #[serde(rename = "__v")]
    changes: u64,
}

/// The state of an order among the three that there are here.
pub(in crate::http) fn status(status: Status) -> &'static str {
    match status {
        Status::Pending | Status::Confirmed => "Pending",
        Status::Processing
        | Status::PartiallyFulfilled
        | Status::Fulfilled
        | Status::Delivered
        | Status::Returned => "Processed",
        Status::Cancelled | Status::Expired => "Failed",
    }
}

/// What is read of an order in the words of `/v1`, which is what a cache keeps.
#[derive(Debug, Deserialize)]
struct Words {
    number: i64,
    status: Status,
    customer_id: Option<Shown<CustomerId>>,
    lines: Vec<LineWords>,
    total: SentMoney,
    payment_method: Option<String>,
    shipping_address: Option<orders::Address>,
    failure_reason: Option<String>,
    version: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct LineWords {
    line: u32,
    product_id: Shown<ProductId>,
    name: String,
    quantity: i64,
    unit_price: SentMoney,
}

impl OrderShown {
    /// An order as it was read.
    pub(super) fn of(order: &Order) -> Self {
        let Order { currency, .. } = *order;
        let line = |line: &orders::OrderLine| LineWords {
            line: line.line,
            product_id: Shown(line.product_id),
            name: line.name.to_string(),
            quantity: line.quantity,
            unit_price: SentMoney { amount: line.unit_price, currency },
        };
        Self::say(Words {
            number: order.id.number(),
            status: order.status,
            customer_id: order.customer_id.map(Shown),
            lines: order.lines.iter().map(line).collect(),
            total: SentMoney { amount: order.total, currency },
            payment_method: order.payment_method.as_ref().map(ToString::to_string),
            shipping_address: order.shipping_address.clone(),
            failure_reason: order.failure_reason.as_ref().map(ToString::to_string),
            version: order.version,
            created_at: order.created_at,
            updated_at: order.updated_at,
        })
    }

    /// An order as a cache has kept it.
    ///
    /// # Errors
    /// When these are not the words of `/v1`, which is a mistake of ours.
    pub(super) fn of_words(words: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(words).map(Self::say)
    }

    fn say(words: Words) -> Self {
        let id = words.number.to_string();
        let item = |line: LineWords| ItemShown {
            product_id: line.product_id.0.number().to_string(),
            name: line.name,
            quantity: line.quantity,
            price: Amount(line.unit_price.into()),
            id: format!("{id}-{}", line.line),
        };
        Self {
            order_id: id.clone(),
            user_id: words.customer_id.map(|id| id.0.number().to_string()),
            items: words.lines.into_iter().map(item).collect(),
            total_amount: Amount(words.total.into()),
            status: status(words.status),
            failure_reason: words.failure_reason,
            shipping_address: words.shipping_address.map(Into::into),
            payment_method: words.payment_method,
            id: id.clone(),
            created_at: Instant(words.created_at),
            updated_at: Instant(words.updated_at),
            changes: words.version.saturating_sub(1),
        }
    }
}

/// Somebody who has an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User, example = json!({"id": "2", "email": "user@example.com", "name": "Ada",
    "role": "user"}))]
pub(super) struct UserShown {
    /// The user's number.
    id: String,
    #[schema(format = "email")]
    email: String,
    /// Empty where there is none.
    name: String,
    #[schema(pattern = "^(user|admin)$")]
    role: &'static str,
}

impl UserShown {
    /// The view of a user.
    pub(super) fn of(user: &UserView) -> Self {
        Self {
            id: user.id.number().to_string(),
            email: user.email.to_string(),
            name: user.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            role: match user.role {
                Role::Admin => "admin",
                Role::Customer | Role::Operator => "user",
            },
        }
    }
}
