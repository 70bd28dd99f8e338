//! Products with their levels, as a batch names them: by id, and by the SKU that they have now.

use std::collections::{BTreeMap, HashMap};

use onhand_core::catalog::Product;
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::inventory::Level;
use onhand_core::text::Sku;
use onhand_core::{Needs, State};
use tokio_postgres::Row;

use super::codec;
use super::error::Result;
use super::load::{asked, numbers};
use super::session::{Session, Value};
use crate::columns::{level_columns, product_columns};

/// By id and by SKU apart: one statement for both would have the server look through two indexes,
/// and for levels find the products once more.
pub(super) const PRODUCTS: &str =
    concat!("SELECT ", product_columns!(), " FROM products WHERE id = ANY($1::int8[])");
pub(super) const LEVELS: &str =
    concat!("SELECT ", level_columns!(), " FROM levels WHERE product_id = ANY($1::int8[])");
pub(super) const PRODUCTS_OF_SKUS: &str = concat!(
    "SELECT ",
    product_columns!(),
    " FROM products WHERE sku = ANY($1::text[]) AND deleted_at IS NULL"
);
pub(super) const LEVELS_OF_SKUS: &str = concat!(
    "SELECT ",
    level_columns!(),
    " FROM levels WHERE product_id IN (SELECT id FROM products \
     WHERE sku = ANY($1::text[]) AND deleted_at IS NULL)"
);

/// What the server has answered. What is named by id and by SKU comes twice.
pub(super) struct Stock {
    products: Vec<Row>,
    levels: Vec<Row>,
    products_of_skus: Vec<Row>,
    levels_of_skus: Vec<Row>,
}

/// Asks for the products that are named.
pub(super) async fn ask(session: &Session, needs: &Needs) -> Result<Stock> {
    let ids = || vec![numbers(&needs.products, |id| id.number())];
    let skus = || -> Vec<Value<'_>> {
        vec![Box::new(needs.skus.iter().map(Sku::as_str).collect::<Vec<_>>())]
    };
    // Polled in this order, they are sent in this order.
    let (products, levels, products_of_skus, levels_of_skus) = tokio::try_join!(
        biased;
        asked(session, !needs.products.is_empty(), PRODUCTS, ids()),
        asked(session, !needs.products.is_empty(), LEVELS, ids()),
        asked(session, !needs.skus.is_empty(), PRODUCTS_OF_SKUS, skus()),
        asked(session, !needs.skus.is_empty(), LEVELS_OF_SKUS, skus()),
    )?;
    Ok(Stock { products, levels, products_of_skus, levels_of_skus })
}

impl Stock {
    /// Loads what was found into the state, and what was not.
    pub(super) fn take_in(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let mut levels_of: HashMap<ProductId, BTreeMap<LocationId, Level>> = HashMap::new();
        for row in self.levels.iter().chain(&self.levels_of_skus) {
            let level = codec::level(row)?;
            levels_of.entry(level.product_id).or_default().insert(level.location_id, level);
        }
        let mut found: BTreeMap<ProductId, Product> = BTreeMap::new();
        for row in self.products.iter().chain(&self.products_of_skus) {
            let product = codec::product(row)?;
            found.insert(product.id, product);
        }
        let of_sku: HashMap<Sku, ProductId> = found
            .values()
            .filter(|product| product.deleted_at.is_none())
            .map(|product| (product.sku.clone(), product.id))
            .collect();
        for sku in &needs.skus {
            state.load_sku(sku.clone(), of_sku.get(sku).copied());
        }
        for id in needs.products.iter().filter(|id| !found.contains_key(id)) {
            state.load_product(*id, None);
        }
        for (id, product) in found {
            let levels = levels_of.remove(&id).unwrap_or_default().into_values().collect();
            state.load_product(id, Some((product, levels)));
        }
        Ok(())
    }
}
