//! Reservations as `/v1` shows them.

use onhand_core::Timestamp;
use onhand_core::inventory::{Reservation, ReservationState, ReservationView};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shown, ShownLocation, ShownOrder, ShownProduct, ShownReservation, values};

/// A promise of stock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation, example = json!({
    "id": "res_9", "object": "reservation", "sku": "TEA-1", "product_id": "prd_7",
    "location_id": "loc_1", "quantity": 2, "consumed": 0, "released": 0, "state": "held",
    "order_id": null, "reference": "cart-7", "expires_at": "2026-11-21T05:58:16.120394Z",
    "version": 1, "created_at": "2026-11-21T05:48:16.120394Z",
    "updated_at": "2026-11-21T05:48:16.120394Z"
}))]
pub struct ReservationShown<'a> {
    /// Its id.
    #[schema(value_type = values::ReservationId)]
    id: ShownReservation,
    #[schema(pattern = "^reservation$")]
    object: &'static str,
    /// The product's SKU.
    #[schema(value_type = values::Sku)]
    sku: &'a str,
    /// The product.
    #[schema(value_type = values::ProductId)]
    product_id: ShownProduct,
    /// Where the units are.
    #[schema(value_type = values::LocationId)]
    location_id: ShownLocation,
    /// Units promised at first.
    #[schema(value_type = values::Quantity)]
    quantity: i64,
    /// Units of it that have left.
    #[schema(value_type = values::Units)]
    consumed: i64,
    /// Units of it that were given back.
    #[schema(value_type = values::Units)]
    released: i64,
    /// Where it is in its life.
    #[schema(value_type = values::ReservationState)]
    state: ReservationState,
    /// The order it belongs to, if any.
    #[schema(value_type = Option<values::OrderId>, required)]
    order_id: Option<ShownOrder>,
    /// What else it belongs to.
    #[schema(value_type = Option<values::Reference>, required)]
    reference: Option<&'a str>,
    /// When it runs out; `null` for an allocation.
    #[schema(value_type = Option<values::Instant>, required)]
    expires_at: Option<Timestamp>,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was made.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

impl<'a> ReservationShown<'a> {
    /// The view of a reservation.
    pub fn of(sku: &'a str, row: &'a Reservation) -> Self {
        Self {
            id: Shown(row.id),
            object: "reservation",
            sku,
            product_id: Shown(row.product_id),
            location_id: Shown(row.location_id),
            quantity: row.quantity,
            consumed: row.consumed,
            released: row.released,
            state: row.state,
            order_id: row.order_id.map(Shown),
            reference: row.reference.as_ref().map(|reference| reference.as_str()),
            expires_at: row.expires_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Reservations made or changed together.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservations, example = json!({"object": "reservations", "data": [{
    "id": "res_9", "object": "reservation", "sku": "TEA-1", "product_id": "prd_7",
    "location_id": "loc_1", "quantity": 2, "consumed": 0, "released": 0, "state": "held",
    "order_id": null, "reference": "cart-7", "expires_at": "2026-11-21T05:58:16.120394Z",
    "version": 1, "created_at": "2026-11-21T05:48:16.120394Z",
    "updated_at": "2026-11-21T05:48:16.120394Z"
}]}))]
pub struct ReservationsView<'a> {
    #[schema(pattern = "^reservations$")]
    object: &'static str,
    /// One per SKU and location.
    data: Vec<ReservationShown<'a>>,
}

impl<'a> ReservationsView<'a> {
    /// The view of several.
    pub fn of(views: &'a [ReservationView]) -> Self {
        let row =
            |view: &'a ReservationView| ReservationShown::of(view.sku.as_str(), &view.reservation);
        Self { object: "reservations", data: views.iter().map(row).collect() }
    }
}
