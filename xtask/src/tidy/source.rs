//! Rust source split into code, strings and comments, with the positions kept. It is a scanner, not
//! a parser: enough to count braces and to look into strings without being fooled by either.

/// A string literal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where its opening quote is in the code.
    pub(crate) at: usize,
    /// What is between the quotes, escapes as written.
    pub(crate) text: String,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// The code, with strings, character literals and comments blanked out; as long as the file.
    pub(crate) code: String,
    /// Its strings, in order.
    pub(crate) strings: Vec<Literal>,
}

impl Source {
    /// Scans a file.
    pub(crate) fn scan(text: &str) -> Self {
        let mut scanner = Scanner { text: text.as_bytes(), at: 0, code: Vec::new() };
        let mut strings = Vec::new();
        while let Some(byte) = scanner.peek(0) {
            let raw = scanner.raw_string();
            match (byte, scanner.peek(1)) {
                (b'/', Some(b'/')) => scanner.blank_while(|rest| !rest.starts_with(b"\n")),
                (b'/', Some(b'*')) => scanner.blank_comment(),
                (b'"', _) => strings.push(scanner.string(None, text)),
                (b'\'', _) => scanner.quote(),
                (_, _) if raw.is_some() => strings.push(scanner.string(raw, text)),
                (byte, _) => scanner.keep(byte),
            }
        }
        let code = String::from_utf8_lossy(&scanner.code).into_owned();
        Self { code, strings }
    }

    /// The line, from 1, of a position in the code.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.code.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    code: Vec<u8>,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn keep(&mut self, byte: u8) {
        self.code.push(if byte.is_ascii() { byte } else { b' ' });
        self.at += 1;
    }

    fn blank(&mut self, bytes: usize) {
        for _ in 0..bytes {
            if let Some(byte) = self.peek(0) {
                self.code.push(if byte == b'\n' { b'\n' } else { b' ' });
                self.at += 1;
            }
        }
    }

    fn blank_while(&mut self, goes_on: impl Fn(&[u8]) -> bool) {
        while self.at < self.text.len() && goes_on(self.rest()) {
            self.blank(1);
        }
    }

    /// A block comment; they nest.
    fn blank_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            if self.rest().starts_with(b"/*") {
                depth += 1;
                self.blank(2);
            } else if self.rest().starts_with(b"*/") {
                depth -= 1;
                self.blank(2);
            } else {
                self.blank(1);
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// The number of `#` when a raw string starts here.
    fn raw_string(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        if before.is_some_and(|byte| is_word(*byte) && !b"bc".contains(byte)) {
            return None;
        }
        let hashes = self.rest().strip_prefix(b"r")?;
        let count = hashes.iter().take_while(|byte| **byte == b'#').count();
        (hashes.get(count) == Some(&b'"')).then_some(count)
    }

    /// A string literal, blanked; only its quotes stay in the code.
    fn string(&mut self, raw: Option<usize>, text: &str) -> Literal {
        self.blank(raw.map_or(0, |hashes| hashes + 1));
        let at = self.at;
        self.keep(b'"');
        let start = self.at;
        let end_mark = [b"\"".as_slice(), &b"#".repeat(raw.unwrap_or(0))].concat();
        while self.at < self.text.len() && !self.rest().starts_with(&end_mark) {
            let escape = raw.is_none() && self.peek(0) == Some(b'\\');
            self.blank(if escape { 2 } else { 1 });
        }
        let inside = text.get(start..self.at).unwrap_or_default().to_owned();
        if self.at < self.text.len() {
            self.keep(b'"');
            self.blank(raw.unwrap_or(0));
        }
        Literal { at, text: inside }
    }

    /// A character literal, or a lifetime's mark.
    fn quote(&mut self) {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        if rest.starts_with(b"\\") {
            self.blank(3);
            self.blank_while(|rest| !rest.starts_with(b"'"));
            self.blank(1);
            return;
        }
        let first = String::from_utf8_lossy(rest.get(..4).unwrap_or(rest)).chars().next();
        let length = first.map_or(1, char::len_utf8);
        if rest.get(length) == Some(&b'\'') {
            self.blank(length + 2);
        } else {
            self.keep(b'\'');
        }
    }
}

/// Whether a byte may be part of a name.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let source = Source::scan(text);
        assert_eq!(source.code.len(), text.len(), "positions must not move");
        source.code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(code("a // { \n b"), "a b");
        assert_eq!(code("a /* { /* { */ } */ b"), "a b");
        assert_eq!(code(r#"a("}\"{", 1)"#), r#"a(" ", 1)"#);
        assert_eq!(code("a(r#\"{\"{\"#, 1)"), "a( \" \" , 1)");
        assert_eq!(code("a(br\"\\\", 1)"), "a(b \" \", 1)");
    }

    #[test]
    fn characters_are_not_code_and_lifetimes_are() {
        assert_eq!(code("m('{', '\\'', '\"', 'ü', '\\u{7b}')"), "m( , , , , )");
        assert_eq!(code("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
        assert_eq!(code("let r#fn = 'x'; letter\"s\""), "let r#fn = ; letter\" \"");
    }

    #[test]
    fn strings_know_their_line() {
        let source = Source::scan("a\n  \"one\"\n r\"two\"");
        let found: Vec<_> =
            source.strings.iter().map(|one| (source.line(one.at), one.text.as_str())).collect();
        assert_eq!(found, [(2, "one"), (3, "two")]);
    }
}
