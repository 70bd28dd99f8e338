//! The hash that chains one batch to the next, over all that it adds to the two logs: the same in
//! every store, so that two of them, or a backup and its origin, can be compared by one number.

use onhand_core::Event;
use onhand_core::events::{EventBody, Subject};
use sha2::{Digest, Sha256};

use crate::stored::{stored_count, stored_version};

/// The chain before the first batch.
pub(crate) const FIRST_LINK: [u8; 32] = [0; 32];

/// An event as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredEvent<'a> {
    pub(crate) seq: i64,
    pub(crate) kind: &'a str,
    pub(crate) subject: i64,
    pub(crate) previous: i64,
    pub(crate) actor: &'a str,
    pub(crate) recorded_at: i64,
    pub(crate) body: &'a str,
}

impl<'a> StoredEvent<'a> {
    /// An event as it will be stored, with its actor and its body in words.
    pub(crate) fn of(event: &'a Event, actor: &'a str, body: &'a str) -> Self {
        Self {
            seq: event.seq,
            kind: event.kind,
            subject: subject_number(&event.body),
            previous: event.previous,
            actor,
            recorded_at: event.recorded_at.as_microsecond(),
            body,
        }
    }
}

/// The number of the object that an event is about; 0 for none.
pub(crate) fn subject_number(body: &EventBody) -> i64 {
    body.subject().map_or(0, number_of)
}

/// The number of an object.
pub(crate) fn number_of(subject: Subject) -> i64 {
    match subject {
        Subject::Product(id) => id.number(),
        Subject::Category(id) => id.number(),
        Subject::Location(id) => id.number(),
        Subject::Reservation(id) => id.number(),
        Subject::Order(id) => id.number(),
        Subject::User(id) => id.number(),
        Subject::Session(id) => id.number(),
        Subject::ApiKey(id) => id.number(),
        Subject::Endpoint(id) => id.number(),
        Subject::Sync(id) => id.number(),
        Subject::Import(id) => id.number(),
        Subject::Job(id) => id.number(),
    }
}

/// The hash over what a batch adds to the two logs, and over the chain before it.
pub(crate) struct Chain(Sha256);

impl Chain {
    pub(crate) fn after(previous: &[u8; 32]) -> Self {
        Self(Sha256::new_with_prefix(previous))
    }

    pub(crate) fn movement(&mut self, row: &onhand_core::inventory::Movement) {
        let numbers = [
            row.seq,
            row.product_id.number(),
            row.location_id.number(),
            row.delta_on_hand,
            row.delta_reserved,
            row.on_hand_after,
            row.reserved_after,
            row.occurred_at.as_microsecond(),
            row.recorded_at.as_microsecond(),
            row.previous,
            stored_version(row.ordinal),
            row.cause,
        ];
        self.numbers(&numbers);
        self.text(row.kind.as_str());
        self.text(row.reason.as_str());
        self.text(row.reference.as_ref().map_or("", |reference| reference.as_str()));
        self.text(&row.actor.stored());
    }

    pub(crate) fn event(&mut self, event: &StoredEvent<'_>) {
        self.numbers(&[event.seq, event.subject, event.previous, event.recorded_at]);
        self.text(event.kind);
        self.text(event.actor);
        self.text(event.body);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn numbers(&mut self, numbers: &[i64]) {
        for number in numbers {
            self.0.update(number.to_be_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.update(stored_count(text.len()).to_be_bytes());
        self.0.update(text.as_bytes());
    }
}
