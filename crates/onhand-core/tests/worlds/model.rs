//! The rules once more, in the most naive form there is: plain maps, loops over everything, and
//! what is promised counted anew each time. It knows no versions, events, ledger or loading, and
//! must not be made clever: it is what the real rules are compared with.

use std::collections::BTreeMap;

use onhand_core::orders::Status;

use crate::step::Step;

/// Done, or the code of the refusal.
pub(crate) type Outcome = Result<(), &'static str>;

const LOCATIONS: [i64; 2] = [1, 2];

/// Everything that is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    now: i64,
    active: BTreeMap<i64, bool>,
    /// By product and location.
    on_hand: BTreeMap<(i64, i64), i64>,
    held_back: BTreeMap<(i64, i64), i64>,
    /// Number 1 first.
    pub(crate) promises: Vec<Promise>,
    /// Number 1 first.
    pub(crate) orders: Vec<Order>,
}

/// Units promised at one location.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    product: i64,
    location: i64,
    quantity: i64,
    pub(crate) left: i64,
    ends: Option<i64>,
    order: Option<usize>,
    holder: Option<i64>,
}

/// An order.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) status: Status,
    ends: Option<i64>,
    pub(crate) lines: Vec<Line>,
}

/// One product of an order.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    product: i64,
    pub(crate) quantity: i64,
    pub(crate) fulfilled: i64,
    pub(crate) returned: i64,
    /// Positions in the list of promises.
    promises: Vec<usize>,
}

impl Model {
    /// Two locations and two products, of which so much is at each location.
    pub(crate) fn new(stock: [[i64; 2]; 2]) -> Self {
        let mut on_hand = BTreeMap::new();
        for (product, at) in (1..).zip(stock) {
            on_hand.extend(LOCATIONS.into_iter().zip(at).map(|(l, units)| ((product, l), units)));
        }
        let active = LOCATIONS.into_iter().map(|location| (location, true)).collect();
        let (promises, orders) = (Vec::new(), Vec::new());
        Self { now: 0, active, on_hand, held_back: BTreeMap::new(), promises, orders }
    }

    pub(crate) fn order_number(&self, back: usize) -> i64 {
        number(self.orders.len(), back)
    }

    pub(crate) fn promise_number(&self, back: usize) -> i64 {
        number(self.promises.len(), back)
    }

    pub(crate) fn on_hand(&self, product: i64, location: i64) -> i64 {
        self.on_hand.get(&(product, location)).copied().unwrap_or(0)
    }

    /// What a caller who names this location, or none, sees on hand.
    pub(crate) fn on_hand_at_target(&self, product: i64, named: Option<i64>) -> i64 {
        self.target(named).map_or(0, |location| self.on_hand(product, location))
    }

    pub(crate) fn reserved(&self, product: i64, location: i64) -> i64 {
        let here = |one: &&Promise| one.product == product && one.location == location;
        self.promises.iter().filter(here).map(|one| one.left).sum()
    }

    pub(crate) fn available(&self, product: i64, location: i64) -> i64 {
        let held_back = self.held_back.get(&(product, location)).copied().unwrap_or(0);
        (self.on_hand(product, location) - self.reserved(product, location) - held_back).max(0)
    }

    /// Lets a step happen. What is refused leaves nothing behind.
    pub(crate) fn step(&mut self, step: &Step) -> Outcome {
        let mut after = self.clone();
        let outcome = after.happen(step);
        if outcome.is_ok() {
            *self = after;
        }
        outcome
    }

    fn happen(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Place { items, hold_secs } => self.place(items, *hold_secs),
            Step::Confirm(back) => self.confirm(*back),
            Step::Process(back) => self.process(*back),
            Step::Cancel(back) => self.cancel(*back),
            Step::Fulfil { order, lines } => self.fulfil(*order, lines.as_deref()),
            Step::Deliver(back) => self.deliver(*back),
            Step::Return { order, lines, to, restock } => {
                self.give_back(*order, lines.as_deref(), *to, *restock)
            }
            Step::Adjust(entries) => self.adjust(entries),
            Step::Count { product, location, counted, off } => {
                self.count(*product, *location, *counted, *off)
            }
            Step::Transfer { product, from, to, units } => {
                self.transfer(*product, *from, *to, *units)
            }
            Step::HoldBack { product, location, units } => {
                self.held_back.insert((*product, *location), *units);
                Ok(())
            }
            Step::Activate { location, active } => {
                *self.active.get_mut(location).ok_or("unknown_location")? = *active;
                Ok(())
            }
            Step::Hold { items, hold_secs } => self.hold(items, *hold_secs),
            Step::HoldOnce { holder, product, units, hold_secs } => {
                self.hold_once(*holder, *product, *units, *hold_secs)
            }
            Step::ReleaseOf { holder, product, units } => {
                self.release_of(*holder, *product, *units)
            }
            Step::Extend { hold, hold_secs } => {
                let hold = self.own_promise(*hold)?;
                self.promises[hold].ends = Some(self.now + hold_secs);
                Ok(())
            }
            Step::Release { hold, units } => self.end(*hold, *units).map(|_| ()),
            Step::Consume { hold, units } => {
                let (product, location, units) = self.end(*hold, *units)?;
                self.move_units(product, location, -units);
                Ok(())
            }
            Step::Sweep { most } => {
                let due = self.due(None);
                self.expire(due.into_iter().take(*most).collect());
                Ok(())
            }
            Step::TimePasses { secs } => {
                self.now += secs;
                Ok(())
            }
        }
    }

    fn place(&mut self, items: &[(i64, i64)], hold_secs: Option<i64>) -> Outcome {
        let mut sums: Vec<(i64, Option<i64>, i64)> = Vec::new();
        for (product, units) in items {
            match sums.iter_mut().find(|sum| sum.0 == *product) {
                Some(sum) => sum.2 += units,
                None => sums.push((*product, None, *units)),
            }
        }
        let ends = hold_secs.map(|secs| self.now + secs);
        let promised = self.promise(&sums, ends, Some(self.orders.len()))?;
        let line = |(sum, promises): (&(i64, Option<i64>, i64), Vec<usize>)| Line {
            product: sum.0,
            quantity: sum.2,
            fulfilled: 0,
            returned: 0,
            promises,
        };
        let lines = sums.iter().zip(promised).map(line).collect();
        let status = if ends.is_some() { Status::Pending } else { Status::Confirmed };
        self.orders.push(Order { status, ends, lines });
        Ok(())
    }

    fn confirm(&mut self, back: usize) -> Outcome {
        let now = self.now;
        let order = self.order(back)?;
        if order.status != Status::Pending {
            return Err("invalid_transition");
        }
        if order.ends.is_some_and(|ends| ends <= now) {
            return Err("reservation_expired");
        }
        order.status = Status::Confirmed;
        let promises: Vec<_> = order.lines.iter().flat_map(|line| line.promises.clone()).collect();
        for promise in promises {
            self.promises[promise].ends = None;
        }
        Ok(())
    }

    fn process(&mut self, back: usize) -> Outcome {
        let order = self.order(back)?;
        if order.status != Status::Confirmed {
            return Err("invalid_transition");
        }
        order.status = Status::Processing;
        Ok(())
    }

    fn cancel(&mut self, back: usize) -> Outcome {
        let order = self.order(back)?;
        if ![Status::Pending, Status::Confirmed, Status::Processing].contains(&order.status) {
            return Err("invalid_transition");
        }
        order.status = Status::Cancelled;
        let promises: Vec<_> = order.lines.iter().flat_map(|line| line.promises.clone()).collect();
        for promise in promises {
            self.promises[promise].left = 0;
        }
        Ok(())
    }

    fn fulfil(&mut self, back: usize, lines: Option<&[(u32, i64)]>) -> Outcome {
        let order = self.order(back)?;
        let may_leave = [Status::Confirmed, Status::Processing, Status::PartiallyFulfilled];
        if !may_leave.contains(&order.status) {
            return Err("invalid_transition");
        }
        let parts = order.parts(lines, |line| line.quantity - line.fulfilled)?;
        for (line, units) in &parts {
            order.lines[*line].fulfilled += units;
        }
        let is_complete = order.lines.iter().all(|line| line.fulfilled == line.quantity);
        order.status = if is_complete { Status::Fulfilled } else { Status::PartiallyFulfilled };
        let lines = order.lines.clone();
        for (line, units) in parts {
            let mut missing = units;
            for promise in &lines[line].promises {
                let promise = &mut self.promises[*promise];
                let taken = promise.left.min(missing);
                promise.left -= taken;
                missing -= taken;
                let place = (promise.product, promise.location);
                self.move_units(place.0, place.1, -taken);
            }
            assert_eq!(missing, 0);
        }
        Ok(())
    }

    fn deliver(&mut self, back: usize) -> Outcome {
        let order = self.order(back)?;
        if order.status != Status::Fulfilled {
            return Err("invalid_transition");
        }
        order.status = Status::Delivered;
        Ok(())
    }

    fn give_back(
        &mut self,
        back: usize,
        lines: Option<&[(u32, i64)]>,
        to: Option<i64>,
        restock: bool,
    ) -> Outcome {
        let order = self.order(back)?;
        let can_return = [Status::PartiallyFulfilled, Status::Fulfilled, Status::Delivered];
        if !can_return.contains(&order.status) {
            return Err("invalid_transition");
        }
        let parts = order.parts(lines, |line| line.fulfilled - line.returned)?;
        for (line, units) in &parts {
            order.lines[*line].returned += units;
        }
        if order.lines.iter().all(|line| line.returned == line.quantity) {
            order.status = Status::Returned;
        }
        let lines = order.lines.clone();
        if let Some(to) = to {
            self.known(to)?;
        }
        for (line, units) in parts.into_iter().filter(|_| restock) {
            let came_from = self.promises[lines[line].promises[0]].location;
            self.move_units(lines[line].product, to.unwrap_or(came_from), units);
        }
        Ok(())
    }

    fn adjust(&mut self, entries: &[(i64, Option<i64>, i64)]) -> Outcome {
        for (product, named, delta) in entries {
            let location = self.target(*named)?;
            let after = self.on_hand(*product, location) + delta;
            if *delta < 0 {
                self.free_for(*product, |model| after >= model.reserved(*product, location))
                    .ok_or("insufficient_stock")?;
            }
            self.move_units(*product, location, *delta);
        }
        Ok(())
    }

    fn count(
        &mut self,
        product: i64,
        named: Option<i64>,
        counted: i64,
        off: Option<i64>,
    ) -> Outcome {
        let location = self.target(named)?;
        if off.is_some_and(|off| off != 0) {
            return Err("change_from_quantity_stale");
        }
        self.free_for(product, |model| counted >= model.reserved(product, location))
            .ok_or("count_below_reserved")?;
        self.on_hand.insert((product, location), counted);
        Ok(())
    }

    fn transfer(&mut self, product: i64, from: i64, to: i64, units: i64) -> Outcome {
        self.known(from)?;
        self.known(to)?;
        self.free_for(product, |model| model.available(product, from) >= units)
            .ok_or("insufficient_stock")?;
        self.move_units(product, from, -units);
        self.move_units(product, to, units);
        Ok(())
    }

    fn hold(&mut self, items: &[(i64, Option<i64>, i64)], hold_secs: i64) -> Outcome {
        for (_, named, _) in items {
            named.map_or(Ok(()), |location| self.known(location))?;
        }
        self.promise(items, Some(self.now + hold_secs), None).map(|_| ())
    }
}

/// What a holder has.
impl Model {
    fn hold_once(&mut self, holder: i64, product: i64, units: i64, hold_secs: i64) -> Outcome {
        let promises = self.promises.iter().filter(|one| self.is_held(one, holder, product));
        let promised: i64 = promises.map(|one| one.quantity).sum();
        if promised == units {
            return Ok(());
        }
        if promised > 0 {
            return Err("holds_already");
        }
        let made = self.promise(&[(product, None, units)], Some(self.now + hold_secs), None)?;
        for position in made.into_iter().flatten() {
            self.promises[position].holder = Some(holder);
        }
        Ok(())
    }

    fn release_of(&mut self, holder: i64, product: i64, units: i64) -> Outcome {
        let mut missing = units;
        for position in 0..self.promises.len() {
            if self.is_held(&self.promises[position], holder, product) {
                let units = self.promises[position].left.min(missing);
                self.promises[position].left -= units;
                missing -= units;
            }
        }
        if missing == 0 { Ok(()) } else { Err("holds_less") }
    }

    fn is_held(&self, promise: &Promise, holder: i64, product: i64) -> bool {
        let is_there = promise.left > 0 && promise.ends.is_none_or(|ends| ends > self.now);
        is_there && (promise.holder, promise.product) == (Some(holder), product)
    }
}

/// What several steps need.
impl Model {
    fn order(&mut self, back: usize) -> Result<&mut Order, &'static str> {
        let number = usize::try_from(self.order_number(back)).unwrap();
        self.orders.get_mut(number - 1).ok_or("unknown_order")
    }

    /// The promise, when it is still open and nobody's order's.
    fn own_promise(&self, back: usize) -> Result<usize, &'static str> {
        let position = usize::try_from(self.promise_number(back)).unwrap() - 1;
        let promise = self.promises.get(position).ok_or("unknown_reservation")?;
        if promise.order.is_some() {
            return Err("reservation_of_order");
        }
        if promise.left == 0 {
            return Err("reservation_ended");
        }
        if promise.ends.is_some_and(|ends| ends <= self.now) {
            return Err("reservation_expired");
        }
        Ok(position)
    }

    /// Ends units of a promise; answers of what, where and how many.
    fn end(&mut self, back: usize, units: Option<i64>) -> Result<(i64, i64, i64), &'static str> {
        let position = self.own_promise(back)?;
        let promise = &mut self.promises[position];
        let units = units.unwrap_or(promise.left);
        if units > promise.left {
            return Err("more_than_held");
        }
        promise.left -= units;
        Ok((promise.product, promise.location, units))
    }

    fn move_units(&mut self, product: i64, location: i64, units: i64) {
        *self.on_hand.entry((product, location)).or_default() += units;
    }

    fn known(&self, location: i64) -> Outcome {
        if self.active.contains_key(&location) { Ok(()) } else { Err("unknown_location") }
    }

    fn target(&self, named: Option<i64>) -> Result<i64, &'static str> {
        match named {
            Some(location) => self.known(location).map(|()| location),
            None => self.places(None).first().copied().ok_or("no_location"),
        }
    }

    /// Where may be promised from.
    fn places(&self, named: Option<i64>) -> Vec<i64> {
        let is_asked = |location: &i64| named.is_none_or(|named| named == *location);
        LOCATIONS.into_iter().filter(|one| self.active[one]).filter(is_asked).collect()
    }

    fn available_in_all(&self, product: i64, named: Option<i64>) -> i64 {
        self.places(named).into_iter().map(|location| self.available(product, location)).sum()
    }

    /// Promises everything or nothing; answers the promises made for each demand.
    fn promise(
        &mut self,
        demands: &[(i64, Option<i64>, i64)],
        ends: Option<i64>,
        order: Option<usize>,
    ) -> Result<Vec<Vec<usize>>, &'static str> {
        let mut sums: BTreeMap<(i64, Option<i64>), i64> = BTreeMap::new();
        for (product, named, units) in demands {
            *sums.entry((*product, *named)).or_default() += units;
        }
        for ((product, named), units) in &sums {
            if self.available_in_all(*product, *named) < *units {
                self.expire(self.due(Some(*product)));
            }
        }
        for ((product, named), units) in &sums {
            if self.available_in_all(*product, *named) < *units {
                return Err("insufficient_stock");
            }
        }
        let mut promised = Vec::new();
        for (product, named, units) in demands {
            let places = self.places(*named);
            let whole = places.iter().find(|place| self.available(*product, **place) >= *units);
            let (mut made, mut missing) = (Vec::new(), *units);
            for location in whole.map_or(places.clone(), |place| vec![*place]) {
                let left = self.available(*product, location).min(missing);
                if left > 0 {
                    made.push(self.promises.len());
                    let (product, quantity, holder) = (*product, left, None);
                    let promise =
                        Promise { product, location, quantity, left, ends, order, holder };
                    self.promises.push(promise);
                    missing -= left;
                }
            }
            if missing > 0 {
                return Err("insufficient_stock");
            }
            promised.push(made);
        }
        Ok(promised)
    }

    /// Frees what has run out when that is needed; none when it does not help.
    fn free_for(&mut self, product: i64, suffices: impl Fn(&Self) -> bool) -> Option<()> {
        if !suffices(self) {
            self.expire(self.due(Some(product)));
        }
        suffices(self).then_some(())
    }

    /// Promises that have run out.
    fn due(&self, product: Option<i64>) -> Vec<usize> {
        let is_due = |one: &Promise| one.left > 0 && one.ends.is_some_and(|ends| ends <= self.now);
        let asked = |one: &Promise| product.is_none_or(|product| product == one.product);
        (0..self.promises.len())
            .filter(|position| is_due(&self.promises[*position]))
            .filter(|position| asked(&self.promises[*position]))
            .collect()
    }

    /// Frees promises, an order's all together.
    fn expire(&mut self, promises: Vec<usize>) {
        for position in promises {
            self.promises[position].left = 0;
            if let Some(order) = self.promises[position].order {
                self.orders[order].status = Status::Expired;
                for promise in self.promises.iter_mut().filter(|one| one.order == Some(order)) {
                    promise.left = 0;
                }
            }
        }
    }
}

impl Order {
    /// Positions of lines and units: those that are named, or all that are left.
    fn parts(
        &self,
        named: Option<&[(u32, i64)]>,
        left: fn(&Line) -> i64,
    ) -> Result<Vec<(usize, i64)>, &'static str> {
        let mut sums: Vec<(usize, i64)> = Vec::new();
        match named {
            Some(named) => {
                for (line, units) in named {
                    let position = usize::try_from(*line).unwrap() - 1;
                    match sums.iter_mut().find(|sum| sum.0 == position) {
                        Some(sum) => sum.1 += units,
                        None => sums.push((position, *units)),
                    }
                }
            }
            None => sums.extend(self.lines.iter().map(left).enumerate()),
        }
        sums.retain(|(_, units)| *units > 0);
        // In the order in which the caller names them, each line by itself.
        for (line, units) in &sums {
            let left = left(self.lines.get(*line).ok_or("unknown_line")?);
            if *units > left {
                return Err("more_than_left");
            }
        }
        if sums.is_empty() { Err("nothing_left") } else { Ok(sums) }
    }
}

fn number(rows: usize, back: usize) -> i64 {
    // One that is too far back is the first.
    i64::try_from((rows + 1).saturating_sub(back).max(1)).unwrap()
}
