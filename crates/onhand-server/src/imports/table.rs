//! A CSV with a line of names: which column is which field, and the cells of each record. The cells
//! are taken apart by `csv-core`.

use onhand_core::Currency;
use onhand_core::imports::{Kind, Row, Unreadable};

use super::FileFault;
use super::values::{Cells, Field, unreadable};
use crate::adapters::files::{Carried, Dialect, Meaning};
use crate::exports::cells::without_guard;
use crate::limits::{IMPORT_COLUMNS_MAX, IMPORT_IGNORED_TOLD_MAX};

/// The columns of a file, and room for one record of it.
pub(super) struct Table {
    kind: Kind,
    names: Vec<String>,
    meanings: Vec<Meaning>,
    ignored: Vec<String>,
    currency: Option<Currency>,
    foreign: Option<(&'static Dialect, Carried)>,
    record: Record,
}

impl Table {
    /// The columns that a first line names.
    pub(super) fn of(
        line: &[u8],
        kind: Kind,
        dialect: Option<&'static Dialect>,
        currency: Option<Currency>,
    ) -> Result<Self, FileFault> {
        let mut record = Record::new();
        let wrong = |fault: Unreadable| FileFault::Header(fault.expected);
        record.read(line).map_err(wrong)?;
        let mut names = Vec::new();
        for cell in 0..record.len() {
            names.push(record.cell(cell, None).map_err(wrong)?.trim().to_owned());
        }
        let mut currency = currency;
        let meanings = match dialect {
            Some(dialect) => {
                let (meanings, of_prices) = dialect.meanings(&names, currency)?;
                currency = of_prices.or(currency);
                meanings
            }
            None => names.iter().map(|name| ours(kind, name)).collect(),
        };
        for (at, meaning) in meanings.iter().enumerate() {
            if *meaning != Meaning::Nothing && meanings[..at].contains(meaning) {
                return Err(FileFault::Twice { column: names[at].clone() });
            }
        }
        if !meanings.contains(&Meaning::Is(Field::Sku)) {
            let known = Field::of(kind).iter().map(|(name, _)| *name);
            let column = dialect.map_or("sku", |dialect| dialect.sku_column);
            let expected = match dialect {
                Some(dialect) => format!("the products that {} exports", dialect.name),
                None => known.collect::<Vec<_>>().join(", "),
            };
            let found = names.iter().take(IMPORT_IGNORED_TOLD_MAX).map(|name| format!("`{name}`"));
            let found = found.collect::<Vec<_>>().join(", ");
            return Err(FileFault::Missing { column, found, expected });
        }
        let of_nothing = names.iter().zip(&meanings);
        let ignored = of_nothing.filter(|(_, meaning)| **meaning == Meaning::Nothing);
        let ignored = ignored.map(|(name, _)| name.clone()).take(IMPORT_IGNORED_TOLD_MAX).collect();
        let foreign = dialect.map(|dialect| (dialect, Carried::default()));
        Ok(Self { kind, names, meanings, ignored, currency, foreign, record })
    }

    /// Columns of which nothing is made.
    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// What a record says; none for a record of another system that is about no product.
    pub(super) fn row(&mut self, record: &[u8]) -> Result<Option<Row>, Unreadable> {
        self.record.read(record)?;
        let (found, expected) = (self.record.len(), self.names.len());
        if found != expected {
            let expected = format!("{expected} cells, as the first line has, and not {found}");
            return Err(unreadable("wrong_cell_count", None, None, expected));
        }
        let mut texts = Vec::with_capacity(self.names.len());
        for (at, name) in self.names.iter().enumerate() {
            texts.push(match self.meanings[at] {
                Meaning::Nothing => "",
                Meaning::Is(_) | Meaning::Group | Meaning::Option(_) => {
                    self.record.cell(at, Some(name))?
                }
            });
        }
        if let Some((dialect, carried)) = &mut self.foreign {
            let named = self.names.iter().map(String::as_str);
            let cells: Vec<_> = self.meanings.iter().copied().zip(named.zip(texts)).collect();
            return dialect.row(carried, &cells, self.kind, self.currency);
        }
        let mut cells = Cells::default();
        for ((meaning, name), text) in self.meanings.iter().zip(&self.names).zip(texts) {
            if let Meaning::Is(field) = meaning
                && !text.is_empty()
            {
                cells.put(*field, name, without_guard(text));
            }
        }
        cells.row(self.kind, self.currency).map(Some)
    }
}

fn ours(kind: Kind, name: &str) -> Meaning {
    let known = Field::of(kind).iter().find(|(known, _)| *known == name);
    known.map_or(Meaning::Nothing, |(_, field)| Meaning::Is(*field))
}

/// The cells of one record.
struct Record {
    reader: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    len: usize,
}

impl Record {
    fn new() -> Self {
        // Not its default: that one is not built.
        let reader = csv_core::Reader::new();
        Self { reader, bytes: Vec::new(), ends: Vec::new(), len: 0 }
    }

    fn read(&mut self, record: &[u8]) -> Result<(), Unreadable> {
        use csv_core::ReadRecordResult as Read;
        self.reader.reset();
        // The cells of a record are never longer than the record.
        self.bytes.resize(self.bytes.len().max(record.len()), 0);
        self.ends.resize(IMPORT_COLUMNS_MAX, 0);
        let (mut input, mut written, mut ended) = (record, 0, 0);
        loop {
            let (bytes, ends) = (&mut self.bytes[written..], &mut self.ends[ended..]);
            let (result, read, wrote, ends) = self.reader.read_record(input, bytes, ends);
            (input, written, ended) = (&input[read..], written + wrote, ended + ends);
            match result {
                Read::InputEmpty => {}
                Read::Record | Read::End => break,
                Read::OutputFull | Read::OutputEndsFull => {
                    let expected = format!("at most {IMPORT_COLUMNS_MAX} cells");
                    return Err(unreadable("wrong_cell_count", None, None, expected));
                }
            }
        }
        self.len = ended;
        if input.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return Ok(());
        }
        let expected = "rows that end with a line feed, and a carriage return only before it";
        Err(unreadable("lone_carriage_return", None, None, expected))
    }

    fn len(&self) -> usize {
        self.len
    }

    fn cell(&self, at: usize, column: Option<&str>) -> Result<&str, Unreadable> {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        let bytes = &self.bytes[begin..self.ends[at]];
        std::str::from_utf8(bytes).map_err(|error| {
            let shown = String::from_utf8_lossy(bytes);
            let expected = format!("UTF-8: byte {} of the cell is not", error.valid_up_to());
            unreadable("not_utf8", column, Some(&shown), expected)
        })
    }
}
