//! Typed automation: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask services`, `cargo xtask
//! bench`. It runs tools and reads files; it is no part of the product and depends on none of its
//! crates, so that it builds in seconds.
#![expect(clippy::print_stdout, reason = "what it found is this program's output")]

mod bench;
mod cargo;
mod chaos;
mod services;
mod test;
mod tidy;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Automation of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs every check there is: format, lints, tidy, tests, also those that need a server.
    Test {
        /// Only the steps that have this in their name, like `packaging`.
        only: Option<String>,
    },
    /// Checks what the compiler does not: sizes, walls between crates, documents that name dead
    /// paths.
    Tidy,
    /// Starts throwaway servers for tests, says how to reach them, and stops them at the end of the
    /// input or on Ctrl-C.
    Services,
    /// Measures onhand on PostgreSQL against one transaction per order, on a throwaway server.
    Bench(bench::Options),
    /// Measures an import into the embedded store against the same rows written without the rules.
    BenchImport(bench::import::Options),
    /// Lets a hundred thousand payments go wrong while the server is killed, and compares books.
    PaymentsChaos(chaos::Options),
    /// Waits for the end of a run and stops what it started; runs start it themselves.
    #[command(hide = true)]
    Janitor {
        /// The process id of the run.
        run: u32,
    },
}

fn main() -> Result<ExitCode> {
    let root = root()?;
    let passed = match Cli::parse().task {
        Task::Test { only } => test::run(&root, only.as_deref().unwrap_or_default())?,
        Task::Tidy => tidy::run(&root)?,
        Task::Services => services::run(&root)?,
        Task::Bench(options) => bench::run(&root, &options)?,
        Task::BenchImport(options) => bench::import::run(&root, &options)?,
        Task::PaymentsChaos(options) => chaos::run(&root, &options)?,
        Task::Janitor { run } => services::janitor(run)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The repository: the folder above this crate's, wherever it lies now.
fn root() -> Result<PathBuf> {
    let crate_dir = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .context("start it with `cargo xtask`, which says where the repository is")?;
    let root = crate_dir.parent().context("xtask lies in the repository")?;
    Ok(root.to_path_buf())
}
