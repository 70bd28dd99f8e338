//! `verify` on PostgreSQL: shows the proof (`proof/mod.rs`) one snapshot of the database, over a
//! connection of its own that cannot write, so that it works beside running servers and on a
//! standby. Rows are streamed: the proof of a long history takes no more memory than that of a
//! short one. In slices: `prove.rs`.

use std::pin::Pin;

use futures_util::TryStreamExt;
use onhand_core::payments::Provider;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, RowStream, Statement, ToStatement};

use super::address::Address;
use super::codec::{self, get};
use super::error::{Error, Result};
use super::session::{self, in_time};
use super::{OpenError, migrate};
use crate::columns::*;
use crate::proof::{
    self, BatchRow, Evidence, Finds, Links, Offenders, OrderRow, Over, ReservationRow, Rule, Span,
    StoredEvent, Walk,
};
use crate::report::{Rebuild, Report};

/// Unlike the committer's (`session.rs`): what is asked here goes over whole tables, for which the
/// planner knows best, and takes as long as it takes. A server that is older than one of the limits
/// does not know its name.
const SETTINGS: &str = "RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin; \
     RESET plan_cache_mode; SELECT set_config(name, '0', false) FROM pg_settings \
     WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', \
     'transaction_timeout')";
/// A table of outcomes that is emptied meanwhile looks empty in this snapshot too; nothing is
/// promised of outcomes that are not there.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const NEWEST_BATCH: &str =
    "SELECT last_event, encode(chain, 'hex') FROM batches ORDER BY id DESC LIMIT 1";
const ORDERS: &str = "SELECT id, status, version, last_event, customer_id, created_at FROM orders \
     WHERE id > $1::int8 ORDER BY id LIMIT $2::int8";
const EVENTS: &str = "SELECT seq, kind, subject, previous, actor, recorded_at, body FROM events \
     WHERE seq = ANY($1::int8[])";
const RESERVATIONS: &str = "SELECT id, state = 'held', quantity, consumed, released \
     FROM reservations WHERE id = ANY($1::int8[])";
const GATEWAY_IDS: &str = "SELECT gateway_id, order_id FROM gateway_ids \
     WHERE provider = ANY($1::text[]) AND gateway_id = ANY($2::text[])";
const BATCHES: &str = "SELECT id, last_event, last_movement, chain FROM batches \
     WHERE id > $1::int8 ORDER BY id LIMIT $2::int8";
const LEDGER: &str = concat!(
    "SELECT ",
    movement_columns!(),
    " FROM movements WHERE seq > $1::int8 AND seq <= $2::int8 ORDER BY seq"
);
const LOG: &str = "SELECT seq, kind, subject, previous, actor, recorded_at, body FROM events \
     WHERE seq > $1::int8 AND seq <= $2::int8 ORDER BY seq";

macro_rules! outcomes_of_nothing {
    ($table:literal) => {
        concat!(
            "SELECT 'key ' || upper(replace(o.key::text, '-', '')) FROM ",
            $table,
            " o LEFT JOIN events e ON e.seq = o.event WHERE (o.event IS NOT NULL \
             OR o.body IS NULL) AND (e.kind IS NULL OR e.kind NOT LIKE 'order.%' \
             AND e.kind NOT LIKE 'payment.%')"
        )
    };
}

/// What only this store promises.
pub(super) const RULES: &[Rule<'static>] = &[
    Rule {
        id: "I5",
        promise: "each stored outcome's event or body is there",
        is_quick: false,
        counted: &[
            "SELECT count(*) FROM outcomes_0",
            "SELECT count(*) FROM outcomes_1",
            "SELECT count(*) FROM outcomes_2",
        ],
        finds: &[
            Finds::All(outcomes_of_nothing!("outcomes_0")),
            Finds::All(outcomes_of_nothing!("outcomes_1")),
            Finds::All(outcomes_of_nothing!("outcomes_2")),
        ],
    },
    Rule {
        id: "lists",
        promise: "lists have every order up to where they are",
        is_quick: false,
        counted: &[
            "SELECT count(*) FROM orders_by_customer",
            "SELECT count(*) FROM orders_by_status",
            "SELECT count(*) FROM orders_by_product",
        ],
        finds: &[
            Finds::All(
                "SELECT 'lists_progress: its row is missing' \
                 WHERE NOT EXISTS (SELECT 1 FROM lists_progress)",
            ),
            Finds::All(
                "SELECT 'lists_progress: event ' || p.event || ' is ahead of the log' \
                 FROM lists_progress p, numbering n WHERE p.event >= n.event \
                 OR p.order_id >= n.\"order\" OR p.reservation_id >= n.reservation",
            ),
            Finds::Of(
                Over::Orders,
                "SELECT 'ord_' || o.id || ' is not on the list of its customer' \
                 FROM orders o WHERE o.id > $1 AND o.id <= $2 \
                 AND o.id <= (SELECT order_id FROM lists_progress) \
                 AND o.customer_id IS NOT NULL AND NOT EXISTS (SELECT 1 \
                 FROM orders_by_customer l WHERE l.customer_id = o.customer_id \
                 AND l.order_id = o.id)",
            ),
            Finds::Of(
                Over::Orders,
                "SELECT 'ord_' || o.id || ' is not on the list of its state' \
                 FROM orders o WHERE o.id > $1 AND o.id <= $2 \
                 AND o.id <= (SELECT order_id FROM lists_progress) \
                 AND o.last_event <= (SELECT event FROM lists_progress) \
                 AND NOT EXISTS (SELECT 1 FROM orders_by_status l \
                 WHERE l.status = o.status AND l.order_id = o.id)",
            ),
            Finds::Of(
                Over::Reservations,
                "SELECT 'ord_' || r.order_id || ' is not on the list of prd_' || r.product_id \
                 FROM reservations r WHERE r.id > $1 AND r.id <= $2 \
                 AND r.id <= (SELECT reservation_id FROM lists_progress) \
                 AND r.order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM orders_by_product l \
                 WHERE l.product_id = r.product_id AND l.order_id = r.order_id)",
            ),
            Finds::All(
                "SELECT 'ord_' || l.order_id || ' is on a list and not there' FROM ( \
                 SELECT order_id FROM orders_by_customer UNION ALL \
                 SELECT order_id FROM orders_by_status UNION ALL \
                 SELECT order_id FROM orders_by_product) l \
                 WHERE l.order_id <= (SELECT order_id FROM lists_progress) \
                 AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.order_id)",
            ),
        ],
    },
];

/// Proves a database in one snapshot; works beside running servers.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub async fn verify(url: &str, is_full: bool) -> std::result::Result<Report, OpenError> {
    let address = Address::parse(url)?;
    let refused = |error| OpenError::of(&address, error);
    let client = in_time(connect(&address)).await.map_err(refused)?;
    migrate::expect_all(&address, &client).await?;
    let mut report = Report {
        mode: if is_full { "full" } else { "quick" },
        last_event: 0,
        chain: String::new(),
        storage: "ok".into(),
        checks: Vec::new(),
    };
    match prove(&client, is_full, &mut report).await {
        // The server cannot show what it keeps: what has been looked at until then still counts.
        Err(error) if is_damage(&error) => report.storage = error.to_string(),
        proved => proved.map_err(refused)?,
    }
    Ok(report)
}

/// Recomputes every level from the ledger, in one snapshot, and says where that is another one.
/// Works beside running servers and changes nothing.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub async fn rebuild(url: &str) -> std::result::Result<Rebuild, OpenError> {
    let address = Address::parse(url)?;
    let refused = |error| OpenError::of(&address, error);
    let client = in_time(connect(&address)).await.map_err(refused)?;
    migrate::expect_all(&address, &client).await?;
    let rebuilt = async {
        client.batch_execute(BEGIN).await?;
        proof::rebuild(&mut Snapshot::of(&client).await?).await
    };
    rebuilt.await.map_err(refused)
}

pub(super) async fn connect(address: &Address) -> Result<Client> {
    // A warning says nothing about a proof, which commits nothing.
    let (client, _) = session::connect(address).await?;
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}

/// Whether an error means that what is stored is damaged: a page or an index (`XX`), a file that is
/// not there or cannot be read (`58`), or a figure that no rule can have written (`22`).
pub(super) fn is_damage(error: &Error) -> bool {
    error.is_of_class(&["XX", "58", "22"])
}

async fn prove(client: &Client, is_full: bool, report: &mut Report) -> Result<()> {
    client.batch_execute(BEGIN).await?;
    if let Some(newest) = client.query_opt(NEWEST_BATCH, &[]).await? {
        report.last_event = get(&newest, "batches", 0)?;
        report.chain = get(&newest, "batches", 1)?;
    }
    let mut snapshot = Snapshot::of(client).await?;
    proof::prove(&mut snapshot, RULES, is_full, &mut report.checks).await
}

/// What is asked again and again, prepared once for a connection.
#[derive(Debug, Clone)]
pub(super) struct Statements {
    orders: Statement,
    events: Statement,
    reservations: Statement,
    gateway_ids: Statement,
    batches: Statement,
    ledger: Statement,
    log: Statement,
}

impl Statements {
    pub(super) async fn of(client: &Client) -> Result<Self> {
        Ok(Self {
            orders: client.prepare(ORDERS).await?,
            events: client.prepare(EVENTS).await?,
            reservations: client.prepare(RESERVATIONS).await?,
            gateway_ids: client.prepare(GATEWAY_IDS).await?,
            batches: client.prepare(BATCHES).await?,
            ledger: client.prepare(LEDGER).await?,
            log: client.prepare(LOG).await?,
        })
    }
}

/// What the proof looks at.
pub(super) struct Snapshot<'a> {
    pub(super) client: &'a Client,
    pub(super) prepared: Statements,
}

impl<'a> Snapshot<'a> {
    async fn of(client: &'a Client) -> Result<Self> {
        Ok(Self { client, prepared: Statements::of(client).await? })
    }

    /// Rows as they come.
    async fn rows(
        &self,
        statement: &(impl ?Sized + ToStatement),
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Pin<Box<RowStream>>> {
        Ok(Box::pin(self.client.query_raw(statement, values.iter().copied()).await?))
    }
}

impl Evidence for Snapshot<'_> {
    type Error = Error;

    const BESIDES: &'static [(&'static str, Finds<'static>)] = &[
        (
            "I3",
            Finds::All(
                "SELECT 'numbering: its chain is not that of the newest batch' FROM numbering \
                 WHERE chain != coalesce((SELECT chain FROM batches ORDER BY id DESC LIMIT 1), \
                 decode(repeat('00', 32), 'hex'))",
            ),
        ),
        // Here a position is not the whole key of the ledger.
        (
            "I4",
            Finds::Of(
                Over::Movements,
                "SELECT 'movement ' || seq || ': ' || count(*) || ' times' FROM movements \
                 WHERE seq > $1 AND seq <= $2 GROUP BY seq HAVING count(*) > 1",
            ),
        ),
    ];

    async fn number(&mut self, sql: &str) -> Result<i64> {
        Ok(self.client.query_one(sql, &[]).await?.try_get(0)?)
    }

    async fn offenders(
        &mut self,
        sql: &str,
        span: Option<Span>,
        found: &mut Offenders,
    ) -> Result<()> {
        let mut rows = match &span {
            Some(span) => self.rows(sql, &[&span.after, &span.to]).await?,
            None => self.rows(sql, &[]).await?,
        };
        while let Some(row) = rows.try_next().await? {
            found.add(row.try_get(0)?);
        }
        Ok(())
    }

    async fn orders(&mut self, after: i64, most: i64) -> Result<Vec<OrderRow>> {
        let mut orders = Vec::new();
        let mut rows = self.rows(&self.prepared.orders, &[&after, &most]).await?;
        while let Some(row) = rows.try_next().await? {
            orders.push(OrderRow {
                id: row.try_get(0)?,
                status: row.try_get(1)?,
                version: row.try_get(2)?,
                last_event: row.try_get(3)?,
                customer_id: row.try_get(4)?,
                created_at: row.try_get(5)?,
            });
        }
        Ok(orders)
    }

    async fn told(
        &mut self,
        sql: &str,
        span: Span,
        tell: &mut (dyn FnMut(i64, &str, &str) + Send),
    ) -> Result<()> {
        let mut rows = self.rows(sql, &[&span.after, &span.to]).await?;
        while let Some(row) = rows.try_next().await? {
            tell(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        }
        Ok(())
    }

    async fn events(&mut self, seqs: &[i64], walk: &mut Walk) -> Result<()> {
        let mut rows = self.rows(&self.prepared.events, &[&seqs]).await?;
        while let Some(row) = rows.try_next().await? {
            walk.event(&event(&row)?);
        }
        Ok(())
    }

    async fn reservations(&mut self, ids: &[i64], walk: &mut Walk) -> Result<()> {
        let mut rows = self.rows(&self.prepared.reservations, &[&ids]).await?;
        while let Some(row) = rows.try_next().await? {
            walk.reservation(&ReservationRow {
                id: row.try_get(0)?,
                is_held: row.try_get(1)?,
                quantity: row.try_get(2)?,
                consumed: row.try_get(3)?,
                released: row.try_get(4)?,
            });
        }
        Ok(())
    }

    async fn gateway_ids(
        &mut self,
        names: &[&str],
        tell: &mut (dyn FnMut(&str, i64) + Send),
    ) -> Result<()> {
        let providers: Vec<&str> = Provider::ALL.iter().map(|one| one.as_str()).collect();
        let mut rows = self.rows(&self.prepared.gateway_ids, &[&providers, &names]).await?;
        while let Some(row) = rows.try_next().await? {
            tell(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(())
    }

    async fn batches(&mut self, after: i64, most: i64) -> Result<Vec<BatchRow>> {
        let mut batches = Vec::new();
        let mut rows = self.rows(&self.prepared.batches, &[&after, &most]).await?;
        while let Some(row) = rows.try_next().await? {
            batches.push(BatchRow {
                id: row.try_get(0)?,
                last_event: row.try_get(1)?,
                last_movement: row.try_get(2)?,
                chain: row.try_get(3)?,
            });
        }
        Ok(batches)
    }

    async fn ledger(&mut self, span: Span, links: &mut Links) -> Result<()> {
        let mut rows = self.rows(&self.prepared.ledger, &[&span.after, &span.to]).await?;
        while let Some(row) = rows.try_next().await? {
            let movement = codec::movement(&row).map_err(|error| error.to_string());
            links.movement(row.try_get(0)?, movement);
        }
        Ok(())
    }

    async fn log(&mut self, span: Span, links: &mut Links) -> Result<()> {
        let mut rows = self.rows(&self.prepared.log, &[&span.after, &span.to]).await?;
        while let Some(row) = rows.try_next().await? {
            links.event(&event(&row)?);
        }
        Ok(())
    }
}

fn event(row: &Row) -> Result<StoredEvent<'_>> {
    Ok(StoredEvent {
        seq: row.try_get(0)?,
        kind: row.try_get(1)?,
        subject: row.try_get(2)?,
        previous: row.try_get(3)?,
        actor: row.try_get(4)?,
        recorded_at: row.try_get(5)?,
        body: row.try_get(6)?,
    })
}
