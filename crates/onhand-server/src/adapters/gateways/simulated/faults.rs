//! What goes wrong at the simulated gateway, and how often. A seed determines which request it
//! hits, as far as requests come in the same order.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::random::Random;

/// One thing that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A 500, 502 or 503, and nothing was done.
    Error,
    /// A 429 with `Retry-After`, and nothing was done.
    RateLimit,
    /// It was done, and the connection ends without an answer.
    Drop,
    /// It was done, and the answer is a 500.
    LateError,
    /// It was done, and the answer is a page for people.
    Html,
    /// It was done, and half of the answer is missing.
    Truncated,
    /// It was done, and the answer never ends.
    Endless,
    /// It was done, and the answer stops in the middle with the connection open.
    Stall,
    /// It was done, and the answer states another amount.
    Contradict,
    /// The customer's bank says no.
    Decline,
    /// The customer's bank says no, and yes later.
    Late,
    /// Money that was to go back does not.
    RefundFail,
    /// A message is not sent.
    Lost,
    /// A message is sent two to five times.
    Repeat,
    /// A message is sent seconds later.
    Delay,
    /// A message may overtake others.
    Permute,
    /// A message states another amount than was paid, and is signed.
    WrongAmount,
}

impl Fault {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 17] = [
        ("error", Self::Error),
        ("rate_limit", Self::RateLimit),
        ("drop", Self::Drop),
        ("late_error", Self::LateError),
        ("html", Self::Html),
        ("truncated", Self::Truncated),
        ("endless", Self::Endless),
        ("stall", Self::Stall),
        ("contradict", Self::Contradict),
        ("decline", Self::Decline),
        ("late", Self::Late),
        ("refund_fail", Self::RefundFail),
        ("lost", Self::Lost),
        ("repeat", Self::Repeat),
        ("delay", Self::Delay),
        ("permute", Self::Permute),
        ("wrong_amount", Self::WrongAmount),
    ];

    fn position(self) -> Option<usize> {
        Self::ALL.iter().position(|(_, known)| *known == self)
    }

    /// Those that keep a request from being carried out.
    pub(super) const BEFORE: [Self; 2] = [Self::Error, Self::RateLimit];
    /// Those of an answer about something that was carried out.
    pub(super) const AFTER: [Self; 7] = [
        Self::Drop,
        Self::LateError,
        Self::Html,
        Self::Truncated,
        Self::Endless,
        Self::Stall,
        Self::Contradict,
    ];
}

/// Why a plan cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing of that name goes wrong.
    #[error("no fault is called `{0}`; there are {all}", all = names())]
    Name(String),
    /// It is not a share.
    #[error("how often `{0}` happens is a number from 0 to 1")]
    Rate(String),
}

fn names() -> String {
    Fault::ALL.map(|(name, _)| name).join(", ")
}

/// How often each fault happens. By default none does.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FaultPlan {
    rates: [f64; Fault::ALL.len()],
}

impl FaultPlan {
    /// The same, with one fault that happens at this rate.
    ///
    /// # Errors
    /// When there is no such fault or rate.
    pub fn with(mut self, name: &str, rate: f64) -> Result<Self, PlanError> {
        let at = Fault::ALL.iter().position(|(known, _)| *known == name);
        let at = at.ok_or_else(|| PlanError::Name(name.to_owned()))?;
        if !(0.0..=1.0).contains(&rate) {
            return Err(PlanError::Rate(name.to_owned()));
        }
        self.rates[at] = rate;
        Ok(self)
    }

    fn rate(&self, fault: Fault) -> f64 {
        fault.position().map_or(0.0, |at| self.rates[at])
    }
}

/// A plan as it is followed: chance, and what it has brought so far.
#[derive(Debug)]
pub(super) struct Chance {
    pub(super) plan: FaultPlan,
    random: Random,
    happened: [u64; Fault::ALL.len()],
}

impl Chance {
    pub(super) fn new(plan: FaultPlan, seed: u64) -> Self {
        Self { plan, random: Random::seeded(seed), happened: [0; Fault::ALL.len()] }
    }

    /// Whether it happens this time. Then it is counted.
    pub(super) fn hits(&mut self, fault: Fault) -> bool {
        let rate = self.plan.rate(fault);
        let happens = rate > 0.0 && self.random.fraction() < rate;
        if let Some(at) = fault.position().filter(|_| happens) {
            self.happened[at] += 1;
        }
        happens
    }

    /// The first of these that happens this time, if any does.
    pub(super) fn pick(&mut self, faults: &[Fault]) -> Option<Fault> {
        faults.iter().copied().find(|fault| self.hits(*fault))
    }

    /// A number from 0 to `end - 1`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    /// How often each fault has happened.
    pub(super) fn happened(&self) -> BTreeMap<&'static str, u64> {
        Fault::ALL.iter().map(|(name, _)| *name).zip(self.happened).collect()
    }
}

/// `drop=0.1,late=0.02`
impl FromStr for FaultPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.into_iter().try_fold(Self::default(), |plan, part| {
            let (name, rate) = part.split_once('=').unwrap_or((part, "1"));
            let rate = rate.trim().parse().map_err(|_| PlanError::Rate(name.to_owned()))?;
            plan.with(name.trim(), rate)
        })
    }
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Fault::ALL.iter().zip(self.rates).filter(|(_, rate)| *rate > 0.0);
        let parts: Vec<_> = set.map(|((name, _), rate)| format!("{name}={rate}")).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_shown_alike() {
        fn check(text: &str, wanted: Result<&str, &str>) {
            let found = text.parse::<FaultPlan>();
            match (found, wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found.to_string(), wanted, "{text}"),
                (Err(found), Err(wanted)) => {
                    assert!(found.to_string().contains(wanted), "{text}: {found}");
                }
                (found, wanted) => unreachable!("{text}: {found:?} and not {wanted:?}"),
            }
        }
        check("", Ok(""));
        check("drop=0.5", Ok("drop=0.5"));
        check(" late = 0.25 , drop=1,", Ok("drop=1,late=0.25"));
        check("html", Ok("html=1"));
        check("fire=1", Err("`fire`"));
        check("drop=2", Err("from 0 to 1"));
        check("drop=-1", Err("from 0 to 1"));
        check("drop=NaN", Err("from 0 to 1"));
        check("drop=x", Err("from 0 to 1"));
    }

    #[test]
    fn faults_happen_as_often_as_planned() {
        let plan: FaultPlan = "drop=0.25,html=1".parse().unwrap();
        let mut chance = Chance::new(plan, 1);
        let mut count = |fault| (0..10_000).filter(|_| chance.hits(fault)).count();
        assert!((2_300..2_700).contains(&count(Fault::Drop)));
        assert_eq!(count(Fault::Html), 10_000);
        assert_eq!(count(Fault::Lost), 0);
        assert_eq!(chance.happened()["html"], 10_000);
        assert_eq!(chance.happened()["lost"], 0);
        assert_eq!(chance.pick(&Fault::BEFORE), None);
    }
}
