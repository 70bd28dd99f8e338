//! Bulk data: imports, and the ledger as a whole.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::ids::ImportId;
use onhand_core::imports::{Import, ImportRow, State};

use super::super::codec::{self, get};
use super::super::error::{Result, corrupt};
use super::super::imports;
use super::super::readers::{Reader, listed, one, row, rows};
use crate::columns::*;
use crate::paging::{bounds, page};
use crate::query::{LedgerRow, Page, ReadError};
use crate::stored::{stored_count, to_second};

const IMPORT: &str = "SELECT document FROM imports WHERE id = $1";
const IMPORTS: &str = "SELECT document FROM imports WHERE id < $1 ORDER BY id DESC LIMIT $2";
// Instants are kept as RFC 3339 in UTC: to the second they are sorted as text, whatever the
// server's collation.
const SILENT: &str = "SELECT id FROM imports WHERE document::jsonb #>> '{import,state}' = $1 \
     AND substr(document::jsonb #>> '{import,updated_at}', 1, 19) COLLATE \"C\" < $2 \
     ORDER BY id LIMIT $3";
const LEDGER: &str =
    concat!("SELECT ", movement_columns!(), " FROM movements WHERE seq > $1 ORDER BY seq LIMIT $2");
const SKUS: &str = "SELECT id, sku FROM products WHERE id = ANY($1)";

impl Reader {
    /// An import.
    pub(crate) async fn import(
        &self,
        id: ImportId,
    ) -> std::result::Result<Option<ImportRow>, ReadError> {
        one!(self, client => async {
            row(client, IMPORT, &[&id.number()]).await?.as_ref().map(imports::import).transpose()
        })
    }

    /// A page of imports, newest first.
    pub(crate) async fn imports(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Import>, ReadError> {
        listed!(self, client => listed_imports(client, before, limit))
    }

    /// Imports of whose file nothing has come since a second, oldest first.
    pub(crate) async fn silent_imports(
        &self,
        since: Timestamp,
        most: usize,
    ) -> std::result::Result<Vec<ImportId>, ReadError> {
        let (since, most) = (to_second(since), stored_count(most));
        one!(self, client => async {
            let found =
                rows(client, SILENT, &[&State::Receiving.as_str(), &since, &most]).await?;
            let ids = found.iter().map(|row| get::<i64>(row, "imports", 0));
            ids.map(|id| Ok(ImportId::new(id?))).filter_map(Result::transpose).collect()
        })
    }

    /// A page of the ledger, oldest entry first.
    pub(crate) async fn ledger(
        &self,
        after: i64,
        limit: usize,
    ) -> std::result::Result<Page<LedgerRow>, ReadError> {
        listed!(self, client => ledger(client, after, limit))
    }
}

async fn listed_imports(
    client: &impl GenericClient,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<Import>> {
    let [before, most] = bounds(before, limit);
    let found = rows(client, IMPORTS, &[&before, &most]).await?;
    let imports = found.iter().map(|row| imports::import(row).map(|row| row.import));
    Ok(page(imports.collect::<Result<Vec<_>>>()?, limit, |row| row.id.number()))
}

async fn ledger(client: &impl GenericClient, after: i64, limit: usize) -> Result<Page<LedgerRow>> {
    let [_, most] = bounds(None, limit);
    let found = rows(client, LEDGER, &[&after, &most]).await?;
    let movements = found.iter().map(codec::movement).collect::<Result<Vec<_>>>()?;
    let mut ids: Vec<i64> = movements.iter().map(|one| one.product_id.number()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut skus: HashMap<i64, String> = HashMap::new();
    for row in rows(client, SKUS, &[&ids]).await? {
        skus.insert(get(&row, "products", 0)?, get(&row, "products", 1)?);
    }
    let entry = |movement: onhand_core::inventory::Movement| {
        let sku = skus.get(&movement.product_id.number()).cloned();
        let sku = sku.ok_or_else(|| corrupt("movements", "its product is missing"))?;
        Ok(LedgerRow { sku, movement })
    };
    let entries = movements.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
    Ok(page(entries, limit, |row| row.movement.seq))
}
