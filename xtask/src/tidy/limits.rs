//! The rule that documents state limits as the code has them: a name like `PAGE_ROWS_MAX` in
//! backticks exists in a `limits.rs`, and a number behind it is its value.

use std::collections::BTreeMap;

use super::Report;
use super::documents::prose;
use super::tree::Tree;

/// Endings of names that can only be limits; others with a number behind them are taken for one
/// too.
const LIMIT_ENDINGS: &[&str] = &["_MAX", "_MIN", "_DEFAULT"];
/// Units that may stand behind a number.
const UNITS: &[(&str, i128)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
];

/// Values by name; two crates may have limits of one name.
type Limits = BTreeMap<String, Vec<i128>>;

/// Documents and code state the same limits.
pub(super) fn documents_agree(tree: &Tree, report: &mut Report) {
    let mut limits = Limits::new();
    for (_, text) in
        tree.with_ending("/src/limits.rs").filter(|(path, _)| path.starts_with("crates/"))
    {
        read_limits(text, &mut limits);
    }
    for (path, text) in tree.with_ending(".md") {
        for (line, content) in prose(text) {
            for (name, stated) in stated_limits(content) {
                match (limits.get(name), stated) {
                    (None, _) => {
                        report.problem(path, line, format!("`{name}` is in no `limits.rs`"));
                    }
                    (Some(values), Some(stated)) if !values.contains(&stated) => {
                        let message = format!("`{name}` is {values:?} in the code, not {stated}");
                        report.problem(path, line, message);
                    }
                    (Some(_), _) => {}
                }
            }
        }
    }
}

/// Takes in the constants of one file that have a value that can be worked out.
fn read_limits(text: &str, limits: &mut Limits) {
    for statement in text.split("const ").skip(1) {
        let declaration = statement.split(';').next().unwrap_or_default();
        let Some((name, value)) = declaration.split_once('=') else {
            continue;
        };
        let name = name.split(':').next().unwrap_or_default().trim();
        let values = limits.entry(name.to_owned()).or_default();
        values.extend(value_of(value));
    }
}

/// The value of products, shifts and calls like `Duration::from_secs(30)`.
fn value_of(expression: &str) -> Option<i128> {
    let inside = expression.split_once('(').map_or(expression, |(_, inside)| inside);
    let inside = inside.trim().trim_end_matches(')');
    if let Some((left, right)) = inside.split_once("<<") {
        return value_of(left)?.checked_shl(u32::try_from(value_of(right)?).ok()?);
    }
    inside.split('*').map(|factor| factor.trim().replace('_', "").parse::<i128>().ok()).product()
}

/// What a variable of the environment is called; those have no place among limits.
const VARIABLE_BEGINNINGS: &[&str] = &["ONHAND_", "JWT_"];

/// Names of limits in a line, each with the number that stands behind it, if any.
fn stated_limits(line: &str) -> Vec<(&str, Option<i128>)> {
    let parts: Vec<&str> = line.split('`').collect();
    let mut found = Vec::new();
    for (index, name) in parts.iter().enumerate().skip(1).step_by(2) {
        let shouted =
            name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let is_variable = VARIABLE_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
        let is_name = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains('_');
        if !shouted || !is_name || is_variable {
            continue;
        }
        let behind = parts.get(index + 1..).unwrap_or_default().join("`");
        let number = number_at(behind.trim_start_matches([' ', '|', '=', ':', '(', '`']));
        if number.is_some() || LIMIT_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push((*name, number));
        }
    }
    found
}

/// The number at the start of a text: `1,000`, `1_000`, `64 MiB`, `7 days`.
fn number_at(text: &str) -> Option<i128> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let is_part = |c: char| c.is_ascii_digit() || c == ',' || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number: i128 = digits.replace([',', '_'], "").parse().ok()?;
    let unit = UNITS.iter().find(|(unit, _)| rest.trim_start().starts_with(unit));
    Some(number * unit.map_or(1, |(_, factor)| *factor))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    const CODE: (&str, &str) = (
        "crates/a/src/limits.rs",
        "//! Limits.\npub const ROWS_MAX: usize = 1_000;\n\
         pub const LOG_BYTES_MAX: u64 = 64 << 20;\n\
         pub const HOLD_SECS: i64 = 7 * 24 * 3_600;\n\
         pub const WAIT: Duration = Duration::from_secs(30);\n",
    );

    #[test]
    fn documents_may_state_limits_as_they_are() {
        let good = "| `ROWS_MAX` | 1,000 |\n| `LOG_BYTES_MAX` | 64 MiB |\n\
                    | `HOLD_SECS` | 7 days |\n\
                    At most `ROWS_MAX` rows; set `DATABASE_URL` and `RUST_LOG`.\n\
                    | `ONHAND_HOLD_SECS` | `7` |\n\
                    `ROWS_MAX` (1000)\n";
        assert_eq!(check(documents_agree, &[CODE, ("docs/api.md", good)]), Vec::<String>::new());
    }

    #[test]
    fn documents_may_not_state_others() {
        for (bad, message) in [
            ("| `ROWS_MAX` | 200 |", "`ROWS_MAX` is [1000] in the code, not 200"),
            ("| `LOG_BYTES_MAX` | 64 |", "`LOG_BYTES_MAX` is [67108864] in the code, not 64"),
            ("at most `PAGES_MAX` pages", "`PAGES_MAX` is in no `limits.rs`"),
        ] {
            let problems = check(documents_agree, &[CODE, ("docs/api.md", bad)]);
            assert_eq!(problems, [format!("docs/api.md:1: {message}")]);
        }
    }

    #[test]
    fn values_are_worked_out() {
        assert_eq!(value_of(" 31 * 24 * 3600"), Some(2_678_400));
        assert_eq!(value_of(" Duration::from_secs(30)"), Some(30));
        assert_eq!(value_of(" OTHER"), None);
    }
}
