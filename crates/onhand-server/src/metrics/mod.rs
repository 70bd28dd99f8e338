//! What is counted about this process, and shown to operators: for Prometheus as `/metrics`, for
//! people as `/status`. Whoever works counts in atomics and does nothing else; whoever asks reads
//! them then. Which figures there are is said once, in `families.rs`, and in `docs/metrics.md`.
//!
//! A figure that somebody else has is added by a [`Source`]: it needs a row in `families.rs`, a row
//! in the document, and [`Metrics::add_source`].

mod backlog;
mod committer;
pub mod families;
pub mod history;
mod process;
mod proof;
mod pulse;
pub mod sheet;
#[cfg(test)]
mod shown;
pub mod traffic;
mod work;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use onhand_engine::stats::Histogram;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::http::gate::Needs;
use crate::limits::STATUS_VIEWERS_MAX;
use crate::request_log::RequestLog;
pub use backlog::Sounding;
use history::History;
pub use pulse::Now;
use sheet::Sheet;
use traffic::Traffic;
pub use work::Work;

/// Somebody else's figures.
pub trait Source: Send + Sync {
    /// Puts them on the sheet. It is asked at each scrape and must not wait for anything.
    fn put(&self, sheet: &mut Sheet);
}

/// Everything that is counted.
pub struct Metrics {
    /// Requests and connections.
    pub traffic: Traffic,
    /// What workers have tried.
    pub work: Arc<Work>,
    /// Where requests are written down, if they are.
    pub log: Option<RequestLog>,
    /// How late a timer of the event loop was.
    loop_delay: Histogram,
    /// The longest of that since the last sample, in microseconds.
    loop_longest: AtomicU64,
    /// What waits, as of a moment ago.
    sounding: Mutex<Option<Sounding>>,
    sources: Mutex<Vec<Arc<dyn Source>>>,
    history: History,
    /// Changes with each sample; closed when the server stops, so that nobody waits for more.
    samples: Mutex<Option<watch::Sender<u64>>>,
    sampled: watch::Receiver<u64>,
    pulse: OnceLock<pulse::Start>,
    /// Places of those who follow the live page.
    viewers: Arc<Semaphore>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::with_traffic(Traffic::default(), None)
    }
}

impl Metrics {
    /// Of a server whose described routes are these.
    pub fn new(needs: &Needs, log: Option<RequestLog>) -> Self {
        Self::with_traffic(Traffic::of(needs.routes()), log)
    }

    fn with_traffic(traffic: Traffic, log: Option<RequestLog>) -> Self {
        let (samples, sampled) = watch::channel(0);
        Self {
            traffic,
            work: Arc::default(),
            log,
            loop_delay: Histogram::of_durations(),
            loop_longest: AtomicU64::new(0),
            sounding: Mutex::default(),
            sources: Mutex::default(),
            history: History::default(),
            samples: Mutex::new(Some(samples)),
            sampled,
            pulse: OnceLock::new(),
            viewers: Arc::new(Semaphore::new(STATUS_VIEWERS_MAX)),
        }
    }

    /// Has somebody's figures shown from now on.
    pub fn add_source(&self, source: Arc<dyn Source>) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).push(source);
    }

    /// What waits, as of a moment ago; none before it was looked at for the first time.
    pub fn sounding(&self) -> Option<Sounding> {
        self.sounding.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was sampled in the last minutes.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Changes with each sample. It is closed when the server begins to stop.
    pub fn samples(&self) -> watch::Receiver<u64> {
        self.sampled.clone()
    }

    /// Places of those who follow the live page.
    pub fn viewers(&self) -> Arc<Semaphore> {
        self.viewers.clone()
    }

    /// Lets go of whoever waits for the next sample: the server stops.
    pub fn close(&self) {
        drop(self.samples.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// All figures, as OpenMetrics has them.
    pub fn exposition(&self, app: &App) -> String {
        let mut sheet = Sheet::default();
        process::put(&mut sheet);
        self.traffic.put(&mut sheet);
        committer::put(app, &mut sheet);
        proof::put(&app.verify, &mut sheet);
        self.work.put(&mut sheet);
        sheet.spread(&families::LOOP_DELAY, &[], &self.loop_delay.read());
        if let Some(kept) = &app.kept {
            let (hits, misses) = kept.lookups();
            sheet.count(&families::CACHE_LOOKUPS, &[("result", "hit")], hits);
            sheet.count(&families::CACHE_LOOKUPS, &[("result", "miss")], misses);
        }
        if let Some(log) = &self.log {
            sheet.count(&families::LOG_DROPPED, &[], log.dropped());
        }
        if let Some(sounding) = self.sounding() {
            sounding.put(app.clock.now(), &mut sheet);
        }
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for source in sources {
            source.put(&mut sheet);
        }
        sheet.written()
    }
}

/// Starts those who look at this process and its database from time to time.
pub fn start(app: &App) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(pulse::tick(app.clone())),
        tokio::spawn(pulse::sample(app.clone())),
        tokio::spawn(backlog::sound(app.clone())),
    ]
}
