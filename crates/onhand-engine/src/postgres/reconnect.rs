//! When a database that could not be reached is tried again. Between attempts whoever asks is told
//! at once what came of the last one. Connects to nothing itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::RECONNECT_PAUSES;
use crate::store::StoreError;

/// When the database is tried again after it could not be reached.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    pause: Duration,
    not_before: Option<Instant>,
    /// What came of the newest attempt.
    reason: String,
}

impl Reconnect {
    /// Forgets what was in vain.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Notes an attempt in vain: the pause until the next one grows.
    pub(super) fn failed(&mut self, reason: String) {
        let [shortest, longest] = RECONNECT_PAUSES;
        self.pause = (self.pause * 2).clamp(shortest, longest);
        self.not_before = Some(Instant::now() + self.pause);
        self.reason = reason;
    }

    /// Why nobody should try now: a moment ago it was in vain.
    pub(super) fn too_early(&self) -> Option<StoreError> {
        let is_early = self.not_before.is_some_and(|time| Instant::now() < time);
        is_early.then(|| self.unavailable())
    }

    /// What the newest attempt says.
    pub(super) fn unavailable(&self) -> StoreError {
        StoreError::Unavailable { reason: self.reason.clone() }
    }
}
