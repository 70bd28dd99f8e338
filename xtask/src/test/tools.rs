//! Programs that steps cannot do without, and where to get them. It only looks; unlike services,
//! compilers are for people to install.

use std::env;
use std::process::{Command, Stdio};

use crate::cargo;

/// A program that a step cannot do without.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Ways to call it; one of them must work.
    probes: &'static [&'static [&'static str]],
    install: &'static str,
    /// Without it nothing can be built at all.
    pub(super) vital: bool,
}

impl Tool {
    /// What to say when it is missing.
    pub(super) fn lack(&self) -> String {
        format!("{} is missing; install: {}", self.name, self.install)
    }
}

pub(super) const RUSTFMT: Tool = Tool {
    name: "rustfmt",
    probes: &[&["cargo", "fmt", "--version"]],
    install: "rustup component add rustfmt",
    vital: false,
};
pub(super) const CLIPPY: Tool = Tool {
    name: "clippy",
    probes: &[&["cargo", "clippy", "--version"]],
    install: "rustup component add clippy",
    vital: false,
};
pub(super) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    probes: &[&["cargo", "deny", "--version"]],
    install: "cargo install --locked cargo-deny",
    vital: false,
};
const C_COMPILER: Tool = Tool {
    name: "a C compiler",
    probes: &[&["cc", "--version"], &["clang", "--version"], &["gcc", "--version"], &["cl"]],
    install: "Debian, Ubuntu: apt-get install build-essential; Fedora: dnf install gcc; \
              macOS: xcode-select --install; or name one in the environment variable CC",
    vital: true,
};
pub(super) const TOOLS: &[Tool] = &[RUSTFMT, CLIPPY, CARGO_DENY, C_COMPILER];

/// Says which tools there are; those that are not.
pub(super) fn missing() -> Vec<&'static Tool> {
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

/// A program; for cargo, the very one that started us.
pub(super) fn command(program: &str) -> Command {
    if program == "cargo" { cargo::command() } else { Command::new(program) }
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
