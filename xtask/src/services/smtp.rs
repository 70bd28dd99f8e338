//! A mail server: aiosmtpd, a real one in Python, with a program around it (`smtp.py`) that keeps
//! every mail and behaves as the address of the recipient says. It is told and asked over HTTP, on
//! the port that it is started with; on which ports it takes mail, it says there.

use std::path::Path;

use anyhow::Result;

use super::cluster::free_port;
use super::python::{Package, Server};

const AIOSMTPD: Package =
    Package { name: "aiosmtpd", version: "1.4.6", program: include_str!("smtp.py") };

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Smtp {
    _server: Server,
    port: u16,
}

impl Smtp {
    /// Starts one that has no mail.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let port = free_port()?;
        Ok(Self { _server: AIOSMTPD.start(cache, port)?, port })
    }

    /// Where it is asked what it got.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
