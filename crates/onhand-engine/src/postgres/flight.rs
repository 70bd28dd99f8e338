//! Batches on their way to the server, one behind the other over one session. Each is conditional
//! on the very one before it: the guard on the head fails where that one has. The committer goes on
//! meanwhile; a flight knows what it writes, so that nobody asks the server for that before it is
//! there.

use std::collections::HashSet;
use std::sync::Arc;

use onhand_core::ids::ProductId;
use onhand_core::payments::KeptNotice;
use onhand_core::warehouse::WarehouseNeeds;
use onhand_core::{Needs, State, Version};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::changes::statements;
use super::error::{Error, Result};
use super::head::{Head, writes};
use super::session::{Session, in_time};
use crate::idempotency::IdempotencyKey;
use crate::store::{Batch, Rows};

/// A batch that is being written.
#[derive(Debug)]
pub(super) struct Flight {
    sent: Sent,
    keys: HashSet<([u8; 16], i64)>,
    /// Products whose row or levels it changes.
    products: HashSet<ProductId>,
    task: JoinHandle<Landing>,
    /// What came of it.
    landing: Option<Landing>,
    /// The head that it leaves, told when all of it is on its way.
    after: Option<oneshot::Receiver<Head>>,
}

/// A batch, and the stamp by which it is told from every other one, also from another of the same
/// number.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) batch: Arc<Batch>,
    pub(super) stamp: i64,
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Landing {
    /// Whether anything of it may have reached the server.
    pub(super) was_sent: bool,
    /// The head that it has left.
    pub(super) result: Result<Head>,
}

/// What a batch builds on.
#[derive(Debug)]
pub(super) enum Base {
    /// A head that was read, with an open transaction.
    Open(Head),
    /// A head that was left by a batch that is written.
    Left(Head),
    /// What a batch will leave that is still being written.
    Awaited(oneshot::Receiver<Head>),
}

impl Flight {
    /// Sends a batch over a session, under a stamp that is nobody else's.
    pub(super) fn start(session: Arc<Session>, batch: Arc<Batch>, base: Base, stamp: i64) -> Self {
        let rows = &batch.rows;
        let products = rows.levels.keys().map(|(id, _)| id).chain(rows.products.keys());
        let (leaves, after) = oneshot::channel();
        Self {
            keys: batch.outcomes.iter().map(|(key, _)| (key.key, key.scope)).collect(),
            products: products.copied().collect(),
            task: tokio::spawn(fly(session, batch.clone(), base, stamp, leaves)),
            sent: Sent { batch, stamp },
            landing: None,
            after: Some(after),
        }
    }

    /// What is being written.
    pub(super) fn batch(&self) -> &Arc<Batch> {
        &self.sent.batch
    }

    /// What the next batch builds on; once.
    pub(super) fn after(&mut self) -> Option<Base> {
        self.after.take().map(Base::Awaited)
    }

    /// Completes when the server has answered. May be given up and asked again.
    pub(super) async fn landed(&mut self) {
        if self.landing.is_none() {
            let landing = (&mut self.task).await;
            // A task that panicked may have sent everything: the batch is looked for.
            let lost = |_| Landing { was_sent: true, result: Err(Error::Lost) };
            self.landing = Some(landing.unwrap_or_else(lost));
        }
    }

    /// What came of it.
    pub(super) async fn landing(mut self) -> (Sent, Option<Landing>) {
        self.landed().await;
        (self.sent, self.landing)
    }

    /// Whether the server may answer otherwise once this is written: what it writes, and what is
    /// counted or added up. What it wrote and what is still at hand is not asked for.
    pub(super) fn touches(&self, keys: &[IdempotencyKey], needs: &Needs, state: &State) -> bool {
        let rows = &self.sent.batch.rows;
        let is_counted = !needs.category_uses.is_empty()
            || !needs.expired_holds.is_empty()
            || !needs.on_hand_at.is_empty()
            || needs.due.is_some()
            || needs.due_effects.is_some()
            || needs.enabled_admins && !rows.users.is_empty()
            || !needs.open_sessions.is_empty() && !rows.sessions.is_empty()
            || !needs.emails.is_empty() && !rows.users.is_empty();
        // Which product has a SKU is only known when it is at hand.
        let may_be_by_sku = !needs.skus.is_empty()
            && (!rows.products.is_empty() || !state.has_products(&self.products));
        is_counted
            || may_be_by_sku
            || keys.iter().any(|key| self.keys.contains(&(key.key, key.scope)))
            || needs.products.iter().any(|id| self.products.contains(id))
            || needs.categories.iter().any(|id| rows.categories.contains_key(id))
            || needs.locations && !rows.locations.is_empty()
            || needs.orders.iter().any(|id| rows.orders.contains_key(id))
            || !needs.open_orders.is_empty()
                && rows.orders.values().any(|(_, order)| {
                    let customer = order.customer_id;
                    customer.is_some_and(|customer| needs.open_orders.contains(&customer))
                })
            || !needs.holds_of.is_empty()
                && rows.reservations.values().any(|(_, hold)| {
                    hold.holder().is_some_and(|holder| needs.holds_of.contains(&holder))
                })
            || needs.reservations.iter().any(|id| rows.reservations.contains_key(id))
            || needs.users.iter().any(|id| rows.users.contains_key(id))
            || needs.sessions.iter().any(|id| rows.sessions.contains_key(id))
            || needs.api_keys.iter().any(|id| rows.api_keys.contains_key(id))
            || touches_payments(rows, needs)
            || touches_outbox(rows, needs)
            || touches_warehouse(needs)
            || needs.imports.iter().any(|id| rows.imports.contains_key(id))
            || !needs.references.is_empty()
                && rows.orders.values().any(|(_, order)| {
                    let reference = order.external_reference.as_ref();
                    reference.is_some_and(|reference| needs.references.contains(reference))
                })
    }
}

/// Whether rows about payments are named that a batch writes. A message that it has changed waits
/// no more: which order of the gateway's it waited for is not known here.
fn touches_payments(rows: &Rows, needs: &Needs) -> bool {
    let has_key = |notice: &KeptNotice| notice.keys().iter().any(|key| needs.notices.contains(key));
    let may_wait = |stored: Version, notice: &KeptNotice| {
        let intent = notice.intent.clone().map(|intent| (notice.provider, intent));
        stored > 0 || intent.is_some_and(|key| needs.waiting_notices.contains(&key))
    };
    needs.old_notices.is_some()
        || !needs.notices.is_empty() && !rows.forgotten_notices.is_empty()
        || needs.effects.iter().any(|id| rows.effects.contains_key(id))
        || needs.gateway_ids.iter().any(|key| rows.gateway_ids.contains_key(key))
        || !needs.notices.is_empty() && rows.notices.values().any(|(_, notice)| has_key(notice))
        || !needs.waiting_notices.is_empty()
            && rows.notices.values().any(|(stored, notice)| may_wait(*stored, notice))
}

/// Whether rows of what follows from the log are named that a batch writes, or are counted.
fn touches_outbox(rows: &Rows, needs: &Needs) -> bool {
    let rows = &rows.outbox;
    !needs.due_jobs.is_empty()
        || needs.ended_jobs.is_some()
        || needs.endpoint_count && !rows.endpoints.is_empty()
        || needs.consumers.iter().any(|queue| rows.consumers.contains_key(queue))
        || needs.endpoints.iter().any(|id| rows.endpoints.contains_key(id))
        || needs.schedules.iter().any(|name| rows.schedules.contains_key(name))
        || needs.jobs.iter().any(|id| rows.jobs.contains_key(id))
}

/// What the external warehouse says is looked through and walked along: whatever is written may
/// matter.
fn touches_warehouse(needs: &Needs) -> bool {
    needs.warehouse != WarehouseNeeds::default()
}

async fn fly(
    session: Arc<Session>,
    batch: Arc<Batch>,
    base: Base,
    stamp: i64,
    leaves: oneshot::Sender<Head>,
) -> Landing {
    let (head, begins) = match base {
        Base::Open(head) => (head, false),
        Base::Left(head) => (head, true),
        Base::Awaited(head) => match head.await {
            Ok(head) => (head, true),
            // The batch before could not even be sent.
            Err(_) => return unsent(Error::Guard("numbering")),
        },
    };
    let prepared = match writes(&batch, &head, stamp) {
        Ok((changes, after)) => {
            let writes = statements(changes, session.joins());
            let texts: Vec<&'static str> = writes.iter().map(|write| write.sql).collect();
            session.prepare(texts).await.map(|()| (writes, after))
        }
        Err(error) => Err(error),
    };
    let (writes, after) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            // Nobody begins a transaction within one that is open.
            let ended = if begins { Ok(()) } else { in_time(session.run("ROLLBACK")).await };
            return unsent(ended.err().unwrap_or(error));
        }
    };
    let left = after.clone();
    let committed = session.commit(begins, &writes, move || {
        // Nobody may have waited for it.
        let _ = leaves.send(left);
    });
    let result = match committed.await {
        Ok(()) if session.has_warned() => Err(Error::Unconfirmed),
        Ok(()) => Ok(after),
        Err(error) => Err(error),
    };
    Landing { was_sent: true, result }
}

fn unsent(error: Error) -> Landing {
    Landing { was_sent: false, result: Err(error) }
}
