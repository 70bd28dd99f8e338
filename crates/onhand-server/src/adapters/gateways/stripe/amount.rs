//! Units. Stripe counts most currencies in the same minor unit as ISO 4217, and some otherwise; an
//! error here is an error by a factor of a hundred. It rounds nothing: what Stripe cannot take is
//! refused before it is asked.

use onhand_core::Money;
use onhand_core::money::Currency;

/// What is wrong with an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AmountError {
    /// Stripe wants the last of three decimals to be 0.
    #[error("Stripe takes amounts of {0} in steps of ten of its smallest units only")]
    LastDigit(Currency),
    /// Stripe wants no decimals.
    #[error("Stripe takes whole amounts of {0} only")]
    Whole(Currency),
    /// Nobody knows by which unit.
    #[error("Stripe does not say clearly in which unit it counts {0}")]
    Unclear(Currency),
    /// Negative, or beyond what we count.
    #[error("not an amount that can be paid")]
    Range,
}

/// How a unit of ours becomes one of Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// It is the same.
    Same,
    /// It is the same, and the last digit is 0.
    Tens,
    /// Stripe counts hundredths of what ISO 4217 does not part.
    Finer,
    /// Stripe counts whole ones of what ISO 4217 parts into hundredths.
    Coarser,
    /// Its documents name UGX among those without decimals, and elsewhere with two. To be wrong
    /// would be to take a hundred times as much.
    Unclear,
}

const HUNDRED: i64 = 100;

fn unit_of(currency: Currency) -> Unit {
    match currency.code() {
        "UGX" => Unit::Unclear,
        "ISK" => Unit::Finer,
        "MGA" => Unit::Coarser,
        _ if currency.exponent() == 3 => Unit::Tens,
        _ => Unit::Same,
    }
}

/// An amount as Stripe counts it.
pub(super) fn to_stripe(money: Money) -> Result<i64, AmountError> {
    let Money { amount, currency } = money;
    if !money.is_price() {
        return Err(AmountError::Range);
    }
    match unit_of(currency) {
        Unit::Same => Ok(amount),
        Unit::Tens if amount % 10 == 0 => Ok(amount),
        Unit::Tens => Err(AmountError::LastDigit(currency)),
        Unit::Finer => amount.checked_mul(HUNDRED).ok_or(AmountError::Range),
        Unit::Coarser if amount % HUNDRED == 0 => Ok(amount / HUNDRED),
        Unit::Coarser => Err(AmountError::Whole(currency)),
        Unit::Unclear => Err(AmountError::Unclear(currency)),
    }
}

/// An amount as we count it. `code` is as Stripe writes it, in small letters.
pub(super) fn from_stripe(amount: i64, code: &str) -> Result<Money, AmountError> {
    if !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(AmountError::Range);
    }
    let currency: Currency = code.to_ascii_uppercase().parse().map_err(|_| AmountError::Range)?;
    let amount = match unit_of(currency) {
        Unit::Same | Unit::Tens => amount,
        Unit::Finer if amount % HUNDRED == 0 => amount / HUNDRED,
        Unit::Finer => return Err(AmountError::Whole(currency)),
        Unit::Coarser => amount.checked_mul(HUNDRED).ok_or(AmountError::Range)?,
        Unit::Unclear => return Err(AmountError::Unclear(currency)),
    };
    let money = Money::new(amount, currency);
    if money.is_price() { Ok(money) } else { Err(AmountError::Range) }
}

#[cfg(test)]
mod tests {
    use onhand_core::limits::AMOUNT_MAX;

    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, code.parse().unwrap())
    }

    #[test]
    fn amounts_go_to_stripe_and_back() {
        fn check(amount: i64, code: &str, wanted: i64) {
            let money = money(amount, code);
            assert_eq!(to_stripe(money), Ok(wanted), "{money:?}");
            assert_eq!(from_stripe(wanted, &code.to_lowercase()), Ok(money), "{money:?}");
        }
        check(0, "INR", 0);
        check(1_999, "USD", 1_999);
        check(AMOUNT_MAX, "EUR", AMOUNT_MAX);
        check(500, "JPY", 500);
        check(5_120, "KWD", 5_120);
        // 5 crowns are written as 500, and 5 ariary as 5 though ISO 4217 has hundredths of them.
        check(5, "ISK", 500);
        check(500, "MGA", 5);
        check(1_045, "HUF", 1_045);
        check(80_045, "TWD", 80_045);
    }

    #[test]
    fn what_stripe_cannot_take_is_not_rounded() {
        let error = |amount, code| to_stripe(money(amount, code)).unwrap_err();
        let currency = |code: &str| code.parse().unwrap();
        for code in ["BHD", "JOD", "KWD", "OMR", "TND"] {
            assert_eq!(error(5_124, code), AmountError::LastDigit(currency(code)));
        }
        assert_eq!(error(501, "MGA"), AmountError::Whole(currency("MGA")));
        assert_eq!(error(5, "UGX"), AmountError::Unclear(currency("UGX")));
        assert_eq!(error(-1, "USD"), AmountError::Range);
        assert_eq!(error(AMOUNT_MAX + 1, "USD"), AmountError::Range);
        assert_eq!(from_stripe(550, "isk"), Err(AmountError::Whole(currency("ISK"))));
        for (amount, code) in [(1, "USD"), (1, "xxx"), (1, ""), (-1, "usd"), (i64::MAX, "mga")] {
            assert_eq!(from_stripe(amount, code), Err(AmountError::Range), "{code}");
        }
    }
}
