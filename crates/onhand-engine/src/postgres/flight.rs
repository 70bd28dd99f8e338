//! A batch on its way to the server. It takes the session with it and brings it back, so that the
//! committer can go on; and it knows what it writes, so that nobody asks the server for that before
//! it is there.

use std::collections::HashSet;
use std::sync::Arc;

use onhand_core::ids::ProductId;
use onhand_core::{Needs, State};
use tokio::task::JoinHandle;

use super::error::{Error, Result};
use super::head::{Head, writes};
use super::session::Session;
use crate::idempotency::IdempotencyKey;
use crate::store::Batch;

/// A batch that is being written.
#[derive(Debug)]
pub(super) struct Flight {
    batch: Arc<Batch>,
    keys: HashSet<([u8; 16], i64)>,
    /// Products whose row or levels it changes.
    products: HashSet<ProductId>,
    task: JoinHandle<Landing>,
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) batch: Arc<Batch>,
    /// The session that was lent to it, unless that is lost.
    pub(super) session: Option<Session>,
    /// Whether anything of it may have reached the server.
    pub(super) was_sent: bool,
    /// The head that it has left.
    pub(super) result: Result<Head>,
}

impl Flight {
    /// Sends a batch over a session on which its transaction is open, or `begins` with it.
    pub(super) fn start(
        session: Session,
        batch: Arc<Batch>,
        head: Head,
        writer: i64,
        begins: bool,
    ) -> Self {
        let rows = &batch.rows;
        let products = rows.levels.keys().map(|(id, _)| id).chain(rows.products.keys());
        Self {
            keys: batch.outcomes.iter().map(|(key, _)| (key.key, key.scope)).collect(),
            products: products.copied().collect(),
            task: tokio::spawn(fly(session, batch.clone(), head, writer, begins)),
            batch,
        }
    }

    /// What is being written.
    pub(super) fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// Completes when the server has answered. May be given up and asked again, but not after it
    /// has completed.
    pub(super) async fn landed(&mut self) -> Landing {
        match (&mut self.task).await {
            Ok(landing) => landing,
            // The task has panicked, and nobody knows where: the batch is looked for.
            Err(_) => Landing {
                batch: self.batch.clone(),
                session: None,
                was_sent: true,
                result: Err(Error::Lost),
            },
        }
    }

    /// Whether the server may answer otherwise once this is written: what it writes, and what is
    /// counted or added up. What it wrote and what is still at hand is not asked for.
    pub(super) fn touches(&self, keys: &[IdempotencyKey], needs: &Needs, state: &State) -> bool {
        let rows = &self.batch.rows;
        let is_counted = !needs.category_uses.is_empty()
            || !needs.expired_holds.is_empty()
            || !needs.on_hand_at.is_empty()
            || needs.due.is_some();
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
            || needs.reservations.iter().any(|id| rows.reservations.contains_key(id))
            || !needs.references.is_empty()
                && rows.orders.values().any(|(_, order)| {
                    let reference = order.external_reference.as_ref();
                    reference.is_some_and(|reference| needs.references.contains(reference))
                })
    }
}

async fn fly(
    mut session: Session,
    batch: Arc<Batch>,
    head: Head,
    writer: i64,
    begins: bool,
) -> Landing {
    let (was_sent, result) = send(&mut session, &batch, &head, writer, begins).await;
    Landing { batch, session: Some(session), was_sent, result }
}

async fn send(
    session: &mut Session,
    batch: &Batch,
    head: &Head,
    writer: i64,
    begins: bool,
) -> (bool, Result<Head>) {
    let (writes, after) = match writes(batch, head, writer) {
        Ok(written) => written,
        Err(error) => return (false, Err(error)),
    };
    let statements: Vec<&'static str> = writes.iter().map(|write| write.sql).collect();
    if let Err(error) = session.prepare(statements).await {
        return (false, Err(error));
    }
    let committed = session.commit(begins, &writes).await;
    let is_confirmed = !session.take_warning();
    let result = committed.and(if is_confirmed { Ok(after) } else { Err(Error::Unconfirmed) });
    (true, result)
}
