//! Imports: how they are loaded into the state of decisions, and written as a batch leaves them.

use std::collections::BTreeMap;

use onhand_core::imports::ImportRow;
use onhand_core::{Needs, State};
use tokio_postgres::Row;

use super::codec::get;
use super::error::{Result, corrupt};
use super::load::{asked, numbers};
use super::rows::{Writes, parted};
use super::session::Session;
use super::shape::{Column, column, column_of};
use crate::store::Rows;
use crate::stored::stored_version;

const IMPORTS: &str = "SELECT document FROM imports WHERE id = ANY($1::int8[])";
const INSERT: &str = "INSERT INTO imports (id, document, version) SELECT unnest($1::int8[]), \
     unnest($2::text[]), unnest($3::int8[])";
const UPDATE: &str = "UPDATE imports t SET document = v.document, version = v.version \
     FROM (SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), \
     unnest($4::int8[])) v(id, document, version, stored) WHERE t.id = v.id \
     AND t.version = v.stored";

/// Asks for the rows that are named.
pub(super) async fn ask(session: &Session, needs: &Needs) -> Result<Vec<Row>> {
    let ids = vec![numbers(&needs.imports, |id| id.number())];
    asked(session, !needs.imports.is_empty(), IMPORTS, ids).await
}

/// Takes what was found, and what was not, into the state.
pub(super) fn take_in(found: &[Row], needs: &Needs, state: &mut State) -> Result<()> {
    let mut rows = BTreeMap::new();
    for row in found {
        let row = import(row)?;
        rows.insert(row.import.id, row);
    }
    for id in &needs.imports {
        state.load_import(*id, rows.remove(id));
    }
    Ok(())
}

pub(super) fn import(row: &Row) -> Result<ImportRow> {
    serde_json::from_str(get(row, "imports", 0)?).map_err(|error| corrupt("imports", error))
}

impl<'a> Writes<'a> {
    /// Imports as a batch leaves them.
    pub(super) fn imports(&mut self, rows: &'a Rows) -> Result<()> {
        let (new, changed) = parted(rows.imports.values());
        let of_new = values(&new)?;
        let of_changed = values(&changed.iter().map(|(_, row)| row).collect::<Vec<_>>())?;
        self.add("imports", INSERT, new.len(), || of_new);
        self.guarded("imports", UPDATE, changed.len(), || {
            let mut values = of_changed;
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }
}

fn values<'a>(rows: &[&ImportRow]) -> Result<Vec<Column<'a>>> {
    let words =
        |row: &&ImportRow| serde_json::to_string(row).map_err(|error| corrupt("imports", error));
    let documents = rows.iter().map(words).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        column(rows, |row| row.import.id.number()),
        column_of(documents),
        column(rows, |row| stored_version(row.import.version)),
    ])
}
