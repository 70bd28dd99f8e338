//! Builds `shim.c` and preloads it into a server: a disk that fails when the test says so. The C
//! compiler is there, because SQLite is built with it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

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
    /// A server on a database in this folder, and its disk.
    pub(crate) async fn with_server(folder: &Path) -> (Self, Server) {
        let library = folder.join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/shim.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .output();
        let built = built.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let environment: [(&str, OsString); 2] =
            [("LD_PRELOAD", library.into()), ("ONHAND_SHIM", folder.into())];
        let server = Server::start_with(folder, &[], &environment).await;
        (Self { folder: folder.to_owned() }, server)
    }

    pub(crate) fn begin(&self, failure: Failure) {
        std::fs::write(self.folder.join(failure.file()), "").unwrap();
    }

    pub(crate) fn end(&self, failure: Failure) {
        std::fs::remove_file(self.folder.join(failure.file())).unwrap();
    }
}
