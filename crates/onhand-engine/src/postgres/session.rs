//! One connection that may write: opened with the settings that the committer needs, and believed
//! only after it has shown that it is a primary whose commits are durable. Statements are prepared
//! once; those of one step are sent together and answered together.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::future::maybe_done;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Row, Statement};

use super::address::Address;
use super::error::{Error, Result};
use crate::limits::STORE_ANSWERS_MAX;

/// A value or a column of values that a statement is given.
pub(super) type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// One statement of a step, and what it must do to count.
pub(super) struct Write<'a> {
    /// Where it writes.
    pub(super) table: &'static str,
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value<'a>>,
}

/// The committer's settings. The planner knows nothing better than an index for what a batch asks,
/// and on a table that was empty a moment ago it would keep a plan that reads it whole. A lock that
/// is not given in time fails the batch; nothing else has a limit on the server, so that a commit
/// is never cut off while it waits for a standby: this side stops waiting (`STORE_ANSWERS_MAX`) and
/// finds out later.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan; SET jit = off; \
     SET lock_timeout = '2s'; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = '5s'; SET client_min_messages = warning; \
     SET default_transaction_isolation = 'read committed'";

/// Begins a transaction that writes.
pub(super) const BEGIN: &str = "BEGIN READ WRITE";
/// Nothing is written but within [`BEGIN`].
const ONLY_WITHIN_TRANSACTIONS: &str = "SET default_transaction_read_only = on";
/// Who holds a lock that all writers wait for, and asks nothing, has been stopped: it loses it
/// before those who wait give up (`lock_timeout`).
const NOT_IDLE: &str = "SET idle_in_transaction_session_timeout = '1s'";

/// What a session must be before anything is written to it.
const STANDING: &str = "SELECT pg_is_in_recovery(), \
     current_setting('transaction_read_only') = 'on', current_setting('fsync'), \
     current_setting('full_page_writes'), current_setting('synchronous_commit')";

/// A connection that may write.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    joins: bool,
    /// Whether the server has warned: of a commit that no standby has confirmed.
    has_warned: Arc<AtomicBool>,
}

impl Session {
    /// Connects and checks what was connected to.
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let session = in_time(Self::connect(address)).await?;
        in_time(session.check()).await?;
        Ok(session)
    }

    async fn connect(address: &Address) -> Result<Self> {
        let (client, has_warned) = connect(address).await?;
        client.batch_execute(SETTINGS).await?;
        let joins = address.locks_rows;
        Ok(Self { client, prepared: Mutex::default(), joins, has_warned })
    }

    /// Refuses a session that cannot write, and a server that forgets.
    async fn check(&self) -> Result<()> {
        let row = self.client.query_one(STANDING, &[]).await?;
        if row.try_get(0)? {
            return Err(Error::ReadOnly(": it is a standby"));
        }
        if row.try_get(1)? {
            return Err(Error::ReadOnly(""));
        }
        let settings = [("fsync", 2), ("full_page_writes", 3), ("synchronous_commit", 4)];
        for (setting, column) in settings {
            let found: String = row.try_get(column)?;
            if found == "off" {
                return Err(Error::NotDurable { setting, found });
            }
        }
        Ok(())
    }

    /// Refuses from now on what is not within a transaction: the statements of a batch that would
    /// each be kept alone, should they ever come over a connection on which none is open.
    pub(super) async fn keep_to_transactions(&self) -> Result<()> {
        in_time(self.run(ONLY_WITHIN_TRANSACTIONS)).await
    }

    /// Has the server end the session soon when it is idle within a transaction.
    pub(super) async fn never_idle(&self) -> Result<()> {
        in_time(self.run(NOT_IDLE)).await
    }

    /// The connection itself, for statements that stand alone.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether several changes may be one statement.
    pub(super) fn joins(&self) -> bool {
        self.joins
    }

    /// Whether nothing can be asked of it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether the server has ever warned. Which commit was meant cannot be told: nothing that ends
    /// after a warning is believed.
    pub(super) fn has_warned(&self) -> bool {
        self.has_warned.load(Ordering::Relaxed)
    }

    fn prepared(&self, sql: &'static str) -> Option<Statement> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned()
    }

    /// Prepares what is not prepared yet.
    pub(super) async fn prepare(&self, all: impl IntoIterator<Item = &'static str>) -> Result<()> {
        for sql in all {
            if self.prepared(sql).is_none() {
                let statement = in_time(async { Ok(self.client.prepare(sql).await?) }).await?;
                let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
                prepared.insert(sql, statement);
            }
        }
        Ok(())
    }

    /// The rows of a statement that was prepared. Futures of this kind that are polled together
    /// are sent together.
    pub(super) async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
        match self.prepared(sql) {
            Some(statement) => Ok(self.client.query(&statement, &values).await?),
            None => Ok(self.client.query(sql, &values).await?),
        }
    }

    /// Runs a statement without values or rows.
    pub(super) async fn run(&self, sql: &'static str) -> Result<()> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Sends all statements and then `COMMIT`, in one go; before them `BEGIN`, where no transaction
    /// is open yet. It is committed if this succeeds. It is not if a statement failed: the server
    /// then answers `COMMIT` with a rollback. Calls `sent` when everything is on its way.
    pub(super) async fn commit(
        &self,
        begins: bool,
        writes: &[Write<'_>],
        sent: impl FnOnce(),
    ) -> Result<()> {
        let mut asked = Vec::with_capacity(writes.len());
        for write in writes {
            asked.push(self.rows(write.sql, &write.values));
        }
        let asked = in_order(asked);
        let all = async {
            let begin = async { if begins { self.run(BEGIN).await } else { Ok(()) } };
            let (begun, answers, committed, ()) = tokio::join!(
                biased; begin, asked, self.run("COMMIT"), async { sent() },
            );
            begun?;
            for (answer, write) in answers.into_iter().zip(writes) {
                answer.map_err(|error| guard_of(error, write.table))?;
            }
            committed
        };
        in_time(all).await
    }
}

/// A connection without settings, and whether the server has warned over it.
pub(super) async fn connect(address: &Address) -> Result<(Client, Arc<AtomicBool>)> {
    let has_warned = Arc::new(AtomicBool::new(false));
    let client = match &address.tls {
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            drive(connection, has_warned.clone());
            client
        }
        Some(tls) => {
            let (client, connection) = address.config.connect(tls.clone()).await?;
            drive(connection, has_warned.clone());
            client
        }
    };
    Ok((client, has_warned))
}

/// A guarded statement divides by zero when a row is not at the version that was loaded: an error
/// of the server, so that the commit that was sent behind it commits nothing.
fn guard_of(error: Error, table: &'static str) -> Error {
    let is_guard = match &error {
        Error::Server(server) => server.code() == Some(&SqlState::DIVISION_BY_ZERO),
        Error::TimedOut(_)
        | Error::ReadOnly(_)
        | Error::NotDurable { .. }
        | Error::Unconfirmed
        | Error::Lost
        | Error::Guard(_)
        | Error::Row { .. } => false,
    };
    if is_guard { Error::Guard(table) } else { error }
}

/// What all of them come to. They are polled in their order, each time and the first time too:
/// what each sends when it is polled first is sent in that order, and all of it in that first poll.
/// That of a library is polled so only while it is short.
async fn in_order<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(|one| Box::pin(maybe_done(one))).collect();
    poll_fn(|context| {
        let done =
            all.iter_mut().filter_map(|one| one.as_mut().poll(context).is_ready().then_some(()));
        if done.count() == all.len() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
}

/// Bounds the wait for an answer.
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(STORE_ANSWERS_MAX, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::TimedOut(STORE_ANSWERS_MAX.as_secs())),
    }
}

/// Lets a connection work until it ends, and notes warnings: with a synchronous standby a commit
/// whose wait was cut off ends with a warning and not with an error.
fn drive<S, T>(mut connection: Connection<S, T>, has_warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notice(notice)) => {
                    if notice.parsed_severity() == Some(Severity::Warning) {
                        tracing::warn!(notice = notice.message(), "the database warns");
                        has_warned.store(true, Ordering::Relaxed);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "connection to the database lost");
                    return;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes that it was polled, and is done with the second time; until then it wakes who polls it
    /// at once, as an answer does that is quicker than the poll.
    fn impatient(number: usize, polled: &Mutex<Vec<usize>>) -> impl Future<Output = usize> {
        let mut was_polled = false;
        poll_fn(move |context| {
            if was_polled {
                return Poll::Ready(number);
            }
            was_polled = true;
            polled.lock().unwrap().push(number);
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[tokio::test]
    async fn all_statements_of_a_commit_are_sent_before_what_follows() {
        for count in [0, 1, 30, 31, 200] {
            let polled = Mutex::default();
            let statements = in_order((0..count).map(|number| impatient(number, &polled)));
            let (answers, ()) = tokio::join!(biased; statements, async {
                assert_eq!(*polled.lock().unwrap(), Vec::from_iter(0..count));
            });
            assert_eq!(answers, Vec::from_iter(0..count));
        }
    }
}
