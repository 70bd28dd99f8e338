//! Reservations.

use deadpool_postgres::GenericClient;
use onhand_core::ids::{OrderId, ProductId, ReservationId};
use onhand_core::inventory::{ReservationState, ReservationView};
use onhand_core::text::Reference;

use super::super::codec;
use super::super::error::Result;
use super::super::readers::{Reader, listed, rows, several};
use super::number;
use crate::paging::{filtered_page, scan_floor};
use crate::query::{Page, ReadError, ReservationFilter};
use crate::stored::stored_count;

const RESERVATIONS: &str = "SELECT r.id, r.product_id, r.location_id, r.quantity, r.consumed, \
     r.released, r.state, r.order_id, r.reference, r.expires_at, r.version, r.created_at, \
     r.updated_at, p.sku FROM reservations r JOIN products p ON p.id = r.product_id \
     WHERE r.id < $1 AND r.id >= $2 AND ($3::text IS NULL OR r.state = $3) \
     AND ($4::int8 IS NULL OR r.product_id = $4) AND ($5::int8 IS NULL OR r.order_id = $5) \
     AND ($6::text IS NULL OR r.reference = $6) ORDER BY r.id DESC LIMIT $7";

impl Reader {
    /// A reservation with its SKU.
    pub(crate) async fn reservation(
        &self,
        id: ReservationId,
    ) -> std::result::Result<Option<ReservationView>, ReadError> {
        several!(self, client => async {
            let filter = ReservationFilter::default();
            let found = reservations(client, &filter, Some(id.number() + 1), 1).await?;
            Ok(found.rows.into_iter().find(|view| view.reservation.id == id))
        })
    }

    /// A page of reservations, newest first.
    pub(crate) async fn reservations(
        &self,
        filter: &ReservationFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<ReservationView>, ReadError> {
        listed!(self, client => reservations(client, filter, before, limit))
    }
}

pub(super) async fn reservations(
    client: &impl GenericClient,
    filter: &ReservationFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<ReservationView>> {
    let newest = number(client, "SELECT coalesce(max(id), 0) FROM reservations").await?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let found = rows(
        client,
        RESERVATIONS,
        &[
            &before,
            &floor,
            &filter.state.map(ReservationState::as_str),
            &filter.product_id.map(ProductId::number),
            &filter.order_id.map(OrderId::number),
            &filter.reference.as_ref().map(Reference::as_str),
            &(stored_count(limit) + 1),
        ],
    )
    .await?;
    let mut views = Vec::new();
    for row in found {
        let reservation = codec::reservation(&row)?;
        views.push(ReservationView { sku: codec::sku(&row, 13)?, reservation });
    }
    Ok(filtered_page(views, limit, floor, |view| view.reservation.id.number()))
}
