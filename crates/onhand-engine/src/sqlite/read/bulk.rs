//! Bulk data: imports, and the ledger as a whole.

use onhand_core::ids::ImportId;
use onhand_core::imports::{Import, ImportRow};
use rusqlite::{Connection, Result};

use super::super::readers::Reader;
use super::super::{codec, imports};
use crate::columns::*;
use crate::paging::{bounds, page};
use crate::query::{LedgerRow, Page, ReadError};

impl Reader {
    /// An import.
    pub(crate) async fn import(&self, id: ImportId) -> Result<Option<ImportRow>, ReadError> {
        self.read(move |view| imports::import(view.connection, id)).await
    }

    /// A page of imports, newest first.
    pub(crate) async fn imports(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Import>, ReadError> {
        self.read(move |view| {
            let mut select = view.connection.prepare_cached(
                "SELECT document FROM imports WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows = select.query_map(bounds(before, limit), |row| {
                codec::document(row, 0).map(|row: ImportRow| row.import)
            })?;
            Ok(page(rows.collect::<Result<Vec<_>>>()?, limit, |row| row.id.number()))
        })
        .await
    }

    /// A page of the ledger, oldest entry first.
    pub(crate) async fn ledger(
        &self,
        after: i64,
        limit: usize,
    ) -> Result<Page<LedgerRow>, ReadError> {
        self.read(move |view| ledger(view.connection, after, limit)).await
    }
}

fn ledger(connection: &Connection, after: i64, limit: usize) -> Result<Page<LedgerRow>> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq > ?1 ORDER BY seq LIMIT ?2"
    ))?;
    let [_, most] = bounds(None, limit);
    let movements = select.query_map([after, most], codec::movement)?;
    let mut sku = connection.prepare_cached("SELECT sku FROM products WHERE id = ?1")?;
    let mut rows = Vec::new();
    for movement in movements {
        let movement = movement?;
        let id = movement.product_id.number();
        rows.push(LedgerRow { sku: sku.query_row([id], |row| row.get(0))?, movement });
    }
    Ok(page(rows, limit, |row| row.movement.seq))
}
