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

use deadpool_postgres::GenericClient;

use super::codec::get;
use super::error::Result;
use super::readers::row;
pub(super) use {catalog::OneProduct, orders::OneOrder, stock::OneStock};

/// A number that a statement always has.
async fn number(client: &impl GenericClient, sql: &'static str) -> Result<i64> {
    match row(client, sql, &[]).await? {
        Some(row) => get(&row, "a count", 0),
        None => Ok(0),
    }
}
