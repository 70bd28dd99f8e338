//! `onhand copy`: moves a shop from its file to a server, and proves that everything arrived.

#![expect(clippy::print_stdout, reason = "what was copied is the command's answer")]

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use onhand_engine::{Location, copy, database};

use crate::cli::print_report;
use crate::database::location;

/// Where from and where to.
#[derive(Debug, clap::Args)]
pub struct CopyOptions {
    /// The embedded database: `sqlite:` and a file. Stop its server first; it stays as it is.
    #[arg(long)]
    from: String,
    /// The database on a server: postgresql://user@host:port/name. It must be empty.
    #[arg(long, env = "ONHAND_COPY_TO", hide_env_values = true)]
    to: String,
}

/// Copies, compares and proves. The exit code is 1 when the copy does not keep a promise.
pub(crate) async fn run(options: &CopyOptions) -> anyhow::Result<ExitCode> {
    let (from, to) = (Location::parse(&options.from)?, location(&options.to)?);
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(
        "{msg:18} {bar:40} {human_pos}/{human_len} rows, {eta} left",
    )?);
    let copied = copy::copy(&from, &to, |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(progress.table);
    });
    let copied = copied.await;
    bar.finish_and_clear();
    let copied = copied?;
    println!("copied {} rows, read back and compared", copied.rows);
    println!("checksum {}", copied.checksum);
    println!("chain    {}", copied.chain);
    let report = database::verify(&to, true).await?;
    print_report(&report);
    let is_proved = report.violations() == 0 && report.chain == copied.chain;
    Ok(if is_proved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
