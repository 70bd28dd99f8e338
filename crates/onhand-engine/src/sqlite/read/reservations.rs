//! Reservations.

use onhand_core::ids::{OrderId, ProductId, ReservationId};
use onhand_core::inventory::{ReservationState, ReservationView};
use onhand_core::text::{Reference, Sku};
use rusqlite::{Connection, Result, Row, params};

use super::super::codec;
use super::super::readers::Reader;
use super::number;
use crate::paging::{filtered_page, scan_floor};
use crate::query::{Page, ReadError, ReservationFilter};
use crate::stored::stored_count;

impl Reader {
    /// A reservation with its SKU.
    pub(crate) async fn reservation(
        &self,
        id: ReservationId,
    ) -> Result<Option<ReservationView>, ReadError> {
        self.read(move |view| {
            let filter = ReservationFilter::default();
            let found = reservations(view.connection, &filter, Some(id.number() + 1), 1)?;
            Ok(found.rows.into_iter().find(|view| view.reservation.id == id))
        })
        .await
    }

    /// A page of reservations, newest first.
    pub(crate) async fn reservations(
        &self,
        filter: ReservationFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<ReservationView>, ReadError> {
        self.read(move |view| reservations(view.connection, &filter, before, limit)).await
    }
}

pub(super) fn reservations(
    connection: &Connection,
    filter: &ReservationFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<ReservationView>> {
    let newest = number(connection, "SELECT coalesce(max(id), 0) FROM reservations")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(
        "SELECT r.id, r.product_id, r.location_id, r.quantity, r.consumed, r.released, r.state, \
         r.order_id, r.reference, r.expires_at, r.version, r.created_at, r.updated_at, p.sku \
         FROM reservations r JOIN products p ON p.id = r.product_id \
         WHERE r.id < ?1 AND r.id >= ?2 AND (?3 IS NULL OR r.state = ?3) \
         AND (?4 IS NULL OR r.product_id = ?4) AND (?5 IS NULL OR r.order_id = ?5) \
         AND (?6 IS NULL OR r.reference = ?6) ORDER BY r.id DESC LIMIT ?7",
    )?;
    let values = params![
        before,
        floor,
        filter.state.map(ReservationState::as_str),
        filter.product_id.map(ProductId::number),
        filter.order_id.map(OrderId::number),
        filter.reference.as_ref().map(Reference::as_str),
        stored_count(limit) + 1
    ];
    let view = |row: &Row<'_>| {
        let sku: String = row.get(13)?;
        let sku = Sku::new(sku).map_err(|error| codec::corrupt(13, error))?;
        Ok(ReservationView { sku, reservation: codec::reservation(row)? })
    };
    let rows = select.query_map(values, view)?.collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(rows, limit, floor, |view| view.reservation.id.number()))
}
