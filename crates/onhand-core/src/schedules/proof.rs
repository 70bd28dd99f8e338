//! A round of the proof, as whoever goes through it hands it in: how far it is, what it has found,
//! and when operators are told. What is looked at and how is not known here; nothing that was found
//! is changed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Schedule, ScheduleName};
use crate::Timestamp;
use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::events::EventBody;
use crate::limits::{PROOF_BROKEN_MAX, PROOF_TOLD_EVERY_SECS};
use crate::text::{Name, Text};

/// A promise that is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Its id in the reliability document.
    pub check: Name,
    /// What must hold.
    pub promise: Text,
    /// How often it does not.
    pub violations: u64,
    /// The first of what breaks it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offenders: Vec<Text>,
}

/// How far a round is, and what it has found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// At which of its steps it goes on, from 0.
    pub step: u32,
    /// After which key of that step.
    pub after: i64,
    /// How many steps it has.
    pub steps: u32,
    /// Rows that it has looked at.
    pub rows: u64,
    /// Promises that it has found broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Broken>,
    /// Steps that took too long and were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<u32>,
}

/// A round that has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What it came to.
    pub progress: Progress,
}

/// What is remembered of the proof.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proof {
    /// The round that has not ended; none is on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Progress>,
    /// When that began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// The last one that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Round>,
    /// When operators were last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// How many promises of the open round they were told of.
    #[serde(default)]
    pub told: u32,
}

/// Broken promises, as they are told to everybody outside. What breaks them is not in the log,
/// which is kept for ever: people look where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofFailure {
    /// Which round, from 1.
    pub round: u64,
    /// The ids of the promises that it has found broken so far, in the order in which they were.
    pub checks: Vec<Name>,
    /// How often they are broken, together.
    pub violations: u64,
}

/// Takes in how far a round is; keeps the turn for some seconds, or ends it.
pub(super) fn prove(
    draft: &mut Draft<'_>,
    (run, secs): (u64, i64),
    progress: &Progress,
    outcome: Option<&Text>,
) -> Result<Reply, Stop> {
    let now = draft.now();
    let found = draft.find_schedule(ScheduleName::Verify)?;
    let Some(mut schedule) = found.filter(|one| one.runs == run && one.runs_until.is_some()) else {
        // Somebody else has taken it up.
        return Ok(Reply::Settled { effects: 0 });
    };
    let mut proof = schedule.proof.take().unwrap_or_default();
    let mut progress = progress.clone();
    progress.broken.truncate(PROOF_BROKEN_MAX);
    let began_at = *proof.began_at.get_or_insert(now);
    tell(draft, &mut proof, (run, &progress), outcome.is_some());
    match outcome {
        None => {
            proof.open = Some(progress);
            schedule.runs_until = Some(draft.after_secs(secs));
        }
        Some(outcome) => {
            (proof.open, proof.began_at, proof.told) = (None, None, 0);
            proof.last = Some(Round { began_at, ended_at: now, progress });
            (schedule.runs_until, schedule.ended_at) = (None, Some(now));
            schedule.outcome = Some(outcome.clone());
        }
    }
    schedule.proof = Some(Box::new(*proof));
    draft.save_schedule(schedule);
    Ok(Reply::Settled { effects: 1 })
}

/// Tells operators of what they were not told yet: the first of a round at once, what comes soon
/// after it together.
fn tell(draft: &mut Draft<'_>, proof: &mut Proof, (round, progress): (u64, &Progress), ends: bool) {
    let known = u32::try_from(progress.broken.len()).unwrap_or(u32::MAX);
    let now = draft.now();
    let is_time =
        proof.told_at.is_none_or(|at| now.duration_since(at).as_secs() >= PROOF_TOLD_EVERY_SECS);
    if known <= proof.told || !(ends || is_time) {
        return;
    }
    (proof.told, proof.told_at) = (known, Some(now));
    let violations = progress.broken.iter().map(|one| one.violations);
    let violations = violations.fold(0_u64, u64::saturating_add);
    let checks = progress.broken.iter().map(|one| one.check.clone()).collect();
    draft.emit("verify.failed", EventBody::Proof(ProofFailure { round, checks, violations }));
}

/// The schedule with what a run that was not ended has left, or nothing of it if a new round is to
/// begin.
pub(super) fn begin(schedule: &mut Schedule) {
    if schedule.name == ScheduleName::Verify {
        let proof = schedule.proof.get_or_insert_default();
        if proof.open.is_none() {
            proof.began_at = schedule.began_at;
        }
    }
}
