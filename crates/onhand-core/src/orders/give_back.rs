//! Returns: units come back from the customer, and go back on the shelf or not.

use alloc::string::ToString;

use super::LineQuantity;
use super::order::{FulfilmentLine, Order};
use super::status::Action;
use crate::Version;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{LocationId, OrderId};
use crate::inventory::{Move, MovementKind, check_room, constant_reason};
use crate::text::{Reason, Reference};

/// What comes back.
pub(super) struct Parcel<'a> {
    pub(super) lines: Option<&'a [LineQuantity]>,
    pub(super) restock: bool,
    pub(super) location_id: Option<LocationId>,
    pub(super) reason: Option<&'a Reason>,
    pub(super) reference: Option<&'a Reference>,
}

pub(super) fn give_back(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    parcel: &Parcel<'_>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    order.after(Action::ReturnPartly)?;
    let parts = order.parts(parcel.lines, |line| line.fulfilled - line.returned)?;
    for part in &parts {
        order.line_mut(part.line)?.returned += part.quantity;
    }
    let complete = order.lines.iter().all(|line| line.returned == line.quantity);
    order.step(if complete { Action::Return } else { Action::ReturnPartly })?;
    if let Some(location_id) = parcel.location_id {
        draft.location(location_id)?;
    }
    if parcel.restock {
        for part in &parts {
            put_on_shelf(draft, &mut order, part, parcel)?;
        }
    }
    draft.save_order(order, "order.returned").map(Reply::Order)
}

fn put_on_shelf(
    draft: &mut Draft<'_>,
    order: &mut Order,
    part: &FulfilmentLine,
    parcel: &Parcel<'_>,
) -> Result<(), Stop> {
    let order_id = order.id;
    let line = order.line_mut(part.line)?;
    let came_from = line.allocations.first().map(|allocation| allocation.location_id);
    let Some(location_id) = parcel.location_id.or(came_from) else {
        return Ok(());
    };
    let product = draft.product_row(line.product_id)?;
    check_room(&product.sku, &draft.level(product.id, location_id)?, part.quantity)?;
    let change = Move {
        kind: MovementKind::Returned,
        reason: parcel.reason.cloned().unwrap_or_else(|| constant_reason("return")),
        reference: parcel.reference.cloned().or_else(|| Reference::new(order_id.to_string()).ok()),
        delta_on_hand: part.quantity,
        delta_reserved: 0,
        occurred_at: None,
    };
    draft.move_stock(&product, location_id, change).map(|_| ())
}
