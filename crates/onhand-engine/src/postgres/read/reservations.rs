//! Reservations.

use deadpool_postgres::GenericClient;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, ProductId, ReservationId};
use onhand_core::inventory::{ReservationState, ReservationView};
use onhand_core::text::Reference;
use tokio_postgres::types::ToSql;

use super::super::codec::{self, get};
use super::super::error::Result;
use super::super::readers::{Reader, listed, rows, several};
use super::catalog::find_product;
use super::number;
use crate::columns::reservation_columns;
use crate::limits::HOLDS_OF_REFERENCE_MAX;
use crate::paging::{filtered_page, scan_floor};
use crate::query::{HoldsOfReference, Page, ReadError, ReservationFilter};
use crate::stored::stored_count;

const RESERVATIONS: &str = "SELECT r.id, r.product_id, r.location_id, r.quantity, r.consumed, \
     r.released, r.state, r.order_id, r.reference, r.expires_at, r.version, r.created_at, \
     r.updated_at, p.sku FROM reservations r JOIN products p ON p.id = r.product_id \
     WHERE r.id < $1 AND r.id >= $2 AND ($3::text IS NULL OR r.state = $3) \
     AND ($4::int8 IS NULL OR r.product_id = $4) AND ($5::int8 IS NULL OR r.order_id = $5) \
     AND ($6::text IS NULL OR r.reference = $6) ORDER BY r.id DESC LIMIT $7";

const HOLDS: &str = concat!(
    "SELECT ",
    reservation_columns!(),
    " FROM reservations WHERE reference = $1::text AND product_id = $2::int8 \
     AND state = 'held' AND order_id IS NULL ORDER BY id LIMIT $3::int8"
);
/// Of each state the newest is found at once, however many there are.
const NEWEST_HOLD: &str = "SELECT coalesce(max(n.id), 0)::int8 FROM unnest($3::text[]) s(state) \
     CROSS JOIN LATERAL (SELECT max(id) AS id FROM reservations WHERE reference = $1::text \
     AND product_id = $2::int8 AND state = s.state) n";

impl Reader {
    /// What a reference holds of a product, without an order.
    pub(crate) async fn holds_of_reference(
        &self,
        reference: &Reference,
        product: &ProductRef,
    ) -> std::result::Result<Option<HoldsOfReference>, ReadError> {
        let reference = reference.as_str();
        several!(self, client => async {
            let Some(product) = find_product(client, product).await? else { return Ok(None) };
            let (id, most) = (product.id.number(), stored_count(HOLDS_OF_REFERENCE_MAX));
            let found = rows(client, HOLDS, &[&reference, &id, &most]).await?;
            let open = found.iter().map(codec::reservation).collect::<Result<_>>()?;
            let states = ReservationState::ALL.map(ReservationState::as_str);
            let named: [&(dyn ToSql + Sync); 3] = [&reference, &id, &states.as_slice()];
            let found = rows(client, NEWEST_HOLD, &named).await?;
            let newest = found.first().map(|row| get(row, "reservations", 0)).transpose()?;
            let newest = newest.unwrap_or_default();
            Ok(Some(HoldsOfReference { product_id: product.id, open, newest }))
        })
    }

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
