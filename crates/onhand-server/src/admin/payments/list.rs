//! The list of payments, those of the newest orders first.

use maud::{Markup, html};
use onhand_core::Money;
use onhand_core::orders::Order;
use onhand_core::payments::{Provider, Status};
use onhand_engine::query::PaymentFilter;

use super::super::orders;
use super::super::parts::{Align, choice, instant, live, money, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, lists, status};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let filter = filter(&visit)?;
    let found = visit.reader().payments(filter, None, visit.after_row()?, ADMIN_ROWS).await?;
    let rows: Vec<_> = found.rows.iter().filter_map(row).collect();
    let columns = [
        ("Order", Align::Text),
        ("Payment", Align::Text),
        ("Order's state", Align::Text),
        ("Gateway", Align::Text),
        ("Due", Align::Number),
        ("Taken", Align::Number),
        ("Gone back", Align::Number),
        ("Placed", Align::Text),
        ("Trouble", Align::Text),
    ];
    let body = html! {
        (lists(PATH))
        (filters(filter))
        (live("payments", &html! {
            @if rows.is_empty() {
                (nothing("No payment is like that.",
                    "They begin with orders that are paid by a gateway; or leave out a filter."))
            } @else {
                (table("Payments, newest order first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Payments".to_owned(), section: PATH, body })
}

fn filter(visit: &Visit) -> Result<PaymentFilter, Problem> {
    let wrong = |pointer, text: &str| {
        Problem::field(pointer, "expected a name out of the list", text.into())
    };
    let mut filter = PaymentFilter::default();
    if let Some(text) = visit.query().get("status") {
        filter.status = Some(Status::from_name(text).ok_or_else(|| wrong("?status", text))?);
    }
    if let Some(text) = visit.query().get("provider") {
        filter.provider = Some(Provider::from_name(text).ok_or_else(|| wrong("?provider", text))?);
    }
    Ok(filter)
}

fn filters(filter: PaymentFilter) -> Markup {
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                @let states = Status::ALL.iter().map(|status| (status.as_str(), status.as_str()));
                (choice(("State", "status"), "all", states,
                    filter.status.map_or("", Status::as_str)))
                @let gateways = Provider::ALL.iter().map(|one| (one.as_str(), one.as_str()));
                (choice(("Gateway", "provider"), "all", gateways,
                    filter.provider.map_or("", Provider::as_str)))
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn row(order: &Order) -> Option<Vec<Markup>> {
    let payment = order.payment.as_ref()?;
    let of = |amount| money(Money::new(amount, order.currency));
    Some(vec![
        orders::link(order.id),
        status(payment.status(order)),
        orders::status(order.status),
        html! { (payment.provider.as_str()) },
        of(order.total),
        of(payment.captured(order.currency)),
        of(payment.refunded(order.currency)),
        instant(order.created_at),
        html! { @if let Some(trouble) = &payment.trouble { (trouble) } },
    ])
}
