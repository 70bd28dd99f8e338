//! Idempotency outcomes in windows of time: tables of their own per window, made when it opens and
//! dropped whole when it has passed, so that the one tree with random keys stays small. For the
//! same reason its rows are short: a reply that no event holds lies in a table beside it. SQLite
//! reads a key's whole row to compare it, so that a single long reply near the root would be read
//! again for each key that is looked for.

use rusqlite::{Connection, Result, params};

use super::codec;
use super::write::WriteError;
use crate::idempotency::{IdempotencyKey, StoredOutcome};
use crate::limits::OUTCOME_WINDOW_SECS;
use crate::store::{Batch, FoundOutcome};

/// Open windows with the second in which each was opened, newest first; at most two.
#[derive(Debug, Default)]
pub(super) struct Windows(Vec<(i64, i64)>);

impl Windows {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut statement = connection
            .prepare_cached("SELECT id, opened_at FROM outcome_windows ORDER BY id DESC LIMIT 2")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self(rows.collect::<Result<_>>()?))
    }

    /// Looks for outcomes, one answer per key, in order.
    pub(super) fn find(
        &self,
        connection: &Connection,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<Option<FoundOutcome>>> {
        let mut found: Vec<Option<FoundOutcome>> = vec![None; keys.len()];
        for (window, _) in &self.0 {
            // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
            let sql = format!(
                "SELECT fingerprint, event, body_id FROM outcomes_{window} \
                 WHERE key = ?1 AND scope = ?2"
            );
            let mut select = connection.prepare_cached(&sql)?;
            for (key, found) in keys.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let mut rows = select.query(params![key.key, key.scope])?;
                if let Some(row) = rows.next()? {
                    let outcome = match row.get(1)? {
                        Some(event) => StoredOutcome::Event(event),
                        None => body(connection, *window, row.get(2)?)?,
                    };
                    *found = Some(FoundOutcome { fingerprint: row.get(0)?, outcome });
                }
            }
        }
        Ok(found)
    }

    /// Writes a batch's outcomes to the newest window, in the order of their keys.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        batch: &Batch,
    ) -> Result<(), WriteError> {
        if batch.outcomes.is_empty() {
            return Ok(());
        }
        let now = batch.now.as_second();
        let is_open = self.0.first().is_some_and(|(_, opened)| now - opened < OUTCOME_WINDOW_SECS);
        if !is_open {
            self.open(connection, now)?;
        }
        let Some((window, _)) = self.0.first() else {
            return Ok(());
        };
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        let sql = format!("INSERT INTO outcomes_{window} VALUES (?1, ?2, ?3, ?4, ?5)");
        let mut insert = connection.prepare_cached(&sql)?;
        let mut outcomes: Vec<_> = batch.outcomes.iter().collect();
        outcomes.sort_unstable_by_key(|(key, _)| (key.key, key.scope));
        for (key, outcome) in outcomes {
            let (event, body_id) = match outcome {
                StoredOutcome::Event(event) => (Some(*event), None),
                StoredOutcome::Reply(_) | StoredOutcome::Refusal(_) => {
                    (None, Some(write_body(connection, *window, outcome)?))
                }
            };
            insert.execute(params![key.key, key.scope, key.fingerprint, event, body_id])?;
        }
        Ok(())
    }

    /// Opens a window and drops those that have passed: the newest two are kept.
    fn open(&mut self, connection: &Connection, now: i64) -> Result<()> {
        let window = self.0.first().map_or(1, |(window, _)| window + 1);
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        connection.execute_batch(&format!(
            "CREATE TABLE outcomes_{window} (
                key BLOB NOT NULL, scope INTEGER NOT NULL, fingerprint BLOB NOT NULL,
                event INTEGER, body_id INTEGER, PRIMARY KEY (key, scope),
                CHECK ((event IS NULL) != (body_id IS NULL))
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE outcome_bodies_{window} (
                id INTEGER PRIMARY KEY, body TEXT NOT NULL
            ) STRICT"
        ))?;
        connection.execute("INSERT INTO outcome_windows VALUES (?1, ?2)", params![window, now])?;
        while self.0.len() > 1 {
            if let Some((passed, _)) = self.0.pop() {
                // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
                connection.execute_batch(&format!(
                    "DROP TABLE outcomes_{passed}; DROP TABLE outcome_bodies_{passed}"
                ))?;
                connection.execute("DELETE FROM outcome_windows WHERE id = ?1", params![passed])?;
            }
        }
        self.0.insert(0, (window, now));
        Ok(())
    }
}

/// Stores a reply or refusal; answers its id.
fn write_body(
    connection: &Connection,
    window: i64,
    outcome: &StoredOutcome,
) -> std::result::Result<i64, WriteError> {
    let body = serde_json::to_string(outcome)?;
    // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
    let sql = format!("INSERT INTO outcome_bodies_{window} (body) VALUES (?1)");
    Ok(connection.prepare_cached(&sql)?.insert([body])?)
}

fn body(connection: &Connection, window: i64, id: i64) -> Result<StoredOutcome> {
    // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
    let sql = format!("SELECT body FROM outcome_bodies_{window} WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], |row| {
        let body = row.get_ref(0)?.as_str().map_err(|error| codec::corrupt(0, error))?;
        serde_json::from_str(body).map_err(|error| codec::corrupt(0, error))
    })
}
