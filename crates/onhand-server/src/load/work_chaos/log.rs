//! What the log says of the orders: read once, page by page, as any consumer reads it. It finds
//! what is missing, doubled or out of turn; who was told of it is for others to say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::Result;
use onhand_core::Timestamp;
use serde::Deserialize;

use super::rates::Rate;
use super::{PLACED, PROCESSING};
use crate::load::api::{Api, PAGE_ORDERS};
use crate::load::payments_chaos::settle::read;

/// An event, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    pub(super) seq: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The order.
    pub(super) subject: String,
    #[serde(rename = "occurred_at")]
    pub(super) at: Timestamp,
}

#[derive(Debug, Deserialize)]
struct Page {
    data: Vec<Entry>,
    has_more: bool,
    next_after: i64,
}

/// The events of orders, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    after: i64,
}

impl Log {
    /// Reads what has been added.
    pub(super) async fn catch_up(&mut self, api: &mut Api) -> Result<()> {
        loop {
            let types = format!("types={PLACED},{PROCESSING}");
            let path = format!("/v1/events?{types}&limit={PAGE_ORDERS}&after={}", self.after);
            let page: Page = read(api, &path).await?;
            self.entries.extend(page.data);
            self.after = page.next_after;
            if !page.has_more {
                return Ok(());
            }
        }
    }

    /// How many events of a type there are.
    pub(super) fn count(&self, kind: &str) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    /// The position of the last event of an order.
    pub(super) fn last(&self) -> i64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    /// What is wrong with it, if these orders were acknowledged: each was placed once, then taken
    /// up once, and there is no other.
    pub(super) fn problems(&self, acknowledged: &[String]) -> Vec<String> {
        let mut histories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in &self.entries {
            histories.entry(&entry.subject).or_default().push(&entry.kind);
        }
        let mut problems = Vec::new();
        let known: BTreeSet<&str> = acknowledged.iter().map(String::as_str).collect();
        if known.len() != acknowledged.len() {
            problems.push("an order was acknowledged twice".to_owned());
        }
        for order in &known {
            match histories.get(order).map(Vec::as_slice) {
                Some([PLACED, PROCESSING]) => {}
                Some(kinds) => problems.push(format!("{order}: its events are {kinds:?}")),
                None => problems.push(format!("{order} is lost")),
            }
        }
        let unknown = histories.keys().filter(|order| !known.contains(**order));
        problems.extend(unknown.map(|order| format!("{order} was never acknowledged")));
        problems
    }
}

/// Reads the whole log from its beginning: how fast that is, and where there are gaps.
pub(super) async fn read_all(api: &mut Api) -> Result<(Rate, Vec<String>)> {
    #[derive(Deserialize)]
    struct Position {
        seq: i64,
    }
    #[derive(Deserialize)]
    struct Positions {
        data: Vec<Position>,
        has_more: bool,
        next_after: i64,
    }
    let (mut after, mut events, mut problems) = (0, 0, Vec::new());
    let started = Instant::now();
    loop {
        let path = format!("/v1/events?limit={PAGE_ORDERS}&after={after}");
        let page: Positions = read(api, &path).await?;
        problems.extend(gap(after, page.data.iter().map(|event| event.seq)));
        events += page.data.len();
        after = page.next_after;
        if !page.has_more {
            return Ok((Rate::of(events, started.elapsed()), problems));
        }
    }
}

/// Where positions do not follow one another.
fn gap(after: i64, positions: impl Iterator<Item = i64>) -> Option<String> {
    let mut last = after;
    for position in positions {
        if position != last + 1 {
            return Some(format!("the feed goes from {last} to {position}"));
        }
        last = position;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn entry(seq: i64, kind: &str, order: &str) -> Entry {
        let at = Timestamp::constant(1_795_240_000 + seq, 0);
        Entry { seq, kind: kind.to_owned(), subject: order.to_owned(), at }
    }

    #[test]
    fn every_order_is_placed_and_taken_up_once() {
        let check = |entries: &[(&str, &str)], acknowledged: &[&str], wanted: &[&str]| {
            let entries = (1..).zip(entries).map(|(seq, (kind, order))| entry(seq, kind, order));
            let log = Log { entries: entries.collect(), after: 0 };
            let acknowledged: Vec<String> = acknowledged.iter().map(|&id| id.into()).collect();
            assert_eq!(log.problems(&acknowledged), wanted);
        };
        let whole = [(PLACED, "ord_1"), (PLACED, "ord_2"), (PROCESSING, "ord_1")];
        check(&whole[..1], &[], &["ord_1 was never acknowledged"]);
        check(&[whole[0], whole[2]], &["ord_1"], &[]);
        check(&whole, &["ord_1", "ord_2"], &["ord_2: its events are [\"order.placed\"]"]);
        check(&[], &["ord_1"], &["ord_1 is lost"]);
        check(
            &[whole[0], whole[2], whole[2]],
            &["ord_1"],
            &["ord_1: its events are [\"order.placed\", \"order.processing\", \
               \"order.processing\"]"],
        );
        check(&[whole[0], whole[2]], &["ord_1", "ord_1"], &["an order was acknowledged twice"]);
    }

    #[test]
    fn a_feed_has_no_gap() {
        assert_eq!(gap(0, [1, 2, 3].into_iter()), None);
        assert_eq!(gap(3, [].into_iter()), None);
        assert_eq!(gap(3, [5].into_iter()), Some("the feed goes from 3 to 5".to_owned()));
        assert_eq!(gap(3, [4, 4].into_iter()), Some("the feed goes from 4 to 4".to_owned()));
    }
}
