//! Taking in what came of effects. What was seen counts from whomever it comes; how it went counts
//! only from whoever has the lease.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::{Effect, EffectState};
use crate::Timestamp;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{EffectId, OrderId};
use crate::payments::{self, Call, Provider, Seen, Source};
use crate::text::Text;

/// How a call went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// The gateway will not, and asking again would not help.
    Declined(Text),
    /// It is not done, and may be tried again.
    Retry(Text),
    /// Nobody knows whether it is done.
    Unknown(Text),
    /// The worker did not ask: the gateway is left alone for a while.
    Untried,
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The epoch of the lease.
    pub epoch: u64,
    /// Whose payment it is.
    pub order_id: OrderId,
    /// Who was asked.
    pub provider: Provider,
    /// What was asked.
    pub call: Call,
    /// What the gateway told.
    pub seen: Seen,
    /// How it went.
    pub outcome: Outcome,
    /// When to try again, should that be necessary.
    pub again_at: Timestamp,
}

pub(super) fn settle(draft: &mut Draft<'_>, settlements: &[Settlement]) -> Result<Reply, Stop> {
    let mut settled = 0;
    for one in settlements {
        settled += u64::from(settle_one(draft, one)?);
    }
    Ok(Reply::Settled { effects: settled })
}

/// Whether the lease still counted.
fn settle_one(draft: &mut Draft<'_>, one: &Settlement) -> Result<bool, Stop> {
    let effect = draft.find_effect(one.order_id)?;
    let is_current = effect.as_ref().is_some_and(|effect| is_leased(effect, one));
    let ending = is_current.then_some((&one.call, &one.outcome));
    let still_owed = payments::take_in(draft, one.order_id, &one.seen, Source::Answer, ending)?;
    for intent in &one.seen.intents {
        payments::take_in_waiting(draft, one.order_id, one.provider, &intent.id)?;
    }
    let Some(mut effect) = draft.find_effect(one.order_id)?.filter(|now| is_leased(now, one))
    else {
        // Something else is owed now, or nothing.
        return Ok(is_current);
    };
    effect.leased = false;
    effect.due_at = one.again_at;
    let trouble = match (&one.outcome, still_owed) {
        // Nobody was asked, so that nothing counts.
        (Outcome::Untried, _) => None,
        (Outcome::Done | Outcome::Declined(_), Some(at)) => {
            effect.polls = effect.polls.saturating_add(1);
            // Who was asked for weeks may fail as often as who was never asked.
            (effect.tries, effect.due_at) = (0, at);
            (effect.ask_first, effect.reason) = (false, None);
            None
        }
        (Outcome::Done | Outcome::Declined(_), None) => Some((payments::contradicted(), true)),
        (Outcome::Retry(reason), _) => Some((reason.clone(), false)),
        (Outcome::Unknown(reason), _) => Some((reason.clone(), true)),
    };
    if let Some((reason, may_be_done)) = &trouble {
        try_again(draft, &mut effect, *may_be_done, reason);
    }
    let is_dead = effect.state == EffectState::Dead;
    draft.save_effect(effect);
    if let Some((reason, _)) = trouble {
        payments::note_trouble(draft, one.order_id, reason, is_dead)?;
    }
    Ok(is_current)
}

fn is_leased(effect: &Effect, one: &Settlement) -> bool {
    effect.leased && effect.epoch == one.epoch && effect.state == EffectState::Waiting
}

/// After so many tries a person has to look at it.
fn try_again(draft: &Draft<'_>, effect: &mut Effect, may_be_done: bool, reason: &Text) {
    effect.tries += 1;
    effect.ask_first |= may_be_done;
    effect.reason = Some(reason.clone());
    if effect.tries >= draft.policy().tries_max {
        effect.state = EffectState::Dead;
    }
}

pub(super) fn requeue(draft: &mut Draft<'_>, id: EffectId) -> Result<Reply, Stop> {
    let mut effect = dead(draft, id)?;
    effect.state = EffectState::Waiting;
    (effect.tries, effect.due_at, effect.leased) = (0, draft.now(), false);
    // Nobody knows what the tries before have done.
    effect.ask_first = true;
    let effect = draft.save_effect(effect);
    payments::note_step(draft, effect.order_id, "payment.requeued")?;
    Ok(Reply::Effect(effect))
}

/// Ends what is owed as if the gateway had declined it: an operator has seen to it. Where nothing
/// is owed but to ask how things stand, it is asked when it would be asked next.
pub(super) fn skip(draft: &mut Draft<'_>, id: EffectId) -> Result<Reply, Stop> {
    let effect = dead(draft, id)?;
    let order = draft.any_order(effect.order_id)?.clone();
    let mut next = None;
    if let Some(owed) = payments::owed(&order) {
        let outcome = Outcome::Declined(payments::skipped());
        let seen = Seen::default();
        let ending = Some((&owed.call, &outcome));
        next = payments::take_in(draft, order.id, &seen, Source::Answer, ending)?;
    }
    payments::note_step(draft, effect.order_id, "payment.skipped")?;
    let reply = match draft.find_effect(id.order())? {
        Some(left) if left.state == EffectState::Dead => {
            let (state, due_at) = (EffectState::Waiting, next.unwrap_or(draft.now()));
            let polls = left.polls.saturating_add(1);
            draft.save_effect(Effect { state, due_at, tries: 0, polls, reason: None, ..left })
        }
        Some(left) => left,
        None => Effect { state: EffectState::Done, ..effect },
    };
    Ok(Reply::Effect(reply))
}

fn dead(draft: &Draft<'_>, id: EffectId) -> Result<Effect, Stop> {
    let effect = draft.find_effect(id.order())?;
    let effect = effect.ok_or(Refusal::UnknownEffect { effect_id: id })?;
    match effect.state {
        EffectState::Dead => Ok(effect),
        state @ (EffectState::Waiting | EffectState::Done) => {
            Err(Refusal::EffectNotDead { state }.into())
        }
    }
}
