//! The schema's history as every store has it: numbered steps whose text is known by its checksum. A
//! step says from which schema on a binary can work with it (`-- works from: N`): a binary that is
//! older than the newest step goes on working as long as no step has taken away what it needs.

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

    /// Whether its statements run one by one, outside of a transaction: an index that is built while
    /// orders flow cannot be built within one.
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
}
