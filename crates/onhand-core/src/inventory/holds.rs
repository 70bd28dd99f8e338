//! Promises: holding, extending, releasing, consuming and expiring. A hold is free at the very
//! instant it runs out: a command that would be refused for lack of stock first releases what has
//! run out, in the same decision.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::slice;

use super::commands::HoldItem;
use super::level::Level;
use super::movement::{Move, MovementKind};
use super::refusal::{Refusal, ShortItem};
use super::reservation::{Reservation, ReservationState, ReservationView};
use super::sourcing::{Pick, available_in_all, source};
use super::stock::constant_reason;
use crate::catalog::{Product, ProductRef};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{LocationId, OrderId, ReservationId};
use crate::limits::EXPIRED_HOLDS_PER_COMMAND_MAX;
use crate::orders;
use crate::text::Reference;
use crate::{Needs, Quantity, Timestamp};
use alloc::sync::Arc;

/// How units of a hold end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// They left.
    Consumed,
    /// They were given back.
    Released,
    /// Their time ran out.
    Expired,
}

/// What to hold, for whom and until when.
pub(crate) struct Hold<'a> {
    pub(crate) order_id: Option<OrderId>,
    pub(crate) reference: Option<&'a Reference>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// One product to hold and, perhaps, where.
pub(crate) type Demand = (Arc<Product>, Quantity, Option<LocationId>);

pub(super) fn hold(
    draft: &mut Draft<'_>,
    items: &[HoldItem],
    reference: Option<&Reference>,
    hold_secs: i64,
) -> Result<Reply, Stop> {
    let mut demands: Vec<Demand> = Vec::with_capacity(items.len());
    for item in items {
        if let Some(location_id) = item.location_id {
            draft.location(location_id)?;
        }
        demands.push((draft.product(&item.product)?, item.quantity, item.location_id));
    }
    let expires_at = Some(draft.after_secs(hold_secs));
    let held = hold_stock(draft, &demands, &Hold { order_id: None, reference, expires_at })?;
    let views: Vec<_> = held
        .into_iter()
        .zip(&demands)
        .flat_map(|(reservations, (product, _, _))| {
            let sku = product.sku.clone();
            reservations
                .into_iter()
                .map(move |(reservation, _)| ReservationView { sku: sku.clone(), reservation })
        })
        .collect();
    draft.emit("reservation.held", EventBody::Reservations(views.clone()));
    Ok(Reply::Reservations(views))
}

pub(super) fn hold_once(
    draft: &mut Draft<'_>,
    item: &HoldItem,
    reference: &Reference,
    hold_secs: i64,
) -> Result<Reply, Stop> {
    let product = draft.product(&item.product)?;
    let held = draft.holds_of(reference, product.id)?;
    if held.is_empty() {
        return hold(draft, slice::from_ref(item), Some(reference), hold_secs);
    }
    let promised = held.iter().map(|hold| hold.quantity).sum();
    let requested = item.quantity.units();
    if promised != requested {
        let (reference, sku) = (reference.clone(), product.sku.clone());
        return Err(Refusal::HoldsAlready { reference, sku, requested, promised }.into());
    }
    let view = |reservation| ReservationView { sku: product.sku.clone(), reservation };
    Ok(Reply::Reservations(held.into_iter().map(view).collect()))
}

/// Holds every demand or none. Answers, in the order of the demands, the reservations made and why
/// their locations were chosen.
pub(crate) fn hold_stock(
    draft: &mut Draft<'_>,
    demands: &[Demand],
    hold: &Hold<'_>,
) -> Result<Vec<Vec<(Reservation, Pick)>>, Stop> {
    make_room(draft, demands)?;
    let mut held = Vec::with_capacity(demands.len());
    for (product, quantity, only) in demands {
        let picks = source(draft.locations()?, draft.levels(product.id)?, *quantity, *only);
        let Some(picks) = picks else {
            // The sum of a product's demands fits, but one demand's location has too little.
            return Err(insufficient(draft, demands)?.into());
        };
        let mut reservations = Vec::with_capacity(picks.len());
        for pick in picks {
            reservations.push((reserve(draft, product, pick, hold)?, pick));
        }
        held.push(reservations);
    }
    Ok(held)
}

/// Looks at every product's demand before anything is taken, and frees what has run out where it is
/// short.
fn make_room(draft: &mut Draft<'_>, demands: &[Demand]) -> Result<(), Stop> {
    let mut has_all = true;
    for (product, only, requested) in summed(demands) {
        let available = available_in_all(draft.locations()?, draft.levels(product.id)?, only);
        if available < requested {
            has_all = false;
            free_expired(draft, &product)?;
        }
    }
    if has_all {
        return Ok(());
    }
    let short = shortages(draft, demands)?;
    if short.is_empty() { Ok(()) } else { Err(Refusal::InsufficientStock { items: short }.into()) }
}

fn insufficient(draft: &Draft<'_>, demands: &[Demand]) -> Result<Refusal, Stop> {
    let mut items = Vec::new();
    for (product, only, requested) in summed(demands) {
        let available = available_in_all(draft.locations()?, draft.levels(product.id)?, only);
        items.push(ShortItem { sku: product.sku.clone(), requested, available });
    }
    Ok(Refusal::InsufficientStock { items })
}

fn shortages(draft: &Draft<'_>, demands: &[Demand]) -> Result<Vec<ShortItem>, Stop> {
    let mut items = Vec::new();
    for (product, only, requested) in summed(demands) {
        let available = available_in_all(draft.locations()?, draft.levels(product.id)?, only);
        if available < requested {
            items.push(ShortItem { sku: product.sku.clone(), requested, available });
        }
    }
    Ok(items)
}

/// Demand per product and location, so that two lines of one product are checked against one
/// figure.
fn summed(demands: &[Demand]) -> Vec<(Arc<Product>, Option<LocationId>, i64)> {
    if let [(product, quantity, only)] = demands {
        return alloc::vec![(product.clone(), *only, quantity.units())];
    }
    let mut sums = BTreeMap::new();
    for (product, quantity, only) in demands {
        let sum = sums.entry((product.id, *only)).or_insert_with(|| (product.clone(), 0));
        sum.1 += quantity.units();
    }
    sums.into_iter().map(|((_, only), (product, sum))| (product, only, sum)).collect()
}

fn reserve(
    draft: &mut Draft<'_>,
    product: &Arc<Product>,
    pick: Pick,
    hold: &Hold<'_>,
) -> Result<Reservation, Stop> {
    let now = draft.now();
    let reservation = Reservation {
        id: draft.next_reservation_id(),
        product_id: product.id,
        location_id: pick.location_id,
        quantity: pick.quantity,
        consumed: 0,
        released: 0,
        state: ReservationState::Held,
        order_id: hold.order_id,
        reference: hold.reference.cloned(),
        expires_at: hold.expires_at,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let change = Move {
        kind: MovementKind::Reserved,
        reason: constant_reason("reservation_created"),
        reference: movement_reference(&reservation),
        delta_on_hand: 0,
        delta_reserved: pick.quantity,
        occurred_at: None,
    };
    draft.move_stock(product, pick.location_id, change)?;
    draft.put_reservation(reservation.clone());
    Ok(reservation)
}

pub(super) fn extend(
    draft: &mut Draft<'_>,
    id: ReservationId,
    hold_secs: i64,
) -> Result<Reply, Stop> {
    let mut reservation = own_reservation(draft, id)?;
    reservation.expires_at = Some(draft.after_secs(hold_secs));
    finish(draft, reservation, "reservation.extended")
}

pub(super) fn release(
    draft: &mut Draft<'_>,
    id: ReservationId,
    quantity: Option<Quantity>,
) -> Result<Reply, Stop> {
    let reservation = own_reservation(draft, id)?;
    let units = named_units(&reservation, quantity)?;
    let reservation = close_hold(draft, reservation, units, Ending::Released)?;
    finish(draft, reservation, "reservation.released")
}

pub(super) fn release_of(
    draft: &mut Draft<'_>,
    reference: &Reference,
    product: &ProductRef,
    quantity: Quantity,
) -> Result<Reply, Stop> {
    let product = draft.product(product)?;
    let holds = draft.holds_of(reference, product.id)?;
    let (requested, held) = (quantity.units(), holds.iter().map(Reservation::open).sum());
    if requested > held {
        let (reference, sku) = (reference.clone(), product.sku.clone());
        return Err(Refusal::HoldsLess { reference, sku, requested, held }.into());
    }
    let (mut left, mut views) = (requested, Vec::new());
    for hold in holds {
        let units = left.min(hold.open());
        if units == 0 {
            break;
        }
        left -= units;
        let hold = close_hold(draft, hold, units, Ending::Released)?;
        views.push(store(draft, hold)?);
    }
    draft.emit("reservation.released", EventBody::Reservations(views.clone()));
    Ok(Reply::Reservations(views))
}

pub(super) fn consume(
    draft: &mut Draft<'_>,
    id: ReservationId,
    quantity: Option<Quantity>,
) -> Result<Reply, Stop> {
    let reservation = own_reservation(draft, id)?;
    let units = named_units(&reservation, quantity)?;
    let reservation = close_hold(draft, reservation, units, Ending::Consumed)?;
    finish(draft, reservation, "reservation.consumed")
}

/// Ends `units` of a hold. The change of the level is made here; the reservation is stored by the
/// caller.
pub(crate) fn close_hold(
    draft: &mut Draft<'_>,
    mut reservation: Reservation,
    units: i64,
    ending: Ending,
) -> Result<Reservation, Stop> {
    assert!(units >= 1 && units <= reservation.open(), "a hold ends by what it holds");
    let (kind, reason, delta_on_hand, ended) = match ending {
        Ending::Consumed => (MovementKind::Sold, "sale", -units, &mut reservation.consumed),
        Ending::Released => {
            (MovementKind::Released, "reservation_released", 0, &mut reservation.released)
        }
        Ending::Expired => {
            (MovementKind::Expired, "reservation_expired", 0, &mut reservation.released)
        }
    };
    *ended += units;
    let change = Move {
        kind,
        reason: constant_reason(reason),
        reference: movement_reference(&reservation),
        delta_on_hand,
        delta_reserved: -units,
        occurred_at: None,
    };
    let product = draft.product_row(reservation.product_id)?;
    draft.move_stock(&product, reservation.location_id, change)?;
    if reservation.consumed + reservation.released == reservation.quantity {
        reservation.state = match ending {
            Ending::Expired => ReservationState::Expired,
            Ending::Consumed => ReservationState::Consumed,
            Ending::Released if reservation.consumed > 0 => ReservationState::Consumed,
            Ending::Released => ReservationState::Released,
        };
        reservation.expires_at = None;
    }
    Ok(reservation)
}

pub(super) fn expire_due(draft: &mut Draft<'_>, most: usize) -> Result<Reply, Stop> {
    let due = draft.due(most)?;
    let holds = expire_all(draft, &due)?;
    Ok(Reply::Expired { holds })
}

/// The level of a product at a location, after what has run out was freed where it would not
/// suffice otherwise.
pub(crate) fn level_with_room(
    draft: &mut Draft<'_>,
    product: &Product,
    location_id: LocationId,
    suffices: impl FnOnce(&Level) -> bool,
) -> Result<Level, Stop> {
    let level = draft.level(product.id, location_id)?;
    if suffices(&level) {
        return Ok(level);
    }
    free_expired(draft, product)?;
    draft.level(product.id, location_id)
}

/// Releases the holds of a product that have run out, with the orders they belong to.
fn free_expired(draft: &mut Draft<'_>, product: &Product) -> Result<(), Stop> {
    let mut due = draft.expired_holds(product.id)?;
    due.truncate(EXPIRED_HOLDS_PER_COMMAND_MAX);
    expire_all(draft, &due).map(|_| ())
}

/// Expires the holds that are still due, an order's together with the order; answers how many.
fn expire_all(draft: &mut Draft<'_>, ids: &[ReservationId]) -> Result<u64, Stop> {
    draft.need(Needs { reservations: ids.iter().copied().collect(), ..Needs::default() })?;
    let mut needs = Needs::default();
    for id in ids {
        needs.orders.extend(draft.reservation(*id)?.order_id);
    }
    draft.need(needs)?;
    let mut expired = 0;
    for id in ids {
        let reservation = draft.reservation(*id)?;
        if reservation.is_due(draft.now()) {
            match reservation.order_id {
                Some(order_id) => orders::expire(draft, order_id)?,
                None => expire_hold(draft, reservation)?,
            }
            expired += 1;
        }
    }
    Ok(expired)
}

fn expire_hold(draft: &mut Draft<'_>, reservation: Reservation) -> Result<(), Stop> {
    let units = reservation.open();
    let reservation = close_hold(draft, reservation, units, Ending::Expired)?;
    finish(draft, reservation, "reservation.expired").map(|_| ())
}

/// Stores a reservation that was changed.
fn store(draft: &mut Draft<'_>, mut reservation: Reservation) -> Result<ReservationView, Stop> {
    let sku = draft.product_row(reservation.product_id)?.sku.clone();
    reservation.version += 1;
    reservation.updated_at = draft.now();
    draft.put_reservation(reservation.clone());
    Ok(ReservationView { sku, reservation })
}

fn finish(
    draft: &mut Draft<'_>,
    reservation: Reservation,
    event: &'static str,
) -> Result<Reply, Stop> {
    let views = alloc::vec![store(draft, reservation)?];
    draft.emit(event, EventBody::Reservations(views.clone()));
    Ok(Reply::Reservations(views))
}

/// The reservation, when it is open, not run out, and nobody's order's.
fn own_reservation(draft: &Draft<'_>, id: ReservationId) -> Result<Reservation, Stop> {
    let reservation = draft.reservation(id)?;
    if let Some(order_id) = reservation.order_id {
        return Err(Refusal::ReservationOfOrder { reservation_id: id, order_id }.into());
    }
    if reservation.state != ReservationState::Held {
        let state = reservation.state;
        return Err(Refusal::ReservationEnded { reservation_id: id, state }.into());
    }
    match reservation.expires_at {
        Some(expires_at) if expires_at <= draft.now() => {
            Err(Refusal::ReservationExpired { expires_at }.into())
        }
        Some(_) | None => Ok(reservation),
    }
}

fn named_units(reservation: &Reservation, quantity: Option<Quantity>) -> Result<i64, Stop> {
    let (requested, held) =
        (quantity.map_or(reservation.open(), Quantity::units), reservation.open());
    if requested > held {
        return Err(
            Refusal::MoreThanHeld { reservation_id: reservation.id, requested, held }.into()
        );
    }
    Ok(requested)
}

/// What a reservation's movements belong to: the caller's reference, the order, or the reservation.
fn movement_reference(reservation: &Reservation) -> Option<Reference> {
    let own_name = || match reservation.order_id {
        Some(order_id) => order_id.to_string(),
        None => reservation.id.to_string(),
    };
    reservation.reference.clone().or_else(|| Reference::new(own_name()).ok())
}
