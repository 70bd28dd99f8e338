//! Proves the database beside the work, slice by slice and for good: what `onhand verify` proves,
//! at a bounded share of one core and behind whoever places orders. One process has a round at a
//! time; another takes it up where a dead one was. What is found is logged, remembered and told to
//! operators. It never repairs anything.

mod round;
pub mod state;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use onhand_core::command::Reply;
use onhand_core::schedules::{Command, Schedule, ScheduleName};
use onhand_core::{Actor, Command as AnyCommand, Timestamp};
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::prover::Prover;
use onhand_engine::query::ReadError;
use tokio::sync::Notify;
use tokio::time::sleep;

use self::round::Going;
use self::state::Verification;
use super::jobs::{Stop, Tools};
use super::options::Switch;
use crate::limits::{
    VERIFY_EVERY_MINUTES_DEFAULT, VERIFY_LEASE, VERIFY_LOOK_EVERY, VERIFY_SHARE_PERCENT_DEFAULT,
};

/// How much of it is done.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Continuous verify")]
pub struct VerifyOptions {
    /// Prove the database beside the work, over and over.
    #[arg(long = "verify", env = "ONHAND_VERIFY", value_enum, default_value_t = Switch::On)]
    verify: Switch,
    /// Per cent of one core that it may take.
    #[arg(long, env = "ONHAND_VERIFY_SHARE", default_value_t = VERIFY_SHARE_PERCENT_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    verify_share: u32,
    /// Minutes from the beginning of one round to that of the next, if it takes no longer.
    #[arg(long, env = "ONHAND_VERIFY_EVERY_MINUTES",
        default_value_t = VERIFY_EVERY_MINUTES_DEFAULT,
        value_parser = clap::value_parser!(u64).range(1..=10_080))]
    verify_every_minutes: u64,
}

impl VerifyOptions {
    /// Whether it is done at all.
    pub fn is_on(&self) -> bool {
        self.verify == Switch::On
    }

    /// How fast it goes.
    pub fn pace(&self) -> Pace {
        let every = Duration::from_secs(self.verify_every_minutes * 60);
        Pace { share_percent: self.verify_share, every }
    }
}

/// How fast it goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Per cent of one core.
    pub share_percent: u32,
    /// From the beginning of one round to that of the next.
    pub every: Duration,
}

impl Pace {
    /// How long to rest after so much work.
    fn rest(self, work: Duration) -> Duration {
        let share = self.share_percent.clamp(1, 100);
        work * (100 - share) / share
    }
}

/// Why a round does not go on now. It stays open.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the database cannot be read: {0}")]
    Prove(String),
    #[error("it was answered with something else")]
    Answer,
    #[error("another process goes on with it")]
    Overtaken,
    #[error("the server is stopping")]
    Stopping,
}

/// Whoever proves.
pub struct Verifier {
    /// What everybody works with.
    pub tools: Tools,
    /// What looks at slices.
    pub prover: Prover,
    /// How fast.
    pub pace: Pace,
    /// Who wants to know.
    pub state: Verification,
    /// When to end, wherever it is.
    pub stop: Stop,
}

/// Proves until `stop` completes; `asked` tells that a round is wanted now.
pub async fn run(mut verifier: Verifier, asked: Arc<Notify>) {
    let stop = verifier.stop.clone();
    let mut is_asked = false;
    loop {
        match verifier.look(is_asked).await {
            Ok(()) | Err(Trouble::Overtaken) => {}
            Err(Trouble::Stopping | Trouble::Submit(SubmitError::Stopping)) => return,
            Err(error) => tracing::warn!(%error, "the proof waits; trying again"),
        }
        is_asked = tokio::select! {
            biased;
            () = stop.clone() => return,
            () = asked.notified() => true,
            () = sleep(VERIFY_LOOK_EVERY) => false,
        };
    }
}

impl Verifier {
    /// Begins a round that is due, or takes up one that nobody goes on with, and goes through it.
    async fn look(&mut self, is_asked: bool) -> Result<(), Trouble> {
        let known = self.tools.reader.schedules().await?;
        let row = known.into_iter().find(|row| row.name == ScheduleName::Verify);
        self.state.see(row.as_ref());
        let now = self.tools.clock.now();
        let is_open = |row: &Schedule| row.proof.as_ref().is_some_and(|proof| proof.open.is_some());
        let (is_running, is_left, is_due) = match &row {
            None => (false, false, true),
            Some(row) => {
                let is_running = row.runs_until.is_some_and(|until| now < until);
                (is_running, is_open(row), row.due_at <= now)
            }
        };
        if is_running || !(is_asked || is_left || is_due) {
            return Ok(());
        }
        let next_at = now.checked_add(self.pace.every).unwrap_or(Timestamp::MAX);
        let is_forced = is_asked || is_left;
        let begin =
            Command::Begin { name: ScheduleName::Verify, secs: lease(), next_at, is_forced };
        let Reply::Turn { is_given, schedule } = self.submit(begin).await? else {
            return Err(Trouble::Answer);
        };
        if !is_given {
            return Ok(());
        }
        self.state.see(Some(&schedule));
        Going::of(self, schedule).go_on().await
    }

    async fn submit(&mut self, command: Command) -> Result<Reply, Trouble> {
        let command = AnyCommand::Schedules(command);
        match self.tools.submit.submit(command, Actor::System, None).await? {
            Answer { outcome: Ok(reply), .. } => Ok(reply),
            answer => {
                tracing::error!(?answer, "a round of the proof was refused");
                Err(Trouble::Answer)
            }
        }
    }

    /// Waits, unless the process is to end.
    async fn rest(&mut self, time: Duration) -> Result<(), Trouble> {
        tokio::select! {
            biased;
            () = self.stop.clone() => Err(Trouble::Stopping),
            () = sleep(time) => Ok(()),
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.clone().now_or_never().is_some()
    }
}

fn lease() -> i64 {
    i64::try_from(VERIFY_LEASE.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_so_long_that_its_share_is_kept() {
        let work = Duration::from_millis(10);
        let rest = |share_percent| Pace { share_percent, every: Duration::ZERO }.rest(work);
        assert_eq!(rest(1), Duration::from_millis(990));
        assert_eq!(rest(50), work);
        assert_eq!(rest(100), Duration::ZERO);
    }
}
