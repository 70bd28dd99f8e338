//! What is owed to the outside. An effect is owed by the same decision that makes it necessary; a
//! worker leases it, does it outside of any transaction, and brings back what came of it. What
//! exactly is to be done is not stored: it follows from the object as it stands when it is leased
//! (`payments/owed.rs`), so that what is not needed any more is never done.
//!
//! A lease is nothing but a time: until `due_at` nobody else is given the effect. Whoever comes
//! later than that, or was overtaken by events, is recognised by the epoch and settles nothing.

mod lease;
mod refusal;
mod settle;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use refusal::Refusal;
pub use settle::{Outcome, Settlement};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{EffectId, OrderId};
use crate::named::named;
use crate::payments;
use crate::text::Text;
use crate::{Needs, State, Timestamp, Version};

named! {
    /// Where an effect is.
    EffectState {
        /// It will be tried when it is due.
        Waiting = "waiting",
        /// It is not tried any more, until somebody has looked at it.
        Dead = "dead",
        /// Nothing is owed any more. Never stored.
        Done = "done",
    }
}

/// Something that is owed to the outside about an order's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Whose payment it is. There is one for each order at most.
    pub order_id: OrderId,
    /// Where it is.
    pub state: EffectState,
    /// When it is to be tried; while it is leased, when the lease ends.
    pub due_at: Timestamp,
    /// Whether somebody has it and may be at it.
    pub leased: bool,
    /// How often it was leased.
    pub epoch: u64,
    /// How often what is owed now was tried in vain.
    pub tries: u32,
    /// How often the gateway has said how things stand since that is all that is owed.
    #[serde(default)]
    pub polls: u32,
    /// Whether a try may have succeeded of which nobody knows.
    pub ask_first: bool,
    /// Why the last try did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// How often it was changed.
    pub version: Version,
    /// When it was first owed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What may be asked of effects.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Gives the oldest that are due to a worker.
    Lease {
        /// Most of them, at most [`EFFECTS_LEASED_MAX`](crate::limits::EFFECTS_LEASED_MAX).
        most: usize,
        /// For how many seconds.
        secs: i64,
    },
    /// Takes in what came of leased ones.
    Settle {
        /// At most [`EFFECTS_LEASED_MAX`](crate::limits::EFFECTS_LEASED_MAX) of them.
        settlements: Vec<Settlement>,
    },
    /// Tries a dead one again.
    Requeue {
        /// Which one.
        id: EffectId,
    },
    /// Gives up what a dead one owes.
    Skip {
        /// Which one.
        id: EffectId,
    },
}

impl Effect {
    /// The name by which it is asked for.
    pub const fn id(&self) -> EffectId {
        EffectId::of_order(self.order_id)
    }
}

impl Command {
    /// The rows that this command names, as far as those at hand tell.
    pub(crate) fn names(&self, known: &State, needs: &mut Needs) {
        match self {
            Self::Lease { most, .. } => needs.due_effects = needs.due_effects.max(Some(*most)),
            Self::Settle { settlements } => {
                for one in settlements {
                    payments::names_of_seen(known, one.provider, &one.seen, needs);
                    payments::names_of_order(known, one.order_id, needs);
                }
            }
            Self::Requeue { id } | Self::Skip { id } => {
                payments::names_of_order(known, id.order(), needs);
            }
        }
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Lease { most, secs } => lease::lease(draft, *most, *secs),
            Self::Settle { settlements } => settle::settle(draft, settlements),
            Self::Requeue { id } => settle::requeue(draft, *id),
            Self::Skip { id } => settle::skip(draft, *id),
        }
    }
}
