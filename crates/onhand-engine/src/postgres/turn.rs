//! Whose turn it is to write. The head of the logs is locked by whoever writes; who wants to be
//! next stands at the door, a row that one process has at a time, and leaves it when it has the
//! head. Without a door a busy process would lock the head again before one that waits for it has
//! woken up. What is decided on it is none of this file's business.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use super::error::{Result, corrupt};
use super::head::{Head, LOCKED_HEAD};
use super::session::{Session, in_time};

/// The row is there from the first time on that somebody opens a door. Its holder is nobody.
const MAKE_DOOR: &str = "INSERT INTO leases (name, holder, expires_at) VALUES ('turn', 0, 0) \
     ON CONFLICT (name) DO NOTHING";
const LOCK_DOOR: &str = "SELECT 1 FROM leases WHERE name = 'turn' FOR UPDATE";
/// What only locks need not be durable.
const NOTHING_TO_KEEP: &str = "SET synchronous_commit = off";

/// Makes a session one that may stand at the door.
pub(super) async fn prepare(session: &Session) -> Result<()> {
    in_time(async {
        session.prepare([LOCK_DOOR]).await?;
        session.run(NOTHING_TO_KEEP).await?;
        session.run(MAKE_DOOR).await
    })
    .await
}

/// Stands at the door with one session until the head is locked with the other. Whoever comes now
/// is next.
pub(super) async fn take(door: &Arc<Session>, session: &Session) -> Result<Head> {
    let head = in_time(async {
        tokio::try_join!(biased; door.run("BEGIN"), door.rows(LOCK_DOOR, &[]))?;
        begin(session, LOCKED_HEAD).await
    });
    let head = head.await;
    leave(door.clone()).await;
    head
}

/// Leaves the door. It is said at once, before anything else over this session, and nobody waits
/// for the answer: a door whose session is lost is open.
async fn leave(door: Arc<Session>) {
    let mut leaving = Box::pin(async move {
        if let Err(error) = door.run("ROLLBACK").await {
            tracing::debug!(%error, "the door was left with its connection");
        }
    });
    let is_said = poll_fn(|context| Poll::Ready(leaving.as_mut().poll(context))).await;
    if is_said.is_pending() {
        tokio::spawn(leaving);
    }
}

/// Begins a transaction and reads the head.
pub(super) async fn begin(session: &Session, head: &'static str) -> Result<Head> {
    let (_, rows) = tokio::try_join!(biased; session.run("BEGIN"), session.rows(head, &[]))?;
    let row = rows.first().ok_or_else(|| corrupt("numbering", "its row is missing"))?;
    Head::read(row)
}
