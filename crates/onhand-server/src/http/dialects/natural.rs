//! Keys that follow from what is asked, for clients that send none: asked twice, it happens once.
//! An outcome stays under its key, a refusal too. Where a refused request may come again and then
//! be right, each time has a key of its own, which follows from how often it was refused before.

use onhand_core::Command;
use onhand_engine::IdempotencyKey;

use super::fault::{Done, Wrong};
use crate::http::call::{Call, first_8, first_16, hash};
use crate::limits::NATURAL_KEYS_MAX;

/// What names a request by nature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Natural<'a> {
    /// What kind of request it is: keys of two kinds never meet, and who asks does not matter.
    pub(super) kind: &'static str,
    /// What makes it this request and no other.
    pub(super) name: &'a [&'a str],
    /// What must be the same when it is asked again.
    pub(super) contents: &'a [&'a str],
}

impl Natural<'_> {
    /// The key of the time after so many refusals.
    fn key(&self, refusals: usize) -> IdempotencyKey {
        let refusals = refusals.to_string();
        let name = [self.name, &[&refusals]].concat();
        IdempotencyKey {
            key: first_16(&hash(&name, self.kind.as_bytes())),
            scope: i64::from_be_bytes(first_8(&hash(&[self.kind], b"natural"))),
            fingerprint: hash(self.contents, &[]),
        }
    }

    /// Submits a command once, however often it is asked for: under the caller's key, or else under
    /// this one.
    ///
    /// # Errors
    /// The refusal; where nothing was decided, why.
    pub(super) async fn submit_once(&self, call: &Call, command: Command) -> Result<Done, Wrong> {
        if call.has_key() {
            return Done::of(call.submit(command).await?);
        }
        let mut answer = call.submit_under(command.clone(), self.key(0)).await?;
        for refusals in 1..NATURAL_KEYS_MAX {
            if !answer.replayed || answer.outcome.is_ok() {
                break;
            }
            // The same request was refused before, and may be right by now.
            answer = call.submit_under(command.clone(), self.key(refusals)).await?;
        }
        Done::of(answer)
    }
}
