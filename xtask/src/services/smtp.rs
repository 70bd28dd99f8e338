//! A mail server: aiosmtpd, a real one in Python, with a program around it (`smtp.py`) that keeps
//! every mail and behaves as the address of the recipient says. It is told and asked over HTTP, on
//! the port that it is started with; on which ports it takes mail, it says there.

use std::path::Path;

use anyhow::Result;

use super::cluster::free_port;
use super::companion::Companion;
use super::python::{self, Requirement};

const AIOSMTPD: Requirement = Requirement { name: "aiosmtpd", extras: "", version: "1.4.6" };

/// What is said once it listens.
const READY: &str = "Running on";

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Smtp {
    _service: Companion,
    port: u16,
}

impl Smtp {
    /// Starts one that has no mail.
    pub(super) fn start(cache: &Path) -> Result<Self> {
        let folder = AIOSMTPD.folder(cache)?;
        let port = free_port()?;
        let arguments = [folder.into_os_string(), port.to_string().into()];
        let service = python::start(AIOSMTPD.name, include_str!("smtp.py"), READY, arguments)?;
        Ok(Self { _service: service, port })
    }

    /// Where it is asked what it got.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
