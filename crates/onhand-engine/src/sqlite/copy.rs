//! The reading side of a copy: every table of the file in the order of its key, a part at a time.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::mpsc;

use super::{Database, open_reader};
use crate::copy::{
    Columns, CopyError, Head, Kind, OUTCOME_KEY, OUTCOME_TABLES, TABLES, Table, Value,
};
use crate::database::OpenError;
use crate::limits::COPY_ROWS;
use crate::store::Store;

/// A file that is copied; nobody else has it meanwhile.
pub(crate) struct CopySource {
    path: PathBuf,
    connection: Connection,
    _database: Database,
}

/// Parts of a table that are read ahead of the writing.
const CHUNKS_AHEAD: usize = 2;

/// Rows of one table of the target.
pub(crate) struct Part {
    pub(crate) target: &'static str,
    source: Source,
}

/// Where they are in the file.
#[derive(Clone, Copy)]
enum Source {
    /// In the table of the same name.
    Table(&'static Table),
    /// In the two tables of a window of outcomes.
    Window(i64),
}

impl Source {
    // Formatted SQL: names of tables and columns cannot be bound; these are lists of ours, and the
    // window is a number of ours.
    fn from(self) -> String {
        match self {
            Self::Table(table) => table.name.to_owned(),
            Self::Window(window) => format!("outcomes_{window}"),
        }
    }

    fn select(self, columns: &Columns) -> String {
        let listed = |of: &dyn Fn(&str) -> String| {
            let listed: Vec<String> = columns.iter().map(|(name, _)| of(name)).collect();
            listed.join(", ")
        };
        match self {
            Self::Table(Table { name, key, instead }) => {
                let columns = listed(&|column| {
                    let other = instead.iter().find(|(name, _)| *name == column);
                    other.map_or(column, |(_, value)| value).to_owned()
                });
                // Formatted SQL: as above.
                format!("SELECT {columns} FROM {name} ORDER BY {key}")
            }
            Self::Window(window) => {
                let columns = listed(&|column| match column {
                    "body" => "b.body".to_owned(),
                    _ => format!("o.{column}"),
                });
                // Formatted SQL: as above.
                format!(
                    "SELECT {columns} FROM outcomes_{window} o LEFT JOIN outcome_bodies_{window} b \
                     ON b.id = o.body_id ORDER BY {OUTCOME_KEY}"
                )
            }
        }
    }
}

fn wrong(table: &'static str) -> impl Fn(rusqlite::Error) -> CopyError {
    move |error| CopyError::Read { table, reason: error.to_string() }
}

impl CopySource {
    /// Takes the file for this process and writes what was put off.
    pub(crate) async fn open(file: &Path) -> Result<Self, CopyError> {
        let database = Database::open(file).map_err(OpenError::from)?;
        let mut store = database.store().map_err(OpenError::from)?;
        let closed = store.close().await;
        closed.map_err(|error| CopyError::Read { table: "levels", reason: error.to_string() })?;
        let connection = open_reader(file).map_err(OpenError::from)?;
        Ok(Self { path: file.to_owned(), connection, _database: database })
    }

    /// What is copied, in order.
    pub(crate) fn parts(&self) -> Result<Vec<Part>, CopyError> {
        let tables = TABLES.iter();
        let tables = tables.map(|table| Part { target: table.name, source: Source::Table(table) });
        let windows = self.windows()?.into_iter().map(|(window, _)| {
            let place = usize::try_from(window.rem_euclid(3)).unwrap_or(0);
            Part { target: OUTCOME_TABLES[place], source: Source::Window(window) }
        });
        Ok(tables.chain(windows).collect())
    }

    /// Open windows of outcomes, newest first.
    fn windows(&self) -> Result<Vec<(i64, i64)>, CopyError> {
        let wrong = wrong("outcome_windows");
        let sql = "SELECT id, opened_at FROM outcome_windows ORDER BY id DESC LIMIT 2";
        let mut select = self.connection.prepare(sql).map_err(&wrong)?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&wrong)?;
        rows.collect::<Result<_, _>>().map_err(&wrong)
    }

    /// How many rows there are in all.
    pub(crate) fn rows(&self) -> Result<u64, CopyError> {
        let mut total = 0;
        for part in self.parts()? {
            // Formatted SQL: as above.
            let sql = format!("SELECT count(*) FROM {}", part.source.from());
            let count = self.connection.query_row(&sql, [], |row| row.get::<_, i64>(0));
            total += count.map_err(wrong(part.target))?.unsigned_abs();
        }
        Ok(total)
    }

    /// The rows of a part, some at a time, read on a thread of its own beside the writing.
    pub(crate) fn read(
        &self,
        part: &Part,
        columns: &Columns,
    ) -> mpsc::Receiver<Result<Vec<Vec<Value>>, CopyError>> {
        let (found, rows) = mpsc::channel(CHUNKS_AHEAD);
        let (path, table, select) = (self.path.clone(), part.target, part.source.select(columns));
        let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send_rows(&path, &select, table, &kinds, &found) {
                // Nobody is there to be told when the copy has been given up.
                let _ = found.blocking_send(Err(error));
            }
        });
        rows
    }

    /// Where the logs are.
    pub(crate) fn head(&self) -> Result<Head, CopyError> {
        let wrong = wrong("numbering");
        let sql = "SELECT product, category, location, reservation, \"order\", movement, event, \
                   batch, \"user\", session, api_key, rights, notice, endpoint, job, \
                   sync, recorded_at FROM numbering";
        let (next, recorded_at) = self
            .connection
            .query_row(sql, [], |row| {
                let mut next = [0; 16];
                for (column, number) in next.iter_mut().enumerate() {
                    *number = row.get(column)?;
                }
                Ok((next, row.get(next.len())?))
            })
            .map_err(&wrong)?;
        let chain = super::logs::newest_link(&self.connection).map_err(&wrong)?;
        let (window, window_opened_at) = self.windows()?.first().copied().unwrap_or((0, 0));
        Ok(Head { next, recorded_at, chain, window, window_opened_at })
    }
}

/// Reads a part to its end, or until nobody wants more.
fn send_rows(
    path: &Path,
    select: &str,
    table: &'static str,
    kinds: &[Kind],
    found: &mpsc::Sender<Result<Vec<Vec<Value>>, CopyError>>,
) -> Result<(), CopyError> {
    let wrong = wrong(table);
    let connection = open_reader(path).map_err(OpenError::from)?;
    let mut statement = connection.prepare(select).map_err(&wrong)?;
    let mut rows = statement.query([]).map_err(&wrong)?;
    let mut chunk = Vec::with_capacity(COPY_ROWS);
    while let Some(row) = rows.next().map_err(&wrong)? {
        let mut values = Vec::with_capacity(kinds.len());
        for (place, kind) in kinds.iter().enumerate() {
            values.push(read(table, *kind, row.get_ref(place).map_err(&wrong)?)?);
        }
        chunk.push(values);
        if chunk.len() == COPY_ROWS && found.blocking_send(Ok(std::mem::take(&mut chunk))).is_err()
        {
            return Ok(());
        }
    }
    if !chunk.is_empty() {
        let _ = found.blocking_send(Ok(chunk));
    }
    Ok(())
}

fn read(table: &'static str, kind: Kind, value: ValueRef<'_>) -> Result<Value, CopyError> {
    let bad =
        || CopyError::Read { table, reason: format!("a {} is no {kind:?}", value.data_type()) };
    Ok(match (kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Integer, ValueRef::Integer(number)) => Value::Integer(number),
        (Kind::Boolean, ValueRef::Integer(number)) => Value::Boolean(number != 0),
        (Kind::Text, ValueRef::Text(text)) => {
            Value::Text(std::str::from_utf8(text).map_err(|_| bad())?.to_owned())
        }
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        (Kind::Key, ValueRef::Blob(bytes)) => Value::Key(bytes.try_into().map_err(|_| bad())?),
        (
            Kind::Integer | Kind::Boolean | Kind::Text | Kind::Bytes | Kind::Key,
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_),
        ) => return Err(bad()),
    })
}
