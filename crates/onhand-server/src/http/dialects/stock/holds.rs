//! What an order of the client's holds: reservations under its id. The rules are the inventory's;
//! here it is looked up which reservations are meant.

use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{ID_MAX, ReservationId};
use onhand_core::inventory::{Command, HoldItem};
use onhand_core::limits::HOLD_SECS_MAX;
use onhand_core::text::Reference;
use onhand_core::{Command as AnyCommand, Quantity};
use onhand_engine::query::HoldsOfReference;

use super::super::fault::{Done, Wrong};
use super::super::natural::{Natural, Settled};
use super::bodies::{Success, conflict};
use super::success;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::limits::{HOLD_LOOKS_MAX, NATURAL_KEYS_MAX};

/// Under which name those hold who name no order.
const NAMELESS: &str = "anonymous";

fn reference(order: Option<&Reference>) -> Result<Reference, Problem> {
    match order {
        Some(order) => Ok(order.clone()),
        None => Reference::new(NAMELESS)
            .map_err(|error| Problem::field("/orderId", error.to_string(), NAMELESS.into())),
    }
}

/// What is held now: what has run out is not.
async fn look(
    call: &Call,
    product: &ProductRef,
    reference: &Reference,
) -> Result<HoldsOfReference, Wrong> {
    let now = call.app().clock.now();
    let found = call.app().reader.holds_of_reference(reference.clone(), product.clone()).await?;
    let mut found = found.ok_or_else(|| Problem::unknown(product))?;
    found.open.retain(|hold| !hold.is_due(now));
    Ok(found)
}

/// Holds units for an order: once, until it gives them back. Nothing here expires like a cart does;
/// a hold lives as long as any may.
pub(super) async fn reserve(
    call: &Call,
    product: &ProductRef,
    order: Option<&Reference>,
    quantity: Quantity,
) -> Result<Response, Wrong> {
    let reference = reference(order)?;
    let item = HoldItem { product: product.clone(), quantity, location_id: None };
    let command = AnyCommand::Inventory(Command::Hold {
        items: vec![item],
        reference: Some(reference.clone()),
        hold_secs: HOLD_SECS_MAX,
    });
    let done = |done: Done| done.answer(StatusCode::OK, &Success::new());
    let Some(order) = order else {
        return Ok(done(Done::of(call.submit(command).await?)?));
    };
    let units = quantity.units().to_string();
    for refusals in 0..NATURAL_KEYS_MAX {
        let found = look(call, product, &reference).await?;
        if !found.open.is_empty() {
            let promised = found.open.iter().map(|hold| hold.quantity).sum();
            let is_same = promised == quantity.units();
            return if is_same { Ok(success()) } else { Err(conflict(order, promised).into()) };
        }
        if call.has_key() {
            return Ok(done(Done::of(call.submit(command).await?)?));
        }
        // Two that ask at once have seen the same, and so have one key; what was asked before the
        // order gave something back, or was refused, has another one.
        let (product_id, newest) = (found.product_id.to_string(), found.newest.to_string());
        let name = [product_id.as_str(), order.as_str(), &newest];
        let natural = Natural { kind: "stock hold", name: &name, contents: &[&units] };
        match natural.submit(call, command.clone(), refusals).await? {
            Settled::Now(answer) => return Ok(done(Done::of(answer)?)),
            Settled::RefusedBefore(answer) if refusals + 1 == NATURAL_KEYS_MAX => {
                return Ok(done(Done::of(answer)?));
            }
            Settled::RefusedBefore(_) | Settled::Other => {}
        }
    }
    Err(Problem::from(onhand_engine::SubmitError::KeyReused).into())
}

/// Gives back units of what an order holds, of the oldest hold first. That it holds less is for the
/// inventory to say.
pub(super) async fn cancel(
    call: &Call,
    product: &ProductRef,
    order: Option<&Reference>,
    quantity: Quantity,
) -> Result<Response, Wrong> {
    let reference = reference(order)?;
    for looks in 1.. {
        let found = look(call, product, &reference).await?;
        let held: i64 = found.open.iter().map(|hold| hold.open()).sum();
        let parts = parts(&found, quantity);
        let command = AnyCommand::Inventory(Command::ReleaseMany { parts });
        let answer = call.submit(command).await?;
        // Others of the same order may have been faster; then what is left decides.
        let is_settled = answer.outcome.is_ok() || call.has_key() || looks >= HOLD_LOOKS_MAX;
        if is_settled || held < quantity.units() {
            return Ok(Done::of(answer)?.answer(StatusCode::OK, &Success::new()));
        }
    }
    Err(Problem::internal().into())
}

/// How many units of each hold; what no hold has is asked of one that cannot have it.
fn parts(found: &HoldsOfReference, quantity: Quantity) -> Vec<(ReservationId, Quantity)> {
    let mut left = quantity.units();
    let mut parts = Vec::new();
    for hold in &found.open {
        let units = left.min(hold.open());
        if let Some(units) = Quantity::new(units) {
            parts.push((hold.id, units));
        }
        left -= units;
    }
    let nobodys = ReservationId::new(found.newest).or_else(|| ReservationId::new(ID_MAX));
    if let (Some(units), Some(nobodys)) = (Quantity::new(left), nobodys) {
        parts.push((nobodys, units));
    }
    parts
}
