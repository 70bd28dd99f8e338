//! Lists of orders by customer, by status and by product, behind the log: filling them takes
//! nothing from the committer's transaction, in steps within the server: small ones with a rest
//! after each, or large ones where much is missing. Any process may make a step; the lock on the
//! row of the progress lets one at a time. A query unites a list with the orders that are newer
//! than it (`read/orders.rs`), so that nothing is ever missed.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::GenericClient;
use onhand_core::orders::Status;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::address::Address;
use super::codec::get;
use super::error::{Result, corrupt};
use super::readers::row;
use super::session::Session;
use crate::limits::{
    LISTS_BEHIND_EVENTS_MAX, LISTS_CHUNK_ENTRIES, LISTS_PAUSE, LISTS_STEP_ROWS_MAX,
    LISTS_STEP_WANTED_EVENTS,
};
use crate::stored::stored_count;

/// How far the lists are: everything up to these positions is on them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) event: i64,
    pub(super) order: i64,
    pub(super) reservation: i64,
}

impl Progress {
    pub(super) async fn read(client: &impl GenericClient) -> Result<Self> {
        let row = row(client, PROGRESS, &[]).await?;
        let row = row.ok_or_else(|| corrupt("lists_progress", "its row is missing"))?;
        Self::of(&row)
    }

    fn of(row: &tokio_postgres::Row) -> Result<Self> {
        let table = "lists_progress";
        Ok(Self {
            event: get(row, table, 0)?,
            order: get(row, table, 1)?,
            reservation: get(row, table, 2)?,
        })
    }
}

const PROGRESS: &str = "SELECT event, order_id, reservation_id FROM lists_progress";
/// Another process may be at it: then there is nothing to do here.
const TAKE: &str =
    "SELECT event, order_id, reservation_id FROM lists_progress FOR UPDATE SKIP LOCKED";
const NEWEST: &str = "SELECT event - 1, \"order\" - 1, reservation - 1 FROM numbering";
/// A new order is on no list yet. `ON CONFLICT` would take twice as long, whether or not there is
/// one.
const BY_CUSTOMER: &str = "INSERT INTO orders_by_customer SELECT customer_id, id FROM orders \
     WHERE id > $1 AND id <= $2 AND customer_id IS NOT NULL ORDER BY 1, 2";
const BY_STATUS: &str = "INSERT INTO orders_by_status SELECT status, id FROM orders \
     WHERE id > $1 AND id <= $2 ORDER BY 1, 2";
/// An order may hold more of a product later.
const BY_PRODUCT: &str = "INSERT INTO orders_by_product SELECT product_id, order_id FROM (SELECT \
     DISTINCT product_id, order_id FROM reservations WHERE id > $1 AND id <= $2 AND order_id IS \
     NOT NULL) r WHERE NOT EXISTS (SELECT 1 FROM orders_by_product l WHERE l.product_id = \
     r.product_id AND l.order_id = r.order_id) ORDER BY 1, 2";
/// Orders that have changed since: their state now.
const MOVED: &str = "SELECT DISTINCT o.id, o.status FROM events e \
     JOIN orders o ON o.id = e.subject WHERE e.seq > $1 AND e.seq <= $2 AND e.previous > 0 \
     AND o.id <= $3 ORDER BY o.id";
const LEAVE_OTHERS: &str = "DELETE FROM orders_by_status l USING unnest($1::int8[], $2::text[]) \
     v(order_id, status) WHERE l.order_id = v.order_id AND l.status = ANY($3::text[]) \
     AND l.status != v.status";
const MOVE: &str = "INSERT INTO orders_by_status SELECT status, order_id \
     FROM unnest($1::int8[], $2::text[]) v(order_id, status) ON CONFLICT DO NOTHING";
const PROCEED: &str = "UPDATE lists_progress SET event = $1, order_id = $2, reservation_id = $3";

/// What a step has come to.
struct Stepped {
    /// Up to which event the lists now go.
    event: i64,
    /// What is left for this process.
    left: Left,
}

/// What of the log is not on the lists yet.
enum Left {
    Nothing,
    /// So little that whoever buys meanwhile goes first.
    Little,
    /// More than a step takes.
    Much,
}

/// One step, of at most [`LISTS_STEP_ROWS_MAX`] rows of each kind where so much is missing, else of
/// [`LISTS_CHUNK_ENTRIES`].
async fn step(session: &Session) -> Result<Stepped> {
    let client = session.client();
    // One snapshot: what the step sees of the orders is what it sees of their events.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let Some(taken) = client.query_opt(TAKE, &[]).await? else {
        client.batch_execute("ROLLBACK").await?;
        let progress = Progress::of(&client.query_one(PROGRESS, &[]).await?)?;
        return Ok(Stepped { event: progress.event, left: Left::Nothing });
    };
    let (from, newest) =
        (Progress::of(&taken)?, Progress::of(&client.query_one(NEWEST, &[]).await?)?);
    let is_much = newest.event - from.event > LISTS_STEP_WANTED_EVENTS;
    let most = if is_much { LISTS_STEP_ROWS_MAX } else { stored_count(LISTS_CHUNK_ENTRIES) };
    let to = Progress {
        event: newest.event.min(from.event + most),
        order: newest.order.min(from.order + most),
        reservation: newest.reservation.min(from.reservation + most),
    };
    client.execute(BY_CUSTOMER, &[&from.order, &to.order]).await?;
    client.execute(BY_STATUS, &[&from.order, &to.order]).await?;
    client.execute(BY_PRODUCT, &[&from.reservation, &to.reservation]).await?;
    let (mut ids, mut statuses): (Vec<i64>, Vec<String>) = (Vec::new(), Vec::new());
    for row in client.query(MOVED, &[&from.event, &to.event, &to.order]).await? {
        ids.push(get(&row, "orders", 0)?);
        statuses.push(get(&row, "orders", 1)?);
    }
    if !ids.is_empty() {
        let all: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        client.execute(LEAVE_OTHERS, &[&ids, &statuses, &all]).await?;
        client.execute(MOVE, &[&ids, &statuses]).await?;
    }
    client.execute(PROCEED, &[&to.event, &to.order, &to.reservation]).await?;
    client.batch_execute("COMMIT").await?;
    let is_more =
        to.event < newest.event || to.order < newest.order || to.reservation < newest.reservation;
    let left = match (is_more, is_much) {
        (false, _) => Left::Nothing,
        (true, false) => Left::Little,
        (true, true) => Left::Much,
    };
    Ok(Stepped { event: to.event, left })
}

/// How long the committer waits for lists that are too far behind before it says so and goes on.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The task that fills the lists, in the committer's hands.
#[derive(Debug)]
pub(super) struct Filler {
    wanted: Arc<Notify>,
    /// Up to which event the lists go.
    event: watch::Receiver<i64>,
    asked_at: i64,
    task: JoinHandle<()>,
}

impl Filler {
    /// Starts it on the runtime of whoever calls.
    pub(super) fn start(address: &Address) -> Self {
        let (address, wanted) = (address.clone(), Arc::new(Notify::new()));
        let (reached, event) = watch::channel(0);
        let is_wanted = wanted.clone();
        let task = tokio::spawn(async move {
            let mut session = None;
            loop {
                let begun = Instant::now();
                let left = fill(&address, &mut session).await.map(|stepped| {
                    reached.send_replace(stepped.event);
                    stepped.left
                });
                let pause = match left {
                    Some(Left::Much) => continue,
                    // A step takes a processor for as long as it lasts.
                    Some(Left::Little) => begun.elapsed().min(LISTS_PAUSE),
                    Some(Left::Nothing) | None => LISTS_PAUSE,
                };
                // Nobody has to be told: a list that is behind is united with the log.
                let _ = timeout(pause, is_wanted.notified()).await;
            }
        });
        Self { wanted, event, asked_at: 0, task }
    }

    /// Says how far the log is: wakes the filler when a step has gathered, and waits for it when
    /// the lists are too far behind.
    pub(super) async fn reached(&mut self, newest: i64) {
        if newest - self.asked_at >= LISTS_STEP_WANTED_EVENTS {
            self.asked_at = newest;
            self.wanted.notify_one();
        }
        let is_near = |event: &i64| newest - *event <= LISTS_BEHIND_EVENTS_MAX;
        if !is_near(&self.event.borrow()) {
            self.wanted.notify_one();
            if timeout(WAIT_MAX, self.event.wait_for(is_near)).await.is_err() {
                tracing::error!("the lists are too far behind and do not come on");
            }
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a step; none when the database cannot be reached or somebody else came first.
async fn fill(address: &Address, session: &mut Option<Session>) -> Option<Stepped> {
    if session.as_ref().is_none_or(Session::is_closed) {
        match Session::open(address).await {
            Ok(opened) => *session = Some(opened),
            Err(error) => {
                tracing::debug!(%error, "the lists wait for the database");
                return None;
            }
        }
    }
    match step(session.as_ref()?).await {
        Ok(stepped) => Some(stepped),
        Err(error) => {
            if error.is_passing() {
                tracing::debug!(%error, "another process fills the lists");
            } else {
                tracing::warn!(%error, "the lists cannot be filled");
            }
            *session = None;
            None
        }
    }
}
