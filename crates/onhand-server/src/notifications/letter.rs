//! What a mail says, before it is HTML or plain text: one form for both, so that they cannot tell
//! different things.

use onhand_core::Currency;
use onhand_core::orders::Order;

use crate::limits::MAIL_LINES_MAX;

/// A mail as it is said.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    /// The heading, and what the subject begins with.
    pub(super) title: String,
    /// In the first line.
    pub(super) lead: String,
    /// What there is to know, each with its name.
    pub(super) facts: Vec<(&'static str, String)>,
    /// A page to look at.
    pub(super) link: Option<Link>,
    /// What was bought.
    pub(super) table: Option<Table>,
    /// Where it goes, line by line.
    pub(super) address: Vec<String>,
    /// In the last line.
    pub(super) closing: &'static str,
}

/// A page to look at.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// What is there.
    pub(super) label: &'static str,
    /// Where; `http` or `https`.
    pub(super) url: String,
}

/// What was bought.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The first lines.
    pub(super) rows: Vec<Row>,
    /// How many more there are.
    pub(super) more: usize,
    /// The sum of all.
    pub(super) total: String,
}

/// One line of an order.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What it is called.
    pub(super) product: String,
    /// The shop's own name of it.
    pub(super) sku: String,
    /// How many.
    pub(super) quantity: i64,
    /// The price of one.
    pub(super) price: String,
    /// The price of all.
    pub(super) total: String,
}

impl Link {
    /// A link where there is an address of the web, and nothing that a program would run instead.
    pub(super) fn new(label: &'static str, url: &str) -> Option<Self> {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        is_web.then(|| Self { label, url: url.to_owned() })
    }
}

impl Table {
    /// The lines of an order.
    pub(super) fn of(order: &Order) -> Self {
        let rows = order.lines.iter().take(MAIL_LINES_MAX).map(|line| Row {
            product: line.name.to_string(),
            sku: line.sku.to_string(),
            quantity: line.quantity,
            price: money(line.unit_price, order.currency),
            total: money(line.total(), order.currency),
        });
        Self {
            rows: rows.collect(),
            more: order.lines.len().saturating_sub(MAIL_LINES_MAX),
            total: money(order.total, order.currency),
        }
    }
}

/// An amount in the units that people count in: `INR 83999.99`, `JPY 500`. Without marks between
/// thousands, which every country sets elsewhere.
pub(super) fn money(amount: i64, currency: Currency) -> String {
    let places = usize::try_from(currency.exponent()).unwrap_or_default();
    let sign = if amount < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let point = if part.is_empty() { "" } else { "." };
    format!("{currency} {sign}{whole}{point}{part}")
}

/// Text of any length as one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name of the core as people write it: `partially_fulfilled` is `Partially fulfilled`.
pub(super) fn in_words(name: &str) -> String {
    let words = name.replace(['_', ':'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_as_people_count_it() {
        for (amount, currency, wanted) in [
            (8_399_999, "INR", "INR 83999.99"),
            (5, "USD", "USD 0.05"),
            (0, "EUR", "EUR 0.00"),
            (500, "JPY", "JPY 500"),
            (1_234, "KWD", "KWD 1.234"),
            (-105, "USD", "USD -1.05"),
            (i64::MIN, "JPY", "JPY -9223372036854775808"),
        ] {
            assert_eq!(money(amount, currency.parse().unwrap()), wanted);
        }
    }

    #[test]
    fn only_pages_of_the_web_are_linked() {
        assert!(Link::new("x", "https://example.com/a").is_some());
        for wrong in ["javascript:alert(1)", "data:text/html,x", " https://example.com", "//x"] {
            assert!(Link::new("x", wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(in_words("partially_fulfilled"), "Partially fulfilled");
        assert_eq!(in_words("custom:out_of_stock"), "Custom out of stock");
        assert_eq!(in_words(""), "");
        assert_eq!(one_line(" a\r\n b\tc "), "a b c");
    }
}
