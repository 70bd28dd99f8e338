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

/// A table as it is on the server, and how its rows are read from the file.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// Columns by which both sides are ordered.
    pub(crate) key: &'static str,
    /// Rows of the file, when they are not just the columns of the same table.
    pub(crate) select: Option<&'static str>,
}

const fn table(
    name: &'static str,
    key: &'static str,
    columns: &'static [(&'static str, Kind)],
) -> Table {
    Table { name, columns, key, select: None }
}

use Kind::{Boolean, Bytes, Integer, Key, Text};

const TOTALS: [(&str, Kind); 6] = [
    ("received", Integer),
    ("sold", Integer),
    ("returned", Integer),
    ("adjusted", Integer),
    ("counted", Integer),
    ("transferred", Integer),
];

/// Every table but the head of the logs and the outcomes.
pub(crate) const TABLES: &[Table] = &[
    table(
        "products",
        "id",
        &[
            ("id", Integer),
            ("sku", Text),
            ("name", Text),
            ("description", Text),
            ("price", Integer),
            ("currency", Text),
            ("active", Boolean),
            ("category_ids", Text),
            ("version", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
            ("deleted_at", Integer),
        ],
    ),
    table(
        "product_categories",
        "category_id, product_id",
        &[("category_id", Integer), ("product_id", Integer)],
    ),
    table(
        "categories",
        "id",
        &[
            ("id", Integer),
            ("name", Text),
            ("parent_id", Integer),
            ("version", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
            ("deleted_at", Integer),
        ],
    ),
    table(
        "locations",
        "id",
        &[
            ("id", Integer),
            ("code", Text),
            ("name", Text),
            ("priority", Integer),
            ("active", Boolean),
            ("version", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
        ],
    ),
    table(
        "levels",
        "product_id, location_id",
        &[
            ("product_id", Integer),
            ("location_id", Integer),
            ("on_hand", Integer),
            ("reserved", Integer),
            ("safety_stock", Integer),
            ("low_stock_threshold", Integer),
            TOTALS[0],
            TOTALS[1],
            TOTALS[2],
            TOTALS[3],
            TOTALS[4],
            TOTALS[5],
            ("movements", Integer),
            ("last_movement", Integer),
            ("version", Integer),
            ("updated_at", Integer),
        ],
    ),
    table(
        "movements",
        "seq",
        &[
            ("seq", Integer),
            ("product_id", Integer),
            ("location_id", Integer),
            ("kind", Text),
            ("reason", Text),
            ("reference", Text),
            ("actor", Text),
            ("delta_on_hand", Integer),
            ("delta_reserved", Integer),
            ("on_hand_after", Integer),
            ("reserved_after", Integer),
            ("occurred_at", Integer),
            ("recorded_at", Integer),
            ("previous", Integer),
            ("ordinal", Integer),
            ("cause", Integer),
        ],
    ),
    table(
        "movement_marks",
        "product_id, location_id, ordinal",
        &[
            ("product_id", Integer),
            ("location_id", Integer),
            ("ordinal", Integer),
            ("seq", Integer),
            ("recorded_at", Integer),
            TOTALS[0],
            TOTALS[1],
            TOTALS[2],
            TOTALS[3],
            TOTALS[4],
            TOTALS[5],
        ],
    ),
    table(
        "reservations",
        "id",
        &[
            ("id", Integer),
            ("product_id", Integer),
            ("location_id", Integer),
            ("quantity", Integer),
            ("consumed", Integer),
            ("released", Integer),
            ("state", Text),
            ("order_id", Integer),
            ("reference", Text),
            ("expires_at", Integer),
            ("version", Integer),
            ("created_at", Integer),
            ("updated_at", Integer),
        ],
    ),
    table(
        "orders",
        "id",
        &[
            ("id", Integer),
            ("status", Text),
            ("version", Integer),
            ("last_event", Integer),
            ("customer_id", Integer),
            ("created_at", Integer),
        ],
    ),
    table("order_references", "order_id", &[("reference", Text), ("order_id", Integer)]),
    table(
        "events",
        "seq",
        &[
            ("seq", Integer),
            ("kind", Text),
            ("subject", Integer),
            ("previous", Integer),
            ("actor", Text),
            ("recorded_at", Integer),
            ("body", Text),
        ],
    ),
    Table {
        name: "batches",
        columns: &[
            ("id", Integer),
            ("last_event", Integer),
            ("last_movement", Integer),
            ("commands", Integer),
            ("committed_at", Integer),
            ("chain", Bytes),
            ("writer", Integer),
        ],
        key: "id",
        // A batch of a file was written by nobody who could ask for it again.
        select: Some(
            "SELECT id, last_event, last_movement, commands, committed_at, chain, 0 \
             FROM batches ORDER BY id",
        ),
    },
];

/// The columns of a table of outcomes on the server.
pub(crate) const OUTCOMES: [(&str, Kind); 5] =
    [("key", Key), ("scope", Integer), ("fingerprint", Bytes), ("event", Integer), ("body", Text)];

/// The head of the logs, as the server keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Next product, category, location, reservation, order, movement, event and batch.
    pub(crate) next: [i64; 8],
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
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    let mut done = 0;
    for part in source.parts() {
        let name = part.target;
        let sum = sums.entry(name).or_default();
        let mut rows = source.read(&part);
        let mut sink = target.sink(name, part.columns).await?;
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
    for (name, sum) in sums {
        let (rows, written) = (sum.rows, sum.finish());
        let read = target.sum(name).await?;
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
