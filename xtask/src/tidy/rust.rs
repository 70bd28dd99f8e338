//! Rules for `.rs` files: headers, lengths, and where SQL may be.

use super::Report;
use super::source::{Source, is_word};
use super::tree::Tree;

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;
const FILE_LINES_NOTED: usize = 500;
const ENGINE: &str = "crates/onhand-engine/";
/// Words, with their space, that only the engine's strings contain.
const STATEMENTS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE FROM"];
/// Words that make a formatted string one that builds SQL.
const CLAUSES: &[&str] = &["CREATE", "ALTER", "DROP", "FROM", "WHERE", "VALUES", "SET", "ORDER BY"];
const FORMATTERS: &[&str] = &["format!(", "format_args!(", "write!(", "writeln!("];
/// Opens the comment that says why a statement has to be formatted.
const SQL_REASON: &str = "// Formatted SQL:";
/// How far above the string that comment may be.
const REASON_LINES: usize = 4;

/// A file says what it is for before anything else.
pub(super) fn files_have_headers(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs") {
        if !text.trim_start().starts_with("//!") {
            let message = "the file does not open with `//!`: what it is for, what it must not do";
            report.problem(path, 1, message);
        }
    }
}

/// A file is one idea.
pub(super) fn files_are_short(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs") {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            let message = format!("{lines} lines, most are {FILE_LINES_MAX}; split it by idea");
            report.problem(path, lines, message);
        } else if lines > FILE_LINES_NOTED {
            report.note(path, lines, format!("{lines} lines; aim below {FILE_LINES_NOTED}"));
        }
    }
}

/// A function fits on a screen.
pub(super) fn functions_are_short(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs") {
        let source = Source::scan(text);
        for (name, start, end) in functions(&source.code) {
            let first = source.line(start);
            let lines = source.line(end) - first + 1;
            if lines > FUNCTION_LINES_MAX {
                let message =
                    format!("`{name}` has {lines} lines, most are {FUNCTION_LINES_MAX}; split it");
                report.problem(path, first, message);
            }
        }
    }
}

/// Only the engine knows SQL.
pub(super) fn sql_stays_in_the_engine(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs").filter(|(path, _)| !path.starts_with(ENGINE)) {
        let source = Source::scan(text);
        for literal in &source.strings {
            if let Some(word) = word_in(&literal.text, STATEMENTS) {
                let line = source.line(literal.at);
                report.problem(path, line, format!("`{word}`: SQL belongs into {ENGINE}"));
            }
        }
    }
}

/// Values reach the database as parameters; a name that has to be written into a statement is
/// explained.
pub(super) fn sql_is_not_formatted(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.with_ending(".rs") {
        let source = Source::scan(text);
        for literal in &source.strings {
            let word =
                word_in(&literal.text, STATEMENTS).or_else(|| word_in(&literal.text, CLAUSES));
            let formatted = literal.text.contains('{') && is_formatted(&source.code, literal.at);
            let line = source.line(literal.at);
            if let (Some(word), true) = (word, formatted)
                && !has_reason(text, line)
            {
                let message = format!(
                    "`{word}` in a formatted string: bind a parameter, or say above it why that \
                     cannot be, in a comment that opens with `{SQL_REASON}`"
                );
                report.problem(path, line, message);
            }
        }
    }
}

/// Name, start and end of every function that has a body.
fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn") {
        let before = at.checked_sub(1).and_then(|at| code.as_bytes().get(at));
        let rest = code.get(at + 2..).unwrap_or_default();
        let name = rest.trim_start();
        let length = name.bytes().take_while(|byte| is_word(*byte) || *byte == b'$').count();
        let is_keyword = before.is_none_or(|byte| !is_word(*byte) && *byte != b'#');
        if !is_keyword || length == 0 || name.len() == rest.len() {
            continue;
        }
        if let Some(end) = end_of_body(code, at) {
            found.push((name.get(..length).unwrap_or_default(), at, end));
        }
    }
    found
}

/// The closing brace of the function that starts at `at`; `None` when it has no body.
fn end_of_body(code: &str, at: usize) -> Option<usize> {
    let (mut groups, mut braces) = (0_usize, 0_usize);
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => groups += 1,
            b')' | b']' => groups = groups.saturating_sub(1),
            b';' if groups == 0 && braces == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// The first of `words` that stands in `text` by itself, with space behind it.
fn word_in<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    words.iter().copied().find(|word| {
        text.match_indices(word).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            let after = text.as_bytes().get(at + word.len());
            before.is_none_or(|byte| !is_word(*byte))
                && after.is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'\\')
        })
    })
}

/// Whether the string at `at` is the pattern of a formatting macro.
fn is_formatted(code: &str, at: usize) -> bool {
    let before = code.get(..at).unwrap_or_default();
    FORMATTERS.iter().any(|macro_call| {
        before.rsplit_once(macro_call).is_some_and(|(_, between)| {
            !between.contains([')', ';', '"']) && between.matches(',').count() <= 1
        })
    })
}

fn has_reason(text: &str, line: usize) -> bool {
    let above = text.lines().take(line).skip(line.saturating_sub(REASON_LINES + 1));
    above.map(str::trim).any(|line| line.starts_with(SQL_REASON))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn function(lines: usize) -> String {
        format!(
            "fn long<T>(x: [T; 2]) -> u8 {{\n{}}}\n",
            "    a('{', \"{\"); // {\n".repeat(lines - 2)
        )
    }

    #[test]
    fn a_file_opens_with_its_header() {
        assert!(check(files_have_headers, &[("a.rs", "//! What it is for.\n")]).is_empty());
        let problems = check(files_have_headers, &[("a.rs", "// What it is for.\n")]);
        assert!(problems[0].starts_with("a.rs:1: "), "{problems:?}");
    }

    #[test]
    fn a_long_file_is_noted_and_a_longer_one_refused() {
        assert!(check(files_are_short, &[("a.rs", &"\n".repeat(500))]).is_empty());
        let noted = check(files_are_short, &[("a.rs", &"\n".repeat(800))]);
        assert!(noted[0].contains("note: 800 lines"), "{noted:?}");
        let refused = check(files_are_short, &[("a.rs", &"\n".repeat(801))]);
        assert!(refused[0].contains("801 lines, most are 800"), "{refused:?}");
    }

    #[test]
    fn a_function_has_at_most_70_lines_whatever_its_strings_hold() {
        assert!(check(functions_are_short, &[("a.rs", &function(70))]).is_empty());
        let text = format!("type F = fn(u8);\ntrait T {{ fn none(&self); }}\n{}", function(71));
        let problems = check(functions_are_short, &[("a.rs", &text)]);
        assert_eq!(problems, ["a.rs:3: `long` has 71 lines, most are 70; split it"]);
    }

    #[test]
    fn sql_outside_the_engine_is_found_in_strings_only() {
        let bad = "//! Head.\nconst A: &str = \"SEL·ECT 1\";";
        let problems = check(sql_stays_in_the_engine, &[("crates/onhand-server/src/a.rs", bad)]);
        assert!(problems[0].contains("a.rs:2: `SEL"), "{problems:?}");
        assert!(
            check(sql_stays_in_the_engine, &[("crates/onhand-engine/src/a.rs", bad)]).is_empty()
        );
        let good = "// SEL·ECT 1\nconst A: &str = \"SELECTED, DELETE /v1/products\";";
        assert!(check(sql_stays_in_the_engine, &[("a.rs", good)]).is_empty());
    }

    #[test]
    fn sql_is_formatted_only_with_a_reason() {
        for bad in [
            "format!(\"DR·OP TABLE t_{n}\");",
            "write!(text, \"a WH·ERE id = {id}\");",
            "prepare(&format!(\n \"INS·ERT INTO t_{n} VA·LUES (?1)\"));",
        ] {
            assert_eq!(check(sql_is_not_formatted, &[("a.rs", bad)]).len(), 1, "{bad}");
        }
        for good in [
            "prepare(\"INS·ERT INTO t VA·LUES (?1)\");",
            "format!(\"{n} values from {m}\");",
            "// Formatted SQL: n is a number of ours.\nlet a = format!(\"DR·OP TABLE t_{n}\");",
            "format!(\"{a}\"); prepare(\"SEL·ECT '{}' FR·OM t\");",
        ] {
            assert!(check(sql_is_not_formatted, &[("a.rs", good)]).is_empty(), "{good}");
        }
    }
}
