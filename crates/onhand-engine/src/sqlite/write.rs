//! The writing side: one connection in the committer's hands. A batch is one `BEGIN IMMEDIATE` ..
//! `COMMIT`; rows are guarded by the version that was loaded, and both logs are chained by a hash
//! per batch.

use onhand_core::events::{EventBody, Subject};
use onhand_core::orders::Order;
use onhand_core::{Event, Needs, Numbering, State, Timestamp, Version};
use rusqlite::{CachedStatement, Connection, Params, params};
use sha2::{Digest, Sha256};

use super::codec::{self, Details};
use super::{Checkpoint, Checkpointer, OpenError, checkpoint, store_error};
use crate::idempotency::{IdempotencyKey, StoredOutcome};
use crate::limits::{OUTCOME_WINDOW_SECS, WAL_BYTES_MAX, WAL_CHECKPOINT_BYTES};
use crate::store::{Batch, Begun, FoundOutcome, Rows, Store, StoreError};

/// The chain before the first batch.
pub(super) const FIRST_LINK: [u8; 32] = [0; 32];

/// The embedded store's writing side.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) connection: Connection,
    checkpointer: Checkpointer,
    chain: [u8; 32],
    /// Open windows of outcomes, newest first; at most two.
    windows: Vec<(i64, i64)>,
}

impl SqliteStore {
    pub(super) fn new(
        connection: Connection,
        checkpointer: Checkpointer,
    ) -> Result<Self, OpenError> {
        let mut store = Self { connection, checkpointer, chain: FIRST_LINK, windows: Vec::new() };
        store.reload()?;
        Ok(store)
    }

    /// Reads again what is kept at hand beside the rows: after opening and after a failed batch.
    fn reload(&mut self) -> rusqlite::Result<()> {
        let newest = self.connection.query_row(
            "SELECT chain FROM batches ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get::<_, [u8; 32]>(0),
        );
        self.chain = match newest {
            Ok(chain) => chain,
            Err(rusqlite::Error::QueryReturnedNoRows) => FIRST_LINK,
            Err(error) => return Err(error),
        };
        let mut statement = self
            .connection
            .prepare("SELECT id, opened_at FROM outcome_windows ORDER BY id DESC LIMIT 2")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.windows = rows.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), WriteError> {
        write_rows(&self.connection, &batch.rows)?;
        let mut chain = Chain::after(&self.chain);
        write_movements(&self.connection, batch, &mut chain)?;
        write_events(&self.connection, &batch.events, &mut chain)?;
        self.chain = chain.finish();
        self.write_outcomes(batch)?;
        self.connection
            .prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                batch.id,
                batch.numbering.event - 1,
                batch.numbering.movement - 1,
                stored_count(batch.commands),
                batch.now.as_microsecond(),
                self.chain,
            ])?;
        let next = &batch.numbering;
        self.connection
            .prepare_cached(
                "UPDATE numbering SET product = ?1, category = ?2, location = ?3, \
                 reservation = ?4, \"order\" = ?5, movement = ?6, event = ?7, batch = ?8, \
                 recorded_at = ?9",
            )?
            .execute(params![
                next.product,
                next.category,
                next.location,
                next.reservation,
                next.order,
                next.movement,
                next.event,
                batch.id + 1,
                batch.now.as_microsecond()
            ])?;
        Ok(())
    }

    /// Outcomes go to the newest window, in the order of their keys; a window is dropped whole.
    fn write_outcomes(&mut self, batch: &Batch) -> Result<(), WriteError> {
        if batch.outcomes.is_empty() {
            return Ok(());
        }
        let now = batch.now.as_second();
        let is_open =
            self.windows.first().is_some_and(|(_, opened)| now - opened < OUTCOME_WINDOW_SECS);
        if !is_open {
            self.open_window(now)?;
        }
        let Some((window, _)) = self.windows.first() else {
            return Ok(());
        };
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        let sql = format!("INSERT INTO outcomes_{window} VALUES (?1, ?2, ?3, ?4)");
        let mut insert = self.connection.prepare_cached(&sql)?;
        let mut outcomes: Vec<_> = batch.outcomes.iter().collect();
        outcomes.sort_unstable_by_key(|(key, _)| (key.key, key.scope));
        for (key, outcome) in outcomes {
            let outcome = serde_json::to_string(outcome)?;
            insert.execute(params![key.key, key.scope, key.fingerprint, outcome])?;
        }
        Ok(())
    }

    fn open_window(&mut self, now: i64) -> Result<(), WriteError> {
        let window = self.windows.first().map_or(1, |(window, _)| window + 1);
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        self.connection.execute_batch(&format!(
            "CREATE TABLE outcomes_{window} (
                key BLOB NOT NULL, scope INTEGER NOT NULL, fingerprint BLOB NOT NULL,
                outcome TEXT NOT NULL, PRIMARY KEY (key, scope)
            ) STRICT, WITHOUT ROWID"
        ))?;
        self.connection
            .execute("INSERT INTO outcome_windows VALUES (?1, ?2)", params![window, now])?;
        while self.windows.len() > 1 {
            if let Some((passed, _)) = self.windows.pop() {
                // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
                self.connection.execute_batch(&format!("DROP TABLE outcomes_{passed}"))?;
                self.connection
                    .execute("DELETE FROM outcome_windows WHERE id = ?1", params![passed])?;
            }
        }
        self.windows.insert(0, (window, now));
        Ok(())
    }
}

impl Store for SqliteStore {
    const ONLY_WRITER: bool = true;

    async fn begin(&mut self) -> Result<Begun, StoreError> {
        let begin = || -> rusqlite::Result<Begun> {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.connection
                .prepare_cached(
                    "SELECT product, category, location, reservation, \"order\", movement, event, \
                     batch, recorded_at FROM numbering",
                )?
                .query_row([], |row| {
                    Ok(Begun {
                        numbering: Numbering {
                            product: row.get(0)?,
                            category: row.get(1)?,
                            location: row.get(2)?,
                            reservation: row.get(3)?,
                            order: row.get(4)?,
                            movement: row.get(5)?,
                            event: row.get(6)?,
                        },
                        batch: row.get(7)?,
                        recorded_at: codec::instant(row.get(8)?)?,
                    })
                })
        };
        begin().map_err(|error| store_error(&error))
    }

    async fn load(
        &mut self,
        needs: &Needs,
        now: Timestamp,
        state: &mut State,
    ) -> Result<(), StoreError> {
        super::load::load(&self.connection, needs, now, state).map_err(|error| store_error(&error))
    }

    async fn outcomes(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<Option<FoundOutcome>>, StoreError> {
        let mut found: Vec<Option<FoundOutcome>> = vec![None; keys.len()];
        let mut look = |window: i64| -> rusqlite::Result<()> {
            // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
            let sql = format!(
                "SELECT fingerprint, outcome FROM outcomes_{window} WHERE key = ?1 AND scope = ?2"
            );
            let mut select = self.connection.prepare_cached(&sql)?;
            for (key, found) in keys.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                let mut rows = select.query(params![key.key, key.scope])?;
                if let Some(row) = rows.next()? {
                    let outcome = row.get_ref(1)?.as_str().map_err(|e| codec::corrupt(1, e))?;
                    let outcome: StoredOutcome =
                        serde_json::from_str(outcome).map_err(|e| codec::corrupt(1, e))?;
                    *found = Some(FoundOutcome { fingerprint: row.get(0)?, outcome });
                }
            }
            Ok(())
        };
        for (window, _) in &self.windows {
            look(*window).map_err(|error| store_error(&error))?;
        }
        Ok(found)
    }

    async fn order_of_event(&mut self, seq: i64) -> Result<Order, StoreError> {
        super::load::order_of_event(&self.connection, seq).map_err(|error| store_error(&error))
    }

    async fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch).map_err(StoreError::from)?;
        let committed =
            self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        match committed {
            Ok(_) => Ok(()),
            // The log was not written: SQLite has the old state, and says so.
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy)
                ) =>
            {
                Err(store_error(&error))
            }
            // An I/O error while making the batch durable: what a later flush says cannot be
            // believed.
            Err(error) => Err(StoreError::Unknown { reason: error.to_string() }),
        }
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        let rollback = || -> rusqlite::Result<()> {
            // After some errors SQLite has rolled back by itself; only autocommit tells.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
            Ok(())
        };
        rollback().map_err(|error| store_error(&error))?;
        self.reload().map_err(|error| store_error(&error))
    }

    async fn between_batches(&mut self) -> Result<(), StoreError> {
        let log = checkpoint(&self.connection, Checkpoint::Look);
        let log = log.map_err(|error| store_error(&error))?;
        if log.total >= WAL_BYTES_MAX {
            let restarted = checkpoint(&self.connection, Checkpoint::Restart);
            restarted.map_err(|error| store_error(&error))?;
        } else if log.pending >= WAL_CHECKPOINT_BYTES {
            self.checkpointer.ask();
        }
        Ok(())
    }
}

/// Why a batch could not be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("cannot be put into words: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a row of {0} is not at the version that was loaded")]
    Guard(&'static str),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Sqlite(error) => store_error(&error),
            WriteError::Json(error) => {
                Self::Corrupt { table: "a document", reason: error.to_string() }
            }
            WriteError::Guard(table) => Self::Conflict { table },
        }
    }
}

/// Sequence numbers and counts are far below 2^63.
pub(super) fn stored_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn stored_version(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Runs a guarded statement: exactly one row must change.
fn guarded(
    statement: &mut CachedStatement<'_>,
    table: &'static str,
    values: impl Params,
) -> Result<(), WriteError> {
    if statement.execute(values)? == 1 { Ok(()) } else { Err(WriteError::Guard(table)) }
}

fn write_rows(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    write_catalog(connection, rows)?;
    write_locations(connection, rows)?;
    write_levels(connection, rows)?;
    write_reservations(connection, rows)?;
    write_orders(connection, rows)
}

fn write_catalog(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    for (stored, row) in rows.products.values() {
        let category_ids = serde_json::to_string(&row.category_ids)?;
        let mut put = connection.prepare_cached(
            "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
             ON CONFLICT (id) DO UPDATE SET name = ?3, description = ?4, price = ?5, \
             currency = ?6, active = ?7, category_ids = ?8, version = ?9, updated_at = ?11, \
             deleted_at = ?12 WHERE version = ?13",
        )?;
        let values = params![
            row.id.number(),
            row.sku.as_str(),
            row.name.as_str(),
            row.description.as_str(),
            row.price.amount,
            row.price.currency.code(),
            row.active,
            category_ids,
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            row.deleted_at.map(Timestamp::as_microsecond),
            stored_version(*stored),
        ];
        guarded(&mut put, "products", values)?;
        connection
            .prepare_cached("DELETE FROM product_categories WHERE product_id = ?1")?
            .execute([row.id.number()])?;
        for category in row.category_ids.iter().filter(|_| row.deleted_at.is_none()) {
            connection
                .prepare_cached("INSERT INTO product_categories VALUES (?1, ?2)")?
                .execute([category.number(), row.id.number()])?;
        }
    }
    for (stored, row) in rows.categories.values() {
        let mut put = connection.prepare_cached(
            "INSERT INTO categories VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO \
             UPDATE SET name = ?2, parent_id = ?3, version = ?4, updated_at = ?6, \
             deleted_at = ?7 WHERE version = ?8",
        )?;
        let values = params![
            row.id.number(),
            row.name.as_str(),
            row.parent_id.map(onhand_core::ids::CategoryId::number),
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            row.deleted_at.map(Timestamp::as_microsecond),
            stored_version(*stored),
        ];
        guarded(&mut put, "categories", values)?;
    }
    Ok(())
}

fn write_locations(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    for (stored, row) in rows.locations.values() {
        let mut put = connection.prepare_cached(
            "INSERT INTO locations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO \
             UPDATE SET name = ?3, priority = ?4, active = ?5, version = ?6, updated_at = ?8 \
             WHERE version = ?9",
        )?;
        let values = params![
            row.id.number(),
            row.code.as_str(),
            row.name.as_str(),
            row.priority,
            row.active,
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            stored_version(*stored),
        ];
        guarded(&mut put, "locations", values)?;
    }
    Ok(())
}

fn write_levels(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO levels VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE levels SET on_hand = ?3, reserved = ?4, safety_stock = ?5, \
         low_stock_threshold = ?6, received = ?7, sold = ?8, returned = ?9, adjusted = ?10, \
         counted = ?11, transferred = ?12, movements = ?13, last_movement = ?14, version = ?15, \
         updated_at = ?16 WHERE product_id = ?1 AND location_id = ?2 AND version = ?17",
    )?;
    for (stored, row) in rows.levels.values() {
        let totals = &row.totals;
        let values = params![
            row.product_id.number(),
            row.location_id.number(),
            row.on_hand,
            row.reserved,
            row.safety_stock,
            row.low_stock_threshold,
            totals.received,
            totals.sold,
            totals.returned,
            totals.adjusted,
            totals.counted,
            totals.transferred,
            stored_version(row.movements),
            row.last_movement,
            stored_version(row.version),
            row.updated_at.as_microsecond(),
            stored_version(*stored),
        ];
        if *stored == 0 {
            guarded(&mut insert, "levels", &values[..16])?;
        } else {
            guarded(&mut update, "levels", values)?;
        }
    }
    Ok(())
}

fn write_reservations(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO reservations VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE reservations SET consumed = ?2, released = ?3, state = ?4, expires_at = ?5, \
         version = ?6, updated_at = ?7 WHERE id = ?1 AND version = ?8",
    )?;
    for (stored, row) in rows.reservations.values() {
        if *stored > 0 {
            let values = params![
                row.id.number(),
                row.consumed,
                row.released,
                row.state.as_str(),
                row.expires_at.map(Timestamp::as_microsecond),
                stored_version(row.version),
                row.updated_at.as_microsecond(),
                stored_version(*stored),
            ];
            guarded(&mut update, "reservations", values)?;
            continue;
        }
        let values = params![
            row.id.number(),
            row.product_id.number(),
            row.location_id.number(),
            row.quantity,
            row.consumed,
            row.released,
            row.state.as_str(),
            row.order_id.map(onhand_core::ids::OrderId::number),
            row.reference.as_ref().map(|reference| reference.as_str()),
            row.expires_at.map(Timestamp::as_microsecond),
            stored_version(row.version),
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
        ];
        guarded(&mut insert, "reservations", values)?;
    }
    Ok(())
}

fn write_orders(connection: &Connection, rows: &Rows) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE orders SET status = ?2, lines = ?6, details = ?7, expires_at = ?8, version = ?9, \
         last_event = ?10, updated_at = ?12 WHERE id = ?1 AND version = ?13",
    )?;
    for (stored, row) in rows.orders.values() {
        let lines = serde_json::to_string(&row.lines)?;
        let details = serde_json::to_string(&Details::of(row))?;
        let values = params![
            row.id.number(),
            row.status.as_str(),
            row.customer_id.map(onhand_core::ids::CustomerId::number),
            row.currency.code(),
            row.total,
            lines,
            details,
            row.expires_at.map(Timestamp::as_microsecond),
            stored_version(row.version),
            row.last_event,
            row.created_at.as_microsecond(),
            row.updated_at.as_microsecond(),
            stored_version(*stored),
        ];
        if *stored > 0 {
            guarded(&mut update, "orders", values)?;
            continue;
        }
        guarded(&mut insert, "orders", &values[..12])?;
        if let Some(reference) = &row.external_reference {
            connection
                .prepare_cached("INSERT INTO order_references VALUES (?1, ?2)")?
                .execute(params![reference.as_str(), row.id.number()])?;
        }
    }
    Ok(())
}

fn write_movements(
    connection: &Connection,
    batch: &Batch,
    chain: &mut Chain,
) -> Result<(), WriteError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO movements VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for row in &batch.movements {
        chain.movement(row);
        insert.execute(params![
            row.seq,
            row.product_id.number(),
            row.location_id.number(),
            row.kind.as_str(),
            row.reason.as_str(),
            row.reference.as_ref().map(|reference| reference.as_str()),
            row.actor.as_str(),
            row.delta_on_hand,
            row.delta_reserved,
            row.on_hand_after,
            row.reserved_after,
            row.occurred_at.as_microsecond(),
            row.recorded_at.as_microsecond(),
            row.previous,
            stored_version(row.ordinal),
            row.cause,
        ])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO movement_marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for row in &batch.marks {
        let totals = &row.totals;
        insert.execute(params![
            row.product_id.number(),
            row.location_id.number(),
            stored_version(row.ordinal),
            row.seq,
            row.recorded_at.as_microsecond(),
            totals.received,
            totals.sold,
            totals.returned,
            totals.adjusted,
            totals.counted,
            totals.transferred,
        ])?;
    }
    Ok(())
}

fn write_events(
    connection: &Connection,
    events: &[Event],
    chain: &mut Chain,
) -> Result<(), WriteError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for event in events {
        let body = serde_json::to_string(&event.body)?;
        let subject = subject_number(&event.body);
        let recorded_at = event.recorded_at.as_microsecond();
        chain.event(event.seq, event.kind, subject, event.previous, recorded_at, &body);
        insert.execute(params![
            event.seq,
            event.kind,
            subject,
            event.previous,
            event.actor.as_str(),
            recorded_at,
            body
        ])?;
    }
    Ok(())
}

/// The number of the object that an event is about; 0 for none.
fn subject_number(body: &EventBody) -> i64 {
    match body.subject() {
        Some(Subject::Product(id)) => id.number(),
        Some(Subject::Category(id)) => id.number(),
        Some(Subject::Location(id)) => id.number(),
        Some(Subject::Reservation(id)) => id.number(),
        Some(Subject::Order(id)) => id.number(),
        None => 0,
    }
}

/// The hash over what a batch adds to the two logs, and over the chain before it.
pub(super) struct Chain(Sha256);

impl Chain {
    pub(super) fn after(previous: &[u8; 32]) -> Self {
        Self(Sha256::new_with_prefix(previous))
    }

    pub(super) fn movement(&mut self, row: &onhand_core::inventory::Movement) {
        let numbers = [
            row.seq,
            row.product_id.number(),
            row.location_id.number(),
            row.delta_on_hand,
            row.delta_reserved,
            row.on_hand_after,
            row.reserved_after,
            row.occurred_at.as_microsecond(),
            row.recorded_at.as_microsecond(),
            row.previous,
            row.cause,
        ];
        self.numbers(&numbers);
        self.text(row.kind.as_str());
        self.text(row.reason.as_str());
        self.text(row.reference.as_ref().map_or("", |reference| reference.as_str()));
        self.text(row.actor.as_str());
    }

    pub(super) fn event(
        &mut self,
        seq: i64,
        kind: &str,
        subject: i64,
        previous: i64,
        recorded_at: i64,
        body: &str,
    ) {
        self.numbers(&[seq, subject, previous, recorded_at]);
        self.text(kind);
        self.text(body);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn numbers(&mut self, numbers: &[i64]) {
        for number in numbers {
            self.0.update(number.to_be_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.update(stored_count(text.len()).to_be_bytes());
        self.0.update(text.as_bytes());
    }
}
