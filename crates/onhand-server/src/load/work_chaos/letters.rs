//! The mails in the folder: exactly one for each event of an order, whose Message-ID is its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use onhand_core::Timestamp;

use super::log::Entry;
use super::rates::Times;

/// A mail, by its Message-ID `<evt_108.order_placed.9f86d081@domain>`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Letter {
    message_id: String,
    written_at: Timestamp,
}

/// Every mail of the folder.
#[derive(Debug, Default)]
pub(super) struct Letters(Vec<Letter>);

impl Letters {
    /// Reads the folder. What is not whole yet has another name.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut letters = Vec::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|kind| kind == "eml") {
                let file = File::open(&path)?;
                let written_at = Timestamp::try_from(file.metadata()?.modified()?)?;
                letters.push(Letter { message_id: message_id(file)?, written_at });
            }
        }
        Ok(Self(letters))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// When the mail about each event was written.
    pub(super) fn times(&self) -> Times {
        let time = |letter: &Letter| Some((event_of(&letter.message_id)?.0, letter.written_at));
        self.0.iter().filter_map(time).collect()
    }

    /// What is wrong with them, if they are about these events, whose templates are called as the
    /// events are.
    pub(super) fn problems(&self, entries: &[Entry]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut ids = BTreeSet::new();
        let mut written: BTreeMap<(i64, String), u32> = BTreeMap::new();
        for Letter { message_id, .. } in &self.0 {
            if !ids.insert(message_id) {
                problems.push(format!("two mails are called {message_id}"));
            }
            match event_of(message_id) {
                Some((seq, template)) => {
                    *written.entry((seq, template.to_owned())).or_default() += 1;
                }
                None => problems.push(format!("a mail is called {message_id}")),
            }
        }
        for Entry { seq, kind, .. } in entries {
            let template = kind.replace('.', "_");
            match written.remove(&(*seq, template.clone())) {
                Some(1) => {}
                count => {
                    let count = count.unwrap_or(0);
                    problems.push(format!("evt_{seq} has {count} mails `{template}`"));
                }
            }
        }
        let unasked = written.keys();
        problems.extend(unasked.map(|(seq, name)| format!("nobody asked for {name} of evt_{seq}")));
        problems
    }
}

fn message_id(file: File) -> Result<String> {
    for line in BufReader::new(file).lines() {
        let line = line?;
        if let Some(id) = line.strip_prefix("Message-ID:") {
            return Ok(id.trim().to_owned());
        }
        if line.is_empty() {
            break;
        }
    }
    None.context("a mail without a Message-ID")
}

/// The event, and the template.
fn event_of(message_id: &str) -> Option<(i64, &str)> {
    let (seq, rest) = message_id.strip_prefix("<evt_")?.split_once('.')?;
    let (template, _) = rest.split_once('.')?;
    Some((seq.parse().ok()?, template))
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::entry;
    use super::super::{PLACED, PROCESSING};
    use super::*;

    #[test]
    fn every_event_has_one_mail() {
        let entries = [entry(3, PLACED, "ord_1"), entry(8, PROCESSING, "ord_1")];
        let check = |ids: &[&str], wanted: &[&str]| {
            let letter =
                |id: &&str| Letter { message_id: (*id).to_owned(), written_at: entries[0].at };
            let letters = Letters(ids.iter().map(letter).collect());
            assert_eq!(letters.problems(&entries), wanted);
        };
        let (placed, processing) = ("<evt_3.order_placed.aa@x>", "<evt_8.order_processing.aa@x>");
        check(&[placed, processing], &[]);
        check(&[placed], &["evt_8 has 0 mails `order_processing`"]);
        check(
            &[placed, processing, "<evt_3.order_placed.bb@x>"],
            &["evt_3 has 2 mails `order_placed`"],
        );
        check(
            &[placed, processing, processing],
            &[
                "two mails are called <evt_8.order_processing.aa@x>",
                "evt_8 has 2 mails `order_processing`",
            ],
        );
        check(
            &[placed, processing, "<evt_3.order_expired.aa@x>"],
            &["nobody asked for order_expired of evt_3"],
        );
        check(&[placed, processing, "<hello>"], &["a mail is called <hello>"]);
    }

    #[test]
    fn letters_are_read_by_their_headers() {
        let folder = tempfile::tempdir().unwrap();
        let mail = "Date: now\r\nMessage-ID: <evt_3.order_placed.aa@x>\r\n\r\nMessage-ID: no\r\n";
        fs::write(folder.path().join("a.eml"), mail).unwrap();
        fs::write(folder.path().join(".onhand1"), "half").unwrap();
        let letters = Letters::read(folder.path()).unwrap();
        assert_eq!(letters.times().into_keys().collect::<Vec<_>>(), [3]);
        fs::write(folder.path().join("b.eml"), "\r\nMessage-ID: no\r\n").unwrap();
        assert!(Letters::read(folder.path()).is_err());
    }
}
