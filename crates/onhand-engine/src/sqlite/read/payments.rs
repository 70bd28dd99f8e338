//! Payments: what is owed about them, and messages that nobody knows what to do with. A payment
//! itself is in its order (`orders.rs`).

use onhand_core::Timestamp;
use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::text::GatewayId;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::super::readers::Reader;
use super::super::{codec, payments};
use crate::columns::*;
use crate::limits::{PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::paging::{bounds, page, page_up_to};
use crate::query::{Page, ReadError};
use crate::stored::stored_count;

impl Reader {
    /// What is owed about the payment of an order.
    pub(crate) async fn effect(&self, id: OrderId) -> Result<Option<Effect>, ReadError> {
        self.read(move |view| payments::effect(view.connection, id)).await
    }

    /// The order about which an object of a gateway is.
    pub(crate) async fn order_of_gateway_id(
        &self,
        provider: Provider,
        id: GatewayId,
    ) -> Result<Option<OrderId>, ReadError> {
        self.read(move |view| payments::order_of(view.connection, &(provider, id))).await
    }

    /// A page of effects, that of the newest order first.
    pub(crate) async fn effects(
        &self,
        state: Option<EffectState>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<Effect>, ReadError> {
        self.read(move |view| {
            let mut select = view.connection.prepare_cached(effects_in(state))?;
            let rows = select.query_map(bounds(before, limit), codec::effect)?;
            Ok(page(rows.collect::<Result<Vec<_>>>()?, limit, |row| row.order_id.number()))
        })
        .await
    }

    /// A page of messages that wait for their order, newest first.
    pub(crate) async fn unmatched_notices(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<KeptNotice>, ReadError> {
        self.read(move |view| {
            let mut select = view.connection.prepare_cached(concat!(
                "SELECT ",
                notice_columns!(),
                " FROM notices INDEXED BY notices_unmatched WHERE order_id IS NULL \
                 AND seen IS NOT NULL AND id < ?1 ORDER BY id DESC LIMIT ?2"
            ))?;
            let rows = select.query_map(bounds(before, limit), codec::notice)?;
            Ok(page(rows.collect::<Result<Vec<_>>>()?, limit, |row| row.id.number()))
        })
        .await
    }

    /// A page of what has been owed since before an instant, with the orders, oldest order first.
    pub(crate) async fn open_payments(
        &self,
        older_than: Timestamp,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Page<(Effect, Order)>, ReadError> {
        self.read(move |view| open_payments(view.connection, older_than, after, limit)).await
    }
}

fn effects_in(state: Option<EffectState>) -> &'static str {
    macro_rules! effects {
        ($also:literal) => {
            concat!(
                "SELECT ",
                effect_columns!(),
                " FROM effects WHERE order_id < ?1",
                $also,
                " ORDER BY order_id DESC LIMIT ?2"
            )
        };
    }
    match state {
        None => effects!(""),
        Some(EffectState::Waiting) => effects!(" AND state = 'waiting'"),
        Some(EffectState::Dead) => effects!(" AND state = 'dead'"),
        Some(EffectState::Done) => effects!(" AND state = 'done'"),
    }
}

fn open_payments(
    connection: &Connection,
    older_than: Timestamp,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<(Effect, Order)>> {
    let after = after.unwrap_or(0);
    let end: Option<i64> = connection
        .prepare_cached(
            "SELECT order_id FROM effects WHERE order_id > ?1 ORDER BY order_id LIMIT 1 OFFSET ?2",
        )?
        .query_row([after, stored_count(SCAN_ROWS_MAX)], |row| row.get(0))
        .optional()?;
    let mut select = connection.prepare_cached(concat!(
        "SELECT x.*, e.body FROM (SELECT ",
        effect_columns!(),
        " FROM effects WHERE order_id > ?1 AND order_id <= ?2 AND created_at < ?3 \
         ORDER BY order_id LIMIT ?4) x LEFT JOIN orders o ON o.id = x.order_id \
         LEFT JOIN events e ON e.seq = o.last_event ORDER BY x.order_id"
    ))?;
    let most = stored_count(limit.min(PAGE_ROWS_MAX)) + 1;
    let values = params![after, end.unwrap_or(i64::MAX), older_than.as_microsecond(), most];
    let rows = select
        .query_map(values, |row| Ok((codec::effect(row)?, codec::order_in(row, EFFECT_COLUMNS)?)))?
        .collect::<Result<Vec<_>>>()?;
    Ok(page_up_to(rows, limit, end, |(effect, _)| effect.order_id.number()))
}
