//! Whole units of one SKU. A `Quantity` is at least 1, so that no rule has to ask what zero or
//! minus three units mean; levels and deltas, which may be zero or negative, are plain checked
//! `i64`s.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits::QUANTITY_MAX;

/// A number of units, from 1 to [`QUANTITY_MAX`].
///
/// ```
/// use onhand_core::Quantity;
/// assert_eq!(Quantity::new(3).map(Quantity::units), Some(3));
/// assert_eq!(Quantity::new(0), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// A quantity; `None` outside `1..=QUANTITY_MAX`.
    pub const fn new(units: i64) -> Option<Self> {
        if units >= 1 && units <= QUANTITY_MAX { Some(Self(units)) } else { None }
    }

    /// The number of units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Both together; `None` beyond [`QUANTITY_MAX`].
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "a whole number from 1 to {QUANTITY_MAX}")
            }

            fn visit_i64<E: de::Error>(self, units: i64) -> Result<Quantity, E> {
                Quantity::new(units)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(units), &self))
            }

            fn visit_u64<E: de::Error>(self, units: u64) -> Result<Quantity, E> {
                i64::try_from(units)
                    .ok()
                    .and_then(Quantity::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(units), &self))
            }
        }
        deserializer.deserialize_i64(Visitor)
    }
}
