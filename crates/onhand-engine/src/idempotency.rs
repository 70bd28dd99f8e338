//! The caller's key and what came of it. An outcome is written in the same transaction as its
//! effect, so that the same key tells the same truth after any crash. The rule is in docs/api.md.

use onhand_core::command::Reply;
use onhand_core::events::EventBody;
use onhand_core::{Decision, Event, Refusal};
use serde::{Deserialize, Serialize};

/// A caller's key, scoped to who asks for what, with a fingerprint of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key: a UUID's own 16 bytes, else the first 16 bytes of a hash of the text. Time-ordered
    /// UUIDs keep their order, which is what makes them fastest.
    pub key: [u8; 16],
    /// Hash of principal, method and route.
    pub scope: i64,
    /// Hash of method, path, content type and body.
    pub fingerprint: [u8; 32],
}

/// What a command came to: done, or lawfully refused.
pub type Outcome = Result<Reply, Refusal>;

/// An outcome in the form in which it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredOutcome {
    /// The reply is the order that this event left: nothing is stored twice.
    Event(i64),
    /// The reply itself.
    Reply(Reply),
    /// The refusal.
    Refusal(Refusal),
}

impl StoredOutcome {
    /// The shortest form of a decision's reply. A decision may have several events of one order:
    /// the reply is what the last of them left.
    pub fn of_decision(decision: &Decision) -> Self {
        if let Reply::Order(reply) = &decision.reply {
            let is_reply = |event: &&Event| match &event.body {
                EventBody::Order(order) => order == reply,
                EventBody::Product(_)
                | EventBody::Sync(_)
                | EventBody::Shortfall(_)
                | EventBody::Category(_)
                | EventBody::Location(_)
                | EventBody::Stock(_)
                | EventBody::Level { .. }
                | EventBody::Reservations(_)
                | EventBody::User(_)
                | EventBody::Session(_)
                | EventBody::ApiKey(_)
                | EventBody::Endpoint(_)
                | EventBody::Import(_) => false,
                EventBody::DeadLetter(_) | EventBody::Proof(_) => false,
            };
            if let Some(event) = decision.events.iter().rev().find(is_reply) {
                return Self::Event(event.seq);
            }
        }
        Self::Reply(decision.reply.clone())
    }
}
