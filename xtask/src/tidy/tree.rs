//! The files of the repository, read once. Build output, databases and other tools' folders are not
//! part of it. Rules see only this, never the disk, so that a test can hand them any tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Endings of files whose text is looked at.
const TEXT_ENDINGS: &[&str] =
    &["rs", "toml", "md", "sql", "sh", "yml", "yaml", "json", "html", "css", "js", "txt", "snap"];
/// Hidden folders that belong to the repository.
const HIDDEN: &[&str] = &[".ci", ".cargo", ".github"];
/// Folders that do not.
const FOREIGN: &[&str] = &["target", "onhand-data", "node_modules"];

/// Paths from the root with `/` between the parts, each with its text when it is looked at.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads everything below `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.add_folder(root, "")?;
        Ok(tree)
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries =
            fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                if belongs(&name) {
                    self.add_folder(&entry.path(), &format!("{path}/"))?;
                }
            } else {
                let text = if has_text(&path) {
                    let text = fs::read_to_string(entry.path());
                    Some(text.with_context(|| format!("reading {path}"))?)
                } else {
                    None
                };
                self.files.insert(path, text);
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), Some(text.replace('·', "")));
        Self { files: files.iter().map(own).collect() }
    }

    /// Every file that is looked at.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let looked_at = self.files.iter();
        looked_at.filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Those with an ending.
    pub(crate) fn with_ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(ending))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether there is such a file or folder; `*` stands for one part of a path.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let wanted: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        self.files.keys().any(|file| {
            let parts: Vec<&str> = file.split('/').collect();
            let is_file = parts.len() == wanted.len();
            let fits = |(part, wanted): (&&str, &&str)| *wanted == "*" || part == wanted;
            parts.len() >= wanted.len()
                && parts.iter().zip(&wanted).all(fits)
                && !(is_file && path.ends_with('/'))
        })
    }
}

fn belongs(folder: &str) -> bool {
    !FOREIGN.contains(&folder) && (!folder.starts_with('.') || HIDDEN.contains(&folder))
}

fn has_text(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    TEXT_ENDINGS.contains(&ending) || path.starts_with(".ci/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_exist_by_whole_parts() {
        let tree = Tree::of(&[("crates/a/src/lib.rs", "")]);
        for there in ["crates", "crates/a/", "crates/*/src/lib.rs", "crates/a/src/lib.rs"] {
            assert!(tree.exists(there), "{there}");
        }
        for missing in ["crate", "crates/b", "crates/a/src/lib", "crates/a/src/lib.rs/"] {
            assert!(!tree.exists(missing), "{missing}");
        }
    }

    #[test]
    fn build_output_and_databases_are_not_looked_at() {
        assert!(belongs("docs") && belongs(".ci"));
        assert!(!belongs("target") && !belongs(".git"));
        assert!(has_text("docs/api.md") && has_text(".ci/run"));
        assert!(!has_text("shop.db") && !has_text("Cargo.lock"));
    }
}
