//! Stock: figures now and in the past, their explanation, and the ledger behind them.

use onhand_core::catalog::ProductRef;
use onhand_core::ids::ProductId;
use onhand_core::inventory::{Movement, Reservation, ReservationState};
use rusqlite::{OptionalExtension, Result};

use super::super::load::View;
use super::super::readers::Reader;
use super::super::{codec, past};
use super::catalog::find_product;
use super::number;
use super::reservations::reservations;
use crate::columns::*;
use crate::paging::{filtered_page, scan_floor};
use crate::query::{
    Explanation, Moment, Page, ReadError, ReservationFilter, StockFilter, StockRow, explained,
};

impl Reader {
    /// The stock of a product, now or at a moment.
    pub(crate) async fn stock(
        &self,
        reference: ProductRef,
        as_of: Option<Moment>,
    ) -> Result<Option<StockRow>, ReadError> {
        self.read(move |view| stock(view, &reference, as_of)).await
    }

    /// A page of stock by product, newest product first.
    pub(crate) async fn stocks(
        &self,
        filter: StockFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<StockRow>, ReadError> {
        self.read(move |view| stocks(view, filter, before, limit)).await
    }

    /// Why a product's stock is what it is, or was at a moment.
    pub(crate) async fn explain(
        &self,
        reference: ProductRef,
        as_of: Option<Moment>,
    ) -> Result<Option<Explanation>, ReadError> {
        self.read(move |view| explain(view, &reference, as_of)).await
    }

    /// Entries of the ledger of a product, newest first, going on at the heads that the last page
    /// left. Answers none for a product that is not there.
    pub(crate) async fn movements(
        &self,
        reference: ProductRef,
        heads: Option<Vec<i64>>,
        limit: usize,
    ) -> Result<Option<(Vec<Movement>, Vec<i64>)>, ReadError> {
        self.read(move |view| movements(view, &reference, heads, limit)).await
    }
}

fn stock(
    view: View<'_>,
    reference: &ProductRef,
    as_of: Option<Moment>,
) -> Result<Option<StockRow>> {
    let Some(product) = find_product(view.connection, reference)? else {
        return Ok(None);
    };
    let mut levels = view.levels(product.id)?;
    if let Some(moment) = as_of {
        past::set_all_back(view.connection, &mut levels, moment)?;
    }
    Ok(Some(StockRow { product, levels }))
}

fn stocks(
    view: View<'_>,
    filter: StockFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<StockRow>> {
    let connection = view.connection;
    let newest = number(connection, "SELECT coalesce(max(id), 0) FROM products")?;
    let before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        product_columns!(),
        " FROM products WHERE deleted_at IS NULL AND id < ?1 AND id >= ?2 ORDER BY id DESC"
    ))?;
    let mut products = select.query([before, floor])?;
    let mut rows = Vec::new();
    while rows.len() <= limit
        && let Some(product) = products.next()?
    {
        let product = codec::product(product)?;
        let mut levels = view.levels(product.id)?;
        levels.retain(|level| filter.location_id.is_none_or(|id| id == level.location_id));
        if filter.lets_in(&levels) {
            rows.push(StockRow { product, levels });
        }
    }
    Ok(filtered_page(rows, limit, floor, |row| row.product.id.number()))
}

/// Most open promises that an explanation lists.
const EXPLAINED_HOLDS_MAX: usize = 50;

fn explain(
    view: View<'_>,
    reference: &ProductRef,
    as_of: Option<Moment>,
) -> Result<Option<Explanation>> {
    let Some(StockRow { product, levels }) = stock(view, reference, as_of)? else {
        return Ok(None);
    };
    let open = match as_of {
        None => Some(open(view, product.id)?),
        Some(_) => None,
    };
    Ok(Some(Explanation { product, terms: explained(&levels), levels, open }))
}

/// The newest open promises of a product.
fn open(view: View<'_>, id: ProductId) -> Result<Vec<Reservation>> {
    let filter = ReservationFilter {
        state: Some(ReservationState::Held),
        product_id: Some(id),
        ..ReservationFilter::default()
    };
    let open = reservations(view.connection, &filter, None, EXPLAINED_HOLDS_MAX)?;
    Ok(open.rows.into_iter().map(|view| view.reservation).collect())
}

fn movements(
    view: View<'_>,
    reference: &ProductRef,
    heads: Option<Vec<i64>>,
    limit: usize,
) -> Result<Option<(Vec<Movement>, Vec<i64>)>> {
    let Some(product) = find_product(view.connection, reference)? else {
        return Ok(None);
    };
    let mut heads = match heads {
        Some(heads) => heads,
        None => {
            let levels = view.levels(product.id)?;
            levels.iter().map(|level| level.last_movement).filter(|seq| *seq > 0).collect()
        }
    };
    let mut entry = view.connection.prepare_cached(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq = ?1"
    ))?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(newest) = heads.iter().copied().max() else {
            break;
        };
        heads.retain(|seq| *seq != newest);
        let found = entry.query_row([newest], codec::movement).optional()?;
        let Some(movement) = found.filter(|row| row.product_id == product.id) else {
            continue;
        };
        heads.extend(Some(movement.previous).filter(|seq| *seq > 0));
        rows.push(movement);
    }
    Ok(Some((rows, heads)))
}
