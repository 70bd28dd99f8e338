//! `cargo xtask tidy`: the house rules that no compiler checks, each a pure function over the tree
//! of files. It reports `file:line: what is wrong and why`; it changes nothing and has no exemption
//! list.

mod documents;
mod limits;
mod manifests;
mod rust;
mod source;
mod text;
mod tree;

use std::path::Path;

use anyhow::{Result, ensure};

use tree::Tree;

/// What the rules found.
#[derive(Debug, Default)]
struct Report {
    problems: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    fn problem(&mut self, path: &str, line: usize, message: impl AsRef<str>) {
        self.problems.push(format!("{path}:{line}: {}", message.as_ref()));
    }

    fn note(&mut self, path: &str, line: usize, message: impl AsRef<str>) {
        self.notes.push(format!("{path}:{line}: note: {}", message.as_ref()));
    }
}

type Rule = fn(&Tree, &mut Report);

const RULES: &[Rule] = &[
    text::lines_are_short,
    text::no_conflict_markers,
    text::no_notes_to_self,
    text::no_machine_paths,
    rust::files_have_headers,
    rust::files_are_short,
    rust::functions_are_short,
    rust::sql_stays_in_the_engine,
    rust::sql_is_not_formatted,
    manifests::walls_stand,
    manifests::dependencies_have_reasons,
    manifests::core_is_no_std,
    documents::paths_exist,
    documents::links_lead_somewhere,
    limits::documents_agree,
];

/// Checks the repository; false when something is wrong.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let tree = Tree::read(root)?;
    ensure!(tree.exists("Cargo.toml"), "{} is not the repository", root.display());
    let mut report = Report::default();
    for rule in RULES {
        rule(&tree, &mut report);
    }
    for line in report.notes.iter().chain(&report.problems) {
        println!("{line}");
    }
    let (files, problems) = (tree.texts().count(), report.problems.len());
    println!("tidy: {files} files looked at, {problems} problems");
    Ok(report.problems.is_empty())
}

/// What a rule says of a tree in which `·` is dropped from every text: bad examples are spelled
/// with it, so that tidy does not find them in its own tests.
#[cfg(test)]
fn check(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    let mut report = Report::default();
    rule(&Tree::of(files), &mut report);
    report.problems.extend(report.notes);
    report.problems
}
