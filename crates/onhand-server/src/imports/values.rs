//! From the text of a cell to a lawful value, or to what would have been right.

use onhand_core::Currency;
use onhand_core::Money;
use onhand_core::ids::CategoryId;
use onhand_core::imports::{Kind, LocationRef, ProductRow, Row, StockRow, Unreadable};
use onhand_core::limits::{AMOUNT_MAX, PRODUCT_CATEGORIES_MAX, QUANTITY_MAX, TEXT_CHARS_MAX};
use onhand_core::text::{Name, Sku, Text};

/// What a cell may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The SKU.
    Sku,
    /// The name.
    Name,
    /// The description.
    Description,
    /// The price of one unit.
    Price,
    /// Its currency.
    Currency,
    /// Ids of categories.
    CategoryIds,
    /// Whether it can be ordered.
    Active,
    /// Units counted.
    OnHand,
    /// Where.
    Location,
    /// Units held back.
    SafetyStock,
    /// Units below which stock is low.
    LowStockThreshold,
}

/// How many kinds of cells there are.
const FIELDS: usize = Field::LowStockThreshold as usize + 1;

impl Field {
    /// The fields that a file of a kind may have, with their names.
    pub(super) fn of(kind: Kind) -> &'static [(&'static str, Self)] {
        match kind {
            Kind::Products => &[
                ("sku", Self::Sku),
                ("name", Self::Name),
                ("description", Self::Description),
                ("price", Self::Price),
                ("currency", Self::Currency),
                ("category_ids", Self::CategoryIds),
                ("active", Self::Active),
                ("on_hand", Self::OnHand),
                ("location", Self::Location),
            ],
            Kind::Stock => &[
                ("sku", Self::Sku),
                ("location", Self::Location),
                ("on_hand", Self::OnHand),
                ("safety_stock", Self::SafetyStock),
                ("low_stock_threshold", Self::LowStockThreshold),
            ],
        }
    }
}

/// The cells of a row that say something, each with the name of its column.
#[derive(Debug, Default)]
pub(crate) struct Cells<'a> {
    cells: [Option<(&'a str, &'a str)>; FIELDS],
    /// Whether prices are in the currency's main unit, with decimals.
    has_decimal_prices: bool,
    /// Whether texts that are too long are cut: another system's may be longer than ours.
    cuts_texts: bool,
}

type Result<T> = std::result::Result<T, Unreadable>;

pub(crate) fn unreadable(
    code: &str,
    column: Option<&str>,
    value: Option<&str>,
    expected: impl Into<String>,
) -> Unreadable {
    Unreadable {
        code: code.to_owned(),
        column: column.map(str::to_owned),
        value: value.map(str::to_owned),
        expected: expected.into(),
    }
}

impl<'a> Cells<'a> {
    /// Of a row that another system wrote.
    pub(crate) fn of_another_system() -> Self {
        Self { has_decimal_prices: true, cuts_texts: true, ..Self::default() }
    }

    pub(crate) fn put(&mut self, field: Field, column: &'a str, value: &'a str) {
        self.cells[field as usize] = Some((column, value));
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.cells[field as usize].is_some()
    }

    fn read<T>(
        &self,
        field: Field,
        read: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        let Some((column, value)) = self.cells[field as usize] else { return Ok(None) };
        let wrong = |expected| unreadable("validation_failed", Some(column), Some(value), expected);
        read(value).map(Some).map_err(wrong)
    }

    /// What the row says.
    pub(crate) fn row(&self, kind: Kind, currency: Option<Currency>) -> Result<Row> {
        let sku = self.read(Field::Sku, |text| in_words(Sku::new(text)))?;
        let missing = || unreadable("missing_value", Some("sku"), None, "the SKU of a product");
        let sku = sku.ok_or_else(missing)?;
        let location = self.read(Field::Location, location)?;
        let on_hand = self.read(Field::OnHand, units)?;
        match kind {
            Kind::Products => Ok(Row::Product(ProductRow {
                sku,
                name: self.read(Field::Name, |text| in_words(Name::new(text)))?,
                description: self.read(Field::Description, |text| self.text(text))?,
                price: self.price(currency)?,
                category_ids: self.read(Field::CategoryIds, categories)?,
                active: self.read(Field::Active, truth)?,
                on_hand,
                location,
            })),
            Kind::Stock => Ok(Row::Stock(StockRow {
                sku,
                location,
                on_hand,
                safety_stock: self.read(Field::SafetyStock, units)?,
                low_stock_threshold: self.read(Field::LowStockThreshold, units)?,
            })),
        }
    }

    fn price(&self, default: Option<Currency>) -> Result<Option<Money>> {
        let named = self.read(Field::Currency, |text| in_words(text.parse::<Currency>()))?;
        let Some((column, value)) = self.cells[Field::Price as usize] else { return Ok(None) };
        let Some(currency) = named.or(default) else {
            let expected = "a currency: a column `currency`, or `currency` for the whole file";
            return Err(unreadable("missing_value", Some("currency"), None, expected));
        };
        let amount = if self.has_decimal_prices {
            from_decimal(value, currency)
        } else {
            whole(value, AMOUNT_MAX, "minor units (49900 is 499.00 of a currency with cents)")
        };
        let wrong = |expected| unreadable("validation_failed", Some(column), Some(value), expected);
        amount.map(|amount| Some(Money::new(amount, currency))).map_err(wrong)
    }

    fn text(&self, text: &str) -> std::result::Result<Text, String> {
        if self.cuts_texts {
            let cut: String = text.chars().take(TEXT_CHARS_MAX).collect();
            return in_words(Text::new(cut.trim()));
        }
        in_words(Text::new(text))
    }
}

fn in_words<T, E: std::fmt::Display>(
    result: std::result::Result<T, E>,
) -> std::result::Result<T, String> {
    result.map_err(|error| {
        let words = error.to_string();
        words.strip_prefix("expected ").map_or(words.clone(), str::to_owned)
    })
}

fn location(text: &str) -> std::result::Result<LocationRef, String> {
    if let Ok(id) = text.parse() {
        return Ok(LocationRef::Id(id));
    }
    in_words(Name::new(text).map(LocationRef::Code))
}

fn units(text: &str) -> std::result::Result<i64, String> {
    whole(text, QUANTITY_MAX, "units")
}

/// A whole number and nothing else: what has decimals, spaces or a sign was meant otherwise.
fn whole(text: &str, most: i64, what: &str) -> std::result::Result<i64, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_plain { text.parse().ok().filter(|number| *number <= most) } else { None };
    number.ok_or_else(|| {
        format!("a whole number from 0 to {most}, digits only, without spaces or decimals: {what}")
    })
}

/// Minor units of an amount like `19.99`, exactly: never through a float.
fn from_decimal(text: &str, currency: Currency) -> std::result::Result<i64, String> {
    let places = currency.exponent() as usize;
    let wrong = || {
        format!("an amount of {currency} with at most {places} decimals and a point, like `19.99`")
    };
    let (units, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let kept = decimals.trim_end_matches('0');
    if units.is_empty() || !is_plain(units) || !is_plain(decimals) || kept.len() > places {
        return Err(wrong());
    }
    let digits = format!("{units}{kept:0<places$}");
    digits.parse().ok().filter(|amount| *amount <= AMOUNT_MAX).ok_or_else(wrong)
}

fn categories(text: &str) -> std::result::Result<Vec<CategoryId>, String> {
    let wrong =
        || format!("at most {PRODUCT_CATEGORIES_MAX} ids like `cat_3`, with single spaces between");
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let ids = text.split(' ').map(|id| id.parse().map_err(|_| wrong()));
    let ids = ids.collect::<std::result::Result<Vec<_>, _>>()?;
    if ids.len() <= PRODUCT_CATEGORIES_MAX { Ok(ids) } else { Err(wrong()) }
}

fn truth(text: &str) -> std::result::Result<bool, String> {
    match text {
        "true" | "TRUE" | "True" => Ok(true),
        "false" | "FALSE" | "False" => Ok(false),
        _ => Err("`true` or `false`".to_owned()),
    }
}
