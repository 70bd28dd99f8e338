//! Progress of long work on the standard error stream: a bar on a terminal, a plain line every few
//! seconds elsewhere. Results never go this way; they belong to the standard output.
#![expect(clippy::print_stderr, reason = "progress is for people and must not mix with results")]

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Seconds between two plain lines about the same work.
const LINE_EVERY_SECS: u64 = 5;
/// How often a bar redraws its clock.
const TICK: Duration = Duration::from_millis(200);

/// Says one thing now.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// The progress of one piece of work; it may be told from many tasks.
#[derive(Debug)]
pub(crate) struct Progress {
    what: String,
    total: u64,
    done: AtomicU64,
    bar: Option<ProgressBar>,
    started: Instant,
    next_line_secs: AtomicU64,
}

impl Progress {
    /// Starts to show it.
    pub(crate) fn start(what: &str, total: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(what.to_owned());
            let template = "{msg} [{bar:30}] {human_pos}/{human_len} {elapsed}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            what: what.to_owned(),
            total,
            done: AtomicU64::new(0),
            bar,
            started: Instant::now(),
            next_line_secs: AtomicU64::new(LINE_EVERY_SECS),
        }
    }

    /// This many more are done.
    pub(crate) fn add(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let secs = self.started.elapsed().as_secs();
        let due = self.next_line_secs.load(Ordering::Relaxed);
        let next = secs + LINE_EVERY_SECS;
        let claim = |due| {
            self.next_line_secs.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
        };
        if secs >= due && claim(due).is_ok() {
            eprintln!("{}: {done} of {} after {secs} s", self.what, self.total);
        }
    }

    /// Ends it: the bar goes, a plain line stays.
    pub(crate) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let (done, secs) = (self.done.into_inner(), self.started.elapsed().as_secs_f64());
        eprintln!("{}: {done} in {secs:.1} s", self.what);
    }
}
