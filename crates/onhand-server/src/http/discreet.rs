//! What a refusal repeats of the request that it refuses: what was wrong, and no secret. Whoever is
//! refused knows what they have sent, but their logs have it only from the answer.

use serde_json::Value;

/// What is kept to ourselves where it is part of a name. Cards are asked for by nobody here, and
/// sent all the same.
const SECRETS: [&str; 7] =
    ["password", "token", "secret", "card_number", "cardnumber", "cvv", "cvc"];

/// Whether what goes by this name is kept to ourselves.
fn is_secret(name: &str) -> bool {
    name == "code" || SECRETS.iter().any(|word| name.contains(word))
}

/// What was sent at a place, without secrets in it.
pub(super) fn at(pointer: &str, value: Value) -> Value {
    if pointer.split('/').any(is_secret) { Value::Null } else { without_secrets(value) }
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = fields.into_iter().filter(|(name, _)| !is_secret(name));
            Value::Object(shown.map(|(name, value)| (name, without_secrets(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_secrets).collect()),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}

/// A query without secrets in it.
pub(super) fn query(sent: &str) -> String {
    let show = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => name.to_owned(),
        Some(_) | None => pair.to_owned(),
    };
    sent.split('&').map(show).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_is_repeated_without_secrets() {
        for (pointer, sent, repeated) in [
            ("/quantity", json!(0), json!(0)),
            ("/password", json!("p"), Value::Null),
            ("/new_password", json!("p"), Value::Null),
            ("/refresh_token", json!(["t"]), Value::Null),
            ("/users/0/secret/key", json!("s"), Value::Null),
            ("", json!({"email": "e", "password": "p"}), json!({"email": "e"})),
            ("", json!([{"code": "c", "sku": "s"}]), json!([{"sku": "s"}])),
            ("", json!({"a": {"access_token": 1, "b": null}}), json!({"a": {"b": null}})),
            ("/country_code", json!("IN"), json!("IN")),
            ("/card_number", json!("4111111111111111"), Value::Null),
            ("/payment/cvv2", json!(123), Value::Null),
            (
                "",
                json!({"metadata": {"cvc": "123", "cart": "7"}}),
                json!({"metadata": {"cart": "7"}}),
            ),
        ] {
            assert_eq!(at(pointer, sent), repeated, "{pointer}");
        }
        for (sent, repeated) in [
            ("", ""),
            ("limit=x", "limit=x"),
            ("access_token=t&limit=x", "access_token&limit=x"),
            ("limit=x&code=c", "limit=x&code"),
            ("token", "token"),
        ] {
            assert_eq!(query(sent), repeated);
        }
    }
}
