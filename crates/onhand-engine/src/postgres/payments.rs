//! What is owed to gateways, whose their objects are, and their messages: how they are loaded into
//! the state of decisions, and written as a batch leaves them.

use std::collections::{BTreeMap, HashMap, HashSet};

use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::OrderId;
use onhand_core::limits::WAITING_NOTICES_MAX;
use onhand_core::payments::{KeptNotice, NoticeKey, Provider};
use onhand_core::text::{GatewayId, Text};
use onhand_core::{Needs, State, Timestamp};
use tokio_postgres::Row;

use super::codec::{self, get};
use super::error::{Result, corrupt};
use super::load::{asked, numbers};
use super::rows::{Writes, parted};
use super::session::{Session, Value};
use super::shape::{Column, column, column_of};
use crate::columns::*;
use crate::limits::OLD_NOTICES_LOOKED_AT;
use crate::store::{Guarded, Rows};
use crate::stored::{stored_count, stored_version};

const EFFECTS: &str =
    concat!("SELECT ", effect_columns!(), " FROM effects WHERE order_id = ANY($1::int8[])");
const DUE_EFFECTS: &str = concat!(
    "SELECT ",
    effect_columns!(),
    " FROM effects WHERE state = 'waiting' AND due_at <= $1::int8 \
     ORDER BY due_at, order_id LIMIT $2::int8"
);
const GATEWAY_IDS: &str = "SELECT g.provider, g.gateway_id, g.order_id FROM \
     (SELECT unnest($1::text[]), unnest($2::text[])) k(provider, gateway_id) \
     JOIN gateway_ids g ON g.provider = k.provider AND g.gateway_id = k.gateway_id";
const NOTICES_BY_EVENT: &str = "SELECT n.provider, n.event_id FROM \
     (SELECT unnest($1::text[]), unnest($2::text[])) k(provider, event_id) \
     JOIN notices n ON n.provider = k.provider AND n.event_id = k.event_id";
const NOTICES_BY_BODY: &str = "SELECT body_hash FROM notices WHERE body_hash = ANY($1::bytea[])";
/// Of each gateway's order the oldest ones.
const WAITING_NOTICES: &str = concat!(
    "SELECT n.* FROM (SELECT unnest($1::text[]), unnest($2::text[])) k(provider, intent) \
     CROSS JOIN LATERAL (SELECT ",
    notice_columns!(),
    " FROM notices w WHERE w.provider = k.provider AND w.intent = k.intent \
     ORDER BY w.id LIMIT $3::int8) n"
);

/// They came in the order of their ids.
const OLD_NOTICES: &str = concat!(
    "SELECT ",
    notice_columns!(),
    " FROM (SELECT * FROM notices ORDER BY id LIMIT $3::int8) n \
     WHERE received_at < $1::int8 AND seen IS NULL ORDER BY id LIMIT $2::int8"
);

/// What was found of payments.
pub(super) struct Found {
    effects: Vec<Row>,
    gateway_ids: Vec<Row>,
    by_event: Vec<Row>,
    by_body: Vec<Row>,
    waiting: Vec<Row>,
    old: Vec<Row>,
}

/// Two columns of keys: whose, and what.
fn keys<'a>(keys: impl Iterator<Item = (Provider, &'a str)>) -> Vec<Value<'a>> {
    let (providers, names): (Vec<_>, Vec<_>) =
        keys.map(|(provider, name)| (provider.as_str(), name)).unzip();
    vec![Box::new(providers), Box::new(names)]
}

fn of_gateway(key: &(Provider, GatewayId)) -> (Provider, &str) {
    (key.0, key.1.as_str())
}

/// Asks for the rows that are named.
pub(super) async fn ask(session: &Session, needs: &Needs) -> Result<Found> {
    let (mut events, mut bodies): (Vec<(Provider, &str)>, Vec<&[u8]>) = Default::default();
    for key in &needs.notices {
        match key {
            NoticeKey::Event(provider, event) => events.push((*provider, event.as_str())),
            NoticeKey::Body(hash) => bodies.push(hash),
        }
    }
    let effects = vec![numbers(&needs.effects, |id| id.number())];
    let mut waiting = keys(needs.waiting_notices.iter().map(of_gateway));
    waiting.push(Box::new(stored_count(WAITING_NOTICES_MAX)));
    let (has_events, has_bodies) = (!events.is_empty(), !bodies.is_empty());
    let gateway_ids = keys(needs.gateway_ids.iter().map(of_gateway));
    let (before, most) = needs.old_notices.unwrap_or((Timestamp::MIN, 0));
    let old: Vec<Value<'_>> = vec![
        Box::new(before.as_microsecond()),
        Box::new(stored_count(most)),
        Box::new(stored_count(OLD_NOTICES_LOOKED_AT)),
    ];
    // Polled in this order, they are sent in this order.
    let (effects, gateway_ids, by_event, by_body, waiting, old) = tokio::try_join!(
        biased;
        asked(session, !needs.effects.is_empty(), EFFECTS, effects),
        asked(session, !needs.gateway_ids.is_empty(), GATEWAY_IDS, gateway_ids),
        asked(session, has_events, NOTICES_BY_EVENT, keys(events.into_iter())),
        asked(session, has_bodies, NOTICES_BY_BODY, vec![Box::new(bodies)]),
        asked(session, !needs.waiting_notices.is_empty(), WAITING_NOTICES, waiting),
        asked(session, needs.old_notices.is_some(), OLD_NOTICES, old),
    )?;
    Ok(Found { effects, gateway_ids, by_event, by_body, waiting, old })
}

/// Loads the effects that are due.
pub(super) async fn load_due(
    session: &Session,
    needs: &Needs,
    now: Timestamp,
    state: &mut State,
) -> Result<()> {
    if let Some(most) = needs.due_effects {
        let values: [Value<'_>; 2] = [Box::new(now.as_microsecond()), Box::new(stored_count(most))];
        let rows = session.rows(DUE_EFFECTS, &values).await?;
        state.load_due_effects(rows.iter().map(codec::effect).collect::<Result<_>>()?);
    }
    Ok(())
}

impl Found {
    /// Takes what was found, and what was not, into the state.
    pub(super) fn take_in(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let mut found = BTreeMap::new();
        for row in &self.effects {
            let effect = codec::effect(row)?;
            found.insert(effect.order_id, effect);
        }
        for id in &needs.effects {
            state.load_effect(*id, found.remove(id));
        }
        let mut found: HashMap<(&str, &str), OrderId> = HashMap::new();
        for row in &self.gateway_ids {
            let table = "gateway_ids";
            let id: i64 = get(row, table, 2)?;
            let id = OrderId::new(id).ok_or_else(|| corrupt(table, format!("order {id}")))?;
            found.insert((get(row, table, 0)?, get(row, table, 1)?), id);
        }
        for key in &needs.gateway_ids {
            let order_id = found.get(&(key.0.as_str(), key.1.as_str())).copied();
            state.load_gateway_id(key.clone(), order_id);
        }
        self.take_in_notices(needs, state)
    }

    fn take_in_notices(&self, needs: &Needs, state: &mut State) -> Result<()> {
        let (mut events, mut bodies) = (HashSet::<(&str, &str)>::new(), HashSet::<&[u8]>::new());
        for row in &self.by_event {
            events.insert((get(row, "notices", 0)?, get(row, "notices", 1)?));
        }
        for row in &self.by_body {
            bodies.insert(get(row, "notices", 0)?);
        }
        for key in &needs.notices {
            let is_here = match key {
                NoticeKey::Event(provider, event) => {
                    events.contains(&(provider.as_str(), event.as_str()))
                }
                NoticeKey::Body(hash) => bodies.contains(hash.as_slice()),
            };
            state.load_notice(key.clone(), is_here);
        }
        let mut waiting: BTreeMap<(Provider, GatewayId), Vec<KeptNotice>> = BTreeMap::new();
        for row in &self.waiting {
            let notice = codec::notice(row)?;
            if let Some(intent) = notice.intent.clone() {
                waiting.entry((notice.provider, intent)).or_default().push(notice);
            }
        }
        for key in &needs.waiting_notices {
            let mut rows = waiting.remove(key).unwrap_or_default();
            rows.sort_unstable_by_key(|row| row.id);
            state.load_waiting_notices(key.clone(), rows);
        }
        if needs.old_notices.is_some() {
            state.load_old_notices(self.old.iter().map(codec::notice).collect::<Result<_>>()?);
        }
        Ok(())
    }
}

impl<'a> Writes<'a> {
    /// Effects, names of gateways' and messages as a batch leaves them.
    pub(super) fn payments(&mut self, rows: &'a Rows) -> Result<()> {
        self.effects(rows);
        let claimed: Vec<_> = rows.gateway_ids.iter().collect();
        self.add("gateway_ids", INSERT_GATEWAY_IDS, claimed.len(), || {
            vec![
                column(&claimed, |((provider, _), _)| provider.as_str()),
                column(&claimed, |((_, id), _)| id.as_str()),
                column(&claimed, |(_, order_id)| order_id.number()),
            ]
        });
        self.notices(rows)
    }

    /// One that is done is deleted; one that was owed and done within the batch was never there.
    fn effects(&mut self, rows: &'a Rows) {
        let is_done = |row: &&Guarded<Effect>| row.1.state == EffectState::Done;
        let (done, owed): (Vec<_>, Vec<_>) = rows.effects.values().partition(is_done);
        let done: Vec<_> = done.into_iter().filter(|(stored, _)| *stored > 0).collect();
        let (new, changed) = parted(owed.into_iter());
        self.guarded("effects", DELETE_EFFECTS, done.len(), || {
            vec![
                column(&done, |(_, row)| row.order_id.number()),
                column(&done, |(stored, _)| stored_version(*stored)),
            ]
        });
        self.add("effects", INSERT_EFFECTS, new.len(), || effect_values(&new));
        self.guarded("effects", UPDATE_EFFECTS, changed.len(), || {
            let rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
            let mut values = effect_values(&rows);
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
    }

    fn notices(&mut self, rows: &'a Rows) -> Result<()> {
        // Before one that comes again.
        let forgotten: Vec<_> = rows.forgotten_notices.iter().collect();
        self.guarded("notices", DELETE_NOTICES, forgotten.len(), || {
            vec![
                column(&forgotten, |(id, _)| id.number()),
                column(&forgotten, |(_, version)| stored_version(**version)),
            ]
        });
        let (new, changed) = parted(rows.notices.values());
        let changed_rows: Vec<_> = changed.iter().map(|(_, row)| row).collect();
        let (of_new, of_changed) = (notice_values(&new)?, notice_values(&changed_rows)?);
        self.add("notices", INSERT_NOTICES, new.len(), || {
            let mut values = of_new;
            values.push(column(&new, |row| row.provider.as_str()));
            values.push(column(&new, |row| row.event_id.as_str()));
            values.push(column(&new, |row| row.body_hash.to_vec()));
            values.push(column(&new, |row| row.kind.as_str()));
            values.push(column(&new, |row| row.received_at.as_microsecond()));
            values
        });
        self.guarded("notices", UPDATE_NOTICES, changed.len(), || {
            let mut values = of_changed;
            values.push(column(&changed, |(stored, _)| stored_version(*stored)));
            values
        });
        Ok(())
    }
}

const INSERT_EFFECTS: &str = "INSERT INTO effects (order_id, state, due_at, leased, epoch, tries, \
     ask_first, reason, version, created_at, updated_at, polls) SELECT unnest($1::int8[]), \
     unnest($2::text[]), unnest($3::int8[]), unnest($4::bool[]), unnest($5::int8[]), \
     unnest($6::int8[]), unnest($7::bool[]), unnest($8::text[]), unnest($9::int8[]), \
     unnest($10::int8[]), unnest($11::int8[]), unnest($12::int8[])";
const UPDATE_EFFECTS: &str = "UPDATE effects t SET state = v.state, due_at = v.due_at, \
     leased = v.leased, epoch = v.epoch, tries = v.tries, ask_first = v.ask_first, reason = \
     v.reason, version = v.version, created_at = v.created_at, updated_at = v.updated_at, polls = \
     v.polls FROM (SELECT unnest($1::int8[]), unnest($2::text[]), unnest($3::int8[]), \
     unnest($4::bool[]), unnest($5::int8[]), unnest($6::int8[]), unnest($7::bool[]), \
     unnest($8::text[]), unnest($9::int8[]), unnest($10::int8[]), unnest($11::int8[]), \
     unnest($12::int8[]), unnest($13::int8[])) v(order_id, state, due_at, leased, epoch, tries, \
     ask_first, reason, version, created_at, updated_at, polls, stored) WHERE t.order_id = \
     v.order_id AND t.version = v.stored";
const DELETE_EFFECTS: &str = "DELETE FROM effects t USING (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) v(order_id, stored) WHERE t.order_id = v.order_id AND t.version = \
     v.stored";

fn effect_values<'a>(rows: &[&'a Effect]) -> Vec<Column<'a>> {
    vec![
        column(rows, |row| row.order_id.number()),
        column(rows, |row| row.state.as_str()),
        column(rows, |row| row.due_at.as_microsecond()),
        column(rows, |row| row.leased),
        column(rows, |row| stored_version(row.epoch)),
        column(rows, |row| i64::from(row.tries)),
        column(rows, |row| row.ask_first),
        column(rows, |row| row.reason.as_ref().map(Text::as_str)),
        column(rows, |row| stored_version(row.version)),
        column(rows, |row| row.created_at.as_microsecond()),
        column(rows, |row| row.updated_at.as_microsecond()),
        column(rows, |row| i64::from(row.polls)),
    ]
}

const INSERT_GATEWAY_IDS: &str = "INSERT INTO gateway_ids (provider, gateway_id, order_id) SELECT \
     unnest($1::text[]), unnest($2::text[]), unnest($3::int8[])";

const INSERT_NOTICES: &str = "INSERT INTO notices (id, order_id, intent, seen, version, provider, \
     event_id, body_hash, kind, received_at) SELECT unnest($1::int8[]), unnest($2::int8[]), \
     unnest($3::text[]), unnest($4::text[]), unnest($5::int8[]), unnest($6::text[]), \
     unnest($7::text[]), unnest($8::bytea[]), unnest($9::text[]), unnest($10::int8[])";
const UPDATE_NOTICES: &str = "UPDATE notices t SET order_id = v.order_id, intent = \
     v.intent, seen = v.seen, version = v.version FROM (SELECT unnest($1::int8[]), \
     unnest($2::int8[]), unnest($3::text[]), unnest($4::text[]), unnest($5::int8[]), \
     unnest($6::int8[])) v(id, order_id, intent, seen, version, stored) WHERE t.id = v.id AND \
     t.version = v.stored";

const DELETE_NOTICES: &str = "DELETE FROM notices t USING (SELECT unnest($1::int8[]), \
     unnest($2::int8[])) v(id, stored) WHERE t.id = v.id AND t.version = v.stored";

fn notice_values<'a>(rows: &[&'a KeptNotice]) -> Result<Vec<Column<'a>>> {
    let words = |row: &&KeptNotice| {
        let seen = row.seen.as_ref().map(serde_json::to_string).transpose();
        seen.map_err(|error| corrupt("notices", error))
    };
    let seen = rows.iter().map(words).collect::<Result<Vec<_>>>()?;
    Ok(vec![
        column(rows, |row| row.id.number()),
        column(rows, |row| row.order_id.map(OrderId::number)),
        column(rows, |row| row.intent.as_ref().map(GatewayId::as_str)),
        column_of(seen),
        column(rows, |row| stored_version(row.version)),
    ])
}
