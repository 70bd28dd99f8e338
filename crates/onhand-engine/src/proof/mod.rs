//! The proof behind `verify`: each promise is stated once, for every store, and knows none. A store
//! shows its rows in one snapshot ([`Evidence`]) and adds the promises that only it has; nothing is
//! ever repaired. Most promises are SQL (`rules.rs`); the paths of the orders (`orders.rs`) with
//! their payments (`payments.rs`), the chain over the logs (`logs.rs`) and what the log says
//! (`follow.rs`) of accounts (`accounts.rs`), endpoints (`outbox.rs`) and imports (`imports.rs`),
//! and what the warehouse has said (`warehouse.rs`) are followed in Rust. All of it at once is
//! [`prove`]; some rows at a time, in many snapshots, is `slices.rs`.

mod accounts;
mod follow;
mod imports;
mod levels;
mod logs;
mod orders;
mod outbox;
mod payments;
mod rules;
mod slices;
mod spans;
mod warehouse;

use std::collections::HashMap;

pub(crate) use self::follow::Follow;
pub(crate) use self::levels::rebuild;
pub(crate) use self::logs::{BatchRow, Links, Span};
pub(crate) use self::orders::{OrderRow, ReservationRow, Walk};
pub use self::slices::{Position, Slice};
pub(crate) use self::slices::{count, needs_levels, slice};
pub(crate) use self::spans::Over;
pub(crate) use crate::chain::StoredEvent;
use crate::limits::PROOF_ACCOUNTS_TOGETHER_MAX;
use crate::report::{Check, OFFENDERS_MAX, Violation};

/// A promise as SQL.
pub(crate) struct Rule<'a> {
    pub(crate) id: &'static str,
    pub(crate) promise: &'static str,
    pub(crate) is_quick: bool,
    /// Each counts rows that are looked at.
    pub(crate) counted: &'a [&'a str],
    /// Each finds what breaks the promise, as text.
    pub(crate) finds: &'a [Finds<'a>],
}

/// A statement that finds what breaks a promise.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finds<'a> {
    /// In a span of keys (`$1`, `$2`), row by row.
    Of(Over, &'a str),
    /// In everything at once: it takes no more than a moment, or cannot be told row by row.
    All(&'a str),
    /// In everything at once, and for long. A round by slices leaves it out, because it shows the
    /// same by other statements.
    InOneGo(&'a str),
}

/// What a store shows of itself, all of it in one snapshot.
pub(crate) trait Evidence {
    /// Why it could not.
    type Error;

    /// What a promise of every store means besides in this one: its id, and what finds offenders.
    const BESIDES: &'static [(&'static str, Finds<'static>)];

    /// The number that a statement answers.
    async fn number(&mut self, sql: &str) -> Result<i64, Self::Error>;

    /// Adds the texts that a statement answers, for a span of keys (`$1`, `$2`) or without one.
    async fn offenders(
        &mut self,
        sql: &str,
        span: Option<Span>,
        found: &mut Offenders,
    ) -> Result<(), Self::Error>;

    /// Orders after an id, by their ids.
    async fn orders(&mut self, after: i64, most: i64) -> Result<Vec<OrderRow>, Self::Error>;

    /// Tells what a statement answers for a span of numbers (`$1`, `$2`): a number and two texts
    /// each.
    async fn told(
        &mut self,
        sql: &str,
        span: Span,
        tell: &mut (dyn FnMut(i64, &str, &str) + Send),
    ) -> Result<(), Self::Error>;

    /// Shows the events at some positions.
    async fn events(&mut self, seqs: &[i64], walk: &mut Walk) -> Result<(), Self::Error>;

    /// Shows the reservations of some ids.
    async fn reservations(&mut self, ids: &[i64], walk: &mut Walk) -> Result<(), Self::Error>;

    /// Tells to which orders what gateways have these names for belongs.
    async fn gateway_ids(
        &mut self,
        names: &[&str],
        tell: &mut (dyn FnMut(&str, i64) + Send),
    ) -> Result<(), Self::Error>;

    /// Batches after an id, by their ids.
    async fn batches(&mut self, after: i64, most: i64) -> Result<Vec<BatchRow>, Self::Error>;

    /// Shows a span of the ledger, in its order.
    async fn ledger(&mut self, span: Span, links: &mut Links) -> Result<(), Self::Error>;

    /// Shows a span of the event log, in its order.
    async fn log(&mut self, span: Span, links: &mut Links) -> Result<(), Self::Error>;
}

/// Puts a store to the proof, also of the promises that only it has. Adds a check per promise, and
/// stops when the store cannot show what is asked.
pub(crate) async fn prove<E: Evidence>(
    evidence: &mut E,
    own: &[Rule<'_>],
    is_full: bool,
    checks: &mut Vec<Check>,
) -> Result<(), E::Error> {
    let mut counts = HashMap::new();
    for rule in rules().filter(|rule| rule.is_quick || is_full) {
        checks.push(try_rule(evidence, rule, &mut counts).await?);
    }
    if is_full {
        orders::prove(evidence, checks).await?;
        logs::prove(evidence, checks).await?;
        follow::prove(evidence, PROOF_ACCOUNTS_TOGETHER_MAX, checks).await?;
        outbox::prove_consumers(evidence, checks).await?;
        warehouse::prove(evidence, checks).await?;
    }
    for rule in own.iter().filter(|rule| rule.is_quick || is_full) {
        checks.push(try_rule(evidence, rule, &mut counts).await?);
    }
    Ok(())
}

/// What every store promises in SQL.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule<'static>> {
    let of_orders = orders::RULES.iter().chain(payments::RULES);
    rules::RULES.iter().chain(of_orders).chain(warehouse::RULES)
}

/// Whether a promise is kept. What was counted once is not counted again.
async fn try_rule<'a, E: Evidence>(
    evidence: &mut E,
    rule: &Rule<'a>,
    counts: &mut HashMap<&'a str, i64>,
) -> Result<Check, E::Error> {
    let mut found = Offenders::default();
    let besides = E::BESIDES.iter().filter(|(id, _)| *id == rule.id).map(|(_, finds)| *finds);
    for finds in rule.finds.iter().copied().chain(besides) {
        let (sql, span) = match finds {
            Finds::Of(_, sql) => (sql, Some(spans::ALL)),
            Finds::All(sql) | Finds::InOneGo(sql) => (sql, None),
        };
        evidence.offenders(sql, span, &mut found).await?;
    }
    let mut rows = 0;
    for sql in rule.counted {
        rows += match counts.get(sql) {
            Some(count) => *count,
            None => {
                let count = evidence.number(sql).await?;
                counts.insert(*sql, count);
                count
            }
        };
    }
    Ok(found.into_check(rule.id, rule.promise, rows))
}

/// What breaks a promise: how much, and the first of it in words.
#[derive(Debug, Default)]
pub(crate) struct Offenders {
    count: i64,
    first: Vec<Violation>,
}

impl Offenders {
    pub(crate) fn add(&mut self, offender: String) {
        self.count += 1;
        if self.first.len() < OFFENDERS_MAX {
            self.first.push(Violation { offender });
        }
    }

    fn into_check(self, id: &'static str, promise: &'static str, rows: i64) -> Check {
        Check { id, promise, rows, violations: self.count, offenders: self.first }
    }
}
