//! Payments: what is owed about them, and messages that nobody knows what to do with. A payment
//! itself is in its order (`orders.rs`).

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;
use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::OrderId;
use onhand_core::orders::Order;
use onhand_core::payments::{KeptNotice, Provider};
use onhand_core::text::GatewayId;

use super::super::codec::{self, get};
use super::super::error::Result;
use super::super::readers::{Reader, listed, one, row, rows};
use crate::columns::*;
use crate::limits::{PAGE_ROWS_MAX, SCAN_ROWS_MAX};
use crate::paging::{bounds, page, page_up_to};
use crate::query::{Page, ReadError};
use crate::stored::stored_count;

macro_rules! effects {
    ($also:literal) => {
        concat!(
            "SELECT ",
            effect_columns!(),
            " FROM effects WHERE order_id < $1",
            $also,
            " ORDER BY order_id DESC LIMIT $2"
        )
    };
}

const OF_GATEWAY_ID: &str =
    "SELECT order_id FROM gateway_ids WHERE provider = $1 AND gateway_id = $2";
const EFFECT: &str = concat!("SELECT ", effect_columns!(), " FROM effects WHERE order_id = $1");
const UNMATCHED: &str = concat!(
    "SELECT ",
    notice_columns!(),
    " FROM notices WHERE order_id IS NULL AND seen IS NOT NULL AND id < $1 \
     ORDER BY id DESC LIMIT $2"
);
/// Up to where one page looks; none when that is to the end.
const END: &str =
    "SELECT order_id FROM effects WHERE order_id > $1 ORDER BY order_id LIMIT 1 OFFSET $2";
const OPEN_PAYMENTS: &str = concat!(
    "SELECT x.*, e.body FROM (SELECT ",
    effect_columns!(),
    " FROM effects WHERE order_id > $1 AND order_id <= $2 AND created_at < $3 \
     ORDER BY order_id LIMIT $4) x LEFT JOIN orders o ON o.id = x.order_id \
     LEFT JOIN events e ON e.seq = o.last_event ORDER BY x.order_id"
);

impl Reader {
    /// The order about which an object of a gateway is.
    pub(crate) async fn order_of_gateway_id(
        &self,
        provider: Provider,
        id: &GatewayId,
    ) -> std::result::Result<Option<OrderId>, ReadError> {
        one!(self, client => async {
            let found = row(client, OF_GATEWAY_ID, &[&provider.as_str(), &id.as_str()]).await?;
            let order = found.map(|row| get::<i64>(&row, "gateway_ids", 0)).transpose()?;
            Ok(order.and_then(OrderId::new))
        })
    }

    /// What is owed about the payment of an order.
    pub(crate) async fn effect(
        &self,
        id: OrderId,
    ) -> std::result::Result<Option<Effect>, ReadError> {
        one!(self, client => async {
            row(client, EFFECT, &[&id.number()]).await?.as_ref().map(codec::effect).transpose()
        })
    }

    /// A page of effects, that of the newest order first.
    pub(crate) async fn effects(
        &self,
        state: Option<EffectState>,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<Effect>, ReadError> {
        let sql = match state {
            None => effects!(""),
            Some(EffectState::Waiting) => effects!(" AND state = 'waiting'"),
            Some(EffectState::Dead) => effects!(" AND state = 'dead'"),
            Some(EffectState::Done) => effects!(" AND state = 'done'"),
        };
        let [before, most] = bounds(before, limit);
        let found: std::result::Result<_, ReadError> = listed!(self, client => async {
            let found = rows(client, sql, &[&before, &most]).await?;
            found.iter().map(codec::effect).collect::<Result<Vec<_>>>()
        });
        Ok(page(found?, limit, |effect| effect.order_id.number()))
    }

    /// A page of messages that wait for their order, newest first.
    pub(crate) async fn unmatched_notices(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<KeptNotice>, ReadError> {
        let [before, most] = bounds(before, limit);
        let found: std::result::Result<_, ReadError> = listed!(self, client => async {
            let found = rows(client, UNMATCHED, &[&before, &most]).await?;
            found.iter().map(codec::notice).collect::<Result<Vec<_>>>()
        });
        Ok(page(found?, limit, |notice| notice.id.number()))
    }

    /// A page of what has been owed since before an instant, with the orders, oldest order first.
    pub(crate) async fn open_payments(
        &self,
        older_than: Timestamp,
        after: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<(Effect, Order)>, ReadError> {
        listed!(self, client => open_payments(client, older_than, after, limit))
    }
}

async fn open_payments(
    client: &impl GenericClient,
    older_than: Timestamp,
    after: Option<i64>,
    limit: usize,
) -> Result<Page<(Effect, Order)>> {
    let after = after.unwrap_or(0);
    let end = row(client, END, &[&after, &stored_count(SCAN_ROWS_MAX)]).await?;
    let end: Option<i64> = end.map(|row| get(&row, "effects", 0)).transpose()?;
    let most = stored_count(limit.min(PAGE_ROWS_MAX)) + 1;
    let to = end.unwrap_or(i64::MAX);
    let values = [&after as _, &to as _, &older_than.as_microsecond() as _, &most as _];
    let mut found = Vec::new();
    for row in rows(client, OPEN_PAYMENTS, &values).await? {
        found.push((codec::effect(&row)?, codec::order(&row, EFFECT_COLUMNS)?));
    }
    Ok(page_up_to(found, limit, end, |(effect, _)| effect.order_id.number()))
}
