//! The lawful noes of effects.

use serde::{Deserialize, Serialize};

use super::EffectState;
use crate::ids::EffectId;

/// Why nothing is done with an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// No effect has this id. One that was done is gone.
    UnknownEffect {
        /// As it was sent.
        effect_id: EffectId,
    },
    /// Only a dead effect is tried again or given up by hand; the others go on by themselves.
    EffectNotDead {
        /// Where it is.
        state: EffectState,
    },
}
