//! `cargo xtask test`: every check in a fixed order, and at the end what ran, what did not and why.
//! It decides nothing about the checks themselves; those are other tools' work and `tidy`'s.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::tidy;

/// A program that a step cannot do without.
struct Tool {
    name: &'static str,
    /// Ways to call it; one of them must work.
    probes: &'static [&'static [&'static str]],
    install: &'static str,
    /// Without it nothing can be built at all.
    vital: bool,
}

const RUSTFMT: Tool = Tool {
    name: "rustfmt",
    probes: &[&["cargo", "fmt", "--version"]],
    install: "rustup component add rustfmt",
    vital: false,
};
const CLIPPY: Tool = Tool {
    name: "clippy",
    probes: &[&["cargo", "clippy", "--version"]],
    install: "rustup component add clippy",
    vital: false,
};
const C_COMPILER: Tool = Tool {
    name: "a C compiler",
    probes: &[&["cc", "--version"], &["clang", "--version"], &["gcc", "--version"], &["cl"]],
    install: "Debian, Ubuntu: apt-get install build-essential; Fedora: dnf install gcc; \
              macOS: xcode-select --install; or name one in the environment variable CC",
    vital: true,
};
const TOOLS: &[Tool] = &[RUSTFMT, CLIPPY, C_COMPILER];

/// What a step does.
enum Work {
    Cargo(&'static [&'static str]),
    Tidy,
}

struct Step {
    name: &'static str,
    needs: Option<&'static str>,
    work: Work,
}

/// Cheap steps first.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        needs: Some(RUSTFMT.name),
        work: Work::Cargo(&["fmt", "--all", "--check"]),
    },
    Step { name: "tidy", needs: None, work: Work::Tidy },
    Step {
        name: "clippy",
        needs: Some(CLIPPY.name),
        work: Work::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "tests",
        needs: None,
        work: Work::Cargo(&["test", "--workspace", "--all-features"]),
    },
    Step {
        name: "torture",
        needs: None,
        work: Work::Cargo(&[
            "run",
            "--package",
            "onhand-server",
            "--",
            "torture",
            "--stock",
            "100",
            "--buyers",
            "400",
            "--kill-every",
            "1s",
        ]),
    },
];

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    LeftOut(String),
}

/// Runs every step, also after one has failed. False when one failed, or was left out under
/// `CI=true`.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let missing = missing_tools();
    if let Some(tool) = missing.iter().find(|tool| tool.vital) {
        println!("nothing can be built without {}", tool.name);
        return Ok(false);
    }
    let mut outcomes = Vec::new();
    for step in STEPS {
        println!("\n== {}: {}", step.name, describe(&step.work));
        let lacking = missing.iter().find(|tool| Some(tool.name) == step.needs);
        let outcome = if let Some(tool) = lacking {
            Outcome::LeftOut(format!("{} is missing; install: {}", tool.name, tool.install))
        } else {
            let start = Instant::now();
            if work(root, &step.work)? {
                Outcome::Passed(start.elapsed())
            } else {
                Outcome::Failed(start.elapsed())
            }
        };
        outcomes.push((step.name, outcome));
    }
    println!("\n{}", summary(&outcomes));
    let strict = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    Ok(verdict(&outcomes, strict))
}

fn verdict(outcomes: &[(&str, Outcome)], strict: bool) -> bool {
    outcomes.iter().all(|(_, outcome)| match outcome {
        Outcome::Passed(_) => true,
        Outcome::Failed(_) => false,
        Outcome::LeftOut(_) => !strict,
    })
}

fn summary(outcomes: &[(&str, Outcome)]) -> String {
    let mut lines = vec!["== what ran, and what did not".to_owned()];
    for (name, outcome) in outcomes {
        lines.push(match outcome {
            Outcome::Passed(time) => format!("ok        {name} ({:.1} s)", time.as_secs_f64()),
            Outcome::Failed(time) => format!("NOT OK    {name} ({:.1} s)", time.as_secs_f64()),
            Outcome::LeftOut(reason) => format!("left out  {name}: {reason}"),
        });
    }
    if outcomes.iter().all(|(_, outcome)| !matches!(outcome, Outcome::LeftOut(_))) {
        lines.push("nothing was left out".to_owned());
    }
    lines.join("\n")
}

fn missing_tools() -> Vec<&'static Tool> {
    println!("== prerequisites");
    let mut missing = Vec::new();
    for tool in TOOLS {
        let by_name = tool.name == C_COMPILER.name && env::var_os("CC").is_some();
        if by_name || tool.probes.iter().any(|probe| answers(probe)) {
            println!("found     {}", tool.name);
        } else {
            println!("missing   {}; install: {}", tool.name, tool.install);
            missing.push(tool);
        }
    }
    missing
}

fn answers(probe: &[&str]) -> bool {
    let Some((program, arguments)) = probe.split_first() else {
        return false;
    };
    command(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn work(root: &Path, work: &Work) -> Result<bool> {
    match work {
        Work::Tidy => tidy::run(root),
        Work::Cargo(arguments) => {
            let status = command("cargo")
                .args(*arguments)
                .current_dir(root)
                .status()
                .with_context(|| format!("starting `{}`", describe(work)))?;
            Ok(status.success())
        }
    }
}

/// A program; for cargo, the very one that started us.
fn command(program: &str) -> Command {
    match env::var_os("CARGO") {
        Some(cargo) if program == "cargo" => Command::new(cargo),
        Some(_) | None => Command::new(program),
    }
}

fn describe(work: &Work) -> String {
    match work {
        Work::Cargo(arguments) => format!("cargo {}", arguments.join(" ")),
        Work::Tidy => "cargo xtask tidy".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out() -> Outcome {
        Outcome::LeftOut("rustfmt is missing".to_owned())
    }

    #[test]
    fn leaving_out_is_a_failure_only_where_all_tools_must_be() {
        let second = Duration::from_secs(1);
        let outcomes = [("format", left_out()), ("tests", Outcome::Passed(second))];
        assert!(verdict(&outcomes, false));
        assert!(!verdict(&outcomes, true));
        assert!(!verdict(&[("tests", Outcome::Failed(second))], false));
        assert!(verdict(&[("tests", Outcome::Passed(second))], true));
    }

    #[test]
    fn the_summary_names_every_step_and_why_it_was_left_out() {
        let passed = ("tests", Outcome::Passed(Duration::from_millis(1_500)));
        let text = summary(&[("format", left_out()), passed.clone()]);
        assert!(text.contains("left out  format: rustfmt is missing"), "{text}");
        assert!(text.contains("ok        tests (1.5 s)"), "{text}");
        assert!(!text.contains("nothing was left out"), "{text}");
        assert!(summary(&[passed]).ends_with("nothing was left out"));
    }

    #[test]
    fn every_need_is_a_known_tool() {
        for step in STEPS {
            let known = |need| TOOLS.iter().any(|tool| tool.name == need);
            assert!(step.needs.is_none_or(known), "{}", step.name);
        }
    }
}
