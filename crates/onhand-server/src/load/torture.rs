//! `onhand torture`: many buyers for few units, while the server is killed without warning again
//! and again. Every buyer must end with a definite answer, and at the end every promise must have
//! been kept. The kills follow a seed, so that a failing run can be tried again.
#![expect(clippy::print_stdout, reason = "the summary is this command's output")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::api::{Api, Target};
use super::crowd::{Crowd, Experience, Sightings, collect, one_unit};
use super::process::{ServerPlan, ServerProcess};
use super::progress::note;
use super::stage::directory;
use super::torture_check::{Expected, Findings, check};
use crate::random::{Random, fresh_seed};

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
    /// Mean time between two kills, like `2s` or `500ms`
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub kill_every: Duration,
    /// Kills to survive
    #[arg(long, default_value = "5")]
    pub rounds: u32,
    /// Go on at least this long, like `1m`
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Repeat the choices of an earlier run
    #[arg(long)]
    pub seed: Option<u64>,
    /// Directory of the server's data: must be empty, and is kept
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Database of the server, which must be empty; an embedded one in its directory otherwise
    #[arg(long)]
    pub database_url: Option<String>,
    /// A further argument for the server; may be repeated
    #[arg(long = "serve-arg", allow_hyphen_values = true)]
    pub serve_args: Vec<String>,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Reads `2s`, `500ms` or `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    parsed.try_into().map_err(|_| "a duration cannot be negative".to_owned())
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
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let (dir, temp) = directory(options.dir.clone())?;
    if dir.join("onhand.db").exists() {
        bail!("{} holds a database already; torture needs a fresh one", dir.display());
    }
    let plan = ServerPlan::new(&dir, options.database_url.as_deref(), &options.serve_args)?;
    note(&format!("seed {seed}, data in {}", dir.display()));
    let tortured = Torture { options: &options, plan: &plan }.run(seed).await;
    let kept = || match temp {
        Some(temp) => temp.keep(),
        None => dir.clone(),
    };
    let summary = match tortured {
        Ok(summary) => summary,
        Err(error) => bail!(error.context(format!("seed {seed}, kept in {}", kept().display()))),
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        print(&summary);
    }
    if summary.problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    note(&format!("the data and server.log are kept in {}", kept().display()));
    Ok(ExitCode::FAILURE)
}

fn print(summary: &Summary) {
    let Summary { seed, stock, buyers, sold, refused, lost, doubled, kills, requests, .. } =
        summary;
    println!("{buyers} buyers for {stock} units, {kills} kills, {requests} requests, seed {seed}");
    println!("  sold            {sold}");
    println!("  clean refusals  {refused}");
    println!("  churn orders    {}", summary.churn_orders);
    let (settled, placed) = (summary.unknown_settled, summary.unknown_already_placed);
    println!("  unknown answers {settled} settled, {placed} had been placed");
    println!("  lost            {lost}");
    println!("  doubled         {doubled}");
    println!("  stock readings  {}", summary.sightings);
    let verified = if summary.verified { "clean" } else { "NOT clean" };
    println!("  verify --full   {verified}");
    for problem in &summary.problems {
        println!("WRONG: {problem}");
    }
    let kept = summary.problems.is_empty();
    println!("{}", if kept { "every promise was kept" } else { "FAILED" });
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
        self.options.kill_every.mul_f64(0.5 + random.fraction())
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

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
