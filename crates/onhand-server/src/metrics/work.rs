//! What workers have tried: calls to gateways and jobs. Each try waits for a network or a disk, so
//! that a lock for a moment costs nothing here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onhand_core::jobs::{Ending, Queue};
use onhand_core::payments::{Call, Provider};
use onhand_engine::stats::Histogram;

use super::families as f;
use super::sheet::Sheet;
use crate::adapters::gateways::Outcome;

/// What is told of an amount that nobody has looked at yet.
const UNKNOWN: i64 = -1;

/// What workers have tried.
#[derive(Debug)]
pub struct Work {
    calls: Mutex<BTreeMap<(&'static str, &'static str, &'static str), u64>>,
    durations: Mutex<BTreeMap<&'static str, Histogram>>,
    attempts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    payments_open: AtomicI64,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            durations: Mutex::default(),
            attempts: Mutex::default(),
            payments_open: AtomicI64::new(UNKNOWN),
        }
    }
}

/// All endpoints are one queue here: there may be many.
pub(super) fn queue_name(queue: Queue) -> &'static str {
    match queue {
        Queue::Processing => "processing",
        Queue::Mail => "mail",
        Queue::Relay => "relay",
        Queue::Webhook(_) => "webhooks",
    }
}

fn call_name(call: &Call) -> &'static str {
    match call {
        Call::CreateIntent { .. } => "create_intent",
        Call::FindIntent { .. } => "find_intent",
        Call::Capture { .. } => "capture",
        Call::Void { .. } => "void",
        Call::Refund { .. } => "refund",
        Call::Fetch { .. } => "fetch",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    /// A gateway was asked something.
    pub fn called(&self, provider: Provider, call: &Call, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done => "done",
            Outcome::Declined(_) => "declined",
            Outcome::Retry { .. } => "retry",
            Outcome::Unknown(_) => "unknown",
        };
        let key = (provider.as_str(), call_name(call), outcome);
        *lock(&self.calls).entry(key).or_default() += 1;
    }

    /// How long a gateway took.
    pub fn call_took(&self, provider: Provider, duration: Duration) {
        let mut durations = lock(&self.durations);
        let histogram = durations.entry(provider.as_str()).or_insert_with(Histogram::of_durations);
        histogram.note_duration(duration);
    }

    /// A job was tried.
    pub fn tried(&self, queue: Queue, ending: &Ending) {
        let outcome = match ending {
            Ending::Done => "done",
            Ending::Skipped => "skipped",
            Ending::Again(_) => "again",
            Ending::Untried(_) => "untried",
            Ending::Dead => "dead",
        };
        *lock(&self.attempts).entry((queue_name(queue), outcome)).or_default() += 1;
    }

    /// So many payments have been open for too long.
    pub fn payments_open(&self, count: usize) {
        self.payments_open.store(i64::try_from(count).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub(super) fn put(&self, sheet: &mut Sheet) {
        for ((gateway, call, outcome), count) in &*lock(&self.calls) {
            let labels = [("gateway", *gateway), ("call", *call), ("outcome", *outcome)];
            sheet.count(&f::GATEWAY_CALLS, &labels, *count);
        }
        for (gateway, durations) in &*lock(&self.durations) {
            sheet.spread(&f::GATEWAY_DURATION, &[("gateway", *gateway)], &durations.read());
        }
        for ((queue, outcome), count) in &*lock(&self.attempts) {
            sheet.count(&f::JOB_ATTEMPTS, &[("queue", *queue), ("outcome", *outcome)], *count);
        }
        let open = self.payments_open.load(Ordering::Relaxed);
        if open != UNKNOWN {
            sheet.level(&f::PAYMENTS_OPEN, &[], open as f64);
        }
    }
}
