//! What is done from time to time, once across all processes: whoever begins a run first has it,
//! until it ends or its time is up.

mod proof;

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::command::{Reply, Stop};
use crate::draft::Draft;
use crate::named::named;
use crate::text::Text;
use crate::{Needs, Timestamp, Version};

pub use proof::{Broken, Progress, Proof, ProofFailure, Round};

named! {
    /// What is done from time to time.
    ScheduleName {
        /// Holds that have run out are tidied up.
        Sweep = "sweep",
        /// Orders that still wait for money are asked about, and the books compared.
        Reconcile = "reconcile",
        /// What nobody needs any more is forgotten.
        Retention = "retention",
        /// The external warehouse is asked for its figures.
        Warehouse = "warehouse",
        /// What `onhand verify` proves is proved, some rows at a time.
        Verify = "verify",
    }
}

/// One of them, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What is done.
    pub name: ScheduleName,
    /// When it is due next.
    pub due_at: Timestamp,
    /// Until when the run that is on has it for itself; none is on when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_until: Option<Timestamp>,
    /// How often it was begun.
    pub runs: u64,
    /// When it was last begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When it last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What came of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text>,
    /// How far the proof is, where that is what is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Box<Proof>>,
    /// How often it was changed.
    pub version: Version,
}

/// What may be asked of schedules.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins a run, if one is due and nobody else has it.
    Begin {
        /// Of what.
        name: ScheduleName,
        /// For how many seconds nobody else begins one.
        secs: i64,
        /// When the one after it is due.
        next_at: Timestamp,
        /// Whether it is due whatever the time is: an operator asks for it.
        is_forced: bool,
    },
    /// Ends a run.
    End {
        /// Of what.
        name: ScheduleName,
        /// Which one, as it was begun.
        run: u64,
        /// What came of it.
        outcome: Text,
    },
    /// Says how far a run of the proof is, and keeps it; or ends it, with what came of it.
    Prove {
        /// Which one, as it was begun.
        run: u64,
        /// For how many seconds nobody else begins one.
        secs: i64,
        /// How far it is, and what it has found.
        progress: Box<Progress>,
        /// What came of it, for people; only at its end.
        outcome: Option<Text>,
    },
}

impl Command {
    /// The rows that this command names.
    pub(crate) fn names(&self, needs: &mut Needs) {
        needs.schedules.insert(match self {
            Self::Begin { name, .. } | Self::End { name, .. } => *name,
            Self::Prove { .. } => ScheduleName::Verify,
        });
    }

    pub(crate) fn decide(&self, draft: &mut Draft<'_>) -> Result<Reply, Stop> {
        match self {
            Self::Begin { name, secs, next_at, is_forced } => {
                begin(draft, *name, *secs, *next_at, *is_forced)
            }
            Self::End { name, run, outcome } => end(draft, *name, *run, outcome),
            Self::Prove { run, secs, progress, outcome } => {
                proof::prove(draft, (*run, *secs), progress, outcome.as_ref())
            }
        }
    }
}

fn begin(
    draft: &mut Draft<'_>,
    name: ScheduleName,
    secs: i64,
    next_at: Timestamp,
    is_forced: bool,
) -> Result<Reply, Stop> {
    let now = draft.now();
    let mut schedule = draft.find_schedule(name)?.unwrap_or(Schedule {
        name,
        due_at: now,
        runs_until: None,
        runs: 0,
        began_at: None,
        ended_at: None,
        outcome: None,
        proof: None,
        version: 0,
    });
    let is_on = schedule.runs_until.is_some_and(|until| now < until);
    if is_on || (now < schedule.due_at && !is_forced) {
        return Ok(Reply::Turn { is_given: false, schedule });
    }
    schedule.runs += 1;
    (schedule.began_at, schedule.runs_until) = (Some(now), Some(draft.after_secs(secs)));
    schedule.due_at = next_at.max(now);
    proof::begin(&mut schedule);
    Ok(Reply::Turn { is_given: true, schedule: draft.save_schedule(schedule) })
}

/// A run that was overtaken by another one has nothing to say any more.
fn end(draft: &mut Draft<'_>, name: ScheduleName, run: u64, outcome: &Text) -> Result<Reply, Stop> {
    let schedule = draft.find_schedule(name)?;
    let Some(mut schedule) = schedule.filter(|schedule| schedule.runs == run) else {
        return Ok(Reply::Settled { effects: 0 });
    };
    (schedule.runs_until, schedule.ended_at) = (None, Some(draft.now()));
    schedule.outcome = Some(outcome.clone());
    draft.save_schedule(schedule);
    Ok(Reply::Settled { effects: 1 })
}
