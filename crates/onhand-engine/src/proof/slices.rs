//! The proof in slices: each looks at so many rows in a snapshot of its own, and says where the
//! next one goes on, so that a round over everything holds no snapshot for long and can be taken up
//! by another process. What cannot be told from some rows alone is a slice of its own. A round that
//! went beside changes has seen each row once; it says nothing of rows that were sound when it
//! passed.

use serde::{Deserialize, Serialize};

use super::follow::Follow;
use super::spans::Over;
use super::{Evidence, Finds, Offenders, Rule, logs, orders, outbox, warehouse};
use crate::limits::{PROOF_ACCOUNTS_TOGETHER_MAX, PROOF_LEVELS_PER_SLICE};
use crate::report::Check;

/// Where a round goes on: at which of its steps, and after which key there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// From 0.
    pub step: u32,
    /// The last key that was looked at.
    pub after: i64,
}

impl Position {
    fn beginning(step: u32) -> Self {
        Self { step, after: 0 }
    }

    /// The beginning of the step behind this one.
    #[must_use]
    pub fn next_step(self) -> Self {
        Self::beginning(self.step + 1)
    }
}

/// What one slice came to.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// Promises that rows of this slice break.
    pub broken: Vec<Check>,
    /// Rows that were looked at.
    pub rows: i64,
    /// Where the next one goes on; none at the end of a round.
    pub next: Option<Position>,
}

/// What a round does, one after the other.
enum Step<'a> {
    /// Promises about single rows of a table.
    Over(Over),
    Orders,
    Logs,
    /// What is a fold of the log.
    Follow,
    Consumers,
    Warehouse,
    /// What a promise asks of everything at once.
    Rule(&'a Rule<'a>),
}

fn steps<'a, E: Evidence>(rules: &[&'a Rule<'a>]) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Over::EACH.iter().copied().map(Step::Over).collect();
    steps.extend([Step::Orders, Step::Logs, Step::Follow, Step::Consumers, Step::Warehouse]);
    let asks_all = |rule: &&&Rule<'_>| {
        let besides = E::BESIDES.iter().filter(|(id, _)| *id == rule.id).map(|(_, finds)| finds);
        rule.finds.iter().chain(besides).any(|finds| matches!(finds, Finds::All(_)))
    };
    steps.extend(rules.iter().filter(asks_all).copied().map(Step::Rule));
    steps
}

/// How many steps a round has.
pub(crate) fn count<E: Evidence>(own: &[Rule<'_>]) -> u32 {
    u32::try_from(steps::<E>(&all(own)).len()).unwrap_or(u32::MAX)
}

/// Whether the step at a position looks at levels, beyond whether they are there.
pub(crate) fn needs_levels<E: Evidence>(own: &[Rule<'_>], at: Position) -> bool {
    let rules = all(own);
    match steps::<E>(&rules).get(usize::try_from(at.step).unwrap_or(usize::MAX)) {
        Some(Step::Over(over)) => *over == Over::Levels,
        Some(Step::Warehouse) => true,
        Some(Step::Rule(rule)) => rule.finds.iter().any(|finds| match finds {
            Finds::All(sql) => sql.contains(" levels"),
            Finds::Of(..) | Finds::InOneGo(_) => false,
        }),
        Some(Step::Orders | Step::Logs | Step::Follow | Step::Consumers) | None => false,
    }
}

fn all<'a>(own: &'a [Rule<'a>]) -> Vec<&'a Rule<'a>> {
    let shared = super::rules().map(|rule| -> &'a Rule<'a> { rule });
    shared.chain(own).collect()
}

/// Looks at one slice of about so many rows. `follow` is kept between slices by the caller, and may
/// be lost: then that step begins again.
pub(crate) async fn slice<E: Evidence>(
    evidence: &mut E,
    own: &[Rule<'_>],
    (at, most): (Position, i64),
    follow: &mut Option<Follow>,
) -> Result<Slice, E::Error> {
    let rules = all(own);
    let steps = steps::<E>(&rules);
    let Some(step) = steps.get(usize::try_from(at.step).unwrap_or(usize::MAX)) else {
        return Ok(Slice::default());
    };
    let mut checks = Vec::new();
    let (rows, after) = match step {
        Step::Over(over) => {
            look_over(evidence, &rules, (*over, at.after, most), &mut checks).await?
        }
        Step::Orders => orders::some(evidence, at.after, most, &mut checks).await?,
        Step::Logs => logs::some(evidence, at.after, most, &mut checks).await?,
        Step::Follow => follow_on(evidence, (at.after, most), follow, &mut checks).await?,
        Step::Consumers => {
            outbox::prove_consumers(evidence, &mut checks).await?;
            (0, None)
        }
        Step::Warehouse => {
            warehouse::prove(evidence, &mut checks).await?;
            (0, None)
        }
        Step::Rule(rule) => {
            let mut found = Offenders::default();
            for finds in asked::<E>(rule) {
                if let Finds::All(sql) = finds {
                    evidence.offenders(sql, None, &mut found).await?;
                }
            }
            checks.push(found.into_check(rule.id, rule.promise, 0));
            (0, None)
        }
    };
    let is_last = usize::try_from(at.step).is_ok_and(|step| step + 1 >= steps.len());
    let next = match after {
        Some(after) => Some(Position { after, ..at }),
        None => (!is_last).then(|| at.next_step()),
    };
    checks.retain(|check| check.violations > 0);
    Ok(Slice { broken: checks, rows, next })
}

/// What a promise asks of a store.
fn asked<'a, E: Evidence>(rule: &'a Rule<'a>) -> impl Iterator<Item = Finds<'a>> {
    let besides = E::BESIDES.iter().filter(|(id, _)| *id == rule.id).map(|(_, finds)| *finds);
    rule.finds.iter().copied().chain(besides)
}

/// Promises about single rows: rows, and the last of them unless it was the last of all.
async fn look_over<E: Evidence>(
    evidence: &mut E,
    rules: &[&Rule<'_>],
    (over, after, most): (Over, i64, i64),
    checks: &mut Vec<Check>,
) -> Result<(i64, Option<i64>), E::Error> {
    let most = if over == Over::Levels { most.max(PROOF_LEVELS_PER_SLICE) } else { most };
    // A key that is not positive is looked at with the first ones.
    let after = if after == 0 { i64::MIN } else { after };
    let Some((span, rows)) = over.span(evidence, after, most).await? else {
        return Ok((0, None));
    };
    for rule in rules {
        let mut found = Offenders::default();
        for finds in asked::<E>(rule) {
            match finds {
                Finds::Of(of, sql) if of == over => {
                    evidence.offenders(sql, Some(span), &mut found).await?;
                }
                Finds::Of(..) | Finds::All(_) | Finds::InOneGo(_) => {}
            }
        }
        checks.push(found.into_check(rule.id, rule.promise, rows));
    }
    Ok((rows, (rows == most).then_some(span.to)))
}

/// Folds some of the log, and holds what came of it against the rows once it is at its end.
async fn follow_on<E: Evidence>(
    evidence: &mut E,
    (after, most): (i64, i64),
    follow: &mut Option<Follow>,
    checks: &mut Vec<Check>,
) -> Result<(i64, Option<i64>), E::Error> {
    let going = match follow.take() {
        Some(going) if going.after_number() == after => going,
        Some(_) | None => Follow::after(after, PROOF_ACCOUNTS_TOGETHER_MAX),
    };
    let mut going = going;
    let (rows, is_done) = going.read(evidence, most).await?;
    if !is_done {
        *follow = Some(going);
        return Ok((rows, Some(after)));
    }
    let next = going.compare(evidence, checks).await?;
    Ok((rows, next))
}
