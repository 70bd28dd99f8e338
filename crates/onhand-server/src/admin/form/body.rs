//! What was typed into a form, as the body of its route.

use onhand_core::Currency;
use serde_json::{Map, Value, json};

use super::{Field, Form, Kind};
use crate::admin::fields::Fields;

/// The body that a form says. What cannot be understood is sent as it is: the route says what is
/// wrong with it, and where.
pub(in crate::admin) fn body_of(form: &Form, fields: &Fields) -> Value {
    let mut body = Value::Object(Map::new());
    for field in form.fields {
        if let Some(value) = value_of(field, fields) {
            place(&mut body, field.name, value);
        }
    }
    (form.complete)(body, fields)
}

fn value_of(field: &Field, fields: &Fields) -> Option<Value> {
    if matches!(field.kind, Kind::Check) {
        return Some(fields.get(field.name).is_some().into());
    }
    let sent = if matches!(field.kind, Kind::Secret) {
        // White space is part of it.
        fields.raw(field.name).filter(|text| !text.is_empty())?
    } else {
        fields.get(field.name)?
    };
    Some(match field.kind {
        Kind::Whole | Kind::Signed => whole(sent),
        Kind::Money => {
            let currency = fields.get(&format!("{}/currency", field.name)).unwrap_or_default();
            money(sent, &currency.to_ascii_uppercase())
        }
        Kind::Instant => instant(sent).into(),
        Kind::Words => sent.split_ascii_whitespace().map(Value::from).collect(),
        Kind::Line(_)
        | Kind::Text(_)
        | Kind::Secret
        | Kind::OneOf(_)
        | Kind::OneOfThese
        | Kind::Given => sent.into(),
        Kind::Check => true.into(),
    })
}

/// A whole number, or the text that is none.
pub(in crate::admin) fn whole(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

/// What a browser says of a date and time, as an instant in UTC.
pub(in crate::admin) fn instant(text: &str) -> String {
    let has_seconds = text.matches(':').count() > 1;
    let has_zone = text.ends_with('Z') || text.contains('+');
    match (has_zone, has_seconds) {
        (true, _) => text.to_owned(),
        (false, true) => format!("{text}Z"),
        (false, false) => format!("{text}:00Z"),
    }
}

/// An amount as people write it, in minor units of its currency; the text where it is none.
fn money(text: &str, currency: &str) -> Value {
    let exponent = currency.parse::<Currency>().map_or(2, |currency| currency.exponent());
    let amount = minor_units(text, exponent).map_or_else(|| text.into(), Value::from);
    json!({ "amount": amount, "currency": currency })
}

fn minor_units(text: &str, exponent: u32) -> Option<i64> {
    let (major, minor) = text.split_once('.').unwrap_or((text, ""));
    let exponent = usize::try_from(exponent).ok()?;
    let are_digits = [major, minor].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !are_digits || major.is_empty() || minor.len() > exponent {
        return None;
    }
    format!("{major}{minor:0<exponent$}").parse().ok()
}

/// Puts a value where a pointer says.
fn place(body: &mut Value, pointer: &str, value: Value) {
    let mut at = body;
    for name in pointer.split('/') {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Object(map) => map.entry(name).or_insert(Value::Null),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => return,
        };
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_money(text: &str, currency: &str, wanted: Value) {
        assert_eq!(money(text, currency)["amount"], wanted, "{text} {currency}");
    }

    #[test]
    fn an_amount_is_read_exactly() {
        check_money("12.5", "INR", 1_250.into());
        check_money("12.50", "INR", 1_250.into());
        check_money("0.07", "INR", 7.into());
        check_money("12", "INR", 1_200.into());
        check_money("500", "JPY", 500.into());
        check_money("1.234", "KWD", 1_234.into());
        for wrong in ["12.505", "1,000", "-1", "1e3", "", ".5", "1.2.3", " 1", "٣"] {
            check_money(wrong, "INR", wrong.into());
        }
        check_money("5.5", "JPY", "5.5".into());
        check_money("99999999999999999999", "INR", "99999999999999999999".into());
    }

    #[test]
    fn fields_become_the_body_of_their_route() {
        const FIELDS: &[Field] = &[
            Field { name: "a/b", label: "", hint: "", kind: Kind::Line(9), is_required: false },
            Field { name: "a/n", label: "", hint: "", kind: Kind::Whole, is_required: false },
            Field { name: "c", label: "", hint: "", kind: Kind::Check, is_required: false },
            Field { name: "t", label: "", hint: "", kind: Kind::Instant, is_required: false },
            Field { name: "w", label: "", hint: "", kind: Kind::Words, is_required: false },
            Field { name: "m", label: "", hint: "", kind: Kind::Money, is_required: false },
        ];
        const FORM: Form = Form { fields: FIELDS, ..Form::PLAIN };
        let sent = [
            ("a/b", " x "),
            ("a/n", "7"),
            ("t", "2026-01-02T03:04"),
            ("w", "a b\nc"),
            ("m", "1"),
            ("m/currency", "eur"),
            ("other", "1"),
        ];
        assert_eq!(
            body_of(&FORM, &sent.into_iter().collect()),
            json!({
                "a": {"b": "x", "n": 7}, "c": false, "t": "2026-01-02T03:04:00Z",
                "w": ["a", "b", "c"], "m": {"amount": 100, "currency": "EUR"}
            })
        );
        let odd = [("a/n", "many"), ("c", "yes")];
        assert_eq!(
            body_of(&FORM, &odd.into_iter().collect()),
            json!({"a": {"n": "many"}, "c": true})
        );
    }
}
