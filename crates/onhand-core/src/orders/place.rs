//! Placing an order: the catalogue prices it, the inventory holds its stock, and both are one
//! decision. Nothing that the caller says about price or total decides anything.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::open;
use super::order::{Address, Allocation, Metadata, Order, OrderLine};
use super::refusal::Refusal;
use super::status::Status;
use crate::catalog::{Product, ProductRef};
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::ids::{CustomerId, OrderId, ProductId};
use crate::inventory::{Hold, hold_stock};
use crate::limits::{AMOUNT_MAX, QUANTITY_MAX};
use crate::payments::{self, Capture, Payment, Provider};
use crate::text::{Name, Reference};
use crate::{Money, Needs, Quantity, State};

/// One SKU to buy.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceItem {
    /// The product.
    pub product: ProductRef,
    /// How many.
    pub quantity: Quantity,
}

/// Whether the order waits for a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentTerms {
    /// None is required: the order is confirmed at once.
    NotRequired,
    /// It is awaited: the stock is held for this long.
    Awaited {
        /// Life of the hold in seconds.
        hold_secs: i64,
        /// Through whom it comes, and when the money is taken; without one an operator says when
        /// it has come.
        through: Option<(Provider, Capture)>,
    },
}

/// An order to place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceOrder {
    /// What to buy; the same product twice is summed.
    pub items: Vec<PlaceItem>,
    /// Whose it is.
    pub customer_id: Option<CustomerId>,
    /// Whether it waits for a payment.
    pub payment: PaymentTerms,
    /// How it is to be paid, in the caller's words.
    pub payment_method: Option<Name>,
    /// Where it goes.
    pub shipping_address: Option<Address>,
    /// What the caller expects it to cost; another total is refused.
    pub expected_total: Option<Money>,
    /// Its name in another system; unique.
    pub external_reference: Option<Reference>,
    /// The caller's entries.
    pub metadata: Metadata,
}

/// An order to place over an amount that buys nothing from the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceAmount {
    /// What is to be paid; at least one minor unit.
    pub amount: Money,
    /// Whose it is.
    pub customer_id: Option<CustomerId>,
    /// Whether it waits for a payment. Nothing is held, so that it waits without an end.
    pub payment: PaymentTerms,
    /// How it is to be paid, in the caller's words.
    pub payment_method: Option<Name>,
    /// The caller's entries.
    pub metadata: Metadata,
}

/// What the refusal of one order means for the others of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// The others are placed.
    RejectFailed,
    /// None is placed.
    RejectAll,
}

impl PlaceOrder {
    /// Whether its stock is held for a payment.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self.payment, PaymentTerms::Awaited { .. })
    }

    pub(super) fn names(&self, known: &State, needs: &mut Needs) {
        needs.locations = true;
        needs.references.extend(self.external_reference.iter().cloned());
        for item in &self.items {
            needs.product(known, &item.product);
        }
    }
}

pub(super) fn place(draft: &mut Draft<'_>, new: &PlaceOrder) -> Result<Arc<Order>, Stop> {
    let customer_id = customer(draft, new.customer_id)?;
    let demands = demands(draft, &new.items)?;
    if let Some(reference) = &new.external_reference
        && let Some(order_id) = draft.order_of_reference(reference)?
    {
        let order_id = known_order(draft, order_id)?;
        let external_reference = reference.clone();
        return Err(Refusal::ExternalReferenceTaken { external_reference, order_id }.into());
    }
    let total = price(&demands, new.expected_total)?;
    if let Some(own) = draft.own_customer().filter(|_| new.is_awaited()) {
        let units = demands.iter().map(|(_, quantity, _)| quantity.units()).sum();
        open::expect_room(draft, own, units)?;
    }
    let order = begun(draft, customer_id, total, new.payment);
    let hold = Hold { order_id: Some(order.id), reference: None, expires_at: order.expires_at };
    let held = hold_stock(draft, &demands, &hold)?;
    let lines = demands.into_iter().zip(held).zip(1..).map(|((demand, held), line)| {
        let (product, quantity, _) = demand;
        let allocations = held.iter().map(|(reservation, pick)| Allocation::of(reservation, pick));
        OrderLine {
            line,
            product_id: product.id,
            sku: product.sku.clone(),
            name: product.name.clone(),
            quantity: quantity.units(),
            fulfilled: 0,
            returned: 0,
            unit_price: product.price.amount,
            allocations: allocations.collect(),
        }
    });
    let order = Order {
        lines: lines.collect(),
        payment_method: new.payment_method.clone(),
        shipping_address: new.shipping_address.clone(),
        external_reference: new.external_reference.clone(),
        metadata: new.metadata.clone(),
        ..order
    };
    Ok(put(draft, order))
}

/// Places an order over an amount that somebody names. It buys nothing, so that whoever names the
/// amount gains nothing by it; it holds no stock, so that its time does not run out.
pub(super) fn place_amount(draft: &mut Draft<'_>, new: &PlaceAmount) -> Result<Reply, Stop> {
    let customer_id = customer(draft, new.customer_id)?;
    if !(1..=AMOUNT_MAX).contains(&new.amount.amount) {
        return Err(Refusal::TotalTooLarge.into());
    }
    let order = begun(draft, customer_id, new.amount, new.payment);
    let order = Order {
        custom_amount: order.total,
        expires_at: None,
        payment_method: new.payment_method.clone(),
        metadata: new.metadata.clone(),
        ..order
    };
    Ok(Reply::Order(put(draft, order)))
}

/// An order with nothing in it yet, on these terms.
fn begun(
    draft: &mut Draft<'_>,
    customer_id: Option<CustomerId>,
    total: Money,
    terms: PaymentTerms,
) -> Order {
    let id = draft.next_order_id();
    let (hold_secs, through) = match terms {
        PaymentTerms::NotRequired => (None, None),
        // What costs nothing is paid.
        PaymentTerms::Awaited { through: Some(_), .. } if total.amount == 0 => (None, None),
        PaymentTerms::Awaited { hold_secs, through } => (Some(hold_secs), through),
    };
    let now = draft.now();
    Order {
        id,
        status: if hold_secs.is_some() { Status::Pending } else { Status::Confirmed },
        customer_id,
        currency: total.currency,
        lines: Vec::new(),
        custom_amount: 0,
        total: total.amount,
        payment: through.map(|(provider, capture)| Payment::new(provider, capture)),
        payment_method: None,
        shipping_address: None,
        external_reference: None,
        metadata: Metadata::new(),
        fulfilments: Vec::new(),
        expires_at: hold_secs.map(|secs| draft.after_secs(secs)),
        failure_reason: None,
        version: 1,
        last_event: 0,
        created_at: now,
        updated_at: now,
    }
}

/// Stores a new order with the event that says so, and begins its payment.
fn put(draft: &mut Draft<'_>, order: Order) -> Arc<Order> {
    let order = Arc::new(Order { last_event: draft.next_event_seq(), ..order });
    draft.put_order(order.clone());
    draft.emit("order.placed", EventBody::Order(order.clone()));
    payments::begin(draft, &order);
    order
}

/// Whose order it is to be: that of whoever has orders of its own, and else as it was sent.
fn customer(draft: &Draft<'_>, named: Option<CustomerId>) -> Result<Option<CustomerId>, Refusal> {
    match (draft.own_customer(), named) {
        (Some(own), Some(customer_id)) if own != customer_id => {
            Err(Refusal::ForbiddenCustomer { customer_id })
        }
        (own, named) => Ok(own.or(named)),
    }
}

/// An order that is in the way, where the caller may know of it.
fn known_order(draft: &Draft<'_>, id: OrderId) -> Result<Option<OrderId>, Stop> {
    let may_know = draft.own_customer().is_none() || draft.may_know(draft.any_order(id)?);
    Ok(may_know.then_some(id))
}

/// Decides each order of a batch after the ones before it. A refusal leaves no trace of its own
/// order.
pub(super) fn place_many(
    draft: &mut Draft<'_>,
    orders: &[PlaceOrder],
    error_policy: ErrorPolicy,
) -> Result<Reply, Stop> {
    let mut outcomes = Vec::with_capacity(orders.len());
    for (index, order) in (0..).zip(orders) {
        match draft.attempt(|draft| place(draft, order)) {
            Ok(order) => outcomes.push(Ok(order)),
            Err(Stop::Missing(needs)) => return Err(Stop::Missing(needs)),
            Err(Stop::Refused(refusal)) => {
                if error_policy == ErrorPolicy::RejectAll {
                    return Err(Stop::Refused(refusal.in_batch(index)));
                }
                outcomes.push(Err(refusal));
            }
        }
    }
    Ok(Reply::Orders(outcomes))
}

type Demand = (Arc<Product>, Quantity, Option<crate::ids::LocationId>);

/// The products with their quantities: lines of one product are summed into the first.
fn demands(draft: &Draft<'_>, items: &[PlaceItem]) -> Result<Vec<Demand>, Stop> {
    let mut demands: Vec<Demand> = Vec::with_capacity(items.len());
    let mut positions: BTreeMap<ProductId, usize> = BTreeMap::new();
    for item in items {
        let product = draft.product(&item.product)?;
        if !product.active {
            return Err(Refusal::ProductInactive { sku: product.sku.clone() }.into());
        }
        match positions.get(&product.id).and_then(|position| demands.get_mut(*position)) {
            Some((product, quantity, _)) => {
                *quantity = quantity.checked_add(item.quantity).ok_or_else(|| {
                    Refusal::LineTooLarge { sku: product.sku.clone(), most: QUANTITY_MAX }
                })?;
            }
            None => {
                positions.insert(product.id, demands.len());
                demands.push((product, item.quantity, None));
            }
        }
    }
    Ok(demands)
}

/// What the catalogue says the order costs.
fn price(demands: &[Demand], expected: Option<Money>) -> Result<Money, Refusal> {
    let mut total: Option<Money> = None;
    for (product, quantity, _) in demands {
        let line = product.price.times(quantity.units()).ok_or(Refusal::TotalTooLarge)?;
        total = Some(match total {
            None => line,
            Some(sum) if sum.currency != line.currency => {
                return Err(Refusal::CurrencyMismatch {
                    expected: sum.currency,
                    actual: line.currency,
                    sku: product.sku.clone(),
                });
            }
            Some(sum) => sum.checked_add(line).ok_or(Refusal::TotalTooLarge)?,
        });
    }
    let total = total.ok_or(Refusal::TotalTooLarge)?;
    match expected {
        Some(expected) if expected != total => Err(Refusal::TotalMismatch {
            expected_total: expected.amount,
            total: total.amount,
            currency: total.currency,
        }),
        Some(_) | None => Ok(total),
    }
}
