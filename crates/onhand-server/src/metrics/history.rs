//! What was sampled in the last quarter of an hour, one sample a second, in a ring that does not
//! grow. Samples hold counters as they were: what happened between two of them is a difference, so
//! that a point of a long span costs as little as one of a short span.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use onhand_engine::stats::Spread;
use tokio::time::Instant;

use crate::limits::{STATUS_POINTS, STATUS_SAMPLES_MAX};

/// How things stood at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Requests so far, by class of status from 1xx to 5xx.
    pub by_class: [u64; 5],
    /// How long all answers took so far.
    pub durations: Spread,
    /// Batches so far.
    pub batches: u64,
    /// Commands so far.
    pub commands: u64,
    /// How long all commits took so far.
    pub commit: Spread,
    /// Commands that wait.
    pub waiting: u64,
    /// Seconds of processors so far.
    pub cpu_secs: f64,
    /// Bytes of memory.
    pub rss_bytes: u64,
    /// The longest delay of the event loop since the sample before.
    pub loop_delay_micros: u64,
    /// Orders about which something is owed to a gateway.
    pub effects_waiting: u64,
    /// Jobs that have not ended.
    pub jobs_open: u64,
}

/// For how long one looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A minute.
    One,
    /// Five minutes.
    Five,
    /// A quarter of an hour.
    Fifteen,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::One, Self::Five, Self::Fifteen];

    /// Its minutes.
    pub const fn minutes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Five => 5,
            Self::Fifteen => 15,
        }
    }
}

/// What happened in one step of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Requests per second, by class of status from 1xx to 5xx.
    pub per_second: [f64; 5],
    /// Half of the answers began within this, in milliseconds; nothing where there was none.
    pub p50_ms: Option<f64>,
    /// All but one in a hundred did.
    pub p99_ms: Option<f64>,
    /// Percent of one processor.
    pub cpu_percent: f64,
    /// Mebibytes of memory.
    pub rss_mib: f64,
    /// The longest delay of the event loop, in milliseconds.
    pub loop_delay_ms: f64,
    /// Commands in a batch, on average.
    pub batch_size: Option<f64>,
    /// Half of the batches were durable within this, in milliseconds.
    pub commit_p50_ms: Option<f64>,
    /// All but one in a hundred were.
    pub commit_p99_ms: Option<f64>,
    /// Commands that waited.
    pub waiting: f64,
    /// Orders about which something was owed to a gateway.
    pub effects_waiting: f64,
    /// Jobs that had not ended.
    pub jobs_open: f64,
}

/// The samples. The oldest goes when there are too many.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<Sample>>);

impl History {
    /// Takes in the newest.
    pub fn push(&self, sample: Sample) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= STATUS_SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The points of a span, oldest first; fewer where the process is younger than that.
    pub fn points(&self, span: Span) -> Vec<Point> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let step = span.minutes();
        let Some(newest) = samples.len().checked_sub(1) else { return Vec::new() };
        let mut points: Vec<Point> = (0..STATUS_POINTS)
            .map_while(|back| {
                let end = newest.checked_sub(back * step)?;
                let begin = end.checked_sub(step)?;
                Some(between(&samples, begin, end))
            })
            .flatten()
            .collect();
        points.reverse();
        points
    }
}

const MICROS_PER_MS: f64 = 1e3;
const BYTES_PER_MIB: f64 = 1_048_576.0;

fn millis(micros: Option<u64>) -> Option<f64> {
    micros.map(|micros| micros as f64 / MICROS_PER_MS)
}

fn between(samples: &VecDeque<Sample>, begin: usize, end: usize) -> Option<Point> {
    let (then, now) = (samples.get(begin)?, samples.get(end)?);
    let secs = now.at.duration_since(then.at).as_secs_f64();
    if secs <= 0.0 {
        return None;
    }
    let mut per_second = [0.0; 5];
    for (rate, (now, then)) in per_second.iter_mut().zip(now.by_class.iter().zip(&then.by_class)) {
        *rate = now.saturating_sub(*then) as f64 / secs;
    }
    let durations = now.durations.since(&then.durations);
    let commit = now.commit.since(&then.commit);
    let batches = now.batches.saturating_sub(then.batches);
    let commands = now.commands.saturating_sub(then.commands);
    let longest = samples.range(begin + 1..=end).map(|sample| sample.loop_delay_micros).max();
    let most = |of: fn(&Sample) -> u64| {
        samples.range(begin + 1..=end).map(of).max().unwrap_or_default() as f64
    };
    Some(Point {
        per_second,
        p50_ms: millis(durations.quantile(500)),
        p99_ms: millis(durations.quantile(990)),
        cpu_percent: (now.cpu_secs - then.cpu_secs).max(0.0) / secs * 100.0,
        rss_mib: now.rss_bytes as f64 / BYTES_PER_MIB,
        loop_delay_ms: millis(longest).unwrap_or_default(),
        batch_size: (batches > 0).then(|| commands as f64 / batches as f64),
        commit_p50_ms: millis(commit.quantile(500)),
        commit_p99_ms: millis(commit.quantile(990)),
        waiting: most(|sample| sample.waiting),
        effects_waiting: most(|sample| sample.effects_waiting),
        jobs_open: most(|sample| sample.jobs_open),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use onhand_engine::stats::Histogram;

    use super::*;

    /// A process in which each second brings ten answers after 2 ms, and one batch of five.
    fn history(secs: u64) -> History {
        let (history, start) = (History::default(), Instant::now());
        let (durations, commit) = (Histogram::of_durations(), Histogram::of_durations());
        for second in 0..=secs {
            history.push(Sample {
                at: start + Duration::from_secs(second),
                by_class: [0, 9 * second, 0, second, 0],
                durations: durations.read(),
                batches: second,
                commands: 5 * second,
                commit: commit.read(),
                waiting: second % 7,
                cpu_secs: second as f64 / 4.0,
                rss_bytes: 3 << 20,
                loop_delay_micros: second,
                effects_waiting: 2,
                jobs_open: 1,
            });
            for _ in 0..10 {
                durations.note(2_000);
            }
            commit.note(900);
        }
        history
    }

    #[test]
    fn a_young_process_has_few_points() {
        assert_eq!(history(0).points(Span::One), []);
        assert_eq!(history(3).points(Span::One).len(), 3);
        assert_eq!(history(3).points(Span::Five), []);
        assert_eq!(history(11).points(Span::Five).len(), 2);
    }

    #[test]
    fn every_span_has_as_many_points_and_the_same_rates() {
        let history = history(2 * STATUS_SAMPLES_MAX as u64);
        for span in Span::ALL {
            let points = history.points(span);
            assert_eq!(points.len(), STATUS_POINTS, "{span:?}");
            for point in points {
                assert_eq!(point.per_second, [0.0, 9.0, 0.0, 1.0, 0.0]);
                assert_eq!((point.p50_ms, point.p99_ms), (Some(2.0), Some(2.0)));
                assert_eq!((point.commit_p50_ms, point.batch_size), (Some(1.0), Some(5.0)));
                assert_eq!((point.cpu_percent, point.rss_mib), (25.0, 3.0));
                assert_eq!((point.effects_waiting, point.jobs_open), (2.0, 1.0));
            }
        }
    }

    #[test]
    fn a_step_tells_the_worst_of_its_seconds() {
        let points = history(15).points(Span::Five);
        let seen: Vec<_> = points.iter().map(|one| (one.loop_delay_ms, one.waiting)).collect();
        assert_eq!(seen, [(0.005, 5.0), (0.01, 6.0), (0.015, 6.0)]);
    }

    #[test]
    fn the_ring_does_not_grow() {
        let history = history(3 * STATUS_SAMPLES_MAX as u64);
        assert_eq!(history.0.lock().unwrap().len(), STATUS_SAMPLES_MAX);
    }
}
