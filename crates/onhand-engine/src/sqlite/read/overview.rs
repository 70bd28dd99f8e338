//! What was ordered lately, and what happened last. A search for an instant goes by ids, which grow
//! with it; no row is counted.

use onhand_core::Timestamp;
use onhand_core::ids::OrderId;
use rusqlite::{Connection, Result, params};

use super::super::load;
use super::super::readers::Reader;
use super::events::event_row;
use super::number;
use super::orders::first_placed_at;
use crate::chain::number_of;
use crate::paging::{bounds, filtered_page, scan_floor};
use crate::query::{EventRow, LogFilter, Page, ReadError, Trade};

impl Reader {
    /// What was ordered between each two of these instants.
    pub(crate) async fn trade(
        &self,
        bounds: Vec<Timestamp>,
        most: usize,
    ) -> std::result::Result<Trade, ReadError> {
        self.read(move |view| trade(view.connection, &bounds, most)).await
    }

    /// A page of the log, newest first.
    pub(crate) async fn log(
        &self,
        filter: LogFilter,
        before: Option<i64>,
        limit: usize,
    ) -> std::result::Result<Page<EventRow>, ReadError> {
        self.read(move |view| log(view.connection, &filter, before, limit)).await
    }
}

fn trade(connection: &Connection, bounds: &[Timestamp], most: usize) -> Result<Trade> {
    let newest = number(connection, "SELECT coalesce(max(id), 0) FROM orders")?;
    let firsts = bounds.iter().map(|at| first_placed_at(connection, *at, newest));
    let firsts = firsts.collect::<Result<Vec<_>>>()?;
    let [Some(first), Some(end)] = [firsts.first(), firsts.last()] else {
        return Ok(Trade::default());
    };
    let mut sample = Vec::new();
    for id in Trade::sampled(*first, *end, most).into_iter().filter_map(OrderId::new) {
        sample.extend(load::order(connection, id)?);
    }
    Ok(Trade { placed: Trade::between(&firsts), sample })
}

fn log(
    connection: &Connection,
    filter: &LogFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Page<EventRow>> {
    let newest = number(connection, "SELECT coalesce(max(seq), 0) FROM events")?;
    let [before, most] = bounds(before, limit);
    let before = before.min(newest.saturating_add(1));
    let floor = scan_floor(before);
    let kinds = filter.kinds().map(|kinds| format!(",{},", kinds.join(",")));
    let actor = filter.actor.as_ref().map(|actor| actor.stored().into_owned());
    let subject = filter.subject.map(number_of);
    let rows = connection
        .prepare_cached(
            "SELECT seq, kind, actor, recorded_at, body FROM events WHERE seq < ?1 AND seq >= ?2 \
             AND (?3 IS NULL OR instr(?3, ',' || kind || ',') > 0) AND (?4 IS NULL OR actor = ?4) \
             AND (?5 IS NULL OR subject = ?5) ORDER BY seq DESC LIMIT ?6",
        )?
        .query_map(params![before, floor, kinds, actor, subject, most], event_row)?
        .collect::<Result<Vec<_>>>()?;
    Ok(filtered_page(rows, limit, floor, |row| row.seq))
}
