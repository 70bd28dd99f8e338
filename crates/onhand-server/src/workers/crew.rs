//! Everybody who works beside the requests: started together, and stopped so that what has begun
//! comes to its end.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use onhand_engine::database::Leases;
use onhand_engine::prover::Prover;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::effects::{self, Timing};
use super::jobs::{self, Mails, Processing, Stop, Tools, Work, broker};
use super::options::{Means, WorkOptions};
use super::schedules::{self, Terms};
use super::verify::{self, Verifier};
use super::warehouse::{self, Keeper};
use crate::app::App;

/// Those who work.
#[derive(Debug)]
pub struct Crew {
    stop: oneshot::Sender<()>,
    /// They end by themselves when they are told.
    working: Vec<JoinHandle<()>>,
    /// These can be stopped at any time: nothing that they have begun is lost.
    ticking: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts everybody there is something to do for, beside whoever answers requests.
    pub fn start(
        app: &App,
        (leases, prover): (Arc<Leases>, Prover),
        timing: Timing,
        means: Means,
        options: &WorkOptions,
    ) -> Self {
        let Means { mailing, broker, relay } = means;
        let (submit, clock) = (app.submit.clone(), app.clock.clone());
        let effects = effects::Tools {
            submit: submit.clone(),
            gateways: app.gateways.clone(),
            clock: clock.clone(),
            wake: app.owed.clone(),
            timing,
            counted: app.metrics.work.clone(),
            trail: app.trail.clone(),
        };
        let (counted, trail) = (app.metrics.work.clone(), app.trail.clone());
        let tools = Tools { submit, reader: app.reader.clone(), clock, leases, counted, trail };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped: Stop = stopped.map(|_| ()).boxed().shared();
        let mut working = Vec::new();
        // Where nobody can be asked, what is owed waits until somebody can.
        if effects.gateways.providers().next().is_some() {
            working.push(tokio::spawn(effects::run(effects, stopped.clone())));
        }
        if options.processes() {
            let has_broker = broker.is_some();
            let processing = Processing { tools: tools.clone(), has_broker };
            working.push(spawn(processing, &tools, &stopped));
        }
        if let Some(broker) = broker.filter(|_| options.processes()) {
            let published = broker::publish(broker.clone(), tools.clone(), stopped.clone());
            working.push(tokio::spawn(published));
            let received = broker::receive(broker, tools.clone(), stopped.clone());
            working.push(tokio::spawn(received));
        }
        if let Some(relay) = relay {
            let relayed = broker::relay(relay, tools.clone(), stopped.clone());
            working.push(tokio::spawn(relayed));
        }
        if let Some(mailing) = mailing {
            working.push(spawn(Mails::new(tools.clone(), mailing), &tools, &stopped));
        }
        let (plan, stop_asking) = (app.warehouse.clone(), stopped.clone());
        let keeper = Keeper { tools: tools.clone(), plan, stop: stop_asking };
        working.push(tokio::spawn(warehouse::run(keeper, app.warehouse_asked.clone())));
        working.push(tokio::spawn(jobs::tell_endpoints(
            app.webhooks.clone(),
            tools.clone(),
            stopped.clone(),
        )));
        if options.verify.is_on() {
            let (pace, state) = (options.verify.pace(), app.verify.clone());
            let verifier = Verifier { tools: tools.clone(), prover, pace, state, stop: stopped };
            working.push(tokio::spawn(verify::run(verifier, app.verify_asked.clone())));
        }
        let terms = Terms {
            keep: options.keep(),
            warehouse: app.warehouse.clone(),
            warehouse_asked: app.warehouse_asked.clone(),
            verify_asked: app.verify_asked.clone(),
        };
        let schedules = schedules::run(tools, app.schedules.clone(), terms);
        Self { stop, working, ticking: vec![tokio::spawn(schedules)] }
    }

    /// Waits until what has begun has ended, each for a bounded time.
    pub async fn stop(self) {
        let Self { stop, working, ticking } = self;
        drop(stop);
        for ended in join_all(working).await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker has panicked");
            }
        }
        for one in ticking {
            one.abort();
            let _ = one.await;
        }
    }
}

fn spawn(work: impl Work, tools: &Tools, stopped: &Stop) -> JoinHandle<()> {
    tokio::spawn(jobs::run(Arc::new(work), tools.clone(), stopped.clone()))
}
