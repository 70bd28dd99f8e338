//! moto's server, which stands in for AWS: SQS and SES. It listens to this machine only and keeps
//! everything in memory.

use std::path::Path;

use anyhow::Result;

use super::Environment;
use super::cluster::free_port;
use super::companion::Companion;
use super::python::{self, Requirement};

const MOTO: Requirement =
    Requirement { name: "moto", extras: "[server,sqs,ses]", version: "5.2.5" };

/// It listens when its `start` returns. The end of the input is that of whoever started it.
const START: &str = "\
import logging, os, sys
sys.path.insert(0, sys.argv[1])
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
logging.getLogger('werkzeug').setLevel(logging.ERROR)
ThreadedMotoServer('127.0.0.1', int(sys.argv[2]), verbose=False).start()
print('moto is ready')
sys.stdin.read()
os._exit(0)
";
const READY: &str = "moto is ready";

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Moto {
    _service: Companion,
    port: u16,
}

impl Moto {
    /// Starts one that has nothing; installs what is not there.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let folder = MOTO.folder(cache)?;
        let port = free_port()?;
        let arguments = [folder.into_os_string(), port.to_string().into()];
        Ok(Self { _service: python::start(MOTO.name, START, READY, arguments)?, port })
    }

    /// How tests find it. Clients sign whatever they ask for: with keys that open nothing, so that
    /// nobody's own are ever used.
    pub(super) fn environment(&self) -> Environment {
        vec![
            ("ONHAND_TEST_MOTO_URL", format!("http://127.0.0.1:{}", self.port).into()),
            ("AWS_ACCESS_KEY_ID", "testing".into()),
            ("AWS_SECRET_ACCESS_KEY", "testing".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }
}
