//! What an order of the client's holds: reservations under its id. That it holds once, and gives
//! back what it has, is decided by the inventory.

use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::inventory::{Command, HoldItem, Refusal as OfInventory};
use onhand_core::limits::HOLD_SECS_MAX;
use onhand_core::text::Reference;
use onhand_core::{Command as AnyCommand, Quantity, Refusal};

use super::super::fault::{Done, Wrong};
use super::bodies::{Success, conflict};
use crate::http::call::Call;
use crate::http::problem::Problem;

/// Under which name those hold who name no order.
const NAMELESS: &str = "anonymous";

fn nameless() -> Result<Reference, Problem> {
    Reference::new(NAMELESS)
        .map_err(|error| Problem::field("/orderId", error.to_string(), NAMELESS.into()))
}

/// Holds units for an order: once, until it gives them back. Nothing here expires like a cart does;
/// a hold lives as long as any may.
pub(super) async fn reserve(
    call: &Call,
    product: ProductRef,
    order: Option<Reference>,
    quantity: Quantity,
) -> Result<Response, Wrong> {
    let item = HoldItem { product, quantity, location_id: None };
    let command = match order {
        Some(reference) => Command::HoldOnce { item, reference, hold_secs: HOLD_SECS_MAX },
        None => Command::Hold {
            items: vec![item],
            reference: Some(nameless()?),
            hold_secs: HOLD_SECS_MAX,
        },
    };
    let answer = call.submit(AnyCommand::Inventory(command)).await?;
    match &answer.outcome {
        Err(Refusal::Inventory(OfInventory::HoldsAlready { reference, promised, .. })) => {
            Err(conflict(reference, *promised).into())
        }
        Ok(_) | Err(_) => Ok(Done::of(answer)?.answer(StatusCode::OK, &Success::new())),
    }
}

/// Gives back units of what an order holds, of the oldest hold first.
pub(super) async fn cancel(
    call: &Call,
    product: ProductRef,
    order: Option<Reference>,
    quantity: Quantity,
) -> Result<Response, Wrong> {
    let reference = order.map_or_else(nameless, Ok)?;
    let command = AnyCommand::Inventory(Command::ReleaseOf { reference, product, quantity });
    let done = Done::of(call.submit(command).await?)?;
    Ok(done.answer(StatusCode::OK, &Success::new()))
}
