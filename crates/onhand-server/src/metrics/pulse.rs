//! The pulse of the process: how late a timer of the event loop is, and each second a sample of
//! everything that the live page shows.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::history::Sample;
use super::process::{self, Usage};
use crate::app::App;
use crate::limits::{LOOP_TICK, STATUS_SAMPLE_EVERY};

/// When this process began to be looked at, by its clock.
pub(super) type Start = Instant;

/// What the newest sample cannot tell, because it is of this moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// Seconds since the process is looked at.
    pub up_secs: u64,
    /// Requests that are being answered.
    pub in_flight: u64,
    /// Commands that wait.
    pub waiting: usize,
    /// Whether the committer takes commands.
    pub is_up: bool,
}

impl super::Metrics {
    /// What is to be said of this moment.
    pub fn now(&self, app: &App) -> Now {
        Now {
            up_secs: self.pulse.get().map_or(0, |start| start.elapsed().as_secs()),
            in_flight: self.traffic.in_flight(),
            waiting: app.submit.waiting(),
            is_up: !app.submit.is_stopped(),
        }
    }
}

/// Looks how late a timer is, again and again.
pub(super) async fn tick(app: App) {
    loop {
        let asked = Instant::now();
        sleep(LOOP_TICK).await;
        let late = asked.elapsed().saturating_sub(LOOP_TICK);
        app.metrics.loop_delay.note_duration(late);
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        app.metrics.loop_longest.fetch_max(micros, Ordering::Relaxed);
    }
}

/// Takes a sample each second.
pub(super) async fn sample(app: App) {
    let metrics = &*app.metrics;
    metrics.pulse.get_or_init(Instant::now);
    let mut ticks = interval(STATUS_SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.history.push(taken(&app));
        let samples = metrics.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(samples) = &*samples else { return };
        samples.send_modify(|number| *number += 1);
    }
}

fn taken(app: &App) -> Sample {
    let (metrics, stats) = (&app.metrics, app.submit.stats());
    let totals = metrics.traffic.totals();
    let Usage { cpu_secs, rss_bytes } = process::usage().unwrap_or_default();
    let backlog = metrics.sounding().map(|sounding| sounding.backlog);
    let jobs_open = |backlog: &onhand_engine::reader::backlog::Backlog| {
        backlog.queues.iter().map(|queue| queue.open).sum()
    };
    Sample {
        at: Instant::now(),
        by_class: totals.by_class,
        durations: totals.durations,
        batches: stats.batches.load(Ordering::Relaxed),
        commands: stats.commands.load(Ordering::Relaxed),
        commit: stats.commit.read(),
        waiting: app.submit.waiting() as u64,
        cpu_secs,
        rss_bytes,
        loop_delay_micros: metrics.loop_longest.swap(0, Ordering::Relaxed),
        effects_waiting: backlog.as_ref().map_or(0, |backlog| backlog.effects_waiting),
        jobs_open: backlog.as_deref().map_or(0, jobs_open),
    }
}
