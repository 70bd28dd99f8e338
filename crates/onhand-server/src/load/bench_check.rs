//! Whether the server under load told the truth: every acknowledged order is in its list, every
//! sold unit is reserved, and the offline proof finds nothing. A fast server that fails here is
//! worthless, so the benchmark fails with it.

use std::sync::atomic::Ordering;

use anyhow::Result;
use serde::Serialize;

use super::api::Api;
use super::progress::{Progress, note};
use super::stage::{Stage, all_stock};

/// Most differences that a report lists; the rest is only counted.
const DIFFERENCES_SHOWN: usize = 10;

/// The result of the check.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Correctness {
    /// Orders answered with 201.
    pub(crate) acknowledged: u64,
    /// Orders whose outcome the client does not know.
    pub(crate) unknown: u64,
    /// Orders that the server lists for this run.
    pub(crate) listed: u64,
    /// Products whose stock was compared.
    pub(crate) products: u32,
    /// Whether the offline proof ran, and whether it was clean.
    pub(crate) verified: Option<bool>,
    /// What is wrong; empty if all is well.
    pub(crate) differences: Vec<String>,
}

impl Correctness {
    fn differ(&mut self, difference: String) {
        if self.differences.len() < DIFFERENCES_SHOWN {
            self.differences.push(difference);
        }
    }
}

/// Checks everything; stops the server if it is ours.
pub(crate) async fn check(stage: &mut Stage) -> Result<Correctness> {
    let mut found = Correctness {
        acknowledged: stage.tally.acknowledged.load(Ordering::Relaxed),
        unknown: stage.tally.unknown.load(Ordering::Relaxed),
        products: stage.products,
        ..Correctness::default()
    };
    found.listed = count_orders(stage, found.acknowledged).await?;
    let bounds = found.acknowledged..=found.acknowledged + found.unknown;
    if !bounds.contains(&found.listed) {
        let (listed, most) = (found.listed, bounds.end());
        let least = bounds.start();
        found.differ(format!("{listed} orders are listed, expected {least} to {most}"));
    }
    check_stock(stage, &mut found).await?;
    if let (Some(plan), Some(server)) = (&stage.plan, stage.server.take()) {
        server.stop().await?;
        note("verifying the database offline");
        let verification = plan.verify().await?;
        found.verified = Some(verification.clean);
        if !verification.clean {
            found.differ(format!("verify: {}", verification.report));
        }
    }
    Ok(found)
}

/// Walks the list from the newest order to the newest one before the run.
async fn count_orders(stage: &Stage, expected: u64) -> Result<u64> {
    let progress = Progress::start("counting orders", expected);
    let mut api = Api::new(&stage.target);
    let mut behind: Option<String> = None;
    let mut count = 0;
    loop {
        let page = api.orders(behind.as_deref()).await?;
        let ids = page.data.iter().map(|order| &order.id);
        let new = ids.take_while(|id| Some(*id) != stage.newest_before.as_ref()).count();
        count += new as u64;
        progress.add(new as u64);
        let reached_the_past = new < page.data.len();
        behind = page.data.into_iter().next_back().map(|order| order.id);
        if reached_the_past || !page.has_more || behind.is_none() {
            break;
        }
    }
    progress.finish();
    Ok(count)
}

async fn check_stock(stage: &Stage, found: &mut Correctness) -> Result<()> {
    let stock_after = all_stock(&stage.target, stage.products, "checking the stock").await?;
    let tally = &stage.tally;
    let sold = tally.units.iter().zip(&tally.unknown_units);
    let pairs = stage.stock_before.iter().zip(&stock_after);
    for (((before, after), (sold, unknown)), product) in pairs.zip(sold).zip(1..) {
        let (sold, unknown) = (sold.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
        let moved = after.reserved - before.reserved;
        if !(sold..=sold + unknown).contains(&moved) {
            found.differ(format!("product {product}: {moved} units reserved, {sold} sold"));
        }
        if after.on_hand != before.on_hand || after.on_hand - after.available != after.reserved {
            found.differ(format!("product {product}: {before:?} became {after:?}"));
        }
    }
    Ok(())
}
