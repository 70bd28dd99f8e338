//! The user that servers run as. PostgreSQL refuses root, so when root runs us, another user runs
//! them; otherwise they are ours. Nothing here creates users or changes what they may do.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::process::{self, ANSWER_MAX};

const ROOT: u32 = 0;
/// Users that may run servers instead of root, best first.
const ORDINARY: &[&str] = &["postgres", "nobody"];

/// Who we are, and who runs servers for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    /// `None`: we run them ourselves.
    servant: Option<Servant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Servant {
    name: &'static str,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Asks the system.
    pub(super) fn current() -> Result<Self> {
        let uid = id(&["-u"])?;
        let known = |name: &str| Some((id(&["-u", name]).ok()?, id(&["-g", name]).ok()?));
        Ok(Self { uid, servant: choose(uid, known)? })
    }

    /// Our own number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == ROOT
    }

    /// Whom a server must be run as; `None` when that is us.
    pub(super) fn run_as(&self) -> Option<&'static str> {
        self.servant.map(|servant| servant.name)
    }

    /// A program that this user will run, in a folder that every user may enter.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some(servant) = self.servant {
            // Our further groups are dropped with the user.
            command.gid(servant.gid).uid(servant.uid);
        }
        command
    }

    /// Whether this user may look into a folder.
    pub(super) fn may_enter(&self, folder: &Path) -> bool {
        let mut test = self.command("test");
        test.arg("-x").arg(folder);
        process::output(test, ANSWER_MAX).is_ok()
    }

    /// Makes a folder this user's.
    pub(super) fn give(&self, folder: &Path) -> Result<()> {
        let Some(servant) = self.servant else {
            return Ok(());
        };
        chown(folder, Some(servant.uid), Some(servant.gid))
            .with_context(|| format!("giving {} to `{}`", folder.display(), servant.name))
    }
}

/// A program that the owner of a folder will run: what was started by an earlier run is stopped by
/// whom it runs as, whoever that would be today.
pub(super) fn command_of_owner(folder: &Path, program: impl AsRef<OsStr>) -> Result<Command> {
    let owner = fs::metadata(folder)?;
    let mut command = Command::new(program);
    command.current_dir("/");
    if id(&["-u"])? == ROOT {
        command.gid(owner.gid()).uid(owner.uid());
    }
    Ok(command)
}

/// Who runs servers for the user `uid`; `known` tells the numbers of a user and its group.
fn choose(uid: u32, known: impl Fn(&str) -> Option<(u32, u32)>) -> Result<Option<Servant>> {
    if uid != ROOT {
        return Ok(None);
    }
    let servants = ORDINARY.iter().filter_map(|name| {
        let (uid, gid) = known(name)?;
        Some(Servant { name, uid, gid })
    });
    let servant = servants.into_iter().find(|servant| servant.uid != ROOT);
    let missing = "PostgreSQL refuses to be run by root, and there is no user `postgres` or \
                   `nobody` to run it; create one, or do not run this as root";
    servant.map(Some).context(missing)
}

fn id(arguments: &[&str]) -> Result<u32> {
    let mut command = Command::new("id");
    command.args(arguments);
    let text = process::output(command, ANSWER_MAX)?;
    text.parse().with_context(|| format!("`id` says `{text}`, which is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uid: u32, users: &[(&str, u32)]) -> Result<Option<&'static str>> {
        let known = |name: &str| {
            let user = users.iter().find(|user| user.0 == name)?;
            Some((user.1, user.1))
        };
        choose(uid, known).map(|servant| servant.map(|servant| servant.name))
    }

    #[test]
    fn root_has_an_ordinary_user_run_servers() {
        let both = [("nobody", 65_534), ("postgres", 101)];
        assert_eq!(check(ROOT, &both).unwrap(), Some("postgres"));
        assert_eq!(check(ROOT, &[("nobody", 65_534)]).unwrap(), Some("nobody"));
        assert_eq!(check(ROOT, &[("postgres", 0), ("nobody", 9)]).unwrap(), Some("nobody"));
        assert!(check(ROOT, &[("daemon", 1)]).is_err());
    }

    #[test]
    fn everybody_else_runs_them_alone() {
        assert_eq!(check(1_000, &[("postgres", 101)]).unwrap(), None);
    }
}
