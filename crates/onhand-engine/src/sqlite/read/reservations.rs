//! Reservations.

use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, ProductId, ReservationId};
use onhand_core::inventory::{ReservationState, ReservationView};
use onhand_core::text::{Reference, Sku};
use rusqlite::{Connection, Result, Row, params};

use super::super::codec::{self};
use super::super::readers::Reader;
use super::catalog::find_product_id;
use super::number;
use crate::columns::reservation_columns;
use crate::limits::HOLDS_OF_REFERENCE_MAX;
use crate::paging::{filtered_page, scan_floor};
use crate::query::{HoldsOfReference, Page, ReadError, ReservationFilter};
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

    /// What a reference holds of a product, without an order.
    pub(crate) async fn holds_of_reference(
        &self,
        reference: Reference,
        product: ProductRef,
    ) -> Result<Option<HoldsOfReference>, ReadError> {
        self.read(move |view| holds_of_reference(view.connection, &reference, &product)).await
    }
}

fn holds_of_reference(
    connection: &Connection,
    reference: &Reference,
    product: &ProductRef,
) -> Result<Option<HoldsOfReference>> {
    let Some(product_id) = find_product_id(connection, product)? else { return Ok(None) };
    // Most hold once: then this is all that is to be looked for.
    let is_known = connection
        .prepare_cached(
            "SELECT 1 FROM reservations WHERE reference = ?1 AND product_id = ?2 LIMIT 1",
        )?
        .exists(params![reference.as_str(), product_id.number()])?;
    if !is_known {
        return Ok(Some(HoldsOfReference { product_id, open: Vec::new(), newest: 0 }));
    }
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        reservation_columns!(),
        " FROM reservations WHERE reference = ?1 AND product_id = ?2 AND state = 'held' \
         AND order_id IS NULL ORDER BY id LIMIT ?3"
    ))?;
    let most = stored_count(HOLDS_OF_REFERENCE_MAX);
    let named = params![reference.as_str(), product_id.number(), most];
    let open = select.query_map(named, codec::reservation)?.collect::<Result<Vec<_>>>()?;
    // Of each state the newest is found at once, however many there are.
    let mut select = connection.prepare_cached(
        "SELECT coalesce(max(id), 0) FROM reservations \
         WHERE reference = ?1 AND product_id = ?2 AND state = ?3",
    )?;
    let mut newest = 0;
    for state in ReservationState::ALL {
        let named = params![reference.as_str(), product_id.number(), state.as_str()];
        newest = newest.max(select.query_row(named, |row| row.get(0))?);
    }
    Ok(Some(HoldsOfReference { product_id, open, newest }))
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
