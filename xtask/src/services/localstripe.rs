//! localstripe, which stands in for Stripe. It listens to this machine only and stores nothing.

use std::path::Path;

use anyhow::Result;

use super::cluster::free_port;
use super::companion::Companion;
use super::python::{self, Requirement};

const LOCALSTRIPE: Requirement =
    Requirement { name: "localstripe", extras: "", version: "1.15.10" };

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
    _service: Companion,
    port: u16,
}

impl Localstripe {
    /// Starts one that knows nothing; installs what is not there.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let folder = LOCALSTRIPE.folder(cache)?;
        let port = free_port()?;
        let arguments = [folder.into_os_string(), port.to_string().into()];
        let service = python::start(LOCALSTRIPE.name, START, READY, arguments)?;
        Ok(Self { _service: service, port })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
