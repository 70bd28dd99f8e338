//! `cargo xtask bench`: onhand on PostgreSQL against what one would write without it, on one
//! throwaway server in one run. Each round takes every load in turn, so that a machine that slows
//! down slows all of them; each figure is a ratio within a round and the median over the rounds.
//! The load generator is `onhand bench`; here is only what it cannot measure alone. Read on in
//! `round`.

pub(crate) mod child;
mod driver;
pub(crate) mod import;
mod machine;
mod pair;
mod postgres;
mod round;
mod table;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cargo;
use crate::services::Services;
use driver::Driver;
use postgres::Postgres;
use round::Scene;

/// The crates whose programs are measured.
const CRATES: &[&str] = &["onhand-server", "plain-server"];

/// What the user may choose.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each figure is the median over them.
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Length of each measurement in seconds.
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Make every flush of the database longer by this many microseconds, as a slower disk would.
    #[arg(long, default_value = "0", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    flush_micros: u32,
}

/// Measures everything and prints the tables. It is true however slow something is: what a figure
/// means on this machine at this hour is for people to judge.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool> {
    let programs = build(root)?;
    let services = Services::open(root)?;
    let postgres = Postgres::start(&services, options.flush_micros)?;
    println!("{}", postgres.describe());
    let driver = Driver::new(programs.join("onhand"), postgres.scripts(), options.seconds);
    let plain_server = programs.join("plain-server");
    let scene = Scene { driver, postgres, plain_server, seconds: options.seconds };
    let mut rounds = Vec::new();
    for index in 1..=options.rounds {
        println!("round {index} of {}", options.rounds);
        rounds.push(scene.round()?);
    }
    println!("\n{}; {}\n", machine::describe(), scene.postgres.describe());
    println!("{}", table::targets(&rounds));
    println!("{}", table::raw(&rounds));
    Ok(true)
}

/// Builds what is measured; the folder of the programs.
fn build(root: &Path) -> Result<PathBuf> {
    let mut command = cargo::command();
    command.args(["build", "--release"]).current_dir(root);
    for name in CRATES {
        command.args(["--package", name]);
    }
    // What cargo has told this program about itself: build scripts that look at it would run again,
    // and all that depends on them would be built anew.
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "what is to be measured cannot be built");
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    Ok(root.join(target).join("release"))
}
