//! Imports: how they are loaded into the state of decisions, and written as a batch leaves them.

use onhand_core::ids::ImportId;
use onhand_core::imports::ImportRow;
use onhand_core::{Needs, State};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::codec;
use super::rows::guarded;
use super::write::WriteError;
use crate::store::Rows;
use crate::stored::stored_version;

/// Loads the rows that are named into the state.
pub(super) fn load(connection: &Connection, needs: &Needs, state: &mut State) -> Result<()> {
    for id in &needs.imports {
        state.load_import(*id, import(connection, *id)?);
    }
    Ok(())
}

pub(super) fn import(connection: &Connection, id: ImportId) -> Result<Option<ImportRow>> {
    connection
        .prepare_cached("SELECT document FROM imports WHERE id = ?1")?
        .query_row([id.number()], |row| codec::document(row, 0))
        .optional()
}

/// Writes every import of a batch.
pub(super) fn write(connection: &Connection, rows: &Rows) -> std::result::Result<(), WriteError> {
    for (id, (stored, row)) in &rows.imports {
        let document = serde_json::to_string(row)?;
        let mut put = connection.prepare_cached(
            "INSERT INTO imports VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE \
             SET document = ?2, version = ?3 WHERE version = ?4",
        )?;
        let version = stored_version(row.import.version);
        let values = params![id.number(), document, version, stored_version(*stored)];
        guarded(&mut put, "imports", values)?;
    }
    Ok(())
}
