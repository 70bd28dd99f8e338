//! Keys that follow from what is asked, for clients that send none: asked twice, it happens once.
//! An outcome stays under its key, a refusal too. Where a refused request may come again and then
//! be right, each time has a key of its own, which follows from how often it was refused before.

use onhand_core::Command;
use onhand_engine::committer::Answer;
use onhand_engine::{IdempotencyKey, SubmitError};

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

/// What came of a request under its natural key.
#[derive(Debug)]
pub(super) enum Settled {
    /// It was carried out, now or before; or refused now.
    Now(Answer),
    /// The same request was refused before.
    RefusedBefore(Answer),
    /// Something else was asked under this name.
    Other,
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

    /// Submits a command after so many refusals of the same request.
    ///
    /// # Errors
    /// Where nothing was decided.
    pub(super) async fn submit(
        &self,
        call: &Call,
        command: Command,
        refusals: usize,
    ) -> Result<Settled, Wrong> {
        match call.submit_under(command, self.key(refusals)).await? {
            Ok(answer) if answer.replayed && answer.outcome.is_err() => {
                Ok(Settled::RefusedBefore(answer))
            }
            Ok(answer) => Ok(Settled::Now(answer)),
            Err(SubmitError::KeyReused) => Ok(Settled::Other),
            Err(error) => Err(error.into()),
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
        for refusals in 0..NATURAL_KEYS_MAX {
            match self.submit(call, command.clone(), refusals).await? {
                Settled::Now(answer) => return Done::of(answer),
                Settled::RefusedBefore(answer) if refusals + 1 == NATURAL_KEYS_MAX => {
                    return Done::of(answer);
                }
                Settled::RefusedBefore(_) => {}
                Settled::Other => return Err(SubmitError::KeyReused.into()),
            }
        }
        Err(SubmitError::KeyReused.into())
    }
}
