//! What is promised of orders. Each is walked from its newest event back to its first, some orders
//! together, so that a store is asked for many events at once and holds few of them. What the
//! newest event left is then held against the row, its own sums and the reservations.

use std::collections::HashMap;
use std::sync::Arc;

use onhand_core::events::EventBody;
use onhand_core::ids::CustomerId;
use onhand_core::orders::{Order, Status, TRANSITIONS};

use super::spans::Over;
use super::{Evidence, Finds, Offenders, Rule, Span, StoredEvent, payments};
use crate::report::Check;

/// Orders that are walked together, and are in memory meanwhile.
const TOGETHER_MAX: i64 = 512;
/// In these something is still promised.
const OPEN: [Status; 4] =
    [Status::Pending, Status::Confirmed, Status::Processing, Status::PartiallyFulfilled];
/// What is promised of them in SQL.
pub(super) const RULES: &[Rule<'static>] = &[
    Rule {
        id: "I9",
        promise: "each event of an order is a version of one that is there",
        is_quick: false,
        counted: &["SELECT count(*) FROM events"],
        // By slices: each event is of an order, and each order is walked from its newest version
        // to its first.
        finds: &[
            Finds::InOneGo(
                "SELECT 'events of orders: ' || e.logged || ', versions of orders: ' \
                 || o.versions FROM (SELECT count(*) AS logged FROM events \
                 WHERE kind LIKE 'order.%' OR kind LIKE 'payment.%') e, \
                 (SELECT coalesce(sum(version), 0) AS versions FROM orders) o \
                 WHERE e.logged != o.versions",
            ),
            Finds::Of(
                Over::Events,
                "SELECT 'event ' || e.seq || ' of no order' FROM events e \
                 LEFT JOIN orders o ON o.id = e.subject WHERE e.seq > $1 AND e.seq <= $2 \
                 AND (e.kind LIKE 'order.%' OR e.kind LIKE 'payment.%') \
                 AND (o.id IS NULL OR o.last_event < e.seq)",
            ),
        ],
    },
    Rule {
        id: "I20",
        promise: "nothing is held for an order in which nothing is promised any more",
        is_quick: false,
        counted: &["SELECT count(*) FROM reservations WHERE state = 'held'"],
        finds: &[Finds::Of(
            Over::Reservations,
            "SELECT 'res_' || r.id || ' of ord_' || r.order_id \
             FROM reservations r LEFT JOIN orders o ON o.id = r.order_id \
             WHERE r.id > $1 AND r.id <= $2 AND r.state = 'held' \
             AND r.order_id IS NOT NULL AND (o.id IS NULL OR o.status \
             NOT IN ('pending', 'confirmed', 'processing', 'partially_fulfilled'))",
        )],
    },
];

/// An order's row as it is stored.
pub(crate) struct OrderRow {
    pub(crate) id: i64,
    pub(crate) status: String,
    pub(crate) version: i64,
    pub(crate) last_event: i64,
    pub(crate) customer_id: Option<i64>,
    pub(crate) created_at: i64,
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

/// A reservation's row as it is stored.
pub(crate) struct ReservationRow {
    pub(crate) id: i64,
    pub(crate) is_held: bool,
    pub(crate) quantity: i64,
    pub(crate) consumed: i64,
    pub(crate) released: i64,
}

/// Orders that are walked together.
pub(crate) struct Walk {
    paths: Vec<Path>,
    /// The events that were asked for, each with the path that goes over it, in order.
    asked: Vec<(i64, usize)>,
    promises: HashMap<i64, Promise>,
}

/// How far an order has been walked back.
struct Path {
    row: OrderRow,
    /// Where it goes on; 0 behind the first event.
    next: i64,
    /// Which version is there.
    version: i64,
    /// Where the order was after that, once that is known.
    later: Option<Status>,
    /// Whether it had a payment after that.
    is_paying: bool,
    /// Whether the event that was asked for was shown.
    is_shown: bool,
    /// What the newest event left.
    newest: Option<Arc<Order>>,
    fault: Option<String>,
}

/// What became of a reservation. Wide: a wrong figure must not end the proof by an overflow.
#[derive(Default)]
struct Promise {
    open: i128,
    consumed: i128,
}

impl Walk {
    fn of(rows: Vec<OrderRow>) -> Self {
        let path = |row: OrderRow| Path {
            next: row.last_event,
            version: row.version,
            row,
            later: None,
            is_paying: false,
            is_shown: false,
            newest: None,
            fault: None,
        };
        let paths = rows.into_iter().map(path).collect();
        Self { paths, asked: Vec::new(), promises: HashMap::new() }
    }

    /// The positions of the next events, ascending; none when every path is at its start.
    fn ahead(&mut self) -> Vec<i64> {
        for (seq, path) in self.asked.drain(..) {
            let path = &mut self.paths[path];
            if !std::mem::take(&mut path.is_shown) {
                path.fault = Some(format!("event {seq} is missing"));
            }
        }
        let goes_on = |path: &Path| path.next > 0 && path.fault.is_none();
        let paths = self.paths.iter().enumerate().filter(|(_, path)| goes_on(path));
        self.asked = paths.map(|(at, path)| (path.next, at)).collect();
        self.asked.sort_unstable();
        let mut seqs: Vec<i64> = self.asked.iter().map(|(seq, _)| *seq).collect();
        seqs.dedup();
        seqs
    }

    /// Shows an event that was asked for.
    pub(crate) fn event(&mut self, event: &StoredEvent<'_>) {
        let order = match serde_json::from_str(event.body) {
            Ok(EventBody::Order(order)) => Some(order),
            Ok(_) | Err(_) => None,
        };
        let first = self.asked.partition_point(|(seq, _)| *seq < event.seq);
        for (_, path) in self.asked[first..].iter().take_while(|(seq, _)| *seq == event.seq) {
            self.paths[*path].step(event, order.as_ref());
        }
    }

    /// Every reservation that an order has, ascending.
    fn promised(&self) -> Vec<i64> {
        let orders = self.paths.iter().filter_map(|path| path.newest.as_ref());
        let allocations = orders.flat_map(|order| &order.lines).flat_map(|line| &line.allocations);
        let mut ids: Vec<i64> =
            allocations.map(|allocation| allocation.reservation_id.number()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Shows a reservation that was asked for.
    pub(crate) fn reservation(&mut self, row: &ReservationRow) {
        let promise = self.promises.entry(row.id).or_default();
        promise.consumed += i128::from(row.consumed);
        if row.is_held {
            promise.open += i128::from(row.quantity) - i128::from(row.consumed);
            promise.open -= i128::from(row.released);
        }
    }
}

impl Path {
    /// Goes over an event.
    fn step(&mut self, event: &StoredEvent<'_>, order: Option<&Arc<Order>>) {
        self.is_shown = true;
        let Some(then) = order else {
            self.fault = Some(format!("event {} does not hold an order", event.seq));
            return;
        };
        if self.later.is_none() {
            self.newest = Some(then.clone());
        }
        self.fault = self.fault_at(event, then);
        if self.fault.is_none() {
            (self.later, self.next) = (Some(then.status), event.previous);
            self.is_paying = then.payment.is_some();
            self.version -= 1;
        }
    }

    fn fault_at(&self, event: &StoredEvent<'_>, then: &Order) -> Option<String> {
        let (seq, version) = (event.seq, self.version);
        let is_version = i64::try_from(then.version) == Ok(version);
        if event.subject != self.row.id || then.id.number() != self.row.id || !is_version {
            return Some(format!("event {seq} is not version {version} of this order"));
        }
        let Some(later) = self.later else {
            let is_left = self.row.is_of(then);
            return (!is_left).then(|| format!("the row is not what event {seq} left"));
        };
        let is_arrow =
            TRANSITIONS.iter().any(|arrow| arrow.from == then.status && arrow.to == later);
        // Of a payment more may be said in each state; one is never taken away.
        let is_paying = self.is_paying && then.status == later;
        (!is_arrow && !is_paying)
            .then(|| format!("event {seq}: the graph has no arrow from {:?}", then.status))
    }

    /// What is wrong with the whole of it, once it has been walked.
    fn fault(&self) -> Option<String> {
        let starts_right = matches!(self.later, Some(Status::Pending | Status::Confirmed));
        let is_whole = self.version == 0 && starts_right;
        let missing = || (!is_whole).then(|| "its first events are missing".to_owned());
        self.fault.clone().or_else(missing)
    }
}

/// What breaks the promises of orders.
#[derive(Default)]
struct Found {
    rows: i64,
    paths: Offenders,
    totals: Offenders,
    lines: Offenders,
    promises: Offenders,
    units: Offenders,
}

impl Found {
    /// Looks at an order that has been walked.
    fn look(&mut self, path: &Path, promises: &HashMap<i64, Promise>) {
        self.rows += 1;
        let id = path.row.id;
        if let Some(fault) = path.fault() {
            self.paths.add(format!("ord_{id}: {fault}"));
        }
        let Some(order) = &path.newest else { return };
        let price = |units: i64, price: i64| i128::from(units) * i128::from(price);
        let lines: i128 =
            order.lines.iter().map(|line| price(line.quantity, line.unit_price)).sum();
        let is_custom = order.custom_amount > 0 && !order.has_lines();
        let is_either = is_custom || order.custom_amount == 0 && order.has_lines();
        if !is_either || lines + i128::from(order.custom_amount) != i128::from(order.total) {
            self.totals.add(format!("ord_{id}"));
        }
        if order.lines.iter().any(|line| line.quantity < 1 || line.unit_price < 0) {
            self.lines.add(format!("ord_{id}"));
        }
        let is_open = OPEN.iter().any(|status| status.as_str() == path.row.status);
        for line in &order.lines {
            let (mut open, mut consumed) = (0, 0);
            for allocation in &line.allocations {
                if let Some(promise) = promises.get(&allocation.reservation_id.number()) {
                    open += promise.open;
                    consumed += promise.consumed;
                }
            }
            let (ordered, left) = (i128::from(line.quantity), i128::from(line.fulfilled));
            if is_open && ordered - left != open {
                self.promises.add(format!("ord_{id} line {}", line.line));
            }
            if left > ordered || line.returned > line.fulfilled || left != consumed {
                self.units.add(format!("ord_{id} line {}", line.line));
            }
        }
    }

    fn into_checks(self) -> [Check; 5] {
        let Self { rows, paths, totals, lines, promises, units } = self;
        [
            paths.into_check(
                "I9",
                "orders follow the graph and are the fold of their events",
                rows,
            ),
            totals.into_check(
                "I18",
                "each total is the sum of its lines, or an amount that buys nothing",
                rows,
            ),
            lines.into_check("I19", "lines have at least one unit and no negative price", rows),
            promises.into_check(
                "I20",
                "open promises of orders belong to open orders and cover what has not left",
                rows,
            ),
            units.into_check(
                "I21",
                "what left was ordered, left its location once, and what came back had left",
                rows,
            ),
        ]
    }
}

/// Walks every order.
pub(super) async fn prove<E: Evidence>(
    evidence: &mut E,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let (mut found, mut paid) = (Found::default(), payments::Found::default());
    let mut after = Some(0);
    while let Some(id) = after {
        after = walk(evidence, id, TOGETHER_MAX, (&mut found, &mut paid)).await?;
    }
    checks.extend(found.into_checks());
    checks.extend(paid.into_checks());
    Ok(())
}

/// Walks some orders after an id: how many, and the last of them if there may be more.
pub(super) async fn some<E: Evidence>(
    evidence: &mut E,
    after: i64,
    most: i64,
    checks: &mut Vec<Check>,
) -> Result<(i64, Option<i64>), E::Error> {
    let (mut found, mut paid) = (Found::default(), payments::Found::default());
    let most = most.clamp(1, TOGETHER_MAX);
    let next = walk(evidence, after, most, (&mut found, &mut paid)).await?;
    let rows = found.rows;
    checks.extend(found.into_checks());
    checks.extend(paid.into_checks());
    Ok((rows, next.filter(|_| rows == most)))
}

/// Walks orders after an id. Answers the last of them; none when there are none.
async fn walk<E: Evidence>(
    evidence: &mut E,
    after: i64,
    most: i64,
    (found, paid): (&mut Found, &mut payments::Found),
) -> Result<Option<i64>, E::Error> {
    let rows = evidence.orders(after, most).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let span = Span { after, to: last.id };
    let mut walk = Walk::of(rows);
    loop {
        let seqs = walk.ahead();
        if seqs.is_empty() {
            break;
        }
        evidence.events(&seqs, &mut walk).await?;
    }
    evidence.reservations(&walk.promised(), &mut walk).await?;
    for path in &walk.paths {
        found.look(path, &walk.promises);
    }
    let orders: Vec<_> = walk.paths.into_iter().filter_map(|path| path.newest).collect();
    paid.look(evidence, span, &orders).await?;
    Ok(Some(span.to))
}
