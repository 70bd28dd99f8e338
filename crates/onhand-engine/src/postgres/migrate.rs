//! The schema's history in the database itself. Processes that migrate at the same time are held
//! apart by the lock on a row, which works wherever rows can be locked. A step whose process died
//! is begun again: within a transaction nothing of it is there, and outside of one its statements
//! can be repeated.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::OpenError;
use super::address::Address;
use super::error::Result;
use super::session::Session;
use crate::clock::{Clock, SystemClock};
use crate::migration::{Applied, History, Migration, MigrationState};

/// Listed from the folder by `build.rs`.
const HISTORY: History = History(include!(concat!(env!("OUT_DIR"), "/postgres.rs")));

/// Made before anything else, by whoever comes first.
const BOOK: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version bigint PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
        works_from bigint NOT NULL, applied_at bigint NOT NULL
    );
    CREATE TABLE IF NOT EXISTS schema_lock (only_row bigint PRIMARY KEY CHECK (only_row = 1));
    INSERT INTO schema_lock VALUES (1) ON CONFLICT DO NOTHING";

/// A step never makes the shop wait for a lock for longer than this: it gives way and comes again.
const SETTINGS: &str = "SET lock_timeout = '2s'; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; SET client_min_messages = error; \
     RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin";

/// Attempts of a step that is not given its locks, or that waits for another process to migrate.
const ATTEMPTS_MAX: u32 = 600;
/// Between them.
const PAUSE: Duration = Duration::from_millis(500);

/// Applies what is missing, up to a version or all.
pub(super) async fn up(address: &Address, to: Option<i64>) -> std::result::Result<(), OpenError> {
    let wrong = |error| OpenError::of(address, error);
    // Two connections: one holds the lock for as long as the other works.
    let (guard, worker) = (Session::open(address).await, Session::open(address).await);
    let (guard, worker) = (guard.map_err(wrong)?, worker.map_err(wrong)?);
    for session in [&guard, &worker] {
        session.run(SETTINGS).await.map_err(wrong)?;
    }
    patiently(|| worker.run(BOOK)).await.map_err(wrong)?;
    // Whoever waited within the statement would hold a snapshot, for whose end a build of an index
    // waits in turn.
    let lock = || guard.run("ROLLBACK; BEGIN; SELECT 1 FROM schema_lock FOR UPDATE NOWAIT");
    patiently(lock).await.map_err(wrong)?;
    let applied = applied(worker.client()).await.map_err(wrong)?.unwrap_or_default();
    let newest = HISTORY.check(&applied).map_err(OpenError::Schema)?;
    let is_wanted = |migration: &&Migration| to.is_none_or(|to| migration.version <= to);
    for migration in HISTORY.after(newest).take_while(is_wanted) {
        patiently(|| apply(worker.client(), migration)).await.map_err(wrong)?;
        tracing::info!(version = migration.version, name = migration.name, "migration applied");
    }
    guard.run("COMMIT").await.map_err(wrong)
}

/// Comes again when a lock is not given, or when somebody else makes the same table.
async fn patiently<F: Future<Output = Result<()>>>(step: impl Fn() -> F) -> Result<()> {
    let mut attempts = 1;
    loop {
        match step().await {
            Err(error) if error.is_passing() && attempts < ATTEMPTS_MAX => {
                tracing::info!(%error, attempts, "a migration waits for its turn");
                attempts += 1;
                sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

async fn apply(client: &Client, migration: &Migration) -> Result<()> {
    if migration.is_outside_transaction() {
        // It waits for the end of everybody's snapshots, which may be that of a long proof, and
        // nobody waits for it.
        client.batch_execute("SET lock_timeout = 0").await?;
        for statement in migration.statements() {
            client.batch_execute(statement).await?;
        }
        client.batch_execute(SETTINGS).await?;
        return enter(client, migration).await;
    }
    client.batch_execute("ROLLBACK; BEGIN").await?;
    client.batch_execute(migration.sql).await?;
    enter(client, migration).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// Enters a step into the book.
async fn enter(client: &Client, migration: &Migration) -> Result<()> {
    let sql = "INSERT INTO schema_migrations (version, name, checksum, works_from, applied_at) \
               VALUES ($1, $2, $3, $4, $5)";
    let (works_from, now) = (migration.works_from(), SystemClock.now().as_microsecond());
    let checksum = migration.checksum();
    client
        .execute(sql, &[&migration.version, &migration.name, &checksum, &works_from, &now])
        .await?;
    Ok(())
}

/// What was applied; none where nothing ever was.
async fn applied(client: &Client) -> Result<Option<Vec<Applied>>> {
    let sql = "SELECT version, name, checksum, works_from FROM schema_migrations ORDER BY version";
    let rows = match client.query(sql, &[]).await {
        Ok(rows) => rows,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut applied = Vec::with_capacity(rows.len());
    for row in rows {
        applied.push(Applied {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
            checksum: row.try_get(2)?,
            works_from: row.try_get(3)?,
        });
    }
    Ok(Some(applied))
}

/// Refuses a schema that lacks steps of this binary.
pub(super) async fn expect_all(
    address: &Address,
    client: &Client,
) -> std::result::Result<(), OpenError> {
    let missing: Vec<String> = status(address, client)
        .await?
        .into_iter()
        .filter(|migration| !migration.is_applied)
        .map(|migration| format!("{:04} {}", migration.version, migration.name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(OpenError::Behind { address: address.to_string(), missing: missing.join(", ") })
}

/// Every migration, applied or not; refuses a history that this binary cannot work with.
pub(super) async fn status(
    address: &Address,
    client: &Client,
) -> std::result::Result<Vec<MigrationState>, OpenError> {
    let applied = applied(client).await.map_err(|error| OpenError::of(address, error))?;
    let applied = applied.unwrap_or_default();
    HISTORY.check(&applied).map_err(OpenError::Schema)?;
    Ok(HISTORY.status(&applied))
}

/// Every table of onhand's. One that a migration makes is named here, too: a test looks.
pub(crate) const TABLES: &str = "numbering, products, product_categories, categories, \
     locations, levels, movements, movement_marks, shifted_sums, reservations, orders, \
     order_references, open_orders, users, sessions, api_keys, effects, gateway_ids, notices, \
     consumers, webhook_endpoints, schedules, jobs, syncs, sync_rows, shortfalls, imports, \
     events, batches, outcomes_0, outcomes_1, outcomes_2, lists_progress, orders_by_customer, \
     orders_by_status, orders_by_product, leases, schema_migrations, schema_lock";

/// Drops every table.
pub(super) async fn delete(address: &Address) -> std::result::Result<(), OpenError> {
    let wrong = |error| OpenError::of(address, error);
    let session = Session::open(address).await.map_err(wrong)?;
    // Formatted SQL: the names of tables cannot be bound; these are a list of ours.
    let drop = session.client().batch_execute(&format!("DROP TABLE IF EXISTS {TABLES}")).await;
    drop.map_err(|error| wrong(error.into()))
}
