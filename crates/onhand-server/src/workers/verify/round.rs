//! One round: from where the last process left it to its end. Between slices it rests; while
//! customers crowd it waits, and ends a slice that is under way.

use std::pin::pin;

use onhand_core::command::Reply;
use onhand_core::limits::{PROOF_BROKEN_MAX, PROOF_OFFENDERS_MAX};
use onhand_core::schedules::{Broken, Command, Progress, Schedule};
use onhand_core::text::{Name, Text};
use onhand_engine::limits::PROOF_STATEMENT_MAX;
use onhand_engine::prover::{Position, ProverError, Slice};
use onhand_engine::report::Check;
use tokio::time::{Instant, sleep};

use super::{Trouble, Verifier, lease};
use crate::adapters::gateways::http::bounded;
use crate::limits::{VERIFY_CROWD_LOOK_EVERY, VERIFY_NOTE_EVERY};
use crate::workers::rush::Rush;

/// A round that this process goes through.
pub(super) struct Going<'a> {
    verifier: &'a mut Verifier,
    run: u64,
    progress: Progress,
    rush: Rush,
    noted_at: Instant,
}

/// What a try at a slice came to.
enum Looked {
    At(Slice),
    /// It took too long.
    TooLong,
    /// Customers go first.
    Yielded,
}

impl<'a> Going<'a> {
    /// Goes on where the schedule says. A round of a version with other steps begins again.
    pub(super) fn of(verifier: &'a mut Verifier, schedule: Schedule) -> Self {
        let steps = verifier.prover.steps();
        let open = schedule.proof.and_then(|proof| proof.open).filter(|open| open.steps == steps);
        let progress = open.unwrap_or(Progress { steps, ..Progress::default() });
        let now = Instant::now();
        Self { verifier, run: schedule.runs, progress, rush: Rush::new(now), noted_at: now }
    }

    /// Goes on to the end.
    pub(super) async fn go_on(mut self) -> Result<(), Trouble> {
        loop {
            let looked_at = match self.look_at_next().await {
                Err(Trouble::Stopping) => {
                    // Whoever is there next goes on at once.
                    self.note(0, None).await?;
                    return Err(Trouble::Stopping);
                }
                looked_at => looked_at?,
            };
            if !looked_at {
                break;
            }
        }
        let outcome = bounded(&self.outcome());
        if self.progress.broken.is_empty() {
            tracing::info!(outcome = outcome.as_str(), "the database was proved");
        }
        self.note(lease(), Some(outcome)).await
    }

    /// Looks at the next slice and rests. Answers whether there are more.
    async fn look_at_next(&mut self) -> Result<bool, Trouble> {
        let at = Position { step: self.progress.step, after: self.progress.after };
        let began = Instant::now();
        let next = match self.slice(at).await? {
            Looked::Yielded => {
                self.rest_until(Instant::now() + VERIFY_CROWD_LOOK_EVERY).await?;
                return Ok(true);
            }
            Looked::TooLong => {
                tracing::warn!(step = at.step, "takes too long beside the work: onhand verify");
                self.progress.left_out.push(at.step);
                (at.step + 1 < self.progress.steps).then(|| at.next_step())
            }
            Looked::At(slice) => {
                let rows = u64::try_from(slice.rows).unwrap_or(0);
                self.progress.rows = self.progress.rows.saturating_add(rows);
                let mut is_news = false;
                for check in slice.broken {
                    is_news |= take_in(&mut self.progress.broken, check);
                }
                if is_news {
                    self.noted_at -= VERIFY_NOTE_EVERY.min(self.noted_at.elapsed());
                    self.note(lease(), None).await?;
                }
                slice.next
            }
        };
        let worked = began.elapsed();
        self.verifier.state.worked(worked);
        let Some(next) = next else { return Ok(false) };
        (self.progress.step, self.progress.after) = (next.step, next.after);
        self.verifier.state.go(&self.progress);
        self.rest_until(Instant::now() + self.verifier.pace.rest(worked)).await?;
        Ok(true)
    }

    /// Looks at one slice, unless customers crowd or it takes too long.
    async fn slice(&mut self, at: Position) -> Result<Looked, Trouble> {
        let stats = self.verifier.tools.submit.clone();
        if self.rush.is_on(Instant::now(), stats.stats()) {
            return Ok(Looked::Yielded);
        }
        let (brake, stop) = (self.verifier.prover.brake(), self.verifier.stop.clone());
        brake.release();
        let began = Instant::now();
        let mut looked_at = pin!(self.verifier.prover.slice(at));
        let (mut is_too_long, mut is_stopping) = (false, false);
        let looked_at = loop {
            tokio::select! {
                biased;
                looked_at = &mut looked_at => break looked_at,
                () = stop.clone(), if !is_stopping => is_stopping = true,
                () = sleep(VERIFY_CROWD_LOOK_EVERY) => {}
            }
            is_too_long = began.elapsed() >= PROOF_STATEMENT_MAX;
            if is_too_long || is_stopping || self.rush.is_on(Instant::now(), stats.stats()) {
                brake.pull();
            }
        };
        match looked_at {
            Ok(slice) => Ok(Looked::At(slice)),
            Err(ProverError::Interrupted) if is_stopping => Err(Trouble::Stopping),
            // A server that gives up by itself has been at it for as long.
            Err(ProverError::Interrupted)
                if is_too_long || began.elapsed() >= PROOF_STATEMENT_MAX =>
            {
                Ok(Looked::TooLong)
            }
            Err(ProverError::Interrupted) => Ok(Looked::Yielded),
            Err(ProverError::Unavailable(reason)) => Err(Trouble::Prove(reason)),
        }
    }

    /// Rests, and keeps the turn meanwhile.
    async fn rest_until(&mut self, end: Instant) -> Result<(), Trouble> {
        loop {
            if self.verifier.is_stopping() {
                return Err(Trouble::Stopping);
            }
            if self.noted_at.elapsed() >= VERIFY_NOTE_EVERY {
                self.note(lease(), None).await?;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let until_note = VERIFY_NOTE_EVERY.saturating_sub(self.noted_at.elapsed());
            self.verifier.rest(left.min(until_note)).await?;
        }
    }

    /// Has it remembered how far the round is, for some seconds or for good.
    async fn note(&mut self, secs: i64, outcome: Option<Text>) -> Result<(), Trouble> {
        let is_ended = outcome.is_some();
        let progress = Box::new(self.progress.clone());
        let prove = Command::Prove { run: self.run, secs, progress, outcome };
        let Reply::Settled { effects } = self.verifier.submit(prove).await? else {
            return Err(Trouble::Answer);
        };
        if effects == 0 {
            return Err(Trouble::Overtaken);
        }
        self.noted_at = Instant::now();
        if is_ended {
            let known = self.verifier.tools.reader.schedules().await?;
            self.verifier.state.see(known.iter().find(|row| row.proof.is_some()));
        }
        Ok(())
    }

    /// What came of it, for people.
    fn outcome(&self) -> String {
        let Progress { rows, broken, left_out, .. } = &self.progress;
        let left_out = match left_out.len() {
            0 => String::new(),
            steps => format!("; {steps} steps took too long and were left out"),
        };
        if broken.is_empty() {
            return format!("clean: {rows} rows looked at{left_out}");
        }
        let checks: Vec<_> = broken.iter().map(|one| one.check.as_str()).collect();
        format!("broken: {}; {rows} rows looked at{left_out}", checks.join(", "))
    }
}

/// Adds a broken promise to those that are known. Answers whether it is the first of its kind,
/// which is then said.
fn take_in(known: &mut Vec<Broken>, check: Check) -> bool {
    let violations = u64::try_from(check.violations).unwrap_or(u64::MAX);
    let offenders = check.offenders.iter().map(|one| bounded(&one.offender));
    let of_check = |one: &&mut Broken| one.check.as_str() == check.id;
    if let Some(one) = known.iter_mut().find(of_check) {
        one.violations = one.violations.saturating_add(violations);
        let room = PROOF_OFFENDERS_MAX.saturating_sub(one.offenders.len());
        one.offenders.extend(offenders.take(room));
        return false;
    }
    let first = check.offenders.first().map_or("", |one| one.offender.as_str());
    tracing::error!(
        check = check.id,
        promise = check.promise,
        violations,
        first,
        "a promise is broken: onhand verify"
    );
    let Ok(name) = Name::new(check.id) else { return false };
    if known.len() < PROOF_BROKEN_MAX {
        let offenders = offenders.take(PROOF_OFFENDERS_MAX).collect();
        let promise = bounded(check.promise);
        known.push(Broken { check: name, promise, violations, offenders });
    }
    true
}
