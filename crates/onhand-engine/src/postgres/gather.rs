//! Reads of single orders, gathered as writes are: whoever asks while a statement is under way is
//! answered by the next one. A statement costs a trip to the server whether it asks for one order
//! or for two hundred, so that there is no timer and no delay for whoever asks alone.

use std::collections::HashMap;
use std::sync::Arc;

use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::codec;
use super::error::Error;
use super::readers::{Connections, one, rows};
use crate::limits::{GATHERED_READS_MAX, GATHERERS, QUEUE_READS_MAX};
use crate::query::ReadError;

type Answer = Result<Option<Order>, ReadError>;

/// Who asks for which order.
struct Asked {
    id: OrderId,
    reply: oneshot::Sender<Answer>,
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

    /// An order.
    pub(super) async fn order(&self, id: OrderId) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Asked { id, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopping,
        })?;
        answer.await.map_err(|_| ReadError::Stopping)?
    }
}

async fn work(reader: Connections, asked: Arc<Mutex<mpsc::Receiver<Asked>>>) {
    let mut gathered = Vec::with_capacity(GATHERED_READS_MAX);
    loop {
        let count = asked.lock().await.recv_many(&mut gathered, GATHERED_READS_MAX).await;
        if count == 0 {
            return;
        }
        answer(&reader, gathered.drain(..)).await;
    }
}

/// Asks once for everybody. A row that cannot be read fails whoever asked for it, and nobody else.
async fn answer(reader: &Connections, asked: impl Iterator<Item = Asked>) {
    let asked: Vec<Asked> = asked.collect();
    let ids: Vec<i64> = asked.iter().map(|one| one.id.number()).collect();
    let found: Result<_, ReadError> =
        async { one!(reader, client => rows(client, ORDERS, &[&ids])) }.await;
    let mut orders: HashMap<i64, Result<Order, Error>> = HashMap::new();
    let failed = match found {
        Ok(rows) => {
            for row in rows {
                if let Ok(id) = codec::get::<i64>(&row, "orders", 1) {
                    orders.insert(id, codec::order(&row, 0));
                }
            }
            None
        }
        Err(error) => Some(error),
    };
    for Asked { id, reply } in asked {
        let answer = match (&failed, orders.get(&id.number())) {
            (Some(error), _) => Err(error.again()),
            (None, Some(Ok(order))) => Ok(Some(order.clone())),
            (None, Some(Err(error))) => Err(ReadError::Failed(error.to_string())),
            (None, None) => Ok(None),
        };
        // Whoever has gone away needs no answer.
        let _ = reply.send(answer);
    }
}
