//! `onhand serve`: opens the database, starts committer, readers, sweeper and listener, and stops
//! them in the order in which nothing is lost.

#![expect(clippy::print_stdout, reason = "the addresses are the command's answer")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use onhand_core::accounts;
use onhand_core::payments::{Policy, Receipts};
use onhand_engine::committer::{Config, CrashPoint, Running, Submit};
use onhand_engine::database::{self, Leases, OpenError, Schema, StartError};
use onhand_engine::query::UserFilter;
use onhand_engine::{Clock, Database, Location, Reader, StoreError, SystemClock, sqlite};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::accounts::logins::Logins;
use crate::accounts::options::{AccountOptions, Accounts, AccountsError};
use crate::adapters::cache::kept::Kept;
use crate::adapters::cache::options::{CacheOptions, Plan};
use crate::adapters::gateways::simulated;
use crate::adapters::warehouse::options::WarehouseOptions;
use crate::adapters::webhooks::Webhooks;
use crate::adapters::webhooks::guard::Guard;
use crate::adapters::webhooks::send::Sender;
use crate::app::{App, Parts, Settings};
use crate::auth::secrets::Secret;
use crate::database::DatabaseOptions;
use crate::doors::{Doors, WORKING};
use crate::edge::{Edge, EdgeOptions};
use crate::http::dialects::Dialects;
use crate::http::dialects::options::DialectOptions;
use crate::http::gate::Needs;
use crate::http::tls::Renewal;
use crate::limits::TLS_RENEWAL_EVERY;
use crate::metrics::Metrics;
use crate::payments::gateways::Gateways;
use crate::payments::options::{PaymentOptions, demo_gateway};
use crate::request_log::RequestLogOptions;
use crate::telemetry::TelemetryOptions;
use crate::telemetry::trail::Trail;
use crate::workers::crew::Crew;
use crate::workers::options::{Role, WorkOptions};
use crate::workers::schedules::Asked;
use crate::workers::verify::state::Verification;
use crate::{demo, environment, http, metrics, workers};

/// The outcome of a commit is not known: `EX_IOERR`.
const EXIT_UNKNOWN: u8 = 74;

/// How to serve.
#[derive(Debug, clap::Args)]
pub struct ServeOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    edge: EdgeOptions,
    #[command(flatten)]
    accounts: AccountOptions,
    #[command(flatten)]
    payments: PaymentOptions,
    #[command(flatten)]
    work: WorkOptions,
    #[command(flatten)]
    cache: CacheOptions,
    #[command(flatten)]
    warehouse: WarehouseOptions,
    #[command(flatten)]
    dialects: DialectOptions,
    #[command(flatten)]
    request_log: RequestLogOptions,
    #[command(flatten)]
    telemetry: TelemetryOptions,
    /// What this process does: everything, only the answers, or only the work beside them.
    #[arg(long, help_heading = "Process", env = "ONHAND_ROLE", value_enum, default_value_t)]
    role: Role,
    /// A standby that answers lists, as far as it has come: postgresql://user@host/name.
    #[arg(long, help_heading = "Process", env = "ONHAND_REPLICA_URL", hide_env_values = true)]
    replica_url: Option<String>,
    /// Bring the schema of a PostgreSQL database up to date first. An embedded one always is.
    #[arg(long, help_heading = "Process", env = "ONHAND_MIGRATE")]
    migrate: bool,
    /// Load the demo data first.
    #[arg(long, help_heading = "Demo")]
    demo: bool,
    #[command(flatten)]
    demo_orders: DemoOptions,
    /// Serve the routes that measure the server's own limit.
    #[arg(long, hide = true)]
    bench_routes: bool,
    /// Die at a point of a batch: `begun:7`. For crash tests.
    #[arg(long, hide = true)]
    crash_at: Option<String>,
}

/// What the demo data has.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DemoOptions {
    /// Whether the demo's customer has ordered something.
    #[arg(long, help_heading = "Demo", env = "ONHAND_DEMO_ORDERS", value_name = "BOOL",
        default_value_t = true, action = clap::ArgAction::Set)]
    demo_orders: bool,
}

impl DemoOptions {
    async fn load(self, submit: &Submit) -> anyhow::Result<()> {
        if self.demo_orders {
            demo::load_with_orders(submit).await
        } else {
            demo::load(submit).await
        }
    }
}

impl ServeOptions {
    /// Whom it tells of its errors.
    pub fn telemetry(&self) -> &TelemetryOptions {
        &self.telemetry
    }

    /// The same for a process that only works.
    #[must_use]
    pub fn as_worker(self) -> Self {
        Self { role: Role::Worker, ..self }
    }

    pub(crate) fn parts(&self) -> ServeParts<'_> {
        let Self { database, edge, accounts, payments, work, cache, warehouse, dialects, .. } =
            self;
        let is_demo = self.demo;
        ServeParts { database, edge, accounts, payments, work, cache, warehouse, dialects, is_demo }
    }
}

/// What can be looked at before anything is opened.
#[derive(Debug)]
pub(crate) struct ServeParts<'a> {
    pub(crate) database: &'a DatabaseOptions,
    pub(crate) edge: &'a EdgeOptions,
    pub(crate) accounts: &'a AccountOptions,
    pub(crate) payments: &'a PaymentOptions,
    pub(crate) work: &'a WorkOptions,
    pub(crate) cache: &'a CacheOptions,
    pub(crate) warehouse: &'a WarehouseOptions,
    pub(crate) dialects: &'a DialectOptions,
    pub(crate) is_demo: bool,
}

/// An opened engine.
struct Engine {
    /// Lives as long as the server does: of a file it has the lock.
    database: Database,
    submit: Submit,
    reader: Reader,
    running: Running,
    ended: oneshot::Receiver<()>,
}

/// How an engine is opened.
struct Opening<'a> {
    schema: Schema,
    replica: Option<&'a str>,
    crash: Option<(CrashPoint, u64)>,
    policy: Arc<Policy>,
    /// How long a call to a gateway may take, where leases of a dead process are ended.
    call: Option<Duration>,
}

async fn open(options: &DatabaseOptions, opening: Opening<'_>) -> anyhow::Result<Engine> {
    let Opening { schema, replica, crash, policy, call } = opening;
    let location = options.location()?;
    if let (Location::File(_), Some(_)) = (&location, replica) {
        // Said before a file is made.
        return Err(OpenError::Replica.into());
    }
    let mut database = Database::open(&location, schema).await?;
    if let Some(url) = replica {
        database.read_lists_from(url)?;
    }
    if let Some(call) = call {
        let leases = database.end_leases(SystemClock.now(), call)?;
        if leases > 0 {
            tracing::info!(leases, "the process before has not ended: its leases are");
        }
    }
    let reader = database.reader()?;
    let config = Config { clock: Arc::new(SystemClock), crash, policy };
    let started = database.start(config);
    let (submit, running, ended) = started.map_err(|error| match error {
        StartError::Open(error) => anyhow::Error::from(error),
        StartError::System(error) => anyhow::Error::from(error).context("starting the committer"),
    })?;
    Ok(Engine { database, submit, reader, running, ended })
}

async fn open_to_serve(options: &ServeOptions) -> anyhow::Result<Engine> {
    let crash = options.crash_at.as_deref().map(crash_point).transpose()?;
    let schema = if options.migrate { Schema::Migrate } else { Schema::MigrateIfAlone };
    let (replica, policy) = (options.replica_url.as_deref(), options.payments.policy());
    let call = Some(options.payments.timeout());
    open(&options.database, Opening { schema, replica, crash, policy, call }).await
}

fn crash_point(text: &str) -> anyhow::Result<(CrashPoint, u64)> {
    let (name, batch) = text.split_once(':').context("expected a point and a batch: `begun:7`")?;
    let point = CrashPoint::ALL.iter().find(|(known, _)| *known == name);
    let Some((_, point)) = point else { bail!("`{name}` is not a crash point") };
    Ok((*point, batch.parse()?))
}

/// Serves until the process is told to stop.
///
/// # Errors
/// In words for the operator, when the server cannot start.
pub async fn run(options: ServeOptions) -> anyhow::Result<ExitCode> {
    let dialects = options.dialects.read(options.edge.listen, options.demo)?;
    let alone = dialects.alone().map(|(_, address)| address);
    environment::report();
    let mut edge = options.edge.clone().read(alone)?;
    if options.demo && options.accounts.is_production() {
        return Err(AccountsError::Demo("").into());
    }
    // Before anything is opened: what cannot work is said at once.
    let means = options.work.means().await?;
    let warehouse = options.warehouse.plan()?;
    let cache = options.cache.plan(&options.database.location()?)?;
    let engine = open_to_serve(&options).await?;
    let accounts = options.accounts.build(&options.database.location()?)?;
    let kept = furnish(&engine, options.demo.then_some(options.demo_orders), cache).await?;
    let doors = doors(options.role, &edge, &dialects).await?;
    let Engine { database, submit, reader, running, ended } = engine;
    let leases = Arc::new(database.leases());
    let prover = database::prover(&options.database.location()?)?;
    let stop = stop(ended).context("listening for signals")?;
    let renewal = renew(edge.renewal.take()).context("listening for signals")?;
    let settings = settings(&options, dialects, &edge);
    let Accounts { identities, logins, limiter, secrets } = accounts;
    if options.accounts.is_production() && demo::has_users(&reader).await? {
        return Err(AccountsError::Demo(": disable those of `onhand users list`").into());
    }
    let public = doors.as_ref().map(|doors| doors.announce(edge.admin)).transpose()?.flatten();
    let TakingPayments { gateways, simulated } = taking_payments(&options, public, &reader).await?;
    let webhooks = webhooks(&options.work, &secrets)?;
    greet(&reader, &logins, &options).await?;
    let needs = http::needs()?;
    let metrics = metrics(&options, &needs)?;
    let app = App::new(Parts {
        submit,
        reader,
        kept,
        clock: Arc::new(SystemClock),
        identities,
        logins,
        limiter,
        needs,
        gateways: Arc::new(gateways),
        owed: Arc::default(),
        webhooks,
        warehouse,
        warehouse_asked: Arc::default(),
        trail: Trail::default(),
        verify: Verification::new(options.work.verify.is_on()),
        verify_asked: Arc::default(),
        schedules: Asked::default(),
        metrics: metrics.clone(),
        settings,
    });
    let (timing, work) = (options.payments.timing(), &options.work);
    let works = options.role != Role::Api;
    let crew = works.then(|| Crew::start(&app, (leases.clone(), prover), timing, means, work));
    let noting = tokio::spawn(workers::key_uses::run(app.clone()));
    let watching = metrics::start(&app);
    answer(doors, app, stop).await;
    if let Some(crew) = crew {
        crew.stop().await;
    }
    end([Some(noting), renewal, simulated].into_iter().flatten().chain(watching)).await;
    leases.release().await;
    if let Some(log) = &metrics.log {
        log.finish();
    }
    // Every way to the committer is gone: it finishes what is queued and ends.
    finish(running).await
}

/// The sockets on which this process answers. Who only works answers nobody but operators.
async fn doors(role: Role, edge: &Edge, dialects: &Dialects) -> anyhow::Result<Option<Doors>> {
    match role {
        Role::All | Role::Api => Ok(Some(Doors::open(edge, dialects).await?)),
        Role::Worker => Doors::for_operators(edge).await,
    }
}

fn settings(options: &ServeOptions, dialects: Dialects, edge: &Edge) -> Settings {
    Settings {
        has_bench_routes: options.bench_routes,
        dialects,
        trusts_here: !options.accounts.is_production(),
        ..edge.settings()
    }
}

/// What is counted, and where requests are written down.
fn metrics(options: &ServeOptions, needs: &Needs) -> anyhow::Result<Arc<Metrics>> {
    let log = options.request_log.start().context("the request log")?;
    Ok(Arc::new(Metrics::new(needs, log)))
}

/// Ends what goes on by itself and owes nobody anything.
async fn end(tasks: impl Iterator<Item = JoinHandle<()>>) {
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
}

/// Answers whoever asks, if anybody may, until it is to stop.
async fn answer(doors: Option<Doors>, app: App, stop: impl Future<Output = ()>) {
    match doors {
        Some(doors) => doors.serve(app, stop).await,
        None => {
            drop(app);
            println!("{WORKING}");
            stop.await;
        }
    }
}

/// Sees that what must be there is there, before anybody hands something in: all that changes from
/// then on is told to the cache, if there is one.
async fn furnish(
    engine: &Engine,
    demo: Option<DemoOptions>,
    cache: Option<Plan>,
) -> anyhow::Result<Option<Arc<Kept>>> {
    demo::ensure_location(&engine.submit).await?;
    if let Some(demo) = demo {
        demo.load(&engine.submit).await?;
    }
    match cache {
        Some(plan) => Ok(Some(plan.begin(&engine.submit, &engine.reader).await?)),
        None => Ok(None),
    }
}

/// What is needed to tell endpoints something.
fn webhooks(options: &WorkOptions, secrets: &[Secret]) -> anyhow::Result<Webhooks> {
    let guard = Guard::new(options.webhooks.allowances());
    let sender = Sender::new(guard.clone()).context("webhooks cannot be sent")?;
    Ok(Webhooks::new(guard, sender, secrets))
}

/// Who takes the money, and what of that lives in this process.
struct TakingPayments {
    gateways: Gateways,
    simulated: Option<JoinHandle<()>>,
}

/// The gateways that are configured; in the demo, where none is, one that is simulated, asked over
/// its real protocol at an address of this machine.
async fn taking_payments(
    options: &ServeOptions,
    public: Option<SocketAddr>,
    reader: &Reader,
) -> anyhow::Result<TakingPayments> {
    let receipts = receipts(reader).await?;
    let Some(public) = public.filter(|_| options.demo && !options.payments.is_configured()) else {
        let gateways = options.payments.gateways(options.accounts.is_production(), &receipts)?;
        return Ok(TakingPayments { gateways, simulated: None });
    };
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let socket = socket.context("listening for the simulated gateway")?;
    let at = socket.local_addr()?;
    let config =
        demo_gateway(format!("http://{}/v1/payments/webhooks/razorpay", reachable(&public)));
    println!("  fake gateway     http://{at}");
    let simulated = tokio::spawn(async move {
        if let Err(error) = simulated::serve(config, socket, std::future::pending()).await {
            tracing::error!(%error, "the simulated gateway cannot work");
        }
    });
    let gateways = options.payments.simulated(at, receipts)?;
    Ok(TakingPayments { gateways, simulated: Some(simulated) })
}

/// By what gateways know what is this installation's.
///
/// # Errors
/// When the database cannot be read, or is empty.
pub async fn receipts(reader: &Reader) -> anyhow::Result<Receipts> {
    let first = reader.first_commit().await?;
    Ok(Receipts::of(&first.context("nothing was ever written to this database")?))
}

/// An address by which this process reaches itself.
pub(crate) fn reachable(address: &SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if !ip.is_unspecified() => *address,
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
    }
}

/// Says how somebody gets in.
async fn greet(reader: &Reader, logins: &Logins, options: &ServeOptions) -> anyhow::Result<()> {
    println!("  database         {}", options.database.shown());
    if options.demo {
        for (email, password, role) in demo::USERS {
            println!("  demo login       {email} / {password} ({})", role.as_str());
        }
    }
    let admins =
        UserFilter { role: Some(accounts::Role::Admin), disabled: Some(false), email_prefix: None };
    if reader.users(admins, None, 1).await?.rows.is_empty() {
        let code = logins.first_admin_code()?;
        println!("  no admin yet     POST /v1/auth/first-admin with the code {}", code.as_str());
    }
    Ok(())
}

/// Opens the database beside a server, or alone, for one piece of work.
///
/// # Errors
/// In words for the operator; an embedded database that is being served is not to be had.
pub async fn beside(
    options: &DatabaseOptions,
    policy: Arc<Policy>,
    work: impl AsyncFnOnce(&Submit, &Reader) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    beside_with_leases(options, policy, async |submit, reader, _| work(submit, reader).await).await
}

/// The same, for work that only one process may do at a time.
///
/// # Errors
/// As [`beside`].
pub async fn beside_with_leases(
    options: &DatabaseOptions,
    policy: Arc<Policy>,
    work: impl AsyncFnOnce(&Submit, &Reader, Arc<Leases>) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let schema = Schema::MigrateIfAlone;
    let opening = Opening { schema, replica: None, crash: None, policy, call: None };
    let Engine { database, submit, reader, running, ended: _ } = open(options, opening).await?;
    let leases = Arc::new(database.leases());
    let worked = work(&submit, &reader, leases.clone()).await;
    leases.release().await;
    drop((submit, reader));
    let code = finish(running).await?;
    worked?;
    Ok(code)
}

/// The same error; where a server has the database to itself, behind what to do instead.
pub fn advise(error: anyhow::Error, advice: &'static str) -> anyhow::Error {
    let is_in_use =
        |error: &OpenError| matches!(error, OpenError::Sqlite(sqlite::OpenError::InUse { .. }));
    let is_served = error.downcast_ref::<OpenError>().is_some_and(is_in_use);
    if is_served { error.context(advice) } else { error }
}

async fn finish(running: Running) -> anyhow::Result<ExitCode> {
    let result = tokio::task::spawn_blocking(move || running.join()).await?;
    match result {
        Ok(Ok(())) => Ok(ExitCode::SUCCESS),
        Ok(Err(error @ StoreError::Unknown { .. })) => {
            tracing::error!(%error, "stopped: start again, and the keys will tell what was done");
            Ok(ExitCode::from(EXIT_UNKNOWN))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => bail!("the committer panicked"),
    }
}

/// Renews the certificate from now on. Without one a hangup ends the process, as it always does.
fn renew(renewal: Option<Renewal>) -> std::io::Result<Option<JoinHandle<()>>> {
    let Some(renewal) = renewal else { return Ok(None) };
    let hangup = signal(SignalKind::hangup())?;
    Ok(Some(tokio::spawn(renewal.run(hangup, TLS_RENEWAL_EVERY))))
}

/// Completes when the process is told to stop, or when the committer has ended by itself. Signals
/// are caught from the call on, not only once the answer is awaited.
fn stop(committer_ended: oneshot::Receiver<()>) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("stopping"),
            _ = terminate.recv() => tracing::info!("stopping"),
            _ = committer_ended => tracing::error!("the committer has ended"),
        }
    })
}

/// `onhand seed`: loads the demo data.
///
/// # Errors
/// In words for the operator.
pub async fn seed(options: &DatabaseOptions, demo: DemoOptions) -> anyhow::Result<ExitCode> {
    let code = beside(options, Arc::default(), async |submit, _| demo.load(submit).await).await?;
    println!("demo data loaded into {}", options.shown());
    Ok(code)
}
