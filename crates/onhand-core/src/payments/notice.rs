//! Messages of gateways: kept before they are answered, each once, by the sender's name for the
//! event and by the body itself, because not every gateway signs its names. What a message tells is
//! taken in by the same decision. One about an order that we do not know yet waits for it: a
//! customer may have paid before we heard how the gateway calls its order.

use serde::{Deserialize, Serialize};

use super::gateway::{Notice, Seen};
use super::observe::Source;
use super::payment::Provider;
use super::saga::take_in;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::ids::{NoticeId, OrderId};
use crate::text::{GatewayId, Reference};
use crate::{Needs, State, Timestamp, Version};

/// By what a message is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKey {
    /// The sender's name for the event.
    Event(Provider, Reference),
    /// SHA-256 of the body.
    Body([u8; 32]),
}

/// A message that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptNotice {
    /// Its id.
    pub id: NoticeId,
    /// Who sent it.
    pub provider: Provider,
    /// The sender's name for the event.
    pub event_id: Reference,
    /// SHA-256 of the body as it came.
    pub body_hash: [u8; 32],
    /// What the sender calls such an event.
    pub kind: Reference,
    /// The order that it is about, once that is known.
    pub order_id: Option<OrderId>,
    /// The gateway's order that it is about, while ours is not known.
    pub intent: Option<GatewayId>,
    /// What it told, while it waits for its order.
    pub seen: Option<Seen>,
    /// How often it was changed.
    pub version: Version,
    /// When it came.
    pub received_at: Timestamp,
}

/// Takes a message in.
pub(super) fn receive(draft: &mut Draft<'_>, notice: &Notice) -> Result<Reply, Stop> {
    for key in keys_of(notice) {
        if draft.has_notice(&key)? {
            return Ok(Reply::Notice { is_new: false });
        }
    }
    let order_id = order_of(draft, notice)?;
    let id = draft.next_notice_id();
    let waits = order_id.is_none() && !notice.seen.is_empty();
    draft.put_notice(KeptNotice {
        id,
        provider: notice.provider,
        event_id: notice.event_id.clone(),
        body_hash: notice.body_hash,
        kind: notice.kind.clone(),
        order_id,
        intent: intent_of(&notice.seen).filter(|_| waits),
        seen: waits.then(|| notice.seen.clone()),
        version: 1,
        received_at: draft.now(),
    });
    if let Some(order_id) = order_id.filter(|_| !notice.seen.is_empty()) {
        take_in(draft, order_id, &notice.seen, Source::Notice, None)?;
        for intent in &notice.seen.intents {
            take_in_waiting(draft, order_id, notice.provider, &intent.id)?;
        }
    }
    Ok(Reply::Notice { is_new: true })
}

/// Forgets messages that were taken in long ago: what they told is in their orders, and the names
/// of the gateway's objects stay, so that one that comes again all the same finds its order and
/// changes nothing.
pub(super) fn forget(draft: &mut Draft<'_>, before: Timestamp, most: usize) -> Result<Reply, Stop> {
    let old = draft.old_notices(before, most)?;
    let rows = old.len() as u64;
    for notice in old {
        draft.forget_notice(notice);
    }
    Ok(Reply::Forgotten { rows })
}

/// Takes in what had come about a gateway's order before that was known to be ours.
pub(crate) fn take_in_waiting(
    draft: &mut Draft<'_>,
    order_id: OrderId,
    provider: Provider,
    intent: &GatewayId,
) -> Result<(), Stop> {
    if draft.order_of_gateway_id(provider, intent)? != Some(order_id) {
        return Ok(());
    }
    for mut kept in draft.waiting_notices(provider, intent)? {
        let Some(seen) = kept.seen.take() else { continue };
        kept.order_id = Some(order_id);
        kept.intent = None;
        kept.version += 1;
        draft.put_notice(kept);
        take_in(draft, order_id, &seen, Source::Notice, None)?;
    }
    Ok(())
}

impl KeptNotice {
    /// By what it is known.
    pub fn keys(&self) -> [NoticeKey; 2] {
        keys(self.provider, &self.event_id, self.body_hash)
    }
}

fn keys(provider: Provider, event_id: &Reference, body_hash: [u8; 32]) -> [NoticeKey; 2] {
    [NoticeKey::Event(provider, event_id.clone()), NoticeKey::Body(body_hash)]
}

fn keys_of(notice: &Notice) -> [NoticeKey; 2] {
    keys(notice.provider, &notice.event_id, notice.body_hash)
}

/// The order that a message is about: that of the gateway's names in it, or the one that it names
/// itself, as long as that is paid through this gateway.
fn order_of(draft: &Draft<'_>, notice: &Notice) -> Result<Option<OrderId>, Stop> {
    for id in notice.seen.gateway_ids() {
        if let Some(order_id) = draft.order_of_gateway_id(notice.provider, id)? {
            return Ok(Some(order_id));
        }
    }
    let Some(named) = notice.order_id else { return Ok(None) };
    let order = draft.find_order(named)?;
    let payment = order.and_then(|order| order.payment.as_ref());
    Ok(payment.filter(|payment| payment.provider == notice.provider).map(|_| named))
}

fn intent_of(seen: &Seen) -> Option<GatewayId> {
    let of_attempt = || seen.attempts.iter().find_map(|attempt| attempt.intent.clone());
    seen.intents.first().map(|intent| intent.id.clone()).or_else(of_attempt)
}

/// The rows that a message names, as far as those at hand tell.
pub(super) fn names(notice: &Notice, known: &State, needs: &mut Needs) {
    needs.notices.extend(keys_of(notice));
    super::names_of_seen(known, notice.provider, &notice.seen, needs);
    if let Some(named) = notice.order_id {
        super::names_of_order(known, named, needs);
    }
    for id in notice.seen.gateway_ids() {
        let key = (notice.provider, id.clone());
        if let Some(Some(order_id)) = known.gateway_ids.get(&key) {
            super::names_of_order(known, *order_id, needs);
        }
    }
}
