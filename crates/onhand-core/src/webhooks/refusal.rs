//! The lawful noes of webhook endpoints.

use serde::{Deserialize, Serialize};

use crate::ids::EndpointId;

/// Why nothing is done with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No endpoint has this id.
    UnknownEndpoint {
        /// As it was sent.
        endpoint_id: EndpointId,
    },
    /// There are as many as there may be.
    TooManyEndpoints {
        /// How many there may be.
        most: u64,
    },
}
