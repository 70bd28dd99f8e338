//! What a decision reads and leaves of payments: effects, names of gateways, messages.

use alloc::vec::Vec;

use super::Draft;
use super::rows::missing;
use crate::Timestamp;
use crate::command::Stop;
use crate::effects::{Effect, EffectState};
use crate::ids::OrderId;
use crate::orders::Order;
use crate::payments::{KeptNotice, NoticeKey, Policy, Provider};
use crate::text::GatewayId;
use alloc::sync::Arc;

impl Draft<'_> {
    pub(crate) fn policy(&self) -> &Policy {
        &self.context.policy
    }

    /// The order, if there is one, whosever it is.
    pub(crate) fn find_order(&self, id: OrderId) -> Result<Option<&Arc<Order>>, Stop> {
        if let Some(order) = self.changes.orders.get(&id) {
            return Ok(Some(order));
        }
        match self.state.orders.get(&id) {
            Some(row) => Ok(row.as_ref()),
            None => missing(|needs| {
                needs.orders.insert(id);
            }),
        }
    }

    /// What is owed about the payment of an order.
    pub(crate) fn find_effect(&self, id: OrderId) -> Result<Option<Effect>, Stop> {
        let row = match self.changes.effects.get(&id) {
            Some(effect) => Some(effect),
            None => match self.state.effects.get(&id) {
                Some(row) => row.as_ref(),
                None => {
                    return missing(|needs| {
                        needs.effects.insert(id);
                    });
                }
            },
        };
        Ok(row.filter(|effect| effect.state != EffectState::Done).cloned())
    }

    /// Stores a new or changed effect; one that is done is deleted.
    pub(crate) fn save_effect(&mut self, mut effect: Effect) -> Effect {
        effect.version += 1;
        effect.updated_at = self.now();
        self.put(|changes| &mut changes.effects, effect.order_id, effect.clone());
        effect
    }

    /// The effects that were due when they were loaded, oldest first; some may have been settled
    /// since.
    pub(crate) fn due_effects(&self, most: usize) -> Result<Vec<OrderId>, Stop> {
        match &self.state.due_effects {
            Some(due) => Ok(due.iter().copied().take(most).collect()),
            None => missing(|needs| needs.due_effects = Some(most)),
        }
    }

    /// The order that an object of a gateway belongs to.
    pub(crate) fn order_of_gateway_id(
        &self,
        provider: Provider,
        id: &GatewayId,
    ) -> Result<Option<OrderId>, Stop> {
        let key = (provider, id.clone());
        if let Some(order_id) = self.changes.gateway_ids.get(&key) {
            return Ok(Some(*order_id));
        }
        match self.state.gateway_ids.get(&key) {
            Some(order_id) => Ok(*order_id),
            None => missing(|needs| {
                needs.gateway_ids.insert(key);
            }),
        }
    }

    pub(crate) fn put_gateway_id(&mut self, provider: Provider, id: GatewayId, order_id: OrderId) {
        self.put(|changes| &mut changes.gateway_ids, (provider, id), order_id);
    }

    /// Whether a message is here already.
    pub(crate) fn has_notice(&self, key: &NoticeKey) -> Result<bool, Stop> {
        match self.state.notices.get(key) {
            Some(is_here) => Ok(*is_here),
            None => missing(|needs| {
                needs.notices.insert(key.clone());
            }),
        }
    }

    pub(crate) fn put_notice(&mut self, notice: KeptNotice) {
        self.put(|changes| &mut changes.notices, notice.id, notice);
    }

    /// Messages that were taken in before an instant, oldest first.
    pub(crate) fn old_notices(
        &self,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<KeptNotice>, Stop> {
        match &self.state.old_notices {
            Some(old) => Ok(old.values().take(most).cloned().collect()),
            None => missing(|needs| needs.old_notices = Some((before, most))),
        }
    }

    pub(crate) fn forget_notice(&mut self, notice: KeptNotice) {
        self.put(|changes| &mut changes.forgotten_notices, notice.id, notice);
    }

    /// The messages that wait for a gateway's order to become known, oldest first.
    pub(crate) fn waiting_notices(
        &self,
        provider: Provider,
        intent: &GatewayId,
    ) -> Result<Vec<KeptNotice>, Stop> {
        let key = (provider, intent.clone());
        let Some(mut waiting) = self.state.waiting_notices(&key) else {
            return missing(|needs| {
                needs.waiting_notices.insert(key);
            });
        };
        // What this decision has taken in does not wait any more.
        waiting.retain(|notice| !self.changes.notices.contains_key(&notice.id));
        Ok(waiting)
    }
}
