//! How much a customer may hold and not pay for. Whoever places orders for itself may have so many
//! that wait for a payment, with so many units in them: otherwise one account could hold all that a
//! shop has and never pay. Whoever places orders for others, a shop's own program, is not counted.

use alloc::collections::BTreeMap;

use super::order::Order;
use super::refusal::Refusal;
use super::status::Status;
use crate::Timestamp;
use crate::command::Stop;
use crate::draft::Draft;
use crate::ids::{CustomerId, OrderId};
use crate::limits::{HELD_UNITS_PER_CUSTOMER_MAX, OPEN_ORDERS_PER_CUSTOMER_MAX};

/// An order that waits for a payment and holds stock meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOrder {
    /// Units of all its lines.
    pub units: i64,
    /// When its hold runs out.
    pub expires_at: Timestamp,
}

/// Open orders of one customer.
pub type OpenOrders = BTreeMap<OrderId, OpenOrder>;

impl OpenOrder {
    /// What an order holds for its customer; none when it does not wait for a payment, or is
    /// nobody's.
    pub fn of(order: &Order) -> Option<(CustomerId, Self)> {
        let is_open = order.status == Status::Pending;
        let (customer_id, expires_at) = order.customer_id.zip(order.expires_at)?;
        // Cannot overflow: placing bounds the lines and the units of each.
        let units = order.lines.iter().map(|line| line.quantity).sum();
        is_open.then_some((customer_id, Self { units, expires_at }))
    }
}

/// Brings what is known of a customer's open orders to where an order is now.
pub(crate) fn note(open: &mut OpenOrders, order: &Order) {
    match OpenOrder::of(order) {
        Some((_, one)) => open.insert(order.id, one),
        None => open.remove(&order.id),
    };
}

/// Refuses one order too many of a customer who places it.
pub(super) fn expect_room(
    draft: &Draft<'_>,
    customer_id: CustomerId,
    requested_units: i64,
) -> Result<(), Stop> {
    let now = draft.now();
    let open = draft.open_orders(customer_id)?;
    // What has run out is free, whether somebody has ended it or not.
    let (mut open_orders, mut held_units) = (0, 0);
    for order in open.values().filter(|order| order.expires_at > now) {
        open_orders += 1;
        held_units += order.units;
    }
    let (most_orders, most_units) = (OPEN_ORDERS_PER_CUSTOMER_MAX, HELD_UNITS_PER_CUSTOMER_MAX);
    if open_orders < most_orders && held_units + requested_units <= most_units {
        return Ok(());
    }
    let refusal = Refusal::TooManyOpenOrders {
        open_orders,
        most_orders,
        held_units,
        requested_units,
        most_units,
    };
    Err(refusal.into())
}
