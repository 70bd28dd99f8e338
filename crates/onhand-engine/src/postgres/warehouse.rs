//! Runs against the external warehouse, their rows and shortfalls: how they are loaded into the
//! state of decisions, and written as a batch leaves them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;
use onhand_core::State;
use onhand_core::ids::{LocationId, OrderId, ProductId};
use onhand_core::limits::SHORTFALL_ORDERS_MAX;
use onhand_core::warehouse::{Shortfall, Sync, SyncRow, WarehouseNeeds};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use super::codec::get;
use super::error::{Result, corrupt};
use super::load::{asked, numbers};
use super::rows::{Writes, parted};
use super::session::{Session, Value};
use super::shape::{Column, column, column_of};
use crate::limits::HOLDERS_WALK_MAX;
use crate::store::{Guarded, Rows};
use crate::stored::{stored_count, stored_version};

const SYNCS: &str = "SELECT document FROM syncs WHERE id = ANY($1::int8[])";
const OPEN_SYNC: &str = "SELECT document FROM syncs \
     WHERE status IN ('receiving', 'comparing', 'applying') ORDER BY id DESC LIMIT 1";
const OLD_SYNC: &str = "SELECT document FROM syncs WHERE rows_ended_at < $1::int8 \
     AND rows_ended_at IS NOT NULL ORDER BY rows_ended_at, id LIMIT 1";
const ROWS: &str = "SELECT document FROM sync_rows r JOIN (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) k(sync_id, number) ON r.sync_id = k.sync_id AND r.number = k.number";
const NEXT_ROWS: &str = "SELECT document FROM sync_rows WHERE sync_id = $1::int8 \
     AND number > $2::int8 ORDER BY number LIMIT $3::int8";
const NEXT_ROWS_OF_ACTION: &str = "SELECT document FROM sync_rows WHERE sync_id = $1::int8 \
     AND number > $2::int8 AND action = $4::text ORDER BY number LIMIT $3::int8";
const NAMED: &str = "SELECT r.document FROM (SELECT unnest($1::int8[]), unnest($2::int8[]), \
     unnest($3::int8[])) k(sync_id, product_id, location_id) CROSS JOIN LATERAL (SELECT document \
     FROM sync_rows WHERE sync_id = k.sync_id AND product_id = k.product_id \
     AND product_id IS NOT NULL AND location_id = k.location_id ORDER BY number LIMIT 1) r";
const LEVELS_AFTER: &str = "SELECT product_id FROM levels WHERE location_id = $1::int8 \
     AND product_id > $2::int8 ORDER BY product_id LIMIT $3::int8";
const SHORTFALLS: &str = "SELECT document FROM shortfalls s JOIN (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) k(product_id, location_id) ON s.product_id = k.product_id \
     AND s.location_id = k.location_id";
/// Walks a level's chain back to the newest movements that promised units, and looks which order's
/// event that was. An order comes as often as it took part; its newest movement counts.
const HOLDERS: &str = "WITH RECURSIVE walk AS ( \
     SELECT m.seq, m.kind, m.cause, m.previous, 1 AS steps FROM levels l \
     JOIN movements m ON m.seq = l.last_movement \
     WHERE l.product_id = $1::int8 AND l.location_id = $2::int8 UNION ALL \
     SELECT m.seq, m.kind, m.cause, m.previous, w.steps + 1 \
     FROM walk w JOIN movements m ON m.seq = w.previous WHERE w.steps < $3::int8) \
     SELECT e.subject FROM walk w JOIN events e ON e.seq = w.cause WHERE w.kind = 'reserved' \
     AND (e.kind LIKE 'order.%' OR e.kind LIKE 'payment.%') \
     GROUP BY e.subject ORDER BY max(w.seq) DESC LIMIT $4::int8";

/// Loads the rows that are named into the state. One without such needs asks nothing.
pub(super) async fn load(
    session: &Session,
    needs: &WarehouseNeeds,
    state: &mut State,
) -> Result<()> {
    if *needs == WarehouseNeeds::default() {
        return Ok(());
    }
    // On the heap: nearly no batch needs this, and each would have to find room for it.
    Box::pin(load_all(session, needs, state)).await
}

async fn load_all(session: &Session, needs: &WarehouseNeeds, state: &mut State) -> Result<()> {
    load_syncs(session, needs, state).await?;
    load_rows(session, needs, state).await?;
    for (place, most) in &needs.levels_after {
        let values: [Value<'_>; 3] = [
            Box::new(place.location_id.number()),
            Box::new(place.after.map_or(0, ProductId::number)),
            Box::new(stored_count(*most)),
        ];
        let mut ids = Vec::new();
        for row in session.rows(LEVELS_AFTER, &values).await? {
            ids.extend(ProductId::new(get(&row, "levels", 0)?));
        }
        state.load_levels_after(*place, ids);
    }
    let keys = &needs.shortfalls;
    let values = vec![numbers(keys, |key| key.0.number()), numbers(keys, |key| key.1.number())];
    let rows = asked(session, !keys.is_empty(), SHORTFALLS, values).await?;
    let rows: Vec<Shortfall> = documents("shortfalls", &rows)?;
    let found = rows.into_iter().map(|row| ((row.product_id, row.location_id), row));
    let mut found: BTreeMap<_, _> = found.collect();
    for key in keys {
        state.load_shortfall(*key, found.remove(key));
    }
    let asked = needs.holders.iter().map(|key| holders(session, *key));
    for (key, orders) in needs.holders.iter().zip(try_join_all(asked).await?) {
        state.load_holders(*key, orders);
    }
    Ok(())
}

async fn load_syncs(session: &Session, needs: &WarehouseNeeds, state: &mut State) -> Result<()> {
    let ids = vec![numbers(&needs.syncs, |id| id.number())];
    let rows = asked(session, !needs.syncs.is_empty(), SYNCS, ids).await?;
    let rows: Vec<Sync> = documents("syncs", &rows)?;
    let mut found: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    for id in &needs.syncs {
        state.load_sync(*id, found.remove(id));
    }
    if needs.open_sync {
        let rows = session.rows(OPEN_SYNC, &[]).await?;
        state.load_open_sync(documents("syncs", &rows)?.pop());
    }
    if let Some(before) = needs.old_sync {
        let rows = session.rows(OLD_SYNC, &[Box::new(before.as_microsecond())]).await?;
        state.load_old_sync(documents("syncs", &rows)?.pop());
    }
    Ok(())
}

async fn load_rows(session: &Session, needs: &WarehouseNeeds, state: &mut State) -> Result<()> {
    let keys = &needs.rows;
    let values = vec![numbers(keys, |key| key.0.number()), numbers(keys, |key| i64::from(key.1))];
    let rows = asked(session, !keys.is_empty(), ROWS, values).await?;
    let rows: Vec<SyncRow> = documents("sync_rows", &rows)?;
    let mut found: BTreeMap<_, _> =
        rows.into_iter().map(|row| ((row.sync_id, row.row), row)).collect();
    for key in keys {
        state.load_sync_row(*key, found.remove(key));
    }
    for ((id, action, after), most) in &needs.next_rows {
        let mut values: Vec<Value<'_>> =
            vec![Box::new(id.number()), Box::new(i64::from(*after)), Box::new(stored_count(*most))];
        let sql = match action {
            Some(action) => {
                values.push(Box::new(action.as_str()));
                NEXT_ROWS_OF_ACTION
            }
            None => NEXT_ROWS,
        };
        let rows = session.rows(sql, &values).await?;
        state.load_next_sync_rows((*id, *action, *after), documents("sync_rows", &rows)?);
    }
    let keys = &needs.named;
    let values = vec![
        numbers(keys, |key| key.0.number()),
        numbers(keys, |key| key.1.number()),
        numbers(keys, |key| key.2.number()),
    ];
    let rows = asked(session, !keys.is_empty(), NAMED, values).await?;
    let rows: Vec<SyncRow> = documents("sync_rows", &rows)?;
    let place = |row: SyncRow| {
        row.place().map(|(product, location)| ((row.sync_id, product, location), row))
    };
    let mut found: BTreeMap<_, _> = rows.into_iter().filter_map(place).collect();
    for key in keys {
        state.load_named_sync_row(*key, found.remove(key));
    }
    Ok(())
}

async fn holders(
    session: &Session,
    (product_id, location_id): (ProductId, LocationId),
) -> Result<Vec<OrderId>> {
    let values: [Value<'_>; 4] = [
        Box::new(product_id.number()),
        Box::new(location_id.number()),
        Box::new(i64::try_from(HOLDERS_WALK_MAX).unwrap_or(i64::MAX)),
        Box::new(stored_count(SHORTFALL_ORDERS_MAX)),
    ];
    let mut orders = Vec::new();
    for row in session.rows(HOLDERS, &values).await? {
        orders.extend(OrderId::new(get(&row, "events", 0)?));
    }
    Ok(orders)
}

fn documents<T: DeserializeOwned>(table: &'static str, rows: &[Row]) -> Result<Vec<T>> {
    let read = |row: &Row| {
        let text: &str = get(row, table, 0)?;
        serde_json::from_str(text).map_err(|error| corrupt(table, error))
    };
    rows.iter().map(read).collect()
}

/// Rows as texts, in their order.
fn texts<'a, T: Serialize + 'a>(
    table: &'static str,
    rows: impl Iterator<Item = &'a T>,
) -> Result<Vec<String>> {
    let text = |row| serde_json::to_string(row).map_err(|error| corrupt(table, error));
    rows.map(text).collect()
}

impl<'a> Writes<'a> {
    /// Runs, rows and shortfalls as a batch leaves them.
    pub(super) fn warehouse(&mut self, rows: &'a Rows) -> Result<()> {
        self.syncs(rows)?;
        self.sync_rows(rows)?;
        self.shortfalls(rows)
    }

    fn syncs(&mut self, rows: &'a Rows) -> Result<()> {
        let (new, changed) = parted(rows.warehouse.syncs.values());
        let of_new = texts("syncs", new.iter().map(|row| &***row))?;
        let of_changed = texts("syncs", changed.iter().map(|(_, row)| &**row))?;
        self.add("syncs", INSERT_SYNCS, new.len(), || sync_values(&new, of_new));
        self.guarded("syncs", UPDATE_SYNCS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = sync_values(&rows, of_changed);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }

    /// One that was made and forgotten within the batch was never there.
    fn sync_rows(&mut self, rows: &'a Rows) -> Result<()> {
        let (mut gone, mut new, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for ((id, number), (stored, row)) in &rows.warehouse.rows {
            match row {
                Some(row) if *stored == 0 => new.push(row),
                Some(row) => changed.push((*stored, row)),
                None if *stored == 0 => {}
                None => gone.push((id.number(), i64::from(*number), stored_version(*stored))),
            }
        }
        self.guarded("sync_rows", DELETE_ROWS, gone.len(), || {
            vec![column(&gone, |row| row.0), column(&gone, |row| row.1), column(&gone, |row| row.2)]
        });
        let of_new = texts("sync_rows", new.iter().copied())?;
        let of_changed = texts("sync_rows", changed.iter().map(|(_, row)| *row))?;
        self.add("sync_rows", INSERT_ROWS, new.len(), || {
            let mut values = row_values(&new, of_new);
            values.push(column(&new, |row| row.product_id.map(ProductId::number)));
            values.push(column(&new, |row| row.location_id.map(LocationId::number)));
            values
        });
        self.guarded("sync_rows", UPDATE_ROWS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| *row).collect();
            let mut values = row_values(&rows, of_changed);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }

    /// One that was opened and closed within the batch was never there.
    fn shortfalls(&mut self, rows: &'a Rows) -> Result<()> {
        let all = rows.warehouse.shortfalls.values();
        let (gone, kept): (Vec<_>, Vec<_>) = all.partition(|(_, row)| row.missing == 0);
        let gone: Vec<_> = gone.into_iter().filter(|(stored, _)| *stored > 0).collect();
        self.guarded("shortfalls", DELETE_SHORTFALLS, gone.len(), || {
            vec![
                column(&gone, |(_, row)| row.product_id.number()),
                column(&gone, |(_, row)| row.location_id.number()),
                column(&gone, |(stored, _)| stored_version(*stored)),
            ]
        });
        let (new, changed): (Vec<&Guarded<Shortfall>>, Vec<_>) =
            kept.into_iter().partition(|(stored, _)| *stored == 0);
        let of_new = texts("shortfalls", new.iter().map(|(_, row)| row))?;
        let of_changed = texts("shortfalls", changed.iter().map(|(_, row)| row))?;
        self.add("shortfalls", INSERT_SHORTFALLS, new.len(), || shortfall_values(&new, of_new));
        self.guarded("shortfalls", UPDATE_SHORTFALLS, changed.len(), || {
            let mut values = shortfall_values(&changed, of_changed);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }
}

const INSERT_SYNCS: &str = "INSERT INTO syncs (id, status, rows_ended_at, version, document) \
     SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), unnest($4::int8[]), \
     unnest($5::text[])";
const UPDATE_SYNCS: &str = "UPDATE syncs t SET status = v.status, rows_ended_at = \
     v.rows_ended_at, version = v.version, document = v.document FROM (SELECT \
     unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), unnest($4::int8[]), \
     unnest($5::text[]), unnest($6::int8[])) v(id, status, rows_ended_at, version, document, \
     stored) WHERE t.id = v.id AND t.version = v.stored";
const INSERT_ROWS: &str = "INSERT INTO sync_rows (sync_id, number, action, version, document, \
     movement, product_id, location_id) SELECT unnest($1::int8[]), unnest($2::int8[]), \
     unnest($3::text[]), unnest($4::int8[]), unnest($5::text[]), unnest($6::int8[]), \
     unnest($7::int8[]), unnest($8::int8[])";
const UPDATE_ROWS: &str = "UPDATE sync_rows t SET action = v.action, version = \
     v.version, document = v.document, movement = v.movement FROM (SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::text[]), unnest($4::int8[]), unnest($5::text[]), \
     unnest($6::int8[]), unnest($7::int8[])) v(sync_id, number, action, version, document, \
     movement, stored) WHERE t.sync_id = v.sync_id AND t.number = v.number \
     AND t.version = v.stored";
const DELETE_ROWS: &str = "DELETE FROM sync_rows t USING (SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::int8[])) v(sync_id, number, stored) \
     WHERE t.sync_id = v.sync_id AND t.number = v.number AND t.version = v.stored";
const INSERT_SHORTFALLS: &str = "INSERT INTO shortfalls (product_id, location_id, version, \
     document) SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), \
     unnest($4::text[])";
const UPDATE_SHORTFALLS: &str = "UPDATE shortfalls t SET version = v.version, \
     document = v.document FROM (SELECT unnest($1::int8[]), unnest($2::int8[]), \
     unnest($3::int8[]), unnest($4::text[]), unnest($5::int8[])) v(product_id, location_id, \
     version, document, stored) WHERE t.product_id = v.product_id \
     AND t.location_id = v.location_id AND t.version = v.stored";
const DELETE_SHORTFALLS: &str = "DELETE FROM shortfalls t USING (SELECT \
     unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[])) v(product_id, location_id, \
     stored) WHERE t.product_id = v.product_id AND t.location_id = v.location_id \
     AND t.version = v.stored";

fn sync_values<'a>(rows: &[&'a Arc<Sync>], documents: Vec<String>) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.status.as_str()),
        column(rows, |row| row.rows_ended_at().map(|at| at.as_microsecond())),
        column(rows, |row| stored_version(row.version)),
        column_of(documents),
    ]
}

fn row_values<'a>(rows: &[&'a SyncRow], documents: Vec<String>) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.sync_id.number()),
        column(rows, |row| i64::from(row.row)),
        column(rows, |row| row.action.as_str()),
        column(rows, |row| stored_version(row.version)),
        column_of(documents),
        column(rows, |row| row.movement),
    ]
}

fn shortfall_values<'a>(
    rows: &[&'a Guarded<Shortfall>],
    documents: Vec<String>,
) -> Vec<Column<'a>> {
    vec![
        column(rows, |(_, row)| row.product_id.number()),
        column(rows, |(_, row)| row.location_id.number()),
        column(rows, |(_, row)| stored_version(row.version)),
        column_of(documents),
    ]
}
