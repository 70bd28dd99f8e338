//! The sweeper tidies up holds that have run out. It is never needed for a right answer: a hold is
//! free the instant it runs out, whether it was swept or not. Of several processes on one database
//! one sweeps, by a lease.

use onhand_core::command::Reply;
use onhand_core::{Actor, Command, inventory};
use onhand_engine::SubmitError;
use onhand_engine::committer::{Answer, Submit};
use onhand_engine::database::Leases;
use tokio::time::{MissedTickBehavior, interval};

use crate::limits::{SWEEP_EVERY, SWEEP_HOLDS_MAX, SWEEP_LEASE};

/// Sweeps until the committer stops.
pub async fn run(submit: Submit, leases: std::sync::Arc<Leases>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !leases.hold("sweeper", SWEEP_LEASE).await {
            continue;
        }
        match sweep(&submit).await {
            Ok(0) => {}
            Ok(holds) => tracing::info!(holds, "expired"),
            Err(SubmitError::Stopping) => return,
            Err(error) => tracing::warn!(%error, "sweep failed; trying again"),
        }
    }
}

async fn sweep(submit: &Submit) -> Result<u64, SubmitError> {
    let command = inventory::Command::ExpireDue { most: SWEEP_HOLDS_MAX };
    let answer = submit.submit(Command::Inventory(command), Actor::System, None).await?;
    match answer {
        Answer { outcome: Ok(Reply::Expired { holds }), .. } => Ok(holds),
        Answer { outcome, .. } => {
            tracing::warn!(?outcome, "a sweep was answered with something else");
            Ok(0)
        }
    }
}
