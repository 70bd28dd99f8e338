//! Redis, or Valkey: the system's own, started for a while. It listens to this machine only, writes
//! nothing down, and forgets before it takes more memory than tests need.

use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use super::account::Account;
use super::apt;
use super::cluster::free_port;
use super::companion::Companion;
use super::process::{ANSWER_MAX, output};

/// Both speak the same; what is installed is taken.
const PROGRAMS: &[&str] = &["valkey-server", "redis-server"];
/// Debian has the server in the package of tools too, under another name: it goes by what it is
/// called. So nothing has to be installed that starts with the machine.
const DEBIAN: &str = "redis-check-rdb";

const SETTINGS: &[&str] = &[
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--maxmemory",
    "64mb",
    "--maxmemory-policy",
    "allkeys-lru",
];
/// What is said once it listens.
const READY: &str = "Ready to accept connections";
/// It does not look at its input; whoever does ends it.
const UNTIL_THE_END: &str = "\"$@\" & cat; kill $!; wait";

/// A running one; dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Redis {
    _companion: Companion,
    port: u16,
}

impl Redis {
    /// Starts one that is empty; installs what is not there. `folder` is for a name of the program.
    pub(super) fn start(account: &Account, folder: &Path) -> Result<Self> {
        let program = match find() {
            Some(program) => program,
            None => {
                apt::REDIS.install(account)?;
                find().context(apt::REDIS.missing)?
            }
        };
        let port = free_port()?;
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_THE_END, "sh"]).arg(program.called(folder)?);
        command.args(["--port", &port.to_string()]).args(SETTINGS);
        let companion = Companion::start("Redis", command, READY)?;
        Ok(Self { _companion: companion, port })
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

/// A program, and what it has to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Program {
    path: &'static str,
    name: &'static str,
}

impl Program {
    /// A path whose last part is its name.
    fn called(self, folder: &Path) -> Result<std::path::PathBuf> {
        if self.path == self.name {
            return Ok(self.path.into());
        }
        let paths = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&paths).map(|folder| folder.join(self.path));
        let found = found.into_iter().find(|path| path.is_file());
        let link = folder.join("redis").join(self.name);
        fs::create_dir_all(folder.join("redis"))?;
        if !link.exists() {
            symlink(found.context("it is not there any more")?, &link)?;
        }
        Ok(link)
    }
}

/// The first that says which version it is of.
fn find() -> Option<Program> {
    let own = PROGRAMS.iter().map(|name| Program { path: name, name });
    let debian = Program { path: DEBIAN, name: "redis-server" };
    own.chain([debian]).find(|program| {
        let mut command = Command::new(program.path);
        command.arg0(program.name).arg("--version");
        output(command, ANSWER_MAX).is_ok_and(|said| said.contains("server v="))
    })
}
