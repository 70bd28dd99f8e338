//! Products, categories and locations.

use onhand_core::catalog::{Category, Product, ProductRef};
use onhand_core::ids::CategoryId;
use onhand_core::inventory::Location;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::super::codec;
use super::super::load::{self};
use super::super::readers::Reader;
use crate::columns::*;
use crate::paging::{bounds, page};
use crate::query::{Page, ReadError};

impl Reader {
    /// A product of the catalogue.
    pub(crate) async fn product(
        &self,
        reference: ProductRef,
    ) -> Result<Option<Product>, ReadError> {
        self.read(move |view| find_product(view.connection, &reference)).await
    }

    /// A page of products, newest first; of a category, or with a SKU.
    pub(crate) async fn products(
        &self,
        category: Option<CategoryId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Product>, ReadError> {
        self.read(move |view| products(view.connection, category, before, limit)).await
    }

    /// A category.
    pub(crate) async fn category(&self, id: CategoryId) -> Result<Option<Category>, ReadError> {
        self.read(move |view| {
            view.connection
                .prepare_cached(concat!(
                    "SELECT ",
                    category_columns!(),
                    " FROM categories WHERE id = ?1 AND deleted_at IS NULL"
                ))?
                .query_row([id.number()], codec::category)
                .optional()
        })
        .await
    }

    /// A page of categories, newest first.
    pub(crate) async fn categories(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Category>, ReadError> {
        self.read(move |view| {
            let rows = view
                .connection
                .prepare_cached(concat!(
                    "SELECT ",
                    category_columns!(),
                    " FROM categories WHERE deleted_at IS NULL AND id < ?1 \
                     ORDER BY id DESC LIMIT ?2"
                ))?
                .query_map(bounds(before, limit), codec::category)?
                .collect::<Result<Vec<_>>>()?;
            Ok(page(rows, limit, |row| row.id.number()))
        })
        .await
    }

    /// All locations, in the order in which they are asked.
    pub(crate) async fn locations(&self) -> Result<Vec<Location>, ReadError> {
        self.read(|view| load::locations(view.connection)).await
    }
}

pub(super) fn find_product(
    connection: &Connection,
    reference: &ProductRef,
) -> Result<Option<Product>> {
    let id = match reference {
        ProductRef::Id(id) => Some(*id),
        ProductRef::Sku(sku) => load::product_id_of_sku(connection, sku.as_str())?,
    };
    let Some(id) = id else { return Ok(None) };
    Ok(load::product(connection, id)?.filter(|product| product.deleted_at.is_none()))
}

fn products(
    connection: &Connection,
    category: Option<CategoryId>,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Product>> {
    let [before, rows_max] = bounds(before, limit);
    let mut select = match category {
        None => connection.prepare_cached(concat!(
            "SELECT ",
            product_columns!(),
            " FROM products WHERE deleted_at IS NULL AND id < ?1 AND ?3 IS NULL \
             ORDER BY id DESC LIMIT ?2"
        ))?,
        Some(_) => connection.prepare_cached(concat!(
            "SELECT ",
            product_columns!(),
            " FROM products WHERE deleted_at IS NULL AND id IN (SELECT product_id \
             FROM product_categories WHERE category_id = ?3 AND product_id < ?1) \
             ORDER BY id DESC LIMIT ?2"
        ))?,
    };
    let values = params![before, rows_max, category.map(CategoryId::number)];
    let rows = select.query_map(values, codec::product)?.collect::<Result<Vec<_>>>()?;
    Ok(page(rows, limit, |product| product.id.number()))
}
