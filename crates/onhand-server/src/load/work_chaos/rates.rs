//! How fast something went, and how long it took until something followed.

use std::collections::BTreeMap;
use std::time::Duration;

use onhand_core::Timestamp;
use serde::Serialize;

use super::log::Entry;
use super::{PLACED, PROCESSING};

/// So many things in a time.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Rate {
    pub(super) count: usize,
    pub(super) seconds: f64,
    pub(super) per_second: f64,
}

impl Rate {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn of(count: usize, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        Self { count, seconds, per_second: count as f64 / seconds.max(f64::EPSILON) }
    }
}

/// How long things took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Lag {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) most_ms: f64,
}

impl Lag {
    fn of(mut waits: Vec<Duration>) -> Self {
        waits.sort_unstable();
        let at = |per_mille: usize| {
            let index = (waits.len() * per_mille / 1000).min(waits.len().saturating_sub(1));
            waits.get(index).map_or(0.0, |wait| wait.as_secs_f64() * 1000.0)
        };
        Self { p50_ms: at(500), p99_ms: at(990), most_ms: at(1000) }
    }
}

/// When it was that something followed from events, by their positions.
pub(super) type Times = BTreeMap<i64, Timestamp>;

/// How long it took from each event until it was mailed or heard of, and from each placing until
/// the order was taken up.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Lags {
    /// From `order.placed` to `order.processing`.
    pub(super) processing: Lag,
    /// From an event to its mail.
    pub(super) mail: Lag,
    /// From an event to the receiver.
    pub(super) webhook: Lag,
    /// From `order.placed` until `order.processing` was mailed and heard of.
    pub(super) whole: Lag,
}

impl Lags {
    pub(super) fn of(entries: &[Entry], mailed: &Times, heard: &Times) -> Self {
        let mut placed: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let [mut processing, mut mail, mut webhook, mut whole] = [const { Vec::new() }; 4];
        for entry in entries {
            let (at_mail, at_hearing) = (mailed.get(&entry.seq), heard.get(&entry.seq));
            mail.extend(at_mail.map(|at| between(entry.at, *at)));
            webhook.extend(at_hearing.map(|at| between(entry.at, *at)));
            if entry.kind == PLACED {
                placed.insert(&entry.subject, entry.at);
            }
            if entry.kind == PROCESSING
                && let Some(begun) = placed.get(entry.subject.as_str())
            {
                processing.push(between(*begun, entry.at));
                let end = at_mail.zip(at_hearing).map(|(one, other)| *one.max(other));
                whole.extend(end.map(|end| between(*begun, end)));
            }
        }
        let [processing, mail, webhook, whole] = [processing, mail, webhook, whole].map(Lag::of);
        Self { processing, mail, webhook, whole }
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::entry;
    use super::*;

    #[test]
    fn lags_are_from_an_event_to_what_followed() {
        let entries = [entry(1, PLACED, "ord_1"), entry(4, PROCESSING, "ord_1")];
        let at = |seq: i64| Timestamp::constant(1_795_240_000 + seq, 0);
        let (mailed, heard) = ([(1, at(3)), (4, at(6))].into(), [(1, at(2)), (4, at(9))].into());
        let lags = Lags::of(&entries, &mailed, &heard);
        assert_eq!(lags.processing.p99_ms, 3_000.0);
        assert_eq!((lags.mail.p50_ms, lags.mail.most_ms), (2_000.0, 2_000.0));
        assert_eq!((lags.webhook.p50_ms, lags.webhook.most_ms), (5_000.0, 5_000.0));
        assert_eq!(lags.whole.most_ms, 8_000.0);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted() {
        let lag = Lag::of((0..1_000).rev().map(Duration::from_millis).collect());
        assert_eq!(lag, Lag { p50_ms: 500.0, p99_ms: 990.0, most_ms: 999.0 });
        assert_eq!(Lag::of(Vec::new()), Lag::default());
    }
}
