//! Bulk data: imports, and the ledger as a whole.

use onhand_core::Timestamp;
use onhand_core::ids::ImportId;
use onhand_core::imports::{Import, ImportRow, State};
use rusqlite::{Connection, Result, params};

use super::super::readers::Reader;
use super::super::{codec, imports};
use crate::columns::*;
use crate::paging::{bounds, page};
use crate::query::{LedgerRow, Page, ReadError};
use crate::stored::{stored_count, to_second};

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

    /// Imports of whose file nothing has come since a second, oldest first.
    pub(crate) async fn silent_imports(
        &self,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<ImportId>, ReadError> {
        self.read(move |view| {
            // Instants are kept as RFC 3339 in UTC: to the second they are sorted as text.
            let mut select = view.connection.prepare_cached(
                "SELECT id FROM imports WHERE document ->> '$.import.state' = ?1 \
                 AND substr(document ->> '$.import.updated_at', 1, 19) < ?2 ORDER BY id LIMIT ?3",
            )?;
            let values = params![State::Receiving.as_str(), to_second(since), stored_count(most)];
            let ids = select.query_map(values, |row| row.get::<_, i64>(0))?;
            ids.map(|id| Ok(ImportId::new(id?))).filter_map(Result::transpose).collect()
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
