//! Reads of single orders, gathered as writes are: whoever asks while a statement is under way is
//! answered by the next one. A statement costs a trip to the server whether it asks for one order
//! or for two hundred, so that there is no timer and no delay for whoever asks alone.

use std::collections::HashMap;
use std::sync::Arc;

use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Row;

use super::codec;
use super::readers::{Connections, one, rows};
use crate::limits::{GATHERED_READS_MAX, GATHERERS, QUEUE_READS_MAX};
use crate::query::ReadError;

/// The rows that a statement found for all who asked together, and which of them is the one asked
/// for. Whoever asked reads the order out of it: meanwhile the next statement is under way.
type Found = Result<Option<(Arc<[Row]>, usize)>, ReadError>;

/// Who asks for which order.
struct Asked {
    id: OrderId,
    reply: oneshot::Sender<Found>,
}

/// The way to the gatherers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gather(mpsc::Sender<Asked>);

const ORDERS: &str = "SELECT e.body, o.id FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
     WHERE o.id = ANY($1)";

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
        let (reply, found) = oneshot::channel();
        self.0.try_send(Asked { id, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopping,
        })?;
        let Some((rows, place)) = found.await.map_err(|_| ReadError::Stopping)?? else {
            return Ok(None);
        };
        rows.get(place).map(|row| Ok(codec::order(row, 0)?)).transpose()
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
    let ids: Vec<i64> = asked.iter().map(|one| one.id.number()).collect();
    let found: Result<_, ReadError> =
        async { one!(reader, client => rows(client, ORDERS, &[&ids])) }.await;
    let found = found.map(|rows| {
        let ids = rows.iter().map(|row| codec::get::<i64>(row, "orders", 1));
        let places: HashMap<i64, usize> =
            ids.enumerate().filter_map(|(place, id)| Some((id.ok()?, place))).collect();
        (Arc::<[Row]>::from(rows), places)
    });
    for Asked { id, reply } in asked.drain(..) {
        let answer = match &found {
            Err(error) => Err(error.again()),
            Ok((rows, places)) => Ok(places.get(&id.number()).map(|place| (rows.clone(), *place))),
        };
        // Whoever has gone away needs no answer.
        let _ = reply.send(answer);
    }
}
