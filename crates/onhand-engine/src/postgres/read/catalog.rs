//! Products, categories and locations.

use deadpool_postgres::GenericClient;
use onhand_core::catalog::{Category, Product, ProductRef};
use onhand_core::ids::CategoryId;
use onhand_core::inventory::Location;

use super::super::codec;
use super::super::error::Result;
use super::super::gather::Question;
use super::super::readers::{Reader, listed, one, row, rows};
use super::super::session::Value;
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

/// Columns of products that are named by id, and of those that are named by the SKU that they have
/// now; with what is joined to them. `LIMIT` keeps each look-up to its index: a statement that is
/// planned before there are products would else read all of them into memory, and go on doing so.
macro_rules! of_named {
    ($columns:literal $(, $joined:expr)*) => {
        concat!(
            "SELECT ", $columns, ", k.n FROM (SELECT unnest($1::int8[]), unnest($2::int8[])) \
             k(n, id) JOIN LATERAL (SELECT ", product_columns!(), " FROM products \
             WHERE id = k.id AND deleted_at IS NULL LIMIT 1) p ON true", $($joined,)*
            " UNION ALL \
             SELECT ", $columns, ", k.n FROM (SELECT unnest($3::int8[]), unnest($4::text[])) \
             k(n, sku) JOIN LATERAL (SELECT ", product_columns!(), " FROM products \
             WHERE sku = k.sku AND deleted_at IS NULL LIMIT 1) p ON true", $($joined,)*
        )
    };
}
pub(super) use of_named;

/// A product, as it is named.
pub(in crate::postgres) struct OneProduct(ProductRef);

impl Question for OneProduct {
    const SQL: &'static str = of_named!("p.*");
    const TABLE: &'static str = "products";

    fn values<'a>(asked: &[(i64, &'a Self)]) -> Vec<Value<'a>> {
        names(asked.iter().map(|(number, one)| (*number, &one.0)))
    }
}

/// Numbers and ids of those who name a product by its id, then numbers and SKUs of the others.
pub(super) fn names<'a>(named: impl Iterator<Item = (i64, &'a ProductRef)>) -> Vec<Value<'a>> {
    let (mut by_id, mut ids) = (Vec::new(), Vec::new());
    let (mut by_sku, mut skus) = (Vec::new(), Vec::new());
    for (number, reference) in named {
        match reference {
            ProductRef::Id(id) => {
                by_id.push(number);
                ids.push(id.number());
            }
            ProductRef::Sku(sku) => {
                by_sku.push(number);
                skus.push(sku.as_str());
            }
        }
    }
    vec![Box::new(by_id), Box::new(ids), Box::new(by_sku), Box::new(skus)]
}

impl Reader {
    /// A product of the catalogue.
    pub(crate) async fn product(
        &self,
        reference: &ProductRef,
    ) -> std::result::Result<Option<Product>, ReadError> {
        let found = self.of_products().ask(OneProduct(reference.clone())).await?;
        Ok(found.rows().next().map(codec::product).transpose()?)
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
