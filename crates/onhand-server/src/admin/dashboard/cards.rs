//! How the figures of the dashboard look. A sum of a sample is called one.

use std::collections::BTreeMap;

use maud::{Markup, html};
use onhand_core::orders::{Order, Status};
use onhand_core::{Currency, Money};

use super::super::bars::{Bar, bars};
use super::super::parts::{Align, Tone, badge, card, facts, instant, money as sum, nothing, table};
use super::super::{jobs, orders as order_pages, stock};
use super::figures::{Figures, Many};
use crate::workers::verify::state::Seen;

/// A figure that leads to the list behind it.
fn figure(many: Many, path: &str) -> Markup {
    html! { a href=(path) { (words(many)) } }
}

fn words(many: Many) -> String {
    match many {
        Many { count, or_more: false } => count.to_string(),
        Many { count: 0, or_more: true } => "not known".to_owned(),
        Many { count, or_more: true } => format!("{count} or more"),
    }
}

/// The same, which is good where there is none.
fn alarm(many: Many, path: &str) -> Markup {
    if many.is_none() {
        return badge("none", Tone::Good);
    }
    html! { a class="badge bad" href=(path) { (words(many)) } }
}

/// What was ordered in the span.
pub(super) fn trade(figures: &Figures) -> Markup {
    let placed: u64 = figures.trade.placed.iter().sum();
    let starts = figures.bounds.iter().zip(&figures.trade.placed);
    let shown: Vec<_> = starts
        .map(|(at, placed)| {
            let name = at.to_string();
            let name = name.get(..16).unwrap_or(&name).replace('T', " ");
            Bar { name: format!("{name} UTC"), value: *placed }
        })
        .collect();
    let sums = sums(figures, placed);
    let is_sample = is_sample(figures, placed);
    let about = if is_sample { "about " } else { "" };
    html! {
        section class="card" {
            h2 { "Orders of the last " (figures.span.title()) }
            div class="grid" {
                div { p class="big" { (placed) } p class="small" { "placed" } }
                div {
                    p class="big" { (rate(figures)) }
                    p class="small" { "a second, in the newest part that is over" }
                }
                div {
                    @for revenue in &sums { p class="big" { (about) (sum(*revenue)) } }
                    @if sums.is_empty() { p class="big" { "—" } }
                    p class="small" { "revenue: totals without what was cancelled or ran out" }
                }
            }
            (bars("Orders placed", &shown))
            @if is_sample {
                p class="hint" {
                    "Revenue and states are reckoned from " (figures.trade.sample.len())
                    " orders, spread evenly over all " (placed) "."
                }
            }
        }
    }
}

/// Whether not all orders of the span were looked at.
fn is_sample(figures: &Figures, placed: u64) -> bool {
    u64::try_from(figures.trade.sample.len()).is_ok_and(|looked_at| looked_at < placed)
}

/// Orders a second in the newest part that is over, with two decimals.
fn rate(figures: &Figures) -> String {
    let (_, secs) = figures.span.parts();
    let over = figures.trade.placed.iter().rev().nth(1).copied().unwrap_or(0);
    let hundredths = over.saturating_mul(100) / secs.unsigned_abs().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A sum over the sample as one over all orders of the span.
fn over_all(of_sample: i128, figures: &Figures, placed: u64) -> i64 {
    let looked_at = i128::try_from(figures.trade.sample.len()).unwrap_or(1).max(1);
    i64::try_from(of_sample.saturating_mul(i128::from(placed)) / looked_at).unwrap_or(i64::MAX)
}

/// What was sold, by currency.
fn sums(figures: &Figures, placed: u64) -> Vec<Money> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    let is_sold = |order: &&Order| !matches!(order.status, Status::Cancelled | Status::Expired);
    for order in figures.trade.sample.iter().filter(is_sold) {
        *sums.entry(order.currency).or_default() += i128::from(order.total);
    }
    let whole = |(currency, amount)| Money::new(over_all(amount, figures, placed), currency);
    sums.into_iter().map(whole).collect()
}

/// Where the orders of the span are, and all that wait for something.
pub(super) fn orders(figures: &Figures) -> Markup {
    let placed: u64 = figures.trade.placed.iter().sum();
    let about = if is_sample(figures, placed) { "about " } else { "" };
    let in_state = |status: Status| {
        let count = figures.trade.sample.iter().filter(|order| order.status == status).count();
        over_all(i128::try_from(count).unwrap_or(0), figures, placed)
    };
    let states = Status::ALL.iter().map(|status| (*status, in_state(*status)));
    let rows: Vec<_> = states
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| vec![order_pages::status(status), html! { (about) (count) }])
        .collect();
    let open: Vec<_> = figures
        .open
        .iter()
        .map(|(status, many)| {
            let path = format!("/admin/orders?status={}", status.as_str());
            vec![order_pages::status(*status), figure(*many, &path)]
        })
        .collect();
    let columns = |name| [("State", Align::Text), (name, Align::Number)];
    card(
        "Orders by state",
        &html! {
            (table("All orders that wait for something", &columns("All that wait"), &open))
            @if !rows.is_empty() {
                (table("Where the orders of this time are", &columns("Of this time"), &rows))
            }
        },
    )
}

/// What the proof beside the work has found.
pub(super) fn proof(seen: &Seen) -> Markup {
    let verdict = match seen.is_clean() {
        Some(true) => badge("every promise holds", Tone::Good),
        Some(false) => badge("a promise is broken", Tone::Bad),
        None if seen.is_on => badge("not proved yet", Tone::Busy),
        None => badge("not known here", Tone::Plain),
    };
    let mut known = vec![("Verdict", verdict)];
    if let Some(last) = &seen.last {
        known.push(("Last round ended", instant(last.ended_at)));
        known.push(("Rows looked at", html! { (last.progress.rows) }));
    }
    if let Some(open) = &seen.open {
        known.push(("On its way", html! { "step " (open.step + 1) " of " (open.steps) }));
    }
    html! {
        (card("Proof", &facts(&known)))
        @for broken in seen.broken() {
            div class="alert bad" role="alert" {
                p { strong { (broken.check) ": " (broken.promise) } }
                p {
                    "It does not hold " (broken.violations) " times. Keep the database as it is, "
                    "stop selling what is named, and look into the runbook."
                }
                ul { @for one in &broken.offenders { li { code { (one) } } } }
            }
        }
    }
}

/// Money that waits for somebody.
pub(super) fn money(figures: &Figures) -> Markup {
    card(
        "Payments",
        &facts(&[
            (
                "Given up, wait for somebody",
                alarm(figures.dead_effects, "/admin/payments/effects?state=dead"),
            ),
            (
                "Messages that belong to no order",
                alarm(figures.unmatched, "/admin/payments/unmatched"),
            ),
        ]),
    )
}

/// What is running out.
pub(super) fn low(figures: &Figures) -> Markup {
    let columns =
        [("SKU", Align::Text), ("Available", Align::Number), ("Threshold", Align::Number)];
    let rows: Vec<_> = figures
        .low
        .iter()
        .flat_map(|row| row.levels.iter().map(move |level| (row, level)))
        .filter(|(_, level)| level.available() < level.low_stock_threshold)
        .map(|(row, level)| {
            vec![
                stock::link(&row.product.sku),
                html! { (level.available()) },
                html! { (level.low_stock_threshold) },
            ]
        })
        .collect();
    card(
        "Low stock",
        &html! {
            @if rows.is_empty() {
                (nothing("Nothing is running out.",
                    "Thresholds are set with each product's stock."))
            } @else {
                (table("Products below their threshold", &columns, &rows))
                p class="small" {
                    (words(figures.low_count)) " in all. "
                    a href="/admin/stock?low=yes" { "Show them" }
                }
            }
        },
    )
}

/// Where our figures and the warehouse's differ.
pub(super) fn warehouse(figures: &Figures) -> Markup {
    let mut known = vec![
        ("Runs that wait for a decision", alarm(figures.held_runs, "/admin/warehouse")),
        ("Promised and not there", alarm(figures.shortfalls, "/admin/warehouse")),
    ];
    if let Some(run) = &figures.last_run {
        known.push(("Newest run", badge(run.status.as_str(), Tone::Plain)));
        known.push(("Begun", instant(run.created_at)));
        known.push(("Drift in it, in units", html! { (run.drift_units) }));
    }
    card("Warehouse", &facts(&known))
}

/// What is done beside the requests.
pub(super) fn work(figures: &Figures) -> Markup {
    let behind = |cursor: i64| figures.position.saturating_sub(cursor).max(0);
    let most = figures.consumers.iter().max_by_key(|one| behind(one.cursor));
    let open: u64 = figures.consumers.iter().map(|one| one.open).sum();
    let mut known = vec![
        ("Dead letters", alarm(figures.dead_jobs, "/admin/jobs/list?status=dead")),
        ("Jobs that wait", html! { a href=(jobs::PATH) { (open) } }),
        ("Events in the log", html! { a href="/admin/log" { (figures.position) } }),
        ("Commands that wait", html! { (figures.waiting) }),
    ];
    if let Some(one) = most {
        let words = format!("{} ({})", behind(one.cursor), one.queue);
        known.push(("Events that the slowest queue is behind", html! { (words) }));
    }
    card("Background work", &facts(&known))
}
