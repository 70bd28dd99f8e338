//! The questions that may be asked of what is remembered. Every list is a page by key, never by
//! offset, and looks at a bounded number of rows; where a filter leaves a page short, the cursor
//! goes on.

mod accounts;
mod backlog;
mod bulk;
mod catalog;
mod events;
mod orders;
mod outbox;
mod overview;
mod payments;
mod reservations;
mod stock;
mod warehouse;

use rusqlite::{Connection, Result};

/// A number that a statement always has.
fn number(connection: &Connection, sql: &'static str) -> Result<i64> {
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}
