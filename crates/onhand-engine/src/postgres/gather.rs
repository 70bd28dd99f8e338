//! Reads of single orders, gathered as writes are: whoever asks while a statement is under way is
//! answered by the next one. A statement costs a trip to the server whether it asks for one order
//! or for two hundred, so that there is no timer and no delay for whoever asks alone.

use std::collections::HashMap;
use std::sync::Arc;

use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Row;

use super::codec::{self, get};
use super::error::corrupt;
use super::readers::{Connections, one, rows};
use crate::limits::{GATHERED_READS_MAX, GATHERERS, QUEUE_READS_MAX};
use crate::query::{ReadError, Seen, Unless};
use crate::stored::{stored_count, stored_version};

/// What a statement found for all who asked together, and where in it is what was asked for.
/// Whoever asked reads the order out of it: meanwhile the next statement is under way.
type Found = Result<(Arc<[Row]>, Option<usize>), ReadError>;

/// Who asks for which order, unless it is still the one that was seen.
struct Asked {
    id: OrderId,
    seen: Option<Seen>,
    reply: oneshot::Sender<Found>,
}

/// The way to the gatherers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gather(mpsc::Sender<Asked>);

/// What is as it was seen is left out; what is not there is a row without a document.
const ORDERS: &str = "SELECT k.n, o.id, (SELECT e.body FROM events e WHERE e.seq = o.last_event) \
     FROM (SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])) \
     k(n, id, version, created_at) LEFT JOIN orders o ON o.id = k.id \
     WHERE o.version IS DISTINCT FROM k.version OR o.created_at IS DISTINCT FROM k.created_at";
/// The version of an order that was not seen: there is none like it.
const UNSEEN: i64 = 0;

impl Gather {
    /// Starts the gatherers on the runtime of whoever calls; they end with the last handle.
    pub(super) fn start(reader: &Connections) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE_READS_MAX);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..GATHERERS {
            tokio::spawn(work(reader.clone(), asked.clone()));
        }
        Self(queue)
    }

    /// An order. A row that cannot be read fails whoever asked for it, and nobody else.
    pub(super) async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        match self.ask(id, None).await? {
            Some(Unless::Same) => Err(corrupt("orders", format!("{id} is of no version")).into()),
            Some(Unless::Other(order)) => Ok(Some(order)),
            None => Ok(None),
        }
    }

    /// An order, unless it is as it was seen.
    pub(super) async fn order_unless(
        &self,
        id: OrderId,
        seen: Seen,
    ) -> Result<Option<Unless<Order>>, ReadError> {
        self.ask(id, Some(seen)).await
    }

    async fn ask(
        &self,
        id: OrderId,
        seen: Option<Seen>,
    ) -> Result<Option<Unless<Order>>, ReadError> {
        let (reply, found) = oneshot::channel();
        self.0.try_send(Asked { id, seen, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopping,
        })?;
        let (rows, place) = found.await.map_err(|_| ReadError::Stopping)??;
        match place.and_then(|place| rows.get(place)) {
            None => Ok(Some(Unless::Same)),
            Some(row) if get::<Option<i64>>(row, "orders", 1)?.is_none() => Ok(None),
            Some(row) => Ok(Some(Unless::Other(codec::order(row, 2)?))),
        }
    }
}

async fn work(reader: Connections, asked: Arc<Mutex<mpsc::Receiver<Asked>>>) {
    let mut gathered = Vec::with_capacity(GATHERED_READS_MAX);
    loop {
        let count = asked.lock().await.recv_many(&mut gathered, GATHERED_READS_MAX).await;
        if count == 0 {
            return;
        }
        answer(&reader, &mut gathered).await;
    }
}

/// Asks once for everybody.
async fn answer(reader: &Connections, asked: &mut Vec<Asked>) {
    let column = |of: fn(&Asked) -> i64| asked.iter().map(of).collect::<Vec<_>>();
    let numbers: Vec<i64> = (0..stored_count(asked.len())).collect();
    let ids = column(|one| one.id.number());
    let versions = column(|one| one.seen.map_or(UNSEEN, |seen| stored_version(seen.version)));
    let times = column(|one| one.seen.map_or(0, |seen| seen.created_at.as_microsecond()));
    let values = [&numbers as _, &ids as _, &versions as _, &times as _];
    let found: Result<_, ReadError> = async {
        let rows = one!(reader, client => rows(client, ORDERS, &values))?;
        let mut places = HashMap::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            // Whoever has no row has what is there: none may be lost.
            places.insert(get::<i64>(row, "orders", 0)?, place);
        }
        Ok((Arc::<[Row]>::from(rows), places))
    }
    .await;
    for (Asked { reply, .. }, number) in asked.drain(..).zip(numbers) {
        let answer = match &found {
            Err(error) => Err(error.again()),
            Ok((rows, places)) => Ok((rows.clone(), places.get(&number).copied())),
        };
        // Whoever has gone away needs no answer.
        let _ = reply.send(answer);
    }
}
