//! A world in memory for the rules: answers what a decision misses, carries out what it decides,
//! and checks after every step that nothing is promised that is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use onhand_core::accounts::Access;
use onhand_core::catalog::{self, NewProduct, ProductRef};
use onhand_core::command::{Context, Decision, Numbering};
use onhand_core::effects::{Effect, EffectState};
use onhand_core::events::TYPES;
use onhand_core::ids::{ImportId, LocationId, NoticeId, OrderId, ProductId, ReservationId};
use onhand_core::imports::ImportRow;
use onhand_core::inventory::{self, Adjustment, Level, NewLocation, Reservation};
use onhand_core::orders::{
    self, OpenOrder, Order, PaymentTerms, PlaceItem, PlaceOrder, TRANSITIONS,
};
use onhand_core::payments::{self, KeptNotice, Policy, Provider};
use onhand_core::text::{GatewayId, Name, Reason, Sku, Text};
use onhand_core::{
    Actor, Command, EventBody, Money, Needs, Quantity, Refusal, State, Stop, Subject, Timestamp,
    decide,
};

use crate::shelf::Shelf;

/// Everything that is remembered.
pub(crate) struct World {
    state: State,
    pub(crate) now: Timestamp,
    numbering: Numbering,
    pub(crate) levels: BTreeMap<(ProductId, LocationId), Level>,
    pub(crate) reservations: BTreeMap<ReservationId, Reservation>,
    pub(crate) orders: BTreeMap<OrderId, Arc<Order>>,
    pub(crate) effects: BTreeMap<OrderId, Effect>,
    pub(crate) gateway_ids: BTreeMap<(Provider, GatewayId), OrderId>,
    pub(crate) notices: BTreeMap<NoticeId, KeptNotice>,
    pub(crate) imports: BTreeMap<ImportId, ImportRow>,
    pub(crate) policy: Arc<Policy>,
    /// What every event so far has said.
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) shelf: Shelf,
}

pub(crate) fn sku(name: &str) -> ProductRef {
    ProductRef::Sku(Sku::new(name).unwrap())
}

pub(crate) fn units(count: i64) -> Quantity {
    Quantity::new(count).unwrap()
}

/// A command that places an order, which waits for its payment for `hold_secs` when that is given.
pub(crate) fn place(items: &[(&str, i64)], hold_secs: Option<i64>) -> Command {
    let item =
        |(name, count): &(&str, i64)| PlaceItem { product: sku(name), quantity: units(*count) };
    let awaited = |hold_secs| PaymentTerms::Awaited { hold_secs, through: None };
    let payment = hold_secs.map_or(PaymentTerms::NotRequired, awaited);
    Command::Orders(orders::Command::Place(PlaceOrder {
        items: items.iter().map(item).collect(),
        customer_id: None,
        payment,
        payment_method: None,
        shipping_address: None,
        expected_total: None,
        external_reference: None,
        metadata: orders::Metadata::new(),
    }))
}

impl World {
    /// A world with locations, and of each product so many units at each of them.
    pub(crate) fn with(locations: &[&str], products: &[(&str, &[i64])]) -> Self {
        let mut world = Self {
            state: State::default(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            numbering: Numbering::FIRST,
            levels: BTreeMap::new(),
            reservations: BTreeMap::new(),
            orders: BTreeMap::new(),
            effects: BTreeMap::new(),
            gateway_ids: BTreeMap::new(),
            notices: BTreeMap::new(),
            imports: BTreeMap::new(),
            policy: Arc::default(),
            kinds: Vec::new(),
            shelf: Shelf::default(),
        };
        for (priority, code) in (0..).zip(locations) {
            let name = Name::new(*code).unwrap();
            let new = NewLocation { code: name.clone(), name, priority, active: true };
            world.ask(&Command::Inventory(inventory::Command::CreateLocation(new))).unwrap();
        }
        for (name, stock) in products {
            let new = NewProduct {
                sku: Sku::new(*name).unwrap(),
                name: Name::new(*name).unwrap(),
                description: Text::default(),
                price: Money::new(100, "INR".parse().unwrap()),
                category_ids: Vec::new(),
                active: true,
            };
            world.ask(&Command::Catalog(catalog::Command::CreateProduct(new))).unwrap();
            for (location, count) in (1..).zip(*stock).filter(|(_, count)| **count > 0) {
                world.receive(name, location, *count);
            }
        }
        world
    }

    fn receive(&mut self, name: &str, location: i64, count: i64) {
        let entry = Adjustment {
            product: sku(name),
            location_id: LocationId::new(location),
            delta: count,
            reason: Reason::new("received").unwrap(),
            reference: None,
            occurred_at: None,
        };
        self.ask(&Command::Inventory(inventory::Command::Adjust(vec![entry]))).unwrap();
    }

    /// Asks for a decision and carries it out.
    pub(crate) fn ask(&mut self, command: &Command) -> Result<Decision, Refusal> {
        self.ask_with(Access::WHOLE, command)
    }

    /// Asks for a decision with what a caller was let in with, and carries it out.
    pub(crate) fn ask_with(
        &mut self,
        access: Access,
        command: &Command,
    ) -> Result<Decision, Refusal> {
        let (now, actor, numbering) = (self.now, Actor::Local, self.numbering);
        let policy = self.policy.clone();
        let context = Context { now, actor, access, numbering, policy };
        self.state.end_batch(usize::MAX);
        loop {
            match decide(&self.state, command, &context) {
                Ok(decision) => {
                    self.carry_out(&decision);
                    return Ok(decision);
                }
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Missing(needs)) => self.load(&needs),
            }
        }
    }

    /// The code of the refusal, or `ok`; checks every promise afterwards.
    pub(crate) fn code(&mut self, command: &Command) -> &'static str {
        let code = match self.ask(command) {
            Ok(_) => "ok",
            Err(refusal) => refusal.code(),
        };
        self.check();
        code
    }

    fn load(&mut self, needs: &Needs) {
        assert!(!needs.is_empty(), "a rule misses nothing and yet does not decide");
        self.shelf.load(needs, &self.levels, &self.orders, &mut self.state);
        for id in &needs.products {
            self.state.load_product(*id, None);
        }
        for name in &needs.skus {
            self.state.load_sku(name.clone(), None);
        }
        if needs.locations {
            self.state.load_locations(Vec::new());
        }
        for id in &needs.reservations {
            self.state.load_reservation(*id, self.reservations.get(id).cloned());
        }
        for id in &needs.orders {
            self.state.load_order(*id, self.orders.get(id).map(|order| (**order).clone()));
        }
        for id in &needs.open_orders {
            let open = self.orders.values().filter_map(|order| {
                let (customer, open) = OpenOrder::of(order)?;
                (customer == *id).then_some((order.id, open))
            });
            self.state.load_open_orders(*id, open.collect());
        }
        self.load_payments(needs);
        for id in &needs.imports {
            self.state.load_import(*id, self.imports.get(id).cloned());
        }
        for reference in &needs.references {
            let mut orders = self.orders.values();
            let order = orders.find(|order| order.external_reference.as_ref() == Some(reference));
            self.state.load_reference(reference.clone(), order.map(|order| order.id));
        }
        for key in &needs.holds_of {
            let rows = self.reservations.values().filter(|row| row.holder().as_ref() == Some(key));
            self.state.load_holds_of(key.clone(), rows.cloned().collect());
        }
        let due = |product: Option<ProductId>| -> Vec<ReservationId> {
            let rows = self.reservations.values().filter(|row| row.is_due(self.now));
            rows.filter(|row| product.is_none_or(|id| id == row.product_id))
                .map(|row| row.id)
                .collect()
        };
        for id in &needs.expired_holds {
            let holds = due(Some(*id));
            self.state.load_expired_holds(*id, holds);
        }
        if needs.due.is_some() {
            let holds = due(None);
            self.state.load_due(holds);
        }
    }

    fn load_payments(&mut self, needs: &Needs) {
        for id in &needs.effects {
            self.state.load_effect(*id, self.effects.get(id).cloned());
        }
        if let Some(most) = needs.due_effects {
            let due = self
                .effects
                .values()
                .filter(|effect| effect.state == EffectState::Waiting && effect.due_at <= self.now);
            let mut due: Vec<_> = due.cloned().collect();
            due.sort_by_key(|effect| (effect.due_at, effect.order_id));
            due.truncate(most);
            self.state.load_due_effects(due);
        }
        for key in &needs.gateway_ids {
            self.state.load_gateway_id(key.clone(), self.gateway_ids.get(key).copied());
        }
        for key in &needs.notices {
            let is_here = self.notices.values().any(|notice| notice.keys().contains(key));
            self.state.load_notice(key.clone(), is_here);
        }
        for key in &needs.waiting_notices {
            let waiting = self.notices.values().filter(|notice| {
                notice.provider == key.0 && notice.intent.as_ref() == Some(&key.1)
            });
            self.state.load_waiting_notices(key.clone(), waiting.cloned().collect());
        }
    }

    fn carry_out(&mut self, decision: &Decision) {
        assert!(
            !decision.events.is_empty() || decision.movements.is_empty(),
            "moved without a word"
        );
        self.check_numbers(decision);
        self.kinds.extend(decision.events.iter().map(|event| event.kind));
        assert!(self.kinds.iter().all(|kind| TYPES.contains(kind)), "{:?}", self.kinds.last());
        let changes = decision.changes.clone();
        for level in changes.levels.values().flatten() {
            self.levels.insert((level.product_id, level.location_id), level.clone());
        }
        self.reservations.extend(changes.reservations.clone());
        for (id, order) in &changes.orders {
            if let Some(before) = self.orders.insert(*id, order.clone()) {
                // A payment says what happened to it and what follows for the order, one by one.
                let events = decision
                    .events
                    .iter()
                    .filter(|event| event.body.subject() == Some(Subject::Order(*id)));
                assert_eq!(order.version, before.version + events.count() as u64);
                self.check_path(&before, decision);
            }
        }
        for (id, effect) in &changes.effects {
            match effect.state {
                EffectState::Done => self.effects.remove(id),
                EffectState::Waiting | EffectState::Dead => {
                    self.effects.insert(*id, effect.clone())
                }
            };
        }
        for (key, order_id) in &changes.gateway_ids {
            assert!(self.gateway_ids.insert(key.clone(), *order_id).is_none(), "{key:?} twice");
        }
        self.notices.extend(changes.notices.clone());
        self.shelf.carry_out(&changes, &decision.movements);
        self.imports.extend(changes.imports.clone());
        self.state.apply(changes, &decision.movements);
        self.numbering = decision.numbering;
    }

    /// Each event of an order leaves it at a state to which there is an arrow from where it was.
    fn check_path(&self, before: &Order, decision: &Decision) {
        let mut status = before.status;
        for event in &decision.events {
            let EventBody::Order(order) = &event.body else { continue };
            if order.id == before.id {
                let is_arrow = TRANSITIONS
                    .iter()
                    .any(|arrow| arrow.from == status && arrow.to == order.status);
                assert!(is_arrow || event.kind.starts_with("payment."), "{status:?} {event:?}");
                assert!(is_arrow || status == order.status, "{status:?} {event:?}");
                status = order.status;
            }
        }
    }

    fn check_numbers(&self, decision: &Decision) {
        let movements = decision.movements.iter().map(|movement| movement.seq);
        assert!(movements.eq(self.numbering.movement..decision.numbering.movement));
        let events = decision.events.iter().map(|event| event.seq);
        assert!(events.eq(self.numbering.event..decision.numbering.event));
        for movement in &decision.movements {
            assert!(decision.events.iter().any(|event| event.seq == movement.cause));
        }
    }

    /// The invariants I6, I7, I8, I20 and I21 of the reliability document.
    pub(crate) fn check(&self) {
        self.shelf.check(&self.levels);
        for ((product, location), level) in &self.levels {
            assert_eq!(level.on_hand, level.totals.sum());
            assert!(level.reserved >= 0 && level.on_hand >= level.reserved, "{level:?}");
            let here = self
                .reservations
                .values()
                .filter(|row| row.product_id == *product && row.location_id == *location);
            assert_eq!(level.reserved, here.map(Reservation::open).sum::<i64>());
        }
        for order in self.orders.values() {
            assert_eq!(payments::violations(order), Vec::<String>::new(), "{order:#?}");
            assert_eq!(payments::owes(order), self.effects.contains_key(&order.id), "{order:#?}");
            for line in &order.lines {
                let rows =
                    line.allocations.iter().map(|part| &self.reservations[&part.reservation_id]);
                let (mut open, mut consumed) = (0, 0);
                for row in rows {
                    open += row.open();
                    consumed += row.consumed;
                }
                assert_eq!(consumed, line.fulfilled);
                assert!(line.returned <= line.fulfilled && line.fulfilled <= line.quantity);
                let is_open = orders::allowed(order.status)
                    .any(|arrow| arrow.action == orders::Action::Fulfil)
                    || order.status == orders::Status::Pending;
                let covered = if is_open { line.quantity - line.fulfilled } else { 0 };
                assert_eq!(open, covered, "{order:?}");
            }
        }
    }
}
