//! Moving up: the whole history of an embedded database into an empty one on a server, whole or not
//! at all. Every table is read in the order of its key, written by the server's bulk protocol, read
//! back and compared by its hash. What the embedded store keeps behind its log (lists) is filled
//! anew there.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::database::{Location, OpenError};
use crate::postgres::CopyTarget;
use crate::sqlite::CopySource;

/// Why a database was not copied; then nothing is in the target.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It goes from a file to a server and no other way.
    #[error("a copy goes from an embedded database (sqlite:) to a server (postgresql://)")]
    Direction,
    /// There is something in the target.
    #[error("the database to copy to is not empty: it has {0} batches; use a new one")]
    NotEmpty(i64),
    /// What was read back is not what was written.
    #[error("{table}: {written} rows were written and what was read back differs")]
    Differs {
        /// The table.
        table: &'static str,
        /// How many rows were written to it.
        written: u64,
    },
    /// The source cannot be read.
    #[error("reading {table}: {reason}")]
    Read {
        /// The table.
        table: &'static str,
        /// In words for the operator.
        reason: String,
    },
    /// The target cannot be written.
    #[error("writing {table}: {reason}")]
    Write {
        /// The table.
        table: &'static str,
        /// In words for the operator.
        reason: String,
    },
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Boolean,
    Bytes,
    /// Sixteen bytes, with a type of their own on the server.
    Key,
}

/// The columns of a table as the server has them: no second list of them that a later step of the
/// schema could leave behind.
pub(crate) type Columns = Vec<(String, Kind)>;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Boolean(bool),
    Bytes(Vec<u8>),
    Key([u8; 16]),
}

/// A table that is copied.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Columns by which both sides are ordered.
    pub(crate) key: &'static str,
    /// Columns that the file has not, and what stands for them.
    pub(crate) instead: &'static [(&'static str, &'static str)],
}

const fn table(name: &'static str, key: &'static str) -> Table {
    Table { name, key, instead: &[] }
}

/// Every table but the head of the logs, which is put at the end, the outcomes, which lie in other
/// tables on either side, and what is made anew.
pub(crate) const TABLES: &[Table] = &[
    table("products", "id"),
    table("product_categories", "category_id, product_id"),
    table("categories", "id"),
    table("locations", "id"),
    table("levels", "product_id, location_id"),
    table("movements", "seq"),
    table("movement_marks", "product_id, location_id, ordinal"),
    table("shifted_sums", "product_id, location_id, height, bucket, kind"),
    table("reservations", "id"),
    table("orders", "id"),
    table("order_references", "order_id"),
    table("open_orders", "customer_id, order_id"),
    table("users", "id"),
    table("sessions", "id"),
    table("api_keys", "id"),
    table("effects", "order_id"),
    table("gateway_ids", "provider, gateway_id"),
    table("notices", "id"),
    table("consumers", "name"),
    table("webhook_endpoints", "name"),
    table("schedules", "name"),
    table("jobs", "id"),
    table("syncs", "id"),
    table("sync_rows", "sync_id, number"),
    table("shortfalls", "product_id, location_id"),
    table("imports", "id"),
    table("events", "seq"),
    // A batch of a file was written by nobody who could ask for it again.
    Table { name: "batches", key: "id", instead: &[("writer", "0")] },
];

/// Outcomes by window, in turn.
pub(crate) const OUTCOME_TABLES: [&str; 3] = ["outcomes_0", "outcomes_1", "outcomes_2"];

/// By what outcomes are ordered.
pub(crate) const OUTCOME_KEY: &str = "key, scope";

/// The head of the logs, as the server keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Next product, category, location, reservation, order, movement, event, batch, user, session
    /// and API key, how often rights were taken away, and next message of a gateway, webhook
    /// endpoint, job and run against the external warehouse.
    pub(crate) next: [i64; 16],
    pub(crate) recorded_at: i64,
    pub(crate) chain: [u8; 32],
    /// The newest window of outcomes and when it was opened; 0 for none.
    pub(crate) window: i64,
    pub(crate) window_opened_at: i64,
}

/// A hash over rows in their order.
#[derive(Default, Clone)]
pub(crate) struct Sum {
    hash: Sha256,
    pub(crate) rows: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        for value in row {
            let (tag, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Integer(number) => {
                    self.hash.update([1]);
                    self.hash.update(number.to_be_bytes());
                    continue;
                }
                Value::Text(text) => (2, text.as_bytes()),
                Value::Boolean(flag) => (3, if *flag { &[1] } else { &[0] }),
                Value::Bytes(bytes) => (4, bytes),
                Value::Key(key) => (5, key),
            };
            self.hash.update([tag]);
            self.hash.update((bytes.len() as u64).to_be_bytes());
            self.hash.update(bytes);
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The table at hand.
    pub table: &'static str,
    /// Rows copied, of all tables.
    pub done: u64,
    /// Rows to copy, of all tables.
    pub total: u64,
}

/// What was copied.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Rows of all tables.
    pub rows: u64,
    /// Hash over all of them, in hexadecimal: of the source, and of what was read back.
    pub checksum: String,
    /// The hash over both logs, in hexadecimal: what `verify` prints for either.
    pub chain: String,
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Copies an embedded database, which nobody may be serving, to an empty one on a server, whose
/// schema is brought up to date first.
///
/// # Errors
/// [`CopyError`]; then nothing is in the target.
pub async fn copy(
    from: &Location,
    to: &Location,
    mut progress: impl FnMut(Progress),
) -> Result<Copied, CopyError> {
    let (Location::File(file), Location::Server(url)) = (from, to) else {
        return Err(CopyError::Direction);
    };
    let source = open_source(file).await?;
    let mut target = CopyTarget::open(url).await?;
    let total = source.rows()?;
    let mut sums: BTreeMap<&'static str, (Sum, Columns)> = BTreeMap::new();
    let mut done = 0;
    for part in source.parts()? {
        let name = part.target;
        let columns = target.columns(name).await?;
        let mut rows = source.read(&part, &columns);
        let mut sink = target.sink(name, &columns).await?;
        let (sum, _) = sums.entry(name).or_insert_with(|| (Sum::default(), columns));
        while let Some(rows) = rows.recv().await.transpose()? {
            for row in &rows {
                sum.add(row);
            }
            done += rows.len() as u64;
            sink.write(&rows).await?;
            progress(Progress { table: name, done, total });
        }
        sink.finish().await?;
    }
    let head = source.head()?;
    target.put_head(&head).await?;
    let mut all = Sha256::new();
    for (name, (sum, columns)) in sums {
        let (rows, written) = (sum.rows, sum.finish());
        let read = target.sum(name, &columns).await?;
        if read.rows != rows || read.finish() != written {
            return Err(CopyError::Differs { table: name, written: rows });
        }
        all.update(written);
    }
    target.commit().await?;
    Ok(Copied { rows: done, checksum: hex(&all.finalize()), chain: hex(&head.chain) })
}

/// Opens the file and writes what it has put off.
async fn open_source(file: &Path) -> Result<CopySource, CopyError> {
    if !file.exists() {
        let reason = format!("{} is not there", file.display());
        return Err(CopyError::Read { table: "the database", reason });
    }
    CopySource::open(file).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a copy has no rows for: the head is put, the rest is made by whoever serves.
    const MADE_ANEW: [&str; 8] = [
        "numbering",
        "lists_progress",
        "orders_by_customer",
        "orders_by_status",
        "orders_by_product",
        "leases",
        "schema_migrations",
        "schema_lock",
    ];

    #[test]
    fn every_table_is_copied_or_made_anew() {
        let mut known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        known.extend(OUTCOME_TABLES);
        known.extend(MADE_ANEW);
        known.sort_unstable();
        let mut all: Vec<&str> = crate::postgres::TABLES.split(',').map(str::trim).collect();
        all.sort_unstable();
        assert_eq!(known, all);
    }
}
