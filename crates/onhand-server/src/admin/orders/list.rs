//! The list of orders, newest first, with filters that stay in the address. What is typed into the
//! search box is taken for what it looks like: an order's id or number, a payment's id at its
//! gateway, a name in another system.

use maud::{Markup, html};
use onhand_core::Money;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::OrderId;
use onhand_core::orders::{Order, Status};
use onhand_core::payments::Provider;
use onhand_core::text::{GatewayId, Reference, Sku};
use onhand_engine::query::{OrderFilter, Page as Rows};

use super::super::fields::Fields;
use super::super::form::instant as to_instant;
use super::super::parts::{Align, choice, instant, live, money, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, link, status};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let found = match visit.query().get("search") {
        Some(text) => find(&visit, text).await?,
        None => match filter(&visit).await? {
            Some(filter) => visit.reader().orders(filter, visit.after_row()?, ADMIN_ROWS).await?,
            None => Rows { rows: Vec::new(), next: None },
        },
    };
    let body = html! {
        (filters(visit.query()))
        (live("orders", &html! {
            @if found.rows.is_empty() {
                (nothing("No order is like that.",
                    "Orders come by POST /v1/orders, or leave out a filter."))
            } @else { (list(&found.rows)) }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Orders".to_owned(), section: PATH, body })
}

/// What a text looks like, of which there is one.
async fn find(visit: &Visit, text: &str) -> Result<Rows<Order>, Problem> {
    let mut rows = Vec::new();
    let id = text.parse::<OrderId>().ok();
    let id = id.or_else(|| text.parse().ok().and_then(OrderId::new));
    if let Some(id) = id {
        rows.extend(visit.reader().order(id, None).await?);
    }
    if let Ok(gateway_id) = GatewayId::new(text) {
        for provider in Provider::ALL {
            let found = visit.reader().order_of_gateway_id(*provider, gateway_id.clone(), None);
            rows.extend(found.await?);
        }
    }
    if let Ok(reference) = Reference::new(text) {
        let filter = OrderFilter { external_reference: Some(reference), ..OrderFilter::default() };
        rows.extend(visit.reader().orders(filter, None, 1).await?.rows);
    }
    rows.dedup_by_key(|order| order.id);
    Ok(Rows { rows, next: None })
}

/// What the filters say; none where nothing can be like that.
async fn filter(visit: &Visit) -> Result<Option<OrderFilter>, Problem> {
    let query = visit.query();
    let mut filter = OrderFilter::default();
    if let Some(text) = query.get("status") {
        filter.status = Some(read("?status", text, Status::from_name(text))?);
    }
    if let Some(text) = query.get("customer") {
        filter.customer_id = Some(read("?customer", text, text.parse().ok())?);
    }
    if let Some(text) = query.get("from") {
        filter.created_from = Some(read("?from", text, to_instant(text).parse().ok())?);
    }
    if let Some(text) = query.get("before") {
        filter.created_before = Some(read("?before", text, to_instant(text).parse().ok())?);
    }
    if let Some(text) = query.get("sku") {
        let Ok(sku) = Sku::new(text) else { return Ok(None) };
        match visit.reader().product(ProductRef::Sku(sku)).await? {
            Some(product) => filter.product_id = Some(product.id),
            None => return Ok(None),
        }
    }
    Ok(Some(filter))
}

fn read<T>(pointer: &str, text: &str, value: Option<T>) -> Result<T, Problem> {
    let expected = match pointer {
        "?status" => "expected a state out of the list",
        "?customer" => "expected a customer's id, like cus_5",
        _ => "expected a date and time, like 2026-11-21T09:30",
    };
    value.ok_or_else(|| Problem::field(pointer, expected, text.into()))
}

fn filters(query: &Fields) -> Markup {
    let value = |name| query.get(name).unwrap_or_default();
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                label { "Find" input type="search" name="search" value=(value("search"))
                    placeholder="ord_42, pay_…, your reference"; }
                @let states = Status::ALL.iter().map(|status| (status.as_str(), status.as_str()));
                (choice(("State", "status"), "all", states, value("status")))
                label { "SKU" input type="text" name="sku" value=(value("sku")) size="12"; }
                label { "Customer"
                    input type="text" name="customer" value=(value("customer")) size="8"; }
                label { "From (UTC)"
                    input type="datetime-local" name="from" value=(value("from")); }
                label { "Before (UTC)"
                    input type="datetime-local" name="before" value=(value("before")); }
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn list(orders: &[Order]) -> Markup {
    let columns = [
        ("Order", Align::Text),
        ("State", Align::Text),
        ("Placed", Align::Text),
        ("Customer", Align::Text),
        ("What", Align::Text),
        ("Total", Align::Number),
        ("Payment", Align::Text),
        ("Reference", Align::Text),
    ];
    let rows: Vec<_> = orders.iter().map(row).collect();
    table("Orders, newest first", &columns, &rows)
}

fn row(order: &Order) -> Vec<Markup> {
    let what = match order.lines.as_slice() {
        [] => "an amount".to_owned(),
        [one] => format!("{} × {}", one.quantity, one.sku),
        [first, rest @ ..] => format!("{} × {} and {} more", first.quantity, first.sku, rest.len()),
    };
    let payment = order.payment.as_ref().map(|payment| payment.status(order));
    let customer = order.customer_id.map(|id| id.to_string());
    let reference = order.external_reference.as_ref().map(Reference::as_str);
    vec![
        link(order.id),
        status(order.status),
        instant(order.created_at),
        html! { (customer.unwrap_or_default()) },
        html! { (what) },
        money(Money::new(order.total, order.currency)),
        html! { @if let Some(payment) = payment { (super::super::payments::status(payment)) } },
        html! { (reference.unwrap_or_default()) },
    ]
}
