//! One row of a warehouse's answer. Whatever stands there, reading it never ends the answer: a row
//! that cannot be used says why, so that its neighbours can be, and somebody can be shown which one
//! it was. Only what is not JSON at all is an error.

use std::fmt;

use onhand_core::Timestamp;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::ProductId;
use onhand_core::limits::{QUANTITY_MAX, REFERENCE_CHARS_MAX};
use onhand_core::text::{Name, Reference, Sku};
use onhand_core::warehouse::{Figure, LocationRef, NewRow};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::adapters::gateways::http::bounded;

/// What a warehouse may call what we count: pieces. Anything else is another unit.
const UNITS: [&str; 6] = ["piece", "pieces", "pcs", "each", "unit", "units"];

/// Why a row cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// It is a number, a text, a list.
    #[error("the row is not an object")]
    NotAnObject,
    /// It has a field twice, or two fields that say the same.
    #[error("the row says the same thing twice")]
    Twice,
    /// It is about nothing.
    #[error("the row names no product")]
    NoProduct,
    /// Nothing can have such a name.
    #[error("the product is named by what is neither an id nor a SKU")]
    BadProduct,
    /// Nowhere can have such a name.
    #[error("the location is not a name of 1 to 100 characters")]
    BadLocation,
    /// It says nothing.
    #[error("the row has no figure")]
    NoFigure,
    /// It says something else.
    #[error("the figure is not a number")]
    NotANumber,
    /// It is for people who count in parts.
    #[error("the figure is not a whole number")]
    Fractional,
    /// Nobody has less than nothing.
    #[error("the figure is negative")]
    Negative,
    /// Nobody has so many.
    #[error("the figure is more than {QUANTITY_MAX}")]
    TooLarge,
    /// A dozen is not twelve pieces until somebody says so.
    #[error("the figure counts something else than pieces")]
    Unit,
}

impl RowFault {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::Twice => "said_twice",
            Self::NoProduct => "no_product",
            Self::BadProduct => "bad_product",
            Self::BadLocation => "bad_location",
            Self::NoFigure => "no_figure",
            Self::NotANumber => "not_a_number",
            Self::Fractional => "fractional",
            Self::Negative => "negative",
            Self::TooLarge => "too_large",
            Self::Unit => "other_unit",
        }
    }
}

/// A row as it came: what it calls the product, and what it says or why that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// For people: on one line, bounded, and `(no name)` where it has none.
    pub sent: Reference,
    /// What it says.
    pub told: Result<Figure, RowFault>,
}

impl Row {
    /// The row as the rules take it, with when it was so.
    pub fn staged(self, as_of: Timestamp) -> NewRow {
        let told = self.told.map(|figure| Figure { as_of: Some(as_of), ..figure });
        let reason = |fault: RowFault| bounded(&format!("{}: {fault}", fault.code()));
        NewRow { sent: self.sent, told: told.map_err(reason) }
    }
}

/// Any value, as far as a row may hold it.
#[derive(Debug, Default)]
enum Said {
    /// Nothing, or null.
    #[default]
    Nothing,
    Text(String),
    Whole(i64),
    Negative,
    Fractional,
    TooLarge,
    /// Something that is in no row: true, a list, an object.
    Other,
}

impl Said {
    fn shown(&self) -> Reference {
        let shown = match self {
            Self::Text(text) => bounded(text),
            Self::Whole(number) => bounded(&number.to_string()),
            Self::Nothing | Self::Other | Self::Negative | Self::Fractional | Self::TooLarge => {
                return no_name();
            }
        };
        let short: String = shown.as_str().chars().take(REFERENCE_CHARS_MAX).collect();
        Reference::new(short.trim()).unwrap_or_else(|_| no_name())
    }

    /// What the name of a product may mean, in the order in which it is looked for: a number is an
    /// id or else a SKU, `prd_7` is an id, and any other text a SKU or else, in figures, an id.
    fn products(&self) -> Result<Vec<ProductRef>, RowFault> {
        let sku = |text: &str| Sku::new(text).ok().map(ProductRef::Sku);
        let id = |number: i64| ProductId::new(number).map(ProductRef::Id);
        let products = match self {
            Self::Nothing => return Err(RowFault::NoProduct),
            Self::Text(text) if text.trim().is_empty() => return Err(RowFault::NoProduct),
            Self::Text(text) => match text.parse() {
                Ok(named) => [Some(ProductRef::Id(named)), None],
                Err(_) => [sku(text), plain_number(text).and_then(id)],
            },
            Self::Whole(number) => [id(*number), sku(&number.to_string())],
            Self::Negative | Self::Fractional | Self::TooLarge | Self::Other => [None, None],
        };
        let products: Vec<ProductRef> = products.into_iter().flatten().collect();
        if products.is_empty() { Err(RowFault::BadProduct) } else { Ok(products) }
    }

    fn on_hand(&self) -> Result<i64, RowFault> {
        match self {
            Self::Whole(units) if *units > QUANTITY_MAX => Err(RowFault::TooLarge),
            Self::Whole(units) => Ok(*units),
            Self::Nothing => Err(RowFault::NoFigure),
            Self::Negative => Err(RowFault::Negative),
            Self::Fractional => Err(RowFault::Fractional),
            Self::TooLarge => Err(RowFault::TooLarge),
            Self::Text(_) | Self::Other => Err(RowFault::NotANumber),
        }
    }

    fn location(self) -> Result<Option<Name>, RowFault> {
        match self {
            Self::Nothing => Ok(None),
            Self::Text(text) => Name::new(text).map(Some).map_err(|_| RowFault::BadLocation),
            Self::Whole(_) | Self::Negative | Self::Fractional | Self::TooLarge | Self::Other => {
                Err(RowFault::BadLocation)
            }
        }
    }

    fn is_pieces(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Text(unit) => is_pieces(unit),
            Self::Whole(_) | Self::Negative | Self::Fractional | Self::TooLarge | Self::Other => {
                false
            }
        }
    }
}

/// A number as we would write it.
fn plain_number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

fn no_name() -> Reference {
    match Reference::new("(no name)") {
        Ok(reference) => reference,
        Err(error) => unreachable!("it is a reference: {error}"),
    }
}

/// Whether a unit is ours.
pub(super) fn is_pieces(unit: &str) -> bool {
    UNITS.iter().any(|known| unit.eq_ignore_ascii_case(known))
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfSaid;
        impl<'de> Visitor<'de> for OfSaid {
            type Value = Said;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Said, E> {
                Ok(Said::Nothing)
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Said, E> {
                Ok(Said::Other)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Said, E> {
                Ok(if number < 0 { Said::Negative } else { Said::Whole(number) })
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Said, E> {
                Ok(i64::try_from(number).map_or(Said::TooLarge, Said::Whole))
            }

            /// JSON has one kind of number: `5.0` is 5.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Said, E> {
                Ok(match number {
                    _ if number < 0.0 => Said::Negative,
                    _ if number.fract() != 0.0 => Said::Fractional,
                    _ => match format!("{:.0}", number.abs()).parse() {
                        Ok(whole) => Said::Whole(whole),
                        Err(_) => Said::TooLarge,
                    },
                })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Said, E> {
                // Nothing that can be used is longer; what is shown of it is cut.
                let short = text.char_indices().nth(REFERENCE_CHARS_MAX + 1);
                let end = short.map_or(text.len(), |(end, _)| end);
                Ok(Said::Text(text[..end].to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Said::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Said::Other)
            }
        }
        deserializer.deserialize_any(OfSaid)
    }
}

/// The name of a field, in the plain form of an answer and in the richer one.
#[derive(serde::Deserialize)]
#[serde(field_identifier)]
enum Field {
    #[serde(rename = "productId", alias = "sku")]
    Product,
    #[serde(rename = "location")]
    Location,
    #[serde(rename = "stockLevel", alias = "on_hand")]
    OnHand,
    #[serde(rename = "unit")]
    Unit,
    #[serde(other)]
    Other,
}

/// The fields of a row that are read. What else it has is the warehouse's own affair.
#[derive(Debug, Default)]
struct Fields {
    product: Option<Said>,
    location: Option<Said>,
    on_hand: Option<Said>,
    unit: Option<Said>,
    has_twice: bool,
}

impl Fields {
    fn take(&mut self, field: Field, said: Said) {
        let place = match field {
            Field::Product => &mut self.product,
            Field::Location => &mut self.location,
            Field::OnHand => &mut self.on_hand,
            Field::Unit => &mut self.unit,
            Field::Other => return,
        };
        self.has_twice |= place.replace(said).is_some();
    }

    fn row(self) -> Row {
        let Self { product, location, on_hand, unit, has_twice } = self;
        let product = product.unwrap_or_default();
        let sent = product.shown();
        let told = move || {
            let products = product.products()?;
            if has_twice {
                return Err(RowFault::Twice);
            }
            let location = location.unwrap_or_default().location()?.map(LocationRef::Code);
            if !unit.unwrap_or_default().is_pieces() {
                return Err(RowFault::Unit);
            }
            let on_hand = on_hand.unwrap_or_default().on_hand()?;
            Ok(Figure { products, location, on_hand, as_of: None })
        };
        Row { sent, told: told() }
    }
}

/// A row of nothing.
fn no_row() -> Row {
    Row { sent: no_name(), told: Err(RowFault::NotAnObject) }
}

macro_rules! no_row {
    ($($method:ident($($kind:ty)?);)+) => {$(
        fn $method<E: de::Error>(self $(, _: $kind)?) -> Result<Row, E> {
            Ok(no_row())
        }
    )+};
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfRow;
        impl<'de> Visitor<'de> for OfRow {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            no_row! {
                visit_unit(); visit_bool(bool); visit_i64(i64); visit_u64(u64); visit_f64(f64);
                visit_str(&str);
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Row, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(no_row())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut fields = Fields::default();
                while let Some((field, said)) = map.next_entry()? {
                    fields.take(field, said);
                }
                Ok(fields.row())
            }
        }
        deserializer.deserialize_any(OfRow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a row is read as: `prd_7 or 7 at main: 5`, or the code of what is wrong.
    fn check(row: &str, wanted: &str) {
        let read: Row = serde_json::from_str(row).unwrap();
        let found = match read.told {
            Err(fault) => fault.code().to_owned(),
            Ok(Figure { products, location, on_hand, as_of: _ }) => {
                let names = products.iter().map(|product| match product {
                    ProductRef::Id(id) => id.to_string(),
                    ProductRef::Sku(sku) => sku.to_string(),
                });
                let at = match location {
                    Some(LocationRef::Code(code)) => format!(" at {code}"),
                    Some(LocationRef::Id(_)) | None => String::new(),
                };
                format!("{}{at}: {on_hand}", names.collect::<Vec<_>>().join(" or "))
            }
        };
        assert_eq!(found, wanted, "{row}");
    }

    #[test]
    fn both_forms_are_read() {
        check(r#"{"productId":7,"stockLevel":5}"#, "prd_7 or 7: 5");
        check(r#"{"stockLevel":0,"productId":"prd_7"}"#, "prd_7: 0");
        check(r#"{"productId":"mug","stockLevel":5.0,"name":{"en":"Mug"}}"#, "mug: 5");
        check(r#"{"productId":"7","stockLevel":1e3}"#, "7 or prd_7: 1000");
        check(r#"{"sku":"mug","location":"main","on_hand":5,"unit":"PCS"}"#, "mug at main: 5");
        check(r#"{"sku":"mug","location":null,"on_hand":-0,"unit":null}"#, "mug: 0");
        check(
            r#"{"productId":4006381333931,"stockLevel":1}"#,
            "prd_4006381333931 or 4006381333931: 1",
        );
        check(r#"{"productId":9007199254740993,"stockLevel":1}"#, "9007199254740993: 1");
        check(r#"{"productId":"007","stockLevel":1}"#, "007: 1");
        check(r#"{"sku":"mug","on_hand":1000000000}"#, "mug: 1000000000");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for row in ["null", "true", "1", "-1", "1.5", "\"a\"", "[1,[2]]", "18446744073709551615"] {
            check(row, "not_an_object");
        }
        for (figure, wanted) in [
            ("-1", "negative"),
            ("-0.5", "negative"),
            ("0.5", "fractional"),
            ("1000000001", "too_large"),
            ("18446744073709551615", "too_large"),
            ("1e300", "too_large"),
            ("\"5\"", "not_a_number"),
            ("true", "not_a_number"),
            ("[5]", "not_a_number"),
            ("{\"n\":5}", "not_a_number"),
            ("null", "no_figure"),
        ] {
            check(&format!(r#"{{"productId":7,"stockLevel":{figure}}}"#), wanted);
        }
        for (product, wanted) in [
            ("null", "no_product"),
            ("\" \"", "no_product"),
            ("-7", "bad_product"),
            ("7.5", "bad_product"),
            ("\"a b\"", "bad_product"),
            ("[7]", "bad_product"),
        ] {
            check(&format!(r#"{{"productId":{product},"stockLevel":1}}"#), wanted);
        }
        check(r#"{"stockLevel":1}"#, "no_product");
        check(r#"{"productId":7}"#, "no_figure");
        check(r#"{"productId":7,"stockLevel":1,"stockLevel":2}"#, "said_twice");
        check(r#"{"productId":7,"sku":"mug","on_hand":1}"#, "said_twice");
        check(r#"{"productId":7,"stockLevel":1,"unit":"kg"}"#, "other_unit");
        check(r#"{"productId":7,"stockLevel":1,"unit":12}"#, "other_unit");
        check(r#"{"productId":7,"stockLevel":1,"location":""}"#, "bad_location");
        check(r#"{"productId":7,"stockLevel":1,"location":4}"#, "bad_location");
    }

    #[test]
    fn names_are_shown_without_what_would_deceive() {
        let sent = |row: &str| serde_json::from_str::<Row>(row).unwrap().sent.to_string();
        assert_eq!(sent(r#"{"sku":"a\r\nb"}"#), "a  b");
        assert_eq!(sent(r#"{"productId":7}"#), "7");
        assert_eq!(sent(&format!(r#"{{"sku":"{}"}}"#, "x".repeat(350))).len(), 255);
        for row in ["{}", "7", r#"{"sku":" "}"#, r#"{"sku":[1]}"#] {
            assert_eq!(sent(row), "(no name)");
        }
    }
}
