//! Products: what is sold, and for how much. What of it is there is on the pages of stock.

mod detail;
mod forms;
mod list;

use maud::Markup;
use onhand_core::accounts::Scope;
use onhand_core::catalog::Product;

use super::categories;
use super::parts::{Tone, badge};
use super::site::Site;

/// Where they are.
const PATH: &str = "/admin/products";
/// The lists of this section.
pub(super) const TABS: &[(&str, &str)] = &[(PATH, "Products"), (categories::PATH, "Categories")];

pub(super) fn pages(site: Site) -> Site {
    site.page(PATH, Scope::CatalogRead, forms::OF_LIST, list::page).page(
        "/admin/products/{product}",
        Scope::CatalogRead,
        forms::OF_ONE,
        detail::page,
    )
}

/// Whether a product can be ordered.
fn state(product: &Product) -> Markup {
    match product.active {
        true => badge("active", Tone::Good),
        false => badge("not for sale", Tone::Plain),
    }
}
