//! Installs the system's own PostgreSQL, Redis and Chromium where that is a matter of one command:
//! Debian and its relatives, as root. Elsewhere it says what to install. It installs nothing else,
//! and nothing that starts a server of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::account::Account;
use super::process::{ANSWER_MAX, output};

const INSTALL_MAX: Duration = Duration::from_secs(15 * 60);
/// No questions, and the file below stays as it is.
const QUIETLY: &[&str] = &["env", "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1"];
/// Says whether the package makes a cluster and starts it. Who has the file has decided.
const CLUSTER_CONFIG: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "test -e \"$1\" || { mkdir -p \"${1%/*}\" && \
                          echo 'create_main_cluster = false' >\"$1\"; }";

/// What can be installed.
#[derive(Debug)]
pub(super) struct Package {
    name: &'static str,
    /// What to say where it is missing and cannot be had.
    pub(super) missing: &'static str,
    /// What root runs first; empty for nothing.
    first: &'static [&'static str],
}

pub(super) const POSTGRES: Package = Package {
    name: "postgresql",
    missing: "no PostgreSQL that onhand supports is installed; install: Debian, Ubuntu: apt-get \
              install postgresql; Fedora: dnf install postgresql-server; macOS: brew install \
              postgresql",
    first: &["sh", "-c", NO_CLUSTER, "sh", CLUSTER_CONFIG],
};
/// The tools have the server in them; the package of its name would start one.
pub(super) const REDIS: Package = Package {
    name: "redis-tools",
    missing: "neither Redis nor Valkey is installed; install: Debian, Ubuntu: apt-get install \
              redis-tools; Fedora: dnf install valkey; macOS: brew install valkey",
    first: &[],
};

/// Debian's browser; elsewhere there is one by another name.
pub(super) const CHROMIUM: Package = Package {
    name: "chromium",
    missing: "no Chromium is installed; install: Debian: apt-get install chromium; Fedora: dnf \
              install chromium; macOS: brew install --cask chromium",
    first: &[],
};

impl Package {
    /// Installs it; an error says what to do instead.
    pub(super) fn install(&self, account: &Account) -> Result<()> {
        let become_root = become_root(account).context(self.missing)?;
        let as_root = |words: &[&[&str]]| {
            let mut words = become_root.iter().chain(words.iter().copied().flatten());
            let mut command = Command::new(words.next().unwrap_or(&"env"));
            command.args(words);
            command
        };
        println!("installing what is missing: apt-get install {}", self.name);
        let apt = || -> Result<()> {
            if !self.first.is_empty() {
                output(as_root(&[self.first]), ANSWER_MAX)?;
            }
            output(as_root(&[QUIETLY, &["apt-get", "update"]]), INSTALL_MAX)?;
            let install = &["apt-get", "install", "-y", "--no-install-recommends", self.name];
            output(as_root(&[QUIETLY, install]), INSTALL_MAX)?;
            Ok(())
        };
        apt().context(self.missing)
    }
}

/// The words in front of a command that root has to run.
fn become_root(account: &Account) -> Result<&'static [&'static str]> {
    let answers = |words: &[&str]| {
        let mut command = Command::new("env");
        command.args(words);
        output(command, ANSWER_MAX).is_ok()
    };
    if !answers(&["apt-get", "--version"]) {
        bail!("there is no apt-get");
    }
    if account.is_root() {
        Ok(&[])
    } else if answers(&["sudo", "-n", "true"]) {
        Ok(&["sudo", "-n"])
    } else {
        bail!("nobody here may install packages")
    }
}
