//! What may not be stored anywhere: numbers of payment cards and the codes on their backs. Who
//! takes payments asks for them on a page of their own; where they turn up in a text of ours
//! somebody has mistaken a field, and the whole installation would have to be guarded like a bank.
//! It looks at texts in which people write what they like, not at those with a form of their own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::{FieldError, Problem};

/// Fewest digits of a card's number.
const DIGITS_MIN: usize = 13;
/// Most digits of a card's number (ISO/IEC 7812).
const DIGITS_MAX: usize = 19;
/// What the code on the back is called.
const CODES: [&str; 7] = ["cvv", "cvv2", "cvc", "cvc2", "csc", "cvn", "securitycode"];
/// What the number itself is called.
const NUMBERS: [&str; 4] = ["cardnumber", "cardno", "creditcard", "debitcard"];

/// Refuses a text that holds what is on a card.
///
/// # Errors
/// 422 with the place, and without the text.
pub fn refuse(pointer: &str, text: &str) -> Result<(), Problem> {
    if has_number(text) || has_code(text) { Err(problem(pointer)) } else { Ok(()) }
}

/// Refuses names and values that hold what is on a card, and names that say that they do.
///
/// # Errors
/// As [`refuse`].
pub fn refuse_in(pointer: &str, texts: &BTreeMap<String, String>) -> Result<(), Problem> {
    for (name, value) in texts {
        let is_digits = value.chars().any(|one| one.is_ascii_digit());
        let plain = plain(name);
        let is_named = CODES.contains(&plain.as_str()) || NUMBERS.contains(&plain.as_str());
        refuse(pointer, name)?;
        if is_named && is_digits {
            return Err(problem(pointer));
        }
        refuse(pointer, value)?;
    }
    Ok(())
}

/// What is answered about a text that holds what is on a card.
pub fn problem(pointer: &str) -> Problem {
    let expected = "expected no card number and no card code: they are for the payment provider's \
                    own page";
    // What was sent is not repeated: the answer may be written to a log.
    let field = FieldError::new(pointer.to_owned(), "card_data", expected.to_owned(), Value::Null);
    Problem::fields(vec![field])
}

/// The letters and digits of a name, in lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a number stands in a text that could be a card's: alone, as it is printed or with a
/// space or hyphen between its digits, of a network that there is, and with a right last digit.
pub(crate) fn has_number(text: &str) -> bool {
    let mut digits = Vec::with_capacity(DIGITS_MAX);
    let mut word = Word::Over;
    let mut characters = text.chars().peekable();
    while let Some(one) = characters.next() {
        let is_joined = characters.peek().is_some_and(char::is_ascii_digit);
        match (one.to_digit(10), word) {
            (Some(digit), Word::Over) => digits.push(digit),
            (Some(_), Word::OfLetters | Word::OfBoth) => word = Word::OfBoth,
            (None, Word::Over) if matches!(one, ' ' | '-') && !digits.is_empty() && is_joined => {}
            // The groups of a UUID are one word.
            (None, Word::OfBoth) if one == '-' => {}
            (None, _) if one.is_alphanumeric() || one == '_' => {
                word = if digits.is_empty() { word.max(Word::OfLetters) } else { Word::OfBoth };
                digits.clear();
            }
            (None, _) if is_number(&digits) => return true,
            (None, _) => {
                digits.clear();
                word = Word::Over;
            }
        }
    }
    is_number(&digits)
}

/// The word with letters in it that a reader is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// None.
    Over,
    /// One that has no digits so far.
    OfLetters,
    /// One that has some.
    OfBoth,
}

fn is_number(digits: &[u32]) -> bool {
    // Networks have numbers that begin so; times in milliseconds begin with a 1.
    let is_of_network = digits.first().is_some_and(|first| (2..=6).contains(first));
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && is_of_network && is_luhn(digits)
}

/// Whether the last digit is the one that the others demand (Luhn).
fn is_luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(at, digit)| match at % 2 {
        0 => *digit,
        _ => digit * 2 % 10 + digit * 2 / 10,
    });
    weighed.sum::<u32>().is_multiple_of(10)
}

/// Whether a text names a card's code and has three or four digits behind it.
fn has_code(text: &str) -> bool {
    let mut words = text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_code = |word: &str| CODES.contains(&word.to_lowercase().as_str());
    let is_short = |word: &str| {
        (3..=4).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut named = false;
    words.any(|word| {
        let found = named && is_short(word);
        named = is_code(word) || (named && word.eq_ignore_ascii_case("is"));
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_refused: bool) {
        let refused = refuse("/payment_method", text);
        assert_eq!(refused.is_err(), is_refused, "{text}");
        if let Err(problem) = refused {
            let shown = format!("{:?}", problem.body(None));
            assert!(!shown.contains(text), "{shown}");
        }
    }

    #[test]
    fn numbers_of_cards_are_refused_however_they_are_written() {
        // The numbers that networks publish for tests.
        for number in [
            "4111111111111111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "6521111111111110",
            "6304000000000000",
            "4000000000000000006",
        ] {
            check(number, true);
            check(&format!("paid with {number}."), true);
            check(&format!("card:{number}\n"), true);
        }
        for text in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "3782 822463 10005",
            "visa 4111 1111 1111 1111 exp 12/29",
            "cvv 123",
            "CVC: 1234",
            "cvv2=123",
            "the CVV is 123",
            "visa-4111111111111111",
            "no. 4, 4111111111111111",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "",
            "cash on delivery",
            "visa ending in 1111",
            "411111******1111",
            "4111111111111112",
            "1700000000000",
            "1763704096120394",
            "pay_4111111111111111x",
            "A4111111111111111",
            "018f3c1e-7b2a-7c44-9d1e-4111111111111111",
            "+91 98765 43210",
            "0000000000000000",
            "411111111111",
            "41111111111111111111",
            "the cvv was right",
            "cvv 12",
            "cvv 12345",
            "order 123",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn metadata_is_looked_at_by_name_and_by_value() {
        for (name, value, is_refused) in [
            ("cart", "7", false),
            ("cvv", "123", true),
            ("Card-Number", "4111 1111 1111 1112", true),
            ("security_code", "1234", true),
            ("cvv", "not asked for", false),
            ("card", "4111111111111111", true),
            ("4111111111111111", "card", true),
            ("card_brand", "visa", false),
            ("postal_code", "560001", false),
        ] {
            let texts = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(refuse_in("/metadata", &texts).is_err(), is_refused, "{name}: {value}");
        }
    }
}
