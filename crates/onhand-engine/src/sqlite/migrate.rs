//! The schema's history in the file itself. Each migration is applied once, in a transaction of its
//! own. What this binary makes of a history that it does not know is said in `migration.rs`.

use rusqlite::{Connection, OptionalExtension, params};

use super::OpenError;
use crate::clock::{Clock, SystemClock};
use crate::migration::{Applied, History, Migration, MigrationState};

/// Listed from the folder by `build.rs`.
const HISTORY: History = History(include!(concat!(env!("OUT_DIR"), "/sqlite.rs")));

/// Applies what is missing.
pub(super) fn up(connection: &mut Connection) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL,
            works_from INTEGER NOT NULL, applied_at INTEGER NOT NULL
        ) STRICT",
    )?;
    let newest = HISTORY.check(&applied(connection)?).map_err(OpenError::Schema)?;
    for migration in HISTORY.after(newest) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                migration.version,
                migration.name,
                migration.checksum(),
                migration.works_from(),
                SystemClock.now().as_microsecond()
            ],
        )?;
        transaction.commit()?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    Ok(())
}

fn applied(connection: &Connection) -> Result<Vec<Applied>, OpenError> {
    let mut statement = connection
        .prepare("SELECT version, name, checksum, works_from FROM schema_migrations ORDER BY 1")?;
    let rows = statement.query_map([], |row| {
        Ok(Applied {
            version: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            works_from: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every migration, applied or not.
pub(super) fn status(connection: &Connection) -> Result<Vec<MigrationState>, OpenError> {
    let has_history: Option<i64> = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'", [], |row| {
            row.get(0)
        })
        .optional()?;
    let applied = if has_history.is_some() { applied(connection)? } else { Vec::new() };
    HISTORY.check(&applied).map_err(OpenError::Schema)?;
    Ok(HISTORY.status(&applied))
}
