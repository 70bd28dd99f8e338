//! An order and what it consists of. Lines are a snapshot: what was bought, at which price, and
//! where each unit was allocated; no later change of the catalogue touches them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::status::{Action, Status, allowed};
use super::{LineQuantity, Refusal};
use crate::ids::{CustomerId, LocationId, OrderId, ProductId, ReservationId, UserId};
use crate::inventory::{Pick, Reservation, Sourcing};
use crate::payments::Payment;
use crate::text::{Name, Reason, Reference, Sku};
use crate::{Currency, Timestamp, Version};

/// Free entries of the caller, kept and never read.
pub type Metadata = BTreeMap<String, String>;

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Street and number.
    pub street: Name,
    /// City.
    pub city: Name,
    /// State or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Name>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Name>,
    /// Country.
    pub country: Name,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Name>,
    /// The carrier's number.
    pub number: Name,
    /// Where to follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Reference>,
}

/// Units of a line promised at one location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// The promise.
    pub reservation_id: ReservationId,
    /// Where the units are.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
    /// Why there.
    pub sourcing: Sourcing,
}

impl Allocation {
    /// What a reservation that was made for a line promises to it.
    pub(crate) fn of(reservation: &Reservation, pick: &Pick) -> Self {
        Self {
            reservation_id: reservation.id,
            location_id: pick.location_id,
            quantity: pick.quantity,
            sourcing: pick.sourcing,
        }
    }
}

/// One SKU of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Number within the order, from 1.
    pub line: u32,
    /// The product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: Sku,
    /// Its name when it was bought.
    pub name: Name,
    /// Units bought.
    pub quantity: i64,
    /// Units that have left.
    pub fulfilled: i64,
    /// Units that came back.
    pub returned: i64,
    /// Price of one unit when it was bought, in minor units of the order's currency.
    pub unit_price: i64,
    /// Where the units come from.
    pub allocations: Vec<Allocation>,
}

impl OrderLine {
    /// Price of the line in minor units. Cannot overflow: placing checked it.
    pub fn total(&self) -> i64 {
        self.unit_price * self.quantity
    }
}

/// Units of a line that left together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentLine {
    /// The line.
    pub line: u32,
    /// How many units.
    pub quantity: i64,
}

/// Units that left together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Number within the order, from 1.
    pub number: u32,
    /// What left.
    pub lines: Vec<FulfilmentLine>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Tracking>,
    /// When.
    pub fulfilled_at: Timestamp,
}

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Where it is in its life.
    pub status: Status,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount in it.
    pub currency: Currency,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What is asked for beside the lines, for nothing of the catalogue, in minor units; only an
    /// order without lines has such an amount.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub custom_amount: i64,
    /// Sum of the lines and of that amount, in minor units.
    pub total: i64,
    /// How it is paid through a gateway, and how far that has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// How it is to be paid, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Name>,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Its name in another system; unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<Reference>,
    /// The caller's entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// What has left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fulfilments: Vec<Fulfilment>,
    /// When a pending order's hold runs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why it ended before it was fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Reason>,
    /// How often it was changed.
    pub version: Version,
    /// Sequence number of its newest event: the head of its timeline.
    pub last_event: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

impl Order {
    /// Whether it buys something: an order that does not holds no stock, and never runs out.
    pub fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Whether somebody knows of it who knows only of `own` orders. Customer and user have one
    /// number.
    pub fn is_seen_by(&self, own: Option<UserId>) -> bool {
        own.is_none_or(|own| self.customer_id == Some(CustomerId::of_user(own)))
    }

    /// Moves the order along the graph.
    ///
    /// # Errors
    /// [`Refusal::InvalidTransition`] where the graph has no such arrow.
    pub(crate) fn step(&mut self, action: Action) -> Result<(), Refusal> {
        self.status = self.after(action)?;
        Ok(())
    }

    /// The state that an action would lead to.
    ///
    /// # Errors
    /// [`Refusal::InvalidTransition`] where the graph has no such arrow.
    pub(crate) fn after(&self, action: Action) -> Result<Status, Refusal> {
        let arrow = allowed(self.status).find(|transition| transition.action == action);
        match arrow {
            Some(transition) => Ok(transition.to),
            None => Err(Refusal::InvalidTransition {
                status: self.status,
                action,
                allowed: allowed(self.status).map(|transition| transition.action).collect(),
            }),
        }
    }

    /// The line of a number.
    ///
    /// # Errors
    /// [`Refusal::UnknownLine`].
    pub(crate) fn line_mut(&mut self, number: u32) -> Result<&mut OrderLine, Refusal> {
        let lines = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        self.lines
            .iter_mut()
            .find(|line| line.line == number)
            .ok_or(Refusal::UnknownLine { line: number, lines })
    }

    /// The named units summed by line, or all that each line has left.
    ///
    /// # Errors
    /// [`Refusal::UnknownLine`], [`Refusal::MoreThanLeft`], [`Refusal::NothingLeft`].
    pub(crate) fn parts(
        &mut self,
        named: Option<&[LineQuantity]>,
        left: fn(&OrderLine) -> i64,
    ) -> Result<Vec<FulfilmentLine>, Refusal> {
        let mut parts: Vec<FulfilmentLine> = Vec::new();
        match named {
            None => parts.extend(
                self.lines
                    .iter()
                    .map(|line| FulfilmentLine { line: line.line, quantity: left(line) })
                    .filter(|part| part.quantity > 0),
            ),
            Some(named) => {
                for LineQuantity { line, quantity } in named {
                    match parts.iter_mut().find(|part| part.line == *line) {
                        Some(part) => part.quantity += quantity.units(),
                        None => {
                            parts.push(FulfilmentLine { line: *line, quantity: quantity.units() });
                        }
                    }
                }
            }
        }
        for part in &parts {
            let left = left(self.line_mut(part.line)?);
            if part.quantity > left {
                let (line, requested) = (part.line, part.quantity);
                return Err(Refusal::MoreThanLeft { line, requested, left });
            }
        }
        if parts.is_empty() { Err(Refusal::NothingLeft { status: self.status }) } else { Ok(parts) }
    }
}
