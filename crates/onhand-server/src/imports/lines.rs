//! A line of NDJSON: the same fields as a CSV has columns, each once. An object as the API shows it
//! can be read too: its price is an object with amount and currency, and what cannot be set is
//! passed over.

use std::fmt;

use onhand_core::Currency;
use onhand_core::imports::{Kind, Row, Unreadable};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::values::{Cells, Field, unreadable};

/// What the API and our exports show besides, and nobody can set.
const SHOWN_ONLY: &[&str] = &[
    "id",
    "object",
    "version",
    "created_at",
    "updated_at",
    "product_id",
    "location_id",
    "reserved",
    "available",
];

/// The fields of an object, in their order and with repeats, which a map would hide.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;
        impl<'de> Visitor<'de> for OfObject {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(OfObject)
    }
}

/// What a line says.
pub(super) fn row(line: &[u8], kind: Kind, currency: Option<Currency>) -> Result<Row, Unreadable> {
    let Members(members) = serde_json::from_slice(line).map_err(|error| {
        let at = format!("column {}", error.column());
        let code = if std::str::from_utf8(line).is_err() { "not_utf8" } else { "malformed_json" };
        unreadable(code, Some(&at), None, format!("a JSON object on one line: {error}"))
    })?;
    let mut found: Vec<(Field, &str, String)> = Vec::new();
    for (name, value) in &members {
        let known = Field::of(kind).iter().find(|(known, _)| known == name);
        let Some((_, field)) = known else {
            if SHOWN_ONLY.contains(&name.as_str()) {
                continue;
            }
            let names: Vec<_> = Field::of(kind).iter().map(|(name, _)| *name).collect();
            let expected = format!("some of {}", names.join(", "));
            return Err(unreadable("unknown_field", Some(name), None, expected));
        };
        if found.iter().any(|(_, other, _)| other == name) {
            return Err(unreadable("validation_failed", Some(name), None, "the field once"));
        }
        if *field == Field::Price
            && let Value::Object(price) = value
        {
            let wrong = || {
                let expected = "an object with `amount` and `currency`, or minor units";
                unreadable("validation_failed", Some(name), Some(&value.to_string()), expected)
            };
            let amount = price.get("amount").ok_or_else(wrong)?;
            found.push((Field::Price, name, text_of(name, amount)?.ok_or_else(wrong)?));
            let currency = price.get("currency").and_then(Value::as_str).ok_or_else(wrong)?;
            found.push((Field::Currency, "currency", currency.to_owned()));
            continue;
        }
        if let Some(text) = text_of(name, value)? {
            found.push((*field, name, text));
        }
    }
    let mut cells = Cells::default();
    for (field, name, text) in &found {
        cells.put(*field, name, text);
    }
    cells.row(kind, currency)
}

/// A value as the text of a cell; none for `null`.
fn text_of(name: &str, value: &Value) -> Result<Option<String>, Unreadable> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(ids) => {
            let ids: Option<Vec<&str>> = ids.iter().map(Value::as_str).collect();
            let wrong = || {
                let text = value.to_string();
                unreadable("validation_failed", Some(name), Some(&text), "a list of texts")
            };
            ids.ok_or_else(wrong)?.join(" ")
        }
        Value::Object(_) => {
            let text = value.to_string();
            return Err(unreadable("validation_failed", Some(name), Some(&text), "a plain value"));
        }
    }))
}
