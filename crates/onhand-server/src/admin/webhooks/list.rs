//! All webhook endpoints, oldest first, and a form for one more.

use maud::{Markup, html};
use onhand_core::webhooks::Endpoint;

use super::super::form::Filling;
use super::super::parts::{Align, live, maybe_instant, nothing, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, forms, link, state, wanted};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let endpoints = visit.reader().endpoints().await?;
    let columns = [
        ("Endpoint", Align::Text),
        ("State", Align::Text),
        ("Address", Align::Text),
        ("What it is told", Align::Text),
        ("Last reached", Align::Text),
        ("For people", Align::Text),
    ];
    let rows: Vec<_> = endpoints.iter().map(row).collect();
    let body = html! {
        (live("endpoints", &html! {
            @if rows.is_empty() {
                (nothing("Nobody is told what happens.",
                    "Add the address of a program that wants to know: it is sent signed messages."))
            } @else {
                (table("Webhook endpoints, oldest first", &columns, &rows))
            }
        }))
        div class="actions" { (visit.form(&forms::CREATE, &Filling::default())) }
    };
    Ok(Page { title: "Webhooks".to_owned(), section: PATH, body })
}

fn row(endpoint: &Endpoint) -> Vec<Markup> {
    vec![
        link(endpoint.id),
        html! {
            (state(endpoint))
            @if let Some(reason) = &endpoint.disabled_reason { " " span class="small" { (reason) } }
        },
        html! { code { (endpoint.url) } },
        wanted(endpoint),
        maybe_instant(endpoint.succeeded_at),
        html! { (endpoint.description) },
    ]
}
