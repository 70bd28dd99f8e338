//! `onhand bench`: how many orders per second this machine takes, how long each waits, and whether
//! the server still tells the truth afterwards. One round by default, the table of targets with
//! `--suite`. Only this file prints results; how a round runs is in `round.rs`, the targets are in
//! `suite.rs`.
#![expect(clippy::print_stdout, reason = "the results are this command's output")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::bench_check::{Correctness, check};
use super::files;
use super::logins::Logins;
use super::paid;
use super::probe;
use super::progress::note;
use super::round::{Operation, Outcome, Pace, Round};
use super::stage::Stage;
use super::suite::{self, Row};
use super::through;
use super::workload::{LineCount, Orders, Shape};
use crate::http::dialects::Dialect;
use crate::random::{Random, fresh_seed};

/// Load before each measurement: connections are warm and the committer has found its batch size.
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);

/// When the next request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// As soon as the connection has its answer.
    Closed,
    /// At a fixed rate, whatever the server does; latency counts from the moment it was due.
    Open,
}

/// Measure orders per second and latency, and check that the server told the truth.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchOptions {
    /// Use this running server (`http://host:port`) instead of starting one
    #[arg(long, conflicts_with_all = ["dir", "database_url", "serve_args"])]
    pub url: Option<String>,
    /// Access token or API key for every request
    #[arg(long, env = "ONHAND_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Directory of the server's data, which is kept; a temporary one otherwise
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Database of the server that is started; an embedded one in its directory otherwise
    #[arg(long)]
    pub database_url: Option<String>,
    /// A further argument for the server that is started; may be repeated
    #[arg(long = "serve-arg", allow_hyphen_values = true)]
    pub serve_args: Vec<String>,
    /// Connections that send at the same time
    #[arg(long, default_value = "256")]
    pub connections: NonZeroUsize,
    /// Length of each measurement in seconds
    #[arg(long, default_value = "5")]
    pub seconds: NonZeroU32,
    /// Products to buy
    #[arg(long, default_value = "10000")]
    pub products: NonZeroU32,
    /// When the next request is sent
    #[arg(long, value_enum, default_value = "closed")]
    pub mode: Mode,
    /// Requests per second of the open loop
    #[arg(long, required_if_eq("mode", "open"))]
    pub rate: Option<NonZeroU32>,
    /// Which products are bought
    #[arg(long, value_enum, default_value = "spread")]
    pub workload: Shape,
    /// Lines of an order: a number or a range
    #[arg(long, default_value = "1-3")]
    pub lines: LineCount,
    /// Send random idempotency keys (UUIDv4) instead of time-ordered ones (UUIDv7)
    #[arg(long)]
    pub random_keys: bool,
    /// Measure the whole table of targets in one run
    #[arg(long)]
    pub suite: bool,
    /// Rounds of the suite; each figure is the median over them
    #[arg(long, default_value = "3")]
    pub rounds: NonZeroU32,
    /// Place this many orders beforehand, and compare with the empty database
    #[arg(long, default_value = "0")]
    pub preload: u64,
    /// Let this many people log in at once beside the orders, and compare with the orders alone
    #[arg(long, conflicts_with_all = ["suite", "url"])]
    pub logins: Option<NonZeroUsize>,
    /// Have the server ask a warehouse that names every product beside the orders, run after run,
    /// and compare with the orders alone
    #[arg(long, conflicts_with_all = ["suite", "url", "logins", "payments"])]
    pub warehouse: bool,
    /// Import files of new products beside the orders, one behind the other, and compare with the
    /// orders alone
    #[arg(long = "import", conflicts_with_all = ["suite", "logins", "payments", "warehouse"])]
    pub imports: bool,
    /// Let every other round place orders that are to be paid, and compare them with those that are
    /// not; `--rounds` of both
    #[arg(long, conflicts_with_all = ["suite", "url", "logins", "preload"])]
    pub payments: bool,
    /// Place the same orders through these dialects, too, and compare with `/v1`; `--rounds` of
    /// each
    #[arg(long, value_delimiter = ',', value_name = "DIALECT",
        conflicts_with_all = ["suite", "url", "logins", "preload", "payments", "warehouse"],
        value_parser = through::dialect)]
    pub through: Vec<Dialect>,
    /// Repeat the choices of an earlier run
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// One line of the result.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// What was sent.
    pub(crate) what: String,
    /// Successful answers per second.
    pub(crate) per_second: f64,
    /// Median latency in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99 % are faster.
    pub(crate) p99_ms: f64,
    /// 99.9 % are faster.
    pub(crate) p999_ms: f64,
    /// Microseconds of the server's processors for one answer.
    pub(crate) processor_us: Option<f64>,
    /// Answers by status, in words; `none` is a lost connection.
    pub(crate) statuses: String,
}

impl Measured {
    /// Puts a round's outcome into a line.
    pub(crate) fn of(what: &str, outcome: &Outcome) -> Self {
        let status = |(status, count): (&u16, &u64)| match status {
            0 => format!("none: {count}"),
            _ => format!("{status}: {count}"),
        };
        let mut statuses: Vec<String> = outcome.statuses.iter().map(status).collect();
        if outcome.unsent > 0 {
            statuses.push(format!("due but not sent: {}", outcome.unsent));
        }
        Self {
            what: what.to_owned(),
            per_second: outcome.per_second,
            p50_ms: outcome.millis(0.5),
            p99_ms: outcome.millis(0.99),
            p999_ms: outcome.millis(0.999),
            processor_us: outcome.processor_us,
            statuses: statuses.join(", "),
        }
    }
}

/// Everything the command has to say.
#[derive(Debug, Serialize)]
struct Report {
    machine: String,
    seed: u64,
    preloaded: u64,
    rounds: Vec<Measured>,
    targets: Vec<Row>,
    correctness: Correctness,
}

/// Runs the benchmark. The exit code is 0 if the server told the truth, however slow it is, and 1
/// if not.
pub async fn run(options: BenchOptions) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let mut random = Random::seeded(seed);
    let mut stage = Stage::set(&options).await?;
    let measured = if options.suite {
        suite::run(&options, &mut stage, &mut random).await
    } else if options.payments {
        paid::run(&options, &mut stage, &mut random).await
    } else if !options.through.is_empty() {
        through::run(&options, &mut stage, &mut random).await
    } else {
        single(&options, &mut stage, &mut random).await
    };
    let (rounds, targets) = match measured {
        Ok(measured) => measured,
        Err(error) => bail!(error.context(kept(&mut stage))),
    };
    let preloaded = stage.preloaded;
    let correctness = check(&mut stage).await.with_context(|| kept(&mut stage))?;
    let machine = probe::machine();
    let report = Report { machine, seed, preloaded, rounds, targets, correctness };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    if report.correctness.differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    note(&kept(&mut stage));
    Ok(ExitCode::FAILURE)
}

/// Keeps what a failed run has left behind.
fn kept(stage: &mut Stage) -> String {
    match stage.keep() {
        Some(dir) => format!("the data and server.log are kept in {}", dir.display()),
        None => "the benchmark of a running server failed".to_owned(),
    }
}

/// The rounds of a run without `--suite`, and no targets.
async fn single(
    options: &BenchOptions,
    stage: &mut Stage,
    random: &mut Random,
) -> Result<(Vec<Measured>, Vec<Row>)> {
    let products = stage.products;
    let orders = Orders::prepare(options.workload, products, options.lines, random);
    let orders = Arc::new(orders);
    let mut measured = Vec::new();
    let name = format!("place order, {:?}", options.workload).to_lowercase();
    if options.preload > 0 {
        let outcome =
            round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
        measured.push(Measured::of(&format!("{name}, before the preload"), &outcome));
        stage.preload(options.preload, &orders, random.below(u64::MAX)).await?;
    }
    note(&format!("measuring for {} s", options.seconds));
    let outcome =
        round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
    measured.push(Measured::of(&name, &outcome));
    let mut targets = Vec::new();
    if let [before, after] = measured.as_slice() {
        targets.push(suite::growth(stage, before.per_second, after.per_second));
    }
    if let Some(logins) = options.logins {
        let people = Logins::prepare(&stage.target).await?.start(logins.get());
        let beside =
            round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
        let logged_in = people.stop().await?;
        let row = suite::beside_logins(logins.get(), outcome.millis(0.99), beside.millis(0.99));
        targets.push(row);
        measured.push(Measured::of(&format!("{name}, beside {logins} logins"), &beside));
        measured.push(Measured::of("log in", &logged_in));
    }
    if options.imports {
        let sending = files::start(&stage.target);
        let beside =
            round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
        let taken = sending.stop().await?;
        targets.extend(suite::beside_import(
            (outcome.millis(0.99), beside.millis(0.99)),
            (outcome.per_second, beside.per_second),
            taken.per_second(),
        ));
        measured.push(Measured::of(&format!("{name}, beside an import"), &beside));
    }
    if let Some(shelves) = &stage.shelves {
        let asking = shelves.start(&stage.target, &stage.stock_before);
        let beside =
            round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
        let asked = asking.stop().await?;
        let (alone, beside_p99) = (outcome.millis(0.99), beside.millis(0.99));
        targets.push(suite::beside_warehouse(products, alone, beside_p99));
        measured.push(Measured::of(&format!("{name}, beside a warehouse"), &beside));
        let (runs, secs) = (asked.runs, asked.each.as_secs_f64());
        note(&format!("{runs} runs of {products} rows, {secs:.1} s each"));
        for stock in &mut stage.stock_before {
            (stock.on_hand, stock.available) =
                (stock.on_hand + asked.runs, stock.available + asked.runs);
        }
    }
    Ok((measured, targets))
}

/// A round of this kind, as the command line says.
pub(crate) fn round(
    options: &BenchOptions,
    stage: &Stage,
    operation: Operation,
    random: &mut Random,
) -> Round {
    let pace = match (options.mode, options.rate) {
        (Mode::Open, Some(rate)) => Pace::Open(f64::from(rate.get())),
        (Mode::Open | Mode::Closed, _) => Pace::Closed,
    };
    Round {
        target: stage.target.clone(),
        operation,
        connections: options.connections.get(),
        pace,
        warm_up: WARM_UP,
        length: Duration::from_secs(options.seconds.get().into()),
        random_keys: options.random_keys,
        random: random.fork(),
        server: stage.server.as_ref().map(|server| server.pid()),
    }
}

fn print(report: &Report) {
    println!("machine: {}\nseed: {}", report.machine, report.seed);
    if report.preloaded > 0 {
        println!("preloaded orders: {}", report.preloaded);
    }
    println!("\n| load | per second | p50 ms | p99 ms | p99.9 ms | CPU us | answers |");
    println!("|---|---|---|---|---|---|---|");
    for line in &report.rounds {
        let Measured { what, per_second, p50_ms, p99_ms, p999_ms, processor_us, statuses } = line;
        let cpu = processor_us.map_or_else(|| "?".to_owned(), |us| format!("{us:.1}"));
        println!(
            "| {what} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {p999_ms:.2} | {cpu} \
             | {statuses} |"
        );
    }
    if !report.targets.is_empty() {
        println!("\n| # | what | target | measured | verdict |\n|---|---|---|---|---|");
        for row in &report.targets {
            let Row { number, what, target, measured, verdict } = row;
            println!("| {number} | {what} | {target} | {measured} | {verdict} |");
        }
    }
    let Correctness { acknowledged, unknown, listed, products, verified, differences } =
        &report.correctness;
    println!(
        "\ncorrectness: {acknowledged} orders acknowledged, {unknown} of unknown outcome, \
         {listed} listed; stock of {products} products compared"
    );
    match verified {
        Some(true) => println!("verify --full: clean"),
        Some(false) => println!("verify --full: NOT clean"),
        None => println!("verify --full: not run, because the server is not ours"),
    }
    for difference in differences {
        println!("WRONG: {difference}");
    }
}
