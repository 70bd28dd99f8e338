//! The frame of the commands that try what the server promises while it is killed: a fresh
//! database, a seed by which a run can be repeated, the data kept when a promise was broken, and
//! one way to tell what came of it. What is tried is in `torture.rs`, `payments_chaos.rs` and
//! `work_chaos.rs`.
#![expect(clippy::print_stdout, reason = "the summary is the commands' output")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use super::process::ServerPlan;
use super::progress::note;
use super::stage::directory;
use crate::random::fresh_seed;

/// What every trial may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct TrialOptions {
    /// Mean time between two kills, like `2s` or `500ms`
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub kill_every: Duration,
    /// Repeat the choices of an earlier run
    #[arg(long)]
    pub seed: Option<u64>,
    /// Directory of the servers' data: must be empty, and is kept
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// Database of the servers, which must be empty; an embedded one in the directory otherwise
    #[arg(long)]
    pub database_url: Option<String>,
    /// A further argument for the servers; may be repeated
    #[arg(long = "serve-arg", allow_hyphen_values = true)]
    pub serve_args: Vec<String>,
    /// Print the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What came of a trial. It is serialised for `--json`.
pub(super) trait Summary: Serialize {
    /// What is said when there are no problems.
    const PASSED: &'static str;

    /// Promises that were broken; none where the trial was passed.
    fn problems(&self) -> &[String];

    /// Prints what happened, but for the problems.
    fn print(&self);
}

/// Tries on servers that get `arguments` besides those that were asked for. The exit code is 0 if
/// every promise was kept, and 1 if not.
pub(super) async fn run<S: Summary>(
    options: &TrialOptions,
    arguments: &[&str],
    attempt: impl AsyncFnOnce(ServerPlan, u64) -> Result<S>,
) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let (dir, temp) = directory(options.dir.clone())?;
    if dir.join("onhand.db").exists() {
        bail!("{} holds a database already; a trial needs a fresh one", dir.display());
    }
    let mut arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    arguments.extend(options.serve_args.clone());
    let plan = ServerPlan::new(&dir, options.database_url.as_deref(), &arguments)?;
    note(&format!("seed {seed}, data in {}", dir.display()));
    let summary = attempt(plan, seed).await;
    let is_passed = summary.as_ref().is_ok_and(|summary| summary.problems().is_empty());
    if !is_passed {
        let kept = temp.map_or(dir, tempfile::TempDir::keep);
        note(&format!("the data and server.log are kept in {}", kept.display()));
    }
    let summary = summary.map_err(|error| error.context(format!("seed {seed}")))?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        summary.print();
        for problem in summary.problems() {
            println!("WRONG: {problem}");
        }
        println!("{}", if is_passed { S::PASSED } else { "FAILED" });
    }
    Ok(if is_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads `2s`, `500ms` or `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    parsed.try_into().map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("soon").is_err());
    }
}
