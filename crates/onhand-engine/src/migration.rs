//! The schema's history as every store has it: numbered steps whose text is known by its checksum.
//! A step says from which schema on a binary can work with it (`-- works from: N`): a binary that
//! is older than the newest step goes on working as long as no step has taken away what it needs.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// One step of a schema.
#[derive(Debug)]
pub(crate) struct Migration {
    /// Position, from 1.
    pub(crate) version: i64,
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// A step that a database has.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) checksum: Vec<u8>,
    /// The oldest schema whose binaries can work with it.
    pub(crate) works_from: i64,
}

/// A migration and whether a database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Position, from 1.
    pub version: i64,
    /// What it is called.
    pub name: String,
    /// Whether the database has it.
    pub is_applied: bool,
    /// Whether this binary has it: not when a newer one has migrated.
    pub is_known: bool,
}

/// The steps that this binary knows, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History(pub(crate) &'static [Migration]);

impl Migration {
    pub(crate) fn checksum(&self) -> Vec<u8> {
        Sha256::digest(self.sql.as_bytes()).to_vec()
    }

    /// What its header says after a word.
    fn header(&self, word: &str) -> Option<&'static str> {
        let comments = self.sql.lines().map_while(|line| line.strip_prefix("-- "));
        comments.filter_map(|comment| comment.strip_prefix(word)).map(str::trim).next()
    }

    /// The oldest schema whose binaries can work with it; its own when it does not say.
    pub(crate) fn works_from(&self) -> i64 {
        let stated = self.header("works from:").and_then(|number| number.parse().ok());
        stated.unwrap_or(self.version)
    }

    /// Whether its statements run one by one, outside of a transaction: an index that is built
    /// while orders flow cannot be built within one.
    pub(crate) fn is_outside_transaction(&self) -> bool {
        self.header("outside a transaction").is_some()
    }

    /// Its statements, for running them one by one: each ends with the line that ends with `;`.
    pub(crate) fn statements(&self) -> Vec<&'static str> {
        let parts = self.sql.split_inclusive(";\n").map(str::trim);
        let is_code =
            |part: &&str| part.lines().any(|line| !line.starts_with("--") && !line.is_empty());
        parts.filter(is_code).collect()
    }
}

impl History {
    /// Compares what was applied with what this binary knows; answers the newest known version that
    /// was applied.
    ///
    /// # Errors
    /// Why this binary must leave the database alone, in words for the operator.
    pub(crate) fn check(self, applied: &[Applied]) -> Result<i64, String> {
        let newest_known = self.0.last().map_or(0, |migration| migration.version);
        let mut newest = 0;
        for Applied { version, name, checksum, works_from } in applied {
            match self.0.iter().find(|migration| migration.version == *version) {
                Some(known) if known.checksum() != *checksum => {
                    return Err(format!(
                        "migration {version} ({name}) was applied in another form than this onhand \
                         has"
                    ));
                }
                Some(_) => newest = *version,
                None if *works_from > newest_known => {
                    return Err(format!(
                        "the database has migration {version} ({name}), which this onhand does not \
                         know: it was written by a newer version; upgrade onhand"
                    ));
                }
                None => {}
            }
        }
        Ok(newest)
    }

    /// What is missing after a version.
    pub(crate) fn after(self, version: i64) -> impl Iterator<Item = &'static Migration> {
        self.0.iter().filter(move |migration| migration.version > version)
    }

    /// Every migration that is known or applied.
    pub(crate) fn status(self, applied: &[Applied]) -> Vec<MigrationState> {
        let is_applied = |version| applied.iter().any(|one| one.version == version);
        let is_known = |version| self.0.iter().any(|one| one.version == version);
        let known = self.0.iter().map(|one| MigrationState {
            version: one.version,
            name: one.name.to_owned(),
            is_applied: is_applied(one.version),
            is_known: true,
        });
        let newer = applied.iter().filter(|one| !is_known(one.version)).map(|one| MigrationState {
            version: one.version,
            name: one.name.clone(),
            is_applied: true,
            is_known: false,
        });
        known.chain(newer).collect()
    }
}

/// The folder with a folder of steps per store, from the root of the sources.
const FOLDER: &str = "crates/onhand-engine/migrations";

/// Why a new step was not written.
#[derive(Debug, thiserror::Error)]
pub enum NewStepError {
    /// These are not the sources of onhand.
    #[error("{FOLDER} is not here: run it in the root of onhand's sources")]
    NotHere,
    /// It is no name.
    #[error("`{0}` is no name for a migration: use a-z, 0-9 and _, at most {NAME_CHARS_MAX}")]
    Name(String),
    /// It cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Longest name of a step.
const NAME_CHARS_MAX: usize = 60;

/// Writes a new step for both stores: the next number, and the header that it needs.
///
/// # Errors
/// [`NewStepError`].
pub fn write_twins(root: &Path, name: &str) -> Result<Vec<PathBuf>, NewStepError> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_plain) {
        return Err(NewStepError::Name(name.to_owned()));
    }
    let folders = ["sqlite", "postgres"].map(|store| root.join(FOLDER).join(store));
    let steps = std::fs::read_dir(&folders[0]).map_err(|_| NewStepError::NotHere)?;
    let is_step = |path: &Path| path.extension().is_some_and(|extension| extension == "sql");
    let number = 1 + steps.flatten().filter(|entry| is_step(&entry.path())).count();
    let text = format!("-- What it is for.\n-- works from: {}\n\n", number.saturating_sub(1));
    let mut written = Vec::new();
    for folder in folders {
        let path = folder.join(format!("{number:04}_{name}.sql"));
        let made = std::fs::File::create_new(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        made.map_err(|source| NewStepError::Io { path: path.clone(), source })?;
        written.push(path);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: History = History(&[
        Migration { version: 1, name: "first", sql: "CREATE TABLE a (b int);\n" },
        Migration {
            version: 2,
            name: "second",
            sql: "-- More of it.\n-- works from: 1\n-- outside a transaction\n\n\
                  CREATE INDEX one ON a (b);\n-- Why.\nCREATE INDEX two\nON a (b);\n",
        },
    ]);

    fn applied(version: i64, works_from: i64) -> Applied {
        let known = KNOWN.0.iter().find(|one| one.version == version);
        let checksum = known.map_or_else(Vec::new, Migration::checksum);
        Applied { version, name: "x".into(), checksum, works_from }
    }

    #[test]
    fn a_newer_schema_is_refused_only_when_it_has_taken_something_away() {
        assert_eq!(KNOWN.check(&[]), Ok(0));
        assert_eq!(KNOWN.check(&[applied(1, 1), applied(2, 1)]), Ok(2));
        assert_eq!(KNOWN.check(&[applied(1, 1), applied(2, 1), applied(3, 2)]), Ok(2));
        let refused = KNOWN.check(&[applied(1, 1), applied(2, 1), applied(3, 3)]).unwrap_err();
        assert!(refused.contains("migration 3 (x)"), "{refused}");
        let altered = Applied { checksum: vec![1], ..applied(1, 1) };
        assert!(KNOWN.check(&[altered]).unwrap_err().contains("another form"));
    }

    #[test]
    fn a_header_says_what_a_step_needs() {
        let [first, second] = KNOWN.0 else { panic!("two of them") };
        assert_eq!((first.works_from(), second.works_from()), (1, 1));
        assert_eq!(
            (first.is_outside_transaction(), second.is_outside_transaction()),
            (false, true)
        );
        assert_eq!(second.statements().len(), 2);
        assert!(second.statements()[1].ends_with("CREATE INDEX two\nON a (b);"));
    }

    #[test]
    fn the_status_names_what_is_known_and_what_is_applied() {
        let states = KNOWN.status(&[applied(1, 1), applied(3, 2)]);
        let flags: Vec<_> =
            states.iter().map(|one| (one.version, one.is_applied, one.is_known)).collect();
        assert_eq!(flags, [(1, true, true), (2, false, true), (3, true, false)]);
    }

    #[test]
    fn a_new_step_is_written_for_both_stores_with_the_next_number() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(write_twins(root.path(), "one"), Err(NewStepError::NotHere)));
        for store in ["sqlite", "postgres"] {
            std::fs::create_dir_all(root.path().join(FOLDER).join(store)).unwrap();
        }
        for (name, file) in [("one", "0001_one.sql"), ("two_more", "0002_two_more.sql")] {
            let written = write_twins(root.path(), name).unwrap();
            let names: Vec<_> = written.iter().map(|path| path.file_name().unwrap()).collect();
            assert_eq!(names, [file, file]);
        }
        let text = std::fs::read_to_string(
            root.path().join(FOLDER).join("postgres").join("0002_two_more.sql"),
        );
        assert!(text.unwrap().contains("\n-- works from: 1\n"));
        for name in ["", "Two", "a-b", "../x", &"x".repeat(61)] {
            let refused = write_twins(root.path(), name);
            assert!(matches!(refused, Err(NewStepError::Name(_))), "{name}");
        }
    }
}
