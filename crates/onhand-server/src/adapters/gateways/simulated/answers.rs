//! How long messages waited for their answers: what a gateway would complain about.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde_json::{Value, json};

use crate::limits::SIMULATED_ANSWER_TIMEOUT;

/// Significant digits of a time.
const DIGITS: u8 = 2;

/// How long each message waited that was answered or waited for as long as it may; in microseconds.
#[derive(Debug)]
pub(super) struct Answers(Histogram<u64>);

impl Answers {
    pub(super) fn new() -> Result<Self, CreationError> {
        Histogram::new_with_max(micros(SIMULATED_ANSWER_TIMEOUT), DIGITS).map(Self)
    }

    pub(super) fn note(&mut self, waited: Duration) {
        self.0.saturating_record(micros(waited));
    }

    /// Says what there was since it was asked the last time.
    pub(super) fn tell(&mut self) -> Value {
        let millis = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1_000.0;
        let at = |quantile: f64| millis(self.0.value_at_quantile(quantile));
        let told = json!({
            "answers": self.0.len(), "p50_ms": at(0.5), "p99_ms": at(0.99),
            "most_ms": millis(self.0.max()),
        });
        self.0.reset();
        told
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_forgotten() {
        let mut answers = Answers::new().unwrap();
        for millis in 1..=100 {
            answers.note(Duration::from_millis(millis));
        }
        answers.note(SIMULATED_ANSWER_TIMEOUT * 2);
        let told = answers.tell();
        let at = |name: &str| told[name].as_f64().unwrap();
        assert_eq!(told["answers"], 101);
        assert!((50.0..53.0).contains(&at("p50_ms")), "{told}");
        assert!((99.0..102.0).contains(&at("p99_ms")), "{told}");
        assert!((5_000.0..5_100.0).contains(&at("most_ms")), "{told}");
        assert_eq!(answers.tell()["answers"], 0);
    }
}
