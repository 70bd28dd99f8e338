//! The schema's history. Each migration is applied once, in a transaction of its own, and its
//! checksum is kept: a database whose history this binary does not know is refused rather than
//! guessed at.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::OpenError;
use crate::clock::{Clock, SystemClock};

/// One step of the schema.
#[derive(Debug)]
pub struct Migration {
    /// Position, from 1.
    pub version: i64,
    /// What it is called.
    pub name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "foundation",
    sql: include_str!("../../migrations/sqlite/0001_foundation.sql"),
}];

/// A migration and whether a database has it.
#[derive(Debug)]
pub struct MigrationState {
    /// Position, from 1.
    pub version: i64,
    /// What it is called.
    pub name: &'static str,
    /// Whether the database has it.
    pub is_applied: bool,
}

impl Migration {
    fn checksum(&self) -> Vec<u8> {
        Sha256::digest(self.sql.as_bytes()).to_vec()
    }
}

/// Applies what is missing.
pub(super) fn up(connection: &mut Connection) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
            version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL,
            applied_at INTEGER NOT NULL
        ) STRICT",
    )?;
    let applied = check_history(connection)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > applied) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4)",
            params![
                migration.version,
                migration.name,
                migration.checksum(),
                SystemClock.now().as_microsecond()
            ],
        )?;
        transaction.commit()?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    Ok(())
}

/// Compares what was applied with what this binary knows; answers the newest applied version.
fn check_history(connection: &Connection) -> Result<i64, OpenError> {
    let mut statement =
        connection.prepare("SELECT version, name, checksum FROM schema_migrations ORDER BY 1")?;
    let mut rows = statement.query([])?;
    let mut newest = 0;
    while let Some(row) = rows.next()? {
        let (version, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let checksum: Vec<u8> = row.get(2)?;
        match MIGRATIONS.iter().find(|migration| migration.version == version) {
            None => {
                return Err(OpenError::Schema(format!(
                    "the database has migration {version} ({name}), which this onhand does not \
                     know: it was written by a newer version; upgrade onhand"
                )));
            }
            Some(known) if known.checksum() != checksum => {
                return Err(OpenError::Schema(format!(
                    "migration {version} ({name}) was applied in another form than this onhand has"
                )));
            }
            Some(_) => newest = version,
        }
    }
    Ok(newest)
}

/// Every known migration, applied or not.
pub(super) fn status(connection: &Connection) -> Result<Vec<MigrationState>, OpenError> {
    let has_history: Option<i64> = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'", [], |row| {
            row.get(0)
        })
        .optional()?;
    let applied = if has_history.is_some() { check_history(connection)? } else { 0 };
    let state = |migration: &Migration| MigrationState {
        version: migration.version,
        name: migration.name,
        is_applied: migration.version <= applied,
    };
    Ok(MIGRATIONS.iter().map(state).collect())
}
