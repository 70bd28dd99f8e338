//! Stock: levels, the ledger behind them, and what can be done with them.

use maud::{Markup, html};
use onhand_core::text::Sku;

use super::parts::encoded;

/// Where it is.
const PATH: &str = "/admin/stock";

/// A link to the stock of a product.
pub(super) fn link(sku: &Sku) -> Markup {
    html! { a href={ (PATH) "/" (encoded(sku.as_str())) } { (sku) } }
}
