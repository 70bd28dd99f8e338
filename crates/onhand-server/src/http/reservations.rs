//! `/v1/reservations`: stock promised to a reference for a time, without an order.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{LocationId, OrderId, ReservationId};
use onhand_core::inventory::{Command, HoldItem, ReservationState, ReservationView};
use onhand_core::limits::{HOLD_SECS_DEFAULT, HOLD_SECS_MAX, HOLD_SECS_MIN, RESERVATION_ITEMS_MAX};
use onhand_core::text::{Reference, Sku};
use onhand_core::{Command as AnyCommand, Quantity};
use onhand_engine::query::ReservationFilter;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, list, page_rows, versioned};
use super::call::{Call, Named, Params, in_path};
use super::problem::Problem;
use super::wire::lists::List;
use super::wire::reservations::{ReservationShown, ReservationsView};
use super::wire::{Shown, values};
use crate::app::App;

/// The routes of reservations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_reservations, list_reservations))
        .routes(routes!(get_reservation))
        .routes(routes!(extend_reservation))
        .routes(routes!(release_reservation))
        .routes(routes!(consume_reservation))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HoldItemBody {
    #[schema(value_type = values::Sku)]
    sku: Sku,
    #[schema(value_type = values::Quantity)]
    quantity: Quantity,
    #[serde(default)]
    #[schema(value_type = Option<values::LocationId>)]
    location_id: Option<Shown<LocationId>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"sku": "TEA-1", "quantity": 2}], "reference": "cart-7",
    "expires_in_s": 600}))]
struct HoldBody {
    items: Vec<HoldItemBody>,
    #[schema(value_type = values::Reference)]
    reference: Reference,
    #[serde(default)]
    #[schema(value_type = Option<values::HoldSecs>)]
    expires_in_s: Option<i64>,
}

/// A hold's life in seconds, within its bounds.
///
/// # Errors
/// 422 outside.
pub fn lawful_hold_secs(pointer: &str, secs: Option<i64>) -> Result<i64, Problem> {
    match secs {
        None => Ok(HOLD_SECS_DEFAULT),
        Some(secs) if (HOLD_SECS_MIN..=HOLD_SECS_MAX).contains(&secs) => Ok(secs),
        Some(secs) => {
            let expected = format!("expected {HOLD_SECS_MIN} to {HOLD_SECS_MAX} seconds");
            Err(Problem::field(pointer, expected, secs.into()))
        }
    }
}

/// Hold stock for a reference; all items or none.
#[utoipa::path(post, path = "/v1/reservations", tag = "Reservations",
    security(("bearer" = ["stock:write"])), request_body = HoldBody,
    params(("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_location", "unknown_sku", "insufficient_stock"]))),
    responses((status = 201, description = "The reservations", body = ReservationsView<'static>)))]
async fn create_reservations(call: Call) -> Result<Response, Problem> {
    let body: HoldBody = call.json()?;
    if body.items.is_empty() || body.items.len() > RESERVATION_ITEMS_MAX {
        let expected = format!("expected 1 to {RESERVATION_ITEMS_MAX} items");
        return Err(Problem::field("/items", expected, body.items.len().into()));
    }
    let item = |item: HoldItemBody| HoldItem {
        product: ProductRef::Sku(item.sku),
        quantity: item.quantity,
        location_id: item.location_id.map(|id| id.0),
    };
    let command = Command::Hold {
        items: body.items.into_iter().map(item).collect(),
        reference: Some(body.reference),
        hold_secs: lawful_hold_secs("/expires_in_s", body.expires_in_s)?,
    };
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReservationList {
    limit: Option<u32>,
    starting_after: Option<String>,
    state: Option<String>,
    order: Option<String>,
    reference: Option<String>,
}

/// List reservations, newest first.
#[utoipa::path(get, path = "/v1/reservations", tag = "Reservations",
    security(("bearer" = ["stock:read"])), params(ReservationList),
    responses((status = 200, description = "A page", body = List<ReservationShown<'static>>)))]
async fn list_reservations(
    State(app): State<App>,
    Params(query, sent): Params<ReservationList>,
) -> Result<Response, Problem> {
    let mut filter = ReservationFilter::default();
    if let Some(text) = query.state {
        let names = ReservationState::ALL.map(ReservationState::as_str).join(", ");
        let state = ReservationState::from_name(&text);
        filter.state = Some(state.ok_or_else(|| {
            Problem::field("?state", format!("expected one of {names}"), text.into())
        })?);
    }
    if let Some(text) = query.order {
        let order = text.parse::<OrderId>();
        filter.order_id =
            Some(order.map_err(|error| Problem::field("?order", error.to_string(), text.into()))?);
    }
    if let Some(text) = query.reference {
        let reference = Reference::new(text.clone());
        filter.reference = Some(
            reference
                .map_err(|error| Problem::field("?reference", error.to_string(), text.into()))?,
        );
    }
    let before = cursor(query.starting_after.as_deref(), ReservationId::number)?;
    let page = app.reader.reservations(filter, before, page_rows(query.limit)?).await?;
    Ok(list(&page, ("/v1/reservations", &sent), shown, |id| format!("res_{id}")))
}

fn shown(view: &ReservationView) -> ReservationShown<'_> {
    ReservationShown::of(view.sku.as_str(), &view.reservation)
}

/// Read a reservation.
#[utoipa::path(get, path = "/v1/reservations/{id}", tag = "Reservations",
    security(("bearer" = ["stock:read"])),
    params(("id" = String, Path,)),
    responses((status = 200, description = "The reservation", body = ReservationShown<'static>)))]
async fn get_reservation(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    let view = app.reader.reservation(in_path(&id)?).await?;
    let view = view.ok_or_else(|| Problem::not_found(&id))?;
    Ok(versioned(StatusCode::OK, view.reservation.version, &shown(&view)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in_s": 600}))]
struct ExtendBody {
    #[serde(default)]
    #[schema(value_type = Option<values::HoldSecs>)]
    expires_in_s: Option<i64>,
}

/// Give a reservation more time, from now.
#[utoipa::path(post, path = "/v1/reservations/{id}/extend", tag = "Reservations",
    security(("bearer" = ["stock:write"])),
    request_body = ExtendBody,
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_reservation", "reservation_of_order",
        "reservation_ended", "reservation_expired"]))),
    responses((status = 200, description = "The reservation", body = ReservationsView<'static>)))]
async fn extend_reservation(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let body = call.json_or(ExtendBody { expires_in_s: None })?;
    let hold_secs = lawful_hold_secs("/expires_in_s", body.expires_in_s)?;
    let command = Command::Extend { id: in_path(&id)?, hold_secs };
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::OK)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"quantity": 1}))]
struct QuantityBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Quantity>)]
    quantity: Option<Quantity>,
}

/// Give units back; all that are held when no quantity is named.
#[utoipa::path(post, path = "/v1/reservations/{id}/release", tag = "Reservations",
    security(("bearer" = ["stock:write"])),
    request_body = QuantityBody,
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_reservation", "reservation_of_order",
        "reservation_ended", "reservation_expired", "more_than_held"]))),
    responses((status = 200, description = "The reservation", body = ReservationsView<'static>)))]
async fn release_reservation(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let QuantityBody { quantity } = call.json_or(QuantityBody { quantity: None })?;
    let command = Command::Release { id: in_path(&id)?, quantity };
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::OK)
}

/// Take promised units out of stock; all that are held when no quantity is named.
#[utoipa::path(post, path = "/v1/reservations/{id}/consume", tag = "Reservations",
    security(("bearer" = ["stock:write"])),
    request_body = QuantityBody,
    params(("id" = String, Path,), ("Idempotency-Key" = String, Header,)),
    extensions(("x-codes" = json!(["unknown_reservation", "reservation_of_order",
        "reservation_ended", "reservation_expired", "more_than_held"]))),
    responses((status = 200, description = "The reservation", body = ReservationsView<'static>)))]
async fn consume_reservation(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let QuantityBody { quantity } = call.json_or(QuantityBody { quantity: None })?;
    let command = Command::Consume { id: in_path(&id)?, quantity };
    answered(call.submit_once(AnyCommand::Inventory(command)).await?, StatusCode::OK)
}
