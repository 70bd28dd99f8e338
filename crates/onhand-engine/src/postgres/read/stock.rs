//! Stock: figures now and in the past, their explanation, and the ledger behind them.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::ProductId;
use onhand_core::inventory::{Level, Movement, Reservation, ReservationState};

use super::super::codec;
use super::super::error::Result;
use super::super::gather::Question;
use super::super::past::{Asked, Reading};
use super::super::readers::{Reader, listed, row, rows, several};
use super::super::session::Value;
use super::catalog::{find_product, names, of_named};
use super::number;
use super::reservations::reservations;
use crate::columns::*;
use crate::limits::PAGE_ROWS_MAX;
use crate::paging::{filtered_page, scan_floor};
use crate::past;
use crate::query::{
    Explanation, Moment, Page, ReadError, ReservationFilter, StockFilter, StockRow, explained,
};
use crate::stored::stored_count;

const LEVELS: &str = concat!(
    "SELECT ",
    level_columns!(),
    " FROM levels WHERE product_id = ANY($1) ORDER BY product_id, location_id"
);
const PRODUCTS: &str = concat!(
    "SELECT ",
    product_columns!(),
    " FROM products WHERE deleted_at IS NULL AND id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3"
);
/// Every level with its product; a product without any has one row.
const ONE: &str = of_named!(
    "p.*, l.*",
    " LEFT JOIN LATERAL (SELECT ",
    level_columns!(),
    " FROM levels WHERE product_id = p.id) l ON true"
);
/// Columns of the product, before those of the level.
const PRODUCT_COLUMNS: usize = 12;
const MOVEMENT: &str = concat!("SELECT ", movement_columns!(), " FROM movements WHERE seq = $1");

/// Most open promises that an explanation lists.
const EXPLAINED_HOLDS_MAX: usize = 50;

/// The stock of a product now, as the product is named.
pub(in crate::postgres) struct OneStock(ProductRef);

impl Question for OneStock {
    const SQL: &'static str = ONE;
    const TABLE: &'static str = "levels";

    fn values<'a>(asked: &[(i64, &'a Self)]) -> Vec<Value<'a>> {
        names(asked.iter().map(|(number, one)| (*number, &one.0)))
    }
}

impl Reader {
    /// The stock of a product, now or at a moment.
    pub(crate) async fn stock(
        &self,
        reference: &ProductRef,
        as_of: Option<Moment>,
    ) -> std::result::Result<Option<StockRow>, ReadError> {
        match as_of {
            None => self.stock_now(reference).await,
            Some(_) => several!(self, client => stock(client, reference, as_of)),
        }
    }

    async fn stock_now(
        &self,
        reference: &ProductRef,
    ) -> std::result::Result<Option<StockRow>, ReadError> {
        let found = self.of_stock().ask(OneStock(reference.clone())).await?;
        let Some(first) = found.rows().next() else { return Ok(None) };
        let product = codec::product(first)?;
        let mut levels = Vec::new();
        for row in found.rows() {
            if codec::get::<Option<i64>>(row, "levels", PRODUCT_COLUMNS)?.is_some() {
                levels.push(codec::level_behind(row, PRODUCT_COLUMNS)?);
            }
        }
        levels.sort_unstable_by_key(|level| level.location_id);
        Ok(Some(StockRow { product, levels }))
    }

    /// A page of stock by product, newest product first.
    pub(crate) async fn stocks(
        &self,
        filter: StockFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<StockRow>, ReadError> {
        listed!(self, client => stocks(client, filter, before, limit))
    }

    /// Why a product's stock is what it is, or was at a moment.
    pub(crate) async fn explain(
        &self,
        reference: &ProductRef,
        as_of: Option<Moment>,
    ) -> std::result::Result<Option<Explanation>, ReadError> {
        several!(self, client => async {
            let Some(StockRow { product, levels }) = stock(client, reference, as_of).await? else {
                return Ok(None);
            };
            let open = match as_of {
                None => Some(open(client, product.id).await?),
                Some(_) => None,
            };
            Ok(Some(Explanation { product, terms: explained(&levels), levels, open }))
        })
    }

    /// Entries of the ledger of a product, newest first, going on at the heads that the last page
    /// left. Answers none for a product that is not there.
    pub(crate) async fn movements(
        &self,
        reference: &ProductRef,
        heads: Option<&[i64]>,
        limit: usize,
    ) -> std::result::Result<Option<(Vec<Movement>, Vec<i64>)>, ReadError> {
        several!(self, client => movements(client, reference, heads, limit))
    }
}

/// Levels of some products, by product.
async fn levels_of(
    client: &impl GenericClient,
    ids: &[ProductId],
) -> Result<HashMap<ProductId, Vec<Level>>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.number()).collect();
    let mut levels: HashMap<ProductId, Vec<Level>> = HashMap::new();
    for row in rows(client, LEVELS, &[&ids]).await? {
        let level = codec::level(&row)?;
        levels.entry(level.product_id).or_default().push(level);
    }
    Ok(levels)
}

async fn levels(client: &impl GenericClient, id: ProductId) -> Result<Vec<Level>> {
    Ok(levels_of(client, &[id]).await?.remove(&id).unwrap_or_default())
}

async fn stock(
    client: &impl GenericClient,
    reference: &ProductRef,
    as_of: Option<Moment>,
) -> Result<Option<StockRow>> {
    let Some(product) = find_product(client, reference).await? else {
        return Ok(None);
    };
    let mut levels = levels(client, product.id).await?;
    if let Some(moment) = as_of {
        past::set_all_back(&Asked(&Reading(client)), &mut levels, moment).await?;
    }
    Ok(Some(StockRow { product, levels }))
}

/// The newest open promises of a product.
async fn open(client: &impl GenericClient, id: ProductId) -> Result<Vec<Reservation>> {
    let filter = ReservationFilter {
        state: Some(ReservationState::Held),
        product_id: Some(id),
        ..ReservationFilter::default()
    };
    let open = reservations(client, &filter, None, EXPLAINED_HOLDS_MAX).await?;
    Ok(open.rows.into_iter().map(|view| view.reservation).collect())
}

async fn movement(client: &impl GenericClient, seq: i64) -> Result<Option<Movement>> {
    row(client, MOVEMENT, &[&seq]).await?.as_ref().map(codec::movement).transpose()
}

async fn stocks(
    client: &impl GenericClient,
    filter: StockFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<StockRow>> {
    let newest = number(client, "SELECT coalesce(max(id), 0) FROM products").await?;
    let mut before = before.unwrap_or(i64::MAX).min(newest + 1);
    let floor = scan_floor(before);
    let step = stored_count(PAGE_ROWS_MAX);
    let mut listed = Vec::new();
    while listed.len() <= limit {
        let found = rows(client, PRODUCTS, &[&before, &floor, &step]).await?;
        let products = found.iter().map(codec::product).collect::<Result<Vec<_>>>()?;
        let Some(last) = products.last() else { break };
        before = last.id.number();
        let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
        let mut levels = levels_of(client, &ids).await?;
        for product in products {
            let mut levels = levels.remove(&product.id).unwrap_or_default();
            levels.retain(|level| filter.location_id.is_none_or(|id| id == level.location_id));
            if listed.len() <= limit && filter.lets_in(&levels) {
                listed.push(StockRow { product, levels });
            }
        }
    }
    Ok(filtered_page(listed, limit, floor, |row| row.product.id.number()))
}

async fn movements(
    client: &impl GenericClient,
    reference: &ProductRef,
    heads: Option<&[i64]>,
    limit: usize,
) -> Result<Option<(Vec<Movement>, Vec<i64>)>> {
    let Some(product) = find_product(client, reference).await? else {
        return Ok(None);
    };
    let mut heads = match heads {
        Some(heads) => heads.to_vec(),
        None => {
            let levels = levels(client, product.id).await?;
            levels.iter().map(|level| level.last_movement).filter(|seq| *seq > 0).collect()
        }
    };
    let mut entries = Vec::new();
    while entries.len() < limit {
        let Some(newest) = heads.iter().copied().max() else { break };
        heads.retain(|seq| *seq != newest);
        let found = movement(client, newest).await?;
        let Some(movement) = found.filter(|row| row.product_id == product.id) else { continue };
        heads.extend(Some(movement.previous).filter(|seq| *seq > 0));
        entries.push(movement);
    }
    Ok(Some((entries, heads)))
}
