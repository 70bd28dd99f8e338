//! `onhand torture`: many buyers for few units, while the server is killed without warning again
//! and again. Every buyer must end with a definite answer, and at the end every promise must have
//! been kept. The kills follow a seed, so that a failing run can be tried again.
#![expect(clippy::print_stdout, reason = "the summary is this command's output")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::api::{Api, Target};
use super::crowd::{Crowd, Experience, Sightings, collect, one_unit};
use super::process::{ServerPlan, ServerProcess};
use super::progress::note;
use super::torture_check::{Expected, Findings, check};
use super::trial::{self, TrialOptions, parse_duration};
use crate::random::Random;

/// Units of the other SKU: nobody will buy that many.
const CHURN_STOCK: u32 = 500_000_000;
/// The first kills come at once, because the contested stock is sold within moments.
const EARLY_KILLS: u32 = 3;
/// Within how many milliseconds of a start they come.
const EARLY_KILL_MILLIS: u64 = 20;

/// Sell few units to many buyers while the server is killed, and check every promise.
#[derive(Debug, Clone, clap::Args)]
pub struct TortureOptions {
    /// The SKU that everybody wants
    #[arg(long, default_value = "TORTURE-1", value_parser = parse_sku)]
    pub sku: String,
    /// Its units
    #[arg(long, default_value = "100")]
    pub stock: NonZeroU32,
    /// Buyers who want one unit each
    #[arg(long, default_value = "10000")]
    pub buyers: NonZeroU32,
    /// Connections that the buyers share
    #[arg(long, default_value = "64")]
    pub connections: NonZeroUsize,
    /// Kills to survive
    #[arg(long, default_value = "5")]
    pub rounds: u32,
    /// Go on at least this long, like `1m`
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub duration: Duration,
    /// What every trial may be told.
    #[command(flatten)]
    pub trial: TrialOptions,
}

/// A SKU that needs no escaping in a path.
fn parse_sku(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(plain) {
        return Err("use letters, digits, `-`, `_` and `.` only".to_owned());
    }
    Ok(text.to_owned())
}

/// What the command has to say.
#[derive(Debug, Serialize)]
struct Summary {
    seed: u64,
    stock: u32,
    buyers: u32,
    sold: u64,
    refused: u64,
    churn_orders: u64,
    requests: u64,
    kills: u32,
    unknown_settled: u64,
    unknown_already_placed: u64,
    lost: u64,
    doubled: u64,
    sightings: u64,
    verified: bool,
    problems: Vec<String>,
}

/// Runs the torture. The exit code is 0 if every promise was kept, and 1 if not.
pub async fn run(options: TortureOptions) -> Result<ExitCode> {
    trial::run(&options.trial, &[], async |plan, seed| {
        Torture { options: &options, plan: &plan }.run(seed).await
    })
    .await
}

impl trial::Summary for Summary {
    const PASSED: &'static str = "every promise was kept";

    fn problems(&self) -> &[String] {
        &self.problems
    }

    fn print(&self) {
        let Self { seed, stock, buyers, sold, refused, lost, doubled, kills, requests, .. } = self;
        println!(
            "{buyers} buyers for {stock} units, {kills} kills, {requests} requests, seed {seed}"
        );
        println!("  sold            {sold}");
        println!("  clean refusals  {refused}");
        println!("  churn orders    {}", self.churn_orders);
        let (settled, placed) = (self.unknown_settled, self.unknown_already_placed);
        println!("  unknown answers {settled} settled, {placed} had been placed");
        println!("  lost            {lost}");
        println!("  doubled         {doubled}");
        println!("  stock readings  {}", self.sightings);
        let verified = if self.verified { "clean" } else { "NOT clean" };
        println!("  verify --full   {verified}");
    }
}

struct Torture<'a> {
    options: &'a TortureOptions,
    plan: &'a ServerPlan,
}

impl Torture<'_> {
    async fn run(&self, seed: u64) -> Result<Summary> {
        let options = self.options;
        let mut random = Random::seeded(seed);
        let server = self.plan.start(None).await?;
        let target = Target::new(&server.url(), Some(self.plan.key().await?))?;
        let churn_sku = format!("{}-CHURN", options.sku);
        let mut api = Api::new(&target);
        for (sku, units) in [(&options.sku, options.stock.get()), (&churn_sku, CHURN_STOCK)] {
            api.create_product(sku).await?;
            api.receive_stock(std::slice::from_ref(sku), units.into()).await?;
        }
        let (up, watch) = watch::channel(Some(target));
        let crowd = Crowd::new(&options.sku, options.stock.get(), watch);
        let churn = crowd.spawn_churn(&churn_sku, &mut random);
        let watching = crowd.spawn_watcher();
        let buyers_done = AtomicBool::new(false);
        let mut killer_random = random.fork();
        let buying = async {
            let (buyers, connections) = (options.buyers.get(), options.connections.get());
            let experience = crowd.buy(buyers, connections, &mut random).await;
            buyers_done.store(true, Ordering::Relaxed);
            experience
        };
        let killing = self.kill(server, up, &mut killer_random, &buyers_done);
        let (bought, killed) = tokio::join!(buying, killing);
        let (server, up, kills) = killed?;
        crowd.stop();
        let mut experience = bought?;
        experience.add(collect(churn).await?);
        let sightings = watching.await??;
        drop(up);
        self.settle(seed, server, experience, sightings, kills).await
    }

    /// Kills and restarts until the buyers are done and enough was survived.
    async fn kill(
        &self,
        mut server: ServerProcess,
        up: watch::Sender<Option<Target>>,
        random: &mut Random,
        buyers_done: &AtomicBool,
    ) -> Result<(ServerProcess, watch::Sender<Option<Target>>, u32)> {
        let started = Instant::now();
        let mut kills = 0;
        loop {
            sleep(self.next_kill(kills, random)).await;
            let survived = kills >= self.options.rounds;
            let long_enough = started.elapsed() >= self.options.duration;
            if survived && long_enough && buyers_done.load(Ordering::Relaxed) {
                return Ok((server, up, kills));
            }
            let address = server.address();
            // Nobody may connect while nobody listens: a socket could catch the free port.
            up.send_replace(None);
            server.kill().await?;
            kills += 1;
            server = match self.plan.start(Some(address)).await {
                Ok(server) => server,
                Err(error) => {
                    note(&format!("{error:#}\nstarting on another port"));
                    self.plan.start(None).await.with_context(|| format!("after kill {kills}"))?
                }
            };
            let millis = server.start_time().as_millis();
            note(&format!("kill {kills}: up again after {millis} ms"));
            up.send_replace(Some(Target::new(&server.url(), Some(self.plan.key().await?))?));
        }
    }

    fn next_kill(&self, kills: u32, random: &mut Random) -> Duration {
        if kills < EARLY_KILLS.min(self.options.rounds) {
            return Duration::from_millis(random.below(EARLY_KILL_MILLIS));
        }
        self.options.trial.kill_every.mul_f64(0.5 + random.fraction())
    }

    /// Checks all promises and says what came of it.
    async fn settle(
        &self,
        seed: u64,
        server: ServerProcess,
        experience: Experience,
        sightings: Sightings,
        kills: u32,
    ) -> Result<Summary> {
        let options = self.options;
        let Experience { told, trials } = experience;
        let (stock, buyers) = (options.stock.get(), options.buyers.get());
        let (sold, refused) = (told.sold.len() as u64, told.refused.len() as u64);
        let churn_orders = told.churn_count;
        let units = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let expected = [
            Expected { sku: options.sku.clone(), on_hand: stock.into(), reserved: units(sold) },
            Expected {
                sku: format!("{}-CHURN", options.sku),
                on_hand: CHURN_STOCK.into(),
                reserved: units(churn_orders),
            },
        ];
        let target = Target::new(&server.url(), Some(self.plan.key().await?))?;
        let body = one_unit(&options.sku);
        let mut findings = check(&target, told, &body, &expected).await?;
        let due = u64::from(stock.min(buyers));
        if sold != due || sold + refused != u64::from(buyers) {
            findings.problem(format!("{sold} sold and {refused} refused, {due} should be sold"));
        }
        for wrong in sightings.wrong {
            findings.problem(wrong);
        }
        server.stop().await?;
        let verification = self.plan.verify().await?;
        if !verification.clean {
            findings.problem(format!("verify: {}", verification.report));
        }
        let Findings { lost, doubled, mut problems, more } = findings;
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        Ok(Summary {
            seed,
            stock,
            buyers,
            sold,
            refused,
            churn_orders,
            requests: trials.requests,
            kills,
            unknown_settled: trials.unknown,
            unknown_already_placed: trials.already_placed,
            lost,
            doubled,
            sightings: sightings.count,
            verified: verification.clean,
            problems,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_must_fit_into_a_path() {
        assert_eq!(parse_sku("X-1"), Ok("X-1".to_owned()));
        assert!(parse_sku("X 1").is_err());
        assert!(parse_sku("").is_err());
    }
}
