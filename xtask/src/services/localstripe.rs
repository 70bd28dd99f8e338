//! localstripe, which stands in for Stripe. It listens to this machine only, and stores nothing.

use std::path::Path;

use anyhow::Result;

use super::cluster::free_port;
use super::python::{Package, Server};

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

const LOCALSTRIPE: Package = Package { name: "localstripe", version: "1.15.10", program: START };

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Localstripe {
    _server: Server,
    port: u16,
}

impl Localstripe {
    /// Starts one that knows nothing.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let port = free_port()?;
        Ok(Self { _server: LOCALSTRIPE.start(cache, port)?, port })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
