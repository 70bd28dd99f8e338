//! Cuts a stream of bytes into records, wherever its chunks begin and end: a record ends with a
//! line break that is not between quotes. Knows where each begins, hashes what has passed, and
//! keeps no more than [`IMPORT_RECORD_BYTES_MAX`] of one. What is in a record is for others to say.

use onhand_core::imports::Unreadable;
use sha2::{Digest, Sha256};

use crate::limits::IMPORT_RECORD_BYTES_MAX;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The end of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// What is wrong with it as a whole.
    pub(super) fault: Option<CutFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutFault {
    TooLong,
    UnclosedQuote,
}

impl CutFault {
    pub(super) fn unreadable(self) -> Unreadable {
        let (code, expected) = match self {
            Self::TooLong => {
                ("row_too_long", format!("a row of at most {IMPORT_RECORD_BYTES_MAX} bytes"))
            }
            Self::UnclosedQuote => {
                ("quote_not_closed", "a closing quote before the end of the file".to_owned())
            }
        };
        Unreadable { code: code.to_owned(), column: None, value: None, expected }
    }
}

/// Where in a record the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where a cell begins.
    Begin,
    Plain,
    Quoted,
    /// Behind a quote that ends the cell or, with a second one, stands for itself.
    Quote,
}

pub(super) struct Splitter {
    has_quotes: bool,
    place: Place,
    record: Vec<u8>,
    is_too_long: bool,
    /// Whether the record was handed out.
    is_over: bool,
    /// Line breaks so far.
    breaks: u64,
    /// Those before the record.
    breaks_before: u64,
    bytes: u64,
    hash: Sha256,
}

impl Splitter {
    pub(super) fn new(has_quotes: bool) -> Self {
        Self {
            has_quotes,
            place: Place::Begin,
            record: Vec::new(),
            is_too_long: false,
            is_over: false,
            breaks: 0,
            breaks_before: 0,
            bytes: 0,
            hash: Sha256::new(),
        }
    }

    /// The record that was cut last.
    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    pub(super) fn mark(&self) -> (u64, String) {
        use std::fmt::Write;
        let mut text = String::with_capacity(64);
        for byte in self.hash.clone().finalize() {
            // A String takes whatever is written.
            let _ = write!(text, "{byte:02x}");
        }
        (self.bytes, text)
    }

    /// The end of the next record that is not blank, if it is within the chunk; what was looked at
    /// is taken off the chunk.
    pub(super) fn next(&mut self, chunk: &mut &[u8]) -> Option<Cut> {
        while !chunk.is_empty() {
            if self.is_over {
                self.begin();
            }
            let end = chunk.iter().position(|byte| self.pass(*byte));
            let (seen, rest) = chunk.split_at(end.map_or(chunk.len(), |end| end + 1));
            *chunk = rest;
            self.keep(seen);
            if end.is_some()
                && let Some(cut) = self.cut(None)
            {
                return Some(cut);
            }
        }
        None
    }

    /// The record at the end of the file that no line break ends.
    pub(super) fn finish(&mut self) -> Option<Cut> {
        if self.is_over {
            return None;
        }
        let is_open = self.place == Place::Quoted;
        self.cut(is_open.then_some(CutFault::UnclosedQuote))
    }

    fn begin(&mut self) {
        self.record.clear();
        (self.is_too_long, self.is_over, self.place) = (false, false, Place::Begin);
        self.breaks_before = self.breaks;
    }

    /// Takes note of a byte; whether it ends the record.
    fn pass(&mut self, byte: u8) -> bool {
        self.breaks += u64::from(byte == b'\n');
        self.place = match (self.place, byte) {
            (Place::Quoted, b'"') => Place::Quote,
            (Place::Quoted, _) => Place::Quoted,
            (Place::Begin | Place::Plain | Place::Quote, b'\n') => return true,
            (Place::Begin | Place::Quote, b'"') if self.has_quotes => Place::Quoted,
            (Place::Begin | Place::Plain | Place::Quote, b',') => Place::Begin,
            (Place::Begin | Place::Plain | Place::Quote, _) => Place::Plain,
        };
        false
    }

    fn keep(&mut self, seen: &[u8]) {
        self.hash.update(seen);
        self.bytes += seen.len() as u64;
        let has_room = self.record.len() + seen.len() <= IMPORT_RECORD_BYTES_MAX;
        if has_room && !self.is_too_long {
            self.record.extend_from_slice(seen);
        } else {
            self.is_too_long = true;
            self.record.clear();
        }
    }

    /// Ends the record; none if it is blank.
    fn cut(&mut self, fault: Option<CutFault>) -> Option<Cut> {
        self.is_over = true;
        if self.breaks_before == 0 && self.record.starts_with(BYTE_ORDER_MARK) {
            self.record.drain(..BYTE_ORDER_MARK.len());
        }
        while self.record.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            self.record.pop();
        }
        let fault = if self.is_too_long { Some(CutFault::TooLong) } else { fault };
        let is_blank = self.record.is_empty() && fault.is_none();
        (!is_blank).then_some(Cut { line: self.breaks_before + 1, fault })
    }
}
