//! What is promised and, as the warehouse says, not there.

use maud::{Markup, html};
use onhand_core::ids::{LocationId, ProductId};
use onhand_core::warehouse::Shortfall;

use super::super::locations::Places;
use super::super::parts::{Align, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::stock;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::{PATH, SHORTFALLS, TABS, link};
use crate::http::problem::Problem;
use crate::http::warehouse::place;
use crate::limits::ADMIN_ROWS;

/// What that means.
const HINT: &str = "What is promised is there, as far as the warehouse has said.";

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let after: Option<(ProductId, LocationId)> =
        visit.query().get("after").map(|text| place("?after", text)).transpose()?;
    // One more tells whether there are more.
    let mut rows = visit.reader().shortfalls(after, ADMIN_ROWS + 1).await?;
    let has_more = rows.len() > ADMIN_ROWS;
    rows.truncate(ADMIN_ROWS);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|row| format!("{}.{}", row.product_id, row.location_id));
    let places = Places::read(&visit).await?;
    let body = html! {
        (tabs("Warehouse", TABS, SHORTFALLS))
        (live("shortfalls", &html! {
            @if rows.is_empty() {
                (nothing("Nothing is missing.", HINT))
            } @else { (list(&rows, &places)) }
            (pager(&visit, next))
        }))
    };
    Ok(Page { title: "Promised and not there".to_owned(), section: PATH, body })
}

fn list(rows: &[Shortfall], places: &Places) -> Markup {
    let columns = [
        ("Product", Align::Text),
        ("Where", Align::Text),
        ("Units missing", Align::Number),
        ("Since", Align::Text),
        ("Figure of", Align::Text),
        ("Found by", Align::Text),
    ];
    let row = |row: &Shortfall| {
        vec![
            stock::link(&row.sku),
            places.link(row.location_id),
            html! { strong { (row.missing) } },
            instant(row.since),
            instant(row.as_of),
            html! { (link(row.sync_id)) " row " (row.row) },
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    table("Units that are promised and not there", &columns, &rows)
}
