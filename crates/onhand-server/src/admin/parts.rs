//! The pieces that pages are made of: tables, badges, sums of money, instants, links to the next
//! page. They show what they are given, escaped by the library, and know nothing of where it comes
//! from.

use std::fmt::Display;

use maud::{Markup, html};
use onhand_core::{Money, Timestamp};

use super::visit::Visit;

/// An instant, in UTC and to the second; to the microsecond for who points at it.
pub(super) fn instant(at: Timestamp) -> Markup {
    let whole = at.to_string();
    let short = whole.get(..19).unwrap_or(&whole).replace('T', " ");
    html! { time datetime=(whole) title=(whole) { (short) } }
}

/// An instant that may not be there.
pub(super) fn maybe_instant(at: Option<Timestamp>) -> Markup {
    match at {
        Some(at) => instant(at),
        None => html! { "—" },
    }
}

/// A sum, in the decimals of its currency.
pub(super) fn money(money: Money) -> Markup {
    html! { span class="number" { (decimal(money)) " " (money.currency) } }
}

/// The digits of a sum.
pub(super) fn decimal(money: Money) -> String {
    let places = usize::try_from(money.currency.exponent()).unwrap_or_default();
    let sign = if money.amount < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", money.amount.unsigned_abs(), width = places + 1);
    let (major, minor) = digits.split_at(digits.len() - places);
    if minor.is_empty() { format!("{sign}{major}") } else { format!("{sign}{major}.{minor}") }
}

/// How something is, by its colour and its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Busy,
    Bad,
    Plain,
}

/// A state.
pub(super) fn badge(word: &str, tone: Tone) -> Markup {
    let class = match tone {
        Tone::Good => "badge good",
        Tone::Busy => "badge busy",
        Tone::Bad => "badge bad",
        Tone::Plain => "badge",
    };
    html! { span class=(class) { (word.replace('_', " ")) } }
}

/// A column of a table.
pub(super) type Column = (&'static str, Align);

/// To which side the cells of a column go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Text,
    Number,
}

/// A table, which scrolls by itself on a narrow screen.
pub(super) fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    let class = |align| (align == Align::Number).then_some("number");
    html! {
        div class="table" tabindex="0" role="region" aria-label=(caption) {
            table {
                caption class="unseen" { (caption) }
                thead { tr {
                    @for (name, align) in columns {
                        th scope="col" class=[class(*align)] { (name) }
                    }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, (_, align)) in row.iter().zip(columns) {
                                td class=[class(*align)] { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is said where there is nothing to list, and what would put something there.
pub(super) fn nothing(what: &str, hint: &str) -> Markup {
    html! { div class="empty" { p { strong { (what) } } p { (hint) } } }
}

/// Facts by name.
pub(super) fn facts(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="facts" { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } }
    }
}

/// A choice among the filters of a list: values and what they are called; `none` is chosen where
/// no value is.
pub(super) fn choice<'a>(
    (label, name): (&str, &str),
    none: &str,
    choices: impl IntoIterator<Item = (&'a str, &'a str)>,
    chosen: &str,
) -> Markup {
    html! {
        label {
            (label)
            select name=(name) {
                option value="" { (none) }
                @for (value, words) in choices {
                    option value=(value) selected[value == chosen] { (words.replace('_', " ")) }
                }
            }
        }
    }
}

/// Links to the next page of a list and back to its first, with the filters that are set.
pub(super) fn pager(visit: &Visit, next: Option<impl Display>) -> Markup {
    let kept = visit.query().to_query(&["after", "done"]);
    let and = if kept.is_empty() { "" } else { "&" };
    let is_further = visit.query().get("after").is_some();
    html! {
        @if is_further || next.is_some() {
            nav class="pager" aria-label="Pages" {
                @if is_further { a href={ (visit.path()) "?" (kept) } { "First page" } }
                @if let Some(next) = next {
                    @let next = encoded(&next.to_string());
                    a rel="next" href={ (visit.path()) "?" (kept) (and) "after=" (next) } {
                        "Next page"
                    }
                }
            }
        }
    }
}

/// A part of a page with a heading.
pub(super) fn card(title: &str, body: &Markup) -> Markup {
    html! { section class="card" { h2 { (title) } (body) } }
}

/// A part of a page that is kept up to date while the page is open.
pub(super) fn live(id: &str, body: &Markup) -> Markup {
    html! { div id=(id) data-live="" { (body) } }
}

/// Text as part of a path.
pub(super) fn encoded(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(amount: i64, currency: &str, wanted: &str) {
        assert_eq!(decimal(Money::new(amount, currency.parse().unwrap())), wanted);
    }

    #[test]
    fn a_sum_is_shown_in_the_decimals_of_its_currency() {
        check(0, "INR", "0.00");
        check(7, "INR", "0.07");
        check(1_250, "INR", "12.50");
        check(-1_250, "INR", "-12.50");
        check(-7, "INR", "-0.07");
        check(500, "JPY", "500");
        check(1_234, "KWD", "1.234");
        check(i64::MIN, "INR", "-92233720368547758.08");
    }

    #[test]
    fn text_is_encoded_as_one_part_of_a_path() {
        assert_eq!(encoded("a/b c?d#e%ü"), "a%2Fb%20c%3Fd%23e%25%C3%BC");
        assert_eq!(encoded("TEA-1_x.~"), "TEA-1_x.~");
    }
}
