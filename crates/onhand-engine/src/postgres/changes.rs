//! What a batch changes, table by table, and the statements that do it: as few as may be. Each
//! costs the server an answer and this side a wake-up, whatever it changes; of a small batch that
//! is the larger part. So changes that come together often are one statement:
//!
//! ```sql
//! WITH c0 AS (UPDATE .. RETURNING 1), c1 AS (INSERT ..)
//! SELECT (SELECT 1 / (count(*) = $9::int8)::int FROM c0)
//! ```
//!
//! All of them see what was there before it. So none may look at a row that another one changes,
//! and a table that is changed twice is changed by two statements. Guarded ones come about in their
//! order, which is that of locks; the others after them. Not every distributed engine takes such a
//! statement: it is none where rows are not locked either (`row_locks=off`).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::session::{Value, Write};
use crate::limits::{CHANGES_JOINED_AFTER, CHANGES_JOINED_MAX, CHANGES_MET_MAX};

/// Where a statement of several changes writes.
const SEVERAL_TABLES: &str = "the head or a row";

/// A change of the rows of one table.
pub(super) struct Change<'a> {
    pub(super) table: &'static str,
    /// Takes its values as `$1` and so on.
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value<'a>>,
    /// How many rows it must change to count; it counts in any case where that is nothing. The same
    /// for all changes of this text.
    pub(super) rows: Option<i64>,
}

/// What is made of changes that are one statement.
struct Part {
    sql: &'static str,
    values: usize,
    is_guarded: bool,
}

/// The statements of a batch, in the order of its changes; each by itself, unless several may be
/// one.
pub(super) fn statements(changes: Vec<Change<'_>>, joins: bool) -> Vec<Write<'_>> {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut statements = Vec::new();
    for group in apart(changes) {
        let joined = if joins { texts.joined(&group) } else { None };
        match joined {
            Some(sql) => statements.push(written(sql, group)),
            None => statements.extend(group.into_iter().map(|change| {
                let sql = texts.alone(&change);
                written(sql, vec![change])
            })),
        }
    }
    statements
}

/// The changes in groups in which no table is changed twice, in their order.
fn apart(changes: Vec<Change<'_>>) -> Vec<Vec<Change<'_>>> {
    let mut groups = Vec::new();
    let mut group: Vec<Change<'_>> = Vec::new();
    for change in changes {
        if group.iter().any(|other| other.table == change.table) {
            groups.push(std::mem::take(&mut group));
        }
        group.push(change);
    }
    groups.push(group);
    groups
}

fn written<'a>(sql: &'static str, changes: Vec<Change<'a>>) -> Write<'a> {
    let table = match &*changes {
        [one] => one.table,
        // Which of the guards has failed, the server does not say.
        _ => SEVERAL_TABLES,
    };
    let mut values: Vec<Value<'a>> = Vec::new();
    for change in changes {
        values.extend(change.values);
        values.extend(change.rows.map(|rows| Box::new(rows) as Value<'a>));
    }
    Write { table, sql, values }
}

static TEXTS: LazyLock<Mutex<Texts>> = LazyLock::new(Mutex::default);

/// The texts of statements that were made, as long as the process lives.
#[derive(Default)]
struct Texts {
    of_one: HashMap<&'static str, &'static str>,
    of_several: HashMap<Vec<&'static str>, Met>,
    joined: usize,
}

/// Changes that were met together.
enum Met {
    /// So often.
    Times(u32),
    /// Often enough to be one statement.
    Joined(&'static str),
}

impl Texts {
    /// The statement of one change alone.
    fn alone(&mut self, change: &Change<'_>) -> &'static str {
        if change.rows.is_none() {
            return change.sql;
        }
        self.of_one.entry(change.sql).or_insert_with(|| leaked(text(&[Part::of(change)])))
    }

    /// The statement of several, if they are one. What is met seldom is not: each new statement
    /// is planned once, and is kept on the server as long as the connection is.
    fn joined(&mut self, changes: &[Change<'_>]) -> Option<&'static str> {
        if changes.len() < 2 {
            return None;
        }
        let key: Vec<_> = changes.iter().map(|change| change.sql).collect();
        if self.of_several.len() >= CHANGES_MET_MAX && !self.of_several.contains_key(&key) {
            self.of_several.retain(|_, met| matches!(met, Met::Joined(_)));
        }
        let met = self.of_several.entry(key).or_insert(Met::Times(0));
        match met {
            Met::Joined(sql) => return Some(sql),
            Met::Times(times) if *times < CHANGES_JOINED_AFTER => {
                *times += 1;
                return None;
            }
            Met::Times(_) if self.joined >= CHANGES_JOINED_MAX => return None,
            Met::Times(_) => {}
        }
        let sql = leaked(text(&changes.iter().map(Part::of).collect::<Vec<_>>()));
        self.joined += 1;
        *met = Met::Joined(sql);
        Some(sql)
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl Part {
    fn of(change: &Change<'_>) -> Self {
        Self { sql: change.sql, values: change.values.len(), is_guarded: change.rows.is_some() }
    }
}

/// One statement for all of these. Where a guarded one does not change as many rows as it must, it
/// divides by zero.
fn text(parts: &[Part]) -> String {
    let (mut changes, mut guards) = (Vec::new(), Vec::new());
    let mut given = 0;
    for (place, part) in parts.iter().enumerate() {
        let returning = if part.is_guarded { " RETURNING 1" } else { "" };
        changes.push(format!("c{place} AS ({}{returning})", moved(part.sql, given)));
        given += part.values;
        if part.is_guarded {
            given += 1;
            // Formatted SQL: the places of values, which are bound.
            let guard = format!("(SELECT 1 / (count(*) = ${given}::int8)::int FROM c{place})");
            guards.push(guard);
        }
    }
    let guards = if guards.is_empty() { "1".into() } else { guards.join(", ") };
    // Formatted SQL: statements of ours.
    format!("WITH {} SELECT {guards}", changes.join(", "))
}

/// The text with each `$1` counted from behind so many others.
fn moved(sql: &str, by: usize) -> String {
    let mut pieces = sql.split('$');
    let mut moved = String::with_capacity(sql.len() + 64);
    moved.extend(pieces.next());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (place, rest) = piece.split_at(digits);
        let place = place.parse().map_or(0, |place: usize| place + by);
        let _ = write!(moved, "${place}{rest}");
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVE: &str = "UPDATE head SET at = $1::int8 WHERE at = $2::int8";
    const INSERT: &str = "INSERT INTO log SELECT unnest($1::int8[]), $2::text";

    fn change(table: &'static str, sql: &'static str, rows: Option<i64>) -> Change<'static> {
        Change { table, sql, values: vec![Box::new(1_i64), Box::new("two")], rows }
    }

    /// As often as it takes.
    fn joined(texts: &mut Texts, changes: &[Change<'_>]) -> Option<&'static str> {
        for _ in 0..CHANGES_JOINED_AFTER {
            assert_eq!(texts.joined(changes), None);
        }
        texts.joined(changes)
    }

    #[test]
    fn changes_are_one_statement_once_they_have_come_often() {
        let mut texts = Texts::default();
        let changes = [
            change("head", MOVE, Some(1)),
            change("log", INSERT, None),
            change("rows", MOVE, Some(7)),
        ];
        assert_eq!(
            joined(&mut texts, &changes).unwrap(),
            "WITH c0 AS (UPDATE head SET at = $1::int8 WHERE at = $2::int8 RETURNING 1), \
             c1 AS (INSERT INTO log SELECT unnest($4::int8[]), $5::text), \
             c2 AS (UPDATE head SET at = $6::int8 WHERE at = $7::int8 RETURNING 1) \
             SELECT (SELECT 1 / (count(*) = $3::int8)::int FROM c0), \
             (SELECT 1 / (count(*) = $8::int8)::int FROM c2)"
        );
        let values = written("", changes.into()).values;
        assert_eq!(format!("{values:?}"), r#"[1, "two", 1, 1, "two", 1, "two", 7]"#);
    }

    #[test]
    fn what_needs_no_guard_is_written_as_it_is() {
        let mut texts = Texts::default();
        assert_eq!(texts.alone(&change("log", INSERT, None)), INSERT);
        assert_eq!(joined(&mut texts, &[change("log", INSERT, None)]), None, "one is none");
        assert_eq!(
            texts.alone(&change("head", MOVE, Some(1))),
            "WITH c0 AS (UPDATE head SET at = $1::int8 WHERE at = $2::int8 RETURNING 1) \
             SELECT (SELECT 1 / (count(*) = $3::int8)::int FROM c0)"
        );
    }

    #[test]
    fn a_table_is_changed_once_by_a_statement() {
        let changes = ["a", "b", "a", "c", "c"].map(|table| change(table, INSERT, None));
        let groups = apart(changes.into());
        let tables: Vec<Vec<_>> =
            groups.iter().map(|group| group.iter().map(|one| one.table).collect()).collect();
        assert_eq!(tables, [vec!["a", "b"], vec!["a", "c"], vec!["c"]]);
    }

    #[test]
    fn few_are_joined_and_few_are_remembered() {
        let mut texts = Texts::default();
        let pair = |number: usize| {
            [change("head", leaked(number.to_string()), None), change("log", INSERT, None)]
        };
        for number in 0..CHANGES_JOINED_MAX {
            assert!(joined(&mut texts, &pair(number)).is_some());
        }
        assert_eq!(joined(&mut texts, &pair(CHANGES_JOINED_MAX)), None, "no more than so many");
        for number in (0..).take(2 * CHANGES_MET_MAX) {
            texts.joined(&pair(number));
        }
        assert!(texts.of_several.len() <= CHANGES_MET_MAX);
        assert!(texts.joined(&pair(0)).is_some(), "what is joined is not forgotten");
    }
}
