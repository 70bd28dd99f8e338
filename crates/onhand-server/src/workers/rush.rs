//! Whether customers crowd at the committer. While they do, gateways are asked a little beside
//! them: what has not been placed is lost to whoever turns away, and what is owed keeps for some
//! seconds. A crowd that stays is not waited for: orders that nobody can pay are no use either.

use std::sync::atomic::Ordering;
use std::time::Duration;

use onhand_engine::committer::CommitterStats;
use tokio::time::Instant;

use crate::limits::{
    EFFECTS_AT_ONCE_MAX, EFFECTS_LOOK_EVERY, RUSH_COMMANDS_PER_BATCH, RUSH_COMMANDS_PER_CALL,
    RUSH_YIELD,
};

/// What the committer does, as far as it was looked at.
#[derive(Debug)]
pub(in crate::workers) struct Rush {
    looked_at: Instant,
    commands: u64,
    company: u64,
    /// Since when there is a crowd.
    since: Option<Instant>,
    /// Calls to gateways that may be begun at each look beside it.
    calls: usize,
}

impl Rush {
    pub(in crate::workers) fn new(now: Instant) -> Self {
        Self { looked_at: now, commands: 0, company: 0, since: None, calls: 0 }
    }

    /// How many calls may be begun at each look, where customers go first now.
    pub(in crate::workers) fn calls(
        &mut self,
        now: Instant,
        stats: &CommitterStats,
    ) -> Option<usize> {
        let counts = (stats.asked.load(Ordering::Relaxed), stats.company.load(Ordering::Relaxed));
        self.look(now, counts);
        self.since.filter(|since| now < *since + RUSH_YIELD).map(|_| self.calls)
    }

    /// Whether customers go first now.
    pub(in crate::workers) fn is_on(&mut self, now: Instant, stats: &CommitterStats) -> bool {
        self.calls(now, stats).is_some()
    }

    /// Commands that are decided together were waiting together. What workers and gateways hand in
    /// comes in small batches: however many those are, they do not make a crowd look smaller.
    fn look(&mut self, now: Instant, (commands, company): (u64, u64)) {
        let elapsed: Duration = now - self.looked_at;
        // Where nothing was decided, the disk was slow, and nobody has gone.
        if elapsed < EFFECTS_LOOK_EVERY || commands == self.commands {
            return;
        }
        // They are counted one after the other, so that a batch may be in one and not yet in both.
        let new = commands.saturating_sub(self.commands);
        let new_company = company.saturating_sub(self.company);
        (self.looked_at, self.commands, self.company) = (now, commands, company);
        let is_crowded = new_company / new.max(1) >= RUSH_COMMANDS_PER_BATCH;
        let calls = usize::try_from(new / RUSH_COMMANDS_PER_CALL).unwrap_or(usize::MAX);
        self.calls = calls.clamp(1, EFFECTS_AT_ONCE_MAX);
        self.since = is_crowded.then(|| self.since.unwrap_or(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_goes_first_for_a_while_and_not_for_ever() {
        let start = Instant::now();
        let mut rush = Rush::new(start);
        let (mut commands, mut company) = (0, 0);
        let mut is_on = |after: Duration, per_batch: u64| {
            // Ten large batches, and a hundred small ones of workers.
            let small = if per_batch == 0 { 0 } else { 100 };
            commands += 10 * per_batch + small;
            company += 10 * per_batch * per_batch + small;
            let now = start + after;
            rush.look(now, (commands, company));
            rush.since.is_some_and(|since| now < since + RUSH_YIELD)
        };
        let second = Duration::from_secs(1);
        let many = RUSH_COMMANDS_PER_BATCH + 10;
        assert!(!is_on(second, RUSH_COMMANDS_PER_BATCH - 1));
        assert!(is_on(second * 2, many));
        assert!(is_on(second * 3, many));
        assert!(is_on(second * 4, 0), "nothing was decided");
        assert!(!is_on(second * 2 + RUSH_YIELD, many));
        assert!(!is_on(second * 3 + RUSH_YIELD, many), "it stays");
        assert!(!is_on(second * 4 + RUSH_YIELD, 1), "it is gone");
        assert!(is_on(second * 5 + RUSH_YIELD, many), "the next one");
    }
}
