//! Webhook endpoints: addresses of other programs that are told what happens. What is delivered,
//! and how often it was tried, is in `jobs/`. An endpoint is never disabled in silence: it says
//! so itself, with the reason, and the log keeps what it has not been told.

mod endpoint;
mod refusal;
mod upkeep;

pub use endpoint::{
    Endpoint, EndpointEntry, EndpointPatch, EndpointState, EventFilter, NewEndpoint, SealedSecret,
};
pub use refusal::Refusal;
pub(crate) use upkeep::{note_death, note_success};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::EndpointId;
use crate::text::Text;
use crate::{Needs, Version};

/// What may be asked of webhook endpoints.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Adds an endpoint. It is told what happens from then on.
    Create(NewEndpoint),
    /// Changes an endpoint; also enables and disables it.
    Update {
        /// Which one.
        id: EndpointId,
        /// Refuse unless it is at this version.
        expected_version: Option<Version>,
        /// The fields to change.
        patch: EndpointPatch,
    },
    /// Gives it a new secret; those before it sign as well for a while.
    Rotate {
        /// Which one.
        id: EndpointId,
        /// Refuse unless it is at this version.
        expected_version: Option<Version>,
        /// The new one.
        secret: SealedSecret,
        /// For how many seconds those before it still sign.
        keep_secs: i64,
    },
    /// It has said that it wants nothing more.
    Disable {
        /// Which one.
        id: EndpointId,
        /// Why.
        reason: Text,
    },
    /// Takes an endpoint away, and what it has not been told.
    Delete {
        /// Which one.
        id: EndpointId,
        /// Refuse unless it is at this version.
        expected_version: Option<Version>,
    },
    /// Tells it a part of the log once more.
    Replay {
        /// Which one.
        id: EndpointId,
        /// The first event.
        from: i64,
        /// The last event.
        to: i64,
    },
}

impl Command {
    /// The rows that this command names.
    pub(crate) fn names(&self, needs: &mut Needs) {
        match self {
            Self::Create(_) => needs.endpoint_count = true,
            Self::Update { id, .. }
            | Self::Rotate { id, .. }
            | Self::Disable { id, .. }
            | Self::Delete { id, .. }
            | Self::Replay { id, .. } => {
                needs.endpoints.insert(*id);
                needs.consumers.insert(crate::jobs::Queue::Webhook(*id));
            }
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Create(new) => upkeep::create(draft, new),
            Self::Update { id, expected_version, patch } => {
                upkeep::update(draft, *id, *expected_version, patch)
            }
            Self::Rotate { id, expected_version, secret, keep_secs } => {
                upkeep::rotate(draft, *id, *expected_version, secret, *keep_secs)
            }
            Self::Disable { id, reason } => upkeep::disable(draft, *id, reason),
            Self::Delete { id, expected_version } => upkeep::delete(draft, *id, *expected_version),
            Self::Replay { id, from, to } => upkeep::replay(draft, *id, *from, *to),
        }
    }
}
