//! `cargo xtask test`: every check in a fixed order, and at the end what ran, what did not and why.
//! It decides nothing about the checks themselves; those are other tools' work and `tidy`'s. What
//! they need beyond a compiler, `services` provides.

mod browser;
mod packaging;
mod program;
mod promises;
mod report;
mod tools;

use std::any::Any;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cargo;
use crate::services::{self, Environment, Installation, Services};
use crate::tidy;
use report::{Outcome, Outcomes};
use tools::{CARGO_DENY, CLIPPY, RUSTFMT, Tool};

/// What a step cannot do without.
enum Need {
    Nothing,
    Tool(&'static str),
    /// A server. The step runs once with every version there is.
    Postgres,
    /// What this starts or finds.
    Service(fn(&Services) -> Result<(Running, Environment)>),
    /// A browser, which the step starts itself.
    Browser,
}

/// What a step does.
enum Work {
    Tidy,
    Cargo(&'static [&'static str]),
    /// Tests of what has been built for all steps.
    Tests(&'static [&'static str]),
    /// The server's program, with arguments that several steps share and with others.
    Onhand(&'static [&'static str], &'static [&'static str]),
    /// Among the migrations, where its configuration is.
    Squawk(&'static [&'static str]),
    /// A running server and its description.
    Promises,
    /// Files for those who run the server.
    Packaging(packaging::Checks),
    /// A running server and its pages.
    Pages,
}

struct Step {
    name: &'static str,
    needs: Need,
    work: Work,
}

const MIGRATIONS: &str = "crates/onhand-engine/migrations/postgres";

/// Everything that can be built at all.
const FEATURES: &str = "onhand-engine/services,onhand-server/services,onhand-server/aws,\
    onhand-server/nats,onhand-server/redis,onhand-server/otel,onhand-server/sentry";

/// Our code as it is built by default, with the libraries of everything: another choice of those
/// would build most of them again. Whether it can do without them, clippy has found out before.
const DEFAULT: &str = "onhand-engine/services,onhand-server/services,onhand-server/libraries";

/// The tests: behind it the targets, and what is told to them. Every step has the same packages and
/// features, so that they are built once: another choice of either builds the server again, and the
/// libraries of which it then asks less. A target that fails does not keep the others from running.
const TESTS: [&str; 5] = ["test", "--workspace", "--no-fail-fast", "--features", FEATURES];

/// The tests that need nothing but this machine. What needs a service has a step with that service.
const TESTS_ALONE: [&str; 14] = [
    "--lib",
    "--bins",
    "--test=worlds",
    "--test=store",
    "--test=dialects",
    "--test=gateways",
    "--test=http",
    "--test=process",
    "--test=telemetry",
    "--test=warehouse",
    "--test=webhooks",
    "--",
    // It needs a reference, with which it has a step of its own.
    "--skip",
    "reference::the_reference_believes_us_and_nobody_else",
];

/// The tests that need a server. For two thirds of the time they wait for its disk and its locks.
const TESTS_ON_POSTGRES: [&str; 3] = ["--test=postgres", "--", "--test-threads=4"];

/// Stands for the URL of the server that a step is given.
const POSTGRES: &str = "POSTGRES";

/// The torture, which ends in seconds.
const TORTURE: [&str; 7] = ["torture", "--stock", "100", "--buyers", "400", "--kill-every", "1s"];

/// The chaos of payments, which ends in half a minute; `cargo xtask payments-chaos` is longer.
const PAYMENTS_CHAOS: [&str; 8] = [
    "payments-chaos",
    "--payments",
    "1000",
    "--people",
    "64",
    "--kills",
    "3",
    "--kill-every=1500ms",
];

/// The chaos of the work beside the requests, which ends in less than a minute: for half of it,
/// what a killed server had begun is nobody else's yet.
const WORK_CHAOS: [&str; 7] =
    ["work-chaos", "--orders", "1000", "--backlog", "200", "--kills=3", "--kill-every=1500ms"];

/// On the server that a step is given.
const ON_POSTGRES: [&str; 2] = ["--database-url", POSTGRES];

/// Two processes on it.
const TWO_ON_POSTGRES: [&str; 4] = ["--database-url", POSTGRES, "--processes", "2"];

/// Cheap steps first.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        needs: Need::Tool(RUSTFMT.name),
        work: Work::Cargo(&["fmt", "--all", "--check"]),
    },
    Step { name: "tidy", needs: Need::Nothing, work: Work::Tidy },
    Step {
        name: "deny",
        needs: Need::Tool(CARGO_DENY.name),
        // Advisories need a list from the network.
        work: Work::Cargo(&["deny", "check", "licenses", "bans", "sources"]),
    },
    Step {
        name: "squawk",
        needs: Need::Service(|services| Ok(found(services.squawk()?))),
        // The oldest version that onhand supports; the engine opens a transaction around each file.
        work: Work::Squawk(&["--pg-version", "13.0", "--assume-in-transaction", "*.sql"]),
    },
    Step {
        name: "packaging",
        needs: Need::Service(|services| Ok(found(services.packaging()?))),
        work: Work::Packaging(packaging::FILES),
    },
    Step {
        name: "unit of systemd",
        needs: Need::Service(|services| Ok(found(services.systemd()?))),
        work: Work::Packaging(packaging::UNIT),
    },
    Step {
        name: "clippy",
        needs: Need::Tool(CLIPPY.name),
        work: Work::Cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            FEATURES,
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "clippy of what is built by default",
        needs: Need::Tool(CLIPPY.name),
        work: Work::Cargo(&[
            "clippy",
            "--package",
            "onhand-server",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "unit tests of what is built by default",
        needs: Need::Nothing,
        // Some are about what a program says that lacks a feature.
        work: Work::Cargo(&["test", "--workspace", "--lib", "--features", DEFAULT]),
    },
    Step { name: "tests", needs: Need::Nothing, work: Work::Tests(&TESTS_ALONE) },
    Step { name: "examples in documentation", needs: Need::Nothing, work: Work::Tests(&["--doc"]) },
    Step { name: "tests", needs: Need::Postgres, work: Work::Tests(&TESTS_ON_POSTGRES) },
    Step {
        name: "promises",
        needs: Need::Service(|services| Ok(found(services.schemathesis()?))),
        work: Work::Promises,
    },
    Step { name: "pages in a browser", needs: Need::Browser, work: Work::Pages },
    Step {
        name: "tests on localstripe",
        needs: Need::Service(|services| Ok(started(services.localstripe()?))),
        work: Work::Tests(&["--test=stripe"]),
    },
    Step {
        name: "tests on Redis",
        needs: Need::Service(|services| Ok(started(services.redis()?))),
        work: Work::Tests(&["--test=cache"]),
    },
    Step {
        name: "tests with standardwebhooks",
        needs: Need::Service(|services| Ok(found(services.standardwebhooks()?))),
        work: Work::Tests(&["--test=webhooks", "reference"]),
    },
    Step {
        name: "tests on a mail server and moto",
        needs: Need::Service(mail),
        work: Work::Tests(&["--test=mail"]),
    },
    Step {
        name: "tests on moto and nats-server",
        needs: Need::Service(brokers),
        work: Work::Tests(&[
            "--test=queues",
            // They wait for leases to end, not for processors.
            "--",
            "--test-threads=8",
        ]),
    },
    Step { name: "torture", needs: Need::Postgres, work: Work::Onhand(&TORTURE, &ON_POSTGRES) },
    Step { name: "torture", needs: Need::Nothing, work: Work::Onhand(&TORTURE, &[]) },
    Step {
        name: "payments-chaos",
        needs: Need::Postgres,
        work: Work::Onhand(&PAYMENTS_CHAOS, &TWO_ON_POSTGRES),
    },
    Step { name: "payments-chaos", needs: Need::Nothing, work: Work::Onhand(&PAYMENTS_CHAOS, &[]) },
    Step {
        name: "work-chaos",
        needs: Need::Postgres,
        work: Work::Onhand(&WORK_CHAOS, &TWO_ON_POSTGRES),
    },
    Step { name: "work-chaos", needs: Need::Nothing, work: Work::Onhand(&WORK_CHAOS, &[]) },
];

/// Runs every step with `only` in its name ("tests on PostgreSQL 18" is one), also after one has
/// failed. False when one failed, was left out under `CI=true` and may not be, or when there is
/// none.
pub(crate) fn run(root: &Path, only: &str) -> Result<bool> {
    let missing = tools::missing();
    if let Some(tool) = missing.iter().find(|tool| tool.vital) {
        println!("nothing can be built without {}", tool.name);
        return Ok(false);
    }
    let bench = Bench { root, only, missing, services: Services::open(root) };
    let mut outcomes = Outcomes::new();
    let named = |step: &&Step| {
        let of_several = matches!(step.needs, Need::Postgres) && only.starts_with(step.name);
        of_several || step.name.contains(only)
    };
    for step in STEPS.iter().filter(named) {
        println!("\n== {}: {}", step.name, describe(&step.work));
        outcomes.extend(bench.run(step));
    }
    drop(bench);
    println!("\n{}", report::summary(&outcomes));
    let strict = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    Ok(!outcomes.is_empty() && report::verdict(&outcomes, strict))
}

/// Where steps are run, and what there is for them.
struct Bench<'a> {
    root: &'a Path,
    only: &'a str,
    missing: Vec<&'static Tool>,
    services: Result<Services>,
}

impl Bench<'_> {
    /// Gives a step what it needs and runs it, or says why that cannot be.
    fn run(&self, step: &Step) -> Outcomes {
        let attempt = |environment: Environment| timed(|| work(self.root, step, &environment));
        let outcome = match (&step.needs, &self.services) {
            (Need::Nothing, _) => attempt(Environment::new()),
            (Need::Tool(name), _) => match self.missing.iter().find(|tool| tool.name == *name) {
                Some(tool) => Outcome::LeftOut(tool.lack()),
                None => attempt(Environment::new()),
            },
            (_, Err(error)) => Outcome::LeftOut(format!("{error:#}")),
            (Need::Postgres, Ok(services)) => return self.with_each_postgres(services, step),
            (Need::Browser, Ok(services)) => match services.browser() {
                Ok(browser) => timed(|| browser::look(self.root, &browser)),
                Err(error) => Outcome::LeftOut(format!("{error:#}")),
            },
            (Need::Service(start), Ok(services)) => match start(services) {
                // What was started lives as long as its step.
                Ok((_running, environment)) => attempt(environment),
                Err(error) => Outcome::LeftOut(format!("{error:#}")),
            },
        };
        vec![(step.name.to_owned(), outcome)]
    }

    /// A cluster lives as long as its step.
    fn with_each_postgres(&self, services: &Services, step: &Step) -> Outcomes {
        let attempt = |found: Installation| {
            println!("-- PostgreSQL {} in {}", found.version, found.bin.display());
            timed(|| {
                let (_cluster, environment) = services.start(&found)?;
                work(self.root, step, &environment)
            })
        };
        let outcome = |offer: Result<Installation>| match offer {
            Ok(found) => attempt(found),
            Err(error) => Outcome::LeftOut(format!("{error:#}")),
        };
        let offers = services.postgres().into_iter();
        let named = offers.map(|(name, offer)| (format!("{} on {name}", step.name), offer));
        let wanted = named.filter(|(name, _)| name.contains(self.only));
        wanted.map(|(name, offer)| (name, outcome(offer))).collect()
    }
}

/// What a step was started, which ends when it is dropped.
type Running = Box<dyn Any>;

/// A program that is only there.
fn found(environment: Environment) -> (Running, Environment) {
    (Box::new(()), environment)
}

/// A server that was started.
fn started((server, environment): (impl Any, Environment)) -> (Running, Environment) {
    (Box::new(server), environment)
}

/// Two servers, for one step.
fn both(
    (first, mut told): (impl Any, Environment),
    (second, of_second): (impl Any, Environment),
) -> (Running, Environment) {
    told.extend(of_second);
    (Box::new((first, second)), told)
}

/// What stands in for AWS, and a server of NATS.
fn brokers(services: &Services) -> Result<(Running, Environment)> {
    Ok(both(services.moto()?, services.nats()?))
}

/// What stands in for AWS, and a mail server.
fn mail(services: &Services) -> Result<(Running, Environment)> {
    Ok(both(services.moto()?, services.smtp()?))
}

/// What came of some work, and in which time. A step that cannot be worked at has failed.
fn timed(work: impl FnOnce() -> Result<bool>) -> Outcome {
    let start = Instant::now();
    let passed = work().unwrap_or_else(|error| {
        println!("{error:#}");
        false
    });
    let time = start.elapsed();
    if passed { Outcome::Passed(time) } else { Outcome::Failed(time) }
}

fn work(root: &Path, step: &Step, environment: &Environment) -> Result<bool> {
    let (mut command, folder) = match step.work {
        Work::Tidy => return tidy::run(root),
        Work::Promises => return promises::hold(root, environment),
        Work::Packaging(checks) => return packaging::check(root, environment, checks),
        Work::Pages => anyhow::bail!("pages need a browser"),
        Work::Cargo(_) | Work::Tests(_) => (cargo::command(), root.to_path_buf()),
        Work::Squawk(_) => (Command::new("squawk"), root.join(MIGRATIONS)),
        Work::Onhand(..) => (Command::new(program::build(root)?), root.to_path_buf()),
    };
    let arguments = arguments(&step.work);
    let url = environment.iter().find(|(name, _)| *name == services::POSTGRES_URL);
    let given = |argument: &&str| match url {
        Some((_, url)) if *argument == POSTGRES => url.clone(),
        Some(_) | None => OsString::from(argument),
    };
    command.args(arguments.iter().map(given)).current_dir(folder).envs(environment.iter().cloned());
    let status = command.status();
    Ok(status.with_context(|| format!("starting `{}`", describe(&step.work)))?.success())
}

/// What the program of a step is told.
fn arguments(work: &Work) -> Vec<&'static str> {
    match work {
        Work::Tidy => vec!["xtask", "tidy"],
        Work::Promises => vec!["run", "/openapi.json"],
        Work::Packaging(checks) => checks.iter().map(|check| check[0]).collect(),
        Work::Pages => vec![browser::SCRIPT],
        Work::Cargo(arguments) | Work::Squawk(arguments) => arguments.to_vec(),
        Work::Tests(more) => TESTS.iter().chain(*more).copied().collect(),
        Work::Onhand(shared, more) => shared.iter().chain(*more).copied().collect(),
    }
}

fn describe(work: &Work) -> String {
    let program = match work {
        Work::Tidy | Work::Cargo(_) | Work::Tests(_) => "cargo",
        Work::Squawk(_) => "squawk",
        Work::Onhand(..) => "onhand",
        Work::Promises => promises::PROGRAM,
        Work::Packaging(_) => "each of",
        Work::Pages => "python",
    };
    format!("{program} {}", arguments(work).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::MAJOR_MIN;
    use tools::TOOLS;

    #[test]
    fn every_need_is_met_by_a_known_tool_or_a_service() {
        for step in STEPS {
            let met = match (&step.needs, &step.work) {
                (Need::Tool(name), _) => TOOLS.iter().any(|tool| tool.name == *name),
                (Need::Service(_), work) => !matches!(work, Work::Pages),
                (Need::Browser, work) => matches!(work, Work::Pages),
                (Need::Nothing | Need::Postgres, work) => !matches!(
                    work,
                    Work::Squawk(_) | Work::Promises | Work::Pages | Work::Packaging(_)
                ),
            };
            assert!(met, "{}", step.name);
        }
    }

    #[test]
    fn every_target_of_tests_has_a_step() {
        let mut ask = cargo::command();
        ask.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
        let said = ask.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap().stdout;
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        let packages = said["packages"].as_array().unwrap();
        let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
        let tests = targets.filter(|target| target["kind"][0] == "test");
        let names: Vec<&str> = tests.map(|test| test["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"process"), "{names:?}");
        for name in names {
            let target = format!("--test={name}");
            let has_step =
                STEPS.iter().any(|step| arguments(&step.work).contains(&target.as_str()));
            assert!(has_step, "{name}");
        }
    }

    #[test]
    fn migrations_are_checked_for_the_oldest_version_that_is_supported() {
        let oldest = format!("--pg-version {MAJOR_MIN}.0");
        assert!(STEPS.iter().any(|step| describe(&step.work).contains(&oldest)));
    }

    #[test]
    fn a_step_that_cannot_be_worked_at_has_failed() {
        assert!(matches!(timed(|| anyhow::bail!("no server")), Outcome::Failed(_)));
        assert!(matches!(timed(|| Ok(true)), Outcome::Passed(_)));
    }
}
