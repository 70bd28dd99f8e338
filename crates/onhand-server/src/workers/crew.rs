//! Everybody who works beside the requests: started together, and stopped so that what has begun
//! comes to its end.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::effects;
use super::jobs::{self, Mails, Processing, Stop, Tools, Work, broker};
use super::options::WorkOptions;
use super::schedules::{self, Asked};
use crate::adapters::queues::Queue;
use crate::adapters::queues::relay::Relay;
use crate::adapters::webhooks::Webhooks;
use crate::notifications::options::Mailing;

/// What a crew works with.
#[derive(Debug)]
pub struct Gear {
    /// The way to the database.
    pub tools: Tools,
    /// How gateways are asked.
    pub effects: effects::Tools,
    /// How endpoints are told.
    pub webhooks: Webhooks,
    /// What somebody asks to be done now.
    pub asked: Asked,
    /// Who delivers mail, if anybody is written to.
    pub mailing: Option<Mailing>,
    /// The broker that keeps the work, if it is not the database.
    pub broker: Option<Arc<dyn Queue>>,
    /// Where events go, if anywhere.
    pub relay: Option<Relay>,
}

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
    /// Starts everybody there is something to do for.
    pub fn start(gear: Gear, options: &WorkOptions) -> Self {
        let Gear { tools, effects, webhooks, asked, mailing, broker, relay } = gear;
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
        working.push(tokio::spawn(jobs::tell_endpoints(webhooks, tools.clone(), stopped)));
        let schedules = schedules::run(tools, asked, options.keep_jobs());
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
