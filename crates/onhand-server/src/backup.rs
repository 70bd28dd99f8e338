//! `onhand backup` and `onhand restore`: the embedded database as it is at one instant, proved, and
//! the way back. A server of PostgreSQL has its own ways, which its operators know.

#![expect(clippy::print_stdout, reason = "what was copied is the command's answer")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use onhand_engine::{Location, database, sqlite};
use tokio::task::spawn_blocking;

use crate::cli::print_report;
use crate::database::DatabaseOptions;

/// What to back up, and to where.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    /// The file to make. What is there already is not written over.
    #[arg(long)]
    to: PathBuf,
}

/// What to restore, and to where.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    /// The backup.
    #[arg(long)]
    from: PathBuf,
}

/// Copies the database beside its server and proves the copy. The exit code is 1 when it does not
/// keep a promise: then neither does the database.
pub(crate) async fn back_up(options: BackupOptions) -> anyhow::Result<ExitCode> {
    let file = file_of(&options.database)?;
    let to = options.to.clone();
    spawn_blocking(move || sqlite::back_up(&file, &to)).await?.context("nothing was backed up")?;
    proved(&options.to, "backed up to").await
}

/// Puts a backup where a database is to be, after it was proved.
pub(crate) async fn restore(options: RestoreOptions) -> anyhow::Result<ExitCode> {
    let file = file_of(&options.database)?;
    let RestoreOptions { from, .. } = options;
    if !from.is_file() {
        bail!("{} is no file", from.display());
    }
    // The log of another database would be taken for this one's.
    for end in ["", "-wal", "-shm"] {
        let mut there = file.clone().into_os_string();
        there.push(end);
        if Path::new(&there).exists() {
            let there = Path::new(&there).display();
            bail!("{there} is there: move it away, or name another place with --database-url");
        }
    }
    let report = database::verify(&Location::File(from.clone()), true).await?;
    if !report.storage_is_sound() || report.violations() > 0 {
        print_report(&report);
        bail!("{} is not sound, and was not restored", from.display());
    }
    let to = file.clone();
    spawn_blocking(move || sqlite::back_up(&from, &to)).await?.context("nothing was restored")?;
    proved(&file, "restored to").await
}

/// Where the embedded database is.
fn file_of(database: &DatabaseOptions) -> anyhow::Result<PathBuf> {
    match database.location()? {
        Location::File(file) => Ok(file),
        Location::Server(_) => bail!(
            "a PostgreSQL database is backed up by PostgreSQL: pg_basebackup, or pg_dump \
             (docs/postgresql.md)"
        ),
    }
}

async fn proved(file: &Path, done: &str) -> anyhow::Result<ExitCode> {
    let report = database::verify(&Location::File(file.to_owned()), true).await?;
    let bytes = std::fs::metadata(file)?.len();
    println!("{done} {}, {bytes} bytes", file.display());
    print_report(&report);
    let is_proved = report.storage_is_sound() && report.violations() == 0;
    Ok(if is_proved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
