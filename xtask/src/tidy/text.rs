//! Rules for every text file: width, leftovers of merges, notes to self, paths of one's own
//! machine.

use super::Report;
use super::tree::Tree;

const COLUMNS_MAX: usize = 100;
/// What a merge leaves behind, without the rest of its line.
const MARKERS: [&str; 4] = [
    concat!("<<<<", "<<<"),
    concat!("|||||", "||"),
    concat!("=====", "=="),
    concat!(">>>>>", ">>"),
];
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
const HOMES: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Code is read side by side. Markdown is free: its tables cannot wrap.
pub(super) fn lines_are_short(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs").chain(tree.with_ending(".toml")) {
        for (line, content) in numbered(text) {
            let columns = content.chars().count();
            if columns > COLUMNS_MAX {
                report.problem(path, line, format!("{columns} columns, most are {COLUMNS_MAX}"));
            }
        }
    }
}

/// A merge was finished.
pub(super) fn no_conflict_markers(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.texts() {
        for (line, content) in numbered(text) {
            let rest = MARKERS.iter().find_map(|marker| content.strip_prefix(marker));
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
                report.problem(path, line, "a conflict marker: finish the merge");
            }
        }
    }
}

/// What is left to do is an issue, where others see it.
pub(super) fn no_notes_to_self(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.texts() {
        for (line, content) in numbered(text) {
            let words = content.split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in words.filter(|word| NOTES.contains(word)) {
                report.problem(path, line, format!("`{word}`: do it, or open an issue"));
            }
        }
    }
}

/// A path of one machine means nothing on the next.
pub(super) fn no_machine_paths(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.texts() {
        for (line, content) in numbered(text) {
            for home in HOMES.iter().filter(|home| names_path(content, home)) {
                report.problem(path, line, format!("`{home}`: a path of one's own machine"));
            }
        }
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// Whether an absolute path under `home` is named; part of a longer path is none.
fn names_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && !"_-.}>*/~".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn a_line_has_at_most_100_columns_outside_markdown() {
        let (fits, too_long) = ("ü".repeat(100), "ü".repeat(101));
        assert!(check(lines_are_short, &[("a.rs", &fits), ("b.md", &too_long)]).is_empty());
        let problems = check(lines_are_short, &[("a.toml", &format!("\n{too_long}"))]);
        assert_eq!(problems, ["a.toml:2: 101 columns, most are 100"]);
    }

    #[test]
    fn conflict_markers_are_found() {
        let bad = "a\n<<<·<<<< ours\n===·====\n>>>·>>>> theirs\n";
        assert_eq!(check(no_conflict_markers, &[("a.md", bad)]).len(), 3);
        let good = "===·===== \n a <<<·<<<< b\n====\n";
        assert!(check(no_conflict_markers, &[("a.md", good)]).is_empty());
    }

    #[test]
    fn notes_to_self_are_found_as_whole_words() {
        let problems = check(no_notes_to_self, &[("a.rs", "\n// TO·DO: later")]);
        assert!(problems[0].starts_with("a.rs:2: "), "{problems:?}");
        assert!(check(no_notes_to_self, &[("a.rs", "// TO·DO_LIST, todo, FIX·MES")]).is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_found_and_routes_are_not() {
        for bad in ["cd /wo·rk/main", "`/ro·ot/.cargo`", "\"/ho·me/me/x\"", "file:/Us·ers/me"] {
            assert_eq!(check(no_machine_paths, &[("a.md", bad)]).len(), 1, "{bad}");
        }
        let good = "/v1/wo·rk/1, https://example.com/ho·me/, ~/wo·rk/, target/ro·ot/";
        assert!(check(no_machine_paths, &[("a.md", good)]).is_empty());
    }
}
