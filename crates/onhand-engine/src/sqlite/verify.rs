//! `verify`: proves on a live database that the numbers are right. Each invariant of reliability.md
//! that exists so far is one check: the rows it looks at, and the ones that break it. Reads one
//! snapshot and never repairs.

use std::path::Path;

use onhand_core::events::EventBody;
use onhand_core::ids::CustomerId;
use onhand_core::orders::{Order, Status, TRANSITIONS};
use rusqlite::{Connection, Result, Row};

use super::codec;
use super::levels::RecentLevels;
use super::{OpenError, lists, open_reader, rows};
use crate::chain::{Chain, FIRST_LINK};
use crate::columns::*;
use crate::report::{Check, OFFENDERS_MAX, Report, Violation};

/// An invariant as SQL: how many rows there are, and the rows that break it as text.
struct Rule {
    id: &'static str,
    promise: &'static str,
    is_quick: bool,
    rows: &'static str,
    offenders: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        id: "I3",
        promise: "batches are dense and end where their logs end",
        is_quick: true,
        rows: "SELECT count(*) FROM batches",
        offenders: "SELECT 'batch ' || b.id FROM batches b LEFT JOIN batches p ON p.id = b.id - 1 \
             WHERE (b.id > 1 AND p.id IS NULL) OR p.last_event > b.last_event \
             OR p.last_movement > b.last_movement \
             UNION ALL SELECT 'numbering: batch ' || batch FROM numbering \
             WHERE batch != (SELECT coalesce(max(id), 0) + 1 FROM batches) \
             UNION ALL SELECT 'newest batch ends at event ' || last_event FROM batches \
             WHERE id = (SELECT max(id) FROM batches) \
             AND (last_event != (SELECT coalesce(max(seq), 0) FROM events) \
             OR last_movement != (SELECT coalesce(max(seq), 0) FROM movements))",
    },
    Rule {
        id: "I4",
        promise: "ledger and event log have no gaps",
        is_quick: true,
        rows: "SELECT (SELECT count(*) FROM movements) + (SELECT count(*) FROM events)",
        offenders: "SELECT 'gap before movement ' || seq FROM movements m WHERE seq > 1 \
             AND NOT EXISTS (SELECT 1 FROM movements p WHERE p.seq = m.seq - 1) \
             UNION ALL SELECT 'gap before event ' || seq FROM events e WHERE seq > 1 \
             AND NOT EXISTS (SELECT 1 FROM events p WHERE p.seq = e.seq - 1) \
             UNION ALL SELECT 'numbering: movement ' || movement || ', event ' || event \
             FROM numbering WHERE movement != (SELECT coalesce(max(seq), 0) + 1 FROM movements) \
             OR event != (SELECT coalesce(max(seq), 0) + 1 FROM events)",
    },
    Rule {
        id: "I6",
        promise: "each level is what its newest movement left and what its totals add up to",
        is_quick: true,
        rows: "SELECT count(*) FROM levels",
        offenders: "SELECT 'level prd_' || l.product_id || ' at loc_' || l.location_id \
             FROM levels l LEFT JOIN movements m ON m.seq = l.last_movement \
             WHERE l.on_hand != l.received + l.sold + l.returned + l.adjusted + l.counted \
             + l.transferred OR (l.last_movement > 0 AND (m.seq IS NULL \
             OR m.product_id != l.product_id OR m.location_id != l.location_id \
             OR m.on_hand_after != l.on_hand OR m.reserved_after != l.reserved \
             OR m.ordinal != l.movements)) \
             OR (l.last_movement = 0 AND (l.on_hand != 0 OR l.reserved != 0))",
    },
    Rule {
        id: "I6a",
        promise: "levels are the sums of the ledger",
        is_quick: false,
        rows: "SELECT count(*) FROM movements",
        offenders: "SELECT 'prd_' || product_id || ' at loc_' || location_id || ': level ' \
             || coalesce(on_hand, 'missing') || ', ledger ' || ledger FROM ( \
             SELECT m.product_id, m.location_id, sum(m.delta_on_hand) AS ledger, \
             sum(m.delta_reserved) AS promised, count(*) AS entries, l.on_hand, l.reserved, \
             l.movements FROM movements m LEFT JOIN levels l ON l.product_id = m.product_id \
             AND l.location_id = m.location_id GROUP BY m.product_id, m.location_id) \
             WHERE on_hand IS NULL OR on_hand != ledger OR reserved != promised \
             OR movements != entries",
    },
    Rule {
        id: "I6b",
        promise: "each movement continues its level's chain and has a cause",
        is_quick: false,
        rows: "SELECT count(*) FROM movements",
        offenders: "SELECT 'movement ' || m.seq FROM movements m \
             LEFT JOIN movements p ON p.seq = m.previous LEFT JOIN events e ON e.seq = m.cause \
             WHERE e.seq IS NULL OR m.previous >= m.seq \
             OR m.on_hand_after != coalesce(p.on_hand_after, 0) + m.delta_on_hand \
             OR m.reserved_after != coalesce(p.reserved_after, 0) + m.delta_reserved \
             OR m.ordinal != coalesce(p.ordinal, 0) + 1 \
             OR (m.previous > 0 AND (p.seq IS NULL OR p.product_id != m.product_id \
             OR p.location_id != m.location_id))",
    },
    Rule {
        id: "I7",
        promise: "reserved is the sum of the open reservations",
        is_quick: true,
        rows: "SELECT count(*) FROM reservations WHERE state = 'held'",
        offenders: "SELECT 'prd_' || product_id || ' at loc_' || location_id || ': reserved ' \
             || sum(reserved) || ', open ' || sum(open) FROM ( \
             SELECT product_id, location_id, reserved, 0 AS open FROM levels UNION ALL \
             SELECT product_id, location_id, 0, quantity - consumed - released \
             FROM reservations WHERE state = 'held') \
             GROUP BY product_id, location_id HAVING sum(reserved) != sum(open)",
    },
    Rule {
        id: "I8",
        promise: "nothing is promised that is not there; no figure is negative",
        is_quick: true,
        rows: "SELECT count(*) FROM levels",
        offenders: "SELECT 'prd_' || product_id || ' at loc_' || location_id FROM levels \
             WHERE on_hand < reserved OR reserved < 0 OR safety_stock < 0",
    },
    Rule {
        id: "I17",
        promise: "recorded time never goes back; nothing happened after it was recorded",
        is_quick: false,
        rows: "SELECT (SELECT count(*) FROM movements) + (SELECT count(*) FROM events)",
        offenders: "SELECT 'movement ' || m.seq FROM movements m LEFT JOIN movements p \
             ON p.seq = m.seq - 1 WHERE p.recorded_at > m.recorded_at \
             OR m.occurred_at > m.recorded_at + 60000000 \
             UNION ALL SELECT 'event ' || e.seq FROM events e JOIN events p ON p.seq = e.seq - 1 \
             WHERE p.recorded_at > e.recorded_at",
    },
    Rule {
        id: "I18",
        promise: "each total is the sum of its lines",
        is_quick: false,
        rows: "SELECT count(*) FROM orders",
        offenders: "SELECT 'ord_' || o.id FROM orders o JOIN events e ON e.seq = o.last_event \
             WHERE (e.body ->> '$.order.total') != (SELECT \
             sum((value ->> 'unit_price') * (value ->> 'quantity')) \
             FROM json_each(e.body, '$.order.lines'))",
    },
    Rule {
        id: "I19",
        promise: "lines have at least one unit and no negative price",
        is_quick: false,
        rows: "SELECT count(*) FROM orders",
        offenders: "SELECT 'ord_' || o.id FROM orders o JOIN events e ON e.seq = o.last_event, \
             json_each(e.body, '$.order.lines') \
             WHERE (value ->> 'quantity') < 1 OR (value ->> 'unit_price') < 0 GROUP BY o.id",
    },
    Rule {
        id: "I20",
        promise: "open promises of orders belong to open orders and cover what has not left",
        is_quick: false,
        rows: "SELECT count(*) FROM orders",
        offenders: "SELECT 'res_' || r.id || ' of ord_' || r.order_id FROM reservations r \
             LEFT JOIN orders o ON o.id = r.order_id WHERE r.state = 'held' \
             AND r.order_id IS NOT NULL AND (o.id IS NULL \
             OR o.status NOT IN ('pending', 'confirmed', 'partially_fulfilled')) \
             UNION ALL SELECT 'ord_' || o.id || ' line ' || (l.value ->> 'line') \
             FROM orders o JOIN events e ON e.seq = o.last_event, \
             json_each(e.body, '$.order.lines') l \
             WHERE o.status IN ('pending', 'confirmed', 'partially_fulfilled') \
             AND (l.value ->> 'quantity') - (l.value ->> 'fulfilled') != (SELECT \
             coalesce(sum(r.quantity - r.consumed - r.released), 0) \
             FROM json_each(l.value, '$.allocations') a \
             JOIN reservations r ON r.id = (a.value ->> 'reservation_id') \
             WHERE r.state = 'held')",
    },
    Rule {
        id: "I21",
        promise: "what left was ordered, left its location once, and what came back had left",
        is_quick: false,
        rows: "SELECT count(*) FROM orders",
        offenders: "SELECT 'ord_' || o.id || ' line ' || (l.value ->> 'line') \
             FROM orders o JOIN events e ON e.seq = o.last_event, \
             json_each(e.body, '$.order.lines') l \
             WHERE (l.value ->> 'fulfilled') > (l.value ->> 'quantity') \
             OR (l.value ->> 'returned') > (l.value ->> 'fulfilled') \
             OR (l.value ->> 'fulfilled') != (SELECT coalesce(sum(r.consumed), 0) \
             FROM json_each(l.value, '$.allocations') a \
             JOIN reservations r ON r.id = (a.value ->> 'reservation_id'))",
    },
];

/// Proves a database in one snapshot; works beside a running server.
///
/// # Errors
/// [`OpenError`] when the database cannot be read at all.
pub fn verify(path: &Path, is_full: bool) -> Result<Report, OpenError> {
    let mut connection = open_reader(path)?;
    let has_lists = is_full && lists::path_of(path).exists();
    if has_lists {
        lists::attach(&connection, path)?;
    }
    let snapshot = connection.transaction()?;
    let listed = has_lists.then(|| lists::Progress::read(&snapshot)).transpose()?;
    let storage = storage(&snapshot, is_full)?;
    levels_as_of_now(&snapshot)?;
    let (last_event, chain) = newest_batch(&snapshot)?;
    let mut checks = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.is_quick || is_full) {
        checks.push(run_rule(&snapshot, rule)?);
    }
    if is_full {
        checks.push(outcomes_exist(&snapshot)?);
        checks.push(orders_follow_the_graph(&snapshot)?);
        checks.push(logs_are_chained(&snapshot)?);
    }
    if let Some(listed) = listed {
        checks.push(lists_are_whole(&snapshot, listed)?);
    }
    let mode = if is_full { "full" } else { "quick" };
    Ok(Report { mode, last_event, chain, storage, checks })
}

/// Puts a table of levels that is up to date in the place of the stored one, whose rows may be
/// behind the ledger: a temporary table hides one of the same name.
fn levels_as_of_now(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "PRAGMA query_only = off; CREATE TEMP TABLE levels AS SELECT * FROM main.levels; \
         CREATE UNIQUE INDEX temp.levels_key ON levels (product_id, location_id)",
    )?;
    for level in RecentLevels::recover(connection)?.ahead() {
        connection.execute(
            "DELETE FROM temp.levels WHERE product_id = ?1 AND location_id = ?2",
            [level.product_id.number(), level.location_id.number()],
        )?;
        rows::insert_level(connection, &level)?;
    }
    Ok(())
}

fn storage(connection: &Connection, is_full: bool) -> Result<String> {
    let sql = if is_full { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
    connection.query_row(sql, [], |row| row.get(0))
}

fn newest_batch(connection: &Connection) -> Result<(i64, String)> {
    let newest = connection.query_row(
        "SELECT last_event, lower(hex(chain)) FROM batches ORDER BY id DESC LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    match newest {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok((0, String::new())),
        other => other,
    }
}

fn run_rule(connection: &Connection, rule: &Rule) -> Result<Check> {
    let mut offenders = Offenders::default();
    let mut statement = connection.prepare(rule.offenders)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        offenders.add(row.get(0)?);
    }
    let looked_at = connection.query_row(rule.rows, [], |row| row.get(0))?;
    Ok(offenders.into_check(rule.id, rule.promise, looked_at))
}

#[derive(Default)]
struct Offenders {
    count: i64,
    first: Vec<Violation>,
}

impl Offenders {
    fn add(&mut self, offender: String) {
        self.count += 1;
        if self.first.len() < OFFENDERS_MAX {
            self.first.push(Violation { offender });
        }
    }

    fn into_check(self, id: &'static str, promise: &'static str, rows: i64) -> Check {
        Check { id, promise, rows, violations: self.count, offenders: self.first }
    }
}

/// Outcomes that point to an event point to one that is there.
fn outcomes_exist(connection: &Connection) -> Result<Check> {
    let mut windows = connection.prepare("SELECT id FROM outcome_windows")?;
    let windows: Vec<i64> = windows.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    let (mut offenders, mut looked_at) = (Offenders::default(), 0);
    for window in windows {
        // Formatted SQL: a table's name cannot be bound; the window is a number of ours.
        let mut statement = connection.prepare(&format!(
            "SELECT hex(o.key), e.kind, o.event IS NULL AND b.id IS NOT NULL \
             FROM outcomes_{window} o LEFT JOIN events e ON e.seq = o.event \
             LEFT JOIN outcome_bodies_{window} b ON b.id = o.body_id"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            let (kind, has_body): (Option<String>, bool) = (row.get(1)?, row.get(2)?);
            if !has_body && !kind.is_some_and(|kind| kind.starts_with("order.")) {
                offenders.add(format!("key {}", row.get::<_, String>(0)?));
            }
        }
    }
    Ok(offenders.into_check("I5", "each stored outcome's event or body is there", looked_at))
}

/// Each order's events are a path of the state graph, as many as its version, and the row says
/// what the last of them left.
fn orders_follow_the_graph(connection: &Connection) -> Result<Check> {
    let mut offenders = Offenders::default();
    let mut looked_at = 0;
    let mut statement = connection
        .prepare("SELECT id, status, version, last_event, customer_id, created_at FROM orders")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let order = OrderRow {
            id: row.get(0)?,
            status: row.get(1)?,
            version: row.get(2)?,
            last_event: row.get(3)?,
            customer_id: row.get(4)?,
            created_at: row.get(5)?,
        };
        if let Some(wrong) = history_fault(connection, &order)? {
            offenders.add(format!("ord_{}: {wrong}", order.id));
        }
    }
    Ok(offenders.into_check(
        "I9",
        "orders follow the graph and are the fold of their events",
        looked_at,
    ))
}

/// An order's row as it is stored.
struct OrderRow {
    id: i64,
    status: String,
    version: i64,
    last_event: i64,
    customer_id: Option<i64>,
    created_at: i64,
}

impl OrderRow {
    /// Whether it says what the order's newest event left.
    fn is_of(&self, order: &Order) -> bool {
        self.status == order.status.as_str()
            && self.customer_id == order.customer_id.map(CustomerId::number)
            && self.created_at == order.created_at.as_microsecond()
            && self.last_event == order.last_event
    }
}

fn history_fault(connection: &Connection, order: &OrderRow) -> Result<Option<String>> {
    let mut select =
        connection.prepare_cached("SELECT previous, body, subject FROM events WHERE seq = ?1")?;
    let read = |row: &Row<'_>| -> Result<(i64, String, i64)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    };
    let (mut seq, mut version, mut later): (i64, i64, Option<Status>) =
        (order.last_event, order.version, None);
    while seq > 0 {
        let (previous, body, subject) = match select.query_row([seq], read) {
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                return Ok(Some(format!("event {seq} is missing")));
            }
            other => other?,
        };
        let Ok(EventBody::Order(then)) = serde_json::from_str(&body) else {
            return Ok(Some(format!("event {seq} does not hold an order")));
        };
        let is_version = i64::try_from(then.version) == Ok(version);
        if subject != order.id || then.id.number() != order.id || !is_version {
            return Ok(Some(format!("event {seq} is not version {version} of this order")));
        }
        if later.is_none() && !order.is_of(&then) {
            return Ok(Some(format!("the row is not what event {seq} left")));
        }
        let is_arrow = later.is_none_or(|to| {
            TRANSITIONS.iter().any(|arrow| arrow.from == then.status && arrow.to == to)
        });
        if !is_arrow {
            return Ok(Some(format!("event {seq}: the graph has no arrow from {:?}", then.status)));
        }
        (seq, version, later) = (previous, version - 1, Some(then.status));
    }
    let starts_right = matches!(later, Some(Status::Pending | Status::Confirmed));
    Ok((version != 0 || !starts_right).then(|| "its first events are missing".into()))
}

/// The stored chain is the hash over both logs, batch by batch.
fn logs_are_chained(connection: &Connection) -> Result<Check> {
    let mut offenders = Offenders::default();
    let mut looked_at = 0;
    let mut batches = connection
        .prepare("SELECT id, last_event, last_movement, chain FROM batches ORDER BY id")?;
    let mut movements = connection.prepare(concat!(
        "SELECT ",
        movement_columns!(),
        " FROM movements WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"
    ))?;
    let mut events = connection.prepare(
        "SELECT seq, kind, subject, previous, recorded_at, body FROM events \
         WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
    )?;
    let (mut link, mut event, mut movement) = (FIRST_LINK, 0_i64, 0_i64);
    let mut rows = batches.query([])?;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let (id, last_event, last_movement): (i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut chain = Chain::after(&link);
        for row in movements.query_map([movement, last_movement], codec::movement)? {
            chain.movement(&row?);
        }
        let mut batch_events = events.query([event, last_event])?;
        while let Some(row) = batch_events.next()? {
            let (kind, body): (String, String) = (row.get(1)?, row.get(5)?);
            chain.event(row.get(0)?, &kind, row.get(2)?, row.get(3)?, row.get(4)?, &body);
        }
        let stored: [u8; 32] = row.get(3)?;
        if chain.finish() != stored {
            offenders.add(format!("batch {id}"));
        }
        (link, event, movement) = (stored, last_event, last_movement);
    }
    Ok(offenders.into_check("I25", "both logs are chained by a hash per batch", looked_at))
}

/// The lists have every order up to where they have come, and nothing that is not there.
/// The `+` takes the affinity off the column, without which the index over keys of any type is no
/// use.
fn lists_are_whole(connection: &Connection, listed: lists::Progress) -> Result<Check> {
    let mut offenders = Offenders::default();
    let mut statement = connection.prepare(
        "SELECT 'ord_' || id || ' is not on the list of its customer' FROM orders \
         WHERE id <= ?1 AND customer_id IS NOT NULL AND NOT EXISTS (SELECT 1 \
         FROM lists.entries l WHERE l.list = 1 AND l.key = +customer_id AND l.id = orders.id) \
         UNION ALL SELECT 'ord_' || id || ' is not on the list of its state' FROM orders \
         WHERE id <= ?1 AND last_event <= ?3 AND NOT EXISTS (SELECT 1 \
         FROM lists.entries l WHERE l.list = 2 AND l.key = status AND l.id = orders.id) \
         UNION ALL SELECT 'ord_' || order_id || ' is not on the list of prd_' || product_id \
         FROM reservations WHERE id <= ?2 AND order_id IS NOT NULL AND NOT EXISTS (SELECT 1 \
         FROM lists.entries l WHERE l.list = 3 AND l.key = +product_id AND l.id = order_id) \
         UNION ALL SELECT 'ord_' || l.id || ' is on a list and not there' FROM lists.entries l \
         WHERE l.id <= ?1 AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = l.id)",
    )?;
    let mut rows = statement.query([listed.order, listed.reservation, listed.event])?;
    while let Some(row) = rows.next()? {
        offenders.add(row.get(0)?);
    }
    let entries =
        connection.query_row("SELECT count(*) FROM lists.entries", [], |row| row.get(0))?;
    Ok(offenders.into_check("lists", "lists have every order up to where they are", entries))
}
