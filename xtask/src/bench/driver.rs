//! The load generator, `onhand bench`: run with a server of its own or against a running one, and
//! its JSON read. It fails when the load generator says that a server lied.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::child::{Child, Door, Line};
use crate::services::process::tail;

/// What the load generator may take beside its measurements: products, counting, proofs.
const PREPARATIONS_MAX: Duration = Duration::from_secs(20 * 60);
/// Measurements in one run are at most so many.
const MEASUREMENTS_MAX: u32 = 10;
/// What it says when everything is prepared.
const MEASURING: &str = "measuring for ";
/// Its exit code when the server has not told the truth.
const DIFFERENT: i32 = 1;

/// Which products are bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Line 1 is always the same product.
    Hot,
    Spread,
}

impl Shape {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Spread => "spread",
        }
    }
}

/// Whether the load generator can check what it has sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checks {
    Pass,
    /// Others write to the same database: its counts must differ.
    Differ,
}

/// How to run the load generator.
#[derive(Debug)]
pub(super) struct Driver {
    program: PathBuf,
    folder: PathBuf,
    seconds: u32,
}

impl Driver {
    /// In `folder` it finds no configuration file.
    pub(super) fn new(program: PathBuf, folder: &Path, seconds: u32) -> Self {
        Self { program, folder: folder.to_owned(), seconds }
    }

    /// The same with measurements that take longer.
    pub(super) fn longer(&self, seconds: u32) -> Self {
        Self::new(self.program.clone(), &self.folder, self.seconds + seconds)
    }

    /// How long a measurement takes.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// A command of the program that is measured.
    pub(super) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(verb).current_dir(&self.folder);
        for variable in ["ONHAND_DATABASE_URL", "ONHAND_TOKEN", "ONHAND_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// Places orders on a running server; `begun` is told when the measurement begins.
    pub(super) fn place(
        &self,
        door: &Door,
        shape: Shape,
        connections: u32,
        checks: Checks,
        begun: impl FnMut(),
    ) -> Result<Report> {
        let mut command = self.bench(connections);
        command.args(["--url", &door.url, "--workload", shape.name()]);
        if let Some(token) = &door.token {
            command.env("ONHAND_TOKEN", token);
        }
        self.run(command, checks, begun)
    }

    /// One round of the suite, with a server of its own on this database.
    pub(super) fn suite(&self, database_url: &str, connections: u32) -> Result<Report> {
        let mut command = self.bench(connections);
        command.args(["--suite", "--rounds", "1", "--database-url", database_url]);
        self.run(command, Checks::Pass, || {})
    }

    fn bench(&self, connections: u32) -> Command {
        let mut command = self.command("bench");
        command.args(["--json", "--connections", &connections.to_string()]);
        command.args(["--seconds", &self.seconds.to_string()]);
        command
    }

    fn run(&self, command: Command, checks: Checks, mut begun: impl FnMut()) -> Result<Report> {
        let deadline = Instant::now() + PREPARATIONS_MAX + self.length() * MEASUREMENTS_MAX;
        let child = Child::start(command)?;
        let (mut answer, mut notes) = (String::new(), Vec::new());
        while let Some(line) = child.line(deadline)? {
            match line {
                Line::Answer(line) => answer.push_str(&line),
                Line::Note(line) => {
                    if line.starts_with(MEASURING) {
                        begun();
                    }
                    notes.push(line);
                }
            }
        }
        let status = child.status()?;
        let tolerated = checks == Checks::Differ && status.code() == Some(DIFFERENT);
        if !status.success() && !tolerated {
            let said = Report::differences(&answer).unwrap_or_else(|| tail(&notes.join("\n")));
            bail!("`onhand bench` failed ({status}): {said}");
        }
        Report::read(&answer)
    }
}

/// What the load generator has found.
#[derive(Debug)]
pub(super) struct Report(Value);

impl Report {
    /// A report in which every request was answered with success: a rate means nothing otherwise.
    fn read(text: &str) -> Result<Self> {
        let report = Self(serde_json::from_str(text).context("`onhand bench` gave no JSON")?);
        for load in report.loads() {
            let statuses = load["statuses"].as_str().unwrap_or_default();
            let all_good = statuses.split(", ").all(|status| status.starts_with('2'));
            ensure!(all_good, "{}: not all went well: {statuses}", load["what"]);
        }
        Ok(report)
    }

    /// What the load generator found to be wrong, if it got as far as looking.
    fn differences(text: &str) -> Option<String> {
        let report: Value = serde_json::from_str(text).ok()?;
        let differences = report["correctness"]["differences"].as_array()?;
        let lines: Vec<&str> = differences.iter().filter_map(Value::as_str).collect();
        Some(lines.join("; "))
    }

    fn loads(&self) -> impl Iterator<Item = &Value> {
        self.0["rounds"].as_array().into_iter().flatten()
    }

    /// A figure of one load: `per_second`, `p99_ms`.
    pub(super) fn load(&self, what: &str, figure: &str) -> Result<f64> {
        let load = self.loads().find(|load| load["what"] == what);
        let value = load.and_then(|load| load[figure].as_f64());
        value.with_context(|| format!("`onhand bench` says no `{figure}` of `{what}`"))
    }

    /// The rate of the only load of a run without a suite.
    pub(super) fn rate(&self, shape: Shape) -> Result<f64> {
        self.load(&format!("place order, {}", shape.name()), "per_second")
    }

    /// What is measured in a row of the suite's own table, which begins with a number.
    pub(super) fn measured(&self, number: &str) -> Option<f64> {
        let rows = self.0["targets"].as_array()?;
        let row = rows.iter().find(|row| row["number"] == number)?;
        row["measured"].as_str()?.split(' ').next()?.parse().ok()
    }

    /// Orders that were placed, warm-up included.
    pub(super) fn acknowledged(&self) -> Result<f64> {
        let count = self.0["correctness"]["acknowledged"].as_f64();
        count.context("`onhand bench` does not say how many orders were placed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "rounds": [{"what": "place order, hot", "per_second": 12.5, "statuses": "201: 9, 200: 1"}],
        "targets": [{"number": "T7", "measured": "3.03 %"}, {"number": "T9", "measured": "-"}],
        "correctness": {"acknowledged": 10}
    }"#;

    #[test]
    fn figures_are_found_by_name() {
        let report = Report::read(TEXT).unwrap();
        assert_eq!(report.rate(Shape::Hot).unwrap(), 12.5);
        assert_eq!(report.measured("T7"), Some(3.03));
        assert_eq!(report.measured("T9"), None);
        assert_eq!(report.acknowledged().unwrap(), 10.0);
        let missing = report.rate(Shape::Spread).unwrap_err();
        assert!(missing.to_string().contains("`place order, spread`"), "{missing}");
    }

    #[test]
    fn what_is_wrong_is_repeated() {
        let text = r#"{"correctness": {"differences": ["2 orders are listed", "verify: 1"]}}"#;
        let found = Report::differences(text);
        assert_eq!(found.as_deref(), Some("2 orders are listed; verify: 1"));
        assert_eq!(Report::differences("thread panicked"), None);
    }

    #[test]
    fn a_rate_with_failures_in_it_is_none() {
        for bad in ["201: 9, 503: 1", "none: 3", ""] {
            let error = Report::read(&TEXT.replace("201: 9, 200: 1", bad)).unwrap_err();
            assert!(error.to_string().contains("not all went well"), "{error}");
        }
    }
}
