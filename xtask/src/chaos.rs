//! `cargo xtask payments-chaos`: the long run of `onhand payments-chaos`, with the program as it is
//! shipped to users. A shorter one is a step of `cargo xtask test`.

use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo;

/// What the user may choose.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Orders that are to be paid.
    #[arg(long, default_value = "100000",
        value_parser = clap::value_parser!(u32).range(1..=200_000))]
    payments: u32,
    /// Everything else is for `onhand payments-chaos`: behind `--`.
    #[arg(last = true)]
    more: Vec<String>,
}

/// False when a promise was broken.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    let mut command = cargo::command();
    command.args(["run", "--release", "--package", "onhand-server", "--", "payments-chaos"]);
    command.args(["--payments", &options.payments.to_string(), "--people", "256"]);
    command.args(&options.more).current_dir(root);
    Ok(command.status().context("cannot start cargo")?.success())
}
