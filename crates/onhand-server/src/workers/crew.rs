//! Everybody who works beside the requests: started together, and stopped so that what has begun
//! comes to its end.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::effects;
use super::jobs::{self, Processing, Stop, Tools, Work};
use super::options::WorkOptions;
use super::schedules::{self, Asked};
use crate::adapters::webhooks::Webhooks;

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
        let Gear { tools, effects, webhooks, asked } = gear;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped: Stop = stopped.map(|_| ()).boxed().shared();
        let mut working = Vec::new();
        // Where nobody can be asked, what is owed waits until somebody can.
        if effects.gateways.providers().next().is_some() {
            working.push(tokio::spawn(effects::run(effects, stopped.clone())));
        }
        if options.processes() {
            let processing: Arc<dyn Work> = Arc::new(Processing(tools.clone()));
            working.push(tokio::spawn(jobs::run(processing, tools.clone(), stopped.clone())));
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
