//! An endpoint, what it wants to be told, and what is said of it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::EndpointId;
use crate::limits::ENDPOINT_FILTERS_MAX;
use crate::named::named;
use crate::text::{Reference, Text, Url};
use crate::{Timestamp, Version};

named! {
    /// Whether an endpoint is told what happens.
    EndpointState {
        /// It is.
        Enabled = "enabled",
        /// It is not; the log keeps what it was not told, and it goes on there.
        Disabled = "disabled",
    }
}

/// A secret that only the server can open; what it is sealed with is none of the rules' business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// As it was sealed.
    pub sealed: String,
    /// Until when it signs; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Which events an endpoint wants: all of them, or those of these types. A type may stand for a
/// family: `order.*`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventFilter(Vec<Reference>);

impl EventFilter {
    /// A filter of these types; all of them when there is none. `None` when there are too many.
    pub fn new(mut kinds: Vec<Reference>) -> Option<Self> {
        kinds.sort();
        kinds.dedup();
        (kinds.len() <= ENDPOINT_FILTERS_MAX).then_some(Self(kinds))
    }

    /// The types, sorted.
    pub fn kinds(&self) -> &[Reference] {
        &self.0
    }

    /// Whether an event of this type is wanted.
    pub fn wants(&self, kind: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| covers(wanted.as_str(), kind))
    }
}

/// Whether a type, or a family of them, covers a type.
fn covers(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix(".*") {
        Some(family) => kind.strip_prefix(family).is_some_and(|rest| rest.starts_with('.')),
        None => wanted == kind,
    }
}

/// An endpoint as it stands. Its secrets never leave; see [`EndpointEntry`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it listens.
    pub url: Url,
    /// For people.
    pub description: Text,
    /// What it wants to be told.
    pub filter: EventFilter,
    /// What its messages are signed with, newest first.
    pub secrets: Vec<SealedSecret>,
    /// Whether it is told anything.
    pub state: EndpointState,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<Text>,
    /// When something last reached it, to within [`SUCCESS_NOTED_SECS`].
    ///
    /// [`SUCCESS_NOTED_SECS`]: crate::limits::SUCCESS_NOTED_SECS
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
    /// How often it was changed, successes that were noted included.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// What is told and logged of an endpoint: all but its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointEntry {
    /// Its id.
    pub id: EndpointId,
    /// Where it listens.
    pub url: Url,
    /// For people.
    pub description: Text,
    /// What it wants to be told.
    pub filter: EventFilter,
    /// Whether it is told anything.
    pub state: EndpointState,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<Text>,
    /// When something last reached it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
    /// How many secrets it has that still sign.
    pub secrets: u64,
    /// How often it was changed.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl EndpointEntry {
    /// What may be told of an endpoint.
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            filter: endpoint.filter.clone(),
            state: endpoint.state,
            disabled_reason: endpoint.disabled_reason.clone(),
            succeeded_at: endpoint.succeeded_at,
            secrets: endpoint.secrets.len() as u64,
            version: endpoint.version,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// An endpoint to add.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEndpoint {
    /// Where it listens.
    pub url: Url,
    /// For people.
    pub description: Text,
    /// What it wants to be told.
    pub filter: EventFilter,
    /// What its messages are signed with.
    pub secret: SealedSecret,
}

/// The fields of an endpoint to change; absent fields stay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EndpointPatch {
    /// Where it listens.
    pub url: Option<Url>,
    /// For people.
    pub description: Option<Text>,
    /// What it wants to be told.
    pub filter: Option<EventFilter>,
    /// Whether it is told anything.
    pub state: Option<EndpointState>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_types_or_families_and_nothing_means_all() {
        let check = |filter: &[&str], kind: &str, wanted: bool| {
            let kinds = filter.iter().map(|kind| Reference::new(*kind).unwrap()).collect();
            assert_eq!(EventFilter::new(kinds).unwrap().wants(kind), wanted, "{filter:?} {kind}");
        };
        check(&[], "order.placed", true);
        check(&["order.placed"], "order.placed", true);
        check(&["order.placed"], "order.cancelled", false);
        check(&["order.*"], "order.cancelled", true);
        check(&["order.*"], "order", false);
        check(&["order.*"], "orders.placed", false);
        check(&["stock.low", "payment.*"], "payment.captured", true);
        check(&["stock.low", "payment.*"], "stock.adjusted", false);
    }
}
