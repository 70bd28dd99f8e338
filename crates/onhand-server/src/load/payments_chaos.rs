//! `onhand payments-chaos`: thousands of payments through a gateway where everything goes wrong
//! that can, while the servers are killed without warning. Then the faults stop, everything has to
//! come to rest within two cycles of asking the gateway, and the gateway's own ledger must say what
//! ours says, payment by payment. Start with `payments_chaos/plan.rs` (what people do) or
//! `payments_chaos/books.rs` (what must hold).
#![expect(clippy::print_stdout, reason = "the summary is this command's output")]

mod books;
mod customer;
pub(crate) mod house;
mod plan;
pub(super) mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tokio::sync::Notify;

use self::books::{Books, TheirOrder, Totals};
use self::customer::Told;
use self::house::{Answers, House};
use self::settle::{Rest, all};
use super::api::{Api, PAGE_ORDERS};
use super::process::ServerPlan;
use super::progress::note;
use super::trial::{self, TrialOptions};
use crate::limits::EFFECT_LEASE_TIMEOUTS;
use crate::random::Random;

/// What goes wrong at the gateway, and how often.
const FAULTS: &str = "error=0.02,rate_limit=0.01,drop=0.02,late_error=0.005,html=0.002,\
    truncated=0.002,endless=0.0005,stall=0.001,contradict=0.002,decline=0.06,late=0.03,\
    refund_fail=0.01,lost=0.05,repeat=0.2,delay=0.1,permute=0.5,wrong_amount=0.02";
/// After how many seconds the server asks a gateway that says nothing: together, one cycle.
const POLL_SECS: [u64; 3] = [1, 2, 4];
/// Cycles within which everything is at rest once the faults have stopped, and nobody who was
/// killed has anything leased any more.
const CYCLES_MAX: u64 = 2;
/// Seconds that a request to the gateway may take here; so long, times [`EFFECT_LEASE_TIMEOUTS`],
/// is what a killed server had begun nobody else's. In earnest that is a fifth of the first wait
/// before a gateway is asked, here it is longer than a cycle.
const GATEWAY_TIMEOUT_SECS: u64 = 1;
/// Rows of a page of the gateway's ledger.
const LEDGER_ROWS: usize = 5_000;
/// Most problems that are told.
const PROBLEMS_SHOWN: usize = 30;

/// Let payments go wrong in every way while servers are killed, and compare the books at the end.
#[derive(Debug, Clone, clap::Args)]
pub struct PaymentsChaosOptions {
    /// Orders that are to be paid
    #[arg(long, default_value = "2000")]
    pub payments: NonZeroU32,
    /// People who are at it at the same time
    #[arg(long, default_value = "128")]
    pub people: NonZeroUsize,
    /// Kills to survive at least
    #[arg(long, default_value = "3")]
    pub kills: u32,
    /// Servers on one database, which then has to be named
    #[arg(long, default_value = "1", requires_if("2", "database_url"))]
    pub processes: NonZeroUsize,
    /// What goes wrong at the gateway: `drop=0.02,late=0.01`
    #[arg(long, default_value = FAULTS)]
    pub faults: String,
    /// What every trial may be told.
    #[command(flatten)]
    pub trial: TrialOptions,
}

/// What the command has to say.
#[derive(Debug, Serialize)]
struct Summary {
    seed: u64,
    payments: u32,
    processes: usize,
    kills: u32,
    pauses: u32,
    placed: u64,
    requests: u64,
    people: BTreeMap<&'static str, u64>,
    faults: BTreeMap<String, u64>,
    gateway: BTreeMap<String, u64>,
    webhooks: Answers,
    totals: Totals,
    load_seconds: f64,
    settled_seconds: f64,
    settled_within_seconds: u64,
    requeued: u64,
    refunded_again: u64,
    differences: u64,
    verified: bool,
    problems: Vec<String>,
}

/// Runs the chaos. The exit code is 0 if the books say the same and every promise was kept, and 1
/// if not.
pub async fn run(options: PaymentsChaosOptions) -> Result<ExitCode> {
    let polls = format!("--payment-poll-secs={}", POLL_SECS.map(|secs| secs.to_string()).join(","));
    let timeout = format!("--gateway-timeout-secs={GATEWAY_TIMEOUT_SECS}");
    trial::run(&options.trial, &[&polls, &timeout], async |plan, seed| {
        chaos(&options, plan, seed).await
    })
    .await
}

async fn chaos(options: &PaymentsChaosOptions, plan: ServerPlan, seed: u64) -> Result<Summary> {
    let mut random = Random::seeded(seed);
    let payments = options.payments.get();
    let errands = plan::errands(payments, &mut random);
    let mut house = House::open(plan, options.processes.get(), &options.faults, seed).await?;
    let mut api = Api::new(&house.fleet.target().await?);
    for product in 0..=plan::PLENTIFUL {
        let (sku, units) = (plan::sku(product), plan::units(product, payments));
        api.create_product(&sku).await?;
        api.receive_stock(&[sku], units).await?;
    }
    let (ways, url) = (house.fleet.ways(), house.gateway.url().to_owned());
    let done = Notify::new();
    let (mut killer, started) = (random.fork(), Instant::now());
    let people = async {
        let people = options.people.get();
        let told = customer::run(errands, people, &ways, &url, &mut random).await;
        done.notify_one();
        told
    };
    let killing =
        house.fleet.kill_until(&done, (options.trial.kill_every, options.kills), &mut killer);
    let (told, killed) = tokio::join!(people, killing);
    killed?;
    let told = told?;
    let load_time = started.elapsed();
    note("the faults stop; waiting until everything is at rest");
    let lease = GATEWAY_TIMEOUT_SECS * u64::from(EFFECT_LEASE_TIMEOUTS);
    let within = Duration::from_secs(CYCLES_MAX * POLL_SECS.iter().sum::<u64>() + lease);
    let mut api = Api::new(&house.fleet.target().await?);
    let rest = settle::settle(&mut api, &mut house.gateway, within).await?;
    let run = Run { seed, load_time, within, told, rest };
    run.judge(options, house, api).await
}

/// What a run was like, until it is judged.
struct Run {
    seed: u64,
    load_time: Duration,
    within: Duration,
    told: Told,
    rest: Rest,
}

impl Run {
    async fn judge(
        self,
        options: &PaymentsChaosOptions,
        mut house: House,
        mut api: Api,
    ) -> Result<Summary> {
        let Self { seed, load_time, within, told, rest } = self;
        note("comparing the books");
        let state = house.gateway.state().await?;
        let webhooks = house.gateway.answers().await?;
        let books = read_books(&mut api, &mut house).await?;
        let mut problems = rest.problems;
        let found = books.differences();
        let differences = found.len() as u64;
        problems.extend(found.into_iter().take(PROBLEMS_SHOWN));
        problems.extend(check_orders(&books, &told));
        let reserved = books.reserved();
        for product in 0..=plan::PLENTIFUL {
            let sku = plan::sku(product);
            let units = plan::units(product, options.payments.get());
            let held = reserved.get(sku.as_str()).copied().unwrap_or_default();
            let stock = api.stock(&sku).await?;
            if (stock.on_hand, stock.reserved, stock.available) != (units, held, units - held) {
                problems.push(format!("{sku}: {stock:?}, and {held} of {units} were sold"));
            }
        }
        house.fleet.stop().await?;
        let verification = house.fleet.plan.verify().await?;
        if !verification.clean {
            problems.push(format!("verify: {}", verification.report));
        }
        let numbers = |of: &serde_json::Value| -> BTreeMap<String, u64> {
            serde_json::from_value(of.clone()).unwrap_or_default()
        };
        Ok(Summary {
            seed,
            payments: options.payments.get(),
            processes: options.processes.get(),
            kills: house.fleet.kills,
            pauses: house.fleet.pauses,
            placed: told.placed.len() as u64,
            requests: told.requests,
            people: told.counts,
            faults: numbers(&state["happened"]),
            gateway: numbers(&state["counts"]),
            webhooks,
            totals: books.totals(),
            load_seconds: load_time.as_secs_f64(),
            settled_seconds: rest.took.as_secs_f64(),
            settled_within_seconds: within.as_secs(),
            requeued: rest.requeued,
            refunded_again: rest.refunded_again,
            differences,
            verified: verification.clean,
            problems,
        })
    }
}

async fn read_books(api: &mut Api, house: &mut House) -> Result<Books> {
    let mut theirs: Vec<TheirOrder> = Vec::new();
    loop {
        let after = theirs.last().map(|order| format!("&after={}", order.id)).unwrap_or_default();
        let path = format!("/_control/ledger?limit={LEDGER_ROWS}{after}");
        let page = house.gateway.ask(&path).await?;
        let lines = page.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let before = theirs.len();
        for line in lines {
            theirs.push(serde_json::from_slice(line)?);
        }
        if theirs.len() == before {
            break;
        }
    }
    let orders = all(api, &format!("/v1/orders?limit={PAGE_ORDERS}")).await?;
    let ours = all(api, &format!("/v1/payments?limit={PAGE_ORDERS}")).await?;
    Ok(Books { orders, ours, theirs })
}

/// Every order that was acknowledged is there once, and no other.
fn check_orders(books: &Books, told: &Told) -> Vec<String> {
    let listed: BTreeSet<&str> = books.orders.iter().map(|order| order.id.as_str()).collect();
    let placed: BTreeSet<&str> = told.placed.iter().map(String::as_str).collect();
    let mut wrong = Vec::new();
    if placed.len() != told.placed.len() || listed.len() != books.orders.len() {
        wrong.push("an order is there twice".to_owned());
    }
    let differ = listed.symmetric_difference(&placed).take(PROBLEMS_SHOWN);
    wrong.extend(differ.map(|id| format!("{id} is either lost or was never acknowledged")));
    if books.ours.len() != books.orders.len() {
        let (payments, orders) = (books.ours.len(), books.orders.len());
        wrong.push(format!("{payments} payments of {orders} orders"));
    }
    wrong
}

impl trial::Summary for Summary {
    const PASSED: &'static str = "both books say the same";

    fn problems(&self) -> &[String] {
        &self.problems
    }

    fn print(&self) {
        let Self { seed, payments, processes, kills, pauses, placed, requests, .. } = self;
        let faults = format!("{kills} kills, {pauses} pauses");
        println!("{payments} payments, {processes} servers, {faults}, seed {seed}");
        let row = |name: &str, value: String| println!("  {name:17} {value}");
        let list = |counts: &BTreeMap<String, u64>| {
            let some = counts.iter().filter(|(_, count)| **count > 0);
            some.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        row("placed", format!("{placed} in {:.1} s, {requests} requests", self.load_seconds));
        let people = self.people.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        row("people", list(&people));
        row("faults", list(&self.faults));
        row("gateway", list(&self.gateway));
        let Answers { answers, p50_ms, p99_ms, most_ms } = self.webhooks;
        row(
            "webhooks",
            format!("{answers} in p50 {p50_ms:.1}, p99 {p99_ms:.1}, at most {most_ms:.0} ms"),
        );
        let Totals { payments, orders, voided, captured, refunded, refunds } = &self.totals;
        row("orders", list(orders));
        row("payments", list(payments));
        row("captured", captured.to_string());
        row("refunded", format!("{refunded} ({})", list(refunds)));
        row("voided", voided.to_string());
        let within = self.settled_within_seconds;
        row("settled in", format!("{:.1} s of {within} s", self.settled_seconds));
        let (requeued, again) = (self.requeued, self.refunded_again);
        row("by hand", format!("{requeued} requeued, {again} refunded again"));
        row("differences", self.differences.to_string());
        row("verify --full", if self.verified { "clean" } else { "NOT clean" }.to_owned());
    }
}
