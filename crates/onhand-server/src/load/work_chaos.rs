//! `onhand work-chaos`: orders for customers with accounts, while the servers that take them up,
//! write mails and tell a receiver are killed without warning. In the end each order was taken up
//! once, each mail was written once, and the receiver has heard everything in its order. Then,
//! without kills, each queue works off a backlog alone, which is measured. Start with
//! `work_chaos/log.rs` (what must hold) or `work_chaos/drain.rs` (what is waited for).
#![expect(clippy::print_stdout, reason = "the summary is this command's output")]

mod drain;
mod letters;
mod log;
mod people;
mod rates;
mod receiver;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

use self::drain::{Queue, drain, look_at_jobs};
use self::letters::Letters;
use self::log::{Log, read_all};
use self::people::{People, Placed};
use self::rates::{Lag, Lags, Rate};
use self::receiver::Receiver;
use super::api::{Api, PAGE_ORDERS, describe};
use super::fleet::{Fleet, free_address};
use super::payments_chaos::settle::all;
use super::process::ServerPlan;
use super::progress::note;
use super::trial::{self, TrialOptions};
use crate::random::{Random, uuid_v7};

/// The events that are followed.
const PLACED: &str = "order.placed";
const PROCESSING: &str = "order.processing";
/// Receivers on this machine may be told.
const NEARBY: [&str; 3] = ["--webhook-allow-http", "--webhook-allow-private", "127.0.0.0/8"];
/// Most problems that are told.
const PROBLEMS_SHOWN: usize = 30;

/// Let orders be taken up, mailed and told while servers are killed, and see that it was done once.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkChaosOptions {
    /// Orders that are placed while servers are killed
    #[arg(long, default_value = "2000")]
    pub orders: NonZeroU32,
    /// Orders that each queue works off alone afterwards, to be measured; as many when absent
    #[arg(long)]
    pub backlog: Option<u32>,
    /// People who order at the same time: fewer than a crowd, for which the work would wait
    #[arg(long, default_value = "48")]
    pub people: NonZeroUsize,
    /// Kills to survive at least; none at all when 0
    #[arg(long, default_value = "3")]
    pub kills: u32,
    /// Servers on one database, which then has to be named
    #[arg(long, default_value = "1", requires_if("2", "database_url"))]
    pub processes: NonZeroUsize,
    /// What every trial may be told.
    #[command(flatten)]
    pub trial: TrialOptions,
}

/// How fast each queue works off its backlog, and how fast the log is read from its beginning.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Drained {
    processing: Rate,
    mail: Rate,
    webhook: Rate,
    feed: Rate,
}

/// What the command has to say.
#[derive(Debug, Default, Serialize)]
struct Summary {
    seed: u64,
    orders: usize,
    processes: usize,
    kills: u32,
    pauses: u32,
    requests: u64,
    placed: Rate,
    /// From the first order until nothing was left to do.
    flowed: Rate,
    lags: Lags,
    drained: Drained,
    mails: usize,
    mails_tried_again: usize,
    heard: usize,
    heard_again: u64,
    verified: bool,
    problems: Vec<String>,
}

/// Runs the chaos. The exit code is 0 if everything was done once, and 1 if not.
pub async fn run(options: WorkChaosOptions) -> Result<ExitCode> {
    trial::run(&options.trial, &NEARBY, async |plan, seed| {
        Chaos::new(plan, seed).run(&options).await
    })
    .await
}

/// A run, as far as it has come.
struct Chaos {
    plan: ServerPlan,
    random: Random,
    log: Log,
    /// Orders that were acknowledged.
    orders: Vec<String>,
    summary: Summary,
}

impl Chaos {
    fn new(plan: ServerPlan, seed: u64) -> Self {
        let summary = Summary { seed, ..Summary::default() };
        let (log, orders) = (Log::default(), Vec::new());
        Self { plan, random: Random::seeded(seed), log, orders, summary }
    }

    async fn run(mut self, options: &WorkChaosOptions) -> Result<Summary> {
        let receiver = Receiver::start().await?;
        let mut fleet = self.start(&["--mail", &self.folder()], options.processes.get()).await?;
        let mut api = Api::new(&fleet.target().await?);
        let people = People::come(&mut api, options.people.get()).await?;
        let endpoint = add_endpoint(&mut api, &receiver).await?;
        self.flow(options, &mut fleet, &people).await?;
        self.summary.lags = {
            let letters = Letters::read(&self.mails())?;
            Lags::of(&self.log.entries, &letters.times(), &receiver.heard().first)
        };
        // Its first connection may have ended with a server.
        api = Api::new(&fleet.target().await?);
        set(&mut api, &endpoint, "disabled").await?;
        fleet.stop().await?;
        let backlog = options.backlog.unwrap_or(options.orders.get());
        if backlog > 0 {
            self.work_off(backlog, &people, &endpoint).await?;
        }
        self.judge(&receiver).await
    }

    fn mails(&self) -> PathBuf {
        self.plan.dir().join("mail")
    }

    fn folder(&self) -> String {
        format!("folder:{}", self.mails().display())
    }

    async fn start(&self, arguments: &[&str], servers: usize) -> Result<Fleet> {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let plan = self.plan.clone().with(&arguments, &[]);
        let addresses = (0..servers).map(|_| free_address()).collect::<Result<Vec<_>>>()?;
        Fleet::start(plan, addresses).await
    }

    /// Orders are placed and flow, while servers are killed.
    async fn flow(
        &mut self,
        options: &WorkChaosOptions,
        fleet: &mut Fleet,
        people: &People,
    ) -> Result<()> {
        let (ways, done) = (fleet.ways(), Notify::new());
        let (mut killer, started) = (self.random.fork(), Instant::now());
        let placing = async {
            let placed = people.place(options.orders.get(), &ways, &mut self.random).await;
            done.notify_one();
            (placed, started.elapsed())
        };
        let killing = async {
            if options.kills == 0 {
                return Ok(());
            }
            fleet.kill_until(&done, (options.trial.kill_every, options.kills), &mut killer).await
        };
        let ((placed, placing_time), killed) = tokio::join!(placing, killing);
        killed?;
        let Placed { orders, requests } = placed?;
        note("waiting until nothing is left to do");
        let mut api = Api::new(&fleet.target().await?);
        let queues = [Queue::Processing, Queue::Mail, Queue::Webhook];
        let after = drain(&mut api, &mut self.log, &queues).await?;
        for (queue, time) in after {
            note(&format!("{queue:?}: nothing left after another {:.1} s", time.as_secs_f64()));
        }
        self.summary.flowed = Rate::of(orders.len(), started.elapsed());
        self.summary.placed = Rate::of(orders.len(), placing_time);
        (self.summary.kills, self.summary.pauses) = (fleet.kills, fleet.pauses);
        self.summary.requests = requests;
        self.summary.processes = options.processes.get();
        self.orders = orders;
        Ok(())
    }

    /// Orders are placed while nobody works; then one queue after the other works them off.
    async fn work_off(&mut self, backlog: u32, people: &People, endpoint: &str) -> Result<()> {
        note("one queue after the other");
        let mut fleet = self.start(&["--processing=off", "--mail=off"], 1).await?;
        let placed = people.place(backlog, &fleet.ways(), &mut self.random).await?;
        fleet.stop().await?;
        let orders = placed.orders.len();
        self.orders.extend(placed.orders);

        let (arguments, queue) = (["--processing=on", "--mail=off"], Queue::Processing);
        let time = self.drain_one(&arguments, queue, None).await?;
        self.summary.drained.processing = Rate::of(orders, time);
        let folder = format!("--mail={}", self.folder());
        let time = self.drain_one(&["--processing=off", &folder], Queue::Mail, None).await?;
        self.summary.drained.mail = Rate::of(orders * 2, time);
        let arguments = ["--processing=off", "--mail=off"];
        let time = self.drain_one(&arguments, Queue::Webhook, Some(endpoint)).await?;
        self.summary.drained.webhook = Rate::of(orders * 2, time);
        Ok(())
    }

    async fn drain_one(
        &mut self,
        arguments: &[&str],
        queue: Queue,
        endpoint: Option<&str>,
    ) -> Result<Duration> {
        let mut fleet = self.start(arguments, 1).await?;
        let mut api = Api::new(&fleet.target().await?);
        if let Some(endpoint) = endpoint {
            set(&mut api, endpoint, "enabled").await?;
        }
        let done = drain(&mut api, &mut self.log, &[queue]).await?;
        fleet.stop().await?;
        done.get(&queue).copied().context("a queue that was waited for is not done")
    }

    /// Everything that must hold in the end.
    async fn judge(mut self, receiver: &Receiver) -> Result<Summary> {
        note("looking at what was done");
        let mut fleet = self.start(&["--processing=off", "--mail=off"], 1).await?;
        let mut api = Api::new(&fleet.target().await?);
        self.log.catch_up(&mut api).await?;
        let (feed, gaps) = read_all(&mut api).await?;
        self.summary.drained.feed = feed;
        let letters = Letters::read(&self.mails())?;
        let (jobs, mails_tried_again) = look_at_jobs(&mut api).await?;
        let orders = check_orders(&mut api).await?;
        fleet.stop().await?;
        let verification = self.plan.verify().await?;
        let Self { log, orders: acknowledged, mut summary, .. } = self;
        let heard = receiver.heard();
        for problems in [
            gaps,
            log.problems(&acknowledged),
            orders,
            letters.problems(&log.entries),
            heard.problems(&log.entries),
            jobs,
        ] {
            let (count, shown) = (problems.len(), PROBLEMS_SHOWN);
            summary.problems.extend(problems.into_iter().take(shown));
            if count > shown {
                summary.problems.push(format!("and {} more", count - shown));
            }
        }
        if !verification.clean {
            summary.problems.push(format!("verify: {}", verification.report));
        }
        let (heard, heard_again) = (heard.first.len(), heard.again);
        let (orders, mails) = (acknowledged.len(), letters.count());
        let verified = verification.clean;
        Ok(Summary { orders, mails, mails_tried_again, heard, heard_again, verified, ..summary })
    }
}

/// The receiver's endpoint at onhand.
async fn add_endpoint(api: &mut Api, receiver: &Receiver) -> Result<String> {
    #[derive(Deserialize)]
    struct Endpoint {
        id: String,
    }
    let body =
        json!({"url": receiver.url, "event_types": ["order.*"], "secret": receiver.secret()});
    let reply = api.post("/v1/webhook-endpoints", uuid_v7(), body.to_string().into()).await?;
    if !reply.status.is_success() {
        bail!("the endpoint was not taken: {}", reply.status);
    }
    let endpoint: Endpoint = serde_json::from_slice(&reply.body)?;
    Ok(format!("/v1/webhook-endpoints/{}", endpoint.id))
}

async fn set(api: &mut Api, endpoint: &str, status: &str) -> Result<()> {
    let body = json!({ "status": status }).to_string();
    let reply = api.patch(endpoint, uuid_v7(), body.into()).await?;
    if !reply.status.is_success() {
        bail!("PATCH {endpoint}: {}", describe(&reply));
    }
    Ok(())
}

/// Orders that are not what they should be.
async fn check_orders(api: &mut Api) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Order {
        id: String,
        status: String,
    }
    let orders: Vec<Order> = all(api, &format!("/v1/orders?limit={PAGE_ORDERS}")).await?;
    let wrong = orders.iter().filter(|order| order.status != "processing");
    Ok(wrong.map(|order| format!("{} is {}", order.id, order.status)).collect())
}

impl trial::Summary for Summary {
    const PASSED: &'static str = "everything was done once";

    fn problems(&self) -> &[String] {
        &self.problems
    }

    fn print(&self) {
        let Self { seed, orders, processes, kills, pauses, requests, placed, .. } = self;
        let faults = format!("{kills} kills, {pauses} pauses");
        println!("{orders} orders, {processes} servers, {faults}, seed {seed}");
        let row = |name: &str, value: String| println!("  {name:17} {value}");
        let rate = |name: &str, rate: Rate| {
            let Rate { count, seconds, per_second } = rate;
            row(name, format!("{count} in {seconds:.1} s, {per_second:.0}/s"));
        };
        rate("placed", *placed);
        row("requests", requests.to_string());
        rate("flowed", self.flowed);
        let lag = |name: &str, Lag { p50_ms, p99_ms, most_ms }: Lag| {
            row(name, format!("p50 {p50_ms:.0}, p99 {p99_ms:.0}, at most {most_ms:.0} ms"));
        };
        lag("until taken up", self.lags.processing);
        lag("until mailed", self.lags.mail);
        lag("until heard of", self.lags.webhook);
        lag("until all is done", self.lags.whole);
        let Drained { processing, mail, webhook, feed } = self.drained;
        rate("taking up alone", processing);
        rate("mails alone", mail);
        rate("webhooks alone", webhook);
        rate("reading the feed", feed);
        row("mails", format!("{}, {} tried again", self.mails, self.mails_tried_again));
        row("heard", format!("{}, {} of them again", self.heard, self.heard_again));
        row("verify --full", if self.verified { "clean" } else { "NOT clean" }.to_owned());
    }
}
