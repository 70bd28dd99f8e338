//! Runs against the external warehouse: they, their rows, and what is missing.

use deadpool_postgres::GenericClient;
use onhand_core::ids::{LocationId, ProductId, SyncId};
use onhand_core::warehouse::{Action, Shortfall, Status, Sync, SyncRow};

use super::super::codec::get;
use super::super::error::Result;
use super::super::readers::{Reader, all, listed, one, row};
use crate::limits::PAGE_ROWS_MAX;
use crate::paging::{bounds, filtered_page, page, scan_floor};
use crate::query::{Page, ReadError, SyncFilter, SyncRowFilter};
use crate::stored::stored_count;

const SYNC: &str = "SELECT document FROM syncs WHERE id = $1";
const OPEN_SYNC: &str = "SELECT document FROM syncs \
     WHERE status IN ('receiving', 'comparing', 'applying') ORDER BY id DESC LIMIT 1";
const NEWEST: &str = "SELECT max(id) FROM syncs";
const SYNCS: &str = "SELECT document FROM syncs WHERE id < $1 AND id >= $2 \
     AND ($3::text IS NULL OR status = $3) ORDER BY id DESC LIMIT $4";
const ROWS: &str = "SELECT document FROM sync_rows WHERE sync_id = $1 AND number > $2 \
     ORDER BY number LIMIT $3";
const ROWS_OF_ACTION: &str = "SELECT document FROM sync_rows WHERE sync_id = $1 AND number > $2 \
     AND action = $4 ORDER BY number LIMIT $3";
const SHORTFALLS: &str = "SELECT document FROM shortfalls \
     WHERE (product_id, location_id) > ($1, $2) ORDER BY product_id, location_id LIMIT $3";

impl Reader {
    /// A run.
    pub(crate) async fn sync(&self, id: SyncId) -> std::result::Result<Option<Sync>, ReadError> {
        let found: std::result::Result<Vec<Sync>, ReadError> =
            one!(self, client => all(client, "syncs", SYNC, &[&id.number()]));
        Ok(found?.pop())
    }

    /// The run that is open, if one is.
    pub(crate) async fn open_sync(&self) -> std::result::Result<Option<Sync>, ReadError> {
        let found: std::result::Result<Vec<Sync>, ReadError> =
            one!(self, client => all(client, "syncs", OPEN_SYNC, &[]));
        Ok(found?.pop())
    }

    /// A page of runs, newest first.
    pub(crate) async fn syncs(
        &self,
        filter: SyncFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Sync>, ReadError> {
        listed!(self, client => syncs(client, filter, before, limit))
    }

    /// A page of the rows of a run, by their numbers.
    pub(crate) async fn sync_rows(
        &self,
        filter: SyncRowFilter,
        after: Option<u32>,
        limit: usize,
    ) -> std::result::Result<Page<SyncRow>, ReadError> {
        listed!(self, client => sync_rows(client, filter, after, limit))
    }

    /// Open shortfalls by product and location.
    pub(crate) async fn shortfalls(
        &self,
        after: Option<(ProductId, LocationId)>,
        limit: usize,
    ) -> std::result::Result<Vec<Shortfall>, ReadError> {
        let (product, location) =
            after.map_or((0, 0), |(product, location)| (product.number(), location.number()));
        let most = stored_count(limit.min(PAGE_ROWS_MAX));
        one!(self, client => all(client, "shortfalls", SHORTFALLS, &[&product, &location, &most]))
    }
}

async fn syncs(
    client: &impl GenericClient,
    filter: SyncFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Sync>> {
    let [before, most] = bounds(before, limit);
    let newest = row(client, NEWEST, &[]).await?;
    let newest: Option<i64> = newest.map(|row| get(&row, "syncs", 0)).transpose()?.flatten();
    let before = before.min(newest.unwrap_or(0).saturating_add(1));
    let floor = scan_floor(before);
    let status = filter.status.map(Status::as_str);
    let found = all(client, "syncs", SYNCS, &[&before, &floor, &status, &most]).await?;
    Ok(filtered_page(found, limit, floor, |sync: &Sync| sync.id.number()))
}

async fn sync_rows(
    client: &impl GenericClient,
    filter: SyncRowFilter,
    after: Option<u32>,
    limit: usize,
) -> Result<Page<SyncRow>> {
    let [_, most] = bounds(None, limit);
    let (id, after) = (filter.sync_id.number(), i64::from(after.unwrap_or(0)));
    let found = match filter.action.map(Action::as_str) {
        Some(action) => {
            all(client, "sync_rows", ROWS_OF_ACTION, &[&id, &after, &most, &action]).await?
        }
        None => all(client, "sync_rows", ROWS, &[&id, &after, &most]).await?,
    };
    Ok(page(found, limit, |row: &SyncRow| i64::from(row.row)))
}
