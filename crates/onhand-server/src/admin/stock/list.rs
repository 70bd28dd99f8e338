//! The list of stock, by product, the newest product first. A SKU is found at once; location and
//! low stock are filters that stay in the address.

use maud::{Markup, html};
use onhand_core::ids::LocationId;
use onhand_core::inventory::Level;
use onhand_engine::query::{Page as Rows, StockFilter, StockRow};

use super::super::locations::Places;
use super::super::parts::{Align, Tone, badge, live, nothing, pager, table};
use super::super::site::Page;
use super::super::tabs::tabs;
use super::super::visit::Visit;
use super::{PATH, TABS, link};
use crate::http::catalog::product_ref;
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let places = Places::read(&visit).await?;
    let location_id = places.asked(&visit)?.map(|location| location.id);
    let filter = StockFilter { location_id, below_threshold: visit.query().get("low").is_some() };
    let found = match visit.query().get("sku") {
        Some(text) => find(&visit, text, filter).await?,
        None => visit.reader().stocks(filter, visit.after_row()?, ADMIN_ROWS).await?,
    };
    let body = html! {
        (tabs("Stock", TABS, PATH))
        (filters(&visit, &places, location_id))
        (live("stock", &html! {
            @if found.rows.is_empty() {
                (nothing("No stock is like that.", hint(found.next)))
            } @else { (list(&found.rows, &places)) }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Stock".to_owned(), section: PATH, body })
}

/// What to do where nothing is listed. A page of a filtered list ends after many rows that are not
/// let in.
fn hint(next: Option<i64>) -> &'static str {
    match next {
        Some(_) => "There may be some on the next page.",
        None => "Leave out a filter; stock begins with a product and an adjustment.",
    }
}

/// The stock of one product.
async fn find(visit: &Visit, text: &str, filter: StockFilter) -> Result<Rows<StockRow>, Problem> {
    let nobody = Rows { rows: Vec::new(), next: None };
    let Ok(reference) = product_ref(text) else { return Ok(nobody) };
    let mut rows: Vec<_> = visit.reader().stock(reference, None).await?.into_iter().collect();
    for row in &mut rows {
        row.levels.retain(|level| filter.location_id.is_none_or(|id| id == level.location_id));
    }
    Ok(Rows { rows, ..nobody })
}

fn filters(visit: &Visit, places: &Places, location: Option<LocationId>) -> Markup {
    let query = visit.query();
    html! {
        search {
            form class="filters" method="get" action=(PATH) {
                label { "SKU" input type="search" name="sku"
                    value=(query.get("sku").unwrap_or_default()) placeholder="TEA-1, prd_7"; }
                (places.field(location, Some("all")))
                label { "Low stock only" input type="checkbox" name="low" value="yes"
                    checked[query.get("low").is_some()]; }
                button type="submit" { "Show" }
                a class="button quiet" href=(PATH) { "All" }
            }
        }
    }
}

fn list(rows: &[StockRow], places: &Places) -> Markup {
    let columns = [
        ("SKU", Align::Text),
        ("Name", Align::Text),
        ("Where", Align::Text),
        ("On hand", Align::Number),
        ("Reserved", Align::Number),
        ("Safety stock", Align::Number),
        ("Available", Align::Number),
        ("Low below", Align::Number),
        ("State", Align::Text),
    ];
    let rows: Vec<_> = rows.iter().map(|row| cells(row, places)).collect();
    table("Stock by product", &columns, &rows)
}

fn cells(StockRow { product, levels }: &StockRow, places: &Places) -> Vec<Markup> {
    let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
    let only = match levels.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    vec![
        link(&product.sku),
        html! { (product.name) },
        html! { @match only {
            Some(level) => (places.link(level.location_id)),
            None if levels.is_empty() => "nowhere yet",
            None => { (levels.len()) " locations" },
        } },
        html! { (sum(|level| level.on_hand)) },
        html! { (sum(|level| level.reserved)) },
        html! { (sum(|level| level.safety_stock)) },
        html! { strong { (sum(Level::available)) } },
        html! { @if let Some(level) = only { (level.low_stock_threshold) } },
        state(levels),
    ]
}

/// What is to be said of these levels: what is promised and not there, and what runs low.
pub(super) fn state(levels: &[Level]) -> Markup {
    let missing: i64 = levels.iter().map(|level| level.missing).sum();
    let low = levels.iter().filter(|level| is_low(level)).count();
    html! {
        @if missing > 0 { (badge(&format!("{missing} missing"), Tone::Bad)) " " }
        @if low > 0 && levels.len() == 1 { (badge("low", Tone::Busy)) }
        @if low > 0 && levels.len() > 1 {
            (badge(&format!("low at {low} of {}", levels.len()), Tone::Busy))
        }
        @if missing == 0 && low == 0 && !levels.is_empty() { (badge("enough", Tone::Good)) }
    }
}

/// Whether a level is below its threshold.
pub(super) fn is_low(level: &Level) -> bool {
    level.available() < level.low_stock_threshold
}
