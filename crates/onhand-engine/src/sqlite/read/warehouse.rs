//! Runs against the external warehouse: they, their rows, and what is missing.

use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::warehouse::{Action, Shortfall, Status, Sync, SyncRow};
use rusqlite::{Connection, Result, params};

use super::super::readers::Reader;
use super::super::{codec, warehouse};
use crate::limits::PAGE_ROWS_MAX;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{Page, ReadError, SyncFilter, SyncRowFilter};
use crate::stored::stored_count;

impl Reader {
    /// A run.
    pub(crate) async fn sync(&self, id: SyncId) -> Result<Option<Sync>, ReadError> {
        self.read(move |view| warehouse::sync(view.connection, id)).await
    }

    /// The run that is open, if one is.
    pub(crate) async fn open_sync(&self) -> Result<Option<Sync>, ReadError> {
        self.read(|view| warehouse::open_sync(view.connection)).await
    }

    /// A page of runs, newest first.
    pub(crate) async fn syncs(
        &self,
        filter: SyncFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Sync>, ReadError> {
        self.read(move |view| syncs(view.connection, filter, before, limit)).await
    }

    /// A page of the rows of a run, by their numbers.
    pub(crate) async fn sync_rows(
        &self,
        filter: SyncRowFilter,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Page<SyncRow>, ReadError> {
        self.read(move |view| sync_rows(view.connection, filter, after, limit)).await
    }

    /// Open shortfalls by product and location.
    pub(crate) async fn shortfalls(
        &self,
        after: Option<(ProductId, LocationId)>,
        limit: usize,
    ) -> Result<Vec<Shortfall>, ReadError> {
        let (product, location) =
            after.map_or((0, 0), |(product, location)| (product.number(), location.number()));
        self.read(move |view| {
            view.connection
                .prepare_cached(
                    "SELECT document FROM shortfalls WHERE (product_id, location_id) > (?1, ?2) \
                     ORDER BY product_id, location_id LIMIT ?3",
                )?
                .query_map(
                    params![product, location, stored_count(limit.min(PAGE_ROWS_MAX))],
                    |row| codec::document(row, 0),
                )?
                .collect()
        })
        .await
    }
}

fn syncs(
    connection: &Connection,
    filter: SyncFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Sync>> {
    let [before, most] = bounds(before, limit);
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(id) FROM syncs")?.query_row([], |row| row.get(0))?;
    let before = before.min(newest.unwrap_or(0).saturating_add(1));
    let floor = scan_floor(before);
    let status = filter.status.map(Status::as_str);
    let mut select = connection.prepare_cached(
        "SELECT document FROM syncs WHERE id < ?1 AND id >= ?2 AND (?3 IS NULL OR status = ?3) \
         ORDER BY id DESC LIMIT ?4",
    )?;
    let rows =
        select.query_map(params![before, floor, status, most], |row| codec::document(row, 0))?;
    let rows = rows.collect::<Result<Vec<Sync>>>()?;
    Ok(filtered_page(rows, limit, floor, |sync| sync.id.number()))
}

fn sync_rows(
    connection: &Connection,
    filter: SyncRowFilter,
    after: Option<u32>,
    limit: usize,
) -> Result<Page<SyncRow>> {
    let [_, most] = bounds(None, limit);
    let (id, after) = (filter.sync_id.number(), after.unwrap_or(0));
    let read = |row: &rusqlite::Row<'_>| codec::document(row, 0);
    let rows: Vec<SyncRow> = match filter.action.map(Action::as_str) {
        Some(action) => connection
            .prepare_cached(
                "SELECT document FROM sync_rows INDEXED BY sync_rows_action WHERE sync_id = ?1 \
                 AND action = ?2 AND number > ?3 ORDER BY number LIMIT ?4",
            )?
            .query_map(params![id, action, after, most], read)?
            .collect::<Result<_>>()?,
        None => connection
            .prepare_cached(
                "SELECT document FROM sync_rows WHERE sync_id = ?1 AND number > ?2 \
                 ORDER BY number LIMIT ?3",
            )?
            .query_map(params![id, after, most], read)?
            .collect::<Result<_>>()?,
    };
    Ok(page(rows, limit, |row| i64::from(row.row)))
}
