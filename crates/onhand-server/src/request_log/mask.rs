//! What of a path may be written down. Whoever calls can put anything into one: an address, a card,
//! a token that was meant for a header. What is not plainly the name of an object is left out; the
//! query always is.

use crate::http::cards;

/// Stands for what is left out.
pub(super) const MASK: &str = "***";
/// Longest part of a path that is a name.
const NAME_CHARS_MAX: usize = 64;
/// From so many characters on letters and digits without a sign between them may be a secret: the
/// shortest of ours is longer.
const SECRET_CHARS: usize = 24;
/// What secrets begin with, ours and those of others that may be sent here.
const SECRETS: [&str; 9] =
    ["onk_", "onr_", "eyj", "sk_", "rzp_", "whsec_", "bearer", "basic", "ghp_"];
/// Longest path that is written down.
const PATH_CHARS_MAX: usize = 512;

/// The path as it may be written down. `route` is its template, if it has one: what is said there
/// is ours.
pub(super) fn path(path: &str, route: Option<&str>) -> String {
    let mut shown = String::with_capacity(path.len().min(PATH_CHARS_MAX));
    let mut template = route.unwrap_or_default().split('/');
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            shown.push('/');
        }
        let is_ours = template.next() == Some(part);
        shown.push_str(if is_ours || is_name(part) { part } else { MASK });
        if shown.len() > PATH_CHARS_MAX {
            shown.push_str(MASK);
            break;
        }
    }
    shown
}

/// An id that a client has sent, as it may be written down.
pub(super) fn id(id: &str) -> &str {
    let is_plain = |one: u8| one.is_ascii_alphanumeric() || b"-_.:".contains(&one);
    let is_shown = id.bytes().all(is_plain) && !is_secret(id) && !cards::has_number(id);
    if is_shown { id } else { MASK }
}

/// Whether a part of a path is a name: a number, an id of ours, an SKU.
fn is_name(part: &str) -> bool {
    let is_plain = |one: u8| one.is_ascii_alphanumeric() || b"-_.~:".contains(&one);
    part.len() <= NAME_CHARS_MAX
        && part.bytes().all(is_plain)
        && !is_secret(part)
        && !is_long_word(part)
        && !cards::has_number(part)
}

fn is_secret(text: &str) -> bool {
    let begins =
        |start: &str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    SECRETS.into_iter().any(begins)
}

/// Whether it has a long run of letters and digits with nothing between: no name of ours has.
fn is_long_word(text: &str) -> bool {
    let words = text.split(|one: char| !one.is_ascii_alphanumeric());
    words.map(str::len).max().unwrap_or_default() >= SECRET_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &str, route: Option<&str>, wanted: &str) {
        assert_eq!(path(sent, route), wanted, "{sent}");
    }

    #[test]
    fn names_of_objects_are_shown() {
        check("/v1/orders/ord_42", Some("/v1/orders/{id}"), "/v1/orders/ord_42");
        check("/v1/stock/smart-phone_2.0", None, "/v1/stock/smart-phone_2.0");
        let uuid = "/order/0190f5c2-7c1e-7000-8000-000000000001";
        check(uuid, None, uuid);
        check("/", None, "/");
        check("/docs/", None, "/docs/");
    }

    #[test]
    fn what_may_be_a_person_a_card_or_a_secret_is_not() {
        for part in [
            "ann@shop.example",
            "ann%40shop.example",
            "4111111111111111",
            "4111-1111-1111-1111",
            "onk_c2VjcmV0_12",
            "eyJhbGciOiJIUzI1NiJ9.e30.x",
            "sk_live_1",
            "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6",
            "%0a%1b[31m",
            "Anna%20Blum",
            "\u{f6}\u{e4}",
        ] {
            check(&format!("/v1/users/{part}/x"), None, "/v1/users/***/x");
            check(&format!("/v1/users/{part}"), Some("/v1/users/{id}"), "/v1/users/***");
        }
    }

    #[test]
    fn a_path_is_as_long_as_a_line_may_be() {
        let long = "/a".repeat(4_000);
        assert!(path(&long, None).len() <= PATH_CHARS_MAX + 2 * MASK.len());
        check(&"a".repeat(65), None, MASK);
    }

    #[test]
    fn ids_of_clients_are_shown_where_they_are_plain() {
        for plain in ["0190f5c27c1e70008000000000000001", "job-7", "a:b.c_d"] {
            assert_eq!(id(plain), plain);
        }
        for odd in ["ann@shop.example", "onk_x", "4111111111111111", "a\"b", "a\u{1b}[0m"] {
            assert_eq!(id(odd), MASK, "{odd}");
        }
    }
}
