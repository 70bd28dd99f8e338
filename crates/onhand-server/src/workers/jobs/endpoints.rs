//! Webhook endpoints: each is a queue of its own, so that one that is down delays nobody else. Who
//! there is, and whether they want to hear, is looked at again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use onhand_core::Command as AnyCommand;
use onhand_core::ids::EndpointId;
use onhand_core::jobs::{Attempt, Ending, Job, NewJob, Queue};
use onhand_core::text::Reference;
use onhand_core::webhooks::{Command, Endpoint, EndpointState};
use onhand_engine::query::EventRow;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Done, Stop, Tools, Work, run as run_queue};
use crate::adapters::gateways::http::bounded;
use crate::adapters::webhooks::schedule::{Next, next};
use crate::adapters::webhooks::{Webhooks, body};
use crate::http::wire::events::EventView;
use crate::limits::{ENDPOINT_AT_ONCE_MAX, ENDPOINT_PAUSE, ENDPOINTS_LOOK_EVERY, WEBHOOK_LEASE};
use crate::random;

/// Tells endpoints until `stop` completes.
pub async fn run(webhooks: Webhooks, tools: Tools, stop: Stop) {
    let mut running: BTreeMap<EndpointId, Running> = BTreeMap::new();
    loop {
        match wanted(&tools).await {
            Ok(wanted) => keep_up(&webhooks, &tools, &mut running, wanted).await,
            Err(error) => tracing::warn!(%error, "webhook endpoints cannot be read"),
        }
        tokio::select! {
            () = stop.clone() => break,
            () = webhooks.changed.notified() => {}
            () = sleep(ENDPOINTS_LOOK_EVERY) => {}
        }
    }
    end_all(running.into_values().collect()).await;
}

/// Ends runners side by side: each may wait for a receiver that is slow.
async fn end_all(running: Vec<Running>) {
    join_all(running.into_iter().map(Running::end)).await;
}

/// A runner of one endpoint.
struct Running {
    teller: Arc<Teller>,
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(teller: Arc<Teller>, tools: &Tools) -> Self {
        let (end, ended) = oneshot::channel::<()>();
        let stop = ended.map(|_| ()).boxed().shared();
        let task = tokio::spawn(run_queue(teller.clone(), tools.clone(), stop));
        Self { teller, end, task }
    }

    async fn end(self) {
        // It may have ended by itself.
        let _ = self.end.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "whoever tells an endpoint has panicked");
        }
    }
}

/// The endpoints that are to be told something, and those that are gone and have something left.
async fn wanted(tools: &Tools) -> Result<BTreeMap<EndpointId, Option<Endpoint>>, anyhow::Error> {
    let there = tools.reader.endpoints().await?;
    let mut wanted = BTreeMap::new();
    for consumer in tools.reader.consumers().await? {
        if let Queue::Webhook(id) = consumer.queue
            && consumer.open > 0
        {
            wanted.insert(id, None);
        }
    }
    for endpoint in there {
        match endpoint.state {
            EndpointState::Enabled => wanted.insert(endpoint.id, Some(endpoint)),
            EndpointState::Disabled => wanted.remove(&endpoint.id),
        };
    }
    Ok(wanted)
}

async fn keep_up(
    webhooks: &Webhooks,
    tools: &Tools,
    running: &mut BTreeMap<EndpointId, Running>,
    wanted: BTreeMap<EndpointId, Option<Endpoint>>,
) {
    let gone: Vec<EndpointId> =
        running.keys().filter(|id| !wanted.contains_key(id)).copied().collect();
    end_all(gone.iter().filter_map(|id| running.remove(id)).collect()).await;
    for (id, endpoint) in wanted {
        match running.get(&id) {
            Some(one) => one.teller.change(endpoint),
            None => {
                let teller = Teller {
                    id,
                    endpoint: Mutex::new(endpoint),
                    webhooks: webhooks.clone(),
                    tools: tools.clone(),
                };
                running.insert(id, Running::start(Arc::new(teller), tools));
            }
        }
    }
}

/// Tells one endpoint what it wants to know.
struct Teller {
    id: EndpointId,
    /// As it was last seen; nothing when it was taken away.
    endpoint: Mutex<Option<Endpoint>>,
    webhooks: Webhooks,
    tools: Tools,
}

impl Teller {
    fn change(&self, endpoint: Option<Endpoint>) {
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = endpoint;
    }

    fn seen(&self) -> Option<Endpoint> {
        self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Work for Teller {
    fn queue(&self) -> Queue {
        Queue::Webhook(self.id)
    }

    fn at_once(&self) -> usize {
        ENDPOINT_AT_ONCE_MAX
    }

    fn lease(&self) -> std::time::Duration {
        WEBHOOK_LEASE
    }

    /// All of them: an endpoint may want families, and what it wants may change.
    fn kinds(&self) -> Option<Vec<String>> {
        self.seen().map(|_| Vec::new())
    }

    fn jobs_of(&self, event: &EventRow) -> Vec<NewJob> {
        let wants = self.seen().is_some_and(|endpoint| endpoint.filter.wants(&event.kind));
        if !wants {
            return Vec::new();
        }
        let Ok(about) = Reference::new(event.kind.as_str()) else { return Vec::new() };
        let lane = Reference::new(EventView::of(event).subject).ok();
        vec![NewJob { event: event.seq, about, lane }]
    }

    fn work_on(&self, job: Job) -> BoxFuture<'static, Done> {
        let (webhooks, tools, endpoint) = (self.webhooks.clone(), self.tools.clone(), self.seen());
        tell(webhooks, tools, endpoint, job).boxed()
    }
}

async fn tell(webhooks: Webhooks, tools: Tools, endpoint: Option<Endpoint>, job: Job) -> Done {
    let untried = |after| Done { ending: Ending::Untried(after), attempt: None, pause: None };
    let Some(endpoint) = endpoint else {
        return Done { ending: Ending::Skipped, attempt: None, pause: None };
    };
    let Some(event) = tools.event(job.event).await else {
        return untried(tools.after(ENDPOINT_PAUSE));
    };
    let body = match body::of(&event) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, seq = job.event, "an event has no body to send");
            let reason = Some(bounded(&error.to_string()));
            let attempt = Attempt { at: tools.clock.now(), reason, status: None, took_ms: 0 };
            return Done { ending: Ending::Dead, attempt: Some(attempt), pause: None };
        }
    };
    let now = tools.clock.now();
    let answer = match webhooks.send(&endpoint, &format!("evt_{}", job.event), now, body).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, endpoint = %endpoint.id, "nothing can be signed");
            let pause = Some(ENDPOINT_PAUSE);
            return Done { pause, ..untried(tools.after(ENDPOINT_PAUSE)) };
        }
    };
    let came = next(job.tries + 1, &answer, random::share());
    let attempt = |reason: Option<String>| Attempt {
        at: tools.clock.now(),
        reason: reason.as_deref().map(bounded),
        status: answer.status,
        took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
    };
    let told = |reason: &dyn std::fmt::Display| match answer.excerpt.as_str() {
        "" => reason.to_string(),
        excerpt => format!("{reason}: {excerpt}"),
    };
    match came {
        Next::Delivered => Done { ending: Ending::Done, attempt: Some(attempt(None)), pause: None },
        Next::Again { reason, after, pause_endpoint } => Done {
            ending: Ending::Again(tools.after(after)),
            attempt: Some(attempt(Some(told(&reason)))),
            // Where nobody answers one, nobody will answer the next.
            pause: pause_endpoint.or(answer.failure.map(|_| ENDPOINT_PAUSE)),
        },
        Next::Dead(reason) => {
            Done { ending: Ending::Dead, attempt: Some(attempt(Some(told(&reason)))), pause: None }
        }
        Next::Disable(reason) => {
            let why = bounded(&reason.to_string());
            let disable = Command::Disable { id: endpoint.id, reason: why };
            if let Err(error) = tools.submit(AnyCommand::Webhooks(disable)).await {
                tracing::warn!(%error, endpoint = %endpoint.id, "it is told once more");
                return untried(tools.after(ENDPOINT_PAUSE));
            }
            webhooks.changed.notify_one();
            let attempt = Some(attempt(Some(told(&reason))));
            Done { ending: Ending::Dead, attempt, pause: Some(ENDPOINT_PAUSE) }
        }
    }
}
