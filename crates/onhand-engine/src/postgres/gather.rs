//! Reads of single objects, gathered as writes are: whoever asks while a statement is under way is
//! answered by the next one. A statement costs a trip to the server whether it asks for one object
//! or for two hundred, so that there is no timer and no delay for whoever asks alone. What can be
//! asked so is in `read`, where each [`Question`] is.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_postgres::Row;

use super::codec::get;
use super::readers::{Connections, one, rows};
use super::session::Value;
use crate::limits::{GATHERED_READS_MAX, GATHERERS, QUEUE_READS_MAX};
use crate::query::ReadError;

/// Something that many ask for at once, by one statement.
pub(super) trait Question: Send + Sync + Sized + 'static {
    /// The statement. Whoever asks has a number, and each row says in its last column whose it is.
    const SQL: &'static str;
    /// What its rows are of, should one not be readable.
    const TABLE: &'static str;

    /// What the statement is told of all who ask: each with a number.
    fn values<'a>(asked: &[(i64, &'a Self)]) -> Vec<Value<'a>>;
}

/// What a statement found for all who asked together.
type Found = Result<Answer, ReadError>;

/// The rows of one who asked. They are read out of it by whoever asked: meanwhile the next
/// statement is under way.
pub(super) struct Answer {
    rows: Arc<[Row]>,
    places: Vec<usize>,
}

impl Answer {
    /// In no order; what it means that there is none is known to whoever asked.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.places.iter().filter_map(|place| self.rows.get(*place))
    }
}

/// Who asks.
struct Asked<Q> {
    question: Q,
    reply: oneshot::Sender<Found>,
}

/// The way to those who gather questions of a kind. Cheap to clone.
pub(super) struct Gather<Q>(mpsc::Sender<Asked<Q>>);

impl<Q> Clone for Gather<Q> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Question> Gather<Q> {
    /// Starts the gatherers on the runtime of whoever calls; they end with the last handle.
    pub(super) fn start(reader: &Connections) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE_READS_MAX);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..GATHERERS {
            tokio::spawn(work(reader.clone(), asked.clone()));
        }
        Self(queue)
    }

    /// What there is. A row that cannot be read fails whoever asked for it, and nobody else.
    pub(super) async fn ask(&self, question: Q) -> Found {
        let (reply, found) = oneshot::channel();
        self.0.try_send(Asked { question, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReadError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopping,
        })?;
        found.await.map_err(|_| ReadError::Stopping)?
    }
}

async fn work<Q: Question>(reader: Connections, asked: Arc<Mutex<mpsc::Receiver<Asked<Q>>>>) {
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
async fn answer<Q: Question>(reader: &Connections, asked: &mut Vec<Asked<Q>>) {
    let (questions, replies): (Vec<Q>, Vec<_>) =
        asked.drain(..).map(|one| (one.question, one.reply)).unzip();
    let numbered: Vec<_> = (0..).zip(&questions).collect();
    let values = Q::values(&numbered);
    let values: Vec<_> = values.iter().map(|value| &**value as _).collect();
    let mut found: Result<_, ReadError> = async {
        let rows = one!(reader, client => rows(client, Q::SQL, &values))?;
        let mut places: HashMap<i64, Vec<usize>> = HashMap::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            let number = get::<i64>(row, Q::TABLE, row.len() - 1)?;
            places.entry(number).or_default().push(place);
        }
        Ok((Arc::<[Row]>::from(rows), places))
    }
    .await;
    for (reply, number) in replies.into_iter().zip(0..) {
        let answer = match &mut found {
            Err(error) => Err(error.again()),
            Ok((rows, places)) => {
                let places = places.remove(&number).unwrap_or_default();
                Ok(Answer { rows: rows.clone(), places })
            }
        };
        // Whoever has gone away needs no answer.
        let _ = reply.send(answer);
    }
}
