//! What one row of a file says, what came of it, and what is kept of that.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::Money;
use crate::catalog::ProductRef;
use crate::ids::{CategoryId, LocationId};
use crate::text::{Name, Sku, Text};

/// A row in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// What it says, or why that cannot be read.
    pub content: Result<Row, Unreadable>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// Of a file of products.
    Product(ProductRow),
    /// Of a file of stock.
    Stock(StockRow),
}

/// A product to create or to change; absent fields stay.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductRow {
    /// Which product.
    pub sku: Sku,
    /// For people. A new product needs one.
    pub name: Option<Name>,
    /// For people.
    pub description: Option<Text>,
    /// Price of one unit; must be [`Money::is_price`]. A new product needs one.
    pub price: Option<Money>,
    /// Categories to file it under.
    pub category_ids: Option<Vec<CategoryId>>,
    /// Whether it can be ordered; a new one can unless this says otherwise.
    pub active: Option<bool>,
    /// Units counted, from 0 to [`QUANTITY_MAX`](crate::limits::QUANTITY_MAX).
    pub on_hand: Option<i64>,
    /// Where they are.
    pub location: Option<LocationRef>,
}

/// What was counted of a product at a location; absent fields stay.
#[derive(Debug, Clone, PartialEq)]
pub struct StockRow {
    /// Which product.
    pub sku: Sku,
    /// Where.
    pub location: Option<LocationRef>,
    /// Units counted, from 0 to [`QUANTITY_MAX`](crate::limits::QUANTITY_MAX).
    pub on_hand: Option<i64>,
    /// Units held back from sale, from 0 to [`QUANTITY_MAX`](crate::limits::QUANTITY_MAX).
    pub safety_stock: Option<i64>,
    /// Units below which stock is low, from 0 to
    /// [`QUANTITY_MAX`](crate::limits::QUANTITY_MAX).
    pub low_stock_threshold: Option<i64>,
}

/// Names a location by id or by code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationRef {
    /// By id.
    Id(LocationId),
    /// By the shop's own short name.
    Code(Name),
}

/// Why a row cannot be read. Texts are cut to
/// [`IMPORT_VALUE_CHARS_MAX`](crate::limits::IMPORT_VALUE_CHARS_MAX) characters when they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// A stable code.
    pub code: String,
    /// The column or field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What would have been right.
    pub expected: String,
}

/// Why a row was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultReason {
    /// It cannot be read.
    Unreadable(Unreadable),
    /// It can be read, and the rules say no.
    Refused(crate::Refusal),
}

/// A row that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// Its SKU, as far as it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Why.
    pub reason: FaultReason,
}

/// What a row would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// Which product.
    pub sku: Sku,
    /// Whether the product is new.
    pub is_new: bool,
    /// Field by field.
    pub fields: Vec<FieldDifference>,
}

/// What a row would change of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Which one.
    pub field: String,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What would be there.
    pub to: String,
}

impl Row {
    /// Which product it is about.
    pub fn sku(&self) -> &Sku {
        match self {
            Self::Product(row) => &row.sku,
            Self::Stock(row) => &row.sku,
        }
    }

    /// The same, for asking after it.
    pub(super) fn product(&self) -> ProductRef {
        ProductRef::Sku(self.sku().clone())
    }
}
