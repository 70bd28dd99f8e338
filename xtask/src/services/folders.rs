//! Folders for what services need: one for downloads, one for running clusters. They lie outside
//! the repository's sources, belong to us, and can be read by the user that runs servers.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::account::Account;

/// Ours may write, all may read and enter.
const OPEN: u32 = 0o755;
/// Where every user may enter, should the folder for temporary files be private.
const SHARED: &str = "/tmp";

/// Where downloads are kept: build output if possible, which outlives a restart of the machine.
pub(super) fn cache(root: &Path, account: &Account) -> Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    place(&[root.join(target), env::temp_dir(), SHARED.into()], "cache", account)
}

/// Where clusters run: a short path, since those of sockets may not be long.
pub(super) fn runs(account: &Account) -> Result<PathBuf> {
    place(&[env::temp_dir(), SHARED.into()], "runs", account)
}

/// Makes a folder that everybody can read, whatever our mask is.
pub(super) fn create_open(folder: &Path) -> Result<()> {
    let create = fs::create_dir(folder).and_then(|()| open(folder));
    create.with_context(|| format!("cannot create {}", folder.display()))
}

/// Lets everybody read and execute all that is in a folder: archives lose which files are programs.
pub(super) fn open_all(folder: &Path) -> Result<()> {
    open(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            open_all(&entry.path())?;
        } else if kind.is_file() {
            open(&entry.path())?;
        }
    }
    Ok(())
}

/// The first of `parents` that can hold a folder of ours which the servers' user may enter.
fn place(parents: &[PathBuf], purpose: &str, account: &Account) -> Result<PathBuf> {
    let mut reasons = Vec::new();
    for parent in parents {
        match take(parent, &name(purpose, account.uid()), account) {
            Ok(folder) => return Ok(folder),
            Err(reason) => reasons.push(format!("{}: {reason:#}", parent.display())),
        }
    }
    bail!("no folder for services: {}", reasons.join("; "))
}

/// Users do not share folders: each could not write what the other left.
fn name(purpose: &str, uid: u32) -> String {
    format!("onhand-{purpose}-{uid}")
}

fn take(parent: &Path, name: &str, account: &Account) -> Result<PathBuf> {
    ensure!(account.may_enter(parent), "the user that runs servers may not enter it");
    let folder = parent.join(name);
    fs::create_dir_all(&folder)?;
    // In a folder for temporary files, everybody could have put something of that name.
    let found = fs::symlink_metadata(&folder)?;
    ensure!(found.is_dir() && found.uid() == account.uid(), "`{name}` in it is another user's");
    open(&folder)?;
    Ok(folder)
}

fn open(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(OPEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_and_purpose_has_a_folder() {
        assert_eq!(name("cache", 0), "onhand-cache-0");
        assert_ne!(name("cache", 0), name("cache", 1_000));
        assert_ne!(name("cache", 0), name("runs", 0));
    }
}
