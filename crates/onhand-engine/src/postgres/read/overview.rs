//! What was ordered lately, and what happened last. All instants are searched for in one statement,
//! by ids, which grow with them; no row is counted.

use deadpool_postgres::GenericClient;
use onhand_core::Timestamp;

use super::super::codec::{self, get};
use super::super::error::Result;
use super::super::readers::{Reader, listed, rows};
use super::number;
use crate::chain::number_of;
use crate::paging::{bounds, filtered_page, scan_floor};
use crate::query::{EventRow, LogFilter, Page, ReadError, Trade};

/// The first order that was placed at each of these instants or later; where there is none, the
/// next id.
const FIRST_PLACED: &str = "WITH RECURSIVE search (at, low, high) AS ( \
     SELECT at, 1::int8, $2::int8 + 1 FROM unnest($1::int8[]) at \
     UNION ALL SELECT at, CASE WHEN is_before THEN middle + 1 ELSE low END, \
     CASE WHEN is_before THEN high ELSE middle END FROM ( \
     SELECT at, low, high, (low + high) / 2 AS middle, coalesce((SELECT o.created_at FROM orders o \
     WHERE o.id >= (low + high) / 2 ORDER BY o.id LIMIT 1) < at, false) AS is_before \
     FROM search WHERE low < high) step) \
     SELECT low FROM search WHERE low = high ORDER BY at";
const SAMPLE: &str = "SELECT e.body FROM orders o JOIN events e ON e.seq = o.last_event \
     WHERE o.id = ANY($1) ORDER BY o.id";
const LOG: &str = "SELECT seq, kind, actor, recorded_at, body FROM events WHERE seq < $1 \
     AND seq >= $2 AND ($3::text[] IS NULL OR kind = ANY($3)) AND ($4::text IS NULL OR actor = $4) \
     AND ($5::int8 IS NULL OR subject = $5) ORDER BY seq DESC LIMIT $6";

impl Reader {
    /// What was ordered between each two of these instants.
    pub(crate) async fn trade(
        &self,
        bounds: &[Timestamp],
        most: usize,
    ) -> std::result::Result<Trade, ReadError> {
        listed!(self, client => trade(client, bounds, most))
    }

    /// A page of the log, newest first.
    pub(crate) async fn log(
        &self,
        filter: &LogFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<EventRow>, ReadError> {
        listed!(self, client => log(client, filter, before, limit))
    }
}

async fn trade(client: &impl GenericClient, bounds: &[Timestamp], most: usize) -> Result<Trade> {
    let newest = number(client, "SELECT coalesce(max(id), 0) FROM orders").await?;
    let bounds: Vec<_> = bounds.iter().map(|at| at.as_microsecond()).collect();
    let found = rows(client, FIRST_PLACED, &[&bounds, &newest]).await?;
    let firsts = found.iter().map(|row| get(row, "orders", 0)).collect::<Result<Vec<i64>>>()?;
    let [Some(first), Some(end)] = [firsts.first(), firsts.last()] else {
        return Ok(Trade::default());
    };
    let ids = Trade::sampled(*first, *end, most);
    let found = rows(client, SAMPLE, &[&ids]).await?;
    let sample = found.iter().map(|row| codec::order(row, 0)).collect::<Result<Vec<_>>>()?;
    Ok(Trade { placed: Trade::between(&firsts), sample })
}

async fn log(
    client: &impl GenericClient,
    filter: &LogFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<EventRow>> {
    let newest = number(client, "SELECT coalesce(max(seq), 0) FROM events").await?;
    let [before, most] = bounds(before, limit);
    let before = before.min(newest.saturating_add(1));
    let floor = scan_floor(before);
    let actor = filter.actor.as_ref().map(|actor| actor.stored().into_owned());
    let (kinds, subject) = (filter.kinds(), filter.subject.map(number_of));
    let values = &[&before as _, &floor as _, &kinds as _, &actor as _, &subject as _, &most as _];
    let found = rows(client, LOG, values).await?;
    let rows = found.iter().map(codec::event).collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(rows, limit, floor, |row| row.seq))
}
