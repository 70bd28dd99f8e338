//! One page of a warehouse's answer: the plain form, an array of rows, or the richer one, an object
//! around them. Bounded in depth and rows before anything is believed, and read in one pass; what
//! is wrong with the whole of it is a [`Failure`], what is wrong with a row is the row's.

use std::fmt;

use onhand_core::Timestamp;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Failure;
use super::row::{Row, is_pieces};
use crate::http::strict::is_deeper_than;
use crate::limits::{WAREHOUSE_CURSOR_CHARS_MAX, WAREHOUSE_DEPTH_MAX};

/// What one page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// When it was so, if it says that.
    pub as_of: Option<Timestamp>,
    /// What to ask for the next one, if there is one.
    pub next: Option<String>,
    /// In the order in which they came.
    pub rows: Vec<Row>,
}

/// Reads a page of at most `rows_max` rows. Never panics, whatever the bytes are.
///
/// # Errors
/// [`Failure`] says what is wrong with the page.
pub fn read(body: &[u8], rows_max: usize) -> Result<Page, Failure> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(Failure::Empty),
        Some(b'<') => return Err(Failure::ForPeople),
        Some(_) => {}
    }
    if is_deeper_than(WAREHOUSE_DEPTH_MAX, body) {
        return Err(Failure::TooDeep);
    }
    let mut wrong = None;
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = OfPage { rows_max, wrong: &mut wrong }.deserialize(&mut reader);
    match read.and_then(|page| reader.end().map(|()| page)) {
        Ok(page) => Ok(page),
        Err(error) => Err(wrong.unwrap_or(if error.is_eof() {
            Failure::Truncated
        } else if error.is_syntax() {
            Failure::NotJson
        } else {
            Failure::Shape
        })),
    }
}

/// Reads a page, and says what is wrong in other words than the parser's.
struct OfPage<'a> {
    rows_max: usize,
    wrong: &'a mut Option<Failure>,
}

impl OfPage<'_> {
    fn because<E: de::Error>(&mut self, failure: Failure) -> E {
        *self.wrong = Some(failure);
        E::custom("wrong")
    }
}

impl<'de> DeserializeSeed<'de> for OfPage<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_any(self)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    AsOf,
    Unit,
    Next,
    Rows,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for OfPage<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows, or an object with them")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, seq: A) -> Result<Page, A::Error> {
        let rows = OfRows(&mut self).visit_seq(seq)?;
        Ok(Page { rows, ..Page::default() })
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Page, A::Error> {
        let (mut as_of, mut unit, mut next, mut rows) = (None, None, None, None);
        while let Some(field) = map.next_key()? {
            let is_first = match field {
                Field::AsOf => as_of.replace(map.next_value::<Option<Timestamp>>()).is_none(),
                Field::Unit => unit.replace(map.next_value::<Option<String>>()?).is_none(),
                Field::Next => next.replace(map.next_value::<Option<String>>()?).is_none(),
                Field::Rows => rows.replace(map.next_value_seed(OfRows(&mut self))?).is_none(),
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                    true
                }
            };
            if !is_first {
                return Err(self.because(Failure::Shape));
            }
            // What cannot be a time is told from what is no JSON.
            if let Some(Err(_)) = &as_of {
                return Err(self.because(Failure::AsOf));
            }
        }
        if unit.flatten().is_some_and(|unit| !is_pieces(&unit)) {
            return Err(self.because(Failure::Unit));
        }
        let next = next.flatten().filter(|next| !next.is_empty());
        if next.as_ref().is_some_and(|next| next.chars().count() > WAREHOUSE_CURSOR_CHARS_MAX) {
            return Err(self.because(Failure::Cursor));
        }
        let Some(rows) = rows else { return Err(self.because(Failure::Shape)) };
        Ok(Page { as_of: as_of.and_then(Result::ok).flatten(), next, rows })
    }
}

/// The rows of a page, as many as there may be.
struct OfRows<'a, 'b>(&'a mut OfPage<'b>);

impl<'de> DeserializeSeed<'de> for OfRows<'_, '_> {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Row>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OfRows<'_, '_> {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Row>, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            if rows.len() == self.0.rows_max {
                return Err(self.0.because(Failure::TooManyRows));
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How a body is read: `3 rows`, with what else it says, or the code of what is wrong.
    fn check(body: &str, wanted: &str) {
        let found = match read(body.as_bytes(), 3) {
            Err(failure) => failure.code().to_owned(),
            Ok(Page { as_of, next, rows }) => {
                let as_of = as_of.map(|at| format!(" at {at}")).unwrap_or_default();
                let next = next.map(|next| format!(" then {next}")).unwrap_or_default();
                format!("{} rows{as_of}{next}", rows.len())
            }
        };
        assert_eq!(found, wanted, "{body}");
    }

    #[test]
    fn both_forms_are_read() {
        check("[]", "0 rows");
        check(r#" [{"productId":1,"stockLevel":1},5,null] "#, "3 rows");
        check(r#"{"rows":[]}"#, "0 rows");
        check(r#"{"rows":[],"next":null,"as_of":null,"unit":null,"total":{"a":1}}"#, "0 rows");
        check(r#"{"rows":[],"next":"","unit":"each"}"#, "0 rows");
        check(
            r#"{"as_of":"2026-11-22T02:00:00+01:00","next":"p2","rows":[{}]}"#,
            "1 rows at 2026-11-22T01:00:00Z then p2",
        );
    }

    #[test]
    fn every_odd_page_has_its_reason() {
        for (body, wanted) in [
            ("", "empty"),
            (" \n", "empty"),
            ("<!doctype html><html>", "for_people"),
            ("\n<html>", "for_people"),
            ("ok", "not_json"),
            ("[1,]", "not_json"),
            ("[] []", "not_json"),
            ("[NaN]", "not_json"),
            ("[1e999]", "not_json"),
            ("[{\"sku\":\"\u{7}\"}]", "not_json"),
            ("[", "truncated"),
            (r#"[{"productId":1,"stockLe"#, "truncated"),
            (r#"{"rows":[{"sku":"mug","on_hand":1}"#, "truncated"),
            ("5", "shape"),
            ("null", "shape"),
            ("\"[]\"", "shape"),
            ("{}", "shape"),
            (r#"{"rows":{}}"#, "shape"),
            (r#"{"rows":[],"rows":[]}"#, "shape"),
            (r#"{"rows":[],"next":7}"#, "shape"),
            (r#"{"error":"out of order"}"#, "shape"),
            ("[1,2,3,4]", "too_many_rows"),
            (r#"{"rows":[1,2,3,4]}"#, "too_many_rows"),
            (r#"{"rows":[],"unit":"kg"}"#, "unit"),
            (r#"{"rows":[],"as_of":"yesterday"}"#, "as_of"),
            (r#"{"rows":[],"as_of":"2026-11-22T02:00:00"}"#, "as_of"),
            (r#"{"rows":[],"as_of":1795240096}"#, "as_of"),
        ] {
            check(body, wanted);
        }
        let deep = "[".repeat(WAREHOUSE_DEPTH_MAX + 1);
        check(&deep, "too_deep");
        check(&format!("[{{\"sku\":{deep}"), "too_deep");
        let long = "x".repeat(WAREHOUSE_CURSOR_CHARS_MAX + 1);
        check(&format!(r#"{{"rows":[],"next":"{long}"}}"#), "cursor");
    }

    proptest! {
        /// Bytes of any kind, and bytes that begin well.
        #[test]
        fn nothing_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            cut in 0_usize..200,
        ) {
            _ = read(&bytes, 3);
            let good = br#"{"as_of":"2026-11-22T02:00:00Z","unit":"each","next":"p2","rows":[
                {"sku":"mug","location":"main","on_hand":5,"unit":"pcs"},{"productId":7}]}"#;
            let mut spoilt = good[..cut.min(good.len())].to_vec();
            spoilt.extend(&bytes);
            _ = read(&spoilt, 3);
            for (place, byte) in bytes.iter().enumerate() {
                let mut one = good.to_vec();
                one[place % good.len()] = *byte;
                _ = read(&one, 3);
            }
        }

        /// Of what ends early nothing is believed.
        #[test]
        fn no_beginning_is_a_page(rows in prop::collection::vec((1_i64..9, 0_i64..99), 1..9)) {
            let rows = rows.iter().map(|(id, level)| {
                format!(r#"{{"productId":{id},"stockLevel":{level}}}"#)
            });
            let body = format!("[{}]", rows.collect::<Vec<_>>().join(","));
            for end in 0..body.len() {
                prop_assert!(read(&body.as_bytes()[..end], 9).is_err());
            }
            prop_assert!(read(body.as_bytes(), 9).is_ok());
        }
    }
}
