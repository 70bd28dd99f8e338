//! Typed automation: `cargo xtask test` and `cargo xtask tidy`. It runs tools and reads files; it
//! is no part of the product and depends on none of its crates, so that it builds in seconds.
#![expect(clippy::print_stdout, reason = "what it found is this program's output")]

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
    /// Runs every check there is: format, lints, tidy, tests.
    Test,
    /// Checks what the compiler does not: sizes, walls between crates, documents that name dead
    /// paths.
    Tidy,
}

fn main() -> Result<ExitCode> {
    let root = root()?;
    let passed = match Cli::parse().task {
        Task::Test => test::run(&root)?,
        Task::Tidy => tidy::run(&root)?,
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
