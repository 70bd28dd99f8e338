//! Everybody who is at the server while it is tortured: the buyers of the contested SKU, the churn
//! on another one, and a watcher who reads the stock all the time. They report what they were told
//! and what they saw; they neither kill nor check.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use super::api::{Api, Stock};
use super::progress::Progress;
use super::shopper::{Answer, Shopper, Trials, Up};
use super::torture_check::Told;
use crate::random::Random;

/// Connections that keep on buying another SKU, so that every kill falls into commits.
const CHURN_CONNECTIONS: usize = 16;
/// Orders of the other SKU that are remembered and checked one by one.
const CHURN_REMEMBERED_MAX: usize = 50_000;
/// Pause between two readings of the stock.
const WATCH_PAUSE: Duration = Duration::from_millis(5);
/// Wrong readings that are told.
const WRONG_SIGHTINGS_MAX: usize = 10;

/// What the buyers and the churn were told, and what they went through.
#[derive(Debug, Default)]
pub(crate) struct Experience {
    /// The answers.
    pub(crate) told: Told,
    /// The way to them.
    pub(crate) trials: Trials,
}

impl Experience {
    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.told.sold.extend(other.told.sold);
        self.told.refused.extend(other.told.refused);
        self.told.churned.extend(other.told.churned);
        self.told.churn_count += other.told.churn_count;
        self.trials.add(other.trials);
    }
}

/// What the watcher saw.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// How often it got an answer.
    pub(crate) count: u64,
    /// Readings that can never be true.
    pub(crate) wrong: Vec<String>,
}

impl Sightings {
    /// A reading that began when this many units had been promised.
    fn judge(&mut self, seen: Stock, stock: i64, promised: i64) {
        self.count += 1;
        let adds_up = seen.on_hand == stock && seen.available == stock - seen.reserved;
        let kept = seen.available >= 0 && seen.reserved >= promised;
        if !(adds_up && kept) && self.wrong.len() < WRONG_SIGHTINGS_MAX {
            self.wrong.push(format!("{seen:?} was seen when {promised} were promised"));
        }
    }
}

/// The people and what they share.
#[derive(Debug)]
pub(crate) struct Crowd {
    sku: String,
    stock: i64,
    up: Up,
    /// Whether the churn and the watcher go on.
    open: Arc<AtomicBool>,
    /// Units of the contested SKU that have been acknowledged.
    acknowledged: Arc<AtomicI64>,
}

impl Crowd {
    /// Nobody yet, but the way to the server.
    pub(crate) fn new(sku: &str, stock: u32, up: Up) -> Self {
        let (open, acknowledged) = (Arc::new(AtomicBool::new(true)), Arc::default());
        Self { sku: sku.to_owned(), stock: stock.into(), up, open, acknowledged }
    }

    /// Sends the churn and the watcher home, after the order in hand.
    pub(crate) fn stop(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// All buyers, as many at a time as there are connections.
    pub(crate) async fn buy(
        &self,
        buyers: u32,
        connections: usize,
        random: &mut Random,
    ) -> Result<Experience> {
        let progress = Arc::new(Progress::start("buyers served", buyers.into()));
        let next = Arc::new(AtomicU32::new(0));
        let body = one_unit(&self.sku);
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let mut shopper = Shopper::new(self.up.clone(), random.fork());
            let (next, body) = (Arc::clone(&next), body.clone());
            let (progress, acknowledged) = (Arc::clone(&progress), Arc::clone(&self.acknowledged));
            tasks.spawn(async move {
                let mut told = Told::default();
                while next.fetch_add(1, Ordering::Relaxed) < buyers {
                    let key = shopper.key();
                    match shopper.buy(&body, key).await? {
                        Answer::Placed(promise) => {
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            told.sold.push(promise);
                        }
                        Answer::SoldOut => told.refused.push(key),
                    }
                    progress.add(1);
                }
                Ok(Experience { told, trials: shopper.trials })
            });
        }
        let experience = collect(tasks).await?;
        if let Ok(progress) = Arc::try_unwrap(progress) {
            progress.finish();
        }
        Ok(experience)
    }

    /// Orders for the other SKU until told to stop; each ends with a definite answer.
    pub(crate) fn spawn_churn(
        &self,
        sku: &str,
        random: &mut Random,
    ) -> JoinSet<Result<Experience>> {
        let remembered = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..CHURN_CONNECTIONS {
            let mut shopper = Shopper::new(self.up.clone(), random.fork());
            let (open, remembered) = (Arc::clone(&self.open), Arc::clone(&remembered));
            let body = one_unit(sku);
            tasks.spawn(async move {
                let mut told = Told::default();
                while open.load(Ordering::Relaxed) {
                    let key = shopper.key();
                    let Answer::Placed(promise) = shopper.buy(&body, key).await? else {
                        bail!("an order for a SKU with plenty of stock was refused, key {key}");
                    };
                    told.churn_count += 1;
                    if remembered.fetch_add(1, Ordering::Relaxed) < CHURN_REMEMBERED_MAX {
                        told.churned.push(promise);
                    }
                }
                Ok(Experience { told, trials: shopper.trials })
            });
        }
        tasks
    }

    /// Somebody who reads the contested stock until told to stop.
    pub(crate) fn spawn_watcher(&self) -> JoinHandle<Result<Sightings>> {
        let (sku, stock, mut up) = (self.sku.clone(), self.stock, self.up.clone());
        let (open, acknowledged) = (Arc::clone(&self.open), Arc::clone(&self.acknowledged));
        tokio::spawn(async move {
            let mut sightings = Sightings::default();
            let mut last = false;
            while !last {
                let target = up.wait_for(Option::is_some).await?.clone();
                let Some(mut api) = target.as_ref().map(Api::new) else {
                    continue;
                };
                // Until the server is killed, then on with the next one; one reading after the end.
                while !last {
                    last = !open.load(Ordering::SeqCst);
                    let promised = acknowledged.load(Ordering::SeqCst);
                    let Ok(seen) = api.stock(&sku).await else {
                        break;
                    };
                    sightings.judge(seen, stock, promised);
                    sleep(WATCH_PAUSE).await;
                }
                sleep(WATCH_PAUSE).await;
            }
            Ok(sightings)
        })
    }
}

/// The body of an order for one unit.
pub(crate) fn one_unit(sku: &str) -> Bytes {
    json!({"items": [{"sku": sku, "quantity": 1}]}).to_string().into()
}

/// Waits for all of them.
pub(crate) async fn collect(mut tasks: JoinSet<Result<Experience>>) -> Result<Experience> {
    let mut experience = Experience::default();
    while let Some(task) = tasks.join_next().await {
        experience.add(task??);
    }
    Ok(experience)
}
