//! Bulk data on its way in: a stream of bytes is cut into records (`records.rs`), a record's cells
//! become a row (`table.rs`, `lines.rs`, `values.rs`), and rows are handed to the committer in
//! batches, in their order (`take.rs`). Memory is bounded by the batch, whatever the file. What the
//! rows mean is decided by the core; what other systems call their columns is in
//! `adapters/files/`.

pub(crate) mod cli;
mod lines;
mod records;
mod table;
pub(crate) mod take;
mod values;

#[cfg(test)]
mod tests;

use onhand_core::Currency;
use onhand_core::imports::{Entry, Kind, Row, Unreadable};

use self::records::{Cut, Splitter};
use self::table::Table;
pub(crate) use self::values::{Cells, Field, unreadable};
use crate::adapters::files::{self, Dialect};

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Comma-separated values with a line of names.
    Csv,
    /// A JSON object on each line.
    Ndjson,
    /// The CSV of another system.
    Foreign(&'static Dialect),
}

impl Format {
    /// Every one of them.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Csv,
        Self::Ndjson,
        Self::Foreign(&files::MEDUSA),
        Self::Foreign(&files::VENDURE),
        Self::Foreign(&files::SHOPIFY),
    ];

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Foreign(dialect) => dialect.name,
        }
    }

    /// The format of a name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }
}

/// Why a file as a whole cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileFault {
    /// There is nothing in it.
    #[error("the file is empty: expected a first line with the names of its columns")]
    Empty,
    /// Its first line cannot be read.
    #[error("line 1: the names of the columns cannot be read: {0}")]
    Header(String),
    /// A column is missing.
    #[error("line 1: there is no column `{column}`; there are {found}, expected {expected}")]
    Missing {
        /// Which one.
        column: &'static str,
        /// Those that are there.
        found: String,
        /// What it should have.
        expected: String,
    },
    /// A column is there twice.
    #[error("line 1: the column `{column}` is there twice: expected each once")]
    Twice {
        /// Its name.
        column: String,
    },
    /// Prices of several currencies, and it is not said which is meant.
    #[error("line 1: prices in {0}: expected `currency` to name one of them")]
    Currencies(String),
}

/// A file as it is read, record by record.
pub(crate) struct Reading {
    kind: Kind,
    format: Format,
    currency: Option<Currency>,
    splitter: Splitter,
    table: Option<Table>,
}

impl Reading {
    /// The beginning of a file.
    pub(crate) fn new(kind: Kind, format: Format, currency: Option<Currency>) -> Self {
        let has_quotes = format != Format::Ndjson;
        Self { kind, format, currency, splitter: Splitter::new(has_quotes), table: None }
    }

    /// Whether the names of the columns are known.
    pub(crate) fn is_headed(&self) -> bool {
        self.format == Format::Ndjson || self.table.is_some()
    }

    /// Columns of which nothing is made.
    pub(crate) fn ignored(&self) -> Vec<String> {
        self.table.as_ref().map(|table| table.ignored().to_vec()).unwrap_or_default()
    }

    /// How many bytes were read up to the end of the last record, and a hash over them.
    pub(crate) fn mark(&self) -> (u64, String) {
        self.splitter.mark()
    }

    /// Reads the names of the columns, if they end within a chunk; goes on behind them.
    pub(crate) fn head(&mut self, chunk: &mut &[u8]) -> Result<(), FileFault> {
        while !self.is_headed()
            && let Some(cut) = self.splitter.next(chunk)
        {
            self.take_header(&cut)?;
        }
        Ok(())
    }

    /// The next row that ends within a chunk; goes on behind it.
    pub(crate) fn next(&mut self, chunk: &mut &[u8]) -> Option<Entry> {
        while let Some(cut) = self.splitter.next(chunk) {
            if let Some(entry) = self.entry(&cut) {
                return Some(entry);
            }
        }
        None
    }

    /// What is left when the file ends.
    pub(crate) fn finish(&mut self) -> Result<Option<Entry>, FileFault> {
        let Some(cut) = self.splitter.finish() else {
            return if self.is_headed() { Ok(None) } else { Err(FileFault::Empty) };
        };
        if self.is_headed() {
            return Ok(self.entry(&cut));
        }
        self.take_header(&cut)?;
        Ok(None)
    }

    fn take_header(&mut self, cut: &Cut) -> Result<(), FileFault> {
        if let Some(fault) = cut.fault {
            return Err(FileFault::Header(fault.unreadable().expected));
        }
        let dialect = match self.format {
            Format::Foreign(dialect) => Some(dialect),
            Format::Csv | Format::Ndjson => None,
        };
        let record = self.splitter.record();
        self.table = Some(Table::of(record, self.kind, dialect, self.currency)?);
        Ok(())
    }

    /// The row of a record; none of one that says nothing.
    fn entry(&mut self, cut: &Cut) -> Option<Entry> {
        let line = cut.line;
        let content = match cut.fault {
            Some(fault) => Err(fault.unreadable()),
            None => self.row().transpose()?,
        };
        Some(Entry { line, content })
    }

    fn row(&mut self) -> Result<Option<Row>, Unreadable> {
        let record = self.splitter.record();
        match &mut self.table {
            Some(table) => table.row(record),
            None => lines::row(record, self.kind, self.currency).map(Some),
        }
    }
}
