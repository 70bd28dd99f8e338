//! The command line. Exit codes: 0 done, 1 a promise is broken (`verify`, `rebuild`, `torture`,
//! `payments-chaos`, `work-chaos`, `bench`), a row was not taken over (`import`) or a broker cannot
//! be used (`queues check`), 2 wrong use or corrupt storage (`verify`), 3 it could not be run, 74
//! the outcome of a commit is not known, 78 the database, the network or a broker cannot be used
//! as it is configured.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use onhand_engine::database::{self, OpenError, Schema};
use onhand_engine::query::UserFilter;
use onhand_engine::report::{LevelDifference, LevelFigures, Rebuild, Report};
use onhand_engine::{Database, Location, migration};

use crate::accounts;
use crate::accounts::cli::{KeysAction, UsersAction};
use crate::accounts::options::AccountsError;
use crate::adapters::cache::options::CacheError;
use crate::adapters::gateways::simulated::command::{self as fake_gateway, FakeGatewayOptions};
use crate::adapters::queues::command::{self as queues, QueuesAction};
use crate::adapters::queues::options::QueuesError;
use crate::adapters::warehouse::options::WarehouseError;
use crate::backup::{self, BackupOptions, RestoreOptions};
use crate::config::{self, ConfigAction, Layers};
use crate::copy::{self, CopyOptions};
use crate::database::{DatabaseOptions, PasswordError};
use crate::demo;
use crate::edge::EdgeError;
use crate::environment;
use crate::exports::cli::{self as exports, ExportOptions};
use crate::health::{self, HealthOptions};
use crate::http::dialects::options::DialectsError;
use crate::imports::cli::{self as imports, ImportOptions};
use crate::load::{bench, payments_chaos, torture, work_chaos};
use crate::manual;
use crate::notifications;
use crate::notifications::cli::MailAction;
use crate::notifications::options::MailSetupError;
use crate::operator::jobs::JobsAction;
use crate::operator::warehouse::WarehouseAction;
use crate::operator::{self, EffectsAction, ReconcileOptions};
use crate::payments::options::PaymentsError;
use crate::serve::{self, DemoOptions, ServeOptions};
use crate::telemetry::{self, TelemetryError};

/// Orders and inventory that never sell what is not there.
#[derive(Debug, Parser)]
#[command(name = "onhand", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The file of settings; `onhand.toml` in this folder, if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "ONHAND_CONFIG")]
    config: Option<PathBuf>,
    /// What was found there and in `.env`.
    #[arg(skip)]
    layers: Layers,
}

impl Cli {
    /// The command line, and what the environment and the file of settings say where it says
    /// nothing. Ends the process with a word for whoever has written it where it cannot be read. To
    /// be called first: `.env` becomes part of the environment.
    pub fn read() -> Self {
        let layers = Layers::read(&Self::command()).unwrap_or_else(|error| error.exit());
        let command = layers.over(environment::with_aliases(Self::command()));
        let matches = command.get_matches();
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        Self { layers, ..cli }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API.
    Serve(Box<ServeOptions>),
    /// Do the work beside the requests, and answer nobody: for processes of their own.
    Work(Box<ServeOptions>),
    /// Bring the schema up to date, show what is applied, or begin a new step.
    Migrate {
        #[command(subcommand)]
        action: MigrateAction,
    },
    /// Load the demo data.
    Seed {
        #[command(flatten)]
        database: DatabaseOptions,
        #[command(flatten)]
        demo: DemoOptions,
    },
    /// Take over a file of products or stock, row by row; it can be gone on with.
    Import(ImportOptions),
    /// Write products, stock, orders or the ledger to a file.
    Export(ExportOptions),
    /// Copy an embedded database, which nobody serves, to an empty one on a PostgreSQL server.
    Copy(CopyOptions),
    /// Delete the whole database. For development.
    ClearData {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Says that you mean it.
        #[arg(long)]
        yes: bool,
        /// Refuse: a database that is in production is not deleted.
        #[arg(long, env = "ONHAND_PRODUCTION")]
        production: bool,
    },
    /// Copy the embedded database beside its server, as it is at one instant, and prove the copy.
    Backup(BackupOptions),
    /// Put a backup where a database is to be.
    Restore(RestoreOptions),
    /// Prove that the numbers are right; works beside a running server and changes nothing.
    Verify {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Constraints and counters only.
        #[arg(long, conflicts_with = "full")]
        quick: bool,
        /// Every formula (the default).
        #[arg(long)]
        full: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Recompute the levels of stock from the ledger and show where they differ; works beside a
    /// running server and changes nothing.
    Rebuild {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Only show. Nothing else can be asked for: a level that is not what the ledger says is
        /// damage, and is not written over.
        #[arg(long, required = true)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add, change and list users.
    Users {
        #[command(subcommand)]
        action: UsersAction,
    },
    /// Make, take back and list API keys.
    Keys {
        #[command(subcommand)]
        action: KeysAction,
    },
    /// Show where the books of orders and gateways differ, and what is done about it.
    Reconcile(ReconcileOptions),
    /// Look at what follows from the log: mails, deliveries, orders to take up; and at what is
    /// dead.
    Jobs {
        #[command(subcommand)]
        action: JobsAction,
    },
    /// List what is owed to gateways, and see to what is tried no more.
    Effects {
        #[command(subcommand)]
        action: EffectsAction,
    },
    /// Ask the external warehouse, and see to what differs.
    Warehouse {
        #[command(subcommand)]
        action: Box<WarehouseAction>,
    },
    /// Look at the mails that customers and operators get.
    Mail {
        #[command(subcommand)]
        action: MailAction,
    },
    /// See whether the brokers that keep the work, or are sent events, can be used.
    Queues {
        #[command(subcommand)]
        action: QueuesAction,
    },
    /// Race buyers for the last units against a server that is killed again and again, then verify.
    Torture(torture::TortureOptions),
    /// Let payments go wrong in every way while servers are killed, and compare the books.
    PaymentsChaos(payments_chaos::PaymentsChaosOptions),
    /// Let orders be taken up, mailed and told while servers are killed, and see it was done once.
    WorkChaos(work_chaos::WorkChaosOptions),
    /// Measure orders per second over HTTP.
    Bench(bench::BenchOptions),
    /// Stand in for Razorpay: its protocol, its messages and its faults, and no money.
    FakeGateway(FakeGatewayOptions),
    /// Print the description of the API as OpenAPI 3.1.
    Openapi,
    /// Look at the settings: a sample of their file, and what counts.
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Ask the server of this machine whether it is well: for what watches over containers.
    Health(HealthOptions),
    /// Print what a shell needs to complete commands and flags.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write the manual pages of all commands into a folder.
    Man {
        /// The folder, which is made where it is missing.
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum MigrateAction {
    /// Apply what is missing. Safe to run while orders flow and from several places at once.
    Up {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Only up to this version, on a PostgreSQL server.
        #[arg(long)]
        to: Option<i64>,
    },
    /// Show every step and whether the database has it.
    Status {
        #[command(flatten)]
        database: DatabaseOptions,
    },
    /// Write the files of a new step, one for each store. For developers of onhand.
    New {
        /// Like `product_labels`.
        name: String,
    },
}

/// Runs a command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody logs yet.
            let _ = writeln!(std::io::stderr(), "the system gives no threads: {error}");
            return ExitCode::from(3);
        }
    };
    // Only servers tell anybody else than their operator.
    let options = if let Command::Serve(options) | Command::Work(options) = &cli.command {
        Some(options.telemetry())
    } else {
        None
    };
    let telling = telemetry::begin(options, runtime.handle());
    let ended = telling.map_err(anyhow::Error::from).and_then(|_telling| {
        // What is left to tell is told at the end of this, while there is a runtime to tell it.
        dispatch(cli, &runtime)
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// `EX_CONFIG` for what cannot be used as it is configured, 3 for everything else.
fn exit_code(error: &anyhow::Error) -> u8 {
    let database = error.downcast_ref::<OpenError>();
    let is_configuration = database.is_some_and(OpenError::is_configuration)
        || error.is::<PasswordError>()
        || error.is::<EdgeError>()
        || error.is::<AccountsError>()
        || error.is::<PaymentsError>()
        || error.is::<MailSetupError>()
        || error.is::<QueuesError>()
        || error.is::<CacheError>()
        || error.is::<WarehouseError>()
        || error.is::<DialectsError>()
        || error.is::<TelemetryError>();
    if is_configuration { 78 } else { 3 }
}

fn dispatch(cli: Cli, runtime: &tokio::runtime::Runtime) -> anyhow::Result<ExitCode> {
    let Cli { command, layers, config: _ } = cli;
    match command {
        Command::Serve(options) => runtime.block_on(serve::run(*options)),
        Command::Work(options) => runtime.block_on(serve::run(options.as_worker())),
        Command::Migrate { action } => runtime.block_on(migrate(action)),
        Command::Seed { database, demo } => runtime.block_on(serve::seed(&database, demo)),
        Command::ClearData { database: _, yes: _, production: true } => {
            bail!("--production refuses to delete a database")
        }
        Command::ClearData { database, yes, production: false } => {
            runtime.block_on(clear_data(&database, yes))
        }
        Command::Verify { database, quick, full: _, json } => {
            runtime.block_on(verify(&database, !quick, json))
        }
        Command::Rebuild { database, dry_run: _, json } => {
            runtime.block_on(rebuild(&database, json))
        }
        Command::Torture(options) => runtime.block_on(torture::run(options)),
        Command::PaymentsChaos(options) => runtime.block_on(payments_chaos::run(options)),
        Command::WorkChaos(options) => runtime.block_on(work_chaos::run(options)),
        Command::Bench(options) => runtime.block_on(bench::run(options)),
        Command::Users { action } => runtime.block_on(accounts::cli::users(action)),
        Command::Keys { action } => runtime.block_on(accounts::cli::keys(action)),
        Command::Reconcile(options) => runtime.block_on(operator::reconcile(options)),
        Command::Jobs { action } => runtime.block_on(operator::jobs::jobs(action)),
        Command::Effects { action } => runtime.block_on(operator::effects(action)),
        Command::Warehouse { action } => runtime.block_on(operator::warehouse::warehouse(*action)),
        Command::Mail { action } => notifications::cli::mail(action),
        Command::Queues { action } => runtime.block_on(queues::run(action)),
        Command::FakeGateway(options) => runtime.block_on(fake_gateway::run(options)),
        Command::Import(options) => runtime.block_on(imports::run(options)),
        Command::Export(options) => runtime.block_on(exports::run(options)),
        Command::Copy(options) => runtime.block_on(copy::run(&options)),
        Command::Backup(options) => runtime.block_on(backup::back_up(options)),
        Command::Restore(options) => runtime.block_on(backup::restore(options)),
        Command::Openapi => {
            println!("{}", crate::http::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Config { action } => {
            runtime.block_on(config::run(action, Cli::command(), &layers))
        }
        Command::Health(options) => runtime.block_on(health::run(options)),
        Command::Completions { shell } => manual::completions(Cli::command(), shell),
        Command::Man { folder } => manual::pages(Cli::command(), &folder),
    }
}

async fn migrate(action: MigrateAction) -> anyhow::Result<ExitCode> {
    let database = match action {
        MigrateAction::Up { database, to } => {
            let schema = to.map_or(Schema::Migrate, Schema::MigrateTo);
            drop(Database::open(&database.location()?, schema).await?);
            database
        }
        MigrateAction::Status { database } => database,
        MigrateAction::New { name } => {
            for path in migration::write_twins(&std::env::current_dir()?, &name)? {
                println!("{}", path.display());
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    for migration in database::migrations(&database.location()?).await? {
        let state = match (migration.is_applied, migration.is_known) {
            (false, _) => "pending",
            (true, true) => "applied",
            (true, false) => "applied by a newer version",
        };
        println!("{:04} {} {state}", migration.version, migration.name);
    }
    Ok(ExitCode::SUCCESS)
}

async fn clear_data(database: &DatabaseOptions, yes: bool) -> anyhow::Result<ExitCode> {
    let shown = database.shown();
    if !yes {
        bail!("this deletes {shown} and all that is in it: say --yes");
    }
    let location = database.location()?;
    if let Location::File(path) = &location
        && !path.exists()
    {
        println!("{shown} is not there");
        return Ok(ExitCode::SUCCESS);
    }
    // A file that is being served is not deleted: opening it takes its lock.
    let database = Database::open(&location, Schema::Migrate).await?;
    let reader = database.reader()?;
    // A server in production refuses the demo's users: where they are nobody is in production, and
    // where others are and not they, somebody may be.
    let has_users = !reader.users(UserFilter::default(), None, 1).await?.rows.is_empty();
    if has_users && !demo::has_users(&reader).await? {
        bail!("{shown} has users, and none of the demo's: it may be in production");
    }
    drop(reader);
    database.delete().await?;
    println!("deleted {shown}");
    Ok(ExitCode::SUCCESS)
}

async fn verify(database: &DatabaseOptions, is_full: bool, json: bool) -> anyhow::Result<ExitCode> {
    let report = database::verify(&database.location()?, is_full).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_report(&report);
    }
    Ok(if !report.storage_is_sound() {
        ExitCode::from(2)
    } else if report.violations() > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn rebuild(database: &DatabaseOptions, json: bool) -> anyhow::Result<ExitCode> {
    let rebuilt = database::rebuild(&database.location()?).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rebuilt)?);
    } else {
        print_rebuilt(&rebuilt);
    }
    Ok(if rebuilt.differing > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_rebuilt(rebuilt: &Rebuild) {
    let Rebuild { levels, movements, differing, differences } = rebuilt;
    println!("{levels} levels, {movements} movements: {differing} levels differ");
    let shown = |figures: &Option<LevelFigures>| match figures {
        None => "nothing".to_owned(),
        Some(LevelFigures { on_hand, reserved, movements, .. }) => {
            format!("on hand {on_hand}, reserved {reserved}, {movements} movements")
        }
    };
    for LevelDifference { product_id, location_id, stored, ledger } in differences {
        let (stored, ledger) = (shown(stored), shown(ledger));
        println!("{product_id} at {location_id}: stored {stored}; ledger {ledger}");
    }
    let shown = i64::try_from(differences.len()).unwrap_or(i64::MAX);
    if *differing > shown {
        println!("and {} more", differing - shown);
    }
}

pub(crate) fn print_report(report: &Report) {
    println!("verify {}: up to event {}, chain {}", report.mode, report.last_event, report.chain);
    println!("{:5} {:>10} rows  storage: {}", "file", "-", report.storage);
    for check in &report.checks {
        let verdict = match check.violations {
            0 => "ok".to_owned(),
            violations => format!("{violations} VIOLATIONS"),
        };
        println!("{:5} {:>10} rows  {verdict}: {}", check.id, check.rows, check.promise);
        for violation in &check.offenders {
            println!("      {}", violation.offender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
