//! `onhand torture`: many buyers for few units, while the server is killed without warning again and
//! again. Every buyer must end with a definite answer, and at the end every promise must have been
//! kept. The kills follow a seed, so that a failing run can be tried again.
#![expect(clippy::print_stdout, reason = "the summary is this command's output")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::api::{Api, Target};
use super::process::{ServerPlan, ServerProcess};
use super::progress::{Progress, note};
use super::shopper::{Answer, Shopper, Trials, Up};
use super::stage::directory;
use super::torture_check::{Expected, Findings, Told, check};
use crate::random::{Random, fresh_seed};

/// Connections that keep on buying another SKU, so that every kill falls into commits.
const CHURN_CONNECTIONS: usize = 16;
/// Units of the other SKU: nobody will buy that many.
const CHURN_STOCK: u32 = 500_000_000;
/// Orders of the other SKU that are remembered and checked one by one.
const CHURN_REMEMBERED_MAX: usize = 50_000;
/// The first kills come at once, because the contested stock is sold within moments.
const EARLY_KILLS: u32 = 3;
/// Within how many milliseconds of a start they come.
const EARLY_KILL_MILLIS: u64 = 60;

/// The flags of `onhand torture`.
#[derive(Debug, Clone, clap::Args)]
pub struct TortureOptions {
    /// The SKU that everybody wants
    #[arg(long, default_value = "TORTURE-1")]
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
    /// Access token or API key for every request
    #[arg(long, env = "ONHAND_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A further argument for the server; may be repeated
    #[arg(long = "serve-arg", allow_hyphen_values = true)]
    pub serve_args: Vec<String>,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Reads `2s`, `500ms` or `1h 30m`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    parsed
        .try_into()
        .map_err(|_| "a duration cannot be negative".to_owned())
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
    verified: bool,
    problems: Vec<String>,
}

/// Runs the torture. The exit code is 0 if every promise was kept, and 1 if not.
pub async fn run(options: TortureOptions) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let (dir, temp) = directory(options.dir.clone())?;
    if dir.join("onhand.db").exists() {
        bail!(
            "{} holds a database already; torture needs a fresh one",
            dir.display()
        );
    }
    let plan = ServerPlan::new(&dir, options.database_url.as_deref(), &options.serve_args)?;
    note(&format!("seed {seed}, data in {}", dir.display()));
    let tortured = Torture {
        options: &options,
        plan: &plan,
    }
    .run(seed)
    .await;
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
    note(&format!(
        "the data and server.log are kept in {}",
        kept().display()
    ));
    Ok(ExitCode::FAILURE)
}

fn print(summary: &Summary) {
    let Summary {
        seed,
        stock,
        buyers,
        sold,
        refused,
        lost,
        doubled,
        kills,
        requests,
        ..
    } = summary;
    println!("{buyers} buyers for {stock} units, {kills} kills, {requests} requests, seed {seed}");
    println!("  sold            {sold}");
    println!("  clean refusals  {refused}");
    println!("  churn orders    {}", summary.churn_orders);
    let (settled, placed) = (summary.unknown_settled, summary.unknown_already_placed);
    println!("  unknown answers {settled} settled, {placed} had been placed");
    println!("  lost            {lost}");
    println!("  doubled         {doubled}");
    println!(
        "  verify --full   {}",
        if summary.verified {
            "clean"
        } else {
            "NOT clean"
        }
    );
    for problem in &summary.problems {
        println!("WRONG: {problem}");
    }
    println!(
        "{}",
        if summary.problems.is_empty() {
            "every promise was kept"
        } else {
            "FAILED"
        }
    );
}

/// What the buyers and the churn were told, and what they went through.
type Experience = (Told, Trials);

struct Torture<'a> {
    options: &'a TortureOptions,
    plan: &'a ServerPlan,
}

impl Torture<'_> {
    async fn run(&self, seed: u64) -> Result<Summary> {
        let options = self.options;
        let mut random = Random::seeded(seed);
        let server = self.plan.start(None).await?;
        let target = Target::new(&server.url(), options.token.as_deref())?;
        let churn_sku = format!("{}-CHURN", options.sku);
        let mut api = Api::new(&target);
        for (sku, units) in [
            (&options.sku, options.stock.get()),
            (&churn_sku, CHURN_STOCK),
        ] {
            api.create_product(sku).await?;
            api.receive_stock(std::slice::from_ref(sku), units.into())
                .await?;
        }
        let (up, watch) = watch::channel(Some(target));
        let churning = Arc::new(AtomicBool::new(true));
        let churn = spawn_churn(&churn_sku, &watch, &churning, &mut random);
        let buyers_done = AtomicBool::new(false);
        let body = one_unit(&options.sku);
        let buying = async {
            let experience = self.buy(&body, &watch, &mut random.fork()).await;
            buyers_done.store(true, Ordering::Relaxed);
            experience
        };
        let killing = self.kill(server, up, Random::seeded(seed ^ 1), &buyers_done);
        let (bought, killed) = tokio::join!(buying, killing);
        let (server, up, kills) = killed?;
        churning.store(false, Ordering::Relaxed);
        let churned = collect(churn).await?;
        drop(up);
        let (mut told, mut trials) = bought?;
        told.churned = churned.0.churned;
        told.churn_count = churned.0.churn_count;
        trials.add(churned.1);
        self.settle(seed, server, told, trials, kills).await
    }

    /// All buyers, a few at a time.
    async fn buy(&self, body: &Bytes, up: &Up, random: &mut Random) -> Result<Experience> {
        let buyers = self.options.buyers.get();
        let progress = Arc::new(Progress::start("buyers served", buyers.into()));
        let next = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..self.options.connections.get() {
            let mut shopper = Shopper::new(up.clone(), random.fork());
            let (next, body) = (Arc::clone(&next), body.clone());
            let progress = Arc::clone(&progress);
            tasks.spawn(async move {
                let mut told = Told::default();
                while next.fetch_add(1, Ordering::Relaxed) < buyers {
                    let key = shopper.key();
                    match shopper.buy(&body, key).await? {
                        Answer::Placed(promise) => told.sold.push(promise),
                        Answer::SoldOut => told.refused.push(key),
                    }
                    progress.add(1);
                }
                Ok((told, shopper.trials))
            });
        }
        let experience = collect(tasks).await?;
        if let Ok(progress) = Arc::try_unwrap(progress) {
            progress.finish();
        }
        Ok(experience)
    }

    /// Kills and restarts until the buyers are done and enough was survived.
    async fn kill(
        &self,
        mut server: ServerProcess,
        up: watch::Sender<Option<Target>>,
        mut random: Random,
        buyers_done: &AtomicBool,
    ) -> Result<(ServerProcess, watch::Sender<Option<Target>>, u32)> {
        let started = Instant::now();
        let mut kills = 0;
        loop {
            sleep(self.next_kill(kills, &mut random)).await;
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
                    self.plan
                        .start(None)
                        .await
                        .with_context(|| format!("after kill {kills}"))?
                }
            };
            let millis = server.start_time().as_millis();
            note(&format!("kill {kills}: up again after {millis} ms"));
            up.send_replace(Some(Target::new(
                &server.url(),
                self.options.token.as_deref(),
            )?));
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
        told: Told,
        trials: Trials,
        kills: u32,
    ) -> Result<Summary> {
        let options = self.options;
        let (stock, buyers) = (options.stock.get(), options.buyers.get());
        let (sold, refused) = (told.sold.len() as u64, told.refused.len() as u64);
        let churn_orders = told.churn_count;
        let units = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let expected = [
            Expected {
                sku: options.sku.clone(),
                on_hand: stock.into(),
                reserved: units(sold),
            },
            Expected {
                sku: format!("{}-CHURN", options.sku),
                on_hand: CHURN_STOCK.into(),
                reserved: units(churn_orders),
            },
        ];
        let target = Target::new(&server.url(), options.token.as_deref())?;
        let body = one_unit(&options.sku);
        let mut findings = check(&target, told, &body, &expected).await?;
        let due = u64::from(stock.min(buyers));
        if sold != due || sold + refused != u64::from(buyers) {
            findings.problem(format!(
                "{sold} sold and {refused} refused, {due} should be sold"
            ));
        }
        server.stop().await?;
        let verification = self.plan.verify().await?;
        if !verification.clean {
            findings.problem(format!("verify: {}", verification.report));
        }
        let Findings {
            lost,
            doubled,
            mut problems,
            more,
        } = findings;
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
            verified: verification.clean,
            problems,
        })
    }
}

fn one_unit(sku: &str) -> Bytes {
    json!({"items": [{"sku": sku, "quantity": 1}]})
        .to_string()
        .into()
}

/// Orders for the other SKU, until told to stop; each ends with a definite answer.
fn spawn_churn(
    sku: &str,
    up: &Up,
    churning: &Arc<AtomicBool>,
    random: &mut Random,
) -> JoinSet<Result<Experience>> {
    let remembered = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CHURN_CONNECTIONS {
        let mut shopper = Shopper::new(up.clone(), random.fork());
        let (churning, remembered) = (Arc::clone(churning), Arc::clone(&remembered));
        let body = one_unit(sku);
        tasks.spawn(async move {
            let mut told = Told::default();
            while churning.load(Ordering::Relaxed) {
                let key = shopper.key();
                let Answer::Placed(promise) = shopper.buy(&body, key).await? else {
                    bail!("an order for a SKU with plenty of stock was refused, key {key}");
                };
                told.churn_count += 1;
                if remembered.fetch_add(1, Ordering::Relaxed) < CHURN_REMEMBERED_MAX {
                    told.churned.push(promise);
                }
            }
            Ok((told, shopper.trials))
        });
    }
    tasks
}

async fn collect(mut tasks: JoinSet<Result<Experience>>) -> Result<Experience> {
    let (mut told, mut trials) = Experience::default();
    while let Some(task) = tasks.join_next().await {
        let (more, went_through) = task??;
        told.sold.extend(more.sold);
        told.refused.extend(more.refused);
        told.churned.extend(more.churned);
        told.churn_count += more.churn_count;
        trials.add(went_through);
    }
    Ok((told, trials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
