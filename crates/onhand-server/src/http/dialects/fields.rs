//! Bodies of dialects. Their contracts tolerate what `/v1` does not: fields nobody knows, numbers
//! in texts, nothing at all. So a body is first taken apart, and each handler then says what it
//! wants of a field. Numbers keep the digits in which they were written.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::decimal::Decimal;
use crate::http::call::{Call, body_too_deep, malformed, unsupported_media_type};
use crate::http::problem::Problem;
use crate::http::strict::is_deeper_than;
use crate::limits::BODY_DEPTH_MAX;

/// A field of a body, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    /// It was not.
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in its digits.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Fields),
}

/// The fields of an object. Of a name that is there twice, the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields(BTreeMap<String, Sent>);

impl Fields {
    /// Takes the body of a request apart, which must be JSON or nothing.
    ///
    /// # Errors
    /// 415 for anything else; otherwise as [`Self::of_json`].
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        let media_type = call.media_type();
        if call.body().is_empty() || media_type.eq_ignore_ascii_case("application/json") {
            return Self::of_json(call.body());
        }
        Err(unsupported_media_type(media_type))
    }

    /// Takes a JSON object apart; of an empty body, nothing.
    ///
    /// # Errors
    /// 400 where it is none, or is nested too deeply.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, Problem> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        if is_deeper_than(BODY_DEPTH_MAX, body) {
            return Err(body_too_deep());
        }
        let raw: &RawValue = serde_json::from_slice(body)
            .map_err(|error| malformed(format!("the body is not JSON: {error}")))?;
        match Sent::of(raw)? {
            Sent::Object(fields) => Ok(fields),
            Sent::Absent
            | Sent::Null
            | Sent::Bool(_)
            | Sent::Number(_)
            | Sent::Text(_)
            | Sent::List(_) => Err(malformed("the body is no JSON object")),
        }
    }

    /// The fields of a form, or of a query: texts, all of them.
    pub(super) fn of_form(form: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(form);
        Self(pairs.map(|(name, text)| (name.into(), Sent::Text(text.into()))).collect())
    }

    /// What was sent in a field.
    pub(super) fn get(&self, name: &str) -> &Sent {
        self.0.get(name).unwrap_or(&Sent::Absent)
    }
}

impl Sent {
    fn of(raw: &RawValue) -> Result<Self, Problem> {
        let text = raw.get();
        let unread = |error: serde_json::Error| malformed(format!("the body is not JSON: {error}"));
        Ok(match text.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::Text(serde_json::from_str(text).map_err(unread)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(unread)?;
                Self::List(items.into_iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let fields: BTreeMap<String, &RawValue> =
                    serde_json::from_str(text).map_err(unread)?;
                let fields = fields.into_iter().map(|(name, raw)| Ok((name, Self::of(raw)?)));
                Self::Object(Fields(fields.collect::<Result<_, Problem>>()?))
            }
            Some(_) | None => Self::Number(text.to_owned()),
        })
    }

    /// Whether nothing was sent, or `null`.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// Whether it has nothing in it: the same, or an empty text. Zero is something.
    pub(super) fn is_blank(&self) -> bool {
        self.is_nothing() || self.text() == Some("")
    }

    /// The field, or another one where nothing was sent in this one.
    pub(super) fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.is_nothing() { other } else { self }
    }

    /// Whether it counts as missing in contracts that ask whether a field is truthy: absent,
    /// `null`, `false`, an empty text or zero.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::Absent | Self::Null | Self::Bool(false) => true,
            Self::Text(text) => text.is_empty(),
            Self::Number(_) => self.number().is_some_and(Decimal::is_zero),
            Self::Bool(true) | Self::List(_) | Self::Object(_) => false,
        }
    }

    /// The text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent
            | Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::List(_)
            | Self::Object(_) => None,
        }
    }

    /// The number that it is, if it is one and not a text.
    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(digits) => Decimal::parse(digits),
            Self::Absent
            | Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Object(_) => None,
        }
    }

    /// The number that it is, or that is written in its text.
    pub(super) fn number_or_text(&self) -> Option<Decimal> {
        self.text().map_or_else(|| self.number(), Decimal::parse)
    }

    /// The whole number that it is, or that is written in its text.
    pub(super) fn whole(&self) -> Option<i64> {
        self.number_or_text()?.in_units(0).ok()
    }

    /// For telling what was wrong.
    pub(super) fn shown(&self) -> Value {
        match self {
            Self::Absent | Self::Null => Value::Null,
            Self::Bool(is_so) => (*is_so).into(),
            Self::Number(digits) => serde_json::from_str(digits).unwrap_or_default(),
            Self::Text(text) => text.as_str().into(),
            Self::List(_) => "a list".into(),
            Self::Object(_) => "an object".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_apart_with_their_digits() {
        let body = r#"{"price": 19.990000000000000000001, "name": "a\u0041", "n": null, "yes": true,
            "items": [{"quantity": 1e0}], "price": 20.10, "count": "7", "zero": 0.0}"#;
        let fields = Fields::of_json(body.as_bytes()).unwrap();
        assert_eq!(*fields.get("price"), Sent::Number("20.10".into()));
        assert_eq!(fields.get("name").text(), Some("aA"));
        assert_eq!(fields.get("count").whole(), Some(7));
        let Sent::List(items) = fields.get("items") else { panic!("no list") };
        let Sent::Object(item) = &items[0] else { panic!("no object") };
        assert_eq!(item.get("quantity").whole(), Some(1));
        for (name, is_missing) in
            [("n", true), ("zero", true), ("none", true), ("yes", false), ("count", false)]
        {
            assert_eq!(fields.get(name).is_missing(), is_missing, "{name}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(Fields::of_json(b"").unwrap(), Fields::default());
        let deep = "[".repeat(40);
        for body in ["[]", "1", "null", "\"x\"", "{", "{\"a\": }", "{} {}", "\u{feff}{}", &deep] {
            assert_eq!(Fields::of_json(body.as_bytes()).unwrap_err().status, 400, "{body}");
        }
        assert_eq!(Fields::of_json(b"{\"a\": \"\xff\"}").unwrap_err().status, 400);
    }
}
