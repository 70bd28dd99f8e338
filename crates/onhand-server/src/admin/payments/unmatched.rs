//! Messages of gateways about money that belongs to no order: they wait until their order becomes
//! known. Where money was taken and nobody knows for what, somebody has to look at the gateway.

use maud::{Markup, html};
use onhand_core::Money;
use onhand_core::payments::KeptNotice;

use super::super::parts::{Align, instant, live, money, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, UNMATCHED, lists};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let found = visit.reader().unmatched_notices(visit.after_row()?, ADMIN_ROWS).await?;
    let rows: Vec<_> = found.rows.iter().map(row).collect();
    let columns = [
        ("Received", Align::Text),
        ("Gateway", Align::Text),
        ("What happened there", Align::Text),
        ("Gateway's order", Align::Text),
        ("Gateway's payment", Align::Text),
        ("Taken", Align::Number),
    ];
    let body = html! {
        (lists(UNMATCHED))
        (live("unmatched", &html! {
            @if rows.is_empty() {
                (nothing("No message waits for its order.",
                    "What a gateway tells of an order that nobody knows here would be listed."))
            } @else {
                p class="hint" {
                    "They are taken in by themselves when their order is known. Where it never "
                    "does, look at the gateway whose money it is and give it back there."
                }
                (table("Messages of gateways without an order, newest first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Messages without an order".to_owned(), section: PATH, body })
}

fn row(notice: &KeptNotice) -> Vec<Markup> {
    let attempt = notice.seen.as_ref().and_then(|seen| seen.attempts.first());
    vec![
        instant(notice.received_at),
        html! { (notice.provider.as_str()) },
        html! { code { (notice.kind) } },
        html! { @if let Some(intent) = &notice.intent { code { (intent) } } },
        html! { @if let Some(attempt) = attempt { code { (attempt.id) } } },
        html! {
            @if let Some(attempt) = attempt {
                (money(Money::new(attempt.captured, attempt.amount.currency)))
            }
        },
    ]
}
