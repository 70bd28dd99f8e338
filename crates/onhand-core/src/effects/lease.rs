//! Giving effects that are due to a worker.

use alloc::vec::Vec;

use super::{Effect, EffectState};
use crate::Needs;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::payments::{self, Task, owed};

/// Leases the oldest that are due. One whose lease has run out is due again: whoever had it may
/// have done it, so that the next one asks first.
pub(super) fn lease(draft: &mut Draft<'_>, most: usize, secs: i64) -> Result<Reply, Stop> {
    let now = draft.now();
    let mut due: Vec<Effect> = Vec::new();
    for id in draft.due_effects(most)? {
        let effect = draft.find_effect(id)?;
        // What was due when it was loaded may have been settled since.
        due.extend(effect.filter(|effect| is_due(effect, now)));
    }
    let orders = due.iter().map(|effect| effect.order_id).collect();
    draft.need(Needs { orders, ..Needs::default() })?;
    let mut tasks = Vec::with_capacity(due.len());
    for mut effect in due {
        let order = draft.any_order(effect.order_id)?.clone();
        let Some((payment, call)) = order.payment.as_ref().zip(owed(&order)) else {
            effect.state = EffectState::Done;
            draft.save_effect(effect);
            continue;
        };
        if effect.leased {
            effect.tries += 1;
            effect.ask_first = true;
            if effect.tries >= draft.policy().tries_max {
                // Whoever had it did not come back, time and again: it may be what ends them.
                bury(draft, effect)?;
                continue;
            }
        }
        effect.leased = true;
        effect.epoch = next_epoch(effect.epoch, now);
        effect.due_at = draft.after_secs(secs);
        tasks.push(Task {
            epoch: effect.epoch,
            leased_until: effect.due_at,
            tries: effect.tries,
            ask_first: effect.ask_first,
            order_id: order.id,
            provider: payment.provider,
            call: call.call,
        });
        draft.save_effect(effect);
    }
    Ok(Reply::Tasks(tasks))
}

fn bury(draft: &mut Draft<'_>, mut effect: Effect) -> Result<(), Stop> {
    let (id, reason) = (effect.order_id, payments::not_heard_of());
    (effect.state, effect.leased) = (EffectState::Dead, false);
    effect.reason = Some(reason.clone());
    draft.save_effect(effect);
    payments::note_trouble(draft, id, reason, true)
}

fn is_due(effect: &Effect, now: crate::Timestamp) -> bool {
    effect.state == EffectState::Waiting && effect.due_at <= now
}

/// Never the same again, also when the effect was done meanwhile and another is owed now: whoever
/// had it then must not settle this one.
fn next_epoch(epoch: u64, now: crate::Timestamp) -> u64 {
    u64::try_from(now.as_microsecond()).unwrap_or(0).max(epoch.saturating_add(1))
}
