//! A run: the folder of all that one xtask has started, and the promise that it goes when that
//! xtask does. A second process, the janitor, waits for the end of the first however it comes about
//! (return, Ctrl-C, `kill -9`), then stops and removes; what a dead janitor left, the next run
//! removes. The kernel tells who is alive: a living run holds the lock on its file.

use std::env;
use std::fs::{self, File, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};

use anyhow::{Context, Result};

use super::account::Account;
use super::{cluster, folders};

/// The subcommand that `begin` starts us with a second time.
const JANITOR: &str = "janitor";
const LOCK_ENDING: &str = ".lock";

/// The run of this process.
#[derive(Debug)]
pub(super) struct Run {
    folder: PathBuf,
    /// The janitor comes when it is free.
    lock: Option<File>,
    janitor: Child,
}

impl Run {
    /// Clears up after dead runs and begins one.
    pub(super) fn begin(account: &Account) -> Result<Self> {
        let place = folders::runs(account)?;
        // One at a time, so that none takes another that is just beginning for dead. The wait is as
        // long as the clearing up of the one before, whose steps are bounded.
        let turn = File::create(place.join("turn"))?;
        turn.lock()?;
        sweep(&place)?;
        let id = process::id();
        let lock = File::create(lock_file(&place, id))?;
        lock.lock()?;
        let folder = place.join(id.to_string());
        folders::create_open(&folder)?;
        let janitor = Command::new(env::current_exe()?)
            .args([JANITOR, &id.to_string()])
            // Ctrl-C goes to our group; the janitor has to outlive it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the janitor")?;
        Ok(Self { folder, lock: Some(lock), janitor })
    }

    /// Where the run may put things.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.lock.take();
        // What it could not do it has said, and the next run will try again.
        self.janitor.wait().ok();
    }
}

/// Waits for the end of a run and clears up after it. This one wait has no bound: it is as long as
/// the run.
pub(super) fn janitor(run: u32) -> Result<()> {
    let place = folders::runs(&Account::current()?)?;
    let lock = File::open(lock_file(&place, run))?;
    lock.lock()?;
    clear(&place, run)
}

/// Clears up after every run that is dead.
fn sweep(place: &Path) -> Result<()> {
    for entry in fs::read_dir(place)? {
        let Some(run) = run_of(&entry?.file_name().to_string_lossy()) else {
            continue;
        };
        // Its janitor may be removing it this moment.
        let Ok(lock) = File::open(lock_file(place, run)) else {
            continue;
        };
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Ok(()) => {
                if let Err(error) = clear(place, run) {
                    println!("what the dead run {run} left cannot be removed: {error:#}");
                }
            }
        }
    }
    Ok(())
}

/// Stops and removes what a run has started. The caller holds its lock.
fn clear(place: &Path, run: u32) -> Result<()> {
    let folder = place.join(run.to_string());
    if folder.exists() {
        for entry in fs::read_dir(&folder)? {
            cluster::remove(&entry?.path())?;
        }
        fs::remove_dir_all(&folder)?;
    }
    fs::remove_file(lock_file(place, run))?;
    Ok(())
}

fn lock_file(place: &Path, run: u32) -> PathBuf {
    place.join(format!("{run}{LOCK_ENDING}"))
}

/// The run that a lock's file is for.
fn run_of(name: &str) -> Option<u32> {
    name.strip_suffix(LOCK_ENDING)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_locks_name_runs() {
        let file = lock_file(Path::new("place"), 4_711);
        assert_eq!(run_of(file.file_name().unwrap().to_str().unwrap()), Some(4_711));
        for other in ["turn", "4711", "x.lock", ".lock"] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }
}
