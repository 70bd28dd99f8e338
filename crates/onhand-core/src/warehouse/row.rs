//! A row of a run: what the warehouse said of one product at one location, and what came of it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::Version;
use crate::actor::Actor;
use crate::catalog::ProductRef;
use crate::ids::{LocationId, ProductId, SyncId};
use crate::named::named;
use crate::text::{Name, Reference, Sku, Text};

named! {
    /// What came of a row.
    Action {
        /// It differs and is to be counted.
        Waiting = "waiting",
        /// Both say the same.
        Unchanged = "unchanged",
        /// The warehouse's figure was counted, with what has happened since.
        Counted = "counted",
        /// It was counted, and is less than what is promised.
        Shortfall = "shortfall",
        /// It differs by too much: an operator is to look at it.
        Held = "held",
        /// An operator has approved it, and it was counted.
        Approved = "approved",
        /// An operator has rejected it.
        Rejected = "rejected",
        /// We have no such product. None is made.
        UnknownProduct = "unknown_product",
        /// Nobody can make anything of it, or another row says otherwise. The others go on.
        Invalid = "invalid",
        /// An earlier row says the same.
        Duplicate = "duplicate",
        /// There is stock of it here, and the answer does not name it. It stays as it is.
        NotNamed = "not_named",
        /// It differs, and this run only tells so.
        Reported = "reported",
    }
}

/// How a row names its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationRef {
    /// By our id.
    Id(LocationId),
    /// By the shop's own short name.
    Code(Name),
}

/// A figure as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What the product's name may mean, at most [`SYNC_PRODUCT_REFS_MAX`]: the first that is in
    /// the catalogue counts.
    ///
    /// [`SYNC_PRODUCT_REFS_MAX`]: crate::limits::SYNC_PRODUCT_REFS_MAX
    pub products: Vec<ProductRef>,
    /// Where; the run's location when absent.
    pub location: Option<LocationRef>,
    /// Units that are physically there. One that no shelf can have makes the row invalid.
    pub on_hand: i64,
    /// When that was true; as the run says when absent.
    pub as_of: Option<Timestamp>,
}

/// A row as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// What names the product, as it was sent, or as much of the row as can be shown.
    pub sent: Reference,
    /// The figure, or why it cannot be understood.
    pub told: Result<Figure, Text>,
}

/// A row of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRow {
    /// The run.
    pub sync_id: SyncId,
    /// Its number in the answer, from 1; behind the last one for what the answer does not name.
    pub row: u32,
    /// What names the product, as it was sent.
    pub sent: Reference,
    /// The product, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Its SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<LocationId>,
    /// When the warehouse's figure was true.
    pub as_of: Timestamp,
    /// Units that were there then, as the warehouse says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<i64>,
    /// Units that were there then, as the ledger said when they were last compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<i64>,
    /// Units that were promised when they were last compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<i64>,
    /// Units that are promised and were found to be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<i64>,
    /// What came of it.
    pub action: Action,
    /// Why, where that does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The entry of the ledger that it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub movement: Option<i64>,
    /// Who has approved or rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Actor>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// How often it was changed.
    pub version: Version,
}

impl SyncRow {
    /// What the warehouse has more than we, or, negative, less.
    pub fn difference(&self) -> Option<i64> {
        Some(self.theirs? - self.ours?)
    }

    /// Product and location, where both are known.
    pub fn place(&self) -> Option<(ProductId, LocationId)> {
        Some((self.product_id?, self.location_id?))
    }
}
