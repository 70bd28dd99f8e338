//! The writing side of a copy: one transaction over all tables, by the server's bulk protocol.
//! Other processes see nothing of it before its end, and nothing at all if it does not come to
//! that.

use std::pin::Pin;

use futures_util::TryStreamExt;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::address::Address;
use super::codec::{Uuid, get};
use super::error::{Error, corrupt};
use super::migrate;
use super::session::Session;
use crate::copy::{Columns, CopyError, Head, Kind, OUTCOME_KEY, Sum, TABLES, Value};
use crate::database::OpenError;

/// A bulk load may take as long as it takes, and is left alone meanwhile.
const SETTINGS: &str = "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
     RESET enable_seqscan; BEGIN; SELECT 1 FROM numbering FOR UPDATE";

const COLUMNS: &str = "SELECT column_name::text, udt_name::text FROM information_schema.columns \
     WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";

/// A database that is filled.
pub(crate) struct CopyTarget {
    session: Session,
}

fn wrong(table: &'static str) -> impl Fn(Error) -> CopyError {
    move |error| CopyError::Write { table, reason: error.to_string() }
}

fn names(columns: &Columns) -> String {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// What a column of a type of the server holds.
fn kind_of(table: &'static str, name: &str) -> Result<Kind, Error> {
    match name {
        "int8" => Ok(Kind::Integer),
        "text" => Ok(Kind::Text),
        "bool" => Ok(Kind::Boolean),
        "bytea" => Ok(Kind::Bytes),
        "uuid" => Ok(Kind::Key),
        other => Err(corrupt(table, format!("no copy knows how to fill a column of {other}"))),
    }
}

impl CopyTarget {
    /// Brings the schema up to date and makes sure that nothing is there.
    pub(crate) async fn open(url: &str) -> Result<Self, CopyError> {
        let address =
            Address::parse(url).map_err(super::OpenError::from).map_err(OpenError::from)?;
        migrate::up(&address, None).await.map_err(OpenError::from)?;
        let session = Session::open(&address).await;
        let session =
            session.map_err(|error| OpenError::from(super::OpenError::of(&address, error)))?;
        session.run(SETTINGS).await.map_err(wrong("numbering"))?;
        let batches = async {
            let row = session.client().query_one("SELECT batch - 1 FROM numbering", &[]).await?;
            get::<i64>(&row, "numbering", 0)
        };
        match batches.await.map_err(wrong("numbering"))? {
            0 => Ok(Self { session }),
            batches => Err(CopyError::NotEmpty(batches)),
        }
    }

    /// The columns of a table, in their order.
    pub(crate) async fn columns(&self, table: &'static str) -> Result<Columns, CopyError> {
        let asked = async {
            let mut columns = Columns::new();
            for row in self.session.client().query(COLUMNS, &[&table]).await? {
                let kind = kind_of(table, get(&row, table, 1)?)?;
                columns.push((get(&row, table, 0)?, kind));
            }
            Ok(columns)
        };
        asked.await.map_err(wrong(table))
    }

    /// A table to which rows are written.
    pub(crate) async fn sink(
        &mut self,
        table: &'static str,
        columns: &Columns,
    ) -> Result<Sink, CopyError> {
        // Formatted SQL: names of tables and columns cannot be bound; these are a list of ours.
        let sql = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", names(columns));
        let sink = self.session.client().copy_in(&sql).await;
        let sink = sink.map_err(|error| wrong(table)(error.into()))?;
        let types: Vec<Type> = columns.iter().map(|(_, kind)| type_of(*kind)).collect();
        Ok(Sink { writer: Box::pin(BinaryCopyInWriter::new(sink, &types)), table })
    }

    /// The hash over what is in a table.
    pub(crate) async fn sum(
        &self,
        table: &'static str,
        columns: &Columns,
    ) -> Result<Sum, CopyError> {
        let key = TABLES.iter().find(|known| known.name == table);
        let key = key.map_or(OUTCOME_KEY, |known| known.key);
        // Formatted SQL: names of tables and columns cannot be bound; these are a list of ours.
        let sql = format!("SELECT {} FROM {table} ORDER BY {key}", names(columns));
        let summed = async {
            let mut sum = Sum::default();
            let rows = self.session.client().query_raw(&sql, Vec::<i64>::new()).await?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await? {
                let mut values = Vec::with_capacity(columns.len());
                for (place, (_, kind)) in columns.iter().enumerate() {
                    values.push(read(&row, table, place, *kind)?);
                }
                sum.add(&values);
            }
            Ok(sum)
        };
        summed.await.map_err(wrong(table))
    }

    /// Puts the head where the source has it.
    pub(crate) async fn put_head(&self, head: &Head) -> Result<(), CopyError> {
        let sql = "UPDATE numbering SET product = $1, category = $2, location = $3, \
                   reservation = $4, \"order\" = $5, movement = $6, event = $7, batch = $8, \
                   recorded_at = $9, chain = $10, outcome_window = $11, \
                   outcome_window_opened_at = $12, \"user\" = $13, session = $14, \
                   api_key = $15, rights = $16, notice = $17, endpoint = $18, \
                   job = $19, sync = $20, next_window_is_empty = true";
        let [product, category, location, reservation, order, rest @ ..] = &head.next;
        let [movement, event, batch, user, session, api_key, rights, notice, endpoint, job, sync] =
            rest;
        let chain = head.chain.to_vec();
        let values: [&(dyn ToSql + Sync); 20] = [
            product,
            category,
            location,
            reservation,
            order,
            movement,
            event,
            batch,
            &head.recorded_at,
            &chain,
            &head.window,
            &head.window_opened_at,
            user,
            session,
            api_key,
            rights,
            notice,
            endpoint,
            job,
            sync,
        ];
        let put = self.session.client().execute(sql, &values);
        put.await.map_err(|error| wrong("numbering")(error.into()))?;
        Ok(())
    }

    /// Lets everybody see it, and tells the planner what there is.
    pub(crate) async fn commit(self) -> Result<(), CopyError> {
        self.session.run("COMMIT").await.map_err(wrong("everything"))?;
        self.session.run("ANALYZE").await.map_err(wrong("statistics"))
    }
}

fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Integer => Type::INT8,
        Kind::Text => Type::TEXT,
        Kind::Boolean => Type::BOOL,
        Kind::Bytes => Type::BYTEA,
        Kind::Key => Type::UUID,
    }
}

fn read(
    row: &tokio_postgres::Row,
    table: &'static str,
    place: usize,
    kind: Kind,
) -> Result<Value, Error> {
    let value = match kind {
        Kind::Integer => get::<Option<i64>>(row, table, place)?.map(Value::Integer),
        Kind::Text => get::<Option<String>>(row, table, place)?.map(Value::Text),
        Kind::Boolean => get::<Option<bool>>(row, table, place)?.map(Value::Boolean),
        Kind::Bytes => get::<Option<Vec<u8>>>(row, table, place)?.map(Value::Bytes),
        Kind::Key => get::<Option<Uuid>>(row, table, place)?.map(|key| Value::Key(key.0)),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// A table to which rows are written.
pub(crate) struct Sink {
    writer: Pin<Box<BinaryCopyInWriter>>,
    table: &'static str,
}

impl Sink {
    /// Writes some rows.
    pub(crate) async fn write(&mut self, rows: &[Vec<Value>]) -> Result<(), CopyError> {
        for row in rows {
            let values: Vec<Box<dyn ToSql + Sync>> = row.iter().map(parameter).collect();
            let values = values.iter().map(|value| &**value as &(dyn ToSql + Sync));
            let values: Vec<_> = values.collect();
            let written = self.writer.as_mut().write(&values).await;
            written.map_err(|error| wrong(self.table)(error.into()))?;
        }
        Ok(())
    }

    /// Ends the table.
    pub(crate) async fn finish(mut self) -> Result<(), CopyError> {
        let finished = self.writer.as_mut().finish().await;
        finished.map(|_| ()).map_err(|error| wrong(self.table)(error.into()))
    }
}

fn parameter(value: &Value) -> Box<dyn ToSql + Sync> {
    match value {
        Value::Null => Box::new(Nothing),
        Value::Integer(number) => Box::new(*number),
        Value::Text(text) => Box::new(text.clone()),
        Value::Boolean(flag) => Box::new(*flag),
        Value::Bytes(bytes) => Box::new(bytes.clone()),
        Value::Key(key) => Box::new(Uuid(*key)),
    }
}

/// No value, of whatever type.
#[derive(Debug)]
struct Nothing;

impl ToSql for Nothing {
    fn to_sql(
        &self,
        _: &Type,
        _: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(tokio_postgres::types::IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}
