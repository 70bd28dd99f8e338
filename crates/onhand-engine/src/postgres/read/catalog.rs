//! Products, categories and locations.

use deadpool_postgres::GenericClient;
use onhand_core::catalog::{Category, Product, ProductRef};
use onhand_core::ids::CategoryId;
use onhand_core::inventory::Location;

use super::super::codec;
use super::super::error::Result;
use super::super::readers::{Reader, listed, one, row, rows};
use crate::columns::*;
use crate::paging::{bounds, page};
use crate::query::{Page, ReadError};

const PRODUCT_BY_ID: &str =
    concat!("SELECT ", product_columns!(), " FROM products WHERE id = $1 AND deleted_at IS NULL");
const PRODUCT_BY_SKU: &str =
    concat!("SELECT ", product_columns!(), " FROM products WHERE sku = $1 AND deleted_at IS NULL");
const PRODUCTS: &str = concat!(
    "SELECT ",
    product_columns!(),
    " FROM products WHERE deleted_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2"
);
const PRODUCTS_OF_CATEGORY: &str = concat!(
    "SELECT ",
    product_columns!(),
    " FROM products WHERE deleted_at IS NULL AND id IN (SELECT product_id \
     FROM product_categories WHERE category_id = $3 AND product_id < $1) ORDER BY id DESC LIMIT $2"
);
const CATEGORY: &str = concat!(
    "SELECT ",
    category_columns!(),
    " FROM categories WHERE id = $1 AND deleted_at IS NULL"
);
const CATEGORIES: &str = concat!(
    "SELECT ",
    category_columns!(),
    " FROM categories WHERE deleted_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2"
);
const LOCATIONS: &str =
    concat!("SELECT ", location_columns!(), " FROM locations ORDER BY priority, id");

impl Reader {
    /// A product of the catalogue.
    pub(crate) async fn product(
        &self,
        reference: &ProductRef,
    ) -> std::result::Result<Option<Product>, ReadError> {
        one!(self, client => find_product(client, reference))
    }

    /// A page of products, newest first; of a category or of all.
    pub(crate) async fn products(
        &self,
        category: Option<CategoryId>,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Product>, ReadError> {
        let [before, rows_max] = bounds(before, limit);
        let found: std::result::Result<_, ReadError> = listed!(self, client => async {
            let found = match category.map(CategoryId::number) {
                None => rows(client, PRODUCTS, &[&before, &rows_max]).await?,
                Some(id) => rows(client, PRODUCTS_OF_CATEGORY, &[&before, &rows_max, &id]).await?,
            };
            found.iter().map(codec::product).collect::<Result<Vec<_>>>()
        });
        Ok(page(found?, limit, |product| product.id.number()))
    }

    /// A category.
    pub(crate) async fn category(
        &self,
        id: CategoryId,
    ) -> std::result::Result<Option<Category>, ReadError> {
        one!(self, client => async {
            let found = row(client, CATEGORY, &[&id.number()]).await?;
            found.as_ref().map(codec::category).transpose()
        })
    }

    /// A page of categories, newest first.
    pub(crate) async fn categories(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Category>, ReadError> {
        let [before, rows_max] = bounds(before, limit);
        let found: std::result::Result<_, ReadError> = listed!(self, client => async {
            let found = rows(client, CATEGORIES, &[&before, &rows_max]).await?;
            found.iter().map(codec::category).collect::<Result<Vec<_>>>()
        });
        Ok(page(found?, limit, |row| row.id.number()))
    }

    /// All locations, in the order in which they are asked.
    pub(crate) async fn locations(&self) -> std::result::Result<Vec<Location>, ReadError> {
        one!(self, client => async {
            rows(client, LOCATIONS, &[]).await?.iter().map(codec::location).collect()
        })
    }
}

pub(super) async fn find_product(
    client: &impl GenericClient,
    reference: &ProductRef,
) -> Result<Option<Product>> {
    let found = match reference {
        ProductRef::Id(id) => row(client, PRODUCT_BY_ID, &[&id.number()]).await?,
        ProductRef::Sku(sku) => row(client, PRODUCT_BY_SKU, &[&sku.as_str()]).await?,
    };
    found.as_ref().map(codec::product).transpose()
}
