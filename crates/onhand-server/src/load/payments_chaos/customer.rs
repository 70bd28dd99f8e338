//! Customers and operators who do not give up: they send the same thing under the same key until
//! the answer is definite, whichever server is up. They place orders, change their minds, ask for
//! money back, pay twice; they remember what they were promised and judge nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::plan::{Act, Errand};
use crate::client::{Connection, Reply};
use crate::load::api::{Api, Target, describe, problem_code};
use crate::load::progress::Progress;
use crate::load::shopper::Up;
use crate::random::Random;

/// Longest time until something must have a definite answer: many restarts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest pause before the same is sent again.
const PAUSE_MILLIS_MAX: u64 = 30;
/// How often somebody looks whether the money has come.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(4);
/// What nobody has to be right about: the order or the money is somewhere else by now.
const LAWFUL_NOES: [&str; 6] = [
    "invalid_transition",
    "not_paid",
    "refund_too_large",
    "not_authorized",
    "capture_amount_mismatch",
    "too_many_refunds",
];

/// What everybody was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Orders that were acknowledged.
    pub(super) placed: Vec<String>,
    /// How often something was done: `cancelled`, `refund asked`, and so on.
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// Requests sent in all.
    pub(super) requests: u64,
}

impl Told {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        self.placed.extend(other.placed);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.requests += other.requests;
    }
}

/// Lets so many people at a time run all errands.
pub(super) async fn run(
    errands: Vec<Errand>,
    people: usize,
    ways: &[Up],
    gateway_url: &str,
    random: &mut Random,
) -> Result<Told> {
    let progress =
        Arc::new(Progress::start("orders and what is done about them", errands.len() as u64));
    let (errands, next) = (Arc::new(errands), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..people {
        let (errands, next) = (Arc::clone(&errands), Arc::clone(&next));
        let progress = Arc::clone(&progress);
        let mut person = Person {
            ways: ways.to_vec(),
            open: None,
            gateway: Api::new(&Target::new(gateway_url, None)?),
            random: random.fork(),
            told: Told::default(),
        };
        tasks.spawn(async move {
            while let Some(errand) = errands.get(next.fetch_add(1, Ordering::Relaxed)) {
                person.run(errand).await.with_context(|| format!("{errand:?}"))?;
                progress.add(1);
            }
            Ok::<_, anyhow::Error>(person.told)
        });
    }
    let mut told = Told::default();
    while let Some(person) = tasks.join_next().await {
        told.add(person??);
    }
    if let Ok(progress) = Arc::try_unwrap(progress) {
        progress.finish();
    }
    Ok(told)
}

struct Person {
    ways: Vec<Up>,
    open: Option<(Target, Connection)>,
    gateway: Api,
    random: Random,
    told: Told,
}

impl Person {
    async fn run(&mut self, errand: &Errand) -> Result<()> {
        let reply = self.post("/v1/orders", errand.key, errand.body()).await?;
        let code = problem_code(&reply);
        match (reply.status, code.as_str()) {
            (StatusCode::CREATED, _) => {}
            (StatusCode::CONFLICT, "insufficient_stock") => {
                self.told.count("sold out");
                return Ok(());
            }
            _ => bail!("an order was answered with {}", describe(&reply)),
        }
        let order: Value = serde_json::from_slice(&reply.body)?;
        let id = order["id"].as_str().context("an order without an id")?.to_owned();
        let payment = id.replacen("ord_", "/v1/payments/pay_", 1);
        self.told.placed.push(id.clone());
        self.act(errand, &format!("/v1/orders/{id}"), &payment).await
    }

    async fn act(&mut self, errand: &Errand, order: &str, payment: &str) -> Result<()> {
        match &errand.act {
            Act::Waits => Ok(()),
            Act::Cancels(after) => {
                sleep(*after).await;
                let path = format!("{order}/cancel");
                self.do_to(&path, errand.nth_key(1), &json!({}), "cancelled").await
            }
            Act::Refunds(parts) => self.refund(errand, payment, parts).await,
            Act::PaysAgain(outcome) => self.pay_again(payment, outcome).await,
            Act::Captures => {
                if self.wait(payment, is("authorized")).await?.is_none() {
                    return Ok(());
                }
                let path = format!("{payment}/capture");
                self.do_to(&path, errand.nth_key(1), &json!({}), "captured by hand").await
            }
            Act::Voids => {
                if self.wait(payment, is("authorized")).await?.is_none() {
                    return Ok(());
                }
                let path = format!("{payment}/void");
                self.do_to(&path, errand.nth_key(1), &json!({}), "voided").await
            }
        }
    }

    async fn refund(&mut self, errand: &Errand, payment: &str, parts: &[u64]) -> Result<()> {
        let Some(paid) = self.wait(payment, is("captured")).await? else { return Ok(()) };
        let captured = paid["amount_captured"]["amount"].as_u64().unwrap_or_default();
        for (number, percent) in (1..).zip(parts) {
            let amount = (captured * percent / 100).max(1);
            let currency = &paid["amount_captured"]["currency"];
            let body = json!({"amount": {"amount": amount, "currency": currency}});
            let path = format!("{payment}/refunds");
            self.do_to(&path, errand.nth_key(number), &body, "refund asked").await?;
        }
        Ok(())
    }

    /// As soon as the gateway's order can be paid, beside whoever else pays it.
    async fn pay_again(&mut self, payment: &str, outcome: &str) -> Result<()> {
        let has_intent = |payment: &Value| payment["provider_order_id"].is_string();
        let Some(found) = self.wait(payment, has_intent).await? else { return Ok(()) };
        let body = json!({"order_id": found["provider_order_id"], "outcome": outcome});
        let body = Bytes::from(body.to_string());
        let key = self.random.uuid_v4();
        let reply = self.gateway.post("/_control/pay", key, body).await?;
        if reply.status == StatusCode::OK {
            self.told.count("paid by hand");
        }
        Ok(())
    }

    /// Does something under a key; that it cannot be done any more is fine, too.
    async fn do_to(
        &mut self,
        path: &str,
        key: Uuid,
        body: &Value,
        what: &'static str,
    ) -> Result<()> {
        let reply = self.post(path, key, body.to_string().into()).await?;
        if reply.status.is_success() {
            self.told.count(what);
            return Ok(());
        }
        if LAWFUL_NOES.contains(&problem_code(&reply).as_str()) {
            self.told.count("came too late");
            return Ok(());
        }
        bail!("POST {path}: {}", describe(&reply))
    }

    /// The payment once it is so; nothing where that takes too long.
    async fn wait(
        &mut self,
        payment: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let reply = self.send(Method::GET, payment, None, Bytes::new()).await?;
            if reply.status != StatusCode::OK {
                bail!("GET {payment}: {}", describe(&reply));
            }
            let found: Value = serde_json::from_slice(&reply.body)?;
            if is_so(&found) {
                return Ok(Some(found));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    async fn post(&mut self, path: &str, key: Uuid, body: Bytes) -> Result<Reply> {
        self.send(Method::POST, path, Some(key), body).await
    }

    /// Sends until the answer is definite.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        key: Option<Uuid>,
        body: Bytes,
    ) -> Result<Reply> {
        let started = Instant::now();
        while started.elapsed() < ANSWER_TIMEOUT {
            if let Some((target, mut connection)) = self.open.take().or_else(|| self.connect()) {
                let headers = match key {
                    Some(key) => target.write_headers(key),
                    None => target.headers().to_vec(),
                };
                self.told.requests += 1;
                let sent = connection.send(method.clone(), path, &headers, body.clone()).await;
                if let Ok(reply) = sent
                    && is_definite(&reply)
                {
                    self.open = Some((target, connection));
                    return Ok(reply);
                }
            }
            sleep(Duration::from_millis(1 + self.random.below(PAUSE_MILLIS_MAX))).await;
        }
        bail!("no definite answer to {method} {path} within {ANSWER_TIMEOUT:?}")
    }

    /// A connection to a server that is up, if the one that chance names is.
    fn connect(&mut self) -> Option<(Target, Connection)> {
        let way = self.random.index(self.ways.len());
        let target = self.ways.get(way)?.borrow().clone()?;
        let connection = target.connection();
        Some((target, connection))
    }
}

fn is(status: &'static str) -> impl Fn(&Value) -> bool {
    move |payment| payment["status"] == status
}

fn is_definite(reply: &Reply) -> bool {
    let is_busy = reply.status == StatusCode::TOO_MANY_REQUESTS
        || problem_code(reply) == "idempotency_in_flight";
    !reply.status.is_server_error() && !is_busy
}
