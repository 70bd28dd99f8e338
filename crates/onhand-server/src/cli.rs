//! The command line. Exit codes: 0 done, 1 a promise is broken (`verify`, `torture`, `bench`), 2
//! wrong use or corrupt storage (`verify`), 3 it could not be run, 74 the outcome of a commit is
//! not known.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use onhand_engine::report::Report;
use onhand_engine::sqlite::{self, Database};

use crate::load::{bench, torture};
use crate::serve::{self, ServeOptions};

/// Orders and inventory that never sell what is not there.
#[derive(Debug, Parser)]
#[command(name = "onhand", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where everything is remembered.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// The database: `sqlite:` and a file.
    #[arg(long, env = "ONHAND_DATABASE_URL", default_value = "sqlite:onhand-data/onhand.db")]
    pub database_url: String,
}

impl DatabaseOptions {
    /// The file of an embedded database.
    ///
    /// # Errors
    /// When the URL names anything else.
    pub fn path(&self) -> anyhow::Result<PathBuf> {
        match self.database_url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            Some(_) | None => bail!(
                "`{}` is not a database: expected `sqlite:` and a file, like sqlite:onhand.db",
                self.database_url
            ),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API.
    Serve(ServeOptions),
    /// Bring the schema up to date, or show what is applied.
    Migrate {
        #[command(flatten)]
        database: DatabaseOptions,
        /// What to do.
        #[arg(default_value = "up")]
        action: MigrateAction,
    },
    /// Load the demo data.
    Seed {
        #[command(flatten)]
        database: DatabaseOptions,
    },
    /// Delete the whole database. For development.
    ClearData {
        #[command(flatten)]
        database: DatabaseOptions,
        /// Says that you mean it.
        #[arg(long)]
        yes: bool,
    },
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
    /// Race buyers for the last units against a server that is killed again and again, then verify.
    Torture(torture::TortureOptions),
    /// Measure orders per second over HTTP.
    Bench(bench::BenchOptions),
    /// Print the description of the API as OpenAPI 3.1.
    Openapi,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum MigrateAction {
    Up,
    Status,
}

/// Runs a command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("ONHAND_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(3)
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match command {
        Command::Serve(options) => runtime.block_on(serve::run(options)),
        Command::Migrate { database, action } => migrate(&database, action),
        Command::Seed { database } => runtime.block_on(serve::seed(&database)),
        Command::ClearData { database, yes } => clear_data(&database, yes),
        Command::Verify { database, quick, full: _, json } => verify(&database, !quick, json),
        Command::Torture(options) => runtime.block_on(torture::run(options)),
        Command::Bench(options) => runtime.block_on(bench::run(options)),
        Command::Openapi => {
            println!("{}", crate::http::openapi().to_pretty_json()?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn migrate(database: &DatabaseOptions, action: MigrateAction) -> anyhow::Result<ExitCode> {
    let path = database.path()?;
    if let MigrateAction::Up = action {
        drop(Database::open(&path)?);
    }
    for migration in sqlite::migration_status(&path)? {
        let state = if migration.is_applied { "applied" } else { "pending" };
        println!("{:04} {} {state}", migration.version, migration.name);
    }
    Ok(ExitCode::SUCCESS)
}

fn clear_data(database: &DatabaseOptions, yes: bool) -> anyhow::Result<ExitCode> {
    let path = database.path()?;
    if !yes {
        bail!("this deletes {} and all that is in it: say --yes", path.display());
    }
    if !path.exists() {
        println!("{} is not there", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    // Opening takes the lock: a database that is being served is not deleted.
    Database::open(&path)?.delete()?;
    println!("deleted {}", path.display());
    Ok(ExitCode::SUCCESS)
}

fn verify(database: &DatabaseOptions, is_full: bool, json: bool) -> anyhow::Result<ExitCode> {
    let report = sqlite::verify(&database.path()?, is_full)?;
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

fn print_report(report: &Report) {
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
