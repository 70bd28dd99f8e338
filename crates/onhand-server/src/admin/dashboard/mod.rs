//! The first page: how the shop is doing, and what waits for somebody. What is shown is gathered in
//! `figures.rs`, once for everybody who looks; how it looks is in `cards.rs`. Whoever may not see
//! something is not shown it.

mod cards;
mod figures;
mod span;

use maud::html;
use onhand_core::accounts::Scope;

pub(super) use figures::Board;

use super::parts::live;
use super::site::{Page, Site};
use super::tabs::tabs;
use super::visit::Visit;
use crate::http::problem::Problem;
use span::Span;

const PATH: &str = "/admin";

pub(super) fn pages(site: Site) -> Site {
    site.open_page(PATH, &[], page)
}

async fn page(visit: Visit) -> Result<Page, Problem> {
    let span = match visit.query().get("span") {
        Some(text) => Span::from_name(text).ok_or_else(|| Span::unknown(text))?,
        None => Span::Hour,
    };
    let figures = visit.office().board.figures(visit.app(), span).await?;
    let may = |scope| visit.visitor().may(scope);
    let paths = Span::ALL.map(|span| (span.path(), span.title()));
    let links: Vec<_> = paths.iter().map(|(path, title)| (path.as_str(), *title)).collect();
    let body = html! {
        @if may(Scope::OrdersRead) { (tabs("Time", &links, &span.path())) }
        (live("dashboard", &html! {
            @if may(Scope::OrdersRead) { (cards::trade(&figures)) }
            div class="grid" {
                @if may(Scope::OrdersRead) { (cards::orders(&figures)) }
                @if may(Scope::PaymentsRead) { (cards::money(&figures)) }
                @if may(Scope::StockRead) { (cards::low(&figures)) }
                @if may(Scope::StockRead) { (cards::warehouse(&figures)) }
                @if may(Scope::EventsRead) { (cards::work(&figures)) }
                @if may(Scope::EventsRead) { (cards::proof(&visit.app().verify.state())) }
            }
        }))
    };
    Ok(Page { title: "Dashboard".to_owned(), section: PATH, body })
}
