//! What the machine is and what else it does. Figures of a machine that is busy with other things
//! are worth little, so the tables say how busy it was.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long is looked at what others do.
const WATCH: Duration = Duration::from_secs(1);

/// The machine in a line.
pub(super) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.split_once(':').filter(is_model));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    format!("{cores} x {model}")
}

fn is_model((name, _): &(&str, &str)) -> bool {
    name.trim() == "model name"
}

/// The share of the processors, in percent, that others use now; `None` where nobody knows. To be
/// asked while nothing of ours runs.
pub(super) fn busy_percent() -> Option<f64> {
    let before = Ticks::now()?;
    wait_until(Instant::now() + WATCH);
    Ticks::now()?.busy_percent_since(before)
}

/// Waits while others work, as a measurement has to.
pub(super) fn wait_until(moment: Instant) {
    while let Some(rest) = moment.checked_duration_since(Instant::now()) {
        // It may return early.
        thread::park_timeout(rest);
    }
}

/// The processors' time since the start of the machine.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    fn now() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Reads `cpu  user nice system idle iowait irq softirq steal guest guest_nice`. Guests are in
    /// `user` already.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let numbers: Vec<u64> =
            line.split_whitespace().take(8).map_while(|number| number.parse().ok()).collect();
        let idle = numbers.get(3)? + numbers.get(4)?;
        Some(Self { all: numbers.iter().sum(), idle })
    }

    fn busy_percent_since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let idle = self.idle.checked_sub(before.idle)?;
        Some(100.0 * all.saturating_sub(idle) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_what_is_not_idle() {
        let read = |text| Ticks::read(text).unwrap();
        let before = read("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1\n");
        let after = read("cpu  20 0 20 140 20 0 0 0 5 0\n");
        assert_eq!((before.all, before.idle), (100, 80));
        assert_eq!(after.busy_percent_since(before), Some(20.0));
        assert_eq!(before.busy_percent_since(before), None);
        assert!(Ticks::read("intr 1\n").is_none());
    }
}
