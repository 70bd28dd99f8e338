//! Lists of orders by customer, by status and by product, behind the log: filling them takes nothing
//! from the committer's transaction, in large steps within the server. Any process may make a step;
//! the lock on the row of the progress lets one at a time. A query unites a list with the orders that
//! are newer than it (`read/orders.rs`), so that nothing is ever missed.

use std::sync::Arc;

use deadpool_postgres::GenericClient;
use onhand_core::orders::Status;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::address::Address;
use super::codec::get;
use super::error::{Result, corrupt};
use super::readers::row;
use super::session::Session;
use crate::limits::{LISTS_PAUSE, LISTS_STEP_ROWS_MAX, LISTS_STEP_WANTED_EVENTS};

/// How far the lists are: everything up to these positions is on them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) event: i64,
    pub(super) order: i64,
    pub(super) reservation: i64,
}

impl Progress {
    pub(super) async fn read(client: &impl GenericClient) -> Result<Self> {
        let sql = "SELECT event, order_id, reservation_id FROM lists_progress";
        let row = row(client, sql, &[]).await?;
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

/// Another process may be at it: then there is nothing to do here.
const TAKE: &str =
    "SELECT event, order_id, reservation_id FROM lists_progress FOR UPDATE SKIP LOCKED";
const NEWEST: &str = "SELECT event - 1, \"order\" - 1, reservation - 1 FROM numbering";
const BY_CUSTOMER: &str = "INSERT INTO orders_by_customer SELECT customer_id, id FROM orders \
     WHERE id > $1 AND id <= $2 AND customer_id IS NOT NULL ORDER BY 1, 2 ON CONFLICT DO NOTHING";
const BY_STATUS: &str = "INSERT INTO orders_by_status SELECT status, id FROM orders \
     WHERE id > $1 AND id <= $2 ORDER BY 1, 2 ON CONFLICT DO NOTHING";
const BY_PRODUCT: &str = "INSERT INTO orders_by_product SELECT DISTINCT product_id, order_id \
     FROM reservations WHERE id > $1 AND id <= $2 AND order_id IS NOT NULL ORDER BY 1, 2 \
     ON CONFLICT DO NOTHING";
/// Orders that have changed since: their state now.
const MOVED: &str = "SELECT DISTINCT o.id, o.status FROM events e JOIN orders o ON o.id = e.subject \
     WHERE e.seq > $1 AND e.seq <= $2 AND e.previous > 0 AND o.id <= $3 ORDER BY o.id";
const LEAVE_OTHERS: &str = "DELETE FROM orders_by_status l USING unnest($1::int8[], $2::text[]) \
     v(order_id, status) WHERE l.order_id = v.order_id AND l.status = ANY($3::text[]) \
     AND l.status != v.status";
const MOVE: &str = "INSERT INTO orders_by_status SELECT status, order_id \
     FROM unnest($1::int8[], $2::text[]) v(order_id, status) ON CONFLICT DO NOTHING";
const PROCEED: &str = "UPDATE lists_progress SET event = $1, order_id = $2, reservation_id = $3";

/// One step of at most [`LISTS_STEP_ROWS_MAX`] rows of each kind. Answers whether more is waiting.
async fn step(session: &Session) -> Result<bool> {
    let client = session.client();
    // One snapshot: what the step sees of the orders is what it sees of their events.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    let Some(taken) = client.query_opt(TAKE, &[]).await? else {
        client.batch_execute("ROLLBACK").await?;
        return Ok(false);
    };
    let (from, newest) =
        (Progress::of(&taken)?, Progress::of(&client.query_one(NEWEST, &[]).await?)?);
    let to = Progress {
        event: newest.event.min(from.event + LISTS_STEP_ROWS_MAX),
        order: newest.order.min(from.order + LISTS_STEP_ROWS_MAX),
        reservation: newest.reservation.min(from.reservation + LISTS_STEP_ROWS_MAX),
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
    Ok(to.event < newest.event || to.order < newest.order || to.reservation < newest.reservation)
}

/// The task that fills the lists, in the committer's hands.
#[derive(Debug)]
pub(super) struct Filler {
    wanted: Arc<Notify>,
    asked_at: i64,
    task: JoinHandle<()>,
}

impl Filler {
    /// Starts it on the runtime of whoever calls.
    pub(super) fn start(address: &Address) -> Self {
        let (address, wanted) = (address.clone(), Arc::new(Notify::new()));
        let is_wanted = wanted.clone();
        let task = tokio::spawn(async move {
            let mut session = None;
            loop {
                if fill(&address, &mut session).await {
                    continue;
                }
                // Nobody has to be told: a list that is behind is united with the log.
                let _ = tokio::time::timeout(LISTS_PAUSE, is_wanted.notified()).await;
            }
        });
        Self { wanted, asked_at: 0, task }
    }

    /// Says how far the log is: wakes the filler when a step has gathered.
    pub(super) fn reached(&mut self, newest: i64) {
        if newest - self.asked_at >= LISTS_STEP_WANTED_EVENTS {
            self.asked_at = newest;
            self.wanted.notify_one();
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a step; says whether the next one should follow at once.
async fn fill(address: &Address, session: &mut Option<Session>) -> bool {
    if session.as_ref().is_none_or(Session::is_closed) {
        *session = match Session::open(address).await {
            Ok(session) => Some(session),
            Err(error) => {
                tracing::debug!(%error, "the lists wait for the database");
                None
            }
        };
    }
    let Some(open) = session.as_ref() else { return false };
    match step(open).await {
        Ok(is_more) => is_more,
        Err(error) => {
            tracing::warn!(%error, "the lists cannot be filled");
            *session = None;
            false
        }
    }
}
