//! The first page: how the shop is doing, and what waits for somebody.

use maud::html;
use onhand_core::accounts::Scope;

use super::parts::{facts, live};
use super::site::{Page, Site};
use super::visit::Visit;
use crate::http::problem::Problem;

const PATH: &str = "/admin";

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::OrdersRead, &[], page)
}

async fn page(visit: Visit) -> Result<Page, Problem> {
    let position = visit.reader().position().await?;
    let waiting = visit.app().submit.waiting();
    let body = live(
        "dashboard",
        &facts(&[
            ("Events in the log", html! { (position) }),
            ("Commands that wait", html! { (waiting) }),
        ]),
    );
    Ok(Page { title: "Dashboard".to_owned(), section: PATH, body })
}
