//! Loading the rows that a batch names into the state of its decisions, and looking for outcomes.
//! Each kind of row is one statement over all keys; those of one step are sent together.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::try_join_all;
use onhand_core::ids::{CategoryId, LocationId, OrderId, ProductId, ReservationId};
use onhand_core::inventory::{Past, Reservation};
use onhand_core::limits::{EXPIRED_HOLDS_PER_COMMAND_MAX, OPEN_ORDERS_LOADED_MAX};
use onhand_core::orders::{OpenOrder, OpenOrders};
use onhand_core::{Needs, State, Timestamp};
use tokio_postgres::Row;

use super::codec::{self, Uuid, get};
use super::error::{Result, corrupt};
use super::past::Asked;
use super::session::{Session, Value};
use super::{accounts, imports, outbox, payments, stock, warehouse};
use crate::columns::*;
use crate::idempotency::{IdempotencyKey, StoredOutcome};
use crate::limits::HOLDS_OF_REFERENCE_MAX;
use crate::past;
use crate::store::FoundOutcome;
use crate::stored::stored_count;

macro_rules! outcomes_in {
    ($table:literal) => {
        concat!(
            "SELECT k.n, o.fingerprint, o.event, o.body FROM (SELECT unnest($1::uuid[]), \
             unnest($2::int8[]), unnest($3::int8[])) k(key, scope, n) JOIN ",
            $table,
            " o ON o.key = k.key AND o.scope = k.scope"
        )
    };
}
const OUTCOMES: &str = concat!(
    outcomes_in!("outcomes_0"),
    " UNION ALL ",
    outcomes_in!("outcomes_1"),
    " UNION ALL ",
    outcomes_in!("outcomes_2")
);
const LOCATIONS: &str =
    concat!("SELECT ", location_columns!(), " FROM locations ORDER BY priority, id");
const CATEGORIES: &str =
    concat!("SELECT ", category_columns!(), " FROM categories WHERE id = ANY($1::int8[])");
const CATEGORY_USES: &str = "SELECT k.id, \
     (SELECT count(*) FROM product_categories WHERE category_id = k.id) \
     + (SELECT count(*) FROM categories WHERE parent_id = k.id AND deleted_at IS NULL) \
     FROM unnest($1::int8[]) k(id)";
const ORDERS: &str = "SELECT o.id, e.body FROM orders o LEFT JOIN events e ON e.seq = o.last_event \
     WHERE o.id = ANY($1::int8[])";
/// Of each customer the newest ones.
const OPEN_ORDERS: &str = "SELECT c.id, o.order_id, o.units, o.expires_at \
     FROM (SELECT unnest($1::int8[])) c(id) CROSS JOIN LATERAL (SELECT order_id, units, expires_at \
     FROM open_orders WHERE customer_id = c.id ORDER BY order_id DESC LIMIT $2::int8) o";
const RESERVATIONS: &str =
    concat!("SELECT ", reservation_columns!(), " FROM reservations WHERE id = ANY($1::int8[])");
/// Of each reference and product the oldest ones.
const HOLDS_OF: &str = concat!(
    "SELECT h.* FROM (SELECT unnest($1::text[]) AS holder, unnest($2::int8[]) AS of_product) k \
     CROSS JOIN LATERAL (SELECT ",
    reservation_columns!(),
    " FROM reservations WHERE reference = k.holder AND product_id = k.of_product \
     AND state = 'held' AND order_id IS NULL ORDER BY id LIMIT $3::int8) h"
);
const REFERENCES: &str =
    "SELECT reference, order_id FROM order_references WHERE reference = ANY($1::text[])";
const DUE: &str = "SELECT id FROM reservations WHERE expires_at <= $1::int8 \
     AND expires_at IS NOT NULL ORDER BY expires_at LIMIT $2::int8";
const EXPIRED_HOLDS: &str = "SELECT id FROM reservations WHERE expires_at <= $1::int8 \
     AND expires_at IS NOT NULL AND product_id = $2::int8 ORDER BY expires_at LIMIT $3::int8";
const ORDER_OF_EVENT: &str = "SELECT body FROM events WHERE seq = $1::int8";

/// What nearly every batch asks: each session that is asked prepares it.
pub(super) const ALWAYS_ASKED: [&str; 5] =
    [OUTCOMES, stock::PRODUCTS, stock::LEVELS, stock::PRODUCTS_OF_SKUS, stock::LEVELS_OF_SKUS];

pub(super) fn numbers<T: Copy>(
    ids: impl IntoIterator<Item = T>,
    of: fn(T) -> i64,
) -> Value<'static> {
    Box::new(ids.into_iter().map(of).collect::<Vec<i64>>())
}

/// Looks for outcomes, one answer per key, in order.
pub(super) async fn outcomes(
    session: &Session,
    keys: &[IdempotencyKey],
) -> Result<Vec<Option<FoundOutcome>>> {
    let mut found: Vec<Option<FoundOutcome>> = vec![None; keys.len()];
    if keys.is_empty() {
        return Ok(found);
    }
    let values: [Value<'_>; 3] = [
        Box::new(keys.iter().map(|key| Uuid(key.key)).collect::<Vec<_>>()),
        Box::new(keys.iter().map(|key| key.scope).collect::<Vec<_>>()),
        Box::new((0..stored_count(keys.len())).collect::<Vec<_>>()),
    ];
    for row in session.rows(OUTCOMES, &values).await? {
        let position: i64 = get(&row, "outcomes", 0)?;
        let fingerprint: &[u8] = get(&row, "outcomes", 1)?;
        let outcome = match (get(&row, "outcomes", 2)?, get::<Option<&str>>(&row, "outcomes", 3)?) {
            (Some(event), _) => StoredOutcome::Event(event),
            (None, Some(body)) => {
                serde_json::from_str(body).map_err(|error| corrupt("outcomes", error))?
            }
            (None, None) => {
                return Err(corrupt("outcomes", "an outcome with neither event nor body"));
            }
        };
        let fingerprint = fingerprint.try_into().map_err(|error| corrupt("outcomes", error))?;
        let place = usize::try_from(position).ok().and_then(|place| found.get_mut(place));
        if let Some(place) = place {
            *place = Some(FoundOutcome { fingerprint, outcome });
        }
    }
    Ok(found)
}

/// The order that an event left.
pub(super) async fn order_of_event(
    session: &Session,
    seq: i64,
) -> Result<onhand_core::orders::Order> {
    let rows = session.rows(ORDER_OF_EVENT, &[Box::new(seq)]).await?;
    let row = rows.first().ok_or_else(|| corrupt("events", format!("event {seq} is missing")))?;
    codec::order(row, 0)
}

/// Rows of one statement; none without asking when nothing is named.
pub(super) async fn asked(
    session: &Session,
    is_named: bool,
    sql: &'static str,
    values: Vec<Value<'_>>,
) -> Result<Vec<Row>> {
    if is_named { session.rows(sql, &values).await } else { Ok(Vec::new()) }
}

/// Loads the rows that are named into the state. What depends on the time is left to [`timed`].
pub(super) async fn load(session: &Session, needs: &Needs, state: &mut State) -> Result<()> {
    // On the heap: what waits for so many answers is too large for the stacks of those who wait
    // for it in turn, where a debug build copies it into each.
    Box::pin(load_all(session, needs, state)).await
}

fn holders(needs: &Needs) -> Vec<Value<'_>> {
    let names = needs.holds_of.iter().map(|(reference, _)| reference.as_str());
    vec![
        Box::new(names.collect::<Vec<_>>()),
        numbers(&needs.holds_of, |(_, product)| product.number()),
        Box::new(stored_count(HOLDS_OF_REFERENCE_MAX)),
    ]
}

async fn load_all(session: &Session, needs: &Needs, state: &mut State) -> Result<()> {
    let categories = vec![numbers(&needs.categories, |id| id.number())];
    let uses = vec![numbers(&needs.category_uses, |id| id.number())];
    let orders = vec![numbers(&needs.orders, |id| id.number())];
    let open: Vec<Value<'_>> = vec![
        numbers(&needs.open_orders, |id| id.number()),
        Box::new(stored_count(OPEN_ORDERS_LOADED_MAX)),
    ];
    let reservations = vec![numbers(&needs.reservations, |id| id.number())];
    let named: Vec<&str> = needs.references.iter().map(|one| one.as_str()).collect();
    // Polled in this order, they are sent in this order.
    let asked_for = async {
        tokio::try_join!(
            biased;
            stock::ask(session, needs),
            asked(session, needs.locations, LOCATIONS, Vec::new()),
            asked(session, !needs.categories.is_empty(), CATEGORIES, categories),
            asked(session, !needs.category_uses.is_empty(), CATEGORY_USES, uses),
            asked(session, !needs.orders.is_empty(), ORDERS, orders),
            asked(session, !needs.open_orders.is_empty(), OPEN_ORDERS, open),
            asked(session, !needs.reservations.is_empty(), RESERVATIONS, reservations),
            asked(session, !needs.holds_of.is_empty(), HOLDS_OF, holders(needs)),
            asked(session, !named.is_empty(), REFERENCES, vec![Box::new(named.clone())]),
            accounts::ask(session, needs),
            payments::ask(session, needs),
            outbox::ask(session, needs),
            imports::ask(session, needs),
        )
    };
    let (
        stock,
        locations,
        categories,
        uses,
        orders,
        open,
        reservations,
        holds,
        named,
        accounts,
        payments,
        outbox,
        found_imports,
    ) = asked_for.await?;
    stock.take_in(needs, state)?;
    take_in_catalog(needs, &categories, &uses, &locations, state)?;
    take_in_records(needs, &orders, &reservations, &named, state)?;
    take_in_open_orders(needs, &open, state)?;
    take_in_holds_of(needs, &holds, state)?;
    accounts.take_in(needs, state)?;
    payments.take_in(needs, state)?;
    outbox.take_in(needs, state)?;
    imports::take_in(&found_imports, needs, state)?;
    let keys: Vec<_> = needs.on_hand_at.iter().copied().collect();
    let pasts = try_join_all(keys.iter().map(|key| past(session, *key))).await?;
    for (key, past) in keys.into_iter().zip(pasts) {
        state.load_on_hand_at(key, past);
    }
    warehouse::load(session, &needs.warehouse, state).await?;
    Ok(())
}

fn take_in_catalog(
    needs: &Needs,
    categories: &[Row],
    uses: &[Row],
    locations: &[Row],
    state: &mut State,
) -> Result<()> {
    let mut found = BTreeMap::new();
    for row in categories {
        let category = codec::category(row)?;
        found.insert(category.id, category);
    }
    for id in &needs.categories {
        state.load_category(*id, found.remove(id));
    }
    for row in uses {
        let (id, uses): (i64, i64) = (get(row, "categories", 0)?, get(row, "categories", 1)?);
        if let Some(id) = CategoryId::new(id) {
            state.load_category_uses(id, uses.unsigned_abs());
        }
    }
    if needs.locations {
        state.load_locations(locations.iter().map(codec::location).collect::<Result<_>>()?);
    }
    Ok(())
}

fn take_in_records(
    needs: &Needs,
    orders: &[Row],
    reservations: &[Row],
    references: &[Row],
    state: &mut State,
) -> Result<()> {
    let mut found = BTreeMap::new();
    for row in orders {
        let order = codec::order(row, 1)?;
        found.insert(order.id, order);
    }
    for id in &needs.orders {
        state.load_order(*id, found.remove(id));
    }
    let mut found = BTreeMap::new();
    for row in reservations {
        let reservation = codec::reservation(row)?;
        found.insert(reservation.id, reservation);
    }
    for id in &needs.reservations {
        state.load_reservation(*id, found.remove(id));
    }
    let mut found: HashMap<&str, i64> = HashMap::new();
    for row in references {
        found.insert(get(row, "order_references", 0)?, get(row, "order_references", 1)?);
    }
    for reference in &needs.references {
        let order = found.get(reference.as_str()).copied().and_then(OrderId::new);
        state.load_reference(reference.clone(), order);
    }
    Ok(())
}

fn take_in_open_orders(needs: &Needs, rows: &[Row], state: &mut State) -> Result<()> {
    let mut found: HashMap<i64, OpenOrders> = HashMap::new();
    for row in rows {
        let units = get(row, "open_orders", 2)?;
        let expires_at = codec::instant("open_orders", get(row, "open_orders", 3)?)?;
        let id: i64 = get(row, "open_orders", 1)?;
        let id = OrderId::new(id).ok_or_else(|| corrupt("open_orders", format!("order {id}")))?;
        let of_customer = found.entry(get(row, "open_orders", 0)?).or_default();
        of_customer.insert(id, OpenOrder { units, expires_at });
    }
    for id in &needs.open_orders {
        state.load_open_orders(*id, found.remove(&id.number()).unwrap_or_default());
    }
    Ok(())
}

fn take_in_holds_of(needs: &Needs, rows: &[Row], state: &mut State) -> Result<()> {
    let mut found: HashMap<_, Vec<Reservation>> = HashMap::new();
    for row in rows {
        let hold = codec::reservation(row)?;
        found.entry(hold.holder()).or_default().push(hold);
    }
    for key in &needs.holds_of {
        let holds = found.remove(&Some(key.clone())).unwrap_or_default();
        state.load_holds_of(key.clone(), holds);
    }
    Ok(())
}

/// Loads what only the time tells: holds that have run out, effects that are due.
pub(super) async fn timed(
    session: &Session,
    needs: &Needs,
    now: Timestamp,
    state: &mut State,
) -> Result<()> {
    let at = now.as_microsecond();
    for id in &needs.expired_holds {
        let most = stored_count(EXPIRED_HOLDS_PER_COMMAND_MAX);
        let values: [Value<'_>; 3] = [Box::new(at), Box::new(id.number()), Box::new(most)];
        let rows = session.rows(EXPIRED_HOLDS, &values).await?;
        state.load_expired_holds(*id, ids(&rows)?);
    }
    if let Some(most) = needs.due {
        let rows = session.rows(DUE, &[Box::new(at), Box::new(stored_count(most))]).await?;
        state.load_due(ids(&rows)?);
    }
    payments::load_due(session, needs, now, state).await?;
    outbox::load_due(session, needs, now, state).await
}

fn ids(rows: &[Row]) -> Result<Vec<ReservationId>> {
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        ids.extend(ReservationId::new(get(row, "reservations", 0)?));
    }
    Ok(ids)
}

/// What was on hand at an instant, by when entries happened, and when it was first counted after
/// that.
async fn past(
    session: &Session,
    (product_id, location_id, at): (ProductId, LocationId, Timestamp),
) -> Result<Past> {
    let rows = session.rows(stock::LEVELS, &[Box::new(vec![product_id.number()])]).await?;
    let levels = rows.iter().map(codec::level).collect::<Result<Vec<_>>>()?;
    past::at(&Asked(session), levels, location_id, at).await
}
