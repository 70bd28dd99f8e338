//! Readers: a bounded pool of connections that cannot write. A read of several statements sees one
//! snapshot. What a process has acknowledged is committed on the server that its reads ask, so that
//! no read through it shows less.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use deadpool_postgres::{
    Client, GenericClient, Hook, HookError, Manager, ManagerConfig, Pool, PoolError,
    RecyclingMethod, Runtime, Timeouts, Transaction,
};
use serde::de::DeserializeOwned;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, NoTls, Row};

use super::OpenError;
use super::address::Address;
use super::codec::get;
use super::error::{Error, Result, corrupt};
use super::gather::Gather;
use super::read::{OneOrder, OneProduct, OneStock};
use crate::limits::{CONNECT_TIMEOUT, QUEUE_READS_MAX, READ_CONNECTIONS_MAX, READ_WAITS_MAX};
use crate::query::ReadError;

/// As the committer's (`session.rs`), for statements that go by a key and stop after a page.
const SETTINGS: &str = "SET default_transaction_read_only = on; SET statement_timeout = '10s'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET plan_cache_mode = force_generic_plan; SET jit = off; SET client_min_messages = warning";

/// The way to the readers. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    connections: Connections,
    orders: Gather<OneOrder>,
    products: Gather<OneProduct>,
    stock: Gather<OneStock>,
    replica: Option<Replica>,
}

/// A copy of the database that answers lists, as far as it has come.
#[derive(Clone)]
pub(super) struct Replica {
    connections: Connections,
    /// The newest event that this process has acknowledged: less is never shown.
    acknowledged: Arc<AtomicI64>,
}

/// The pool itself. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connections(Pool);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Reader {
    /// Readers of a database, and of its copy where there is one.
    pub(super) fn new(
        address: &Address,
        replica: Option<&Address>,
        acknowledged: &Arc<AtomicI64>,
    ) -> std::result::Result<Self, OpenError> {
        let connections = Connections::to(address)?;
        let (orders, products) = (Gather::start(&connections), Gather::start(&connections));
        let stock = Gather::start(&connections);
        let replica = replica.map(Connections::to).transpose()?;
        let replica =
            replica.map(|connections| Replica { connections, acknowledged: acknowledged.clone() });
        Ok(Self { connections, orders, products, stock, replica })
    }

    /// Who gathers questions for orders.
    pub(super) fn of_orders(&self) -> &Gather<OneOrder> {
        &self.orders
    }

    /// Who gathers questions for products.
    pub(super) fn of_products(&self) -> &Gather<OneProduct> {
        &self.products
    }

    /// Who gathers questions for the stock of products.
    pub(super) fn of_stock(&self) -> &Gather<OneStock> {
        &self.stock
    }

    /// What an attempt of a read takes its connection from.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The copy that answers lists.
    pub(super) fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }
}

impl Replica {
    /// What an attempt of a read takes its connection from.
    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Whether a snapshot of it has everything that this process has acknowledged.
    pub(super) async fn is_up_to_date(&self, client: &impl GenericClient) -> Result<bool> {
        let wanted = self.acknowledged.load(Ordering::Acquire);
        let newest = row(client, "SELECT event - 1 FROM numbering", &[]).await?;
        let newest: Option<i64> = newest.map(|row| get(&row, "numbering", 0)).transpose()?;
        Ok(newest.is_some_and(|newest| newest >= wanted))
    }
}

impl Connections {
    /// Themselves: a reader of one statement has nothing else.
    pub(super) fn connections(&self) -> &Self {
        self
    }

    fn to(address: &Address) -> std::result::Result<Self, OpenError> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connect = (*address.config).clone();
        let manager = match &address.tls {
            None => Manager::from_config(connect, NoTls, config),
            Some(tls) => Manager::from_config(connect, tls.clone(), config),
        };
        let settle = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(
                async move { client.batch_execute(SETTINGS).await.map_err(HookError::Backend) },
            )
        });
        let timeouts = Timeouts {
            wait: Some(READ_WAITS_MAX),
            create: Some(CONNECT_TIMEOUT),
            recycle: Some(Duration::from_secs(1)),
        };
        let pool = Pool::builder(manager)
            .max_size(READ_CONNECTIONS_MAX)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .post_create(settle)
            .build()
            .map_err(|error| OpenError::Refused {
                address: address.to_string(),
                reason: error.to_string(),
            })?;
        Ok(Self(pool))
    }

    /// A connection for one attempt of a read.
    pub(super) async fn client(&self) -> std::result::Result<Client, ReadError> {
        if self.0.status().waiting >= QUEUE_READS_MAX {
            return Err(ReadError::Overloaded);
        }
        self.0.get().await.map_err(|error| match error {
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => ReadError::Overloaded,
            PoolError::Closed => ReadError::Stopping,
            PoolError::Backend(error) => Error::from(error).into(),
            PoolError::Timeout(_)
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => ReadError::Unavailable(error.to_string()),
        })
    }

    /// Connections that are open, and reads that wait for one.
    pub(super) fn load(&self) -> (usize, usize) {
        let status = self.0.status();
        (status.size, status.waiting)
    }

    /// Lets go of every connection that nobody uses. What ended one (a restart, a failover, an
    /// operator) mostly ended its siblings too, some of which do not know yet: the next attempt
    /// shall not be handed one of those.
    pub(super) fn let_go(&self) {
        self.0.retain(|_, _| false);
    }
}

/// Begins a snapshot, which ends with its value.
pub(super) async fn snapshot(client: &mut Client) -> Result<Transaction<'_>> {
    let snapshot =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    Ok(snapshot.start().await?)
}

/// The future itself: says what it comes to.
pub(super) fn asking<T, F: Future<Output = Result<T>>>(ask: F) -> F {
    ask
}

/// Asks one statement, which is a snapshot by itself; once more over a new connection when this one
/// turns out to be gone. A macro, because a closure that lends its connection to a future cannot
/// promise that the future may be sent to another thread.
macro_rules! one {
    ($reader:expr, $client:ident => $ask:expr) => {
        $crate::postgres::readers::attempt!($reader, connection => async {
            let connection = connection;
            let $client = &connection;
            $crate::postgres::readers::asking($ask).await
        })
    };
}

/// Asks several statements in one snapshot; otherwise as [`one`].
macro_rules! several {
    ($reader:expr, $client:ident => $ask:expr) => {
        $crate::postgres::readers::attempt!($reader, connection => async {
            let mut connection = connection;
            let snapshot = $crate::postgres::readers::snapshot(&mut connection).await?;
            let $client = &snapshot;
            let result = $crate::postgres::readers::asking($ask).await?;
            snapshot.commit().await?;
            Ok(result)
        })
    };
}

/// Asks for a list: the copy of the database, when there is one that can be reached and has come
/// far enough, and else the database itself.
macro_rules! listed {
    ($reader:expr, $client:ident => $ask:expr) => {{
        let from_replica = match $reader.replica() {
            None => None,
            Some(replica) => {
                let found: std::result::Result<_, $crate::query::ReadError> = async {
                    $crate::postgres::readers::several!(replica, $client => async {
                        match replica.is_up_to_date($client).await? {
                            true => Ok(Some($ask.await?)),
                            false => Ok(None),
                        }
                    })
                }
                .await;
                match found {
                    Ok(found) => found.map(Ok),
                    Err($crate::query::ReadError::Failed(reason)) => {
                        Some(Err($crate::query::ReadError::Failed(reason)))
                    }
                    Err(error) => {
                        tracing::debug!(%error, "the replica gives no answer");
                        None
                    }
                }
            }
        };
        match from_replica {
            Some(found) => found,
            None => $crate::postgres::readers::several!($reader, $client => $ask),
        }
    }};
}

/// Asks, and asks once more over a new connection when the connection was lost. The question owns
/// its connection, so that it is back among the idle ones when those are let go.
macro_rules! attempt {
    ($reader:expr, $connection:ident => $ask:expr) => {{
        let mut attempts = 0;
        loop {
            let connections = $reader.connections();
            let $connection = connections.client().await?;
            match $crate::postgres::session::in_time($ask).await {
                Err(error) if error.ends_session() && attempts == 0 => {
                    attempts += 1;
                    connections.let_go();
                }
                Ok(result) => break Ok(result),
                Err(error) => break Err($crate::query::ReadError::from(error)),
            }
        }
    }};
}

pub(super) use {attempt, listed, one, several};

/// The rows of a statement that stays prepared.
pub(super) async fn rows(
    client: &impl GenericClient,
    sql: &'static str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query(&statement, values).await?)
}

/// The row of a statement that has at most one.
pub(super) async fn row(
    client: &impl GenericClient,
    sql: &'static str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Option<Row>> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query_opt(&statement, values).await?)
}

/// Documents of one statement.
pub(super) async fn all<T: DeserializeOwned>(
    client: &impl GenericClient,
    table: &'static str,
    sql: &'static str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for row in rows(client, sql, values).await? {
        let text: &str = get(&row, table, 0)?;
        found.push(serde_json::from_str(text).map_err(|error| corrupt(table, error))?);
    }
    Ok(found)
}
