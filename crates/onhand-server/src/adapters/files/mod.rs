//! Product files of other systems, each in its own words: which of its columns says what, as data.
//! A row of theirs is a variant; a product's rows follow each other, and what is the same for all
//! of them is often said by the first alone. Of what is not named here nothing is made, and it is
//! told. Columns are found whatever their case.

mod medusa;
mod shopify;
mod vendure;

use onhand_core::Currency;
use onhand_core::imports::{Kind, Row, Unreadable};

pub(crate) use self::medusa::MEDUSA;
pub(crate) use self::shopify::SHOPIFY;
pub(crate) use self::vendure::VENDURE;
use crate::imports::{Cells, Field, FileFault, unreadable};

/// What a column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A field of ours.
    Is(Field),
    /// Which product a variant belongs to.
    Group,
    /// What tells a variant from the others, in this place.
    Option(u8),
    /// Nothing that we keep.
    Nothing,
}

/// How another system writes its products.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it calls a SKU.
    pub(crate) sku_column: &'static str,
    /// Its columns, in lower case. Of several that mean the same the first that is there counts.
    columns: &'static [(&'static str, Meaning)],
    /// What columns of prices begin with whose names end with a currency.
    price_prefixes: &'static [&'static str],
    /// What stands between several options in one cell.
    between_options: Option<char>,
    /// The option of a product that has no variants.
    no_option: &'static str,
    /// The words for a product that can be ordered; all others cannot.
    active_words: &'static [&'static str],
}

/// What the rows of a product say only once.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    group: String,
    name: String,
    description: String,
    active: String,
}

/// A cell: what it means, the name of its column, and what is in it.
pub(crate) type Cell<'a> = (Meaning, (&'a str, &'a str));

impl Dialect {
    /// What each column means, and the currency of the prices where a column's name says it.
    pub(crate) fn meanings(
        &self,
        names: &[String],
        wanted: Option<Currency>,
    ) -> Result<(Vec<Meaning>, Option<Currency>), FileFault> {
        let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let mut meanings = vec![Meaning::Nothing; names.len()];
        for (known, meaning) in self.columns {
            if let Some(at) = lower.iter().position(|name| name == known)
                && !meanings.contains(meaning)
            {
                // The same name twice means the same twice, which is not lawful.
                let twice = lower.iter().enumerate().skip(at).filter(|(_, name)| name == known);
                twice.for_each(|(at, _)| meanings[at] = *meaning);
            }
        }
        let priced: Vec<(usize, Currency)> = lower
            .iter()
            .enumerate()
            .filter_map(|(at, name)| Some((at, self.currency_of(name)?)))
            .collect();
        let price = match (priced.as_slice(), wanted) {
            ([], _) => return Ok((meanings, None)),
            ([one], None) => *one,
            (several, None) => {
                let codes: Vec<_> = several.iter().map(|(_, code)| code.to_string()).collect();
                return Err(FileFault::Currencies(codes.join(", ")));
            }
            (several, Some(wanted)) => {
                match several.iter().find(|(_, currency)| *currency == wanted) {
                    Some(one) => *one,
                    None => return Ok((meanings, None)),
                }
            }
        };
        meanings[price.0] = Meaning::Is(Field::Price);
        Ok((meanings, Some(price.1)))
    }

    fn currency_of(&self, name: &str) -> Option<Currency> {
        let mut prefixes = self.price_prefixes.iter();
        let code = prefixes.find_map(|prefix| name.strip_prefix(prefix))?;
        code.to_uppercase().parse().ok()
    }

    /// What a record says; none for one that is about no variant: a further picture, say.
    pub(crate) fn row(
        &self,
        carried: &mut Carried,
        cells: &[Cell<'_>],
        kind: Kind,
        currency: Option<Currency>,
    ) -> Result<Option<Row>, Unreadable> {
        let of = |wanted: Meaning| {
            let found = cells.iter().find(|(meaning, _)| *meaning == wanted);
            found.map_or("", |(_, (_, text))| text.trim())
        };
        let (group, name) = (of(Meaning::Group), of(Meaning::Is(Field::Name)));
        let is_next = if group.is_empty() { !name.is_empty() } else { group != carried.group };
        if is_next {
            *carried = Carried { group: group.to_owned(), ..Carried::default() };
        }
        let carry = |kept: &mut String, text: &str| {
            if !text.is_empty() {
                text.clone_into(kept);
            }
        };
        carry(&mut carried.name, name);
        carry(&mut carried.description, of(Meaning::Is(Field::Description)));
        carry(&mut carried.active, of(Meaning::Is(Field::Active)));
        let (sku, price) = (of(Meaning::Is(Field::Sku)), of(Meaning::Is(Field::Price)));
        if sku.is_empty() && price.is_empty() {
            return Ok(None);
        }
        let name = self.name_of(&carried.name, (0..3).map(|at| of(Meaning::Option(at))));
        let is_active = self.active_words.contains(&carried.active.to_lowercase().as_str());
        let mut row = Cells::of_another_system();
        for (meaning, (column, text)) in cells {
            let text = text.trim();
            let Meaning::Is(field) = meaning else { continue };
            let text = match field {
                Field::Name => name.as_str(),
                Field::Description => carried.description.as_str(),
                Field::Active if carried.active.is_empty() => "",
                Field::Active if is_active => "true",
                Field::Active => "false",
                Field::Sku
                | Field::Price
                | Field::Currency
                | Field::CategoryIds
                | Field::OnHand
                | Field::Location
                | Field::SafetyStock
                | Field::LowStockThreshold => text,
            };
            if !text.is_empty() {
                row.put(*field, column, text);
            }
        }
        if !row.has(Field::Sku) {
            let expected = "a SKU: without one nothing tells which product it is";
            return Err(unreadable("missing_value", Some(self.sku_column), None, expected));
        }
        row.row(kind, currency).map(Some)
    }

    /// The name of a variant: that of its product, with what tells it from the others.
    fn name_of<'a>(&self, product: &str, options: impl Iterator<Item = &'a str>) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for option in options.filter(|option| !option.is_empty() && *option != self.no_option) {
            match self.between_options {
                Some(between) => parts.extend(option.split(between).map(str::trim)),
                None => parts.push(option),
            }
        }
        if parts.is_empty() || product.is_empty() {
            return product.to_owned();
        }
        format!("{product} - {}", parts.join(" / "))
    }
}
