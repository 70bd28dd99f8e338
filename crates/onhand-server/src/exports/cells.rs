//! How a text stands in a CSV: in quotes where it must, and never as a formula. A spreadsheet
//! computes a cell that begins with `=`, `+`, `-` or `@`, so such a text is given a `'` in front
//! (OWASP, CSV injection); the import takes it off again. Numbers are ours and stay as they are.

/// What a text begins with that a spreadsheet would compute.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
const GUARD: char = '\'';

/// Whether a text, guarded or not, begins as a formula does.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches(GUARD).starts_with(FORMULA)
}

/// The text that was meant by a cell.
pub(crate) fn without_guard(cell: &str) -> &str {
    match cell.strip_prefix(GUARD) {
        Some(text) if is_formula(text) => text,
        Some(_) | None => cell,
    }
}

/// Writes a text as a cell.
pub(super) fn put_text(line: &mut String, text: &str) {
    let guard = if is_formula(text) { "'" } else { "" };
    let needs_quotes = text.contains([',', '"', '\n', '\r']);
    if !needs_quotes {
        line.push_str(guard);
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(guard);
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_a_formula_and_comes_back_as_it_was() {
        let check = |text: &str, cell: &str| {
            let mut line = String::new();
            put_text(&mut line, text);
            assert_eq!(line, cell);
            let inner = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let inner = inner.map_or(cell.to_owned(), |inner| inner.replace("\"\"", "\""));
            assert_eq!(without_guard(&inner), text);
        };
        check("Green tea", "Green tea");
        check("=1+1", "'=1+1");
        check("@cmd", "'@cmd");
        check("-5", "'-5");
        check("'=1", "''=1");
        check("''", "''");
        check("'quoted'", "'quoted'");
        check("a,b", "\"a,b\"");
        check("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\"");
        check("two\nlines", "\"two\nlines\"");
    }
}
