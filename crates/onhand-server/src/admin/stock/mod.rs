//! Stock: levels, the ledger behind them, and what can be done with them.

mod detail;
mod forms;
mod ledger;
mod levels;
mod list;

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::text::Sku;

use super::locations;
use super::parts::encoded;
use super::site::Site;

/// Where it is.
const PATH: &str = "/admin/stock";
/// The lists of this section.
pub(super) const TABS: &[(&str, &str)] = &[(PATH, "Stock"), (locations::PATH, "Locations")];

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::StockRead, &[], list::page)
        .page("/admin/stock/{sku}", Scope::StockRead, forms::ALL, detail::page)
        .page("/admin/stock/{sku}/ledger", Scope::StockRead, &[], ledger::page)
}

/// A link to the stock of a product.
pub(super) fn link(sku: &Sku) -> Markup {
    html! { a href={ (PATH) "/" (encoded(sku.as_str())) } { (sku) } }
}
