//! Confirming a pending order, and changing what may still be changed of an order that has not
//! left.

use super::cancel::finish;
use super::order::{Address, Metadata};
use super::paid::set_end_of_holds;
use super::status::Action;
use crate::Version;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::OrderId;
use crate::inventory;
use crate::payments::owed;

/// The fields of an order to change; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OrderPatch {
    /// New shipping address.
    pub shipping_address: Option<Address>,
    /// New metadata, in place of all that was there.
    pub metadata: Option<Metadata>,
}

/// A pending order needs no further payment: its hold becomes an allocation without an end.
pub(super) fn confirm(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    let before = owed(&order);
    order.step(Action::Confirm)?;
    if let Some(expires_at) = order.expires_at.take()
        && expires_at <= draft.now()
    {
        return Err(inventory::Refusal::ReservationExpired { expires_at }.into());
    }
    set_end_of_holds(draft, &order, None)?;
    finish(draft, order, before.as_ref(), "order.confirmed")
}

/// A worker takes up an order. One that has been taken up is refused like any other that is not
/// confirmed: a message that comes twice changes nothing.
pub(super) fn process(draft: &mut Draft<'_>, id: OrderId) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, None)?;
    order.step(Action::Process)?;
    draft.save_order(order, "order.processing").map(Reply::Order)
}

pub(super) fn update(
    draft: &mut Draft<'_>,
    id: OrderId,
    expected_version: Option<Version>,
    patch: &OrderPatch,
) -> Result<Reply, Stop> {
    let mut order = draft.order_at(id, expected_version)?;
    order.step(Action::Update)?;
    if let Some(address) = &patch.shipping_address {
        order.shipping_address = Some(address.clone());
    }
    if let Some(metadata) = &patch.metadata {
        order.metadata = metadata.clone();
    }
    draft.save_order(order, "order.updated").map(Reply::Order)
}
