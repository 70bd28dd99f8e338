//! A place where stock is kept. Orders are sourced from the active location with the smallest
//! priority number first.

use serde::{Deserialize, Serialize};

use crate::ids::LocationId;
use crate::text::Name;
use crate::{Timestamp, Version};

/// A location as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// The shop's own short name for it; unique.
    pub code: Name,
    /// For people.
    pub name: Name,
    /// Smaller is asked first.
    pub priority: i64,
    /// Whether new promises may be made from it.
    pub active: bool,
    /// How often it was changed.
    pub version: Version,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
