//! Services that are programs in Python, or are minded by one: each runs as a process of its own,
//! says in a line when it listens, and ends when its input does, which is when we do, however that
//! comes about. What they need is installed once, into the cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::companion::Companion;
use super::process::{ANSWER_MAX, output};
use super::wheel::{DOWNLOAD_MAX, PIP_MISSING, cached, python};

/// A package for a service. Its version is fixed, so that the same commit gets the same verdict
/// tomorrow. What it needs is not: which versions there are depends on that of Python.
#[derive(Debug)]
pub(super) struct Requirement {
    pub(super) name: &'static str,
    /// Parts of it that are wanted too: `[server]`.
    pub(super) extras: &'static str,
    pub(super) version: &'static str,
}

impl Requirement {
    /// The folder in which it is installed, for Python's path; installs what is not there.
    pub(super) fn folder(&self, cache: &Path) -> Result<PathBuf> {
        let Self { name, extras, version } = self;
        let mut ask = Command::new("python3");
        ask.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        let running = output(ask, ANSWER_MAX).context(PIP_MISSING)?;
        cached(cache, &format!("{name}-{version}-python-{running}"), |partial| {
            let target = partial.join("installed");
            let mut install = python(&["pip", "install", "--quiet", "--prefer-binary"]);
            install.args(["--disable-pip-version-check", "--no-input", "--retries", "1"]);
            install.arg("--target").arg(&target).arg(format!("{name}{extras}=={version}"));
            output(install, DOWNLOAD_MAX)?;
            Ok(target)
        })
    }
}

/// Runs a script of Python with these arguments, and waits until it writes a line with `ready` in
/// it. It has to end at the end of its input.
pub(super) fn start(
    name: &str,
    script: &str,
    ready: &'static str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Companion> {
    let mut command = Command::new("python3");
    command.args(["-u", "-c", script]).args(arguments);
    Companion::start(name, command, ready)
}
