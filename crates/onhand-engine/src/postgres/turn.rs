//! Whose turn it is to write. The head of the logs is locked by whoever writes; who wants to be
//! next stands at the door, a row that one process has at a time, and has it until the last batch
//! of its turn is on its way: for one, or for several as if nobody else were there. Without a door
//! a busy process would lock the head again before one that waits for it has woken up. What is
//! decided on it is none of this file's business.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use onhand_core::ids::ProductId;
use tokio::time::Instant;
use tokio_postgres::Row;

use super::codec::get;
use super::error::{Result, corrupt};
use super::head::{Head, Known, LOCKED_HEAD};
use super::session::{BEGIN, Session, Value, in_time};
use crate::limits::{MOVED_LOOKED_AT_MAX, TURN_IDLE, TURN_IDLE_WRITING, TURN_TIME};
use crate::store::Others;

/// The row is there from the first time on that somebody opens a door. Its holder is nobody.
const MAKE_DOOR: &str = "INSERT INTO leases (name, holder, expires_at) VALUES ('turn', 0, 0) \
     ON CONFLICT (name) DO NOTHING";
const LOCK_DOOR: &str = "SELECT 1 FROM leases WHERE name = 'turn' FOR UPDATE";
/// Products of which stock was moved from a position of the ledger on, as far as they are looked
/// through.
pub(super) const MOVED_SINCE: &str = "SELECT DISTINCT product_id FROM (SELECT product_id \
     FROM movements WHERE seq >= $1::int8 ORDER BY seq LIMIT $2::int8) m";
/// What only locks need not be durable.
const NOTHING_TO_KEEP: &str = "SET synchronous_commit = off";

/// Makes a session one that may stand at the door.
pub(super) async fn prepare(session: &Session) -> Result<()> {
    session.never_idle().await?;
    in_time(async {
        session.prepare([LOCK_DOOR]).await?;
        session.run(NOTHING_TO_KEEP).await?;
        session.run(MAKE_DOOR).await
    })
    .await
}

/// The right to write, as long as the door is locked over a session: until it is left, or the
/// session is lost.
#[derive(Debug)]
pub(super) struct Turn {
    door: Arc<Session>,
    /// When somebody else is to have it.
    until: Instant,
}

impl Turn {
    /// Stands at the door until nobody else is in.
    pub(super) async fn stand(door: Arc<Session>) -> Result<Self> {
        let is_in = in_time(async {
            tokio::try_join!(biased; door.run("BEGIN"), door.rows(LOCK_DOOR, &[]))
        });
        let is_in = is_in.await.map(|_| ());
        let turn = Self { door, until: Instant::now() };
        if let Err(error) = is_in {
            turn.leave().await;
            return Err(error);
        }
        Ok(turn)
    }

    /// Begins a transaction over the other session and locks the head; from now on the turn counts.
    /// Tells what others have changed since it was `known`.
    pub(super) async fn lock(
        &mut self,
        session: &Session,
        known: Option<Known>,
    ) -> Result<(Head, Others)> {
        let from = known.map_or(i64::MAX, |known| known.movement);
        let since: [Value<'_>; 2] = [Box::new(from), Box::new(MOVED_LOOKED_AT_MAX)];
        // Sent together, and asked when the head is locked.
        let (head, moved) = in_time(async {
            let head = begin(session, LOCKED_HEAD);
            tokio::try_join!(biased; head, session.rows(MOVED_SINCE, &since))
        })
        .await?;
        self.until = Instant::now() + TURN_TIME;
        let others = others(&head, known, &moved)?;
        Ok((head, others))
    }

    /// Whether further batches may be written before somebody else is let in.
    pub(super) fn goes_on(&self) -> bool {
        Instant::now() < self.until && !self.door.is_closed()
    }

    /// When to let others in, if so many batches are being written and nothing else comes. While
    /// one is to follow another, nobody is: that one would find the head taken.
    pub(super) fn ends_at(&self, written_at_once: usize) -> Option<Instant> {
        let idle = match written_at_once {
            0 => TURN_IDLE,
            1 => TURN_IDLE_WRITING,
            _ => return None,
        };
        Some(self.until.min(Instant::now() + idle))
    }

    /// Leaves the door. It is said at once, before anything else over this session, and nobody
    /// waits for the answer: a door whose session is lost is open.
    pub(super) async fn leave(self) {
        let door = self.door;
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
}

/// What others have changed, of whose movements these are the products.
fn others(head: &Head, known: Option<Known>, moved: &[Row]) -> Result<Others> {
    let Some(known) = known.filter(|known| head.only_moved_since(known)) else {
        return Ok(Others::Anything);
    };
    if known.batch == head.batch {
        return Ok(Others::Nothing);
    }
    let id = |row: &Row| Ok(ProductId::new(get(row, "movements", 0)?));
    let ids = moved.iter().map(id).collect::<Result<Vec<_>>>()?;
    Ok(Others::Moved(ids.into_iter().flatten().collect()))
}

/// Begins a transaction and reads the head.
pub(super) async fn begin(session: &Session, head: &'static str) -> Result<Head> {
    let (_, rows) = tokio::try_join!(biased; session.run(BEGIN), session.rows(head, &[]))?;
    let row = rows.first().ok_or_else(|| corrupt("numbering", "its row is missing"))?;
    Head::read(row)
}
