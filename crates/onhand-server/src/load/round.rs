//! One round of load: so many connections, one kind of request, a fixed time. In the closed loop
//! each connection sends as soon as it has its answer; in the open loop requests are due at fixed
//! moments and latency counts from the due moment, so that a stalled server cannot hide its own
//! delay. The whole round runs on one thread, because its server needs the other cores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::api::{IDEMPOTENCY_KEY, Target, key_value, problem_code};
use super::probe;
use super::workload::{Line, Orders};
use crate::client::{ClientError, Connection, Reply};
use crate::random::Random;

/// Significant digits of a latency: 1 % is far below the noise, and a histogram stays small.
pub(crate) const LATENCY_DIGITS: u8 = 2;
/// Longest latency that is told apart, in microseconds: 10 minutes, beyond every time-out.
pub(crate) const LATENCY_MICROS_MAX: u64 = 600_000_000;
/// Pause after a request that was turned away or lost, so that a sick server is not hammered.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
/// How long the open loop may run on behind its end to send what was due.
const OVERTIME_MAX: Duration = Duration::from_secs(5);
/// Pause between connecting and the first request: everybody starts together.
const LEAD_IN: Duration = Duration::from_millis(20);

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Orders to a route that takes them: that of `/v1`, the no-op, or one of a dialect.
    Write {
        /// How it is asked.
        method: Method,
        /// The route, unless an order says another one.
        path: &'static str,
        /// The bodies.
        orders: Arc<Orders>,
        /// What is counted of an answer that says yes.
        counted: Counted,
    },
    /// Reads of these paths, at random.
    Get(Arc<[String]>),
}

/// What is counted of an answer that says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Nothing: nothing was done.
    Nothing,
    /// An order, with its units.
    Order,
    /// Units that are held without an order.
    Units,
}

impl Operation {
    /// Places orders.
    pub(crate) fn place(orders: &Arc<Orders>) -> Self {
        Self::post("/v1/orders", orders, Counted::Order)
    }

    /// Sends orders to the route that only parses and answers.
    pub(crate) fn noop(orders: &Arc<Orders>) -> Self {
        Self::post("/v1/noop", orders, Counted::Nothing)
    }

    /// Sends orders to a route.
    pub(crate) fn post(path: &'static str, orders: &Arc<Orders>, counted: Counted) -> Self {
        Self::Write { method: Method::POST, path, orders: Arc::clone(orders), counted }
    }
}

/// When the next request is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// As soon as the connection is free.
    Closed,
    /// This many per second, whatever the server does.
    Open(f64),
}

/// One round.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// The server.
    pub(crate) target: Target,
    /// What is sent.
    pub(crate) operation: Operation,
    /// How many connections.
    pub(crate) connections: usize,
    /// When.
    pub(crate) pace: Pace,
    /// Load before the measurement.
    pub(crate) warm_up: Duration,
    /// The measurement.
    pub(crate) length: Duration,
    /// Keys without order instead of time-ordered ones.
    pub(crate) random_keys: bool,
    /// Chooses bodies and keys.
    pub(crate) random: Random,
    /// The process of the server, if it is on this machine.
    pub(crate) server: Option<u32>,
}

/// What came of a round.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Successful answers per second.
    pub(crate) per_second: f64,
    /// Microseconds of the server's processors for one successful answer, all that it does beside
    /// included.
    pub(crate) processor_us: Option<f64>,
    /// Microseconds of the successful answers.
    pub(crate) latencies: Histogram<u64>,
    /// Answers by status; 0 stands for no answer.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Requests of the open loop that were due and never sent.
    pub(crate) unsent: u64,
}

impl Outcome {
    /// A quantile of the latencies in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// What the run has sold so far, kept over all of its rounds.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Orders answered with 201.
    pub(crate) acknowledged: AtomicU64,
    /// Orders that may or may not have been placed.
    pub(crate) unknown: AtomicU64,
    /// Units per product in acknowledged orders; index 0 is product 1.
    pub(crate) units: Vec<AtomicI64>,
    /// Units per product in orders of unknown outcome.
    pub(crate) unknown_units: Vec<AtomicI64>,
}

impl Tally {
    /// Nothing sold yet.
    pub(crate) fn new(products: u32) -> Self {
        let zeros = || (0..products).map(|_| AtomicI64::new(0)).collect();
        let (acknowledged, unknown) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { acknowledged, unknown, units: zeros(), unknown_units: zeros() }
    }

    /// An order was acknowledged.
    pub(crate) fn acknowledge(&self, lines: &[Line]) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        Self::add(&self.units, lines);
    }

    /// An order's outcome is unknown.
    pub(crate) fn doubt(&self, lines: &[Line]) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
        Self::add(&self.unknown_units, lines);
    }

    /// Counts what an answer says.
    fn count(&self, counted: Counted, verdict: Verdict, lines: &[Line]) {
        match (counted, verdict) {
            (Counted::Nothing, _) | (_, Verdict::NotPlaced) => {}
            (Counted::Order, Verdict::Placed) => self.acknowledge(lines),
            (Counted::Order, Verdict::Unknown) => self.doubt(lines),
            (Counted::Units, Verdict::Placed) => Self::add(&self.units, lines),
            (Counted::Units, Verdict::Unknown) => Self::add(&self.unknown_units, lines),
        }
    }

    fn add(units: &[AtomicI64], lines: &[Line]) {
        for line in lines {
            units[line.product as usize - 1].fetch_add(i64::from(line.quantity), Ordering::Relaxed);
        }
    }
}

impl Round {
    /// Runs the round on a thread of its own.
    pub(crate) async fn run(self, tally: &Arc<Tally>) -> Result<Outcome> {
        let tally = Arc::clone(tally);
        let round = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(self.run_here(tally))
        };
        tokio::task::spawn_blocking(round).await.context("the load generator failed")?
    }

    async fn run_here(mut self, tally: Arc<Tally>) -> Result<Outcome> {
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            let mut connection = self.target.connection();
            connection.connect().await?;
            connections.push(connection);
        }
        let begin = Instant::now() + LEAD_IN;
        let from = begin + self.warm_up;
        let clock =
            Arc::new(Clock { begin, from, end: from + self.length, tickets: AtomicU64::new(0) });
        let server = self.server;
        let time = || probe::processor_us(server?);
        let before = time();
        let mut workers = JoinSet::new();
        for connection in connections {
            let worker = Worker {
                random: self.random.fork(),
                round: self.clone(),
                connection,
                clock: Arc::clone(&clock),
                tally: Arc::clone(&tally),
                seen: Seen::new()?,
            };
            workers.spawn(worker.run());
        }
        let mut seen = Seen::new()?;
        while let Some(worker) = workers.join_next().await {
            seen.merge(worker?)?;
        }
        let spent = time().zip(before).map(|(after, before)| after - before);
        let answers = seen.succeeded.max(1) as f64;
        Ok(Outcome {
            processor_us: spent.map(|spent| spent as f64 / answers),
            per_second: seen.in_time as f64 / self.length.as_secs_f64(),
            latencies: seen.latencies,
            statuses: seen.statuses,
            unsent: seen.unsent,
        })
    }
}

/// The moments of a round, and whose turn it is in the open loop.
#[derive(Debug)]
struct Clock {
    begin: Instant,
    from: Instant,
    end: Instant,
    tickets: AtomicU64,
}

/// What one connection has seen.
#[derive(Debug)]
struct Seen {
    latencies: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    in_time: u64,
    succeeded: u64,
    unsent: u64,
}

impl Seen {
    fn new() -> Result<Self> {
        let latencies = Histogram::new_with_max(LATENCY_MICROS_MAX, LATENCY_DIGITS)?;
        let statuses = BTreeMap::new();
        Ok(Self { latencies, statuses, in_time: 0, succeeded: 0, unsent: 0 })
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.latencies.add(&other.latencies)?;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.in_time += other.in_time;
        self.succeeded += other.succeeded;
        self.unsent += other.unsent;
        Ok(())
    }
}

/// One connection and its loop.
struct Worker {
    round: Round,
    connection: Connection,
    random: Random,
    clock: Arc<Clock>,
    tally: Arc<Tally>,
    seen: Seen,
}

impl Worker {
    async fn run(mut self) -> Seen {
        let mut headers = self.round.target.headers().to_vec();
        let key_at = headers.len();
        if matches!(self.round.operation, Operation::Write { .. }) {
            headers.push((IDEMPOTENCY_KEY, HeaderValue::from_static("")));
        }
        sleep_until(self.clock.begin).await;
        while let Some(due) = self.next_due().await {
            if let Some((_, key)) = headers.get_mut(key_at) {
                *key = self.key();
            }
            let answered = self.send(&headers).await;
            self.count(due, answered.as_ref().ok());
            if !answered.is_ok_and(|reply| reply.status.is_success()) {
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
        self.seen
    }

    /// Waits for the moment of the next request; `None` at the end of the round.
    async fn next_due(&mut self) -> Option<Instant> {
        let Pace::Open(per_second) = self.round.pace else {
            let now = Instant::now();
            return (now < self.clock.end).then_some(now);
        };
        loop {
            let ticket = self.clock.tickets.fetch_add(1, Ordering::Relaxed);
            let due = self.clock.begin + Duration::from_secs_f64(ticket as f64 / per_second);
            if due >= self.clock.end {
                return None;
            }
            let now = Instant::now();
            if now >= self.clock.end + OVERTIME_MAX {
                self.seen.unsent += 1;
                continue;
            }
            if due > now {
                sleep_until(due).await;
            }
            return Some(due);
        }
    }

    fn key(&mut self) -> HeaderValue {
        let random_keys = self.round.random_keys;
        key_value(if random_keys { self.random.uuid_v4() } else { self.random.uuid_v7() })
    }

    async fn send(&mut self, headers: &[(HeaderName, HeaderValue)]) -> Result<Reply, ClientError> {
        match &self.round.operation {
            Operation::Get(paths) => {
                let path = &paths[self.random.index(paths.len())];
                self.connection.send(Method::GET, path, headers, Bytes::new()).await
            }
            Operation::Write { method, path, orders, counted } => {
                let order = orders.pick(&mut self.random);
                let body = order.body(&mut self.random);
                let path = order.path.as_deref().unwrap_or(path);
                let answered = self.connection.send(method.clone(), path, headers, body).await;
                self.tally.count(*counted, judge(&answered), &order.lines);
                if !answered.as_ref().is_ok_and(|reply| reply.status.is_success()) {
                    return answered;
                }
                for path in &order.then {
                    let told =
                        self.connection.send(Method::GET, path, headers, Bytes::new()).await?;
                    if !told.status.is_success() {
                        return Ok(told);
                    }
                }
                answered
            }
        }
    }

    /// Counts an answer: for the rate if it came in the measured time, for the rest if it was due
    /// in it.
    fn count(&mut self, due: Instant, reply: Option<&Reply>) {
        let now = Instant::now();
        let succeeded = reply.is_some_and(|reply| reply.status.is_success());
        self.seen.succeeded += u64::from(succeeded);
        if succeeded && self.clock.from <= now && now < self.clock.end {
            self.seen.in_time += 1;
        }
        if due < self.clock.from {
            return;
        }
        let status = reply.map_or(0, |reply| reply.status.as_u16());
        *self.seen.statuses.entry(status).or_default() += 1;
        if succeeded {
            let micros = u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX);
            self.seen.latencies.saturating_record(micros);
        }
    }
}

/// What an answer says about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is placed.
    Placed,
    /// It is not, and nothing has changed.
    NotPlaced,
    /// Nobody knows until the same key is sent again.
    Unknown,
}

/// Reads the verdict out of an answer or of its absence.
pub(crate) fn judge(answered: &Result<Reply, ClientError>) -> Verdict {
    match answered {
        Ok(reply) if reply.status.is_success() => Verdict::Placed,
        Ok(reply) if reply.status.is_server_error() && problem_code(reply) != "overloaded" => {
            Verdict::Unknown
        }
        Ok(_) => Verdict::NotPlaced,
        Err(error) if error.outcome_is_unknown() => Verdict::Unknown,
        Err(_) => Verdict::NotPlaced,
    }
}

#[cfg(test)]
mod tests;
