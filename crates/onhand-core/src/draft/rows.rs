//! What a decision reads: rows as it has itself changed them, else as the batch has them; a row
//! that nobody has loaded is named and stops the decision.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Draft;
use crate::catalog::{self, Category, Product, ProductRef};
use crate::command::Stop;
use crate::ids::{CategoryId, CustomerId, LocationId, OrderId, ProductId, ReservationId};
use crate::inventory::{self, Level, Location, Past, Reservation};
use crate::orders::{self, OpenOrders, Order, note_open};
use crate::text::{Reference, Sku};
use crate::{Needs, Timestamp, Version};

pub(super) fn missing<T, R>(name: impl FnOnce(&mut Needs) -> R) -> Result<T, Stop> {
    let mut needs = Needs::default();
    // Whether it was named before does not matter.
    let _ = name(&mut needs);
    Err(Stop::Missing(Box::new(needs)))
}

impl Draft<'_> {
    /// The product of this name that is in the catalogue, if there is one.
    pub(crate) fn find_product(
        &self,
        reference: &ProductRef,
    ) -> Result<Option<Arc<Product>>, Stop> {
        let id = match reference {
            ProductRef::Id(id) => *id,
            ProductRef::Sku(sku) => match self.id_of_sku(sku)? {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let product = self.any_product(id)?;
        Ok(product.filter(|product| product.deleted_at.is_none()))
    }

    fn id_of_sku(&self, sku: &Sku) -> Result<Option<ProductId>, Stop> {
        let new = self.new_skus.get(sku).filter(|id| self.changes.products.contains_key(id));
        match new.map(|id| Some(*id)).as_ref().or_else(|| self.state.skus.get(sku)) {
            Some(id) => Ok(*id),
            None => missing(|needs| {
                needs.skus.insert(sku.clone());
            }),
        }
    }

    fn any_product(&self, id: ProductId) -> Result<Option<Arc<Product>>, Stop> {
        if let Some(product) = self.changes.products.get(&id) {
            return Ok(Some(product.clone()));
        }
        match self.state.products.get(&id) {
            Some(known) => Ok(known.product.clone()),
            None => missing(|needs| {
                needs.products.insert(id);
            }),
        }
    }

    /// The product of this name; refused when the catalogue has none.
    pub(crate) fn product(&self, reference: &ProductRef) -> Result<Arc<Product>, Stop> {
        self.find_product(reference)?.ok_or_else(|| reference.unknown().into())
    }

    /// The product of a row that refers to it, whether it is still in the catalogue or not.
    pub(crate) fn product_row(&self, id: ProductId) -> Result<Arc<Product>, Stop> {
        self.any_product(id)?.ok_or_else(|| ProductRef::Id(id).unknown().into())
    }

    pub(crate) fn category(&self, id: CategoryId) -> Result<Category, Stop> {
        let row = match self.changes.categories.get(&id) {
            Some(category) => Some(category),
            None => match self.state.categories.get(&id) {
                Some(row) => row.as_ref(),
                None => {
                    return missing(|needs| {
                        needs.categories.insert(id);
                    });
                }
            },
        };
        row.filter(|category| category.deleted_at.is_none())
            .cloned()
            .ok_or_else(|| catalog::Refusal::UnknownCategory { category_id: id }.into())
    }

    pub(crate) fn category_uses(&self, id: CategoryId) -> Result<u64, Stop> {
        match self.state.category_uses(id) {
            Some(uses) => Ok(uses),
            None => missing(|needs| {
                needs.category_uses.insert(id);
            }),
        }
    }

    /// All locations, in the order in which they are asked.
    pub(crate) fn locations(&self) -> Result<&[Location], Stop> {
        match self.changes.locations.as_ref().or(self.state.locations.as_ref()) {
            Some(locations) => Ok(locations),
            None => missing(|needs| needs.locations = true),
        }
    }

    pub(crate) fn location(&self, id: LocationId) -> Result<&Location, Stop> {
        self.locations()?
            .iter()
            .find(|location| location.id == id)
            .ok_or_else(|| inventory::Refusal::UnknownLocation { location_id: id }.into())
    }

    /// All levels of a product, by location.
    pub(crate) fn levels(&self, id: ProductId) -> Result<&[Level], Stop> {
        if let Some(levels) = self.changes.levels.get(&id) {
            return Ok(levels);
        }
        match self.state.products.get(&id) {
            Some(known) => Ok(&known.levels),
            None if self.changes.products.contains_key(&id) => Ok(&[]),
            None => missing(|needs| {
                needs.products.insert(id);
            }),
        }
    }

    /// The level of a product at a location; an empty one where it has none.
    pub(crate) fn level(&self, id: ProductId, location_id: LocationId) -> Result<Level, Stop> {
        let levels = self.levels(id)?;
        let level = levels.iter().find(|level| level.location_id == location_id).cloned();
        Ok(level.unwrap_or_else(|| Level::empty(id, location_id, self.now())))
    }

    pub(crate) fn reservation(&self, id: ReservationId) -> Result<Reservation, Stop> {
        if let Some(reservation) = self.changes.reservations.get(&id) {
            return Ok(reservation.clone());
        }
        match self.state.reservations.get(&id) {
            Some(Some(reservation)) => Ok(reservation.clone()),
            Some(None) => Err(inventory::Refusal::UnknownReservation { reservation_id: id }.into()),
            None => missing(|needs| {
                needs.reservations.insert(id);
            }),
        }
    }

    /// The order, at the version that the caller named. One of which the caller may not know is
    /// not there: every command that a caller gives finds its order here.
    pub(crate) fn order_at(
        &self,
        id: OrderId,
        expected_version: Option<Version>,
    ) -> Result<Order, Stop> {
        let order = self.any_order(id)?;
        if !self.may_know(order) {
            return Err(orders::Refusal::UnknownOrder { order_id: id }.into());
        }
        self.expect_version(expected_version, order.version)?;
        Ok((**order).clone())
    }

    /// The order, whosever it is: for what happens by itself.
    pub(crate) fn any_order(&self, id: OrderId) -> Result<&Arc<Order>, Stop> {
        let row = match self.changes.orders.get(&id) {
            Some(order) => Some(order),
            None => match self.state.orders.get(&id) {
                Some(row) => row.as_ref(),
                None => {
                    return missing(|needs| {
                        needs.orders.insert(id);
                    });
                }
            },
        };
        row.ok_or_else(|| orders::Refusal::UnknownOrder { order_id: id }.into())
    }

    /// Whether the caller may know of an order: one who has orders only knows those.
    pub(crate) fn may_know(&self, order: &Order) -> bool {
        order.is_seen_by(self.access().own)
    }

    /// The customer whose orders alone the caller may know of. Customer and user have one number.
    pub(crate) fn own_customer(&self) -> Option<CustomerId> {
        self.access().own.map(CustomerId::of_user)
    }

    /// The open orders of a customer: those that are stored, and what was decided since.
    pub(crate) fn open_orders(&self, id: CustomerId) -> Result<OpenOrders, Stop> {
        let Some(known) = self.state.open_orders.get(&id) else {
            return missing(|needs| {
                needs.open_orders.insert(id);
            });
        };
        let mut open = known.clone();
        let here = self.changes.orders.values();
        for order in here.filter(|order| order.customer_id == Some(id)) {
            note_open(&mut open, order);
        }
        Ok(open)
    }

    pub(crate) fn order_of_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<OrderId>, Stop> {
        let here = self.changes.orders.values();
        let mut here = here.filter(|order| order.external_reference.as_ref() == Some(reference));
        if let Some(order) = here.next() {
            return Ok(Some(order.id));
        }
        match self.state.references.get(reference) {
            Some(order) => Ok(*order),
            None => missing(|needs| {
                needs.references.insert(reference.clone());
            }),
        }
    }

    /// What a reference holds of a product and has not run out, the oldest hold first.
    pub(crate) fn holds_of(
        &self,
        reference: &Reference,
        product_id: ProductId,
    ) -> Result<Vec<Reservation>, Stop> {
        let key = (reference.clone(), product_id);
        let Some(ids) = self.state.holds_of.get(&key) else {
            return missing(|needs| {
                needs.holds_of.insert(key);
            });
        };
        let mut holds = Vec::with_capacity(ids.len());
        for id in ids {
            holds.push(self.reservation(*id)?);
        }
        holds.retain(|hold| hold.open() > 0 && !hold.is_due(self.now()));
        Ok(holds)
    }

    /// Holds of a product that had run out when they were loaded; some may have ended since.
    pub(crate) fn expired_holds(&self, id: ProductId) -> Result<Vec<ReservationId>, Stop> {
        match self.state.expired_holds.get(&id) {
            Some(holds) => Ok(holds.clone()),
            None => missing(|needs| {
                needs.expired_holds.insert(id);
            }),
        }
    }

    /// The oldest holds that had run out when they were loaded.
    pub(crate) fn due(&self, most: usize) -> Result<Vec<ReservationId>, Stop> {
        match &self.state.due {
            Some(holds) => Ok(holds.iter().copied().take(most).collect()),
            None => missing(|needs| needs.due = Some(most)),
        }
    }

    /// What was on hand at an instant.
    pub(crate) fn on_hand_at(
        &self,
        id: ProductId,
        location_id: LocationId,
        at: Timestamp,
    ) -> Result<Past, Stop> {
        let key = (id, location_id, at);
        match self.state.on_hand_at.get(&key) {
            Some(past) => Ok(*past),
            None => missing(|needs| {
                needs.on_hand_at.insert(key);
            }),
        }
    }
}
