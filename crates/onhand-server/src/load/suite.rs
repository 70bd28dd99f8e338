//! `onhand bench --suite`: the table of targets, measured in one run. Each round takes every kind
//! of load in turn, so that a machine that slows down slows all of them, and each figure is a ratio
//! within a round and the median over the rounds. Absolute figures mean little on a shared machine.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::api::{Api, Committer};
use super::bench::{BenchOptions, Measured, WARM_UP};
use super::probe;
use super::progress::note;
use super::round::{Operation, Outcome, Pace, Round};
use super::stage::Stage;
use super::workload::{Orders, Shape};
use crate::random::Random;

/// Connections that read.
const READ_CONNECTIONS: usize = 64;
/// Pages of the newest orders that are read by id: 5,000 orders.
const READ_PAGES: usize = 25;
/// How long the disk's flush rate is measured in each round.
const FLUSH_PROBE: Duration = Duration::from_secs(1);
/// How long a started server rests before its memory is read.
const IDLE: Duration = Duration::from_secs(2);
/// Share of the highest rate at which the open loop runs.
const OPEN_SHARE: f64 = 0.5;

/// One row of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The target's number in docs/performance.md.
    pub(crate) number: &'static str,
    /// What is measured.
    pub(crate) what: String,
    /// What it should be.
    pub(crate) target: String,
    /// What it is.
    pub(crate) measured: String,
    /// `met`, `missed`, or why there is none.
    pub(crate) verdict: &'static str,
}

/// Which way a figure is good.
#[derive(Debug, Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    fn new(number: &'static str, what: &str, goal: Goal, unit: &str, value: Option<f64>) -> Self {
        let (target, met) = match goal {
            Goal::AtLeast(least) => {
                (format!(">= {least}{unit}"), value.map(|value| value >= least))
            }
            Goal::AtMost(most) => (format!("<= {most}{unit}"), value.map(|value| value <= most)),
        };
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "not measured",
        };
        let measured = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}"));
        Self { number, what: what.to_owned(), target, measured, verdict }
    }
}

/// The row of the grown database against the empty one.
pub(crate) fn growth(stage: &Stage, empty: f64, grown: f64) -> Row {
    let what = format!("{} orders and {} products against empty", stage.preloaded, stage.products);
    let least = if is_embedded(stage) { 0.85 } else { 0.75 };
    Row::new("T8", &what, Goal::AtLeast(least), "", ratio(grown, empty))
}

/// The row of orders beside logins against orders alone, by their 99th percentiles.
pub(crate) fn beside_logins(logins: usize, alone: f64, beside: f64) -> Row {
    let what = format!("p99 of orders beside {logins} logins at once, against alone");
    Row::new("S11", &what, Goal::AtMost(2.0), "x", ratio(beside, alone))
}

/// The row of orders beside runs against a warehouse.
pub(crate) fn beside_warehouse(rows: u32, alone: f64, beside: f64) -> Row {
    let what = format!("p99 of orders beside runs of {rows} rows, against alone");
    Row::new("W1", &what, Goal::AtMost(2.0), "x", ratio(beside, alone))
}

/// The rows of a dialect against `/v1`, of the same orders: how many a second, and what each takes
/// of the server's processors.
pub(crate) fn through(dialect: &str, rate: Option<f64>, processor: Option<f64>) -> [Row; 2] {
    let placed = format!("{dialect}: orders a second, of those of /v1");
    let taken = format!("{dialect}: the server's processor time for one, of that of /v1");
    [
        Row::new("D1", &placed, Goal::AtLeast(0.95), "", rate),
        Row::new("D1", &taken, Goal::AtMost(1.05), "", processor),
    ]
}

/// The rows of orders beside files that are imported, each figure alone and beside.
pub(crate) fn beside_import(p99: (f64, f64), rate: (f64, f64), rows_per_second: f64) -> Vec<Row> {
    let told = |what: &str, measured: String| Row {
        number: "-",
        what: what.to_owned(),
        target: "-".to_owned(),
        measured,
        verdict: "told",
    };
    let share = rate.1 / rate.0.max(1.0);
    vec![
        Row::new(
            "B1",
            "p99 of orders beside an import, against alone",
            Goal::AtMost(2.0),
            "x",
            ratio(p99.1, p99.0),
        ),
        told("orders beside an import, against alone", format!("{share:.2}")),
        told(
            "rows of products imported beside orders, per second",
            format!("{rows_per_second:.0}"),
        ),
    ]
}

/// The rows of orders that are to be paid against the same without payments.
pub(crate) fn paid(
    share: Option<f64>,
    of_confirmed: Option<f64>,
    backlog: Option<f64>,
    drain_secs: Option<f64>,
    settled: Option<f64>,
) -> Vec<Row> {
    let what = "orders that wait for a gateway against orders that wait for a payment by hand";
    let told = |what: &str, value: Option<f64>, unit: &str| Row {
        number: "-",
        what: what.to_owned(),
        target: "-".to_owned(),
        measured: value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}")),
        verdict: "told",
    };
    vec![
        Row::new("T12", what, Goal::AtLeast(0.8), "", share),
        told("against orders that wait for no payment", of_confirmed, ""),
        told("orders that waited for the gateway at the end of a round", backlog, ""),
        told("until all of them were settled", drain_secs, " s"),
        told("payments settled per second, load and after it", settled, ""),
    ]
}

/// The row of how long a gateway waits for the answer to a message: by half of them, and by all but
/// one in a hundred, in seconds.
pub(crate) fn webhooks(when: &str, answered: Option<(f64, f64)>) -> Row {
    let half = answered.map_or_else(|| "-".to_owned(), |(half, _)| format!("{half:.3} s"));
    let what = format!("p99 of the answers to a gateway's messages {when} (p50 {half})");
    Row::new("-", &what, Goal::AtMost(1.0), " s", answered.map(|(_, most)| most))
}

fn is_embedded(stage: &Stage) -> bool {
    stage.plan.as_ref().is_some_and(super::process::ServerPlan::is_embedded)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The median; `None` of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().flatten().collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values[last / 2] + values[last.div_ceil(2)]) / 2.0)
}

/// The counters around a round that places orders.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    committer: Option<Committer>,
    written_bytes: Option<u64>,
    acknowledged: u64,
}

impl Counters {
    async fn read(stage: &Stage) -> Self {
        let pid = stage.server.as_ref().map(super::process::ServerProcess::pid);
        Self {
            committer: Api::new(&stage.target).committer().await,
            written_bytes: pid.and_then(probe::written_bytes),
            acknowledged: stage.tally.acknowledged.load(Ordering::Relaxed),
        }
    }

    /// Durable transactions per command since `before`.
    fn batches_per_command(&self, before: &Self) -> Option<f64> {
        let (now, then) = (self.committer?, before.committer?);
        let batches = now.batches.checked_sub(then.batches)?;
        ratio(batches as f64, now.commands.checked_sub(then.commands)? as f64)
    }

    /// KiB written per order since `before`.
    fn kib_per_order(&self, before: &Self) -> Option<f64> {
        let bytes = self.written_bytes?.checked_sub(before.written_bytes?)?;
        ratio(bytes as f64 / 1024.0, (self.acknowledged - before.acknowledged) as f64)
    }
}

/// The figures of one round over all kinds of load.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    noop: f64,
    spread: f64,
    spread_p99_ms: f64,
    hot: f64,
    read: f64,
    noop_read: f64,
    commits_per_flush: Option<f64>,
    kib_per_order: Option<f64>,
}

/// The bodies and paths of the suite.
struct Material {
    spread: Arc<Orders>,
    hot: Arc<Orders>,
}

struct Suite<'a> {
    options: &'a BenchOptions,
    stage: &'a mut Stage,
    random: &'a mut Random,
    material: Material,
    measured: Vec<Measured>,
}

/// Measures the whole table.
pub(crate) async fn run(
    options: &BenchOptions,
    stage: &mut Stage,
    random: &mut Random,
) -> Result<(Vec<Measured>, Vec<Row>)> {
    let prepare = |shape, random: &mut Random| {
        Arc::new(Orders::prepare(shape, options.products.get(), options.lines, random))
    };
    let material =
        Material { spread: prepare(Shape::Spread, random), hot: prepare(Shape::Hot, random) };
    let measured = Vec::new();
    let mut suite = Suite { options, stage, random, material, measured };
    let rows = suite.rows().await?;
    Ok((suite.measured, rows))
}

impl Suite<'_> {
    async fn rows(&mut self) -> Result<Vec<Row>> {
        let empty = self.grow().await?;
        let mut figures = Vec::new();
        for index in 1..=self.options.rounds.get() {
            note(&format!("round {index} of {}", self.options.rounds));
            figures.push(self.round().await?);
        }
        let over = |figure: fn(&Figures) -> Option<f64>| median(figures.iter().map(figure));
        let spread = over(|figures| Some(figures.spread)).unwrap_or_default();
        let mut rows = ratios(&figures, is_embedded(self.stage));
        let open = self.open(spread * OPEN_SHARE).await?;
        let what = format!("p99 at {:.0} orders/s, half the maximum", spread * OPEN_SHARE);
        rows.push(Row::new("T6", &what, Goal::AtMost(10.0), " ms", Some(open.millis(0.99))));
        rows.extend(empty.map(|empty| growth(self.stage, empty, spread)));
        rows.extend(self.idle().await?);
        rows.sort_by_key(|row| (row.number.len(), row.number));
        Ok(rows)
    }

    /// The preload, with the rate on the empty database before it.
    async fn grow(&mut self) -> Result<Option<f64>> {
        if self.options.preload == 0 {
            return Ok(None);
        }
        let operation = Operation::place(&self.material.spread);
        let mut rates = Vec::new();
        for _ in 0..self.options.rounds.get() {
            let outcome = self.load("place order, spread, empty", operation.clone()).await?;
            rates.push(Some(outcome.per_second));
        }
        let seed = self.random.below(u64::MAX);
        self.stage.preload(self.options.preload, &self.material.spread, seed).await?;
        Ok(median(rates))
    }

    async fn round(&mut self) -> Result<Figures> {
        let mut figures = Figures::default();
        let spread = Arc::clone(&self.material.spread);
        let hot = Arc::clone(&self.material.hot);
        let flushes = self.flushes().await?;
        figures.noop = self.load("no-op post", Operation::noop(&spread)).await?.per_second;
        let before = Counters::read(self.stage).await;
        let outcome = self.load("place order, spread", Operation::place(&spread)).await?;
        let after = Counters::read(self.stage).await;
        (figures.spread, figures.spread_p99_ms) = (outcome.per_second, outcome.millis(0.99));
        let commits = after.batches_per_command(&before).map(|share| share * outcome.per_second);
        figures.commits_per_flush =
            commits.zip(flushes).and_then(|(commits, flushes)| ratio(commits, flushes));
        figures.kib_per_order = after.kib_per_order(&before);
        figures.hot = self.load("place order, hot", Operation::place(&hot)).await?.per_second;
        let paths = self.stage.order_paths(READ_PAGES).await?;
        let noop = Arc::from(["/v1/noop".to_owned()]);
        figures.noop_read = self.load("no-op get", Operation::Get(noop)).await?.per_second;
        figures.read = self.load("read order by id", Operation::Get(paths)).await?.per_second;
        Ok(figures)
    }

    async fn flushes(&self) -> Result<Option<f64>> {
        let Some(plan) = &self.stage.plan else {
            return Ok(None);
        };
        let dir = plan.dir().to_owned();
        let probe = move || probe::flushes_per_second(&dir, FLUSH_PROBE);
        Ok(Some(tokio::task::spawn_blocking(probe).await??))
    }

    async fn open(&mut self, per_second: f64) -> Result<Outcome> {
        let operation = Operation::place(&self.material.spread);
        // A rate of zero would never send; a server that takes no order has failed elsewhere.
        let pace = Pace::Open(per_second.max(1.0));
        self.paced("place order, spread, open loop", operation, pace).await
    }

    async fn load(&mut self, what: &str, operation: Operation) -> Result<Outcome> {
        self.paced(what, operation, Pace::Closed).await
    }

    async fn paced(&mut self, what: &str, operation: Operation, pace: Pace) -> Result<Outcome> {
        let connections = match operation {
            Operation::Get(_) => READ_CONNECTIONS,
            Operation::Write { .. } => self.options.connections.get(),
        };
        let round = Round {
            target: self.stage.target.clone(),
            operation,
            connections,
            pace,
            warm_up: WARM_UP,
            length: Duration::from_secs(self.options.seconds.get().into()),
            random_keys: self.options.random_keys,
            random: self.random.fork(),
            server: self.stage.server.as_ref().map(|server| server.pid()),
        };
        let outcome = round.run(&self.stage.tally).await?;
        self.measured.push(Measured::of(what, &outcome));
        Ok(outcome)
    }

    /// The cold start on what the run has left behind, and the memory of the idle server.
    async fn idle(&mut self) -> Result<[Row; 2]> {
        let orders = self.stage.tally.acknowledged.load(Ordering::Relaxed);
        let start_time = self.stage.restart().await?;
        tokio::time::sleep(IDLE).await;
        let pid = self.stage.server.as_ref().map(super::process::ServerProcess::pid);
        let mib = pid.and_then(probe::resident_kib).map(|kib| kib as f64 / 1024.0);
        let secs = start_time.map(|time| time.as_secs_f64());
        let start = format!("cold start on {orders} orders");
        Ok([
            Row::new("T11", "idle memory after a cold start", Goal::AtMost(40.0), " MiB", mib),
            Row::new("T11", &start, Goal::AtMost(1.0), " s", secs),
        ])
    }
}

/// The rows that are medians over the rounds.
fn ratios(figures: &[Figures], embedded: bool) -> Vec<Row> {
    let over = |figure: fn(&Figures) -> Option<f64>| median(figures.iter().map(figure));
    let placed = over(|figures| ratio(figures.spread, figures.noop));
    let hot = over(|figures| ratio(figures.hot, figures.spread));
    let p99 = over(|figures| Some(figures.spread_p99_ms));
    let commits = over(|figures| figures.commits_per_flush.map(|share| share * 100.0));
    let read = over(|figures| ratio(figures.read, figures.noop_read));
    let share = "place order, spread: share of the no-op limit";
    let (number, least) = if embedded { ("T1", 0.5) } else { ("T2", 0.4) };
    let mut rows = vec![
        Row::new(number, share, Goal::AtLeast(least), "", placed),
        Row::new("T3", "hot product against spread", Goal::AtLeast(1.0), "", hot),
        Row::new("T6", "p99 of the closed loop", Goal::AtMost(40.0), " ms", p99),
        Row::new("T7", "commits against flushes of the disk", Goal::AtMost(5.0), " %", commits),
    ];
    if embedded {
        let kib = over(|figures| figures.kib_per_order);
        rows.push(Row::new("T9", "written per order", Goal::AtMost(12.0), " KiB", kib));
    }
    let what = "read order by id: share of the no-op limit";
    rows.push(Row::new("T10", what, Goal::AtLeast(0.5), "", read));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_both() {
        assert_eq!(median([]), None);
        assert_eq!(median([Some(3.0), None, Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(median([Some(1.0), Some(2.0)]), Some(1.5));
    }

    #[test]
    fn a_row_says_whether_the_target_is_met() {
        let row = |goal, value| Row::new("T1", "x", goal, " ms", value);
        assert_eq!(row(Goal::AtLeast(0.5), Some(0.5)).verdict, "met");
        assert_eq!(row(Goal::AtMost(10.0), Some(10.5)).verdict, "missed");
        assert_eq!(row(Goal::AtMost(10.0), Some(10.5)).measured, "10.50 ms");
        assert_eq!(row(Goal::AtMost(10.0), None).verdict, "not measured");
    }

    #[test]
    fn counters_give_batches_per_command_and_kib_per_order() {
        let at = |batches, commands, written, acknowledged| Counters {
            committer: Some(Committer { batches, commands }),
            written_bytes: Some(written),
            acknowledged,
        };
        let (before, after) = (at(1, 10, 0, 5), at(2, 110, 20_480, 15));
        assert_eq!(after.batches_per_command(&before), Some(0.01));
        assert_eq!(after.kib_per_order(&before), Some(2.0));
        assert_eq!(Counters::default().kib_per_order(&before), None);
    }
}
