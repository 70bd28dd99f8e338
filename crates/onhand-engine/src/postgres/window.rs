//! The window of outcomes that has passed: its table is emptied before the next one opens. When a
//! window is over is the head's business (`head.rs`).

use super::error::Result;
use super::head::{Head, LOCKED_HEAD};
use super::logs::OUTCOME_TABLES;
use super::session::{BEGIN, Session, in_time};

const TRUNCATE: [&str; 3] =
    ["TRUNCATE TABLE outcomes_0", "TRUNCATE TABLE outcomes_1", "TRUNCATE TABLE outcomes_2"];

fn next_table(window: i64) -> usize {
    usize::try_from((window + 1).rem_euclid(OUTCOME_TABLES)).unwrap_or(0)
}

/// Empties the table of the window that has passed, unless somebody reads it: `verify` may, and
/// nobody waits for that.
///
/// # Errors
/// When the table is in use; a transaction is left open then.
pub(super) async fn empty_passed(session: &Session) -> Result<()> {
    in_time(async {
        session.run(BEGIN).await?;
        session.run("SET LOCAL lock_timeout = '50ms'").await?;
        let row = session.client().query_one(LOCKED_HEAD, &[]).await?;
        let head = Head::read(&row)?;
        if !head.next_window_is_empty {
            session.run(TRUNCATE[next_table(head.window)]).await?;
            session.run("UPDATE numbering SET next_window_is_empty = true").await?;
        }
        session.run("COMMIT").await
    })
    .await
}
