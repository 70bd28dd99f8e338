//! Columns of values, and the shape of the statement that takes them. Most columns of a batch hold
//! one value in all of its rows: the time, the location, what is never given. Such a value is sent
//! and taken apart once, which spares the server a tenth of a batch. A statement is written for one
//! value per row; its other shapes are made of that text.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use super::session::Value;
use crate::limits::{SHAPES_FROM_ROWS, SHAPES_OF_STATEMENT_MAX};

/// A column of values, one per row.
pub(super) struct Column<'a> {
    values: Value<'a>,
    /// Whether it is the same in all rows.
    is_same: bool,
}

/// A column of what each row holds.
pub(super) fn column<'a, T, V>(rows: &[T], of: impl Fn(&T) -> V) -> Column<'a>
where
    V: ToSql + PartialEq + Sync + Send + 'a,
{
    column_of(rows.iter().map(of).collect())
}

/// A column of values that are at hand.
pub(super) fn column_of<'a, V>(values: Vec<V>) -> Column<'a>
where
    V: ToSql + PartialEq + Sync + Send + 'a,
{
    let is_same = values.windows(2).all(|two| matches!(two, [one, next] if one == next));
    Column { values: Box::new(Values(values)), is_same }
}

/// Values that a statement takes all of, or the first for all.
struct Values<V>(Vec<V>);

impl<V: fmt::Debug> fmt::Debug for Values<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<V: ToSql> ToSql for Values<V> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (kind.kind(), self.0.first()) {
            (Kind::Array(_), _) => self.0.to_sql(kind, out),
            (_, Some(value)) => value.to_sql(kind, out),
            (_, None) => Ok(IsNull::Yes),
        }
    }

    fn accepts(kind: &Type) -> bool {
        <Vec<V>>::accepts(kind) || V::accepts(kind)
    }

    to_sql_checked!();
}

/// Which columns are the same in all rows: a bit for each, from the first on.
type Same = u32;

/// A statement in the shape for so many rows of these columns, with their values.
pub(super) fn shaped<'a>(
    sql: &'static str,
    rows: usize,
    columns: Vec<Column<'a>>,
) -> (&'static str, Vec<Value<'a>>) {
    let mut same: Same = 0;
    for (place, column) in columns.iter().enumerate() {
        let bit = u32::try_from(place).ok().and_then(|place| 1u32.checked_shl(place));
        same |= bit.filter(|_| column.is_same).unwrap_or(0);
    }
    if rows > 1 && same.count_ones() as usize == columns.len() {
        // Rows differ by their keys; were these no rows, they would become one.
        same = 0;
    }
    let values = columns.into_iter().map(|column| column.values).collect();
    (SHAPES.lock().unwrap_or_else(PoisonError::into_inner).of(sql, same, rows), values)
}

static SHAPES: LazyLock<Mutex<Shapes>> = LazyLock::new(Mutex::default);

/// The shapes of statements that were asked for, as long as the process lives: there are few.
#[derive(Default)]
struct Shapes(HashMap<&'static str, Vec<(Same, &'static str)>>);

impl Shapes {
    /// The shape with one value for as many of these columns as may be. Small batches are the same
    /// by chance in any of their columns: they take what is there.
    fn of(&mut self, sql: &'static str, same: Same, rows: usize) -> &'static str {
        let known = self.0.entry(sql).or_default();
        let fits = known.iter().filter(|(of, _)| of & !same == 0);
        let best = fits.max_by_key(|(of, _)| of.count_ones()).copied().unwrap_or((0, sql));
        let is_worth = rows == 1 || rows >= SHAPES_FROM_ROWS;
        if best.0 == same || !is_worth || known.len() >= SHAPES_OF_STATEMENT_MAX {
            return best.1;
        }
        let shape: &'static str = Box::leak(shape(sql, same).into_boxed_str());
        known.push((same, shape));
        shape
    }
}

/// The statement with one value for these columns: `$2::int8` where it has `unnest($2::int8[])`.
fn shape(sql: &str, same: Same) -> String {
    let mut shape = String::with_capacity(sql.len());
    let mut pieces = sql.split("unnest($");
    shape.extend(pieces.next());
    for piece in pieces {
        let taken = piece.split_once("[])").and_then(|(value, rest)| {
            let place: u32 = value.split_once("::")?.0.parse().ok()?;
            let is_same = same.checked_shr(place.checked_sub(1)?)? & 1 == 1;
            is_same.then_some((value, rest))
        });
        match taken {
            Some((value, rest)) => shape.extend(["$", value, rest]),
            None => shape.extend(["unnest($", piece]),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSERT: &str = "INSERT INTO t SELECT unnest($1::int8[]), unnest($2::text[]), \
         unnest($3::int8[])";

    #[test]
    fn a_value_that_all_rows_share_is_given_once() {
        let shape = shape(INSERT, 0b110);
        assert_eq!(shape, "INSERT INTO t SELECT unnest($1::int8[]), $2::text, $3::int8");
    }

    #[test]
    fn a_statement_has_few_shapes() {
        let mut shapes = Shapes::default();
        assert_eq!(shapes.of(INSERT, 0b110, SHAPES_FROM_ROWS - 1), INSERT, "too few to tell");
        let two = shapes.of(INSERT, 0b110, SHAPES_FROM_ROWS);
        assert_ne!(two, INSERT);
        assert_eq!(shapes.of(INSERT, 0b110, 2), two, "what is there is taken");
        assert_eq!(shapes.of(INSERT, 0b100, 2), INSERT, "but not for what differs");
        // Twice as many choices of columns as there may be shapes.
        let choices = (1..).take(2 * SHAPES_OF_STATEMENT_MAX);
        choices.for_each(|same| _ = shapes.of(INSERT, same, SHAPES_FROM_ROWS));
        assert_eq!(shapes.0[INSERT].len(), SHAPES_OF_STATEMENT_MAX);
    }

    /// A batch in which every column is the same would be one row.
    #[test]
    fn rows_do_not_become_one() {
        let columns = |rows: &[i64]| vec![column(rows, |row| *row), column(rows, |_| "paid")];
        let (sql, values) = shaped(INSERT, 2, columns(&[7, 7]));
        assert_eq!((sql, values.len()), (INSERT, 2));
        let (sql, _) = shaped(INSERT, 1, columns(&[7]));
        assert_eq!(sql, "INSERT INTO t SELECT $1::int8, $2::text, unnest($3::int8[])");
    }
}
