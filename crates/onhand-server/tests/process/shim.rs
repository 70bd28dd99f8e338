//! Builds `shim.c` and preloads it into a server: a disk that fails when the test says so. The C
//! compiler is there, because SQLite is built with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

const LIBRARY: &str = "shim.so";

/// How the disk fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure {
    /// Flushing says EIO.
    FailFlush,
    /// Flushing waits until the failure ends.
    HoldFlush,
    /// Writing says ENOSPC.
    Full,
}

/// The disk of one server.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Failure {
    fn file(self) -> &'static str {
        match self {
            Self::FailFlush => "fail-flush",
            Self::HoldFlush => "hold-flush",
            Self::Full => "full",
        }
    }
}

impl Disk {
    /// The disk of a database in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&folder.join(LIBRARY), &source])
            .output();
        let built = built.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { folder: folder.to_owned() }
    }

    /// What a process needs in its environment to use this disk.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 2] {
        let library = self.folder.join(LIBRARY);
        [("LD_PRELOAD", library.into()), ("ONHAND_SHIM", self.folder.clone().into())]
    }

    /// A server on the database.
    pub(crate) async fn server(&self) -> Server {
        // Nobody else commits: whose batch stands still is known.
        Server::start_with(&self.folder, &["--role", "api"], &self.environment()).await
    }

    pub(crate) fn begin(&self, failure: Failure) {
        std::fs::write(self.folder.join(failure.file()), "").unwrap();
    }

    pub(crate) fn end(&self, failure: Failure) {
        std::fs::remove_file(self.folder.join(failure.file())).unwrap();
    }
}
