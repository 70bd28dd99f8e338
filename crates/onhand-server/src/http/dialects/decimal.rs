//! Numbers as clients write them, read exactly: no float in between. JSON's own grammar, in a
//! number or in a text.

use onhand_core::Money;
use onhand_core::money::Currency;

/// Most digits of a number that is looked at; longer ones are too large or too fine for anything.
const DIGITS_MAX: usize = 36;

/// A decimal number: `digits` times ten to the `exponent`, in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: u128,
    exponent: i64,
}

/// Why a number cannot be had in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It has more decimals than there are.
    TooFine,
    /// It is beyond what can be counted.
    TooLarge,
}

impl Decimal {
    /// Reads a number; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let digits = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !digits.clone().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits: String = digits.map(char::from).collect();
        let decimals = i64::try_from(fraction.len()).ok()?;
        let kept = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - kept.len()).ok()?;
        let kept = kept.trim_start_matches('0');
        if kept.is_empty() {
            return Some(Self { is_negative: false, digits: 0, exponent: 0 });
        }
        // What is cut off keeps its place, so that the number stays as large, and as fine.
        let (head, tail) = kept.split_at(kept.len().min(DIGITS_MAX));
        let cut = i64::try_from(tail.len()).ok()?;
        let exponent = exponent.saturating_sub(decimals).saturating_add(zeros);
        let exponent = if exponent < 0 { exponent } else { exponent.saturating_add(cut) };
        Some(Self { is_negative, digits: head.parse().ok()?, exponent })
    }

    /// How often ten to the minus `decimals` goes into it.
    ///
    /// # Errors
    /// [`Misfit`] unless that is a whole number.
    pub(super) fn in_units(self, decimals: u32) -> Result<i64, Misfit> {
        let exponent = self.exponent.saturating_add(i64::from(decimals));
        if exponent < 0 {
            return Err(Misfit::TooFine);
        }
        let scale = u32::try_from(exponent).ok().and_then(|exponent| 10_i128.checked_pow(exponent));
        let digits = i128::try_from(self.digits).ok();
        let units = digits.zip(scale.or((self.digits == 0).then_some(1)));
        let units = units.and_then(|(digits, scale)| digits.checked_mul(scale));
        let units = units.map(|units| if self.is_negative { -units } else { units });
        units.and_then(|units| i64::try_from(units).ok()).ok_or(Misfit::TooLarge)
    }

    /// Whether it is zero.
    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }
}

fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Beyond any number that fits, whichever way.
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -size } else { size })
}

/// An amount as a decimal number, with all the decimals of its currency.
pub(super) fn shown(money: Money) -> String {
    let decimals = money.currency.exponent();
    let (sign, amount) = (if money.amount < 0 { "-" } else { "" }, money.amount.unsigned_abs());
    let scale = 10_u64.pow(decimals);
    if decimals == 0 {
        return format!("{sign}{amount}");
    }
    let width = usize::try_from(decimals).unwrap_or_default();
    format!("{sign}{}.{:0width$}", amount / scale, amount % scale)
}

/// The amount that a decimal number is of a currency.
///
/// # Errors
/// [`Misfit`] with more decimals than the currency has, or beyond what can be counted.
pub(super) fn money(number: Decimal, currency: Currency) -> Result<Money, Misfit> {
    number.in_units(currency.exponent()).map(|amount| Money::new(amount, currency))
}

/// The number of a row as it stands in a path: digits and nothing else.
pub(super) fn in_path(text: &str) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_paths_are_digits() {
        for (text, number) in [
            ("7", Some(7)),
            ("07", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("", None),
            ("-7", None),
            ("+7", None),
            ("7.0", None),
            ("7 ", None),
        ] {
            assert_eq!(in_path(text), number, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, decimals, units) in [
            ("19.99", 2, Ok(1_999)),
            ("19.990", 2, Ok(1_999)),
            ("19.9", 2, Ok(1_990)),
            ("20", 2, Ok(2_000)),
            ("0.07", 2, Ok(7)),
            ("1e3", 0, Ok(1_000)),
            ("1.5e1", 0, Ok(15)),
            ("150e-1", 0, Ok(15)),
            ("5.0", 0, Ok(5)),
            ("-5", 0, Ok(-5)),
            ("-0", 0, Ok(0)),
            ("0e999999999999999999999", 0, Ok(0)),
            ("0.0000", 0, Ok(0)),
            ("4.35", 2, Ok(435)),
            ("90071992547409.93", 2, Ok(9_007_199_254_740_993)),
            ("9223372036854775807", 0, Ok(i64::MAX)),
            ("-9223372036854775808", 0, Ok(i64::MIN)),
            ("9223372036854775808", 0, Err(Misfit::TooLarge)),
            ("1e400", 0, Err(Misfit::TooLarge)),
            ("1e99999999999999999999", 0, Err(Misfit::TooLarge)),
            (
                "123456789012345678901234567890123456789012345678901234567890",
                0,
                Err(Misfit::TooLarge),
            ),
            ("19.999", 2, Err(Misfit::TooFine)),
            ("0.5", 0, Err(Misfit::TooFine)),
            ("1e-400", 2, Err(Misfit::TooFine)),
            (
                "0.123456789012345678901234567890123456789012345678901234567890",
                2,
                Err(Misfit::TooFine),
            ),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().in_units(decimals), units, "{text}");
        }
        for text in ["", "-", "1.", ".5", "+1", "1e", "1e+", "0x1", "1,5", " 1", "NaN", "1.2.3"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, wanted) in [
            (1_999, "INR", "19.99"),
            (5, "INR", "0.05"),
            (2_000, "INR", "20.00"),
            (-1, "INR", "-0.01"),
            (500, "JPY", "500"),
            (1_234, "KWD", "1.234"),
            (i64::MIN, "INR", "-92233720368547758.08"),
        ] {
            assert_eq!(shown(Money::new(amount, currency.parse().unwrap())), wanted);
        }
    }
}
