//! What came of a batch whose commit was not answered: it is looked for over a new connection. One
//! that is not there cannot come about any more either, however late the server reads what was sent
//! over the old one: its number is taken.

use tokio::time::{Instant, sleep};

use super::address::Address;
use super::codec::get;
use super::error::{Error, Result};
use super::flight::Sent;
use super::head::{Head, LOCKED_HEAD, writes};
use super::session::{Session, in_time};
use super::turn::begin;
use crate::limits::{RECONNECT_PAUSES, SETTLE_WAITS_MAX};
use crate::store::{Batch, StoreError};

const STAMP_OF_BATCH: &str = "SELECT writer FROM batches WHERE id = $1::int8";
/// Changes nothing, but its commit is durable only when every one before it is.
const TOUCH_HEAD: &str = "UPDATE numbering SET recorded_at = recorded_at";

/// Finds out whether a batch was committed. Takes its number with a batch of nothing, under a stamp
/// of its own, where it was not.
///
/// # Errors
/// [`StoreError::Conflict`] when it was not, and [`StoreError::Away`] when nobody knows.
pub(super) async fn settle(
    address: &Address,
    sent: &Sent,
    lost: &Error,
    stamp: i64,
) -> std::result::Result<(), StoreError> {
    let batch = sent.batch.id;
    tracing::warn!(batch, error = %lost, "a commit was not answered: looking for it");
    let begun = Instant::now();
    loop {
        match is_there(address, sent, stamp).await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(StoreError::Conflict { table: "a lost connection" }),
            Err(error) if begun.elapsed() >= SETTLE_WAITS_MAX => {
                let reason = format!("{lost}; then {error}");
                return Err(StoreError::Away { reason });
            }
            Err(_) => sleep(RECONNECT_PAUSES[0]).await,
        }
    }
}

/// Locking the head waits until a commit that may still be under way has ended; and the commit at
/// the end is only durable when the one that is looked for is.
async fn is_there(address: &Address, sent: &Sent, stamp: i64) -> Result<bool> {
    let session = Session::open(address).await?;
    session.prepare([STAMP_OF_BATCH]).await?;
    let found = in_time(async {
        let head = begin(&session, LOCKED_HEAD).await?;
        let rows = session.rows(STAMP_OF_BATCH, &[Box::new(sent.batch.id)]).await?;
        let is_there = match rows.first() {
            Some(row) => get::<i64>(row, "batches", 0)? == sent.stamp,
            None => false,
        };
        if head.batch == sent.batch.id {
            take_number(&session, &head, stamp).await?;
        } else {
            session.run(TOUCH_HEAD).await?;
        }
        session.run("COMMIT").await?;
        Ok(is_there)
    })
    .await?;
    if session.has_warned() {
        return Err(Error::Unconfirmed);
    }
    Ok(found)
}

/// Writes a batch of nothing.
async fn take_number(session: &Session, head: &Head, stamp: i64) -> Result<()> {
    let now = head.time.max(head.recorded_at);
    let nothing = Batch::of_nothing(head.batch, now, head.numbering, 0);
    let (all, _) = writes(&nothing, head, stamp)?;
    for write in all {
        session.rows(write.sql, &write.values).await?;
    }
    Ok(())
}
