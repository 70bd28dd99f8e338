//! Bulk data on its way out: pages by key from the readers, one at a time, as CSV or NDJSON. What
//! is exported of products and stock can be imported again. Columns are stable: new ones come at
//! the end.

pub(crate) mod cells;
pub(crate) mod cli;
mod rows;

use std::collections::HashMap;
use std::fmt::Write;

use bytes::Bytes;
use onhand_core::ids::LocationId;
use onhand_engine::Reader;
use onhand_engine::limits::PAGE_ROWS_MAX;
use onhand_engine::query::{OrderFilter, ReadError, StockFilter};

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// The catalogue.
    Products,
    /// What is where.
    Stock,
    /// Orders; in CSV a row for each line.
    Orders,
    /// The ledger.
    Movements,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Comma-separated values with a line of names.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

impl Form {
    /// What it is called in a header.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// An export on its way.
pub(crate) struct Export {
    reader: Reader,
    what: What,
    form: Form,
    /// Codes of locations.
    codes: HashMap<LocationId, String>,
    cursor: Option<i64>,
    is_begun: bool,
    is_over: bool,
    /// Rows so far.
    pub(crate) rows: u64,
}

impl Export {
    /// The beginning of one.
    pub(crate) fn new(reader: Reader, what: What, form: Form) -> Self {
        let codes = HashMap::new();
        let (is_begun, is_over) = (false, false);
        Self { reader, what, form, codes, cursor: None, is_begun, is_over, rows: 0 }
    }

    /// The next part; none at the end. Each is of one snapshot, a page long.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.is_over {
            return Ok(None);
        }
        let mut text = String::new();
        if !self.is_begun {
            self.is_begun = true;
            for location in self.reader.locations().await? {
                self.codes.insert(location.id, location.code.to_string());
            }
            if self.form == Form::Csv {
                let _ = writeln!(text, "{}", rows::names(self.what).join(","));
            }
        }
        let next = match self.what {
            What::Products => {
                let page = self.reader.products(None, self.cursor, PAGE_ROWS_MAX).await?;
                for product in &page.rows {
                    rows::product(&mut text, self.form, product)?;
                }
                self.rows += page.rows.len() as u64;
                page.next
            }
            What::Stock => {
                let filter = StockFilter::default();
                let page = self.reader.stocks(filter, self.cursor, PAGE_ROWS_MAX).await?;
                for row in &page.rows {
                    for level in &row.levels {
                        self.know(level.location_id).await?;
                        let code = self.code(level.location_id);
                        rows::level(&mut text, self.form, (row.product.sku.as_str(), code), level)?;
                        self.rows += 1;
                    }
                }
                page.next
            }
            What::Orders => {
                let filter = OrderFilter::default();
                let page = self.reader.orders(filter, self.cursor, PAGE_ROWS_MAX).await?;
                for order in &page.rows {
                    rows::order(&mut text, self.form, order)?;
                }
                self.rows += page.rows.len() as u64;
                page.next
            }
            What::Movements => {
                let after = self.cursor.unwrap_or(0);
                let page = self.reader.ledger(after, PAGE_ROWS_MAX).await?;
                for row in &page.rows {
                    self.know(row.movement.location_id).await?;
                    let code = self.code(row.movement.location_id);
                    rows::movement(&mut text, self.form, (&row.sku, code), &row.movement)?;
                }
                self.rows += page.rows.len() as u64;
                page.next
            }
        };
        (self.cursor, self.is_over) = (next, next.is_none());
        Ok(Some(text.into()))
    }

    /// Looks for the code of a location that was made since.
    async fn know(&mut self, id: LocationId) -> Result<(), ReadError> {
        if !self.codes.contains_key(&id) {
            for location in self.reader.locations().await? {
                self.codes.insert(location.id, location.code.to_string());
            }
        }
        Ok(())
    }

    fn code(&self, id: LocationId) -> &str {
        self.codes.get(&id).map_or("", String::as_str)
    }
}
