//! Installations of PostgreSQL: where they may be, which version each is, which of them to use. It
//! looks and installs nothing.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::account::Account;
use super::process::{self, ANSWER_MAX};

/// The oldest major version that onhand supports.
pub(crate) const MAJOR_MIN: u32 = 13;
/// What makes a folder an installation.
const PROGRAMS: &[&str] = &["initdb", "pg_ctl", "postgres"];
/// Folders that systems install into: parent, start of the name, rest of the path.
const PLACES: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    /// The folder of its programs.
    pub(crate) bin: PathBuf,
    pub(crate) version: Version,
}

/// Since PostgreSQL 10 a version has two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl Installation {
    /// Asks the programs in a folder for their version, as the user that will run them.
    pub(super) fn probe(bin: PathBuf, account: &Account) -> Result<Self> {
        let mut command = account.command(bin.join("postgres"));
        command.arg("--version");
        let text = process::output(command, ANSWER_MAX)?;
        let version = version(&text)
            .with_context(|| format!("{} says `{text}`, which is no version", bin.display()))?;
        Ok(Self { bin, version })
    }
}

/// What this machine has: the newest of each supported major version, oldest first.
pub(super) fn installed(account: &Account) -> Vec<Installation> {
    let folders = in_places().into_iter().chain(on_path()).chain(of_pg_config());
    let complete = folders.filter(|bin| PROGRAMS.iter().all(|name| bin.join(name).is_file()));
    newest(complete.filter_map(|bin| Installation::probe(bin, account).ok()))
}

fn in_places() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (parent, start, rest) in PLACES {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(start) {
                found.push(entry.path().join(rest));
            }
        }
    }
    found
}

/// Folders of programs that can be called by name. A link leads to the installation itself.
fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let programs = env::split_paths(&path).map(|folder| folder.join("initdb"));
    let real = programs.filter_map(|program| program.canonicalize().ok());
    real.filter_map(|program| program.parent().map(Path::to_path_buf)).collect()
}

fn of_pg_config() -> Option<PathBuf> {
    let mut command = Command::new("pg_config");
    command.arg("--bindir");
    process::output(command, ANSWER_MAX).ok().map(PathBuf::from)
}

fn newest(found: impl Iterator<Item = Installation>) -> Vec<Installation> {
    let mut by_major: BTreeMap<u32, Installation> = BTreeMap::new();
    for one in found.filter(|one| one.version.major >= MAJOR_MIN) {
        let best = by_major.entry(one.version.major).or_insert_with(|| one.clone());
        if one.version > best.version {
            *best = one;
        }
    }
    by_major.into_values().collect()
}

/// Reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`, `… 18.6`, `… 19beta1`.
fn version(text: &str) -> Option<Version> {
    let (_, rest) = text.split_once("(PostgreSQL) ")?;
    let numbers = rest.split(' ').next()?;
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse().ok()
    };
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    Some(Version { major: number(major)?, minor: number(minor).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_form() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", Some((15, 14))),
            ("postgres (PostgreSQL) 18.6", Some((18, 6))),
            ("postgres (PostgreSQL) 17.5 (Homebrew)", Some((17, 5))),
            ("postgres (PostgreSQL) 19beta1", Some((19, 0))),
            ("postgres (PostgreSQL) 19devel (Debian 19~~devel.2)", Some((19, 0))),
            ("postgres (EnterpriseDB) 15.1", None),
            ("postgres (PostgreSQL) devel", None),
        ] {
            let found = version(text).map(|version| (version.major, version.minor));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn the_newest_of_each_supported_major_version_is_used() {
        let one = |bin: &str, major, minor| Installation {
            bin: bin.into(),
            version: Version { major, minor },
        };
        let found = [
            one("a", 18, 1),
            one("b", 15, 2),
            one("c", 15, 10),
            one("d", 15, 9),
            one("e", MAJOR_MIN - 1, 20),
        ];
        assert_eq!(newest(found.into_iter()), [one("c", 15, 10), one("a", 18, 1)]);
    }
}
