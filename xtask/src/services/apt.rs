//! Installs the system's own PostgreSQL where that is a matter of one command: Debian and its
//! relatives, as root. Elsewhere it says what to install. It installs nothing else, and keeps the
//! package from starting a server of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::account::Account;
use super::process::{ANSWER_MAX, output};

const INSTALL_MAX: Duration = Duration::from_secs(15 * 60);
const MISSING: &str = "no PostgreSQL that onhand supports is installed; install: Debian, \
                       Ubuntu: apt-get install postgresql; Fedora: dnf install \
                       postgresql-server; macOS: brew install postgresql";
/// No questions, and the file below stays as it is.
const QUIETLY: &[&str] = &["env", "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1"];
/// Says whether the package makes a cluster and starts it. Who has the file has decided.
const CLUSTER_CONFIG: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "test -e \"$1\" || { mkdir -p \"${1%/*}\" && \
                          echo 'create_main_cluster = false' >\"$1\"; }";

/// Installs PostgreSQL; an error says what to do instead.
pub(super) fn install(account: &Account) -> Result<()> {
    let become_root = become_root(account)?;
    let as_root = |words: &[&[&str]]| {
        let mut words = become_root.iter().chain(words.iter().copied().flatten());
        let mut command = Command::new(words.next().unwrap_or(&"env"));
        command.args(words);
        command
    };
    println!("installing PostgreSQL: apt-get install postgresql");
    let apt = || -> Result<()> {
        output(as_root(&[&["sh", "-c", NO_CLUSTER, "sh", CLUSTER_CONFIG]]), ANSWER_MAX)?;
        output(as_root(&[QUIETLY, &["apt-get", "update"]]), INSTALL_MAX)?;
        let install = &["apt-get", "install", "-y", "--no-install-recommends", "postgresql"];
        output(as_root(&[QUIETLY, install]), INSTALL_MAX)?;
        Ok(())
    };
    apt().context(MISSING)
}

/// The words in front of a command that root has to run.
fn become_root(account: &Account) -> Result<&'static [&'static str]> {
    let answers = |words: &[&str]| {
        let mut command = Command::new("env");
        command.args(words);
        output(command, ANSWER_MAX).is_ok()
    };
    if !answers(&["apt-get", "--version"]) {
        bail!(MISSING);
    }
    if account.is_root() {
        Ok(&[])
    } else if answers(&["sudo", "-n", "true"]) {
        Ok(&["sudo", "-n"])
    } else {
        bail!(MISSING)
    }
}
