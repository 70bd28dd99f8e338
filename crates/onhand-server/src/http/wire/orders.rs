//! Orders as `/v1` shows them. The views borrow and are written straight into the answer: this is
//! the hot path.

use onhand_core::inventory::Sourcing;
use onhand_core::orders::{self, Allocation, Metadata, Order, OrderLine, Status, Transition};
use onhand_core::text::{Name, Reference};
use onhand_core::{Currency, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use utoipa::ToSchema;

use super::catalog::Money;
use super::payments::PaymentSummaryView;
use super::{
    Shown, ShownCustomer, ShownLocation, ShownOrder, ShownProduct, ShownReservation, values,
};

/// Where an order goes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "A. Rao", "street": "1 MG Road", "city": "Bengaluru",
    "postal_code": "560001", "country": "IN"}))]
pub struct Address {
    /// Who receives it.
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    pub name: Option<Name>,
    /// Street and number.
    #[schema(value_type = values::Name)]
    pub street: Name,
    /// City.
    #[schema(value_type = values::Name)]
    pub city: Name,
    /// State or region.
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    pub state: Option<Name>,
    /// Postal code.
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    pub postal_code: Option<Name>,
    /// Country.
    #[schema(value_type = values::Name)]
    pub country: Name,
}

impl From<Address> for orders::Address {
    fn from(address: Address) -> Self {
        let Address { name, street, city, state, postal_code, country } = address;
        Self { name, street, city, state, postal_code, country }
    }
}

/// A parcel.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"carrier": "India Post", "number": "EE123456789IN"}))]
pub struct Tracking {
    /// Who carries it.
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    pub carrier: Option<Name>,
    /// The carrier's number.
    #[schema(value_type = values::Name)]
    pub number: Name,
    /// Where to follow it.
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    pub url: Option<Reference>,
}

impl From<Tracking> for orders::Tracking {
    fn from(tracking: Tracking) -> Self {
        let Tracking { carrier, number, url } = tracking;
        Self { carrier, number, url }
    }
}

/// Units of a line promised at one location.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Allocation)]
pub struct AllocationView {
    /// The promise.
    #[schema(value_type = values::ReservationId)]
    reservation_id: ShownReservation,
    /// Where the units are.
    #[schema(value_type = values::LocationId)]
    location_id: ShownLocation,
    /// How many.
    #[schema(value_type = values::Quantity)]
    quantity: i64,
    /// Why there.
    #[schema(value_type = values::Sourcing)]
    sourcing: Sourcing,
}

/// One SKU of an order, as it was bought.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub struct LineView<'a> {
    /// Number within the order, from 1.
    line: u32,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// The product.
    #[schema(value_type = values::ProductId)]
    product_id: ShownProduct,
    /// Its name when it was bought.
    #[schema(value_type = values::Name)]
    name: &'a str,
    /// Units bought.
    #[schema(value_type = values::Quantity)]
    quantity: i64,
    /// Units that have left.
    #[schema(value_type = values::Units)]
    fulfilled: i64,
    /// Units that came back.
    #[schema(value_type = values::Units)]
    returned: i64,
    /// Price of one unit when it was bought.
    unit_price: Money,
    /// Price of all of them.
    #[schema(value_type = Total)]
    total: Money,
    /// Where the units come from.
    #[serde(serialize_with = "allocations")]
    #[schema(value_type = Vec<AllocationView>)]
    allocations: &'a [Allocation],
}

/// A sum of prices.
#[derive(Debug, ToSchema)]
pub struct Total {
    /// Minor units: paise, cents.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(value_type = values::Currency)]
    pub currency: Currency,
}

/// Units of a line that left together.
#[derive(Debug, ToSchema)]
pub struct FulfilmentLine {
    /// The line.
    pub line: u32,
    /// How many units.
    #[schema(value_type = values::Quantity)]
    pub quantity: i64,
}

/// Units that left together.
#[derive(Debug, ToSchema)]
pub struct Fulfilment {
    /// Number within the order, from 1.
    pub number: u32,
    /// What left.
    pub lines: Vec<FulfilmentLine>,
    /// The parcel.
    pub tracking: Option<Tracking>,
    /// When.
    #[schema(value_type = values::Instant)]
    pub fulfilled_at: Timestamp,
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order, example = order_example)]
pub struct OrderView<'a> {
    /// Its id.
    #[schema(value_type = values::OrderId)]
    id: ShownOrder,
    #[schema(pattern = "^order$")]
    object: &'static str,
    /// The number behind the id.
    number: i64,
    /// Where it is in its life.
    #[schema(value_type = values::OrderStatus)]
    status: Status,
    /// Whose it is.
    #[schema(value_type = Option<values::CustomerId>, required)]
    customer_id: Option<ShownCustomer>,
    /// Currency of every amount in it.
    #[schema(value_type = values::Currency)]
    currency: Currency,
    /// What was bought.
    #[serde(serialize_with = "lines")]
    #[schema(value_type = Vec<LineView<'static>>)]
    lines: &'a Order,
    /// Sum of the lines.
    #[schema(value_type = Total)]
    subtotal: Money,
    /// What is asked for beside the lines, for nothing of the catalogue; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_amount: Option<Money>,
    /// What is to be paid.
    #[schema(value_type = Total)]
    total: Money,
    /// What has been paid.
    #[schema(value_type = Total)]
    amount_paid: Money,
    /// What has been paid back.
    #[schema(value_type = Total)]
    amount_refunded: Money,
    /// How it is paid through a gateway, and how far that has come.
    #[schema(value_type = Option<PaymentSummaryView<'static>>, required)]
    payment: Option<PaymentSummaryView<'a>>,
    /// How it is to be paid, in the caller's words.
    #[schema(value_type = Option<values::Name>, required)]
    payment_method: Option<&'a str>,
    /// Where it goes.
    #[schema(value_type = Option<Address>, required)]
    shipping_address: Option<&'a orders::Address>,
    /// Its name in another system; unique.
    #[schema(value_type = Option<values::Reference>, required)]
    external_reference: Option<&'a str>,
    /// The caller's entries.
    #[schema(value_type = values::Metadata)]
    metadata: &'a Metadata,
    /// What has left.
    #[schema(value_type = Vec<Fulfilment>)]
    fulfilments: &'a [orders::Fulfilment],
    /// When a pending order's hold runs out.
    #[schema(value_type = Option<values::Instant>, required)]
    expires_at: Option<Timestamp>,
    /// Why it ended before it was fulfilled.
    #[schema(value_type = Option<values::Reason>, required)]
    failure_reason: Option<&'a str>,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was placed.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

/// A whole order, for the description.
pub fn order_example() -> serde_json::Value {
    let money = |amount: i64| json!({"amount": amount, "currency": "INR"});
    json!({
        "id": "ord_42", "object": "order", "number": 42, "status": "confirmed",
        "customer_id": "cus_5", "currency": "INR",
        "lines": [{
            "line": 1, "sku": "TEA-1", "product_id": "prd_7", "name": "Green tea", "quantity": 2,
            "fulfilled": 0, "returned": 0, "unit_price": money(49_900), "total": money(99_800),
            "allocations": [{
                "reservation_id": "res_9", "location_id": "loc_1", "quantity": 2,
                "sourcing": "single_location"
            }]
        }],
        "subtotal": money(99_800), "total": money(99_800), "amount_paid": money(0),
        "amount_refunded": money(0), "payment": null, "payment_method": "cash on delivery",
        "shipping_address": {
            "name": "A. Rao", "street": "1 MG Road", "city": "Bengaluru",
            "postal_code": "560001", "country": "IN"
        },
        "external_reference": "shop-1001", "metadata": {"cart": "7"}, "fulfilments": [],
        "expires_at": null, "failure_reason": null, "version": 1,
        "created_at": "2026-11-21T05:48:16.120394Z", "updated_at": "2026-11-21T05:48:16.120394Z"
    })
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
    let money = |amount| Money { amount, currency: order.currency };
    serializer.collect_seq(order.lines.iter().map(|row: &OrderLine| LineView {
        line: row.line,
        sku: row.sku.as_str(),
        product_id: Shown(row.product_id),
        name: row.name.as_str(),
        quantity: row.quantity,
        fulfilled: row.fulfilled,
        returned: row.returned,
        unit_price: money(row.unit_price),
        total: money(row.total()),
        allocations: &row.allocations,
    }))
}

impl<'a> OrderView<'a> {
    /// The view of an order.
    pub fn of(order: &'a Order) -> Self {
        let money = |amount| Money { amount, currency: order.currency };
        let (total, custom) = (order.total, order.custom_amount);
        let payment = order.payment.as_ref();
        let paid = payment.map_or(0, |payment| payment.captured(order.currency));
        let refunded = payment.map_or(0, |payment| payment.refunded(order.currency));
        Self {
            id: Shown(order.id),
            object: "order",
            number: order.id.number(),
            status: order.status,
            customer_id: order.customer_id.map(Shown),
            currency: order.currency,
            lines: order,
            subtotal: money(total - custom),
            custom_amount: (custom > 0).then(|| money(custom)),
            total: money(total),
            amount_paid: money(paid),
            amount_refunded: money(refunded),
            payment: PaymentSummaryView::of(order),
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

/// What came of one order of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchRow)]
pub struct BatchRowView<'a> {
    /// Its position in the request.
    pub index: usize,
    /// The status that it would have had alone.
    pub status: u16,
    /// The order, if it was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub order: Option<OrderView<'a>>,
    /// Why not, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<values::PlacingRefusal>, nullable = false)]
    pub problem: Option<crate::http::problem::ProblemBody>,
}

/// The outcomes of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Batch, example = batch_example)]
pub struct BatchView<'a> {
    /// Always `batch`.
    #[schema(pattern = "^batch$")]
    pub object: &'static str,
    /// How many orders were placed.
    pub placed: usize,
    /// How many were refused.
    pub refused: usize,
    /// One outcome per order, in the order of the request.
    pub data: Vec<BatchRowView<'a>>,
}

fn batch_example() -> serde_json::Value {
    json!({"object": "batch", "placed": 1, "refused": 1, "data": [
        {"index": 0, "status": 201, "order": order_example()},
        {"index": 1, "status": 404, "problem": {
            "type": "urn:onhand:problem:unknown_sku", "title": "Not Found", "status": 404,
            "code": "unknown_sku", "detail": "no product has the SKU `TEA-9`", "sku": "TEA-9"
        }}
    ]})
}

/// One state of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderState)]
pub struct StateView {
    /// Its name.
    #[schema(value_type = values::OrderStatus)]
    status: Status,
    /// Whether nothing can happen after it.
    is_terminal: bool,
}

/// One arrow of the graph.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderTransition)]
pub struct TransitionView {
    /// Before.
    #[schema(value_type = values::OrderStatus)]
    from: Status,
    /// What happens.
    #[schema(value_type = values::OrderAction)]
    action: orders::Action,
    /// After.
    #[schema(value_type = values::OrderStatus)]
    to: Status,
}

/// The graph of an order's states.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderStates, example = json!({
    "object": "order_states",
    "states": [{"status": "pending", "is_terminal": false},
        {"status": "confirmed", "is_terminal": false}],
    "transitions": [{"from": "pending", "action": "confirm", "to": "confirmed"}]
}))]
pub struct StatesView {
    #[schema(pattern = "^order_states$")]
    object: &'static str,
    /// Every state, in the order of an order's life.
    states: Vec<StateView>,
    /// Every arrow.
    transitions: Vec<TransitionView>,
}

impl StatesView {
    /// The graph as the core has it.
    pub fn new() -> Self {
        let state =
            |status: &Status| StateView { status: *status, is_terminal: status.is_terminal() };
        let arrow = |arrow: &Transition| TransitionView {
            from: arrow.from,
            action: arrow.action,
            to: arrow.to,
        };
        Self {
            object: "order_states",
            states: Status::ALL.iter().map(state).collect(),
            transitions: orders::TRANSITIONS.iter().map(arrow).collect(),
        }
    }
}

impl Default for StatesView {
    fn default() -> Self {
        Self::new()
    }
}
