//! The proof beside the work as `/v1` shows it: the round that is on, the last one, and what they
//! have found.

use onhand_core::Timestamp;
use onhand_core::schedules::{Broken, Progress, ProofFailure, Round, Schedule};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::values;
use crate::workers::verify::state::Seen;

/// How the proof stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Proof, example = proof_example)]
pub struct ProofView<'a> {
    #[schema(pattern = "^proof$")]
    object: &'static str,
    /// Whether the process that answers takes part in it.
    is_on: bool,
    /// Whether everything that was looked at is as it should be; null before the first round has
    /// ended.
    #[schema(required)]
    is_clean: Option<bool>,
    /// How many rounds were begun, or taken up.
    #[schema(minimum = 0)]
    runs: u64,
    /// When the next one is due.
    #[schema(value_type = Option<values::Instant>, required)]
    due_at: Option<Timestamp>,
    /// The round that is on.
    #[schema(required)]
    open: Option<OpenRoundView<'a>>,
    /// The last one that has ended.
    #[schema(required)]
    last: Option<EndedRoundView<'a>>,
}

/// A round that is on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProofOpen, example = open_example)]
pub struct OpenRoundView<'a> {
    /// When it began.
    #[schema(value_type = Option<values::Instant>, required)]
    began_at: Option<Timestamp>,
    /// At which of its steps it is.
    #[schema(minimum = 0)]
    step: u32,
    /// How many steps it has.
    #[schema(minimum = 0)]
    steps: u32,
    /// Rows that it has looked at.
    #[schema(minimum = 0)]
    rows: u64,
    /// Promises that it has found broken.
    broken: Vec<BrokenView<'a>>,
}

/// A round that has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProofRound, example = ended_example)]
pub struct EndedRoundView<'a> {
    /// When it began.
    #[schema(value_type = values::Instant)]
    began_at: Timestamp,
    /// When it ended.
    #[schema(value_type = values::Instant)]
    ended_at: Timestamp,
    /// Rows that it has looked at.
    #[schema(minimum = 0)]
    rows: u64,
    /// Steps that took too long beside the work; `onhand verify` looks at them.
    #[schema(minimum = 0)]
    left_out: usize,
    /// Promises that it has found broken.
    broken: Vec<BrokenView<'a>>,
}

/// A broken promise.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BrokenPromise, example = broken_example)]
pub struct BrokenView<'a> {
    /// Its id.
    check: &'a str,
    /// What must hold.
    promise: &'a str,
    /// How often it does not.
    #[schema(minimum = 1)]
    violations: u64,
    /// The first of what breaks it.
    offenders: Vec<&'a str>,
}

/// Broken promises, as they are told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProofFailure, example = failure_example)]
pub struct ProofFailureView {
    #[schema(pattern = "^proof_failure$")]
    object: &'static str,
    /// Which round has found them.
    #[schema(minimum = 1)]
    round: u64,
    /// Their ids.
    checks: Vec<String>,
    /// How often they are broken, together.
    #[schema(minimum = 1)]
    violations: u64,
}

fn broken_example() -> serde_json::Value {
    json!({"check": "I6", "promise": "each level is what its newest movement left and what its \
        totals add up to", "violations": 1, "offenders": ["level prd_7 at loc_1"]})
}

fn open_example() -> serde_json::Value {
    json!({"began_at": "2026-11-21T06:48:16Z", "step": 12, "steps": 27, "rows": 812_544,
        "broken": []})
}

fn ended_example() -> serde_json::Value {
    json!({"began_at": "2026-11-21T05:48:16Z", "ended_at": "2026-11-21T06:12:40Z",
        "rows": 1_204_512, "left_out": 0, "broken": []})
}

fn proof_example() -> serde_json::Value {
    json!({"object": "proof", "is_on": true, "is_clean": true, "runs": 42,
        "due_at": "2026-11-21T07:48:16Z", "open": open_example(), "last": ended_example()})
}

fn failure_example() -> serde_json::Value {
    json!({"object": "proof_failure", "round": 42, "checks": ["I6", "I25"], "violations": 3})
}

impl<'a> ProofView<'a> {
    /// The view of what is remembered, and of what this process knows better.
    pub fn of(seen: &'a Seen, schedule: Option<&'a Schedule>) -> Self {
        let proof = schedule.and_then(|schedule| schedule.proof.as_deref());
        let kept = proof.and_then(|proof| proof.open.as_ref());
        let open = if seen.is_going { seen.open.as_ref() } else { kept };
        let last = proof.and_then(|proof| proof.last.as_ref());
        let broken = |progress: &Progress| !progress.broken.is_empty();
        let is_broken = open.is_some_and(broken) || last.is_some_and(|one| broken(&one.progress));
        let began_at = proof.and_then(|proof| proof.began_at);
        Self {
            object: "proof",
            is_on: seen.is_on,
            is_clean: (is_broken || last.is_some()).then_some(!is_broken),
            runs: schedule.map_or(0, |schedule| schedule.runs),
            due_at: schedule.map(|schedule| schedule.due_at),
            open: open.map(|open| OpenRoundView::of(began_at, open)),
            last: last.map(EndedRoundView::of),
        }
    }
}

impl<'a> OpenRoundView<'a> {
    fn of(began_at: Option<Timestamp>, progress: &'a Progress) -> Self {
        let Progress { step, after: _, steps, rows, broken, left_out: _ } = progress;
        let (step, steps, rows) = (*step, *steps, *rows);
        Self { began_at, step, steps, rows, broken: BrokenView::all(broken) }
    }
}

impl<'a> EndedRoundView<'a> {
    fn of(round: &'a Round) -> Self {
        let Round { began_at, ended_at, progress } = round;
        Self {
            began_at: *began_at,
            ended_at: *ended_at,
            rows: progress.rows,
            left_out: progress.left_out.len(),
            broken: BrokenView::all(&progress.broken),
        }
    }
}

impl<'a> BrokenView<'a> {
    fn all(broken: &'a [Broken]) -> Vec<Self> {
        let view = |one: &'a Broken| Self {
            check: one.check.as_str(),
            promise: one.promise.as_str(),
            violations: one.violations,
            offenders: one.offenders.iter().map(|text| text.as_str()).collect(),
        };
        broken.iter().map(view).collect()
    }
}

impl ProofFailureView {
    /// The view of what was found.
    pub fn of(failure: &ProofFailure) -> Self {
        let ProofFailure { round, checks, violations } = failure;
        let checks = checks.iter().map(|check| check.as_str().to_owned()).collect();
        Self { object: "proof_failure", round: *round, checks, violations: *violations }
    }
}
