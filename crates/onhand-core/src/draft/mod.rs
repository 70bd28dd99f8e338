//! A decision in the making: reads rows (`rows.rs`), collects changes, movements and events, and is
//! thrown away whole on a refusal.

mod accounts;
mod imports;
mod outbox;
mod payments;
mod rows;
mod undo;
#[path = "warehouse.rs"]
mod warehouse_rows;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use outbox::OutboxChanges;
pub use warehouse_rows::WarehouseChanges;

use crate::accounts::{ApiKey, Session, User};
use crate::catalog::{Category, Product};
use crate::command::{Context, Decision, Numbering, Reply, Stop};
use crate::effects::Effect;
use crate::events::{Event, EventBody};
use crate::ids::{
    ApiKeyId, CategoryId, EndpointId, ImportId, JobId, LocationId, NoticeId, OrderId, ProductId,
    ReservationId, SessionId, SyncId, UserId,
};
use crate::imports::ImportRow;
use crate::inventory::{Level, Location, Mark, Move, Movement, Reservation};
use crate::limits::MOVEMENTS_PER_MARK;
use crate::orders::Order;
use crate::payments::{KeptNotice, Provider};
use crate::state::sort_locations;
use crate::text::{GatewayId, Sku};
use crate::warehouse;
use crate::{Needs, Refusal, State, Timestamp, Version};

/// Rows as a decision leaves them. A row's version says what it was before: one less.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Products.
    pub products: BTreeMap<ProductId, Arc<Product>>,
    /// Categories.
    pub categories: BTreeMap<CategoryId, Category>,
    /// All locations in the order of their priority, when one changed.
    pub locations: Option<Vec<Location>>,
    /// All levels of the products one of whose levels changed.
    pub levels: BTreeMap<ProductId, Vec<Level>>,
    /// Reservations.
    pub reservations: BTreeMap<ReservationId, Reservation>,
    /// Orders.
    pub orders: BTreeMap<OrderId, Arc<Order>>,
    /// Users.
    pub users: BTreeMap<UserId, Arc<User>>,
    /// Sessions.
    pub sessions: BTreeMap<SessionId, Session>,
    /// API keys.
    pub api_keys: BTreeMap<ApiKeyId, ApiKey>,
    /// Effects. One that is done is to be deleted.
    pub effects: BTreeMap<OrderId, Effect>,
    /// To which order an object of a gateway belongs, from now on and for ever.
    pub gateway_ids: BTreeMap<(Provider, GatewayId), OrderId>,
    /// Messages of gateways.
    pub notices: BTreeMap<NoticeId, KeptNotice>,
    /// Messages to forget, as they are stored.
    pub forgotten_notices: BTreeMap<NoticeId, KeptNotice>,
    /// What follows from the log, and who is told.
    pub outbox: OutboxChanges,
    /// What the external warehouse says.
    pub warehouse: WarehouseChanges,
    /// Imports.
    pub imports: BTreeMap<ImportId, ImportRow>,
}

/// A decision in the making.
#[derive(Debug)]
pub struct Draft<'a> {
    state: &'a State,
    context: &'a Context,
    numbering: Numbering,
    changes: Changes,
    movements: Vec<Movement>,
    marks: Vec<Mark>,
    events: Vec<Event>,
    /// Levels that became low. Their events come last, so that a movement's cause is the event of
    /// what was asked.
    low: Vec<(Sku, Level)>,
    /// Products that are new, by SKU; those that an attempt took back are not in the changes.
    new_skus: BTreeMap<Sku, ProductId>,
    undo: undo::Undo,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(state: &'a State, context: &'a Context) -> Self {
        Self {
            state,
            context,
            numbering: context.numbering,
            changes: Changes::default(),
            movements: Vec::new(),
            marks: Vec::new(),
            events: Vec::new(),
            low: Vec::new(),
            new_skus: BTreeMap::new(),
            undo: undo::Undo::default(),
        }
    }

    pub(crate) fn finish(mut self, reply: Reply) -> Decision {
        for (sku, level) in core::mem::take(&mut self.low) {
            self.emit("stock.low", EventBody::Level { sku, level });
        }
        self.tell_filled();
        Decision {
            changes: self.changes,
            movements: self.movements,
            marks: self.marks,
            events: self.events,
            reply,
            numbering: self.numbering,
        }
    }

    /// Names many rows at once, so that they are loaded in one step.
    pub(crate) fn need(&self, mut needs: Needs) -> Result<(), Stop> {
        self.state.subtract_known(&mut needs);
        needs.reservations.retain(|id| !self.changes.reservations.contains_key(id));
        needs.orders.retain(|id| !self.changes.orders.contains_key(id));
        needs.products.retain(|id| !self.changes.products.contains_key(id));
        needs.effects.retain(|id| !self.changes.effects.contains_key(id));
        needs.gateway_ids.retain(|key| !self.changes.gateway_ids.contains_key(key));
        if needs.is_empty() { Ok(()) } else { Err(Stop::Missing(Box::new(needs))) }
    }

    /// Names the reservations and products of an order at once.
    pub(crate) fn need_rows_of(&self, order: &Order) -> Result<(), Stop> {
        let mut needs = Needs::default();
        for line in &order.lines {
            needs.products.insert(line.product_id);
            needs.reservations.extend(line.allocations.iter().map(|part| part.reservation_id));
        }
        self.need(needs)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.context.now
    }

    /// The instant this many seconds from now; the end of time when there is no such instant.
    pub(crate) fn after_secs(&self, secs: i64) -> Timestamp {
        let later = self.context.now.checked_add(jiff::SignedDuration::from_secs(secs));
        later.unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn expect_version(
        &self,
        expected: Option<Version>,
        actual: Version,
    ) -> Result<(), Stop> {
        match expected {
            Some(expected) if expected != actual => {
                Err(Refusal::VersionMismatch { expected, actual }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn put_product(&mut self, product: Arc<Product>) {
        if product.version == 1 {
            self.new_skus.insert(product.sku.clone(), product.id);
        }
        self.put(|changes| &mut changes.products, product.id, product);
    }

    pub(crate) fn put_category(&mut self, category: Category) {
        self.put(|changes| &mut changes.categories, category.id, category);
    }

    pub(crate) fn put_location(&mut self, location: Location) -> Result<(), Stop> {
        let mut locations = self.locations()?.to_vec();
        locations.retain(|other| other.id != location.id);
        locations.push(location);
        sort_locations(&mut locations);
        let before = self.changes.locations.replace(locations);
        self.note_undo(|changes| changes.locations = before);
        Ok(())
    }

    pub(crate) fn put_reservation(&mut self, reservation: Reservation) {
        self.put(|changes| &mut changes.reservations, reservation.id, reservation);
    }

    /// Stores a changed reservation of an order.
    pub(crate) fn save_reservation(&mut self, mut reservation: Reservation) {
        reservation.version += 1;
        reservation.updated_at = self.now();
        self.put_reservation(reservation);
    }

    pub(crate) fn put_order(&mut self, order: Arc<Order>) {
        self.put(|changes| &mut changes.orders, order.id, order);
    }

    /// Stores a changed order with the event that says so.
    pub(crate) fn save_order(
        &mut self,
        mut order: Order,
        event: &'static str,
    ) -> Result<Arc<Order>, Stop> {
        let previous = order.last_event;
        order.version += 1;
        order.updated_at = self.now();
        order.last_event = self.numbering.event;
        let order = Arc::new(order);
        self.put_order(order.clone());
        self.emit_after(previous, event, EventBody::Order(order.clone()));
        Ok(order)
    }

    pub(crate) fn put_level(&mut self, level: Level) -> Result<(), Stop> {
        let product_id = level.product_id;
        let mut levels = self.levels(product_id)?.to_vec();
        match levels.binary_search_by_key(&level.location_id, |level| level.location_id) {
            Ok(position) => levels[position] = level,
            Err(position) => levels.insert(position, level),
        }
        self.put(|changes| &mut changes.levels, product_id, levels);
        Ok(())
    }

    /// The one door through which stock changes: moves the level, writes the ledger, leaves a mark
    /// and raises the low-stock alert. What becomes free where units are missing fills that gap
    /// first.
    ///
    /// # Panics
    /// As [`Self::post`].
    pub(crate) fn move_stock(
        &mut self,
        product: &Product,
        location_id: LocationId,
        change: Move,
    ) -> Result<&Movement, Stop> {
        let newest = self.movements.len();
        self.post(product, location_id, change)?;
        warehouse::fill(self, product, location_id)?;
        Ok(&self.movements[newest])
    }

    /// Moves the level as it is asked to. Only for rules that say themselves what is missing.
    ///
    /// # Panics
    /// When a rule lets a figure fall below zero or promises more than there is: a mistake in a
    /// rule.
    pub(crate) fn post(
        &mut self,
        product: &Product,
        location_id: LocationId,
        change: Move,
    ) -> Result<&Movement, Stop> {
        let before = self.level(product.id, location_id)?;
        let on_hand_after = before.on_hand + change.delta_on_hand;
        let reserved_after = before.reserved + change.delta_reserved;
        assert!(reserved_after >= 0, "{}: reserved fell below zero", product.sku);
        assert!(on_hand_after >= reserved_after, "{}: promised more than is there", product.sku);
        assert!(
            change.kind.moves_units() || change.delta_on_hand == 0,
            "{}: a promise does not move units",
            product.sku
        );
        let movement = Movement {
            seq: self.next_movement_seq(),
            product_id: product.id,
            location_id,
            kind: change.kind,
            reason: change.reason,
            reference: change.reference,
            actor: self.context.actor.clone(),
            delta_on_hand: change.delta_on_hand,
            delta_reserved: change.delta_reserved,
            on_hand_after,
            reserved_after,
            occurred_at: change.occurred_at.unwrap_or(self.context.now),
            recorded_at: self.context.now,
            previous: before.last_movement,
            ordinal: before.movements + 1,
            cause: self.numbering.event,
        };
        let mut level = before.clone();
        level.take_in(&movement);
        if level.movements.is_multiple_of(MOVEMENTS_PER_MARK) {
            self.marks.push(Mark {
                product_id: product.id,
                location_id,
                ordinal: level.movements,
                seq: movement.seq,
                recorded_at: movement.recorded_at,
                totals: level.totals,
            });
        }
        self.alert_if_low(&product.sku, &before, &level);
        self.put_level(level)?;
        let newest = self.movements.len();
        self.movements.push(movement);
        Ok(&self.movements[newest])
    }

    /// Says once that the stock has become low: when it crosses the threshold downwards.
    pub(crate) fn alert_if_low(&mut self, sku: &Sku, before: &Level, after: &Level) {
        let was_low = before.available() < before.low_stock_threshold;
        let is_low = after.available() < after.low_stock_threshold;
        if is_low && !was_low {
            self.low.push((sku.clone(), after.clone()));
        }
    }

    /// The position that the next event will have.
    pub(crate) fn next_event_seq(&self) -> i64 {
        self.numbering.event
    }

    pub(crate) fn emit(&mut self, kind: &'static str, body: EventBody) {
        self.emit_after(0, kind, body);
    }

    fn emit_after(&mut self, previous: i64, kind: &'static str, body: EventBody) {
        let seq = self.numbering.event;
        self.numbering.event += 1;
        self.events.push(Event {
            seq,
            kind,
            previous,
            actor: self.context.actor.clone(),
            recorded_at: self.context.now,
            body,
        });
    }

    fn next_movement_seq(&mut self) -> i64 {
        let seq = self.numbering.movement;
        self.numbering.movement += 1;
        seq
    }
}

macro_rules! next_ids {
    ($($method:ident: $field:ident, $kind:ident;)+) => {
        impl Draft<'_> {$(
            /// A fresh id.
            ///
            /// # Panics
            /// Beyond 2^53 ids of one kind.
            pub(crate) fn $method(&mut self) -> $kind {
                let number = self.numbering.$field;
                self.numbering.$field += 1;
                match $kind::new(number) {
                    Some(id) => id,
                    None => panic!("out of ids: {number}"),
                }
            }
        )+}
    };
}

next_ids! {
    next_product_id: product, ProductId;
    next_category_id: category, CategoryId;
    next_location_id: location, LocationId;
    next_reservation_id: reservation, ReservationId;
    next_order_id: order, OrderId;
    next_user_id: user, UserId;
    next_session_id: session, SessionId;
    next_api_key_id: api_key, ApiKeyId;
    next_notice_id: notice, NoticeId;
    next_endpoint_id: endpoint, EndpointId;
    next_job_id: job, JobId;
    next_sync_id: sync, SyncId;
}
