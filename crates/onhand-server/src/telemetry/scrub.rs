//! Takes out of an error what may belong to a person or open a door, before it leaves the machine:
//! what is quoted, e-mail and network addresses, numbers that may be of cards or telephones, and
//! words that look like secrets. It knows no context, so it rather takes too much: what is left
//! says what went wrong and where, and not with whose data.

use crate::limits::SCRUBBED_CHARS_MAX;

/// Longest word that is shown whole: a longer one with digits in it may be a token.
const WORD_CHARS_MAX: usize = 24;
/// Digits of a card's number, and of a telephone's, at the least and most.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 9..=15;
/// Fields of which nothing is shown, whatever is in them.
const PRIVATE: [&str; 19] = [
    "address",
    "authorization",
    "body",
    "card",
    "city",
    "cookie",
    "customer",
    "dsn",
    "email",
    "key",
    "name",
    "password",
    "phone",
    "postal_code",
    "secret",
    "street",
    "token",
    "user",
    "zip",
];
/// What tokens and keys begin with, ours and those of others.
const SECRET_STARTS: [&str; 8] = ["onk_", "whsec_", "sk_", "pk_", "rk_", "rzp_", "eyJ", "Bearer"];

/// Whether nothing of a field is to be shown.
pub fn is_private(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    let last = field.rsplit('.').next().unwrap_or(&field);
    PRIVATE.contains(&last) || PRIVATE.iter().any(|name| last.ends_with(&format!("_{name}")))
}

/// A text as it may be shown.
pub fn text(text: &str) -> String {
    let text: String = text.chars().take(SCRUBBED_CHARS_MAX).collect();
    let text = unquoted(&text);
    let text = without_numbers(&text);
    let mut shown = String::with_capacity(text.len());
    let mut is_secret_next = false;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let end = &word[bare.len()..];
        shown.push_str(&if is_secret_next { "[secret]".to_owned() } else { self::word(bare) });
        shown.push_str(end);
        is_secret_next = bare.trim_end_matches(':').eq_ignore_ascii_case("bearer");
    }
    shown
}

/// Without what stands in quotation marks. In backticks we quote names of our own, too: those stay.
fn unquoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '`', '“']) {
        let (before, quoted) = rest.split_at(at);
        shown.push_str(before);
        let mark = quoted.chars().next().unwrap_or('"');
        let inner = &quoted[mark.len_utf8()..];
        let close = if mark == '“' { '”' } else { mark };
        let Some(length) = end_of_quote(inner, close) else {
            // It is open to the end.
            shown.push_str("[text]");
            return shown;
        };
        let is_name =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-:/ ".contains(c);
        let said = &inner[..length];
        if mark == '`' && said.len() <= WORD_CHARS_MAX && said.chars().all(is_name) {
            shown.push('`');
            shown.push_str(said);
            shown.push('`');
        } else {
            shown.push_str("[text]");
        }
        rest = &inner[length + close.len_utf8()..];
    }
    shown.push_str(rest);
    shown
}

/// Where a quotation ends; a mark behind a backslash does not end it.
fn end_of_quote(inner: &str, close: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        if c == close && !is_escaped {
            return Some(at);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// Without long numbers, also where spaces or dashes part their digits.
fn without_numbers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit() || c == '+') {
        let (before, number) = rest.split_at(at);
        shown.push_str(before);
        let is_part = |c: char| c.is_ascii_digit() || " -().+".contains(c);
        let length = number.find(|c| !is_part(c)).unwrap_or(number.len());
        let said = number[..length].trim_end_matches(|c: char| !c.is_ascii_digit());
        let said = if said.is_empty() { &number[..1] } else { said };
        let digits: Vec<u32> = said.chars().filter_map(|c| c.to_digit(10)).collect();
        let is_word = before.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if CARD_DIGITS.contains(&digits.len()) && is_luhn(&digits) {
            shown.push_str("[card]");
        } else if !is_word && said.starts_with('+') && PHONE_DIGITS.contains(&digits.len()) {
            shown.push_str("[phone]");
        } else {
            shown.push_str(said);
        }
        rest = &number[said.len()..];
    }
    shown.push_str(rest);
    shown
}

fn is_luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 1 { doubled(*digit) } else { *digit })
        .sum();
    sum.is_multiple_of(10)
}

/// One word without what may be somebody's.
fn word(word: &str) -> String {
    let is_mark = |c: char| !c.is_alphanumeric();
    let bare = word.trim_matches(is_mark);
    let replaced = |shown: &str| word.replacen(bare, shown, 1);
    if bare.contains('@') {
        return replaced(if bare.contains("://") { "[url]" } else { "[email]" });
    }
    if bare.contains("://") {
        // What follows the host may name somebody, and the receiver may know us by it.
        let end = bare.match_indices('/').nth(2).map_or(bare.len(), |(at, _)| at);
        return replaced(&bare[..end]);
    }
    if let Some((name, value)) = bare.split_once(['=', ':']).filter(|(name, _)| is_private(name))
        && !value.is_empty()
    {
        return replaced(&format!("{name}=[private]"));
    }
    let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
    let is_address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    if is_address(bare) || is_address(host.trim_matches(['[', ']'])) {
        return replaced("[ip]");
    }
    let has_digit = bare.chars().any(|c| c.is_ascii_digit());
    let is_long = bare.len() > WORD_CHARS_MAX && has_digit && !bare.contains("::");
    let is_token =
        SECRET_STARTS.iter().any(|start| bare.len() > start.len() + 8 && bare.starts_with(start));
    if is_long && !bare.contains(['/', '(']) || is_token {
        return replaced("[secret]");
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_somebodys_is_taken_out_and_what_went_wrong_stays() {
        for (said, shown) in [
            ("ord_42: the graph has no arrow", "ord_42: the graph has no arrow"),
            (
                "job_7 of mail: tried 3 times, status 550",
                "job_7 of mail: tried 3 times, status 550",
            ),
            ("expected `product_id`", "expected `product_id`"),
            ("no mail to ada@example.com, 550", "no mail to [email], 550"),
            ("<Ada.Lovelace+x@mail.example.co.uk>:", "<[email]>:"),
            ("card 4111 1111 1111 1111 refused", "card [card] refused"),
            ("card 4111-1111-1111-1111.", "card [card]."),
            ("card 378282246310005", "card [card]"),
            ("event 1234567890123 is missing", "event 1234567890123 is missing"),
            ("call +49 (30) 1234-5678 now", "call [phone] now"),
            ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer [secret]"),
            ("key onk_live_3f9a8b7c6d5e4f3a", "key [secret]"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x0y", "jwt [secret]"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[secret]"),
            ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "[secret]"),
            (
                r#"invalid value: string "221B Baker Street", expected"#,
                "invalid value: string [text], expected",
            ),
            (
                r#"Address { street: "Main \"St\" 5", zip: "10115" }"#,
                "Address { street: [text], zip: [text] }",
            ),
            ("city `Ada Lovelace` is wrong", "city [text] is wrong"),
            (r#"it is open: "no end ada@example.com"#, "it is open: [text]"),
            ("connect to 203.0.113.7:5432 failed", "connect to [ip] failed"),
            ("connect to [2001:db8::1]:5432 failed", "connect to [[ip] failed"),
            ("postgresql://ada:pw@db.example/shop is away", "[url] is away"),
            ("GET https://hooks.example/T0/secret?x=1 failed", "GET https://hooks.example failed"),
            ("password=hunter2 email:none", "password=[private] email=[private]"),
            ("onhand_server::workers::jobs::runner", "onhand_server::workers::jobs::runner"),
        ] {
            assert_eq!(text(said), shown, "{said}");
        }
        for private in ["password", "customer_email", "User", "shipping.address", "api_key"] {
            assert!(is_private(private), "{private}");
        }
        for open in ["job", "check", "violations", "queue", "error", "status"] {
            assert!(!is_private(open), "{open}");
        }
    }

    #[test]
    fn nothing_makes_it_fail() {
        for odd in
            ["", "+", "\"", "``", "“”", "@", "://", "=", "é+é1@", "\\\"", "1 ", "+-+", "`\u{0}`"]
        {
            let _ = text(odd);
        }
        assert!(text(&"a".repeat(100_000)).len() <= SCRUBBED_CHARS_MAX);
    }
}
