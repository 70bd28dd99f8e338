//! People who log in beside the load, all at the same moment and again as soon as they are let in.
//! Who is turned away comes back when it was told to. It shows what comparing passwords, the
//! dearest thing that anybody may ask for, does to those who buy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::header::RETRY_AFTER;
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::api::{Api, Target, describe};
use super::progress::note;
use super::round::{LATENCY_DIGITS, LATENCY_MICROS_MAX, Outcome};
use crate::client::Reply;
use crate::random::uuid_v7;

/// Accounts that they share: each may have some sessions, and to make one takes as long as a login.
const ACCOUNTS: usize = 16;
const PASSWORD: &str = "tomatoes & 7 bees";
/// How long a login that was answered with an error stays away when nothing else was said.
const PAUSE: Duration = Duration::from_secs(1);
/// How often somebody who stays away looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// Accounts to log in with.
#[derive(Debug, Clone)]
pub(crate) struct Logins {
    target: Target,
    bodies: Arc<[Bytes]>,
    open: Arc<AtomicBool>,
}

/// People who are at it.
#[derive(Debug)]
pub(crate) struct Crowd {
    tasks: JoinSet<Result<Seen>>,
    open: Arc<AtomicBool>,
    begun: Instant,
}

/// What one of them has seen.
#[derive(Debug)]
struct Seen {
    latencies: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
}

impl Seen {
    fn new() -> Result<Self> {
        let latencies = Histogram::new_with_max(LATENCY_MICROS_MAX, LATENCY_DIGITS)?;
        Ok(Self { latencies, statuses: BTreeMap::new() })
    }
}

impl Logins {
    /// Registers the accounts.
    pub(crate) async fn prepare(target: &Target) -> Result<Self> {
        note("registering accounts");
        let mut api = Api::new(target);
        let mut bodies = Vec::with_capacity(ACCOUNTS);
        for account in 0..ACCOUNTS {
            let email = format!("bench-{account}@shop.example");
            let body = Bytes::from(json!({"email": email, "password": PASSWORD}).to_string());
            let reply = api.post("/v1/auth/register", uuid_v7(), body.clone()).await?;
            if reply.status != StatusCode::ACCEPTED {
                bail!("cannot register: {}", describe(&reply));
            }
            bodies.push(body);
        }
        let open = Arc::new(AtomicBool::new(true));
        Ok(Self { target: target.clone(), bodies: bodies.into(), open })
    }

    /// So many log in until they are told to stop.
    pub(crate) fn start(self, count: usize) -> Crowd {
        let mut tasks = JoinSet::new();
        for one in 0..count {
            tasks.spawn(self.clone().log_in_again_and_again(one));
        }
        Crowd { tasks, open: self.open, begun: Instant::now() }
    }

    async fn log_in_again_and_again(self, one: usize) -> Result<Seen> {
        let mut connection = self.target.connection();
        let mut seen = Seen::new()?;
        let body = &self.bodies[one % self.bodies.len()];
        while self.open.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let headers = self.target.headers();
            let answered =
                connection.send(Method::POST, "/v1/auth/login", headers, body.clone()).await;
            let status = answered.as_ref().map_or(0, |reply| reply.status.as_u16());
            *seen.statuses.entry(status).or_default() += 1;
            if status == StatusCode::OK.as_u16() {
                let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                seen.latencies.saturating_record(micros);
                continue;
            }
            let until = Instant::now() + answered.ok().as_ref().and_then(wait).unwrap_or(PAUSE);
            while self.open.load(Ordering::Relaxed) && Instant::now() < until {
                sleep(LOOK).await;
            }
        }
        Ok(seen)
    }
}

/// How long an answer says to stay away.
fn wait(reply: &Reply) -> Option<Duration> {
    let secs = reply.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs))
}

impl Crowd {
    /// Sends everybody home, after the login in hand.
    pub(crate) async fn stop(mut self) -> Result<Outcome> {
        self.open.store(false, Ordering::Relaxed);
        let length = self.begun.elapsed();
        let mut all = Seen::new()?;
        while let Some(one) = self.tasks.join_next().await {
            let one = one.context("somebody who logs in failed")??;
            all.latencies.add(&one.latencies)?;
            for (status, count) in one.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }
        let per_second = all.latencies.len() as f64 / length.as_secs_f64();
        let Seen { latencies, statuses } = all;
        Ok(Outcome { per_second, processor_us: None, latencies, statuses, unsent: 0 })
    }
}
